// SPDX-License-Identifier: Apache-2.0
/*
 * Records of a bulk operation: lines of JSON with the members of a PutItem that it may have, Item
 * and a condition. Key invariant: the items of a step are locked in one call before any is read,
 * since others write to the table, too. Workers.
 */
#include "services/dynamodb/bulk.h"

#include "base/json.h"
#include "base/utf8.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/collection.h"
#include "services/dynamodb/expression/expression.h"
#include "services/dynamodb/import.h"
#include "services/dynamodb/ion.h"
#include "services/dynamodb/item.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/object_reader.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/write.h"

#include <errno.h>

#define RECORDS_AT_ONCE 200
#define ACCELERATED_AT_ONCE 800
#define LINES_AT_ONCE (1 << 20)   /* bytes of reports of a step */
#define JSON_CEILING (64 << 20)   /* bytes of a record of Ion in that form */
#define RECORD_TOLD_MAX (1 << 20) /* bytes of one that is reported as it came */

struct record {
    struct span line;
    size_t end; /* of the line in the text */
    struct kv_map item;
    struct kv_key key;
    struct span bytes;
    struct expression condition;
    const struct refusal *refusal; /* it cannot be written */
    struct kv_map old;             /* what a condition was asked of */
    bool unmet;                    /* the condition does not hold */
    double units;                  /* what writing it took */
};

struct records {
    struct kv_access access;
    struct kv_changes changes;
    struct kv_table *table;
    struct record *at;
    size_t count;
};

/* ---- reading -------------------------------------------------------------------------------- */

/* A record as JSON. */
static RESULT as_json(struct call *c, const struct dynamodb_bulk *bulk, struct span line,
                      struct span *ret)
{
    *ret = line;
    if (import_format(bulk->format) != IMPORT_ION)
        return OK;
    struct buf *json = arena_buf(c->arena, JSON_CEILING);
    bool good = ion_to_json(line, c->arena, json);
    *ret = buf_span(json);
    return good ? OK : refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The record is malformed");
}

static RESULT read_record(struct call *c, const struct dynamodb_bulk *bulk, struct kv_table *table,
                          struct record *record)
{
    struct dynamodb_put put = {.table_name = SPAN_NONE};
    struct expression_scope scope;
    struct span json;
    TRY(as_json(c, bulk, record->line, &json));
    TRY(attribute_read_put(c, json, &put));
    if (!put.item.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The record has no Item");
    TRY(attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(put.item), &record->item));
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, &put.expression_attribute_names,
                              &put.expression_attribute_values, &scope));
    TRY(expression_bind(&scope, EXPRESSION_CONDITION, put.condition_expression,
                        &record->condition));
    TRY(expression_scope_close(&scope));
    TRY(item_check_key_paths(c, table, &record->condition));
    TRY(key_of_item(c, table, &record->item, &record->key));
    return write_encode(c, &record->item, &record->bytes);
}

/* Lines up to the most that a step takes. */
static void take_lines(const struct dynamodb_bulk *bulk, struct bulk_text *text,
                       struct records *records)
{
    size_t most = span_eq(bulk->tier, S("ACCELERATED")) ? ACCELERATED_AT_ONCE : RECORDS_AT_ONCE;
    enum IMPORT_REST rest =
        text->rest == BULK_MORE_FOLLOWS ? IMPORT_MORE_FOLLOWS : IMPORT_NOTHING_FOLLOWS;
    struct span left = text->text, line;
    records->at = ARENA_ARRAY(records->access.arena, struct record, most);
    while (records->count < most &&
           import_take_record(import_format(bulk->format), rest, &left, &line))
        records->at[records->count++] =
            (struct record){.line = line, .end = text->text.len - left.len};
}

static int lock_all(const struct records *records)
{
    struct arena *arena = records->access.arena;
    struct kv_place *places = ARENA_ARRAY(arena, struct kv_place, records->count);
    size_t count = 0;
    for (size_t i = 0; i < records->count; i++)
        if (records->at[i].line.len && !records->at[i].refusal)
            places[count++] = (struct kv_place){records->table, &records->at[i].key};
    return count ? kv_lock_places(&records->access, places, count, SPAN_NONE) : 0;
}

/* ---- reports -------------------------------------------------------------------------------- */

static void tell(struct json_writer *writer, const char *name, struct span value)
{
    json_key(writer, span_of_cstr(name));
    json_string(writer, value);
}

void bulk_tell_object(const struct dynamodb_bulk *bulk, struct span message,
                      struct bulk_lines *lines)
{
    struct json_writer writer = {.out = lines->at[BULK_ERRORS]};
    json_begin_object(&writer);
    tell(&writer, "InputObject", bulk->object);
    tell(&writer, "ErrorCode", S("ObjectMalformed"));
    tell(&writer, "ErrorMessage", message);
    json_end_object(&writer);
    buf_append_byte(lines->at[BULK_ERRORS], '\n');
}

static void tell_error(const struct dynamodb_bulk *bulk, const struct record *record,
                       struct bulk_lines *lines)
{
    struct json_writer writer = {.out = lines->at[BULK_ERRORS]};
    json_begin_object(&writer);
    tell(&writer, "InputObject", bulk->object);
    json_key(&writer, S("LineNumber"));
    json_i64(&writer, (int64_t)bulk->line);
    tell(&writer, "ErrorCode", span_of_cstr(record->refusal->kind->code));
    tell(&writer, "ErrorMessage", record->refusal->message);
    if (record->line.len <= RECORD_TOLD_MAX && utf8_is_valid(record->line))
        tell(&writer, "Record", record->line);
    json_end_object(&writer);
    buf_append_byte(lines->at[BULK_ERRORS], '\n');
}

static void tell_unmet(struct call *c, const struct dynamodb_bulk *bulk,
                       const struct record *record, struct bulk_lines *lines)
{
    struct json_writer writer = {.out = lines->at[BULK_UNMET]};
    json_begin_object(&writer);
    tell(&writer, "InputObject", bulk->object);
    json_key(&writer, S("LineNumber"));
    json_i64(&writer, (int64_t)bulk->line);
    json_key(&writer, S("Item"));
    json_literal(&writer, attribute_json(c, &record->item));
    if (record->old.count) {
        json_key(&writer, S("ExistingItem"));
        json_literal(&writer, attribute_json(c, &record->old));
    }
    json_end_object(&writer);
    buf_append_byte(lines->at[BULK_UNMET], '\n');
}

/* ---- writing -------------------------------------------------------------------------------- */

static void count_index(struct arena *arena, struct dynamodb_bulk *bulk,
                        const struct kv_change *change)
{
    const struct kv_index_schema *schema = kv_index_schema(change->index);
    struct dynamodb_bulk_usage_list *usage = &bulk->usage;
    size_t i = 0;
    while (i < usage->count && !span_eq(usage->at[i].index, schema->name))
        i++;
    if (i == usage->count) {
        struct dynamodb_bulk_usage *more = ARENA_ARRAY(arena, struct dynamodb_bulk_usage, i + 1);
        if (i)
            memcpy(more, usage->at, i * sizeof *more);
        more[i] = (struct dynamodb_bulk_usage){
            .index = schema->name, .local = schema->local, .vector = schema->vector.at != NULL};
        *usage = (struct dynamodb_bulk_usage_list){more, i + 1};
    }
    usage->at[i].bytes += change->after > change->before ? change->after : change->before;
}

static double units_of(const struct record *record, struct span old)
{
    size_t before = kv_item_size(old), after = kv_item_size(record->bytes);
    return capacity_of_write(before > after ? before : after);
}

/* Puts one that is locked, if its condition holds. */
static int put(struct call *c, struct records *records, struct record *record)
{
    struct span old = SPAN_NONE;
    int error = kv_get(&records->access, &record->key, &old);
    if (error < 0 && error != -ENOENT)
        return error;
    record->units = units_of(record, old);
    if (record->condition.program) {
        if (!span_is_absent(old) && !kv_item_decode(old, c->arena, &record->old))
            return -EBADMSG;
        record->unmet = !expression_holds(&record->condition, &record->old, c->arena);
        if (record->unmet)
            return 0;
    }
    records->changes.first = NULL;
    error = kv_put(&records->access, records->table, &record->key, record->bytes, old);
    if (error == -EDQUOT)
        record->refusal = collection_refuse(c, error, "storing an item");
    return error == -EDQUOT ? 0 : error;
}

static int write_one(struct call *c, struct dynamodb_bulk *bulk, struct records *records,
                     struct record *record, struct bulk_lines *lines)
{
    int error = record->refusal ? 0 : put(c, records, record);
    if (error < 0)
        return error;
    bulk->processed++;
    if (record->refusal) {
        bulk->failed++;
        tell_error(bulk, record, lines);
    } else if (record->unmet) {
        bulk->unmet++;
        tell_unmet(c, bulk, record, lines);
    } else {
        bulk->table_bytes += kv_item_size(record->bytes);
        for (const struct kv_change *at = records->changes.first; at; at = at->next)
            count_index(c->arena, bulk, at);
    }
    return 0;
}

static bool is_enough(const struct bulk_text *text, const struct bulk_lines *lines)
{
    size_t told = 0;
    for (size_t i = 0; i < BULK_REPORTS; i++)
        told += lines->at[i]->len;
    return text->used >= text->units || told >= LINES_AT_ONCE;
}

int bulk_write(struct call *c, struct dynamodb_bulk *bulk, struct bulk_text *text,
               struct bulk_lines *lines)
{
    struct records records = {.access = reference_access(c)};
    struct dynamodb_table table = reference_key(c, bulk->table);
    records.access.changes = &records.changes;
    int error = kv_find(&records.access, reference_of(c->arena, &table), &records.table);
    if (error < 0)
        return error;
    take_lines(bulk, text, &records);
    for (size_t i = 0; i < records.count; i++)
        if (records.at[i].line.len)
            records.at[i].refusal = read_record(c, bulk, records.table, &records.at[i]);
    error = lock_all(&records);
    if (error == -ESTALE)
        return -ENOENT;
    for (size_t i = 0; i < records.count && !error && !is_enough(text, lines); i++) {
        struct record *record = &records.at[i];
        bulk->line++;
        if (record->line.len)
            error = write_one(c, bulk, &records, record, lines);
        text->used += record->units;
        text->taken = record->end;
    }
    return error;
}
