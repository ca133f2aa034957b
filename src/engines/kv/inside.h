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

#define KV_KEYSPACE_COLLECTIONS                                                                    \
    0x66 /* table id, hash (u32), length of the hash key (u16), it -> bytes (u64) */

#define KV_KEYSPACE_STREAMS 0x67 /* stream id, sequence number (u64) -> record */

/* id of a KV_LOG_REPLICAS, hash, length of the hash key, it, range key -> number (u64) of the last
 * write */
#define KV_KEYSPACE_VERSIONS 0x68

struct kv_ranking;

/* A table's locks and counters are split by hash of the hash key, so that writers of different
 * items seldom meet. Part of the disk format. */
#define KV_SHARDS 64
/* Two shards share a lock: all of a table's are held at times, and ThreadSanitizer follows 64 at
 * most. */
#define KV_LOCKS 32

/* Exact at all times; changed by whoever holds the shard's lock, at the end of its transaction. */
struct shard {
    _Atomic uint64_t items, bytes;
};

/* Empty until `empty_until`, then filling: what is in it is the time since then, at most
 * KV_BURST_S, times the rate. */
struct meter {
    _Atomic uint64_t rate;       /* units a second; 0: not limited */
    _Atomic int64_t empty_until; /* us */
    atomic_bool grow;
    _Atomic int64_t second, half_hour; /* the present ones, s */
    _Atomic uint64_t used, peak; /* half units: in that second, in one second of that half hour */
    _Atomic uint64_t taken;      /* half units, since it was made */
};

/* Immutable but for the counters, the meters and `built`. Its entries are counted by their items'
 * shards, whose locks their writers hold. */
struct kv_index {
    uint64_t id;
    struct kv_index_schema schema;
    atomic_bool built;
    struct meter meters[2];             /* by enum KV_METER */
    struct meter parts[KV_SHARDS][2];   /* of the entries of each */
    struct kv_ranking *_Atomic ranking; /* NULL: never watched */
    struct shard shards[KV_SHARDS];
};

/* Of the index of expiry; no index of a client has such a name. */
#define EXPIRY_NAME S("\001expiry")

struct index_set {
    bool any_local;
    size_t count;
    struct kv_index *at[];
};

/* Transactions that have written records but are not visible yet; in their arenas. */
struct flight {
    const struct txn *txn;
    uint64_t low; /* of its records */
    struct stream *stream;
    struct flight *next;
};

/* One that gets records, in memory for as long as the process. */
struct stream {
    uint64_t id, table;
    enum KV_LOG log;
    enum KV_VIEW view;
    pthread_mutex_t mutex; /* guards the next two */
    uint64_t next;         /* sequence number */
    struct flight *flights;
    /* Home loop. */
    int64_t shard_opened_ms;
    uint64_t shard, shard_first;
    bool closed;
    struct stream *older; /* of kv->streams */
};

/* Immutable but for the counters, the references, `shut`, `indexes` and `logs`. One reference is
 * the cache's. */
struct kv_table {
    /* NULL: none. Replaced with all shards' locks held, so whoever writes sees one set for the
     * whole transaction; what was replaced stays in `arena` for those who only read. */
    _Atomic(struct index_set *) indexes;
    _Atomic(struct stream *) logs[KV_LOG_COUNT]; /* NULL: none; replaced like `indexes` */
    struct arena arena; /* of the indexes; the tables' thread, once the table is in the cache */
    uint64_t id;
    struct kv_schema schema;
    struct span name;
    atomic_uint references;
    atomic_bool shut; /* set once; looked at under a shard's lock */
    struct meter meters[2];
    struct meter parts[KV_SHARDS][2]; /* of the keys of each shard */
    _Atomic uint64_t rates_kind;
    struct kv_ranking *_Atomic ranking; /* NULL: never watched */
    struct shard shards[KV_SHARDS];
};

/* Removes the items of dropped tables, one job at a time. Home loop, but for `run` and the wake. */
struct sweep {
    struct job job;
    struct mail mail;
    struct timer timer; /* after a failure */
    struct timer tick;  /* every second */
    atomic_bool posted;
    bool busy, again, ticking;
    /* Of the job while it runs. */
    uint64_t table;     /* being swept; 0: none yet */
    size_t keyspace;    /* index of the one of its keyspaces that is gone through */
    struct kv_key from; /* len 0: from the beginning */
    int result;         /* 1: more to do, 0: nothing left, negative errno */
    uint64_t built;     /* the index that is complete now; 0: none */
    uint64_t copied;    /* the same of a copy */
};

struct kv {
    struct store *store;
    struct workers *workers;
    struct loop *home;
    pthread_mutex_t mutex; /* guards the next two; held for a look-up */
    struct map tables;     /* open ones that were asked for, by name */
    uint64_t generation;   /* counts removals from the map */
    struct sweep sweep;
    uint64_t collection_max; /* bytes */
    void (*built)(void *thing);
    void *built_thing;
    bool unlimited;
    struct stream *streams; /* all that were ever loaded; guarded by `mutex` */
};

/* The name of a shard's lock and the key of its counters. */
#define KV_SHARD_KEY_LEN 10
void kv_shard_key(uint64_t table, unsigned shard, char to[KV_SHARD_KEY_LEN]);

static inline struct span key_bytes(const struct kv_key *key)
{
    return span_of(key->bytes, key->len);
}

/* access.c */
struct change {
    struct shard *shard;
    uint64_t items, bytes; /* added; a loss is a large addition */
};
/* Counts a change at the end of the transaction; `id` is a table's or an index's. */
MUST_CHECK int kv_count(const struct kv_access *access, uint64_t id, unsigned shard,
                        struct change change);
/* Appends keyspace, number, hash of the hash key, its length and it. */
void kv_key_begin(uint8_t keyspace, uint64_t id, struct span hash, struct buf *out);
/* Locks the shards whose bits are set; the first thing of its transaction. */
void kv_lock_shards(const struct kv_access *access, uint64_t table, uint64_t mask);
unsigned kv_shard_of(struct span key);

/* table.c */
struct kv_table *kv_cached(struct kv *kv, struct span name); /* borrowed: the tables' thread */
MUST_CHECK int kv_next_id(const struct kv_access *access, uint64_t *ret);
typedef void (*kv_take_shard)(void *user, unsigned shard, uint64_t items, uint64_t bytes);
MUST_CHECK int kv_each_shard(struct txn *txn, uint64_t id, kv_take_shard take, void *user);
void kv_take_shards(void *shards, unsigned shard, uint64_t items, uint64_t bytes);
void kv_add_shards(void *totals, unsigned shard, uint64_t items, uint64_t bytes);
/* The table in the cache that a committed change is about, or NULL; who kept one is to look again.
 * With the cache's mutex held. */
struct kv_table *kv_table_changed(struct kv *kv, struct span name);

/* index.c: in the table's arena, with their counters. */
struct kv_index_record_list;
/* Of any kind, built or not; NULL: none. */
struct kv_index *kv_index_named(const struct kv_table *table, struct span name);
MUST_CHECK int indexes_load(const struct kv_access *access, struct kv_table *table,
                            const struct kv_index_record_list *list);
/* The records of a new table's indexes. */
MUST_CHECK int indexes_keep(const struct kv_access *access, const struct kv_schema *schema,
                            struct kv_index_record_list *ret);

/* entry.c */
struct kv_write {
    struct kv_table *table;
    const struct kv_key *key;
    struct span item, old; /* absent: none */
};
MUST_CHECK int entries_write(const struct kv_access *access, const struct kv_write *write);
/* The entry of an item that may not have one yet. */
MUST_CHECK int entry_add(const struct kv_access *access, const struct kv_write *write,
                         struct kv_index *index);

/* vector.c: whether the item has one for that index. */
MUST_CHECK bool vector_is_in(const struct kv_index_schema *schema, const struct kv_map *item);
/* Appends the floats of an item that is in it; the bytes that are counted of it. */
size_t vector_encode(const struct kv_index_schema *schema, const struct kv_map *item,
                     struct buf *out);

/* The keys of items from `from` on, which is passed over itself when it is there. */
struct key_batch {
    struct span *keys, *items; /* items NULL: not wanted */
    size_t count, room, bytes; /* `bytes`: of items, at most; one is always read */
    bool more;
};
MUST_CHECK int kv_read_batch(const struct kv_access *access, uint64_t table, struct span from,
                             struct key_batch *batch);

/* meter.c: a rate that it has grown beyond stays. */
struct meter_rate {
    uint64_t rate;
    bool grows;
};
void meter_set(struct meter *meter, const struct meter_rate *to);
void meter_set_parts(struct meter parts[KV_SHARDS][2]);

/* ranking.c: watches what the bits say from now on; with the arena's end it is freed. */
struct kv_ranking;
void kv_ranking_begin(struct arena *arena, struct kv_ranking *_Atomic *at, uint64_t which);

/* stream.c */
struct kv_table_record;
MUST_CHECK int kv_stream_write(const struct kv_access *access, const struct kv_write *write,
                               struct stream *stream);
/* The open one of that number, from the store when it is not in memory. */
MUST_CHECK int kv_stream_load(const struct kv_access *access, uint64_t id, uint64_t table,
                              struct stream **ret);
/* The number that the next record gets. */
uint64_t kv_stream_next(struct stream *stream);
/* The log of a table's record, whose shards are locked; the record is changed, not written. */
MUST_CHECK int kv_log_open(const struct kv_access *access, struct kv_table_record *record,
                           struct stream *fresh);
MUST_CHECK int kv_log_close(const struct kv_access *access, struct kv_table_record *record,
                            enum KV_LOG log);
uint64_t *kv_log_of(struct kv_table_record *record, enum KV_LOG log);
/* Begins new shards where they are due. Home loop. */
void kv_stream_rotate(struct kv *kv);
void kv_stream_free_all(struct kv *kv);
/* stream_read.c: 1: something was old. */
MUST_CHECK int kv_stream_trim_batch(struct txn *txn, struct arena *arena);
/* A record as it is kept. */
struct stream_record {
    int64_t time_ms;
    enum KV_EVENT event;
    enum KV_ACTOR actor;
    struct span keys, old, new; /* items; absent: none */
};
void kv_stream_encode(const struct stream_record *record, struct buf *out);
MUST_CHECK bool kv_stream_decode(struct span bytes, struct stream_record *ret);
void kv_stream_key(uint64_t id, uint64_t sequence, struct buf *out);

/* version.c: the number of an item's last write. */
void version_put(const struct kv_access *access, uint64_t log, const struct kv_key *key,
                 uint64_t number);
/* Forgets that of an item that was deleted no later than `number`. */
struct kv_stream;
MUST_CHECK int version_forget(struct txn *txn, struct arena *arena, const struct kv_stream *stream,
                              const struct stream_record *record, uint64_t number);

/* index.c: the record of a table whose shards are all locked now. */
MUST_CHECK int table_record_locked(const struct kv_access *access, struct span table,
                                   struct kv_table_record *ret);

/* build.c: 1: more to do, 0: nothing is being built. */
MUST_CHECK int build_batch(struct kv *kv, struct txn *txn, struct arena *arena);
void build_finish(struct kv *kv);

/* copy.c: as build.c. */
MUST_CHECK int copy_batch(struct kv *kv, struct txn *txn, struct arena *arena);
void copy_finish(struct kv *kv);
/* The lowest number that copies want undone from that history, or UINT64_MAX. */
MUST_CHECK int copy_lowest(struct txn *txn, struct arena *arena, uint64_t history, uint64_t *ret);

/* expire.c: 1: something was deleted, 0: nothing has ended. */
MUST_CHECK int expire_batch(struct kv *kv, struct txn *txn, struct arena *arena);
/* The second after which an item ends; false when it does not. */
MUST_CHECK bool expire_second(struct span number, uint64_t *ret);

/* sweep.c */
void sweep_start(struct kv *kv);
/* Once a dropped table is durable. Any thread. */
void sweep_wake(void *kv);
