// SPDX-License-Identifier: Apache-2.0
/*
 * A hash table in shards, each with its lock: a value is copied while the lock is held, so what it
 * lies in may go as soon as its entry is gone. An entry either points into a chunk (not settled) or
 * is followed by a copy of its own; the copies form a queue from which the oldest leaves, unless it
 * was used since it entered. `changes` tells a reader that RocksDB's answer may be old by now. Any
 * thread.
 */
#include "store/recent.h"

#include "base/scope.h"

#include <errno.h>
#include <stdlib.h>

#define SHARDS 64
#define FIRST_HEADS 64
#define SPARE_MAX 256
#define COPY_MAX 4096                    /* bytes of key and value */
#define COPIES_MAX ((64 << 20) / SHARDS) /* bytes of copies in a shard */

struct entry {
    struct entry *next;
    uint64_t hash, ticket;
    const char *write; /* a struct write_head; where it lies behind this entry, it is a copy */
    struct entry *older, *newer; /* copies */
    uint32_t copy_len;           /* 0: no copy */
    bool used;
};

struct shard {
    _Alignas(CACHE_LINE) pthread_mutex_t mutex;
    struct entry **heads;
    uint64_t changes;
    size_t copied; /* bytes */
    struct entry *oldest, *newest;
    uint32_t head_count, count, spare_count;
    struct entry *spare;
};

struct recent {
    struct shard shards[SHARDS];
    _Atomic uint64_t unsettled[FAMILY_COUNT];
};

struct recent *recent_new(void)
{
    struct recent *recent = store_alloc_aligned(sizeof *recent);
    memset(recent, 0, sizeof *recent);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&recent->shards[i].mutex, NULL);
    return recent;
}

static void entries_free(struct entry *entry)
{
    while (entry) {
        struct entry *next = entry->next;
        free(entry);
        entry = next;
    }
}

void recent_free(struct recent *recent)
{
    if (!recent)
        return;
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &recent->shards[i];
        for (uint32_t k = 0; k < shard->head_count; k++)
            entries_free(shard->heads[k]);
        entries_free(shard->spare);
        free(shard->heads);
        pthread_mutex_destroy(&shard->mutex);
    }
    free(recent);
}

/* The low bits choose the head. */
static struct shard *shard_of(struct recent *recent, uint64_t hash)
{
    return &recent->shards[hash >> 58];
}

static struct entry **link_of(struct shard *shard, uint64_t hash, struct span key)
{
    struct entry **at = &shard->heads[hash & (shard->head_count - 1)];
    while (*at && ((*at)->hash != hash || !span_eq(write_at((*at)->write).key, key)))
        at = &(*at)->next;
    return at;
}

static void grow(struct shard *shard)
{
    uint32_t count = shard->head_count ? shard->head_count * 2 : FIRST_HEADS;
    struct entry **heads = store_alloc(count * sizeof(struct entry *));
    memset(heads, 0, count * sizeof(struct entry *));
    for (uint32_t i = 0; i < shard->head_count; i++)
        for (struct entry *entry = shard->heads[i], *next; entry; entry = next) {
            next = entry->next;
            entry->next = heads[entry->hash & (count - 1)];
            heads[entry->hash & (count - 1)] = entry;
        }
    free(shard->heads);
    shard->heads = heads;
    shard->head_count = count;
}

static void insert(struct shard *shard, struct entry *entry)
{
    if (shard->count == shard->head_count)
        grow(shard);
    struct entry **head = &shard->heads[entry->hash & (shard->head_count - 1)];
    entry->next = *head;
    *head = entry;
    shard->count++;
}

/* ---- copies ---- */

static void queue_add(struct shard *shard, struct entry *entry)
{
    entry->older = shard->newest;
    entry->newer = NULL;
    *(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
    shard->copied += entry->copy_len;
}

static void queue_remove(struct shard *shard, struct entry *entry)
{
    *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
    shard->copied -= entry->copy_len;
}

/* Takes the entry out of the table and ends it; the spares are for entries without a copy. */
static void remove_at(struct shard *shard, struct entry **at)
{
    struct entry *entry = *at;
    *at = entry->next;
    shard->count--;
    if (entry->copy_len)
        queue_remove(shard, entry);
    if (entry->copy_len || shard->spare_count == SPARE_MAX) {
        free(entry);
        return;
    }
    entry->next = shard->spare;
    shard->spare = entry;
    shard->spare_count++;
}

static void make_room(struct shard *shard)
{
    while (shard->copied > COPIES_MAX) {
        struct entry *entry = shard->oldest;
        if (entry->used) {
            entry->used = false;
            queue_remove(shard, entry);
            queue_add(shard, entry);
        } else {
            remove_at(shard, link_of(shard, entry->hash, write_at(entry->write).key));
        }
    }
}

/* A copy for a key that is not in the table. */
static void copy_add(struct shard *shard, uint64_t hash, struct span key, struct span value)
{
    struct write_head head = {.key_len = (uint16_t)key.len,
                              .deleted = span_is_absent(value),
                              .value_len = (uint32_t)value.len};
    size_t len = sizeof head + key.len + value.len;
    struct entry *entry = store_alloc(sizeof *entry + len);
    char *to = (char *)(entry + 1);
    *entry = (struct entry){.hash = hash, .write = to, .copy_len = (uint32_t)len};
    to = mempcpy(to, &head, sizeof head);
    to = mempcpy(to, key.at, key.len);
    if (value.len)
        memcpy(to, value.at, value.len);
    insert(shard, entry);
    queue_add(shard, entry);
    make_room(shard);
}

void recent_keep(struct recent *recent, const struct write_key *key, struct span value,
                 uint64_t seen)
{
    struct shard *shard = shard_of(recent, key->hash);
    if (key->len + value.len > COPY_MAX)
        return;
    GUARD(&shard->mutex);
    if (shard->changes != seen || (shard->count && *link_of(shard, key->hash, write_key_span(key))))
        return;
    copy_add(shard, key->hash, write_key_span(key), value);
}

/* ---- what is not settled ---- */

static struct entry *entry_new(struct shard *shard)
{
    struct entry *entry = shard->spare;
    if (!entry)
        return store_alloc(sizeof *entry);
    shard->spare = entry->next;
    shard->spare_count--;
    return entry;
}

static _Atomic uint64_t *unsettled_of(struct recent *recent, struct span key)
{
    return &recent->unsettled[(unsigned char)key.at[0]];
}

void recent_put(struct recent *recent, uint64_t hash, const char *write, uint64_t ticket)
{
    struct shard *shard = shard_of(recent, hash);
    struct span key = write_at(write).key;
    GUARD(&shard->mutex);
    shard->changes++;
    struct entry **at = shard->count ? link_of(shard, hash, key) : NULL;
    if (at && *at && !(*at)->copy_len) {
        (*at)->write = write;
        (*at)->ticket = ticket;
        return;
    }
    if (at && *at)
        remove_at(shard, at);
    struct entry *entry = entry_new(shard);
    *entry = (struct entry){.hash = hash, .ticket = ticket, .write = write};
    insert(shard, entry);
    atomic_fetch_add_explicit(unsettled_of(recent, key), 1, memory_order_relaxed);
}

struct recent_write recent_newest(struct recent *recent, uint64_t hash, const char *write)
{
    struct shard *shard = shard_of(recent, hash);
    GUARD(&shard->mutex);
    const struct entry *entry = *link_of(shard, hash, write_at(write).key);
    return (struct recent_write){entry->write, entry->ticket};
}

void recent_settled(struct recent *recent, uint64_t hash, const char *write)
{
    struct shard *shard = shard_of(recent, hash);
    struct write_parts parts = write_at(write);
    GUARD(&shard->mutex);
    struct entry **at = link_of(shard, hash, parts.key);
    if (!*at || (*at)->write != write)
        return;
    remove_at(shard, at);
    if (!parts.deleted && parts.key.len + parts.value.len <= COPY_MAX)
        copy_add(shard, hash, parts.key, parts.value);
    atomic_fetch_sub_explicit(unsettled_of(recent, parts.key), 1, memory_order_release);
}

int recent_get(struct recent *recent, const struct write_key *key, struct arena *arena,
               struct span *ret_value, uint64_t *ret_seen)
{
    struct shard *shard = shard_of(recent, key->hash);
    GUARD(&shard->mutex);
    struct entry *entry = shard->count ? *link_of(shard, key->hash, write_key_span(key)) : NULL;
    *ret_seen = shard->changes;
    if (!entry)
        return 0;
    struct write_parts parts = write_at(entry->write);
    entry->used = true;
    if (parts.deleted)
        return -ENOENT;
    *ret_value = arena_copy(arena, parts.value);
    return 1;
}

bool recent_unsettled(const struct recent *recent, enum FAMILY family)
{
    return atomic_load_explicit(&recent->unsettled[family], memory_order_acquire) > 0;
}
