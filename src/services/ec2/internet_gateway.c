// SPDX-License-Identifier: Apache-2.0
/* Internet gateways: attached to one VPC or to none. Control thread. */
#include "services/ec2/internet_gateway.h"

#include "services/ec2/describe.h"
#include "services/ec2/tag.h"

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_internet_gateway *gateway = record;
    struct ec2_internet_gateway *to = shown;
    to->owner_id = gateway->account;
    to->internet_gateway_id = gateway->id;
    to->attachments.at = ARENA_NEW(c->arena, struct ec2_internet_gateway_attachment);
    if (gateway->vpc.at)
        to->attachments.at[to->attachments.count++] = (struct ec2_internet_gateway_attachment){
            .state = S("available"), .vpc_id = gateway->vpc};
    return tag_list(c, gateway->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"attachment.state", "Attachments.State"},
    {"attachment.vpc-id", "Attachments.VpcId"},
    {"internet-gateway-id", "InternetGatewayId"},
    {"owner-id", "OwnerId"},
};

const struct resource_kind internet_gateway_kind = {
    .prefix = S_INIT("igw-"),
    .type = "internet-gateway",
    .record = &stored_internet_gateway_table,
    .vpc = offsetof(struct stored_internet_gateway, vpc),
    .malformed = &EC2_INVALID_INTERNET_GATEWAY_ID_MALFORMED,
    .missing = &EC2_INVALID_INTERNET_GATEWAY_ID_NOT_FOUND,
    .missing_before = "The internetGateway ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_internet_gateway),
    .show = show,
    .filters = {EC2_SHAPE_INTERNET_GATEWAY, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_internet_gateways(struct call *c,
                                      const struct ec2_describe_internet_gateways_in *in,
                                      struct ec2_describe_internet_gateways_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, internet_gateway_ids);
    TRY(describe(c, &internet_gateway_kind, &asked, &found));
    out->internet_gateways.at = found.at;
    out->internet_gateways.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

struct span internet_gateway_new(struct call *c, struct span vpc)
{
    struct stored_internet_gateway gateway = {.vpc = vpc};
    resource_name(c, &internet_gateway_kind, &gateway);
    resource_put(c, &internet_gateway_kind, &gateway);
    return gateway.id;
}
