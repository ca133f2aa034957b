// SPDX-License-Identifier: Apache-2.0
/* The fabric of a build without clang or libbpf: it can say that it is not there, and no more.
 * Nobody can have one open, so the rest is only there to be linked. */
#include "engines/fabric/fabric.h"

#include <errno.h>

static const char why[] = "this build has no programs: clang or libbpf was missing";

int fabric_open(struct fabric **ret, const struct fabric_options *options, const char **ret_why)
{
    *ret_why = why;
    return -ENOSYS;
}

void fabric_close(struct fabric *fabric) {}

int fabric_remove(const char *name)
{
    return -ENOSYS;
}

int fabric_check(const char **ret_why)
{
    *ret_why = why;
    return -ENOSYS;
}

int fabric_put_network(struct fabric *fabric, uint32_t number, uint32_t internet)
{
    return -ENOSYS;
}

int fabric_put_subnet(struct fabric *fabric, uint32_t number, const struct fabric_subnet *subnet)
{
    return -ENOSYS;
}

int fabric_put_interface(struct fabric *fabric, uint32_t number,
                         const struct fabric_interface *interface)
{
    return -ENOSYS;
}

int fabric_put_routes(struct fabric *fabric, uint32_t table, const struct fabric_route *routes,
                      size_t count)
{
    return -ENOSYS;
}

int fabric_put_routes6(struct fabric *fabric, uint32_t table, const struct fabric_route6 *routes,
                       size_t count)
{
    return -ENOSYS;
}

int fabric_put_gateway(struct fabric *fabric, uint32_t number, const struct fabric_gateway *gateway)
{
    return -ENOSYS;
}

int fabric_drop_interface(struct fabric *fabric, uint32_t number)
{
    return -ENOSYS;
}

int fabric_drop_gateway(struct fabric *fabric, uint32_t number)
{
    return -ENOSYS;
}

int fabric_changed(struct fabric *fabric, uint32_t network)
{
    return -ENOSYS;
}

int fabric_plug(struct fabric *fabric, uint32_t number, int netns, const char *name)
{
    return -ENOSYS;
}

int fabric_unplug(struct fabric *fabric, uint32_t number)
{
    return -ENOSYS;
}

int fabric_plug_edge(struct fabric *fabric, int netns, const char *name)
{
    return -ENOSYS;
}

int fabric_edge_is_plugged(struct fabric *fabric)
{
    return -ENOSYS;
}

int fabric_address_edge(int netns, const char *name, uint32_t address, uint32_t mask)
{
    return -ENOSYS;
}

int fabric_address_edge6(int netns, const char *name, const struct fab_ip6 *address, uint32_t bits)
{
    return -ENOSYS;
}

int fabric_service_socket(struct fabric *fabric, int type)
{
    return -ENOSYS;
}

uint32_t fabric_service_address(uint32_t number)
{
    return 0;
}

uint32_t fabric_service_number(uint32_t address)
{
    return 0;
}

uint32_t fabric_service_caller(uint32_t address)
{
    return 0;
}

int fabric_service_call(struct fabric *fabric, const struct fabric_connection *connection,
                        struct fabric_call *ret)
{
    return -ENOSYS;
}

int fabric_put_services(struct fabric *fabric, uint32_t network,
                        const struct fabric_service *services, size_t count)
{
    return -ENOSYS;
}

int fabric_sweep(struct fabric *fabric)
{
    return -ENOSYS;
}

int fabric_dropped(struct fabric *fabric, enum FAB_REASON reason, uint64_t *ret)
{
    return -ENOSYS;
}

int fabric_gateway_counted(struct fabric *fabric, uint32_t number, struct fab_gateway_count *ret)
{
    return -ENOSYS;
}

int fabric_limit(struct fabric *fabric, uint32_t number, const struct fabric_limits *limits)
{
    return -ENOSYS;
}

int fabric_record(struct fabric *fabric, uint32_t number, enum FABRIC_RECORDS records)
{
    return -ENOSYS;
}

int fabric_records(struct fabric *fabric, fabric_each_record each, void *user)
{
    return -ENOSYS;
}

int fabric_unrecorded(struct fabric *fabric, uint32_t number, uint64_t *ret)
{
    return -ENOSYS;
}

int fabric_translations(struct fabric *fabric, uint32_t gateway, fabric_each_translation each,
                        void *user)
{
    return -ENOSYS;
}

int fabric_set_clock(struct fabric *fabric, int64_t offset_ms)
{
    return -ENOSYS;
}
