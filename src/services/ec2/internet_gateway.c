// SPDX-License-Identifier: Apache-2.0
/* Internet gateways: attached to one VPC or to none. Control thread. */
#include "services/ec2/internet_gateway.h"

#include "services/ec2/describe.h"
#include "services/ec2/interface.h"
#include "services/ec2/network.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

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

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_create_internet_gateway(struct call *c, const struct ec2_create_internet_gateway_in *in,
                                   struct ec2_create_internet_gateway_out *out)
{
    struct stored_internet_gateway gateway = {0};
    resource_name(c, &internet_gateway_kind, &gateway);
    resource_put(c, &internet_gateway_kind, &gateway);
    TRY(tag_new(c, &internet_gateway_kind, gateway.id, &in->tag_specifications));
    out->internet_gateway = ARENA_NEW(c->arena, struct ec2_internet_gateway);
    return show(c, &gateway, out->internet_gateway);
}

RESULT ec2_delete_internet_gateway(struct call *c, const struct ec2_delete_internet_gateway_in *in,
                                   struct ec2_delete_internet_gateway_out *out)
{
    struct stored_internet_gateway gateway;
    TRY(resource_get(c, &internet_gateway_kind, in->internet_gateway_id, &gateway));
    if (gateway.vpc.at)
        return resource_in_use(c, "internetGateway", gateway.id);
    resource_drop(c, &internet_gateway_kind, &gateway);
    return OK;
}

RESULT ec2_attach_internet_gateway(struct call *c, const struct ec2_attach_internet_gateway_in *in,
                                   struct ec2_attach_internet_gateway_out *out)
{
    struct stored_vpc vpc;
    struct stored_internet_gateway gateway;
    struct resource_list others;
    TRY(resource_get(c, &internet_gateway_kind, in->internet_gateway_id, &gateway));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    if (gateway.vpc.at)
        return refuse(c, &EC2_RESOURCE_ALREADY_ASSOCIATED,
                      "resource %.*s is already attached to network %.*s", SPAN_ARG(gateway.id),
                      SPAN_ARG(gateway.vpc));
    TRY(resource_list(c, &internet_gateway_kind, WHERE(stored_internet_gateway, vpc, vpc.id),
                      &others));
    if (others.count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Network %.*s already has an internet gateway attached", SPAN_ARG(vpc.id));
    gateway.vpc = vpc.id;
    resource_put(c, &internet_gateway_kind, &gateway);
    return OK;
}

/* An interface of the VPC has a public address. */
static RESULT check_no_public(struct call *c, struct span vpc)
{
    struct resource_list interfaces;
    TRY(resource_list(c, &interface_kind, WHERE(stored_interface, vpc, vpc), &interfaces));
    for (size_t i = 0; i < interfaces.count; i++) {
        const struct stored_interface *interface = interfaces.at[i];
        for (size_t j = 0; j < interface->addresses.count; j++)
            if (interface->addresses.at[j].public_address.at)
                return refuse(c, &EC2_DEPENDENCY_VIOLATION,
                              "Network %.*s has some mapped public address(es). Please unmap those "
                              "public address(es) before detaching the gateway.",
                              SPAN_ARG(vpc));
    }
    return OK;
}

RESULT ec2_detach_internet_gateway(struct call *c, const struct ec2_detach_internet_gateway_in *in,
                                   struct ec2_detach_internet_gateway_out *out)
{
    struct stored_vpc vpc;
    struct stored_internet_gateway gateway;
    TRY(resource_get(c, &internet_gateway_kind, in->internet_gateway_id, &gateway));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    if (!span_eq(gateway.vpc, vpc.id))
        return refuse(c, &EC2_GATEWAY_NOT_ATTACHED, "resource %.*s is not attached to network %.*s",
                      SPAN_ARG(gateway.id), SPAN_ARG(vpc.id));
    TRY(check_no_public(c, vpc.id));
    gateway.vpc = SPAN_NONE;
    resource_put(c, &internet_gateway_kind, &gateway);
    network_changed(c, vpc.id);
    return OK;
}
