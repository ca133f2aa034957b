// SPDX-License-Identifier: Apache-2.0
/*
 * Records in transactions: the key members of a struct make the key, the other ones the value. The
 * thread of the transaction.
 */
#include "store/record.h"

#include "base/log.h"
#include "store/inside.h"
#include "store/key.h"

#include <errno.h>

static void key_part_append(const struct record_key_part *part, const char *record, struct key *key)
{
    if (part->type == RECORD_U64)
        key_u64(key, *(const uint64_t *)(record + part->offset));
    else
        key_text(key, *(const struct span *)(record + part->offset));
}

static void key_of(const struct record_table *table, const void *record, int parts, struct key *key)
{
    key_begin(key, table->keyspace);
    for (int i = 0; i < parts; i++)
        key_part_append(&table->keys[i], record, key);
    if (key->over)
        log_fatal("the key of a record %s is longer than %d bytes", table->name, KEY_MAX);
}

int record_get(struct txn *txn, const struct record_table *table, struct arena *arena, void *record)
{
    struct key key;
    struct span value;
    key_of(table, record, table->key_count, &key);
    int error = txn_get(txn, (enum FAMILY)table->family, key_span(&key), arena, &value);
    if (error)
        return error;
    return record_decode(table, value, arena, record) ? 0 : -EBADMSG;
}

void record_put(struct txn *txn, const struct record_table *table, const void *record)
{
    struct key key;
    struct buf *value = txn_scratch(txn);
    key_of(table, record, table->key_count, &key);
    record_encode(table, record, value);
    if (value->over)
        log_fatal("a record %s is longer than %zu bytes", table->name, value->ceiling);
    txn_put(txn, (enum FAMILY)table->family, key_span(&key), buf_span(value));
}

void record_delete(struct txn *txn, const struct record_table *table, const void *record)
{
    struct key key;
    key_of(table, record, table->key_count, &key);
    txn_delete(txn, (enum FAMILY)table->family, key_span(&key));
}

static bool keys_read(const struct record_table *table, struct span key, struct arena *arena,
                      char *record)
{
    key = span_from(key, 1);
    for (int i = 0; i < table->key_count; i++) {
        void *member = record + table->keys[i].offset;
        if (table->keys[i].type == RECORD_U64 ? !key_read_u64(&key, member)
                                              : !key_read_text(&key, arena, member))
            return false;
    }
    return key.len == 0;
}

/* The first key to look at: an absent text leaves the rest open. */
static void key_from(const struct record_table *table, const void *from, int fixed, struct key *key)
{
    int parts = fixed;
    while (parts < table->key_count &&
           (table->keys[parts].type == RECORD_U64 ||
            ((const struct span *)((const char *)from + table->keys[parts].offset))->at))
        parts++;
    key_of(table, from, parts, key);
}

int record_each(struct txn *txn, const struct record_table *table, const void *from, int fixed,
                struct arena *arena, int (*visit)(void *user, void *record), void *user)
{
    struct key prefix, start;
    key_of(table, from, fixed, &prefix);
    key_from(table, from, fixed, &start);
    struct cursor *cursor = cursor_open(txn, (enum FAMILY)table->family, key_span(&prefix));
    int result = 0;
    for (bool more = cursor_seek(cursor, key_span(&start)); more && !result;
         more = !result && cursor_next(cursor)) {
        char *record = arena_zalloc(arena, 1, table->size);
        struct span value = arena_copy(arena, cursor_value(cursor));
        if (!keys_read(table, cursor_key(cursor), arena, record) ||
            !record_decode(table, value, arena, record))
            result = -EBADMSG;
        else
            result = visit(user, record);
    }
    if (result >= 0)
        result = cursor_error(cursor);
    cursor_close(cursor);
    return result;
}
