// SPDX-License-Identifier: Apache-2.0
/*
 * How an inventory looks: rows of CSV in gzip files, and the manifest that names them. Source:
 * "Inventory list", "Locating your inventory list". Pure; any thread.
 */
#include "base/json.h"
#include "base/packing.h"
#include "base/text.h"
#include "base/time.h"
#include "services/s3/encryption.h"
#include "services/s3/inventory.h"
#include "services/s3/lock.h"
#include "services/s3/tiering.h"
#include "services/s3/version.h"

#define MANIFEST_MAX ((size_t)64 << 20)

/* ---- columns -------------------------------------------------------------------------------- */

struct row {
    const struct inventory_file *file;
    const struct object_listed *listed;
    const struct s3_attributes *attributes; /* NULL: a delete marker */
};

typedef struct span value_of(const struct row *row);

static struct span bucket_value(const struct row *row)
{
    return row->file->bucket->name;
}

static struct span key_value(const struct row *row)
{
    return uri_encode(row->file->c->arena, row->listed->name, URI_SLASH_KEPT);
}

static struct span truth(bool value)
{
    return value ? S("true") : S("false");
}

static struct span version_value(const struct row *row)
{
    return version_id(row->file->c, row->listed->object);
}

static struct span latest_value(const struct row *row)
{
    return truth(row->listed->newest);
}

static struct span marker_value(const struct row *row)
{
    return truth(row->listed->object->mark);
}

static struct span size_value(const struct row *row)
{
    if (!row->attributes)
        return S("");
    return arena_printf(row->file->c->arena, "%llu", (unsigned long long)row->listed->object->size);
}

static struct span date_of(const struct row *row, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    return arena_copy(row->file->c->arena, time_iso8601_millis(ms / 1000 * 1000, text));
}

static struct span modified_value(const struct row *row)
{
    return date_of(row, row->listed->object->modified_ms);
}

static struct span etag_value(const struct row *row)
{
    if (!row->attributes)
        return S("");
    struct span etag = attributes_etag(row->file->c, row->attributes->etag, row->attributes->parts);
    return span_of(etag.at + 1, etag.len - 2);
}

static struct span class_value(const struct row *row)
{
    return row->attributes ? attributes_storage_class(row->attributes) : S("");
}

static struct span multipart_value(const struct row *row)
{
    return row->attributes ? truth(row->attributes->parts > 0) : S("");
}

/* Nothing is replicated. */
static struct span nothing(const struct row *row)
{
    return S("");
}

static struct span encryption_value(const struct row *row)
{
    if (!row->attributes)
        return S("");
    switch ((enum ENCRYPTION)row->attributes->encryption) {
    case ENCRYPTION_NONE:
        return S("NOT-SSE");
    case ENCRYPTION_S3:
        return S("SSE-S3");
    case ENCRYPTION_CUSTOMER:
        return S("SSE-C");
    }
    return S("");
}

static struct span retain_value(const struct row *row)
{
    bool locked = row->attributes && row->attributes->lock_mode;
    return locked ? date_of(row, row->attributes->retain_until) : S("");
}

static struct span mode_value(const struct row *row)
{
    return row->attributes ? lock_mode_name(row->attributes->lock_mode) : S("");
}

static struct span hold_value(const struct row *row)
{
    return row->attributes ? lock_hold_name(row->attributes->legal_hold) : S("");
}

static struct span tier_value(const struct row *row)
{
    if (!row->attributes || !tiering_is_of(row->attributes->storage_class))
        return S("");
    struct span status = tiering_status(row->attributes, row->file->c->now_ms);
    size_t name = span_find(status, S("_ACCESS"));
    return name == SPAN_NOT_FOUND ? S("FREQUENT") : span_first(status, name);
}

static struct span bucket_key_value(const struct row *row)
{
    return row->attributes ? S("DISABLED") : S("");
}

static struct span checksum_value(const struct row *row)
{
    if (!row->attributes)
        return S("");
    struct checksum checksum = attributes_checksum(row->attributes);
    return checksum.algorithm == CHECKSUM_NONE ? S("") : checksum_name(checksum.algorithm);
}

static struct span owner_value(const struct row *row)
{
    bool other = row->attributes && !span_is_absent(row->attributes->owner);
    return place_owner_id(row->file->c,
                          other ? row->attributes->owner : row->file->bucket->account);
}

/* In the order in which they come; a field of the configuration has the name of its column. */
static const struct column {
    struct span name;
    value_of *value;
    enum { ALWAYS, OF_VERSIONS, OPTIONAL } when;
} columns[] = {
    {S_INIT("Bucket"), bucket_value, ALWAYS},
    {S_INIT("Key"), key_value, ALWAYS},
    {S_INIT("VersionId"), version_value, OF_VERSIONS},
    {S_INIT("IsLatest"), latest_value, OF_VERSIONS},
    {S_INIT("IsDeleteMarker"), marker_value, OF_VERSIONS},
    {S_INIT("Size"), size_value, OPTIONAL},
    {S_INIT("LastModifiedDate"), modified_value, OPTIONAL},
    {S_INIT("ETag"), etag_value, OPTIONAL},
    {S_INIT("StorageClass"), class_value, OPTIONAL},
    {S_INIT("IsMultipartUploaded"), multipart_value, OPTIONAL},
    {S_INIT("ReplicationStatus"), nothing, OPTIONAL},
    {S_INIT("EncryptionStatus"), encryption_value, OPTIONAL},
    {S_INIT("ObjectLockRetainUntilDate"), retain_value, OPTIONAL},
    {S_INIT("ObjectLockMode"), mode_value, OPTIONAL},
    {S_INIT("ObjectLockLegalHoldStatus"), hold_value, OPTIONAL},
    {S_INIT("IntelligentTieringAccessTier"), tier_value, OPTIONAL},
    {S_INIT("BucketKeyStatus"), bucket_key_value, OPTIONAL},
    {S_INIT("ChecksumAlgorithm"), checksum_value, OPTIONAL},
    {S_INIT("ObjectOwner"), owner_value, OPTIONAL},
};

static bool has_column(const struct inventory_file *file, const struct column *column)
{
    const struct s3_inventory_optional_fields *fields = &file->wish->optional_fields;
    if (column->when != OPTIONAL)
        return column->when == ALWAYS || span_eq(file->wish->included_object_versions, S("All"));
    for (size_t i = 0; i < fields->count; i++)
        if (span_eq(fields->at[i], column->name))
            return true;
    return false;
}

RESULT inventory_add_row(struct inventory_file *file, const struct object_listed *listed)
{
    struct s3_attributes attributes;
    struct row row = {.file = file, .listed = listed};
    if (!listed->object->mark) {
        TRY(attributes_decode(file->c, listed->object->attributes, &attributes));
        row.attributes = &attributes;
    }
    const char *before = "";
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (!has_column(file, &columns[i]))
            continue;
        struct span value = columns[i].value(&row); /* nothing in it needs to be doubled */
        buf_printf(file->text, "%s\"%.*s\"", before, SPAN_ARG(value));
        before = ",";
    }
    buf_append(file->text, S("\n"));
    return OK;
}

struct span inventory_schema(const struct inventory_file *file)
{
    struct buf *text = arena_buf(file->c->arena, 4096);
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        if (has_column(file, &columns[i]))
            buf_printf(text, "%s%.*s", i ? ", " : "", SPAN_ARG(columns[i].name));
    return buf_span(text);
}

/* ---- files ---------------------------------------------------------------------------------- */

struct span inventory_packed(const struct inventory_file *file)
{
    struct span rows = buf_span(file->text);
    struct buf *out = arena_buf(file->c->arena, rows.len + rows.len / 1024 + 4096);
    struct packer *packer = packing_begin(PACKING_GZIP);
    packing_feed(packer, rows, out);
    packing_end(packer, out);
    packing_free(packer);
    return buf_span(out);
}

void inventory_file_names(struct inventory_file *file, int64_t begun_ms)
{
    struct arena *arena = file->c->arena;
    struct civil at = time_civil(begun_ms);
    struct span prefix = file->wish->destination->s3_bucket_destination->prefix;
    file->folder = arena_printf(arena, "%.*s%s%.*s/%.*s/", SPAN_ARG(prefix), prefix.len ? "/" : "",
                                SPAN_ARG(file->bucket->name), SPAN_ARG(file->wish->id));
    file->name = arena_printf(arena, "%04d-%02d-%02dT%02d-%02dZ", at.year, at.month, at.day,
                              at.hour, at.minute);
}

static void put_text(struct json_writer *json, struct span name, struct span value)
{
    json_key(json, name);
    json_string(json, value);
}

struct span inventory_manifest(const struct inventory_file *file,
                               const struct s3_inventory_run *run)
{
    struct arena *arena = file->c->arena;
    struct json_writer json = {.out = arena_buf(arena, MANIFEST_MAX)};
    json_begin_object(&json);
    put_text(&json, S("sourceBucket"), file->bucket->name);
    put_text(&json, S("destinationBucket"), file->wish->destination->s3_bucket_destination->bucket);
    put_text(&json, S("version"), S("2016-11-30"));
    put_text(&json, S("creationTimestamp"), arena_printf(arena, "%lld", (long long)run->begun));
    put_text(&json, S("fileFormat"), S("CSV"));
    put_text(&json, S("fileSchema"), inventory_schema(file));
    json_key(&json, S("files"));
    json_begin_array(&json);
    for (size_t i = 0; i < run->files.count; i++) {
        const struct s3_inventory_part *part = &run->files.at[i];
        json_begin_object(&json);
        put_text(&json, S("key"), part->key);
        json_key(&json, S("size"));
        json_i64(&json, (int64_t)part->size);
        put_text(&json, S("MD5checksum"), part->md5);
        json_end_object(&json);
    }
    json_end_array(&json);
    json_end_object(&json);
    return buf_span(json.out);
}
