// SPDX-License-Identifier: Apache-2.0
/*
 * How an import goes on: object by object in the order of their keys, record by record. A step is a
 * transaction with the record of the import in it, which says how much of the object's text is
 * done; the reader that is kept between steps only saves reading it again from the beginning. What
 * is no item is counted as an error and passed over. Workers, but for import_finish.
 */
#include "services/dynamodb/import.h"

#include "base/json.h"
#include "base/text.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/ion.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/object_reader.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/write.h"
#include <errno.h>

#define RECORDS_AT_ONCE 500
#define JSON_CEILING (64 << 20) /* bytes of a record of Ion in that form */

/* ---- records -------------------------------------------------------------------------------- */

struct target {
    struct kv_access access;
    struct kv_table *table;
    struct dynamodb_import_record *import;
};

/* {"Item": {…}} */
static bool find_item(struct call *c, struct span line, struct span *ret)
{
    struct json_reader json;
    bool found = false;
    json_reader_init(&json, line, c->arena);
    if (json_next(&json) != JSON_OBJECT)
        return false;
    for (enum JSON_TOKEN token; (token = json_next(&json)) == JSON_KEY;) {
        bool item = span_eq(json.text, S("Item"));
        struct span raw = json_raw(&json, json_next(&json));
        if (!raw.at)
            return false;
        if (item)
            *ret = raw;
        found |= item;
    }
    return found && json_next(&json) == JSON_END;
}

/* Keys have their types; all else of CSV is text. */
static enum KV_TYPE type_of(const struct dynamodb_blueprint *of, struct span name)
{
    for (size_t i = 0; i < of->attributes.count; i++)
        if (span_eq(of->attributes.at[i].name, name))
            return attribute_key_type(of->attributes.at[i].type);
    return KV_STRING;
}

static RESULT read_field(struct call *c, enum KV_TYPE type, struct span field, struct kv_value *ret)
{
    struct dynamodb_attribute_value value = {.s = type == KV_STRING ? field : SPAN_NONE,
                                             .n = type == KV_NUMBER ? field : SPAN_NONE};
    if (type == KV_BINARY)
        value.b = base64_decode(c->arena, field);
    return attribute_read(c, ATTRIBUTE_PLAIN, &value, ret);
}

static RESULT refuse_record(struct call *c)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The record is malformed");
}

static RESULT read_row(struct call *c, const struct dynamodb_import_record *import,
                       struct span record, struct kv_map *ret)
{
    const struct record_texts *names = import->headers.count ? &import->headers : &import->columns;
    struct record_texts fields;
    char delimiter = import->delimiter.len ? import->delimiter.at[0] : ',';
    if (!import_read_row(c->arena, record, delimiter, &fields) || fields.count > names->count)
        return refuse_record(c);
    *ret = (struct kv_map){.at = ARENA_ARRAY(c->arena, struct kv_pair, fields.count)};
    for (size_t i = 0; i < fields.count; i++) {
        if (!fields.at[i].at)
            continue;
        struct kv_pair *pair = &ret->at[ret->count++];
        pair->name = names->at[i];
        TRY(read_field(c, type_of(import->of, pair->name), fields.at[i], &pair->value));
    }
    kv_sort_pairs(ret->at, ret->count);
    return OK;
}

static RESULT read_item(struct call *c, const struct dynamodb_import_record *import,
                        struct span record, struct kv_map *ret)
{
    struct span item;
    if (span_eq(import->format, S("CSV")))
        return read_row(c, import, record, ret);
    if (span_eq(import->format, S("ION"))) {
        struct buf *json = arena_buf(c->arena, JSON_CEILING);
        if (!ion_to_json(record, c->arena, json))
            return refuse_record(c);
        record = buf_span(json);
    }
    return find_item(c, record, &item) ? attribute_read_json(c, item, ret) : refuse_record(c);
}

static RESULT put_record(struct call *c, const struct target *target, struct span record)
{
    struct kv_map item;
    struct kv_key key;
    struct span bytes, old = SPAN_NONE;
    TRY(read_item(c, target->import, record, &item));
    TRY(key_of_item(c, target->table, &item, &key));
    TRY(write_encode(c, &item, &bytes));
    int error = kv_get(&target->access, &key, &old);
    if (!error || error == -ENOENT)
        error = kv_put(&target->access, target->table, &key, bytes, old);
    return error < 0 ? refuse_errno(c, error, "importing an item") : OK;
}

static void take_columns(struct call *c, struct dynamodb_import_record *import, struct span record)
{
    char delimiter = import->delimiter.len ? import->delimiter.at[0] : ',';
    if (!import_read_row(c->arena, record, delimiter, &import->columns))
        import->columns.count = 0;
}

static void take_record(struct call *c, const struct target *target, struct span record)
{
    struct dynamodb_import_record *import = target->import;
    bool csv = span_eq(import->format, S("CSV"));
    if (csv && !import->headers.count && !import->columns.count) {
        take_columns(c, import, record);
        return;
    }
    if (!record.len)
        return;
    import->processed++;
    if (put_record(c, target, record))
        import->errors++;
    else
        import->imported++;
}

/* ---- steps ---------------------------------------------------------------------------------- */

static void fail(struct dynamodb_import_record *import, struct span code, struct span message)
{
    import->state = TRANSFER_ENDING;
    import->failure_code = code;
    import->failure = message;
}

/* The next object behind the last one. */
static void next_object(struct call *c, struct dynamodb_import_record *import)
{
    const struct s3_subject subject = {import->bucket, import->prefix.at ? import->prefix : S(""),
                                       import->owner};
    struct s3_listed listed;
    const struct refusal *refusal = s3_list(c, &subject, import->object, &listed);
    if (refusal) {
        fail(import, transfer_failure(c, refusal), refusal->message);
    } else if (listed.count) {
        import->object = listed.keys[0];
        import->object_done = false;
        import->offset = 0;
        import->columns.count = 0;
    } else if (!import->object.at) {
        fail(import, S("S3NoSuchKey"), S("No object has the prefix"));
    } else {
        import->state = TRANSFER_ENDING;
    }
}

static void take_records(struct call *c, const struct target *target, struct object_reader *reader)
{
    struct dynamodb_import_record *import = target->import;
    enum IMPORT_FORMAT format = import_format(import->format);
    bool over = object_reader_is_over(reader);
    enum IMPORT_REST rest = over ? IMPORT_NOTHING_FOLLOWS : IMPORT_MORE_FOLLOWS;
    struct span text = object_reader_text(reader), record;
    size_t before = text.len;
    for (int i = 0; i < RECORDS_AT_ONCE && import_take_record(format, rest, &text, &record); i++)
        take_record(c, target, record);
    object_reader_take(reader, before - text.len);
    import->offset += before - text.len;
    if (text.len == before && text.len > OBJECT_RECORD_MAX)
        fail(import, S("S3ObjectMalformed"),
             arena_printf(c->arena, "Object %.*s has a record of more than %d bytes",
                          SPAN_ARG(import->object), OBJECT_RECORD_MAX));
    if (!over || text.len)
        return;
    import->object_done = true;
    import->bytes += object_reader_position(reader);
}

/* Reads as long as there is no whole record, then takes what there is. */
static int step_object(struct call *c, struct dynamodb_import_record *import,
                       struct object_reader **kept)
{
    const struct object_source source = {.of = import->id,
                                         .bucket = import->bucket,
                                         .object = import->object,
                                         .owner = import->owner,
                                         .packing = import->packing,
                                         .offset = import->offset};
    struct target target = {.access = reference_access(c), .import = import};
    struct dynamodb_table table = reference_key(c, import->table);
    struct object_reader *reader = object_reader_for(kept, &source);
    bool good = true;
    int error = kv_find_shut(&target.access, reference_of(c->arena, &table), &target.table);
    if (error < 0)
        return error;
    const struct refusal *refusal =
        object_reader_wants(reader) ? object_reader_fill(c, reader, &source, &good) : OK;
    if (refusal)
        fail(import, transfer_failure(c, refusal), refusal->message);
    else if (!good)
        fail(
            import, S("S3ObjectMalformed"),
            arena_printf(c->arena, "Object %.*s cannot be decompressed", SPAN_ARG(import->object)));
    else
        take_records(c, &target, reader);
    return 0;
}

static int take_running(void *user, struct dynamodb_import_record *import)
{
    if (import->state != TRANSFER_RUNNING)
        return 0;
    *(struct dynamodb_import_record *)user = *import;
    return 1;
}

int import_step(struct call *c, struct object_reader **kept)
{
    struct dynamodb_import_record import = {.state = 0};
    int error = dynamodb_import_record_each(c->txn, &(struct dynamodb_import_record){0}, 0,
                                            c->arena, take_running, &import);
    if (error < 0 || !import.state)
        return error;
    const struct transfer_actor actor = {import.account, import.region, import.access_key};
    error = transfer_act_for(c, &actor);
    if (error == -ENOENT) {
        fail(&import, S("S3AccessDenied"), S("The credentials of the request are gone"));
        error = 0;
    } else if (!error && import.object_done) {
        next_object(c, &import);
    } else if (!error) {
        error = step_object(c, &import, kept);
    }
    if (error < 0)
        return error;
    dynamodb_import_record_put(c->txn, &import);
    return 1;
}

/* ---- the end -------------------------------------------------------------------------------- */

/* What failed leaves no table. */
static int end_table(struct call *c, const struct dynamodb_import_record *import)
{
    struct dynamodb_table table = {
        .account = import->account, .region = import->region, .name = import->table};
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error < 0)
        return error == -ENOENT ? 0 : error;
    table.importing = false;
    if (import->state == TRANSFER_FAILED)
        table.state = TABLE_DELETING;
    table_put_moving(c, &table);
    return 0;
}

struct ending {
    struct call *c;
    int count;
};

static int end_one(void *user, struct dynamodb_import_record *import)
{
    struct ending *ending = user;
    if (import->state != TRANSFER_ENDING)
        return 0;
    ending->count++;
    import->state = span_is_absent(import->failure_code) ? TRANSFER_COMPLETED : TRANSFER_FAILED;
    import->ended = ending->c->now_ms;
    dynamodb_import_record_put(ending->c->txn, import);
    return end_table(ending->c, import);
}

int import_finish(struct call *c)
{
    struct ending ending = {.c = c};
    int error = dynamodb_import_record_each(c->txn, &(struct dynamodb_import_record){0}, 0,
                                            c->arena, end_one, &ending);
    return error < 0 ? error : ending.count > 0;
}
