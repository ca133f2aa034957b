// SPDX-License-Identifier: Apache-2.0
/*
 * Rules for the fabric. It knows no groups: a rule that names one becomes a rule for each address
 * of the group's interfaces, one that names a prefix list a rule for each of its entries. Those of
 * IPv4 and of IPv6 are lists by themselves, each in its order. Control thread.
 */
#include "services/ec2/network_rules.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/interface.h"
#include "services/ec2/prefix_list.h"

#include <arpa/inet.h>

struct growing {
    struct call *c;
    struct fabric_rules_grown {
        struct fab_rule *at;
        size_t count;
    } four, six;
};

static struct network_rules rules_of(const struct growing *rules)
{
    return (struct network_rules){{rules->four.at, rules->four.count},
                                  {rules->six.at, rules->six.count}};
}

static void add4(struct growing *rules, const struct fab_rule *rule, struct cidr cidr)
{
    rules->four.at = resource_grow(rules->c, rules->four.at, rules->four.count, sizeof *rule);
    struct fab_rule *to = &rules->four.at[rules->four.count++];
    *to = *rule;
    to->address = htonl(cidr.address);
    to->mask = htonl(cidr_mask(cidr.bits));
}

/* The bits of a mask that lie in the word with that index. */
static uint32_t mask_word(uint32_t bits, uint32_t index)
{
    uint32_t here = bits > index * 32 ? bits - index * 32 : 0;
    return htonl(cidr_mask(here < 32 ? here : 32));
}

static void add6(struct growing *rules, const struct fab_rule *rule, const struct cidr6 *cidr)
{
    struct fab_ip6 address;
    rules->six.at = resource_grow(rules->c, rules->six.at, rules->six.count, sizeof *rule);
    struct fab_rule *to = &rules->six.at[rules->six.count++];
    memcpy(&address, cidr->address, sizeof address);
    *to = *rule;
    to->address = address.word[0];
    to->mask = mask_word(cidr->bits, 0);
    for (uint32_t i = 0; i < 3; i++) {
        to->more[i] = address.word[i + 1];
        to->more_mask[i] = mask_word(cidr->bits, i + 1);
    }
}

/* A block of either kind. */
static void add(struct growing *rules, const struct fab_rule *rule, struct span text)
{
    struct cidr cidr;
    struct cidr6 cidr6;
    if (cidr_read(text, &cidr))
        add4(rules, rule, cidr);
    else if (cidr6_parse(text, &cidr6))
        add6(rules, rule, &cidr6);
}

/* False for one that no packet can be of. */
static bool read_protocol(struct span text, uint8_t *ret)
{
    static const struct {
        struct span name;
        uint8_t number;
    } names[] = {{S_INIT("-1"), FAB_ANY_PROTOCOL},
                 {S_INIT("tcp"), FAB_TCP},
                 {S_INIT("udp"), FAB_UDP},
                 {S_INIT("icmp"), FAB_ICMP},
                 {S_INIT("icmpv6"), FAB_ICMP6}};
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

static bool is_icmp(uint8_t protocol)
{
    return protocol == FAB_ICMP || protocol == FAB_ICMP6;
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
    if (!read_protocol(entry->protocol, &to->protocol))
        return false;
    if (is_icmp(to->protocol)) {
        to->low = entry->has_icmp ? icmp(entry->icmp_type) : FAB_ANY_ICMP;
        to->high = entry->has_icmp ? icmp(entry->icmp_code) : FAB_ANY_ICMP;
    } else if (entry->has_ports) {
        to->low = (uint16_t)entry->port_from;
        to->high = (uint16_t)entry->port_to;
    }
    return true;
}

struct network_rules network_rules_of_acl(struct call *c, const struct stored_network_acl *acl,
                                          enum DIRECTION direction)
{
    struct fab_rule rule;
    struct growing rules = {.c = c};
    for (size_t i = 0; i < acl->entries.count; i++) {
        const struct stored_acl_entry *entry = &acl->entries.at[i];
        if (entry->egress == (direction == DIRECTION_OUT) && read_entry(entry, &rule))
            add(&rules, &rule, entry->cidr6.at ? entry->cidr6 : entry->cidr);
    }
    return rules_of(&rules);
}

/* ---- security groups ---------------------------------------------------------------------------
 */

static bool read_rule(const struct stored_group_rule *from, struct fab_rule *to)
{
    *to = (struct fab_rule){.allow = 1, .high = UINT16_MAX};
    if (!read_protocol(from->protocol, &to->protocol))
        return false;
    if (is_icmp(to->protocol)) {
        to->low = from->has_ports ? icmp(from->port_from) : FAB_ANY_ICMP;
        to->high = from->has_ports ? icmp(from->port_to) : FAB_ANY_ICMP;
    } else if (from->has_ports) {
        to->low = (uint16_t)from->port_from;
        to->high = (uint16_t)from->port_to;
    }
    return true;
}

static void add_members(struct growing *rules, const struct resource_list *interfaces,
                        struct span group, const struct fab_rule *rule)
{
    for (size_t i = 0; i < interfaces->count; i++) {
        const struct stored_interface *member = interfaces->at[i];
        for (size_t j = 0; interface_has_group(member, group) && j < member->addresses.count; j++)
            add4(rules, rule, (struct cidr){cidr_address(member->addresses.at[j].address), 32});
        for (size_t j = 0; interface_has_group(member, group) && j < member->addresses6.count;
             j++) {
            struct cidr6 cidr = {.bits = 128};
            if (cidr6_read_address(member->addresses6.at[j], cidr.address))
                add6(rules, rule, &cidr);
        }
    }
}

/* One that cannot be read lets nobody in; why was logged. */
static void add_prefix_list(struct growing *rules, struct span id, const struct fab_rule *rule)
{
    struct stored_prefix_list list;
    struct stored_prefix_entry_list entries = {0};
    if (resource_find(rules->c, &prefix_list_kind, id, &list) < 0 ||
        prefix_list_entries(rules->c, &list, list.version, &entries))
        return;
    for (size_t i = 0; i < entries.count; i++)
        add(rules, rule, entries.at[i].cidr);
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
            add(rules, &rule, from->cidr);
        else if (from->cidr6.at)
            add(rules, &rule, from->cidr6);
        else if (from->group.at)
            add_members(rules, interfaces, from->group, &rule);
        else if (from->prefix_list.at)
            add_prefix_list(rules, from->prefix_list, &rule);
    }
}

struct network_rules network_rules_of_groups(struct call *c, const struct resource_list *groups,
                                             const struct resource_list *interfaces,
                                             const struct stored_interface *interface,
                                             enum DIRECTION direction)
{
    struct growing rules = {.c = c};
    for (size_t i = 0; i < groups->count; i++) {
        const struct stored_security_group *group = groups->at[i];
        if (interface_has_group(interface, group->id))
            add_group(&rules, group, interfaces, direction);
    }
    return rules_of(&rules);
}
