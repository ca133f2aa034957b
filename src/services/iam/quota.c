// SPDX-License-Identifier: Apache-2.0
/*
 * How many users, groups, roles, policies and instance profiles an account has, and may have.
 * Control thread. Source: "IAM and AWS STS quotas", the defaults.
 */
#include "services/iam/iam.h"

#include <errno.h>
#include <stddef.h>

static const struct {
    const char *name;
    uint64_t limit;
    size_t offset;
} quotas[] = {
    [QUOTA_USERS] = {"UsersPerAccount", 5000, offsetof(struct auth_account, users)},
    [QUOTA_GROUPS] = {"GroupsPerAccount", 300, offsetof(struct auth_account, groups)},
    [QUOTA_ROLES] = {"RolesPerAccount", 1000, offsetof(struct auth_account, roles)},
    [QUOTA_POLICIES] = {"PoliciesPerAccount", 1500, offsetof(struct auth_account, policies)},
    [QUOTA_PROFILES] = {"InstanceProfilesPerAccount", 1000,
                        offsetof(struct auth_account, profiles)},
};

static const struct refusal *read_account(struct call *c, struct auth_account *out)
{
    *out = (struct auth_account){.account = c->account};
    int error = auth_account_get(c->txn, c->arena, out);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading the account") : OK;
}

RESULT iam_quota_take(struct call *c, enum IAM_QUOTA quota)
{
    struct auth_account account;
    TRY(read_account(c, &account));
    uint64_t *count = struct_at(&account, quotas[quota].offset, uint64_t);
    if (*count >= quotas[quota].limit)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for %s: %llu",
                      quotas[quota].name, (unsigned long long)quotas[quota].limit);
    ++*count;
    auth_account_put(c->txn, &account);
    return OK;
}

RESULT iam_quota_give(struct call *c, enum IAM_QUOTA quota)
{
    struct auth_account account;
    TRY(read_account(c, &account));
    uint64_t *count = struct_at(&account, quotas[quota].offset, uint64_t);
    *count -= *count > 0;
    auth_account_put(c->txn, &account);
    return OK;
}
