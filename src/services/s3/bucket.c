// SPDX-License-Identifier: Apache-2.0
/*
 * Buckets: made, listed, deleted. Their names are one name space for all accounts, kept unique by
 * the control thread on which everything here runs but the reads. A bucket's number in the object
 * engine is never used again, so nothing of a deleted bucket can show up in a new one of its name.
 */
#include "auth/identity.h"
#include "base/text.h"
#include "engines/tally/tally.h"
#include "services/cloud.h"
#include "services/s3/acl.h"
#include "services/s3/analytics.h"
#include "services/s3/configuration.h"
#include "services/s3/document.h"
#include "services/s3/metrics.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"
#include "services/s3/tags.h"
#include "services/s3/tiering.h"
#include "services/s3/version.h"
#include "wire/region.h"

#include <errno.h>

#define BUCKETS_MAX 10000 /* of an account: the default quota */
#define EU S("EU")        /* the old name of eu-west-1, which S3 keeps */

/* ---- CreateBucket --------------------------------------------------------------------------- */

static RESULT refuse_incompatible(struct call *c, struct span constraint)
{
    return refuse(c, &S3_ILLEGAL_LOCATION_CONSTRAINT_EXCEPTION,
                  "The %.*s location constraint is incompatible for the region specific endpoint "
                  "this request was sent to.",
                  SPAN_ARG(constraint));
}

/* Which constraint fits which endpoint (CreateBucket, LocationConstraint). */
static RESULT check_constraint(struct call *c, struct span constraint)
{
    bool first = span_eq(c->region, S("us-east-1"));
    if (span_is_absent(constraint))
        return first ? OK : refuse_incompatible(c, S("unspecified"));
    bool known = (region_known(constraint) && !span_eq(constraint, S("us-east-1"))) ||
                 span_eq(constraint, EU);
    if (first && !known)
        return refuse_with(c, &S3_INVALID_LOCATION_CONSTRAINT, S("LocationConstraint"), constraint,
                           "The specified location-constraint is not valid");
    bool fits = first || span_eq(constraint, c->region) ||
                (span_eq(constraint, EU) && span_eq(c->region, S("eu-west-1")));
    return fits && known ? OK : refuse_incompatible(c, constraint);
}

/* The counter's next value, or -errno. */
static int64_t counter_add(struct call *c, struct span name, int64_t by)
{
    struct s3_counter counter = {.name = name};
    int result = s3_counter_get(c->txn, c->arena, &counter);
    if (result < 0 && result != -ENOENT)
        return result;
    counter.value += (uint64_t)by;
    s3_counter_put(c->txn, &counter);
    return (int64_t)counter.value;
}

static struct span owned_counter(struct call *c)
{
    return arena_printf(c->arena, "buckets of %.*s", SPAN_ARG(c->account));
}

static RESULT insert(struct call *c, struct s3_bucket_record *bucket)
{
    int64_t owned = counter_add(c, owned_counter(c), 1);
    int64_t id = counter_add(c, S("bucket ids"), 1);
    if (owned < 0 || id < 0)
        return refuse_errno(c, owned < 0 ? (int)owned : (int)id, "counting buckets");
    if (owned > BUCKETS_MAX)
        return refuse(c, &S3_TOO_MANY_BUCKETS,
                      "You have attempted to create more buckets than allowed");
    bucket->id = (uint64_t)id;
    TRY(acl_of_new_bucket(c, bucket));
    s3_bucket_record_put(c->txn, bucket);
    s3_owned_bucket_put(
        c->txn,
        &(struct s3_owned_bucket){.account = bucket->account, .name = bucket->name, .here = true});
    return OK;
}

static struct span location_of(struct call *c, const struct s3_bucket_record *bucket)
{
    if (span_eq(c->region, S("us-east-1")) && span_eq(bucket->region, S("us-east-1")))
        return arena_printf(c->arena, "/%.*s", SPAN_ARG(bucket->name));
    return arena_printf(c->arena, "http://%.*s.%.*s/", SPAN_ARG(bucket->name), SPAN_ARG(c->host));
}

/* There is one already: whose? In us-east-1 making one's own again is no error. */
static RESULT check_existing(struct call *c, const struct s3_bucket_record *bucket)
{
    if (!span_eq(bucket->account, c->account))
        return refuse_with(c, &S3_BUCKET_ALREADY_EXISTS, S("BucketName"), bucket->name,
                           "The requested bucket name is not available. The bucket namespace is "
                           "shared by all users of the system. Please select a different name and "
                           "try again.");
    if (span_eq(bucket->region, S("us-east-1")) && span_eq(c->region, S("us-east-1")))
        return OK;
    return refuse_with(c, &S3_BUCKET_ALREADY_OWNED_BY_YOU, S("BucketName"), bucket->name,
                       "Your previous request to create the named bucket succeeded and you already "
                       "own it.");
}

static RESULT read_configuration(struct call *c, const struct s3_create_bucket_configuration *wish,
                                 struct s3_bucket_record *bucket)
{
    struct span constraint = wish ? wish->location_constraint : SPAN_NONE;
    struct tags tags = {.count = 0};
    TRY(check_constraint(c, constraint));
    if (wish && (wish->location || wish->bucket))
        return refuse(c, &S3_NOT_IMPLEMENTED, "Directory buckets are not implemented");
    if (wish)
        TRY(tags_read(c, &wish->tags, TAGGED_NEW_BUCKET, &tags));
    if (tags.count)
        TRY(auth_require(c, S("s3:TagResource"), place_arn(c, bucket->name, SPAN_NONE), NULL,
                         SPAN_NONE));
    bucket->tags = (struct s3_pair_list){tags.at, tags.count};
    bucket->eu = span_eq(constraint, EU);
    bucket->region = bucket->eu                   ? S("eu-west-1")
                     : span_is_absent(constraint) ? c->region
                                                  : constraint;
    return OK;
}

static RESULT read_ownership(struct call *c, struct span name, struct s3_bucket_record *bucket)
{
    if (span_is_absent(name) || public_access_ownership(name, &bucket->ownership))
        return OK;
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("x-amz-object-ownership"),
                       "Invalid x-amz-object-ownership header: %.*s", SPAN_ARG(name));
}

/* Object lock comes with versions and takes the permissions for both. */
static RESULT enable_lock(struct call *c, struct s3_bucket_record *bucket)
{
    struct span arn = place_arn(c, bucket->name, SPAN_NONE);
    TRY(auth_require(c, S("s3:PutBucketObjectLockConfiguration"), arn, NULL, SPAN_NONE));
    TRY(auth_require(c, S("s3:PutBucketVersioning"), arn, NULL, SPAN_NONE));
    bucket->locks = true;
    bucket->versioning = VERSIONING_ENABLED;
    return OK;
}

RESULT s3_create_bucket(struct call *c, const struct s3_create_bucket_in *in,
                        struct s3_create_bucket_out *out)
{
    struct s3_bucket_record bucket = {.name = in->bucket, .account = c->account}, old = bucket;
    TRY(place_check_headers(c));
    if (!place_name_is_valid(in->bucket))
        return place_refuse_name(c, in->bucket);
    TRY(read_configuration(c, in->create_bucket_configuration, &bucket));
    TRY(read_ownership(c, in->object_ownership, &bucket));
    bucket.created = c->now_ms;
    if (in->has.object_lock_enabled_for_bucket && in->object_lock_enabled_for_bucket)
        TRY(enable_lock(c, &bucket));
    int result = s3_bucket_record_get(c->txn, c->arena, &old);
    if (result < 0 && result != -ENOENT)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(in->bucket));
    TRY(result == 0 ? check_existing(c, &old) : insert(c, &bucket));
    out->location = location_of(c, result == 0 ? &old : &bucket);
    out->bucket_arn = place_arn(c, in->bucket, SPAN_NONE);
    c->audit_resource = out->bucket_arn;
    return OK;
}

/* ---- DeleteBucket --------------------------------------------------------------------------- */

RESULT s3_delete_bucket(struct call *c, const struct s3_delete_bucket_in *in,
                        struct s3_delete_bucket_out *out)
{
    struct place place;
    object_lock_bucket(c->txn, in->bucket);
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    if (place.bucket.access_points)
        return refuse_with(c, &S3_BUCKET_HAS_ACCESS_POINTS_ATTACHED, S("BucketName"), in->bucket,
                           "The bucket you tried to delete has access points attached. Delete "
                           "your access points before deleting your bucket.");
    int empty = object_bucket_is_empty(&place.index);
    if (empty == 0)
        return refuse_with(c, &S3_BUCKET_NOT_EMPTY, S("BucketName"), in->bucket,
                           "The bucket you tried to delete is not empty%s",
                           place.bucket.versioning == VERSIONING_NONE
                               ? ""
                               : ". You must delete all versions in the bucket.");
    int result = empty < 0 ? empty : object_bucket_clear(&place.index);
    int64_t owned = counter_add(c, owned_counter(c), -1);
    if (result < 0 || owned < 0)
        return refuse_errno(c, result < 0 ? result : (int)owned, "deleting bucket %.*s",
                            SPAN_ARG(in->bucket));
    document_delete_all(c, &place.bucket);
    TRY(configuration_delete_all(c, &place.bucket));
    TRY(tiering_forget(c, &place.bucket));
    TRY(analytics_forget(c, &place.bucket));
    tally_drop(c->cloud->s3_requests, metrics_rows(c->arena, in->bucket));
    s3_lifecycle_delete(c->txn, &(struct s3_lifecycle){.bucket = in->bucket});
    s3_sweep_delete(c->txn, &(struct s3_sweep){.bucket = in->bucket});
    s3_bucket_record_delete(c->txn, &place.bucket);
    s3_owned_bucket_delete(
        c->txn, &(struct s3_owned_bucket){.account = place.bucket.account, .name = in->bucket});
    c->audit_resource = place_arn(c, in->bucket, SPAN_NONE);
    return OK;
}

/* ---- ListBuckets ---------------------------------------------------------------------------- */

struct bucket_page {
    struct call *c;
    const struct s3_list_buckets_in *in;
    struct s3_list_buckets_out *out;
    size_t limit, room;
    bool more;
    int error;
};

static void show(struct bucket_page *page, const struct s3_bucket_record *bucket)
{
    struct s3_buckets *buckets = &page->out->buckets;
    if (buckets->count == page->room) {
        size_t room = page->room ? 2 * page->room : 16;
        struct s3_bucket *at = ARENA_ARRAY(page->c->arena, struct s3_bucket, room);
        if (page->room)
            memcpy(at, buckets->at, page->room * sizeof *at);
        buckets->at = at;
        page->room = room;
    }
    struct s3_bucket *entry = &buckets->at[buckets->count++];
    *entry = (struct s3_bucket){
        .name = bucket->name,
        .bucket_region = bucket->region,
        .bucket_arn = place_arn(page->c, bucket->name, SPAN_NONE),
    };
    SET(entry, creation_date, bucket->created / 1000 * 1000); /* whole seconds, as S3 */
}

static int visit(void *user, struct s3_owned_bucket *owned)
{
    struct bucket_page *page = user;
    struct s3_bucket_record bucket = {.name = owned->name};
    if (!span_starts(owned->name, page->in->prefix))
        return 1;
    int result = s3_bucket_record_get(page->c->txn, page->c->arena, &bucket);
    if (result < 0)
        return result;
    if (!span_is_absent(page->in->bucket_region) &&
        !span_eq(bucket.region, page->in->bucket_region))
        return 0;
    page->more = page->out->buckets.count == page->limit;
    if (!page->more)
        show(page, &bucket);
    return page->more;
}

static RESULT refuse_argument(struct call *c, struct span name, const char *format, ...)
    PRINTF_LIKE(3, 4);

static RESULT refuse_argument(struct call *c, struct span name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(c->arena, format, args);
    va_end(args);
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), name, "%.*s", SPAN_ARG(message));
}

/* Where the page begins: at the prefix, or behind the last name of the page before. */
static RESULT read_start(struct call *c, const struct s3_list_buckets_in *in, struct span *out)
{
    *out = span_is_absent(in->prefix) ? S("") : in->prefix;
    if (span_is_empty(in->continuation_token))
        return OK;
    struct span last = base64_decode(c->arena, in->continuation_token);
    if (!place_name_is_valid(last))
        return refuse_argument(c, S("continuation-token"),
                               "The continuation token provided is incorrect");
    struct span behind[] = {last, S("\0")};
    *out = arena_join(c->arena, behind, ARRAY_LEN(behind));
    return OK;
}

RESULT s3_list_buckets(struct call *c, const struct s3_list_buckets_in *in,
                       struct s3_list_buckets_out *out)
{
    struct bucket_page page = {.c = c, .in = in, .out = out, .limit = BUCKETS_MAX};
    struct s3_owned_bucket from = {.account = c->account};
    if (in->has.max_buckets && (in->max_buckets < 1 || in->max_buckets > BUCKETS_MAX))
        return refuse_argument(c, S("max-buckets"),
                               "Argument max-buckets must be an integer between 1 and 10000");
    if (!span_is_absent(in->bucket_region) && !region_known(in->bucket_region))
        return refuse_argument(c, S("bucket-region"),
                               "Argument value %.*s is not a valid AWS Region",
                               SPAN_ARG(in->bucket_region));
    if (in->has.max_buckets)
        page.limit = (size_t)in->max_buckets;
    TRY(read_start(c, in, &from.name));
    out->buckets.at = ARENA_ARRAY(c->arena, struct s3_bucket, 0);
    int result = s3_owned_bucket_each(c->txn, &from, 1, c->arena, visit, &page);
    if (result < 0)
        return refuse_errno(c, result, "listing buckets");
    out->owner = ARENA_NEW(c->arena, struct s3_owner);
    out->owner->id = place_owner_id(c, c->account);
    out->prefix = in->prefix;
    if (page.more)
        out->continuation_token = base64_of(c->arena, out->buckets.at[out->buckets.count - 1].name);
    return OK;
}

/* ---- looking at one ------------------------------------------------------------------------- */

RESULT s3_head_bucket(struct call *c, const struct s3_head_bucket_in *in,
                      struct s3_head_bucket_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    out->bucket_region = bucket.region;
    out->bucket_arn = place_arn(c, in->bucket, SPAN_NONE);
    SET(out, access_point_alias, false);
    return OK;
}

RESULT s3_get_bucket_location(struct call *c, const struct s3_get_bucket_location_in *in,
                              struct s3_get_bucket_location_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (bucket.eu)
        out->location_constraint = EU;
    else if (span_eq(bucket.region, S("us-east-1")))
        out->location_constraint = S(""); /* the first region has no name here */
    else
        out->location_constraint = bucket.region;
    return OK;
}
