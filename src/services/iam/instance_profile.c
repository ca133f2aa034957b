// SPDX-License-Identifier: Apache-2.0
/*
 * Instance profiles: a name under which an instance gets one role. Whoever puts the role in must be
 * allowed to pass it. Control thread. Source: IAM API reference, "InstanceProfile".
 */
#include "services/iam/iam.h"

#include <errno.h>

static struct span arn_of(struct call *c, struct span path, struct span name)
{
    return principal_arn(c->arena, c->account, "instance-profile", path, name);
}

static const struct refusal *read_profile(struct call *c, struct span name,
                                          struct auth_profile *out, bool *ret_there)
{
    *out = (struct auth_profile){.account = c->account, .lname = principal_lname(c->arena, name)};
    int error = auth_profile_get(c->txn, c->arena, out);
    *ret_there = error == 0;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading an instance profile") : OK;
}

static const struct refusal *named(struct call *c, struct span name, struct auth_profile *out)
{
    bool there;
    TRY(read_profile(c, name, out, &there));
    TRY(iam_permit(c, there ? arn_of(c, out->path, out->name) : arn_of(c, S("/"), name)));
    return there ? OK
                 : refuse(c, &IAM_NO_SUCH_ENTITY, "Instance Profile %.*s cannot be found.",
                          SPAN_ARG(name));
}

static const struct refusal *show(struct call *c, const struct auth_profile *profile,
                                  enum IAM_DETAIL detail, struct iam_instance_profile *out)
{
    *out = (struct iam_instance_profile){
        .path = profile->path,
        .instance_profile_name = profile->name,
        .instance_profile_id = profile->id,
        .arn = arn_of(c, profile->path, profile->name),
        .create_date = profile->created,
        .has.create_date = true,
        .roles.at = ARENA_ARRAY(c->arena, struct iam_role, 1),
    };
    if (detail != IN_LIST)
        out->tags = iam_tags_shown(c, profile->tags);
    if (!profile->role.len)
        return OK;
    struct iam_entity role;
    TRY(iam_entity_known(c, IAM_ROLE, profile->role, &role));
    iam_role_show(c, &role.role, IN_LIST, &out->roles.at[out->roles.count++]);
    return OK;
}

RESULT iam_create_instance_profile(struct call *c, const struct iam_create_instance_profile_in *in,
                                   struct iam_create_instance_profile_out *out)
{
    struct auth_profile profile;
    struct span path = iam_path_or_root(in->path);
    bool there;
    TRY(iam_permit(c, arn_of(c, path, in->instance_profile_name)));
    TRY(read_profile(c, in->instance_profile_name, &profile, &there));
    if (there)
        return refuse(c, &IAM_ENTITY_ALREADY_EXISTS, "Instance Profile %.*s already exists.",
                      SPAN_ARG(in->instance_profile_name));
    TRY(iam_quota_take(c, QUOTA_PROFILES));
    profile.name = in->instance_profile_name;
    profile.id = iam_id_new(c, "AIPA");
    profile.path = path;
    profile.created = c->now_ms;
    TRY(iam_tags_set(c, in->tags, &profile.tags));
    auth_profile_put(c->txn, &profile);
    out->instance_profile = ARENA_NEW(c->arena, struct iam_instance_profile);
    return show(c, &profile, IN_CREATE, out->instance_profile);
}

RESULT iam_get_instance_profile(struct call *c, const struct iam_get_instance_profile_in *in,
                                struct iam_get_instance_profile_out *out)
{
    struct auth_profile profile;
    TRY(named(c, in->instance_profile_name, &profile));
    out->instance_profile = ARENA_NEW(c->arena, struct iam_instance_profile);
    return show(c, &profile, IN_GET, out->instance_profile);
}

RESULT iam_delete_instance_profile(struct call *c, const struct iam_delete_instance_profile_in *in,
                                   struct iam_delete_instance_profile_out *out)
{
    struct auth_profile profile;
    TRY(named(c, in->instance_profile_name, &profile));
    if (profile.role.len)
        return refuse(c, &IAM_DELETE_CONFLICT,
                      "Cannot delete entity, must remove roles from instance profile first.");
    auth_profile_delete(c->txn, &profile);
    return iam_quota_give(c, QUOTA_PROFILES);
}

RESULT iam_add_role_to_instance_profile(struct call *c,
                                        const struct iam_add_role_to_instance_profile_in *in,
                                        struct iam_add_role_to_instance_profile_out *out)
{
    struct auth_profile profile;
    struct iam_entity role;
    TRY(named(c, in->instance_profile_name, &profile));
    TRY(iam_entity_known(c, IAM_ROLE, in->role_name, &role));
    TRY(auth_require(c, S("iam:PassRole"), role.arn, NULL, SPAN_NONE));
    if (profile.role.len)
        return refuse(c, &IAM_LIMIT_EXCEEDED,
                      "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1");
    profile.role = role.lname;
    auth_profile_put(c->txn, &profile);
    return OK;
}

RESULT
iam_remove_role_from_instance_profile(struct call *c,
                                      const struct iam_remove_role_from_instance_profile_in *in,
                                      struct iam_remove_role_from_instance_profile_out *out)
{
    struct auth_profile profile;
    TRY(named(c, in->instance_profile_name, &profile));
    if (!span_eq(profile.role, principal_lname(c->arena, in->role_name)))
        return refuse(c, &IAM_NO_SUCH_ENTITY, "The role with name %.*s cannot be found.",
                      SPAN_ARG(in->role_name));
    profile.role = SPAN_NONE;
    auth_profile_put(c->txn, &profile);
    return OK;
}

/* ---- lists ---- */

struct listing {
    struct iam_page page;
    struct span prefix;
    struct span role; /* absent: any */
    struct iam_instance_profile_list_type *profiles;
    const struct refusal *failed;
};

static int list_one(void *user, struct auth_profile *record)
{
    struct listing *listing = user;
    bool wanted = span_starts(record->path, listing->prefix) &&
                  (span_is_absent(listing->role) || span_eq(record->role, listing->role));
    if (!wanted)
        return iam_page_pass(&listing->page);
    if (!iam_page_takes(&listing->page, record->lname))
        return 1;
    listing->failed =
        show(listing->page.c, record, IN_LIST, &listing->profiles->at[listing->profiles->count++]);
    return listing->failed ? 1 : iam_page_keep(&listing->page);
}

static const struct refusal *list(struct call *c, struct listing *listing)
{
    listing->profiles->at =
        ARENA_ARRAY(c->arena, struct iam_instance_profile, (size_t)listing->page.limit);
    struct auth_profile from = {.account = c->account, .lname = listing->page.from};
    iam_page_scan(&listing->page);
    int error = auth_profile_each(c->txn, &from, 1, c->arena, list_one, listing);
    return error < 0 ? refuse_errno(c, error, "listing instance profiles") : listing->failed;
}

RESULT iam_list_instance_profiles(struct call *c, const struct iam_list_instance_profiles_in *in,
                                  struct iam_list_instance_profiles_out *out)
{
    struct listing listing = {.prefix = in->path_prefix, .profiles = &out->instance_profiles};
    TRY(iam_permit(c, arn_of(c, S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    TRY(list(c, &listing));
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

RESULT
iam_list_instance_profiles_for_role(struct call *c,
                                    const struct iam_list_instance_profiles_for_role_in *in,
                                    struct iam_list_instance_profiles_for_role_out *out)
{
    struct iam_entity role;
    struct listing listing = {.profiles = &out->instance_profiles};
    TRY(iam_entity_named(c, IAM_ROLE, in->role_name, &role));
    listing.role = role.lname;
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    TRY(list(c, &listing));
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

/* ---- tags ---- */

RESULT iam_tag_instance_profile(struct call *c, const struct iam_tag_instance_profile_in *in,
                                struct iam_tag_instance_profile_out *out)
{
    struct auth_profile profile;
    TRY(named(c, in->instance_profile_name, &profile));
    TRY(iam_tags_set(c, in->tags, &profile.tags));
    auth_profile_put(c->txn, &profile);
    return OK;
}

RESULT iam_untag_instance_profile(struct call *c, const struct iam_untag_instance_profile_in *in,
                                  struct iam_untag_instance_profile_out *out)
{
    struct auth_profile profile;
    TRY(named(c, in->instance_profile_name, &profile));
    iam_tags_drop(c, in->tag_keys, &profile.tags);
    auth_profile_put(c->txn, &profile);
    return OK;
}

RESULT iam_list_instance_profile_tags(struct call *c,
                                      const struct iam_list_instance_profile_tags_in *in,
                                      struct iam_list_instance_profile_tags_out *out)
{
    struct auth_profile profile;
    struct iam_tags_out tags;
    TRY(named(c, in->instance_profile_name, &profile));
    struct iam_tags_in page = {in->marker, in->has.max_items ? in->max_items : 0};
    TRY(iam_tags_list(c, profile.tags, &page, &tags));
    out->tags = tags.tags;
    IAM_PAGE_END(&tags.page, out);
    return OK;
}
