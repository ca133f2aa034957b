// SPDX-License-Identifier: Apache-2.0
/*
 * Walks over a table's items or an index's entries. Both are keys with a common beginning: number,
 * hash of the hash key, its length, it; an index then has escaped range attributes and the table's
 * key, a table its range key as it is. A range becomes two keys, from `low` (inside) to `high`
 * (outside), either absent for the end of what begins with `prefix`. Any thread.
 */
#include "engines/kv/inside.h"

#include "store/key.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>

#define KEY_CEILING (1 << 16)
#define PREFIX_LEN 9  /* keyspace and number */
#define SEEK_MAX 4000 /* bytes of a key that the store seeks by */

struct kv_walk {
    struct cursor *cursor;
    enum KV_ORDER order;
    bool started;
    struct buf prefix, low, high, after;
};

/* ---- bounds --------------------------------------------------------------------------------- */

/* To the smallest key above all that begin with this one; it never is all FF: the keyspace is not.
 */
static void raise(struct buf *key)
{
    while (key->len && (unsigned char)key->at[key->len - 1] == 0xff)
        key->len--;
    if (key->len)
        key->at[key->len - 1]++;
}

static void put_number(const struct kv_range *range, struct buf *out)
{
    uint64_t id = htobe64(range->index ? range->index->id : range->table->id);
    buf_append_byte(out, KV_KEYSPACE_ITEMS);
    buf_append(out, span_of(&id, sizeof id));
}

static void put_prefix(const struct kv_range *range, struct buf *out)
{
    if (range->index)
        kv_index_prefix(range->index,
                        &(struct kv_index_values){range->hash, range->equal, range->equal_count},
                        out);
    else if (range->hash)
        kv_key_begin(KV_KEYSPACE_ITEMS, range->table->id, range->hash[0], out);
    else
        put_number(range, out);
}

/* A value of the bounded attribute behind the prefix, whole: what follows it begins there. */
static void put_value(const struct kv_walk *walk, const struct kv_range *range, struct span value,
                      struct buf *out)
{
    buf_append(out, buf_span(&walk->prefix));
    if (range->index) {
        kv_index_begin(value, out);
        buf_append(out, span_of("\0\0", 2));
    } else {
        buf_append(out, value);
    }
}

/* Behind all keys with this value. */
static void put_behind(const struct kv_walk *walk, const struct kv_range *range, struct span value,
                       struct buf *out)
{
    put_value(walk, range, value, out);
    if (range->index)
        raise(out);
    else
        buf_append_byte(out, '\0');
}

static void put_begins(const struct kv_walk *walk, const struct kv_range *range, struct buf *out)
{
    buf_append(out, buf_span(&walk->prefix));
    if (range->index)
        kv_index_begin(range->low, out);
    else
        buf_append(out, range->low);
}

static void put_bounds(struct kv_walk *walk, const struct kv_range *range)
{
    bool from = range->bound == KV_EQ || range->bound == KV_GE || range->bound == KV_BETWEEN;
    if (from)
        put_value(walk, range, range->low, &walk->low);
    if (range->bound == KV_GT)
        put_behind(walk, range, range->low, &walk->low);
    if (range->bound == KV_LT)
        put_value(walk, range, range->low, &walk->high);
    if (range->bound == KV_EQ || range->bound == KV_LE)
        put_behind(walk, range, range->low, &walk->high);
    if (range->bound == KV_BETWEEN)
        put_behind(walk, range, range->high, &walk->high);
    if (range->bound == KV_BEGINS) {
        put_begins(walk, range, &walk->low);
        put_begins(walk, range, &walk->high);
        raise(&walk->high);
    }
}

/* The first key of a segment: an even share of the hashes. */
static void put_segment(const struct kv_range *range, uint64_t segment, struct buf *out)
{
    uint64_t hash = (segment << 32) / range->segments;
    uint32_t big = htobe32((uint32_t)hash);
    put_number(range, out);
    if (hash >> 32)
        raise(out);
    else
        buf_append(out, span_of(&big, sizeof big));
}

static bool put_after(const struct kv_range *range, struct buf *out)
{
    const struct kv_schema *schema = &range->table->schema;
    if (range->index)
        return kv_index_key(range->table, range->index, range->after, out);
    const struct kv_value *hash = kv_map_get(range->after, schema->hash.name);
    const struct kv_value *last =
        schema->range.name.at ? kv_map_get(range->after, schema->range.name) : NULL;
    if (!hash || (schema->range.name.at && !last))
        return false;
    kv_key_begin(KV_KEYSPACE_ITEMS, range->table->id, hash->bytes, out);
    if (last)
        buf_append(out, last->bytes);
    return true;
}

/* ---- walking -------------------------------------------------------------------------------- */

static int compare(const struct kv_walk *walk, const struct buf *key)
{
    return span_compare(cursor_key(walk->cursor), buf_span(key));
}

static bool is_inside(const struct kv_walk *walk)
{
    struct span key = cursor_key(walk->cursor);
    return span_starts(key, buf_span(&walk->prefix)) &&
           (!walk->low.len || compare(walk, &walk->low) >= 0) &&
           (!walk->high.len || compare(walk, &walk->high) < 0);
}

/* The store seeks by the beginning of a long key; the rest is stepped over. */
static bool start_forward(struct kv_walk *walk)
{
    bool behind = walk->after.len > 0;
    const struct buf *from = behind ? &walk->after : walk->low.len ? &walk->low : &walk->prefix;
    bool more = cursor_seek(walk->cursor, span_first(buf_span(from), SEEK_MAX));
    while (more && (behind ? compare(walk, from) <= 0 : compare(walk, from) < 0))
        more = cursor_next(walk->cursor);
    return more;
}

static bool start_backward(struct kv_walk *walk)
{
    struct buf above;
    const struct buf *from = walk->after.len ? &walk->after : &walk->high;
    buf_init(&above, KEY_CEILING);
    buf_append(&above, span_first(buf_span(from->len ? from : &walk->prefix), SEEK_MAX));
    if (!from->len || from->len > SEEK_MAX)
        raise(&above);
    bool more = cursor_seek_back(walk->cursor, buf_span(&above));
    while (more && (from->len ? compare(walk, from) >= 0
                              : !span_starts(cursor_key(walk->cursor), buf_span(&walk->prefix))))
        more = cursor_previous(walk->cursor);
    buf_done(&above);
    return more;
}

bool kv_walk_next(struct kv_walk *walk, struct span *ret_item)
{
    bool forward = walk->order == KV_ASCENDING, more;
    if (!walk->started)
        more = forward ? start_forward(walk) : start_backward(walk);
    else
        more = forward ? cursor_next(walk->cursor) : cursor_previous(walk->cursor);
    walk->started = true;
    if (!more || !is_inside(walk))
        return false;
    *ret_item = cursor_value(walk->cursor);
    return true;
}

int kv_walk_error(const struct kv_walk *walk)
{
    return cursor_error(walk->cursor);
}

void kv_walk_close(struct kv_walk *walk)
{
    cursor_close(walk->cursor);
    buf_done(&walk->prefix);
    buf_done(&walk->low);
    buf_done(&walk->high);
    buf_done(&walk->after);
    free(walk);
}

static struct kv_walk *walk_of(const struct kv_range *range)
{
    struct kv_walk *walk = calloc(1, sizeof *walk);
    if (!walk)
        abort();
    walk->order = range->order;
    buf_init(&walk->prefix, KEY_CEILING);
    buf_init(&walk->low, KEY_CEILING);
    buf_init(&walk->high, KEY_CEILING);
    buf_init(&walk->after, KEY_CEILING);
    put_prefix(range, &walk->prefix);
    put_bounds(walk, range);
    if (range->segments) {
        put_segment(range, range->segment, &walk->low);
        put_segment(range, (uint64_t)range->segment + 1, &walk->high);
    }
    return walk;
}

struct kv_walk *kv_walk_open(const struct kv_access *access, const struct kv_range *range)
{
    struct kv_walk *walk = walk_of(range);
    if (range->after && !put_after(range, &walk->after))
        buf_clear(&walk->after);
    /* A prefix that is too long for the store's bounds is cut: is_inside looks at all of it. */
    size_t len = walk->prefix.len > SEEK_MAX / 2 ? PREFIX_LEN : walk->prefix.len;
    walk->cursor = cursor_open(access->txn, FAMILY_ITEMS, span_first(buf_span(&walk->prefix), len));
    return walk;
}

bool kv_range_has(const struct kv_range *range, const struct kv_map *key)
{
    struct kv_walk *walk = walk_of(range);
    struct kv_range at = *range;
    at.after = key;
    bool has = put_after(&at, &walk->after);
    struct span bytes = buf_span(&walk->after);
    has = has && span_starts(bytes, buf_span(&walk->prefix)) &&
          (!walk->low.len || span_compare(bytes, buf_span(&walk->low)) >= 0) &&
          (!walk->high.len || span_compare(bytes, buf_span(&walk->high)) < 0);
    buf_done(&walk->prefix);
    buf_done(&walk->low);
    buf_done(&walk->high);
    buf_done(&walk->after);
    free(walk);
    return has;
}

/* ---- batches -------------------------------------------------------------------------------- */

int kv_read_batch(const struct kv_access *access, uint64_t table, struct span from,
                  struct key_batch *batch)
{
    struct key prefix;
    size_t bytes = 0;
    key_begin(&prefix, KV_KEYSPACE_ITEMS);
    key_u64(&prefix, table);
    struct cursor *cursor = cursor_open(access->txn, FAMILY_ITEMS, key_span(&prefix));
    bool more = from.len ? cursor_seek(cursor, from) : cursor_first(cursor);
    if (more && from.len && span_eq(cursor_key(cursor), from))
        more = cursor_next(cursor);
    for (; more && batch->count < batch->room; more = cursor_next(cursor)) {
        if (batch->count && batch->items && bytes >= batch->bytes)
            break;
        if (batch->items)
            batch->items[batch->count] = arena_copy(access->arena, cursor_value(cursor));
        batch->keys[batch->count++] = arena_copy(access->arena, cursor_key(cursor));
        bytes += cursor_value(cursor).len;
    }
    batch->more = more;
    int error = cursor_error(cursor);
    cursor_close(cursor);
    return error;
}
