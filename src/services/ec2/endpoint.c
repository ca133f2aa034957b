// SPDX-License-Identifier: Apache-2.0
/*
 * What is told of VPC endpoints, and their states: a new one is pending until its record is
 * durable; one that is deleted gives its interfaces back in a step and is told of for a while.
 * Control thread.
 */
#include "services/ec2/endpoint.h"

#include "base/hash.h"
#include "services/ec2/describe.h"
#include "services/ec2/number.h"
#include "services/ec2/route_table.h"
#include "services/ec2/security_group.h"
#include "services/ec2/subnet.h"
#include "services/ec2/tag.h"

#include <errno.h>

#define TOLD_MS (60 * 1000)

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show_tables(struct call *c, const struct stored_endpoint *endpoint,
                          struct ec2_value_string_list *to)
{
    struct resource_list tables;
    TRY(resource_list(c, &route_table_kind, WHERE(stored_route_table, vpc, endpoint->vpc),
                      &tables));
    to->at = ARENA_ARRAY(c->arena, struct span, tables.count);
    for (size_t i = 0; i < tables.count; i++) {
        const struct stored_route_table *table = tables.at[i];
        for (size_t j = 0; j < table->routes.count; j++)
            if (span_eq(table->routes.at[j].target, endpoint->id))
                to->at[to->count++] = table->id;
    }
    return OK;
}

static RESULT show_groups(struct call *c, const struct stored_endpoint *endpoint,
                          struct ec2_group_identifier_set *to)
{
    struct stored_security_group group;
    to->at = ARENA_ARRAY(c->arena, struct ec2_security_group_identifier, endpoint->groups.count);
    for (size_t i = 0; i < endpoint->groups.count; i++) {
        int error = resource_find(c, &security_group_kind, endpoint->groups.at[i], &group);
        if (error == -ENOENT)
            continue; /* of one that is deleted */
        if (error < 0)
            return refuse_errno(c, error, "reading a group of an endpoint");
        to->at[to->count++] =
            (struct ec2_security_group_identifier){.group_id = group.id, .group_name = group.name};
    }
    return OK;
}

static void add_name(struct call *c, struct span name, struct ec2_dns_entry_set *to)
{
    to->at = resource_grow(c, to->at, to->count, sizeof *to->at);
    struct span domain = name;
    span_cut(&domain, '.');
    to->at[to->count++] = (struct ec2_dns_entry){
        .dns_name = name,
        .hosted_zone_id =
            arena_printf(c->arena, "Z%08X%08X", crc32_feed(0, domain), crc32c_feed(0, domain)),
    };
}

/* "Access an AWS service using an interface VPC endpoint": the regional name, one for each zone,
 * and the private one. */
static RESULT show_names(struct call *c, const struct stored_endpoint *endpoint,
                         const struct endpoint_service *service, struct ec2_dns_entry_set *to)
{
    const char *wild = service->wild ? "*." : "";
    struct stored_subnet subnet;
    if (!endpoint->subnets.count)
        return OK;
    add_name(c,
             arena_printf(c->arena, "%s%.*s-%.*s.%.*s.%.*s.vpce.amazonaws.com", wild,
                          SPAN_ARG(endpoint->id), SPAN_ARG(endpoint->suffix),
                          SPAN_ARG(service->host), SPAN_ARG(c->region)),
             to);
    for (size_t i = 0; i < endpoint->subnets.count; i++) {
        int error = resource_find(c, &subnet_kind, endpoint->subnets.at[i].subnet, &subnet);
        if (error < 0)
            return refuse_errno(c, error, "reading a subnet of an endpoint");
        add_name(c,
                 arena_printf(c->arena, "%s%.*s-%.*s-%.*s.%.*s.%.*s.vpce.amazonaws.com", wild,
                              SPAN_ARG(endpoint->id), SPAN_ARG(endpoint->suffix),
                              SPAN_ARG(subnet.zone), SPAN_ARG(service->host), SPAN_ARG(c->region)),
                 to);
    }
    if (endpoint->private_dns)
        add_name(c, endpoint_service_host(c->arena, c->region, service), to);
    return OK;
}

static RESULT show_interfaces(struct call *c, const struct stored_endpoint *endpoint,
                              struct ec2_vpc_endpoint *to)
{
    size_t count = endpoint->subnets.count;
    to->subnet_ids.at = ARENA_ARRAY(c->arena, struct span, count);
    to->network_interface_ids.at = ARENA_ARRAY(c->arena, struct span, count);
    to->subnet_ids.count = to->network_interface_ids.count = count;
    for (size_t i = 0; i < count; i++) {
        to->subnet_ids.at[i] = endpoint->subnets.at[i].subnet;
        to->network_interface_ids.at[i] = endpoint->subnets.at[i].interface;
    }
    to->dns_entries.at = arena_alloc(c->arena, 0);
    if (endpoint->type == ENDPOINT_GATEWAY)
        return OK;
    to->ip_address_type = S("ipv4");
    to->dns_options = ARENA_NEW(c->arena, struct ec2_dns_options);
    to->dns_options->dns_record_ip_type = S("ipv4");
    return show_names(c, endpoint, endpoint_service_named(c->region, endpoint->service),
                      &to->dns_entries);
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    static const struct span states[] = {
        [ENDPOINT_PENDING] = S_INIT("pending"),
        [ENDPOINT_AVAILABLE] = S_INIT("available"),
        [ENDPOINT_DELETING] = S_INIT("deleting"),
        [ENDPOINT_DELETED] = S_INIT("deleted"),
    };
    const struct stored_endpoint *endpoint = record;
    struct ec2_vpc_endpoint *to = shown;
    to->vpc_endpoint_id = endpoint->id;
    to->vpc_endpoint_type = endpoint_service_type_text((enum ENDPOINT_TYPE)endpoint->type);
    to->vpc_id = endpoint->vpc;
    to->service_name = endpoint->service;
    to->service_region = c->region;
    to->owner_id = endpoint->account;
    to->state = states[endpoint->state];
    to->policy_document = endpoint->policy;
    SET(to, private_dns_enabled, endpoint->private_dns);
    SET(to, requester_managed, false);
    SET(to, creation_timestamp, endpoint->created);
    TRY(show_tables(c, endpoint, &to->route_table_ids));
    TRY(show_groups(c, endpoint, &to->groups));
    TRY(show_interfaces(c, endpoint, to));
    return tag_list(c, endpoint->id, &to->tags);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    struct stored_endpoint *endpoint = record;
    if (endpoint->state == ENDPOINT_DELETED) {
        resource_drop(c, &endpoint_kind, endpoint);
        return OK;
    }
    if (endpoint->state == ENDPOINT_PENDING)
        endpoint->state = ENDPOINT_AVAILABLE;
    if (endpoint->state == ENDPOINT_DELETING) {
        TRY(endpoint_drop_interfaces(c, endpoint));
        TRY(number_drop(c, endpoint->id));
        endpoint->state = ENDPOINT_DELETED;
        *ret_due_ms = c->now_ms + TOLD_MS;
    }
    resource_put(c, &endpoint_kind, endpoint);
    return OK;
}

static const struct filter_name filters[] = {
    {"ip-address-type", "IpAddressType"},
    {"service-name", "ServiceName"},
    {"service-region", "ServiceRegion"},
    {"vpc-endpoint-id", "VpcEndpointId"},
    {"vpc-endpoint-state", "State"},
    {"vpc-endpoint-type", "VpcEndpointType"},
    {"vpc-id", "VpcId"},
};

const struct resource_kind endpoint_kind = {
    .prefix = S_INIT("vpce-"),
    .type = "vpc-endpoint",
    .record = &stored_endpoint_table,
    .vpc = offsetof(struct stored_endpoint, vpc),
    .malformed = &EC2_INVALID_VPC_ENDPOINT_ID_MALFORMED,
    .missing = &EC2_INVALID_VPC_ENDPOINT_ID_NOT_FOUND,
    .missing_before = "The Vpc Endpoint Id '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_vpc_endpoint),
    .show = show,
    .filters = {EC2_SHAPE_VPC_ENDPOINT, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT ec2_describe_vpc_endpoints(struct call *c, const struct ec2_describe_vpc_endpoints_in *in,
                                  struct ec2_describe_vpc_endpoints_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, vpc_endpoint_ids);
    TRY(describe(c, &endpoint_kind, &asked, &found));
    out->vpc_endpoints.at = found.at;
    out->vpc_endpoints.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

RESULT endpoint_any(struct call *c, struct span vpc, bool *ret)
{
    struct resource_list endpoints;
    *ret = false;
    TRY(resource_list(c, &endpoint_kind, WHERE(stored_endpoint, vpc, vpc), &endpoints));
    for (size_t i = 0; i < endpoints.count; i++)
        *ret |= ((const struct stored_endpoint *)endpoints.at[i])->state != ENDPOINT_DELETED;
    return OK;
}
