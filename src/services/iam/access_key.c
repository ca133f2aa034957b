// SPDX-License-Identifier: Apache-2.0
/*
 * Access keys of users, two at most. The secret is shown once. Control thread.
 * Source: IAM API reference, CreateAccessKey and the like.
 */
#include "services/iam/iam.h"

#include "base/id.h"

#include <errno.h>

#define KEYS_MAX 2

static struct span status_of(const struct auth_access_key *key)
{
    return key->active ? S("Active") : S("Inactive");
}

static void keys_add(struct call *c, struct record_texts *keys, struct span id)
{
    struct span *at = ARENA_ARRAY(c->arena, struct span, keys->count + 1);
    if (keys->count)
        memcpy(at, keys->at, keys->count * sizeof *at);
    at[keys->count++] = id;
    keys->at = at;
}

RESULT iam_create_access_key(struct call *c, const struct iam_create_access_key_in *in,
                             struct iam_create_access_key_out *out)
{
    struct iam_entity entity;
    TRY(iam_user_or_caller(c, in->user_name, &entity));
    if (entity.user.access_keys.count >= KEYS_MAX)
        return refuse(c, &IAM_LIMIT_EXCEEDED, "Cannot exceed quota for AccessKeysPerUser: %d",
                      KEYS_MAX);
    struct auth_access_key key = {
        .id = id_base32(c->arena, S("AKIA"), 16),
        .account = c->account,
        .user = entity.lname,
        .secret = id_alnum(c->arena, S(""), 40),
        .active = true,
        .created = c->now_ms,
    };
    auth_access_key_put(c->txn, &key);
    keys_add(c, &entity.user.access_keys, key.id);
    iam_entity_put(c, &entity);

    out->access_key = ARENA_NEW(c->arena, struct iam_access_key);
    *out->access_key = (struct iam_access_key){
        .user_name = entity.name,
        .access_key_id = key.id,
        .status = status_of(&key),
        .secret_access_key = key.secret,
        .create_date = key.created,
        .has.create_date = true,
    };
    return OK;
}

/* A key of another user is no key here. */
static const struct refusal *key_of(struct call *c, const struct iam_entity *entity, struct span id,
                                    struct auth_access_key *out)
{
    *out = (struct auth_access_key){.id = id};
    int error = auth_access_key_get(c->txn, c->arena, out);
    bool own = !error && span_eq(out->account, c->account) && span_eq(out->user, entity->lname);
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading an access key");
    if (!own)
        return refuse(c, &IAM_NO_SUCH_ENTITY, "The Access Key with id %.*s cannot be found.",
                      SPAN_ARG(id));
    return OK;
}

RESULT iam_update_access_key(struct call *c, const struct iam_update_access_key_in *in,
                             struct iam_update_access_key_out *out)
{
    struct iam_entity entity;
    struct auth_access_key key;
    TRY(iam_user_or_caller(c, in->user_name, &entity));
    TRY(key_of(c, &entity, in->access_key_id, &key));
    key.active = span_eq(in->status, S("Active"));
    auth_access_key_put(c->txn, &key);
    return OK;
}

RESULT iam_delete_access_key(struct call *c, const struct iam_delete_access_key_in *in,
                             struct iam_delete_access_key_out *out)
{
    struct iam_entity entity;
    struct auth_access_key key;
    TRY(iam_user_or_caller(c, in->user_name, &entity));
    TRY(key_of(c, &entity, in->access_key_id, &key));
    auth_access_key_delete(c->txn, &key);
    struct record_texts *keys = &entity.user.access_keys;
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++)
        if (!span_eq(keys->at[i], key.id))
            keys->at[kept++] = keys->at[i];
    keys->count = kept;
    iam_entity_put(c, &entity);
    return OK;
}

RESULT iam_list_access_keys(struct call *c, const struct iam_list_access_keys_in *in,
                            struct iam_list_access_keys_out *out)
{
    struct iam_entity entity;
    struct iam_page page;
    TRY(iam_user_or_caller(c, in->user_name, &entity));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    struct record_texts keys = entity.user.access_keys;
    out->access_key_metadata.at = ARENA_ARRAY(c->arena, struct iam_access_key_metadata, keys.count);
    for (size_t i = iam_page_first(&page); i < keys.count && iam_page_takes_index(&page, i); i++) {
        struct auth_access_key key;
        TRY(key_of(c, &entity, keys.at[i], &key));
        out->access_key_metadata.at[out->access_key_metadata.count++] =
            (struct iam_access_key_metadata){
                .user_name = entity.name,
                .access_key_id = key.id,
                .status = status_of(&key),
                .create_date = key.created,
                .has.create_date = true,
            };
    }
    IAM_PAGE_END(&page, out);
    return OK;
}
