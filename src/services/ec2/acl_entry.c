// SPDX-License-Identifier: Apache-2.0
/* Entries of network ACLs: CreateNetworkAclEntry, ReplaceNetworkAclEntry, DeleteNetworkAclEntry.
 * Control thread. */
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/traffic.h"

#define NUMBER_MAX (NETWORK_ACL_LAST - 1)
#define PROTOCOL_MAX 255
/* "Amazon VPC quotas": in each direction, of each IP version, with the one that denies the rest. */
#define ENTRIES_MAX 20

/* ---- what is asked for -------------------------------------------------------------------------
 */

struct asked {
    struct span acl, protocol, action, cidr, cidr6;
    int32_t number;
    bool egress;
    const struct ec2_port_range *ports;
    const struct ec2_icmp_type_code *icmp;
};

#define ASKED(in)                                                                                  \
    {                                                                                              \
        .acl = (in)->network_acl_id, .protocol = (in)->protocol, .action = (in)->rule_action,      \
        .cidr = (in)->cidr_block, .cidr6 = (in)->ipv6_cidr_block, .number = (in)->rule_number,     \
        .egress = (in)->egress, .ports = (in)->port_range, .icmp = (in)->icmp_type_code            \
    }

static RESULT check_number(struct call *c, int32_t number)
{
    if (number < 1 || number > NUMBER_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%d) for parameter ruleNumber is invalid. Rule number must be between "
                      "1 and %d.",
                      number, NUMBER_MAX);
    return OK;
}

static RESULT malformed_block(struct call *c, struct span text)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "CIDR block %.*s is malformed", SPAN_ARG(text));
}

static RESULT read_block(struct call *c, const struct asked *asked, struct stored_acl_entry *entry)
{
    struct cidr cidr;
    if (!asked->cidr.at == !asked->cidr6.at)
        return refuse(c,
                      asked->cidr.at ? &EC2_INVALID_PARAMETER_COMBINATION : &EC2_MISSING_PARAMETER,
                      "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided.");
    if (asked->cidr6.at)
        return cidr6_read(c->arena, asked->cidr6, &entry->cidr6) ? OK
                                                                 : malformed_block(c, asked->cidr6);
    if (!cidr_read(asked->cidr, &cidr))
        return malformed_block(c, asked->cidr);
    entry->cidr = cidr_text(c->arena, cidr);
    return OK;
}

static RESULT read_ports(struct call *c, const struct asked *asked, struct stored_acl_entry *entry)
{
    const struct ec2_port_range *ports = asked->ports;
    if (!ports || !ports->has.from || !ports->has.to)
        return traffic_no_ports(c);
    TRY(traffic_check_ports(c, ports->from, ports->to));
    entry->has_ports = true;
    entry->port_from = (uint64_t)ports->from;
    entry->port_to = (uint64_t)ports->to;
    return OK;
}

static RESULT read_icmp(struct call *c, const struct asked *asked, struct stored_acl_entry *entry)
{
    const struct ec2_icmp_type_code *icmp = asked->icmp;
    if (!icmp || !icmp->has.type || !icmp->has.code)
        return traffic_no_icmp(c);
    TRY(traffic_check_icmp(c, icmp->type, icmp->code));
    entry->has_icmp = true;
    entry->icmp_type = icmp->type;
    entry->icmp_code = icmp->code;
    return OK;
}

/* Of other protocols all traffic is meant, whatever is said; of ICMPv6 in IPv4 too. */
static RESULT read_traffic(struct call *c, const struct asked *asked,
                           struct stored_acl_entry *entry)
{
    uint64_t number;
    entry->protocol = asked->protocol;
    if (span_eq(asked->protocol, S("-1")))
        return OK;
    if (!span_to_u64(asked->protocol, &number) || number > PROTOCOL_MAX)
        return traffic_unknown_protocol(c, asked->protocol);
    entry->protocol = arena_printf(c->arena, "%u", (unsigned)number);
    if (span_eq(entry->protocol, S("6")) || span_eq(entry->protocol, S("17")))
        return read_ports(c, asked, entry);
    if (span_eq(entry->protocol, S("1")) || (span_eq(entry->protocol, S("58")) && asked->cidr6.at))
        return read_icmp(c, asked, entry);
    return OK;
}

static RESULT read_entry(struct call *c, const struct asked *asked, struct stored_acl_entry *entry)
{
    *entry = (struct stored_acl_entry){.number = (uint64_t)asked->number,
                                       .egress = asked->egress,
                                       .allow = span_eq(asked->action, S("allow"))};
    TRY(check_number(c, asked->number));
    TRY(read_block(c, asked, entry));
    return read_traffic(c, asked, entry);
}

/* ---- the list ----------------------------------------------------------------------------------
 */

static bool stands_before(const struct stored_acl_entry *a, const struct stored_acl_entry *b)
{
    return a->egress != b->egress ? b->egress : a->number < b->number;
}

/* Where it is, or where it belongs. */
static size_t find(const struct stored_acl_entry_list *entries,
                   const struct stored_acl_entry *wanted, bool *ret_found)
{
    size_t index = 0;
    while (index < entries->count && stands_before(&entries->at[index], wanted))
        index++;
    *ret_found = index < entries->count && !stands_before(wanted, &entries->at[index]);
    return index;
}

static RESULT missing(struct call *c, const struct stored_network_acl *acl,
                      const struct stored_acl_entry *entry)
{
    return refuse(c, &EC2_INVALID_NETWORK_ACL_ENTRY_NOT_FOUND,
                  "EC2 Network ACL (%.*s) Rule (egress: %s)(%d) does not exist", SPAN_ARG(acl->id),
                  entry->egress ? "true" : "false", (int)entry->number);
}

static RESULT check_count(struct call *c, const struct stored_network_acl *acl,
                          const struct stored_acl_entry *added)
{
    size_t count = 1;
    for (size_t i = 0; i < acl->entries.count; i++) {
        const struct stored_acl_entry *entry = &acl->entries.at[i];
        count += entry->egress == added->egress && !entry->cidr6.at == !added->cidr6.at;
    }
    if (count > ENTRIES_MAX)
        return refuse(c, &EC2_NETWORK_ACL_ENTRY_LIMIT_EXCEEDED,
                      "The maximum number of network ACL entries has been reached.");
    return OK;
}

static void insert(struct call *c, struct stored_acl_entry_list *entries, size_t index,
                   const struct stored_acl_entry *entry)
{
    entries->at = resource_widen(c, entries->at, entries->count, sizeof *entries->at);
    memmove(&entries->at[index + 1], &entries->at[index],
            (entries->count - index) * sizeof *entries->at);
    entries->at[index] = *entry;
    entries->count++;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_create_network_acl_entry(struct call *c,
                                    const struct ec2_create_network_acl_entry_in *in,
                                    struct ec2_create_network_acl_entry_out *out)
{
    bool found;
    struct stored_network_acl acl;
    struct stored_acl_entry entry;
    struct asked asked = ASKED(in);
    TRY(read_entry(c, &asked, &entry));
    TRY(resource_get(c, &network_acl_kind, asked.acl, &acl));
    size_t index = find(&acl.entries, &entry, &found);
    if (found)
        return refuse(c, &EC2_NETWORK_ACL_ENTRY_ALREADY_EXISTS,
                      "EC2 Network ACL (%.*s) Rule (egress: %s)(%d) already exists",
                      SPAN_ARG(acl.id), entry.egress ? "true" : "false", (int)entry.number);
    insert(c, &acl.entries, index, &entry);
    TRY(check_count(c, &acl, &entry));
    resource_put(c, &network_acl_kind, &acl);
    return OK;
}

RESULT ec2_replace_network_acl_entry(struct call *c,
                                     const struct ec2_replace_network_acl_entry_in *in,
                                     struct ec2_replace_network_acl_entry_out *out)
{
    bool found;
    struct stored_network_acl acl;
    struct stored_acl_entry entry;
    struct asked asked = ASKED(in);
    TRY(read_entry(c, &asked, &entry));
    TRY(resource_get(c, &network_acl_kind, asked.acl, &acl));
    size_t index = find(&acl.entries, &entry, &found);
    if (!found)
        return missing(c, &acl, &entry);
    acl.entries.at[index] = entry;
    TRY(check_count(c, &acl, &entry));
    resource_put(c, &network_acl_kind, &acl);
    return OK;
}

RESULT ec2_delete_network_acl_entry(struct call *c,
                                    const struct ec2_delete_network_acl_entry_in *in,
                                    struct ec2_delete_network_acl_entry_out *out)
{
    bool found;
    struct stored_network_acl acl;
    struct stored_acl_entry wanted = {.number = (uint64_t)in->rule_number, .egress = in->egress};
    struct stored_acl_entry_list *entries = &acl.entries;
    TRY(check_number(c, in->rule_number));
    TRY(resource_get(c, &network_acl_kind, in->network_acl_id, &acl));
    size_t index = find(entries, &wanted, &found);
    if (!found)
        return missing(c, &acl, &wanted);
    entries->count--;
    memmove(&entries->at[index], &entries->at[index + 1],
            (entries->count - index) * sizeof *entries->at);
    resource_put(c, &network_acl_kind, &acl);
    return OK;
}
