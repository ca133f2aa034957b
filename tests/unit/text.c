// SPDX-License-Identifier: Apache-2.0
/* Cases for base/text: the vectors of RFC 4648, and what strict decoders refuse. */
#include "test.h"

#include "base/id.h"
#include "base/text.h"

static struct arena arena;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 4096, 1 << 24);
}

static const struct {
    struct span plain, base64, hex;
} vectors[] = {
    {S_INIT(""), S_INIT(""), S_INIT("")},
    {S_INIT("f"), S_INIT("Zg=="), S_INIT("66")},
    {S_INIT("fo"), S_INIT("Zm8="), S_INIT("666f")},
    {S_INIT("foo"), S_INIT("Zm9v"), S_INIT("666f6f")},
    {S_INIT("foob"), S_INIT("Zm9vYg=="), S_INIT("666f6f62")},
    {S_INIT("fooba"), S_INIT("Zm9vYmE="), S_INIT("666f6f6261")},
    {S_INIT("foobar"), S_INIT("Zm9vYmFy"), S_INIT("666f6f626172")},
    {S_INIT("\xfb\xff\xbf"), S_INIT("+/+/"), S_INIT("fbffbf")},
};

TEST(rfc4648_vectors)
{
    begin();
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        CHECK_SPAN(base64_of(&arena, vectors[i].plain), vectors[i].base64);
        CHECK_SPAN(hex_of(&arena, vectors[i].plain), vectors[i].hex);
        CHECK_SPAN(base64_decode(&arena, vectors[i].base64), vectors[i].plain);
        CHECK(!span_is_absent(base64_decode(&arena, vectors[i].base64)));
        CHECK_SPAN(hex_decode(&arena, vectors[i].hex), vectors[i].plain);
        CHECK(!span_is_absent(hex_decode(&arena, vectors[i].hex)));
    }
    CHECK_SPAN(hex_decode(&arena, S("DeadBEEF")), S("\xde\xad\xbe\xef"));
}

TEST(base64_refuses)
{
    static const char *const bad[] = {
        "Z",    "Zg",       "Zg=",     "Zm9",  "====",     "=m9v",     "Zm=v", "Zg==Zg==",
        "Zg=v", "Z===",     "Zm9v\n",  "Zm9 ", "Zm 9v===", "Zm9-",     "Zm9_", "Zh==",
        "Zm9=", "Zm9vZ===", "Zm9\xc3", "=",    "Zm9v=Zg=", "Zm9v====",
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!span_is_absent(base64_decode(&arena, span_of_cstr(bad[i]))))
            test_fail(__FILE__, __LINE__, "accepted \"%s\"", bad[i]);
    CHECK(span_is_absent(base64_decode(&arena, SPAN_NONE)));
    CHECK(span_is_absent(base64_decode(&arena, S("Zm9\0"))));
}

TEST(hex_refuses)
{
    begin();
    CHECK(span_is_absent(hex_decode(&arena, S("0"))));
    CHECK(span_is_absent(hex_decode(&arena, S("0g"))));
    CHECK(span_is_absent(hex_decode(&arena, S("g0"))));
    CHECK(span_is_absent(hex_decode(&arena, S("00 0"))));
    CHECK(span_is_absent(hex_decode(&arena, S("\xff\xff"))));
    CHECK(span_is_absent(hex_decode(&arena, SPAN_NONE)));
}

TEST(base64_append_stops_at_the_ceiling)
{
    struct buf buf;
    buf_init(&buf, 10);
    base64_append(&buf, S("foob"));
    CHECK_SPAN(buf_span(&buf), S("Zm9vYg=="));
    base64_append(&buf, S(""));
    CHECK(!buf.over);
    base64_append(&buf, S("f"));
    CHECK(buf.over);
    CHECK_INT(buf.len, 8);
    buf_done(&buf);
}

TEST(what_is_encoded_decodes_again)
{
    char bytes[100];
    for (int round = 0; round < 2000; round++) {
        begin();
        struct span s = span_of(bytes, (size_t)(random_u64() % sizeof bytes));
        random_bytes(bytes, sizeof bytes);
        CHECK_SPAN(base64_decode(&arena, base64_of(&arena, s)), s);
        CHECK_SPAN(hex_decode(&arena, hex_of(&arena, s)), s);
        CHECK_SPAN(uri_decode(&arena, uri_encode(&arena, s, URI_SLASH_ENCODED)), s);
        CHECK_SPAN(uri_decode(&arena, uri_encode(&arena, s, URI_SLASH_KEPT)), s);
        CHECK_SPAN(form_decode(&arena, uri_encode(&arena, s, URI_SLASH_ENCODED)), s);
    }
}

TEST(uri_encoding_is_as_sigv4_wants_it)
{
    struct buf buf;
    begin();
    CHECK_SPAN(uri_encode(&arena, S("a b/c+d=é"), URI_SLASH_ENCODED), S("a%20b%2Fc%2Bd%3D%C3%A9"));
    CHECK_SPAN(uri_encode(&arena, S("a b/c"), URI_SLASH_KEPT), S("a%20b/c"));
    struct span plain = S("AZaz09-_.~");
    CHECK(uri_encode(&arena, plain, URI_SLASH_ENCODED).at == plain.at);
    CHECK_SPAN(uri_encode(&arena, S("!*'()"), URI_SLASH_ENCODED), S("%21%2A%27%28%29"));
    CHECK_SPAN(uri_encode(&arena, S("\0"), URI_SLASH_ENCODED), S("%00"));
    buf_init(&buf, 5);
    uri_append(&buf, S("/"), URI_SLASH_ENCODED);
    uri_append(&buf, S("/"), URI_SLASH_KEPT);
    CHECK_SPAN(buf_span(&buf), S("%2F/"));
    uri_append(&buf, S(" "), URI_SLASH_KEPT);
    CHECK(buf.over);
    CHECK_SPAN(buf_span(&buf), S("%2F/"));
    buf_done(&buf);
}

TEST(uri_decoding)
{
    begin();
    struct span plain = S("plain+text");
    CHECK(uri_decode(&arena, plain).at == plain.at);
    CHECK_SPAN(form_decode(&arena, plain), S("plain text"));
    CHECK_SPAN(form_decode(&arena, S("a%2Bb+c")), S("a+b c"));
    CHECK_SPAN(uri_decode(&arena, S("%41%6a%6A")), S("Ajj"));
    CHECK_SPAN(uri_decode(&arena, S("%00")), S("\0"));
    CHECK_SPAN(uri_decode(&arena, S("%25%32%35")), S("%25"));
    CHECK(span_is_absent(uri_decode(&arena, S("%"))));
    CHECK(span_is_absent(uri_decode(&arena, S("a%4"))));
    CHECK(span_is_absent(uri_decode(&arena, S("a%4g"))));
    CHECK(span_is_absent(form_decode(&arena, S("+%%41"))));
    CHECK(!span_is_absent(uri_decode(&arena, S(""))));
}
