// SPDX-License-Identifier: Apache-2.0
/*
 * AssociateSecurityGroupVpc, DisassociateSecurityGroupVpc, DescribeSecurityGroupVpcAssociations,
 * GetSecurityGroupsForVpc. An association has no id that clients know: they name the group and the
 * VPC. Control thread.
 */
#include "services/ec2/group_association.h"

#include "services/ec2/describe.h"
#include "services/ec2/interface.h"
#include "services/ec2/network.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

/* ---- the kind ----------------------------------------------------------------------------------
 */

static const struct span states[] = {
    [GROUP_ASSOCIATING] = S_INIT("associating"),
    [GROUP_ASSOCIATED] = S_INIT("associated"),
    [GROUP_DISASSOCIATING] = S_INIT("disassociating"),
};

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_group_association *association = record;
    struct ec2_security_group_vpc_association *to = shown;
    to->group_id = association->group;
    to->group_owner_id = association->account;
    to->vpc_id = association->vpc;
    to->vpc_owner_id = association->account;
    to->state = states[association->state];
    return OK;
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_group_association *association = record;
    if (association->state == GROUP_DISASSOCIATING) {
        resource_drop(c, &group_association_kind, association);
        return OK;
    }
    association->state = GROUP_ASSOCIATED;
    resource_put(c, &group_association_kind, association);
    return OK;
}

static const struct filter_name filters[] = {
    {"group-id", "GroupId"}, {"group-owner-id", "GroupOwnerId"}, {"state", "State"},
    {"vpc-id", "VpcId"},     {"vpc-owner-id", "VpcOwnerId"},
};

const struct resource_kind group_association_kind = {
    .prefix = S_INIT("sgvpc-"),
    .type = "security-group-vpc-association",
    .record = &stored_group_association_table,
    .vpc = offsetof(struct stored_group_association, vpc),
    .malformed = &EC2_INVALID_ID,
    .missing = &EC2_INVALID_ID,
    .missing_before = "The ID '",
    .missing_after = "' is not valid",
    .shown_size = sizeof(struct ec2_security_group_vpc_association),
    .show = show,
    .filters = {EC2_SHAPE_SECURITY_GROUP_VPC_ASSOCIATION, filters, ARRAY_LEN(filters)},
    .step = step,
};

/* *ret NULL: there is none. */
static RESULT find(struct call *c, struct span group, struct span vpc,
                   struct stored_group_association **ret)
{
    struct resource_list all;
    *ret = NULL;
    TRY(resource_list(c, &group_association_kind, WHERE(stored_group_association, vpc, vpc), &all));
    for (size_t i = 0; i < all.count && !*ret; i++) {
        struct stored_group_association *association = all.at[i];
        if (span_eq(association->group, group))
            *ret = association;
    }
    return OK;
}

/* ---- for interfaces and the fabric -------------------------------------------------------------
 */

RESULT group_association_allows(struct call *c, const struct stored_security_group *group,
                                struct span vpc, bool *ret)
{
    struct stored_group_association *association;
    TRY(find(c, group->id, vpc, &association));
    *ret = span_eq(group->vpc, vpc) || (association && association->state == GROUP_ASSOCIATED);
    return OK;
}

static bool is_among(const struct resource_list *associations, struct span group)
{
    for (size_t i = 0; i < associations->count; i++) {
        const struct stored_group_association *association = associations->at[i];
        if (association->state == GROUP_ASSOCIATED && span_eq(association->group, group))
            return true;
    }
    return false;
}

RESULT group_association_groups(struct call *c, struct span vpc, struct resource_list *ret)
{
    struct resource_list associations;
    TRY(resource_list(c, &group_association_kind, WHERE(stored_group_association, vpc, vpc),
                      &associations));
    if (!associations.count)
        return resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), ret);
    TRY(resource_list(c, &security_group_kind, NULL, ret));
    size_t kept = 0;
    for (size_t i = 0; i < ret->count; i++) {
        const struct stored_security_group *group = ret->at[i];
        if (span_eq(group->vpc, vpc) || is_among(&associations, group->id))
            ret->at[kept++] = ret->at[i];
    }
    ret->count = kept;
    return OK;
}

void group_association_tell(struct call *c, const void *group)
{
    struct resource_list all;
    /* What cannot be read now is found unreadable by the plan of every VPC, which says so. */
    if (resource_list(c, &group_association_kind,
                      WHERE(stored_group_association, group, resource_id(group)), &all))
        return;
    for (size_t i = 0; i < all.count; i++)
        network_changed(c, ((const struct stored_group_association *)all.at[i])->vpc);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

/* AssociateSecurityGroupVpc: neither default groups nor the default VPC. */
static RESULT check_pair(struct call *c, const struct stored_security_group *group,
                         const struct stored_vpc *vpc)
{
    struct stored_group_association *there;
    if (security_group_is_default(group))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The default security group %.*s cannot be associated with another VPC.",
                      SPAN_ARG(group->id));
    if (vpc->is_default)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Security groups cannot be associated with the default VPC %.*s.",
                      SPAN_ARG(vpc->id));
    TRY(find(c, group->id, vpc->id, &there));
    if (there || span_eq(group->vpc, vpc->id))
        return refuse(c, &EC2_RESOURCE_ALREADY_ASSOCIATED,
                      "Security group %.*s is already associated with VPC %.*s.",
                      SPAN_ARG(group->id), SPAN_ARG(vpc->id));
    return OK;
}

RESULT ec2_associate_security_group_vpc(struct call *c,
                                        const struct ec2_associate_security_group_vpc_in *in,
                                        struct ec2_associate_security_group_vpc_out *out)
{
    struct stored_vpc vpc;
    struct stored_security_group group;
    struct stored_group_association association = {.state = GROUP_ASSOCIATING};
    TRY(resource_get(c, &security_group_kind, in->group_id, &group));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(check_pair(c, &group, &vpc));
    association.group = group.id;
    association.vpc = vpc.id;
    resource_name(c, &group_association_kind, &association);
    resource_put_moving(c, &group_association_kind, &association, 0);
    out->state = states[association.state];
    return OK;
}

/* "You cannot disassociate the security group if any elastic network interfaces in the associated
 * VPC are still associated with it" (DisassociateSecurityGroupVpc). */
static RESULT check_unused(struct call *c, const struct stored_group_association *association)
{
    struct resource_list all;
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, vpc, association->vpc), &all));
    for (size_t i = 0; i < all.count; i++)
        if (interface_has_group(all.at[i], association->group))
            return refuse(c, &EC2_DEPENDENCY_VIOLATION, "resource %.*s has a dependent object",
                          SPAN_ARG(association->group));
    return OK;
}

RESULT ec2_disassociate_security_group_vpc(struct call *c,
                                           const struct ec2_disassociate_security_group_vpc_in *in,
                                           struct ec2_disassociate_security_group_vpc_out *out)
{
    struct stored_vpc vpc;
    struct stored_security_group group;
    struct stored_group_association *association;
    TRY(resource_get(c, &security_group_kind, in->group_id, &group));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(find(c, group.id, vpc.id, &association));
    if (!association)
        return refuse(c, &EC2_INVALID_ASSOCIATION_ID_NOT_FOUND,
                      "Security group %.*s is not associated with VPC %.*s.", SPAN_ARG(group.id),
                      SPAN_ARG(vpc.id));
    TRY(check_unused(c, association));
    association->state = GROUP_DISASSOCIATING;
    resource_put_moving(c, &group_association_kind, association, 0);
    out->state = states[association->state];
    return OK;
}

RESULT ec2_describe_security_group_vpc_associations(
    struct call *c, const struct ec2_describe_security_group_vpc_associations_in *in,
    struct ec2_describe_security_group_vpc_associations_out *out)
{
    struct describe_found found;
    struct describe_asked asked = {
        .filters = in->filters, .max_results = in->max_results, .next_token = in->next_token};
    TRY(describe(c, &group_association_kind, &asked, &found));
    out->security_group_vpc_associations.at = found.at;
    out->security_group_vpc_associations.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- GetSecurityGroupsForVpc -------------------------------------------------------------------
 */

#define FOR_VPC "security-group-for-vpc" /* of tokens */

static RESULT show_for_vpc(struct call *c, const struct stored_security_group *group,
                           struct ec2_security_group_for_vpc *to)
{
    *to = (struct ec2_security_group_for_vpc){.owner_id = group->account,
                                              .group_id = group->id,
                                              .group_name = group->name,
                                              .description = group->description,
                                              .primary_vpc_id = group->vpc};
    return tag_list(c, group->id, &to->tags);
}

static const struct filter_name filters_for_vpc[] = {
    {"description", "Description"},     {"group-id", "GroupId"},
    {"group-name", "GroupName"},        {"owner-id", "OwnerId"},
    {"primary-vpc-id", "PrimaryVpcId"},
};
static const struct filter_table for_vpc = {EC2_SHAPE_SECURITY_GROUP_FOR_VPC, filters_for_vpc,
                                            ARRAY_LEN(filters_for_vpc)};

RESULT ec2_get_security_groups_for_vpc(struct call *c,
                                       const struct ec2_get_security_groups_for_vpc_in *in,
                                       struct ec2_get_security_groups_for_vpc_out *out)
{
    struct span from;
    struct stored_vpc vpc;
    struct resource_list groups;
    struct ec2_security_group_for_vpc_list *list = &out->security_group_for_vpcs;
    TRY(filter_check(c, &for_vpc, &in->filters));
    TRY(describe_read_token(c, FOR_VPC, in->next_token, &from));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(group_association_groups(c, vpc.id, &groups));
    list->at = ARENA_ARRAY(c->arena, struct ec2_security_group_for_vpc, groups.count);
    for (size_t i = 0; i < groups.count; i++) {
        if (from.at && span_compare(resource_id(groups.at[i]), from) < 0)
            continue;
        if (in->max_results && list->count == (size_t)in->max_results) {
            out->next_token = describe_token(c, FOR_VPC, resource_id(groups.at[i]));
            break;
        }
        TRY(show_for_vpc(c, groups.at[i], &list->at[list->count]));
        list->count += filter_passes(c, &for_vpc, &in->filters, &list->at[list->count]);
    }
    return OK;
}
