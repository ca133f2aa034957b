// SPDX-License-Identifier: Apache-2.0
/*
 * VPCs and subnets that Block Public Access leaves out. An exclusion holds as soon as it is made,
 * and no longer than until it is being deleted; what is deleted is told for an hour. Control
 * thread.
 */
#include "services/ec2/public_access.h"

#include "base/time.h"
#include "services/ec2/describe.h"
#include "services/ec2/subnet.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#define TOLD_MS HOUR_MS
#define EXCLUSIONS_MAX 50 /* "Amazon VPC quotas": per account and region */

/* ---- the kind ----------------------------------------------------------------------------------
 */

static const struct span states[] = {
    [EXCLUSION_CREATING] = S_INIT("create-in-progress"),
    [EXCLUSION_CREATED] = S_INIT("create-complete"),
    [EXCLUSION_UPDATING] = S_INIT("update-in-progress"),
    [EXCLUSION_UPDATED] = S_INIT("update-complete"),
    [EXCLUSION_DELETING] = S_INIT("delete-in-progress"),
    [EXCLUSION_DELETED] = S_INIT("delete-complete"),
};

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_access_exclusion *exclusion = record;
    struct ec2_vpc_block_public_access_exclusion *to = shown;
    to->exclusion_id = exclusion->id;
    to->internet_gateway_exclusion_mode = exclusion->mode;
    to->resource_arn = exclusion->subnet.at ? resource_arn(c, &subnet_kind, exclusion->subnet)
                                            : resource_arn(c, &vpc_kind, exclusion->vpc);
    to->state = states[exclusion->state];
    SET(to, creation_timestamp, exclusion->created);
    SET(to, last_update_timestamp, exclusion->updated);
    if (exclusion->state == EXCLUSION_DELETED)
        SET(to, deletion_timestamp, exclusion->deleted);
    return tag_list(c, exclusion->id, &to->tags);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_access_exclusion *exclusion = record;
    if (exclusion->state == EXCLUSION_DELETED) {
        resource_drop(c, &access_exclusion_kind, exclusion);
        return OK;
    }
    if (exclusion->state == EXCLUSION_DELETING) {
        exclusion->deleted = c->now_ms;
        *ret_due_ms = c->now_ms + TOLD_MS;
    }
    if (exclusion->state != EXCLUSION_CREATED && exclusion->state != EXCLUSION_UPDATED)
        exclusion->state++; /* from each that is on its way to the next */
    resource_put(c, &access_exclusion_kind, exclusion);
    return OK;
}

static const struct filter_name filters[] = {
    {"internet-gateway-exclusion-mode", "InternetGatewayExclusionMode"},
    {"resource-arn", "ResourceArn"},
    {"state", "State"},
};

const struct resource_kind access_exclusion_kind = {
    .prefix = S_INIT("vpcbpa-exclude-"),
    .type = "vpc-block-public-access-exclusion",
    .record = &stored_access_exclusion_table,
    .vpc = offsetof(struct stored_access_exclusion, vpc),
    .malformed = &EC2_INVALID_VPC_BLOCK_PUBLIC_ACCESS_EXCLUSION_ID_MALFORMED,
    .missing = &EC2_INVALID_VPC_BLOCK_PUBLIC_ACCESS_EXCLUSION_ID_NOT_FOUND,
    .missing_before = "The VPC Block Public Access exclusion ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_vpc_block_public_access_exclusion),
    .show = show,
    .filters = {EC2_SHAPE_VPC_BLOCK_PUBLIC_ACCESS_EXCLUSION, filters, ARRAY_LEN(filters)},
    .step = step,
};

/* ---- what holds --------------------------------------------------------------------------------
 */

static bool is_live(const struct stored_access_exclusion *exclusion)
{
    return exclusion->state < EXCLUSION_DELETING;
}

RESULT access_exclusion_mode(struct call *c, struct span vpc, struct span subnet, struct span *ret)
{
    struct resource_list all;
    *ret = SPAN_NONE;
    TRY(resource_list(c, &access_exclusion_kind, WHERE(stored_access_exclusion, vpc, vpc), &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_access_exclusion *exclusion = all.at[i];
        bool own = subnet.at && span_eq(exclusion->subnet, subnet);
        if (is_live(exclusion) && (own || (!exclusion->subnet.at && !ret->at)))
            *ret = exclusion->mode;
        if (is_live(exclusion) && own)
            break;
    }
    return OK;
}

RESULT access_exclusion_drop(struct call *c, struct span vpc, struct span subnet)
{
    struct resource_list all;
    TRY(resource_list(c, &access_exclusion_kind, WHERE(stored_access_exclusion, vpc, vpc), &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_access_exclusion *exclusion = all.at[i];
        if (!subnet.at || span_eq(exclusion->subnet, subnet))
            resource_drop(c, &access_exclusion_kind, exclusion);
    }
    return OK;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_describe_vpc_block_public_access_exclusions(
    struct call *c, const struct ec2_describe_vpc_block_public_access_exclusions_in *in,
    struct ec2_describe_vpc_block_public_access_exclusions_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, exclusion_ids);
    TRY(describe(c, &access_exclusion_kind, &asked, &found));
    out->vpc_block_public_access_exclusions.at = found.at;
    out->vpc_block_public_access_exclusions.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* What is excluded: a VPC, or a subnet and its VPC. */
static RESULT read_target(struct call *c,
                          const struct ec2_create_vpc_block_public_access_exclusion_in *in,
                          struct stored_access_exclusion *to)
{
    struct stored_subnet subnet;
    struct stored_vpc vpc;
    if (!in->vpc_id.at == !in->subnet_id.at)
        return in->vpc_id.at ? refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                                      "The parameter VpcId may not be used together with SubnetId")
                             : refuse(c, &EC2_MISSING_PARAMETER,
                                      "The request must contain the parameter VpcId or SubnetId");
    if (in->vpc_id.at) {
        TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
        to->vpc = vpc.id;
        return OK;
    }
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    to->vpc = subnet.vpc;
    to->subnet = subnet.id;
    return OK;
}

static RESULT check_new(struct call *c, const struct stored_access_exclusion *wish)
{
    struct resource_list all;
    size_t live = 0;
    TRY(resource_list(c, &access_exclusion_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_access_exclusion *other = all.at[i];
        if (!is_live(other))
            continue;
        live++;
        if (span_eq(other->vpc, wish->vpc) && span_eq(other->subnet, wish->subnet))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "The resource already has the VPC Block Public Access exclusion %.*s",
                          SPAN_ARG(other->id));
    }
    if (live >= EXCLUSIONS_MAX)
        return refuse(c, &EC2_VPC_BLOCK_PUBLIC_ACCESS_EXCLUSION_LIMIT_EXCEEDED,
                      "The maximum number of VPC Block Public Access exclusions has been reached.");
    return OK;
}

/* On its way from `state` on, and as it is shown. */
static RESULT put(struct call *c, struct stored_access_exclusion *exclusion,
                  enum EXCLUSION_STATE state, struct ec2_vpc_block_public_access_exclusion **ret)
{
    exclusion->state = state;
    exclusion->updated = c->now_ms;
    resource_put_moving(c, &access_exclusion_kind, exclusion, 0);
    *ret = ARENA_NEW(c->arena, struct ec2_vpc_block_public_access_exclusion);
    return show(c, exclusion, *ret);
}

RESULT ec2_create_vpc_block_public_access_exclusion(
    struct call *c, const struct ec2_create_vpc_block_public_access_exclusion_in *in,
    struct ec2_create_vpc_block_public_access_exclusion_out *out)
{
    struct stored_access_exclusion exclusion = {.mode = in->internet_gateway_exclusion_mode,
                                                .created = c->now_ms};
    TRY(read_target(c, in, &exclusion));
    TRY(check_new(c, &exclusion));
    resource_name(c, &access_exclusion_kind, &exclusion);
    TRY(tag_new(c, &access_exclusion_kind, exclusion.id, &in->tag_specifications));
    return put(c, &exclusion, EXCLUSION_CREATING, &out->vpc_block_public_access_exclusion);
}

/* One that is not gone. `done`: what cannot be done with one that is. */
static RESULT get_live(struct call *c, struct span id, const char *done,
                       struct stored_access_exclusion *ret)
{
    TRY(resource_get(c, &access_exclusion_kind, id, ret));
    if (is_live(ret))
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "%.*s is in %.*s state and cannot be %s",
                  SPAN_ARG(id), SPAN_ARG(states[ret->state]), done);
}

RESULT ec2_modify_vpc_block_public_access_exclusion(
    struct call *c, const struct ec2_modify_vpc_block_public_access_exclusion_in *in,
    struct ec2_modify_vpc_block_public_access_exclusion_out *out)
{
    struct stored_access_exclusion exclusion;
    TRY(get_live(c, in->exclusion_id, "modified", &exclusion));
    exclusion.mode = in->internet_gateway_exclusion_mode;
    return put(c, &exclusion, EXCLUSION_UPDATING, &out->vpc_block_public_access_exclusion);
}

RESULT ec2_delete_vpc_block_public_access_exclusion(
    struct call *c, const struct ec2_delete_vpc_block_public_access_exclusion_in *in,
    struct ec2_delete_vpc_block_public_access_exclusion_out *out)
{
    struct stored_access_exclusion exclusion;
    TRY(get_live(c, in->exclusion_id, "deleted", &exclusion));
    return put(c, &exclusion, EXCLUSION_DELETING, &out->vpc_block_public_access_exclusion);
}
