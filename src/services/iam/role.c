// SPDX-License-Identifier: Apache-2.0
/*
 * Roles. The trust policy is checked when it is written: its grammar, its size, and that the users
 * and roles it names exist; it then means these, by their ids, whoever has their names later.
 * Control thread. Source: IAM API reference, CreateRole and the like.
 */
#include "services/iam/iam.h"

#include "base/text.h"

#include <errno.h>

#define SESSION_DEFAULT_S 3600
#define TRUST_MAX 2048 /* without white space */

static void show_details(struct call *c, const struct auth_role *role, enum IAM_DETAIL detail,
                         struct iam_role *out)
{
    out->permissions_boundary = iam_boundary_shown(c, role->boundary);
    out->tags = iam_tags_shown(c, role->tags);
    if (detail == IN_GET)
        out->role_last_used = ARENA_NEW(c->arena, struct iam_role_last_used);
}

void iam_role_show(struct call *c, const struct auth_role *role, enum IAM_DETAIL detail,
                   struct iam_role *out)
{
    *out = (struct iam_role){
        .path = role->path,
        .role_name = role->name,
        .role_id = role->id,
        .arn = principal_arn(c->arena, c->account, "role", role->path, role->name),
        .create_date = role->created,
        .assume_role_policy_document = uri_encode(c->arena, role->trust, URI_SLASH_ENCODED),
        .has.create_date = true,
    };
    if (detail != IN_CREATE) {
        out->description = role->description.len ? role->description : SPAN_NONE;
        out->max_session_duration = (int32_t)role->max_session_s;
        out->has.max_session_duration = true;
    }
    if (detail != IN_LIST)
        show_details(c, role, detail, out);
}

/* ---- trust ---- */

struct trust_check {
    struct call *c;
    struct auth_trusted_list trusted;
    size_t cap;
    const struct refusal *failed;
};

static void trust(struct trust_check *check, struct span arn, struct span id)
{
    struct auth_trusted_list *list = &check->trusted;
    if (list->count == check->cap) {
        check->cap = check->cap ? check->cap * 2 : 4;
        struct auth_trusted *at = ARENA_ARRAY(check->c->arena, struct auth_trusted, check->cap);
        if (list->count)
            memcpy(at, list->at, list->count * sizeof *at);
        list->at = at;
    }
    list->at[list->count++] = (struct auth_trusted){.arn = arn, .id = id};
}

/* Ends the visit at the first that is not there. Account ids and services always are. */
static bool check_principal(void *user, struct span type, struct span value)
{
    struct trust_check *check = user;
    struct span id;
    if (!principal_is_bindable(type, value))
        return false;
    int error = principal_id_of_arn(check->c->txn, check->c->arena, value, &id);
    if (error == -ENOENT)
        check->failed = refuse(check->c, &IAM_MALFORMED_POLICY_DOCUMENT,
                               "Invalid principal in policy: \"AWS\":\"%.*s\"", SPAN_ARG(value));
    else if (error)
        check->failed = refuse_errno(check->c, error, "reading a principal");
    else
        trust(check, value, id);
    return check->failed != NULL;
}

/* Checks the document and sets both it and whom it trusts. */
static const struct refusal *set_trust(struct call *c, struct span document, struct auth_role *role)
{
    struct span why;
    const struct policy *policy = policy_parse(c->arena, document, POLICY_TRUST, &why);
    if (!policy)
        return refuse(c, &IAM_MALFORMED_POLICY_DOCUMENT, "%.*s", SPAN_ARG(why));
    if (policy_counted_size(document) > TRUST_MAX)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for ACLSizePerRole: %d",
                      TRUST_MAX);
    struct trust_check check = {.c = c};
    policy_each_principal(policy, check_principal, &check);
    TRY(check.failed);
    role->trust = document;
    role->trusted = check.trusted;
    return OK;
}

/* ---- operations ---- */

RESULT iam_create_role(struct call *c, const struct iam_create_role_in *in,
                       struct iam_create_role_out *out)
{
    struct auth_role role = {
        .account = c->account,
        .lname = principal_lname(c->arena, in->role_name),
        .name = in->role_name,
        .id = iam_id_new(c, "AROA"),
        .path = iam_path_or_root(in->path),
        .created = c->now_ms,
        .description = in->description,
        .max_session_s =
            in->has.max_session_duration ? (uint64_t)in->max_session_duration : SESSION_DEFAULT_S,
    };
    TRY(iam_entity_new(c, IAM_ROLE, role.path, role.name));
    TRY(set_trust(c, in->assume_role_policy_document, &role));
    TRY(iam_tags_set(c, in->tags, &role.tags));
    if (in->permissions_boundary.len)
        TRY(iam_boundary_set(c, in->permissions_boundary, &role.boundary));
    auth_role_put(c->txn, &role);

    out->role = ARENA_NEW(c->arena, struct iam_role);
    iam_role_show(c, &role, IN_CREATE, out->role);
    return OK;
}

RESULT iam_get_role(struct call *c, const struct iam_get_role_in *in, struct iam_get_role_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    out->role = ARENA_NEW(c->arena, struct iam_role);
    iam_role_show(c, &entity.role, IN_GET, out->role);
    return OK;
}

RESULT iam_update_role(struct call *c, const struct iam_update_role_in *in,
                       struct iam_update_role_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    if (!span_is_absent(in->description))
        entity.role.description = in->description;
    if (in->has.max_session_duration)
        entity.role.max_session_s = (uint64_t)in->max_session_duration;
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_update_role_description(struct call *c, const struct iam_update_role_description_in *in,
                                   struct iam_update_role_description_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    entity.role.description = in->description;
    iam_entity_put(c, &entity);
    out->role = ARENA_NEW(c->arena, struct iam_role);
    iam_role_show(c, &entity.role, IN_GET, out->role);
    return OK;
}

RESULT iam_update_assume_role_policy(struct call *c,
                                     const struct iam_update_assume_role_policy_in *in,
                                     struct iam_update_assume_role_policy_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    TRY(set_trust(c, in->policy_document, &entity.role));
    iam_entity_put(c, &entity);
    return OK;
}

struct profile_search {
    struct span role; /* lname */
    bool found;
};

static int find_in_profile(void *user, struct auth_profile *record)
{
    struct profile_search *search = user;
    search->found = span_eq(record->role, search->role);
    return search->found;
}

RESULT iam_delete_role(struct call *c, const struct iam_delete_role_in *in,
                       struct iam_delete_role_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    struct profile_search search = {.role = entity.lname};
    struct auth_profile from = {.account = c->account};
    int error = auth_profile_each(c->txn, &from, 1, c->arena, find_in_profile, &search);
    if (error < 0)
        return refuse_errno(c, error, "reading instance profiles");
    if (search.found)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must remove roles from instance profile first.");
    TRY(iam_entity_is_bare(c, &entity));
    if (entity.role.boundary.len)
        TRY(iam_boundary_set(c, SPAN_NONE, &entity.role.boundary));
    auth_role_delete(c->txn, &entity.role);
    return iam_quota_give(c, QUOTA_ROLES);
}

struct listing {
    struct iam_page page;
    struct span prefix;
    struct iam_role_list_type *roles;
};

static int list_one(void *user, struct auth_role *record)
{
    struct listing *listing = user;
    if (!span_starts(record->path, listing->prefix))
        return iam_page_pass(&listing->page);
    if (!iam_page_takes(&listing->page, record->lname))
        return 1;
    iam_role_show(listing->page.c, record, IN_LIST, &listing->roles->at[listing->roles->count++]);
    return iam_page_keep(&listing->page);
}

RESULT iam_list_roles(struct call *c, const struct iam_list_roles_in *in,
                      struct iam_list_roles_out *out)
{
    struct listing listing = {.prefix = in->path_prefix, .roles = &out->roles};
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "role", S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    out->roles.at = ARENA_ARRAY(c->arena, struct iam_role, (size_t)listing.page.limit);
    struct auth_role from = {.account = c->account, .lname = listing.page.from};
    iam_page_scan(&listing.page);
    int error = auth_role_each(c->txn, &from, 1, c->arena, list_one, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing roles");
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

/* ---- tags ---- */

RESULT iam_tag_role(struct call *c, const struct iam_tag_role_in *in, struct iam_tag_role_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    TRY(iam_tags_set(c, in->tags, &entity.role.tags));
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_untag_role(struct call *c, const struct iam_untag_role_in *in,
                      struct iam_untag_role_out *out)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    iam_tags_drop(c, in->tag_keys, &entity.role.tags);
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_list_role_tags(struct call *c, const struct iam_list_role_tags_in *in,
                          struct iam_list_role_tags_out *out)
{
    struct iam_entity entity;
    struct iam_tags_out tags;
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &entity));
    struct iam_tags_in page = {in->marker, in->has.max_items ? in->max_items : 0};
    TRY(iam_tags_list(c, entity.role.tags, &page, &tags));
    out->tags = tags.tags;
    IAM_PAGE_END(&tags.page, out);
    return OK;
}
