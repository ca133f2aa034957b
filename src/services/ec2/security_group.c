// SPDX-License-Identifier: Apache-2.0
/*
 * Security groups. A rule is one source or target with one range of ports, has an id of its own,
 * and lies in its group's record; what is told gathers the rules of equal ports. Control thread.
 */
#include "services/ec2/security_group.h"

#include "services/ec2/describe.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define ANY_PROTOCOL S("-1")
#define EVERYBODY S("0.0.0.0/0")

/* ---- the kind ----------------------------------------------------------------------------------
 */

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
               (struct ec2_user_id_group_pair){.group_id = rule->group,
                                               .user_id = rule->group_account,
                                               .description = rule->description});
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_security_group *group = record;
    struct ec2_security_group *to = shown;
    to->owner_id = group->account;
    to->group_id = group->id;
    to->group_name = group->name;
    to->description = group->description;
    to->vpc_id = group->vpc;
    to->security_group_arn = resource_arn(c, &security_group_kind, group->id);
    to->ip_permissions.at = arena_alloc(c->arena, 0);
    to->ip_permissions_egress.at = arena_alloc(c->arena, 0);
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct stored_group_rule *rule = &group->rules.at[i];
        show_rule(c, rule,
                  permission_of(c, rule->egress ? &to->ip_permissions_egress : &to->ip_permissions,
                                rule));
    }
    return tag_list_if_any(c, group->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"description", "Description"},
    {"egress.ip-permission.cidr", "IpPermissionsEgress.IpRanges.CidrIp"},
    {"egress.ip-permission.from-port", "IpPermissionsEgress.FromPort"},
    {"egress.ip-permission.group-id", "IpPermissionsEgress.UserIdGroupPairs.GroupId"},
    {"egress.ip-permission.group-name", "IpPermissionsEgress.UserIdGroupPairs.GroupName"},
    {"egress.ip-permission.ipv6-cidr", "IpPermissionsEgress.Ipv6Ranges.CidrIpv6"},
    {"egress.ip-permission.prefix-list-id", "IpPermissionsEgress.PrefixListIds.PrefixListId"},
    {"egress.ip-permission.protocol", "IpPermissionsEgress.IpProtocol"},
    {"egress.ip-permission.to-port", "IpPermissionsEgress.ToPort"},
    {"egress.ip-permission.user-id", "IpPermissionsEgress.UserIdGroupPairs.UserId"},
    {"group-id", "GroupId"},
    {"group-name", "GroupName"},
    {"ip-permission.cidr", "IpPermissions.IpRanges.CidrIp"},
    {"ip-permission.from-port", "IpPermissions.FromPort"},
    {"ip-permission.group-id", "IpPermissions.UserIdGroupPairs.GroupId"},
    {"ip-permission.group-name", "IpPermissions.UserIdGroupPairs.GroupName"},
    {"ip-permission.ipv6-cidr", "IpPermissions.Ipv6Ranges.CidrIpv6"},
    {"ip-permission.prefix-list-id", "IpPermissions.PrefixListIds.PrefixListId"},
    {"ip-permission.protocol", "IpPermissions.IpProtocol"},
    {"ip-permission.to-port", "IpPermissions.ToPort"},
    {"ip-permission.user-id", "IpPermissions.UserIdGroupPairs.UserId"},
    {"owner-id", "OwnerId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind security_group_kind = {
    .prefix = S_INIT("sg-"),
    .type = "security-group",
    .record = &stored_security_group_table,
    .vpc = offsetof(struct stored_security_group, vpc),
    .malformed = &EC2_INVALID_GROUP_ID_MALFORMED,
    .missing = &EC2_INVALID_GROUP_NOT_FOUND,
    .missing_before = "The security group '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_security_group),
    .show = show,
    .filters = {EC2_SHAPE_SECURITY_GROUP, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_security_groups(struct call *c,
                                    const struct ec2_describe_security_groups_in *in,
                                    struct ec2_describe_security_groups_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, group_ids);
    if (in->group_names.count)
        return resource_not_built(c, "GroupName");
    TRY(describe(c, &security_group_kind, &asked, &found));
    out->security_groups.at = found.at;
    out->security_groups.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- for the rest of the VPC -------------------------------------------------------------------
 */

void security_group_add_rule(struct call *c, struct stored_security_group *group,
                             const struct stored_group_rule *rule)
{
    struct stored_group_rule_list *rules = &group->rules;
    struct stored_group_rule_place place = {.group = group->id};
    rules->at = resource_widen(c, rules->at, rules->count, sizeof *rules->at);
    struct stored_group_rule *added = &rules->at[rules->count++];
    *added = *rule;
    added->id = id_new(c, "sgr-", 17);
    resource_key(c, added->id, &place);
    stored_group_rule_place_put(c->txn, &place);
}

void security_group_new_default(struct call *c, struct span vpc)
{
    struct stored_security_group group = {
        .vpc = vpc, .name = S("default"), .description = S("default VPC security group")};
    resource_name(c, &security_group_kind, &group);
    security_group_add_rule(c, &group,
                            &(struct stored_group_rule){.protocol = ANY_PROTOCOL,
                                                        .group = group.id,
                                                        .group_account = c->account});
    security_group_add_rule(
        c, &group,
        &(struct stored_group_rule){.egress = true, .protocol = ANY_PROTOCOL, .cidr = EVERYBODY});
    resource_put(c, &security_group_kind, &group);
}

RESULT security_group_default(struct call *c, struct span vpc, struct stored_security_group **ret)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++) {
        *ret = groups.at[i];
        if (span_eq((*ret)->name, S("default")))
            return OK;
    }
    return refuse_errno(c, -EBADMSG, "looking for the default group of %.*s", SPAN_ARG(vpc));
}

RESULT security_group_any_but_default(struct call *c, struct span vpc, bool *ret)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    *ret = groups.count > 1;
    return OK;
}

void security_group_drop(struct call *c, const struct stored_security_group *group)
{
    for (size_t i = 0; i < group->rules.count; i++) {
        struct stored_group_rule_place place = {0};
        resource_key(c, group->rules.at[i].id, &place);
        tag_drop_all(c, place.id);
        stored_group_rule_place_delete(c->txn, &place);
    }
    resource_drop(c, &security_group_kind, group);
}

RESULT security_group_drop_all(struct call *c, struct span vpc)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++)
        security_group_drop(c, groups.at[i]);
    return OK;
}
