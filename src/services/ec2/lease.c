// SPDX-License-Identifier: Apache-2.0
/*
 * Private addresses of subnets: a record per address that an interface has, so that the free ones
 * are counted and found without reading interfaces. Control thread.
 */
#include "services/ec2/cidr_reservation.h"
#include "services/ec2/subnet.h"

#include <errno.h>

/* "Subnet CIDR blocks": the network, the router, the resolver, one for later use; the broadcast. */
#define RESERVED_FIRST 4
#define RESERVED_LAST 1

static struct stored_lease lease_of(const struct call *c, struct span subnet, uint32_t address)
{
    return (struct stored_lease){
        .account = c->account, .region = c->region, .subnet = subnet, .address = address};
}

static int count_next(void *user, struct stored_lease *lease)
{
    ++*(int32_t *)user;
    return 0;
}

RESULT subnet_count_free(struct call *c, const struct stored_subnet *subnet, int32_t *ret)
{
    struct stored_lease from = lease_of(c, subnet->id, 0);
    int32_t taken = 0;
    int error = stored_lease_each(c->txn, &from, 3, c->arena, count_next, &taken);
    int32_t size = 1 << (32 - cidr_of(subnet->cidr).bits);
    *ret = size - RESERVED_FIRST - RESERVED_LAST - taken;
    return error < 0 ? refuse_errno(c, error, "counting addresses") : OK;
}

/* The first that nobody has: leases come in order, so it is where one is missing. */
static int find_gap(void *user, struct stored_lease *lease)
{
    uint32_t *next = user;
    if (lease->address != *next)
        return 1;
    ++*next;
    return 0;
}

/* Beyond the reservation that it is in; false where it is in none. */
static bool leave_reservation(const struct cidr_reservations *reserved, uint32_t *address)
{
    for (size_t i = 0; i < reserved->four_count; i++)
        if (cidr_has(reserved->four[i], *address)) {
            *address = cidr_last(reserved->four[i]) + 1;
            return true;
        }
    return false;
}

/* The lowest. */
static RESULT find_free(struct call *c, const struct stored_subnet *subnet, uint32_t *ret)
{
    struct cidr cidr = cidr_of(subnet->cidr);
    struct cidr_reservations reserved;
    TRY(cidr_reservation_list(c, subnet->id, &reserved));
    *ret = cidr.address + RESERVED_FIRST;
    do {
        struct stored_lease from = lease_of(c, subnet->id, *ret);
        int error = stored_lease_each(c->txn, &from, 3, c->arena, find_gap, ret);
        if (error < 0)
            return refuse_errno(c, error, "looking for an address");
    } while (cidr_has(cidr, *ret) && leave_reservation(&reserved, ret));
    if (*ret > cidr_last(cidr) - RESERVED_LAST)
        return refuse(c, &EC2_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET,
                      "The specified subnet does not have enough free addresses to satisfy the "
                      "request.");
    return OK;
}

RESULT subnet_find_holder(struct call *c, struct span subnet, uint32_t address, struct span *ret)
{
    struct stored_lease lease = lease_of(c, subnet, address);
    int error = stored_lease_get(c->txn, c->arena, &lease);
    *ret = error ? SPAN_NONE : lease.interface;
    return error && error != -ENOENT ? refuse_errno(c, error, "reading a lease") : OK;
}

static RESULT check_wanted(struct call *c, const struct stored_subnet *subnet, uint32_t wanted)
{
    struct span holder;
    struct cidr cidr = cidr_of(subnet->cidr);
    struct span text = cidr_address_text(c->arena, wanted);
    if (!cidr_has(cidr, wanted))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Address does not fall within the subnet's "
                      "address range");
    if (wanted < cidr.address + RESERVED_FIRST || wanted > cidr_last(cidr) - RESERVED_LAST)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Address is in subnet's reserved address "
                      "range");
    TRY(subnet_find_holder(c, subnet->id, wanted, &holder));
    return holder.at ? refuse(c, &EC2_INVALID_IP_ADDRESS_IN_USE, "Address %.*s is in use.",
                              SPAN_ARG(text))
                     : OK;
}

RESULT subnet_lease(struct call *c, const struct stored_subnet *subnet, uint32_t wanted,
                    struct span interface, uint32_t *ret)
{
    *ret = wanted;
    if (wanted)
        TRY(check_wanted(c, subnet, wanted));
    else
        TRY(find_free(c, subnet, ret));
    subnet_hand_over(c, subnet->id, *ret, interface);
    return OK;
}

void subnet_hand_over(struct call *c, struct span subnet, uint32_t address, struct span interface)
{
    struct stored_lease lease = lease_of(c, subnet, address);
    lease.interface = interface;
    stored_lease_put(c->txn, &lease);
}

void subnet_release(struct call *c, struct span subnet, uint32_t address)
{
    struct stored_lease lease = lease_of(c, subnet, address);
    stored_lease_delete(c->txn, &lease);
}
