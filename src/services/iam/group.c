// SPDX-License-Identifier: Apache-2.0
/*
 * Groups and their members. A membership stands twice: in the user's record, which authorisation
 * reads, and as a record of its own under the group, which lists read. Control thread.
 */
#include "services/iam/iam.h"

#include <errno.h>

#define GROUPS_PER_USER 10

void iam_group_show(struct call *c, const struct auth_group *group, struct iam_group *out)
{
    *out = (struct iam_group){
        .path = group->path,
        .group_name = group->name,
        .group_id = group->id,
        .arn = principal_arn(c->arena, c->account, "group", group->path, group->name),
        .create_date = group->created,
        .has.create_date = true,
    };
}

RESULT iam_create_group(struct call *c, const struct iam_create_group_in *in,
                        struct iam_create_group_out *out)
{
    struct auth_group group = {
        .account = c->account,
        .lname = principal_lname(c->arena, in->group_name),
        .name = in->group_name,
        .id = iam_id_new(c, "AGPA"),
        .path = iam_path_or_root(in->path),
        .created = c->now_ms,
    };
    TRY(iam_entity_new(c, IAM_GROUP, group.path, group.name));
    auth_group_put(c->txn, &group);
    out->group = ARENA_NEW(c->arena, struct iam_group);
    iam_group_show(c, &group, out->group);
    return OK;
}

struct members {
    struct iam_page page;
    struct iam_user_list_type *users;
    int error;
};

static int list_member(void *user, struct auth_member *record)
{
    struct members *members = user;
    struct call *c = members->page.c;
    if (!iam_page_takes(&members->page, record->user))
        return 1;
    struct auth_user found = {.account = c->account, .lname = record->user};
    int error = auth_user_get(c->txn, c->arena, &found);
    if (error)
        return error;
    iam_user_show(c, &found, IN_LIST, &members->users->at[members->users->count++]);
    return iam_page_keep(&members->page);
}

RESULT iam_get_group(struct call *c, const struct iam_get_group_in *in,
                     struct iam_get_group_out *out)
{
    struct iam_entity entity;
    struct members members = {.users = &out->users};
    TRY(iam_entity_named(c, IAM_GROUP, in->group_name, &entity));
    TRY(IAM_PAGE_BEGIN(c, in, &members.page));
    out->group = ARENA_NEW(c->arena, struct iam_group);
    iam_group_show(c, &entity.group, out->group);
    out->users.at = ARENA_ARRAY(c->arena, struct iam_user, (size_t)members.page.limit);
    struct auth_member from = {
        .account = c->account, .group = entity.lname, .user = members.page.from};
    iam_page_scan(&members.page);
    int error = auth_member_each(c->txn, &from, 2, c->arena, list_member, &members);
    if (error < 0)
        return refuse_errno(c, error, "listing members");
    IAM_PAGE_END(&members.page, out);
    return OK;
}

/* ---- rename ---- */

struct move {
    struct call *c;
    struct span from, to;
};

static int move_inline(void *user, struct auth_inline_policy *record)
{
    struct move *move = user;
    auth_inline_policy_delete(move->c->txn, record);
    record->holder = principal_holder(move->c->arena, "group", move->to);
    auth_inline_policy_put(move->c->txn, record);
    return 0;
}

static int move_member(void *user, struct auth_member *record)
{
    struct move *move = user;
    struct call *c = move->c;
    struct auth_user member = {.account = c->account, .lname = record->user};
    int error = auth_user_get(c->txn, c->arena, &member);
    if (error)
        return error;
    for (size_t i = 0; i < member.groups.count; i++)
        if (span_eq(member.groups.at[i], move->from))
            member.groups.at[i] = move->to;
    auth_user_put(c->txn, &member);
    auth_member_delete(c->txn, record);
    record->group = move->to;
    auth_member_put(c->txn, record);
    return 0;
}

static const struct refusal *rename_group(struct call *c, struct auth_group *group,
                                          struct span name)
{
    struct iam_entity taken;
    struct move move = {.c = c, .from = group->lname, .to = principal_lname(c->arena, name)};
    if (!span_eq(move.to, move.from)) {
        if (!iam_entity_known(c, IAM_GROUP, name, &taken))
            return refuse(c, &IAM_ENTITY_ALREADY_EXISTS, "Group with name %.*s already exists.",
                          SPAN_ARG(name));
        struct auth_inline_policy policies = {
            .account = c->account, .holder = principal_holder(c->arena, "group", move.from)};
        struct auth_member members = {.account = c->account, .group = move.from};
        int error = auth_inline_policy_each(c->txn, &policies, 2, c->arena, move_inline, &move);
        if (error >= 0)
            error = auth_member_each(c->txn, &members, 2, c->arena, move_member, &move);
        if (error < 0)
            return refuse_errno(c, error, "renaming a group");
        auth_group_delete(c->txn, group);
    }
    group->lname = move.to;
    group->name = name;
    return OK;
}

RESULT iam_update_group(struct call *c, const struct iam_update_group_in *in,
                        struct iam_update_group_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_GROUP, in->group_name, &entity));
    struct auth_group *group = &entity.group;
    struct span path = in->new_path.len ? in->new_path : group->path;
    struct span name = in->new_group_name.len ? in->new_group_name : group->name;
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "group", path, name)));
    group->path = path;
    TRY(rename_group(c, group, name));
    auth_group_put(c->txn, group);
    return OK;
}

static int found_member(void *user, struct auth_member *record)
{
    *(bool *)user = true;
    return 1;
}

RESULT iam_delete_group(struct call *c, const struct iam_delete_group_in *in,
                        struct iam_delete_group_out *out)
{
    struct iam_entity entity;
    bool has_members = false;
    TRY(iam_entity_named(c, IAM_GROUP, in->group_name, &entity));
    struct auth_member from = {.account = c->account, .group = entity.lname};
    int error = auth_member_each(c->txn, &from, 2, c->arena, found_member, &has_members);
    if (error < 0)
        return refuse_errno(c, error, "reading members");
    if (has_members)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must remove users from group first.");
    TRY(iam_entity_is_bare(c, &entity));
    auth_group_delete(c->txn, &entity.group);
    return iam_quota_give(c, QUOTA_GROUPS);
}

struct listing {
    struct iam_page page;
    struct span prefix;
    struct iam_group_list_type *groups;
};

static int list_one(void *user, struct auth_group *record)
{
    struct listing *listing = user;
    if (!span_starts(record->path, listing->prefix))
        return iam_page_pass(&listing->page);
    if (!iam_page_takes(&listing->page, record->lname))
        return 1;
    iam_group_show(listing->page.c, record, &listing->groups->at[listing->groups->count++]);
    return iam_page_keep(&listing->page);
}

RESULT iam_list_groups(struct call *c, const struct iam_list_groups_in *in,
                       struct iam_list_groups_out *out)
{
    struct listing listing = {.prefix = in->path_prefix, .groups = &out->groups};
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "group", S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    out->groups.at = ARENA_ARRAY(c->arena, struct iam_group, (size_t)listing.page.limit);
    struct auth_group from = {.account = c->account, .lname = listing.page.from};
    iam_page_scan(&listing.page);
    int error = auth_group_each(c->txn, &from, 1, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing groups");
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

/* ---- members ---- */

static size_t index_of(struct record_texts texts, struct span text)
{
    size_t i = 0;
    while (i < texts.count && !span_eq(texts.at[i], text))
        i++;
    return i;
}

RESULT iam_add_user_to_group(struct call *c, const struct iam_add_user_to_group_in *in,
                             struct iam_add_user_to_group_out *out)
{
    struct iam_entity group, user;
    TRY(iam_entity_named(c, IAM_GROUP, in->group_name, &group));
    TRY(iam_entity_known(c, IAM_USER, in->user_name, &user));
    struct record_texts *groups = &user.user.groups;
    if (index_of(*groups, group.lname) < groups->count)
        return OK;
    if (groups->count >= GROUPS_PER_USER)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for GroupsPerUser: %d",
                      GROUPS_PER_USER);
    struct span *at = ARENA_ARRAY(c->arena, struct span, groups->count + 1);
    if (groups->count)
        memcpy(at, groups->at, groups->count * sizeof *at);
    at[groups->count++] = group.lname;
    groups->at = at;
    iam_entity_put(c, &user);
    auth_member_put(c->txn, &(struct auth_member){.account = c->account,
                                                  .group = group.lname,
                                                  .user = user.lname,
                                                  .joined = c->now_ms});
    return OK;
}

RESULT iam_remove_user_from_group(struct call *c, const struct iam_remove_user_from_group_in *in,
                                  struct iam_remove_user_from_group_out *out)
{
    struct iam_entity group, user;
    TRY(iam_entity_named(c, IAM_GROUP, in->group_name, &group));
    TRY(iam_entity_known(c, IAM_USER, in->user_name, &user));
    struct record_texts *groups = &user.user.groups;
    size_t at = index_of(*groups, group.lname);
    if (at == groups->count)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "User %.*s not in group %.*s",
                      SPAN_ARG(in->user_name), SPAN_ARG(in->group_name));
    for (groups->count--; at < groups->count; at++)
        groups->at[at] = groups->at[at + 1];
    iam_entity_put(c, &user);
    auth_member_delete(
        c->txn,
        &(struct auth_member){.account = c->account, .group = group.lname, .user = user.lname});
    return OK;
}
