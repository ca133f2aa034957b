// SPDX-License-Identifier: Apache-2.0
/*
 * Documents that base/json must read or refuse, by rule of RFC 8259, with the tokens it must give;
 * skipping, raw text, the writer. Tokens are noted as one letter each and their text.
 */
#include "test.h"

#include "base/json.h"
#include "base/utf8.h"

#include <math.h>

static struct arena arena;
static struct buf notes;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 4096, 1 << 24);
    buf_done(&notes);
    buf_init(&notes, 1 << 20);
}

/* All tokens of the document: "[" "{" "]" "}" T F Z(null) N<text> S<text> K<text>, "." at its end
 * or "!" where it is malformed; blanks between. */
static struct span tokens_of(struct span document)
{
    static const char letters[] = ".!ZTFNSK[]{}";
    struct json_reader reader;
    begin();
    json_reader_init(&reader, document, &arena);
    for (;;) {
        enum JSON_TOKEN token = json_next(&reader);
        if (notes.len)
            buf_append_byte(&notes, ' ');
        buf_append_byte(&notes, letters[token]);
        if (token == JSON_NUMBER || token == JSON_STRING || token == JSON_KEY)
            buf_append(&notes, reader.text);
        if (token == JSON_BAD || token == JSON_END) {
            CHECK_INT(json_next(&reader), token);
            CHECK_INT(json_next(&reader), token);
            return buf_span(&notes);
        }
    }
}

static const struct {
    struct span document, tokens;
} good[] = {
    /* values alone */
    {S_INIT("null"), S_INIT("Z .")},
    {S_INIT("true"), S_INIT("T .")},
    {S_INIT("false"), S_INIT("F .")},
    {S_INIT("\"\""), S_INIT("S .")},
    {S_INIT("0"), S_INIT("N0 .")},
    {S_INIT(" \t\r\n 7 \n"), S_INIT("N7 .")},
    {S_INIT("[]"), S_INIT("[ ] .")},
    {S_INIT("{}"), S_INIT("{ } .")},
    /* numbers keep their text */
    {S_INIT("[-0,0.0,10,-1.5]"), S_INIT("[ N-0 N0.0 N10 N-1.5 ] .")},
    {S_INIT("[1e5,1E5,1e+5,1e-05,0e0,1.25E+2]"),
     S_INIT("[ N1e5 N1E5 N1e+5 N1e-05 N0e0 N1.25E+2 ] .")},
    {S_INIT("123456789012345678901234567890.000100"),
     S_INIT("N123456789012345678901234567890.000100 .")},
    {S_INIT("1e999999"), S_INIT("N1e999999 .")},
    /* nesting and order */
    {S_INIT("{\"a\":{\"b\":[{},[]]},\"c\":[1,{\"d\":null}]}"),
     S_INIT("{ Ka { Kb [ { } [ ] ] } Kc [ N1 { Kd Z } ] } .")},
    {S_INIT(" [ 1 , 2 ] "), S_INIT("[ N1 N2 ] .")},
    {S_INIT("{ \"a\" : 1 , \"b\" : 2 }"), S_INIT("{ Ka N1 Kb N2 } .")},
    {S_INIT("{\"a\":1,\"a\":2}"), S_INIT("{ Ka N1 Ka N2 } .")},
    {S_INIT("{\"\":\"\"}"), S_INIT("{ K S } .")},
    /* strings */
    {S_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), S_INIT("S\"\\/\b\f\n\r\t .")},
    {S_INIT("\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\""), S_INIT("SAé€😀 .")},
    {S_INIT("\"é€😀\""), S_INIT("Sé€😀 .")},
    {S_INIT("\"\\u0000\""), S_INIT("S\0 .")},
    {S_INIT("\"\\uFFFF\\uFFFE\""), S_INIT("S\xef\xbf\xbf\xef\xbf\xbe .")},
    {S_INIT("\"\\uDBFF\\uDFFF\""), S_INIT("S\xf4\x8f\xbf\xbf .")},
    {S_INIT("\"\x7f\""), S_INIT("S\x7f .")},
    {S_INIT("\"\xe2\x80\xa8\""), S_INIT("S\xe2\x80\xa8 .")},
    {S_INIT("{\"\\u006bey\":1}"), S_INIT("{ Kkey N1 } .")},
    {S_INIT("\"\\\\u0041\""), S_INIT("S\\u0041 .")},
    {S_INIT("\"/\""), S_INIT("S/ .")},
};

TEST(good_documents)
{
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        CHECK_SPAN(tokens_of(good[i].document), good[i].tokens);
}

static const struct span bad[] = {
    /* nothing, or too much */
    S_INIT(""),
    S_INIT(" "),
    S_INIT("1 2"),
    S_INIT("[][]"),
    S_INIT("{}}"),
    S_INIT("nullnull"),
    S_INIT("[1]x"),
    S_INIT("\"a\"\"b\""),
    S_INIT("1,"),
    S_INIT("[]\0"),
    S_INIT("\xef\xbb\xbf{}"),
    S_INIT("]"),
    S_INIT("}"),
    S_INIT(","),
    S_INIT(":"),
    /* cut short */
    S_INIT("["),
    S_INIT("{"),
    S_INIT("[1"),
    S_INIT("[1,"),
    S_INIT("{\"a\""),
    S_INIT("{\"a\":"),
    S_INIT("{\"a\":1"),
    S_INIT("{\"a\":1,"),
    S_INIT("\""),
    S_INIT("\"a"),
    S_INIT("\"\\"),
    S_INIT("\"\\u00"),
    S_INIT("\"\\ud83d"),
    S_INIT("nul"),
    S_INIT("tru"),
    S_INIT("fals"),
    S_INIT("[[]"),
    /* commas and colons */
    S_INIT("[1,]"),
    S_INIT("[,1]"),
    S_INIT("[,]"),
    S_INIT("[1,,2]"),
    S_INIT("[1 2]"),
    S_INIT("{\"a\":1,}"),
    S_INIT("{,}"),
    S_INIT("{,\"a\":1}"),
    S_INIT("{\"a\":1,,\"b\":2}"),
    S_INIT("{\"a\" 1}"),
    S_INIT("{\"a\":}"),
    S_INIT("{\"a\":1:2}"),
    S_INIT("{\"a\"::1}"),
    S_INIT("{\"a\",1}"),
    S_INIT("[\"a\":1]"),
    S_INIT("{\"a\"}"),
    S_INIT("{\"a\":1 \"b\":2}"),
    S_INIT("[1;2]"),
    /* wrong pairs, wrong keys */
    S_INIT("[}"),
    S_INIT("{]"),
    S_INIT("[1}"),
    S_INIT("{\"a\":1]"),
    S_INIT("{1:2}"),
    S_INIT("{a:1}"),
    S_INIT("{null:1}"),
    S_INIT("{'a':1}"),
    S_INIT("{[]:1}"),
    /* words */
    S_INIT("True"),
    S_INIT("NULL"),
    S_INIT("undefined"),
    S_INIT("NaN"),
    S_INIT("Infinity"),
    S_INIT("-Infinity"),
    S_INIT("'a'"),
    S_INIT("a"),
    /* numbers */
    S_INIT("01"),
    S_INIT("-01"),
    S_INIT("00"),
    S_INIT("+1"),
    S_INIT("-"),
    S_INIT("--1"),
    S_INIT(".5"),
    S_INIT("-.5"),
    S_INIT("5."),
    S_INIT("5.e1"),
    S_INIT("1e"),
    S_INIT("1e+"),
    S_INIT("1e1.5"),
    S_INIT("1.2.3"),
    S_INIT("0x10"),
    S_INIT("1_000"),
    S_INIT("1 000"),
    S_INIT("- 1"),
    S_INIT("1e 5"),
    S_INIT("\xef\xbc\x91"),
    S_INIT("1a"),
    /* strings */
    S_INIT("\"\n\""),
    S_INIT("\"\t\""),
    S_INIT("\"\0\""),
    S_INIT("\"\x1f\""),
    S_INIT("\"\\x41\""),
    S_INIT("\"\\a\""),
    S_INIT("\"\\'\""),
    S_INIT("\"\\0\""),
    S_INIT("\"\\U0041\""),
    S_INIT("\"\\u004\""),
    S_INIT("\"\\u004g\""),
    S_INIT("\"\\u+041\""),
    S_INIT("\"\\\n\""),
    S_INIT("\"\\\x01\""),
    S_INIT("\"\\\xc3\xa9\""),
    S_INIT("\"\\\0\""),
    /* surrogates */
    S_INIT("\"\\ud83d\""),
    S_INIT("\"\\ude00\""),
    S_INIT("\"\\ud83dx\""),
    S_INIT("\"\\ud83d\\n\""),
    S_INIT("\"\\ud83d\\u0041\""),
    S_INIT("\"\\ud83d\\ud83d\""),
    S_INIT("\"\\ude00\\ud83d\""),
    S_INIT("\"\\ud83d\\ude0\""),
    S_INIT("\"\xed\xa0\x80\""),
    /* UTF-8 */
    S_INIT("\"\x80\""),
    S_INIT("\"\xc3\""),
    S_INIT("\"\xc3(\""),
    S_INIT("\"\xc0\xaf\""),
    S_INIT("\"\xe0\x80\xaf\""),
    S_INIT("\"\xf0\x80\x80\xaf\""),
    S_INIT("\"\xf4\x90\x80\x80\""),
    S_INIT("\"\xf8\x88\x80\x80\x80\""),
    S_INIT("\"\xff\""),
    S_INIT("\"\xe2\x82\""),
    S_INIT("{\"\xff\":1}"),
    S_INIT("[\xc3\xa9]"),
    S_INIT("[\xa0]"),
    S_INIT("\xfe\xff"),
    /* what other notations have */
    S_INIT("/* a */ 1"),
    S_INIT("1 // a"),
    S_INIT("# a\n1"),
    S_INIT("[1,\f2]"),
    S_INIT("[1,\v2]"),
    S_INIT("[1\xc2\xa0]"),
    S_INIT("<a/>"),
    S_INIT("(1)"),
};

TEST(bad_documents)
{
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!span_ends(tokens_of(bad[i]), S("!")))
            test_fail(__FILE__, __LINE__, "accepted \"%.*s\"", SPAN_ARG(bad[i]));
    CHECK(span_ends(tokens_of(SPAN_NONE), S("!")));
}

/* Every beginning of a document that ends with a bracket is malformed. */
TEST(cut_documents)
{
    struct span whole = S("{\"a\\u0041\":[1.5e3,\"\\ud83d\\ude00\",true,false,null,{}]}");
    CHECK(span_ends(tokens_of(whole), S(".")));
    for (size_t len = 0; len < whole.len; len++)
        CHECK(span_ends(tokens_of(span_first(whole, len)), S("!")));
}

static struct span nested(char open, char close, size_t depth)
{
    static char text[2 * JSON_MAX_DEPTH + 16];
    memset(text, open, depth);
    memset(text + depth, close, depth);
    return span_of(text, 2 * depth);
}

TEST(depth_is_limited)
{
    CHECK(span_ends(tokens_of(nested('[', ']', JSON_MAX_DEPTH)), S(".")));
    CHECK(span_ends(tokens_of(nested('[', ']', JSON_MAX_DEPTH + 1)), S("!")));
    begin();
    struct json_reader reader;
    struct buf *deep = &notes;
    for (int i = 0; i <= JSON_MAX_DEPTH; i++)
        buf_append(deep, S("{\"a\":"));
    json_reader_init(&reader, buf_span(deep), &arena);
    for (int i = 0; i < JSON_MAX_DEPTH; i++) {
        CHECK_INT(json_next(&reader), JSON_OBJECT);
        CHECK_INT(json_next(&reader), JSON_KEY);
    }
    CHECK_INT(json_next(&reader), JSON_BAD);
}

/* The bit of a level must be right after other levels were opened and closed, in each word. */
TEST(arrays_and_objects_alternate_to_the_bottom)
{
    struct json_reader reader;
    begin();
    for (int i = 0; i < JSON_MAX_DEPTH / 2; i++)
        buf_append(&notes, S("[{\"a\":"));
    buf_append_byte(&notes, '1');
    for (int i = 0; i < JSON_MAX_DEPTH / 2; i++)
        buf_append(&notes, S("},{}]"));
    json_reader_init(&reader, buf_span(&notes), &arena);
    enum JSON_TOKEN token;
    int tokens = 0;
    while ((token = json_next(&reader)) != JSON_END && token != JSON_BAD)
        tokens++;
    CHECK_INT(token, JSON_END);
    CHECK_INT(tokens, JSON_MAX_DEPTH / 2 * 7 + 1);
}

TEST(strings_without_escapes_are_borrowed)
{
    struct span document = S("[\"plain\",\"esc\\n\"]");
    struct json_reader reader;
    begin();
    json_reader_init(&reader, document, &arena);
    CHECK_INT(json_next(&reader), JSON_ARRAY);
    CHECK_INT(json_next(&reader), JSON_STRING);
    CHECK(reader.text.at == document.at + 2);
    CHECK_INT(json_next(&reader), JSON_STRING);
    CHECK(reader.text.at < document.at || reader.text.at >= document.at + document.len);
}

TEST(raw_text_and_skipping)
{
    static const struct {
        struct span document, raw;
    } cases[] = {
        {S_INIT("{\"k\": {\"a\":[1, {}]} ,\"z\":1}"), S_INIT("{\"a\":[1, {}]}")},
        {S_INIT("{\"k\":[ ] ,\"z\":1}"), S_INIT("[ ]")},
        {S_INIT("{\"k\": \"a\\nb\" ,\"z\":1}"), S_INIT("\"a\\nb\"")},
        {S_INIT("{\"k\": -1.50e3 ,\"z\":1}"), S_INIT("-1.50e3")},
        {S_INIT("{\"k\":null,\"z\":1}"), S_INIT("null")},
        {S_INIT("{\"k\":{\"z\":2},\"z\":1}"), S_INIT("{\"z\":2}")},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        for (int skip = 0; skip < 2; skip++) {
            struct json_reader reader;
            begin();
            json_reader_init(&reader, cases[i].document, &arena);
            CHECK_INT(json_next(&reader), JSON_OBJECT);
            CHECK_INT(json_next(&reader), JSON_KEY);
            enum JSON_TOKEN first = json_next(&reader);
            if (skip)
                CHECK(json_skip(&reader, first));
            else
                CHECK_SPAN(json_raw(&reader, first), cases[i].raw);
            CHECK_INT(json_next(&reader), JSON_KEY);
            CHECK_SPAN(reader.text, S("z"));
            CHECK_INT(json_next(&reader), JSON_NUMBER);
            CHECK_INT(json_next(&reader), JSON_OBJECT_END);
            CHECK_INT(json_next(&reader), JSON_END);
        }
}

TEST(raw_text_of_a_malformed_value_is_absent)
{
    struct json_reader reader;
    begin();
    json_reader_init(&reader, S("[1,}"), &arena);
    CHECK(span_is_absent(json_raw(&reader, json_next(&reader))));
    json_reader_init(&reader, S("tru"), &arena);
    CHECK(span_is_absent(json_raw(&reader, json_next(&reader))));
    json_reader_init(&reader, S("{\"a\":[[[\"x]]]}"), &arena);
    CHECK(!json_skip(&reader, json_next(&reader)));
    CHECK_INT(json_next(&reader), JSON_BAD);
}

TEST(writing)
{
    begin();
    struct json_writer writer = {.out = &notes};
    json_begin_object(&writer);
    json_key(&writer, S("a\"b"));
    json_begin_array(&writer);
    json_i64(&writer, INT64_MIN);
    json_bool(&writer, true);
    json_bool(&writer, false);
    json_literal(&writer, S("1.50"));
    json_begin_object(&writer);
    json_end_object(&writer);
    json_begin_array(&writer);
    json_end_array(&writer);
    json_string(&writer, SPAN_NONE);
    json_end_array(&writer);
    json_key(&writer, S("é"));
    json_string(&writer, S("\\ / \b\f\n\r\t \x01\x1f\x7f é \0"));
    json_end_object(&writer);
    CHECK_SPAN(buf_span(&notes),
               S("{\"a\\\"b\":[-9223372036854775808,true,false,1.50,{},[],\"\"],"
                 "\"é\":\"\\\\ / \\b\\f\\n\\r\\t \\u0001\\u001f\x7f é \\u0000\"}"));
}

static struct span double_text(double value)
{
    begin();
    struct json_writer writer = {.out = &notes};
    json_double(&writer, value);
    return buf_span(&notes);
}

TEST(doubles_are_short_and_exact)
{
    CHECK_SPAN(double_text(0), S("0"));
    CHECK_SPAN(double_text(0.1), S("0.1"));
    CHECK_SPAN(double_text(-1.5), S("-1.5"));
    CHECK_SPAN(double_text(1e300), S("1e+300"));
    CHECK_SPAN(double_text(1.0 / 3), S("0.3333333333333333"));
    CHECK_SPAN(double_text(9007199254740993.0), S("9007199254740992"));
    CHECK_SPAN(double_text(5e-324), S("4.94065645841247e-324"));
    CHECK_SPAN(double_text((double)NAN), S("\"NaN\""));
    CHECK_SPAN(double_text((double)INFINITY), S("\"Infinity\""));
    CHECK_SPAN(double_text(-(double)INFINITY), S("\"-Infinity\""));
}

/* Every byte and many code points survive writer and reader. */
TEST(strings_go_round)
{
    for (uint32_t code_point = 0; code_point < 0x110000;
         code_point += code_point < 0x1000 ? 1 : 251) {
        char text[6] = "<";
        if (code_point >= 0xd800 && code_point < 0xe000)
            continue;
        size_t len = 1 + utf8_encode(code_point, text + 1);
        text[len++] = '>';
        begin();
        struct json_writer writer = {.out = &notes};
        struct json_reader reader;
        json_string(&writer, span_of(text, len));
        json_reader_init(&reader, buf_span(&notes), &arena);
        CHECK_INT(json_next(&reader), JSON_STRING);
        CHECK_SPAN(reader.text, span_of(text, len));
        CHECK_INT(json_next(&reader), JSON_END);
    }
}

#define LONGEST 50 /* bytes, more than three of the widest steps */

/* Escapes as the writer chooses them, byte by byte. */
static struct span quoted_slowly(struct span text, struct buf *out)
{
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_printf(out, "\\%c", text.at[i]);
        else if (text.at[i] == '\n')
            buf_append(out, S("\\n"));
        else if ((unsigned char)text.at[i] < 0x20)
            buf_printf(out, "\\u%04x", (unsigned)text.at[i]);
        else
            buf_append_byte(out, text.at[i]);
    buf_append_byte(out, '"');
    return buf_span(out);
}

static void check_byte(size_t len, size_t at, char byte)
{
    begin();
    char *text = arena_alloc(&arena, len); /* nothing may be read behind it */
    memset(text, 'a', len);
    text[at] = byte;
    struct json_writer writer = {.out = &notes};
    struct buf *wanted = arena_buf(&arena, 1024);
    struct json_reader reader;
    json_string(&writer, span_of(text, len));
    CHECK_SPAN(buf_span(&notes), quoted_slowly(span_of(text, len), wanted));
    json_reader_init(&reader, buf_span(&notes), &arena);
    CHECK_INT(json_next(&reader), JSON_STRING);
    CHECK_SPAN(reader.text, span_of(text, len));
    CHECK_INT(json_next(&reader), JSON_END);
}

TEST(special_bytes_are_found_at_every_place)
{
    static const char bytes[] = "\"\\\n\x01\x1f !#[]~\x7f";
    for (size_t len = 1; len <= LONGEST; len++)
        for (size_t at = 0; at < len; at++)
            for (size_t i = 0; i < sizeof bytes; i++) /* with the NUL */
                check_byte(len, at, bytes[i]);
}

TEST(bytes_that_are_no_utf8_are_found_at_every_place)
{
    for (size_t len = 1; len <= LONGEST; len++)
        for (size_t at = 0; at < len; at++) {
            char text[LONGEST + 2];
            struct json_reader reader;
            begin();
            memset(text, 'a', len + 2);
            text[0] = text[len + 1] = '"';
            text[1 + at] = (char)0xff;
            json_reader_init(&reader, span_of(text, len + 2), &arena);
            CHECK_INT(json_next(&reader), JSON_BAD);
        }
}
