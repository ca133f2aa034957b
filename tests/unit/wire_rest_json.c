// SPDX-License-Identifier: Apache-2.0
/* Cases for the rest-json protocol: what differs from rest-xml. */
#include "wire_case.h"

#include "sample_rest_json.api.h"

static const struct wire_label labels[] = {{S_INIT("Bucket"), S_INIT("b")},
                                           {S_INIT("Key"), S_INIT("k")}};

TEST(a_member_is_taken_from_its_own_place_only)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_json_service, S("PutAt"));
    struct sample_rest_json_put_at_in *in = case_input(c);
    struct wire_request request = {
        .query = S("limit=3"),
        .labels = labels,
        .label_count = ARRAY_LEN(labels),
        .body = S("{\"Text\":\"t\",\"limit\":9,\"Bucket\":\"other\",\"Inner\":{\"Name\":\"n\"}}"),
    };
    CHECK(wire_decode(c, &request, in) == OK);
    CHECK_SPAN(in->bucket, S("b"));
    CHECK_INT(in->limit, 3);
    CHECK_SPAN(in->text, S("t"));
    CHECK_SPAN(in->inner->name, S("n"));
    case_end(&it);
}

TEST(wrong_words_are_serialization_errors)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_json_service, S("PutAt"));
    CHECK_SPAN(decoded(c, &(struct wire_request){.query = S("limit=x")}),
               S("SerializationException: STRING_VALUE can not be converted to an Integer"));
    case_end(&it);
}

TEST(a_payload_is_json)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_json_service, S("PutConfig"));
    struct sample_rest_json_put_config_in *in = case_input(c);
    struct wire_reply reply;
    CHECK(wire_decode(c, &(struct wire_request){.body = S("{\"ID\":\"1\"}")}, in) == OK);
    CHECK_SPAN(in->payload_in_out.config->id, S("1"));
    wire_encode(c, in, &reply);
    CHECK_SPAN(reply.body, S("{\"ID\":\"1\"}"));
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("application/json"));
    case_end(&it);
}

TEST(only_body_members_are_printed)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_json_service, S("PutAt"));
    struct sample_rest_json_put_at_out out = {.kind = S("k"), .text = S("t")};
    struct wire_reply reply;
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply.body, S("{\"Text\":\"t\"}"));
    CHECK_SPAN(reply_header_of(&reply, S("x-kind")), S("k"));
    CHECK_INT(reply.status, 201);
    case_end(&it);
}

static const struct error_kind fault = {"Fault", NULL, 404};
static const struct error_kind conflict = {"Conflict", NULL, 409};

TEST(errors_are_named_by_a_header)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_json_service, S("PutAt"));
    struct wire_reply reply;
    wire_encode_refusal(c, refuse(c, &fault, "gone"), &reply);
    CHECK_INT(reply.status, 404);
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-errortype")), S("Fault"));
    CHECK_SPAN(reply.body, S("{\"Message\":\"gone\",\"ErrorCode\":\"Fault\"}"));
    wire_encode_refusal(c, refuse(c, &conflict, "busy"), &reply);
    CHECK_SPAN(reply.body, S("{\"Message\":\"busy\",\"Type\":\"User\"}"));
    case_end(&it);
}
