// SPDX-License-Identifier: Apache-2.0
/* Condition keys of S3 requests: read when a policy asks, but for tags. Any thread. */
#include "services/s3/condition_keys.h"

#include "auth/condition.h"
#include "base/scope.h"
#include "base/time.h"
#include "services/s3/access.h"
#include "services/s3/access_point.h"
#include "services/s3/object.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"
#include "services/s3/tags.h"

static struct span auth_type(struct call *c, struct arena *arena)
{
    static const struct span names[] = {
        [SIGNED_BY_NOBODY] = {NULL, 0},
        [SIGNED_BY_HEADER] = S_INIT("REST-HEADER"),
        [SIGNED_BY_QUERY] = S_INIT("REST-QUERY-STRING"),
        [SIGNED_BY_FORM] = S_INIT("POST"),
    };
    return names[c->signature.by];
}

static struct span signature_version(struct call *c, struct arena *arena)
{
    return c->signature.version == 4   ? S("AWS4-HMAC-SHA256")
           : c->signature.version == 2 ? S("AWS")
                                       : SPAN_NONE;
}

static struct span signature_age(struct call *c, struct arena *arena)
{
    if (c->signature.version != 4)
        return SPAN_NONE;
    return arena_printf(arena, "%lld", (long long)(c->now_ms - c->signature.time_ms));
}

static struct span content_sha256(struct call *c, struct arena *arena)
{
    return header_get(c->request_headers, S("x-amz-content-sha256"));
}

static struct span access_point_arn(struct call *c, struct arena *arena)
{
    return access_point_in_question(c);
}

static struct span access_point_account(struct call *c, struct arena *arena)
{
    struct span rest = access_point_in_question(c), account = SPAN_NONE;
    for (int part = 0; part < 5 && !span_is_absent(rest); part++) /* arn:aws:s3:REGION:ACCOUNT */
        account = span_cut(&rest, ':');
    return account;
}

/* 0x0301 is 1.0. */
static struct span tls_version(struct call *c, struct arena *arena)
{
    return c->tls ? arena_printf(arena, "1.%d", (c->tls & 0xff) - 1) : SPAN_NONE;
}

static struct span access_point_network(struct call *c, struct arena *arena)
{
    return access_point_origin(c);
}

/* A bucket's object, or the same named by the access point. */
static bool asked_object(struct call *c, struct span *ret_bucket, struct span *ret_key)
{
    struct span arn;
    struct s3_access_point point;
    if (access_read_arn(c->asked_resource, ret_bucket, ret_key))
        return true;
    if (!access_point_read_object_arn(c->asked_resource, &arn, ret_key) ||
        access_point_of_arn(c, arn, &point))
        return false;
    *ret_bucket = point.bucket;
    return true;
}

/* Policies write the tag's key in any case. */
static struct span tag_named(const struct s3_pair_list *tags, struct span name)
{
    for (size_t i = 0; i < tags->count; i++)
        if (span_eq_nocase(tags->at[i].key, name))
            return tags->at[i].value;
    return SPAN_NONE;
}

/* Of the object that the permission is asked for. */
static struct span existing_tag(struct call *c, struct span name)
{
    struct place place;
    struct object_found found;
    struct object_name object = {.version_id = condition_key_version(c)};
    struct span bucket;
    bool there = false;
    if (!asked_object(c, &bucket, &object.key) || span_is_empty(object.key) ||
        place_open_in(c, c->txn, (struct place_name){.bucket = bucket}, &place) != OK ||
        object_find_version(c, &place, &object, &found, &there) != OK || !there)
        return SPAN_NONE;
    return tag_named(&found.attributes.tags, name);
}

/* Of the bucket that the permission is about, also where an access point names it; once the bucket
 * has ABAC enabled. Source: "Using tags with S3 general purpose buckets". */
static struct span bucket_tag(struct call *c, struct span name)
{
    struct s3_access_point point;
    struct s3_bucket_record bucket = {.abac = false};
    struct span key;
    bool direct = access_read_arn(c->asked_resource, &bucket.name, &key);
    if (!direct && (span_is_absent(c->reached_by) || access_point_of_arn(c, c->reached_by, &point)))
        return SPAN_NONE;
    if (!direct)
        bucket.name = point.bucket;
    if (s3_bucket_record_get(c->txn, c->arena, &bucket) != 0 || !bucket.abac)
        return SPAN_NONE;
    return tag_named(&bucket.tags, name);
}

/* Source: "Using tags with S3 Access Points for general purpose buckets". */
static struct span access_point_tag(struct call *c, struct span name)
{
    struct s3_access_point point;
    struct span arn = access_point_in_question(c);
    if (span_is_absent(arn) || access_point_of_arn(c, arn, &point))
        return SPAN_NONE;
    return tag_named(&point.tags, name);
}

/* Of what the permission's ARN names. */
static struct span resource_tag(struct call *c, struct span name)
{
    struct span bucket, key;
    return access_read_arn(c->asked_resource, &bucket, &key) ? bucket_tag(c, name)
                                                             : access_point_tag(c, name);
}

/* Of the writes that take s3:PutObject, those that make an object at once. Source: "Enforce
 * conditional writes on Amazon S3 buckets". */
static struct span creation(struct call *c, struct arena *arena)
{
    static const struct span creating[] = {S_INIT("CompleteMultipartUpload"), S_INIT("CopyObject"),
                                           S_INIT("PostObject"), S_INIT("PutObject")};
    static const struct span preparing[] = {S_INIT("CreateMultipartUpload"), S_INIT("UploadPart"),
                                            S_INIT("UploadPartCopy")};
    struct span operation = service_text(c->service, c->operation->name);
    for (size_t i = 0; i < ARRAY_LEN(creating); i++)
        if (span_eq(operation, creating[i]))
            return S("true");
    for (size_t i = 0; i < ARRAY_LEN(preparing); i++)
        if (span_eq(operation, preparing[i]))
            return S("false");
    return SPAN_NONE;
}

struct span condition_key_version(struct call *c)
{
    if (c->condition_input)
        condition_from_input(c, TAKE(c->condition_input));
    const struct condition_value *named = condition_get(c, S("s3:versionid"));
    return named ? named->values[0] : SPAN_NONE;
}

struct span s3_condition(struct call *c, struct span key, struct arena *arena)
{
    static const struct {
        struct span key;
        struct span (*read)(struct call *c, struct arena *arena);
    } keys[] = {
        {S_INIT("s3:accesspointnetworkorigin"), access_point_network},
        {S_INIT("s3:authtype"), auth_type},
        {S_INIT("s3:dataaccesspointaccount"), access_point_account},
        {S_INIT("s3:dataaccesspointarn"), access_point_arn},
        {S_INIT("s3:objectcreationoperation"), creation},
        {S_INIT("s3:signatureage"), signature_age},
        {S_INIT("s3:signatureversion"), signature_version},
        {S_INIT("s3:tlsversion"), tls_version},
        {S_INIT("s3:x-amz-content-sha256"), content_sha256},
    };
    static const struct {
        struct span prefix;
        struct span (*read)(struct call *c, struct span name);
    } tags[] = {
        {S_INIT("aws:resourcetag/"), resource_tag},
        {S_INIT("s3:accesspointtag/"), access_point_tag},
        {S_INIT("s3:buckettag/"), bucket_tag},
        {S_INIT("s3:existingobjecttag/"), existing_tag},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (span_eq(key, keys[i].key))
            return keys[i].read(c, arena);
    for (size_t i = 0; i < ARRAY_LEN(tags); i++)
        if (span_starts(key, tags[i].prefix))
            return tags[i].read(c, span_from(key, tags[i].prefix.len));
    return SPAN_NONE;
}

/* NAME/key for each tag, and all keys by themselves. */
static void note_tags(struct call *c, const char *name, const char *keys_name,
                      const struct tags *tags)
{
    struct span *keys = ARENA_ARRAY(c->arena, struct span, tags->count);
    for (size_t i = 0; i < tags->count; i++) {
        keys[i] = tags->at[i].key;
        condition_set_one(c, arena_printf(c->arena, "%s/%.*s", name, SPAN_ARG(keys[i])),
                          tags->at[i].value);
    }
    if (tags->count)
        condition_set(c, span_of_cstr(keys_name), keys, tags->count);
}

static void note_object_tags(struct call *c, const struct tags *tags)
{
    note_tags(c, "s3:RequestObjectTag", "s3:RequestObjectTagKeys", tags);
}

static void note_retention(struct call *c, int64_t until)
{
    char date[TIME_TEXT_SIZE];
    if (until == TIME_NONE)
        return;
    double days = (double)(until - c->now_ms) / DAY_MS;
    condition_set_one(c, S("s3:object-lock-retain-until-date"),
                      arena_copy(c->arena, time_iso8601(until, date)));
    condition_set_one(c, S("s3:object-lock-remaining-retention-days"),
                      arena_printf(c->arena, "%.6f", days));
}

static RESULT note_put_retention(struct call *c, const void *in)
{
    const struct s3_put_object_retention_in *put = in;
    if (!put->retention)
        return OK;
    condition_set_one(c, S("s3:object-lock-mode"), put->retention->mode);
    if (put->retention->has.retain_until_date)
        note_retention(c, put->retention->retain_until_date);
    return OK;
}

static RESULT note_put_hold(struct call *c, const void *in)
{
    const struct s3_put_object_legal_hold_in *put = in;
    if (put->legal_hold)
        condition_set_one(c, S("s3:object-lock-legal-hold"), put->legal_hold->status);
    return OK;
}

static RESULT note_put_tags(struct call *c, const void *in)
{
    struct tags tags = {.count = 0};
    const struct s3_put_object_tagging_in *put = in;
    if (put->tagging)
        TRY(tags_read(c, &put->tagging->tag_set, TAGGED_OBJECT, &tags));
    note_object_tags(c, &tags);
    return OK;
}

static RESULT note_new_bucket(struct call *c, const void *in)
{
    struct tags tags = {.count = 0};
    const struct s3_create_bucket_in *create = in;
    const struct s3_create_bucket_configuration *wish = create->create_bucket_configuration;
    if (!wish)
        return OK;
    condition_set_one(c, S("s3:LocationConstraint"), wish->location_constraint);
    if (tags_read(c, &wish->tags, TAGGED_NEW_BUCKET, &tags) == OK) /* else the handler refuses */
        note_tags(c, "aws:RequestTag", "aws:TagKeys", &tags);
    return OK;
}

static RESULT note_inventory(struct call *c, const void *in)
{
    const struct s3_put_bucket_inventory_configuration_in *put = in;
    if (put->inventory_configuration)
        condition_set(c, S("s3:InventoryAccessibleOptionalFields"),
                      put->inventory_configuration->optional_fields.at,
                      put->inventory_configuration->optional_fields.count);
    return OK;
}

static RESULT note_headers(struct call *c)
{
    struct tags tags;
    struct span until = header_get(c->request_headers, S("x-amz-object-lock-retain-until-date"));
    TRY(tags_read_header(c, header_get(c->request_headers, S("x-amz-tagging")), &tags));
    note_object_tags(c, &tags);
    note_retention(c, span_is_absent(until) ? TIME_NONE : time_parse_iso8601(until));
    return OK;
}

RESULT condition_keys_note(struct call *c, const void *in)
{
    static const struct {
        struct span operation;
        const struct refusal *(*note)(struct call *c, const void *in);
    } bodies[] = {
        {S_INIT("CreateBucket"), note_new_bucket},
        {S_INIT("PutBucketInventoryConfiguration"), note_inventory},
        {S_INIT("PutObjectLegalHold"), note_put_hold},
        {S_INIT("PutObjectRetention"), note_put_retention},
        {S_INIT("PutObjectTagging"), note_put_tags},
    };
    struct span operation = service_text(c->service, c->operation->name);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (span_eq(operation, bodies[i].operation))
            return bodies[i].note(c, in);
    return note_headers(c);
}
