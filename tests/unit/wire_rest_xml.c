// SPDX-License-Identifier: Apache-2.0
/* Cases for the rest-xml protocol: labels, query, headers, XML bodies both ways, S3's own ways. */
#include "wire_case.h"

#include "sample_rest_xml.api.h"

static const struct {
    const char *xml, *want;
} bodies[] = {
    {"<PutRequest/>", "{}"},
    {"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PutRequest xmlns=\"http://x/\"><String>a &amp; b"
     "&#x41;</String></PutRequest>",
     "{\"String\":\"a & bA\"}"},
    {"<p:R xmlns:p=\"x\"><p:String>a</p:String></p:R>", "{\"String\":\"a\"}"},
    {"<R><String/></R>", "{\"String\":\"\"}"},
    {"<R><String> a </String><Int> 7 </Int><Bool>true</Bool><Long>-1</Long><Double>1e3</Double>"
     "<Float>NaN</Float></R>",
     "{\"Bool\":true,\"Int\":7,\"Long\":-1,\"Float\":\"NaN\",\"Double\":1000,\"String\":\" a \"}"},
    {"<R><String><![CDATA[<x>]]></String></R>", "{\"String\":\"<x>\"}"},
    {"<R><Blob>aGk=</Blob></R>", "{\"Blob\":\"aGk=\"}"},
    {"<R><Time>2024-11-22T13:00:05Z</Time><TimeEpoch>1732280405</TimeEpoch>"
     "<TimeHttp>Fri, 22 Nov 2024 13:00:05 GMT</TimeHttp></R>",
     "{\"Time\":1732280405,\"TimeHttp\":\"Fri, 22 Nov 2024 13:00:05 "
     "GMT\",\"TimeEpoch\":1732280405}"},
    {"<R><List><member>a</member><member/></List></R>", "{\"List\":[\"a\",\"\"]}"},
    {"<R><List/></R>", "{\"List\":[]}"},
    {"<R><Flat>a</Flat><Int>1</Int><Flat>b</Flat></R>", "{\"Int\":1,\"Flat\":[\"a\",\"b\"]}"},
    {"<R><Named><Item>a</Item></Named></R>", "{\"Named\":[\"a\"]}"},
    {"<R><Map><entry><key>k</key><value>v</value></entry><entry><value>w</value><key>l</key></"
     "entry>"
     "</Map></R>",
     "{\"Map\":{\"k\":\"v\",\"l\":\"w\"}}"},
    {"<R><Map><entry><key>k</key><value>1</value></entry><entry><key>k</key><value>2</value></"
     "entry>"
     "</Map></R>",
     "{\"Map\":{\"k\":\"2\"}}"},
    {"<R><FlatMap><Name>k</Name><Value>1</Value></FlatMap><FlatMap><Name>k</Name><Value>2</Value>"
     "</FlatMap></R>",
     "{\"FlatMap\":{\"k\":\"2\"}}"},
    {"<R><Nested><Name>x</Name><Children><member><Name>y</Name><Child><Count>1</Count></Child>"
     "</member><member/></Children></Nested></R>",
     "{\"Nested\":{\"Name\":\"x\",\"Children\":[{\"Name\":\"y\",\"Child\":{\"Count\":1}},{}]}}"},
    {"<R><Choice><Number>1</Number></Choice></R>", "{\"Choice\":{\"Number\":1}}"},
    {"<R><Unknown><x>1</x></Unknown><Int>1</Int></R>", "{\"Int\":1}"},
    {"<R>text<Int>1</Int></R>", "{\"Int\":1}"},
};

#define MALFORMED                                                                                  \
    "MalformedXML: The XML you provided was not well-formed or did not validate against our "      \
    "published schema"

static const char *const malformed[] = {
    "x",
    "<R>",
    "<R></Q>",
    "<R/><R/>",
    "<R><Int>x</Int></R>",
    "<R><Int><b/></Int></R>",
    "<R><Blob>!</Blob></R>",
    "<R><Time>now</Time></R>",
    "<R><Map><entry><value>v</value></entry></Map></R>",
    "<R><Choice/></R>",
    "<R><Choice><Number>1</Number><Text>a</Text></Choice></R>",
    "<R><String>\xff</String></R>",
    "<!DOCTYPE R [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;\">]><R><String>&b;</String></R>",
    "<!DOCTYPE R SYSTEM \"file:///etc/passwd\"><R/>",
    "<R><String>&nbsp;</String></R>",
};

TEST(xml_becomes_structs)
{
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_rest_xml_service, S("Put"));
        struct span have = decoded(c, &(struct wire_request){.body = span_of_cstr(bodies[i].xml)});
        if (!span_eq(have, span_of_cstr(bodies[i].want)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", bodies[i].xml, SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(malformed_xml_is_refused)
{
    for (size_t i = 0; i < ARRAY_LEN(malformed); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_rest_xml_service, S("Put"));
        struct span have = decoded(c, &(struct wire_request){.body = span_of_cstr(malformed[i])});
        if (!span_eq(have, S(MALFORMED)))
            test_fail(__FILE__, __LINE__, "%s gave %.*s", malformed[i], SPAN_ARG(have));
        case_end(&it);
    }
}

TEST(depth_is_bounded)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("Put"));
    struct buf xml;
    buf_init(&xml, 1 << 20);
    buf_append(&xml, S("<R><Nested>"));
    for (int i = 0; i < 300; i++)
        buf_append(&xml, S("<Child>"));
    for (int i = 0; i < 300; i++)
        buf_append(&xml, S("</Child>"));
    buf_append(&xml, S("</Nested></R>"));
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = buf_span(&xml)}), S(MALFORMED));
    buf_done(&xml);
    case_end(&it);
}

TEST(s3_knows_its_elements)
{
    struct wire_case it;
    struct service s3 = sample_rest_xml_service;
    struct call *c = case_begin(&it, &s3, S("PutConfig"));
    s3.name = "s3";
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = S("<Other/>")}), S(MALFORMED));
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = S("<Configuration><X/></Configuration>")}),
               S(MALFORMED));
    CHECK_SPAN(decoded(c, &(struct wire_request){.body = S("<Configuration><ID>1</ID>"
                                                           "</Configuration>")}),
               S("{\"Configuration\":{\"ID\":\"1\"}}"));
    case_end(&it);
}

static struct header sent[] = {
    {S_INIT("x-kind"), S_INIT("blue")},
    {S_INIT("x-when"), S_INIT("Fri, 22 Nov 2024 13:00:05 GMT")},
    {S_INIT("x-count"), S_INIT("7")},
    {S_INIT("x-yes"), S_INIT("true")},
    {S_INIT("x-whens"), S_INIT("Fri, 22 Nov 2024 13:00:05 GMT, Fri, 22 Nov 2024 13:00:06 GMT")},
    {S_INIT("x-words"), S_INIT("a, \"b,\\\"c\",d")},
    {S_INIT("x-words"), S_INIT("e")},
    {S_INIT("x-json"), S_INIT("e30=")},
    {S_INIT("x-meta-one"), S_INIT("1")},
    {S_INIT("x-meta-two"), S_INIT("2")},
};

static const struct wire_label labels[] = {{S_INIT("Bucket"), S_INIT("b")},
                                           {S_INIT("Key"), S_INIT("k/\xc3\xa9")}};

static struct wire_request request_at(struct span query)
{
    return (struct wire_request){
        .query = query,
        .headers = {.at = sent, .count = ARRAY_LEN(sent)},
        .labels = labels,
        .label_count = ARRAY_LEN(labels),
    };
}

TEST(members_come_from_their_places)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutAt"));
    struct wire_request request = request_at(
        S("mode=at&limit=3&since=2024-11-22T13%3A00%3A05Z&name=a&name=b+c&more=x&x-id=P"));
    request.body = S("<PutAtRequest><Text>t</Text></PutAtRequest>");
    struct sample_rest_xml_put_at_in *in = case_input(c);
    CHECK(wire_decode(c, &request, in) == OK);
    CHECK_SPAN(in->bucket, S("b"));
    CHECK_SPAN(in->key, S("k/\xc3\xa9"));
    CHECK(in->has.limit && in->limit == 3);
    CHECK(in->has.since && in->since == 1732280405000);
    CHECK_INT(in->names.count, 2);
    CHECK_SPAN(in->names.at[1], S("b c"));
    CHECK_INT(in->rest.count, 1);
    CHECK_SPAN(in->rest.at[0].key, S("more"));
    CHECK_SPAN(in->rest.at[0].value, S("x"));
    CHECK_SPAN(in->kind, S("blue"));
    CHECK(in->has.when && in->when == 1732280405000);
    CHECK(in->has.count && in->count == 7 && in->has.yes && in->yes);
    CHECK_INT(in->whens.count, 2);
    CHECK_INT(in->whens.at[1], 1732280406000);
    CHECK_INT(in->words.count, 4);
    CHECK_SPAN(in->words.at[1], S("b,\"c"));
    CHECK_SPAN(in->words.at[3], S("e"));
    CHECK_SPAN(in->json, S("{}"));
    CHECK_INT(in->meta.count, 2);
    CHECK_SPAN(in->meta.at[1].key, S("two"));
    CHECK_SPAN(in->text, S("t"));
    CHECK(wire_decode(c, &request, in) == OK); /* again, as after the head alone */
    CHECK_INT(in->words.count, 4);
    CHECK_INT(in->names.count, 2);
    case_end(&it);
}

TEST(bad_arguments_are_named)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"limit=x", "InvalidArgument: Provided limit not an integer or within integer range"},
        {"limit=", "InvalidArgument: Provided limit not an integer or within integer range"},
        {"since=now", "InvalidArgument: Argument format not recognized"},
        {"name=%zz", "InvalidURI: Couldn't parse the specified URI."},
        {"name=%ff", "InvalidURI: Couldn't parse the specified URI."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct wire_case it;
        struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutAt"));
        struct wire_request request = request_at(span_of_cstr(cases[i].query));
        CHECK_SPAN(decoded(c, &request), span_of_cstr(cases[i].want));
        case_end(&it);
    }
}

TEST(the_head_is_decoded_without_body)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutStream"));
    struct sample_rest_xml_put_stream_in *in = case_input(c);
    struct header header = {S("x-mode"), S("fast")};
    struct wire_request request = {.headers = {&header, 1}};
    CHECK(wire_decode_head(c, &request, in) == OK);
    CHECK_SPAN(in->stream_in_out.mode, S("fast"));
    request.body = S("bytes");
    CHECK(wire_decode(c, &request, in) == OK);
    CHECK_INT(in->stream_in_out.body.len, 5);
    CHECK_SPAN(in->stream_in_out.body.bytes, S("bytes"));
    case_end(&it);
}

TEST(a_payload_is_the_whole_body)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutConfig"));
    struct sample_rest_xml_put_config_in *in = case_input(c);
    struct wire_reply reply;
    struct wire_request request = {
        .body = S("<Configuration xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                  "xsi:type=\"User\"><ID>1</ID><Grant xsi:type=\"Group\"><ID>2</ID></Grant>"
                  "</Configuration>")};
    CHECK(wire_decode(c, &request, in) == OK);
    CHECK_SPAN(in->payload_in_out.config->type, S("User"));
    CHECK_INT(in->payload_in_out.config->grants.count, 1);
    CHECK_SPAN(in->payload_in_out.config->grants.at[0].type, S("Group"));
    wire_encode(c, in, &reply);
    CHECK_SPAN(reply.body,
               S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Configuration "
                 "xmlns=\"http://sample.example.com/\" xsi:type=\"User\"><ID>1</ID><Grant "
                 "xsi:type=\"Group\"><ID>2</ID></Grant></Configuration>"));
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("application/xml"));
    case_end(&it);
}

TEST(bytes_go_out_as_they_are)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutBytes"));
    struct sample_rest_xml_put_bytes_out out = {.bytes_in_out = {.bytes = S("<raw>")}};
    struct wire_reply reply;
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply.body, S("<raw>"));
    CHECK_SPAN(reply_header_of(&reply, S("content-type")), S("application/octet-stream"));
    out.bytes_in_out.content_type = S("text/x-own");
    wire_encode(c, &out, &reply);
    CHECK_SPAN(reply_header_of(&reply, S("Content-Type")), S("text/x-own"));
    case_end(&it);
}

TEST(a_stream_is_handed_on)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutStream"));
    struct sample_rest_xml_put_stream_out out = {
        .stream_in_out = {.mode = S("m"), .body = {.len = 3, .bytes = S("abc")}}};
    struct wire_reply reply;
    wire_encode(c, &out, &reply);
    CHECK(reply.stream == &out.stream_in_out.body);
    CHECK_SPAN(reply_header_of(&reply, S("X-Mode")), S("m"));
    case_end(&it);
}

TEST(replies_put_members_in_their_places)
{
    struct wire_case it;
    struct call *c = case_begin(&it, &sample_rest_xml_service, S("PutAt"));
    struct span words[] = {S("a"), S("b,c"), S("d\"e")};
    struct sample_rest_xml_string_map_pair meta[] = {{S("one"), S("1")}};
    struct sample_rest_xml_put_at_out out = {
        .kind = S("blue"),
        .words = {words, ARRAY_LEN(words)},
        .meta = {meta, 1},
        .json = S("{}"),
        .text = S("t"),
    };
    struct wire_reply reply;
    SET(&out, when, 1732280405000);
    wire_encode(c, &out, &reply);
    CHECK_INT(reply.status, 201);
    CHECK_SPAN(reply_header_of(&reply, S("X-Kind")), S("blue"));
    CHECK_SPAN(reply_header_of(&reply, S("X-When")), S("Fri, 22 Nov 2024 13:00:05 GMT"));
    CHECK_SPAN(reply_header_of(&reply, S("X-Words")), S("a, \"b,c\", \"d\\\"e\""));
    CHECK_SPAN(reply_header_of(&reply, S("x-meta-one")), S("1"));
    CHECK_SPAN(reply_header_of(&reply, S("X-Json")), S("e30="));
    CHECK_SPAN(reply.body, S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PutAtOutput "
                             "xmlns=\"http://sample.example.com/\"><Text>t</Text></PutAtOutput>"));
    SET(&out, status, 204);
    wire_encode(c, &out, &reply);
    CHECK_INT(reply.status, 204);
    CHECK(!reply.has_body);
    c->status = 206;
    wire_encode(c, &out, &reply);
    CHECK_INT(reply.status, 206);
    case_end(&it);
}

static const struct error_kind conflict = {"Conflict", NULL, 409};

TEST(s3_errors_stand_alone)
{
    struct wire_case it;
    struct service s3 = sample_rest_xml_service;
    struct call *c = case_begin(&it, &s3, S("PutAt"));
    struct wire_reply reply;
    const struct refusal *refusal =
        refuse_with(c, &conflict, S("BucketName"), S("b&b"), "No <way>");
    wire_encode_refusal(c, refusal, &reply);
    CHECK(span_starts(reply.body, S("<ErrorResponse xmlns=\"http://sample.example.com/\"><Error>"
                                    "<Type>Sender</Type><Code>Conflict</Code>")));
    CHECK_SPAN(reply_header_of(&reply, S("x-amzn-requestid")), S("req-1"));
    s3.name = "s3";
    wire_encode_refusal(c, refusal, &reply);
    CHECK_SPAN(reply.body,
               S("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>Conflict</Code><Message>"
                 "No &lt;way&gt;</Message><BucketName>b&amp;b</BucketName><RequestId>req-1"
                 "</RequestId><HostId>cmVxLTE=</HostId></Error>"));
    CHECK_SPAN(reply_header_of(&reply, S("x-amz-request-id")), S("req-1"));
    CHECK_SPAN(reply_header_of(&reply, S("x-amz-id-2")), S("cmVxLTE="));
    CHECK(span_is_absent(reply_header_of(&reply, S("x-amzn-requestid"))));
    case_end(&it);
}
