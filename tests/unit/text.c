// SPDX-License-Identifier: Apache-2.0
/* Cases for base/text: the vectors of RFC 4648, and what strict decoders refuse. */
#include "test.h"

#include "base/base64_way.h"
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

/* Against the tables, which the vectors above are for. */
static void compare_ways(const struct base64_way *way, struct span bytes)
{
    size_t size = (bytes.len + 2) / 3 * 4;
    char *want = arena_alloc(&arena, size), *text = arena_alloc(&arena, size);
    char *back = arena_alloc(&arena, size / 4 * 3);
    base64_encode(NULL, bytes, want);
    base64_encode(way, bytes, text);
    CHECK_SPAN(span_of(text, size), span_of(want, size));
    CHECK_INT(base64_decode_to(way, span_of(text, size), back), bytes.len);
    CHECK_SPAN(span_of(back, bytes.len), bytes);
    for (size_t at = 0; at < size; at++) {
        char good = text[at];
        text[at] = (char)random_u64();
        size_t len = base64_decode_to(NULL, span_of(text, size), want);
        CHECK_INT(base64_decode_to(way, span_of(text, size), back), len);
        CHECK(len == SIZE_MAX || !memcmp(want, back, len));
        text[at] = good;
    }
}

TEST(base64_is_the_same_in_every_way)
{
    for (enum BASE64_WAY way = 0; way < BASE64_WAYS; way++)
        for (size_t len = 0; base64_way(way) && len < 300; len++) {
            begin();
            char *bytes = arena_alloc(&arena, len); /* the sanitizer sees its ends */
            random_bytes(bytes, len);
            compare_ways(base64_way(way), span_of(bytes, len));
        }
}

TEST(every_octet_is_a_letter_or_none_in_every_way)
{
    char text[64], back[48];
    for (enum BASE64_WAY way = 0; way < BASE64_WAYS; way++)
        for (int octet = 0; base64_way(way) && octet < 256; octet++)
            for (size_t at = 0; at < 60; at++) {
                memset(text, 'A', sizeof text);
                text[at] = (char)octet;
                bool letter = octet == '+' || octet == '/' || (octet >= '0' && octet <= '9') ||
                              (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
                size_t len = base64_decode_to(base64_way(way), span_of(text, sizeof text), back);
                CHECK_INT(len, letter ? sizeof back : SIZE_MAX);
            }
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
