// SPDX-License-Identifier: Apache-2.0
/*
 * Secondary addresses of NAT gateways: AssociateNatGatewayAddress, DisassociateNatGatewayAddress,
 * AssignPrivateNatGatewayAddress, UnassignPrivateNatGatewayAddress. The private address is leased
 * here, the rest is the gateway's step. Control thread.
 */
#include "services/ec2/elastic_address.h"
#include "services/ec2/nat_gateway.h"

enum CONNECTIVITY { CONNECTIVITY_PUBLIC, CONNECTIVITY_PRIVATE };

static RESULT get(struct call *c, struct span id, enum CONNECTIVITY wanted,
                  struct stored_nat_gateway *ret)
{
    TRY(resource_get(c, &nat_gateway_kind, id, ret));
    if (ret->state != NAT_AVAILABLE)
        return refuse(c, &EC2_INCORRECT_STATE, "NatGateway %.*s is not in the available state",
                      SPAN_ARG(id));
    if (ret->private != (wanted == CONNECTIVITY_PRIVATE))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "NatGateway %.*s has another connectivity type than this operation is for",
                      SPAN_ARG(id));
    return OK;
}

/* One more private address of the gateway's interface, and of the gateway. */
static RESULT add(struct call *c, struct stored_nat_gateway *gateway, struct span private_address,
                  struct span allocation)
{
    uint32_t wanted = 0;
    struct stored_subnet subnet;
    struct stored_interface interface;
    if (private_address.at && !cidr_read_address(private_address, &wanted))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid IPv4 address: '%.*s'",
                      SPAN_ARG(private_address));
    if (gateway->addresses.count >= NAT_ADDRESSES_MAX)
        return refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                      "Number of private addresses will exceed limit.");
    TRY(resource_get(c, &subnet_kind, gateway->subnet, &subnet));
    TRY(resource_get(c, &interface_kind, gateway->interface, &interface));
    TRY(interface_add_address(c, &subnet, wanted, &interface));
    resource_put(c, &interface_kind, &interface);
    nat_gateway_add_address(
        c, gateway,
        &(struct stored_nat_address){
            .private_address = interface.addresses.at[interface.addresses.count - 1].address,
            .allocation = allocation,
            .state = allocation.at ? NAT_ADDRESS_ASSOCIATING : NAT_ADDRESS_ASSIGNING});
    return OK;
}

RESULT ec2_associate_nat_gateway_address(struct call *c,
                                         const struct ec2_associate_nat_gateway_address_in *in,
                                         struct ec2_associate_nat_gateway_address_out *out)
{
    struct stored_nat_gateway gateway;
    struct stored_elastic_address elastic;
    if (in->availability_zone.at || in->availability_zone_id.at)
        return resource_not_built(c, "A regional NAT gateway");
    if (in->private_ip_addresses.count &&
        in->private_ip_addresses.count != in->allocation_ids.count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The number of AllocationIds and PrivateIpAddresses must be the same.");
    TRY(get(c, in->nat_gateway_id, CONNECTIVITY_PUBLIC, &gateway));
    for (size_t i = 0; i < in->allocation_ids.count; i++) {
        TRY(resource_get(c, &elastic_address_kind, in->allocation_ids.at[i], &elastic));
        if (elastic.association.at)
            return refuse(c, &EC2_RESOURCE_ALREADY_ASSOCIATED,
                          "resource %.*s is already associated with associate-id %.*s",
                          SPAN_ARG(elastic.id), SPAN_ARG(elastic.association));
        TRY(add(c, &gateway,
                in->private_ip_addresses.count ? in->private_ip_addresses.at[i] : SPAN_NONE,
                elastic.id));
    }
    resource_put_moving(c, &nat_gateway_kind, &gateway, 0);
    out->nat_gateway_id = gateway.id;
    nat_gateway_show_addresses(c, &gateway, &out->nat_gateway_addresses);
    return OK;
}

RESULT
ec2_assign_private_nat_gateway_address(struct call *c,
                                       const struct ec2_assign_private_nat_gateway_address_in *in,
                                       struct ec2_assign_private_nat_gateway_address_out *out)
{
    struct stored_nat_gateway gateway;
    int32_t count = in->has.private_ip_address_count ? in->private_ip_address_count : 0;
    if (!in->private_ip_addresses.count == !count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You must specify either PrivateIpAddresses or PrivateIpAddressCount, but "
                      "not both.");
    TRY(get(c, in->nat_gateway_id, CONNECTIVITY_PRIVATE, &gateway));
    for (size_t i = 0; i < in->private_ip_addresses.count; i++)
        TRY(add(c, &gateway, in->private_ip_addresses.at[i], SPAN_NONE));
    for (int32_t i = 0; i < count; i++)
        TRY(add(c, &gateway, SPAN_NONE, SPAN_NONE));
    resource_put_moving(c, &nat_gateway_kind, &gateway, 0);
    out->nat_gateway_id = gateway.id;
    nat_gateway_show_addresses(c, &gateway, &out->nat_gateway_addresses);
    return OK;
}

/* ---- taking away -------------------------------------------------------------------------------
 */

static size_t find(const struct stored_nat_gateway *gateway, size_t member, struct span is)
{
    for (size_t i = 0; i < gateway->addresses.count; i++)
        if (span_eq(*const_struct_at(&gateway->addresses.at[i], member, struct span), is))
            return i;
    return SIZE_MAX;
}

/* Marks the address whose member is that; the primary one stays as long as the gateway. */
static RESULT mark(struct call *c, struct stored_nat_gateway *gateway, size_t member,
                   struct span is)
{
    size_t index = find(gateway, member, is);
    if (index == SIZE_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER, "%.*s is not an address of NatGateway %.*s",
                      SPAN_ARG(is), SPAN_ARG(gateway->id));
    if (index == 0)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "The primary address of NatGateway %.*s cannot be removed",
                      SPAN_ARG(gateway->id));
    gateway->addresses.at[index].state =
        gateway->private ? NAT_ADDRESS_UNASSIGNING : NAT_ADDRESS_DISASSOCIATING;
    return OK;
}

RESULT
ec2_disassociate_nat_gateway_address(struct call *c,
                                     const struct ec2_disassociate_nat_gateway_address_in *in,
                                     struct ec2_disassociate_nat_gateway_address_out *out)
{
    struct stored_nat_gateway gateway;
    if (in->has.max_drain_duration_seconds)
        return resource_not_built(c, "MaxDrainDurationSeconds");
    TRY(get(c, in->nat_gateway_id, CONNECTIVITY_PUBLIC, &gateway));
    for (size_t i = 0; i < in->association_ids.count; i++)
        TRY(mark(c, &gateway, offsetof(struct stored_nat_address, association),
                 in->association_ids.at[i]));
    resource_put_moving(c, &nat_gateway_kind, &gateway, 0);
    out->nat_gateway_id = gateway.id;
    nat_gateway_show_addresses(c, &gateway, &out->nat_gateway_addresses);
    return OK;
}

RESULT ec2_unassign_private_nat_gateway_address(
    struct call *c, const struct ec2_unassign_private_nat_gateway_address_in *in,
    struct ec2_unassign_private_nat_gateway_address_out *out)
{
    struct stored_nat_gateway gateway;
    if (in->has.max_drain_duration_seconds)
        return resource_not_built(c, "MaxDrainDurationSeconds");
    TRY(get(c, in->nat_gateway_id, CONNECTIVITY_PRIVATE, &gateway));
    for (size_t i = 0; i < in->private_ip_addresses.count; i++)
        TRY(mark(c, &gateway, offsetof(struct stored_nat_address, private_address),
                 in->private_ip_addresses.at[i]));
    resource_put_moving(c, &nat_gateway_kind, &gateway, 0);
    out->nat_gateway_id = gateway.id;
    nat_gateway_show_addresses(c, &gateway, &out->nat_gateway_addresses);
    return OK;
}
