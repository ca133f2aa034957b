// SPDX-License-Identifier: Apache-2.0
/*
 * Quotas of instances ("On-Demand Instance quotas": vCPUs of those that are pending or run), and
 * DescribeAccountAttributes, which tells of older ones. New accounts of AWS have few vCPUs; this
 * machine's account is one that has been raised. Control thread.
 */
#include "services/ec2/quota.h"

#include "services/ec2/home.h"
#include "services/ec2/instance.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/vpc.h"

#define VCPUS_MAX 2048

RESULT quota_check(struct call *c, const struct instance_type *type, size_t count)
{
    struct resource_list all;
    size_t vcpus = type ? count * type->vcpus : 0;
    TRY(resource_list(c, &instance_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_instance *instance = all.at[i];
        const struct instance_type *other = instance_type_named(instance->type);
        if (other && (instance->state == INSTANCE_PENDING || instance->state == INSTANCE_RUNNING))
            vcpus += other->vcpus;
    }
    if (vcpus <= VCPUS_MAX)
        return OK;
    return refuse(c, &EC2_VCPU_LIMIT_EXCEEDED,
                  "You have requested more vCPU capacity than your current vCPU limit of %d allows "
                  "for the instance bucket that the specified instance type belongs to. Please "
                  "visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to "
                  "this limit.",
                  VCPUS_MAX);
}

/* ---- DescribeAccountAttributes -----------------------------------------------------------------
 */

static RESULT find_default_vpc(struct call *c, struct span *ret)
{
    struct resource_list all;
    *ret = S("none");
    TRY(resource_list(c, &vpc_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_vpc *vpc = all.at[i];
        if (vpc->is_default)
            *ret = vpc->id;
    }
    return OK;
}

static bool is_asked(const struct ec2_describe_account_attributes_in *in, struct span name)
{
    for (size_t i = 0; i < in->attribute_names.count; i++)
        if (span_eq(in->attribute_names.at[i], name))
            return true;
    return in->attribute_names.count == 0;
}

static void show(struct call *c, struct span name, struct span value,
                 struct ec2_account_attribute *to)
{
    to->attribute_name = name;
    to->attribute_values.at = ARENA_NEW(c->arena, struct ec2_account_attribute_value);
    to->attribute_values.at->attribute_value = value;
    to->attribute_values.count = 1;
}

RESULT ec2_describe_account_attributes(struct call *c,
                                       const struct ec2_describe_account_attributes_in *in,
                                       struct ec2_describe_account_attributes_out *out)
{
    struct span vpc;
    TRY(home_settle(c));
    TRY(find_default_vpc(c, &vpc));
    const struct {
        struct span name, value;
    } attributes[] = {
        {S("supported-platforms"), S("VPC")}, {S("default-vpc"), vpc},
        {S("max-instances"), S("1000")},      {S("vpc-max-security-groups-per-interface"), S("5")},
        {S("max-elastic-ips"), S("5")},       {S("vpc-max-elastic-ips"), S("5")},
    };
    for (size_t i = 0; i < in->attribute_names.count; i++) {
        bool known = false;
        for (size_t j = 0; j < ARRAY_LEN(attributes); j++)
            known |= span_eq(in->attribute_names.at[i], attributes[j].name);
        if (!known)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "Value ([%.*s]) for parameter AttributeName is invalid.",
                          SPAN_ARG(in->attribute_names.at[i]));
    }
    out->account_attributes.at =
        arena_zalloc(c->arena, ARRAY_LEN(attributes), sizeof *out->account_attributes.at);
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (is_asked(in, attributes[i].name))
            show(c, attributes[i].name, attributes[i].value,
                 &out->account_attributes.at[out->account_attributes.count++]);
    return OK;
}
