// SPDX-License-Identifier: Apache-2.0
/*
 * The files of an export: items as lines of JSON in gzip, at most about FILE_BYTES each, in the
 * order of the hashes, and the manifests beside them ("DynamoDB table export output format").
 * Workers.
 */
#include "services/dynamodb/export.h"

#include "base/hash.h"
#include "base/id.h"
#include "base/json.h"
#include "base/packing.h"
#include "base/text.h"
#include "base/time.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/ion.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

#define FILE_BYTES (4 << 20) /* packed; what is written at once has to fit an extent */
#define RAW_BYTES (64 << 20) /* not packed */
#define PACKED_CEILING (8 << 20)
#define LINE_CEILING (16 << 20)
#define NAME_LETTERS 26

/* ---- places --------------------------------------------------------------------------------- */

static struct span folder(struct call *c, const struct dynamodb_export *export)
{
    return arena_printf(c->arena, "%.*s%sAWSDynamoDB", SPAN_ARG(export->prefix),
                        export->prefix.len ? "/" : "");
}

struct span export_key(struct call *c, const struct dynamodb_export *export, const char *name)
{
    return arena_printf(c->arena, "%.*s/%.*s/%s", SPAN_ARG(folder(c, export)), SPAN_ARG(export->id),
                        name);
}

/* Incremental ones share a folder of data. */
static struct span data_key(struct call *c, const struct dynamodb_export *export)
{
    struct span letters = id_base32(c->arena, S(""), NAME_LETTERS);
    char *lower = arena_cstr(c->arena, letters);
    for (size_t i = 0; i < letters.len; i++)
        if (lower[i] >= 'A' && lower[i] <= 'Z')
            lower[i] = (char)(lower[i] - 'A' + 'a');
    struct span name = arena_printf(c->arena, "data/%s.%s.gz", lower, export->ion ? "ion" : "json");
    if (export->from)
        return arena_printf(c->arena, "%.*s/%.*s", SPAN_ARG(folder(c, export)), SPAN_ARG(name));
    return export_key(c, export, arena_cstr(c->arena, name));
}

static RESULT put(struct call *c, const struct dynamodb_export *export, struct span key,
                  struct span bytes, struct span *ret_etag)
{
    const struct s3_subject subject = {export->bucket, key, export->owner};
    const struct s3_writing writing = {.bytes = bytes, .encryption = export->encryption};
    return s3_write(c, &subject, &writing, ret_etag);
}

static struct span md5_text(struct call *c, struct span bytes)
{
    uint8_t digest[MD5_SIZE];
    md5_of(bytes, digest);
    return base64_of(c->arena, span_of(digest, sizeof digest));
}

RESULT export_write_start(struct call *c, const struct dynamodb_export *export)
{
    struct span etag;
    return put(c, export, export_key(c, export, "_started"), S(""), &etag);
}

/* ---- lines ---------------------------------------------------------------------------------- */

struct file {
    struct call *c;
    struct kv_access access;
    const struct dynamodb_export *export;
    struct kv_table *copy, *changes; /* changes NULL: a full export */
    struct packer *packer;
    struct buf *packed;
    struct buf *line;
    struct span last; /* of what was written */
    uint64_t items, bytes;
};

static void put_image(struct file *file, struct json_writer *writer, const char *name,
                      const struct kv_map *image)
{
    json_key(writer, span_of(name, strlen(name)));
    json_literal(writer, attribute_json(file->c, image));
}

static bool is_key(const struct file *file, struct span name)
{
    const struct kv_schema *schema = kv_table_schema(file->copy);
    return span_eq(name, schema->hash.name) ||
           (schema->range.name.at && span_eq(name, schema->range.name));
}

static struct kv_map keys_of(const struct file *file, const struct kv_map *item)
{
    struct kv_map keys = {ARENA_ARRAY(file->c->arena, struct kv_pair, 2), 0};
    for (size_t i = 0; i < item->count && keys.count < 2; i++)
        if (is_key(file, item->at[i].name))
            keys.at[keys.count++] = item->at[i];
    return keys;
}

/* What the item became, or -ENOENT. */
static int find_new(const struct file *file, const struct kv_map *keys, struct kv_map *ret)
{
    const struct kv_schema *schema = kv_table_schema(file->copy);
    const struct kv_value *hash = kv_map_get(keys, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(keys, schema->range.name) : NULL;
    struct kv_key key;
    struct span bytes;
    if (!hash)
        return -EBADMSG;
    kv_key_make(file->copy, hash->bytes, range ? range->bytes : SPAN_NONE, &key);
    int error = kv_get(&file->access, &key, &bytes);
    if (error < 0)
        return error;
    return kv_item_decode(bytes, file->c->arena, ret) ? 0 : -EBADMSG;
}

/* 1: what came and went within the window is not told. */
static int put_change(struct file *file, const struct kv_map *entry)
{
    struct json_writer writer = {.out = file->line};
    const struct kv_value *old = kv_map_get(entry, EXPORT_OLD);
    const struct kv_value *time = kv_map_get(entry, EXPORT_TIME);
    struct kv_map new, keys = keys_of(file, entry);
    struct kv_pair written = {S("WriteTimestampMicros"), {.type = KV_NULL}};
    int error = find_new(file, &keys, &new);
    if (error < 0 && error != -ENOENT)
        return error;
    if (error == -ENOENT && !old)
        return 1;
    if (time)
        written.value = *time;
    json_begin_object(&writer);
    put_image(file, &writer, "Metadata", &(struct kv_map){&written, 1});
    put_image(file, &writer, "Keys", &keys);
    if (!error)
        put_image(file, &writer, "NewImage", &new);
    if (old && !file->export->new_only)
        put_image(file, &writer, "OldImage", &old->map);
    json_end_object(&writer);
    return 0;
}

static int put_line(struct file *file, struct span bytes)
{
    struct kv_map item;
    struct json_writer writer = {.out = file->line};
    if (!kv_item_decode(bytes, file->c->arena, &item))
        return -EBADMSG;
    buf_clear(file->line);
    int skipped = 0;
    if (file->changes) {
        skipped = put_change(file, &item);
    } else if (file->export->ion) {
        ion_put_item(&item, file->line);
    } else {
        json_begin_object(&writer);
        put_image(file, &writer, "Item", &item);
        json_end_object(&writer);
    }
    if (skipped < 0)
        return skipped;
    if (!skipped) {
        if (!file->export->ion)
            buf_append_byte(file->line, '\n');
        packing_feed(file->packer, buf_span(file->line), file->packed);
        file->items++;
        file->bytes += kv_item_size(bytes);
    }
    return 0;
}

static int put_lines(struct file *file, bool *ret_more)
{
    struct kv_map after;
    const struct dynamodb_export *export = file->export;
    struct kv_range range = {.table = file->changes ? file->changes : file->copy};
    struct span bytes, last = SPAN_NONE;
    uint64_t raw = 0;
    int error = 0;
    if (export->at.len) {
        if (!kv_item_decode(export->at, file->c->arena, &after))
            return -EBADMSG;
        range.after = &after;
    }
    struct kv_walk *walk = kv_walk_open(&file->access, &range);
    *ret_more = kv_walk_next(walk, &bytes);
    for (; *ret_more && !error && file->packed->len < FILE_BYTES && raw < RAW_BYTES;
         *ret_more = kv_walk_next(walk, &bytes)) {
        struct arena_mark mark = arena_mark(file->c->arena);
        error = put_line(file, bytes);
        arena_rewind(file->c->arena, mark);
        raw += bytes.len;
        buf_clear(file->line);
        buf_append(file->line, bytes);
    }
    if (file->line->len)
        last = arena_copy(file->c->arena, buf_span(file->line));
    if (!error)
        error = kv_walk_error(walk);
    kv_walk_close(walk);
    file->last = last;
    return error;
}

/* ---- files ---------------------------------------------------------------------------------- */

static void add_file(struct call *c, struct dynamodb_export *export, const struct file *file,
                     const struct dynamodb_export_file *added)
{
    struct dynamodb_export_file_list list = {.count = export->files.count + 1};
    struct kv_map item;
    list.at = ARENA_ARRAY(c->arena, struct dynamodb_export_file, list.count);
    for (size_t i = 0; i < export->files.count; i++)
        list.at[i] = export->files.at[i];
    list.at[list.count - 1] = *added;
    export->files = list;
    export->items += file->items;
    export->bytes += file->bytes;
    if (!file->last.at || !kv_item_decode(file->last, c->arena, &item))
        return;
    struct kv_map keys = keys_of(file, &item);
    struct buf *at = arena_buf(c->arena, LINE_CEILING);
    kv_item_encode(&keys, at);
    export->at = buf_span(at);
}

RESULT export_write_file(struct call *c, struct dynamodb_export *export, struct export_written *ret)
{
    struct file file = {.c = c,
                        .access = reference_access(c),
                        .export = export,
                        .packed = arena_buf(c->arena, PACKED_CEILING),
                        .line = arena_buf(c->arena, LINE_CEILING)};
    struct dynamodb_export_file added = {.key = data_key(c, export)};
    ret->error = kv_find_shut(&file.access, export_copy(c->arena, export), &file.copy);
    if (!ret->error && export->from)
        ret->error = kv_find_shut(&file.access, export_changes(c->arena, export), &file.changes);
    if (ret->error)
        return OK;
    file.packer = packing_begin(PACKING_GZIP);
    ret->error = put_lines(&file, &ret->more);
    packing_end(file.packer, file.packed);
    packing_free(file.packer);
    if (ret->error)
        return OK;
    added.items = file.items;
    added.md5 = md5_text(c, buf_span(file.packed));
    TRY(put(c, export, added.key, buf_span(file.packed), &added.etag));
    add_file(c, export, &file, &added);
    return OK;
}

/* ---- manifests ------------------------------------------------------------------------------ */

static void put_text(struct json_writer *writer, const char *name, struct span value)
{
    json_key(writer, span_of(name, strlen(name)));
    if (span_is_absent(value))
        json_literal(writer, S("null"));
    else
        json_string(writer, value);
}

static void put_time(struct json_writer *writer, const char *name, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    put_text(writer, name, time_iso8601_millis(ms, text));
}

static void put_count(struct json_writer *writer, const char *name, uint64_t count)
{
    json_key(writer, span_of(name, strlen(name)));
    json_i64(writer, (int64_t)count);
}

static struct span summary(struct call *c, const struct dynamodb_export *export)
{
    struct buf *out = arena_buf(c->arena, LINE_CEILING);
    struct json_writer writer = {.out = out};
    json_begin_object(&writer);
    put_text(&writer, "version", export->from ? S("2023-08-01") : S("2020-06-30"));
    put_text(&writer, "exportArn", export_arn(c, export));
    put_time(&writer, "startTime", export->started);
    put_time(&writer, "endTime", export->ended);
    put_text(&writer, "tableArn", reference_arn(c, export->table));
    put_text(&writer, "tableId", export->table_id);
    if (export->from) {
        put_time(&writer, "exportFromTime", export->from);
        put_time(&writer, "exportToTime", export->moment);
    } else {
        put_time(&writer, "exportTime", export->moment);
    }
    put_text(&writer, "s3Bucket", export->bucket);
    put_text(&writer, "s3Prefix", export->prefix);
    put_text(&writer, "s3SseAlgorithm", export->encryption.at ? export->encryption : S("AES256"));
    put_text(&writer, "s3SseKmsKeyId", SPAN_NONE);
    put_text(&writer, "manifestFilesS3Key", export_key(c, export, "manifest-files.json"));
    put_count(&writer, "billedSizeBytes", export->bytes);
    put_count(&writer, "itemCount", export->items);
    put_text(&writer, "outputFormat", export->ion ? S("ION") : S("DYNAMODB_JSON"));
    if (export->from) {
        put_text(&writer, "outputView",
                 export->new_only ? S("NEW_IMAGE") : S("NEW_AND_OLD_IMAGES"));
        put_text(&writer, "exportType", S("INCREMENTAL_EXPORT"));
    }
    json_end_object(&writer);
    return buf_span(out);
}

static struct span files(struct call *c, const struct dynamodb_export *export)
{
    struct buf *out = arena_buf(c->arena, LINE_CEILING);
    for (size_t i = 0; i < export->files.count; i++) {
        const struct dynamodb_export_file *file = &export->files.at[i];
        struct json_writer writer = {.out = out};
        json_begin_object(&writer);
        put_count(&writer, "itemCount", file->items);
        put_text(&writer, "md5Checksum", file->md5);
        put_text(&writer, "etag", span_of(file->etag.at + 1, file->etag.len - 2));
        put_text(&writer, "dataFileS3Key", file->key);
        json_end_object(&writer);
        buf_append_byte(out, '\n');
    }
    return buf_span(out);
}

RESULT export_write_manifest(struct call *c, const struct dynamodb_export *export, size_t number)
{
    static const char *const names[EXPORT_MANIFESTS] = {
        "manifest-files.json", "manifest-files.checksum", "manifest-summary.json",
        "manifest-summary.checksum"};
    struct span bytes = number < 2 ? files(c, export) : summary(c, export), etag;
    return put(c, export, export_key(c, export, names[number]),
               number % 2 ? md5_text(c, bytes) : bytes, &etag);
}
