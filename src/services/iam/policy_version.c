// SPDX-License-Identifier: Apache-2.0
/*
 * Versions of managed policies, five at most; numbers are never given out again. Of AWS's policies
 * the current version is known. Control thread.
 */
#include "services/iam/iam.h"

#include "auth/managed_policy.h"
#include "base/text.h"

#include <errno.h>

#define VERSIONS_MAX 5

static const struct refusal *no_version(struct call *c, struct span arn, struct span version)
{
    return refuse(c, &IAM_NO_SUCH_ENTITY,
                  "Policy %.*s version %.*s does not exist or is not attachable.", SPAN_ARG(arn),
                  SPAN_ARG(version));
}

static const struct refusal *read_version(struct call *c, const struct auth_policy *policy,
                                          struct span id, struct auth_policy_version *out)
{
    struct span arn = iam_policy_arn(c, policy);
    uint64_t number;
    if (!span_to_u64(span_from(id, 1), &number))
        return no_version(c, arn, id);
    *out = (struct auth_policy_version){
        .account = policy->account, .policy = policy->lname, .number = number};
    if (iam_policy_is_of_aws(policy)) {
        const struct managed_policy *managed = managed_policy_of(arn);
        if (!managed || number != policy->default_version)
            return no_version(c, arn, id);
        out->document = managed->document;
        out->created = managed->updated_ms;
        return OK;
    }
    int error = auth_policy_version_get(c->txn, c->arena, out);
    if (error == -ENOENT)
        return no_version(c, arn, id);
    return error ? refuse_errno(c, error, "reading a version") : OK;
}

enum DOCUMENT { WITHOUT_DOCUMENT, WITH_DOCUMENT };

static void show(struct call *c, const struct auth_policy *policy,
                 const struct auth_policy_version *version, enum DOCUMENT document,
                 struct iam_policy_version *out)
{
    *out = (struct iam_policy_version){
        .version_id = arena_printf(c->arena, "v%llu", (unsigned long long)version->number),
        .is_default_version = version->number == policy->default_version,
        .create_date = version->created,
        .has = {true, true},
    };
    if (document == WITH_DOCUMENT)
        out->document = uri_encode(c->arena, version->document, URI_SLASH_ENCODED);
}

struct versions {
    struct auth_policy_version at[VERSIONS_MAX];
    size_t count;
};

static int collect(void *user, struct auth_policy_version *record)
{
    struct versions *versions = user;
    if (versions->count < VERSIONS_MAX)
        versions->at[versions->count++] = *record;
    return 0;
}

static const struct refusal *read_versions(struct call *c, const struct auth_policy *policy,
                                           struct versions *out)
{
    *out = (struct versions){0};
    if (iam_policy_is_of_aws(policy)) {
        out->count = 1;
        return read_version(
            c, policy, arena_printf(c->arena, "v%llu", (unsigned long long)policy->default_version),
            &out->at[0]);
    }
    struct auth_policy_version from = {.account = c->account, .policy = policy->lname};
    int error = auth_policy_version_each(c->txn, &from, 2, c->arena, collect, out);
    return error < 0 ? refuse_errno(c, error, "reading versions") : OK;
}

RESULT iam_create_policy_version(struct call *c, const struct iam_create_policy_version_in *in,
                                 struct iam_create_policy_version_out *out)
{
    struct auth_policy policy;
    struct versions versions;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    TRY(iam_managed_document_check(c, in->policy_document));
    TRY(read_versions(c, &policy, &versions));
    if (versions.count >= VERSIONS_MAX)
        return refuse(c, &IAM_LIMIT_EXCEEDED,
                      "A managed policy can have up to %d versions. Before you create a new "
                      "version, you must delete an existing version.",
                      VERSIONS_MAX);
    struct auth_policy_version version = {
        .account = c->account,
        .policy = policy.lname,
        .number = ++policy.last_version,
        .document = in->policy_document,
        .created = c->now_ms,
    };
    if (in->set_as_default) {
        policy.default_version = version.number;
        policy.updated = c->now_ms;
    }
    auth_policy_version_put(c->txn, &version);
    auth_policy_put(c->txn, &policy);
    out->policy_version = ARENA_NEW(c->arena, struct iam_policy_version);
    show(c, &policy, &version, WITHOUT_DOCUMENT, out->policy_version);
    return OK;
}

RESULT iam_get_policy_version(struct call *c, const struct iam_get_policy_version_in *in,
                              struct iam_get_policy_version_out *out)
{
    struct auth_policy policy;
    struct auth_policy_version version;
    TRY(iam_policy_named(c, in->policy_arn, &policy));
    TRY(read_version(c, &policy, in->version_id, &version));
    out->policy_version = ARENA_NEW(c->arena, struct iam_policy_version);
    show(c, &policy, &version, WITH_DOCUMENT, out->policy_version);
    return OK;
}

RESULT iam_delete_policy_version(struct call *c, const struct iam_delete_policy_version_in *in,
                                 struct iam_delete_policy_version_out *out)
{
    struct auth_policy policy;
    struct auth_policy_version version;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    TRY(read_version(c, &policy, in->version_id, &version));
    if (version.number == policy.default_version)
        return refuse(c, &IAM_DELETE_CONFLICT, "Cannot delete the default version of a policy.");
    auth_policy_version_delete(c->txn, &version);
    return OK;
}

/* The newest first. */
RESULT iam_list_policy_versions(struct call *c, const struct iam_list_policy_versions_in *in,
                                struct iam_list_policy_versions_out *out)
{
    struct auth_policy policy;
    struct versions versions;
    struct iam_page page;
    TRY(iam_policy_named(c, in->policy_arn, &policy));
    TRY(read_versions(c, &policy, &versions));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->versions.at = ARENA_ARRAY(c->arena, struct iam_policy_version, VERSIONS_MAX);
    for (size_t i = iam_page_first(&page); i < versions.count && iam_page_takes_index(&page, i);
         i++)
        show(c, &policy, &versions.at[versions.count - 1 - i], WITHOUT_DOCUMENT,
             &out->versions.at[out->versions.count++]);
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_set_default_policy_version(struct call *c,
                                      const struct iam_set_default_policy_version_in *in,
                                      struct iam_set_default_policy_version_out *out)
{
    struct auth_policy policy;
    struct auth_policy_version version;
    TRY(iam_policy_to_change(c, in->policy_arn, &policy));
    TRY(read_version(c, &policy, in->version_id, &version));
    policy.default_version = version.number;
    policy.updated = c->now_ms;
    auth_policy_put(c->txn, &policy);
    return OK;
}
