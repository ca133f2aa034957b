// SPDX-License-Identifier: Apache-2.0
/*
 * CreateManagedPrefixList, ModifyManagedPrefixList, RestoreManagedPrefixListVersion,
 * DeleteManagedPrefixList, GetManagedPrefixListEntries. Control thread.
 */
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/managed_prefix.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/tag.h"

#define LISTS_MAX 100    /* "Amazon VPC quotas": per region */
#define ENTRIES_MAX 1000 /* the same: the most that a list may be made for */
#define TEXT_MAX 255
#define PAGE_MAX 100

/* ---- what is asked for -------------------------------------------------------------------------
 */

static RESULT check_name(struct call *c, struct span name)
{
    if (span_is_empty(name) || name.len > TEXT_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The prefix list name must be between 1 and %d characters.", TEXT_MAX);
    if (span_starts_nocase(name, S("com.amazonaws")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The prefix list name cannot start with com.amazonaws.");
    return OK;
}

static RESULT check_size(struct call *c, int32_t size)
{
    if (size < 1 || size > ENTRIES_MAX)
        return refuse(
            c, &EC2_INVALID_PARAMETER_VALUE,
            "Value (%d) for parameter MaxEntries is invalid. It must be between 1 and %d.", size,
            ENTRIES_MAX);
    return OK;
}

static RESULT read_block(struct call *c, struct span family, struct span text, struct span *ret)
{
    struct cidr cidr;
    bool valid =
        span_eq(family, S("IPv4")) ? cidr_read(text, &cidr) : cidr6_read(c->arena, text, ret);
    if (!valid)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter Cidr is invalid. It is not a valid %.*s CIDR "
                      "block.",
                      SPAN_ARG(text), SPAN_ARG(family));
    if (span_eq(family, S("IPv4")))
        *ret = cidr_text(c->arena, cidr);
    return OK;
}

static size_t find(const struct stored_prefix_entry_list *entries, struct span block)
{
    for (size_t i = 0; i < entries->count; i++)
        if (span_eq(entries->at[i].cidr, block))
            return i;
    return SIZE_MAX;
}

static RESULT add_entries(struct call *c, const struct stored_prefix_list *list,
                          const struct ec2_add_prefix_list_entries *added,
                          struct stored_prefix_entry_list *to)
{
    struct stored_prefix_entry *all =
        ARENA_ARRAY(c->arena, struct stored_prefix_entry, to->count + added->count);
    if (to->count)
        memcpy(all, to->at, to->count * sizeof *all);
    to->at = all;
    for (size_t i = 0; i < added->count; i++) {
        struct span description = added->at[i].description, block;
        TRY(read_block(c, list->family, added->at[i].cidr, &block));
        if (description.len > TEXT_MAX)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "The description of an entry may have at most %d characters.", TEXT_MAX);
        if (find(to, block) != SIZE_MAX)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "The prefix list already has an entry for the CIDR block %.*s.",
                          SPAN_ARG(block));
        to->at[to->count++] = (struct stored_prefix_entry){
            .cidr = block, .description = description.len ? description : SPAN_NONE};
    }
    return OK;
}

static RESULT remove_entries(struct call *c, const struct stored_prefix_list *list,
                             const struct ec2_remove_prefix_list_entries *removed,
                             struct stored_prefix_entry_list *from)
{
    for (size_t i = 0; i < removed->count; i++) {
        struct span block;
        TRY(read_block(c, list->family, removed->at[i].cidr, &block));
        size_t index = find(from, block);
        if (index == SIZE_MAX)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "The prefix list has no entry for the CIDR block %.*s.", SPAN_ARG(block));
        from->count--;
        memmove(&from->at[index], &from->at[index + 1], (from->count - index) * sizeof *from->at);
    }
    return OK;
}

static RESULT check_count(struct call *c, const struct stored_prefix_entry_list *entries,
                          uint64_t size)
{
    if (entries->count > size)
        return refuse(c, &EC2_PREFIX_LIST_MAX_ENTRIES_EXCEEDED,
                      "You've reached the maximum number of entries for the prefix list.");
    return OK;
}

static RESULT shown(struct call *c, const struct stored_prefix_list *list,
                    struct ec2_managed_prefix_list **ret)
{
    *ret = ARENA_NEW(c->arena, struct ec2_managed_prefix_list);
    return prefix_list_kind.show(c, list, *ret);
}

/* ---- creation ----------------------------------------------------------------------------------
 */

static RESULT make(struct call *c, const struct ec2_create_managed_prefix_list_in *in,
                   struct stored_prefix_list *list)
{
    struct resource_list lists;
    struct stored_prefix_entry_list entries = {0};
    *list = (struct stored_prefix_list){.name = in->prefix_list_name,
                                        .family = in->address_family,
                                        .max_entries = (uint64_t)in->max_entries,
                                        .next_max_entries = (uint64_t)in->max_entries,
                                        .version = 1,
                                        .next_version = 1,
                                        .first_version = 1,
                                        .state = PREFIX_LIST_CREATING};
    TRY(add_entries(c, list, &in->entries, &entries));
    TRY(check_count(c, &entries, list->max_entries));
    TRY(resource_list(c, &prefix_list_kind, NULL, &lists));
    if (lists.count >= LISTS_MAX + MANAGED_PREFIXES)
        return refuse(c, &EC2_PREFIX_LIST_LIMIT_EXCEEDED,
                      "You've reached the maximum number of prefix lists for the region.");
    resource_name(c, &prefix_list_kind, list);
    prefix_list_put_entries(c, list, 1, &entries);
    resource_put_moving(c, &prefix_list_kind, list, 0);
    return tag_new(c, &prefix_list_kind, list->id, &in->tag_specifications);
}

RESULT ec2_create_managed_prefix_list(struct call *c,
                                      const struct ec2_create_managed_prefix_list_in *in,
                                      struct ec2_create_managed_prefix_list_out *out)
{
    struct span made;
    struct stored_prefix_list list;
    TRY(check_name(c, in->prefix_list_name));
    TRY(check_size(c, in->max_entries));
    if (!span_eq(in->address_family, S("IPv4")) && !span_eq(in->address_family, S("IPv6")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter AddressFamily is invalid.",
                      SPAN_ARG(in->address_family));
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at)
        TRY(resource_get(c, &prefix_list_kind, made, &list));
    else
        TRY(make(c, in, &list));
    if (!made.at)
        client_token_keep(c, in, in->client_token, list.id);
    return shown(c, &list, &out->prefix_list);
}

/* ---- changes -----------------------------------------------------------------------------------
 */

/* Refused while another change is on its way. */
static RESULT get_settled(struct call *c, struct span id, struct stored_prefix_list *ret)
{
    struct ec2_managed_prefix_list *list;
    TRY(resource_get(c, &prefix_list_kind, id, ret));
    if (ret->managed)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "The prefix list '%.*s' is managed by AWS and cannot be changed.",
                      SPAN_ARG(id));
    TRY(shown(c, ret, &list));
    if (span_ends(list->state, S("-in-progress")))
        return refuse(c, &EC2_INCORRECT_STATE,
                      "The request cannot be completed while the prefix list (%.*s) is in the "
                      "current state (%.*s).",
                      SPAN_ARG(id), SPAN_ARG(list->state));
    return OK;
}

static RESULT check_version(struct call *c, const struct stored_prefix_list *list, int64_t version)
{
    if (version != (int64_t)list->version)
        return refuse(c, &EC2_PREFIX_LIST_VERSION_MISMATCH,
                      "The prefix list has the incorrect version number.");
    return OK;
}

static RESULT change_entries(struct call *c, const struct ec2_modify_managed_prefix_list_in *in,
                             struct stored_prefix_list *list)
{
    struct stored_prefix_entry_list entries;
    if (!in->has.current_version)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter CurrentVersion");
    TRY(prefix_list_entries(c, list, list->version, &entries));
    TRY(remove_entries(c, list, &in->remove_entries, &entries));
    for (size_t i = 0; i < in->add_entries.count; i++)
        for (size_t j = 0; j < in->remove_entries.count; j++)
            if (span_eq(in->add_entries.at[i].cidr, in->remove_entries.at[j].cidr))
                return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                              "The same CIDR block cannot be added and removed in one request.");
    TRY(add_entries(c, list, &in->add_entries, &entries));
    TRY(check_count(c, &entries, list->max_entries));
    list->next_version = list->version + 1;
    prefix_list_put_entries(c, list, list->next_version, &entries);
    return OK;
}

static RESULT change_size(struct call *c, int32_t size, struct stored_prefix_list *list)
{
    struct stored_prefix_entry_list entries;
    TRY(check_size(c, size));
    TRY(prefix_list_entries(c, list, list->version, &entries));
    TRY(check_count(c, &entries, (uint64_t)size));
    list->next_max_entries = (uint64_t)size;
    return OK;
}

RESULT ec2_modify_managed_prefix_list(struct call *c,
                                      const struct ec2_modify_managed_prefix_list_in *in,
                                      struct ec2_modify_managed_prefix_list_out *out)
{
    struct stored_prefix_list list;
    bool entries = in->add_entries.count || in->remove_entries.count;
    if (in->ipam_prefix_list_resolver_sync_enabled)
        return resource_not_built(c, "An IPAM prefix list resolver");
    if (entries && in->has.max_entries)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You cannot modify the entries of a prefix list and its size at the same "
                      "time.");
    TRY(get_settled(c, in->prefix_list_id, &list));
    if (in->has.current_version)
        TRY(check_version(c, &list, in->current_version));
    if (in->prefix_list_name.at) {
        TRY(check_name(c, in->prefix_list_name));
        list.name = in->prefix_list_name;
    }
    if (entries)
        TRY(change_entries(c, in, &list));
    if (in->has.max_entries)
        TRY(change_size(c, in->max_entries, &list));
    list.state = PREFIX_LIST_MODIFYING;
    resource_put_moving(c, &prefix_list_kind, &list, 0);
    return shown(c, &list, &out->prefix_list);
}

static RESULT check_kept(struct call *c, const struct stored_prefix_list *list, int64_t version)
{
    if (version < (int64_t)list->first_version || version > (int64_t)list->version)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The prefix list %.*s does not have version %lld.", SPAN_ARG(list->id),
                      (long long)version);
    return OK;
}

RESULT
ec2_restore_managed_prefix_list_version(struct call *c,
                                        const struct ec2_restore_managed_prefix_list_version_in *in,
                                        struct ec2_restore_managed_prefix_list_version_out *out)
{
    struct stored_prefix_list list;
    struct stored_prefix_entry_list entries;
    TRY(get_settled(c, in->prefix_list_id, &list));
    TRY(check_version(c, &list, in->current_version));
    TRY(check_kept(c, &list, in->previous_version));
    TRY(prefix_list_entries(c, &list, (uint64_t)in->previous_version, &entries));
    TRY(check_count(c, &entries, list.max_entries));
    list.next_version = list.version + 1;
    list.state = PREFIX_LIST_RESTORING;
    prefix_list_put_entries(c, &list, list.next_version, &entries);
    resource_put_moving(c, &prefix_list_kind, &list, 0);
    return shown(c, &list, &out->prefix_list);
}

RESULT ec2_delete_managed_prefix_list(struct call *c,
                                      const struct ec2_delete_managed_prefix_list_in *in,
                                      struct ec2_delete_managed_prefix_list_out *out)
{
    struct stored_prefix_list list;
    struct resource_list groups;
    TRY(get_settled(c, in->prefix_list_id, &list));
    TRY(prefix_list_groups(c, list.id, &groups));
    if (groups.count)
        return resource_in_use(c, "prefix list", list.id);
    list.state = PREFIX_LIST_DELETING;
    resource_put_moving(c, &prefix_list_kind, &list, 0);
    return shown(c, &list, &out->prefix_list);
}

/* ---- GetManagedPrefixListEntries ---------------------------------------------------------------
 */

RESULT ec2_get_managed_prefix_list_entries(struct call *c,
                                           const struct ec2_get_managed_prefix_list_entries_in *in,
                                           struct ec2_get_managed_prefix_list_entries_out *out)
{
    struct span from;
    uint64_t next = 0;
    struct stored_prefix_list list;
    struct stored_prefix_entry_list entries;
    size_t page = in->max_results ? (size_t)in->max_results : PAGE_MAX;
    TRY(describe_read_token(c, "prefix-list-entry", in->next_token, &from));
    if (from.at && !span_to_u64(from, &next))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid",
                      SPAN_ARG(in->next_token));
    TRY(resource_get(c, &prefix_list_kind, in->prefix_list_id, &list));
    int64_t version = in->has.target_version ? in->target_version : (int64_t)list.version;
    TRY(check_kept(c, &list, version));
    TRY(prefix_list_entries(c, &list, (uint64_t)version, &entries));
    out->entries.at = ARENA_ARRAY(c->arena, struct ec2_prefix_list_entry, page);
    for (; next < entries.count && out->entries.count < page; next++)
        out->entries.at[out->entries.count++] = (struct ec2_prefix_list_entry){
            .cidr = entries.at[next].cidr, .description = entries.at[next].description};
    if (next < entries.count)
        out->next_token = describe_token(c, "prefix-list-entry",
                                         arena_printf(c->arena, "%llu", (unsigned long long)next));
    return OK;
}
