// SPDX-License-Identifier: Apache-2.0
/*
 * PutObject, DeleteObject and what all handlers share about objects. A write holds its key's lock
 * from before the bucket is read to the commit, so the old content is dropped exactly once. Loop
 * threads.
 */
#include "services/s3/object.h"

#include "base/time.h"
#include "services/s3/access.h"
#include "services/s3/acl.h"
#include "services/s3/encryption.h"
#include "services/s3/lifecycle.h"
#include "services/s3/lock.h"
#include "services/s3/note.h"
#include "services/s3/s3.api.h"
#include "services/s3/tags.h"
#include "store/draft.h"

#include <errno.h>

#define LONG_BODY (128 * 1024) /* bytes: worth a look at the bucket before they come */

static RESULT describe_found(struct call *c, struct object_found *out)
{
    TRY(attributes_decode(c, out->object.attributes, &out->attributes));
    out->etag = attributes_etag(c, out->attributes.etag, out->attributes.parts);
    note_size(c, out->object.size);
    return OK;
}

RESULT object_find(struct call *c, const struct place *place, struct span key,
                   struct object_found *out, bool *ret_found)
{
    int result = object_get(&place->index, key, &out->object);
    *ret_found = result == 0;
    if (result == -ENOENT)
        return OK;
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(key));
    return describe_found(c, out);
}

struct span object_shown_version(struct call *c, const struct place *place,
                                 const struct object *object)
{
    return place->bucket.versioning == VERSIONING_NONE ? SPAN_NONE : version_id(c, object);
}

struct span object_new_version(struct call *c, const struct object *object)
{
    return object->plain ? SPAN_NONE : version_id(c, object);
}

RESULT object_open_place(struct call *c, struct place_name bucket, const struct object_name *name,
                         struct place *out)
{
    TRY(version_check(c, name->version_id));
    return span_is_absent(name->version_id) ? place_open(c, bucket, out)
                                            : place_open_locked(c, bucket, &name->key, 1, out);
}

/* ---- what is not there ---------------------------------------------------------------------- */

/* Source: "Working with delete markers". */
static void tell_of_mark(struct call *c, const struct object *mark)
{
    call_add_header(c, S("x-amz-delete-marker"), S("true"));
    call_add_header(c, S("x-amz-version-id"), version_id(c, mark));
}

static RESULT refuse_mark(struct call *c, const struct object *mark)
{
    char date[TIME_TEXT_SIZE];
    tell_of_mark(c, mark);
    call_add_header(c, S("Allow"), S("DELETE"));
    call_add_header(c, S("Last-Modified"),
                    arena_copy(c->arena, time_http_date(mark->modified_ms, date)));
    const struct refusal *refusal = refuse_with(
        c, &S3_METHOD_NOT_ALLOWED, S("Method"), service_text(c->service, c->operation->method),
        "The specified method is not allowed against this resource.");
    return refusal_add(c, refusal, S("ResourceType"), S("DeleteMarker"));
}

static RESULT refuse_version(struct call *c, const struct object_name *name)
{
    const struct refusal *refusal = refuse_with(c, &S3_NO_SUCH_VERSION, S("Key"), name->key,
                                                "The specified version does not exist.");
    return refusal_add(c, refusal, S("VersionId"), name->version_id);
}

/* The newest version or the one that is named, which may be a delete marker; -ENOENT. */
static int look_up(const struct place *place, const struct object_name *name, struct object *out)
{
    struct object_version version;
    if (span_is_absent(name->version_id))
        return object_newest(&place->index, name->key, out);
    return version_id_read(name->version_id, &version)
               ? object_get_version(&place->index, name->key, &version, out)
               : -ENOENT;
}

RESULT object_find_version(struct call *c, const struct place *place,
                           const struct object_name *name, struct object_found *out,
                           bool *ret_found)
{
    if (span_is_absent(name->version_id))
        return object_find(c, place, name->key, out, ret_found);
    int result = look_up(place, name, &out->object);
    *ret_found = result == 0 && !out->object.mark;
    if (result < 0 && result != -ENOENT)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(name->key));
    return *ret_found ? describe_found(c, out) : OK;
}

/* What a request meets that names no version where the newest is a delete marker. */
enum MARK { MARK_HIDES, MARK_REFUSES };

static RESULT need(struct call *c, const struct place *place, const struct object_name *name,
                   enum MARK mark, struct object_found *out)
{
    bool named = !span_is_absent(name->version_id);
    int result = look_up(place, name, &out->object);
    if (result == -ENOENT)
        return named ? refuse_version(c, name) : place_refuse_key(c, place, name->key);
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(name->key));
    if (out->object.mark && (named || mark == MARK_REFUSES))
        return refuse_mark(c, &out->object);
    if (out->object.mark) {
        tell_of_mark(c, &out->object);
        return place_refuse_key(c, place, name->key);
    }
    return describe_found(c, out);
}

RESULT object_need(struct call *c, const struct place *place, const struct object_name *name,
                   struct object_found *out)
{
    return need(c, place, name, MARK_HIDES, out);
}

RESULT object_need_subject(struct call *c, const struct place *place,
                           const struct object_name *name, struct object_found *out)
{
    return need(c, place, name, MARK_REFUSES, out);
}

/* ---- bodies --------------------------------------------------------------------------------- */

struct content object_take_body(struct call *c, const struct body *body)
{
    if (body->extent_count == 0)
        return content_of_bytes(body->bytes);
    if (body->draft) /* else they were written in this transaction */
        draft_adopt(body->draft, c->txn);
    return content_of_extents(body->extents, body->extent_count, c->arena);
}

static bool has_sealed_cuts(const struct content *content)
{
    for (size_t i = 0; i < content->cut_count; i++)
        if (content->cuts[i].extent.sealing.sealed)
            return true;
    return false;
}

void object_give_body(struct call *c, const struct content *content, struct body *out)
{
    content_pin(txn_store(c->txn), content, c->arena);
    if (has_sealed_cuts(content)) {
        *out = (struct body){.len = content->size,
                             .bytes = content->bytes,
                             .parts = content_parts(content, c->arena),
                             .part_count = content->cut_count};
        return;
    }
    struct extent *extents = ARENA_ARRAY(c->arena, struct extent, content->cut_count);
    for (size_t i = 0; i < content->cut_count; i++) {
        const struct cut *cut = &content->cuts[i];
        extents[i] = cut->extent;
        extents[i].offset += cut->skip;
        extents[i].len = cut->len;
    }
    *out = (struct body){.len = content->size,
                         .bytes = content->bytes,
                         .extents = extents,
                         .extent_count = content->cut_count};
}

/* ---- PutObject ------------------------------------------------------------------------------ */

RESULT object_check_length(struct call *c, int64_t content_length, int64_t *ret_len)
{
    int64_t len = content_length;
    struct span decoded = header_get(c->request_headers, S("x-amz-decoded-content-length"));
    if (!span_to_i64(decoded, &len))
        len = content_length;
    *ret_len = len;
    if (len <= (int64_t)OBJECT_BODY_MAX)
        return OK;

    const struct refusal *refusal =
        refuse_with(c, &S3_ENTITY_TOO_LARGE, S("MaxSizeAllowed"), S("5368709120"),
                    "Your proposed upload exceeds the maximum allowed size");
    return refusal_add(c, refusal, S("ProposedSize"),
                       arena_printf(c->arena, "%lld", (long long)len));
}

static enum CHECKSUM or_default(enum CHECKSUM algorithm)
{
    return algorithm == CHECKSUM_NONE ? CHECKSUM_CRC64NVME : algorithm;
}

RESULT s3_put_object_admit(struct call *c, const struct s3_put_object_in *in,
                           struct body_plan *plan)
{
    struct checksum claim;
    struct encryption encryption;
    struct place place;
    TRY(place_check_headers(c));
    TRY(place_check_key(c, in->key));
    TRY(condition_write_check(c, in->if_match, in->if_none_match));
    TRY(checksum_md5_claimed(c, in->content_md5));
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, &claim));
    int64_t len;
    TRY(object_check_length(c, in->has.content_length ? in->content_length : 0, &len));
    if (len > LONG_BODY)
        TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(encryption_read(c, ENCRYPTION_OF(in), &encryption));
    plan->max_len = OBJECT_BODY_MAX;
    plan->sealed = encryption.kind != ENCRYPTION_NONE;
    plan->digests = DIGEST_MD5 | checksum_digest(or_default(claim.algorithm));
    return OK;
}

/* What the body turned out to be: verified against its claims, and described. */
static RESULT digest_body(struct call *c, const struct s3_put_object_in *in,
                          struct s3_attributes *attributes)
{
    struct checksum checksum;
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, &checksum));
    TRY(checksum_complete(c, &checksum));
    TRY(checksum_md5_verify(c, in->content_md5, in->body.digests));
    TRY(checksum_verify(c, &checksum, in->body.digests));
    checksum.algorithm = or_default(checksum.algorithm);
    checksum.value = checksum_of(in->body.digests, checksum.algorithm);
    attributes_set_checksum(attributes, &checksum);
    attributes->etag = span_of(in->body.digests->md5, MD5_SIZE);
    return OK;
}

RESULT s3_put_object(struct call *c, const struct s3_put_object_in *in,
                     struct s3_put_object_out *out)
{
    struct s3_attributes attributes = ATTRIBUTES_OF(in);
    struct encryption encryption;
    struct place place;
    struct object_found old;
    bool there;
    TRY(encryption_read(c, ENCRYPTION_OF(in), &encryption));
    TRY(attributes_complete(c, &in->metadata, in->tagging, &attributes));
    TRY(lock_read_headers(c, LOCK_HEADERS_OF(in), &attributes));
    TRY(digest_body(c, in, &attributes));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &place));
    if (in->tagging.len)
        TRY(access_require(c, S("s3:PutObjectTagging"), in->bucket, in->key));
    TRY(encryption_begin(c, &encryption, &place, in->key, &attributes));
    TRY(acl_of_new_object(c, &place, in->key, &attributes));
    TRY(lock_check_wish(c, &place, in->key, &attributes));
    lock_add_default(c, &place, &attributes);
    TRY(lock_need_digest(c, &attributes, "Put Object"));
    TRY(object_find(c, &place, in->key, &old, &there));
    TRY(condition_write(c, in->if_match, in->if_none_match, in->key, there ? old.etag : SPAN_NONE));
    struct object_new object = {
        .modified_ms = c->now_ms,
        .attributes = attributes_encode(c, &attributes),
        .content = object_take_body(c, &in->body),
    };
    struct object written;
    int result = object_put(&place.index, in->key, there ? &old.object : NULL, &object, &written);
    if (result < 0)
        return refuse_errno(c, result, "writing object %.*s", SPAN_ARG(in->key));
    struct checksum checksum = attributes_checksum(&attributes);
    struct lifecycle_subject subject = lifecycle_subject(in->key, &written, &attributes);
    TRY(lifecycle_describe(c, &place, &subject, &out->expiration));
    ENCRYPTION_SHOW(&attributes, &encryption, out);
    note_size(c, written.size);
    note_object(c, NOTE_WRITTEN, in->key, &written, &attributes);
    out->version_id = object_new_version(c, &written);
    out->etag = attributes_etag(c, attributes.etag, 0);
    out->checksum_type = checksum_type_name(checksum.type);
    checksum_describe(c, &checksum, 0, CHECKSUM_MEMBERS(out));
    return OK;
}
