// SPDX-License-Identifier: Apache-2.0
/* Cases for items of engines/kv: sizes from the developer guide, canonical bytes, damaged bytes. */
#include "engines/kv/kv.h"
#include "test.h"

static struct arena arena;

static void begin(void)
{
    if (!arena.ceiling)
        arena_init(&arena, 4096, 64 << 20);
    arena_reset(&arena);
}

static struct kv_value text(const char *of)
{
    return (struct kv_value){.type = KV_STRING, .bytes = span_of_cstr(of)};
}

static struct kv_value number(const char *of)
{
    size_t len;
    char *to = arena_alloc(&arena, KV_NUMBER_MAX);
    CHECK_INT(kv_number_read(span_of_cstr(of), to, &len), KV_NUMBER_GOOD);
    return (struct kv_value){.type = KV_NUMBER, .bytes = span_of(to, len)};
}

static struct kv_value list(struct kv_value *at, size_t count)
{
    return (struct kv_value){.type = KV_LIST, .list = {at, count}};
}

static struct kv_value map(struct kv_pair *at, size_t count)
{
    kv_sort_pairs(at, count);
    return (struct kv_value){.type = KV_MAP, .map = {at, count}};
}

static struct kv_value set(enum KV_TYPE type, struct span *at, size_t count)
{
    CHECK(kv_sort_set(at, count));
    return (struct kv_value){.type = type, .set = {at, count}};
}

static struct span encode(const struct kv_map *item)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    kv_item_encode(item, &out);
    CHECK(!out.over);
    struct span bytes = arena_copy(&arena, buf_span(&out));
    buf_done(&out);
    return bytes;
}

/* Everything at once, in an order that is not sorted. */
static struct kv_map everything(void)
{
    struct span *words = ARENA_ARRAY(&arena, struct span, 3);
    words[0] = S("zebra");
    words[1] = S("");
    words[2] = S("ant");
    struct span *blobs = ARENA_ARRAY(&arena, struct span, 2);
    blobs[0] = S("\xff");
    blobs[1] = S("\0");
    struct span *numbers = ARENA_ARRAY(&arena, struct span, 3);
    numbers[0] = number("10").bytes;
    numbers[1] = number("-2.5").bytes;
    numbers[2] = number("0").bytes;
    struct kv_value *values = ARENA_ARRAY(&arena, struct kv_value, 3);
    values[0] = text("first");
    values[1] = number("1e-7");
    values[2] = list(NULL, 0);
    struct kv_pair *inner = ARENA_ARRAY(&arena, struct kv_pair, 2);
    inner[0] = (struct kv_pair){S("y"), {.type = KV_BOOL, .truth = false}};
    inner[1] = (struct kv_pair){S("x"), list(values, 3)};
    struct kv_pair pairs[] = {
        {S("zero"), number("0")},
        {S("name"), text("caf\xc3\xa9")},
        {S("yes"), {.type = KV_BOOL, .truth = true}},
        {S("nothing"), {.type = KV_NULL}},
        {S("blob"), {.type = KV_BINARY, .bytes = S("\0\1\xff")}},
        {S("words"), set(KV_STRING_SET, words, 3)},
        {S("numbers"), set(KV_NUMBER_SET, numbers, 3)},
        {S("blobs"), set(KV_BINARY_SET, blobs, 2)},
        {S("tree"), map(inner, 2)},
        {S("empty map"), map(NULL, 0)},
        {S("empty"), text("")},
    };
    struct kv_map item = {ARENA_ARRAY(&arena, struct kv_pair, ARRAY_LEN(pairs)), ARRAY_LEN(pairs)};
    memcpy(item.at, pairs, sizeof pairs);
    kv_sort_pairs(item.at, item.count);
    return item;
}

TEST(round_trip)
{
    begin();
    struct kv_map item = everything(), back;
    struct span bytes = encode(&item);
    CHECK(kv_item_decode(bytes, &arena, &back));
    CHECK_INT(back.count, item.count);
    CHECK_SPAN(encode(&back), bytes);
    CHECK_INT(kv_map_size(&back), kv_map_size(&item));
    CHECK_INT(kv_item_size(bytes), kv_map_size(&item));
    const struct kv_value *tree = kv_map_get(&back, S("tree"));
    CHECK(tree && tree->type == KV_MAP);
    const struct kv_value *x = kv_map_get(&tree->map, S("x"));
    CHECK(x && x->type == KV_LIST);
    CHECK_INT(x->list.count, 3);
    CHECK_SPAN(x->list.at[0].bytes, S("first"));
    CHECK(kv_map_get(&back, S("yes"))->truth);
    CHECK(!kv_map_get(&tree->map, S("y"))->truth);
    CHECK_SPAN(kv_map_get(&back, S("words"))->set.at[0], S(""));
    CHECK_SPAN(kv_map_get(&back, S("words"))->set.at[2], S("zebra"));
    CHECK(!kv_map_get(&back, S("tre")));
    CHECK(!kv_map_get(&back, S("zz")));
}

TEST(number_sets_are_in_the_order_of_numbers)
{
    begin();
    struct kv_map item = everything();
    const struct kv_set *numbers = &kv_map_get(&item, S("numbers"))->set;
    static const char *const want[] = {"-2.5", "0", "10"};
    for (size_t i = 0; i < 3; i++) {
        char printed[KV_NUMBER_TEXT_MAX];
        size_t len = kv_number_print(numbers->at[i], printed);
        CHECK_SPAN(span_of(printed, len), span_of_cstr(want[i]));
    }
}

TEST(equal_items_have_equal_bytes)
{
    begin();
    struct kv_pair one[] = {{S("b"), number("1.0")}, {S("a"), text("x")}};
    struct kv_pair other[] = {{S("a"), text("x")}, {S("b"), number("10e-1")}};
    kv_sort_pairs(one, 2);
    kv_sort_pairs(other, 2);
    CHECK_SPAN(encode(&(struct kv_map){one, 2}), encode(&(struct kv_map){other, 2}));
}

TEST(many_names_are_sorted)
{
    begin();
    struct kv_pair pairs[300];
    for (unsigned i = 0; i < 300; i++)
        pairs[i] = (struct kv_pair){arena_printf(&arena, "%u", (i * 7919) % 300), text("v")};
    kv_sort_pairs(pairs, 300);
    for (unsigned i = 1; i < 300; i++)
        CHECK(span_compare(pairs[i - 1].name, pairs[i].name) < 0);
}

TEST(a_set_with_a_double)
{
    begin();
    struct span doubled[] = {S("b"), S("a"), S("b")};
    CHECK(!kv_sort_set(doubled, 3));
    struct span single[] = {S("b"), S("a"), S("")};
    CHECK(kv_sort_set(single, 3));
}

/* "DynamoDB item sizes and formats": names and values; 3 bytes for a list or map, 1 for each
 * element; null and Boolean 1. */
TEST(sizes)
{
    begin();
    struct kv_pair shirt[] = {{S("shirt-color"), text("R")}, {S("shirt-size"), text("M")}};
    kv_sort_pairs(shirt, 2);
    CHECK_INT(kv_map_size(&(struct kv_map){shirt, 2}), 23); /* the guide's own example */
    struct kv_value l = list((struct kv_value[]){text("abc"), number("12")}, 2);
    CHECK_INT(kv_value_size(&l), 3 + 2 + 3 + 2);
    struct kv_pair inner[] = {{S("key"), {.type = KV_NULL}}};
    struct kv_value m = map(inner, 1);
    CHECK_INT(kv_value_size(&m), 3 + 1 + 3 + 1);
    struct span words[] = {S("ab"), S("c")};
    struct kv_value s = set(KV_STRING_SET, words, 2);
    CHECK_INT(kv_value_size(&s), 3);
    struct kv_value cafe = text("caf\xc3\xa9");
    CHECK_INT(kv_value_size(&cafe), 5);
    struct kv_value truth = {.type = KV_BOOL, .truth = true};
    CHECK_INT(kv_value_size(&truth), 1);
    struct kv_value empty = list(NULL, 0);
    CHECK_INT(kv_value_size(&empty), 3);
}

TEST(damaged_bytes_are_refused)
{
    begin();
    struct kv_map item = everything(), back;
    struct span bytes = encode(&item);
    for (size_t len = 0; len < bytes.len; len++)
        CHECK(!kv_item_decode(span_first(bytes, len), &arena, &back));
    char *longer = arena_alloc(&arena, bytes.len + 1);
    memcpy(longer, bytes.at, bytes.len);
    longer[bytes.len] = 0;
    CHECK(!kv_item_decode(span_of(longer, bytes.len + 1), &arena, &back));
    CHECK(!kv_item_decode(S("\2\0\0"), &arena, &back));       /* another format */
    CHECK(!kv_item_decode(S("\1\0\1\1a\14"), &arena, &back)); /* a kind that there is not */
    CHECK(!kv_item_decode(S("\1\0\xff\xff\xff\xff\x0f"), &arena, &back)); /* absurd count */
    CHECK(kv_item_decode(S("\1\0\0"), &arena, &back));
    CHECK_INT(back.count, 0);
    CHECK_INT(kv_item_size(SPAN_NONE), 0);
}

static struct span nested(int levels)
{
    struct kv_value *value = ARENA_NEW(&arena, struct kv_value);
    *value = text("leaf");
    for (int i = 1; i < levels; i++) {
        struct kv_value *outer = ARENA_NEW(&arena, struct kv_value);
        *outer = list(value, 1);
        value = outer;
    }
    struct kv_pair pair = {S("a"), *value};
    return encode(&(struct kv_map){&pair, 1});
}

TEST(depth_is_bounded)
{
    struct kv_map back;
    begin();
    CHECK(kv_item_decode(nested(KV_DEPTH_MAX), &arena, &back));
    CHECK(!kv_item_decode(nested(KV_DEPTH_MAX + 1), &arena, &back));
}
