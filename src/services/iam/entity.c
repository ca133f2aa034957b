// SPDX-License-Identifier: Apache-2.0
/*
 * Users, groups and roles as what they have in common: a name, a path, attached and inline
 * policies. Permission is asked on the ARN of the record, which holds the path, before anything is
 * said about whether it exists. Control thread.
 */
#include "services/iam/iam.h"

#include "base/id.h"

#include <errno.h>

static const struct {
    const char *word, *title;
    enum IAM_QUOTA quota;
} kinds[] = {
    [IAM_USER] = {"user", "User", QUOTA_USERS},
    [IAM_GROUP] = {"group", "Group", QUOTA_GROUPS},
    [IAM_ROLE] = {"role", "Role", QUOTA_ROLES},
};

const char *iam_kind_word(enum IAM_KIND kind)
{
    return kinds[kind].word;
}

/* Roles of AWS's own services are theirs ("Using service-linked roles"). */
static RESULT check_modifiable(struct call *c, struct span arn)
{
    size_t at = span_find(arn, S(":role/aws-service-role/"));
    if (at == SPAN_NOT_FOUND || c->operation->effect != EFFECT_WRITE)
        return OK;
    return refuse(c, &IAM_UNMODIFIABLE_ENTITY,
                  "Cannot perform the operation on the protected role '%.*s' - this role is only "
                  "modifiable by AWS",
                  SPAN_ARG(span_from(arn, span_find_last_byte(arn, '/') + 1)));
}

RESULT iam_permit(struct call *c, struct span arn)
{
    struct span name = service_text(c->service, c->operation->name);
    c->audit_resource = arn;
    TRY(auth_require(c, arena_printf(c->arena, "iam:%.*s", SPAN_ARG(name)), arn, NULL, SPAN_NONE));
    TRY(check_modifiable(c, arn));
    if (c->operation->effect == EFFECT_WRITE)
        auth_change_within(c->cloud->auth, c->arena);
    return OK;
}

struct span iam_path_or_root(struct span path)
{
    return path.len ? path : S("/");
}

struct span iam_id_new(struct call *c, const char *prefix)
{
    return id_base32(c->arena, span_of_cstr(prefix), 17);
}

static int read_record(struct call *c, struct iam_entity *e)
{
    int error;
    switch (e->kind) {
    case IAM_USER:
        e->user = (struct auth_user){.account = c->account, .lname = e->lname};
        error = auth_user_get(c->txn, c->arena, &e->user);
        e->name = e->user.name, e->path = e->user.path, e->id = e->user.id;
        e->policies = &e->user.policies;
        return error;
    case IAM_GROUP:
        e->group = (struct auth_group){.account = c->account, .lname = e->lname};
        error = auth_group_get(c->txn, c->arena, &e->group);
        e->name = e->group.name, e->path = e->group.path, e->id = e->group.id;
        e->policies = &e->group.policies;
        return error;
    case IAM_ROLE:
        e->role = (struct auth_role){.account = c->account, .lname = e->lname};
        error = auth_role_get(c->txn, c->arena, &e->role);
        e->name = e->role.name, e->path = e->role.path, e->id = e->role.id;
        e->policies = &e->role.policies;
        return error;
    }
    return -EINVAL;
}

/* 0 or -ENOENT in *ret_error, with the ARN in either case; other errors are refusals. */
static const struct refusal *read_entity(struct call *c, struct span name, struct iam_entity *out,
                                         int *ret_error)
{
    out->lname = principal_lname(c->arena, name);
    *ret_error = read_record(c, out);
    if (*ret_error && *ret_error != -ENOENT)
        return refuse_errno(c, *ret_error, "reading %s %.*s", kinds[out->kind].word,
                            SPAN_ARG(name));
    bool there = *ret_error == 0;
    out->arn = principal_arn(c->arena, c->account, kinds[out->kind].word,
                             there ? out->path : S("/"), there ? out->name : name);
    return OK;
}

static const struct refusal *no_such(struct call *c, enum IAM_KIND kind, struct span name)
{
    return refuse(c, &IAM_NO_SUCH_ENTITY, "The %s with name %.*s cannot be found.",
                  kinds[kind].word, SPAN_ARG(name));
}

RESULT iam_entity_named(struct call *c, enum IAM_KIND kind, struct span name,
                        struct iam_entity *out)
{
    int error;
    *out = (struct iam_entity){.kind = kind};
    TRY(read_entity(c, name, out, &error));
    TRY(iam_permit(c, out->arn));
    return error ? no_such(c, kind, name) : OK;
}

RESULT iam_entity_known(struct call *c, enum IAM_KIND kind, struct span name,
                        struct iam_entity *out)
{
    int error;
    *out = (struct iam_entity){.kind = kind};
    TRY(read_entity(c, name, out, &error));
    return error ? no_such(c, kind, name) : OK;
}

RESULT iam_entity_new(struct call *c, enum IAM_KIND kind, struct span path, struct span name)
{
    int error;
    struct iam_entity taken = {.kind = kind};
    TRY(iam_permit(c, principal_arn(c->arena, c->account, kinds[kind].word, path, name)));
    TRY(read_entity(c, name, &taken, &error));
    if (!error)
        return refuse(c, &IAM_ENTITY_ALREADY_EXISTS, "%s with name %.*s already exists.",
                      kinds[kind].title, SPAN_ARG(name));
    return iam_quota_take(c, kinds[kind].quota);
}

void iam_entity_put(struct call *c, const struct iam_entity *entity)
{
    switch (entity->kind) {
    case IAM_USER:
        auth_user_put(c->txn, &entity->user);
        return;
    case IAM_GROUP:
        auth_group_put(c->txn, &entity->group);
        return;
    case IAM_ROLE:
        auth_role_put(c->txn, &entity->role);
        return;
    }
}

RESULT iam_user_or_caller(struct call *c, struct span name, struct iam_entity *out)
{
    const struct identity *caller = c->caller;
    if (!span_is_absent(name))
        return iam_entity_named(c, IAM_USER, name, out);
    if (caller->type != IDENTITY_USER)
        return refuse(c, &IAM_VALIDATION_ERROR,
                      "Must specify userName when calling with non-User credentials");
    return iam_entity_named(c, IAM_USER, caller->name, out);
}

static int stop_at_first(void *user, struct auth_inline_policy *record)
{
    *(bool *)user = true;
    return 1;
}

RESULT iam_has_inline(struct call *c, const struct iam_entity *entity, bool *ret)
{
    struct auth_inline_policy from = {
        .account = c->account,
        .holder = principal_holder(c->arena, kinds[entity->kind].word, entity->lname),
    };
    *ret = false;
    int error = auth_inline_policy_each(c->txn, &from, 2, c->arena, stop_at_first, ret);
    return error < 0 ? refuse_errno(c, error, "reading inline policies") : OK;
}

RESULT iam_entity_is_bare(struct call *c, const struct iam_entity *entity)
{
    bool inline_left;
    TRY(iam_has_inline(c, entity, &inline_left));
    if (entity->policies->count)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must detach all policies first.");
    if (inline_left)
        return refuse(c, &IAM_DELETE_CONFLICT, "Cannot delete entity, must delete policies first.");
    return OK;
}
