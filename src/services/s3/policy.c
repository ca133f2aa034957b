// SPDX-License-Identifier: Apache-2.0
/*
 * Bucket policies. A document is checked when it is written: its grammar, that it speaks of this
 * bucket and of S3, its size, that the users and roles it names exist; it then means these, by
 * their ids, whoever has their names later. Control thread; reads on any. Source: "Bucket policies
 * for Amazon S3", PutBucketPolicy, and the sentences that S3 answers.
 */
#include "services/s3/policy.h"

#include "auth/principal.h"
#include "base/id.h"
#include "services/s3/document.h"
#include "services/s3/edition_cache.h"
#include "services/s3/public_access.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define POLICY_MAX 20480 /* bytes without white space */

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* ---- what S3 wants of a document ------------------------------------------------------------ */

/* Actions on objects whose names do not say so. */
static bool is_object_action(struct span action)
{
    static const struct span others[] = {
        S_INIT("s3:AbortMultipartUpload"), S_INIT("s3:ListMultipartUploadParts"),
        S_INIT("s3:BypassGovernanceRetention"), S_INIT("s3:InitiateReplication")};
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (span_eq_nocase(action, others[i]))
            return true;
    return span_find(action, S("Object")) != SPAN_NOT_FOUND &&
           span_find(action, S("Bucket")) == SPAN_NOT_FOUND;
}

static bool has_wildcard(struct span text)
{
    return span_find_byte(text, '*') != SPAN_NOT_FOUND ||
           span_find_byte(text, '?') != SPAN_NOT_FOUND;
}

struct rules {
    struct call *c;
    struct span arn; /* of the bucket or access point */
    struct span why; /* absent: nothing is wrong */
};

/* This thing, or something in it. */
static bool is_of_arn(const struct rules *rules, struct span resource)
{
    if (!span_starts(resource, rules->arn))
        return false;
    struct span rest = span_from(resource, rules->arn.len);
    return rest.len == 0 || rest.at[0] == '/' || rest.at[0] == '*' || rest.at[0] == '?';
}

/* Does an action on objects (or on the bucket) find one among the resources? */
static bool applies(const struct rules *rules, struct span action, const struct policy_words *words)
{
    bool on_objects = is_object_action(action);
    for (size_t i = 0; i < words->resource_count; i++) {
        struct span rest = span_from(words->resources[i], rules->arn.len);
        bool objects = span_find_byte(rest, '/') != SPAN_NOT_FOUND;
        bool open_end = rest.len && rest.at[0] != '/';
        if (open_end || objects == on_objects)
            return true;
    }
    return false;
}

static struct span words_fault(const struct rules *rules, const struct policy_words *words)
{
    for (size_t i = 0; i < words->action_count; i++)
        if (!span_eq(words->actions[i], S("*")) && !span_starts_nocase(words->actions[i], S("s3:")))
            return S("Policy has invalid action");
    for (size_t i = 0; i < words->resource_count; i++)
        if (!is_of_arn(rules, words->resources[i]))
            return S("Policy has invalid resource");
    for (size_t i = 0; i < words->action_count; i++)
        if (!has_wildcard(words->actions[i]) && !applies(rules, words->actions[i], words))
            return S("Action does not apply to any resource(s) in statement");
    return SPAN_NONE;
}

static bool check_statement(void *user, const struct policy_words *words)
{
    struct rules *rules = user;
    rules->why = words_fault(rules, words);
    return !span_is_absent(rules->why);
}

static RESULT refuse_document(struct call *c, struct span why)
{
    return refuse(c, &S3_MALFORMED_POLICY, "%.*s", SPAN_ARG(why));
}

/* ---- whom it means -------------------------------------------------------------------------- */

struct binding {
    struct call *c;
    struct s3_pair_list bound;
    size_t room;
    const struct refusal *failed;
};

static void add_binding(struct binding *binding, struct span arn, struct span id)
{
    struct s3_pair_list *list = &binding->bound;
    if (list->count == binding->room) {
        binding->room = binding->room ? binding->room * 2 : 4;
        struct s3_pair *at = ARENA_ARRAY(binding->c->arena, struct s3_pair, binding->room);
        if (list->count)
            memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
    }
    list->at[list->count++] = (struct s3_pair){arn, id};
}

/* Ends the visit at the first that is not there. */
static bool bind(void *user, struct span type, struct span value)
{
    struct binding *binding = user;
    struct call *c = binding->c;
    struct span id;
    if (!principal_is_bindable(type, value))
        return false;
    int error = principal_id_of_arn(c->txn, c->arena, value, &id);
    if (error == -ENOENT)
        binding->failed = refuse_with(c, &S3_MALFORMED_POLICY, S("Detail"),
                                      arena_printf(c->arena, "\"AWS\" : \"%.*s\"", SPAN_ARG(value)),
                                      "Invalid principal in policy");
    else if (error)
        binding->failed = refuse_errno(c, error, "reading a principal");
    else
        add_binding(binding, value, id);
    return binding->failed != NULL;
}

RESULT policy_bind(struct call *c, const struct policy *policy, struct s3_pair_list *ret)
{
    struct binding binding = {.c = c};
    policy_each_principal(policy, bind, &binding);
    *ret = binding.bound;
    return binding.failed;
}

static RESULT parse(struct call *c, struct arena *arena, const struct policy_kept *kept,
                    const struct policy **ret)
{
    struct span why = SPAN_NONE;
    size_t count = kept->bound.count;
    *ret = policy_parse(arena, kept->document, POLICY_RESOURCE, &why);
    if (!*ret)
        return refuse_errno(c, -EBADMSG, "reading a resource's policy");
    struct policy_binding *bindings = ARENA_ARRAY(arena, struct policy_binding, count);
    for (size_t i = 0; i < count; i++)
        bindings[i] = (struct policy_binding){arena_copy(arena, kept->bound.at[i].key),
                                              arena_copy(arena, kept->bound.at[i].value)};
    if (count)
        *ret = policy_bound(arena, *ret, bindings, count);
    return OK;
}

RESULT policy_of_kept(struct call *c, const struct policy_kept *kept, const struct policy **ret)
{
    const void **cached;
    struct arena *arena = edition_cache_at(kept->edition, &cached);
    *ret = *cached;
    if (!*ret)
        TRY(parse(c, arena, kept, ret));
    *cached = *ret;
    return OK;
}

static RESULT read_policy(struct call *c, struct arena *arena,
                          const struct s3_bucket_record *bucket, const struct policy **ret)
{
    struct s3_bucket_document document;
    bool found;
    TRY(document_get(c, bucket, DOCUMENT_POLICY, &document, &found));
    struct policy_kept kept = {.document = document.body, .bound = document.bound};
    return found ? parse(c, arena, &kept, ret) : OK;
}

RESULT policy_of_bucket(struct call *c, const struct s3_bucket_record *bucket,
                        const struct policy **ret)
{
    const void *none = NULL, **cached = &none;
    struct arena *arena = c->arena;
    *ret = NULL;
    if (!document_is_there(bucket, DOCUMENT_POLICY))
        return OK;
    if (bucket->policy_edition)
        arena = edition_cache_at(bucket->policy_edition, &cached);
    *ret = *cached;
    if (!*ret)
        TRY(read_policy(c, arena, bucket, ret));
    *cached = *ret;
    return OK;
}

/* ---- operations ----------------------------------------------------------------------------- */

static RESULT refuse_public(struct call *c, struct span bucket)
{
    struct span who = c->caller ? c->caller->arn : S("anonymous");
    return refuse(c, &S3_ACCESS_DENIED,
                  "User: %.*s is not authorized to perform: s3:PutBucketPolicy on resource: "
                  "\"arn:aws:s3:::%.*s\" because public policies are blocked by the "
                  "BlockPublicPolicy block public access setting.",
                  SPAN_ARG(who), SPAN_ARG(bucket));
}

RESULT policy_check(struct call *c, struct span arn, struct span document,
                    const struct policy **ret)
{
    struct rules rules = {.c = c, .arn = arn};
    struct span why = SPAN_NONE;
    *ret = NULL;
    if (document.len == 0 || document.at[0] != '{')
        return refuse_document(c, S("Policies must be valid JSON and the first byte must be '{'"));
    *ret = policy_parse(c->arena, document, POLICY_RESOURCE, &why);
    if (!*ret)
        return refuse_document(c, why);
    if (policy_counted_size(document) > POLICY_MAX)
        return refuse(c, &S3_MALFORMED_POLICY,
                      "Normalized policy document exceeds the maximum allowed size of %d bytes",
                      POLICY_MAX);
    if (policy_each_statement(c->arena, *ret, check_statement, &rules))
        return refuse_document(c, rules.why);
    return OK;
}

/* Who writes a policy is still able to replace it, unless the request says that this is not wanted.
 * The owner's root user always is. */
static RESULT check_author(struct call *c, const struct s3_put_bucket_policy_in *in,
                           const struct s3_bucket_record *bucket, const struct policy *policy)
{
    struct auth_question question = {.action = S("s3:PutBucketPolicy"),
                                     .resource = place_arn(c, in->bucket, SPAN_NONE),
                                     .resource_policy = policy,
                                     .resource_account = bucket->account};
    bool confirmed =
        in->has.confirm_remove_self_bucket_access && in->confirm_remove_self_bucket_access;
    if (confirmed || !c->caller)
        return OK;
    question.caller_canonical = place_owner_id(c, c->caller->account);
    if (auth_ask(c, &question) == OK)
        return OK;
    return refuse(c, &S3_ACCESS_DENIED,
                  "The new bucket policy will not allow you to update the bucket policy in the "
                  "future.");
}

RESULT s3_put_bucket_policy(struct call *c, const struct s3_put_bucket_policy_in *in,
                            struct s3_put_bucket_policy_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_bucket_document document = {.body = in->policy};
    const struct policy *policy;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(policy_check(c, place_arn(c, in->bucket, SPAN_NONE), in->policy, &policy));
    TRY(policy_bind(c, policy, &document.bound));
    if (public_access_blocks(c, &bucket, UNBLOCKED_POLICY) && policy_is_public(policy))
        return refuse_public(c, in->bucket);
    TRY(check_author(c, in, &bucket, policy));
    bucket.policy_edition = random_u64() | 1;
    document_put(c, &bucket, DOCUMENT_POLICY, &document);
    c->status = 204; /* the model says 200, S3 does not */
    return OK;
}

static RESULT refuse_absent(struct call *c, struct span bucket)
{
    return refuse_with(c, &S3_NO_SUCH_BUCKET_POLICY, S("BucketName"), bucket,
                       "The bucket policy does not exist");
}

RESULT s3_get_bucket_policy(struct call *c, const struct s3_get_bucket_policy_in *in,
                            struct s3_get_bucket_policy_out *out)
{
    struct s3_bucket_record bucket;
    struct s3_bucket_document document;
    bool found;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(document_get(c, &bucket, DOCUMENT_POLICY, &document, &found));
    if (!found)
        return refuse_absent(c, in->bucket);
    out->policy = document.body;
    return OK;
}

RESULT s3_get_bucket_policy_status(struct call *c, const struct s3_get_bucket_policy_status_in *in,
                                   struct s3_get_bucket_policy_status_out *out)
{
    struct s3_bucket_record bucket;
    const struct policy *policy;
    TRY(place_record(c, NAME_OF(in), &bucket));
    TRY(policy_of_bucket(c, &bucket, &policy));
    if (!policy)
        return refuse_absent(c, in->bucket);
    out->policy_status = ARENA_NEW(c->arena, struct s3_policy_status);
    SET(out->policy_status, is_public, policy_is_public(policy));
    return OK;
}

RESULT s3_delete_bucket_policy(struct call *c, const struct s3_delete_bucket_policy_in *in,
                               struct s3_delete_bucket_policy_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    document_delete(c, &bucket, DOCUMENT_POLICY);
    return OK;
}
