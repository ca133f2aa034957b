// SPDX-License-Identifier: Apache-2.0
/*
 * Rules of security groups. A rule lies in its group's record; a record of its own says which group
 * that is, so that an id alone is enough. Control thread.
 */
#include "services/ec2/group_rule.h"

#include "services/ec2/describe.h"
#include "services/ec2/peering.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"

#include <errno.h>

/* "Amazon VPC quotas", security groups: in each direction, of each IP version. */
#define RULES_MAX 60

/* ---- the kind ----------------------------------------------------------------------------------
 */

void group_rule_show(struct call *c, const struct stored_security_group *group,
                     const struct stored_group_rule *rule, struct ec2_security_group_rule *to)
{
    to->security_group_rule_id = rule->id;
    to->group_id = group->id;
    to->group_owner_id = group->account;
    SET(to, is_egress, rule->egress);
    to->ip_protocol = rule->protocol;
    SET(to, from_port, rule->has_ports ? (int32_t)rule->port_from : -1);
    SET(to, to_port, rule->has_ports ? (int32_t)rule->port_to : -1);
    to->cidr_ipv4 = rule->cidr;
    to->cidr_ipv6 = rule->cidr6;
    to->prefix_list_id = rule->prefix_list;
    if (rule->group.at) {
        to->referenced_group_info = ARENA_NEW(c->arena, struct ec2_referenced_security_group);
        to->referenced_group_info->group_id = rule->group;
        to->referenced_group_info->user_id = rule->group_account;
        to->referenced_group_info->vpc_id = rule->group_vpc;
        to->referenced_group_info->vpc_peering_connection_id = rule->group_peering;
        if (rule->group_peering.at)
            to->referenced_group_info->peering_status = peering_status(c, rule->group_peering);
    }
    to->description = rule->description;
    to->security_group_rule_arn = resource_arn(c, &group_rule_kind, rule->id);
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_group_rule_place *place = record;
    struct ec2_security_group_rule *to = shown;
    struct stored_security_group group;
    int error = resource_find(c, &security_group_kind, place->group, &group);
    size_t index = error < 0 ? SIZE_MAX : group_rule_find(&group, place->id);
    if (index == SIZE_MAX)
        return refuse_errno(c, error < 0 ? error : -EBADMSG, "reading the group of %.*s",
                            SPAN_ARG(place->id));
    group_rule_show(c, &group, &group.rules.at[index], to);
    return tag_list(c, place->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"group-id", "GroupId"},
    {"security-group-rule-id", "SecurityGroupRuleId"},
};

const struct resource_kind group_rule_kind = {
    .prefix = S_INIT("sgr-"),
    .type = "security-group-rule",
    .record = &stored_group_rule_place_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_SECURITY_GROUP_RULE_ID_MALFORMED,
    .missing = &EC2_INVALID_SECURITY_GROUP_RULE_ID_NOT_FOUND,
    .missing_before = "The security group rule ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_security_group_rule),
    .show = show,
    .filters = {EC2_SHAPE_SECURITY_GROUP_RULE, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_security_group_rules(struct call *c,
                                         const struct ec2_describe_security_group_rules_in *in,
                                         struct ec2_describe_security_group_rules_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, security_group_rule_ids);
    TRY(describe(c, &group_rule_kind, &asked, &found));
    out->security_group_rules.at = found.at;
    out->security_group_rules.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- in their group ----------------------------------------------------------------------------
 */

bool group_rule_equal(const struct stored_group_rule *a, const struct stored_group_rule *b)
{
    return a->egress == b->egress && span_eq(a->protocol, b->protocol) &&
           a->has_ports == b->has_ports && a->port_from == b->port_from &&
           a->port_to == b->port_to && span_eq(a->cidr, b->cidr) && span_eq(a->cidr6, b->cidr6) &&
           span_eq(a->prefix_list, b->prefix_list) && span_eq(a->group, b->group) &&
           span_eq(a->group_account, b->group_account);
}

size_t group_rule_find(const struct stored_security_group *group, struct span id)
{
    for (size_t i = 0; i < group->rules.count; i++)
        if (span_eq(group->rules.at[i].id, id))
            return i;
    return SIZE_MAX;
}

size_t group_rule_find_equal(const struct stored_security_group *group,
                             const struct stored_group_rule *rule)
{
    for (size_t i = 0; i < group->rules.count; i++)
        if (group_rule_equal(&group->rules.at[i], rule))
            return i;
    return SIZE_MAX;
}

struct stored_group_rule *group_rule_add(struct call *c, struct stored_security_group *group,
                                         const struct stored_group_rule *rule)
{
    struct stored_group_rule_list *rules = &group->rules;
    struct stored_group_rule_place place = {.group = group->id};
    resource_name(c, &group_rule_kind, &place);
    resource_put(c, &group_rule_kind, &place);
    rules->at = resource_widen(c, rules->at, rules->count, sizeof *rules->at);
    struct stored_group_rule *added = &rules->at[rules->count++];
    *added = *rule;
    added->id = place.id;
    return added;
}

void group_rule_drop(struct call *c, struct stored_security_group *group, size_t index)
{
    struct stored_group_rule_list *rules = &group->rules;
    struct stored_group_rule_place place = {0};
    resource_key(c, rules->at[index].id, &place);
    resource_drop(c, &group_rule_kind, &place);
    rules->count--;
    memmove(&rules->at[index], &rules->at[index + 1], (rules->count - index) * sizeof *rules->at);
}

/* A reference to a group counts for both IP versions, one to a prefix list for as many rules as the
 * list is made for ("Security group size"). */
static RESULT count_rule(struct call *c, const struct stored_group_rule *rule, size_t *count)
{
    struct stored_prefix_list list = {.max_entries = 1};
    if (rule->prefix_list.at) {
        int error = resource_find(c, &prefix_list_kind, rule->prefix_list, &list);
        if (error < 0)
            return refuse_errno(c, error, "reading the prefix list of a rule");
    }
    *count += list.max_entries;
    return OK;
}

static RESULT count_rules(struct call *c, const struct stored_security_group *group,
                          enum DIRECTION direction, size_t other_version)
{
    size_t count = 0;
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct stored_group_rule *rule = &group->rules.at[i];
        if (rule->egress == (direction == EGRESS) &&
            !const_struct_at(rule, other_version, struct span)->at)
            TRY(count_rule(c, rule, &count));
    }
    if (count > RULES_MAX)
        return refuse(c, &EC2_RULES_PER_SECURITY_GROUP_LIMIT_EXCEEDED,
                      "The maximum number of rules per security group has been reached.");
    return OK;
}

RESULT group_rule_check_count(struct call *c, const struct stored_security_group *group)
{
    for (enum DIRECTION direction = INGRESS; direction <= EGRESS; direction++) {
        TRY(count_rules(c, group, direction, offsetof(struct stored_group_rule, cidr)));
        TRY(count_rules(c, group, direction, offsetof(struct stored_group_rule, cidr6)));
    }
    return OK;
}
