// SPDX-License-Identifier: Apache-2.0
/* Cases for base/span, base/arena and base/buf. */
#include "test.h"

#include "base/arena.h"
#include "base/buf.h"

TEST(cut_gives_every_part)
{
    struct span rest = S("a,,b");
    CHECK_SPAN(span_cut(&rest, ','), S("a"));
    CHECK_SPAN(span_cut(&rest, ','), S(""));
    CHECK_SPAN(span_cut(&rest, ','), S("b"));
    CHECK(span_is_absent(rest));
}

TEST(numbers_are_strict)
{
    uint64_t value = 7;
    int64_t number = 7;
    CHECK(span_to_u64(S("18446744073709551615"), &value) && value == UINT64_MAX);
    CHECK(!span_to_u64(S("18446744073709551616"), &value));
    CHECK(!span_to_u64(S(""), &value));
    CHECK(!span_to_u64(S("+1"), &value));
    CHECK(!span_to_u64(S("1 "), &value));
    CHECK(value == UINT64_MAX);
    CHECK(span_to_i64(S("-9223372036854775808"), &number) && number == INT64_MIN);
    CHECK(!span_to_i64(S("-9223372036854775809"), &number));
    CHECK(!span_to_i64(S("9223372036854775808"), &number));
}

TEST(compare_is_byte_order)
{
    CHECK(span_compare(S("a"), S("ab")) < 0);
    CHECK(span_compare(S("b"), S("ab")) > 0);
    CHECK(span_compare(S("a"), S("a")) == 0);
    CHECK(span_compare(S("\xff"), S("a")) > 0);
    CHECK(span_eq_nocase(S("Content-MD5"), S("content-md5")));
    CHECK(span_starts(S("abc"), S("ab")) && !span_starts(S("a"), S("ab")));
    CHECK(span_ends(S("abc"), S("bc")) && !span_ends(S("c"), S("bc")));
}

TEST(arena_gives_back_what_came_after_a_mark)
{
    struct arena arena;
    arena_init(&arena, 256, 1 << 20);
    struct span kept = arena_copy(&arena, S("kept"));
    struct arena_mark mark = arena_mark(&arena);
    for (int i = 0; i < 100; i++)
        memset(arena_alloc(&arena, 1000), 'x', 1000);
    arena_rewind(&arena, mark);
    CHECK_SPAN(kept, S("kept"));
    CHECK_INT(arena.taken, 0);
    CHECK_SPAN(arena_printf(&arena, "%d-%s", 7, "x"), S("7-x"));
    arena_done(&arena);
}

static int ended;

static void note_end(void *thing)
{
    ended = ended * 10 + *(int *)thing;
}

TEST(arena_runs_deferred_functions_newest_first)
{
    struct arena arena;
    int one = 1, two = 2;
    ended = 0;
    arena_init(&arena, 256, 1 << 20);
    arena_defer(&arena, note_end, &one);
    arena_defer(&arena, note_end, &two);
    arena_reset(&arena);
    CHECK_INT(ended, 21);
    arena_done(&arena);
}

TEST(arena_ends_what_was_deferred_after_a_mark)
{
    struct arena arena;
    int one = 1, two = 2;
    ended = 0;
    arena_init(&arena, 256, 1 << 20);
    arena_defer(&arena, note_end, &one);
    struct arena_mark mark = arena_mark(&arena);
    arena_defer(&arena, note_end, &two);
    memset(arena_alloc(&arena, 1000), 'x', 1000);
    arena_rewind(&arena, mark);
    CHECK_INT(ended, 2);
    arena_reset(&arena);
    CHECK_INT(ended, 21);
    arena_done(&arena);
}

TEST(buf_with_a_ceiling_beyond_memory)
{
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    buf_append(&buf, S("abc"));
    CHECK(!buf_room(&buf, SIZE_MAX - 1) && buf.over);
    CHECK_SPAN(buf_span(&buf), S("abc"));
    buf_done(&buf);
}

TEST(buf_stops_at_its_ceiling)
{
    struct buf buf;
    buf_init(&buf, 300);
    for (int i = 0; i < 299; i++)
        buf_append_byte(&buf, 'x');
    buf_append(&buf, S("yz"));
    CHECK(buf.over);
    CHECK_INT(buf.len, 299);
    buf_append_byte(&buf, 'y');
    CHECK_INT(buf.len, 300);
    CHECK_INT(buf.at[299], 'y');
    buf_done(&buf);
}

TEST(buf_prints_numbers)
{
    struct buf buf;
    buf_init(&buf, 1000);
    buf_append_i64(&buf, INT64_MIN);
    buf_append_byte(&buf, ' ');
    buf_append_u64(&buf, 0);
    CHECK_SPAN(buf_span(&buf), S("-9223372036854775808 0"));
    buf_drop(&buf, 20);
    CHECK_SPAN(buf_span(&buf), S(" 0"));
    buf_done(&buf);
}
