// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Tables of items: an item is a map of typed values, found by a hash key and an optional range key.
 * Knows no service: names of tables are opaque bytes, and what is allowed where is the caller's
 * business.
 *
 *   numbers   38 digits, as bytes whose order is the numbers' order; never a double
 *   values    trees in an arena, and their canonical bytes: equal values have equal bytes
 *   tables    small immutable descriptors, cached; made and dropped by one thread, read by all
 *   items     read and written inside the caller's transaction; how many there are and how large
 *             they are together is counted in the same commit
 *
 * Functions that answer int: 0 or a negative errno; -EBADMSG: undecodable bytes in the store.
 */
#include "base/buf.h"
#include "loop/workers.h"
#include "store/record.h"

/* ---- numbers -------------------------------------------------------------------------------- */

#define KV_NUMBER_MAX 22       /* bytes of an encoded number */
#define KV_NUMBER_TEXT_MAX 176 /* bytes of its text */
#define KV_DIGITS_MAX 38       /* significant digits */
#define KV_EXPONENT_MIN (-130) /* of the first digit */
#define KV_EXPONENT_MAX 125

enum KV_NUMBER_FAULT {
    KV_NUMBER_GOOD,
    KV_NUMBER_NOT_ONE,   /* not a decimal number */
    KV_NUMBER_TOO_LONG,  /* more than KV_DIGITS_MAX digits between leading and trailing zeros */
    KV_NUMBER_TOO_LARGE, /* magnitude */
    KV_NUMBER_TOO_SMALL,
};

/* [+-]digits[.digits][e[+-]digits], either side of the point may be empty. Pure. */
MUST_CHECK enum KV_NUMBER_FAULT kv_number_read(struct span text, char to[KV_NUMBER_MAX],
                                               size_t *ret_len);
/* Plain notation without exponent; the length. */
size_t kv_number_print(struct span number, char to[KV_NUMBER_TEXT_MAX]);
enum KV_SIGN { KV_PLUS, KV_MINUS };
/* a + b or a - b of encoded numbers, exactly: what needs more digits than there are is
 * KV_NUMBER_TOO_LONG. */
MUST_CHECK enum KV_NUMBER_FAULT kv_number_add(struct span a, struct span b, enum KV_SIGN sign,
                                              char to[KV_NUMBER_MAX], size_t *ret_len);
/* Length of the encoded number that `bytes` begins with, or 0. */
size_t kv_number_len(struct span bytes);

/* ---- values --------------------------------------------------------------------------------- */

enum KV_TYPE {
    KV_STRING = 1,
    KV_NUMBER,
    KV_BINARY,
    KV_BOOL,
    KV_NULL,
    KV_STRING_SET,
    KV_NUMBER_SET,
    KV_BINARY_SET,
    KV_LIST,
    KV_MAP,
};

#define KV_DEPTH_MAX 32 /* levels of values, an attribute's own value being the first */

struct kv_value;
struct kv_pair;

struct kv_list {
    struct kv_value *at;
    size_t count;
};

struct kv_map {
    struct kv_pair *at; /* ascending by name, each name once: kv_sort_pairs */
    size_t count;
};

struct kv_set {
    struct span *at; /* ascending, each once: kv_sort_set */
    size_t count;
};

struct kv_value {
    enum KV_TYPE type;
    union {
        struct span bytes; /* text, encoded number, binary */
        bool truth;
        struct kv_set set; /* of such bytes */
        struct kv_list list;
        struct kv_map map;
    };
};

struct kv_pair {
    struct span name;
    struct kv_value value;
};

/* Brings pairs into the order that a map wants. */
void kv_sort_pairs(struct kv_pair *pairs, size_t count);
/* The same for a set; false when an element stands twice. */
MUST_CHECK bool kv_sort_set(struct span *elements, size_t count);
/* The value of that name or NULL. */
const struct kv_value *kv_map_get(const struct kv_map *map, struct span name);

/* Equal types and contents. */
bool kv_value_eq(const struct kv_value *a, const struct kv_value *b);

/* What limits and capacity are reckoned in: names and text by UTF-8 bytes, a number by its pairs of
 * digits. */
size_t kv_value_size(const struct kv_value *value);
size_t kv_map_size(const struct kv_map *map);

/* The bytes of an item; `out` is appended to. Values must be in order (see above). */
void kv_item_encode(const struct kv_map *item, struct buf *out);
/* Borrows from `bytes`. False when they are no item. */
MUST_CHECK bool kv_item_decode(struct span bytes, struct arena *arena, struct kv_map *ret);
/* kv_map_size of an encoded item, without decoding it; 0 for an absent one. */
size_t kv_item_size(struct span bytes);

/* ---- tables --------------------------------------------------------------------------------- */

#define KV_HASH_KEY_MAX 2048 /* bytes of a key value */
#define KV_RANGE_KEY_MAX 1024

struct kv_key_part {
    struct span name;
    enum KV_TYPE type; /* KV_STRING, KV_NUMBER or KV_BINARY */
};

#define KV_INDEX_PARTS_MAX 4 /* attributes of an index's hash key, and of its range key */

enum KV_PROJECTION { KV_PROJECT_ALL = 1, KV_PROJECT_KEYS, KV_PROJECT_INCLUDE };
enum KV_DISTANCE { KV_COSINE = 1, KV_EUCLIDEAN, KV_DOT_PRODUCT };

/* An index holds, of every item that has all of its key attributes with their types, the projected
 * part: the keys of table and index, and what the projection says. */
struct kv_index_schema {
    struct span name;
    struct kv_key_part hash[KV_INDEX_PARTS_MAX], range[KV_INDEX_PARTS_MAX];
    uint8_t hash_count, range_count;
    uint8_t projection; /* enum KV_PROJECTION */
    bool local;         /* its hash key is the table's */
    bool expiry;        /* see kv_expiry_set; nobody else sets or sees it */
    uint8_t distance;   /* enum KV_DISTANCE, of an index of vectors */
    uint16_t dimensions;
    struct span vector;                /* attribute that has them; absent: an index of keys */
    const struct kv_key_part *filters; /* projected, too; an item need not have them */
    size_t filter_count;
    struct record_texts included; /* KV_PROJECT_INCLUDE */
};

struct kv_schema {
    struct kv_key_part hash, range; /* range.name absent: there is none */
    const struct kv_index_schema *indexes;
    size_t index_count;
};

struct kv_table; /* borrowed for as long as the arena it was found with */
struct kv_index; /* as long as its table */

struct kv;

/* `home` runs the bookkeeping of what is dropped, `workers` the dropping. Goes on with what an
 * earlier process left. */
MUST_CHECK int kv_new(struct kv **ret, struct store *store, struct workers *workers,
                      struct loop *home);
/* After the loop and the workers have stopped and the store is closed. */
void kv_free(struct kv *kv);

/* What a write did to an index; one whose entry stays as it is has none. In the arena. */
struct kv_change {
    const struct kv_table *table;
    const struct kv_index *index;
    size_t before, after; /* kv_map_size of the entry, a vector by its floats; 0: there was, there
                             is none */
    bool moved;           /* the entry has another key now */
    struct span key;      /* of the entry that is, or was; only where the index is watched */
    struct kv_change *next;
};

/* Gathered over the writes of a transaction. */
struct kv_changes {
    struct kv_change *first; /* newest first */
    uint64_t collection;     /* bytes of the last written item's collection; 0: not counted */
};

/* Who writes: the caller of the service, the engine because an item has ended, or kv_apply. */
enum KV_ACTOR { KV_ACTOR_CALLER, KV_ACTOR_EXPIRY, KV_ACTOR_REPLICA };

/* One place inside one transaction: what is read lives in the arena. */
struct kv_access {
    struct kv *kv;
    struct txn *txn;
    struct arena *arena;
    struct kv_changes *changes; /* NULL: nobody asks */
    enum KV_ACTOR actor;
};

/* The next four on one thread. A new table is shut: kv_find does not see it. -EEXIST. */
MUST_CHECK int kv_table_create(const struct kv_access *access, struct span name,
                               const struct kv_schema *schema);
/* -ENOENT. Take effect with the commit. */
MUST_CHECK int kv_table_open(const struct kv_access *access, struct span name);
MUST_CHECK int kv_table_shut(const struct kv_access *access, struct span name);
/* Forgets a table that is shut; its items are removed in the background, in batches. The name may
 * be used again at once. */
MUST_CHECK int kv_table_drop(const struct kv_access *access, struct span name);

struct kv_totals {
    uint64_t items, bytes; /* bytes: sum of kv_map_size */
};
/* As of this moment; -ENOENT. */
MUST_CHECK int kv_table_totals(const struct kv_access *access, struct span name,
                               struct kv_totals *ret);

/* An open table; -ENOENT. Any thread. */
MUST_CHECK int kv_find(const struct kv_access *access, struct span name, struct kv_table **ret);
/* Its key; `indexes` is not filled. */
const struct kv_schema *kv_table_schema(const struct kv_table *table);
struct span kv_table_name(const struct kv_table *table);

/* ---- indexes -------------------------------------------------------------------------------- */

/*
 * An entry is written and removed in the commit of its item, by kv_put and kv_delete. Entries lie
 * like items: keyspace, the index's number, hash of the hash key, its length, it; then each
 * attribute of the range key escaped (store/key.h), then the table's hash key escaped and its range
 * key as it is, so that entries are unique and sort. A hash key of several attributes is each of
 * them escaped, one after another.
 */

/* The next three on the tables' thread, at the beginning of a transaction: they lock. A new index
 * is maintained from the commit on; the items that are there follow in the background, then
 * `kv_built` (set before the first one is made) is called on the home loop. -ENOENT: no such table;
 * -EEXIST. */
MUST_CHECK int kv_index_create(const struct kv_access *access, struct span table,
                               const struct kv_index_schema *schema);
MUST_CHECK int kv_index_drop(const struct kv_access *access, struct span table, struct span name);
void kv_on_built(struct kv *kv, void (*built)(void *thing), void *thing);

/*
 * Items that end: `attribute` holds the second since 1970 after which an item is deleted in the
 * background (once a second is looked; what ended more than five years ago stays). Kept as an index
 * like others, so it is exact, and a table may have items when it is set: kv_built tells when all
 * of them are known. -EEXIST: there is one; -ENOENT. Same thread and place as kv_index_create.
 */
MUST_CHECK int kv_expiry_set(const struct kv_access *access, struct span table,
                             struct span attribute);
MUST_CHECK int kv_expiry_clear(const struct kv_access *access, struct span table);
/* 1: all items are known, 0: not yet; -ENOENT. */
MUST_CHECK int kv_expiry_is_set(const struct kv_access *access, struct span table);

/* Whether all items are in it, and how many. As of this moment; -ENOENT. */
struct kv_index_state {
    bool built;
    struct kv_totals totals;
};
MUST_CHECK int kv_index_look(const struct kv_access *access, struct span table, struct span name,
                             struct kv_index_state *ret);

/* The index of that name, or NULL. Any thread, also without a lock. */
const struct kv_index *kv_index_find(const struct kv_table *table, struct span name);
/* All of them: begin with *at = 0; NULL when done. */
const struct kv_index *kv_index_next(const struct kv_table *table, size_t *at);
const struct kv_index_schema *kv_index_schema(const struct kv_index *index);
bool kv_index_is_built(const struct kv_index *index);

/* The bytes that the keys of all entries with these values begin with: `hash` has all values of the
 * hash key, `range` the first `range_count` of the range key (a partial text at the end: append it
 * with kv_index_begin). NULL `hash`: of all entries. */
struct kv_index_values {
    const struct span *hash, *range;
    size_t range_count;
};
void kv_index_prefix(const struct kv_index *index, const struct kv_index_values *values,
                     struct buf *out);
/* Appends what every entry whose next range attribute begins with `text` goes on with. */
void kv_index_begin(struct span text, struct buf *out);
/* The key of an item's entry, from the entry or the item; false when the item is not in the index.
 */
MUST_CHECK bool kv_index_key(const struct kv_table *table, const struct kv_index *index,
                             const struct kv_map *item, struct buf *out);

/* ---- vectors -------------------------------------------------------------------------------- */

/*
 * An index of vectors has, of every item whose attribute is a list of so many numbers (and which
 * has the hash key's attribute, if there is one), the numbers as 32-bit floats and the projected
 * part without that attribute. kv_index_find and kv_index_next pass over them.
 */
#define KV_DIMENSIONS_MAX 4096

/* As kv_index_find, kv_index_next. */
const struct kv_index *kv_vector_index_find(const struct kv_table *table, struct span name);
const struct kv_index *kv_vector_index_next(const struct kv_table *table, size_t *at);
/* A number as a 32-bit float; false when it is too large for one. */
MUST_CHECK bool kv_float_of(struct span number, float *ret);

struct kv_vector_query {
    const struct kv_table *table;
    const struct kv_index *index;
    const float *vector;
    struct span hash; /* bytes of the hash key's value; absent: all entries */
    size_t most;
    bool (*wanted)(void *user, const struct kv_map *item); /* NULL: every one */
    void *user;
};
struct kv_vector_hit {
    double score; /* a distance; of KV_DOT_PRODUCT the product */
    struct kv_map item;
    const char *vector; /* floats, not aligned */
};
/* The nearest ones, the best first, exactly; of equal ones the first in the order of entries. Reads
 * all entries: workers. `to` has room for `most`. */
MUST_CHECK int kv_vector_search(const struct kv_access *access, const struct kv_vector_query *query,
                                struct kv_vector_hit *to, size_t *ret_count);

/* ---- items ---------------------------------------------------------------------------------- */

struct kv_key {
    uint16_t len;
    uint8_t shard; /* of the table's locks and counters */
    char bytes[1 + 8 + 4 + 2 + KV_HASH_KEY_MAX + KV_RANGE_KEY_MAX];
};

static inline bool kv_key_eq(const struct kv_key *a, const struct kv_key *b)
{
    return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

/* `hash` and `range` are bytes of the schema's types (numbers encoded), within the limits above;
 * `range` absent when there is none. */
void kv_key_make(const struct kv_table *table, struct span hash, struct span range,
                 struct kv_key *ret);

/* -ENOENT when there is none. */
MUST_CHECK int kv_get(const struct kv_access *access, const struct kv_key *key,
                      struct span *ret_item);
/* Exclusive until the end of the transaction, in one call before the first kv_get of what is going
 * to be written. -ESTALE: the table has been shut since it was found. */
MUST_CHECK int kv_lock(const struct kv_access *access, struct kv_table *table,
                       const struct kv_key *keys, size_t count);
/* The same for items of several tables, and for a name of the caller's beside them (absent: none).
 */
struct kv_place {
    struct kv_table *table;
    const struct kv_key *key;
};
MUST_CHECK int kv_lock_places(const struct kv_access *access, const struct kv_place *places,
                              size_t count, struct span beside);
/* `old` is what kv_get found under the lock, absent for nothing. */
MUST_CHECK int kv_put(const struct kv_access *access, struct kv_table *table,
                      const struct kv_key *key, struct span item, struct span old);
MUST_CHECK int kv_delete(const struct kv_access *access, struct kv_table *table,
                         const struct kv_key *key, struct span old);
/* Both answer -EDQUOT when a table with local indexes would have more than so many bytes under one
 * hash key, indexes included. */
#define KV_COLLECTION_MAX (10ULL << 30)
/* For tests, which have less room. */
void kv_set_collection_max(struct kv *kv, uint64_t bytes);
/* Bytes under that key's hash key; 0 for tables without local indexes. */
MUST_CHECK int kv_collection(const struct kv_access *access, const struct kv_table *table,
                             const struct kv_key *key, uint64_t *ret);

/* ---- ranges --------------------------------------------------------------------------------- */

enum KV_ORDER { KV_ASCENDING, KV_DESCENDING };
enum KV_BOUND { KV_ANY, KV_EQ, KV_LT, KV_LE, KV_GT, KV_GE, KV_BETWEEN, KV_BEGINS };

/* Which items of a table, or entries of an index. Values are a key's bytes (numbers encoded). */
struct kv_range {
    const struct kv_table *table;
    const struct kv_index *index; /* NULL: the table itself */
    const struct span *hash;      /* all values of the hash key; NULL: of any */
    const struct span *equal;     /* of an index: the first attributes of the range key */
    size_t equal_count;
    enum KV_BOUND bound; /* of the range key's next attribute */
    struct span low, high;
    uint32_t segment, segments; /* `hash` NULL: an even share of all hashes; 0: all */
    enum KV_ORDER order;
    const struct kv_map *after; /* begins behind this item, which need not be there; or NULL */
};

/* Whether an item with these key attributes would be in it. */
bool kv_range_has(const struct kv_range *range, const struct kv_map *key);

/* A walk sees the store as it was when it was opened, and the transaction's own writes. Close it
 * before the transaction ends. */
struct kv_walk;
struct kv_walk *kv_walk_open(const struct kv_access *access, const struct kv_range *range);
void kv_walk_close(struct kv_walk *walk);
/* The bytes of the next item or entry, borrowed until the next call; false at the end. */
bool kv_walk_next(struct kv_walk *walk, struct span *ret_item);
/* 0 or the error that ended it. */
MUST_CHECK int kv_walk_error(const struct kv_walk *walk);

/* ---- streams -------------------------------------------------------------------------------- */

/*
 * What was done to a table's items, as records that are written in the commit of the item. Records
 * of one stream have ascending numbers in the order in which their transactions become visible to
 * kv_stream_read, so a reader that goes on behind the last one misses none; those of one item are
 * in the order of its writes. A write that changes nothing gives no record. A stream is cut into
 * shards, one after another, a new one every KV_SHARD_HOURS; records are kept for KV_STREAM_HOURS.
 */
#define KV_STREAM_HOURS 24
#define KV_SHARD_HOURS 4

enum KV_VIEW { KV_VIEW_KEYS = 1, KV_VIEW_NEW, KV_VIEW_OLD, KV_VIEW_BOTH };
enum KV_EVENT { KV_INSERT = 1, KV_MODIFY, KV_REMOVE };

/* A table has up to one of each. */
enum KV_LOG {
    KV_LOG_STREAM,   /* has shards */
    KV_LOG_DELIVERY, /* for one reader, who remembers where it is */
    KV_LOG_HISTORY,  /* the engine's: kv_history_keep, and copies in progress */
    KV_LOG_REPLICAS, /* for kv_apply elsewhere */
    KV_LOG_COUNT,
};

/* The tables' thread, at the beginning of a transaction: they lock. -EEXIST, -ENOENT. */
MUST_CHECK int kv_stream_open(const struct kv_access *access, struct span table, enum KV_LOG log,
                              enum KV_VIEW view, uint64_t *ret_id);
/* Gets no records any more; those that are there may be read until they are old. */
MUST_CHECK int kv_stream_close(const struct kv_access *access, struct span table, enum KV_LOG log);
/* Forgets one that is closed. The tables' thread. */
MUST_CHECK int kv_stream_drop(const struct kv_access *access, uint64_t id);

struct kv_stream_shard {
    uint64_t number;      /* from 1 */
    uint64_t first, last; /* sequence numbers; last 0: open */
    int64_t opened_ms;
};

struct kv_stream_state {
    struct kv_stream_shard *shards; /* ascending; those of which nothing is left are not told */
    size_t shard_count;
    uint64_t trimmed; /* up to this number nothing is left */
    uint64_t next;    /* what is written from now on has this number or a higher one */
};
/* Any thread. */
MUST_CHECK int kv_stream_look(const struct kv_access *access, uint64_t id,
                              struct kv_stream_state *ret);

struct kv_record {
    uint64_t sequence;
    int64_t time_ms;
    enum KV_EVENT event;
    enum KV_ACTOR actor;
    struct kv_map keys, old, new;
    bool has_old, has_new;
    size_t bytes; /* of keys and images as kv_map_size reckons */
};

struct kv_stream_range {
    uint64_t from, to;     /* sequence numbers, both included */
    size_t records, bytes; /* at most; one record is always given */
};

struct kv_records {
    struct kv_record *at;
    size_t count;
    uint64_t next; /* where to go on */
};
MUST_CHECK int kv_stream_read(const struct kv_access *access, uint64_t id,
                              const struct kv_stream_range *range, struct kv_records *ret);

/* ---- replicas -------------------------------------------------------------------------------- */

/*
 * Tables of one schema that are written to independently and come to have the same items: each
 * has a KV_LOG_REPLICAS, whose records are applied to all others. Of two writes of an item the
 * later one stays, whatever order they come in: while a table has such a log, every write of an
 * item, a deletion too, leaves its number with the item's key.
 */
/* Names that order the tables: of equal numbers that of the greater one stays. */
struct kv_sides {
    struct span from, here;
    /* The table that `here` was copied from, whose numbers hold for what was copied, or NULL. */
    const struct kv_table *elder;
    struct span elder_name;
};
/* Applies a record whose item's key is locked. 1: applied, and *ret_bytes is the size of the larger
 * of what was and what is, 0: what is there is later (or the record is of kv_apply itself).
 * -ENOENT: no log. */
MUST_CHECK int kv_apply(const struct kv_access *access, struct kv_table *table,
                        const struct kv_record *record, const struct kv_sides *sides,
                        size_t *ret_bytes);
/* The key of a record's item in a table of that schema; false when it has none. */
MUST_CHECK bool kv_record_key(const struct kv_table *table, const struct kv_record *record,
                              struct kv_key *ret);
/* Locks all items of some tables at once, for a transaction that goes on to change several of them
 * on the tables' thread. -ENOENT. */
MUST_CHECK int kv_lock_tables(const struct kv_access *access, const struct span *names,
                              size_t count);

/* ---- history and copies ---------------------------------------------------------------------- */

/* Keeps what the items were before each change for so long; 0: no longer than copies need it. The
 * tables' thread, at the beginning of a transaction: it locks. -ENOENT. */
MUST_CHECK int kv_history_keep(const struct kv_access *access, struct span table, int64_t kept_ms);

/*
 * A copy has the items that a table had at one moment, whoever writes to it meanwhile: they are
 * copied in the background as they are found, and then what was changed after the moment is undone
 * with the table's history. A table that is shut is copied as it is. `copy` is another table, shut
 * and without items, that nobody else writes to; its indexes are filled with it. When it is
 * complete `kv_built` is called on the home loop. A restart goes on where it stopped.
 */
struct kv_copy {
    struct span table, copy;
    int64_t at_ms; /* the end of this millisecond, for which the history is there; 0: now */
};
/* The tables' thread, at the beginning of a transaction: it locks. -ENOENT. */
MUST_CHECK int kv_copy_start(const struct kv_access *access, const struct kv_copy *copy);
/* 1: `table` is being copied from, 2: it is being copied to, 0: neither. */
enum KV_COPYING { KV_COPYING_NONE, KV_COPYING_FROM, KV_COPYING_TO };
MUST_CHECK int kv_copying(const struct kv_access *access, struct span table);
/* What changed, with what was before; -ENOENT: no history is kept. Any thread. */
struct kv_stream_range;
struct kv_records;
MUST_CHECK int kv_history_read(const struct kv_access *access, struct span table,
                               const struct kv_stream_range *range, struct kv_records *ret);
/* A table that is shut, for the only one who reads or writes it now. -ENOENT. */
MUST_CHECK int kv_find_shut(const struct kv_access *access, struct span name,
                            struct kv_table **ret);
/* Keeps the items of a table that is shut under another name, without its indexes. -ENOENT,
 * -EEXIST. The tables' thread. */
MUST_CHECK int kv_table_keep(const struct kv_access *access, struct span name, struct span as);

/* ---- meters --------------------------------------------------------------------------------- */

/*
 * How many units a second a table, and each of its indexes, is meant for. A meter fills at that
 * rate up to KV_BURST_S seconds' worth and is full when it is new and when the process is. What a
 * unit is, and what becomes of who meets an empty one, is the caller's business.
 */
#define KV_BURST_S 300

enum KV_METER { KV_METER_READ, KV_METER_WRITE };

struct kv_rates {
    uint64_t read, write; /* units a second; 0: not limited */
    /* To twice of what was used in a second of an earlier half hour. */
    bool read_grows, write_grows;
    uint64_t kind; /* of a table: whatever the caller wants to know with kv_rates_kind */
};
/* What a meter has grown to is forgotten with the process. `index` absent: the table's own. Tables'
 * thread; takes effect with the commit. -ENOENT. */
MUST_CHECK int kv_rates_set(const struct kv_access *access, struct span table, struct span index,
                            const struct kv_rates *rates);
/* Whether there is something in it. `index` NULL: the table's. Any thread. */
bool kv_meter_has(const struct kv_access *access, const struct kv_table *table,
                  const struct kv_index *index, enum KV_METER which);
/* Takes so much, also when there is less: then it is empty for longer. */
void kv_meter_take(const struct kv_access *access, struct kv_table *table,
                   const struct kv_index *index, enum KV_METER which, double units);
/* Half units that were taken since the table was first asked for in this process; of meters that
 * are limited. `index` absent: the table's own. Any thread. */
uint64_t kv_meter_taken(const struct kv_access *access, struct span table, struct span index,
                        enum KV_METER which);
uint64_t kv_rates_kind(const struct kv_table *table);
bool kv_meter_grows(const struct kv_table *table, const struct kv_index *index,
                    enum KV_METER which);
/*
 * The parts of a table, or of an index, that its keys fall into have meters, too, all with one
 * rate: a key that is used much more than others meets an empty one while the table's is not.
 */
#define KV_PART_READS 3000 /* units a second */
#define KV_PART_WRITES 1000
struct kv_part {
    struct kv_table *table;
    const struct kv_index *index; /* NULL: of the table itself */
    struct span key;              /* bytes of a key of either */
};
bool kv_part_has(const struct kv_access *access, const struct kv_part *part, enum KV_METER which);
void kv_part_take(const struct kv_access *access, const struct kv_part *part, enum KV_METER which,
                  double units);
/* No meter is empty any more. Before the first call. */
void kv_lift_limits(struct kv *kv);

/* ---- watches -------------------------------------------------------------------------------- */

/* Which keys are used most, and which are refused most: counted while a table or an index is
 * watched, about KV_RANKED_KEYS at a time, from the beginning of the process on. */
enum KV_RANKING { KV_RANKING_USED, KV_RANKING_REFUSED, KV_RANKINGS };
enum KV_RANKED_PART { KV_RANKED_HASH, KV_RANKED_WHOLE, KV_RANKED_PARTS };
#define KV_RANKED_KEYS 100

/* Bits by enum KV_RANKING; 0: no more. `index` absent: the table itself. Forgets what was counted.
 * -ENOENT. The tables' thread. */
MUST_CHECK int kv_ranking_set(const struct kv_access *access, struct span table, struct span index,
                              unsigned which);
/* `key`: bytes of an item's or an entry's key, or what those of one hash key begin with. Any
 * thread; cheap where nobody watches. */
struct kv_use {
    enum KV_RANKING which;
    struct span key;
    double units;
};
void kv_ranking_count(const struct kv_table *table, const struct kv_index *index,
                      const struct kv_use *use);
/* The heaviest first; how many. */
struct kv_ranking_query {
    enum KV_RANKING which;
    enum KV_RANKED_PART part;
};
struct kv_ranked {
    struct span hash, range; /* values as bytes, those of an index as its keys have them */
    double units;
};
size_t kv_ranking_read(const struct kv_table *table, const struct kv_index *index,
                       const struct kv_ranking_query *query, struct arena *arena,
                       struct kv_ranked to[KV_RANKED_KEYS]);
