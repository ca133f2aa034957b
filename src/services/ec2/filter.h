// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Filters of the Describe operations. A filter looks at what the operation would tell: its table
 * says which member of the shown structure a name means ("Filtering", and the Filter parameter of
 * each operation). `tag:KEY` and `tag-key` hold for everything that shows tags. All filters must
 * pass, one of a filter's values is enough; `*` and `?` are wildcards, `\` takes their meaning.
 * Pure.
 */
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

/* "cidr-block-association.state", "CidrBlockAssociationSet.CidrBlockState.State": through lists,
 * any element may match. */
struct filter_name {
    const char *name, *path;
};

struct filter_table {
    uint16_t shape; /* EC2_SHAPE_… */
    const struct filter_name *names;
    size_t count;
};

/* Unknown names, and more filters or values than one request may have. */
RESULT filter_check(struct call *c, const struct filter_table *table,
                    const struct ec2_filter_list *filters);
bool filter_passes(struct call *c, const struct filter_table *table,
                   const struct ec2_filter_list *filters, const void *shown);
