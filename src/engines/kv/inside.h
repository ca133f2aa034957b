// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the files of this folder share and nobody else sees. */
#include "base/map.h"
#include "engines/kv/kv.h"

#include <pthread.h>
#include <stdatomic.h>

/* Keyspaces of FAMILY_ITEMS; those of FAMILY_CONTROL are in records.idl. */
#define KV_KEYSPACE_TOTALS 0x61 /* table id (u64), shard (u8) -> items, bytes (u64 each) */
#define KV_KEYSPACE_ITEMS                                                                          \
    0x62 /* table id, hash (u32), length of the hash key (u16), it, range key */

/* A table's locks and counters are split by hash of the hash key, so that writers of different
 * items seldom meet. Part of the disk format. */
#define KV_SHARDS 64

/* Exact at all times; changed by whoever holds the shard's lock, at the end of its transaction. */
struct shard {
    _Atomic uint64_t items, bytes;
};

/* Immutable but for the counters, the references and `shut`. One reference is the cache's. */
struct kv_table {
    uint64_t id;
    struct kv_schema schema;
    struct span name;
    atomic_uint references;
    atomic_bool shut; /* set once; looked at under a shard's lock */
    struct shard shards[KV_SHARDS];
};

/* Removes the items of dropped tables, one job at a time. Home loop, but for `run` and the wake. */
struct sweep {
    struct job job;
    struct mail mail;
    struct timer timer;
    atomic_bool posted;
    bool busy, again;
    /* Of the job while it runs. */
    uint64_t table;     /* being swept; 0: none yet */
    struct kv_key from; /* len 0: from the beginning */
    int result;         /* 1: more to do, 0: nothing left, negative errno */
};

struct kv {
    struct store *store;
    struct workers *workers;
    struct loop *home;
    pthread_mutex_t mutex; /* guards the next two; held for a look-up */
    struct map tables;     /* open ones that were asked for, by name */
    uint64_t generation;   /* counts removals from the map */
    struct sweep sweep;
};

/* The name of a shard's lock and the key of its counters. */
#define KV_SHARD_KEY_LEN 10
void kv_shard_key(uint64_t table, unsigned shard, char to[KV_SHARD_KEY_LEN]);

/* sweep.c */
void sweep_start(struct kv *kv);
/* Once a dropped table is durable. Any thread. */
void sweep_wake(void *kv);
