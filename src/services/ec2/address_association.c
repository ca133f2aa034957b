// SPDX-License-Identifier: Apache-2.0
/* AssociateAddress, DisassociateAddress: which private address an elastic one stands for. Control
 * thread. */
#include "services/ec2/elastic_address.h"
#include "services/ec2/internet_gateway.h"

static RESULT find_elastic(struct call *c, struct span allocation, struct span public_address,
                           struct stored_elastic_address *ret)
{
    if (!allocation.at && !public_address.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either public IP or allocation id must be specified");
    if (allocation.at && public_address.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You may specify public IP or allocation id, but not both in the same call");
    if (allocation.at)
        return resource_get(c, &elastic_address_kind, allocation, ret);
    return elastic_address_find(c, public_address, ret);
}

static RESULT find_interface(struct call *c, const struct ec2_associate_address_in *in,
                             struct stored_interface *ret)
{
    struct stored_interface *found;
    if (!in->instance_id.at == !in->network_interface_id.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You must specify either an InstanceID or a NetworkInterfaceID.");
    if (in->network_interface_id.at)
        return resource_get(c, &interface_kind, in->network_interface_id, ret);
    TRY(interface_of_instance(c, in->instance_id, 0, &found));
    if (!found)
        return refuse(c, &EC2_INVALID_INSTANCE_ID_NOT_FOUND,
                      "The instance ID '%.*s' does not exist", SPAN_ARG(in->instance_id));
    *ret = *found;
    return OK;
}

static RESULT check_way_out(struct call *c, struct span vpc)
{
    bool attached;
    TRY(resource_any(c, &internet_gateway_kind, WHERE(stored_internet_gateway, vpc, vpc),
                     &attached));
    return attached ? OK
                    : refuse(c, &EC2_GATEWAY_NOT_ATTACHED,
                             "Network %.*s is not attached to any internet gateway", SPAN_ARG(vpc));
}

static bool is_joined(const struct stored_elastic_address *elastic,
                      const struct stored_interface *interface, size_t index)
{
    return span_eq(elastic->interface, interface->id) &&
           span_eq(elastic->private_address, interface->addresses.at[index].address);
}

RESULT ec2_associate_address(struct call *c, const struct ec2_associate_address_in *in,
                             struct ec2_associate_address_out *out)
{
    struct stored_elastic_address elastic;
    struct stored_interface interface;
    TRY(find_elastic(c, in->allocation_id, in->public_ip, &elastic));
    TRY(find_interface(c, in, &interface));
    size_t index = interface_address(&interface, in->private_ip_address);
    if (index == SIZE_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The private IP address '%.*s' is not assigned to network interface '%.*s'",
                      SPAN_ARG(in->private_ip_address), SPAN_ARG(interface.id));
    if (elastic.association.at && !in->allow_reassociation &&
        !is_joined(&elastic, &interface, index))
        return refuse(c, &EC2_RESOURCE_ALREADY_ASSOCIATED,
                      "resource %.*s is already associated with associate-id %.*s",
                      SPAN_ARG(elastic.id), SPAN_ARG(elastic.association));
    TRY(check_way_out(c, interface.vpc));
    if (!is_joined(&elastic, &interface, index))
        TRY(elastic_address_join(c, &elastic, &interface, index));
    out->association_id = elastic.association;
    return OK;
}

static RESULT find_association(struct call *c, const struct ec2_disassociate_address_in *in,
                               struct stored_elastic_address *ret)
{
    struct resource_list found;
    if (!in->association_id.at)
        return find_elastic(c, SPAN_NONE, in->public_ip, ret);
    TRY(resource_list(c, &elastic_address_kind,
                      WHERE(stored_elastic_address, association, in->association_id), &found));
    if (!found.count)
        return refuse(c, &EC2_INVALID_ASSOCIATION_ID_NOT_FOUND,
                      "The association ID '%.*s' does not exist", SPAN_ARG(in->association_id));
    *ret = *(const struct stored_elastic_address *)found.at[0];
    return OK;
}

RESULT ec2_disassociate_address(struct call *c, const struct ec2_disassociate_address_in *in,
                                struct ec2_disassociate_address_out *out)
{
    struct stored_elastic_address elastic;
    struct stored_interface interface;
    TRY(find_association(c, in, &elastic));
    if (!elastic.interface.at)
        return OK;
    TRY(resource_get(c, &interface_kind, elastic.interface, &interface));
    if (interface.requester.at)
        return refuse(c, &EC2_AUTH_FAILURE,
                      "You do not have permission to access the specified resource.");
    TRY(elastic_address_leave(c, &interface,
                              interface_address(&interface, elastic.private_address)));
    resource_put(c, &interface_kind, &interface);
    return OK;
}
