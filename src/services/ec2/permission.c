// SPDX-License-Identifier: Apache-2.0
/*
 * IpPermissions and rules. "CIDR block … is malformed" is the text of aws-cli #2846. Control
 * thread.
 */
#include "services/ec2/permission.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/peering.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/security_group.h"
#include "services/ec2/traffic.h"

#define PROTOCOL_MAX 255

/* ---- what clients say --------------------------------------------------------------------------
 */

RESULT permission_read_description(struct call *c, struct span text, struct span *ret)
{
    *ret = text.len ? text : SPAN_NONE;
    if (security_group_text_valid(text))
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Invalid rule description. Valid descriptions are strings less than 256 "
                  "characters from the following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*");
}

static RESULT read_ports(struct call *c, const struct ec2_ip_permission *said,
                         struct stored_group_rule *rule)
{
    if (!said->has.from_port || !said->has.to_port)
        return traffic_no_ports(c);
    rule->has_ports = true;
    rule->port_from = said->from_port;
    rule->port_to = said->to_port;
    return traffic_check_ports(c, said->from_port, said->to_port);
}

/* Type and code, in the members of the ports. */
static RESULT read_icmp(struct call *c, const struct ec2_ip_permission *said,
                        struct stored_group_rule *rule)
{
    int32_t type = said->has.from_port ? said->from_port : ICMP_ANY;
    int32_t code = said->has.to_port ? said->to_port : ICMP_ANY;
    if (!said->has.from_port && span_eq(rule->protocol, S("icmp")))
        return traffic_no_icmp(c);
    rule->has_ports = true;
    rule->port_from = type;
    rule->port_to = code;
    return traffic_check_icmp(c, type, code);
}

/* All ports of all others. */
static RESULT read_nothing(struct call *c, const struct ec2_ip_permission *said,
                           struct stored_group_rule *rule)
{
    return OK;
}

static const struct protocol {
    struct span name, number, shown;
    RESULT(*read)
    (struct call *c, const struct ec2_ip_permission *said, struct stored_group_rule *rule);
} protocols[] = {
    {S_INIT("tcp"), S_INIT("6"), S_INIT("TCP"), read_ports},
    {S_INIT("udp"), S_INIT("17"), S_INIT("UDP"), read_ports},
    {S_INIT("icmp"), S_INIT("1"), S_INIT("ICMP"), read_icmp},
    {S_INIT("icmpv6"), S_INIT("58"), S_INIT("ICMPv6"), read_icmp},
    {S_INIT("-1"), S_INIT("-1"), S_INIT("ALL"), read_nothing},
};

static RESULT read_traffic(struct call *c, const struct ec2_ip_permission *said,
                           struct stored_group_rule *rule)
{
    uint64_t number;
    if (!said->ip_protocol.at)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Invalid value 'null' for protocol. VPC security group rules must specify "
                      "protocols explicitly.");
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (span_eq_nocase(said->ip_protocol, protocols[i].name) ||
            span_eq(said->ip_protocol, protocols[i].number)) {
            rule->protocol = protocols[i].name;
            return protocols[i].read(c, said, rule);
        }
    if (!span_to_u64(said->ip_protocol, &number) || number > PROTOCOL_MAX)
        return traffic_unknown_protocol(c, said->ip_protocol);
    rule->protocol = arena_printf(c->arena, "%u", (unsigned)number);
    return OK;
}

static RESULT malformed_block(struct call *c, struct span text)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "CIDR block %.*s is malformed", SPAN_ARG(text));
}

struct reading {
    struct call *c;
    struct stored_group_rule traffic; /* of the permission that is being read */
    struct stored_group_rule_list *rules;
};

static RESULT add_rule(struct reading *r, const struct stored_group_rule *peer,
                       struct span description)
{
    struct stored_group_rule_list *rules = r->rules;
    rules->at = resource_grow(r->c, rules->at, rules->count, sizeof *rules->at);
    struct stored_group_rule *rule = &rules->at[rules->count++];
    *rule = *peer;
    TRY(permission_read_description(r->c, description, &rule->description));
    for (size_t i = 0; i + 1 < rules->count; i++)
        if (group_rule_equal(&rules->at[i], rule))
            return refuse(r->c, &EC2_INVALID_PARAMETER_VALUE,
                          "The same permission must not appear multiple times");
    return OK;
}

static RESULT read_ranges(struct reading *r, const struct ec2_ip_permission *said)
{
    for (size_t i = 0; i < said->ip_ranges.count; i++) {
        const struct ec2_ip_range *range = &said->ip_ranges.at[i];
        struct stored_group_rule rule = r->traffic;
        struct cidr cidr;
        if (!cidr_read(range->cidr_ip, &cidr))
            return malformed_block(r->c, range->cidr_ip);
        rule.cidr = cidr_text(r->c->arena, cidr);
        TRY(add_rule(r, &rule, range->description));
    }
    for (size_t i = 0; i < said->ipv6_ranges.count; i++) {
        const struct ec2_ipv6_range *range = &said->ipv6_ranges.at[i];
        struct stored_group_rule rule = r->traffic;
        if (!cidr6_read(r->c->arena, range->cidr_ipv6, &rule.cidr6))
            return malformed_block(r->c, range->cidr_ipv6);
        TRY(add_rule(r, &rule, range->description));
    }
    return OK;
}

static RESULT read_groups(struct reading *r, const struct ec2_ip_permission *said)
{
    for (size_t i = 0; i < said->user_id_group_pairs.count; i++) {
        const struct ec2_user_id_group_pair *pair = &said->user_id_group_pairs.at[i];
        struct stored_group_rule rule = r->traffic;
        rule.group = pair->group_id;
        rule.group_account = pair->user_id.at ? pair->user_id : r->c->account;
        if (!rule.group.at)
            TRY(security_group_find_named(r->c, pair->group_name, &rule.group));
        TRY(resource_check_id(r->c, &security_group_kind, rule.group));
        TRY(add_rule(r, &rule, pair->description));
    }
    return OK;
}

static RESULT read_prefix_lists(struct reading *r, const struct ec2_ip_permission *said)
{
    for (size_t i = 0; i < said->prefix_list_ids.count; i++) {
        const struct ec2_prefix_list_id *list = &said->prefix_list_ids.at[i];
        struct stored_group_rule rule = r->traffic;
        rule.prefix_list = list->prefix_list_id;
        TRY(resource_check_id(r->c, &prefix_list_kind, rule.prefix_list));
        TRY(add_rule(r, &rule, list->description));
    }
    return OK;
}

RESULT permission_read(struct call *c, const struct ec2_ip_permission_list *permissions,
                       enum DIRECTION direction, struct stored_group_rule_list *ret)
{
    *ret = (struct stored_group_rule_list){0};
    for (size_t i = 0; i < permissions->count; i++) {
        const struct ec2_ip_permission *said = &permissions->at[i];
        struct reading r = {.c = c, .traffic.egress = direction == EGRESS, .rules = ret};
        size_t before = ret->count;
        TRY(read_traffic(c, said, &r.traffic));
        TRY(read_ranges(&r, said));
        TRY(read_prefix_lists(&r, said));
        TRY(read_groups(&r, said));
        if (ret->count == before)
            return refuse(c, &EC2_MISSING_PARAMETER,
                          "The request must contain exactly one of: cidrIp, cidrIpv6, "
                          "prefixListId, or referencedGroupId");
    }
    return OK;
}

/* ---- one rule ----------------------------------------------------------------------------------
 */

static RESULT check_one_peer(struct call *c, const struct ec2_security_group_rule_request *request)
{
    int peers = !!request->cidr_ipv4.at + !!request->cidr_ipv6.at + !!request->prefix_list_id.at +
                !!request->referenced_group_id.at;
    if (peers > 1)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be "
                      "specified");
    return OK;
}

RESULT permission_read_rule(struct call *c, const struct ec2_security_group_rule_request *request,
                            enum DIRECTION direction, struct stored_group_rule *ret)
{
    struct stored_group_rule_list rules;
    struct ec2_ip_range range = {request->description, request->cidr_ipv4};
    struct ec2_ipv6_range range6 = {request->description, request->cidr_ipv6};
    struct ec2_prefix_list_id prefixes = {request->description, request->prefix_list_id};
    struct ec2_user_id_group_pair pair = {.description = request->description,
                                          .group_id = request->referenced_group_id};
    struct ec2_ip_permission one = {
        .ip_protocol = request->ip_protocol,
        .from_port = request->from_port,
        .to_port = request->to_port,
        .has = {.from_port = request->has.from_port, .to_port = request->has.to_port},
        .ip_ranges = {&range, !!request->cidr_ipv4.at},
        .ipv6_ranges = {&range6, !!request->cidr_ipv6.at},
        .prefix_list_ids = {&prefixes, !!request->prefix_list_id.at},
        .user_id_group_pairs = {&pair, !!request->referenced_group_id.at}};
    TRY(check_one_peer(c, request));
    TRY(permission_read(c, &(struct ec2_ip_permission_list){&one, 1}, direction, &rules));
    *ret = rules.at[0];
    return OK;
}

/* ---- what clients are told ---------------------------------------------------------------------
 */

static struct span traffic_text(struct call *c, const struct stored_group_rule *rule)
{
    const struct protocol *protocol = NULL;
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (span_eq(protocols[i].name, rule->protocol))
            protocol = &protocols[i];
    struct span name = protocol ? protocol->shown : rule->protocol;
    if (!rule->has_ports)
        return name;
    if (protocol && protocol->read == read_icmp && rule->port_from == ICMP_ANY)
        return arena_printf(c->arena, "%.*s, type: ALL, code: ALL", SPAN_ARG(name));
    bool ports = protocol && protocol->read == read_ports;
    return arena_printf(c->arena, "%.*s, %s: %d, %s: %d", SPAN_ARG(name),
                        ports ? "from port" : "type", (int)rule->port_from,
                        ports ? "to port" : "code", (int)rule->port_to);
}

struct span permission_text(struct call *c, const struct stored_group_rule *rule)
{
    struct span peer = rule->cidr.at          ? rule->cidr
                       : rule->cidr6.at       ? rule->cidr6
                       : rule->prefix_list.at ? rule->prefix_list
                                              : rule->group;
    return arena_printf(c->arena, "peer: %.*s, %.*s, ALLOW", SPAN_ARG(peer),
                        SPAN_ARG(traffic_text(c, rule)));
}

static bool has_ports_of(const struct ec2_ip_permission *permission,
                         const struct stored_group_rule *rule)
{
    return span_eq(permission->ip_protocol, rule->protocol) &&
           permission->has.from_port == rule->has_ports &&
           (!rule->has_ports || (permission->from_port == (int32_t)rule->port_from &&
                                 permission->to_port == (int32_t)rule->port_to));
}

/* The one of these ports, made when it is not there; its lists are empty, not absent. */
static struct ec2_ip_permission *permission_of(struct call *c,
                                               struct ec2_ip_permission_list *permissions,
                                               const struct stored_group_rule *rule)
{
    for (size_t i = 0; i < permissions->count; i++)
        if (has_ports_of(&permissions->at[i], rule))
            return &permissions->at[i];
    permissions->at =
        resource_grow(c, permissions->at, permissions->count, sizeof *permissions->at);
    struct ec2_ip_permission *to = &permissions->at[permissions->count++];
    to->ip_protocol = rule->protocol;
    if (rule->has_ports) {
        SET(to, from_port, (int32_t)rule->port_from);
        SET(to, to_port, (int32_t)rule->port_to);
    }
    to->ip_ranges.at = arena_alloc(c->arena, 0);
    to->ipv6_ranges.at = arena_alloc(c->arena, 0);
    to->prefix_list_ids.at = arena_alloc(c->arena, 0);
    to->user_id_group_pairs.at = arena_alloc(c->arena, 0);
    return to;
}

#define APPEND(c, list, ...)                                                                       \
    do {                                                                                           \
        (list)->at = resource_grow((c), (list)->at, (list)->count, sizeof *(list)->at);            \
        (list)->at[(list)->count++] = (__VA_ARGS__);                                               \
    } while (0)

static void show_rule(struct call *c, const struct stored_group_rule *rule,
                      struct ec2_ip_permission *to)
{
    if (rule->cidr.at)
        APPEND(c, &to->ip_ranges,
               (struct ec2_ip_range){.cidr_ip = rule->cidr, .description = rule->description});
    else if (rule->cidr6.at)
        APPEND(c, &to->ipv6_ranges,
               (struct ec2_ipv6_range){.cidr_ipv6 = rule->cidr6, .description = rule->description});
    else if (rule->prefix_list.at)
        APPEND(c, &to->prefix_list_ids,
               (struct ec2_prefix_list_id){.prefix_list_id = rule->prefix_list,
                                           .description = rule->description});
    else
        APPEND(c, &to->user_id_group_pairs,
               (struct ec2_user_id_group_pair){
                   .group_id = rule->group,
                   .user_id = rule->group_account,
                   .vpc_id = rule->group_vpc,
                   .vpc_peering_connection_id = rule->group_peering,
                   .peering_status =
                       rule->group_peering.at ? peering_status(c, rule->group_peering) : SPAN_NONE,
                   .description = rule->description});
}

void permission_show(struct call *c, const struct stored_group_rule_list *rules,
                     enum DIRECTION direction, struct ec2_ip_permission_list *to)
{
    to->at = arena_alloc(c->arena, 0);
    for (size_t i = 0; i < rules->count; i++)
        if (rules->at[i].egress == (direction == EGRESS))
            show_rule(c, &rules->at[i], permission_of(c, to, &rules->at[i]));
}
