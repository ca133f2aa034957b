// SPDX-License-Identifier: Apache-2.0
/*
 * The states of NAT gateways. A gateway has one interface with all its private addresses:
 *
 *   pending    an interface and the elastic addresses  -> available, or failed with its reason
 *   available  addresses that come and go, one by one  -> available
 *   failed     after an hour it is told no more
 *   deleting   the interface goes, elastic addresses are free again -> deleted
 *   deleted    after an hour it is told no more
 *
 * Reasons: "Troubleshoot NAT gateways", NAT gateway creation fails. Control thread.
 */
#include "base/time.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/number.h"

#include <errno.h>

#define TOLD_MS HOUR_MS

/* ---- why not -----------------------------------------------------------------------------------
 */

static void fail(struct call *c, struct stored_nat_gateway *gateway, const struct error_kind *kind,
                 struct span message)
{
    gateway->state = NAT_FAILED;
    gateway->failure_code = span_of_cstr(kind->code);
    gateway->failure_message = message;
    for (size_t i = 0; i < gateway->addresses.count; i++)
        gateway->addresses.at[i].state = NAT_ADDRESS_FAILED;
}

/* Whether the gateway may have the allocation; why not is written into `gateway`. */
static RESULT check_allocation(struct call *c, struct stored_nat_gateway *gateway,
                               struct span allocation)
{
    struct stored_elastic_address elastic;
    int error = resource_find(c, &elastic_address_kind, allocation, &elastic);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading an elastic address");
    if (error)
        fail(c, gateway, &EC2_INVALID_ALLOCATION_ID_NOT_FOUND,
             arena_printf(c->arena,
                          "Elastic IP address %.*s could not be associated with this NAT gateway",
                          SPAN_ARG(allocation)));
    else if (elastic.association.at)
        fail(c, gateway, &EC2_RESOURCE_ALREADY_ASSOCIATED,
             arena_printf(c->arena, "Elastic IP address [%.*s] is already associated",
                          SPAN_ARG(allocation)));
    return OK;
}

static RESULT check_way_out(struct call *c, struct stored_nat_gateway *gateway)
{
    bool attached;
    TRY(resource_any(c, &internet_gateway_kind, WHERE(stored_internet_gateway, vpc, gateway->vpc),
                     &attached));
    if (!attached)
        fail(c, gateway, &EC2_GATEWAY_NOT_ATTACHED,
             arena_printf(c->arena, "Network %.*s has no Internet gateway attached",
                          SPAN_ARG(gateway->vpc)));
    return OK;
}

static RESULT check_room(struct call *c, struct stored_nat_gateway *gateway,
                         const struct stored_subnet *subnet)
{
    int32_t available;
    TRY(subnet_count_free(c, subnet, &available));
    if ((size_t)available < gateway->addresses.count)
        fail(c, gateway, &EC2_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET,
             S("Subnet has insufficient free addresses to create this NAT gateway"));
    return OK;
}

static RESULT check(struct call *c, struct stored_nat_gateway *gateway,
                    const struct stored_subnet *subnet)
{
    TRY(check_room(c, gateway, subnet));
    if (gateway->private)
        return OK;
    for (size_t i = 0; i < gateway->addresses.count && gateway->state == NAT_PENDING; i++)
        TRY(check_allocation(c, gateway, gateway->addresses.at[i].allocation));
    return gateway->state == NAT_PENDING ? check_way_out(c, gateway) : OK;
}

/* ---- pending -----------------------------------------------------------------------------------
 */

/* Joins the address at that index with its allocation and takes over what came of it. */
static RESULT settle_address(struct call *c, struct stored_nat_gateway *gateway, size_t index,
                             struct stored_interface *interface)
{
    struct stored_elastic_address elastic;
    struct stored_nat_address *address = &gateway->addresses.at[index];
    size_t place = interface_address(interface, address->private_address);
    address->state = NAT_ADDRESS_SUCCEEDED;
    if (!address->allocation.at)
        return OK;
    int error = resource_find(c, &elastic_address_kind, address->allocation, &elastic);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading an elastic address");
    if (error || elastic.association.at) {
        address->state = NAT_ADDRESS_FAILED;
        address->failure = S("Elastic IP address could not be associated with this NAT gateway");
        return OK;
    }
    TRY(elastic_address_join(c, &elastic, interface, place));
    address->association = elastic.association;
    address->public_address = elastic.public_address;
    return OK;
}

static RESULT make_interface(struct call *c, const struct stored_nat_gateway *gateway,
                             const struct stored_subnet *subnet, struct stored_interface *ret)
{
    uint32_t addresses[NAT_ADDRESSES_MAX];
    for (size_t i = 0; i < gateway->addresses.count; i++)
        addresses[i] = cidr_address(gateway->addresses.at[i].private_address);
    const struct interface_wish wish = {
        .subnet = subnet,
        .description =
            arena_printf(c->arena, "Interface for NAT Gateway %.*s", SPAN_ARG(gateway->id)),
        .addresses = addresses,
        .address_count = gateway->addresses.count,
        .type = S("nat_gateway"),
        .requester = c->account,
    };
    TRY(interface_new(c, &wish, ret));
    /* No group holds for a gateway. */
    ret->groups.count = 0;
    interface_attach_managed(c, ret);
    return OK;
}

static RESULT build(struct call *c, struct stored_nat_gateway *gateway,
                    const struct stored_subnet *subnet)
{
    struct stored_interface interface;
    TRY(number_take(c, NUMBER_GATEWAY, gateway->id));
    TRY(make_interface(c, gateway, subnet, &interface));
    gateway->interface = interface.id;
    for (size_t i = 0; i < gateway->addresses.count; i++) {
        gateway->addresses.at[i].private_address = interface.addresses.at[i].address;
        TRY(settle_address(c, gateway, i, &interface));
    }
    gateway->state = NAT_AVAILABLE;
    return OK;
}

static RESULT step_pending(struct call *c, struct stored_nat_gateway *gateway, int64_t *ret_due_ms)
{
    struct stored_subnet subnet;
    int error = resource_find(c, &subnet_kind, gateway->subnet, &subnet);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading the subnet of a gateway");
    if (error)
        fail(c, gateway, &EC2_INVALID_SUBNET_ID_NOT_FOUND,
             arena_printf(c->arena, "The subnet ID '%.*s' does not exist",
                          SPAN_ARG(gateway->subnet)));
    else
        TRY(check(c, gateway, &subnet));
    if (gateway->state == NAT_FAILED)
        *ret_due_ms = c->now_ms + TOLD_MS;
    else
        TRY(build(c, gateway, &subnet));
    resource_put(c, &nat_gateway_kind, gateway);
    return OK;
}

/* ---- available ---------------------------------------------------------------------------------
 */

static RESULT leave_address(struct call *c, struct stored_nat_gateway *gateway, size_t index,
                            struct stored_interface *interface)
{
    struct stored_private_address_list *list = &interface->addresses;
    size_t place = interface_address(interface, gateway->addresses.at[index].private_address);
    TRY(elastic_address_leave(c, interface, place));
    subnet_release(c, interface->subnet, cidr_address(list->at[place].address));
    list->count--;
    memmove(&list->at[place], &list->at[place + 1], (list->count - place) * sizeof *list->at);
    resource_put(c, &interface_kind, interface);
    return OK;
}

/* Addresses that are to come get there, those that are to go are gone. */
static RESULT step_available(struct call *c, struct stored_nat_gateway *gateway,
                             int64_t *ret_due_ms)
{
    struct stored_interface interface;
    size_t kept = 0;
    TRY(resource_get(c, &interface_kind, gateway->interface, &interface));
    for (size_t i = 0; i < gateway->addresses.count; i++) {
        uint64_t state = gateway->addresses.at[i].state;
        if (state == NAT_ADDRESS_DISASSOCIATING || state == NAT_ADDRESS_UNASSIGNING) {
            TRY(leave_address(c, gateway, i, &interface));
            continue;
        }
        if (state == NAT_ADDRESS_ASSIGNING || state == NAT_ADDRESS_ASSOCIATING)
            TRY(settle_address(c, gateway, i, &interface));
        gateway->addresses.at[kept++] = gateway->addresses.at[i];
    }
    gateway->addresses.count = kept;
    resource_put(c, &nat_gateway_kind, gateway);
    return OK;
}

/* ---- the end -----------------------------------------------------------------------------------
 */

static RESULT step_deleting(struct call *c, struct stored_nat_gateway *gateway, int64_t *ret_due_ms)
{
    struct stored_interface interface;
    if (gateway->interface.at) {
        TRY(resource_get(c, &interface_kind, gateway->interface, &interface));
        TRY(interface_drop(c, &interface));
    }
    TRY(number_drop(c, gateway->id));
    gateway->state = NAT_DELETED;
    gateway->deleted = c->now_ms;
    for (size_t i = 0; i < gateway->addresses.count; i++)
        gateway->addresses.at[i].association = SPAN_NONE;
    *ret_due_ms = c->now_ms + TOLD_MS;
    resource_put(c, &nat_gateway_kind, gateway);
    return OK;
}

static RESULT step_gone(struct call *c, struct stored_nat_gateway *gateway, int64_t *ret_due_ms)
{
    resource_drop(c, &nat_gateway_kind, gateway);
    return OK;
}

RESULT nat_gateway_step(struct call *c, void *record, int64_t *ret_due_ms)
{
    static const struct refusal *(*const steps[])(struct call *, struct stored_nat_gateway *,
                                                  int64_t *) = {
        [NAT_PENDING] = step_pending,   [NAT_AVAILABLE] = step_available, [NAT_FAILED] = step_gone,
        [NAT_DELETING] = step_deleting, [NAT_DELETED] = step_gone,
    };
    struct stored_nat_gateway *gateway = record;
    return steps[gateway->state](c, gateway, ret_due_ms);
}
