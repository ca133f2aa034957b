// SPDX-License-Identifier: Apache-2.0
/* Cases for store/key: byte order is component order, and what was written is read. */
#include "test.h"

#include "base/arena.h"
#include "store/key.h"

static struct span made(struct key *key, struct span first, uint64_t second)
{
    key_begin(key, 0x42);
    key_text(key, first);
    key_u64(key, second);
    return key_span(key);
}

TEST(text_is_escaped_and_ended)
{
    struct key key;
    key_begin(&key, 7);
    key_text(&key, S("a\0b"));
    key_raw(&key, S("r\0"));
    CHECK_SPAN(key_span(&key), S("\7a\0\xff"
                                 "b\0\0r\0"));
    CHECK(!key.over);
}

TEST(order_of_keys_is_order_of_components)
{
    static const struct {
        struct span text;
        uint64_t number;
    } ascending[] = {
        {S_INIT(""), 0},       {S_INIT(""), 1},     {S_INIT("\0"), 0},
        {S_INIT("\0\xff"), 0}, {S_INIT("\1"), 0},   {S_INIT("a"), 0},
        {S_INIT("a"), 255},    {S_INIT("a"), 256},  {S_INIT("a"), UINT64_MAX},
        {S_INIT("a\0"), 0},    {S_INIT("a\0b"), 0}, {S_INIT("a\1"), 0},
        {S_INIT("ab"), 0},     {S_INIT("\xff"), 0}, {S_INIT("\xff\xff"), 0},
    };
    struct key left, right;
    for (size_t i = 0; i < ARRAY_LEN(ascending); i++)
        for (size_t j = 0; j < ARRAY_LEN(ascending); j++) {
            int order = span_compare(made(&left, ascending[i].text, ascending[i].number),
                                     made(&right, ascending[j].text, ascending[j].number));
            CHECK_INT((order > 0) - (order < 0), (i > j) - (i < j));
        }
}

TEST(what_was_written_is_read)
{
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    struct key key;
    struct span texts[] = {S(""), S("\0"), S("\0\xff\0"), S("plain"), S("end\0")};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct span rest = span_from(made(&key, texts[i], 77 + i), 1), text;
        uint64_t number;
        CHECK(key_read_text(&rest, &arena, &text));
        CHECK_SPAN(text, texts[i]);
        CHECK(key_read_u64(&rest, &number));
        CHECK_INT(number, 77 + i);
        CHECK_INT(rest.len, 0);
    }
    arena_done(&arena);
}

TEST(malformed_keys_are_refused)
{
    struct arena arena;
    arena_init(&arena, 1024, 1 << 20);
    struct span bad[] = {S(""), S("abc"), S("abc\0"), S("abc\0x"), S("\0")}, text;
    uint64_t number;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK(!key_read_text(&bad[i], &arena, &text));
    struct span seven = S("1234567");
    CHECK(!key_read_u64(&seven, &number));
    arena_done(&arena);
}

TEST(after_prefix_is_the_next_key_without_it)
{
    struct key key = {.len = 0};
    key_raw(&key, S("ab"));
    key_after_prefix(&key);
    CHECK_SPAN(key_span(&key), S("ac"));
    key.len = 0;
    key_raw(&key, S("a\xff\xff"));
    key_after_prefix(&key);
    CHECK_SPAN(key_span(&key), S("b"));
    key.len = 0;
    key_raw(&key, S("\xff\xff"));
    key_after_prefix(&key);
    CHECK_INT(key.len, 0);
}

TEST(too_long_is_noted_and_nothing_is_overrun)
{
    static char text[KEY_MAX];
    struct key key;
    memset(text, 'x', sizeof text);
    key_begin(&key, 1);
    key_text(&key, span_of(text, KEY_MAX - 3));
    CHECK(!key.over);
    CHECK_INT(key.len, KEY_MAX);
    key_raw(&key, S("y"));
    CHECK(key.over);
    CHECK_INT(key.len, KEY_MAX);
}
