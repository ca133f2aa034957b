// SPDX-License-Identifier: Apache-2.0
/*
 * What the caller publishes, as entries of the maps: each object as a whole, new entries before old
 * ones go, so that no packet finds a hole. Nothing here looks at packets.
 */
#include "engines/fabric/inside.h"

#include <errno.h>
#include <string.h>

#define TCP_IDLE_S 432000 /* "Idle connection tracking timeout", five days */
#define UDP_STREAM_IDLE_S 180
#define UDP_IDLE_S 30
#define GATEWAY_PORTS_MAX 55000 /* "NAT gateway basics" */
#define GATEWAY_PORT_FIRST 1024
#define GATEWAY_IDLE_S 350
#define GATEWAY_CLOSED_S 60

static uint32_t or_else(uint32_t value, uint32_t otherwise)
{
    return value ? value : otherwise;
}

int fabric_put_network(struct fabric *fabric, uint32_t number, uint32_t internet)
{
    struct fab_network network;
    int error = fabric_get(fabric, FABRIC_NETWORKS, &number, &network);
    if (error < 0)
        return error;
    network.generation = or_else(network.generation, 1);
    network.internet = (internet & FABRIC_INTERNET) != 0;
    network.egress = (internet & FABRIC_EGRESS) != 0;
    return fabric_set(fabric, FABRIC_NETWORKS, &number, &network);
}

/* Network 0's generation stands for flows between networks: it moves with every one. */
int fabric_changed(struct fabric *fabric, uint32_t number)
{
    const uint32_t numbers[] = {number, 0};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct fab_network network;
        int error = fabric_get(fabric, FABRIC_NETWORKS, &numbers[i], &network);
        if (error < 0)
            return error;
        network.generation = or_else(network.generation + 1, 1);
        error = fabric_set(fabric, FABRIC_NETWORKS, &numbers[i], &network);
        if (error < 0)
            return error;
    }
    return 0;
}

/* An object's lists, out and in, then those of IPv6. */
enum { LISTS = 4 };

static void free_lists(struct fabric *fabric, const struct fab_list *lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        fabric_rules_free(fabric, lists[i]);
}

/* Freshly placed. */
static int place_lists(struct fabric *fabric, const struct fabric_rules rules[LISTS],
                       struct fab_list ret[LISTS])
{
    for (size_t i = 0; i < LISTS; i++) {
        int error = fabric_rules_put(fabric, rules[i], &ret[i]);
        if (error < 0) {
            free_lists(fabric, ret, i);
            return error;
        }
    }
    return 0;
}

int fabric_put_subnet(struct fabric *fabric, uint32_t number, const struct fabric_subnet *subnet)
{
    struct fab_subnet old;
    struct fab_list lists[LISTS];
    const struct fabric_rules rules[LISTS] = {subnet->out, subnet->in, subnet->out6, subnet->in6};
    int error = fabric_get(fabric, FABRIC_SUBNETS, &number, &old);
    if (error < 0)
        return error;
    error = place_lists(fabric, rules, lists);
    if (error < 0)
        return error;
    struct fab_subnet record = {.network = subnet->network,
                                .address = subnet->address,
                                .mask = subnet->mask,
                                .routes = subnet->routes,
                                .list_out = lists[0],
                                .list_in = lists[1],
                                .list6_out = lists[2],
                                .list6_in = lists[3],
                                .address6 = subnet->address6,
                                .shut = subnet->shut};
    error = fabric_set(fabric, FABRIC_SUBNETS, &number, &record);
    if (error < 0)
        return error;
    const struct fab_list gone[LISTS] = {old.list_out, old.list_in, old.list6_out, old.list6_in};
    free_lists(fabric, gone, LISTS);
    return 0;
}

/* -- addresses -------------------------------------------------------------------------------- */

static bool has_address(const struct fabric_interface *interface, uint32_t network,
                        uint32_t address)
{
    for (size_t i = 0; interface && i < interface->address_count; i++)
        if (interface->network == network && interface->addresses[i].address == address)
            return true;
    return false;
}

static bool has_public(const struct fabric_interface *interface, uint32_t address)
{
    for (size_t i = 0; interface && i < interface->address_count; i++)
        if (interface->addresses[i].public_address == address)
            return true;
    return false;
}

static bool has_within(const struct fabric_gateway *gateway, uint32_t network, uint32_t address)
{
    for (uint32_t i = 0; gateway && i < gateway->count; i++)
        if (gateway->within && gateway->network == network && gateway->publics[i] == address)
            return true;
    return false;
}

static bool has_without(const struct fabric_gateway *gateway, uint32_t address)
{
    for (uint32_t i = 0; gateway && i < gateway->count; i++)
        if (!gateway->within && gateway->publics[i] == address)
            return true;
    return false;
}

/* Whose addresses are looked at: an interface's or a gateway's, and what it has now (NULL: nothing
 * any more). */
struct owner {
    uint32_t interface, gateway; /* one of them is 0 */
    const struct fabric_interface *now_interface;
    const struct fabric_gateway *now_gateway;
};

static bool place_goes(void *user, const void *key, const void *value)
{
    const struct owner *owner = user;
    const struct fab_place_key *at = key;
    const struct fab_place *place = value;
    return place->interface == owner->interface && place->gateway == owner->gateway &&
           !has_address(owner->now_interface, at->network, at->address) &&
           !has_within(owner->now_gateway, at->network, at->address);
}

static bool public_goes(void *user, const void *key, const void *value)
{
    const struct owner *owner = user;
    const struct fab_public *public = value;
    uint32_t address = *(const uint32_t *)key;
    return public->interface == owner->interface && public->gateway == owner->gateway &&
           !has_public(owner->now_interface, address) && !has_without(owner->now_gateway, address);
}

/* Takes away the addresses that the owner does not have any more. */
static int clear_addresses(struct fabric *fabric, struct owner owner)
{
    int error = fabric_clear(fabric, FABRIC_PLACES, place_goes, &owner);
    return error < 0 ? error : fabric_clear(fabric, FABRIC_PUBLICS, public_goes, &owner);
}

static int put_addresses(struct fabric *fabric, uint32_t number,
                         const struct fabric_interface *interface)
{
    for (size_t i = 0; i < interface->address_count; i++) {
        const struct fabric_address *address = &interface->addresses[i];
        struct fab_place_key key = {interface->network, address->address};
        struct fab_place place = {.interface = number, .public_address = address->public_address};
        struct fab_public public = {.interface = number, .address = address->address};
        int error = fabric_set(fabric, FABRIC_PLACES, &key, &place);
        if (!error && address->public_address)
            error = fabric_set(fabric, FABRIC_PUBLICS, &address->public_address, &public);
        if (error < 0)
            return error;
    }
    return clear_addresses(fabric, (struct owner){.interface = number, .now_interface = interface});
}

/* -- interfaces and gateways ------------------------------------------------------------------ */

static void free_groups(struct fabric *fabric, const struct fab_interface *old)
{
    const struct fab_list gone[LISTS] = {old->group_out, old->group_in, old->group6_out,
                                         old->group6_in};
    free_lists(fabric, gone, LISTS);
}

int fabric_put_interface(struct fabric *fabric, uint32_t number,
                         const struct fabric_interface *interface)
{
    struct fab_interface old;
    struct fab_list lists[LISTS];
    const struct fabric_rules rules[LISTS] = {interface->out, interface->in, interface->out6,
                                              interface->in6};
    int error = fabric_get(fabric, FABRIC_INTERFACES, &number, &old);
    if (error < 0)
        return error;
    error = place_lists(fabric, rules, lists);
    if (error < 0)
        return error;
    struct fab_interface record = {
        .ifindex = old.ifindex,
        .network = interface->network,
        .subnet = interface->subnet,
        .forwards = interface->forwards,
        .watched = old.watched,
        .service = interface->service,
        .tcp_idle_s = or_else(interface->tcp_idle_s, TCP_IDLE_S),
        .udp_stream_idle_s = or_else(interface->udp_stream_idle_s, UDP_STREAM_IDLE_S),
        .udp_idle_s = or_else(interface->udp_idle_s, UDP_IDLE_S),
        .group_out = lists[0],
        .group_in = lists[1],
        .group6_out = lists[2],
        .group6_in = lists[3],
    };
    memcpy(record.mac, interface->mac, sizeof record.mac);
    error = fabric_set(fabric, FABRIC_INTERFACES, &number, &record);
    if (error < 0)
        return error;
    free_groups(fabric, &old);
    error = put_addresses(fabric, number, interface);
    return error < 0 ? error : fabric_put_addresses6(fabric, number, interface);
}

int fabric_drop_interface(struct fabric *fabric, uint32_t number)
{
    struct fab_interface old, none = {0};
    int error = fabric_get(fabric, FABRIC_INTERFACES, &number, &old);
    if (!error && old.ifindex)
        error = fabric_unplug(fabric, number);
    if (!error)
        error = fabric_limit(fabric, number, &(struct fabric_limits){0});
    if (!error)
        error = fabric_set(fabric, FABRIC_INTERFACES, &number, &none);
    if (!error)
        error = clear_addresses(fabric, (struct owner){.interface = number});
    if (!error)
        error = fabric_put_addresses6(fabric, number, NULL);
    if (error < 0)
        return error;
    free_groups(fabric, &old);
    return old.network ? fabric_changed(fabric, old.network) : 0;
}

/* The addresses by which answers find the gateway. */
static int put_gateway_addresses(struct fabric *fabric, uint32_t number,
                                 const struct fabric_gateway *gateway)
{
    const struct fab_public public = {.gateway = number, .address = gateway->address};
    const struct fab_place place = {.gateway = number};
    int error = 0;
    for (uint32_t i = 0; !error && i < gateway->count; i++) {
        struct fab_place_key key = {gateway->network, gateway->publics[i]};
        error = gateway->within ? fabric_set(fabric, FABRIC_PLACES, &key, &place)
                                : fabric_set(fabric, FABRIC_PUBLICS, &key.address, &public);
    }
    return error < 0
               ? error
               : clear_addresses(fabric, (struct owner){.gateway = number, .now_gateway = gateway});
}

int fabric_put_gateway(struct fabric *fabric, uint32_t number, const struct fabric_gateway *gateway)
{
    struct fab_gateway record = {
        .subnet = gateway->subnet,
        .address = gateway->address,
        .count = gateway->count,
        .within = gateway->within,
        .ports_max = or_else(gateway->ports_max, GATEWAY_PORTS_MAX),
        .port_first = GATEWAY_PORT_FIRST,
        .port_count = 65536 - GATEWAY_PORT_FIRST,
        .idle_s = or_else(gateway->idle_s, GATEWAY_IDLE_S),
        .closed_s = or_else(gateway->closed_s, GATEWAY_CLOSED_S),
    };
    if (gateway->count > FAB_PUBLICS_MAX)
        return -EINVAL;
    memcpy(record.publics, gateway->publics, sizeof record.publics);
    int error = fabric_set(fabric, FABRIC_GATEWAYS, &number, &record);
    return error < 0 ? error : put_gateway_addresses(fabric, number, gateway);
}

int fabric_drop_gateway(struct fabric *fabric, uint32_t number)
{
    const struct fabric_gateway none = {0};
    const struct fab_gateway record = {0};
    int error = fabric_set(fabric, FABRIC_GATEWAYS, &number, &record);
    return error < 0 ? error : put_gateway_addresses(fabric, number, &none);
}

/* -- routes ----------------------------------------------------------------------------------- */

struct table {
    uint32_t number;
    const struct fabric_route *routes;
    size_t count;
};

static bool route_goes(void *user, const void *key, const void *value)
{
    const struct table *table = user;
    const struct fab_route_key *at = key;
    for (size_t i = 0; i < table->count; i++)
        if (table->routes[i].address == at->address && table->routes[i].bits + 32 == at->prefix_len)
            return false;
    return at->table == table->number;
}

int fabric_put_routes(struct fabric *fabric, uint32_t table, const struct fabric_route *routes,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fab_route_key key = {32 + routes[i].bits, table, routes[i].address};
        struct fab_route route = {routes[i].kind, routes[i].number};
        if (routes[i].bits > 32)
            return -EINVAL;
        int error = fabric_set(fabric, FABRIC_ROUTES, &key, &route);
        if (error < 0)
            return error;
    }
    return fabric_clear(fabric, FABRIC_ROUTES, route_goes, &(struct table){table, routes, count});
}
