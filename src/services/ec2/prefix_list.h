// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Managed prefix lists, of customers and (managed_prefix.h) of AWS: named sets of blocks in
 * versions, which rules refer to. Their entries are in records of their own, one for each version.
 * Control thread.
 */
#include "services/ec2/resource.h"

enum PREFIX_LIST_STATE {
    PREFIX_LIST_CREATING = 1,
    PREFIX_LIST_CREATED,
    PREFIX_LIST_MODIFYING,
    PREFIX_LIST_MODIFIED,
    PREFIX_LIST_MODIFY_FAILED,
    PREFIX_LIST_RESTORING,
    PREFIX_LIST_RESTORED,
    PREFIX_LIST_DELETING,
};

extern const struct resource_kind prefix_list_kind;

/* Of one of its versions; a version that there is not has none. */
RESULT prefix_list_entries(struct call *c, const struct stored_prefix_list *list, uint64_t version,
                           struct stored_prefix_entry_list *ret);
void prefix_list_put_entries(struct call *c, const struct stored_prefix_list *list,
                             uint64_t version, const struct stored_prefix_entry_list *entries);
void prefix_list_drop_entries(struct call *c, const struct stored_prefix_list *list,
                              uint64_t version);
/* The groups that have a rule of it. */
RESULT prefix_list_groups(struct call *c, struct span id, struct resource_list *ret);
