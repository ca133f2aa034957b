// SPDX-License-Identifier: Apache-2.0
/*
 * Users: made, renamed, listed, tagged, deleted. A rename moves everything whose key holds the
 * name: inline policies, memberships, access keys. Control thread. Source: IAM API reference,
 * "User".
 */
#include "services/iam/iam.h"

#include <errno.h>

void iam_user_show(struct call *c, const struct auth_user *user, enum IAM_DETAIL detail,
                   struct iam_user *out)
{
    *out = (struct iam_user){
        .path = user->path,
        .user_name = user->name,
        .user_id = user->id,
        .arn = principal_arn(c->arena, c->account, "user", user->path, user->name),
        .create_date = user->created,
        .has.create_date = true,
    };
    if (detail == IN_LIST)
        return;
    out->permissions_boundary = iam_boundary_shown(c, user->boundary);
    out->tags = iam_tags_shown(c, user->tags);
}

RESULT iam_create_user(struct call *c, const struct iam_create_user_in *in,
                       struct iam_create_user_out *out)
{
    struct auth_user user = {
        .account = c->account,
        .lname = principal_lname(c->arena, in->user_name),
        .name = in->user_name,
        .id = iam_id_new(c, "AIDA"),
        .path = iam_path_or_root(in->path),
        .created = c->now_ms,
    };
    TRY(iam_entity_new(c, IAM_USER, user.path, user.name));
    TRY(iam_tags_set(c, in->tags, &user.tags));
    if (in->permissions_boundary.len)
        TRY(iam_boundary_set(c, in->permissions_boundary, &user.boundary));
    auth_user_put(c->txn, &user);

    out->user = ARENA_NEW(c->arena, struct iam_user);
    iam_user_show(c, &user, IN_CREATE, out->user);
    return OK;
}

/* The root user is nobody's record. */
static const struct refusal *show_root(struct call *c, struct iam_user *out)
{
    struct span arn = arena_printf(c->arena, "arn:aws:iam::%.*s:root", SPAN_ARG(c->account));
    TRY(iam_permit(c, arn));
    out->user_id = c->account;
    out->arn = arn;
    return OK;
}

RESULT iam_get_user(struct call *c, const struct iam_get_user_in *in, struct iam_get_user_out *out)
{
    struct iam_entity entity;
    out->user = ARENA_NEW(c->arena, struct iam_user);
    if (span_is_absent(in->user_name) && c->caller->type == IDENTITY_ROOT)
        return show_root(c, out->user);
    TRY(iam_user_or_caller(c, in->user_name, &entity));
    iam_user_show(c, &entity.user, IN_GET, out->user);
    return OK;
}

/* ---- rename ---- */

struct move {
    struct call *c;
    struct span to;
};

static int move_inline(void *user, struct auth_inline_policy *record)
{
    struct move *move = user;
    auth_inline_policy_delete(move->c->txn, record);
    record->holder = principal_holder(move->c->arena, "user", move->to);
    auth_inline_policy_put(move->c->txn, record);
    return 0;
}

static const struct refusal *move_keys(struct call *c, const struct auth_user *user, struct span to)
{
    for (size_t i = 0; i < user->access_keys.count; i++) {
        struct auth_access_key key = {.id = user->access_keys.at[i]};
        int error = auth_access_key_get(c->txn, c->arena, &key);
        if (error)
            return refuse_errno(c, error, "reading an access key");
        key.user = to;
        auth_access_key_put(c->txn, &key);
    }
    return OK;
}

static void move_memberships(struct call *c, const struct auth_user *user, struct span to)
{
    for (size_t i = 0; i < user->groups.count; i++) {
        struct auth_member member = {
            .account = c->account, .group = user->groups.at[i], .user = user->lname};
        auth_member_delete(c->txn, &member);
        member.user = to;
        member.joined = c->now_ms;
        auth_member_put(c->txn, &member);
    }
}

static const struct refusal *rename_user(struct call *c, struct auth_user *user, struct span name)
{
    struct span to = principal_lname(c->arena, name);
    struct iam_entity taken;
    if (!span_eq(to, user->lname)) {
        if (!iam_entity_known(c, IAM_USER, name, &taken))
            return refuse(c, &IAM_ENTITY_ALREADY_EXISTS, "User with name %.*s already exists.",
                          SPAN_ARG(name));
        struct auth_inline_policy from = {
            .account = c->account, .holder = principal_holder(c->arena, "user", user->lname)};
        struct move move = {.c = c, .to = to};
        int error = auth_inline_policy_each(c->txn, &from, 2, c->arena, move_inline, &move);
        if (error < 0)
            return refuse_errno(c, error, "moving inline policies");
        TRY(move_keys(c, user, to));
        move_memberships(c, user, to);
        auth_user_delete(c->txn, user);
    }
    user->lname = to;
    user->name = name;
    return OK;
}

RESULT iam_update_user(struct call *c, const struct iam_update_user_in *in,
                       struct iam_update_user_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    struct auth_user *user = &entity.user;
    struct span path = in->new_path.len ? in->new_path : user->path;
    struct span name = in->new_user_name.len ? in->new_user_name : user->name;
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "user", path, name)));
    user->path = path;
    TRY(rename_user(c, user, name));
    auth_user_put(c->txn, user);
    return OK;
}

RESULT iam_delete_user(struct call *c, const struct iam_delete_user_in *in,
                       struct iam_delete_user_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    if (entity.user.groups.count)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must remove users from group first.");
    TRY(iam_entity_is_bare(c, &entity));
    if (entity.user.access_keys.count)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must delete access keys first.");
    if (entity.user.boundary.len)
        TRY(iam_boundary_set(c, SPAN_NONE, &entity.user.boundary));
    auth_user_delete(c->txn, &entity.user);
    return iam_quota_give(c, QUOTA_USERS);
}

/* ---- lists ---- */

struct listing {
    struct iam_page page;
    struct span prefix;
    struct iam_user_list_type *users;
};

static int list_one(void *user, struct auth_user *record)
{
    struct listing *listing = user;
    if (!span_starts(record->path, listing->prefix))
        return iam_page_pass(&listing->page);
    if (!iam_page_takes(&listing->page, record->lname))
        return 1;
    iam_user_show(listing->page.c, record, IN_LIST, &listing->users->at[listing->users->count++]);
    return iam_page_keep(&listing->page);
}

RESULT iam_list_users(struct call *c, const struct iam_list_users_in *in,
                      struct iam_list_users_out *out)
{
    struct listing listing = {.prefix = in->path_prefix, .users = &out->users};
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "user", S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    out->users.at = ARENA_ARRAY(c->arena, struct iam_user, (size_t)listing.page.limit);
    struct auth_user from = {.account = c->account, .lname = listing.page.from};
    iam_page_scan(&listing.page);
    int error = auth_user_each(c->txn, &from, 1, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing users");
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

RESULT iam_list_groups_for_user(struct call *c, const struct iam_list_groups_for_user_in *in,
                                struct iam_list_groups_for_user_out *out)
{
    struct iam_entity entity, group;
    struct iam_page page;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    struct record_texts groups = entity.user.groups;
    out->groups.at = ARENA_ARRAY(c->arena, struct iam_group, groups.count);
    for (size_t i = iam_page_first(&page); i < groups.count && iam_page_takes_index(&page, i);
         i++) {
        TRY(iam_entity_known(c, IAM_GROUP, groups.at[i], &group));
        iam_group_show(c, &group.group, &out->groups.at[out->groups.count++]);
    }
    IAM_PAGE_END(&page, out);
    return OK;
}

/* ---- tags ---- */

RESULT iam_tag_user(struct call *c, const struct iam_tag_user_in *in, struct iam_tag_user_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    TRY(iam_tags_set(c, in->tags, &entity.user.tags));
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_untag_user(struct call *c, const struct iam_untag_user_in *in,
                      struct iam_untag_user_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    iam_tags_drop(c, in->tag_keys, &entity.user.tags);
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_list_user_tags(struct call *c, const struct iam_list_user_tags_in *in,
                          struct iam_list_user_tags_out *out)
{
    struct iam_entity entity;
    struct iam_tags_out tags;
    TRY(iam_entity_named(c, IAM_USER, in->user_name, &entity));
    struct iam_tags_in page = {in->marker, in->has.max_items ? in->max_items : 0};
    TRY(iam_tags_list(c, entity.user.tags, &page, &tags));
    out->tags = tags.tags;
    IAM_PAGE_END(&tags.page, out);
    return OK;
}
