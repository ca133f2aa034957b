// SPDX-License-Identifier: Apache-2.0
/*
 * Security groups; their rules are in group_rule.c. The texts of refusals are those that users of
 * EC2 were shown (boto3, Terraform and CloudFormation print them). Control thread.
 */
#include "services/ec2/security_group.h"

#include "services/ec2/describe.h"
#include "services/ec2/group_association.h"
#include "services/ec2/home.h"
#include "services/ec2/interface.h"
#include "services/ec2/permission.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define ANY_PROTOCOL S("-1")
#define DEFAULT_NAME S("default")
#define TEXT_MAX 255
#define GROUPS_MAX 2500 /* "Amazon VPC quotas": per region */

/* What a new group begins with. */
static const struct stored_group_rule all_outwards = {
    .egress = true, .protocol = S_INIT("-1"), .cidr = S_INIT("0.0.0.0/0")};
/* And also, where its VPC has IPv6. */
static const struct stored_group_rule all_outwards6 = {
    .egress = true, .protocol = S_INIT("-1"), .cidr6 = S_INIT("::/0")};

/* ---- the kind ----------------------------------------------------------------------------------
 */

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
    permission_show(c, &group->rules, INGRESS, &to->ip_permissions);
    permission_show(c, &group->rules, EGRESS, &to->ip_permissions_egress);
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
    .tell = group_association_tell,
};

/* Names are those of groups of the default VPC. */
static RESULT add_named(struct call *c, const struct ec2_describe_security_groups_in *in,
                        struct describe_asked *asked)
{
    size_t count = in->group_ids.count;
    struct span *ids = ARENA_ARRAY(c->arena, struct span, count + in->group_names.count);
    if (count)
        memcpy(ids, in->group_ids.at, count * sizeof *ids);
    for (size_t i = 0; i < in->group_names.count; i++)
        TRY(security_group_find_named(c, in->group_names.at[i], &ids[count++]));
    asked->ids = ids;
    asked->id_count = count;
    return OK;
}

RESULT ec2_describe_security_groups(struct call *c,
                                    const struct ec2_describe_security_groups_in *in,
                                    struct ec2_describe_security_groups_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, group_ids);
    TRY(add_named(c, in, &asked));
    TRY(describe(c, &security_group_kind, &asked, &found));
    out->security_groups.at = found.at;
    out->security_groups.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- by name -----------------------------------------------------------------------------------
 */

static RESULT find_in_vpc(struct call *c, struct span vpc, struct span name,
                          struct stored_security_group **ret)
{
    struct resource_list groups;
    *ret = NULL;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++) {
        struct stored_security_group *group = groups.at[i];
        if (span_eq_nocase(group->name, name))
            *ret = group;
    }
    return OK;
}

RESULT security_group_find_named(struct call *c, struct span name, struct span *ret_id)
{
    struct stored_vpc vpc;
    struct stored_security_group *group = NULL;
    if (span_is_empty(name))
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter groupName or groupId");
    TRY(home_find_vpc(c, &vpc));
    if (vpc.id.at)
        TRY(find_in_vpc(c, vpc.id, name, &group));
    if (!group)
        return refuse(c, &EC2_INVALID_GROUP_NOT_FOUND,
                      "The security group '%.*s' does not exist in default VPC '%.*s'",
                      SPAN_ARG(name), SPAN_ARG(vpc.id));
    *ret_id = group->id;
    return OK;
}

RESULT security_group_get(struct call *c, struct span id, struct span name,
                          struct stored_security_group *ret)
{
    if (!id.at)
        TRY(security_group_find_named(c, name, &id));
    return resource_get(c, &security_group_kind, id, ret);
}

/* ---- creation ----------------------------------------------------------------------------------
 */

static bool is_allowed(char letter)
{
    return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
           (letter >= '0' && letter <= '9') || (letter && strchr(". _-:/()#,@[]+=&;{}!$*", letter));
}

bool security_group_text_valid(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_allowed(text.at[i]))
            return false;
    return text.len <= TEXT_MAX;
}

static RESULT check_texts(struct call *c, struct span name, struct span description)
{
    if (span_starts_nocase(name, S("sg-")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter GroupName is invalid. Group names may not be in "
                      "the format sg-*.",
                      SPAN_ARG(name));
    if (span_eq_nocase(name, DEFAULT_NAME))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Cannot use reserved security group name: default");
    if (span_is_empty(name) || !security_group_text_valid(name))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%.*s) for parameter GroupName is invalid.", SPAN_ARG(name));
    if (span_is_empty(description) || !security_group_text_valid(description))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Invalid security group description. Valid descriptions are strings less "
                      "than 256 characters from the following set:  a-zA-Z0-9. "
                      "_-:/()#,@[]+=&;{}!$*");
    return OK;
}

/* The one that was named, or the default one. */
static RESULT choose_vpc(struct call *c, struct span id, struct stored_vpc *ret)
{
    if (id.at)
        return resource_get(c, &vpc_kind, id, ret);
    TRY(home_find_vpc(c, ret));
    if (!ret->id.at)
        return refuse(c, &EC2_VPC_ID_NOT_SPECIFIED, "No default VPC for this user");
    return OK;
}

static RESULT check_room(struct call *c, struct span vpc, struct span name)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, NULL, &groups));
    for (size_t i = 0; i < groups.count; i++) {
        const struct stored_security_group *group = groups.at[i];
        if (span_eq(group->vpc, vpc) && span_eq_nocase(group->name, name))
            return refuse(c, &EC2_INVALID_GROUP_DUPLICATE,
                          "The security group '%.*s' already exists for VPC '%.*s'", SPAN_ARG(name),
                          SPAN_ARG(vpc));
    }
    if (groups.count >= GROUPS_MAX)
        return refuse(c, &EC2_SECURITY_GROUP_LIMIT_EXCEEDED,
                      "The maximum number of security groups has been reached.");
    return OK;
}

RESULT ec2_create_security_group(struct call *c, const struct ec2_create_security_group_in *in,
                                 struct ec2_create_security_group_out *out)
{
    struct stored_vpc vpc;
    struct stored_security_group group = {.name = in->group_name, .description = in->description};
    TRY(check_texts(c, in->group_name, in->description));
    TRY(choose_vpc(c, in->vpc_id, &vpc));
    TRY(check_room(c, vpc.id, in->group_name));
    group.vpc = vpc.id;
    resource_name(c, &security_group_kind, &group);
    group_rule_add(c, &group, &all_outwards);
    if (vpc.cidrs6.count)
        group_rule_add(c, &group, &all_outwards6);
    resource_put(c, &security_group_kind, &group);
    TRY(tag_new(c, &security_group_kind, group.id, &in->tag_specifications));
    out->group_id = group.id;
    out->security_group_arn = resource_arn(c, &security_group_kind, group.id);
    return tag_list_if_any(c, group.id, &out->tags);
}

/* ---- deletion ----------------------------------------------------------------------------------
 */

static bool refers_to(const struct stored_security_group *group, struct span id)
{
    for (size_t i = 0; i < group->rules.count; i++)
        if (span_eq(group->rules.at[i].group, id))
            return true;
    return false;
}

/* Rules of the group itself do not hold it. */
static RESULT is_referred_to(struct call *c, const struct stored_security_group *wanted, bool *ret)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, wanted->vpc),
                      &groups));
    for (size_t i = 0; i < groups.count; i++)
        if (!span_eq(resource_id(groups.at[i]), wanted->id) && refers_to(groups.at[i], wanted->id))
            *ret = true;
    return OK;
}

struct member {
    struct span group;
    bool found;
};

static int find_member(void *user, struct stored_interface *interface)
{
    struct member *member = user;
    member->found = interface_has_group(interface, member->group);
    return member->found;
}

static RESULT has_interfaces(struct call *c, struct span group, bool *ret)
{
    struct member member = {.group = group};
    struct stored_interface from = {.account = c->account, .region = c->region};
    int error = stored_interface_each(c->txn, &from, RESOURCE_ID, c->arena, find_member, &member);
    *ret = *ret || member.found;
    return error < 0 ? refuse_errno(c, error, "reading interfaces") : OK;
}

/* With its rules' ids and tags. */
static void drop(struct call *c, struct stored_security_group *group)
{
    while (group->rules.count)
        group_rule_drop(c, group, group->rules.count - 1);
    resource_drop(c, &security_group_kind, group);
}

RESULT ec2_delete_security_group(struct call *c, const struct ec2_delete_security_group_in *in,
                                 struct ec2_delete_security_group_out *out)
{
    struct stored_security_group group;
    bool used = false;
    TRY(security_group_get(c, in->group_id, in->group_name, &group));
    if (security_group_is_default(&group))
        return refuse(c, &EC2_CANNOT_DELETE,
                      "the specified group: \"%.*s\" name: \"default\" cannot be deleted by a user",
                      SPAN_ARG(group.id));
    TRY(resource_any(c, &group_association_kind, WHERE(stored_group_association, group, group.id),
                     &used));
    TRY(is_referred_to(c, &group, &used));
    TRY(has_interfaces(c, group.id, &used));
    if (used)
        return refuse(c, &EC2_DEPENDENCY_VIOLATION, "resource %.*s has a dependent object",
                      SPAN_ARG(group.id));
    drop(c, &group);
    SET(out, return_, true);
    out->group_id = group.id;
    return OK;
}

/* ---- for the rest of the VPC -------------------------------------------------------------------
 */

void security_group_new_default(struct call *c, struct span vpc)
{
    struct stored_security_group group = {
        .vpc = vpc, .name = DEFAULT_NAME, .description = S("default VPC security group")};
    resource_name(c, &security_group_kind, &group);
    struct stored_group_rule among_members = {
        .protocol = ANY_PROTOCOL, .group = group.id, .group_account = c->account};
    group_rule_add(c, &group, &among_members);
    group_rule_add(c, &group, &all_outwards);
    resource_put(c, &security_group_kind, &group);
}

static bool lets_all_out(const struct stored_security_group *group)
{
    size_t outwards = 0, all = 0;
    for (size_t i = 0; i < group->rules.count; i++) {
        const struct stored_group_rule *rule = &group->rules.at[i];
        outwards += rule->egress;
        all += rule->egress && span_eq(rule->protocol, all_outwards.protocol) &&
               span_eq(rule->cidr, all_outwards.cidr);
    }
    return outwards == 1 && all == 1;
}

RESULT security_group_open6(struct call *c, struct span vpc)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++) {
        struct stored_security_group *group = groups.at[i];
        if (!lets_all_out(group))
            continue;
        group_rule_add(c, group, &all_outwards6);
        resource_put(c, &security_group_kind, group);
    }
    return OK;
}

bool security_group_is_default(const struct stored_security_group *group)
{
    return span_eq(group->name, DEFAULT_NAME);
}

RESULT security_group_default(struct call *c, struct span vpc, struct stored_security_group **ret)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++) {
        *ret = groups.at[i];
        if (security_group_is_default(*ret))
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

RESULT security_group_drop_all(struct call *c, struct span vpc)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++)
        drop(c, groups.at[i]);
    return OK;
}
