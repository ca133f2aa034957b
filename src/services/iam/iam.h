// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the nouns of IAM share: finding a record with the permission asked for, quotas, pages, tags.
 * Private to this folder. Everything runs on the control thread, within the call's transaction and
 * arena.
 */
#include "auth/principal.h"
#include "services/cloud.h"
#include "services/iam/iam.api.h"
#include "wire/call.h"

/* ---- entity.c ---- */

/*
 * Asks for iam:OPERATION on this ARN, and before a write tells auth that records change. Every
 * handler comes through here before it reads or writes anything for the caller.
 */
RESULT iam_permit(struct call *c, struct span arn);

enum IAM_KIND { IAM_USER, IAM_GROUP, IAM_ROLE };

/* A user, group or role: `policies` points into the record that is set. */
struct iam_entity {
    enum IAM_KIND kind;
    struct span name, lname, path, id, arn;
    struct record_texts *policies; /* ARNs of attached managed policies */
    struct auth_user user;
    struct auth_group group;
    struct auth_role role;
};

/* The entity of that name, permitted; NoSuchEntity otherwise. `out` must stay where it is. */
RESULT iam_entity_named(struct call *c, enum IAM_KIND kind, struct span name,
                        struct iam_entity *out);
/* The same without asking for a permission, for what another entity refers to. */
RESULT iam_entity_known(struct call *c, enum IAM_KIND kind, struct span name,
                        struct iam_entity *out);
/* Refuses when the name is taken; permits the ARN of what is to be. */
RESULT iam_entity_new(struct call *c, enum IAM_KIND kind, struct span path, struct span name);
void iam_entity_put(struct call *c, const struct iam_entity *entity);
/* The user that an optional UserName means: without it the caller. */
RESULT iam_user_or_caller(struct call *c, struct span name, struct iam_entity *out);
/* "user", "group", "role": in ARNs, keys of inline policies, and messages. */
const char *iam_kind_word(enum IAM_KIND kind);
/* Any inline policy left? */
RESULT iam_has_inline(struct call *c, const struct iam_entity *entity, bool *ret);
/* Refuses to delete what still has policies. */
RESULT iam_entity_is_bare(struct call *c, const struct iam_entity *entity);

struct span iam_path_or_root(struct span path); /* "/" unless given */
/* Capital form of an id: prefix and 17 letters. */
struct span iam_id_new(struct call *c, const char *prefix);

/* ---- quota.c ---- */

enum IAM_QUOTA { QUOTA_USERS, QUOTA_GROUPS, QUOTA_ROLES, QUOTA_POLICIES, QUOTA_PROFILES };
/* Counts one more, or LimitExceeded. */
RESULT iam_quota_take(struct call *c, enum IAM_QUOTA quota);
RESULT iam_quota_give(struct call *c, enum IAM_QUOTA quota);

/* ---- page.c ---- */

struct iam_page {
    struct call *c;
    struct span from; /* key of the first item, absent: from the beginning */
    int32_t limit, count;
    bool truncated;
    struct span marker;     /* of the next page */
    size_t taken;           /* bytes of the arena when it began */
    struct arena_mark mark; /* behind what the page keeps of a scan */
};

RESULT iam_page_begin(struct call *c, struct span marker, int32_t max_items, struct iam_page *page);
/* Room for the item of that key? Otherwise the page ends before it. Pages of large items end early.
 */
bool iam_page_takes(struct iam_page *page, struct span key);
/* For visitors of records, which would fill the arena with what is passed over: before the scan,
 * and as the answer for an item that was passed over or that stays on the page. Both answer 0. */
void iam_page_scan(struct iam_page *page);
int iam_page_pass(const struct iam_page *page);
int iam_page_keep(struct iam_page *page);
/* For lists in memory: index of the first item, and whether item `index` still fits. */
size_t iam_page_first(const struct iam_page *page);
bool iam_page_takes_index(struct iam_page *page, size_t index);

#define IAM_PAGE_BEGIN(c, in, page)                                                                \
    iam_page_begin((c), (in)->marker, (in)->has.max_items ? (in)->max_items : 0, (page))
#define IAM_PAGE_END(page, out)                                                                    \
    do {                                                                                           \
        (out)->is_truncated = (page)->truncated;                                                   \
        (out)->has.is_truncated = true;                                                            \
        (out)->marker = (page)->marker;                                                            \
    } while (0)

/* ---- tag.c ---- */

/* Sets or replaces, keys without regard to case; at most 50. */
RESULT iam_tags_set(struct call *c, struct iam_tag_list_type given, struct auth_tag_list *tags);
void iam_tags_drop(struct call *c, struct iam_tag_key_list_type keys, struct auth_tag_list *tags);
/* As outputs show them: absent when there are none. */
struct iam_tag_list_type iam_tags_shown(struct call *c, struct auth_tag_list tags);

struct iam_tags_in {
    struct span marker;
    int32_t max_items;
};
struct iam_tags_out {
    struct iam_tag_list_type tags;
    struct iam_page page;
};
RESULT iam_tags_list(struct call *c, struct auth_tag_list tags, const struct iam_tags_in *in,
                     struct iam_tags_out *out);

/* ---- policy.c ---- */

/* The policy of that ARN, an account's or one of AWS (account "aws"), without permission: 0,
 * -ENOENT, other errno. */
MUST_CHECK int iam_policy_read(struct call *c, struct span arn, struct auth_policy *out);
/* The same permitted; NoSuchEntity when it is not there. */
RESULT iam_policy_named(struct call *c, struct span arn, struct auth_policy *out);
/* The same for a change, which those of AWS refuse. */
RESULT iam_policy_to_change(struct call *c, struct span arn, struct auth_policy *out);
bool iam_policy_is_of_aws(const struct auth_policy *policy);
struct span iam_policy_arn(struct call *c, const struct auth_policy *policy);
/* Refuses what is no ARN at all. */
RESULT iam_arn_check(struct call *c, struct span arn);
/* Refuses a document that cannot be a managed policy. */
RESULT iam_managed_document_check(struct call *c, struct span document);

enum IAM_USE { USE_ATTACHED, USE_BOUNDARY };
/* Counts uses of a policy in this account up or down. */
RESULT iam_policy_used(struct call *c, struct span arn, enum IAM_USE use, int by);

/* ---- boundary.c ---- */

/* Replaces *boundary, keeping the counts of both policies. An absent `arn` removes it. */
RESULT iam_boundary_set(struct call *c, struct span arn, struct span *boundary);
struct iam_attached_permissions_boundary *iam_boundary_shown(struct call *c, struct span arn);

/* ---- role.c, user.c, group.c ---- */

enum IAM_DETAIL { IN_LIST, IN_CREATE, IN_GET };
void iam_role_show(struct call *c, const struct auth_role *role, enum IAM_DETAIL detail,
                   struct iam_role *out);
void iam_user_show(struct call *c, const struct auth_user *user, enum IAM_DETAIL detail,
                   struct iam_user *out);
void iam_group_show(struct call *c, const struct auth_group *group, struct iam_group *out);
