// SPDX-License-Identifier: Apache-2.0
/*
 * The network interfaces that an instance has: the first one stands in its record for itself, the
 * further ones behind it. Control thread.
 */
#include "services/ec2/instance_card.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/interface.h"
#include "services/ec2/machine.h"
#include "services/ec2/network.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#define ROUTER 1 /* of a subnet: its first address */

RESULT instance_too_many_interfaces(struct call *c, size_t count, struct span type)
{
    return refuse(c, &EC2_ATTACHMENT_LIMIT_EXCEEDED,
                  "Interface count %zu exceeds the limit for %.*s", count, SPAN_ARG(type));
}

/* ---- at launch ---------------------------------------------------------------------------------
 */

static RESULT make(struct call *c, const struct instance_interface_wish *wish,
                   struct stored_interface *ret)
{
    if (wish->existing) {
        *ret = *wish->existing;
        return OK;
    }
    TRY(interface_new(
        c,
        &(struct interface_wish){.subnet = &wish->subnet,
                                 .description = wish->description,
                                 .groups = wish->groups.at,
                                 .group_count = wish->groups.count,
                                 .addresses = wish->addresses,
                                 .address_count = wish->address_count,
                                 .addresses6 = wish->has_addresses6 ? &wish->addresses6 : NULL,
                                 .further6 = wish->further6},
        ret));
    bool lends = wish->has_public ? wish->wants_public
                                  : wish->device_index == 0 && wish->subnet.public_on_launch;
    return lends ? elastic_address_lend(c, ret) : OK;
}

RESULT instance_cards_attach(struct call *c, struct stored_instance *instance,
                             const struct instance_cards *cards)
{
    struct span *more = ARENA_ARRAY(c->arena, struct span, cards->count);
    for (size_t i = 0; i < cards->count; i++) {
        const struct instance_interface_wish *wish = &cards->at[i];
        struct stored_interface interface;
        TRY(make(c, wish, &interface));
        interface_attach(c, &interface,
                         &(struct stored_attachment){.id = id_new(c, "eni-attach-", 17),
                                                     .instance = instance->id,
                                                     .instance_account = instance->account,
                                                     .device_index = wish->device_index,
                                                     .state = ATTACHMENT_ATTACHED,
                                                     .attached = c->now_ms,
                                                     .ends_together = wish->ends_together});
        if (i == 0)
            instance->interface = interface.id;
        else
            more[i - 1] = interface.id;
    }
    instance->more_interfaces = (struct record_texts){more, cards->count - 1};
    return OK;
}

/* ---- reading -----------------------------------------------------------------------------------
 */

RESULT instance_interface_read(struct call *c, const struct stored_instance *instance,
                               struct stored_interface *ret)
{
    *ret = (struct stored_interface){0};
    int error =
        instance->interface.at ? resource_find(c, &interface_kind, instance->interface, ret) : 0;
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a network interface")
                                         : OK;
}

RESULT instance_interfaces_read(struct call *c, const struct stored_instance *instance,
                                struct instance_interfaces *ret)
{
    const struct record_texts *more = &instance->more_interfaces;
    ret->count = 0;
    ret->at = ARENA_ARRAY(c->arena, struct stored_interface, more->count + 1);
    TRY(instance_interface_read(c, instance, ret->at));
    ret->count += ret->at[0].addresses.count > 0;
    for (size_t i = 0; i < more->count; i++) {
        int error = resource_find(c, &interface_kind, more->at[i], &ret->at[ret->count]);
        if (error < 0 && error != -ENOENT)
            return refuse_errno(c, error, "reading a network interface");
        ret->count += !error;
    }
    return OK;
}

static void add_addresses6(const struct stored_subnet *subnet,
                           const struct stored_interface *interface, struct sandbox_network *to)
{
    if (!subnet->cidr6)
        return;
    struct cidr6 cidr = cidr6_of(subnet->cidr6->cidr);
    to->bits6 = cidr.bits;
    for (size_t i = 0; i < interface->addresses6.count && i < SANDBOX_ADDRESSES6; i++)
        if (cidr6_read_address(interface->addresses6.at[i], to->addresses6[to->address6_count]))
            to->address6_count++;
    if (!to->gateway)
        return;
    memcpy(to->gateway6, cidr.address, sizeof to->gateway6);
    to->gateway6[sizeof to->gateway6 - 1] = ROUTER;
}

RESULT instance_port(struct call *c, const struct stored_interface *interface,
                     struct machine_port *ret)
{
    struct stored_subnet subnet;
    uint32_t address;
    uint64_t index = interface->attachment ? interface->attachment->device_index : 0;
    TRY(resource_get(c, &subnet_kind, interface->subnet, &subnet));
    struct cidr cidr = cidr_of(subnet.cidr);
    if (!cidr_read_address(interface->addresses.at[0].address, &address))
        return refuse_errno(c, -EBADMSG, "reading an address of %.*s", SPAN_ARG(interface->id));
    *ret = (struct machine_port){.interface = interface->id,
                                 .network = {.address = htonl(address), .bits = cidr.bits}};
    snprintf(ret->network.device, sizeof ret->network.device, "eth%u", (unsigned)index);
    if (index == 0)
        ret->network.gateway = htonl(cidr.address + ROUTER);
    add_addresses6(&subnet, interface, &ret->network);
    return OK;
}

/* ---- changing ----------------------------------------------------------------------------------
 */

void instance_interface_add(struct call *c, struct stored_instance *instance, struct span interface)
{
    struct record_texts *more = &instance->more_interfaces;
    more->at = resource_widen(c, more->at, more->count, sizeof *more->at);
    more->at[more->count++] = interface;
    resource_put(c, &instance_kind, instance);
}

void instance_interface_remove(struct call *c, struct stored_instance *instance,
                               struct span interface)
{
    struct record_texts left = {
        .at = ARENA_ARRAY(c->arena, struct span, instance->more_interfaces.count + 1)};
    for (size_t i = 0; i < instance->more_interfaces.count; i++)
        if (!span_eq(instance->more_interfaces.at[i], interface))
            left.at[left.count++] = instance->more_interfaces.at[i];
    instance->more_interfaces = left;
    resource_put(c, &instance_kind, instance);
}

RESULT instance_interfaces_end(struct call *c, const struct stored_instance *instance)
{
    struct instance_interfaces all;
    TRY(instance_interfaces_read(c, instance, &all));
    for (size_t i = 0; i < all.count; i++) {
        struct stored_interface *interface = &all.at[i];
        bool ends = !interface->attachment || interface->attachment->ends_together;
        network_unplug(ec2_network(c->cloud->ec2), interface->id);
        interface_detach(c, interface);
        if (ends)
            TRY(interface_drop(c, interface));
    }
    return OK;
}
