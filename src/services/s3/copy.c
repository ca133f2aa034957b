// SPDX-License-Identifier: Apache-2.0
/*
 * CopyObject and UploadPartCopy: metadata only, the extents are shared. Source and destination are
 * locked together. Sources: CopyObject, UploadPartCopy. Worker.
 */
#include "base/time.h"
#include "services/s3/access.h"
#include "services/s3/acl.h"
#include "services/s3/lifecycle.h"
#include "services/s3/lock.h"
#include "services/s3/range.h"
#include "services/s3/restore.h"
#include "services/s3/s3.api.h"
#include "services/s3/source.h"
#include "services/s3/upload.h"

#define COPY_MAX 5368709120ULL /* bytes: 5 GiB */

#define CONDITION_OF(in)                                                                           \
    {                                                                                              \
        .if_match = (in)->copy_source_if_match, .if_none_match = (in)->copy_source_if_none_match,  \
        .if_modified_since = (in)->has.copy_source_if_modified_since                               \
                                 ? (in)->copy_source_if_modified_since                             \
                                 : TIME_NONE,                                                      \
        .if_unmodified_since = (in)->has.copy_source_if_unmodified_since                           \
                                   ? (in)->copy_source_if_unmodified_since                         \
                                   : TIME_NONE                                                     \
    }

#define SOURCE_NAME_OF(in)                                                                         \
    ((struct source_name){.copy_source = (in)->copy_source,                                        \
                          .expected_owner = (in)->expected_source_bucket_owner,                    \
                          .condition = CONDITION_OF(in),                                           \
                          .encryption = {.algorithm = (in)->copy_source_sse_customer_algorithm,    \
                                         .key = (in)->copy_source_sse_customer_key,                \
                                         .key_md5 = (in)->copy_source_sse_customer_key_md5}})

/* Both keys in one go, since a transaction takes its locks once. */
static void lock_both(struct call *c, const struct source *source, struct span bucket,
                      struct span key)
{
    struct object_key keys[] = {{source->bucket, source->name.key}, {bucket, key}};
    object_lock(c->txn, keys, ARRAY_LEN(keys));
}

static RESULT refuse_too_large(struct call *c)
{
    return refuse(c, &S3_INVALID_REQUEST,
                  "The specified copy source is larger than the maximum allowable size for a copy "
                  "source: 5368709120");
}

/* ---- CopyObject ----------------------------------------------------------------------------- */

static RESULT check_directive(struct call *c, struct span directive, const char *header)
{
    if (span_is_absent(directive) || span_eq(directive, S("COPY")) ||
        span_eq(directive, S("REPLACE")))
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), directive, "Unknown %s.", header);
    return refusal_add(c, refusal, S("ArgumentName"), span_of_cstr(header));
}

static RESULT check_self_copy(struct call *c, const struct s3_copy_object_in *in,
                              const struct source *source)
{
    bool same = span_eq(source->bucket, in->bucket) && span_eq(source->name.key, in->key);
    bool restores = !span_is_absent(source->name.version_id); /* an older version */
    if (!same || restores || span_eq(in->metadata_directive, S("REPLACE")) ||
        !span_is_absent(in->storage_class) || !span_is_absent(in->website_redirect_location) ||
        !span_is_absent(in->server_side_encryption) || !span_is_absent(in->sse_customer_key))
        return OK;
    return refuse(c, &S3_INVALID_REQUEST,
                  "This copy request is illegal because it is trying to copy an object to itself "
                  "without changing the object's metadata, storage class, website redirect "
                  "location or encryption attributes.");
}

/* The attributes of the copy by its directives. */
static RESULT choose_attributes(struct call *c, const struct s3_copy_object_in *in,
                                const struct source *source, struct s3_attributes *out)
{
    const struct s3_attributes *from = &source->found.attributes;
    struct s3_attributes replaced = ATTRIBUTES_OF(in);
    struct span tagging = span_eq(in->tagging_directive, S("REPLACE")) ? in->tagging : SPAN_NONE;
    TRY(attributes_complete(c, &in->metadata, tagging, &replaced));
    bool keep = !span_eq(in->metadata_directive, S("REPLACE"));
    *out = keep ? *from : replaced;
    out->owner = SPAN_NONE; /* a copy has an owner and a list of its own */
    out->grants = (struct s3_acl_grant_list){.count = 0};
    out->has_acl = false;
    out->redirect = replaced.redirect;
    out->storage_class = replaced.storage_class;
    restore_forget(out);
    out->tags = span_eq(in->tagging_directive, S("REPLACE")) ? replaced.tags : from->tags;
    out->etag = from->etag;
    out->parts = 0;
    TRY(lock_read_headers(c, LOCK_HEADERS_OF(in), out)); /* the source's lock is not copied */
    attributes_set_checksum(out, &(struct checksum){.algorithm = CHECKSUM_NONE});
    return OK;
}

/* Which checksum the copy has: the one asked for, else the source's algorithm; always of the whole
 * object. */
static RESULT choose_checksum(struct call *c, struct span asked, const struct source *source,
                              struct checksum *out)
{
    struct checksum has = attributes_checksum(&source->found.attributes);
    enum CHECKSUM algorithm = has.algorithm == CHECKSUM_NONE ? CHECKSUM_CRC64NVME : has.algorithm;
    if (!span_is_absent(asked)) {
        algorithm = checksum_named(asked);
        if (algorithm == CHECKSUM_NONE)
            return checksum_refuse_algorithm(c);
    }
    bool known = has.algorithm == algorithm && has.type == TYPE_FULL_OBJECT;
    *out = (struct checksum){
        .algorithm = algorithm, .type = TYPE_FULL_OBJECT, .value = known ? has.value : SPAN_NONE};
    return OK;
}

struct copy {
    struct source source;
    struct encryption encryption; /* of the copy */
    struct checksum checksum;     /* of the copy */
    struct source_digest digest;  /* when it had to be read */
    bool digested;
};

/* Parts have no digest of the whole, and a checksum of another algorithm is not known either. */
static bool must_be_read(const struct copy *copy)
{
    return copy->source.found.attributes.parts || span_is_absent(copy->checksum.value);
}

/* First look, without holding anything: is the source there, is it small enough, must it be read?
 */
static RESULT prepare(struct call *c, const struct s3_copy_object_in *in, struct copy *copy)
{
    struct source *source = &copy->source;
    TRY(encryption_read(c, ENCRYPTION_OF(in), &copy->encryption));
    TRY(source_read_name(c, &SOURCE_NAME_OF(in), source));
    TRY(check_self_copy(c, in, source));
    TRY(source_look(c, source));
    if (source->found.object.size > COPY_MAX)
        return refuse_too_large(c);
    TRY(choose_checksum(c, in->checksum_algorithm, source, &copy->checksum));
    if (!must_be_read(copy))
        return OK;
    copy->digested = true;
    return source_digest(c, source, NULL, DIGEST_MD5 | checksum_digest(copy->checksum.algorithm),
                         &copy->digest);
}

/* The source's annotations, before it may be replaced by its own copy; NULL when there are none. */
static RESULT take_annotations(struct call *c, const struct s3_copy_object_in *in,
                               struct source *source, struct object_notes **ret)
{
    *ret = NULL;
    if (!source->found.object.noted || span_eq(in->annotation_directive, S("EXCLUDE")))
        return OK;
    TRY(access_require(c, S("s3:GetObjectAnnotation"), source->bucket, source->name.key));
    TRY(access_require(c, S("s3:PutObjectAnnotation"), in->bucket, in->key));
    struct object_bucket index = place_own_index(&source->place);
    int result = object_note_share_all(&index, source->name.key, &source->found.object, ret);
    return result < 0 ? refuse_errno(c, result, "reading annotations") : OK;
}

static int put_annotations(const struct place *place, struct span key, struct object *written,
                           const struct object_notes *notes)
{
    struct object_bucket index = place_own_index(place);
    int result = 0;
    for (size_t i = 0; notes && i < notes->count && result == 0; i++)
        result = object_note_put(&index, key, written, &notes->at[i]);
    return result;
}

/* The source's bytes, with a reference more. */
static RESULT share_content(struct call *c, const struct source *source, struct byte_range range,
                            struct content *out)
{
    int result =
        object_content(&source->place.index, source->name.key, &source->found.object, range, out);
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(source->name.key));
    content_share(c->txn, out, c->arena);
    return OK;
}

static RESULT write_copy(struct call *c, const struct s3_copy_object_in *in, struct copy *copy,
                         struct s3_attributes *attributes, struct s3_copy_object_out *out)
{
    struct source *source = &copy->source;
    struct place place;
    struct object_found old;
    bool there;
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(encryption_begin(c, &copy->encryption, &place, in->key, attributes));
    TRY(acl_of_new_object(c, &place, in->key, attributes));
    TRY(lock_check_wish(c, &place, in->key, attributes));
    lock_add_default(c, &place, attributes);
    TRY(object_find(c, &place, in->key, &old, &there));
    TRY(condition_write(c, in->if_match, in->if_none_match, in->key, there ? old.etag : SPAN_NONE));
    struct object written;
    struct object_notes *annotations;
    TRY(take_annotations(c, in, source, &annotations));
    struct object_new object = {.modified_ms = c->now_ms};
    struct byte_range all = {0, source->found.object.size};
    /* The copy's references come before the old content's go: they may be the same extents. */
    TRY(share_content(c, source, all, &object.content));
    TRY(encryption_share(c, &copy->encryption, &object.content, attributes));
    object.attributes = attributes_encode(c, attributes);
    int result = object_put(&place.index, in->key, there ? &old.object : NULL, &object, &written);
    if (result == 0)
        result = put_annotations(&place, in->key, &written, annotations);
    if (result < 0)
        return refuse_errno(c, result, "copying to %.*s", SPAN_ARG(in->key));
    out->version_id =
        object_shown_version(c, &place, &written); /* unlike PutObject's, also "null" */
    out->copy_source_version_id = source_version(c, source);
    struct lifecycle_subject subject = lifecycle_subject(in->key, &written, attributes);
    return lifecycle_describe(c, &place, &subject, &out->expiration);
}

RESULT s3_copy_object(struct call *c, const struct s3_copy_object_in *in,
                      struct s3_copy_object_out *out)
{
    struct copy copy = {.digested = false};
    struct s3_attributes attributes;
    TRY(place_check_headers(c));
    TRY(place_check_key(c, in->key));
    TRY(check_directive(c, in->metadata_directive, "metadata directive"));
    TRY(check_directive(c, in->tagging_directive, "tagging directive"));
    TRY(condition_write_check(c, in->if_match, in->if_none_match));
    TRY(prepare(c, in, &copy));
    lock_both(c, &copy.source, in->bucket, in->key);
    TRY(source_find(c, c->txn, &copy.source));
    TRY(choose_attributes(c, in, &copy.source, &attributes));
    if (copy.digested) {
        TRY(source_check(c, &copy.source, &copy.digest));
        attributes.etag = span_of(copy.digest.digests.md5, MD5_SIZE);
        copy.checksum.value = checksum_of(&copy.digest.digests, copy.checksum.algorithm);
    } else {
        TRY(choose_checksum(c, in->checksum_algorithm, &copy.source, &copy.checksum));
        if (must_be_read(&copy)) /* it was replaced meanwhile by one that would have to be */
            return source_refuse_changed(c);
    }
    attributes_set_checksum(&attributes, &copy.checksum);
    TRY(write_copy(c, in, &copy, &attributes, out));
    ENCRYPTION_SHOW(&attributes, &copy.encryption, out);
    out->copy_object_result = ARENA_NEW(c->arena, struct s3_copy_object_result);
    out->copy_object_result->etag = attributes_etag(c, attributes.etag, 0);
    SET(out->copy_object_result, last_modified, object_shown_time(c->now_ms));
    out->copy_object_result->checksum_type = checksum_type_name(copy.checksum.type);
    checksum_describe(c, &copy.checksum, 0, CHECKSUM_MEMBERS(out->copy_object_result));
    return OK;
}

/* ---- UploadPartCopy ------------------------------------------------------------------------- */

static RESULT refuse_range(struct call *c, struct span value, struct span message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), value, "%.*s", SPAN_ARG(message));
    return refusal_add(c, refusal, S("ArgumentName"), S("x-amz-copy-source-range"));
}

/* The range by itself; against the source's size it is checked once that is known. */
static RESULT read_range(struct call *c, struct span header, struct range *out)
{
    if (span_is_absent(header) || range_read_strict(header, out))
        return OK;
    return refuse_range(c, header,
                        S("The x-amz-copy-source-range value must be of the form bytes=first-last "
                          "where first and last are the zero-based offsets of the first and last "
                          "bytes to copy"));
}

static RESULT choose_range(struct call *c, struct span header, uint64_t size,
                           struct byte_range *out)
{
    struct range range = {0, size};
    TRY(read_range(c, header, &range));
    if (range.first >= size && size)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The specified copy range is invalid for the source object size");
    if (range.len > size - range.first)
        return refuse_range(c, header,
                            arena_printf(c->arena,
                                         "Range specified is not valid for source object of size: "
                                         "%llu",
                                         (unsigned long long)size));
    if (range.len > COPY_MAX)
        return refuse_too_large(c);
    *out = (struct byte_range){range.first, range.len};
    return OK;
}

struct part_copy {
    struct source source;
    struct encryption encryption; /* of the upload */
    struct byte_range range;
    struct source_digest digest;
};

/* Digests the slice as the upload wants it, before any lock is taken. */
static RESULT prepare_part(struct call *c, const struct s3_upload_part_copy_in *in,
                           struct part_copy *copy)
{
    struct place place;
    struct upload upload;
    struct range range;
    TRY(read_range(c, in->copy_source_range, &range));
    TRY(encryption_read(c, ENCRYPTION_READ_OF(in), &copy->encryption));
    copy->encryption.demanded = true; /* the upload has said already what the object is */
    TRY(source_read_name(c, &SOURCE_NAME_OF(in), &copy->source));
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    TRY(source_look(c, &copy->source));
    TRY(choose_range(c, in->copy_source_range, copy->source.found.object.size, &copy->range));
    return source_digest(c, &copy->source, &copy->range,
                         DIGEST_MD5 | checksum_digest(upload_algorithm(&upload)), &copy->digest);
}

RESULT s3_upload_part_copy(struct call *c, const struct s3_upload_part_copy_in *in,
                           struct s3_upload_part_copy_out *out)
{
    struct part_copy copy;
    struct place place;
    struct upload upload;
    TRY(place_check_headers(c));
    TRY(place_check_key(c, in->key));
    TRY(upload_check_part_number(c, in->part_number));
    TRY(prepare_part(c, in, &copy));
    lock_both(c, &copy.source, in->bucket, in->key);
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    TRY(source_find(c, c->txn, &copy.source));
    TRY(source_check(c, &copy.source, &copy.digest));
    TRY(encryption_open(c, &copy.encryption, ENCRYPTION_OF_UPLOAD, &upload.attributes, &place));
    struct upload_part part = {
        .number = (uint32_t)in->part_number,
        .etag = span_of(copy.digest.digests.md5, MD5_SIZE),
        .checksum = checksum_of(&copy.digest.digests, upload_algorithm(&upload)),
    };
    TRY(share_content(c, &copy.source, copy.range, &part.content));
    TRY(encryption_share(c, &copy.encryption, &part.content, &upload.attributes));
    TRY(upload_put_part(c, &place, &upload, &part));
    ENCRYPTION_SHOW(&upload.attributes, &copy.encryption, out);
    out->copy_source_version_id = source_version(c, &copy.source);
    out->copy_part_result = ARENA_NEW(c->arena, struct s3_copy_part_result);
    out->copy_part_result->etag = attributes_etag(c, part.etag, 0);
    SET(out->copy_part_result, last_modified, object_shown_time(c->now_ms));
    struct checksum checksum = upload.checksum;
    checksum.value = part.checksum;
    checksum_describe(c, &checksum, 0, CHECKSUM_MEMBERS(out->copy_part_result));
    return OK;
}
