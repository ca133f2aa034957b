// SPDX-License-Identifier: Apache-2.0
/*
 * Rules for the fabric. It knows no groups: a rule that names one becomes a rule for each address
 * of the group's interfaces, one that names a prefix list a rule for each of its entries. Rules of
 * IPv6 are left out, as no such packet moves. Control thread.
 */
#include "services/ec2/network_rules.h"

#include "services/ec2/cidr.h"
#include "services/ec2/prefix_list.h"

#include <arpa/inet.h>

struct growing {
    struct call *c;
    struct fab_rule *at;
    size_t count;
};

static void add(struct growing *rules, const struct fab_rule *rule, struct cidr cidr)
{
    rules->at = resource_grow(rules->c, rules->at, rules->count, sizeof *rules->at);
    struct fab_rule *to = &rules->at[rules->count++];
    *to = *rule;
    to->address = htonl(cidr.address);
    to->mask = htonl(cidr_mask(cidr.bits));
}

/* False for one that no packet of IPv4 can have. */
static bool read_protocol(struct span text, uint8_t *ret)
{
    static const struct {
        struct span name;
        uint8_t number;
    } names[] = {{S_INIT("-1"), FAB_ANY_PROTOCOL},
                 {S_INIT("tcp"), FAB_TCP},
                 {S_INIT("udp"), FAB_UDP},
                 {S_INIT("icmp"), FAB_ICMP}};
    uint64_t number;
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (span_eq(text, names[i].name)) {
            *ret = names[i].number;
            return true;
        }
    /* 0 would be any: IPv6's hop-by-hop options, which no such packet has. */
    bool good = span_to_u64(text, &number) && number > 0 && number <= UINT8_MAX;
    *ret = good ? (uint8_t)number : 0;
    return good;
}

static uint16_t icmp(int64_t value)
{
    return value < 0 ? FAB_ANY_ICMP : (uint16_t)value;
}

/* ---- network ACLs ------------------------------------------------------------------------------
 */

static bool read_entry(const struct stored_acl_entry *entry, struct fab_rule *to)
{
    *to = (struct fab_rule){.allow = entry->allow, .high = UINT16_MAX};
    if (!entry->cidr.at || !read_protocol(entry->protocol, &to->protocol))
        return false;
    if (to->protocol == FAB_ICMP) {
        to->low = entry->has_icmp ? icmp(entry->icmp_type) : FAB_ANY_ICMP;
        to->high = entry->has_icmp ? icmp(entry->icmp_code) : FAB_ANY_ICMP;
    } else if (entry->has_ports) {
        to->low = (uint16_t)entry->port_from;
        to->high = (uint16_t)entry->port_to;
    }
    return true;
}

struct fabric_rules network_rules_of_acl(struct call *c, const struct stored_network_acl *acl,
                                         enum DIRECTION direction)
{
    struct fab_rule rule;
    struct growing rules = {.c = c};
    for (size_t i = 0; i < acl->entries.count; i++) {
        const struct stored_acl_entry *entry = &acl->entries.at[i];
        if (entry->egress == (direction == DIRECTION_OUT) && read_entry(entry, &rule))
            add(&rules, &rule, cidr_of(entry->cidr));
    }
    return (struct fabric_rules){rules.at, rules.count};
}

/* ---- security groups ---------------------------------------------------------------------------
 */

static bool read_rule(const struct stored_group_rule *from, struct fab_rule *to)
{
    *to = (struct fab_rule){.allow = 1, .high = UINT16_MAX};
    if (!read_protocol(from->protocol, &to->protocol))
        return false;
    if (to->protocol == FAB_ICMP) {
        to->low = from->has_ports ? icmp(from->port_from) : FAB_ANY_ICMP;
        to->high = from->has_ports ? icmp(from->port_to) : FAB_ANY_ICMP;
    } else if (from->has_ports) {
        to->low = (uint16_t)from->port_from;
        to->high = (uint16_t)from->port_to;
    }
    return true;
}

static bool has_group(const struct stored_interface *interface, struct span group)
{
    for (size_t i = 0; i < interface->groups.count; i++)
        if (span_eq(interface->groups.at[i], group))
            return true;
    return false;
}

static void add_members(struct growing *rules, const struct resource_list *interfaces,
                        struct span group, const struct fab_rule *rule)
{
    for (size_t i = 0; i < interfaces->count; i++) {
        const struct stored_interface *member = interfaces->at[i];
        for (size_t j = 0; has_group(member, group) && j < member->addresses.count; j++)
            add(rules, rule, (struct cidr){cidr_address(member->addresses.at[j].address), 32});
    }
}

/* One that cannot be read lets nobody in; why was logged. */
static void add_prefix_list(struct growing *rules, struct span id, const struct fab_rule *rule)
{
    struct cidr cidr;
    struct stored_prefix_list list;
    struct stored_prefix_entry_list entries = {0};
    if (resource_find(rules->c, &prefix_list_kind, id, &list) < 0 ||
        prefix_list_entries(rules->c, &list, list.version, &entries))
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (cidr_read(entries.at[i].cidr, &cidr))
            add(rules, rule, cidr);
}

static void add_group(struct growing *rules, const struct stored_security_group *group,
                      const struct resource_list *interfaces, enum DIRECTION direction)
{
    struct fab_rule rule;
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct stored_group_rule *from = &group->rules.at[i];
        if (from->egress != (direction == DIRECTION_OUT) || !read_rule(from, &rule))
            continue;
        if (from->cidr.at)
            add(rules, &rule, cidr_of(from->cidr));
        else if (from->group.at)
            add_members(rules, interfaces, from->group, &rule);
        else if (from->prefix_list.at)
            add_prefix_list(rules, from->prefix_list, &rule);
    }
}

struct fabric_rules network_rules_of_groups(struct call *c, const struct resource_list *groups,
                                            const struct resource_list *interfaces,
                                            const struct stored_interface *interface,
                                            enum DIRECTION direction)
{
    struct growing rules = {.c = c};
    for (size_t i = 0; i < groups->count; i++) {
        const struct stored_security_group *group = groups->at[i];
        if (has_group(interface, group->id))
            add_group(&rules, group, interfaces, direction);
    }
    return (struct fabric_rules){rules.at, rules.count};
}
