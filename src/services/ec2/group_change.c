// SPDX-License-Identifier: Apache-2.0
/*
 * Changes of rules: Authorize…, Revoke…, UpdateSecurityGroupRuleDescriptions… in both directions,
 * ModifySecurityGroupRules. What is asked for is read first, then all of it is done or, with the
 * call's transaction, nothing. Control thread.
 */
#include "services/ec2/peering.h"
#include "services/ec2/permission.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

/* ---- what is asked for -------------------------------------------------------------------------
 */

/* The members by which a rule was said before there were IpPermissions. */
struct plain_rule {
    struct ec2_ip_permission permission;
    struct ec2_ip_range range;
    struct span source_group;
};

#define PLAIN_RULE(in)                                                                             \
    {                                                                                              \
        .permission = {.ip_protocol = (in)->ip_protocol,                                           \
                       .from_port = (in)->from_port,                                               \
                       .to_port = (in)->to_port,                                                   \
                       .has = {.from_port = (in)->has.from_port, .to_port = (in)->has.to_port}},   \
        .range = {.cidr_ip = (in)->cidr_ip}, .source_group = (in)->source_security_group_name      \
    }

static RESULT no_permissions(struct call *c)
{
    return refuse(c, &EC2_MISSING_PARAMETER,
                  "The request must contain the parameter ipPermissions");
}

static RESULT read_asked(struct call *c, const struct ec2_ip_permission_list *permissions,
                         struct plain_rule *plain, struct stored_group_rule_list *ret)
{
    struct ec2_ip_permission_list one = {&plain->permission, 1};
    if (permissions->count)
        return permission_read(c, permissions, INGRESS, ret);
    if (plain->source_group.at)
        return resource_not_built(c, "SourceSecurityGroupName");
    if (!plain->range.cidr_ip.at)
        return no_permissions(c);
    plain->permission.ip_ranges = (struct ec2_ip_range_list){&plain->range, 1};
    return permission_read(c, &one, INGRESS, ret);
}

/* ---- Authorize… --------------------------------------------------------------------------------
 */

/* A group that a rule refers to is of the same VPC, or of one that has an active peering connection
 * with it in the same region ("Update your security groups to reference peer security groups"). */
static RESULT check_group(struct call *c, const struct stored_security_group *group,
                          struct stored_group_rule *rule)
{
    struct stored_security_group found;
    struct peering_peers peers;
    const struct peering_peer owner = {rule->group_account, c->region, SPAN_NONE, SPAN_NONE};
    struct call as = peering_call(c, &owner);
    TRY(resource_get(&as, &security_group_kind, rule->group, &found));
    if (span_eq(found.vpc, group->vpc))
        return OK;
    TRY(peering_peers(c, group->vpc, &peers));
    for (size_t i = 0; i < peers.count; i++)
        if (span_eq(peers.at[i].vpc, found.vpc) && span_eq(peers.at[i].region, c->region)) {
            rule->group_vpc = found.vpc;
            rule->group_peering = peers.at[i].peering;
            return OK;
        }
    return refuse(c, &EC2_INVALID_GROUP_NOT_FOUND,
                  "You have specified two resources that belong to different networks.");
}

static RESULT check_reference(struct call *c, const struct stored_security_group *group,
                              struct stored_group_rule *rule)
{
    struct stored_prefix_list list;
    if (rule->prefix_list.at)
        return resource_get(c, &prefix_list_kind, rule->prefix_list, &list);
    return rule->group.at ? check_group(c, group, rule) : OK;
}

static RESULT duplicate(struct call *c, const struct stored_group_rule *rule)
{
    return refuse(c, &EC2_INVALID_PERMISSION_DUPLICATE,
                  "the specified rule \"%.*s\" already exists", SPAN_ARG(permission_text(c, rule)));
}

static RESULT authorize(struct call *c, struct stored_security_group *group,
                        const struct stored_group_rule_list *rules,
                        const struct ec2_tag_specification_list *tags,
                        struct ec2_security_group_rule_list *shown)
{
    shown->at = ARENA_ARRAY(c->arena, struct ec2_security_group_rule, rules->count);
    for (size_t i = 0; i < rules->count; i++) {
        TRY(check_reference(c, group, &rules->at[i]));
        if (group_rule_find_equal(group, &rules->at[i]) != SIZE_MAX)
            return duplicate(c, &rules->at[i]);
        const struct stored_group_rule *added = group_rule_add(c, group, &rules->at[i]);
        struct ec2_security_group_rule *to = &shown->at[shown->count++];
        TRY(tag_new(c, &group_rule_kind, added->id, tags));
        group_rule_show(c, group, added, to);
        TRY(tag_list_if_any(c, added->id, &to->tags));
    }
    TRY(group_rule_check_count(c, group));
    resource_put(c, &security_group_kind, group);
    return OK;
}

RESULT
ec2_authorize_security_group_ingress(struct call *c,
                                     const struct ec2_authorize_security_group_ingress_in *in,
                                     struct ec2_authorize_security_group_ingress_out *out)
{
    struct stored_security_group group;
    struct stored_group_rule_list rules;
    struct plain_rule plain = PLAIN_RULE(in);
    TRY(read_asked(c, &in->ip_permissions, &plain, &rules));
    TRY(security_group_get(c, in->group_id, in->group_name, &group));
    SET(out, return_, true);
    return authorize(c, &group, &rules, &in->tag_specifications, &out->security_group_rules);
}

RESULT ec2_authorize_security_group_egress(struct call *c,
                                           const struct ec2_authorize_security_group_egress_in *in,
                                           struct ec2_authorize_security_group_egress_out *out)
{
    struct stored_security_group group;
    struct stored_group_rule_list rules;
    if (!in->ip_permissions.count)
        return no_permissions(c);
    TRY(permission_read(c, &in->ip_permissions, EGRESS, &rules));
    TRY(security_group_get(c, in->group_id, SPAN_NONE, &group));
    SET(out, return_, true);
    return authorize(c, &group, &rules, &in->tag_specifications, &out->security_group_rules);
}

/* ---- Revoke… -----------------------------------------------------------------------------------
 */

static RESULT missing_rule(struct call *c, struct span id)
{
    return refuse(c, &EC2_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND,
                  "The security group rule ID '%.*s' does not exist", SPAN_ARG(id));
}

/* Of that direction. */
static RESULT find_rule(struct call *c, const struct stored_security_group *group, struct span id,
                        enum DIRECTION direction, size_t *ret)
{
    TRY(resource_check_id(c, &group_rule_kind, id));
    *ret = group_rule_find(group, id);
    if (*ret == SIZE_MAX || group->rules.at[*ret].egress != (direction == EGRESS))
        return missing_rule(c, id);
    return OK;
}

struct revoking {
    struct call *c;
    struct stored_security_group *group;
    struct ec2_revoked_security_group_rule_list *revoked;
    struct stored_group_rule_list unknown;
};

static void revoke_at(struct revoking *r, size_t index)
{
    struct ec2_revoked_security_group_rule_list *list = r->revoked;
    struct stored_group_rule rule = r->group->rules.at[index];
    list->at = resource_grow(r->c, list->at, list->count, sizeof *list->at);
    struct ec2_revoked_security_group_rule *to = &list->at[list->count++];
    to->security_group_rule_id = rule.id;
    to->group_id = r->group->id;
    SET(to, is_egress, rule.egress);
    to->ip_protocol = rule.protocol;
    SET(to, from_port, rule.has_ports ? (int32_t)rule.port_from : -1);
    SET(to, to_port, rule.has_ports ? (int32_t)rule.port_to : -1);
    to->cidr_ipv4 = rule.cidr;
    to->cidr_ipv6 = rule.cidr6;
    to->prefix_list_id = rule.prefix_list;
    to->referenced_group_id = rule.group;
    to->description = rule.description;
    group_rule_drop(r->c, r->group, index);
}

static RESULT revoke_ids(struct revoking *r, const struct ec2_security_group_rule_id_list *ids,
                         enum DIRECTION direction)
{
    size_t index;
    for (size_t i = 0; i < ids->count; i++) {
        TRY(find_rule(r->c, r->group, ids->at[i], direction, &index));
        revoke_at(r, index);
    }
    return OK;
}

/* In a default VPC what is not there is told, in others it is an error
 * (RevokeSecurityGroupIngress). */
static RESULT revoke_unknown(struct revoking *r, const struct stored_group_rule *rule)
{
    struct stored_vpc vpc;
    struct stored_group_rule_list *unknown = &r->unknown;
    int error = resource_find(r->c, &vpc_kind, r->group->vpc, &vpc);
    if (error < 0)
        return refuse_errno(r->c, error, "reading the VPC of a security group");
    if (!vpc.is_default)
        return refuse(r->c, &EC2_INVALID_PERMISSION_NOT_FOUND,
                      "The specified rule does not exist in this security group.");
    unknown->at = resource_grow(r->c, unknown->at, unknown->count, sizeof *unknown->at);
    unknown->at[unknown->count++] = *rule;
    return OK;
}

static RESULT revoke_rules(struct revoking *r, const struct stored_group_rule_list *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        size_t index = group_rule_find_equal(r->group, &rules->at[i]);
        if (index == SIZE_MAX)
            TRY(revoke_unknown(r, &rules->at[i]));
        else
            revoke_at(r, index);
    }
    return OK;
}

static RESULT check_one_form(struct call *c, const struct ec2_ip_permission_list *permissions,
                             const struct ec2_security_group_rule_id_list *ids)
{
    if (permissions->count && ids->count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "Only one of 'ipPermissions' or 'securityGroupRuleIds' may be provided.");
    return OK;
}

RESULT ec2_revoke_security_group_ingress(struct call *c,
                                         const struct ec2_revoke_security_group_ingress_in *in,
                                         struct ec2_revoke_security_group_ingress_out *out)
{
    struct stored_security_group group;
    struct stored_group_rule_list rules = {0};
    struct plain_rule plain = PLAIN_RULE(in);
    struct revoking r = {.c = c, .group = &group, .revoked = &out->revoked_security_group_rules};
    TRY(check_one_form(c, &in->ip_permissions, &in->security_group_rule_ids));
    if (!in->security_group_rule_ids.count)
        TRY(read_asked(c, &in->ip_permissions, &plain, &rules));
    TRY(security_group_get(c, in->group_id, in->group_name, &group));
    TRY(revoke_ids(&r, &in->security_group_rule_ids, INGRESS));
    TRY(revoke_rules(&r, &rules));
    resource_put(c, &security_group_kind, &group);
    SET(out, return_, true);
    permission_show(c, &r.unknown, INGRESS, &out->unknown_ip_permissions);
    return OK;
}

RESULT ec2_revoke_security_group_egress(struct call *c,
                                        const struct ec2_revoke_security_group_egress_in *in,
                                        struct ec2_revoke_security_group_egress_out *out)
{
    struct stored_security_group group;
    struct stored_group_rule_list rules;
    struct revoking r = {.c = c, .group = &group, .revoked = &out->revoked_security_group_rules};
    TRY(check_one_form(c, &in->ip_permissions, &in->security_group_rule_ids));
    if (!in->ip_permissions.count && !in->security_group_rule_ids.count)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.");
    TRY(permission_read(c, &in->ip_permissions, EGRESS, &rules));
    TRY(security_group_get(c, in->group_id, SPAN_NONE, &group));
    TRY(revoke_ids(&r, &in->security_group_rule_ids, EGRESS));
    TRY(revoke_rules(&r, &rules));
    resource_put(c, &security_group_kind, &group);
    SET(out, return_, true);
    permission_show(c, &r.unknown, EGRESS, &out->unknown_ip_permissions);
    return OK;
}

/* ---- UpdateSecurityGroupRuleDescriptions… ------------------------------------------------------
 */

struct describing {
    const struct ec2_ip_permission_list *permissions;
    const struct ec2_security_group_rule_description_list *descriptions;
    enum DIRECTION direction;
};

static RESULT describe_ids(struct call *c, const struct describing *d,
                           struct stored_security_group *group)
{
    size_t index;
    for (size_t i = 0; i < d->descriptions->count; i++) {
        const struct ec2_security_group_rule_description *one = &d->descriptions->at[i];
        TRY(find_rule(c, group, one->security_group_rule_id, d->direction, &index));
        TRY(permission_read_description(c, one->description, &group->rules.at[index].description));
    }
    return OK;
}

static RESULT describe_rules(struct call *c, const struct describing *d,
                             struct stored_security_group *group)
{
    struct stored_group_rule_list rules;
    TRY(permission_read(c, d->permissions, d->direction, &rules));
    for (size_t i = 0; i < rules.count; i++) {
        size_t index = group_rule_find_equal(group, &rules.at[i]);
        if (index == SIZE_MAX)
            return refuse(c, &EC2_INVALID_PERMISSION_NOT_FOUND,
                          "The specified rule does not exist in this security group.");
        group->rules.at[index].description = rules.at[i].description;
    }
    return OK;
}

static RESULT describe_all(struct call *c, const struct describing *d,
                           struct stored_security_group *group)
{
    if (!d->permissions->count == !d->descriptions->count)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be "
                      "provided.");
    TRY(describe_ids(c, d, group));
    TRY(describe_rules(c, d, group));
    resource_put(c, &security_group_kind, group);
    return OK;
}

RESULT ec2_update_security_group_rule_descriptions_ingress(
    struct call *c, const struct ec2_update_security_group_rule_descriptions_ingress_in *in,
    struct ec2_update_security_group_rule_descriptions_ingress_out *out)
{
    struct stored_security_group group;
    TRY(security_group_get(c, in->group_id, in->group_name, &group));
    SET(out, return_, true);
    return describe_all(
        c,
        &(struct describing){&in->ip_permissions, &in->security_group_rule_descriptions, INGRESS},
        &group);
}

RESULT ec2_update_security_group_rule_descriptions_egress(
    struct call *c, const struct ec2_update_security_group_rule_descriptions_egress_in *in,
    struct ec2_update_security_group_rule_descriptions_egress_out *out)
{
    struct stored_security_group group;
    TRY(security_group_get(c, in->group_id, in->group_name, &group));
    SET(out, return_, true);
    return describe_all(
        c, &(struct describing){&in->ip_permissions, &in->security_group_rule_descriptions, EGRESS},
        &group);
}

/* ---- ModifySecurityGroupRules ------------------------------------------------------------------
 */

/* A rule stays of the kind that it is. */
static RESULT check_kind(struct call *c, const struct stored_group_rule *old,
                         const struct stored_group_rule *new)
{
    const struct {
        size_t member;
        const char *parameter, *noun;
    } kinds[] = {
        {offsetof(struct stored_group_rule, cidr), "CidrIpv4", "IPv4 CIDR"},
        {offsetof(struct stored_group_rule, cidr6), "CidrIpv6", "IPv6 CIDR"},
        {offsetof(struct stored_group_rule, prefix_list), "PrefixListId", "prefix list"},
        {offsetof(struct stored_group_rule, group), "ReferencedGroupId", "referenced group"},
    };
    size_t was = 0, is = 0;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (const_struct_at(old, kinds[i].member, struct span)->at)
            was = i;
        if (const_struct_at(new, kinds[i].member, struct span)->at)
            is = i;
    }
    if (was != is)
        return refuse(
            c, &EC2_INVALID_PARAMETER_VALUE,
            "Invalid rule type for security group rule '%.*s'. You may not specify %s for "
            "an existing %s rule.",
            SPAN_ARG(old->id), kinds[is].parameter, kinds[was].noun);
    return OK;
}

static RESULT modify(struct call *c, struct stored_security_group *group,
                     const struct ec2_security_group_rule_update *update)
{
    struct stored_group_rule rule;
    TRY(resource_check_id(c, &group_rule_kind, update->security_group_rule_id));
    size_t index = group_rule_find(group, update->security_group_rule_id);
    if (index == SIZE_MAX)
        return missing_rule(c, update->security_group_rule_id);
    struct stored_group_rule *old = &group->rules.at[index];
    if (!update->security_group_rule)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter SecurityGroupRule");
    TRY(permission_read_rule(c, update->security_group_rule, old->egress ? EGRESS : INGRESS,
                             &rule));
    TRY(check_kind(c, old, &rule));
    TRY(check_reference(c, group, &rule));
    size_t same = group_rule_find_equal(group, &rule);
    if (same != SIZE_MAX && same != index)
        return duplicate(c, &rule);
    rule.id = old->id;
    *old = rule;
    return OK;
}

RESULT ec2_modify_security_group_rules(struct call *c,
                                       const struct ec2_modify_security_group_rules_in *in,
                                       struct ec2_modify_security_group_rules_out *out)
{
    struct stored_security_group group;
    TRY(security_group_get(c, in->group_id, SPAN_NONE, &group));
    for (size_t i = 0; i < in->security_group_rules.count; i++)
        TRY(modify(c, &group, &in->security_group_rules.at[i]));
    TRY(group_rule_check_count(c, &group));
    resource_put(c, &security_group_kind, &group);
    SET(out, return_, true);
    return OK;
}
