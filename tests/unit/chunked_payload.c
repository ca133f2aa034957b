// SPDX-License-Identifier: Apache-2.0
/*
 * Cases for wire/chunked_payload: the examples of the S3 API reference ("Transferring Payload in
 * Multiple Chunks", "Including Trailing Headers"), each way to be refused, and every case cut at
 * every byte.
 */
#include "test.h"

#include "base/buf.h"
#include "wire/chunked_payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SECRET "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static struct chunked_payload payload;
static struct hmac_key key;
static struct buf body, decoded;
static int take_error;

static struct sigv4_claim claim_of(enum SIGV4_PAYLOAD variant, struct span seed)
{
    sigv4_key(S(SECRET), S("20130524"), S("us-east-1"), S("s3"), &key);
    return (struct sigv4_claim){
        .date = S("20130524"),
        .region = S("us-east-1"),
        .service = S("s3"),
        .timestamp = S("20130524T000000Z"),
        .signature = seed,
        .payload = variant,
    };
}

static int take(void *into, struct span piece)
{
    CHECK(into == &decoded && piece.len > 0);
    buf_append(&decoded, piece);
    return take_error;
}

/* Feeds `raw` as two pieces, the second one byte by byte when it is short. */
static enum CHUNKED_STATUS run_cut(const struct sigv4_claim *claim, struct span raw, size_t at)
{
    buf_clear(&decoded);
    chunked_init(&payload, claim, &key);
    enum CHUNKED_STATUS status = chunked_feed(&payload, span_first(raw, at), take, &decoded, NULL);
    struct span rest = span_from(raw, at);
    size_t step = rest.len > 4096 ? rest.len : 1;
    for (; rest.len; rest = span_from(rest, step))
        status = chunked_feed(&payload, span_first(rest, step), take, &decoded, NULL);
    return status;
}

static enum CHUNKED_STATUS run(const struct sigv4_claim *claim)
{
    return run_cut(claim, buf_span(&body), body.len);
}

static void begin(void)
{
    buf_done(&body);
    buf_done(&decoded);
    buf_init(&body, 64 << 20);
    buf_init(&decoded, 64 << 20);
    take_error = 0;
}

static void append_letters(size_t count)
{
    char *room = buf_room(&body, count);
    memset(room, 'a', count);
    body.len += count;
}

/* The documentation's body: 65536 + 1024 letters 'a'. */
static void published_body(const char *const signatures[3], const char *end)
{
    begin();
    buf_printf(&body, "10000;chunk-signature=%s\r\n", signatures[0]);
    append_letters(65536);
    buf_printf(&body, "\r\n400;chunk-signature=%s\r\n", signatures[1]);
    append_letters(1024);
    buf_printf(&body, "\r\n0;chunk-signature=%s\r\n%s", signatures[2], end);
}

static void check_all_letters(void)
{
    CHECK_INT(decoded.len, 66560);
    CHECK_INT(payload.decoded, 66560);
    for (size_t i = 0; i < decoded.len; i++)
        if (decoded.at[i] != 'a')
            test_fail(__FILE__, __LINE__, "byte %zu is %d", i, decoded.at[i]);
}

static const char *const plain_chain[] = {
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
};
#define PLAIN_SEED S("4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")

static const char *const trailer_chain[] = {
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
};
#define TRAILER_SEED S("106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
#define TRAILER_SIGNATURE "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"

TEST(published_chunks)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_CHUNKS, PLAIN_SEED);
    published_body(plain_chain, "\r\n");
    CHECK_INT(body.len, 66824); /* the content-length that the documentation gives */
    CHECK_INT(run(&claim), CHUNKED_DONE);
    check_all_letters();
    CHECK_INT(payload.chunks, 3);
    CHECK_INT(payload.trailer_count, 0);
}

TEST(published_chunks_cut_anywhere)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_CHUNKS, PLAIN_SEED);
    published_body(plain_chain, "\r\n");
    size_t at = 0;
    for (; at < 200; at++)
        CHECK_INT(run_cut(&claim, buf_span(&body), at), CHUNKED_DONE);
    for (at = 65500; at < body.len; at += at < 65800 || at > 66600 ? 1 : 50)
        CHECK_INT(run_cut(&claim, buf_span(&body), at), CHUNKED_DONE);
    check_all_letters();
}

TEST(published_trailer)
{
    static const char *const ends[] = {
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" TRAILER_SIGNATURE "\r\n\r\n",
        "x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:" TRAILER_SIGNATURE "\r\n\r\n",
        "X-Amz-Checksum-CRC32C : sOO8/Q== \r\nX-Amz-Trailer-Signature: " TRAILER_SIGNATURE
        "\r\n\r\n",
    };
    struct sigv4_claim claim = claim_of(PAYLOAD_CHUNKS_TRAILER, TRAILER_SEED);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        published_body(trailer_chain, ends[i]);
        CHECK_INT(run(&claim), CHUNKED_DONE);
        check_all_letters();
        CHECK_INT(payload.trailer_count, 1);
        CHECK_SPAN(payload.trailers[0].name, S("x-amz-checksum-crc32c"));
        CHECK_SPAN(payload.trailers[0].value, S("sOO8/Q=="));
        for (size_t at = body.len - 200; at < body.len; at++)
            CHECK_INT(run_cut(&claim, buf_span(&body), at), CHUNKED_DONE);
        CHECK_SPAN(payload.trailers[0].value, S("sOO8/Q=="));
    }
}

TEST(wrong_signatures_are_refused)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_CHUNKS_TRAILER, TRAILER_SEED);
    const char *end =
        "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" TRAILER_SIGNATURE "\r\n\r\n";
    for (int i = 0; i < 3; i++) {
        const char *chain[] = {trailer_chain[0], trailer_chain[1], trailer_chain[2]};
        chain[i] = ZEROS;
        published_body(chain, end);
        CHECK_INT(run(&claim), CHUNKED_BAD_SIGNATURE);
        CHECK_INT(payload.chunks, i + 1);
    }
    published_body(trailer_chain,
                   "x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:" ZEROS "\r\n\r\n");
    CHECK_INT(run(&claim), CHUNKED_BAD_SIGNATURE);
    published_body(trailer_chain,
                   "x-amz-checksum-crc32c:sOO8/R==\r\nx-amz-trailer-signature:" TRAILER_SIGNATURE
                   "\r\n\r\n");
    CHECK_INT(run(&claim), CHUNKED_BAD_SIGNATURE);
    published_body(trailer_chain, end);
    body.at[60000] = 'b';
    CHECK_INT(run(&claim), CHUNKED_BAD_SIGNATURE);
    published_body(trailer_chain, end);
    claim.signature = S(ZEROS);
    CHECK_INT(run(&claim), CHUNKED_BAD_SIGNATURE);
    /* It stays refused. */
    CHECK_INT(chunked_feed(&payload, S("0"), take, &decoded, NULL), CHUNKED_BAD_SIGNATURE);
}

static const struct {
    enum SIGV4_PAYLOAD variant;
    const char *raw;
    enum CHUNKED_STATUS status;
    const char *decoded, *trailers;
} cases[] = {
    {PAYLOAD_UNSIGNED_TRAILER, "0\r\n\r\n", CHUNKED_DONE, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\n\r\n", CHUNKED_DONE, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n",
     CHUNKED_DONE, "hello", "x-amz-checksum-crc32=NhCmhg==;"},
    {PAYLOAD_UNSIGNED_TRAILER, "009\r\n0\r\n\r\n5\r\nx\r\n0\r\nA:1\r\nb:\t 2 \r\n\r\n",
     CHUNKED_DONE, "0\r\n\r\n5\r\nx", "a=1;b=2;"},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\nA:\r\n\r\n", CHUNKED_DONE, "hello", "a=;"},
    /* Not complete, however long one waits. */
    {PAYLOAD_UNSIGNED_TRAILER, "", CHUNKED_MORE, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhel", CHUNKED_MORE, "hel", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n", CHUNKED_MORE, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\n", CHUNKED_MORE, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\na:1\r\n", CHUNKED_MORE, "hello", ""},
    /* Malformed. */
    {PAYLOAD_UNSIGNED_TRAILER, "\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\nhello\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "0x5\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, " 5\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "-5\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5g\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5;a=b\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "1000000000000000\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhelloX", CHUNKED_MALFORMED, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\rX", CHUNKED_MALFORMED, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\nno colon\r\n", CHUNKED_MALFORMED, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\n:x\r\n", CHUNKED_MALFORMED, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n0\r\na:1\n", CHUNKED_MALFORMED, "hello", ""},
    {PAYLOAD_UNSIGNED_TRAILER, "0\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\n\r\n",
     CHUNKED_DONE, "", "a=1;b=1;c=1;d=1;e=1;f=1;g=1;h=1;"},
    {PAYLOAD_UNSIGNED_TRAILER,
     "0\r\na:1\r\nb:1\r\nc:1\r\nd:1\r\ne:1\r\nf:1\r\ng:1\r\nh:1\r\ni:1\r\n", CHUNKED_MALFORMED, "",
     ""},
    {PAYLOAD_UNSIGNED_TRAILER, "0\r\nx-amz-trailer-signature:" ZEROS "\r\n", CHUNKED_MALFORMED, "",
     ""},
    {PAYLOAD_UNSIGNED_TRAILER, "0\r\n\r\nx", CHUNKED_MALFORMED, "", ""},
    /* Only the last chunk may be small. */
    {PAYLOAD_UNSIGNED_TRAILER, "5\r\nhello\r\n1\r\n", CHUNKED_TOO_SMALL, "hello", ""},
    /* Signed variants without a signature, or with half of one. */
    {PAYLOAD_CHUNKS, "5\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_CHUNKS, "5;chunk-signature=\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_CHUNKS, "5;chunk-signature=0" ZEROS "\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_CHUNKS, "5;Chunk-signature=" ZEROS "\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_CHUNKS, "1000001;chunk-signature=" ZEROS "\r\n", CHUNKED_MALFORMED, "", ""},
    {PAYLOAD_CHUNKS, "1000000;chunk-signature=" ZEROS "\r\n", CHUNKED_MORE, "", ""},
    {PAYLOAD_CHUNKS, "0;chunk-signature=" ZEROS "\r\n", CHUNKED_BAD_SIGNATURE, "", ""},
    {PAYLOAD_CHUNKS_TRAILER, "0\r\n", CHUNKED_MALFORMED, "", ""},
};

static void check_case(size_t i, size_t at)
{
    struct sigv4_claim claim = claim_of(cases[i].variant, S(ZEROS));
    struct span raw = span_of_cstr(cases[i].raw);
    if (run_cut(&claim, raw, at) != cases[i].status)
        test_fail(__FILE__, __LINE__, "case %zu cut at %zu: status %d", i, at, payload.ended);
    CHECK_SPAN(buf_span(&decoded), span_of_cstr(cases[i].decoded));
    if (cases[i].status != CHUNKED_DONE)
        return;
    buf_clear(&body);
    for (size_t t = 0; t < payload.trailer_count; t++)
        buf_printf(&body, "%.*s=%.*s;", SPAN_ARG(payload.trailers[t].name),
                   SPAN_ARG(payload.trailers[t].value));
    CHECK_SPAN(buf_span(&body), span_of_cstr(cases[i].trailers));
}

TEST(cases_cut_anywhere)
{
    begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (size_t at = 0; at <= strlen(cases[i].raw); at++)
            check_case(i, at);
}

TEST(small_chunks_are_counted)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_UNSIGNED_TRAILER, S(ZEROS));
    begin();
    buf_append(&body, S("2000\r\n"));
    append_letters(8192);
    buf_append(&body, S("\r\n1fff\r\n"));
    append_letters(8191);
    struct span good = buf_span(&body);
    buf_append(&body, S("\r\n0\r\n\r\n"));
    CHECK_INT(run(&claim), CHUNKED_DONE);
    CHECK_INT(decoded.len, 8192 + 8191);
    body.len = good.len;
    buf_append(&body, S("\r\n1\r\n"));
    CHECK_INT(run(&claim), CHUNKED_TOO_SMALL);
    CHECK_INT(payload.chunks, 3);
    CHECK_INT(payload.chunk_len, 8191);
}

TEST(long_lines_are_refused)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_UNSIGNED_TRAILER, S(ZEROS));
    begin();
    for (int i = 0; i < 513; i++)
        buf_append_byte(&body, '0');
    CHECK_INT(run(&claim), CHUNKED_MALFORMED);

    begin();
    buf_append(&body, S("0\r\nx:"));
    append_letters(8187);
    buf_append(&body, S("\r\n"));
    struct span longest = buf_span(&body);
    buf_append(&body, S("\r\n"));
    CHECK_INT(run(&claim), CHUNKED_DONE);
    CHECK_INT(payload.trailers[0].value.len, 8187);
    body.len = longest.len - 2;
    buf_append(&body, S("a\r\n\r\n"));
    CHECK_INT(run(&claim), CHUNKED_MALFORMED);
}

TEST(the_taker_can_stop)
{
    struct sigv4_claim claim = claim_of(PAYLOAD_UNSIGNED_TRAILER, S(ZEROS));
    int error = 0;
    begin();
    take_error = -ENOSPC;
    chunked_init(&payload, &claim, NULL);
    CHECK_INT(chunked_feed(&payload, S("5\r\nhello\r\n0\r\n\r\n"), take, &decoded, &error),
              CHUNKED_STOPPED);
    CHECK_INT(error, -ENOSPC);
    CHECK_INT(decoded.len, 5);
    CHECK_INT(chunked_feed(&payload, S("x"), take, &decoded, NULL), CHUNKED_STOPPED);
}
