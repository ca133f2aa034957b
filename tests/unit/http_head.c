// SPDX-License-Identifier: Apache-2.0
/* Cases for http/head and http/octets: what a request head may be, and the status of what it may
 * not. */
#include "test.h"

#include "http/head.h"
#include "http/octets.h"

#include <stdlib.h>

static char bytes[8192];
static struct header fields[200];
static struct http_head head;

/* The status of a whole head, 0 when it is good, -1 when it is not whole. `text` ends with CR LF.
 */
static int parse(struct span text)
{
    struct http_head_scan scan = {0};
    int64_t found = http_head_find(&scan, text);
    if (found <= 0)
        return found < 0 ? (int)-found : -1;
    CHECK_INT(found, text.len);
    memcpy(bytes, text.at, text.len);
    int status = http_head_parse(&head, bytes, text.len, fields);
    CHECK(status != 0 || head.headers.count == scan.lines - 1);
    return status;
}

#define HOST "Host: localhost\r\n"

TEST(a_plain_head)
{
    CHECK_INT(
        parse(S("GET /a/b?x=1&y HTTP/1.1\r\nHost: h:4566\r\nX-Amz-Date:\t v 1 \r\nEmpty:\r\n\r\n")),
        0);
    CHECK_SPAN(head.method, S("GET"));
    CHECK_SPAN(head.target, S("/a/b?x=1&y"));
    CHECK_SPAN(head.path, S("/a/b"));
    CHECK_SPAN(head.query, S("x=1&y"));
    CHECK_SPAN(head.host, S("h:4566"));
    CHECK_INT(head.headers.count, 3);
    CHECK_SPAN(head.headers.at[1].name, S("x-amz-date"));
    CHECK_SPAN(head.headers.at[1].value, S("v 1"));
    CHECK_SPAN(header_get(head.headers, S("empty")), S(""));
    CHECK(head.keep_alive && !head.chunked && !head.content_length && !head.expects_continue);
    CHECK_INT(head.minor, 1);
}

TEST(targets_in_all_forms)
{
    CHECK_INT(parse(S("GET http://Other:80/p?q HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.host, S("Other:80"));
    CHECK_SPAN(head.path, S("/p"));
    CHECK_SPAN(head.query, S("q"));
    CHECK_INT(parse(S("GET HTTPS://other?q HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.path, S("/"));
    CHECK_SPAN(head.query, S("q"));
    CHECK_INT(parse(S("GET http://other HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.path, S("/"));
    CHECK(span_is_absent(head.query));
    CHECK_INT(parse(S("OPTIONS * HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.path, S("*"));
    CHECK_INT(parse(S("GET /? HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK(!span_is_absent(head.query) && span_is_empty(head.query));
    CHECK_INT(parse(S("GET /a?b?c HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.query, S("b?c"));
    CHECK_INT(parse(S("GET //x/../%2e{}|\"^`<>\\ HTTP/1.1\r\n" HOST "\r\n")), 0);
    CHECK_SPAN(head.path, S("//x/../%2e{}|\"^`<>\\"));
}

TEST(hosts)
{
    static const struct {
        struct span host;
        bool good;
    } cases[] = {
        {S_INIT("localhost"), true},
        {S_INIT(""), true},
        {S_INIT("a_b.s3.localhost:4566"), true},
        {S_INIT("127.0.0.1:1"), true},
        {S_INIT("[::1]"), true},
        {S_INIT("[::1]:65535"), true},
        {S_INIT("h:"), true},
        {S_INIT("a%41"), true},
        {S_INIT(":80"), false},
        {S_INIT("h:123456"), false},
        {S_INIT("h:8x"), false},
        {S_INIT("h:-1"), false},
        {S_INIT("user@h"), false},
        {S_INIT("h/p"), false},
        {S_INIT("h?q"), false},
        {S_INIT("a b"), false},
        {S_INIT("a,b\\c"), false},
        {S_INIT("::1"), false},
        {S_INIT("[::1"), false},
        {S_INIT("[]"), false},
        {S_INIT("[::1]x"), false},
        {S_INIT("x[::1]"), false},
        {S_INIT("a]b"), false},
        {S_INIT("h\x80"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (http_is_host(cases[i].host) != cases[i].good)
            test_fail(__FILE__, __LINE__, "host %.*s", SPAN_ARG(cases[i].host));
}

TEST(values_are_checked_at_every_place)
{
    char text[40];
    for (size_t len = 1; len < sizeof text; len++)
        for (size_t at = 0; at < len; at++)
            for (int c = 0; c < 256; c++) {
                memset(text, 'v', sizeof text);
                text[at] = (char)c;
                bool good = c == '\t' || (c >= 0x20 && c != 0x7f);
                CHECK_INT(http_is_value(span_of(text, len)), good);
            }
}

struct head_case {
    struct span text;
    int status;
};

static void check_cases(const struct head_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int status = parse(cases[i].text);
        if (status != cases[i].status)
            test_fail(__FILE__, __LINE__, "case %zu (%.*s): %d, not %d", i, SPAN_ARG(cases[i].text),
                      status, cases[i].status);
    }
}

#define CASE(text, status)                                                                         \
    {                                                                                              \
        S_INIT(text), status                                                                       \
    }

TEST(request_lines)
{
    static const struct head_case cases[] = {
        CASE("GET / HTTP/1.1\r\n\r\n", 400), /* no Host */
        CASE("GET / HTTP/1.0\r\n\r\n", 0),
        CASE("GET / HTTP/1.2\r\n" HOST "\r\n", 0),
        CASE("GET / HTTP/2.0\r\n" HOST "\r\n", 505),
        CASE("GET / HTTP/0.9\r\n" HOST "\r\n", 505),
        CASE("PRI * HTTP/2.0\r\n\r\n", 505),
        CASE("GET / http/1.1\r\n" HOST "\r\n", 400),
        CASE("GET / HTTP/1.10\r\n" HOST "\r\n", 400),
        CASE("GET / HTTP/1\r\n" HOST "\r\n", 400),
        CASE("GET / HTTP/a.b\r\n" HOST "\r\n", 400),
        CASE("GET / HTTP/1,1\r\n" HOST "\r\n", 400),
        CASE("GET / HTTPS/1.1\r\n" HOST "\r\n", 400),
        CASE("GET / HTTP/1.1 \r\n" HOST "\r\n", 400),
        CASE("GET /\r\n" HOST "\r\n", 400),
        CASE("GET\r\n" HOST "\r\n", 400),
        CASE("GET  / HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET /a b HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET\t/ HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE(" GET / HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("G(T / HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("G\x80T / HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("get! / HTTP/1.1\r\n" HOST "\r\n", 0), /* an unknown method is the handler's matter */
        CASE("GET /\x7f HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET /\x80 HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET /\x01 HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET /a\0b HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET /a#f HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET a HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET * HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET ftp://h/ HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET http:///p HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("GET http://u@h/p HTTP/1.1\r\n" HOST "\r\n", 400),
        CASE("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n", 501),
        CASE("GET / HTTP/1.1\n" HOST "\r\n", 400),
        CASE("GET / HTTP/1.1\r" HOST "\r\n", 400),
        CASE("\x16\x03\x01\x02", 400), /* TLS, at once */
        CASE("GET / HTTP/1.1\r\n" HOST, -1),
    };
    check_cases(cases, ARRAY_LEN(cases));
}

#define GET "GET / HTTP/1.1\r\n"

TEST(field_lines)
{
    static const struct head_case cases[] = {
        CASE(GET HOST "A: b\r\n\r\n", 0),
        CASE(GET HOST "A:b\xc3\xa9\r\n\r\n", 0),
        CASE(GET HOST "A : b\r\n\r\n", 400),
        CASE(GET HOST " A: b\r\n\r\n", 400),
        CASE(GET HOST "A: b\r\n c\r\n\r\n", 400),
        CASE(GET HOST "A: b\r\n\tc\r\n\r\n", 400),
        CASE(GET " " HOST "\r\n", 400),
        CASE(GET HOST ": b\r\n\r\n", 400),
        CASE(GET HOST "A\r\n\r\n", 400),
        CASE(GET HOST "A b: c\r\n\r\n", 400),
        CASE(GET HOST "\xc3\xa9: c\r\n\r\n", 400),
        CASE(GET HOST "A\0: c\r\n\r\n", 400),
        CASE(GET HOST "A: b\0c\r\n\r\n", 400),
        CASE(GET HOST "A: b\rc\r\n\r\n", 400),
        CASE(GET HOST "A: b\r\r\n\r\n", 400),
        CASE(GET HOST "A: b\nC: d\r\n\r\n", 400),
        CASE(GET HOST "A: \x7f\r\n\r\n", 400),
        CASE(GET HOST "A: \x0b\r\n\r\n", 400),
        CASE(GET HOST HOST "\r\n", 400),
        CASE(GET "Host: a/b\r\n\r\n", 400),
        CASE(GET "HOST: a\r\n\r\n", 0),
        CASE("GET http://a/ HTTP/1.1\r\n\r\n", 400), /* Host all the same */
    };
    check_cases(cases, ARRAY_LEN(cases));
}

TEST(framing)
{
    static const struct head_case cases[] = {
        CASE(GET HOST "Content-Length: 5\r\n\r\n", 0),
        CASE(GET HOST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0),
        CASE(GET HOST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 5\r\nContent-Length: 05\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 5, 5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: +5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: -5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 0x5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 5 5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length:\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 9223372036854775807\r\n\r\n", 0),
        CASE(GET HOST "Content-Length: 9223372036854775808\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 18446744073709551616\r\n\r\n", 400),
        CASE(GET HOST "Content-Length : 5\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: chunked\r\n\r\n", 0),
        CASE(GET HOST "Transfer-Encoding: Chunked\r\n\r\n", 0),
        CASE(GET HOST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 400),
        CASE(GET HOST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
        CASE(GET HOST "Transfer-Encoding: gzip\r\n\r\n", 501),
        CASE(GET HOST "Transfer-Encoding: identity\r\n\r\n", 501),
        CASE(GET HOST "Transfer-Encoding: xchunked\r\n\r\n", 501),
        CASE(GET HOST "Transfer-Encoding: chunked;q=1\r\n\r\n", 501),
        CASE(GET HOST "Transfer-Encoding:\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: ,chunked\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: chunked,\r\n\r\n", 400),
        CASE(GET HOST "Transfer-Encoding: \x0b"
                      "chunked\r\n\r\n",
             400),
        CASE("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        CASE(GET HOST "Expect: 100-Continue\r\n\r\n", 0),
        CASE(GET HOST "Expect: 200-ok\r\n\r\n", 417),
        CASE(GET HOST "Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n", 400),
    };
    check_cases(cases, ARRAY_LEN(cases));
    CHECK_INT(parse(S(GET HOST "Content-Length: 05\r\n\r\n")), 0);
    CHECK_INT(head.content_length, 5);
    CHECK_INT(parse(S(GET HOST "TRANSFER-encoding: \tCHUNKED \r\n\r\n")), 0);
    CHECK(head.chunked && head.content_length == 0);
}

TEST(connection_options)
{
    CHECK_INT(parse(S(GET HOST "Connection: keep-alive, Close\r\n\r\n")), 0);
    CHECK(!head.keep_alive);
    CHECK_INT(parse(S(GET HOST "Connection: x\r\nConnection: close\r\n\r\n")), 0);
    CHECK(!head.keep_alive);
    CHECK_INT(parse(S(GET HOST "Connection: closed\r\n\r\n")), 0);
    CHECK(head.keep_alive);
    CHECK_INT(parse(S("GET / HTTP/1.0\r\n\r\n")), 0);
    CHECK(!head.keep_alive && head.minor == 0 && span_is_absent(head.host));
    CHECK_INT(parse(S("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")), 0);
    CHECK(head.keep_alive);
    CHECK_INT(parse(S("GET / HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n")), 0);
    CHECK(!head.keep_alive);
}

TEST(an_expectation_counts_since_1_1_and_also_before_an_empty_body)
{
    CHECK_INT(parse(S(GET HOST "Expect: 100-continue\r\nContent-Length: 1\r\n\r\n")), 0);
    CHECK(head.expects_continue);
    CHECK_INT(parse(S(GET HOST "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n")), 0);
    CHECK(head.expects_continue);
    CHECK_INT(parse(S(GET HOST "Expect: 100-continue\r\nContent-Length: 0\r\n\r\n")), 0);
    CHECK(head.expects_continue);
    CHECK_INT(parse(S("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n")), 0);
    CHECK(!head.expects_continue);
}

TEST(the_end_is_found_at_every_cut)
{
    struct span text = S("PUT /x HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\nrest\r\n\r\n");
    for (size_t first = 0; first <= text.len; first++) {
        struct http_head_scan scan = {0};
        int64_t found = http_head_find(&scan, span_first(text, first));
        CHECK_INT(found, first < 34 ? 0 : 34);
        if (!found)
            found = http_head_find(&scan, text);
        CHECK_INT(found, 34);
        CHECK_INT(scan.lines, 3);
        CHECK_INT(scan.request_line, 17);
    }
    CHECK_INT(http_head_blank(S("\r\n\r\nGET")), 4);
    CHECK_INT(http_head_blank(S("\r\n\r")), 2);
    CHECK_INT(http_head_blank(S("\n")), 0);
}
