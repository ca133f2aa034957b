// SPDX-License-Identifier: Apache-2.0
/* DescribeVpcAttribute, ModifyVpcAttribute. Control thread. */
#include "services/ec2/vpc.h"

static struct ec2_attribute_boolean_value *shown(struct call *c, bool value)
{
    struct ec2_attribute_boolean_value *to =
        ARENA_NEW(c->arena, struct ec2_attribute_boolean_value);
    SET(to, value, value);
    return to;
}

RESULT ec2_describe_vpc_attribute(struct call *c, const struct ec2_describe_vpc_attribute_in *in,
                                  struct ec2_describe_vpc_attribute_out *out)
{
    struct stored_vpc vpc;
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    out->vpc_id = vpc.id;
    if (span_eq(in->attribute, S("enableDnsSupport")))
        out->enable_dns_support = shown(c, vpc.dns_support);
    else if (span_eq(in->attribute, S("enableDnsHostnames")))
        out->enable_dns_hostnames = shown(c, vpc.dns_hostnames);
    else
        out->enable_network_address_usage_metrics = shown(c, vpc.address_metrics);
    return OK;
}

RESULT ec2_modify_vpc_attribute(struct call *c, const struct ec2_modify_vpc_attribute_in *in,
                                struct ec2_modify_vpc_attribute_out *out)
{
    struct stored_vpc vpc;
    int given = !!in->enable_dns_support + !!in->enable_dns_hostnames +
                !!in->enable_network_address_usage_metrics;
    if (given == 0)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter enableDnsSupport or "
                      "enableDnsHostnames");
    if (given > 1)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "Fields for multiple attribute types specified");
    if (in->enable_network_address_usage_metrics && in->enable_network_address_usage_metrics->value)
        return resource_not_built(c, "EnableNetworkAddressUsageMetrics");
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    if (in->enable_dns_support)
        vpc.dns_support = in->enable_dns_support->value;
    if (in->enable_dns_hostnames)
        vpc.dns_hostnames = in->enable_dns_hostnames->value;
    resource_put(c, &vpc_kind, &vpc);
    return OK;
}
