// SPDX-License-Identifier: Apache-2.0
/*
 * Managed prefix lists. A change is on its way until its record is durable: the version that counts
 * moves with the step, and with it what the groups mean that refer to the list. Control thread.
 */
#include "services/ec2/prefix_list.h"

#include "services/ec2/describe.h"
#include "services/ec2/group_rule.h"
#include "services/ec2/network.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define VERSIONS_MAX 1000 /* "Amazon VPC quotas" */
#define NAMED_MAX 10      /* groups in a message */

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    static const struct span states[] = {
        [PREFIX_LIST_CREATING] = S_INIT("create-in-progress"),
        [PREFIX_LIST_CREATED] = S_INIT("create-complete"),
        [PREFIX_LIST_MODIFYING] = S_INIT("modify-in-progress"),
        [PREFIX_LIST_MODIFIED] = S_INIT("modify-complete"),
        [PREFIX_LIST_MODIFY_FAILED] = S_INIT("modify-failed"),
        [PREFIX_LIST_RESTORING] = S_INIT("restore-in-progress"),
        [PREFIX_LIST_RESTORED] = S_INIT("restore-complete"),
        [PREFIX_LIST_DELETING] = S_INIT("delete-in-progress"),
    };
    const struct stored_prefix_list *list = record;
    struct ec2_managed_prefix_list *to = shown;
    to->prefix_list_id = list->id;
    to->prefix_list_name = list->name;
    to->address_family = list->family;
    to->state = states[list->state];
    to->state_message = list->state_message;
    if (list->managed) {
        to->owner_id = S("AWS");
        to->prefix_list_arn = arena_printf(c->arena, "arn:aws:ec2:%.*s:aws:prefix-list/%.*s",
                                           SPAN_ARG(c->region), SPAN_ARG(list->id));
    } else {
        to->owner_id = list->account;
        to->prefix_list_arn = resource_arn(c, &prefix_list_kind, list->id);
        SET(to, max_entries, (int32_t)list->max_entries);
        SET(to, version, (int64_t)list->version);
    }
    return tag_list(c, list->id, &to->tags);
}

/* ---- steps -------------------------------------------------------------------------------------
 */

RESULT prefix_list_groups(struct call *c, struct span id, struct resource_list *ret)
{
    struct resource_list groups;
    *ret = (struct resource_list){0};
    TRY(resource_list(c, &security_group_kind, NULL, &groups));
    for (size_t i = 0; i < groups.count; i++) {
        const struct stored_security_group *group = groups.at[i];
        bool refers = false;
        for (size_t j = 0; j < group->rules.count; j++)
            refers = refers || span_eq(group->rules.at[j].prefix_list, id);
        if (!refers)
            continue;
        ret->at = resource_grow(c, ret->at, ret->count, sizeof *ret->at);
        ret->at[ret->count++] = groups.at[i];
    }
    return OK;
}

/* A new size counts against the rules of every group that refers to the list. */
static RESULT resize(struct call *c, struct stored_prefix_list *list,
                     const struct resource_list *groups)
{
    struct span failed = S("");
    size_t count = 0;
    uint64_t before = list->max_entries;
    list->max_entries = list->next_max_entries;
    resource_put(c, &prefix_list_kind, list);
    for (size_t i = 0; i < groups->count && count < NAMED_MAX; i++) {
        if (group_rule_check_count(c, groups->at[i]) == OK)
            continue;
        failed = arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(failed), count++ ? ", " : "",
                              SPAN_ARG(resource_id(groups->at[i])));
    }
    if (!count)
        return OK;
    list->max_entries = before;
    list->state = PREFIX_LIST_MODIFY_FAILED;
    list->state_message = arena_printf(
        c->arena, "These resources do not support the new maximum size: %.*s", SPAN_ARG(failed));
    return OK;
}

static void drop_all_entries(struct call *c, const struct stored_prefix_list *list)
{
    for (uint64_t version = list->first_version; version <= list->next_version; version++)
        prefix_list_drop_entries(c, list, version);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    static const enum PREFIX_LIST_STATE after[] = {
        [PREFIX_LIST_CREATING] = PREFIX_LIST_CREATED,
        [PREFIX_LIST_MODIFYING] = PREFIX_LIST_MODIFIED,
        [PREFIX_LIST_RESTORING] = PREFIX_LIST_RESTORED,
        [PREFIX_LIST_DELETING] = PREFIX_LIST_DELETING,
    };
    struct resource_list groups;
    struct stored_prefix_list *list = record;
    if (list->state == PREFIX_LIST_DELETING) {
        drop_all_entries(c, list);
        resource_drop(c, &prefix_list_kind, list);
        return OK;
    }
    TRY(prefix_list_groups(c, list->id, &groups));
    list->state = after[list->state];
    list->state_message = SPAN_NONE;
    list->version = list->next_version;
    if (list->version - list->first_version >= VERSIONS_MAX)
        prefix_list_drop_entries(c, list, list->first_version++);
    if (list->next_max_entries != list->max_entries)
        TRY(resize(c, list, &groups));
    list->next_max_entries = list->max_entries;
    resource_put(c, &prefix_list_kind, list);
    for (size_t i = 0; i < groups.count; i++)
        network_changed(c, ((const struct stored_security_group *)groups.at[i])->vpc);
    return OK;
}

static const struct filter_name filters[] = {
    {"owner-id", "OwnerId"},
    {"prefix-list-id", "PrefixListId"},
    {"prefix-list-name", "PrefixListName"},
};

const struct resource_kind prefix_list_kind = {
    .prefix = S_INIT("pl-"),
    .type = "prefix-list",
    .record = &stored_prefix_list_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_PREFIX_LIST_ID_MALFORMED,
    .missing = &EC2_INVALID_PREFIX_LIST_ID_NOT_FOUND,
    .missing_before = "The prefix list ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_managed_prefix_list),
    .show = show,
    .filters = {EC2_SHAPE_MANAGED_PREFIX_LIST, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT ec2_describe_managed_prefix_lists(struct call *c,
                                         const struct ec2_describe_managed_prefix_lists_in *in,
                                         struct ec2_describe_managed_prefix_lists_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, prefix_list_ids);
    TRY(describe(c, &prefix_list_kind, &asked, &found));
    out->prefix_lists.at = found.at;
    out->prefix_lists.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- versions ----------------------------------------------------------------------------------
 */

static struct stored_prefix_list_version version_of(const struct stored_prefix_list *list,
                                                    uint64_t version)
{
    return (struct stored_prefix_list_version){
        .account = list->account, .region = list->region, .list = list->id, .version = version};
}

RESULT prefix_list_entries(struct call *c, const struct stored_prefix_list *list, uint64_t version,
                           struct stored_prefix_entry_list *ret)
{
    struct stored_prefix_list_version kept = version_of(list, version);
    int error = stored_prefix_list_version_get(c->txn, c->arena, &kept);
    *ret = kept.entries;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a prefix list") : OK;
}

void prefix_list_put_entries(struct call *c, const struct stored_prefix_list *list,
                             uint64_t version, const struct stored_prefix_entry_list *entries)
{
    struct stored_prefix_list_version kept = version_of(list, version);
    kept.entries = *entries;
    stored_prefix_list_version_put(c->txn, &kept);
}

void prefix_list_drop_entries(struct call *c, const struct stored_prefix_list *list,
                              uint64_t version)
{
    struct stored_prefix_list_version kept = version_of(list, version);
    stored_prefix_list_version_delete(c->txn, &kept);
}

/* ---- who refers to it --------------------------------------------------------------------------
 */

RESULT ec2_get_managed_prefix_list_associations(
    struct call *c, const struct ec2_get_managed_prefix_list_associations_in *in,
    struct ec2_get_managed_prefix_list_associations_out *out)
{
    struct stored_prefix_list list;
    struct resource_list groups;
    struct span from;
    struct ec2_prefix_list_association_set *to = &out->prefix_list_associations;
    TRY(describe_read_token(c, "prefix-list-association", in->next_token, &from));
    TRY(resource_get(c, &prefix_list_kind, in->prefix_list_id, &list));
    TRY(prefix_list_groups(c, list.id, &groups));
    to->at = ARENA_ARRAY(c->arena, struct ec2_prefix_list_association, groups.count);
    for (size_t i = 0; i < groups.count; i++) {
        struct span id = resource_id(groups.at[i]);
        if (from.at && span_compare(id, from) < 0)
            continue;
        if (in->max_results && to->count == (size_t)in->max_results) {
            out->next_token = describe_token(c, "prefix-list-association", id);
            break;
        }
        to->at[to->count++] =
            (struct ec2_prefix_list_association){.resource_id = id, .resource_owner = c->account};
    }
    return OK;
}
