// SPDX-License-Identifier: Apache-2.0
/* Access points. What changes them runs on the control thread, which keeps their names unique; the
 * rest on any. */
#include "services/s3/access_point.h"

#include "auth/policy.h"
#include "base/id.h"
#include "services/s3/access.h"
#include "services/s3/acl.h"
#include "services/s3/place.h"
#include "services/s3/policy.h"
#include "services/s3/s3.api.h"
#include "services/s3/s3.h"

#include <errno.h>

#define NAME_MIN 3
#define NAME_MAX 50
#define POINTS_MAX 10000  /* of an account in a region */
#define ALIAS_NAME_MAX 20 /* bytes of the name that an alias of 63 has room for */
#define ALIAS_LETTERS 34
#define ALIAS_END S("-s3alias")
#define ARN_HEAD S("arn:aws:s3:")
#define ARN_KIND S("accesspoint/")
#define ACCOUNT_LEN 12

/* ---- names ---------------------------------------------------------------------------------- */

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-';
}

/* Source: "Access points naming rules, restrictions, and limitations". */
static bool name_is_valid(struct span name)
{
    if (name.len < NAME_MIN || name.len > NAME_MAX || name.at[0] == '-' ||
        name.at[name.len - 1] == '-' || span_ends(name, ALIAS_END) || span_starts(name, S("xn--")))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!is_name_byte(name.at[i]))
            return false;
    return true;
}

struct span s3_point_arn(struct call *c, const struct s3_access_point *point)
{
    return arena_printf(c->arena, "arn:aws:s3:%.*s:%.*s:accesspoint/%.*s", SPAN_ARG(point->region),
                        SPAN_ARG(point->account), SPAN_ARG(point->name));
}

/* The key of the record; false for anything but an access point's ARN. */
static bool read_arn(struct span arn, struct s3_access_point *out)
{
    struct span rest = arn;
    if (!span_starts(arn, ARN_HEAD))
        return false;
    rest = span_from(rest, ARN_HEAD.len);
    *out = (struct s3_access_point){.region = span_cut(&rest, ':')};
    out->account = span_cut(&rest, ':');
    if (!span_starts(rest, ARN_KIND))
        return false;
    out->name = span_from(rest, ARN_KIND.len);
    return out->region.len && out->account.len && span_find_byte(out->name, '/') == SPAN_NOT_FOUND;
}

bool access_point_read_object_arn(struct span arn, struct span *ret_point_arn, struct span *ret_key)
{
    struct s3_access_point point;
    size_t at = span_find(arn, S("/object/"));
    if (at == SPAN_NOT_FOUND)
        return false;
    *ret_point_arn = span_first(arn, at);
    *ret_key = span_from(arn, at + S("/object/").len);
    return read_arn(*ret_point_arn, &point);
}

static RESULT refuse_missing(struct call *c, struct span name)
{
    return refuse_with(c, &S3_NO_SUCH_ACCESS_POINT, S("AccessPointName"), name,
                       "The specified accesspoint does not exist");
}

static RESULT find(struct call *c, struct s3_access_point *point, bool *ret_found)
{
    int result = s3_access_point_get(c->txn, c->arena, point);
    *ret_found = result == 0;
    return result < 0 && result != -ENOENT ? refuse_errno(c, result, "reading an access point")
                                           : OK;
}

static RESULT need(struct call *c, struct s3_access_point *point)
{
    bool found;
    struct span name = point->name;
    TRY(find(c, point, &found));
    return found ? OK : refuse_missing(c, name);
}

RESULT access_point_of_arn(struct call *c, struct span arn, struct s3_access_point *out)
{
    return read_arn(arn, out) ? need(c, out) : refuse_missing(c, arn);
}

/* ---- named in the place of a bucket --------------------------------------------------------- */

static RESULT find_alias(struct call *c, struct span name, struct s3_access_point *out)
{
    struct s3_access_point_alias alias = {.alias = name};
    int result = s3_access_point_alias_get(c->txn, c->arena, &alias);
    if (result == -ENOENT)
        return refuse(c, &S3_INVALID_ACCESS_POINT_ALIAS_ERROR,
                      "The specified access point alias name is not valid.");
    if (result < 0)
        return refuse_errno(c, result, "reading the alias of an access point");
    *out = (struct s3_access_point){
        .account = alias.account, .region = alias.region, .name = alias.name};
    return need(c, out);
}

/* NAME-ACCOUNT, the first label of an access point's host. */
static bool read_label(struct call *c, struct span label, struct s3_access_point *out)
{
    uint64_t number;
    if (label.len < NAME_MIN + 1 + ACCOUNT_LEN)
        return false;
    size_t dash = label.len - ACCOUNT_LEN - 1;
    *out = (struct s3_access_point){.account = span_from(label, dash + 1),
                                    .region = c->region,
                                    .name = span_first(label, dash)};
    return label.at[dash] == '-' && span_to_u64(out->account, &number);
}

static bool is_bucket(struct call *c, struct span name)
{
    struct s3_bucket_record bucket = {.name = name};
    return s3_bucket_record_get(c->txn, c->arena, &bucket) == 0;
}

/* Hosts that are not s3-accesspoint… serve buckets, too, which come first. */
static RESULT find_label(struct call *c, struct span label, struct s3_access_point *point,
                         bool *ret_found)
{
    bool only_points = span_find(c->host, S(".s3-accesspoint")) != SPAN_NOT_FOUND;
    struct span name = point->name;
    TRY(find(c, point, ret_found));
    if (only_points)
        return *ret_found ? OK : refuse_missing(c, name);
    *ret_found = *ret_found && !is_bucket(c, label);
    return OK;
}

RESULT access_point_resolve(struct call *c, struct span *bucket, struct span *ret_reached_by)
{
    struct s3_access_point point;
    bool found = true;
    *ret_reached_by = SPAN_NONE;
    if (span_ends(*bucket, ALIAS_END))
        TRY(find_alias(c, *bucket, &point));
    else if (read_label(c, *bucket, &point))
        TRY(find_label(c, *bucket, &point, &found));
    else
        return OK;
    if (!found)
        return OK;
    *ret_reached_by = s3_point_arn(c, &point);
    *bucket = point.bucket;
    return OK;
}

static struct span *bucket_member(struct call *c, void *in)
{
    const struct service *service = c->service;
    if (c->operation->input == NO_SHAPE)
        return NULL;
    const struct shape *shape = &service->shapes[c->operation->input];
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct field *field = &service->fields[shape->first_field + i];
        if (span_eq(service_text(service, field->name), S("Bucket")))
            return struct_at(in, field->offset, struct span);
    }
    return NULL;
}

/* Source: "Access point compatibility with S3 operations". */
static bool is_for_points(struct span operation)
{
    static const struct span operations[] = {
        S_INIT("AbortMultipartUpload"),
        S_INIT("CompleteMultipartUpload"),
        S_INIT("CopyObject"),
        S_INIT("CreateMultipartUpload"),
        S_INIT("DeleteObject"),
        S_INIT("DeleteObjectTagging"),
        S_INIT("DeleteObjects"),
        S_INIT("GetBucketAcl"),
        S_INIT("GetBucketCors"),
        S_INIT("GetBucketLocation"),
        S_INIT("GetBucketPolicy"),
        S_INIT("GetObject"),
        S_INIT("GetObjectAcl"),
        S_INIT("GetObjectAttributes"),
        S_INIT("GetObjectLegalHold"),
        S_INIT("GetObjectRetention"),
        S_INIT("GetObjectTagging"),
        S_INIT("HeadBucket"),
        S_INIT("HeadObject"),
        S_INIT("ListMultipartUploads"),
        S_INIT("ListObjectVersions"),
        S_INIT("ListObjects"),
        S_INIT("ListObjectsV2"),
        S_INIT("ListParts"),
        S_INIT("PutObject"),
        S_INIT("PutObjectAcl"),
        S_INIT("PutObjectLegalHold"),
        S_INIT("PutObjectRetention"),
        S_INIT("PutObjectTagging"),
        S_INIT("RestoreObject"),
        S_INIT("UploadPart"),
        S_INIT("UploadPartCopy"),
    };
    for (size_t i = 0; i < ARRAY_LEN(operations); i++)
        if (span_eq(operation, operations[i]))
            return true;
    return false;
}

RESULT access_point_enter(struct call *c, void *in)
{
    struct span operation = service_text(c->service, c->operation->name);
    struct span *bucket = bucket_member(c, in);
    if (!bucket || !span_is_absent(c->reached_by) || span_eq(operation, S("CreateBucket")))
        return OK;
    TRY(access_point_resolve(c, bucket, &c->reached_by));
    if (!span_is_absent(c->reached_by) && !is_for_points(operation))
        return refuse(c, &S3_METHOD_NOT_ALLOWED,
                      "The specified method is not allowed against this resource.");
    return OK;
}

/* ---- what they say -------------------------------------------------------------------------- */

static RESULT policy_of_point(struct call *c, const struct s3_access_point *point,
                              const struct policy **ret)
{
    struct policy_kept kept = {point->policy, point->bound, point->policy_edition};
    *ret = NULL;
    return span_is_empty(point->policy) ? OK : policy_of_kept(c, &kept, ret);
}

static struct span resource_of(struct call *c, struct span key)
{
    return key.len
               ? arena_printf(c->arena, "%.*s/object/%.*s", SPAN_ARG(c->reached_by), SPAN_ARG(key))
               : c->reached_by;
}

/* Those of a VPC take what comes through its endpoints and nothing else, whoever asks. Sources:
 * "Creating access points restricted to a virtual private cloud"; what callers of the account are
 * told is quoted by AWS's article on access points behind endpoints of another VPC. */
static RESULT check_network(struct call *c, const struct s3_access_point *point,
                            const struct auth_question *question)
{
    struct span from = c->endpoint ? c->endpoint->vpc : SPAN_NONE;
    if (span_is_empty(point->vpc) || span_eq(point->vpc, from))
        return OK;
    if (!c->caller || !span_eq(c->caller->account, point->account))
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    return refuse(c, &S3_ACCESS_DENIED,
                  "User: %.*s is not authorized to perform: %.*s on resource: \"%.*s\" with an "
                  "explicit deny in a resource-based policy",
                  SPAN_ARG(c->caller->arn), SPAN_ARG(question->action),
                  SPAN_ARG(question->resource));
}

RESULT access_point_ask(struct call *c, struct span bucket, struct span action, struct span key)
{
    struct s3_access_point point;
    struct auth_question question = {.action = action};
    if (span_is_absent(c->reached_by))
        return OK;
    TRY(access_point_of_arn(c, c->reached_by, &point));
    if (!span_eq(point.bucket, bucket))
        return OK;
    question.resource = resource_of(c, key);
    question.resource_account = point.account;
    TRY(check_network(c, &point, &question));
    TRY(policy_of_point(c, &point, &question.resource_policy));
    bool outside = !span_eq(acl_caller(c), point.account);
    if (question.resource_policy && outside && (point.blocked & S3_RESTRICT) &&
        policy_is_public(question.resource_policy))
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    return auth_ask(c, &question);
}

bool access_point_blocks(struct call *c, uint64_t what)
{
    struct s3_access_point point;
    if (span_is_absent(c->reached_by))
        return false;
    return access_point_of_arn(c, c->reached_by, &point) || (point.blocked & what);
}

struct span access_point_in_question(struct call *c)
{
    struct s3_access_point point;
    if (!span_is_absent(c->reached_by))
        return c->reached_by;
    return read_arn(c->asked_resource, &point) ? c->asked_resource : SPAN_NONE;
}

struct span access_point_origin(struct call *c)
{
    struct s3_access_point point;
    struct span arn = access_point_in_question(c);
    if (span_is_absent(arn) || access_point_of_arn(c, arn, &point))
        return SPAN_NONE;
    return span_is_empty(point.vpc) ? S("Internet") : S("VPC");
}

/* ---- for services/s3control ----------------------------------------------------------------- */

static RESULT check_name(struct call *c, struct span name)
{
    if (name_is_valid(name))
        return OK;
    return refuse_with(c, &S3_INVALID_URI, S("URI"),
                       arena_printf(c->arena, "accesspoint/%.*s", SPAN_ARG(name)),
                       "Couldn't parse the specified URI.");
}

RESULT s3_point_need(struct call *c, struct span name, struct s3_access_point *out)
{
    *out = (struct s3_access_point){.account = c->account, .region = c->region, .name = name};
    TRY(check_name(c, name));
    return need(c, out);
}

static RESULT bucket_of_point(struct call *c, const struct s3_access_point *point,
                              struct s3_bucket_record *out)
{
    *out = (struct s3_bucket_record){.name = point->bucket};
    int result = s3_bucket_record_get(c->txn, c->arena, out);
    if (result < 0 && result != -ENOENT)
        return refuse_errno(c, result, "reading bucket %.*s", SPAN_ARG(point->bucket));
    if (result < 0 || !span_eq(out->region, c->region) ||
        !span_eq(out->account, point->bucket_account))
        return refuse(c, &S3_INVALID_REQUEST,
                      "Amazon S3 AccessPoint can only be created for existing bucket");
    return OK;
}

static int count_one(void *user, struct s3_access_point *point)
{
    size_t *count = user;
    return ++*count == POINTS_MAX;
}

static RESULT check_room(struct call *c)
{
    size_t count = 0;
    struct s3_access_point from = {.account = c->account, .region = c->region};
    int result = s3_access_point_each(c->txn, &from, 2, c->arena, count_one, &count);
    if (result < 0)
        return refuse_errno(c, result, "counting access points");
    if (count < POINTS_MAX)
        return OK;
    return refuse(c, &S3_TOO_MANY_ACCESS_POINTS,
                  "You have attempted to create more access points than are allowed for an "
                  "account.");
}

static struct span alias_new(struct call *c, struct span name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char random[ALIAS_LETTERS];
    for (size_t i = 0; i < sizeof random; i++)
        random[i] = letters[random_u64() % (sizeof letters - 1)];
    struct span head = span_first(name, ALIAS_NAME_MAX);
    return arena_printf(c->arena, "%.*s-%.*s-s3alias", SPAN_ARG(head), ALIAS_LETTERS, random);
}

RESULT s3_point_create(struct call *c, struct s3_access_point *point)
{
    struct s3_bucket_record bucket;
    struct s3_access_point old = {.account = c->account, .region = c->region, .name = point->name};
    bool found;
    TRY(check_name(c, point->name));
    TRY(bucket_of_point(c, point, &bucket));
    TRY(find(c, &old, &found));
    if (found)
        return refuse(c, &S3_ACCESS_POINT_ALREADY_OWNED_BY_YOU,
                      "Your previous request to create the named accesspoint succeeded and you "
                      "already own it.");
    TRY(check_room(c));
    point->account = c->account;
    point->region = c->region;
    point->created = c->now_ms;
    point->alias = alias_new(c, point->name);
    s3_access_point_put(c->txn, point);
    s3_access_point_alias_put(c->txn, &(struct s3_access_point_alias){.alias = point->alias,
                                                                      .account = point->account,
                                                                      .region = point->region,
                                                                      .name = point->name});
    bucket.access_points++;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_point_delete(struct call *c, const struct s3_access_point *point)
{
    struct s3_bucket_record bucket;
    TRY(bucket_of_point(c, point, &bucket));
    bucket.access_points--;
    s3_bucket_record_put(c->txn, &bucket);
    s3_access_point_alias_delete(c->txn, &(struct s3_access_point_alias){.alias = point->alias});
    s3_access_point_delete(c->txn, point);
    return OK;
}

RESULT s3_point_put_policy(struct call *c, struct s3_access_point *point, struct span document)
{
    const struct policy *policy;
    point->policy = document;
    point->bound = (struct s3_pair_list){.count = 0};
    if (!span_is_absent(document)) {
        TRY(policy_check(c, s3_point_arn(c, point), document, &policy));
        TRY(policy_bind(c, policy, &point->bound));
        if ((point->blocked & S3_BLOCK_POLICY) && span_is_empty(point->vpc) &&
            policy_is_public(policy))
            return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    }
    point->policy_edition = random_u64() | 1;
    s3_access_point_put(c->txn, point);
    return OK;
}

/* Source: "The meaning of public", on access points of a VPC. */
RESULT s3_point_is_public(struct call *c, const struct s3_access_point *point, bool *ret)
{
    const struct policy *policy;
    TRY(policy_of_point(c, point, &policy));
    *ret = policy && span_is_empty(point->vpc) && policy_is_public(policy);
    return OK;
}

struct gathering {
    struct s3_point_page *page;
    size_t limit;
};

static int take(void *user, struct s3_access_point *point)
{
    struct gathering *gathering = user;
    struct s3_point_page *page = gathering->page;
    bool behind = span_compare(point->name, page->after) > 0;
    bool wanted = span_is_absent(page->bucket) || span_eq(point->bucket, page->bucket);
    if (!behind || !wanted)
        return 0;
    page->more = page->count == gathering->limit;
    if (!page->more)
        page->at[page->count++] = *point;
    return page->more;
}

RESULT s3_point_list(struct call *c, size_t limit, struct s3_point_page *page)
{
    struct gathering gathering = {page, limit};
    struct s3_access_point from = {.account = c->account, .region = c->region, .name = page->after};
    page->at = ARENA_ARRAY(c->arena, struct s3_access_point, limit);
    int result = s3_access_point_each(c->txn, &from, 2, c->arena, take, &gathering);
    return result < 0 ? refuse_errno(c, result, "listing access points") : OK;
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* A bucket of the caller's account. */
static int find_bucket(struct call *c, struct span arn, struct s3_bucket_record *out)
{
    struct span bucket, key;
    if (!access_read_arn(arn, &bucket, &key) || !span_is_empty(key))
        return -ENOENT;
    *out = (struct s3_bucket_record){.name = bucket};
    int result = s3_bucket_record_get(c->txn, c->arena, out);
    return result == 0 && !span_eq(out->account, c->account) ? -ENOENT : result;
}

RESULT s3_tags_find(struct call *c, struct span arn, struct s3_pair_list *ret, bool *ret_found)
{
    struct s3_access_point point;
    struct s3_bucket_record bucket;
    if (read_arn(arn, &point)) {
        TRY(find(c, &point, ret_found));
        *ret_found = *ret_found && span_eq(point.account, c->account);
        *ret = point.tags;
        return OK;
    }
    int result = find_bucket(c, arn, &bucket);
    *ret_found = result == 0;
    *ret = bucket.tags;
    return result == 0 || result == -ENOENT ? OK : refuse_errno(c, result, "reading tags");
}

RESULT s3_tags_set(struct call *c, struct span arn, struct s3_pair_list tags)
{
    struct s3_access_point point;
    struct s3_bucket_record bucket;
    if (read_arn(arn, &point)) {
        TRY(need(c, &point));
        point.tags = tags;
        s3_access_point_put(c->txn, &point);
        return OK;
    }
    int result = find_bucket(c, arn, &bucket);
    if (result)
        return refuse_errno(c, result, "reading tags");
    bucket.tags = tags;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}
