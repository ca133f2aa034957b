// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeVpcEndpointServices, from a table: a service that has both types of endpoint is told once
 * for each. Names are those of "AWS services that integrate with AWS PrivateLink"; ids are made of
 * the names. Control thread.
 */
#include "services/ec2/endpoint_service.h"

#include "base/hash.h"
#include "services/ec2/describe.h"
#include "services/ec2/zone.h"

#define BOTH (ENDPOINT_GATEWAY | ENDPOINT_INTERFACE)

static const struct endpoint_service services[] = {
    {S_INIT("dynamodb"), S_INIT("dynamodb"), S_INIT("dynamodb"), BOTH, false, false},
    {S_INIT("dynamodb-streams"), S_INIT("dynamodbstreams"), S_INIT("streams.dynamodb"),
     ENDPOINT_INTERFACE, false, false},
    {S_INIT("ec2"), S_INIT("ec2"), S_INIT("ec2"), ENDPOINT_INTERFACE, true, false},
    {S_INIT("kinesis-streams"), S_INIT("kinesis"), S_INIT("kinesis"), ENDPOINT_INTERFACE, true,
     false},
    {S_INIT("s3"), S_INIT("s3"), S_INIT("s3"), BOTH, true, true},
    {S_INIT("sts"), S_INIT("sts"), S_INIT("sts"), ENDPOINT_INTERFACE, true, false},
};

const struct endpoint_service *endpoint_service_all(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(services);
    return services;
}

const struct endpoint_service *endpoint_service_named(struct span region, struct span name)
{
    struct span rest = name;
    struct span words[] = {S("com"), S("amazonaws"), region};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (!span_eq(span_cut(&rest, '.'), words[i]))
            return NULL;
    for (size_t i = 0; i < ARRAY_LEN(services); i++)
        if (span_eq(services[i].label, rest))
            return &services[i];
    return NULL;
}

struct span endpoint_service_host(struct arena *arena, struct span region,
                                  const struct endpoint_service *service)
{
    return arena_printf(arena, "%.*s.%.*s.amazonaws.com", SPAN_ARG(service->host),
                        SPAN_ARG(region));
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
    if (!service->private_dns)
        return;
    to->private_dns_name = host;
    to->private_dns_names.at = ARENA_NEW(c->arena, struct ec2_private_dns_details);
    to->private_dns_names.at[to->private_dns_names.count++].private_dns_name = host;
    to->private_dns_name_verification_state = S("verified");
}

static struct ec2_service_detail show(struct call *c, const struct endpoint_service *service,
                                      enum ENDPOINT_TYPE type)
{
    struct ec2_service_detail to = {.owner = S("amazon"), .service_region = c->region};
    struct span type_text = endpoint_service_type_text(type);
    to.service_name = arena_printf(c->arena, "com.amazonaws.%.*s.%.*s", SPAN_ARG(c->region),
                                   SPAN_ARG(service->label));
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
        if (!(services[i / 2].types & type))
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
