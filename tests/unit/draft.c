// SPDX-License-Identifier: Apache-2.0
/* Cases for drafts, on a real loop with real workers: bodies of many sizes, digests, adoption,
 * giving up, a full queue, and a full disk (whose fill level is replaced here). */
#include "store_helper.h"

#include "base/scope.h"
#include "store/draft.h"

#include <errno.h>
#include <sys/statvfs.h>

#define MIB (1 << 20)

static struct store *store;
static struct loop *loop;
static struct workers *workers;
static _Atomic uint64_t bytes_free = 1ULL << 40;

int fstatvfs(int fd, struct statvfs *out)
{
    *out = (struct statvfs){.f_frsize = 1, .f_bavail = bytes_free};
    return 0;
}

static enum EXTENT_KIND kind;

/* One body under way: writes on until told to stop, ends the loop when it is sealed. */
struct body {
    struct mail mail;
    struct draft *draft;
    uint64_t len, sent;
    size_t piece;
    int stops;
    int error;  /* 1: not sealed yet */
    bool early; /* give up at the first stop */
};

static uint64_t text_at(uint64_t offset)
{
    return (offset / 8 + 1) * 0x9e3779b97f4a7c15ULL;
}

static void fill(char *to, uint64_t offset, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (char)(text_at(offset + i) >> (offset + i) % 8 * 8);
}

static void ended(struct body *body, int error)
{
    body->error = error;
    loop_stop(loop);
}

static void write_on(struct body *body)
{
    static char piece[512 * 1024];
    while (body->sent < body->len) {
        size_t len = body->len - body->sent < body->piece ? body->len - body->sent : body->piece;
        fill(piece, body->sent, len);
        int r = draft_write(body->draft, span_of(piece, len));
        if (r < 0) {
            ended(body, r);
            return;
        }
        body->sent += len;
        body->stops += r;
        if (r && body->early) {
            ended(body, -ECANCELED);
            return;
        }
        if (r)
            return;
    }
    int r = draft_seal(body->draft);
    if (r != DRAFT_SEALING)
        ended(body, r);
}

static void ready(struct draft *draft, void *user)
{
    write_on(user);
}

static void sealed(struct draft *draft, void *user, int error)
{
    ended(user, error);
}

static void start(struct mail *mail)
{
    write_on((struct body *)((char *)mail - offsetof(struct body, mail)));
}

static void begin(int threads, size_t queue)
{
    bytes_free = 1ULL << 40;
    store = test_store_new();
    CHECK_INT(loop_new(&loop), 0);
    CHECK_INT(workers_new(&workers, threads, queue), 0);
}

static void end(void)
{
    workers_free(workers);
    store_close(store);
    loop_free(loop);
}

static void receive(struct body *body, unsigned digests)
{
    struct draft_events events = {ready, sealed, body};
    body->error = 1;
    body->draft = draft_new(store, workers, loop, &(struct draft_plan){digests, kind}, &events);
    body->mail.deliver = start;
    loop_post(loop, &body->mail);
    loop_run(loop);
}

static void commit(struct txn *txn)
{
    uint64_t ticket;
    CHECK_INT(txn_commit(txn, &ticket), 0);
    CHECK_INT(store_wait(store, ticket), 0);
}

static uint64_t live(void)
{
    struct store_stats stats;
    store_stats(store, &stats);
    return stats.extent_bytes_live;
}

static bool becomes_live(uint64_t wanted)
{
    for (int i = 0; i < 2000 && live() != wanted; i++)
        usleep(1000);
    return live() == wanted;
}

static void check_extents(const struct extent *extents, size_t count, uint64_t len)
{
    static char have[EXTENT_STORED_MAX], want[EXTENT_MAX];
    uint64_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t size = extent_size(&extents[i]);
        struct extent_part part = {extents[i], 0, size};
        CHECK_INT(extent_read(store, &extents[i], have), 0);
        fill(want, offset, size);
        CHECK_INT(memcmp(have, want, size) == 0, kind == EXTENT_PLAIN);
        CHECK_INT(extent_fetch(store, &part, have), 0);
        CHECK(memcmp(have, want, size) == 0);
        offset += size;
    }
    CHECK_INT(offset, len);
}

static void check_digests(const struct digests *have, uint64_t len)
{
    struct digester digester;
    struct digests want;
    char *bytes = malloc(len + 1);
    CHECK(bytes);
    fill(bytes, 0, len);
    digester_init(&digester, DIGEST_MD5 | DIGEST_CRC32C | DIGEST_SHA256);
    digester_feed(&digester, span_of(bytes, len));
    digester_finish(&digester, &want);
    free(bytes);
    CHECK_INT(have->have, want.have);
    CHECK(memcmp(have->md5, want.md5, sizeof want.md5) == 0);
    CHECK(memcmp(have->crc32c, want.crc32c, sizeof want.crc32c) == 0);
    CHECK(memcmp(have->sha256, want.sha256, sizeof want.sha256) == 0);
}

static void check_size(uint64_t len, size_t piece)
{
    struct body body = {.len = len, .piece = piece};
    size_t count;
    receive(&body, DIGEST_MD5 | DIGEST_CRC32C | DIGEST_SHA256);
    CHECK_INT(body.error, 0);
    CHECK_INT(draft_len(body.draft), len);
    check_digests(draft_digests(body.draft), len);
    const struct extent *extents = draft_extents(body.draft, &count);
    struct span inline_bytes = draft_bytes(body.draft);
    CHECK_INT(span_is_absent(inline_bytes), len > DRAFT_INLINE_MAX);
    CHECK_INT(count > 0, len > DRAFT_INLINE_MAX);
    if (count)
        check_extents(extents, count, len);
    else
        CHECK_INT(inline_bytes.len, len);
    draft_free(body.draft);
    CHECK(becomes_live(0));
}

static void check_many_sizes(void)
{
    static const uint64_t sizes[] = {
        0,
        1,
        DRAFT_INLINE_MAX - 1,
        DRAFT_INLINE_MAX,
        DRAFT_INLINE_MAX + 1,
        MIB - 1,
        MIB,
        MIB + 1,
        2 * MIB,
        5 * MIB + 17,
        40 * MIB + 4096,
    };
    begin(2, 64);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        check_size(sizes[i], 64 * 1024);
    check_size(3 * MIB, 512 * 1024);
    check_size(3 * MIB, 1000);
    check_size(200000, 1);
    end();
}

TEST(bodies_of_many_sizes)
{
    check_many_sizes();
}

TEST(sealed_bodies_of_many_sizes)
{
    kind = EXTENT_SEALED;
    check_many_sizes();
    kind = EXTENT_PLAIN;
}

/* Any part of a sealed extent, and none without its key or after damage. */
TEST(parts_of_a_sealed_body)
{
    static char have[MIB], want[MIB];
    struct body body = {.len = MIB - 5, .piece = 60000};
    size_t count;
    begin(1, 64);
    kind = EXTENT_SEALED;
    receive(&body, DIGEST_MD5);
    kind = EXTENT_PLAIN;
    CHECK_INT(body.error, 0);
    struct extent extent = *draft_extents(body.draft, &count);
    for (uint32_t skip = 0; skip < MIB - 100000; skip += 65536 - 7) {
        struct extent_part part = {extent, skip, skip % 90000 + 1};
        CHECK_INT(extent_fetch(store, &part, have), 0);
        fill(want, skip, part.len);
        CHECK(memcmp(have, want, part.len) == 0);
    }
    extent.sealing.key.bytes[3] ^= 1;
    CHECK_INT(extent_fetch(store, &(struct extent_part){extent, 0, 1}, have), -EIO);
    extent.sealing.open = false;
    CHECK_INT(extent_fetch(store, &(struct extent_part){extent, 0, 1}, have), -ENOKEY);
    draft_free(body.draft);
    CHECK(becomes_live(0));
    end();
}

TEST(extents_are_few)
{
    struct body body = {.len = 100 * MIB, .piece = 128 * 1024};
    size_t count;
    begin(1, 64);
    receive(&body, 0);
    CHECK_INT(body.error, 0);
    draft_extents(body.draft, &count);
    CHECK(count <= 17);
    CHECK_INT(live(), 100 * MIB);
    draft_free(body.draft);
    CHECK(becomes_live(0));
    end();
}

TEST(adopted_stays_and_dropped_goes)
{
    struct body body = {.len = 3 * MIB, .piece = 65536};
    size_t count;
    begin(2, 64);
    receive(&body, DIGEST_MD5);
    CHECK_INT(body.error, 0);
    struct txn *txn = txn_begin(store);
    draft_adopt(body.draft, txn);
    txn_rollback(txn);
    CHECK_INT(live(), 3 * MIB);
    txn = txn_begin(store); /* tried again */
    draft_adopt(body.draft, txn);
    const struct extent *extents = draft_extents(body.draft, &count);
    struct extent kept[8];
    memcpy(kept, extents, count * sizeof *kept);
    draft_free(body.draft);
    commit(txn);
    usleep(20000);
    CHECK_INT(live(), 3 * MIB);
    check_extents(kept, count, 3 * MIB);

    struct body second = {.len = 2 * MIB, .piece = 65536};
    receive(&second, 0);
    txn = txn_begin(store);
    draft_adopt(second.draft, txn);
    draft_free(second.draft);
    txn_rollback(txn);
    CHECK(becomes_live(3 * MIB));
    store_close(store);
    store = test_store_again(1);
    check_extents(kept, count, 3 * MIB);
    txn = txn_begin(store);
    CHECK_INT(extent_unref(txn, kept, count), 0);
    commit(txn);
    CHECK(becomes_live(0));
    end();
}

static void stop_later(struct timer *timer)
{
    loop_stop(loop);
}

TEST(giving_up_in_the_middle)
{
    begin(1, 64);
    for (int i = 0; i < 5; i++) {
        struct body body = {.len = 20 * MIB, .piece = 100000, .early = true};
        receive(&body, DIGEST_MD5);
        CHECK_INT(body.error, -ECANCELED);
        draft_free(body.draft); /* a job is under way */
    }
    workers_free(TAKE(workers)); /* every job has run; the loop is told in its next tick */
    struct timer timer = {.due = stop_later};
    loop_timer_set(loop, &timer, loop_now_ms(loop) + 1);
    loop_run(loop);
    CHECK(becomes_live(0));
    end();
}

static void slow_run(struct job *job)
{
    usleep(100000);
}

static void slow_done(struct job *job) {}

TEST(a_full_queue_is_waited_for)
{
    begin(1, 1);
    struct job slow[2] = {{.run = slow_run, .done = slow_done, .home = loop},
                          {.run = slow_run, .done = slow_done, .home = loop}};
    CHECK_INT(workers_submit(workers, &slow[0]), 0);
    while (workers_submit(workers, &slow[1])) /* until the first has begun */
        usleep(100);
    struct body body = {.len = 6 * MIB, .piece = 65536};
    size_t count;
    receive(&body, DIGEST_MD5);
    CHECK_INT(body.error, 0);
    CHECK(body.stops > 0);
    const struct extent *extents = draft_extents(body.draft, &count);
    check_extents(extents, count, 6 * MIB);
    draft_free(body.draft);
    end();
}

TEST(a_full_disk_fails_the_draft)
{
    begin(1, 64);
    bytes_free = 1; /* the reserve */
    struct body body = {.len = 6 * MIB, .piece = 65536};
    receive(&body, DIGEST_MD5);
    CHECK_INT(body.error, -ENOSPC);
    CHECK_INT(draft_write(body.draft, S("more")), -ENOSPC);
    draft_free(body.draft);
    bytes_free = 1ULL << 40;
    struct body small = {.len = 200000, .piece = 65536};
    receive(&small, DIGEST_MD5);
    CHECK_INT(small.error, 0);
    draft_free(small.draft);
    CHECK(becomes_live(0));
    end();
}
