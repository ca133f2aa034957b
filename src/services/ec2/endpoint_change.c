// SPDX-License-Identifier: Apache-2.0
/*
 * CreateVpcEndpoint, ModifyVpcEndpoint, DeleteVpcEndpoints. Routes and interfaces are made and
 * taken away at once, so that the answer can tell them; only the state follows. Control thread.
 */
#include "services/ec2/endpoint.h"

#include "base/id.h"
#include "services/ec2/client_token.h"
#include "services/ec2/number.h"
#include "services/ec2/security_group.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define GATEWAYS_MAX 20   /* "AWS PrivateLink quotas", of a region */
#define INTERFACES_MAX 50 /* the same, of a VPC */
#define SUFFIX_LETTERS 8

/* ---- what is asked for -------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, struct span address_type,
                              const struct ec2_dns_options_specification *dns)
{
    if (address_type.at && !span_eq(address_type, S("ipv4")))
        return resource_not_built(c, "A VPC endpoint with IPv6 addresses");
    if (!dns)
        return OK;
    if (dns->dns_record_ip_type.at && !span_eq(dns->dns_record_ip_type, S("ipv4")))
        return resource_not_built(c, "DnsRecordIpType");
    if (dns->private_dns_only_for_inbound_resolver_endpoint)
        return resource_not_built(c, "PrivateDnsOnlyForInboundResolverEndpoint");
    if (dns->private_dns_preference.at || dns->private_dns_specified_domains.count)
        return resource_not_built(c, "PrivateDnsPreference");
    return OK;
}

static RESULT read_type(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                        enum ENDPOINT_TYPE *ret)
{
    *ret = span_eq(in->vpc_endpoint_type, S("Interface")) ? ENDPOINT_INTERFACE : ENDPOINT_GATEWAY;
    if (in->vpc_endpoint_type.at && *ret == ENDPOINT_GATEWAY &&
        !span_eq(in->vpc_endpoint_type, S("Gateway")))
        return resource_not_built(c, "This type of VPC endpoint");
    if (in->service_network_arn.at || in->resource_configuration_arn.at)
        return resource_not_built(c, "A VPC endpoint of VPC Lattice");
    if (in->service_region.at && !span_eq(in->service_region, c->region))
        return resource_not_built(c, "A VPC endpoint to another region");
    return check_not_built(c, in->ip_address_type, in->dns_options);
}

static RESULT check_service(struct call *c, struct span name, enum ENDPOINT_TYPE type)
{
    const struct endpoint_service *service = endpoint_service_named(c->region, name);
    if (!name.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter ServiceName");
    if (!service)
        return refuse(c, &EC2_INVALID_SERVICE_NAME,
                      "The Vpc Endpoint Service '%.*s' does not exist", SPAN_ARG(name));
    if (!(service->types & type))
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Endpoint type (%.*s) does not match available service types ([Interface]).",
                      SPAN_ARG(endpoint_service_type_text(type)));
    return OK;
}

/* What only the other type has. */
static RESULT check_type(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                         enum ENDPOINT_TYPE type)
{
    if (type == ENDPOINT_INTERFACE && in->route_table_ids.count)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Route table IDs are only supported for Gateway type VPC Endpoints.");
    if (type == ENDPOINT_GATEWAY && in->subnet_ids.count + in->subnet_configurations.count)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Subnet IDs are only supported for Interface type VPC Endpoints.");
    if (type == ENDPOINT_GATEWAY && in->security_group_ids.count)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Security group IDs are only supported for Interface type VPC Endpoints.");
    if (type == ENDPOINT_GATEWAY && in->private_dns_enabled)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Private DNS is only supported for Interface type VPC Endpoints.");
    return OK;
}

static RESULT check_limits(struct call *c, struct span vpc, enum ENDPOINT_TYPE type)
{
    size_t count = 0;
    struct resource_list all;
    const struct resource_where *where =
        type == ENDPOINT_INTERFACE ? WHERE(stored_endpoint, vpc, vpc) : NULL;
    TRY(resource_list(c, &endpoint_kind, where, &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_endpoint *other = all.at[i];
        count += other->type == type && other->state != ENDPOINT_DELETED;
    }
    if (count >= (type == ENDPOINT_GATEWAY ? GATEWAYS_MAX : INTERFACES_MAX))
        return refuse(c, &EC2_VPC_ENDPOINT_LIMIT_EXCEEDED,
                      "You've reached the limit on the number of VPC endpoints that you can create "
                      "in the region.");
    return OK;
}

/* ---- CreateVpcEndpoint -------------------------------------------------------------------------
 */

static struct span new_suffix(struct call *c)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    uint8_t bytes[SUFFIX_LETTERS];
    char *text = arena_alloc(c->arena, SUFFIX_LETTERS);
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < SUFFIX_LETTERS; i++)
        text[i] = letters[bytes[i] % (sizeof letters - 1)];
    return span_of(text, SUFFIX_LETTERS);
}

static RESULT choose_groups(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                            struct stored_endpoint *endpoint)
{
    struct stored_security_group *group;
    endpoint->groups =
        (struct record_texts){in->security_group_ids.at, in->security_group_ids.count};
    if (endpoint->groups.count)
        return endpoint_check_groups(c, endpoint->vpc, endpoint->groups.at, endpoint->groups.count);
    TRY(security_group_default(c, endpoint->vpc, &group));
    endpoint->groups = (struct record_texts){ARENA_NEW(c->arena, struct span), 1};
    endpoint->groups.at[0] = group->id;
    return OK;
}

static RESULT check_configurations(struct call *c,
                                   const struct ec2_subnet_configurations_list *configurations,
                                   const struct ec2_vpc_endpoint_subnet_id_list *subnets)
{
    for (size_t i = 0; i < configurations->count; i++) {
        bool named = false;
        for (size_t j = 0; j < subnets->count; j++)
            named |= span_eq(configurations->at[i].subnet_id, subnets->at[j]);
        if (!named)
            return refuse(c, &EC2_INVALID_PARAMETER,
                          "Subnet %.*s of a subnet configuration is not among the subnet IDs.",
                          SPAN_ARG(configurations->at[i].subnet_id));
    }
    return OK;
}

static RESULT add_subnets(struct call *c, const struct ec2_vpc_endpoint_subnet_id_list *subnets,
                          const struct ec2_subnet_configurations_list *configurations,
                          struct stored_endpoint *endpoint)
{
    TRY(check_configurations(c, configurations, subnets));
    for (size_t i = 0; i < subnets->count; i++)
        TRY(endpoint_add_subnet(c, endpoint,
                                &(struct endpoint_subnet_wish){subnets->at[i], configurations}));
    return OK;
}

static RESULT make_parts(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                         struct stored_endpoint *endpoint)
{
    for (size_t i = 0; i < in->route_table_ids.count; i++)
        TRY(endpoint_add_route(c, endpoint, in->route_table_ids.at[i]));
    if (endpoint->type == ENDPOINT_GATEWAY)
        return OK;
    TRY(choose_groups(c, in, endpoint));
    if (endpoint->private_dns)
        TRY(endpoint_check_private_dns(c, endpoint));
    return add_subnets(c, &in->subnet_ids, &in->subnet_configurations, endpoint);
}

static RESULT make(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                   struct stored_endpoint *ret)
{
    struct stored_vpc vpc;
    enum ENDPOINT_TYPE type;
    TRY(read_type(c, in, &type));
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    TRY(check_service(c, in->service_name, type));
    TRY(check_type(c, in, type));
    if (in->policy_document.len)
        TRY(endpoint_check_policy(c, in->policy_document));
    TRY(check_limits(c, vpc.id, type));
    *ret = (struct stored_endpoint){
        .vpc = vpc.id,
        .service = in->service_name,
        .type = type,
        .state = type == ENDPOINT_GATEWAY ? ENDPOINT_AVAILABLE : ENDPOINT_PENDING,
        .policy = in->policy_document.len ? in->policy_document : endpoint_default_policy(type),
        .private_dns = in->private_dns_enabled,
        .suffix = new_suffix(c),
        .created = c->now_ms,
    };
    resource_name(c, &endpoint_kind, ret);
    TRY(number_take(c, NUMBER_SERVICE, ret->id));
    TRY(make_parts(c, in, ret));
    if (type == ENDPOINT_GATEWAY)
        resource_put(c, &endpoint_kind, ret);
    else
        resource_put_moving(c, &endpoint_kind, ret, 0);
    return tag_new(c, &endpoint_kind, ret->id, &in->tag_specifications);
}

RESULT ec2_create_vpc_endpoint(struct call *c, const struct ec2_create_vpc_endpoint_in *in,
                               struct ec2_create_vpc_endpoint_out *out)
{
    struct span made;
    struct stored_endpoint endpoint;
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &endpoint_kind, made, &endpoint));
    } else {
        TRY(make(c, in, &endpoint));
        client_token_keep(c, in, in->client_token, endpoint.id);
    }
    out->client_token = in->client_token;
    out->vpc_endpoint = ARENA_NEW(c->arena, struct ec2_vpc_endpoint);
    return endpoint_kind.show(c, &endpoint, out->vpc_endpoint);
}

/* ---- ModifyVpcEndpoint -------------------------------------------------------------------------
 */

static RESULT change_policy(struct call *c, const struct ec2_modify_vpc_endpoint_in *in,
                            struct stored_endpoint *endpoint)
{
    if (in->reset_policy && in->policy_document.len)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The parameters PolicyDocument and ResetPolicy may not be used together");
    if (in->reset_policy)
        endpoint->policy = endpoint_default_policy((enum ENDPOINT_TYPE)endpoint->type);
    if (!in->policy_document.len)
        return OK;
    TRY(endpoint_check_policy(c, in->policy_document));
    endpoint->policy = in->policy_document;
    return OK;
}

static RESULT change_routes(struct call *c, const struct ec2_modify_vpc_endpoint_in *in,
                            struct stored_endpoint *endpoint)
{
    size_t tables = in->add_route_table_ids.count + in->remove_route_table_ids.count;
    if (tables && endpoint->type != ENDPOINT_GATEWAY)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Route table IDs are only supported for Gateway type VPC Endpoints.");
    for (size_t i = 0; i < in->remove_route_table_ids.count; i++)
        TRY(endpoint_remove_route(c, endpoint, in->remove_route_table_ids.at[i]));
    for (size_t i = 0; i < in->add_route_table_ids.count; i++)
        TRY(endpoint_add_route(c, endpoint, in->add_route_table_ids.at[i]));
    return OK;
}

static bool has_text(const struct span *at, size_t count, struct span text)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(at[i], text))
            return true;
    return false;
}

static RESULT change_groups(struct call *c, const struct ec2_modify_vpc_endpoint_in *in,
                            struct stored_endpoint *endpoint)
{
    const struct ec2_vpc_endpoint_security_group_id_list *add = &in->add_security_group_ids,
                                                         *remove = &in->remove_security_group_ids;
    struct record_texts old = endpoint->groups,
                        groups = {.at = ARENA_ARRAY(c->arena, struct span, old.count + add->count)};
    if (!add->count && !remove->count)
        return OK;
    for (size_t i = 0; i < old.count; i++)
        if (!has_text(remove->at, remove->count, old.at[i]))
            groups.at[groups.count++] = old.at[i];
    for (size_t i = 0; i < add->count; i++)
        if (!has_text(groups.at, groups.count, add->at[i]))
            groups.at[groups.count++] = add->at[i];
    if (!groups.count)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "A VPC endpoint must have at least one security group.");
    TRY(endpoint_check_groups(c, endpoint->vpc, groups.at, groups.count));
    endpoint->groups = groups;
    return endpoint_regroup(c, endpoint);
}

static RESULT change_interfaces(struct call *c, const struct ec2_modify_vpc_endpoint_in *in,
                                struct stored_endpoint *endpoint)
{
    size_t asked = in->add_subnet_ids.count + in->remove_subnet_ids.count +
                   in->add_security_group_ids.count + in->remove_security_group_ids.count +
                   in->subnet_configurations.count + in->private_dns_enabled;
    if (!asked && !in->has.private_dns_enabled)
        return OK;
    if (endpoint->type != ENDPOINT_INTERFACE)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Subnets, security groups and private DNS are only supported for Interface "
                      "type VPC Endpoints.");
    for (size_t i = 0; i < in->remove_subnet_ids.count; i++)
        TRY(endpoint_remove_subnet(c, endpoint, in->remove_subnet_ids.at[i]));
    TRY(change_groups(c, in, endpoint));
    TRY(add_subnets(c, &in->add_subnet_ids, &in->subnet_configurations, endpoint));
    if (in->has.private_dns_enabled)
        endpoint->private_dns = in->private_dns_enabled;
    return in->private_dns_enabled ? endpoint_check_private_dns(c, endpoint) : OK;
}

RESULT ec2_modify_vpc_endpoint(struct call *c, const struct ec2_modify_vpc_endpoint_in *in,
                               struct ec2_modify_vpc_endpoint_out *out)
{
    struct stored_endpoint endpoint;
    TRY(check_not_built(c, in->ip_address_type, in->dns_options));
    TRY(resource_get(c, &endpoint_kind, in->vpc_endpoint_id, &endpoint));
    if (endpoint.state != ENDPOINT_AVAILABLE)
        return refuse(c, &EC2_INCORRECT_STATE, "VPC endpoint %.*s is not available",
                      SPAN_ARG(endpoint.id));
    TRY(change_policy(c, in, &endpoint));
    TRY(change_routes(c, in, &endpoint));
    TRY(change_interfaces(c, in, &endpoint));
    resource_put(c, &endpoint_kind, &endpoint);
    SET(out, return_, true);
    return OK;
}

/* ---- DeleteVpcEndpoints ------------------------------------------------------------------------
 */

static RESULT delete_one(struct call *c, struct stored_endpoint *endpoint)
{
    if (endpoint->state >= ENDPOINT_DELETING)
        return OK;
    TRY(endpoint_remove_all_routes(c, endpoint));
    endpoint->state = ENDPOINT_DELETING;
    endpoint->private_dns = false;
    resource_put_moving(c, &endpoint_kind, endpoint, 0);
    return OK;
}

static void add_failure(struct call *c, struct span id, struct ec2_unsuccessful_item_set *to)
{
    to->at = resource_grow(c, to->at, to->count, sizeof *to->at);
    struct ec2_unsuccessful_item *item = &to->at[to->count++];
    item->resource_id = id;
    item->error = ARENA_NEW(c->arena, struct ec2_unsuccessful_item_error);
    item->error->code = span_of_cstr(EC2_INVALID_VPC_ENDPOINT_NOT_FOUND.code);
    item->error->message =
        arena_printf(c->arena, "The Vpc Endpoint Id '%.*s' does not exist", SPAN_ARG(id));
}

RESULT ec2_delete_vpc_endpoints(struct call *c, const struct ec2_delete_vpc_endpoints_in *in,
                                struct ec2_delete_vpc_endpoints_out *out)
{
    struct stored_endpoint endpoint;
    out->unsuccessful.at = arena_alloc(c->arena, 0);
    for (size_t i = 0; i < in->vpc_endpoint_ids.count; i++)
        TRY(resource_check_id(c, &endpoint_kind, in->vpc_endpoint_ids.at[i]));
    for (size_t i = 0; i < in->vpc_endpoint_ids.count; i++) {
        int error = resource_find(c, &endpoint_kind, in->vpc_endpoint_ids.at[i], &endpoint);
        if (error == -ENOENT)
            add_failure(c, in->vpc_endpoint_ids.at[i], &out->unsuccessful);
        else if (error < 0)
            return refuse_errno(c, error, "reading a VPC endpoint");
        else
            TRY(delete_one(c, &endpoint));
    }
    return OK;
}
