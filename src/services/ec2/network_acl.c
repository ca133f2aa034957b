// SPDX-License-Identifier: Apache-2.0
/*
 * Network ACLs and which subnets they are of; acl_entry.c has what changes their entries. The
 * entries are kept in the order of direction and number; the last one, which denies the rest, is
 * told but not kept. Control thread.
 */
#include "services/ec2/network_acl.h"

#include "services/ec2/association.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define FIRST_NUMBER 100
#define ACLS_MAX 200 /* "Amazon VPC quotas": per VPC */
#define EVERYBODY S("0.0.0.0/0")

/* ---- the kind ----------------------------------------------------------------------------------
 */

static void show_entry(struct call *c, const struct stored_acl_entry *entry,
                       struct ec2_network_acl_entry *to)
{
    SET(to, rule_number, (int32_t)entry->number);
    SET(to, egress, entry->egress);
    to->protocol = entry->protocol;
    to->rule_action = entry->allow ? S("allow") : S("deny");
    to->cidr_block = entry->cidr;
    to->ipv6_cidr_block = entry->cidr6;
    if (entry->has_ports) {
        to->port_range = ARENA_NEW(c->arena, struct ec2_port_range);
        SET(to->port_range, from, (int32_t)entry->port_from);
        SET(to->port_range, to, (int32_t)entry->port_to);
    }
    if (entry->has_icmp) {
        to->icmp_type_code = ARENA_NEW(c->arena, struct ec2_icmp_type_code);
        SET(to->icmp_type_code, type, (int32_t)entry->icmp_type);
        SET(to->icmp_type_code, code, (int32_t)entry->icmp_code);
    }
}

static const struct stored_acl_entry last_entry = {
    .number = NETWORK_ACL_LAST, .protocol = S_INIT("-1"), .cidr = S_INIT("0.0.0.0/0")};

static const struct stored_acl_entry last_entry6 = {
    .number = NETWORK_ACL_LAST + 1, .protocol = S_INIT("-1"), .cidr6 = S_INIT("::/0")};

/* Egress first, as EC2 tells them; the last of IPv6 where the VPC has that. */
static void show_entries(struct call *c, const struct stored_network_acl *acl,
                         const struct stored_vpc *vpc, struct ec2_network_acl_entry_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct ec2_network_acl_entry, acl->entries.count + 4);
    for (int egress = 1; egress >= 0; egress--) {
        for (size_t i = 0; i < acl->entries.count; i++)
            if (acl->entries.at[i].egress == egress)
                show_entry(c, &acl->entries.at[i], &to->at[to->count++]);
        show_entry(c, &last_entry, &to->at[to->count]);
        to->at[to->count++].egress = egress;
        if (!vpc->cidrs6.count)
            continue;
        show_entry(c, &last_entry6, &to->at[to->count]);
        to->at[to->count++].egress = egress;
    }
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_network_acl *acl = record;
    struct ec2_network_acl *to = shown;
    size_t count = acl->associations.count;
    struct stored_vpc vpc;
    int error = resource_find(c, &vpc_kind, acl->vpc, &vpc);
    if (error < 0)
        return refuse_errno(c, error, "reading the VPC of a network ACL");
    to->owner_id = acl->account;
    to->network_acl_id = acl->id;
    to->vpc_id = acl->vpc;
    SET(to, is_default, acl->is_default);
    to->associations.at = ARENA_ARRAY(c->arena, struct ec2_network_acl_association, count);
    to->associations.count = count;
    for (size_t i = 0; i < count; i++)
        to->associations.at[i] = (struct ec2_network_acl_association){
            .network_acl_association_id = acl->associations.at[i].id,
            .network_acl_id = acl->id,
            .subnet_id = acl->associations.at[i].subnet};
    show_entries(c, acl, &vpc, &to->entries);
    return tag_list(c, acl->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"association.association-id", "Associations.NetworkAclAssociationId"},
    {"association.network-acl-id", "Associations.NetworkAclId"},
    {"association.subnet-id", "Associations.SubnetId"},
    {"default", "IsDefault"},
    {"entry.cidr", "Entries.CidrBlock"},
    {"entry.egress", "Entries.Egress"},
    {"entry.icmp.code", "Entries.IcmpTypeCode.Code"},
    {"entry.icmp.type", "Entries.IcmpTypeCode.Type"},
    {"entry.ipv6-cidr", "Entries.Ipv6CidrBlock"},
    {"entry.port-range.from", "Entries.PortRange.From"},
    {"entry.port-range.to", "Entries.PortRange.To"},
    {"entry.protocol", "Entries.Protocol"},
    {"entry.rule-action", "Entries.RuleAction"},
    {"entry.rule-number", "Entries.RuleNumber"},
    {"network-acl-id", "NetworkAclId"},
    {"owner-id", "OwnerId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind network_acl_kind = {
    .prefix = S_INIT("acl-"),
    .type = "network-acl",
    .record = &stored_network_acl_table,
    .vpc = offsetof(struct stored_network_acl, vpc),
    .malformed = &EC2_INVALID_NETWORK_ACL_ID_MALFORMED,
    .missing = &EC2_INVALID_NETWORK_ACL_ID_NOT_FOUND,
    .missing_before = "The networkAcl ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_network_acl),
    .show = show,
    .filters = {EC2_SHAPE_NETWORK_ACL, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_network_acls(struct call *c, const struct ec2_describe_network_acls_in *in,
                                 struct ec2_describe_network_acls_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, network_acl_ids);
    TRY(describe(c, &network_acl_kind, &asked, &found));
    out->network_acls.at = found.at;
    out->network_acls.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- creation and deletion ---------------------------------------------------------------------
 */

static RESULT new_acl(struct call *c, struct span vpc, struct stored_network_acl *ret)
{
    struct resource_list acls;
    TRY(resource_list(c, &network_acl_kind, WHERE(stored_network_acl, vpc, vpc), &acls));
    if (acls.count >= ACLS_MAX)
        return refuse(c, &EC2_NETWORK_ACL_LIMIT_EXCEEDED,
                      "The maximum number of network ACLs has been reached.");
    *ret = (struct stored_network_acl){.vpc = vpc};
    resource_name(c, &network_acl_kind, ret);
    resource_put(c, &network_acl_kind, ret);
    return OK;
}

RESULT ec2_create_network_acl(struct call *c, const struct ec2_create_network_acl_in *in,
                              struct ec2_create_network_acl_out *out)
{
    struct span made;
    struct stored_vpc vpc;
    struct stored_network_acl acl;
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &network_acl_kind, made, &acl));
    } else {
        TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
        TRY(new_acl(c, vpc.id, &acl));
        TRY(tag_new(c, &network_acl_kind, acl.id, &in->tag_specifications));
        client_token_keep(c, in, in->client_token, acl.id);
    }
    out->client_token = in->client_token;
    out->network_acl = ARENA_NEW(c->arena, struct ec2_network_acl);
    return show(c, &acl, out->network_acl);
}

RESULT ec2_delete_network_acl(struct call *c, const struct ec2_delete_network_acl_in *in,
                              struct ec2_delete_network_acl_out *out)
{
    struct stored_network_acl acl;
    TRY(resource_get(c, &network_acl_kind, in->network_acl_id, &acl));
    if (acl.is_default)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "cannot delete default network ACL %.*s",
                      SPAN_ARG(acl.id));
    if (acl.associations.count)
        return resource_in_use(c, "networkAcl", acl.id);
    resource_drop(c, &network_acl_kind, &acl);
    return OK;
}

/* ---- ReplaceNetworkAclAssociation --------------------------------------------------------------
 */

/* The ACL that has it, and where. */
static RESULT find_association(struct call *c, struct span id, struct stored_network_acl **ret,
                               size_t *ret_index)
{
    struct resource_list acls;
    TRY(resource_list(c, &network_acl_kind, NULL, &acls));
    for (size_t i = 0; i < acls.count; i++) {
        *ret = acls.at[i];
        *ret_index = association_find(&(*ret)->associations, id);
        if (*ret_index != SIZE_MAX)
            return OK;
    }
    return refuse(c, &EC2_INVALID_ASSOCIATION_ID_NOT_FOUND,
                  "The association ID '%.*s' does not exist", SPAN_ARG(id));
}

static void move(struct call *c, struct stored_network_acl *from, size_t index,
                 struct stored_network_acl *to, struct span new_id)
{
    struct stored_association association = {.id = new_id,
                                             .subnet = from->associations.at[index].subnet};
    association_drop(&from->associations, index);
    resource_put(c, &network_acl_kind, from);
    if (span_eq(from->id, to->id))
        to->associations = from->associations;
    association_add(c, &to->associations, &association);
    resource_put(c, &network_acl_kind, to);
}

RESULT ec2_replace_network_acl_association(struct call *c,
                                           const struct ec2_replace_network_acl_association_in *in,
                                           struct ec2_replace_network_acl_association_out *out)
{
    size_t index = SIZE_MAX;
    struct stored_network_acl *from = NULL, to;
    TRY(resource_get(c, &network_acl_kind, in->network_acl_id, &to));
    TRY(find_association(c, in->association_id, &from, &index));
    if (!span_eq(from->vpc, to.vpc))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "network acl %.*s and subnet %.*s belong to different networks",
                      SPAN_ARG(to.id), SPAN_ARG(from->associations.at[index].subnet));
    out->new_association_id = id_new(c, "aclassoc-", 17);
    move(c, from, index, &to, out->new_association_id);
    return OK;
}

/* ---- for the rest of the VPC -------------------------------------------------------------------
 */

void network_acl_new_default(struct call *c, struct span vpc)
{
    struct stored_acl_entry entries[] = {
        {.number = FIRST_NUMBER, .protocol = S("-1"), .allow = true, .cidr = EVERYBODY},
        {.number = FIRST_NUMBER,
         .egress = true,
         .protocol = S("-1"),
         .allow = true,
         .cidr = EVERYBODY},
    };
    struct stored_network_acl acl = {
        .vpc = vpc, .is_default = true, .entries = {entries, ARRAY_LEN(entries)}};
    resource_name(c, &network_acl_kind, &acl);
    resource_put(c, &network_acl_kind, &acl);
}

/* The one rule that it began with in this direction, by its index; SIZE_MAX: it was modified. */
static size_t only_entry(const struct stored_network_acl *acl, bool egress)
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < acl->entries.count; i++) {
        const struct stored_acl_entry *entry = &acl->entries.at[i];
        if (entry->egress != egress)
            continue;
        if (found != SIZE_MAX || entry->number != FIRST_NUMBER || !entry->allow ||
            !span_eq(entry->protocol, S("-1")) || !span_eq(entry->cidr, EVERYBODY))
            return SIZE_MAX;
        found = i;
    }
    return found;
}

RESULT network_acl_open6(struct call *c, struct span vpc)
{
    struct stored_network_acl *acl;
    TRY(network_acl_default(c, vpc, &acl));
    struct stored_acl_entry_list *entries = &acl->entries;
    for (int egress = 0; egress < 2; egress++) {
        size_t index = only_entry(acl, egress);
        if (index == SIZE_MAX)
            continue;
        entries->at = resource_widen(c, entries->at, entries->count, sizeof *entries->at);
        memmove(&entries->at[index + 2], &entries->at[index + 1],
                (entries->count - index - 1) * sizeof *entries->at);
        entries->at[index + 1] = (struct stored_acl_entry){.number = FIRST_NUMBER + 1,
                                                           .egress = egress,
                                                           .protocol = S("-1"),
                                                           .allow = true,
                                                           .cidr6 = S("::/0")};
        entries->count++;
    }
    resource_put(c, &network_acl_kind, acl);
    return OK;
}

RESULT network_acl_default(struct call *c, struct span vpc, struct stored_network_acl **ret)
{
    struct resource_list acls;
    TRY(resource_list(c, &network_acl_kind, WHERE(stored_network_acl, vpc, vpc), &acls));
    for (size_t i = 0; i < acls.count; i++) {
        *ret = acls.at[i];
        if ((*ret)->is_default)
            return OK;
    }
    return refuse_errno(c, -EBADMSG, "looking for the default network ACL of %.*s", SPAN_ARG(vpc));
}

RESULT network_acl_any_but_default(struct call *c, struct span vpc, bool *ret)
{
    struct resource_list acls;
    TRY(resource_list(c, &network_acl_kind, WHERE(stored_network_acl, vpc, vpc), &acls));
    *ret = acls.count > 1;
    return OK;
}

RESULT network_acl_add_subnet(struct call *c, struct span vpc, struct span subnet)
{
    struct stored_network_acl *acl;
    TRY(network_acl_default(c, vpc, &acl));
    association_add(
        c, &acl->associations,
        &(struct stored_association){.id = id_new(c, "aclassoc-", 17), .subnet = subnet});
    resource_put(c, &network_acl_kind, acl);
    return OK;
}

RESULT network_acl_drop_subnet(struct call *c, struct span vpc, struct span subnet)
{
    struct resource_list acls;
    TRY(resource_list(c, &network_acl_kind, WHERE(stored_network_acl, vpc, vpc), &acls));
    for (size_t i = 0; i < acls.count; i++) {
        struct stored_network_acl *acl = acls.at[i];
        if (association_drop_subnet(&acl->associations, subnet))
            resource_put(c, &network_acl_kind, acl);
    }
    return OK;
}
