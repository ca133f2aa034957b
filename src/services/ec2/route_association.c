// SPDX-License-Identifier: Apache-2.0
/* AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation: which table a subnet
 * asks, and which one is the VPC's main table. Control thread. */
#include "services/ec2/association.h"
#include "services/ec2/route_table.h"
#include "services/ec2/subnet.h"

static struct ec2_route_table_association_state *associated(struct call *c)
{
    struct ec2_route_table_association_state *state =
        ARENA_NEW(c->arena, struct ec2_route_table_association_state);
    state->state = S("associated");
    return state;
}

static struct span add(struct call *c, struct stored_route_table *table, struct span subnet)
{
    struct stored_association association = {.id = id_new(c, "rtbassoc-", 17), .subnet = subnet};
    association_add(c, &table->associations, &association);
    resource_put(c, &route_table_kind, table);
    return association.id;
}

static RESULT check_unassociated(struct call *c, const struct stored_route_table *table,
                                 struct span subnet)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, table->vpc), &tables));
    for (size_t i = 0; i < tables.count; i++) {
        const struct stored_route_table *other = tables.at[i];
        if (association_of_subnet(&other->associations, subnet) != SIZE_MAX)
            return refuse(c, &EC2_RESOURCE_ALREADY_ASSOCIATED,
                          "the specified association for route table %.*s conflicts with an "
                          "existing association",
                          SPAN_ARG(table->id));
    }
    return OK;
}

RESULT ec2_associate_route_table(struct call *c, const struct ec2_associate_route_table_in *in,
                                 struct ec2_associate_route_table_out *out)
{
    struct stored_subnet subnet;
    struct stored_route_table table;
    if (in->gateway_id.at || in->public_ipv4_pool.at)
        return resource_not_built(c, "A route table of a gateway");
    if (!in->subnet_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER, "The request must contain the parameter subnetId");
    TRY(resource_get(c, &route_table_kind, in->route_table_id, &table));
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    if (!span_eq(table.vpc, subnet.vpc))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Route table %.*s and subnet %.*s belong to different networks",
                      SPAN_ARG(table.id), SPAN_ARG(subnet.id));
    TRY(check_unassociated(c, &table, subnet.id));
    out->association_id = add(c, &table, subnet.id);
    out->association_state = associated(c);
    return OK;
}

/* The table that has it, and where. */
static RESULT find(struct call *c, struct span association, struct stored_route_table **ret,
                   size_t *ret_index)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, NULL, &tables));
    for (size_t i = 0; i < tables.count; i++) {
        *ret = tables.at[i];
        *ret_index = association_find(&(*ret)->associations, association);
        if (*ret_index != SIZE_MAX)
            return OK;
    }
    return refuse(c, &EC2_INVALID_ASSOCIATION_ID_NOT_FOUND,
                  "The association ID '%.*s' does not exist", SPAN_ARG(association));
}

RESULT ec2_disassociate_route_table(struct call *c,
                                    const struct ec2_disassociate_route_table_in *in,
                                    struct ec2_disassociate_route_table_out *out)
{
    size_t index;
    struct stored_route_table *table;
    TRY(find(c, in->association_id, &table, &index));
    if (!table->associations.at[index].subnet.at)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "cannot disassociate the main route table association %.*s",
                      SPAN_ARG(in->association_id));
    association_drop(&table->associations, index);
    resource_put(c, &route_table_kind, table);
    return OK;
}

RESULT ec2_replace_route_table_association(struct call *c,
                                           const struct ec2_replace_route_table_association_in *in,
                                           struct ec2_replace_route_table_association_out *out)
{
    size_t index;
    struct stored_route_table *from, to;
    TRY(resource_get(c, &route_table_kind, in->route_table_id, &to));
    TRY(find(c, in->association_id, &from, &index));
    if (!span_eq(from->vpc, to.vpc))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Route tables %.*s and %.*s belong to different networks", SPAN_ARG(from->id),
                      SPAN_ARG(to.id));
    struct span subnet = from->associations.at[index].subnet;
    association_drop(&from->associations, index);
    resource_put(c, &route_table_kind, from);
    if (span_eq(from->id, to.id))
        to = *from;
    out->new_association_id = add(c, &to, subnet);
    out->association_state = associated(c);
    return OK;
}
