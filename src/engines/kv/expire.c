// SPDX-License-Identifier: Apache-2.0
/*
 * Deletes items that have ended. An index of expiry is ordered by the second, so what has ended
 * lies at its beginning; each item is looked at again under its lock and deleted like any other, so
 * its indexes and streams follow. On a worker, in batches.
 */
#include "engines/kv/inside.h"

#include "base/time.h"
#include "engines/kv/kv.records.h"
#include "store/key.h"

#include <endian.h>
#include <errno.h>

#define BATCH_ITEMS 64
#define FIVE_YEARS_S (5ULL * 365 * 86400)
#define SECOND_AT 9 /* in an entry's key: behind keyspace and number */

bool expire_second(struct span number, uint64_t *ret)
{
    char text[KV_NUMBER_TEXT_MAX];
    struct span rest = span_of(text, kv_number_print(number, text));
    return span_to_u64(span_cut(&rest, '.'), ret);
}

/* ---- setting -------------------------------------------------------------------------------- */

int kv_expiry_set(const struct kv_access *access, struct span table, struct span attribute)
{
    const struct kv_index_schema schema = {
        .name = EXPIRY_NAME,
        .hash = {{attribute, KV_NUMBER}},
        .hash_count = 1,
        .projection = KV_PROJECT_KEYS,
        .expiry = true,
    };
    return kv_index_create(access, table, &schema);
}

int kv_expiry_clear(const struct kv_access *access, struct span table)
{
    return kv_index_drop(access, table, EXPIRY_NAME);
}

int kv_expiry_is_set(const struct kv_access *access, struct span table)
{
    struct kv_index_state state;
    int error = kv_index_look(access, table, EXPIRY_NAME, &state);
    return error < 0 ? error : state.built;
}

/* ---- deleting ------------------------------------------------------------------------------- */

struct ended {
    struct kv_table *table;
    const struct kv_index *index;
    struct kv_key items[BATCH_ITEMS];
    struct span entries[BATCH_ITEMS]; /* keys */
    size_t count;
};

static void take_entry(struct ended *ended, struct span key, const struct kv_map *entry)
{
    const struct kv_schema *schema = &ended->table->schema;
    const struct kv_value *hash = kv_map_get(entry, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(entry, schema->range.name) : NULL;
    if (!hash || (schema->range.name.at && !range))
        return;
    kv_key_make(ended->table, hash->bytes, range ? range->bytes : SPAN_NONE,
                &ended->items[ended->count]);
    ended->entries[ended->count++] = key;
}

static int find_ended(const struct kv_access *access, struct ended *ended)
{
    struct key prefix, from;
    uint64_t now = (uint64_t)clock_now_ms() / 1000, second;
    key_begin(&prefix, KV_KEYSPACE_ITEMS);
    key_u64(&prefix, ended->index->id);
    from = prefix;
    key_u64(&from, now > FIVE_YEARS_S ? now - FIVE_YEARS_S : 0);
    struct cursor *cursor = cursor_open(access->txn, FAMILY_ITEMS, key_span(&prefix));
    bool more = cursor_seek(cursor, key_span(&from));
    for (; more && ended->count < BATCH_ITEMS; more = cursor_next(cursor)) {
        struct kv_map entry;
        struct span key = arena_copy(access->arena, cursor_key(cursor));
        memcpy(&second, key.at + SECOND_AT, sizeof second);
        if (be64toh(second) >= now)
            break;
        if (kv_item_decode(arena_copy(access->arena, cursor_value(cursor)), access->arena, &entry))
            take_entry(ended, key, &entry);
    }
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}

/* Unless the item was changed since. */
static int delete_ended(const struct kv_access *access, struct ended *ended, size_t i)
{
    struct span bytes;
    struct kv_map item;
    struct buf *entry = arena_buf(access->arena, 32 << 10);
    int error = kv_get(access, &ended->items[i], &bytes);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (!kv_item_decode(bytes, access->arena, &item))
        return -EBADMSG;
    if (!kv_index_key(ended->table, ended->index, &item, entry) ||
        !span_eq(buf_span(entry), ended->entries[i]))
        return 0;
    return kv_delete(access, ended->table, &ended->items[i], bytes);
}

static const struct kv_index *expiry_of(const struct kv_table *table, uint64_t id)
{
    const struct index_set *set = atomic_load(&table->indexes);
    for (size_t i = 0; set && i < set->count; i++)
        if (set->at[i]->id == id)
            return set->at[i];
    return NULL;
}

static int expire_table(const struct kv_access *access, const struct kv_expiring *expiring)
{
    struct ended *ended = ARENA_NEW(access->arena, struct ended);
    uint64_t shards = 0;
    int error = kv_find(access, expiring->table, &ended->table);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    ended->index = expiry_of(ended->table, expiring->id);
    if (!ended->index)
        return 0;
    error = find_ended(access, ended);
    if (error < 0 || !ended->count)
        return error;
    for (size_t i = 0; i < ended->count; i++)
        shards |= (uint64_t)1 << ended->items[i].shard;
    kv_lock_shards(access, ended->table->id, shards);
    for (size_t i = 0; i < ended->count && !error; i++)
        error = delete_ended(access, ended, i);
    return error < 0 ? error : 1;
}

struct visit {
    const struct kv_access *access;
    int result;
};

static int visit_table(void *user, struct kv_expiring *expiring)
{
    struct visit *visit = user;
    visit->result = expire_table(visit->access, expiring);
    return visit->result < 0 ? visit->result : visit->result > 0;
}

int expire_batch(struct kv *kv, struct txn *txn, struct arena *arena)
{
    struct kv_access access = {.kv = kv, .txn = txn, .arena = arena, .actor = KV_ACTOR_EXPIRY};
    struct visit visit = {.access = &access};
    int error = kv_expiring_each(txn, &(struct kv_expiring){0}, 0, arena, visit_table, &visit);
    return error < 0 ? error : visit.result;
}
