// SPDX-License-Identifier: Apache-2.0
/* Cases for EC2's protocol: what differs from the query protocol. */
#include "wire_case.h"

#include "sample_ec2.api.h"

static const struct {
    const char *form, *want;
} forms[] = {
    {"StringValue=a", "{\"stringValue\":\"a\"}"},
    {"TheInt=5", "{\"anInt\":5}"},
    {"ListSet.1=a&ListSet.2=b", "{\"listSet\":[\"a\",\"b\"]}"},
    {"ListSet.20=b&ListSet.3=a", "{\"listSet\":[\"a\",\"b\"]}"},
    {"Nested.Children.1.Name=x&Nested.Children.2.Children.1.Name=y",
     "{\"Nested\":{\"Children\":[{\"Name\":\"x\"},{\"Children\":[{\"Name\":\"y\"}]}]}}"},
    {"Int=x&TheInt=x",
     "InvalidParameterValue: Value (x) for parameter TheInt is invalid. Expected: "
     "Integer"},
};

TEST(names_are_capitalised_and_lists_flat)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_ec2_service, S("Put"));
        struct span have = decoded(c, &(struct wire_request){.body = span_of_cstr(forms[i].form)});
        if (!span_eq(have, span_of_cstr(forms[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", forms[i].form, SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(replies_have_the_request_id_first)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_ec2_service, S("Put"));
    struct span list[] = {S("a")};
    struct sample_ec2_put_out out = {.everything = {.string = S("s"), .list = {list, 1}}};
    struct wire_reply reply;
    SET(&out.everything, time, 1732280405000);
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply.body,
               S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PutResponse "
                 "xmlns=\"http://sample.example.com/doc/2026-01-01\"><requestId>req-1</requestId>"
                 "<stringValue>s</stringValue><Time>2024-11-22T13:00:05.000Z</Time><listSet><item>a"
                 "</item></listSet></PutResponse>"));
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("text/xml;charset=UTF-8"));
    case_end(&it);
}

static const struct error_kind not_found = {"InvalidThing.NotFound", NULL, 400};

TEST(errors_are_listed)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_ec2_service, S("Put"));
    struct wire_reply reply;
    wire_encode_refusal(c, refuse(c, &not_found, "no"), &reply);
    CHECK_SPAN(reply.body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>"
                             "<Code>InvalidThing.NotFound</Code><Message>no</Message></Error>"
                             "</Errors><RequestID>req-1</RequestID></Response>"));
    case_end(&it);
}
