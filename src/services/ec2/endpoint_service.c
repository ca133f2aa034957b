// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeVpcEndpointServices, from a table: a service that has both types of endpoint is told once
 * for each. Names are those of "AWS services that integrate with AWS PrivateLink"; ids are made of
 * the names. Control thread.
 */
#include "services/ec2/endpoint_service.h"

#include "base/hash.h"
#include "services/ec2/describe.h"
#include "services/ec2/endpoint_host.h"
#include "services/ec2/zone.h"

#define BOTH (ENDPOINT_GATEWAY | ENDPOINT_INTERFACE)

/* Names that endpoints take over: "Create a VPC endpoint for IAM" (in us-east-1, without a region
 * in its name) and "… for AWS STS" (the regional name only), the Kinesis guide (one for each
 * account, too), "AWS PrivateLink for Amazon S3". DynamoDB has none. */
static const struct endpoint_service services[] = {
    {.label = S_INIT("iam"),
     .serves = S_INIT("iam"),
     .host = S_INIT("iam"),
     .types = ENDPOINT_INTERFACE,
     .global = true,
     .names = {{S_INIT("iam"), true}}},
    {.label = S_INIT("dynamodb"),
     .serves = S_INIT("dynamodb"),
     .host = S_INIT("dynamodb"),
     .types = BOTH,
     .names = {{S_INIT("dynamodb.%")}, {S_INIT("*.ddb.%")}}},
    {.label = S_INIT("dynamodb-streams"),
     .serves = S_INIT("dynamodbstreams"),
     .host = S_INIT("streams.dynamodb"),
     .types = ENDPOINT_INTERFACE,
     .names = {{S_INIT("streams.dynamodb.%")}}},
    {.label = S_INIT("ec2"),
     .serves = S_INIT("ec2"),
     .host = S_INIT("ec2"),
     .types = ENDPOINT_INTERFACE,
     .names = {{S_INIT("ec2.%"), true}}},
    {.label = S_INIT("kinesis-streams"),
     .serves = S_INIT("kinesis"),
     .host = S_INIT("kinesis"),
     .types = ENDPOINT_INTERFACE,
     .names = {{S_INIT("kinesis.%"), true},
               {S_INIT("*.control-kinesis.%"), true},
               {S_INIT("*.data-kinesis.%"), true}}},
    {.label = S_INIT("s3"),
     .serves = S_INIT("s3"),
     .also = S_INIT("s3control"),
     .host = S_INIT("s3"),
     .types = BOTH,
     .wild = true,
     .names = {{S_INIT("s3.%"), true},
               {S_INIT("*.s3.%"), true},
               {S_INIT("*.s3-accesspoint.%"), true},
               {S_INIT("*.s3-control.%"), true},
               {S_INIT("s3")},
               {S_INIT("*.s3")}}},
    {.label = S_INIT("sts"),
     .serves = S_INIT("sts"),
     .host = S_INIT("sts"),
     .types = ENDPOINT_INTERFACE,
     .names = {{S_INIT("sts.%"), true}}},
};

const struct endpoint_service *endpoint_service_all(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(services);
    return services;
}

static bool is_offered(const struct endpoint_service *service, struct span region)
{
    return !service->global || span_eq(region, ENDPOINT_GLOBAL_REGION);
}

const struct endpoint_service *endpoint_service_named(struct span region, struct span name)
{
    struct span rest = name;
    if (!span_eq(span_cut(&rest, '.'), S("com")) || !span_eq(span_cut(&rest, '.'), S("amazonaws")))
        return NULL;
    struct span label = rest;
    bool regional = span_eq(span_cut(&label, '.'), region);
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        const struct endpoint_service *service = &services[i];
        if (service->global ? span_eq(service->label, rest) && is_offered(service, region)
                            : regional && span_eq(service->label, label))
            return service;
    }
    return NULL;
}

struct span endpoint_service_name(struct arena *arena, struct span region,
                                  const struct endpoint_service *service)
{
    if (service->global)
        return arena_printf(arena, "com.amazonaws.%.*s", SPAN_ARG(service->label));
    return arena_printf(arena, "com.amazonaws.%.*s.%.*s", SPAN_ARG(region),
                        SPAN_ARG(service->label));
}

bool endpoint_service_private(const struct endpoint_service *service)
{
    return service->names[0].private;
}

struct span endpoint_service_host(struct arena *arena, struct span region,
                                  const struct endpoint_service *service)
{
    return endpoint_pattern_in(arena, service->names[0].pattern, region);
}

struct span endpoint_service_type_text(enum ENDPOINT_TYPE type)
{
    return type == ENDPOINT_GATEWAY ? S("Gateway") : S("Interface");
}

/* ---- DescribeVpcEndpointServices ---------------------------------------------------------------
 */

static void list_one(struct call *c, struct span text, struct ec2_value_string_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct span, 1);
    to->at[to->count++] = text;
}

static void show_zones(struct call *c, struct ec2_service_detail *to)
{
    size_t count = zone_count(c);
    to->availability_zones.at = ARENA_ARRAY(c->arena, struct span, count);
    to->availability_zone_ids.at = ARENA_ARRAY(c->arena, struct span, count);
    to->availability_zones.count = to->availability_zone_ids.count = count;
    for (size_t i = 0; i < count; i++) {
        to->availability_zones.at[i] = zone_name(c, i);
        to->availability_zone_ids.at[i] = zone_id(c, i);
    }
}

static void show_names(struct call *c, const struct endpoint_service *service,
                       enum ENDPOINT_TYPE type, struct ec2_service_detail *to)
{
    struct span host = endpoint_service_host(c->arena, c->region, service);
    if (type == ENDPOINT_GATEWAY) {
        list_one(c, host, &to->base_endpoint_dns_names);
        return;
    }
    list_one(c,
             arena_printf(c->arena, "%.*s.%.*s.vpce.amazonaws.com", SPAN_ARG(service->host),
                          SPAN_ARG(c->region)),
             &to->base_endpoint_dns_names);
    if (!endpoint_service_private(service))
        return;
    to->private_dns_name = host;
    to->private_dns_names.at =
        ARENA_ARRAY(c->arena, struct ec2_private_dns_details, ENDPOINT_PATTERNS);
    for (size_t i = 0; i < ENDPOINT_PATTERNS; i++)
        if (service->names[i].private)
            to->private_dns_names.at[to->private_dns_names.count++].private_dns_name =
                endpoint_pattern_in(c->arena, service->names[i].pattern, c->region);
    to->private_dns_name_verification_state = S("verified");
}

static struct ec2_service_detail show(struct call *c, const struct endpoint_service *service,
                                      enum ENDPOINT_TYPE type)
{
    struct ec2_service_detail to = {.owner = S("amazon"), .service_region = c->region};
    struct span type_text = endpoint_service_type_text(type);
    to.service_name = endpoint_service_name(c->arena, c->region, service);
    uint32_t digest = crc32_feed(type, to.service_name);
    to.service_id = arena_printf(c->arena, "vpce-svc-0%08x%08x", digest, ~digest);
    to.service_type.at = ARENA_NEW(c->arena, struct ec2_service_type_detail);
    to.service_type.at[to.service_type.count++].service_type = type_text;
    show_zones(c, &to);
    show_names(c, service, type, &to);
    SET(&to, vpc_endpoint_policy_supported, true);
    SET(&to, acceptance_required, false);
    SET(&to, manages_vpc_endpoints, false);
    to.tags.at = arena_alloc(c->arena, 0);
    to.supported_ip_address_types.at = ARENA_ARRAY(c->arena, struct span, 1);
    to.supported_ip_address_types.at[to.supported_ip_address_types.count++] = S("ipv4");
    return to;
}

static const struct filter_name filters[] = {
    {"owner", "Owner"},
    {"service-name", "ServiceName"},
    {"service-region", "ServiceRegion"},
    {"service-type", "ServiceType.ServiceType"},
    {"supported-ip-address-types", "SupportedIpAddressTypes"},
};
static const struct filter_table table = {EC2_SHAPE_SERVICE_DETAIL, filters, ARRAY_LEN(filters)};

static RESULT check_names(struct call *c, const struct ec2_value_string_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (!endpoint_service_named(c->region, names->at[i]))
            return refuse(c, &EC2_INVALID_SERVICE_NAME,
                          "The Vpc Endpoint Service '%.*s' does not exist", SPAN_ARG(names->at[i]));
    return OK;
}

static bool is_listed(const struct ec2_value_string_list *list, struct span text)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_eq(list->at[i], text))
            return true;
    return list->count == 0;
}

/* Page by page of details; the names are those of the page, each once. */
static void tell(struct call *c, const struct ec2_describe_vpc_endpoint_services_in *in,
                 size_t from, struct ec2_describe_vpc_endpoint_services_out *out)
{
    size_t page = in->max_results ? (size_t)in->max_results : SIZE_MAX;
    for (size_t i = from; i < 2 * ARRAY_LEN(services); i++) {
        enum ENDPOINT_TYPE type = i % 2 ? ENDPOINT_INTERFACE : ENDPOINT_GATEWAY;
        if (!(services[i / 2].types & type) || !is_offered(&services[i / 2], c->region))
            continue;
        struct ec2_service_detail detail = show(c, &services[i / 2], type);
        if (!is_listed(&in->service_names, detail.service_name) ||
            !is_listed(&in->service_regions, detail.service_region) ||
            !filter_passes(c, &table, &in->filters, &detail))
            continue;
        if (out->service_details.count == page) {
            out->next_token =
                describe_token(c, "vpc-endpoint-service", arena_printf(c->arena, "%zu", i));
            return;
        }
        out->service_details.at[out->service_details.count++] = detail;
        size_t names = out->service_names.count;
        if (!names || !span_eq(out->service_names.at[names - 1], detail.service_name))
            out->service_names.at[out->service_names.count++] = detail.service_name;
    }
}

RESULT ec2_describe_vpc_endpoint_services(struct call *c,
                                          const struct ec2_describe_vpc_endpoint_services_in *in,
                                          struct ec2_describe_vpc_endpoint_services_out *out)
{
    struct span from;
    uint64_t first = 0;
    TRY(filter_check(c, &table, &in->filters));
    TRY(check_names(c, &in->service_names));
    TRY(describe_read_token(c, "vpc-endpoint-service", in->next_token, &from));
    if (from.at && !span_to_u64(from, &first))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid",
                      SPAN_ARG(in->next_token));
    out->service_details.at =
        ARENA_ARRAY(c->arena, struct ec2_service_detail, 2 * ARRAY_LEN(services));
    out->service_names.at = ARENA_ARRAY(c->arena, struct span, 2 * ARRAY_LEN(services));
    tell(c, in, (size_t)first, out);
    return OK;
}
