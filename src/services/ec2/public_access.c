// SPDX-License-Identifier: Apache-2.0
/*
 * ModifyVpcBlockPublicAccessOptions and what follows from it for VPCs and subnets. Packets follow
 * with the next plan of every VPC; the record is `updating` until it is durable. Control thread.
 */
#include "services/ec2/public_access.h"

#include "services/ec2/network.h"

#include <errno.h>

/* Nobody knows it by its id. */
#define OPTIONS_ID S("vpcbpa-options-00000000000000000")

static const struct span off = S_INIT("off");
static const struct span block_ingress = S_INIT("block-ingress");
static const struct span block_bidirectional = S_INIT("block-bidirectional");

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_public_access *access = record;
    access->state = ACCESS_UPDATED;
    resource_put(c, &public_access_kind, access);
    return OK;
}

const struct resource_kind public_access_kind = {
    .prefix = S_INIT("vpcbpa-options-"),
    .type = "vpc-block-public-access-options",
    .record = &stored_public_access_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_ID,
    .missing = &EC2_INVALID_ID,
    .missing_before = "The ID '",
    .missing_after = "' is not valid",
    .step = step,
};

/* ---- what holds --------------------------------------------------------------------------------
 */

/* `mode` absent in a record that was never put: off. */
static RESULT find(struct call *c, struct stored_public_access *ret)
{
    int error = resource_find(c, &public_access_kind, OPTIONS_ID, ret);
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading what is blocked");
    if (error) {
        *ret = (struct stored_public_access){.mode = off};
        resource_key(c, OPTIONS_ID, ret);
    }
    return OK;
}

/* "Exclusions": bidirectional takes everything out; egress-only counts where both ways are blocked,
 * and leaves what a blocked ingress leaves. */
RESULT public_access_mode(struct call *c, struct span vpc, struct span subnet, struct span *ret)
{
    struct stored_public_access access;
    struct span exclusion;
    TRY(find(c, &access));
    *ret = access.mode;
    if (span_eq(access.mode, off))
        return OK;
    TRY(access_exclusion_mode(c, vpc, subnet, &exclusion));
    if (span_eq(exclusion, S("allow-bidirectional")))
        *ret = off;
    else if (exclusion.at && span_eq(access.mode, block_bidirectional))
        *ret = block_ingress;
    return OK;
}

RESULT public_access_show(struct call *c, struct span vpc, struct span subnet,
                          struct ec2_block_public_access_states **ret)
{
    *ret = ARENA_NEW(c->arena, struct ec2_block_public_access_states);
    return public_access_mode(c, vpc, subnet, &(*ret)->internet_gateway_block_mode);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static struct ec2_vpc_block_public_access_options *show(struct call *c,
                                                        const struct stored_public_access *access)
{
    struct ec2_vpc_block_public_access_options *to =
        ARENA_NEW(c->arena, struct ec2_vpc_block_public_access_options);
    to->aws_account_id = access->account;
    to->aws_region = access->region;
    to->internet_gateway_block_mode = access->mode;
    to->managed_by = S("account");
    to->exclusions_allowed = S("allowed");
    if (!access->state) {
        to->state = S("default-state");
        to->reason = S("Default State");
        return to;
    }
    to->state = access->state == ACCESS_UPDATED ? S("update-complete") : S("update-in-progress");
    SET(to, last_update_timestamp, access->updated);
    return to;
}

RESULT ec2_describe_vpc_block_public_access_options(
    struct call *c, const struct ec2_describe_vpc_block_public_access_options_in *in,
    struct ec2_describe_vpc_block_public_access_options_out *out)
{
    struct stored_public_access access;
    TRY(find(c, &access));
    out->vpc_block_public_access_options = show(c, &access);
    return OK;
}

RESULT ec2_modify_vpc_block_public_access_options(
    struct call *c, const struct ec2_modify_vpc_block_public_access_options_in *in,
    struct ec2_modify_vpc_block_public_access_options_out *out)
{
    struct stored_public_access access;
    TRY(find(c, &access));
    access.mode = in->internet_gateway_block_mode;
    access.state = ACCESS_UPDATING;
    access.updated = c->now_ms;
    resource_put_moving(c, &public_access_kind, &access, 0);
    network_all_changed(c);
    out->vpc_block_public_access_options = show(c, &access);
    return OK;
}
