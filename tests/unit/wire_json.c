// SPDX-License-Identifier: Apache-2.0
/* Cases for the JSON protocols: every kind in, every kind out, what is refused and how. */
#include "wire_case.h"

#include "sample_json.api.h"

struct json_case {
    const char *sent, *want;
};

static void check_cases(const struct service *service, const struct json_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, service, S("Put"));
        struct span want = span_of_cstr(cases[i].want ? cases[i].want : cases[i].sent);
        struct span have = decoded(c, &(struct wire_request){.body = span_of_cstr(cases[i].sent)});
        if (!span_eq(have, want))
            test_fail(__FILE__, __LINE__, "%s gave %.*s, not %.*s", cases[i].sent, SPAN_ARG(have),
                      SPAN_ARG(want));
        case_end(&it);
    }
}

/* Without `want` the same text comes back. */
static const struct json_case round_trips[] = {
    {"{}", NULL},
    {"{\"Bool\":true}", NULL},
    {"{\"Bool\":\"false\"}", "{\"Bool\":false}"},
    {"{\"Int\":-2147483648}", NULL},
    {"{\"Int\":3.99}", "{\"Int\":3}"},
    {"{\"Int\":1e3}", "{\"Int\":1000}"},
    {"{\"Int\":99999999999}", "{\"Int\":2147483647}"},
    {"{\"Long\":9223372036854775807}", NULL},
    {"{\"Long\":1e30}", "{\"Long\":9223372036854775807}"},
    {"{\"Long\":-1e30}", "{\"Long\":-9223372036854775808}"},
    {"{\"Float\":7.625}", NULL},
    {"{\"Double\":0.1}", NULL},
    {"{\"Double\":1.5E-7}", "{\"Double\":1.5e-07}"},
    {"{\"Double\":\"NaN\"}", NULL},
    {"{\"Double\":\"-Infinity\"}", NULL},
    {"{\"Float\":\"Infinity\"}", NULL},
    {"{\"String\":\"\"}", NULL},
    {"{\"String\":\"a\\\"b\\u00e9\"}", "{\"String\":\"a\\\"b\xc3\xa9\"}"},
    {"{\"Blob\":\"aGk=\"}", NULL},
    {"{\"Blob\":\"\"}", NULL},
    {"{\"Time\":1732280405}", NULL},
    {"{\"Time\":1732280405.123}", NULL},
    {"{\"Time\":1.732280405E9}", "{\"Time\":1732280405}"},
    {"{\"TimeIso\":\"2024-11-22T13:00:05Z\"}", NULL},
    {"{\"TimeIso\":\"2024-11-22T13:00:05.250Z\"}", NULL},
    {"{\"TimeHttp\":\"Fri, 22 Nov 2024 13:00:05 GMT\"}", NULL},
    {"{\"List\":[]}", NULL},
    {"{\"List\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\"]}", NULL},
    {"{\"List\":[null,\"a\"]}", NULL},
    {"{\"Ints\":[1,2,3]}", NULL},
    {"{\"Lists\":[[\"a\"],[],[\"b\",\"c\"]]}", NULL},
    {"{\"Map\":{}}", NULL},
    {"{\"Map\":{\"b\":\"1\",\"a\":\"2\"}}", NULL},
    {"{\"Map\":{\"a\":\"1\",\"b\":\"2\",\"a\":\"3\"}}", "{\"Map\":{\"a\":\"3\",\"b\":\"2\"}}"},
    {"{\"Nested\":{}}", NULL},
    {"{\"Nested\":{\"Name\":\"x\",\"Child\":{\"Name\":\"y\"},\"Children\":[{\"Count\":0},{}],"
     "\"ByName\":{\"k\":{\"Name\":\"z\"}}}}",
     NULL},
    {"{\"Choice\":{\"Number\":0}}", NULL},
    {"{\"NULL\":true}", NULL},
    {"{\"Document\":{\"any\":[1,null,{\"x\":\"y\"}]}}", NULL},
    {"{\"other-name\":\"x\"}", NULL},
    {"{\"Renamed\":\"x\"}", "{}"},
    {"{\"Nothing\":{\"a\":[{\"b\":1}]},\"Int\":1}", "{\"Int\":1}"},
    {"{\"String\":null,\"Nested\":null,\"List\":null,\"Int\":null}", "{}"},
    {"{\"Int\":1,\"Int\":2}", "{\"Int\":2}"},
    {" { \"Int\" : 1 } ", "{\"Int\":1}"},
};

TEST(every_kind_comes_back)
{
    check_cases(&sample_json_service, round_trips, ARRAY_LEN(round_trips));
}

#define FAULT(text) "SerializationException: " text

static const struct json_case faults[] = {
    {"", FAULT("")},
    {"{", FAULT("")},
    {"{\"Int\":1}x", FAULT("")},
    {"{\"Int\":01}", FAULT("")},
    {"{\"String\":\"\xff\"}", FAULT("")},
    {"[]", FAULT("Start of list found where not expected")},
    {"\"x\"", FAULT("Expected null")},
    {"{\"String\":1}", FAULT("NUMBER_VALUE can not be converted to a String")},
    {"{\"String\":1.5}", FAULT("DECIMAL_VALUE can not be converted to a String")},
    {"{\"String\":true}", FAULT("TRUE_VALUE can not be converted to a String")},
    {"{\"String\":[]}", FAULT("Start of list found where not expected")},
    {"{\"String\":{}}", FAULT("Start of structure or map found where not expected.")},
    {"{\"Int\":\"1\"}", FAULT("STRING_VALUE can not be converted to an Integer")},
    {"{\"Long\":false}", FAULT("FALSE_VALUE can not be converted to a Long")},
    {"{\"Bool\":0}", FAULT("NUMBER_VALUE can not be converted to a Boolean")},
    {"{\"Bool\":\"maybe\"}", FAULT("STRING_VALUE can not be converted to a Boolean")},
    {"{\"Double\":\"1\"}", FAULT("STRING_VALUE can not be converted to a Double")},
    {"{\"Time\":\"2024-11-22T13:00:05Z\"}",
     FAULT("STRING_VALUE can not be converted to a Timestamp")},
    {"{\"TimeIso\":\"yesterday\"}", FAULT("STRING_VALUE can not be converted to a Timestamp")},
    {"{\"List\":{}}", FAULT("Start of structure or map found where not expected.")},
    {"{\"List\":\"x\"}", FAULT("Expected list or null")},
    {"{\"Map\":\"x\"}", FAULT("Expected map or null")},
    {"{\"Nested\":1}", FAULT("Expected null")},
    {"{\"Ints\":[null]}", FAULT("NULL_VALUE can not be converted to an Integer")},
    {"{\"Choice\":{}}", FAULT("Choice must have exactly one member set")},
    {"{\"Choice\":{\"Text\":\"a\",\"Number\":1}}",
     FAULT("Choice must have exactly one member set")},
    {"{\"Blob\":\"a\"}",
     FAULT("'a' can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 "
           "bytes but found: 1")},
    {"{\"Blob\":\"a!==\"}",
     FAULT("'a!==' can not be converted to a Blob: Invalid Base64 character: '!'")},
    {"{\"Blob\":\"aGl=\"}",
     FAULT("'aGl=' can not be converted to a Blob: Invalid last non-pad Base64 character "
           "dectected")},
};

TEST(wrong_types_are_named)
{
    check_cases(&sample_json_service, faults, ARRAY_LEN(faults));
}

static const struct json_case dynamodb_faults[] = {
    {"{\"String\":1}", FAULT("NUMBER_VALUE cannot be converted to String")},
    {"{\"Int\":\"1\"}", FAULT("STRING_VALUE cannot be converted to Integer")},
    {"{\"Bool\":\"x\"}", FAULT("Unexpected token received from parser")},
    {"{\"Bool\":2.5}", FAULT("DECIMAL_VALUE cannot be converted to Boolean")},
    {"{\"String\":[]}", FAULT("Unrecognized collection type class java.lang.String")},
    {"{\"Blob\":[]}", FAULT("Unrecognized collection type class java.nio.ByteBuffer")},
    {"{\"Blob\":true}", FAULT("only base-64-encoded strings are convertible to bytes")},
    {"{\"Blob\":\"23456\"}",
     FAULT("Base64 encoded length is expected a multiple of 4 bytes but found: 5")},
    {"{\"List\":{}}", FAULT("Start of structure or map found where not expected")},
    {"{\"List\":1}", FAULT("Unexpected field type")},
    {"{\"Nested\":{\"Children\":[1]}}", FAULT("Unexpected value type in payload")},
    {"{\"Nested\":[]}",
     FAULT("Unrecognized collection type class com.amazonaws.dynamodb.v20120810.Nested")},
    {"{\"Map\":[]}",
     FAULT("Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>")},
};

TEST(dynamodb_has_its_own_words)
{
    struct service dynamodb = sample_json_service;
    dynamodb.name = "dynamodb";
    check_cases(&dynamodb, dynamodb_faults, ARRAY_LEN(dynamodb_faults));
}

TEST(nesting_is_bounded)
{
    const struct {
        int levels;
        bool fits;
    } cases[] = {{60, true}, {200, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_json_service, S("Put"));
        struct buf deep;
        buf_init(&deep, 1 << 16);
        buf_append(&deep, S("{\"Nested\":"));
        for (int level = 0; level < cases[i].levels; level++)
            buf_append(&deep, S("{\"Child\":"));
        buf_append(&deep, S("{}"));
        for (int level = 0; level <= cases[i].levels; level++)
            buf_append_byte(&deep, '}');
        struct span have = decoded(c, &(struct wire_request){.body = buf_span(&deep)});
        CHECK(cases[i].fits ? span_starts(have, S("{\"Nested\"")) : span_starts(have, S("Serial")));
        buf_done(&deep);
        case_end(&it);
    }
}

/* Three bytes of JSON would take an element of more than a hundred bytes. */
TEST(memory_is_bounded_by_refusal)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Put"));
    struct buf many;
    buf_init(&many, 4 << 20);
    buf_append(&many, S("{\"Nested\":{\"Children\":[{}"));
    for (int i = 0; i < 300000; i++)
        buf_append(&many, S(",{}"));
    buf_append(&many, S("]}}"));
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = buf_span(&many)}),
               S("SerializationException: The request has more elements than can be taken"));
    buf_done(&many);
    case_end(&it);
}

TEST(many_repeated_keys_keep_the_last)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Put"));
    struct sample_json_put_in *in = case_input(c);
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_append(&text, S("{\"Map\":{"));
    for (int i = 0; i < 3000; i++)
        buf_printf(&text, "%s\"key%d\":\"%d\"", i ? "," : "", i % 1000, i);
    buf_append(&text, S("}}"));
    CHECK(wire_decode(c, &(struct wire_request){.body = buf_span(&text)}, in) == OK);
    CHECK_INT(in->everything.map.count, 1000);
    CHECK_SPAN(in->everything.map.at[0].key, S("key0"));
    CHECK_SPAN(in->everything.map.at[0].value, S("2000"));
    CHECK_SPAN(in->everything.map.at[999].value, S("2999"));
    buf_done(&text);
    case_end(&it);
}

TEST(members_lie_where_the_structs_say)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Put"));
    struct sample_json_put_in *in = case_input(c);
    struct span body = S("{\"Int\":7,\"Time\":1.5,\"Blob\":\"aGk=\",\"List\":[\"a\",\"b\"],"
                         "\"Nested\":{\"Children\":[{\"Name\":\"n\"}]}}");
    CHECK(wire_decode(c, &(struct wire_request){.body = body}, in) == OK);
    const struct sample_json_everything *it_all = &in->everything;
    CHECK(it_all->has.int_ && it_all->int_ == 7);
    CHECK(!it_all->has.long_ && !it_all->has.bool_);
    CHECK_INT(it_all->time, 1500);
    CHECK_SPAN(it_all->blob, S("hi"));
    CHECK_INT(it_all->list.count, 2);
    CHECK_SPAN(it_all->list.at[1], S("b"));
    CHECK(it_all->nested && !it_all->choice);
    CHECK_SPAN(it_all->nested->children.at[0].name, S("n"));
    CHECK(span_is_absent(it_all->string));
    case_end(&it);
}

TEST(replies_carry_type_and_request_id)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_json_service, S("Put"));
    struct sample_json_put_out out = {.everything = {.string = S("x")}};
    struct wire_reply reply;
    SET(&out.everything, int_, 5);
    call_add_header(c, S("x-more"), S("1"));
    call_add_header(c, S("x-still-more"), S("2"));
    call_add_header(c, S("x-last"), S("3"));
    wire_encode(c, &out, &reply);
    CHECK_INT(reply.status, 200);
    CHECK(reply.has_body);
    CHECK_SPAN(reply.body, S("{\"Int\":5,\"String\":\"x\"}"));
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("application/x-amz-json-1.0"));
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-requestid")), S("req-1"));
    CHECK_SPAN(reply_header_of(&reply, S("x-last")), S("3"));
    case_end(&it);
}

static const struct error_kind not_there = {"NotThere", NULL, 404};
static const struct error_kind conflict = {"Conflict", "Sample.Conflict", 409};
static const struct error_kind serialization = {"SerializationException", NULL, 400};

static struct span error_body(struct call *c, const struct refusal *refusal,
                              struct wire_reply *reply)
{
    wire_encode_refusal(c, refusal, reply);
    return reply->body;
}

TEST(errors_name_their_kind)
{
    struct wire_case it;
    struct service service = sample_json_service;
    struct call *c = case_begin(&it, &service, S("Put"));
    struct wire_reply reply;
    CHECK_SPAN(error_body(c, refuse(c, &not_there, "No %s here", "item"), &reply),
               S("{\"__type\":\"NotThere\",\"message\":\"No item here\"}"));
    CHECK_INT(reply.status, 404);
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-query-error")), S("NotThere;Sender"));
    const struct refusal *refusal = refuse_with(c, &conflict, S("Who"), S("me"), "Busy");
    refusal = refusal_add_json(c, refusal, S("List"), S("[1]"));
    CHECK_SPAN(error_body(c, refusal, &reply),
               S("{\"__type\":\"Conflict\",\"Message\":\"Busy\",\"Who\":\"me\",\"List\":[1]}"));
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-query-error")), S("Sample.Conflict;Sender"));
    service.error_namespace = "com.amazonaws.sample";
    service.query_compatible = false;
    CHECK_SPAN(error_body(c, refuse(c, &not_there, "x"), &reply),
               S("{\"__type\":\"com.amazonaws.sample#NotThere\",\"message\":\"x\"}"));
    CHECK_SPAN(error_body(c, refuse(c, &serialization, "y"), &reply),
               S("{\"__type\":\"com.amazon.coral.service#SerializationException\","
                 "\"Message\":\"y\"}"));
    CHECK(span_is_absent(reply_header_of(&reply, S("x-amzn-query-error"))));
    case_end(&it);
}

TEST(errno_becomes_a_refusal)
{
    struct wire_case it;
    struct service service = sample_json_service;
    struct call *c = case_begin(&it, &service, S("Put"));
    CHECK_INT(refuse_errno(c, -28, "writing %s", "x")->kind->status, 503);
    const struct refusal *refusal = refuse_errno(c, -5, "reading %s", "x");
    CHECK(strcmp(refusal->kind->code, "InternalFailure") == 0);
    CHECK_INT(refusal->kind->status, 500);
    service.name = "s3";
    CHECK(strcmp(refuse_errno(c, -5, "reading")->kind->code, "InternalError") == 0);
    case_end(&it);
}
