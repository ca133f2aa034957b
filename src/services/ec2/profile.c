// SPDX-License-Identifier: Apache-2.0
/*
 * Instance profiles of instances. Whoever gives one must be allowed to pass its role ("Granting a
 * user permissions to pass a role"). Control thread.
 */
#include "services/ec2/profile.h"

#include "auth/principal.h"
#include "services/ec2/instance.h"

#include <errno.h>

static struct span arn_of(struct call *c, const struct auth_profile *profile)
{
    return principal_arn(c->arena, profile->account, "instance-profile", profile->path,
                         profile->name);
}

/* arn:aws:iam::ACCOUNT:instance-profile/PATH/NAME: its last part */
static struct span name_of(const struct ec2_iam_instance_profile_specification *wanted)
{
    size_t slash = span_find_last_byte(wanted->arn, '/');
    if (wanted->name.at || slash == SPAN_NOT_FOUND)
        return wanted->name;
    return span_from(wanted->arn, slash + 1);
}

static RESULT may_pass(struct call *c, const struct auth_profile *profile)
{
    struct auth_role role = {.account = c->account, .lname = profile->role};
    if (!profile->role.len)
        return OK;
    int error = auth_role_get(c->txn, c->arena, &role);
    if (error < 0)
        return refuse_errno(c, error, "reading a role");
    return auth_require(c, S("iam:PassRole"),
                        principal_arn(c->arena, role.account, "role", role.path, role.name), NULL,
                        SPAN_NONE);
}

RESULT profile_read(struct call *c, const struct ec2_iam_instance_profile_specification *wanted,
                    struct stored_instance *to)
{
    if (!wanted || (!wanted->name.len && !wanted->arn.len))
        return OK;
    struct span name = name_of(wanted);
    struct auth_profile profile = {.account = c->account, .lname = principal_lname(c->arena, name)};
    int error = auth_profile_get(c->txn, c->arena, &profile);
    bool is_other = !error && wanted->arn.at && !span_eq(wanted->arn, arn_of(c, &profile));
    if (error == -ENOENT || is_other)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter %s is invalid. "
                      "Invalid IAM Instance Profile %s",
                      SPAN_ARG(wanted->name.at ? wanted->name : wanted->arn),
                      wanted->name.at ? "iamInstanceProfile.name" : "iamInstanceProfile.arn",
                      wanted->name.at ? "name" : "ARN");
    if (error < 0)
        return refuse_errno(c, error, "reading an instance profile");
    TRY(may_pass(c, &profile));
    to->profile = arn_of(c, &profile);
    to->profile_id = profile.id;
    to->profile_association = id_new(c, "iip-assoc-", 17);
    return OK;
}
