// SPDX-License-Identifier: Apache-2.0
/* What is checked of VPC endpoints, new and changed ones alike. Control thread. */
#include "services/ec2/endpoint.h"

#include "auth/policy.h"
#include "services/ec2/group_association.h"
#include "services/ec2/security_group.h"
#include "services/ec2/vpc.h"

#define POLICY_LETTERS 20480 /* "AWS PrivateLink quotas": white space counts */
#define GROUPS_MAX 10

/* As DescribeVpcEndpoints of AWS tells them. */
struct span endpoint_default_policy(enum ENDPOINT_TYPE type)
{
    return type == ENDPOINT_GATEWAY
               ? S("{\"Version\":\"2008-10-17\",\"Statement\":[{\"Effect\":\"Allow\","
                   "\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"*\"}]}")
               : S("{\n  \"Statement\": [\n    {\n      \"Action\": \"*\", \n      "
                   "\"Effect\": \"Allow\", \n      \"Principal\": \"*\", \n      "
                   "\"Resource\": \"*\"\n    }\n  ]\n}");
}

RESULT endpoint_check_policy(struct call *c, struct span document)
{
    struct span why;
    if (document.len > POLICY_LETTERS)
        return refuse(c, &EC2_INVALID_POLICY_DOCUMENT,
                      "The policy document exceeds the maximum length of %d characters.",
                      POLICY_LETTERS);
    if (!policy_parse(c->arena, document, POLICY_RESOURCE, &why))
        return refuse(c, &EC2_INVALID_POLICY_DOCUMENT, "%.*s", SPAN_ARG(why));
    return OK;
}

RESULT endpoint_check_groups(struct call *c, struct span vpc, const struct span *groups,
                             size_t count)
{
    bool allowed;
    struct stored_security_group group;
    if (count > GROUPS_MAX)
        return refuse(c, &EC2_SECURITY_GROUPS_PER_INTERFACE_LIMIT_EXCEEDED,
                      "The maximum number of security groups per interface has been reached.");
    for (size_t i = 0; i < count; i++) {
        TRY(resource_get(c, &security_group_kind, groups[i], &group));
        TRY(group_association_allows(c, &group, vpc, &allowed));
        if (!allowed)
            return refuse(c, &EC2_INVALID_PARAMETER,
                          "Security group %.*s and VPC %.*s belong to different networks.",
                          SPAN_ARG(group.id), SPAN_ARG(vpc));
    }
    return OK;
}

static RESULT check_conflict(struct call *c, const struct stored_endpoint *endpoint,
                             struct span name)
{
    struct resource_list others;
    TRY(resource_list(c, &endpoint_kind, WHERE(stored_endpoint, vpc, endpoint->vpc), &others));
    for (size_t i = 0; i < others.count; i++) {
        const struct stored_endpoint *other = others.at[i];
        if (other->private_dns && other->state <= ENDPOINT_AVAILABLE &&
            span_eq(other->service, endpoint->service) && !span_eq(other->id, endpoint->id))
            return refuse(c, &EC2_INVALID_PARAMETER,
                          "private-dns-enabled cannot be set because there is already a "
                          "conflicting DNS domain for %.*s in the VPC %.*s",
                          SPAN_ARG(name), SPAN_ARG(endpoint->vpc));
    }
    return OK;
}

RESULT endpoint_check_private_dns(struct call *c, const struct stored_endpoint *endpoint)
{
    struct stored_vpc vpc;
    const struct endpoint_service *service = endpoint_service_named(c->region, endpoint->service);
    if (!endpoint_service_private(service))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Private DNS can't be enabled because the service %.*s does not provide a "
                      "private DNS name.",
                      SPAN_ARG(endpoint->service));
    TRY(resource_get(c, &vpc_kind, endpoint->vpc, &vpc));
    if (!vpc.dns_support || !vpc.dns_hostnames)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Enabling private DNS requires both enableDnsSupport and "
                      "enableDnsHostnames VPC attributes set to true for %.*s",
                      SPAN_ARG(vpc.id));
    return check_conflict(c, endpoint, endpoint_service_host(c->arena, c->region, service));
}
