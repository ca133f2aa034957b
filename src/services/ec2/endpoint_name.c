// SPDX-License-Identifier: Apache-2.0
/*
 * Names that a VPC's resolver knows of endpoints: those of an interface endpoint ("vpce-…"), the
 * service's own name where an interface endpoint has taken it over (private DNS), and else, of the
 * services that gateway endpoints lead to, an address of the service's prefix list, as the public
 * name has on AWS. Control thread.
 */
#include "services/ec2/endpoint_name.h"

#include "services/ec2/endpoint.h"
#include "services/ec2/endpoint_host.h"
#include "services/ec2/interface.h"
#include "services/ec2/managed_prefix.h"

#define PREFIX_HOST 1 /* of a prefix list's block, the address that names stand for */

/* ---- interface endpoints -----------------------------------------------------------------------
 */

struct search {
    struct call *c;
    const struct dns_question *question;
    struct dns_answer *answer;
    uint32_t *addresses;
};

/* Addresses of its interfaces, all or those in a zone. */
static RESULT add_interfaces(struct search *search, const struct stored_endpoint *endpoint,
                             struct span zone)
{
    struct stored_interface interface;
    struct dns_answer *to = search->answer;
    to->addresses = search->addresses;
    for (size_t i = 0; i < endpoint->subnets.count && to->count < DNS_ANSWERS_MAX; i++) {
        TRY(resource_get(search->c, &interface_kind, endpoint->subnets.at[i].interface,
                         &interface));
        if (!zone.at || span_eq(interface.zone, zone))
            search->addresses[to->count++] = cidr_address(interface.addresses.at[0].address);
    }
    return OK;
}

/* vpce-ID-SUFFIX.…, vpce-ID-SUFFIX-ZONE.… */
static bool is_own_name(struct search *search, const struct stored_endpoint *endpoint,
                        const struct endpoint_service *service, struct span *ret_zone)
{
    struct call *c = search->c;
    struct span name = search->question->name;
    struct span own =
        arena_printf(c->arena, "%.*s-%.*s", SPAN_ARG(endpoint->id), SPAN_ARG(endpoint->suffix));
    size_t at = span_find(name, own);
    *ret_zone = SPAN_NONE;
    if (at == SPAN_NOT_FOUND || (at && (!service->wild || name.at[at - 1] != '.')))
        return false;
    struct span rest = span_from(name, at + own.len);
    struct span label = span_cut(&rest, '.');
    if (label.len)
        *ret_zone = span_from(label, 1);
    return (label.len == 0 || *label.at == '-') &&
           span_eq(rest, arena_printf(c->arena, "%.*s.%.*s.vpce.amazonaws.com",
                                      SPAN_ARG(service->host), SPAN_ARG(c->region)));
}

static RESULT find_interfaces(struct search *search, const struct stored_vpc *vpc, bool *ret_found)
{
    struct span zone;
    struct call *c = search->c;
    struct resource_list endpoints;
    TRY(resource_list(c, &endpoint_kind, WHERE(stored_endpoint, vpc, vpc->id), &endpoints));
    for (size_t i = 0; i < endpoints.count && !*ret_found; i++) {
        const struct stored_endpoint *endpoint = endpoints.at[i];
        const struct endpoint_service *service =
            endpoint_service_named(c->region, endpoint->service);
        if (endpoint->type != ENDPOINT_INTERFACE || endpoint->state != ENDPOINT_AVAILABLE)
            continue;
        bool taken_over =
            endpoint->private_dns && endpoint_host_is(c->arena, search->question->name, service,
                                                      c->region, ENDPOINT_NAMES_PRIVATE);
        *ret_found = is_own_name(search, endpoint, service, &zone) || taken_over;
        if (*ret_found)
            TRY(add_interfaces(search, endpoint, zone));
    }
    return OK;
}

/* ---- gateway endpoints -------------------------------------------------------------------------
 */

static void find_prefix(struct search *search, bool *ret_found)
{
    size_t count;
    struct cidr block;
    struct call *c = search->c;
    const struct endpoint_service *services = endpoint_service_all(&count);
    for (size_t i = 0; i < count && !*ret_found; i++) {
        if (!endpoint_host_is(c->arena, search->question->name, &services[i], c->region,
                              ENDPOINT_NAMES_ALL) ||
            !managed_prefix_block(c->region, services[i].label, &block))
            continue;
        *ret_found = true;
        search->addresses[0] = block.address + PREFIX_HOST;
        search->answer->addresses = search->addresses;
        search->answer->count = 1;
    }
}

RESULT endpoint_find_name(struct call *c, const struct stored_vpc *vpc,
                          const struct dns_question *question, bool *ret_found,
                          struct dns_answer *ret)
{
    struct search search = {.c = c,
                            .question = question,
                            .answer = ret,
                            .addresses = ARENA_ARRAY(c->arena, uint32_t, DNS_ANSWERS_MAX)};
    *ret_found = false;
    TRY(find_interfaces(&search, vpc, ret_found));
    if (!*ret_found)
        find_prefix(&search, ret_found);
    if (question->type != DNS_A && question->type != DNS_ANY)
        ret->count = 0; /* the name is there, without such a record */
    return OK;
}
