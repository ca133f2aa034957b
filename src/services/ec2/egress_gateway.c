// SPDX-License-Identifier: Apache-2.0
/* Egress-only internet gateways: made for a VPC, and gone without asking whether routes lead to
 * them. Control thread. */
#include "services/ec2/egress_gateway.h"

#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_egress_gateway *gateway = record;
    struct ec2_egress_only_internet_gateway *to = shown;
    to->egress_only_internet_gateway_id = gateway->id;
    to->attachments.at = ARENA_NEW(c->arena, struct ec2_internet_gateway_attachment);
    to->attachments.at[to->attachments.count++] =
        (struct ec2_internet_gateway_attachment){.state = S("attached"), .vpc_id = gateway->vpc};
    return tag_list(c, gateway->id, &to->tags);
}

const struct resource_kind egress_gateway_kind = {
    .prefix = S_INIT("eigw-"),
    .type = "egress-only-internet-gateway",
    .record = &stored_egress_gateway_table,
    .vpc = offsetof(struct stored_egress_gateway, vpc),
    .malformed = &EC2_INVALID_EGRESS_ONLY_INTERNET_GATEWAY_ID_MALFORMED,
    .missing = &EC2_INVALID_GATEWAY_ID_NOT_FOUND,
    .missing_before = "The gateway ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_egress_only_internet_gateway),
    .show = show,
    .filters = {EC2_SHAPE_EGRESS_ONLY_INTERNET_GATEWAY, NULL, 0},
};

RESULT ec2_describe_egress_only_internet_gateways(
    struct call *c, const struct ec2_describe_egress_only_internet_gateways_in *in,
    struct ec2_describe_egress_only_internet_gateways_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, egress_only_internet_gateway_ids);
    TRY(describe(c, &egress_gateway_kind, &asked, &found));
    out->egress_only_internet_gateways.at = found.at;
    out->egress_only_internet_gateways.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* "Egress-only internet gateways": one VPC has at most one. */
static RESULT make(struct call *c, const struct ec2_create_egress_only_internet_gateway_in *in,
                   struct stored_egress_gateway *ret)
{
    struct stored_vpc vpc;
    bool another;
    *ret = (struct stored_egress_gateway){0};
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(resource_any(c, &egress_gateway_kind, WHERE(stored_egress_gateway, vpc, vpc.id), &another));
    if (another)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Network %.*s already has an egress-only internet gateway attached",
                      SPAN_ARG(vpc.id));
    ret->vpc = vpc.id;
    resource_name(c, &egress_gateway_kind, ret);
    resource_put(c, &egress_gateway_kind, ret);
    return tag_new(c, &egress_gateway_kind, ret->id, &in->tag_specifications);
}

RESULT
ec2_create_egress_only_internet_gateway(struct call *c,
                                        const struct ec2_create_egress_only_internet_gateway_in *in,
                                        struct ec2_create_egress_only_internet_gateway_out *out)
{
    struct span made;
    struct stored_egress_gateway gateway;
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &egress_gateway_kind, made, &gateway));
    } else {
        TRY(make(c, in, &gateway));
        client_token_keep(c, in, in->client_token, gateway.id);
    }
    out->client_token = in->client_token;
    out->egress_only_internet_gateway =
        ARENA_NEW(c->arena, struct ec2_egress_only_internet_gateway);
    return show(c, &gateway, out->egress_only_internet_gateway);
}

RESULT
ec2_delete_egress_only_internet_gateway(struct call *c,
                                        const struct ec2_delete_egress_only_internet_gateway_in *in,
                                        struct ec2_delete_egress_only_internet_gateway_out *out)
{
    struct stored_egress_gateway gateway;
    TRY(resource_get(c, &egress_gateway_kind, in->egress_only_internet_gateway_id, &gateway));
    resource_drop(c, &egress_gateway_kind, &gateway);
    SET(out, return_code, true);
    return OK;
}
