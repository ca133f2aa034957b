// SPDX-License-Identifier: Apache-2.0
/* Lists of associations. Pure. */
#include "services/ec2/association.h"

#include "services/ec2/resource.h"

void association_add(struct call *c, struct stored_association_list *list,
                     const struct stored_association *association)
{
    list->at = resource_widen(c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = *association;
}

void association_drop(struct stored_association_list *list, size_t index)
{
    list->count--;
    memmove(&list->at[index], &list->at[index + 1], (list->count - index) * sizeof *list->at);
}

size_t association_find(const struct stored_association_list *list, struct span id)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_eq(list->at[i].id, id))
            return i;
    return SIZE_MAX;
}

size_t association_of_subnet(const struct stored_association_list *list, struct span subnet)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].subnet.at && span_eq(list->at[i].subnet, subnet))
            return i;
    return SIZE_MAX;
}

bool association_drop_subnet(struct stored_association_list *list, struct span subnet)
{
    size_t index = association_of_subnet(list, subnet);
    if (index == SIZE_MAX)
        return false;
    association_drop(list, index);
    return true;
}
