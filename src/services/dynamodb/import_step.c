// SPDX-License-Identifier: Apache-2.0
/*
 * How an import goes on: object by object in the order of their keys, record by record. A step is a
 * transaction with the record of the import in it, which says how much of the object's text is
 * done; the reader that is kept between steps only saves reading it again from the beginning. What
 * is no item is counted as an error and passed over. Workers, but for import_finish.
 */
#include "services/dynamodb/import.h"

#include "base/json.h"
#include "base/log.h"
#include "base/packing.h"
#include "base/text.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/key.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/write.h"

#include <errno.h>
#include <stdlib.h>

#define RECORDS_AT_ONCE 500
#define PIECE_BYTES (1 << 20) /* read from S3, and of text, at a time */

/* An object on its way through. */
struct import_reader {
    struct span import, object; /* in `names` */
    struct buf names, raw, text;
    struct unpacker *unpacker;
    uint64_t read, size; /* bytes of the object */
    uint64_t skip;       /* of its text, still to be passed over */
    size_t raw_at, text_at;
    bool over; /* all of the text is in `text` */
};

/* ---- the reader ----------------------------------------------------------------------------- */

void import_reader_free(struct import_reader *reader)
{
    if (!reader)
        return;
    packing_close(reader->unpacker);
    buf_done(&reader->names);
    buf_done(&reader->raw);
    buf_done(&reader->text);
    free(reader);
}

static enum PACKING packing_of(const struct dynamodb_import_record *import)
{
    return span_eq(import->packing, S("GZIP"))   ? PACKING_GZIP
           : span_eq(import->packing, S("ZSTD")) ? PACKING_ZSTD
                                                 : PACKING_NONE;
}

static struct import_reader *reader_new(const struct dynamodb_import_record *import)
{
    struct import_reader *reader = calloc(1, sizeof *reader);
    if (!reader)
        log_fatal("out of memory");
    buf_init(&reader->names, 4096);
    buf_init(&reader->raw, 2 * PIECE_BYTES);
    buf_init(&reader->text, 2 * (size_t)IMPORT_RECORD_MAX);
    buf_append(&reader->names, import->id);
    buf_append(&reader->names, import->object);
    reader->import = span_first(buf_span(&reader->names), import->id.len);
    reader->object = span_from(buf_span(&reader->names), import->id.len);
    reader->unpacker = packing_open(packing_of(import));
    reader->skip = import->offset;
    reader->size = UINT64_MAX;
    return reader;
}

/* The one that is there, or another one. */
static struct import_reader *reader_for(struct import_reader **kept,
                                        const struct dynamodb_import_record *import)
{
    struct import_reader *reader = *kept;
    if (reader && span_eq(reader->import, import->id) && span_eq(reader->object, import->object))
        return reader;
    import_reader_free(reader);
    return *kept = reader_new(import);
}

static struct span text_left(const struct import_reader *reader)
{
    return span_from(buf_span(&reader->text), reader->text_at);
}

static RESULT read_piece(struct call *c, const struct dynamodb_import_record *import,
                         struct import_reader *reader)
{
    const struct s3_subject subject = {import->bucket, import->object, import->owner};
    struct s3_reading reading = {.from = reader->read, .most = PIECE_BYTES};
    buf_clear(&reader->raw);
    reader->raw_at = 0;
    TRY(s3_read(c, &subject, &reading, &reader->raw));
    reader->read += reader->raw.len;
    reader->size = reading.size;
    return OK;
}

/* What is done goes away, so the text never has more than one record and one piece. */
static void compact(struct import_reader *reader)
{
    size_t left = reader->text.len - reader->text_at;
    memmove(reader->text.at, reader->text.at + reader->text_at, left);
    reader->text.len = left;
    reader->text_at = 0;
}

static void pass_over(struct import_reader *reader)
{
    size_t left = reader->text.len - reader->text_at;
    size_t skipped = reader->skip < left ? (size_t)reader->skip : left;
    reader->skip -= skipped;
    reader->text_at += skipped;
}

/* More text, or `over`. *ret_good false: it cannot be unpacked. */
static RESULT read_text(struct call *c, const struct dynamodb_import_record *import,
                        struct import_reader *reader, bool *ret_good)
{
    struct span raw = span_from(buf_span(&reader->raw), reader->raw_at);
    if (!raw.len && reader->read < reader->size) {
        TRY(read_piece(c, import, reader));
        raw = buf_span(&reader->raw);
    }
    if (reader->text_at)
        compact(reader);
    size_t before = reader->text.len, given = raw.len;
    *ret_good = packing_take(reader->unpacker, &raw, PIECE_BYTES, &reader->text);
    reader->raw_at += given - raw.len;
    bool ended =
        !raw.len && reader->read >= reader->size && reader->text.len - before < PIECE_BYTES;
    if (ended && !packing_is_whole(reader->unpacker))
        *ret_good = false;
    reader->over = ended;
    pass_over(reader);
    return OK;
}

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

static void take_records(struct call *c, const struct target *target, struct import_reader *reader)
{
    struct dynamodb_import_record *import = target->import;
    enum IMPORT_FORMAT format = span_eq(import->format, S("CSV")) ? IMPORT_CSV : IMPORT_JSON;
    enum IMPORT_REST rest = reader->over ? IMPORT_NOTHING_FOLLOWS : IMPORT_MORE_FOLLOWS;
    struct span text = text_left(reader), record;
    for (int i = 0; i < RECORDS_AT_ONCE && import_take_record(format, rest, &text, &record); i++)
        take_record(c, target, record);
    size_t taken = text_left(reader).len - text.len;
    reader->text_at += taken;
    import->offset += taken;
    if (!reader->over || text.len)
        return;
    import->object_done = true;
    import->bytes += reader->size;
}

/* Reads as long as there is no whole record, then takes what there is. */
static int step_object(struct call *c, struct dynamodb_import_record *import,
                       struct import_reader **kept)
{
    struct target target = {.access = reference_access(c), .import = import};
    struct dynamodb_table table = reference_key(c, import->table);
    struct import_reader *reader = reader_for(kept, import);
    bool good = true;
    int error = kv_find_shut(&target.access, reference_of(c->arena, &table), &target.table);
    if (error < 0)
        return error;
    if (!reader->over && text_left(reader).len < PIECE_BYTES) {
        const struct refusal *refusal = read_text(c, import, reader, &good);
        if (refusal)
            fail(import, transfer_failure(c, refusal), refusal->message);
    }
    if (!good)
        fail(
            import, S("S3ObjectMalformed"),
            arena_printf(c->arena, "Object %.*s cannot be decompressed", SPAN_ARG(import->object)));
    if (import->state != TRANSFER_RUNNING)
        return 0;
    size_t before = reader->text_at;
    take_records(c, &target, reader);
    if (reader->text_at == before && text_left(reader).len > IMPORT_RECORD_MAX)
        fail(import, S("S3ObjectMalformed"),
             arena_printf(c->arena, "Object %.*s has a record of more than %d bytes",
                          SPAN_ARG(import->object), IMPORT_RECORD_MAX));
    return 0;
}

static int take_running(void *user, struct dynamodb_import_record *import)
{
    if (import->state != TRANSFER_RUNNING)
        return 0;
    *(struct dynamodb_import_record *)user = *import;
    return 1;
}

int import_step(struct call *c, struct import_reader **kept)
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
    if (error < 0) {
        import_reader_free(*kept);
        *kept = NULL;
        return error;
    }
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
