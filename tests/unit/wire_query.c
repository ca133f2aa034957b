// SPDX-License-Identifier: Apache-2.0
/* Cases for the query protocol: forms in, XML out, errors. */
#include "wire_case.h"

#include "sample_query.api.h"

static const struct {
    const char *form, *want;
} forms[] = {
    {"Action=Put&Version=2026-01-01", "{}"},
    {"", "{}"},
    {"String=a+b%20c%26", "{\"String\":\"a b c&\"}"},
    {"String=", "{\"String\":\"\"}"},
    {"String", "{\"String\":\"\"}"},
    {"Int=-5&Long=9000000000&Bool=true&Double=1.5&Float=NaN",
     "{\"Bool\":true,\"Int\":-5,\"Long\":9000000000,\"Float\":\"NaN\",\"Double\":1.5}"},
    {"Blob=aGk%3D", "{\"Blob\":\"aGk=\"}"},
    {"Time=2024-11-22T13%3A00%3A05Z&TimeEpoch=1732280405",
     "{\"Time\":1732280405,\"TimeEpoch\":1732280405}"},
    {"List.member.1=a&List.member.2=b", "{\"List\":[\"a\",\"b\"]}"},
    {"List.member.10=c&List.member.2=b&List.member.1=a", "{\"List\":[\"a\",\"b\",\"c\"]}"},
    {"List=", "{\"List\":[]}"},
    {"Named.Item.1=a", "{\"Named\":[\"a\"]}"},
    {"Flat.1=a&Flat.3=b", "{\"Flat\":[\"a\",\"b\"]}"},
    {"Map.entry.1.key=k&Map.entry.1.value=v&Map.entry.2.key=l&Map.entry.2.value=w",
     "{\"Map\":{\"k\":\"v\",\"l\":\"w\"}}"},
    {"FlatMap.1.Name=k&FlatMap.1.Value=v", "{\"FlatMap\":{\"k\":\"v\"}}"},
    {"Nested.Name=x&Nested.Child.Name=y&Nested.Children.member.1.Name=z&"
     "Nested.Children.member.2.Count=3",
     "{\"Nested\":{\"Name\":\"x\",\"Child\":{\"Name\":\"y\"},\"Children\":[{\"Name\":\"z\"},"
     "{\"Count\":3}]}}"},
    {"Lists.member.1.member.1=a&Lists.member.1.member.2=b&Lists.member.2.member.1=c",
     "{\"Lists\":[[\"a\",\"b\"],[\"c\"]]}"},
    {"Unknown.member.1.x=1&X-Amz-Date=x&String=s", "{\"String\":\"s\"}"},
    {"String=a&String=b", "{\"String\":\"b\"}"},
    {"String=%zz", "MalformedInput: The request is not a valid form"},
    {"String=%FF", "MalformedInput: STRING_VALUE can not be converted to a String"},
    {"Choice.Number=1", "{\"Choice\":{\"Number\":1}}"},
    {"Choice.Number=1&Choice.Text=a", "MalformedInput: Choice must have exactly one member set"},
    {"Choice=", "MalformedInput: Choice must have exactly one member set"},
    {"Int=x", "MalformedInput: STRING_VALUE can not be converted to an Integer"},
    {"Int=99999999999", "MalformedInput: STRING_VALUE can not be converted to an Integer"},
    {"Int.1=5", "MalformedInput: Start of structure or map found where not expected."},
    {"Bool=yes", "MalformedInput: STRING_VALUE can not be converted to a Boolean"},
    {"List.1=a", "MalformedInput: Unexpected list element termination"},
    {"List.member.x=a", "MalformedInput: x is not a valid index"},
    {"Map.entry.1.value=v", "MalformedInput: Unexpected complex element termination"},
};

TEST(forms_become_structs)
{
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_query_service, S("Put"));
        struct span have = decoded(c, &(struct wire_request){.body = span_of_cstr(forms[i].form)});
        if (!span_eq(have, span_of_cstr(forms[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", forms[i].form, SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(a_get_carries_the_form_in_its_query)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_query_service, S("Put"));
    CHECK_SPAN(decoded(c, &(struct wire_request){.query = S("Action=Put&String=x")}),
               S("{\"String\":\"x\"}"));
    case_end(&it);
}

TEST(parameters_are_bounded)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_query_service, S("Put"));
    struct buf form;
    buf_init(&form, 1 << 20);
    for (int i = 0; i < 16400; i++)
        buf_append(&form, S("a&"));
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = buf_span(&form)}),
               S("MalformedInput: The request has more than 16384 parameters"));
    buf_done(&form);
    case_end(&it);
}

#define NS "xmlns=\"https://sample.example.com/doc/2026-01-01/\""

/* What was read from JSON, printed as XML. */
static struct span printed(struct call *c, const char *json)
{
    struct sample_query_put_out out = {0};
    struct wire_reply reply;
    const struct refusal *refusal =
        wire_json_read(c, c->service, c->operation->output, span_of_cstr(json), &out);
    CHECK(refusal == OK);
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("text/xml"));
    return reply.body;
}

static const struct {
    const char *json, *inner;
} prints[] = {
    {"{}", ""},
    {"{\"String\":\"<a & \\\"b\\\">\\r\\u0001\"}",
     "<String>&lt;a &amp; &quot;b&quot;&gt;&#xD;&#x1;</String>"},
    {"{\"String\":\"\"}", "<String></String>"},
    {"{\"Int\":1,\"Bool\":false,\"Double\":2.5,\"Long\":-7}",
     "<Bool>false</Bool><Int>1</Int><Long>-7</Long><Double>2.5</Double>"},
    {"{\"Blob\":\"aGk=\"}", "<Blob>aGk=</Blob>"},
    {"{\"Time\":1732280405.5,\"TimeEpoch\":1}",
     "<Time>2024-11-22T13:00:05.500Z</Time><TimeEpoch>1</TimeEpoch>"},
    {"{\"List\":[\"a\",\"\"]}", "<List><member>a</member><member></member></List>"},
    {"{\"List\":[]}", "<List></List>"},
    {"{\"Flat\":[\"a\",\"b\"]}", "<Flat>a</Flat><Flat>b</Flat>"},
    {"{\"Named\":[\"a\"]}", "<Named><Item>a</Item></Named>"},
    {"{\"Map\":{\"k\":\"v\"}}", "<Map><entry><key>k</key><value>v</value></entry></Map>"},
    {"{\"FlatMap\":{\"k\":\"v\"}}", "<FlatMap><Name>k</Name><Value>v</Value></FlatMap>"},
    {"{\"Nested\":{\"Children\":[{\"Name\":\"x\"}]}}",
     "<Nested><Children><member><Name>x</Name></member></Children></Nested>"},
};

TEST(structs_become_xml)
{
    for (size_t i = 0; i < ARRAY_LEN(prints); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_query_service, S("Put"));
        struct span want = arena_printf(
            c->arena,
            "<PutResponse " NS "><PutResult>%s</PutResult><ResponseMetadata><RequestId>req-1"
            "</RequestId></ResponseMetadata></PutResponse>",
            prints[i].inner);
        CHECK_SPAN(printed(c, prints[i].json), want);
        case_end(&it);
    }
}

TEST(an_operation_without_output_answers_metadata)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_query_service, S("Nothing"));
    struct wire_reply reply;
    wire_encode(c, NULL, &reply);
    CHECK_SPAN(reply.body, S("<NothingResponse " NS "><ResponseMetadata><RequestId>req-1"
                             "</RequestId></ResponseMetadata></NothingResponse>"));
    case_end(&it);
}

static const struct error_kind not_there = {"NotThere", NULL, 404};

TEST(errors_have_type_code_and_message)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_query_service, S("Put"));
    struct wire_reply reply;
    wire_encode_refusal(c, refuse(c, &not_there, "a < b"), &reply);
    CHECK_INT(reply.status, 404);
    CHECK_SPAN(reply.body, S("<ErrorResponse " NS "><Error><Type>Sender</Type><Code>NotThere</Code>"
                             "<Message>a &lt; b</Message></Error><RequestId>req-1</RequestId>"
                             "</ErrorResponse>"));
    wire_encode_refusal(c, refuse(c, &ERROR_INTERNAL_FAILURE, "x"), &reply);
    CHECK(span_find(reply.body, S("<Type>Receiver</Type>")) != SPAN_NOT_FOUND);
    case_end(&it);
}
