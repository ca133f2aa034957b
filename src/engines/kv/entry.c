// SPDX-License-Identifier: Apache-2.0
/*
 * Entries of indexes: made from an item, written beside it in the same transaction, counted like
 * items. Key invariant: whoever writes an entry holds the lock of its item's shard, so an entry is
 * always what its item says (while an index is being built: or missing). Any thread.
 */
#include "engines/kv/inside.h"

#include "store/key.h"

#include <endian.h>
#include <errno.h>

#define ENTRY_CEILING (4 << 20)      /* bytes of an entry as it is stored */
#define ENTRY_KEY_CEILING (32 << 10) /* bytes of its key, everything escaped */

/* ---- keys ----------------------------------------------------------------------------------- */

/* As store/key.h has it: 00 becomes 00 FF. */
void kv_index_begin(struct span text, struct buf *out)
{
    while (text.len) {
        size_t zero = span_find_byte(text, '\0');
        if (zero == SPAN_NOT_FOUND) {
            buf_append(out, text);
            return;
        }
        buf_append(out, span_first(text, zero));
        buf_append(out, span_of("\0\xff", 2));
        text = span_from(text, zero + 1);
    }
}

static void put_escaped(struct span text, struct buf *out)
{
    kv_index_begin(text, out);
    buf_append(out, span_of("\0\0", 2));
}

void kv_index_prefix(const struct kv_index *index, const struct kv_index_values *values,
                     struct buf *out)
{
    const struct kv_index_schema *schema = &index->schema;
    if (!values->hash) {
        uint64_t id = htobe64(index->id);
        buf_append_byte(out, KV_KEYSPACE_ITEMS);
        buf_append(out, span_of(&id, sizeof id));
        return;
    }
    if (schema->hash_count == 1) {
        kv_key_begin(KV_KEYSPACE_ITEMS, index->id, values->hash[0], out);
    } else {
        struct buf hash;
        buf_init(&hash, ENTRY_KEY_CEILING);
        for (size_t i = 0; i < schema->hash_count; i++)
            put_escaped(values->hash[i], &hash);
        kv_key_begin(KV_KEYSPACE_ITEMS, index->id, buf_span(&hash), out);
        buf_done(&hash);
    }
    for (size_t i = 0; i < values->range_count; i++)
        put_escaped(values->range[i], out);
}

/* The values of a key, when all are there and of their types. A key that a client may not write
 * (empty, too long) is possible where an index is made later: such an item is not in it. */
static bool take_values(const struct kv_key_part *parts, size_t count, size_t len_max,
                        const struct kv_map *item, struct span *ret)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        const struct kv_value *value = kv_map_get(item, parts[i].name);
        if (!value || value->type != parts[i].type || !value->bytes.len)
            return false;
        ret[i] = value->bytes;
        len += value->bytes.len;
    }
    return len <= len_max;
}

bool kv_index_key(const struct kv_table *table, const struct kv_index *index,
                  const struct kv_map *item, struct buf *out)
{
    const struct kv_index_schema *schema = &index->schema;
    struct span hash[KV_INDEX_PARTS_MAX], range[KV_INDEX_PARTS_MAX];
    uint64_t second;
    const struct kv_value *base_hash = kv_map_get(item, table->schema.hash.name);
    const struct kv_value *base_range = NULL;
    if (table->schema.range.name.at)
        base_range = kv_map_get(item, table->schema.range.name);
    if (!base_hash || (table->schema.range.name.at && !base_range) ||
        !take_values(schema->hash, schema->hash_count, KV_HASH_KEY_MAX, item, hash) ||
        !take_values(schema->range, schema->range_count, KV_RANGE_KEY_MAX, item, range) ||
        (schema->vector.at && !vector_is_in(schema, item)))
        return false;
    if (schema->expiry) {
        if (!expire_second(hash[0], &second))
            return false;
        second = htobe64(second);
        kv_index_prefix(index, &(struct kv_index_values){0}, out);
        buf_append(out, span_of(&second, sizeof second));
    } else {
        kv_index_prefix(index, &(struct kv_index_values){hash, range, schema->range_count}, out);
    }
    put_escaped(base_hash->bytes, out);
    if (base_range)
        buf_append(out, base_range->bytes);
    return true;
}

/* ---- contents ------------------------------------------------------------------------------- */

static bool is_part(const struct kv_key_part *parts, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(parts[i].name, name))
            return true;
    return false;
}

static bool is_projected(const struct kv_table *table, const struct kv_index_schema *schema,
                         struct span name)
{
    if (span_eq(name, table->schema.hash.name) ||
        (table->schema.range.name.at && span_eq(name, table->schema.range.name)) ||
        is_part(schema->hash, schema->hash_count, name) ||
        is_part(schema->range, schema->range_count, name) ||
        is_part(schema->filters, schema->filter_count, name))
        return true;
    for (size_t i = 0; i < schema->included.count; i++)
        if (span_eq(schema->included.at[i], name))
            return true;
    return false;
}

struct entry {
    struct span key; /* absent: the item is not in the index */
    struct span value;
    size_t size; /* that is counted */
};

/* An item in both forms; `bytes` absent: there is none. */
struct form {
    struct span bytes;
    struct kv_map map;
};

static void project(const struct kv_access *access, const struct kv_table *table,
                    const struct kv_index_schema *schema, const struct form *item,
                    struct entry *entry)
{
    bool all = schema->projection == KV_PROJECT_ALL;
    entry->value = item->bytes;
    entry->size = kv_item_size(item->bytes);
    if (all && !schema->vector.at)
        return;
    struct kv_map part = {ARENA_ARRAY(access->arena, struct kv_pair, item->map.count), 0};
    for (size_t i = 0; i < item->map.count; i++)
        if (!span_eq(item->map.at[i].name, schema->vector) &&
            (all || is_projected(table, schema, item->map.at[i].name)))
            part.at[part.count++] = item->map.at[i];
    struct buf *out = arena_buf(access->arena, ENTRY_CEILING);
    entry->size = kv_map_size(&part);
    if (schema->vector.at)
        entry->size += vector_encode(schema, &item->map, out);
    kv_item_encode(&part, out);
    entry->value = buf_span(out);
}

static struct entry entry_of(const struct kv_access *access, const struct kv_table *table,
                             const struct kv_index *index, const struct form *item)
{
    struct buf *key = arena_buf(access->arena, ENTRY_KEY_CEILING);
    struct entry entry = {SPAN_NONE, SPAN_NONE, 0};
    if (span_is_absent(item->bytes) || !kv_index_key(table, index, &item->map, key))
        return entry;
    entry.key = buf_span(key);
    project(access, table, &index->schema, item, &entry);
    return entry;
}

static bool read_form(const struct kv_access *access, struct span bytes, struct form *ret)
{
    *ret = (struct form){.bytes = bytes};
    return span_is_absent(bytes) || kv_item_decode(bytes, access->arena, &ret->map);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void tell(const struct kv_access *access, const struct kv_change *change)
{
    struct kv_changes *changes = access->changes;
    if (!changes || change->index->schema.expiry)
        return;
    struct kv_change *kept = ARENA_NEW(access->arena, struct kv_change);
    *kept = *change;
    kept->next = changes->first;
    changes->first = kept;
}

/* Puts the difference between two entries; either may be none. The bytes it added to the index. */
static int write_entry(const struct kv_access *access, const struct kv_write *write,
                       struct kv_index *index, const struct entry *old, const struct entry *new)
{
    bool same_key = old->key.at && new->key.at &&span_eq(old->key, new->key);
    if ((!old->key.at && !new->key.at) || (same_key && span_eq(old->value, new->value)))
        return 0;
    if (old->key.at && !same_key)
        txn_delete(access->txn, FAMILY_ITEMS, old->key);
    if (new->key.at)
        txn_put(access->txn, FAMILY_ITEMS, new->key, new->value);
    tell(access, &(struct kv_change){.table = write->table,
                                     .index = index,
                                     .before = old->size,
                                     .after = new->size,
                                     .moved = !same_key && old->key.at &&new->key.at,
                                     .key = new->key.at ? new->key : old->key});
    return kv_count(access, index->id, write->key->shard,
                    (struct change){
                        .shard = &index->shards[write->key->shard],
                        .items = (uint64_t)(new->key.at != NULL) - (uint64_t)(old->key.at != NULL),
                        .bytes = (uint64_t) new->size - old->size,
                    });
}

/* While an index is being built, an item may not have its entry yet. */
static int forget_if_missing(const struct kv_access *access, struct entry *old)
{
    struct span value;
    if (!old->key.at)
        return 0;
    int error = txn_get(access->txn, FAMILY_ITEMS, old->key, access->arena, &value);
    if (error == -ENOENT)
        *old = (struct entry){SPAN_NONE, SPAN_NONE, 0};
    return error == -ENOENT ? 0 : error;
}

int entry_add(const struct kv_access *access, const struct kv_write *write, struct kv_index *index)
{
    struct form item;
    if (!read_form(access, write->item, &item))
        return -EBADMSG;
    struct entry new = entry_of(access, write->table, index, &item), old = new;
    int error = forget_if_missing(access, &old);
    return error < 0 ? error : write_entry(access, write, index, &old, &new);
}

/* ---- collections ---------------------------------------------------------------------------- */

static struct span collection_key(const struct kv_access *access, const struct kv_key *key)
{
    size_t head = 1 + 8 + 4 + 2;
    uint16_t len;
    memcpy(&len, key->bytes + head - sizeof len, sizeof len);
    struct span name = arena_copy(access->arena, span_of(key->bytes, head + be16toh(len)));
    *(char *)(uintptr_t)name.at = KV_KEYSPACE_COLLECTIONS;
    return name;
}

int kv_collection(const struct kv_access *access, const struct kv_table *table,
                  const struct kv_key *key, uint64_t *ret)
{
    struct span value;
    const struct index_set *set = atomic_load(&table->indexes);
    *ret = 0;
    if (!set || !set->any_local)
        return 0;
    int error =
        txn_get(access->txn, FAMILY_ITEMS, collection_key(access, key), access->arena, &value);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    if (value.len != sizeof *ret)
        return -EBADMSG;
    memcpy(ret, value.at, sizeof *ret);
    *ret = be64toh(*ret);
    return 0;
}

static int count_collection(const struct kv_access *access, const struct kv_write *write,
                            uint64_t added)
{
    uint64_t bytes;
    int error = kv_collection(access, write->table, write->key, &bytes);
    if (error < 0)
        return error;
    bytes += added;
    if ((int64_t)added > 0 && bytes > access->kv->collection_max)
        return -EDQUOT;
    uint64_t big = htobe64(bytes);
    if (added && bytes)
        txn_put(access->txn, FAMILY_ITEMS, collection_key(access, write->key),
                span_of(&big, sizeof big));
    else if (added)
        txn_delete(access->txn, FAMILY_ITEMS, collection_key(access, write->key));
    if (access->changes)
        access->changes->collection = bytes;
    return 0;
}

int entries_write(const struct kv_access *access, const struct kv_write *write)
{
    const struct index_set *set = atomic_load(&write->table->indexes);
    struct form old, new;
    uint64_t local = kv_item_size(write->item) - kv_item_size(write->old);
    if (!read_form(access, write->old, &old) || !read_form(access, write->item, &new))
        return -EBADMSG;
    int error = 0;
    for (size_t i = 0; i < set->count && !error; i++) {
        struct kv_index *index = set->at[i];
        struct entry was = entry_of(access, write->table, index, &old);
        struct entry is = entry_of(access, write->table, index, &new);
        if (!atomic_load(&index->built))
            error = forget_if_missing(access, &was);
        if (!error)
            error = write_entry(access, write, index, &was, &is);
        if (index->schema.local)
            local += is.size - was.size;
    }
    return error < 0 || !set->any_local ? error : count_collection(access, write, local);
}

void kv_set_collection_max(struct kv *kv, uint64_t bytes)
{
    kv->collection_max = bytes;
}
