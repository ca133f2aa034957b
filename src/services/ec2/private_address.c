// SPDX-License-Identifier: Apache-2.0
/* Private addresses of interfaces: AssignPrivateIpAddresses, UnassignPrivateIpAddresses. Control
 * thread. */
#include "services/ec2/elastic_address.h"
#include "services/ec2/interface.h"

static RESULT check_room(struct call *c, const struct stored_interface *interface)
{
    return interface->addresses.count < INTERFACE_ADDRESSES_MAX
               ? OK
               : refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                        "Number of private addresses will exceed limit.");
}

static void append(struct call *c, struct stored_interface *interface,
                   struct stored_private_address address)
{
    struct stored_private_address_list *list = &interface->addresses;
    list->at = resource_widen(c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = address;
}

static void drop(struct stored_interface *interface, size_t index)
{
    struct stored_private_address_list *list = &interface->addresses;
    list->count--;
    memmove(&list->at[index], &list->at[index + 1], (list->count - index) * sizeof *list->at);
}

RESULT interface_add_address(struct call *c, const struct stored_subnet *subnet, uint32_t wanted,
                             struct stored_interface *interface)
{
    uint32_t address;
    TRY(check_room(c, interface));
    TRY(subnet_lease(c, subnet, wanted, interface->id, &address));
    append(c, interface,
           (struct stored_private_address){.address = cidr_address_text(c->arena, address)});
    return OK;
}

/* A further address of another interface of the subnet, with the elastic one that it has; primary
 * ones and those of managed interfaces stay (*ret_moved false). */
static RESULT move_address(struct call *c, uint32_t wanted, struct stored_interface *interface,
                           bool *ret_moved)
{
    struct span holder;
    struct stored_interface other;
    *ret_moved = false;
    TRY(subnet_find_holder(c, interface->subnet, wanted, &holder));
    if (!holder.at || span_eq(holder, interface->id))
        return OK;
    int error = resource_find(c, &interface_kind, holder, &other);
    if (error)
        return refuse_errno(c, error, "reading the interface of an address");
    size_t index = interface_address(&other, cidr_address_text(c->arena, wanted));
    if (index == 0 || index == SIZE_MAX || other.requester.at)
        return OK;
    TRY(check_room(c, interface));
    append(c, interface, other.addresses.at[index]);
    drop(&other, index);
    subnet_hand_over(c, interface->subnet, wanted, interface->id);
    resource_put(c, &interface_kind, &other);
    *ret_moved = true;
    return elastic_address_follow(c, &interface->addresses.at[interface->addresses.count - 1],
                                  interface->id);
}

/* The new ones are behind those that were there. */
static RESULT assign(struct call *c, const struct ec2_assign_private_ip_addresses_in *in,
                     struct stored_interface *interface)
{
    bool moved = false;
    struct stored_subnet subnet;
    uint32_t wanted;
    int32_t count =
        in->has.secondary_private_ip_address_count ? in->secondary_private_ip_address_count : 0;
    TRY(resource_get(c, &subnet_kind, interface->subnet, &subnet));
    for (size_t i = 0; i < in->private_ip_addresses.count; i++) {
        TRY(interface_read_address(c, in->private_ip_addresses.at[i], &wanted));
        if (in->allow_reassignment)
            TRY(move_address(c, wanted, interface, &moved));
        if (!moved)
            TRY(interface_add_address(c, &subnet, wanted, interface));
    }
    for (int32_t i = 0; i < count; i++)
        TRY(interface_add_address(c, &subnet, 0, interface));
    resource_put(c, &interface_kind, interface);
    return OK;
}

RESULT ec2_assign_private_ip_addresses(struct call *c,
                                       const struct ec2_assign_private_ip_addresses_in *in,
                                       struct ec2_assign_private_ip_addresses_out *out)
{
    struct stored_interface interface;
    if (in->ipv4_prefixes.count || in->has.ipv4_prefix_count)
        return resource_not_built(c, "A delegated prefix");
    if (!in->private_ip_addresses.count == !in->has.secondary_private_ip_address_count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You must specify either privateIpAddresses or "
                      "secondaryPrivateIpAddressCount, but not both.");
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    size_t before = interface.addresses.count;
    TRY(assign(c, in, &interface));
    out->network_interface_id = interface.id;
    out->assigned_private_ip_addresses.at =
        ARENA_ARRAY(c->arena, struct ec2_assigned_private_ip_address, interface.addresses.count);
    for (size_t i = before; i < interface.addresses.count; i++)
        out->assigned_private_ip_addresses.at[out->assigned_private_ip_addresses.count++]
            .private_ip_address = interface.addresses.at[i].address;
    return OK;
}

static RESULT unassign(struct call *c, struct span address, struct stored_interface *interface)
{
    size_t index = interface_address(interface, address);
    if (index == SIZE_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Some of the specified addresses are not assigned to interface %.*s",
                      SPAN_ARG(interface->id));
    if (index == 0)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The primary private IP address of an interface cannot be unassigned.");
    TRY(elastic_address_leave(c, interface, index));
    subnet_release(c, interface->subnet, cidr_address(address));
    drop(interface, index);
    return OK;
}

RESULT ec2_unassign_private_ip_addresses(struct call *c,
                                         const struct ec2_unassign_private_ip_addresses_in *in,
                                         struct ec2_unassign_private_ip_addresses_out *out)
{
    struct stored_interface interface;
    if (in->ipv4_prefixes.count)
        return resource_not_built(c, "A delegated prefix");
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    for (size_t i = 0; i < in->private_ip_addresses.count; i++)
        TRY(unassign(c, in->private_ip_addresses.at[i], &interface));
    resource_put(c, &interface_kind, &interface);
    return OK;
}
