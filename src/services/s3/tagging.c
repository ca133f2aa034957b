// SPDX-License-Identifier: Apache-2.0
/*
 * Tags of buckets and objects. Bucket tags are kept in the bucket's record and changed on the
 * control thread; object tags in the object's attributes, under its key's lock on loop threads.
 */
#include "services/s3/s3.api.h"
#include "services/s3/subject.h"
#include "services/s3/tags.h"

#include <errno.h>

RESULT s3_get_bucket_tagging(struct call *c, const struct s3_get_bucket_tagging_in *in,
                             struct s3_get_bucket_tagging_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (bucket.tags.count == 0)
        return refuse_with(c, &S3_NO_SUCH_TAG_SET, S("BucketName"), in->bucket,
                           "The TagSet does not exist");
    tags_describe(c, (struct tags){bucket.tags.at, bucket.tags.count}, &out->tag_set);
    return OK;
}

/* Where tags decide what is allowed, only the operations of S3 Control change them. Source:
 * "Enabling ABAC in general purpose buckets", which does not quote the answer. */
static RESULT check_abac(struct call *c, const struct s3_bucket_record *bucket)
{
    if (!bucket->abac)
        return OK;
    return refuse_with(c, &S3_INVALID_REQUEST, S("BucketName"), bucket->name,
                       "The bucket has ABAC enabled. Use TagResource and UntagResource for its "
                       "tags.");
}

static RESULT set_bucket_tags(struct call *c, struct place_name name, struct tags tags)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, name, &bucket));
    TRY(check_abac(c, &bucket));
    bucket.tags.at = tags.at;
    bucket.tags.count = tags.count;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_put_bucket_tagging(struct call *c, const struct s3_put_bucket_tagging_in *in,
                             struct s3_put_bucket_tagging_out *out)
{
    struct tags tags;
    if (!in->tagging)
        return place_refuse_xml(c);
    TRY(tags_read(c, &in->tagging->tag_set, TAGGED_BUCKET, &tags));
    c->status = 204; /* the model says 200, S3 does not */
    return set_bucket_tags(c, (struct place_name){in->bucket, in->expected_bucket_owner}, tags);
}

RESULT s3_delete_bucket_tagging(struct call *c, const struct s3_delete_bucket_tagging_in *in,
                                struct s3_delete_bucket_tagging_out *out)
{
    return set_bucket_tags(c, (struct place_name){in->bucket, in->expected_bucket_owner},
                           (struct tags){.at = NULL});
}

/* ---- tags as attributes that policies look at ----------------------------------------------- */

RESULT s3_get_bucket_abac(struct call *c, const struct s3_get_bucket_abac_in *in,
                          struct s3_get_bucket_abac_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    out->abac_status = ARENA_NEW(c->arena, struct s3_abac_status);
    out->abac_status->status = bucket.abac ? S("Enabled") : S("Disabled");
    return OK;
}

RESULT s3_put_bucket_abac(struct call *c, const struct s3_put_bucket_abac_in *in,
                          struct s3_put_bucket_abac_out *out)
{
    struct s3_bucket_record bucket;
    if (!in->abac_status || span_is_empty(in->abac_status->status))
        return place_refuse_xml(c);
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    bucket.abac = span_eq(in->abac_status->status, S("Enabled"));
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

/* ---- tags of objects ------------------------------------------------------------------------ */

RESULT s3_get_object_tagging(struct call *c, const struct s3_get_object_tagging_in *in,
                             struct s3_get_object_tagging_out *out)
{
    struct place place;
    struct object_found found;
    struct object_name name = {in->key, in->version_id};
    TRY(place_check_key(c, in->key));
    TRY(object_open_place(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &name,
                          &place));
    TRY(object_need_subject(c, &place, &name, &found));
    out->version_id = object_shown_version(c, &place, &found.object);
    tags_describe(c, (struct tags){found.attributes.tags.at, found.attributes.tags.count},
                  &out->tag_set);
    return OK;
}

struct tags_change {
    struct place_name bucket;
    struct object_name name;
    struct tags tags;
};

static RESULT set_object_tags(struct call *c, const struct tags_change *change,
                              struct span *ret_version_id)
{
    struct subject subject;
    TRY(subject_find(c, change->bucket, change->name, &subject));
    *ret_version_id = object_shown_version(c, &subject.place, &subject.found.object);
    subject.found.attributes.tags.at = change->tags.at;
    subject.found.attributes.tags.count = change->tags.count;
    subject_write(c, &subject);
    return OK;
}

RESULT s3_put_object_tagging(struct call *c, const struct s3_put_object_tagging_in *in,
                             struct s3_put_object_tagging_out *out)
{
    struct tags_change change = {.bucket = SUBJECT_BUCKET(in), .name = SUBJECT_NAME(in)};
    if (!in->tagging)
        return place_refuse_xml(c);
    TRY(tags_read(c, &in->tagging->tag_set, TAGGED_OBJECT, &change.tags));
    return set_object_tags(c, &change, &out->version_id);
}

RESULT s3_delete_object_tagging(struct call *c, const struct s3_delete_object_tagging_in *in,
                                struct s3_delete_object_tagging_out *out)
{
    struct tags_change change = {.bucket = SUBJECT_BUCKET(in), .name = SUBJECT_NAME(in)};
    return set_object_tags(c, &change, &out->version_id);
}
