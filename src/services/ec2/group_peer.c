// SPDX-License-Identifier: Apache-2.0
/*
 * Rules that name groups of peers: DescribeSecurityGroupReferences tells the one side who names its
 * groups, DescribeStaleSecurityGroups the other which of its rules name nobody any more, because
 * the group or the peering connection is gone. Control thread.
 */
#include "services/ec2/describe.h"
#include "services/ec2/group_rule.h"
#include "services/ec2/peering.h"
#include "services/ec2/permission.h"
#include "services/ec2/security_group.h"
#include "services/ec2/vpc.h"

#include <errno.h>

/* ---- who names a group -------------------------------------------------------------------------
 */

static bool names(const struct stored_security_group *group, struct span wanted)
{
    for (size_t i = 0; i < group->rules.count; i++)
        if (span_eq(group->rules.at[i].group, wanted))
            return true;
    return false;
}

static RESULT add_references(struct call *c, struct span wanted, const struct peering_peer *peer,
                             struct ec2_security_group_references *to)
{
    struct resource_list groups;
    struct call as = peering_call(c, peer);
    TRY(resource_list(&as, &security_group_kind, WHERE(stored_security_group, vpc, peer->vpc),
                      &groups));
    for (size_t i = 0; i < groups.count; i++) {
        if (!names(groups.at[i], wanted))
            continue;
        to->at = resource_grow(c, to->at, to->count, sizeof *to->at);
        to->at[to->count++] =
            (struct ec2_security_group_reference){.group_id = wanted,
                                                  .referencing_vpc_id = peer->vpc,
                                                  .vpc_peering_connection_id = peer->peering};
        return OK;
    }
    return OK;
}

RESULT
ec2_describe_security_group_references(struct call *c,
                                       const struct ec2_describe_security_group_references_in *in,
                                       struct ec2_describe_security_group_references_out *out)
{
    struct stored_security_group group;
    struct peering_peers peers;
    out->security_group_reference_set.at = arena_alloc(c->arena, 0);
    for (size_t i = 0; i < in->group_id.count; i++) {
        TRY(resource_get(c, &security_group_kind, in->group_id.at[i], &group));
        TRY(peering_peers(c, group.vpc, &peers));
        for (size_t j = 0; j < peers.count; j++)
            TRY(add_references(c, group.id, &peers.at[j], &out->security_group_reference_set));
    }
    return OK;
}

/* ---- rules that name nobody --------------------------------------------------------------------
 */

static RESULT is_stale(struct call *c, const struct stored_group_rule *rule, bool *ret)
{
    struct stored_security_group found;
    const struct peering_peer owner = {rule->group_account, c->region, SPAN_NONE, SPAN_NONE};
    struct call as = peering_call(c, &owner);
    *ret = false;
    if (!rule->group_peering.at)
        return OK;
    int error = resource_find(&as, &security_group_kind, rule->group, &found);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a group that a rule names");
    *ret = error || !span_eq(peering_status(c, rule->group_peering), S("active"));
    return OK;
}

static void show_permissions(struct call *c, const struct stored_group_rule_list *rules,
                             enum DIRECTION direction, struct ec2_stale_ip_permission_set *to)
{
    struct ec2_ip_permission_list shown = {0};
    permission_show(c, rules, direction, &shown);
    to->at = ARENA_ARRAY(c->arena, struct ec2_stale_ip_permission, shown.count);
    to->count = shown.count;
    for (size_t i = 0; i < shown.count; i++) {
        to->at[i] = (struct ec2_stale_ip_permission){
            .ip_protocol = shown.at[i].ip_protocol,
            .user_id_group_pairs = {shown.at[i].user_id_group_pairs.at,
                                    shown.at[i].user_id_group_pairs.count}};
        if (shown.at[i].has.from_port)
            SET(&to->at[i], from_port, shown.at[i].from_port);
        if (shown.at[i].has.to_port)
            SET(&to->at[i], to_port, shown.at[i].to_port);
    }
}

static RESULT add_stale(struct call *c, const struct stored_security_group *group,
                        struct ec2_stale_security_group_set *to)
{
    struct stored_group_rule_list stale = {
        ARENA_ARRAY(c->arena, struct stored_group_rule, group->rules.count), 0};
    for (size_t i = 0; i < group->rules.count; i++) {
        bool counts;
        TRY(is_stale(c, &group->rules.at[i], &counts));
        if (counts)
            stale.at[stale.count++] = group->rules.at[i];
    }
    if (!stale.count)
        return OK;
    to->at = resource_grow(c, to->at, to->count, sizeof *to->at);
    struct ec2_stale_security_group *shown = &to->at[to->count++];
    shown->group_id = group->id;
    shown->group_name = group->name;
    shown->description = group->description;
    shown->vpc_id = group->vpc;
    show_permissions(c, &stale, INGRESS, &shown->stale_ip_permissions);
    show_permissions(c, &stale, EGRESS, &shown->stale_ip_permissions_egress);
    return OK;
}

/* A page ends with the last of `most` groups; its token names that one. */
static void cut_page(struct call *c, struct span after, size_t most,
                     struct ec2_describe_stale_security_groups_out *out)
{
    struct ec2_stale_security_group_set *set = &out->stale_security_group_set;
    size_t from = 0;
    while (after.at && from < set->count && span_compare(set->at[from].group_id, after) <= 0)
        from++;
    set->at += from;
    set->count -= from;
    if (!most || set->count <= most)
        return;
    set->count = most;
    out->next_token = describe_token(c, "stale-security-group", set->at[most - 1].group_id);
}

RESULT ec2_describe_stale_security_groups(struct call *c,
                                          const struct ec2_describe_stale_security_groups_in *in,
                                          struct ec2_describe_stale_security_groups_out *out)
{
    struct stored_vpc vpc;
    struct resource_list groups;
    struct span after;
    TRY(describe_read_token(c, "stale-security-group", in->next_token, &after));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc.id), &groups));
    out->stale_security_group_set.at = arena_alloc(c->arena, 0);
    for (size_t i = 0; i < groups.count; i++)
        TRY(add_stale(c, groups.at[i], &out->stale_security_group_set));
    cut_page(c, after, in->has.max_results ? (size_t)in->max_results : 0, out);
    return OK;
}
