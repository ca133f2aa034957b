// SPDX-License-Identifier: Apache-2.0
/* What the caller publishes of IPv6: who has which address, and routes; as in publish.c. */
#include "engines/fabric/inside.h"

#include <errno.h>
#include <string.h>

static bool same(const struct fab_ip6 *a, const struct fab_ip6 *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* -- addresses -------------------------------------------------------------------------------- */

static bool has_address(const struct fabric_interface *interface, const struct fab_ip6 *address)
{
    for (size_t i = 0; interface && i < interface->address6_count; i++)
        if (same(&interface->addresses6[i], address))
            return true;
    return false;
}

struct owner {
    uint32_t number;
    const struct fabric_interface *now;
};

static bool place_goes(void *user, const void *key, const void *value)
{
    const struct owner *owner = user;
    const struct fab_place6 *place = value;
    return place->interface == owner->number && !has_address(owner->now, key);
}

int fabric_put_addresses6(struct fabric *fabric, uint32_t number,
                          const struct fabric_interface *interface)
{
    const struct fab_place6 place = {number};
    for (size_t i = 0; interface && i < interface->address6_count; i++) {
        int error = fabric_set(fabric, FABRIC_PLACES6, &interface->addresses6[i], &place);
        if (error < 0)
            return error;
    }
    return fabric_clear(fabric, FABRIC_PLACES6, place_goes, &(struct owner){number, interface});
}

/* -- routes ----------------------------------------------------------------------------------- */

struct table {
    uint32_t number;
    const struct fabric_route6 *routes;
    size_t count;
};

static bool route_goes(void *user, const void *key, const void *value)
{
    const struct table *table = user;
    const struct fab_route_key6 *at = key;
    for (size_t i = 0; i < table->count; i++)
        if (same(&table->routes[i].address, &at->address) &&
            table->routes[i].bits + 32 == at->prefix_len)
            return false;
    return at->table == table->number;
}

int fabric_put_routes6(struct fabric *fabric, uint32_t table, const struct fabric_route6 *routes,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct fab_route_key6 key = {32 + routes[i].bits, table, routes[i].address};
        struct fab_route route = {routes[i].kind, routes[i].number};
        if (routes[i].bits > 128 || routes[i].kind == FAB_ROUTE_GATEWAY)
            return -EINVAL;
        int error = fabric_set(fabric, FABRIC_ROUTES6, &key, &route);
        if (error < 0)
            return error;
    }
    return fabric_clear(fabric, FABRIC_ROUTES6, route_goes, &(struct table){table, routes, count});
}
