// SPDX-License-Identifier: Apache-2.0
/* Objects and assemblies of the engine: every byte is where it was put, every reference is dropped
 * exactly once. */
#include "store_helper.h"

#include "base/buf.h"
#include "engines/object/object.h"

#include <errno.h>

#define MIB (1 << 20)

static struct store *store;
static struct arena arena;
static struct object_bucket bucket;
static char pattern[4 * MIB];

static void begin(void)
{
    if (!store) {
        store = test_store_new();
        arena_init(&arena, 64 * 1024, 512 << 20);
        for (size_t i = 0; i < sizeof pattern; i++)
            pattern[i] = (char)((i * 2654435761u) >> 11);
    }
    bucket = (struct object_bucket){.txn = txn_begin(store), .arena = &arena, .id = 1};
}

static void commit(void)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(bucket.txn, &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
    arena_reset(&arena);
}

static void again(void)
{
    commit();
    begin();
}

static uint64_t live(void)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.extent_bytes_live;
}

static bool becomes_live(uint64_t wanted)
{
    for (int i = 0; i < 3000 && live() != wanted; i++)
        usleep(1000);
    return live() == wanted;
}

static enum EXTENT_KIND extent_kind;

/* `len` bytes of the pattern from `from` on, in extents of one MiB. */
static struct content in_extents(size_t from, size_t len)
{
    struct extent extents[8];
    size_t count = 0;
    for (size_t at = 0; at < len; at += MIB) {
        size_t piece = len - at < MIB ? len - at : MIB;
        CHECK_INT(extent_write(bucket.txn, span_of(pattern + from + at, piece), extent_kind,
                               &extents[count]),
                  0);
        count++;
    }
    return content_of_extents(extents, count, &arena);
}

static struct content in_memory(size_t from, size_t len)
{
    return content_of_bytes(span_of(pattern + from, len));
}

static void append(void *user, struct span piece)
{
    buf_append(user, piece);
}

static bool object_holds(struct span name, struct byte_range range, size_t pattern_from)
{
    struct object object;
    struct content content;
    struct buf all;
    if (object_get(&bucket, name, &object) != 0 ||
        object_content(&bucket, name, &object, range, &content) != 0)
        return false;
    buf_init(&all, sizeof pattern);
    bool same = content_read(store, &content, append, &all) == 0 && content.size == range.len &&
                span_eq(buf_span(&all), span_of(pattern + pattern_from, range.len));
    buf_done(&all);
    return same;
}

static void put(struct span name, struct content content)
{
    struct object old, written;
    int result = object_get(&bucket, name, &old);
    struct object_new object = {
        .modified_ms = 5, .attributes = S("remembered"), .content = content};
    CHECK_INT(object_put(&bucket, name, result == 0 ? &old : NULL, &object, &written), 0);
}

static void drop(struct span name)
{
    struct object old;
    CHECK_INT(object_get(&bucket, name, &old), 0);
    CHECK_INT(object_delete_version(&bucket, name, &old), 0);
    CHECK_INT(object_get(&bucket, name, &old), -ENOENT);
}

TEST(every_size_reads_back)
{
    static const size_t sizes[] = {0, 1, OBJECT_HERE_MAX, OBJECT_HERE_MAX + 1, 128 * 1024};
    begin();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct object object;
        put(S("n\0me"), in_memory(0, sizes[i]));
        again();
        CHECK_INT(object_get(&bucket, S("n\0me"), &object), 0);
        CHECK_INT(object.size, sizes[i]);
        CHECK_SPAN(object.attributes, S("remembered"));
        CHECK_INT(object_needs_lock(&object), sizes[i] > OBJECT_HERE_MAX);
        CHECK(object_holds(S("n\0me"), (struct byte_range){0, sizes[i]}, 0));
        CHECK(object_holds(S("n\0me"), (struct byte_range){sizes[i] / 3, sizes[i] / 2},
                           sizes[i] / 3));
        struct content beyond;
        CHECK_INT(
            object_content(&bucket, S("n\0me"), &object, (struct byte_range){1, sizes[i]}, &beyond),
            -ERANGE);
    }
    drop(S("n\0me"));
    commit();
}

TEST(extents_are_cut_and_freed_once)
{
    begin();
    put(S("large"), in_extents(0, 3 * MIB + 12345));
    again();
    uint64_t taken = live();
    CHECK(taken >= 3 * MIB + 12345);
    for (size_t from = 0; from < 3 * MIB; from += 777777)
        CHECK(object_holds(S("large"), (struct byte_range){from, 3 * MIB + 12345 - from}, from));
    CHECK(object_holds(S("large"), (struct byte_range){MIB - 1, 2}, MIB - 1));
    put(S("large"), in_extents(MIB, MIB));
    commit();
    CHECK(becomes_live(MIB)); /* an open transaction could still read what is to be freed */
    begin();
    CHECK(object_holds(S("large"), (struct byte_range){0, MIB}, MIB));
    drop(S("large"));
    commit();
    CHECK(becomes_live(0));
}

TEST(copies_share_and_survive)
{
    struct object object;
    struct content content;
    begin();
    put(S("one"), in_extents(0, 2 * MIB));
    again();
    CHECK_INT(object_get(&bucket, S("one"), &object), 0);
    CHECK_INT(object_content(&bucket, S("one"), &object, (struct byte_range){0, 2 * MIB}, &content),
              0);
    content_share(bucket.txn, &content, &arena);
    put(S("two"), content);
    /* Onto itself: the new references come before the old ones go. */
    content_share(bucket.txn, &content, &arena);
    put(S("one"), content);
    again();
    CHECK_INT(live(), 2 * MIB);
    drop(S("one"));
    again();
    CHECK(object_holds(S("two"), (struct byte_range){0, 2 * MIB}, 0));
    drop(S("two"));
    commit();
    CHECK(becomes_live(0));
}

TEST(readers_keep_what_they_pinned)
{
    struct object object;
    struct content content;
    struct arena reader;
    struct buf all;
    begin();
    put(S("pinned"), in_extents(0, MIB));
    again();
    arena_init(&reader, 4096, 1 << 20);
    struct object_bucket reading = {.txn = bucket.txn, .arena = &reader, .id = 1};
    CHECK_INT(object_get(&reading, S("pinned"), &object), 0);
    CHECK_INT(object_content(&reading, S("pinned"), &object, (struct byte_range){0, MIB}, &content),
              0);
    content_pin(store, &content, &reader);
    drop(S("pinned"));
    commit();
    usleep(50 * 1000);
    buf_init(&all, 2 * MIB);
    CHECK_INT(content_read(store, &content, append, &all), 0);
    CHECK(span_eq(buf_span(&all), span_of(pattern, MIB)));
    buf_done(&all);
    arena_done(&reader);
    CHECK(becomes_live(0));
}

static struct seal_key master, customer;

static void again_with(const struct seal_key *key)
{
    again();
    bucket.key = key;
    bucket.sealing = OBJECT_BYTES_SEALED;
}

/* Copies share sealed extents under another key; the wrong key opens nothing, however small. */
TEST(sealed_contents)
{
    static const size_t sizes[] = {1, OBJECT_HERE_MAX, 100 * 1024, 2 * MIB};
    begin();
    seal_key_make(&master);
    seal_key_make(&customer);
    extent_kind = EXTENT_SEALED;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct object object;
        struct content content;
        struct byte_range all = {0, sizes[i]}, part = {1, sizes[i] / 2};
        again_with(&master);
        put(S("s"), sizes[i] > 128 * 1024 ? in_extents(0, sizes[i]) : in_memory(0, sizes[i]));
        again_with(&customer);
        CHECK(!object_holds(S("s"), all, 0));
        again_with(&master);
        CHECK(object_holds(S("s"), all, 0) && (!part.len || object_holds(S("s"), part, 1)));
        CHECK_INT(object_get(&bucket, S("s"), &object), 0);
        CHECK_INT(object_content(&bucket, S("s"), &object, all, &content), 0);
        content_share(bucket.txn, &content, &arena);
        bucket.key = &customer;
        put(S("c"), content);
        again_with(&customer);
        drop(S("s"));
        again_with(&customer);
        CHECK(object_holds(S("c"), all, 0) && (!part.len || object_holds(S("c"), part, 1)));
        again_with(NULL);
        CHECK(!object_holds(S("c"), all, 0));
        drop(S("c"));
        commit();
        CHECK(becomes_live(0));
        begin();
    }
    extent_kind = EXTENT_PLAIN;
    commit();
}

static void add_piece(const struct assembly_id *id, uint32_t number, struct content content)
{
    struct piece piece = {
        .number = number, .size = content.size, .attributes = S("p"), .content = content};
    CHECK_INT(piece_put(&bucket, id, &piece), 0);
}

static void finish(struct span name, const struct assembly_id *id, const uint32_t *numbers,
                   size_t count)
{
    struct object old;
    int result = object_get(&bucket, name, &old);
    struct assembly_finish order = {.id = *id,
                                    .numbers = numbers,
                                    .count = count,
                                    .old = result == 0 ? &old : NULL,
                                    .modified_ms = 9,
                                    .attributes = S("whole")};
    CHECK_INT(assembly_finish(&bucket, name, &order, &(struct object){0}), 0);
}

TEST(pieces_become_an_object)
{
    static const uint32_t numbers[] = {2, 5, 9};
    struct assembly assembly = {.started_ms = 1, .attributes = S("wish")};
    struct byte_range where;
    struct object object;
    begin();
    put(S("whole"), in_extents(0, MIB)); /* is replaced */
    CHECK_INT(assembly_begin(&bucket, S("whole"), &assembly), 0);
    again();
    add_piece(&assembly.id, 5, in_extents(0, MIB)); /* is replaced */
    again();
    add_piece(&assembly.id, 5, in_extents(MIB, MIB));
    add_piece(&assembly.id, 2, in_extents(0, MIB));
    add_piece(&assembly.id, 7, in_extents(0, MIB)); /* is not chosen */
    add_piece(&assembly.id, 9, in_memory(2 * MIB, 1000));
    again();
    struct assembly found = {.id = assembly.id};
    CHECK_INT(assembly_get(&bucket, S("whole"), &found), 0);
    CHECK_SPAN(found.attributes, S("wish"));
    CHECK(found.stamp == assembly.stamp && found.started_ms == 1 && !found.disturbed);
    CHECK_INT(assembly_get(&bucket, S("other"), &found), -ENOENT);
    finish(S("whole"), &assembly.id, numbers, 3);
    commit();
    CHECK(becomes_live(2 * MIB));
    begin();
    CHECK_INT(assembly_get(&bucket, S("whole"), &found), -ENOENT);
    CHECK_INT(object_get(&bucket, S("whole"), &object), 0);
    CHECK_INT(object.size, 2 * MIB + 1000);
    CHECK(object_holds(S("whole"), (struct byte_range){0, 2 * MIB + 1000}, 0));
    CHECK(object_holds(S("whole"), (struct byte_range){MIB - 3, 7}, MIB - 3));
    CHECK(object_holds(S("whole"), (struct byte_range){2 * MIB - 1, 500}, 2 * MIB - 1));
    CHECK(object_holds(S("whole"), (struct byte_range){2 * MIB + 10, 20}, 2 * MIB + 10));
    CHECK(object_holds(S("whole"), (struct byte_range){5, 0}, 0));
    CHECK_INT(object_piece_range(&bucket, &object, 5, &where), 0);
    CHECK_INT(where.from, MIB);
    CHECK_INT(object_piece_range(&bucket, &object, 7, &where), -ENOENT);
    drop(S("whole"));
    commit();
    CHECK(becomes_live(0));
}

static void count_left(void *user, struct txn *txn)
{
    ++*(size_t *)user;
}

/* A deletion drops few pieces itself; the others are nobody's until they are cleared away. */
TEST(many_pieces_are_dropped_later)
{
    enum { PIECES = 100 };
    uint32_t numbers[PIECES];
    size_t left = 0, steps = 0;
    struct object_watcher watcher = {.left = count_left, .user = &left};
    struct assembly assembly = {.started_ms = 1};
    struct object object;
    begin();
    CHECK_INT(assembly_begin(&bucket, S("many"), &assembly), 0);
    for (uint32_t i = 0; i < PIECES; i++) {
        numbers[i] = 3 * i + 1;
        add_piece(&assembly.id, numbers[i], in_extents(i, 5000));
    }
    finish(S("many"), &assembly.id, numbers, PIECES);
    again();
    CHECK_INT(object_clear_some(bucket.txn, &arena), 0);
    CHECK_INT(live(), PIECES * 8192);
    bucket.watcher = &watcher;
    drop(S("many"));
    CHECK_INT(left, 1);
    again();
    CHECK_INT(object_get(&bucket, S("many"), &object), -ENOENT);
    CHECK_INT(object_bucket_is_empty(&bucket), 1);
    for (;; steps++) {
        int more = object_clear_some(bucket.txn, &arena);
        again();
        if (more == 0)
            break;
        CHECK_INT(more, 1);
    }
    CHECK(steps > 1);
    commit();
    CHECK(becomes_live(0));
}

TEST(a_slice_that_ends_in_memory_may_come_first)
{
    static const uint32_t numbers[] = {1, 2};
    struct assembly assembly = {.started_ms = 1}, joined = {.started_ms = 2};
    struct object object;
    struct content content;
    begin();
    CHECK_INT(assembly_begin(&bucket, S("tailed"), &assembly), 0);
    add_piece(&assembly.id, 1, in_extents(0, MIB));
    add_piece(&assembly.id, 2, in_memory(MIB, 500));
    finish(S("tailed"), &assembly.id, numbers, 2);
    again();
    CHECK_INT(assembly_begin(&bucket, S("joined"), &joined), 0);
    CHECK_INT(object_get(&bucket, S("tailed"), &object), 0);
    CHECK_INT(
        object_content(&bucket, S("tailed"), &object, (struct byte_range){10, MIB + 490}, &content),
        0);
    content_share(bucket.txn, &content, &arena);
    add_piece(&joined.id, 1, content);
    add_piece(&joined.id, 2, in_memory(MIB + 500, 100));
    again();
    finish(S("joined"), &joined.id, numbers, 2);
    again();
    CHECK(object_holds(S("joined"), (struct byte_range){0, MIB + 590}, 10));
    drop(S("tailed"));
    again();
    CHECK(object_holds(S("joined"), (struct byte_range){MIB - 100, 690}, MIB - 90));
    drop(S("joined"));
    commit();
    CHECK(becomes_live(0));
}

TEST(dropped_assemblies_leave_nothing)
{
    struct assembly assembly = {.started_ms = 1};
    begin();
    for (int i = 0; i < 250; i++) {
        CHECK_INT(assembly_begin(&bucket, S("k"), &assembly), 0);
        add_piece(&assembly.id, 1, in_memory(0, 10));
    }
    add_piece(&assembly.id, 2, in_extents(0, MIB));
    again();
    CHECK_INT(assembly_drop(&bucket, S("k"), &assembly.id), 0);
    CHECK_INT(assembly_get(&bucket, S("k"), &assembly), -ENOENT);
    commit();
    CHECK(becomes_live(0));
    begin();
    CHECK_INT(object_bucket_clear(&bucket), 0);
    again();
    struct cursor *cursor = cursor_open(bucket.txn, FAMILY_OBJECTS, S("\x47"));
    CHECK(!cursor_first(cursor));
    cursor_close(cursor);
    commit();
}

static void count_notes(void *user, const struct object_note *note)
{
    size_t *count = user;
    (*count)++;
}

static size_t notes_of(struct span name)
{
    struct object object;
    size_t count = 0;
    bool more;
    struct object_note_list list = {.limit = 10, .visit = count_notes, .user = &count};
    CHECK_INT(object_get(&bucket, name, &object), 0);
    CHECK_INT(object_note_list(&bucket, name, &object, &list, &more), 0);
    return count;
}

TEST(notes_go_with_their_version)
{
    begin();
    uint64_t before = live();
    put(S("noted"), in_memory(0, 10));
    struct object object;
    CHECK_INT(object_get(&bucket, S("noted"), &object), 0);
    struct object_note note = {.name = S("n"), .content = in_extents(0, MIB)};
    CHECK_INT(object_note_put(&bucket, S("noted"), &object, &note), 0);
    note.content = in_extents(0, 2 * MIB); /* in the place of the first */
    CHECK_INT(object_note_put(&bucket, S("noted"), &object, &note), 0);
    struct object_notes *shared;
    CHECK_INT(object_note_share_all(&bucket, S("noted"), &object, &shared), 0);
    put(S("noted too"), in_memory(0, 10));
    struct object other;
    CHECK_INT(object_get(&bucket, S("noted too"), &other), 0);
    CHECK_INT(object_note_put(&bucket, S("noted too"), &other, &shared->at[0]), 0);
    again();
    CHECK_INT(notes_of(S("noted")), 1);
    CHECK_INT(notes_of(S("noted too")), 1);
    put(S("noted"), in_memory(0, 20));
    CHECK_INT(notes_of(S("noted")), 0);
    commit();
    CHECK(becomes_live(before + 2 * MIB));
    begin();
    drop(S("noted too"));
    drop(S("noted"));
    commit();
    CHECK(becomes_live(before));
}
