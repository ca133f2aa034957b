// SPDX-License-Identifier: Apache-2.0
/*
 * CreateNatGateway, DescribeNatGateways, DeleteNatGateway. A new gateway is only a wish; its
 * interface and addresses come with its step (nat_step.c), which may fail. Control thread.
 */
#include "services/ec2/nat_gateway.h"

#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/tag.h"

/* ---- the kind ----------------------------------------------------------------------------------
 */

static const struct span states[] = {
    [NAT_PENDING] = S_INIT("pending"), [NAT_AVAILABLE] = S_INIT("available"),
    [NAT_FAILED] = S_INIT("failed"),   [NAT_DELETING] = S_INIT("deleting"),
    [NAT_DELETED] = S_INIT("deleted"),
};
static const struct span address_states[] = {
    [0] = S_INIT(""),
    [NAT_ADDRESS_ASSIGNING] = S_INIT("assigning"),
    [NAT_ADDRESS_UNASSIGNING] = S_INIT("unassigning"),
    [NAT_ADDRESS_ASSOCIATING] = S_INIT("associating"),
    [NAT_ADDRESS_DISASSOCIATING] = S_INIT("disassociating"),
    [NAT_ADDRESS_SUCCEEDED] = S_INIT("succeeded"),
    [NAT_ADDRESS_FAILED] = S_INIT("failed"),
};

void nat_gateway_show_addresses(struct call *c, const struct stored_nat_gateway *gateway,
                                struct ec2_nat_gateway_address_list *to)
{
    to->count = gateway->addresses.count;
    to->at = ARENA_ARRAY(c->arena, struct ec2_nat_gateway_address, to->count);
    for (size_t i = 0; i < to->count; i++) {
        const struct stored_nat_address *address = &gateway->addresses.at[i];
        to->at[i] = (struct ec2_nat_gateway_address){
            .allocation_id = address->allocation,
            .association_id = address->association,
            .network_interface_id = gateway->interface,
            .private_ip = address->private_address,
            .public_ip = address->public_address,
            .failure_message = address->failure,
            .status = address_states[address->state],
        };
        SET(&to->at[i], is_primary, i == 0);
    }
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_nat_gateway *gateway = record;
    struct ec2_nat_gateway *to = shown;
    to->nat_gateway_id = gateway->id;
    to->vpc_id = gateway->vpc;
    to->subnet_id = gateway->subnet;
    to->state = states[gateway->state];
    to->connectivity_type = gateway->private ? S("private") : S("public");
    to->availability_mode = S("zonal");
    to->failure_code = gateway->failure_code;
    to->failure_message = gateway->failure_message;
    SET(to, create_time, gateway->created);
    if (gateway->deleted)
        SET(to, delete_time, gateway->deleted);
    nat_gateway_show_addresses(c, gateway, &to->nat_gateway_addresses);
    return tag_list(c, gateway->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"nat-gateway-id", "NatGatewayId"},
    {"state", "State"},
    {"subnet-id", "SubnetId"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind nat_gateway_kind = {
    .prefix = S_INIT("nat-"),
    .type = "natgateway",
    .record = &stored_nat_gateway_table,
    .vpc = offsetof(struct stored_nat_gateway, vpc),
    .malformed = &EC2_NAT_GATEWAY_MALFORMED,
    .missing = &EC2_NAT_GATEWAY_NOT_FOUND,
    .missing_before = "NatGateway ",
    .missing_after = " was not found",
    .shown_size = sizeof(struct ec2_nat_gateway),
    .show = show,
    .filters = {EC2_SHAPE_NAT_GATEWAY, filters, ARRAY_LEN(filters)},
    .step = nat_gateway_step,
};

RESULT ec2_describe_nat_gateways(struct call *c, const struct ec2_describe_nat_gateways_in *in,
                                 struct ec2_describe_nat_gateways_out *out)
{
    struct describe_found found;
    struct describe_asked asked = {
        .ids = in->nat_gateway_ids.at,
        .id_count = in->nat_gateway_ids.count,
        .filters = in->filter,
        .max_results = in->max_results,
        .next_token = in->next_token,
    };
    TRY(describe(c, &nat_gateway_kind, &asked, &found));
    out->nat_gateways.at = found.at;
    out->nat_gateways.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

/* ---- CreateNatGateway --------------------------------------------------------------------------
 */

void nat_gateway_add_address(struct call *c, struct stored_nat_gateway *gateway,
                             const struct stored_nat_address *address)
{
    struct stored_nat_address_list *list = &gateway->addresses;
    list->at = resource_widen(c, list->at, list->count, sizeof *list->at);
    list->at[list->count++] = *address;
}

static RESULT check_given(struct call *c, const struct ec2_create_nat_gateway_in *in, bool private)
{
    if (span_eq(in->availability_mode, S("regional")) || in->vpc_id.at ||
        in->availability_zone_addresses.count)
        return resource_not_built(c, "A regional NAT gateway");
    if (!in->subnet_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must include the SubnetId parameter. "
                      "Add the required parameter and retry the request.");
    if (!private && !in->allocation_id.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must include the AllocationId parameter. Add the required "
                      "parameter and retry the request.");
    if (private && (in->allocation_id.at || in->secondary_allocation_ids.count))
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The AllocationId parameter is not supported for a private NAT gateway.");
    if (!private && in->has.secondary_private_ip_address_count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The SecondaryPrivateIpAddressCount parameter is not supported for a public "
                      "NAT gateway.");
    if (in->has.secondary_private_ip_address_count && in->secondary_private_ip_addresses.count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You may specify SecondaryPrivateIpAddresses or "
                      "SecondaryPrivateIpAddressCount, but not both.");
    return OK;
}

/* How many secondary addresses were asked for: as many as allocations, addresses, or the count. */
static RESULT count_secondary(struct call *c, const struct ec2_create_nat_gateway_in *in,
                              size_t *ret)
{
    size_t allocations = in->secondary_allocation_ids.count;
    size_t addresses = in->secondary_private_ip_addresses.count;
    *ret = allocations ? allocations : addresses;
    if (in->has.secondary_private_ip_address_count)
        *ret = (size_t)in->secondary_private_ip_address_count;
    if (allocations && addresses && allocations != addresses)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The number of SecondaryAllocationIds and SecondaryPrivateIpAddresses must "
                      "be the same.");
    if (*ret + 1 > NAT_ADDRESSES_MAX)
        return refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                      "Number of private addresses will exceed limit.");
    return OK;
}

static struct span span_at(const struct span *at, size_t count, size_t index)
{
    return index < count ? at[index] : SPAN_NONE;
}

static RESULT add_wishes(struct call *c, const struct ec2_create_nat_gateway_in *in,
                         struct stored_nat_gateway *gateway)
{
    size_t secondary;
    struct stored_elastic_address elastic;
    struct stored_nat_address wish = {.allocation = in->allocation_id,
                                      .private_address = in->private_ip_address};
    TRY(count_secondary(c, in, &secondary));
    nat_gateway_add_address(c, gateway, &wish);
    for (size_t i = 0; i < secondary; i++) {
        wish.allocation =
            span_at(in->secondary_allocation_ids.at, in->secondary_allocation_ids.count, i);
        wish.private_address = span_at(in->secondary_private_ip_addresses.at,
                                       in->secondary_private_ip_addresses.count, i);
        nat_gateway_add_address(c, gateway, &wish);
    }
    for (size_t i = 0; i < gateway->addresses.count; i++)
        if (gateway->addresses.at[i].allocation.at)
            TRY(resource_get(c, &elastic_address_kind, gateway->addresses.at[i].allocation,
                             &elastic));
    return OK;
}

static RESULT make(struct call *c, const struct ec2_create_nat_gateway_in *in,
                   struct stored_nat_gateway *ret)
{
    struct stored_subnet subnet;
    bool private = span_eq(in->connectivity_type, S("private"));
    TRY(check_given(c, in, private));
    TRY(resource_get(c, &subnet_kind, in->subnet_id, &subnet));
    *ret = (struct stored_nat_gateway){.vpc = subnet.vpc,
                                       .subnet = subnet.id,
                                       .state = NAT_PENDING,
                                       .private = private,
                                       .created = c->now_ms};
    resource_name(c, &nat_gateway_kind, ret);
    TRY(add_wishes(c, in, ret));
    resource_put_moving(c, &nat_gateway_kind, ret, 0);
    return tag_new(c, &nat_gateway_kind, ret->id, &in->tag_specifications);
}

RESULT ec2_create_nat_gateway(struct call *c, const struct ec2_create_nat_gateway_in *in,
                              struct ec2_create_nat_gateway_out *out)
{
    struct span made;
    struct stored_nat_gateway gateway;
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &nat_gateway_kind, made, &gateway));
    } else {
        TRY(make(c, in, &gateway));
        client_token_keep(c, in, in->client_token, gateway.id);
    }
    out->client_token = in->client_token;
    out->nat_gateway = ARENA_NEW(c->arena, struct ec2_nat_gateway);
    return show(c, &gateway, out->nat_gateway);
}

/* ---- DeleteNatGateway --------------------------------------------------------------------------
 */

RESULT ec2_delete_nat_gateway(struct call *c, const struct ec2_delete_nat_gateway_in *in,
                              struct ec2_delete_nat_gateway_out *out)
{
    struct stored_nat_gateway gateway;
    TRY(resource_get(c, &nat_gateway_kind, in->nat_gateway_id, &gateway));
    if (gateway.state == NAT_DELETED || gateway.state == NAT_DELETING)
        return refuse(c, &EC2_NAT_GATEWAY_NOT_FOUND, "NatGateway %.*s was not found",
                      SPAN_ARG(gateway.id));
    gateway.state = NAT_DELETING;
    resource_put_moving(c, &nat_gateway_kind, &gateway, 0);
    out->nat_gateway_id = gateway.id;
    return OK;
}
