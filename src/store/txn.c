// SPDX-License-Identifier: Apache-2.0
/*
 * Transactions: own writes in memory, reads from what was committed last and then from RocksDB, one
 * record at commit. Locks are held until the writes are visible, so whoever gets the lock next
 * reads them. Finished transactions are kept per thread for the next one. One thread per
 * transaction.
 */
#include "store/txn.h"

#include "base/log.h"
#include "store/inside.h"
#include "store/recent.h"

#include <errno.h>
#include <stdlib.h>

#define SPARE_MAX 4
#define SCRATCH_CEILING (64 << 20) /* bytes of one encoded record */
#define HOOKS_KEPT 64

struct end_hook {
    void (*fn)(void *thing, enum TXN_END end);
    void *thing;
};

struct txn {
    struct store *store;
    struct writes writes;
    struct buf scratch;
    struct after_list after;
    struct end_hook *hooks;
    uint32_t hook_count, hook_cap;
    int error; /* of txn_fail */
    bool has_read;
    bool has_books;
    atomic_uint *open; /* counter in store->readers */
    struct txn *next;  /* spare */
    uint32_t held_count;
    uint16_t held[STRIPES]; /* ascending, each once */
};

struct spares {
    struct txn *first;
    int count;
};

static pthread_key_t spares_key;
static pthread_once_t spares_once = PTHREAD_ONCE_INIT;
static _Thread_local struct spares *spares;

static void txn_free(struct txn *txn)
{
    writes_done(&txn->writes);
    buf_done(&txn->scratch);
    free(txn->after.at);
    free(txn->hooks);
    free(txn);
}

static void spares_free(void *thing)
{
    struct spares *gone = thing;
    for (struct txn *txn; (txn = gone->first);) {
        gone->first = txn->next;
        txn_free(txn);
    }
    free(gone);
    spares = NULL;
}

static void spares_key_new(void)
{
    if (pthread_key_create(&spares_key, spares_free))
        log_fatal("no thread key left");
}

static struct spares *spares_here(void)
{
    if (spares)
        return spares;
    pthread_once(&spares_once, spares_key_new);
    spares = store_alloc(sizeof *spares);
    *spares = (struct spares){0};
    pthread_setspecific(spares_key, spares);
    return spares;
}

static struct txn *txn_new(void)
{
    struct txn *txn = store_alloc(sizeof *txn);
    memset(txn, 0, offsetof(struct txn, held));
    writes_init(&txn->writes);
    buf_init(&txn->scratch, SCRATCH_CEILING);
    return txn;
}

struct txn *txn_begin(struct store *store)
{
    struct spares *here = spares_here();
    struct txn *txn = here->first;
    if (txn) {
        here->first = txn->next;
        here->count--;
    } else {
        txn = txn_new();
    }
    txn->store = store;
    txn->error = 0;
    txn->has_read = false;
    txn->open = readers_enter(store);
    return txn;
}

static void unlock_all(struct txn *txn)
{
    if (txn->has_books)
        pthread_mutex_unlock(&txn->store->books);
    txn->has_books = false;
    for (uint32_t i = txn->held_count; i-- > 0;)
        pthread_mutex_unlock(&txn->store->stripes[txn->held[i]]);
    txn->held_count = 0;
}

static void run_hooks(struct txn *txn, enum TXN_END end)
{
    for (uint32_t i = 0; i < txn->hook_count; i++)
        txn->hooks[i].fn(txn->hooks[i].thing, end);
    txn->hook_count = 0;
}

/* Ends the transaction; the locks go last. */
static void txn_end(struct txn *txn, enum TXN_END end)
{
    run_hooks(txn, end);
    unlock_all(txn);
    readers_leave(txn->open);
    writes_clear(&txn->writes);
    txn->after.count = 0;
    struct spares *here = spares_here();
    if (here->count == SPARE_MAX || txn->hook_cap > HOOKS_KEPT || txn->after.cap > HOOKS_KEPT) {
        txn_free(txn);
        return;
    }
    txn->next = here->first;
    here->first = txn;
    here->count++;
}

static int commit_writes(struct txn *txn, uint64_t *ret_ticket)
{
    struct store *store = txn->store;
    if (atomic_load_explicit(&store->failed, memory_order_acquire))
        return -EROFS;
    int error = space_admit(store, txn->writes.put_count > 0);
    if (error)
        return error;
    *ret_ticket = commits_add(store, &txn->writes);
    space_count(store, txn->writes.bytes.len);
    return 0;
}

/* After a failed sync nothing becomes durable any more; readers are then served from memory. */
static uint64_t read_ticket(const struct txn *txn)
{
    uint64_t latest = store_latest(txn->store);
    bool pending = txn->has_read && latest > store_durable(txn->store) &&
                   !atomic_load_explicit(&txn->store->failed, memory_order_acquire);
    return pending ? latest : 0;
}

uint64_t txn_rollback(struct txn *txn)
{
    uint64_t ticket = read_ticket(txn);
    txn_end(txn, TXN_DROPPED);
    return ticket;
}

int txn_commit(struct txn *txn, uint64_t *ret_ticket)
{
    int error = txn->error;
    *ret_ticket = 0;
    if (!error && txn->writes.count)
        error = commit_writes(txn, ret_ticket);
    else if (!error)
        *ret_ticket = read_ticket(txn);
    if (error) {
        txn_end(txn, TXN_DROPPED);
        return error;
    }
    if (txn->after.count)
        flusher_after(txn->store, *ret_ticket, &txn->after);
    txn_end(txn, TXN_COMMITTED);
    return 0;
}

static int get_settled(struct store *store, const struct write_key *key, struct arena *arena,
                       struct span *ret_value)
{
    char *message = NULL;
    rocksdb_t *index = index_of(store);
    if (!index)
        return -ENOENT;
    rocksdb_pinnableslice_t *slice =
        rocksdb_get_pinned(index, store->read_options, key->bytes, key->len, &message);
    if (message)
        return store_error(message);
    if (!slice)
        return -ENOENT;
    size_t len;
    const char *at = rocksdb_pinnableslice_value(slice, &len);
    *ret_value = arena_copy(arena, span_of(at ? at : "", len));
    rocksdb_pinnableslice_destroy(slice);
    return 0;
}

int txn_get(struct txn *txn, enum FAMILY family, struct span key, struct arena *arena,
            struct span *ret_value)
{
    struct write_key full;
    write_key_make(&full, family, key);
    const struct write *own = writes_find(&txn->writes, &full);
    if (own) {
        struct write_parts written = writes_at(&txn->writes, (uint32_t)(own - txn->writes.at));
        *ret_value = written.deleted ? SPAN_NONE : arena_copy(arena, written.value);
        return written.deleted ? -ENOENT : 0;
    }
    txn->has_read = true;
    uint64_t seen;
    int found = recent_get(txn->store->recent, &full, arena, ret_value, &seen);
    if (found)
        return found < 0 ? found : 0;
    int error = get_settled(txn->store, &full, arena, ret_value);
    if (!error || error == -ENOENT)
        recent_keep(txn->store->recent, &full, error ? SPAN_NONE : *ret_value, seen);
    return error;
}

void txn_put(struct txn *txn, enum FAMILY family, struct span key, struct span value)
{
    struct write_key full;
    write_key_make(&full, family, key);
    writes_put(&txn->writes, &full, value);
}

void txn_delete(struct txn *txn, enum FAMILY family, struct span key)
{
    struct write_key full;
    write_key_make(&full, family, key);
    writes_delete(&txn->writes, &full);
}

static int stripe_compare(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static bool holds(const struct txn *txn, const struct span *keys, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t stripe = (uint16_t)(span_hash(keys[i]) % STRIPES);
        if (!bsearch(&stripe, txn->held, txn->held_count, sizeof stripe, stripe_compare))
            return false;
    }
    return true;
}

/* Ascending order makes a cycle of waiters impossible, and a second call could break the order. */
void txn_lock(struct txn *txn, const struct span *keys, size_t count)
{
    if (txn->held_count && holds(txn, keys, count))
        return;
    if (txn->held_count || txn->has_books)
        log_fatal("txn_lock late in a transaction: what it needs is locked in one call, first");
    bool wanted[STRIPES];
    if (count > 1)
        memset(wanted, 0, sizeof wanted);
    for (size_t i = 0; i < count; i++) {
        uint16_t stripe = (uint16_t)(span_hash(keys[i]) % STRIPES);
        if (count > 1 && wanted[stripe])
            continue;
        wanted[stripe] = true;
        txn->held[txn->held_count++] = stripe;
    }
    if (txn->held_count > 1)
        qsort(txn->held, txn->held_count, sizeof *txn->held, stripe_compare);
    for (uint32_t i = 0; i < txn->held_count; i++)
        pthread_mutex_lock(&txn->store->stripes[txn->held[i]]);
}

void txn_lock_books(struct txn *txn)
{
    if (!txn->has_books)
        pthread_mutex_lock(&txn->store->books);
    txn->has_books = true;
}

void txn_after_durable(struct txn *txn, void (*fn)(void *thing), void *thing)
{
    struct after_list *list = &txn->after;
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 4;
        list->at = store_grow(list->at, list->cap * sizeof *list->at);
    }
    list->at[list->count++] = (struct after_durable){.fn = fn, .thing = thing};
}

void txn_at_end(struct txn *txn, void (*fn)(void *thing, enum TXN_END end), void *thing)
{
    if (txn->hook_count == txn->hook_cap) {
        txn->hook_cap = txn->hook_cap ? txn->hook_cap * 2 : 4;
        txn->hooks = store_grow(txn->hooks, txn->hook_cap * sizeof *txn->hooks);
    }
    txn->hooks[txn->hook_count++] = (struct end_hook){fn, thing};
}

void txn_fail(struct txn *txn, int error)
{
    if (!txn->error)
        txn->error = error;
}

struct buf *txn_scratch(struct txn *txn)
{
    buf_clear(&txn->scratch);
    return &txn->scratch;
}

struct writes *txn_writes(struct txn *txn)
{
    txn->has_read = true; /* only cursors ask */
    return &txn->writes;
}

struct store *txn_store(struct txn *txn)
{
    return txn->store;
}

bool txn_has_writes(const struct txn *txn)
{
    return txn->writes.count > 0;
}
