// SPDX-License-Identifier: Apache-2.0
/*
 * Inline policies of users, groups and roles. Together those of one holder must stay within its
 * limit, counted without white space. Control thread. Source: "IAM and AWS STS quotas".
 */
#include "services/iam/iam.h"

#include "base/text.h"

#include <errno.h>

static const size_t size_max[] = {[IAM_USER] = 2048, [IAM_GROUP] = 5120, [IAM_ROLE] = 10240};

struct sum {
    struct span but; /* the name that is being replaced */
    size_t size;
};

static int add_size(void *user, struct auth_inline_policy *record)
{
    struct sum *sum = user;
    if (!span_eq(record->name, sum->but))
        sum->size += policy_counted_size(record->document);
    return 0;
}

static struct auth_inline_policy key_of(struct call *c, const struct iam_entity *entity,
                                        struct span name)
{
    return (struct auth_inline_policy){
        .account = c->account,
        .holder = principal_holder(c->arena, iam_kind_word(entity->kind), entity->lname),
        .name = name,
    };
}

struct inline_in {
    struct span holder, policy_name, document;
};

static const struct refusal *put(struct call *c, enum IAM_KIND kind, const struct inline_in *in)
{
    struct iam_entity entity;
    struct span why;
    TRY(iam_entity_named(c, kind, in->holder, &entity));
    if (!policy_parse(c->arena, in->document, POLICY_IDENTITY, &why))
        return refuse(c, &IAM_MALFORMED_POLICY_DOCUMENT, "%.*s", SPAN_ARG(why));
    struct sum sum = {.but = in->policy_name, .size = policy_counted_size(in->document)};
    struct auth_inline_policy record = key_of(c, &entity, SPAN_NONE);
    int error = auth_inline_policy_each(c->txn, &record, 2, c->arena, add_size, &sum);
    if (error < 0)
        return refuse_errno(c, error, "reading inline policies");
    if (sum.size > size_max[kind])
        return refuse(c, &IAM_LIMIT_EXCEEDED,
                      "Maximum policy size of %zu bytes exceeded for %s %.*s", size_max[kind],
                      iam_kind_word(kind), SPAN_ARG(entity.name));
    record.name = in->policy_name;
    record.document = in->document;
    auth_inline_policy_put(c->txn, &record);
    return OK;
}

static const struct refusal *find(struct call *c, enum IAM_KIND kind, struct span holder,
                                  struct auth_inline_policy *record)
{
    struct iam_entity entity;
    struct span name = record->name;
    TRY(iam_entity_named(c, kind, holder, &entity));
    *record = key_of(c, &entity, name);
    int error = auth_inline_policy_get(c->txn, c->arena, record);
    if (error == -ENOENT)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "The %s policy with name %.*s cannot be found.",
                      iam_kind_word(kind), SPAN_ARG(name));
    return error ? refuse_errno(c, error, "reading an inline policy") : OK;
}

static const struct refusal *get(struct call *c, enum IAM_KIND kind, struct span holder,
                                 struct span name, struct span *ret_document)
{
    struct auth_inline_policy record = {.name = name};
    TRY(find(c, kind, holder, &record));
    *ret_document = uri_encode(c->arena, record.document, URI_SLASH_ENCODED);
    return OK;
}

static const struct refusal *drop(struct call *c, enum IAM_KIND kind, struct span holder,
                                  struct span name)
{
    struct auth_inline_policy record = {.name = name};
    TRY(find(c, kind, holder, &record));
    auth_inline_policy_delete(c->txn, &record);
    return OK;
}

struct listing {
    struct iam_page page;
    struct iam_policy_name_list_type *names;
};

static int list_one(void *user, struct auth_inline_policy *record)
{
    struct listing *listing = user;
    if (!iam_page_takes(&listing->page, record->name))
        return 1;
    listing->names->at[listing->names->count++] = record->name;
    return iam_page_keep(&listing->page);
}

static const struct refusal *list(struct call *c, enum IAM_KIND kind, struct span holder,
                                  struct listing *listing)
{
    struct iam_entity entity;
    TRY(iam_entity_named(c, kind, holder, &entity));
    listing->names->at = ARENA_ARRAY(c->arena, struct span, (size_t)listing->page.limit);
    struct auth_inline_policy from = key_of(c, &entity, listing->page.from);
    iam_page_scan(&listing->page);
    int error = auth_inline_policy_each(c->txn, &from, 2, c->arena, list_one, listing);
    return error < 0 ? refuse_errno(c, error, "listing inline policies") : OK;
}

RESULT iam_put_user_policy(struct call *c, const struct iam_put_user_policy_in *in,
                           struct iam_put_user_policy_out *out)
{
    struct inline_in given = {in->user_name, in->policy_name, in->policy_document};
    return put(c, IAM_USER, &given);
}

RESULT iam_put_group_policy(struct call *c, const struct iam_put_group_policy_in *in,
                            struct iam_put_group_policy_out *out)
{
    struct inline_in given = {in->group_name, in->policy_name, in->policy_document};
    return put(c, IAM_GROUP, &given);
}

RESULT iam_put_role_policy(struct call *c, const struct iam_put_role_policy_in *in,
                           struct iam_put_role_policy_out *out)
{
    struct inline_in given = {in->role_name, in->policy_name, in->policy_document};
    return put(c, IAM_ROLE, &given);
}

RESULT iam_get_user_policy(struct call *c, const struct iam_get_user_policy_in *in,
                           struct iam_get_user_policy_out *out)
{
    out->user_name = in->user_name;
    out->policy_name = in->policy_name;
    return get(c, IAM_USER, in->user_name, in->policy_name, &out->policy_document);
}

RESULT iam_get_group_policy(struct call *c, const struct iam_get_group_policy_in *in,
                            struct iam_get_group_policy_out *out)
{
    out->group_name = in->group_name;
    out->policy_name = in->policy_name;
    return get(c, IAM_GROUP, in->group_name, in->policy_name, &out->policy_document);
}

RESULT iam_get_role_policy(struct call *c, const struct iam_get_role_policy_in *in,
                           struct iam_get_role_policy_out *out)
{
    out->role_name = in->role_name;
    out->policy_name = in->policy_name;
    return get(c, IAM_ROLE, in->role_name, in->policy_name, &out->policy_document);
}

RESULT iam_delete_user_policy(struct call *c, const struct iam_delete_user_policy_in *in,
                              struct iam_delete_user_policy_out *out)
{
    return drop(c, IAM_USER, in->user_name, in->policy_name);
}

RESULT iam_delete_group_policy(struct call *c, const struct iam_delete_group_policy_in *in,
                               struct iam_delete_group_policy_out *out)
{
    return drop(c, IAM_GROUP, in->group_name, in->policy_name);
}

RESULT iam_delete_role_policy(struct call *c, const struct iam_delete_role_policy_in *in,
                              struct iam_delete_role_policy_out *out)
{
    return drop(c, IAM_ROLE, in->role_name, in->policy_name);
}

RESULT iam_list_user_policies(struct call *c, const struct iam_list_user_policies_in *in,
                              struct iam_list_user_policies_out *out)
{
    struct listing listing = {.names = &out->policy_names};
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    TRY(list(c, IAM_USER, in->user_name, &listing));
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

RESULT iam_list_group_policies(struct call *c, const struct iam_list_group_policies_in *in,
                               struct iam_list_group_policies_out *out)
{
    struct listing listing = {.names = &out->policy_names};
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    TRY(list(c, IAM_GROUP, in->group_name, &listing));
    IAM_PAGE_END(&listing.page, out);
    return OK;
}

RESULT iam_list_role_policies(struct call *c, const struct iam_list_role_policies_in *in,
                              struct iam_list_role_policies_out *out)
{
    struct listing listing = {.names = &out->policy_names};
    TRY(IAM_PAGE_BEGIN(c, in, &listing.page));
    TRY(list(c, IAM_ROLE, in->role_name, &listing));
    IAM_PAGE_END(&listing.page, out);
    return OK;
}
