// SPDX-License-Identifier: Apache-2.0
/* Cases for http/chunk: bodies cut at every place, and what is refused. */
#include "test.h"

#include "base/buf.h"
#include "http/chunk.h"

static struct buf body;

/* Feeds `coded` in two parts; the result of the last call, with `body` and what was not read. */
static int decode(struct span coded, size_t cut, size_t *ret_unread)
{
    struct http_chunks chunks = {0};
    struct span rest[2] = {span_first(coded, cut), span_from(coded, cut)};
    int r = HTTP_CHUNK_MORE;
    buf_done(&body);
    buf_init(&body, 1 << 20);
    for (int i = 0; i < 2 && r == HTTP_CHUNK_MORE; i++) {
        struct span piece;
        while ((r = http_chunks_next(&chunks, &rest[i], &piece)) == HTTP_CHUNK_PIECE) {
            CHECK(piece.len > 0);
            buf_append(&body, piece);
        }
        CHECK(r != HTTP_CHUNK_MORE || rest[i].len == 0);
    }
    *ret_unread = rest[0].len + rest[1].len;
    return r;
}

TEST(a_body_is_the_same_wherever_it_is_cut)
{
    struct span coded =
        S("5;a=\"b\"\r\nhello\r\n00B\r\n, world..\r\n\r\n0;x\r\nT-1: v\r\nT2:\r\n\r\nGET /");
    for (size_t cut = 0; cut <= coded.len; cut++) {
        size_t unread;
        CHECK_INT(decode(coded, cut, &unread), HTTP_CHUNK_END);
        CHECK_SPAN(buf_span(&body), S("hello, world..\r\n"));
        CHECK_INT(unread, 5);
    }
}

TEST(an_unfinished_body_wants_more)
{
    struct span coded = S("3\r\nabc\r\n0\r\nT: v\r\n\r\n");
    for (size_t len = 0; len < coded.len; len++) {
        size_t unread;
        CHECK_INT(decode(span_first(coded, len), len / 2, &unread), HTTP_CHUNK_MORE);
    }
}

TEST(what_is_refused)
{
    static const struct {
        struct span coded;
        int result;
    } cases[] = {
        {S_INIT("\r\n"), -400},
        {S_INIT("g\r\n"), -400},
        {S_INIT("0x5\r\nhello\r\n"), -400},
        {S_INIT("-1\r\n"), -400},
        {S_INIT(" 5\r\nhello\r\n"), -400},
        {S_INIT("5 \r\nhello\r\n"), -400},
        {S_INIT("5\nhello\r\n"), -400},
        {S_INIT("5\rhello\r\n"), -400},
        {S_INIT(";a\r\n"), -400},
        {S_INIT("5;a\nhello"), -400},
        {S_INIT("5;a\0b\r\nhello"), -400},
        {S_INIT("5\r\nhellox\r\n"), -400},
        {S_INIT("5\r\nhello\n"), -400},
        {S_INIT("5\r\nhello\rx"), -400},
        {S_INIT("5\r\nhello0\r\n\r\n"), -400},
        {S_INIT("00000000000000005\r\nhello"), -400},
        {S_INIT("8000000000000000\r\n"), -413},
        {S_INIT("FFFFFFFFFFFFFFFF\r\n"), -413},
        {S_INIT("0\r\n\n"), -400},
        {S_INIT("0\r\n\rx"), -400},
        {S_INIT("0\r\n T: v\r\n\r\n"), -400},
        {S_INIT("0\r\nT : v\r\n\r\n"), -400},
        {S_INIT("0\r\nT\r\n\r\n"), -400},
        {S_INIT("0\r\n: v\r\n\r\n"), -400},
        {S_INIT("0\r\nT: v\nU: w\r\n\r\n"), -400},
        {S_INIT("0\r\nT: \x01\r\n\r\n"), -400},
        {S_INIT("0\r\nT: v\r\n u\r\n\r\n"), -400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t cut = 0; cut <= cases[i].coded.len; cut++) {
            size_t unread;
            int r = decode(cases[i].coded, cut, &unread);
            if (r != cases[i].result)
                test_fail(__FILE__, __LINE__, "case %zu cut at %zu: %d", i, cut, r);
        }
    size_t unread;
    CHECK_INT(decode(S("7fffffffffffffff\r\nx"), 0, &unread), HTTP_CHUNK_MORE);
}

/* `line` as often as it takes to pass a limit, then the result. */
static int repeat(struct span first, struct span line, size_t count)
{
    struct http_chunks chunks = {0};
    struct span piece, input = first;
    int r = http_chunks_next(&chunks, &input, &piece);
    for (size_t i = 0; i < count && r >= 0; i++)
        for (input = line; r >= 0 && input.len;)
            r = http_chunks_next(&chunks, &input, &piece);
    return r;
}

TEST(extensions_and_trailers_are_bounded)
{
    struct span trailer = S("T: v\r\n"), extended = S("1;e\r\nx\r\n");
    CHECK_INT(repeat(S("0\r\n"), trailer, HTTP_CHUNK_TRAILERS / trailer.len), HTTP_CHUNK_MORE);
    CHECK_INT(repeat(S("0\r\n"), trailer, HTTP_CHUNK_TRAILERS / trailer.len + 1), -431);
    CHECK_INT(repeat(S(""), extended, HTTP_CHUNK_EXTENSIONS), HTTP_CHUNK_MORE);
    CHECK_INT(repeat(S(""), extended, HTTP_CHUNK_EXTENSIONS + 1), -400);
    CHECK_INT(repeat(S(""), S("1\r\nx\r\n"), 100000), HTTP_CHUNK_MORE);
    buf_done(&body);
}
