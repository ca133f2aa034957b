// SPDX-License-Identifier: Apache-2.0
/*
 * The S3 side of authorisation: finds the bucket that a resource's ARN names and completes auth's
 * question by what the bucket says. A bucket that is not there, or is of another region, is told
 * before any permission is looked at, as S3 does. Any thread.
 */
#include "services/s3/access.h"

#include "services/s3/checksum.h"
#include "services/s3/place.h"
#include "services/s3/s3.api.h"

#include <errno.h>

/* ---- regions -------------------------------------------------------------------------------- */

static const struct error_kind PERMANENT_REDIRECT = {"PermanentRedirect", NULL, 301};
static const struct error_kind BAD_QUERY = {"AuthorizationQueryParametersError", NULL, 400};

/* Clients take the bucket's region from the header, or from the member Region, and sign again. The
 * endpoint stays the one they used, since it serves all regions. Source: "Making requests: request
 * redirection and the REST API". */
static RESULT refuse_region(struct call *c, const struct s3_bucket_record *bucket)
{
    const struct refusal *refusal;
    call_add_header(c, S("x-amz-bucket-region"), bucket->region);
    if (c->signature.by == SIGNED_BY_QUERY)
        return refuse_with(c, &BAD_QUERY, S("Region"), bucket->region,
                           "Error parsing the X-Amz-Credential parameter; the region '%.*s' is "
                           "wrong; expecting '%.*s'",
                           SPAN_ARG(c->signature.region), SPAN_ARG(bucket->region));
    refusal = refuse_with(c, &PERMANENT_REDIRECT, S("Endpoint"), c->host,
                          "The bucket you are attempting to access must be addressed using the "
                          "specified endpoint. Please send all future requests to this endpoint.");
    return refusal_add(c, refusal, S("Bucket"), bucket->name);
}

/* us-east-1 tells the location of every bucket: that is how clients learn it. */
static RESULT check_region(struct call *c, const struct s3_bucket_record *bucket)
{
    struct span signed_for = c->signature.region;
    if (span_is_absent(signed_for) || span_eq(signed_for, bucket->region))
        return OK;
    bool asks_where = span_eq(service_text(c->service, c->operation->name), S("GetBucketLocation"));
    if (asks_where && span_eq(signed_for, S("us-east-1")))
        return OK;
    return refuse_region(c, bucket);
}

RESULT access_find_bucket(struct call *c, struct txn *txn, struct span name,
                          struct s3_bucket_record *out)
{
    *out = (struct s3_bucket_record){.name = name};
    int result = s3_bucket_record_get(txn, c->arena, out);
    if (result == -ENOENT)
        return place_name_is_valid(name) ? place_refuse_missing(c, name)
                                         : place_refuse_name(c, name);
    if (result < 0)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(name));
    return OK;
}

/* ---- the question --------------------------------------------------------------------------- */

struct resource {
    struct span bucket, key; /* key absent: the bucket itself */
};

/* False for what is no bucket and no object. */
static bool read_arn(struct span arn, struct resource *out)
{
    struct span prefix = S("arn:aws:s3:::");
    if (!span_starts(arn, prefix))
        return false;
    struct span rest = span_from(arn, prefix.len);
    out->bucket = span_cut(&rest, '/');
    out->key = rest;
    return true;
}

static RESULT complete(struct call *c, const struct s3_bucket_record *bucket,
                       struct auth_question *question)
{
    question->resource_account = bucket->account;
    return OK;
}

static RESULT s3_resource(struct call *c, struct auth_question *question)
{
    struct resource resource;
    struct s3_bucket_record bucket;
    if (!read_arn(question->resource, &resource) || span_eq(question->action, S("s3:CreateBucket")))
        return OK;
    TRY(access_find_bucket(c, c->txn, resource.bucket, &bucket));
    TRY(check_region(c, &bucket));
    return complete(c, &bucket, question);
}

RESULT access_require(struct call *c, struct span action, struct span bucket, struct span key)
{
    struct s3_bucket_record record;
    struct auth_question question = {.action = action, .resource = place_arn(c, bucket, key)};
    TRY(access_find_bucket(c, c->txn, bucket, &record));
    TRY(complete(c, &record, &question));
    return auth_ask(c, &question);
}

RESULT access_check_bucket(struct call *c, struct span name)
{
    struct s3_bucket_record bucket;
    TRY(access_find_bucket(c, c->txn, name, &bucket));
    return check_region(c, &bucket);
}

/* ---- condition keys ------------------------------------------------------------------------- */

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

/* Source: "Actions, resources, and condition keys for Amazon S3". */
static struct span s3_condition(struct call *c, struct span key, struct arena *arena)
{
    static const struct {
        struct span key;
        struct span (*read)(struct call *c, struct arena *arena);
    } keys[] = {
        {S_INIT("s3:authtype"), auth_type},
        {S_INIT("s3:signatureage"), signature_age},
        {S_INIT("s3:signatureversion"), signature_version},
        {S_INIT("s3:x-amz-content-sha256"), content_sha256},
    };
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (span_eq(key, keys[i].key))
            return keys[i].read(c, arena);
    return SPAN_NONE;
}

extern const struct service_hooks s3_hooks;
const struct service_hooks s3_hooks = {
    .body = checksum_check_body,
    .resource = s3_resource,
    .condition = s3_condition,
};
