// SPDX-License-Identifier: Apache-2.0
/* Private and public names of addresses, names of instances by id, and names of addresses. Control
 * thread. */
#include "services/ec2/dns_zone.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/endpoint_name.h"
#include "services/ec2/instance.h"
#include "services/ec2/interface.h"
#include "services/ec2/peering.h"
#include "services/ec2/reverse_name.h"
#include "services/ec2/subnet.h"

#include <errno.h>

#define REVERSE S(".in-addr.arpa")
#define METADATA_ADDRESS 0xa9fea9feu /* 169.254.169.254 */

/* ---- addresses of the VPC ----------------------------------------------------------------------
 */

struct place {
    struct stored_interface *interface; /* NULL: nobody has it */
    uint32_t private_address;
};

static bool is_at(const struct stored_private_address *address, struct span text, bool public)
{
    return span_eq(public ? address->public_address : address->address, text);
}

enum WHICH { WHICH_PRIVATE, WHICH_PUBLIC };

static RESULT find_place(struct call *c, const struct stored_vpc *vpc, uint32_t address,
                         enum WHICH which, struct place *ret)
{
    struct resource_list all;
    struct span text = cidr_address_text(c->arena, address);
    *ret = (struct place){0};
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, vpc, vpc->id), &all));
    for (size_t i = 0; i < all.count && !ret->interface; i++) {
        struct stored_interface *interface = all.at[i];
        for (size_t j = 0; j < interface->addresses.count; j++)
            if (is_at(&interface->addresses.at[j], text, which == WHICH_PUBLIC))
                *ret = (struct place){interface, cidr_address(interface->addresses.at[j].address)};
    }
    return OK;
}

/* Its IPv6 addresses. */
static void answer_addresses6(struct call *c, const struct dns_question *question,
                              const struct stored_interface *interface, struct dns_answer *to)
{
    if (question->type != DNS_AAAA && question->type != DNS_ANY)
        return;
    uint8_t(*all)[16] = (uint8_t(*)[16])arena_alloc(c->arena, 16 * interface->addresses6.count);
    to->addresses6 = (const uint8_t(*)[16])all;
    for (size_t i = 0; i < interface->addresses6.count; i++)
        to->count6 += cidr6_read_address(interface->addresses6.at[i], all[to->count6]);
}

static void answer_address(struct call *c, const struct dns_question *question, uint32_t address,
                           struct dns_answer *to)
{
    if (question->type != DNS_A && question->type != DNS_ANY)
        return; /* the name is there, without such a record */
    uint32_t *one = ARENA_NEW(c->arena, uint32_t);
    *one = address;
    to->addresses = one;
    to->count = 1;
}

/* "ip-10-0-1-5.…" by that prefix; false: it is no such name. */
static bool read_dashed(struct call *c, struct span name, struct span prefix, uint32_t *ret)
{
    if (!span_starts(name, prefix))
        return false;
    struct span rest = span_from(name, prefix.len);
    struct span label = span_cut(&rest, '.');
    char *text = arena_cstr(c->arena, label);
    for (size_t i = 0; i < label.len; i++)
        if (text[i] == '-')
            text[i] = '.';
    return cidr_read_address(span_of(text, label.len), ret);
}

/* ---- private names -----------------------------------------------------------------------------
 */

/* "resource-name": where the subnet has its instances' names answered. */
static RESULT find_instance(struct call *c, const struct stored_vpc *vpc,
                            const struct dns_question *question, struct span id,
                            struct dns_answer *ret)
{
    struct stored_instance instance;
    struct stored_interface interface;
    struct stored_subnet subnet;
    int error = resource_find(c, &instance_kind, id, &instance);
    if (error || !span_eq(instance.vpc, vpc->id) || instance.state == INSTANCE_TERMINATED)
        return error && error != -ENOENT ? refuse_errno(c, error, "reading an instance") : OK;
    TRY(resource_get(c, &subnet_kind, instance.subnet, &subnet));
    TRY(instance_interface_read(c, &instance, &interface));
    if (subnet.name_record || subnet.name_record6)
        ret->code = DNS_OK;
    if (subnet.name_record && interface.addresses.count)
        answer_address(c, question, cidr_address(interface.addresses.at[0].address), ret);
    if (subnet.name_record6)
        answer_addresses6(c, question, &interface, ret);
    return OK;
}

/* The whole domain is the VPC's own: what nobody has is not there. */
static RESULT find_private(struct call *c, const struct stored_vpc *vpc,
                           const struct dns_question *question, bool *ret_found,
                           struct dns_answer *ret)
{
    uint32_t address;
    struct place place;
    struct span domain = arena_printf(c->arena, ".%.*s", SPAN_ARG(dns_name_domain(c)));
    *ret_found = span_ends(question->name, domain);
    if (!*ret_found)
        return OK;
    ret->code = DNS_NO_NAME;
    ret->zone = dns_name_domain(c);
    struct span label = span_first(question->name, question->name.len - domain.len);
    if (span_starts(label, instance_kind.prefix))
        return find_instance(c, vpc, question, label, ret);
    if (span_eq(label, S("instance-data"))) { /* what older programs ask for their metadata */
        ret->code = DNS_OK;
        answer_address(c, question, METADATA_ADDRESS, ret);
        return OK;
    }
    if (!read_dashed(c, question->name, S("ip-"), &address) ||
        !span_eq(question->name, dns_name_private(c, cidr_address_text(c->arena, address))))
        return OK;
    TRY(find_place(c, vpc, address, WHICH_PRIVATE, &place));
    if (!place.interface)
        return OK;
    ret->code = DNS_OK;
    answer_address(c, question, address, ret);
    return OK;
}

/* ---- public names ------------------------------------------------------------------------------
 */

static bool has_names(const struct stored_vpc *vpc)
{
    return vpc->dns_support && vpc->dns_hostnames;
}

/* "Enable DNS resolution for a VPC peering connection". A place without an interface: nobody's. */
static RESULT find_peer_place(struct call *c, const struct stored_vpc *vpc,
                              const struct dns_question *question, uint32_t address,
                              struct place *ret)
{
    struct peering_peers peers;
    struct stored_vpc other;
    *ret = (struct place){0};
    TRY(peering_peers(c, vpc->id, &peers));
    for (size_t i = 0; i < peers.count && !ret->interface; i++) {
        struct call as = peering_call(c, &peers.at[i]);
        if (!peers.at[i].names || !has_names(vpc) ||
            !span_eq(question->name, dns_name_public(&as, cidr_address_text(c->arena, address))))
            continue;
        int error = resource_find(&as, &vpc_kind, peers.at[i].vpc, &other);
        if (!error && has_names(&other))
            TRY(find_place(&as, &other, address, WHICH_PUBLIC, ret));
    }
    return OK;
}

/* Inside the VPC and to peers that it lets know a public name stands for the private address;
 * elsewhere for itself. Of addresses that are not this cloud's the real owner is asked. */
static RESULT find_public(struct call *c, const struct stored_vpc *vpc,
                          const struct dns_question *question, bool *ret_found,
                          struct dns_answer *ret)
{
    uint32_t address;
    struct place place;
    *ret_found = false;
    if (!read_dashed(c, question->name, S("ec2-"), &address))
        return OK;
    TRY(find_peer_place(c, vpc, question, address, &place));
    *ret_found = place.interface != NULL;
    if (*ret_found) {
        answer_address(c, question, place.private_address, ret);
        return OK;
    }
    if (!span_eq(question->name, dns_name_public(c, cidr_address_text(c->arena, address))))
        return OK;
    struct stored_public_lease lease = {.address = address};
    int error = stored_public_lease_get(c->txn, c->arena, &lease);
    if (error)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a public address");
    TRY(find_place(c, vpc, address, WHICH_PUBLIC, &place));
    *ret_found = true;
    answer_address(c, question,
                   place.interface && vpc->dns_hostnames ? place.private_address : address, ret);
    return OK;
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

/* 5.1.0.10.in-addr.arpa */
static bool read_reverse(struct span name, uint32_t *ret)
{
    struct span labels = span_first(name, name.len - REVERSE.len);
    *ret = 0;
    for (int shift = 0; shift < 32; shift += 8) {
        struct span label = span_cut(&labels, '.');
        uint32_t value = 0;
        if (!label.len || label.len > 3)
            return false;
        for (size_t i = 0; i < label.len; i++) {
            if (label.at[i] < '0' || label.at[i] > '9')
                return false;
            value = value * 10 + (uint32_t)(label.at[i] - '0');
        }
        if (value > 255)
            return false;
        *ret |= value << shift;
    }
    return !labels.len;
}

static bool is_of_vpc(const struct stored_vpc *vpc, uint32_t address)
{
    for (size_t i = 0; i < vpc->cidrs.count; i++)
        if (cidr_has(cidr_of(vpc->cidrs.at[i].cidr), address))
            return true;
    return false;
}

static RESULT name_of(struct call *c, const struct stored_interface *interface, uint32_t address,
                      struct span *ret)
{
    struct stored_instance instance;
    struct span text = cidr_address_text(c->arena, address);
    *ret = dns_name_private(c, text);
    if (!interface->attachment || !interface->attachment->instance.at)
        return OK;
    int error = resource_find(c, &instance_kind, interface->attachment->instance, &instance);
    if (!error)
        *ret = instance_private_name(c, &instance, text);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading an instance") : OK;
}

/* Of an address that is not the VPC's: the public ones of this cloud have names, too. */
static RESULT find_reverse_public(struct call *c, const struct dns_question *question,
                                  uint32_t address, bool *ret_found, struct dns_answer *ret)
{
    struct span name;
    TRY(reverse_name_find(c, address, &name));
    *ret_found = name.at != NULL;
    if (question->type == DNS_PTR || question->type == DNS_ANY)
        ret->name = name;
    return OK;
}

static RESULT find_reverse(struct call *c, const struct stored_vpc *vpc,
                           const struct dns_question *question, bool *ret_found,
                           struct dns_answer *ret)
{
    uint32_t address;
    struct place place;
    *ret_found = span_ends(question->name, REVERSE) && read_reverse(question->name, &address);
    if (!*ret_found)
        return OK;
    if (!is_of_vpc(vpc, address))
        return find_reverse_public(c, question, address, ret_found, ret);
    TRY(find_place(c, vpc, address, WHICH_PRIVATE, &place));
    ret->code = place.interface ? DNS_OK : DNS_NO_NAME;
    if (place.interface && (question->type == DNS_PTR || question->type == DNS_ANY))
        return name_of(c, place.interface, address, &ret->name);
    return OK;
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static dns_find *const finders[] = {find_private, find_public, find_reverse, endpoint_find_name};

RESULT dns_zone_find(struct call *c, const struct stored_vpc *vpc,
                     const struct dns_question *question, bool *ret_found, struct dns_answer *ret)
{
    *ret_found = false;
    for (size_t i = 0; i < ARRAY_LEN(finders) && !*ret_found && question->class == DNS_IN; i++) {
        *ret = (struct dns_answer){.ttl_s = DNS_TTL_S};
        TRY(finders[i](c, vpc, question, ret_found, ret));
    }
    return OK;
}
