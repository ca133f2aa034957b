// SPDX-License-Identifier: Apache-2.0
/*
 * Managed policies: those of the account, and AWS's own, which are shown as if they were records of
 * an account "aws" and cannot be changed. Control thread. Source: IAM API reference, "Policy".
 */
#include "services/iam/iam.h"

#include "auth/managed_policy.h"

#include <errno.h>

#define POLICY_SIZE_MAX 6144 /* without white space */

struct span iam_policy_arn(struct call *c, const struct auth_policy *policy)
{
    return principal_arn(c->arena, policy->account, "policy", policy->path, policy->name);
}

bool iam_policy_is_of_aws(const struct auth_policy *policy)
{
    return span_eq(policy->account, S("aws"));
}

static bool is_arn(struct span arn)
{
    struct span rest = arn;
    bool iam = span_eq(span_cut(&rest, ':'), S("arn")) && span_starts(rest, S("aws:iam::"));
    for (int i = 0; i < 3; i++)
        span_cut(&rest, ':');
    struct span account = span_cut(&rest, ':');
    return iam && account.len && span_starts(rest, S("policy/")) && rest.at[rest.len - 1] != '/';
}

RESULT iam_arn_check(struct call *c, struct span arn)
{
    return is_arn(arn) ? OK
                       : refuse(c, &IAM_VALIDATION_ERROR, "Invalid ARN:  Could not be parsed!");
}

static void read_managed(const struct managed_policy *managed, struct auth_policy *out)
{
    *out = (struct auth_policy){
        .account = S("aws"),
        .lname = managed->name,
        .name = managed->name,
        .id = managed->id,
        .path = managed->path,
        .created = managed->created_ms,
        .updated = managed->updated_ms,
    };
    if (!span_to_u64(span_from(managed->version, 1), &out->default_version))
        out->default_version = 1;
}

int iam_policy_read(struct call *c, struct span arn, struct auth_policy *out)
{
    const struct managed_policy *managed = managed_policy_of(arn);
    if (managed) {
        read_managed(managed, out);
        return 0;
    }
    struct span name = span_from(arn, span_find_last_byte(arn, '/') + 1);
    *out = (struct auth_policy){.account = c->account, .lname = principal_lname(c->arena, name)};
    int error = auth_policy_get(c->txn, c->arena, out);
    return error ? error : span_eq(iam_policy_arn(c, out), arn) ? 0 : -ENOENT;
}

RESULT iam_policy_named(struct call *c, struct span arn, struct auth_policy *out)
{
    TRY(iam_arn_check(c, arn));
    TRY(iam_permit(c, arn));
    int error = iam_policy_read(c, arn, out);
    if (error == -ENOENT)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "Policy %.*s was not found.", SPAN_ARG(arn));
    return error ? refuse_errno(c, error, "reading the policy %.*s", SPAN_ARG(arn)) : OK;
}

RESULT iam_policy_to_change(struct call *c, struct span arn, struct auth_policy *out)
{
    TRY(iam_policy_named(c, arn, out));
    if (iam_policy_is_of_aws(out))
        return refuse(c, &IAM_ACCESS_DENIED,
                      "User: %.*s is not authorized to change the AWS managed policy %.*s",
                      SPAN_ARG(c->caller->arn), SPAN_ARG(arn));
    return OK;
}

RESULT iam_managed_document_check(struct call *c, struct span document)
{
    struct span why;
    const struct policy *policy = policy_parse(c->arena, document, POLICY_IDENTITY, &why);
    if (!policy)
        return refuse(c, &IAM_MALFORMED_POLICY_DOCUMENT, "%.*s", SPAN_ARG(why));
    if (policy_version(policy) != POLICY_2012)
        return refuse(c, &IAM_MALFORMED_POLICY_DOCUMENT,
                      "Policy document must be version 2012-10-17 or greater.");
    if (policy_counted_size(document) > POLICY_SIZE_MAX)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for PolicySize: %d",
                      POLICY_SIZE_MAX);
    return OK;
}

/* ---- uses ---- */

static const struct refusal *read_use(struct call *c, struct span arn, struct auth_policy_use *out)
{
    *out = (struct auth_policy_use){.account = c->account, .arn = arn};
    int error = auth_policy_use_get(c->txn, c->arena, out);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading the uses of a policy") : OK;
}

RESULT iam_policy_used(struct call *c, struct span arn, enum IAM_USE use, int by)
{
    struct auth_policy_use record;
    TRY(read_use(c, arn, &record));
    uint64_t *count = use == USE_ATTACHED ? &record.attachments : &record.boundaries;
    if (by > 0)
        ++*count;
    else
        *count -= *count > 0;
    if (record.attachments || record.boundaries)
        auth_policy_use_put(c->txn, &record);
    else
        auth_policy_use_delete(c->txn, &record);
    return OK;
}

/* ---- showing ---- */

static const struct refusal *show(struct call *c, const struct auth_policy *policy,
                                  enum IAM_DETAIL detail, struct iam_policy *out)
{
    struct auth_policy_use use;
    struct span arn = iam_policy_arn(c, policy);
    TRY(read_use(c, arn, &use));
    *out = (struct iam_policy){
        .policy_name = policy->name,
        .policy_id = policy->id,
        .arn = arn,
        .path = policy->path,
        .default_version_id =
            arena_printf(c->arena, "v%llu", (unsigned long long)policy->default_version),
        .attachment_count = (int32_t)use.attachments,
        .permissions_boundary_usage_count = (int32_t)use.boundaries,
        .is_attachable = true,
        .create_date = policy->created,
        .update_date = policy->updated,
        .has = {true, true, true, true, true},
    };
    if (detail != IN_LIST)
        out->tags = iam_tags_shown(c, policy->tags);
    if (detail == IN_GET && policy->description.len)
        out->description = policy->description;
    return OK;
}

/* ---- operations ---- */

RESULT iam_create_policy(struct call *c, const struct iam_create_policy_in *in,
                         struct iam_create_policy_out *out)
{
    struct auth_policy taken, policy = {
                                  .account = c->account,
                                  .lname = principal_lname(c->arena, in->policy_name),
                                  .name = in->policy_name,
                                  .id = iam_id_new(c, "ANPA"),
                                  .path = iam_path_or_root(in->path),
                                  .created = c->now_ms,
                                  .updated = c->now_ms,
                                  .description = in->description,
                                  .default_version = 1,
                                  .last_version = 1,
                              };
    TRY(iam_permit(c, iam_policy_arn(c, &policy)));
    TRY(iam_managed_document_check(c, in->policy_document));
    TRY(iam_tags_set(c, in->tags, &policy.tags));
    taken = (struct auth_policy){.account = c->account, .lname = policy.lname};
    int error = auth_policy_get(c->txn, c->arena, &taken);
    if (!error)
        return refuse(c, &IAM_ENTITY_ALREADY_EXISTS,
                      "A policy called %.*s already exists. Duplicate names are not allowed.",
                      SPAN_ARG(in->policy_name));
    if (error != -ENOENT)
        return refuse_errno(c, error, "reading a policy");
    TRY(iam_quota_take(c, QUOTA_POLICIES));
    auth_policy_put(c->txn, &policy);
    auth_policy_version_put(c->txn, &(struct auth_policy_version){.account = c->account,
                                                                  .policy = policy.lname,
                                                                  .number = 1,
                                                                  .document = in->policy_document,
                                                                  .created = c->now_ms});
    out->policy = ARENA_NEW(c->arena, struct iam_policy);
    return show(c, &policy, IN_CREATE, out->policy);
}

RESULT iam_get_policy(struct call *c, const struct iam_get_policy_in *in,
                      struct iam_get_policy_out *out)
{
    struct auth_policy policy;
    TRY(iam_policy_named(c, in->policy_arn, &policy));
    out->policy = ARENA_NEW(c->arena, struct iam_policy);
    return show(c, &policy, IN_GET, out->policy);
}

static int count_version(void *user, struct auth_policy_version *record)
{
    ++*(int *)user;
    return 0;
}

RESULT iam_delete_policy(struct call *c, const struct iam_delete_policy_in *in,
                         struct iam_delete_policy_out *out)
{
    struct auth_policy policy;
    struct auth_policy_use use;
    int versions = 0;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    TRY(read_use(c, in->policy_arn, &use));
    if (use.attachments || use.boundaries)
        return refuse(c, &IAM_DELETE_CONFLICT, "Cannot delete a policy attached to entities.");
    struct auth_policy_version version = {.account = c->account, .policy = policy.lname};
    int error = auth_policy_version_each(c->txn, &version, 2, c->arena, count_version, &versions);
    if (error < 0)
        return refuse_errno(c, error, "reading versions");
    if (versions > 1)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "This policy has more than one version. Before you delete a policy, you must "
                      "delete the policy's versions. The default version is deleted with the "
                      "policy.");
    version.number = policy.default_version;
    auth_policy_version_delete(c->txn, &version);
    auth_policy_delete(c->txn, &policy);
    return iam_quota_give(c, QUOTA_POLICIES);
}

/* ---- lists ---- */

struct listing {
    const struct iam_list_policies_in *in;
    struct iam_page page;
    struct iam_policy_list_type *policies;
    const struct refusal *failed;
};

static bool is_wanted(const struct listing *listing, const struct auth_policy *policy,
                      const struct iam_policy *shown)
{
    const struct iam_list_policies_in *in = listing->in;
    if (!span_starts(policy->path, in->path_prefix))
        return false;
    if (in->only_attached && !shown->attachment_count)
        return false;
    if (span_eq(in->policy_usage_filter, S("PermissionsBoundary")))
        return shown->permissions_boundary_usage_count != 0;
    return true;
}

/* 1 when the page is full or something failed. */
static int list_policy(struct listing *listing, const struct auth_policy *policy, struct span key)
{
    struct iam_policy shown;
    listing->failed = show(listing->page.c, policy, IN_LIST, &shown);
    if (listing->failed)
        return 1;
    if (!is_wanted(listing, policy, &shown))
        return iam_page_pass(&listing->page);
    if (!iam_page_takes(&listing->page, key))
        return 1;
    listing->policies->at[listing->policies->count++] = shown;
    return iam_page_keep(&listing->page);
}

/* Keys of the page: "l" and the name of a local policy, "m" and the number of one of AWS. */
static int list_local(void *user, struct auth_policy *record)
{
    struct listing *listing = user;
    return list_policy(listing, record,
                       arena_printf(listing->page.c->arena, "l%.*s", SPAN_ARG(record->lname)));
}

static void list_of_aws(struct listing *listing)
{
    uint64_t first = 0;
    if (span_starts(listing->page.from, S("m")) &&
        !span_to_u64(span_from(listing->page.from, 1), &first))
        first = 0;
    for (size_t i = (size_t)first; i < managed_policy_count; i++) {
        struct auth_policy policy;
        read_managed(&managed_policy_table[i], &policy);
        if (list_policy(listing, &policy, arena_printf(listing->page.c->arena, "m%zu", i)))
            return;
    }
}

RESULT iam_list_policies(struct call *c, const struct iam_list_policies_in *in,
                         struct iam_list_policies_out *out)
{
    struct listing listing = {.in = in, .policies = &out->policies};
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "policy", S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    out->policies.at = ARENA_ARRAY(c->arena, struct iam_policy, (size_t)listing.page.limit);
    struct span from = listing.page.from;
    iam_page_scan(&listing.page);
    if (!span_eq(in->scope, S("AWS")) && !span_starts(from, S("m"))) {
        struct auth_policy first = {
            .account = c->account,
            .lname = span_is_absent(from) ? SPAN_NONE : span_from(from, 1),
        };
        int error = auth_policy_each(c->txn, &first, 1, c->arena, list_local, &listing);
        if (error < 0)
            return refuse_errno(c, error, "listing policies");
    }
    if (!span_eq(in->scope, S("Local")) && !listing.page.truncated && !listing.failed)
        list_of_aws(&listing);
    TRY(listing.failed);
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

/* ---- tags ---- */

RESULT iam_tag_policy(struct call *c, const struct iam_tag_policy_in *in,
                      struct iam_tag_policy_out *out)
{
    struct auth_policy policy;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    TRY(iam_tags_set(c, in->tags, &policy.tags));
    auth_policy_put(c->txn, &policy);
    return OK;
}

RESULT iam_untag_policy(struct call *c, const struct iam_untag_policy_in *in,
                        struct iam_untag_policy_out *out)
{
    struct auth_policy policy;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    iam_tags_drop(c, in->tag_keys, &policy.tags);
    auth_policy_put(c->txn, &policy);
    return OK;
}

RESULT iam_list_policy_tags(struct call *c, const struct iam_list_policy_tags_in *in,
                            struct iam_list_policy_tags_out *out)
{
    struct auth_policy policy;
    struct iam_tags_out tags;
    TRY(iam_policy_named(c, in->policy_arn, &policy));
    struct iam_tags_in page = {in->marker, in->has.max_items ? in->max_items : 0};
    TRY(iam_tags_list(c, policy.tags, &page, &tags));
    out->tags = tags.tags;
    IAM_PAGE_END(&tags.page, out);
    return OK;
}
