// SPDX-License-Identifier: Apache-2.0
/* Cases for extents: references, reclaiming, pins, and what a start gives back or refuses. */
#include "store_helper.h"

#include "base/hash.h"
#include "store/segments.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define MIB (1 << 20)

static struct store *store;
static char bytes[MIB], back[MIB];

static void begin(void)
{
    store = test_store_new();
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 2654435761u >> 13);
}

static struct extent make(uint32_t len)
{
    struct extent extent;
    CHECK_INT(segments_allocate(store, 0, MIB, &extent), 0);
    CHECK_INT(segments_append(store, &extent, span_of(bytes, len / 2)), 0);
    CHECK_INT(segments_append(store, &extent, span_of(bytes + len / 2, len - len / 2)), 0);
    segments_trim(store, &extent, MIB);
    CHECK_INT(segments_sync(store, &extent, 1), 0);
    return extent;
}

static void commit(struct txn *txn)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(txn, &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
}

static void insert(const struct extent *extents, size_t count)
{
    struct txn *txn = txn_begin(store);
    extent_insert(txn, extents, count);
    commit(txn);
}

static void unref(const struct extent *extents, size_t count)
{
    struct txn *txn = txn_begin(store);
    CHECK_INT(extent_unref(txn, extents, count), 0);
    commit(txn);
}

static uint64_t live(void)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.extent_bytes_live;
}

static uint64_t allocated(void)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.extent_bytes_allocated;
}

static bool becomes_live(uint64_t wanted)
{
    for (int i = 0; i < 2000 && live() != wanted; i++)
        usleep(1000);
    return live() == wanted;
}

static bool reads_back(const struct extent *extent)
{
    return extent_read(store, extent, back) == 0 && memcmp(back, bytes, extent->len) == 0;
}

TEST(written_is_read)
{
    begin();
    struct extent extent = make(100001);
    CHECK_INT(extent.len, 100001);
    CHECK_INT(extent.crc32c, crc32c_feed(0, span_of(bytes, 100001)));
    CHECK(reads_back(&extent));
    CHECK_INT(live(), whole_blocks(100001));
    struct extent other = make(5000);
    CHECK_INT(other.offset, extent.offset + whole_blocks(100001));
    CHECK(reads_back(&extent) && reads_back(&other));
    extent.crc32c ^= 1;
    CHECK_INT(extent_read(store, &extent, back), -EIO);
    store_close(store);
}

TEST(the_last_reference_frees)
{
    begin();
    struct extent extents[] = {make(MIB), make(MIB), make(70000)};
    insert(extents, 3);
    struct txn *txn = txn_begin(store);
    extent_ref(txn, &extents[1], 2);
    commit(txn);
    unref(extents, 3);
    CHECK(becomes_live(MIB + whole_blocks(70000)));
    CHECK(reads_back(&extents[1]) && reads_back(&extents[2]));
    CHECK(!reads_back(&extents[0]));
    unref(&extents[1], 2);
    CHECK(becomes_live(0));
    txn = txn_begin(store);
    CHECK_INT(extent_unref(txn, extents, 1), -ENOENT);
    txn_rollback(txn);
    store_close(store);
    store = test_store_again(1);
    CHECK_INT(allocated(), 0);
    store_close(store);
}

TEST(dropped_transactions_change_nothing)
{
    begin();
    struct extent extent = make(9000);
    insert(&extent, 1);
    struct txn *txn = txn_begin(store);
    CHECK_INT(extent_unref(txn, &extent, 1), 0);
    txn_rollback(txn);
    usleep(20000);
    CHECK(reads_back(&extent));
    txn = txn_begin(store); /* onto itself */
    extent_ref(txn, &extent, 1);
    CHECK_INT(extent_unref(txn, &extent, 1), 0);
    commit(txn);
    usleep(20000);
    CHECK(reads_back(&extent));
    unref(&extent, 1);
    CHECK(becomes_live(0));
    store_close(store);
}

TEST(a_reference_to_nothing_fails_the_commit)
{
    begin();
    struct extent extent = make(9000);
    uint64_t ticket;
    struct txn *txn = txn_begin(store);
    extent_ref(txn, &extent, 1);
    txn_put(txn, FAMILY_OBJECTS, S("\x40key"), S("value"));
    CHECK_INT(txn_commit(txn, &ticket), -ENOENT);
    reclaim_later(store, &extent, 1);
    CHECK(becomes_live(0));
    store_close(store);
}

TEST(pinned_bytes_stay)
{
    begin();
    struct extent extents[] = {make(8192), make(8192)};
    insert(extents, 2);
    extent_pin(store, &extents[0], 1);
    extent_pin(store, &extents[0], 1);
    unref(extents, 2);
    CHECK(becomes_live(8192));
    usleep(120000); /* longer than it waits between tries */
    extent_unpin(store, &extents[0], 1);
    CHECK(extent_is_pinned(store, &extents[0]));
    CHECK(reads_back(&extents[0]));
    extent_unpin(store, &extents[0], 1);
    CHECK(becomes_live(0));
    store_close(store);
}

TEST(open_transactions_hold_reclaiming_up)
{
    begin();
    struct extent extent = make(8192);
    insert(&extent, 1);
    struct txn *reader = txn_begin(store); /* may have read a record with this extent */
    unref(&extent, 1);
    usleep(50000);
    CHECK(reads_back(&extent));
    extent_pin(store, &extent, 1);
    txn_rollback(reader);
    usleep(50000);
    CHECK(reads_back(&extent));
    extent_unpin(store, &extent, 1);
    CHECK(becomes_live(0));
    store_close(store);
}

TEST(a_start_gives_back_what_nothing_refers_to)
{
    begin();
    struct extent kept[3], lost[3];
    for (int i = 0; i < 3; i++) {
        kept[i] = make(MIB);
        lost[i] = make(MIB);
    }
    insert(kept, 3);
    CHECK_INT(live(), 6 * MIB);
    store_close(store);
    store = test_store_again(1);
    CHECK_INT(live(), 3 * MIB);
    CHECK(allocated() <= 3 * MIB + 64 * 1024);
    for (int i = 0; i < 3; i++) {
        CHECK(reads_back(&kept[i]));
        CHECK(!reads_back(&lost[i]));
    }
    struct extent next = make(100); /* never behind the old end */
    CHECK(next.segment > kept[0].segment);
    unref(kept, 3);
    CHECK(becomes_live(whole_blocks(100)));
    char path[512];
    snprintf(path, sizeof path, "%s/extents/%08u.seg", test_dir, kept[0].segment);
    for (int i = 0; i < 2000 && !access(path, F_OK); i++)
        usleep(1000);
    CHECK(access(path, F_OK));
    store_close(store);
}

TEST(a_start_refuses_lost_bytes)
{
    begin();
    struct extent extent = make(MIB);
    insert(&extent, 1);
    store_close(store);
    char path[512], away[600];
    const char *why = "";
    struct store_options options = {.dir = test_dir};
    snprintf(path, sizeof path, "%s/extents/%08u.seg", test_dir, extent.segment);
    snprintf(away, sizeof away, "%s.away", path);
    CHECK_INT(rename(path, away), 0);
    CHECK_INT(store_open(&store, &options, &why), -EUCLEAN);
    CHECK_INT(rename(away, path), 0);
    CHECK_INT(truncate(path, MIB / 2), 0);
    CHECK_INT(store_open(&store, &options, &why), -EUCLEAN);
    CHECK(strstr(why, "extents"));
    CHECK_INT(truncate(path, MIB), 0); /* a refusal deletes nothing */
    store = test_store_again(1);
    CHECK(!reads_back(&extent));
    store_close(store);
}

TEST(segments_fill_and_follow_each_other)
{
    begin();
    struct extent first, extent = {0};
    CHECK_INT(segments_allocate(store, 0, EXTENT_MAX, &first), 0);
    for (uint64_t room = SEGMENT_MAX / EXTENT_MAX; room > 0; room--)
        CHECK_INT(segments_allocate(store, 0, EXTENT_MAX, &extent), 0);
    CHECK_INT(extent.segment, first.segment + 1);
    CHECK_INT(extent.offset, 0);
    store_close(store);
}

/* One after the other share a segment, so that a small store has one file. */
TEST(who_writes_at_the_same_time_has_a_segment_of_its_own)
{
    begin();
    struct extent extents[SEGMENT_LANES + 1];
    int count = ARRAY_LEN(extents);
    for (int i = 0; i < count; i++) {
        int lane = segments_enter(store);
        CHECK_INT(lane, i % SEGMENT_LANES);
        CHECK_INT(segments_allocate(store, lane, MIB, &extents[i]), 0);
        CHECK_INT(extents[i].segment, extents[0].segment + (uint32_t)lane);
        CHECK_INT(segments_append(store, &extents[i], span_of(bytes, MIB)), 0);
    }
    CHECK_INT(segments_sync(store, extents, (size_t)count), 0);
    for (int i = 0; i < count; i++)
        segments_leave(store, i % SEGMENT_LANES);
    CHECK_INT(segments_enter(store), 0);
    insert(extents, (size_t)count);
    store_close(store);
    store = test_store_again(1);
    for (int i = 0; i < count; i++)
        CHECK(reads_back(&extents[i]));
    CHECK_INT(live(), (uint64_t)count * MIB);
    store_close(store);
}

TEST(binary_form)
{
    struct arena arena;
    arena_init(&arena, 1024, MIB);
    struct extent in[] = {
        {.segment = 1, .len = 5, .crc32c = 6},
        {.offset = SEGMENT_MAX - EXTENT_MAX, .segment = 0xfffffffe, .len = EXTENT_MAX}};
    struct extent *out;
    size_t count;
    struct span form = extents_encode(&arena, in, 2);
    CHECK_INT(form.len, 40);
    CHECK(extents_decode(form, &arena, &out, &count) && count == 2);
    CHECK(out[1].offset == in[1].offset && out[1].segment == in[1].segment &&
          out[1].len == in[1].len && out[0].crc32c == 6);
    CHECK(extents_decode(S(""), &arena, &out, &count) && count == 0);
    CHECK(!extents_decode(span_first(form, 39), &arena, &out, &count));
    in[0].len = 0;
    CHECK(!extents_decode(extents_encode(&arena, in, 1), &arena, &out, &count));
    in[0] = (struct extent){SEGMENT_MAX, 1, 1, 0};
    CHECK(!extents_decode(extents_encode(&arena, in, 1), &arena, &out, &count));
    arena_done(&arena);
}
