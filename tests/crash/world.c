// SPDX-License-Identifier: Apache-2.0
/*
 * The workload of the crash tests. Bytes are made from (slot, version, offset), so the checker
 * needs nothing but the notes. Rows run on any thread, slots on the caller's loop.
 */
#include "world.h"

#include "store/key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYSPACE_ROW 0x50
#define KEYSPACE_COUNTER 0x51
#define KEYSPACE_SLOT 0x52
#define CHAINS 3
#define PIECE (64 * 1024)
#define CHECKED_ROWS 300 /* of the newest */

static void key_of(struct key *key, uint8_t keyspace, uint64_t first, uint64_t second,
                   uint64_t third)
{
    key_begin(key, keyspace);
    key_u64(key, first);
    key_u64(key, second);
    key_u64(key, third);
}

static uint64_t word_at(uint64_t a, uint64_t b, uint64_t at)
{
    return ((a << 48) + (b << 24) + at + 1) * 0x9e3779b97f4a7c15ULL;
}

static void fill(char *to, uint64_t a, uint64_t b, uint64_t from, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint64_t word = word_at(a, b, (from + i) / 8), skip = (from + i) % 8;
        size_t part = 8 - skip < len - i ? 8 - skip : len - i;
        memcpy(to + i, (char *)&word + skip, part);
        i += part;
    }
}

static size_t row_len(uint64_t number)
{
    return number % 16 == 0 ? 30000 : 100 + number % 1000;
}

int world_put_row(struct store *store, struct notes *notes, uint64_t row)
{
    uint64_t number = notes->rows[row].begun + 1, ticket;
    static _Thread_local char value[30000];
    struct key key;
    notes->rows[row].begun = number;
    struct txn *txn = txn_begin(store);
    for (uint64_t part = 0; part < 2; part++) {
        fill(value, row, number, part, row_len(number));
        key_of(&key, KEYSPACE_ROW, row, number, part);
        txn_put(txn, FAMILY_ITEMS, key_span(&key), span_of(value, row_len(number)));
    }
    key_of(&key, KEYSPACE_COUNTER, row, 0, 0);
    txn_put(txn, FAMILY_CONTROL, key_span(&key), span_of(&number, sizeof number));
    int error = txn_commit(txn, &ticket);
    if (error) {
        if (error == -EROFS)
            notes->rows[row].begun = number - 1; /* refused: it must be absent */
        return error;
    }
    error = store_wait(store, ticket);
    if (!error)
        notes->rows[row].acked = number;
    return error;
}

/* Slots */

struct chain {
    struct mail mail;
    struct world *world;
    struct draft *draft;
    uint64_t slot, version, len, sent, left;
};

struct world {
    struct store *store;
    struct notes *notes;
    struct loop *loop;
    struct workers *workers;
    struct chain chains[CHAINS];
    int running;
};

static bool is_deletion(uint64_t version)
{
    return version % 4 == 3;
}

static uint64_t body_len(uint64_t slot, uint64_t version)
{
    uint64_t dice = word_at(slot, version, 77) >> 20;
    return version % 3 == 0 ? dice % 5000 : dice % BODY_MAX;
}

struct slot_record {
    uint64_t version;
    struct span bytes; /* inline, or */
    struct extent *extents;
    size_t count;
};

/* Version, then a byte that says whether extents or bytes follow. */
static int slot_get(struct txn *txn, uint64_t slot, struct arena *arena, struct slot_record *out)
{
    struct key key;
    struct span value;
    *out = (struct slot_record){0};
    key_of(&key, KEYSPACE_SLOT, slot, 0, 0);
    int error = txn_get(txn, FAMILY_OBJECTS, key_span(&key), arena, &value);
    if (error)
        return error == -ENOENT ? 0 : error;
    if (value.len < 9)
        return -EBADMSG;
    memcpy(&out->version, value.at, 8);
    struct span rest = span_from(value, 9);
    if (value.at[8] == 'i')
        out->bytes = rest;
    else if (!extents_decode(rest, arena, &out->extents, &out->count))
        return -EBADMSG;
    return 0;
}

static void slot_put(struct txn *txn, struct chain *chain, struct arena *arena)
{
    struct key key;
    size_t count;
    const struct extent *extents = draft_extents(chain->draft, &count);
    bool is_inline = !span_is_absent(draft_bytes(chain->draft));
    char head[9];
    memcpy(head, &chain->version, 8);
    head[8] = is_inline ? 'i' : 'e';
    struct span parts[] = {span_of(head, 9), is_inline ? draft_bytes(chain->draft)
                                                       : extents_encode(arena, extents, count)};
    key_of(&key, KEYSPACE_SLOT, chain->slot, 0, 0);
    txn_put(txn, FAMILY_OBJECTS, key_span(&key), arena_join(arena, parts, 2));
    draft_adopt(chain->draft, txn);
}

static int slot_commit(struct chain *chain, struct arena *arena)
{
    struct store *store = chain->world->store;
    struct txn *txn = txn_begin(store);
    struct slot_record old;
    struct key key;
    uint64_t ticket;
    key_of(&key, KEYSPACE_SLOT, chain->slot, 0, 0);
    struct span name = key_span(&key);
    txn_lock(txn, &name, 1);
    int error = slot_get(txn, chain->slot, arena, &old);
    if (!error)
        error = extent_unref(txn, old.extents, old.count);
    if (error) {
        txn_rollback(txn);
        return error;
    }
    if (chain->draft)
        slot_put(txn, chain, arena);
    else
        txn_delete(txn, FAMILY_OBJECTS, name);
    error = txn_commit(txn, &ticket);
    return error ? error : store_wait(store, ticket);
}

static void chain_next(struct chain *chain);

static void chain_end(struct chain *chain, int error)
{
    if (chain->draft)
        draft_free(chain->draft);
    chain->draft = NULL;
    if (!error)
        chain->world->notes->slots[chain->slot].acked = chain->version;
    if (error || chain->left == 0) {
        if (--chain->world->running == 0)
            loop_stop(chain->world->loop);
        return;
    }
    chain->slot = (chain->slot + CHAINS) % SLOTS;
    loop_post(chain->world->loop, &chain->mail);
}

static void chain_commit(struct chain *chain)
{
    struct arena arena;
    arena_init(&arena, 4096, 64 << 20);
    int error = slot_commit(chain, &arena);
    arena_done(&arena);
    chain_end(chain, error);
}

static void chain_write(struct chain *chain)
{
    static char piece[PIECE];
    while (chain->sent < chain->len) {
        size_t len = chain->len - chain->sent < PIECE ? chain->len - chain->sent : PIECE;
        fill(piece, chain->slot, chain->version, chain->sent, len);
        int r = draft_write(chain->draft, span_of(piece, len));
        chain->sent += len;
        if (r < 0)
            chain_end(chain, r);
        if (r)
            return;
    }
    int r = draft_seal(chain->draft);
    if (r == DRAFT_SEALED_NOW)
        chain_commit(chain);
    else if (r < 0)
        chain_end(chain, r);
}

static void ready(struct draft *draft, void *user)
{
    chain_write(user);
}

static void sealed(struct draft *draft, void *user, int error)
{
    if (error)
        chain_end(user, error);
    else
        chain_commit(user);
}

static void chain_next(struct chain *chain)
{
    struct world *world = chain->world;
    struct draft_events events = {ready, sealed, chain};
    chain->version = world->notes->slots[chain->slot].acked + 1;
    world->notes->slots[chain->slot].begun = chain->version;
    chain->left--;
    chain->sent = 0;
    chain->len = body_len(chain->slot, chain->version);
    if (is_deletion(chain->version)) {
        chain_commit(chain);
        return;
    }
    chain->draft = draft_new(world->store, world->workers, world->loop,
                             &(struct draft_plan){.digests = DIGEST_MD5}, &events);
    chain_write(chain);
}

static void chain_mail(struct mail *mail)
{
    chain_next((struct chain *)((char *)mail - offsetof(struct chain, mail)));
}

int world_new(struct world **ret, struct store *store, struct notes *notes)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return -ENOMEM;
    *world = (struct world){.store = store, .notes = notes};
    int error = loop_new(&world->loop);
    if (!error)
        error = workers_new(&world->workers, 2, 64);
    *ret = world;
    return error;
}

void world_free(struct world *world)
{
    workers_free(world->workers);
    loop_free(world->loop);
    free(world);
}

void world_put_slots(struct world *world, uint64_t count)
{
    for (uint64_t i = 0; i < CHAINS; i++) {
        struct chain *chain = &world->chains[i];
        *chain = (struct chain){
            .mail = {.deliver = chain_mail}, .world = world, .slot = i, .left = count};
        world->running++;
        loop_post(world->loop, &chain->mail);
    }
    loop_run(world->loop);
}

/* The checker */

struct checker {
    struct store *store;
    struct notes *notes;
    struct arena arena;
    uint64_t live; /* bytes that the records account for */
    bool good;
};

static void wrong(struct checker *checker, const char *format, ...) PRINTF_LIKE(2, 3);
static void wrong(struct checker *checker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("# ");
    vprintf(format, args);
    printf("\n");
    fflush(stdout);
    va_end(args);
    checker->good = false;
}

static void check_part(struct checker *checker, struct txn *txn, uint64_t row, uint64_t number,
                       uint64_t part, bool wanted)
{
    static char want[30000];
    struct key key;
    struct span value;
    key_of(&key, KEYSPACE_ROW, row, number, part);
    int error = txn_get(txn, FAMILY_ITEMS, key_span(&key), &checker->arena, &value);
    fill(want, row, number, part, row_len(number));
    if (wanted ? error || !span_eq(value, span_of(want, row_len(number))) : error != -ENOENT)
        wrong(checker, "row %d number %d part %d: error %d, wanted %d", (int)row, (int)number,
              (int)part, error, wanted);
}

static void check_row(struct checker *checker, struct txn *txn, uint64_t row)
{
    struct key key;
    struct span value;
    uint64_t found = 0, acked = checker->notes->rows[row].acked,
             begun = checker->notes->rows[row].begun;
    key_of(&key, KEYSPACE_COUNTER, row, 0, 0);
    if (txn_get(txn, FAMILY_CONTROL, key_span(&key), &checker->arena, &value) == 0)
        memcpy(&found, value.at, sizeof found);
    if (found < acked || found > begun)
        wrong(checker, "row %d: found %d, acknowledged %d, begun %d", (int)row, (int)found,
              (int)acked, (int)begun);
    for (uint64_t i = found > CHECKED_ROWS ? found - CHECKED_ROWS : 1; i <= found + 2; i++) {
        check_part(checker, txn, row, i, 0, i <= found);
        check_part(checker, txn, row, i, 1, i <= found);
        arena_reset(&checker->arena);
    }
    checker->notes->rows[row].acked = checker->notes->rows[row].begun = found;
}

static void check_extents(struct checker *checker, uint64_t slot, const struct slot_record *record)
{
    static char have[EXTENT_MAX], want[EXTENT_MAX];
    uint64_t at = 0;
    for (size_t i = 0; i < record->count; i++) {
        const struct extent *extent = &record->extents[i];
        fill(want, slot, record->version, at, extent->len);
        int error = extent_read(checker->store, extent, have);
        if (error || memcmp(have, want, extent->len))
            wrong(checker, "slot %d version %d extent %d: error %d or other bytes", (int)slot,
                  (int)record->version, (int)i, error);
        at += extent->len;
        checker->live += (extent->len + 4095) / 4096 * 4096;
    }
    if (at != body_len(slot, record->version))
        wrong(checker, "slot %d version %d: %d bytes", (int)slot, (int)record->version, (int)at);
}

static void check_bytes(struct checker *checker, uint64_t slot, const struct slot_record *record)
{
    static char want[BODY_MAX];
    uint64_t len = body_len(slot, record->version);
    fill(want, slot, record->version, 0, len);
    if (!span_eq(record->bytes, span_of(want, len)))
        wrong(checker, "slot %d version %d: other bytes", (int)slot, (int)record->version);
}

static uint64_t found_for(uint64_t version)
{
    return is_deletion(version) ? 0 : version;
}

static void check_slot(struct checker *checker, struct txn *txn, uint64_t slot)
{
    struct slot_record record;
    uint64_t acked = checker->notes->slots[slot].acked, begun = checker->notes->slots[slot].begun;
    int error = slot_get(txn, slot, &checker->arena, &record);
    if (error || (record.version != found_for(acked) && record.version != found_for(begun)))
        wrong(checker, "slot %d: version %d (error %d), acknowledged %d, begun %d", (int)slot,
              (int)record.version, error, (int)acked, (int)begun);
    if (record.count)
        check_extents(checker, slot, &record);
    else if (record.version)
        check_bytes(checker, slot, &record);
    uint64_t now = record.version == found_for(begun) ? begun : acked;
    checker->notes->slots[slot].acked = checker->notes->slots[slot].begun = now;
}

/* Room that nothing refers to must have been given back; file systems add some blocks of their own
 * to a file. */
static void check_space(struct checker *checker)
{
    struct store_stats stats;
    store_stats(checker->store, &stats);
    if (stats.extent_bytes_live != checker->live)
        wrong(checker, "%lld bytes live, %lld referred to", (long long)stats.extent_bytes_live,
              (long long)checker->live);
    if (stats.extent_bytes_allocated > checker->live + (4 << 20))
        wrong(checker, "%lld bytes allocated, %lld referred to",
              (long long)stats.extent_bytes_allocated, (long long)checker->live);
}

bool world_check(const char *dir, struct notes *notes)
{
    struct checker checker = {.notes = notes, .good = true};
    const char *why = "";
    int error =
        store_open(&checker.store, &(struct store_options){.dir = dir, .reserve_bytes = 1}, &why);
    if (error) {
        wrong(&checker, "opening: %s: %s", strerror(-error), why);
        return false;
    }
    arena_init(&checker.arena, 1 << 20, 64 << 20);
    struct txn *txn = txn_begin(checker.store);
    for (uint64_t row = 0; row < ROWS; row++)
        check_row(&checker, txn, row);
    for (uint64_t slot = 0; slot < SLOTS; slot++)
        check_slot(&checker, txn, slot);
    txn_rollback(txn);
    check_space(&checker);
    store_close(checker.store);
    arena_done(&checker.arena);
    return checker.good;
}
