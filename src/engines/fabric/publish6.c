// SPDX-License-Identifier: Apache-2.0
/* What the caller publishes of IPv6: who has which address, and routes; as in publish.c. */
#include "engines/fabric/inside.h"

#include <bpf/bpf.h>
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

static int clear_places(struct fabric *fabric, uint32_t number,
                        const struct fabric_interface *interface)
{
    struct fab_ip6 key, next;
    int fd = fabric->maps[FABRIC_PLACES6];
    bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
    while (more) {
        struct fab_place6 place;
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (fabric_get(fabric, FABRIC_PLACES6, &key, &place) < 0 || place.interface != number ||
            has_address(interface, &key))
            continue;
        int error = fabric_unset(fabric, FABRIC_PLACES6, &key);
        if (error < 0)
            return error;
    }
    return 0;
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
    return clear_places(fabric, number, interface);
}

/* -- routes ----------------------------------------------------------------------------------- */

static bool is_routed(const struct fabric_route6 *routes, size_t count,
                      const struct fab_route_key6 *key)
{
    for (size_t i = 0; i < count; i++)
        if (same(&routes[i].address, &key->address) && routes[i].bits + 32 == key->prefix_len)
            return true;
    return false;
}

static int clear_routes(struct fabric *fabric, uint32_t table, const struct fabric_route6 *routes,
                        size_t count)
{
    struct fab_route_key6 key, next;
    int fd = fabric->maps[FABRIC_ROUTES6];
    bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (key.table != table || is_routed(routes, count, &key))
            continue;
        int error = fabric_unset(fabric, FABRIC_ROUTES6, &key);
        if (error < 0)
            return error;
    }
    return 0;
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
    return clear_routes(fabric, table, routes, count);
}
