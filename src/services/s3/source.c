// SPDX-License-Identifier: Apache-2.0
/* Finding, checking and digesting the source of a copy. Workers. */
#include "services/s3/source.h"

#include "base/text.h"
#include "services/cloud.h"
#include "services/s3/access.h"
#include "services/s3/access_point.h"
#include "services/s3/restore.h"
#include "services/s3/s3.api.h"
#include "services/s3/tiering.h"

static RESULT refuse_name(struct call *c, struct span value, const char *message)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), value, "%s", message);
    return refusal_add(c, refusal, S("ArgumentName"), S("x-amz-copy-source"));
}

/* BUCKET/KEY, with an access point's alias for the bucket, or …:accesspoint/NAME/object/KEY. */
static RESULT read_place(struct call *c, struct span text, struct source *out)
{
    struct span rest = text, key;
    struct s3_access_point point;
    if (access_point_read_object_arn(text, &out->reached_by, &key)) {
        TRY(access_point_of_arn(c, out->reached_by, &point));
        out->bucket = point.bucket;
        out->name.key = key;
        return OK;
    }
    out->bucket = span_cut(&rest, '/');
    out->name.key = rest;
    return access_point_resolve(c, &out->bucket, &out->reached_by);
}

/* The source is asked for by the name that it has in the request, whatever names the target. */
static RESULT require_source(struct call *c, const struct source *source)
{
    struct span target = c->reached_by;
    bool version = !span_is_absent(source->name.version_id);
    c->reached_by = source->reached_by;
    const struct refusal *refusal =
        access_require(c, version ? S("s3:GetObjectVersion") : S("s3:GetObject"), source->bucket,
                       source->name.key);
    c->reached_by = target;
    return refusal;
}

RESULT source_read_name(struct call *c, const struct source_name *name, struct source *out)
{
    struct span rest = name->copy_source;
    size_t query = span_find(rest, S("?versionId="));
    struct span version = SPAN_NONE;
    if (query != SPAN_NOT_FOUND) {
        version = span_from(rest, query + S("?versionId=").len);
        rest = span_first(rest, query);
    }
    rest = uri_decode(c->arena, rest);
    if (span_is_absent(rest))
        return refuse_name(c, name->copy_source, "Invalid copy source encoding.");
    if (rest.len && rest.at[0] == '/')
        rest = span_from(rest, 1);
    TRY(read_place(c, rest, out));
    rest = out->name.key;
    out->name.version_id = version;
    out->expected_owner = name->expected_owner;
    out->condition = name->condition;
    if (span_is_empty(rest)) /* S3 gives the header's name as its value, too */
        return refuse_name(c, S("x-amz-copy-source"), "Invalid copy source object key");
    TRY(place_check_key(c, rest));
    TRY(version_check(c, version));
    TRY(encryption_read(c, name->encryption, &out->encryption));
    return require_source(c, out);
}

/* A delete marker by its id is no source. */
static RESULT find_version(struct call *c, struct source *source)
{
    const struct refusal *refusal = object_need(c, &source->place, &source->name, &source->found);
    if (refusal && refusal->kind == &S3_METHOD_NOT_ALLOWED)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The source of a copy request may not specifically refer to a delete marker "
                      "by version id.");
    return refusal;
}

RESULT source_find(struct call *c, struct txn *txn, struct source *source)
{
    struct place_name name = {source->bucket, source->expected_owner};
    TRY(place_open_in(c, txn, name, &source->place));
    TRY(find_version(c, source));
    TRY(encryption_open(c, &source->encryption, ENCRYPTION_OF_OBJECT, &source->found.attributes,
                        &source->place));
    TRY(restore_check_readable(c, &source->found.attributes,
                               "Operation is not valid for the source object's storage class"));
    if (source->place.bucket.tiered && tiering_is_of(source->found.attributes.storage_class)) {
        struct tiering_version version = {source->place.bucket.id, source->name.key,
                                          source->found.object.stamp};
        TRY(tiering_accessed(c, txn, &version));
    }
    return condition_copy(c, &source->condition, source->found.etag,
                          source->found.object.modified_ms);
}

RESULT source_look(struct call *c, struct source *source)
{
    struct txn *txn = txn_begin(c->cloud->store);
    object_lock(txn, &(struct object_key){source->bucket, source->name.key}, 1);
    const struct refusal *refusal = source_find(c, txn, source);
    txn_rollback(txn);
    return refusal;
}

struct span source_version(struct call *c, const struct source *source)
{
    const struct object *object = &source->found.object;
    return object->plain ? SPAN_NONE : version_id(c, object);
}

static void feed(void *user, struct span piece)
{
    digester_feed(user, piece);
}

/* The content under the lock, pinned, so that it can be read without. */
static RESULT pin_range(struct call *c, struct txn *txn, struct source *source,
                        const struct byte_range *range, struct content *out)
{
    TRY(source_find(c, txn, source));
    struct byte_range all = {0, source->found.object.size};
    int result = object_content(&source->place.index, source->name.key, &source->found.object,
                                range ? *range : all, out);
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(source->name.key));
    content_pin(c->cloud->store, out, c->arena);
    return OK;
}

RESULT source_digest(struct call *c, struct source *source, const struct byte_range *range,
                     unsigned digests, struct source_digest *out)
{
    struct content content;
    struct digester digester;
    struct txn *txn = txn_begin(c->cloud->store);
    object_lock(txn, &(struct object_key){source->bucket, source->name.key}, 1);
    const struct refusal *refusal = pin_range(c, txn, source, range, &content);
    txn_rollback(txn);
    TRY(refusal);
    digester_init(&digester, digests);
    int result = content_read(c->cloud->store, &content, feed, &digester);
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(source->name.key));
    digester_finish(&digester, &out->digests);
    out->stamp = source->found.object.stamp;
    return OK;
}

RESULT source_refuse_changed(struct call *c)
{
    return refuse(c, &S3_OPERATION_ABORTED,
                  "A conflicting conditional operation is currently in progress against this "
                  "resource. Please try again.");
}

RESULT source_check(struct call *c, const struct source *source, const struct source_digest *digest)
{
    return source->found.object.stamp == digest->stamp ? OK : source_refuse_changed(c);
}
