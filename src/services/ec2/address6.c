// SPDX-License-Identifier: Apache-2.0
/* IPv6 addresses of interfaces: AssignIpv6Addresses, UnassignIpv6Addresses. A subnet has 2^64 of
 * them, so none is kept as taken: the interfaces say it. Control thread. */
#include "base/id.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/cidr_reservation.h"
#include "services/ec2/interface.h"

#include <endian.h>

#define RESERVED_FIRST 4 /* "Subnet CIDR blocks": and the last one */
#define HOST 8           /* where in an address the number of the host begins */

static bool is_reserved(const uint8_t address[16])
{
    static const uint8_t none[7], all[8] = {255, 255, 255, 255, 255, 255, 255, 255};
    return memcmp(address + HOST, all, sizeof all) == 0 ||
           (memcmp(address + HOST, none, sizeof none) == 0 && address[15] < RESERVED_FIRST);
}

static RESULT check_free(struct call *c, const struct stored_subnet *subnet, struct span text)
{
    struct resource_list interfaces;
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, subnet, subnet->id),
                      &interfaces));
    for (size_t i = 0; i < interfaces.count; i++) {
        const struct stored_interface *interface = interfaces.at[i];
        for (size_t j = 0; j < interface->addresses6.count; j++)
            if (span_eq(interface->addresses6.at[j], text))
                return refuse(c, &EC2_INVALID_IP_ADDRESS_IN_USE, "Address %.*s is in use.",
                              SPAN_ARG(text));
    }
    return OK;
}

/* `text`: as EC2 tells it. */
static RESULT check_wanted(struct call *c, const struct stored_subnet *subnet, struct span wanted,
                           struct span *text)
{
    uint8_t address[16];
    struct cidr6 cidr = cidr6_of(subnet->cidr6->cidr);
    if (!cidr6_read_address(wanted, address))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter ipv6Addresses is invalid. Invalid IPv6 address.",
                      SPAN_ARG(wanted));
    if (!cidr6_has(&cidr, address))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Address does not fall within the subnet's address range");
    if (is_reserved(address))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Address is in subnet's reserved address range");
    *text = cidr6_address_text(c->arena, address);
    return check_free(c, subnet, *text);
}

/* ---- any that is free --------------------------------------------------------------------------
 */

/* Numbers of hosts that are not given by chance. */
struct hosts {
    uint64_t first, last;
};
struct taken {
    struct hosts *at;
    size_t count;
};

static uint64_t host_of(const uint8_t address[16])
{
    uint64_t number;
    memcpy(&number, address + HOST, sizeof number);
    return be64toh(number);
}

static void take(struct call *c, struct taken *taken, uint64_t first, uint64_t last)
{
    taken->at = resource_grow(c, taken->at, taken->count, sizeof *taken->at);
    taken->at[taken->count++] = (struct hosts){first, last};
}

/* A block of a subnet: at most as large as the numbers of its hosts. */
static void take_block(struct call *c, struct taken *taken, const struct cidr6 *cidr)
{
    uint32_t free_bits = 128 - cidr->bits;
    uint64_t first = host_of(cidr->address);
    take(c, taken, first, first | (free_bits ? UINT64_MAX >> (64 - free_bits) : 0));
}

static void take_addresses(struct call *c, struct taken *taken,
                           const struct stored_interface *interface)
{
    for (size_t i = 0; i < interface->addresses6.count; i++) {
        uint8_t address[16];
        if (cidr6_read_address(interface->addresses6.at[i], address))
            take(c, taken, host_of(address), host_of(address));
    }
}

/* Where nothing is reserved, that two get the same is as likely as two equal ids; where something
 * is, the rest may be small, so everybody's addresses count. */
static RESULT list_taken(struct call *c, const struct stored_subnet *subnet,
                         const struct stored_interface *interface, struct taken *ret)
{
    struct cidr_reservations reserved;
    struct resource_list interfaces;
    TRY(cidr_reservation_list(c, subnet->id, &reserved));
    for (size_t i = 0; i < reserved.six_count; i++)
        take_block(c, ret, &reserved.six[i]);
    if (!reserved.six_count)
        return OK;
    take_addresses(c, ret, interface);
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, subnet, subnet->id),
                      &interfaces));
    for (size_t i = 0; i < interfaces.count; i++)
        take_addresses(c, ret, interfaces.at[i]);
    return OK;
}

/* From `*host` on, and past the last one from 0: each of `taken` is met at most twice. */
static bool find_host(const struct taken *taken, uint64_t *host)
{
    for (size_t tries = 0; tries <= 2 * taken->count; tries++) {
        size_t i = 0;
        while (i < taken->count && (*host < taken->at[i].first || *host > taken->at[i].last))
            i++;
        if (i == taken->count)
            return true;
        *host = taken->at[i].last + 1;
    }
    return false;
}

static RESULT any_address(struct call *c, const struct stored_subnet *subnet,
                          const struct stored_interface *interface, struct span *ret)
{
    uint64_t host;
    struct cidr6 cidr = cidr6_of(subnet->cidr6->cidr);
    struct taken taken = {0};
    for (size_t i = 0; i < 2; i++)
        taken.at = resource_grow(c, taken.at, taken.count++, sizeof *taken.at);
    taken.at[0] = (struct hosts){0, RESERVED_FIRST - 1};
    taken.at[1] = (struct hosts){UINT64_MAX, UINT64_MAX};
    TRY(list_taken(c, subnet, interface, &taken));
    random_bytes(&host, sizeof host);
    if (!find_host(&taken, &host))
        return refuse(c, &EC2_INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET,
                      "The specified subnet does not have enough free addresses to satisfy the "
                      "request.");
    host = htobe64(host);
    memcpy(cidr.address + HOST, &host, sizeof host);
    *ret = cidr6_address_text(c->arena, cidr.address);
    return OK;
}

/* ---- of an interface ---------------------------------------------------------------------------
 */

RESULT interface_add_address6(struct call *c, const struct stored_subnet *subnet,
                              struct span wanted, struct stored_interface *interface)
{
    struct span text;
    struct record_texts *list = &interface->addresses6;
    if (!subnet->cidr6)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The subnet '%.*s' does not have an IPv6 CIDR block", SPAN_ARG(subnet->id));
    if (list->count >= INTERFACE_ADDRESSES_MAX)
        return refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                      "Number of IPv6 addresses will exceed limit.");
    if (wanted.at)
        TRY(check_wanted(c, subnet, wanted, &text));
    else
        TRY(any_address(c, subnet, interface, &text));
    for (size_t i = 0; i < list->count; i++)
        if (span_eq(list->at[i], text))
            return refuse(c, &EC2_INVALID_IP_ADDRESS_IN_USE, "Address %.*s is in use.",
                          SPAN_ARG(text));
    list->at = resource_widen(c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = text;
    return OK;
}

RESULT interface_add_wanted6(struct call *c, const struct interface_wish *wish,
                             struct stored_interface *interface)
{
    bool by_subnet = !wish->addresses6 && !wish->type.at && wish->subnet->address6_on_creation;
    size_t further = by_subnet ? 1 : wish->further6;
    for (size_t i = 0; wish->addresses6 && i < wish->addresses6->count; i++)
        TRY(interface_add_address6(c, wish->subnet, wish->addresses6->at[i], interface));
    for (size_t i = 0; i < further; i++)
        TRY(interface_add_address6(c, wish->subnet, SPAN_NONE, interface));
    return OK;
}

void interface_list_addresses6(struct call *c, const struct ec2_instance_ipv6_address_list *from,
                               struct ec2_ipv6_address_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct span, from->count);
    for (to->count = 0; to->count < from->count; to->count++)
        to->at[to->count] = from->at[to->count].ipv6_address;
}

static RESULT check_count(struct call *c, int32_t count)
{
    return count >= 0 ? OK
                      : refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                               "Value (%d) for parameter ipv6AddressCount is invalid. Parameter "
                               "may not be less than 0",
                               count);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_assign_ipv6_addresses(struct call *c, const struct ec2_assign_ipv6_addresses_in *in,
                                 struct ec2_assign_ipv6_addresses_out *out)
{
    struct stored_subnet subnet;
    struct stored_interface interface;
    int32_t count = in->has.ipv6_address_count ? in->ipv6_address_count : 0;
    if (in->ipv6_prefixes.count || in->has.ipv6_prefix_count)
        return resource_not_built(c, "A delegated prefix");
    TRY(check_count(c, count));
    if (!in->ipv6_addresses.count == !count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You must specify either ipv6Addresses or ipv6AddressCount, but not both.");
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    TRY(resource_get(c, &subnet_kind, interface.subnet, &subnet));
    size_t before = interface.addresses6.count;
    for (size_t i = 0; i < in->ipv6_addresses.count; i++)
        TRY(interface_add_address6(c, &subnet, in->ipv6_addresses.at[i], &interface));
    for (int32_t i = 0; i < count; i++)
        TRY(interface_add_address6(c, &subnet, SPAN_NONE, &interface));
    resource_put(c, &interface_kind, &interface);
    out->network_interface_id = interface.id;
    out->assigned_ipv6_addresses.at = interface.addresses6.at + before;
    out->assigned_ipv6_addresses.count = interface.addresses6.count - before;
    return OK;
}

static RESULT unassign(struct call *c, struct span wanted, struct stored_interface *interface)
{
    uint8_t address[16];
    struct record_texts *list = &interface->addresses6;
    struct span text =
        cidr6_read_address(wanted, address) ? cidr6_address_text(c->arena, address) : wanted;
    size_t index = 0;
    while (index < list->count && !span_eq(list->at[index], text))
        index++;
    if (index == list->count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Some of the specified addresses are not assigned to interface %.*s",
                      SPAN_ARG(interface->id));
    list->count--;
    memmove(&list->at[index], &list->at[index + 1], (list->count - index) * sizeof *list->at);
    return OK;
}

RESULT ec2_unassign_ipv6_addresses(struct call *c, const struct ec2_unassign_ipv6_addresses_in *in,
                                   struct ec2_unassign_ipv6_addresses_out *out)
{
    struct stored_interface interface;
    if (in->ipv6_prefixes.count)
        return resource_not_built(c, "A delegated prefix");
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    for (size_t i = 0; i < in->ipv6_addresses.count; i++)
        TRY(unassign(c, in->ipv6_addresses.at[i], &interface));
    resource_put(c, &interface_kind, &interface);
    out->network_interface_id = interface.id;
    out->unassigned_ipv6_addresses.at = in->ipv6_addresses.at;
    out->unassigned_ipv6_addresses.count = in->ipv6_addresses.count;
    return OK;
}
