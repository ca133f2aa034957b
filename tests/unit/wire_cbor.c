// SPDX-License-Identifier: Apache-2.0
/* Cases for rpc-v2-cbor: items of RFC 8949 (appendix A has most encodings) in, structs out. */
#include "wire_case.h"

#include "base/text.h"
#include "sample_cbor.api.h"

/* Hex; keys are texts with their heads. */
#define KEY_INT "63496e74"
#define KEY_LONG "644c6f6e67"
#define KEY_DOUBLE "66446f75626c65"
#define KEY_STRING "66537472696e67"
#define KEY_BLOB "64426c6f62"
#define KEY_TIME "6454696d65"
#define KEY_LIST "644c697374"
#define KEY_MAP "634d6170"
#define KEY_BOOL "64426f6f6c"
#define KEY_NESTED "664e6573746564"
#define KEY_NAME "644e616d65"
#define KEY_CHILD "654368696c64"
#define KEY_CHOICE "6643686f696365"

static const struct {
    const char *hex, *want;
} items[] = {
    {"a0", "{}"},
    {"bfff", "{}"},
    {"a1" KEY_INT "00", "{\"Int\":0}"},
    {"a1" KEY_INT "3863", "{\"Int\":-100}"},
    {"a1" KEY_INT "1a7fffffff", "{\"Int\":2147483647}"},
    {"a1" KEY_LONG "3b7fffffffffffffff", "{\"Long\":-9223372036854775808}"},
    {"a1" KEY_DOUBLE "f93e00", "{\"Double\":1.5}"},
    {"a1" KEY_DOUBLE "f90001", "{\"Double\":5.9604644775390625e-08}"},
    {"a1" KEY_DOUBLE "f9fc00", "{\"Double\":\"-Infinity\"}"},
    {"a1" KEY_DOUBLE "f97e00", "{\"Double\":\"NaN\"}"},
    {"a1" KEY_DOUBLE "fa47c35000", "{\"Double\":100000}"},
    {"a1" KEY_DOUBLE "fb3ff199999999999a", "{\"Double\":1.1}"},
    {"a1" KEY_DOUBLE "05", "{\"Double\":5}"},
    {"a1" KEY_STRING "6161", "{\"String\":\"a\"}"},
    {"a1" KEY_STRING "7f61616162ff", "{\"String\":\"ab\"}"},
    {"a1" KEY_BLOB "426869", "{\"Blob\":\"aGk=\"}"},
    {"a1" KEY_BLOB "5f41684169ff", "{\"Blob\":\"aGk=\"}"},
    {"a1" KEY_TIME "c11a514b67b0", "{\"Time\":1363896240}"},
    {"a1" KEY_TIME "c1fb41d452d9ec200000", "{\"Time\":1363896240.5}"},
    {"a1" KEY_BOOL "f5", "{\"Bool\":true}"},
    {"a1" KEY_BOOL "f6", "{}"},
    {"a1" KEY_BOOL "f7", "{}"},
    {"a1" KEY_LIST "8261616162", "{\"List\":[\"a\",\"b\"]}"},
    {"a1" KEY_LIST "9f6161ff", "{\"List\":[\"a\"]}"},
    {"a1" KEY_LIST "80", "{\"List\":[]}"},
    {"a1" KEY_MAP "a2616161316162"
     "6132",
     "{\"Map\":{\"a\":\"1\",\"b\":\"2\"}}"},
    {"a1" KEY_MAP "bf61616131616161"
     "32ff",
     "{\"Map\":{\"a\":\"2\"}}"},
    {"a1" KEY_NESTED "a1" KEY_CHILD "bf" KEY_NAME "6178ff",
     "{\"Nested\":{\"Child\":{\"Name\":\"x\"}}}"},
    {"a26178a161799f00f6c2410040ff" KEY_INT "01", "{\"Int\":1}"},
};

#define BAD "SerializationException: "

static const struct {
    const char *hex, *want;
} faults[] = {
    {"80", BAD "The CBOR value can not be converted to a Object"},
    {"a1", BAD "The CBOR is malformed"},
    {"a1" KEY_INT, BAD "The CBOR is malformed"},
    {"a1" KEY_INT "0000", BAD "The CBOR is malformed"},
    {"a1" KEY_INT "1c", BAD "The CBOR is malformed"},
    {"a1" KEY_INT "1f", BAD "The CBOR is malformed"},
    {"a1" KEY_INT "ff", BAD "The CBOR value can not be converted to an Integer"},
    {"a1" KEY_INT "1b0000000080000000", BAD "The CBOR value can not be converted to an Integer"},
    {"a1" KEY_LONG "1b8000000000000000", BAD "The CBOR value can not be converted to a Long"},
    {"a1" KEY_STRING "00", BAD "The CBOR value can not be converted to a String"},
    {"a1" KEY_STRING "61ff", BAD "The CBOR value can not be converted to a String"},
    {"a1" KEY_STRING "7affffffff61", BAD "The CBOR value can not be converted to a String"},
    {"a1" KEY_STRING "7f4161ff", BAD "The CBOR value can not be converted to a String"},
    {"a1" KEY_TIME "00", BAD "The CBOR value can not be converted to a Timestamp"},
    {"a1" KEY_LIST "9bffffffffffffffff", BAD "The CBOR is malformed"},
    {"a1" KEY_CHOICE "a0", BAD "Choice must have exactly one member set"},
    {"a10000", BAD "The CBOR is malformed"},
};

static struct span decoded_hex(struct call *c, const char *hex)
{
    struct span body = hex_decode(c->arena, span_of_cstr(hex));
    CHECK(body.at != NULL);
    return decoded(c, &(struct wire_request){.body = body});
}

TEST(items_become_structs)
{
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_cbor_service, S("Put"));
        struct span have = decoded_hex(c, items[i].hex);
        if (!span_eq(have, span_of_cstr(items[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", items[i].hex, SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(faults_are_named)
{
    for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_cbor_service, S("Put"));
        struct span have = decoded_hex(c, faults[i].hex);
        if (!span_eq(have, span_of_cstr(faults[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", faults[i].hex, SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(nesting_is_bounded)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_cbor_service, S("Put"));
    static char deep[5000];
    size_t len = 0;
    deep[len++] = (char)0xa1;
    memcpy(deep + len, "\x61x", 2);
    memset(deep + len + 2, 0x81, 4000);
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = span_of(deep, 4003)}),
               S(BAD "The request is nested too deeply"));
    case_end(&it);
}

static struct span printed_hex(struct call *c, const char *json)
{
    struct sample_cbor_put_out out = {0};
    struct wire_reply reply;
    CHECK(wire_json_read(c, c->service, c->operation->output, span_of_cstr(json), &out) == OK);
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("application/cbor"));
    CHECK_SPAN(reply_header_of(&reply, S("smithy-protocol")), S("rpc-v2-cbor"));
    return hex_of(c->arena, reply.body);
}

static const struct {
    const char *json, *want;
} prints[] = {
    {"{}", "bfff"},
    {"{\"Int\":23}", "bf" KEY_INT "17ff"},
    {"{\"Int\":-1000}", "bf" KEY_INT "3903e7ff"},
    {"{\"Long\":1000000000000}", "bf" KEY_LONG "1b000000e8d4a51000ff"},
    {"{\"Double\":1.1,\"Bool\":false}", "bf" KEY_BOOL "f4" KEY_DOUBLE "fb3ff199999999999aff"},
    {"{\"Time\":1363896240}", "bf" KEY_TIME "c11a514b67b0ff"},
    {"{\"Time\":1363896240.5}", "bf" KEY_TIME "c1fb41d452d9ec200000ff"},
    {"{\"Blob\":\"aGk=\",\"String\":\"a\"}", "bf" KEY_STRING "6161" KEY_BLOB "426869ff"},
    {"{\"List\":[\"a\",null]}", "bf" KEY_LIST "826161f6ff"},
    {"{\"Map\":{\"a\":\"1\"}}", "bf" KEY_MAP "a161616131ff"},
    {"{\"Nested\":{\"Name\":\"x\"}}", "bf" KEY_NESTED "bf" KEY_NAME "6178ffff"},
    {"{\"other-name\":\"x\"}", "bf6752656e616d65646178ff"},
};

TEST(structs_become_items)
{
    for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_cbor_service, S("Put"));
        CHECK_SPAN(printed_hex(c, prints[i].json), span_of_cstr(prints[i].want));
        case_end(&it);
    }
}

static const struct error_kind conflict = {"Conflict", "Sample.Conflict", 409};

TEST(errors_have_an_absolute_type)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_cbor_service, S("Put"));
    struct wire_reply reply;
    wire_encode_refusal(c, refuse(c, &conflict, "b"), &reply);
    CHECK_SPAN(hex_of(c->arena, reply.body),
               S("bf665f5f74797065"
                 "7822636f6d2e616d617a6f6e6177732e73616d706c655f63626f7223436f6e666c696374"
                 "674d6573736167656162ff"));
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-query-error")), S("Sample.Conflict;Sender"));
    case_end(&it);
}
