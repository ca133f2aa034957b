// SPDX-License-Identifier: Apache-2.0
/*
 * Managed policies attached to users, groups and roles. Attaching twice is no error, detaching what
 * is not attached is one. Control thread.
 */
#include "services/iam/iam.h"

#include <errno.h>

#define ATTACHED_MAX 10

static size_t index_of(const struct record_texts *arns, struct span arn)
{
    size_t i = 0;
    while (i < arns->count && !span_eq(arns->at[i], arn))
        i++;
    return i;
}

static const struct refusal *quota_refusal(struct call *c, enum IAM_KIND kind)
{
    static const char *const names[] = {
        [IAM_USER] = "PoliciesPerUser",
        [IAM_GROUP] = "PoliciesPerGroup",
        [IAM_ROLE] = "PoliciesPerRole",
    };
    return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for %s: %d", names[kind],
                  ATTACHED_MAX);
}

static const struct refusal *attach(struct call *c, enum IAM_KIND kind, struct span name,
                                    struct span arn)
{
    struct iam_entity entity;
    struct auth_policy policy;
    TRY(iam_entity_named(c, kind, name, &entity));
    TRY(iam_arn_check(c, arn));
    int error = iam_policy_read(c, arn, &policy);
    if (error == -ENOENT)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "Policy %.*s does not exist or is not attachable.",
                      SPAN_ARG(arn));
    if (error)
        return refuse_errno(c, error, "reading the policy %.*s", SPAN_ARG(arn));
    struct record_texts *arns = entity.policies;
    if (index_of(arns, arn) < arns->count)
        return OK;
    if (arns->count >= ATTACHED_MAX)
        return quota_refusal(c, kind);
    struct span *at = ARENA_ARRAY(c->arena, struct span, arns->count + 1);
    if (arns->count)
        memcpy(at, arns->at, arns->count * sizeof *at);
    at[arns->count++] = arn;
    arns->at = at;
    iam_entity_put(c, &entity);
    return iam_policy_used(c, arn, USE_ATTACHED, 1);
}

static const struct refusal *detach(struct call *c, enum IAM_KIND kind, struct span name,
                                    struct span arn)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, kind, name, &entity));
    TRY(iam_arn_check(c, arn));
    struct record_texts *arns = entity.policies;
    size_t at = index_of(arns, arn);
    if (at == arns->count)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "Policy %.*s was not found.", SPAN_ARG(arn));
    for (arns->count--; at < arns->count; at++)
        arns->at[at] = arns->at[at + 1];
    iam_entity_put(c, &entity);
    return iam_policy_used(c, arn, USE_ATTACHED, -1);
}

struct attached_in {
    struct span name, path_prefix, marker;
    int32_t max_items;
};

/* The path in arn:aws:iam::…:policy/a/b/NAME is /a/b/. */
static struct span path_of(struct span arn)
{
    size_t begin = span_find_byte(arn, '/'), end = span_find_last_byte(arn, '/');
    return span_first(span_from(arn, begin), end - begin + 1);
}

static const struct refusal *list(struct call *c, enum IAM_KIND kind, const struct attached_in *in,
                                  struct iam_attached_policies_list_type *out,
                                  struct iam_page *page)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, kind, in->name, &entity));
    TRY(iam_page_begin(c, in->marker, in->max_items, page));
    struct record_texts arns = *entity.policies;
    out->at = ARENA_ARRAY(c->arena, struct iam_attached_policy, arns.count);
    for (size_t i = iam_page_first(page); i < arns.count; i++) {
        if (!span_starts(path_of(arns.at[i]), in->path_prefix))
            continue;
        if (!iam_page_takes_index(page, i))
            break;
        out->at[out->count++] = (struct iam_attached_policy){
            .policy_name = span_from(arns.at[i], span_find_last_byte(arns.at[i], '/') + 1),
            .policy_arn = arns.at[i],
        };
    }
    return OK;
}

RESULT iam_attach_user_policy(struct call *c, const struct iam_attach_user_policy_in *in,
                              struct iam_attach_user_policy_out *out)
{
    return attach(c, IAM_USER, in->user_name, in->policy_arn);
}

RESULT iam_attach_group_policy(struct call *c, const struct iam_attach_group_policy_in *in,
                               struct iam_attach_group_policy_out *out)
{
    return attach(c, IAM_GROUP, in->group_name, in->policy_arn);
}

RESULT iam_attach_role_policy(struct call *c, const struct iam_attach_role_policy_in *in,
                              struct iam_attach_role_policy_out *out)
{
    return attach(c, IAM_ROLE, in->role_name, in->policy_arn);
}

RESULT iam_detach_user_policy(struct call *c, const struct iam_detach_user_policy_in *in,
                              struct iam_detach_user_policy_out *out)
{
    return detach(c, IAM_USER, in->user_name, in->policy_arn);
}

RESULT iam_detach_group_policy(struct call *c, const struct iam_detach_group_policy_in *in,
                               struct iam_detach_group_policy_out *out)
{
    return detach(c, IAM_GROUP, in->group_name, in->policy_arn);
}

RESULT iam_detach_role_policy(struct call *c, const struct iam_detach_role_policy_in *in,
                              struct iam_detach_role_policy_out *out)
{
    return detach(c, IAM_ROLE, in->role_name, in->policy_arn);
}

#define ATTACHED_IN(in, entity_name)                                                               \
    {                                                                                              \
        (entity_name), (in)->path_prefix, (in)->marker, (in)->has.max_items ? (in)->max_items : 0  \
    }

RESULT iam_list_attached_user_policies(struct call *c,
                                       const struct iam_list_attached_user_policies_in *in,
                                       struct iam_list_attached_user_policies_out *out)
{
    struct iam_page page;
    struct attached_in asked = ATTACHED_IN(in, in->user_name);
    TRY(list(c, IAM_USER, &asked, &out->attached_policies, &page));
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_list_attached_group_policies(struct call *c,
                                        const struct iam_list_attached_group_policies_in *in,
                                        struct iam_list_attached_group_policies_out *out)
{
    struct iam_page page;
    struct attached_in asked = ATTACHED_IN(in, in->group_name);
    TRY(list(c, IAM_GROUP, &asked, &out->attached_policies, &page));
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_list_attached_role_policies(struct call *c,
                                       const struct iam_list_attached_role_policies_in *in,
                                       struct iam_list_attached_role_policies_out *out)
{
    struct iam_page page;
    struct attached_in asked = ATTACHED_IN(in, in->role_name);
    TRY(list(c, IAM_ROLE, &asked, &out->attached_policies, &page));
    IAM_PAGE_END(&page, out);
    return OK;
}

/* ---- who has a policy ---- */

struct search {
    struct iam_page page;
    struct span arn, path_prefix, usage;
    struct iam_list_entities_for_policy_out *out;
};

static bool is_attached(const struct search *search, const struct record_texts *arns)
{
    return !span_eq(search->usage, S("PermissionsBoundary")) &&
           index_of(arns, search->arn) < arns->count;
}

static bool is_boundary(const struct search *search, struct span boundary)
{
    return !span_eq(search->usage, S("PermissionsPolicy")) && span_eq(boundary, search->arn);
}

/* 1 when the page ends before this one. Keys are the kind's letter and the name. */
static int takes(struct search *search, char letter, struct span lname)
{
    struct span key = arena_printf(search->page.c->arena, "%c%.*s", letter, SPAN_ARG(lname));
    return !iam_page_takes(&search->page, key);
}

static int find_group(void *user, struct auth_group *group)
{
    struct search *search = user;
    if (!span_starts(group->path, search->path_prefix) || !is_attached(search, &group->policies))
        return iam_page_pass(&search->page);
    if (takes(search, 'g', group->lname))
        return 1;
    struct iam_policy_group_list_type *list = &search->out->policy_groups;
    list->at[list->count++] =
        (struct iam_policy_group){.group_name = group->name, .group_id = group->id};
    return iam_page_keep(&search->page);
}

static int find_role(void *user, struct auth_role *role)
{
    struct search *search = user;
    bool uses = is_attached(search, &role->policies) || is_boundary(search, role->boundary);
    if (!span_starts(role->path, search->path_prefix) || !uses)
        return iam_page_pass(&search->page);
    if (takes(search, 'r', role->lname))
        return 1;
    struct iam_policy_role_list_type *list = &search->out->policy_roles;
    list->at[list->count++] =
        (struct iam_policy_role){.role_name = role->name, .role_id = role->id};
    return iam_page_keep(&search->page);
}

static int find_user(void *user, struct auth_user *record)
{
    struct search *search = user;
    bool uses = is_attached(search, &record->policies) || is_boundary(search, record->boundary);
    if (!span_starts(record->path, search->path_prefix) || !uses)
        return iam_page_pass(&search->page);
    if (takes(search, 'u', record->lname))
        return 1;
    struct iam_policy_user_list_type *list = &search->out->policy_users;
    list->at[list->count++] =
        (struct iam_policy_user){.user_name = record->name, .user_id = record->id};
    return iam_page_keep(&search->page);
}

/* The name to begin with in the list of this letter: from the marker, or from the beginning. */
static struct span begin_of(const struct search *search, char letter)
{
    struct span from = search->page.from;
    bool here = from.len && from.at[0] == letter;
    return here ? span_from(from, 1) : SPAN_NONE;
}

/* The lists follow each other as g, r, u: a marker of a later one passes over those before it. */
static bool is_due(const struct search *search, char letter)
{
    struct span from = search->page.from;
    return !search->page.truncated && (!from.len || from.at[0] <= letter);
}

static bool filter_takes(struct span filter, struct span kind)
{
    return filter.len == 0 || span_eq(filter, kind) || span_eq(filter, S("LocalManagedPolicy")) ||
           span_eq(filter, S("AWSManagedPolicy"));
}

static int find_all(struct search *search, struct span filter)
{
    struct call *c = search->page.c;
    int error = 0;
    if (is_due(search, 'g') && filter_takes(filter, S("Group"))) {
        struct auth_group from = {.account = c->account, .lname = begin_of(search, 'g')};
        error = auth_group_each(c->txn, &from, 1, c->arena, find_group, search);
    }
    if (error >= 0 && is_due(search, 'r') && filter_takes(filter, S("Role"))) {
        struct auth_role from = {.account = c->account, .lname = begin_of(search, 'r')};
        error = auth_role_each(c->txn, &from, 1, c->arena, find_role, search);
    }
    if (error >= 0 && is_due(search, 'u') && filter_takes(filter, S("User"))) {
        struct auth_user from = {.account = c->account, .lname = begin_of(search, 'u')};
        error = auth_user_each(c->txn, &from, 1, c->arena, find_user, search);
    }
    return error;
}

RESULT iam_list_entities_for_policy(struct call *c,
                                    const struct iam_list_entities_for_policy_in *in,
                                    struct iam_list_entities_for_policy_out *out)
{
    struct auth_policy policy;
    struct search search = {
        .arn = in->policy_arn,
        .path_prefix = in->path_prefix,
        .usage = in->policy_usage_filter,
        .out = out,
    };
    TRY(iam_policy_named(c, in->policy_arn, &policy));
    TRY(IAM_PAGE_BEGIN(c, in, &search.page));
    size_t limit = (size_t)search.page.limit;
    out->policy_groups.at = ARENA_ARRAY(c->arena, struct iam_policy_group, limit);
    out->policy_roles.at = ARENA_ARRAY(c->arena, struct iam_policy_role, limit);
    out->policy_users.at = ARENA_ARRAY(c->arena, struct iam_policy_user, limit);
    iam_page_scan(&search.page);
    int error = find_all(&search, in->entity_filter);
    if (error < 0)
        return refuse_errno(c, error, "listing who has a policy");
    IAM_PAGE_END(&search.page, out);
    return OK;
}
