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
#include "services/s3/tags.h"

#define DAY_MS 86400000.0

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
    return c->reached_by;
}

static struct span access_point_account(struct call *c, struct arena *arena)
{
    struct span rest = c->reached_by, account = SPAN_NONE;
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

/* Of the object that the permission is asked for. Policies write the tag's key in any case. */
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
    for (size_t i = 0; i < found.attributes.tags.count; i++)
        if (span_eq_nocase(found.attributes.tags.at[i].key, name))
            return found.attributes.tags.at[i].value;
    return SPAN_NONE;
}

struct span condition_key_version(struct call *c)
{
    if (c->condition_input)
        condition_from_input(c, TAKE(c->condition_input));
    const struct condition_value *named = condition_get(c, S("s3:versionid"));
    return named ? named->values[0] : SPAN_NONE;
}

struct span condition_key_read(struct call *c, struct span key, struct arena *arena)
{
    static const struct {
        struct span key;
        struct span (*read)(struct call *c, struct arena *arena);
    } keys[] = {
        {S_INIT("s3:accesspointnetworkorigin"), access_point_network},
        {S_INIT("s3:authtype"), auth_type},
        {S_INIT("s3:dataaccesspointaccount"), access_point_account},
        {S_INIT("s3:dataaccesspointarn"), access_point_arn},
        {S_INIT("s3:signatureage"), signature_age},
        {S_INIT("s3:signatureversion"), signature_version},
        {S_INIT("s3:tlsversion"), tls_version},
        {S_INIT("s3:x-amz-content-sha256"), content_sha256},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (span_eq(key, keys[i].key))
            return keys[i].read(c, arena);
    struct span tag = S("s3:existingobjecttag/");
    return span_starts(key, tag) ? existing_tag(c, span_from(key, tag.len)) : SPAN_NONE;
}

static void note_tags(struct call *c, const struct tags *tags)
{
    struct span *keys = ARENA_ARRAY(c->arena, struct span, tags->count);
    for (size_t i = 0; i < tags->count; i++) {
        keys[i] = tags->at[i].key;
        condition_set_one(c, arena_printf(c->arena, "s3:RequestObjectTag/%.*s", SPAN_ARG(keys[i])),
                          tags->at[i].value);
    }
    if (tags->count)
        condition_set(c, S("s3:RequestObjectTagKeys"), keys, tags->count);
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

/* What a request asks of object lock, in headers or in its body. */
static void note_lock(struct call *c, struct span operation, const void *in)
{
    if (span_eq(operation, S("PutObjectRetention"))) {
        const struct s3_put_object_retention_in *put = in;
        if (!put->retention)
            return;
        condition_set_one(c, S("s3:object-lock-mode"), put->retention->mode);
        if (put->retention->has.retain_until_date)
            note_retention(c, put->retention->retain_until_date);
    } else if (span_eq(operation, S("PutObjectLegalHold"))) {
        const struct s3_put_object_legal_hold_in *put = in;
        if (put->legal_hold)
            condition_set_one(c, S("s3:object-lock-legal-hold"), put->legal_hold->status);
    } else {
        struct span until =
            header_get(c->request_headers, S("x-amz-object-lock-retain-until-date"));
        note_retention(c, span_is_absent(until) ? TIME_NONE : time_parse_iso8601(until));
    }
}

RESULT condition_keys_note(struct call *c, const void *in)
{
    struct tags tags = {.count = 0};
    struct span operation = service_text(c->service, c->operation->name);
    if (span_eq(operation, S("PutObjectTagging"))) {
        const struct s3_put_object_tagging_in *put = in;
        if (put->tagging)
            TRY(tags_read(c, &put->tagging->tag_set, TAGGED_OBJECT, &tags));
    } else {
        TRY(tags_read_header(c, header_get(c->request_headers, S("x-amz-tagging")), &tags));
    }
    note_tags(c, &tags);
    note_lock(c, operation, in);
    return OK;
}
