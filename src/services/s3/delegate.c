// SPDX-License-Identifier: Apache-2.0
/*
 * Objects for other services: what they read and write for their callers goes through the handlers
 * that clients meet, after the caller's permission was asked for. Bodies are in memory; above what
 * fits into a record they are written to an extent, under the key's lock like everywhere. Workers:
 * both ways block.
 */
#include "services/s3/s3.h"

#include "auth/identity.h"
#include "services/s3/access.h"
#include "services/s3/object.h"
#include "services/s3/s3.api.h"
#include "store/draft.h"

#include <errno.h>

/* The call as one to S3, in the bucket's region. */
static RESULT begin(struct call *c, const struct s3_subject *subject, struct call *ret)
{
    struct s3_bucket_record bucket;
    *ret = *c;
    ret->service = &s3_service;
    ret->protocol = s3_service.protocol;
    TRY(access_find_bucket(ret, c->txn, subject->bucket, &bucket));
    ret->region = bucket.region;
    return OK;
}

static RESULT take_body(struct call *c, const struct s3_subject *subject, struct span bytes,
                        struct body_plan *plan, struct s3_put_object_in *in)
{
    size_t count = (bytes.len + EXTENT_MAX - 1) / EXTENT_MAX;
    struct extent *extents = ARENA_ARRAY(c->arena, struct extent, count);
    int error = 0;
    in->body.len = bytes.len;
    if (bytes.len <= DRAFT_INLINE_MAX) {
        in->body.bytes = bytes;
        return OK;
    }
    object_lock(c->txn, &(struct object_key){subject->bucket, subject->key}, 1);
    for (size_t i = 0; i < count && !error; i++)
        error = extent_write(c->txn, span_first(span_from(bytes, i * EXTENT_MAX), EXTENT_MAX),
                             plan->sealed ? EXTENT_SEALED : EXTENT_PLAIN, &extents[i]);
    if (error < 0)
        return refuse_errno(c, error, "writing object %.*s", SPAN_ARG(subject->key));
    in->body.extents = extents;
    in->body.extent_count = count;
    return OK;
}

RESULT s3_write(struct call *c, const struct s3_subject *subject, const struct s3_writing *writing,
                struct span *ret_etag)
{
    struct call own;
    struct digester digester;
    struct digests digests;
    struct body_plan plan;
    struct s3_put_object_out *out = ARENA_NEW(c->arena, struct s3_put_object_out);
    struct s3_put_object_in *in = ARENA_NEW(c->arena, struct s3_put_object_in);
    *in = (struct s3_put_object_in){.bucket = subject->bucket,
                                    .key = subject->key,
                                    .expected_bucket_owner = subject->owner,
                                    .server_side_encryption = writing->encryption,
                                    .storage_class = writing->storage_class,
                                    .content_type = writing->content_type};
    TRY(begin(c, subject, &own));
    TRY(access_require(&own, S("s3:PutObject"), subject->bucket, subject->key));
    TRY(s3_put_object_admit(&own, in, &plan));
    digester_init(&digester, plan.digests);
    digester_feed(&digester, writing->bytes);
    digester_finish(&digester, &digests);
    in->body.digests = &digests;
    TRY(take_body(&own, subject, writing->bytes, &plan, in));
    TRY(s3_put_object(&own, in, out));
    *ret_etag = out->etag;
    return OK;
}

RESULT s3_may_write(struct call *c, const struct s3_subject *subject, struct span *ret_region)
{
    struct call own;
    struct s3_bucket_record bucket;
    TRY(begin(c, subject, &own));
    TRY(place_record(&own, (struct place_name){subject->bucket, subject->owner}, &bucket));
    *ret_region = bucket.region;
    return access_require(&own, S("s3:PutObject"), subject->bucket, subject->key);
}

/* ---- reading -------------------------------------------------------------------------------- */

static int fetch(struct store *store, const struct extent_part *part, struct buf *out)
{
    char *room = buf_room(out, part->len);
    if (!room)
        return -EMSGSIZE;
    int error = extent_fetch(store, part, room);
    if (!error)
        out->len += part->len;
    return error;
}

static int fetch_body(struct store *store, const struct body *body, struct buf *out)
{
    int error = 0;
    for (size_t i = 0; i < body->part_count && !error; i++)
        error = fetch(store, &body->parts[i], out);
    for (size_t i = 0; i < body->extent_count && !error; i++)
        error = fetch(store,
                      &(struct extent_part){.extent = body->extents[i],
                                            .len = extent_size(&body->extents[i])},
                      out);
    buf_append(out, body->bytes);
    return error;
}

RESULT s3_read(struct call *c, const struct s3_subject *subject, struct s3_reading *reading,
               struct buf *out)
{
    struct call own;
    struct s3_head_object_out *head = ARENA_NEW(c->arena, struct s3_head_object_out);
    struct s3_get_object_out *got = ARENA_NEW(c->arena, struct s3_get_object_out);
    struct s3_head_object_in about = {
        .bucket = subject->bucket, .key = subject->key, .expected_bucket_owner = subject->owner};
    struct s3_get_object_in in = {
        .bucket = subject->bucket, .key = subject->key, .expected_bucket_owner = subject->owner};
    TRY(begin(c, subject, &own));
    TRY(access_require(&own, S("s3:GetObject"), subject->bucket, subject->key));
    TRY(s3_head_object(&own, &about, head));
    reading->size = (uint64_t)head->content_length;
    reading->etag = head->etag;
    if (reading->from >= reading->size)
        return OK;
    in.if_match = head->etag;
    in.range = arena_printf(c->arena, "bytes=%llu-%llu", (unsigned long long)reading->from,
                            (unsigned long long)(reading->from + reading->most - 1));
    TRY(s3_get_object(&own, &in, got));
    int error = fetch_body(txn_store(c->txn), &got->body, out);
    return error < 0 ? refuse_errno(&own, error, "reading object %.*s", SPAN_ARG(subject->key))
                     : OK;
}

RESULT s3_list(struct call *c, const struct s3_subject *subject, struct span after,
               struct s3_listed *ret)
{
    struct call own;
    struct s3_list_objects_v2_out *out = ARENA_NEW(c->arena, struct s3_list_objects_v2_out);
    const struct s3_list_objects_v2_in in = {.bucket = subject->bucket,
                                             .prefix = subject->key,
                                             .start_after = after,
                                             .expected_bucket_owner = subject->owner};
    TRY(begin(c, subject, &own));
    TRY(access_require(&own, S("s3:ListBucket"), subject->bucket, SPAN_NONE));
    TRY(s3_list_objects_v2(&own, &in, out));
    ret->keys = ARENA_ARRAY(c->arena, struct span, out->contents.count);
    ret->sizes = ARENA_ARRAY(c->arena, uint64_t, out->contents.count);
    ret->count = out->contents.count;
    ret->more = out->is_truncated;
    for (size_t i = 0; i < ret->count; i++) {
        ret->keys[i] = out->contents.at[i].key;
        ret->sizes[i] = (uint64_t)out->contents.at[i].size;
    }
    return OK;
}
