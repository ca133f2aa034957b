// SPDX-License-Identifier: Apache-2.0
/*
 * Permissions boundaries of users and roles: the ARN of a managed policy, which counts its uses.
 * Control thread.
 */
#include "services/iam/iam.h"

#include <errno.h>

static const struct refusal *must_exist(struct call *c, struct span arn)
{
    struct span document;
    TRY(iam_arn_check(c, arn));
    int error = principal_policy_document(c->txn, c->arena, arn, &document);
    if (error == -ENOENT)
        return refuse(c, &IAM_NO_SUCH_ENTITY,
                      "Scope ARN: %.*s does not exist or is not attachable.", SPAN_ARG(arn));
    return error ? refuse_errno(c, error, "reading the policy %.*s", SPAN_ARG(arn)) : OK;
}

RESULT iam_boundary_set(struct call *c, struct span arn, struct span *boundary)
{
    if (arn.len)
        TRY(must_exist(c, arn));
    if (boundary->len)
        TRY(iam_policy_used(c, *boundary, USE_BOUNDARY, -1));
    *boundary = arn;
    return arn.len ? iam_policy_used(c, arn, USE_BOUNDARY, 1) : OK;
}

struct iam_attached_permissions_boundary *iam_boundary_shown(struct call *c, struct span arn)
{
    if (!arn.len)
        return NULL;
    struct iam_attached_permissions_boundary *shown =
        ARENA_NEW(c->arena, struct iam_attached_permissions_boundary);
    shown->permissions_boundary_type = S("Policy");
    shown->permissions_boundary_arn = arn;
    return shown;
}

static const struct refusal *put(struct call *c, enum IAM_KIND kind, struct span name,
                                 struct span arn)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, kind, name, &entity));
    struct span *boundary = kind == IAM_USER ? &entity.user.boundary : &entity.role.boundary;
    if (!arn.len && !boundary->len)
        return refuse(c, &IAM_NO_SUCH_ENTITY,
                      "The %s with name %.*s does not have a permissions boundary.",
                      iam_kind_word(kind), SPAN_ARG(name));
    TRY(iam_boundary_set(c, arn, boundary));
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_put_user_permissions_boundary(struct call *c,
                                         const struct iam_put_user_permissions_boundary_in *in,
                                         struct iam_put_user_permissions_boundary_out *out)
{
    return put(c, IAM_USER, in->user_name, in->permissions_boundary);
}

RESULT
iam_delete_user_permissions_boundary(struct call *c,
                                     const struct iam_delete_user_permissions_boundary_in *in,
                                     struct iam_delete_user_permissions_boundary_out *out)
{
    return put(c, IAM_USER, in->user_name, SPAN_NONE);
}

RESULT iam_put_role_permissions_boundary(struct call *c,
                                         const struct iam_put_role_permissions_boundary_in *in,
                                         struct iam_put_role_permissions_boundary_out *out)
{
    return put(c, IAM_ROLE, in->role_name, in->permissions_boundary);
}

RESULT
iam_delete_role_permissions_boundary(struct call *c,
                                     const struct iam_delete_role_permissions_boundary_in *in,
                                     struct iam_delete_role_permissions_boundary_out *out)
{
    return put(c, IAM_ROLE, in->role_name, SPAN_NONE);
}
