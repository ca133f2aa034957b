// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Shared by the engine's files and its tests: what an open fabric holds. */
#include "engines/fabric/fabric.h"

#include "engines/fabric/bpf/sizes.h"

#define FABRIC_RULE_BLOCK 8 /* rules are given out in blocks */
#define FABRIC_PATH 160
#define FABRIC_EDGE_MTU 1500 /* "Network MTU": of traffic over an internet gateway */

enum FABRIC_MAP {
    FABRIC_LINES,
    FABRIC_SESSIONS,
    FABRIC_TARGETS,
    FABRIC_PLACES,
    FABRIC_PUBLICS,
    FABRIC_NETWORKS,
    FABRIC_SUBNETS,
    FABRIC_INTERFACES,
    FABRIC_GATEWAYS,
    FABRIC_GATEWAY_COUNTS,
    FABRIC_RULES,
    FABRIC_SETTINGS,
    FABRIC_DEVICES,
    FABRIC_REASONS,
    FABRIC_ROUTES,
    FABRIC_FREE_SLOTS,
    FABRIC_TAILS,
    FABRIC_METERS,
    FABRIC_RECORDS,
    FABRIC_SERVICES,
    FABRIC_FLOWS6,
    FABRIC_PLACES6,
    FABRIC_ROUTES6,
    FABRIC_RECORDS6,
    FABRIC_FLOODS,
    FABRIC_MAPS
};
enum FABRIC_PROGRAM {
    FABRIC_ENI_IN,
    FABRIC_EDGE_IN,
    FABRIC_SERVICE_IN,
    FABRIC_SLOW,
    FABRIC_SWEEP,
    FABRIC_SIX,
    FABRIC_SLOW6,
    FABRIC_EDGE_XDP,
    FABRIC_PROGRAMS
};

struct fabric {
    struct bpf_object *object;
    int maps[FABRIC_MAPS], programs[FABRIC_PROGRAMS];
    char name[40];
    int netns;    /* the fabric's */
    int services; /* the namespace where they listen */
    int netlink;  /* a route socket in it */
    uint32_t sessions, swept;
    struct fab_meter *meters; /* of all interfaces, as the programs see them */
    struct fab_flood *floods; /* the same */
    int guard;                /* the link of edge_xdp while an address is flooded; or -1 */
    uint8_t *rules_used;      /* per block */
    uint32_t rules_next;
};

/* The compiled programs, embedded by the build. */
extern const unsigned char fabric_program[];
extern const size_t fabric_program_size;

MUST_CHECK int fabric_get(struct fabric *fabric, enum FABRIC_MAP map, const void *key, void *value);
MUST_CHECK int fabric_set(struct fabric *fabric, enum FABRIC_MAP map, const void *key,
                          const void *value);
/* 0 also when it is not there. */
MUST_CHECK int fabric_unset(struct fabric *fabric, enum FABRIC_MAP map, const void *key);

/* Unsets what goes() says of, which is given the user's pointer, a key and its value. */
typedef bool (*fabric_goes)(void *user, const void *key, const void *value);
MUST_CHECK int fabric_clear(struct fabric *fabric, enum FABRIC_MAP map, fabric_goes goes,
                            void *user);

struct visit;
/* guard.c: attaches edge_xdp when an address is flooded, takes it away when none is any more. */
MUST_CHECK int fabric_guard(struct fabric *fabric);
/* To be run in a namespace: what edge_xdp sends back needs GRO at the device `path`. */
MUST_CHECK int fabric_receive_in_groups(struct visit *visit);

/* NULL when there is no such number. */
struct fab_meter *fabric_meter(struct fabric *fabric, uint32_t number);

/* publish6.c: addresses of IPv6 that the interface has; of NULL: none any more. */
MUST_CHECK int fabric_put_addresses6(struct fabric *fabric, uint32_t number,
                                     const struct fabric_interface *interface);

/* Whose ranges are in use, after a start. */
MUST_CHECK int fabric_rules_find(struct fabric *fabric);
MUST_CHECK int fabric_rules_put(struct fabric *fabric, struct fabric_rules rules,
                                struct fab_list *ret);
void fabric_rules_free(struct fabric *fabric, struct fab_list list);

/* What must run inside a namespace runs on a thread that is made for it and ends. */
struct visit {
    int netns; /* negative: a new one, kept at `path` */
    const char *path;
    int (*run)(struct visit *visit);
    int program, index; /* what it is about */
    uint32_t addresses[2];
    struct fab_ip6 address6;
    int result;
};
MUST_CHECK int fabric_visit(struct visit *visit);
/* To be run there: puts the device `path` up; gives the device `path` an address and a mask. */
MUST_CHECK int fabric_put_up(struct visit *visit);
MUST_CHECK int fabric_set_address(struct visit *visit);
/* Opens /run/netns/NAME, which is made if need be, as *ret. */
MUST_CHECK int fabric_namespace_get(const char *name, int *ret);
/* The veth of FAB_EDGE, FAB_SERVICE or an interface, and its program; the device's index. */
struct veth;
MUST_CHECK int fabric_veth(struct fabric *fabric, uint32_t number, struct veth veth);
MUST_CHECK int fabric_veth_index(struct fabric *fabric, uint32_t number);
/* The namespace where services listen, and its veth. */
MUST_CHECK int fabric_services_open(struct fabric *fabric);
void fabric_services_name(const char *fabric, char ret[48]);

/* Makes or opens /run/netns/NAME and a route socket in it; new links of plugged devices run the
 * programs that are loaded now. */
MUST_CHECK int fabric_namespace_open(struct fabric *fabric);
MUST_CHECK int fabric_links_renew(struct fabric *fabric);
