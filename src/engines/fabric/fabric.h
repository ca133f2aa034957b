// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The fabric: networks of interfaces with rules, routes and address translation, in the kernel. The
 * caller numbers networks, subnets, route tables, interfaces and gateways (from 1, below the sizes
 * in bpf/sizes.h) and publishes each as a whole; publishing again is harmless, so after a start it
 * simply publishes everything. What is published counts for the very next packet once
 * fabric_changed was called for the network.
 *
 * Maps and programs are pinned under /sys/fs/bpf/NAME and the fabric's network namespace under
 * /run/netns/NAME: packets move while no process has the fabric open, and opening it again takes
 * over without losing a flow. One thread at a time; every call may block for some milliseconds, so
 * not on a loop. Needs root; addresses are in network order; errors are negative errnos.
 */
#include "base/span.h"
#include "engines/fabric/decide/types.h"

struct fabric;

struct fabric_options {
    const char *name;  /* a path component of at most 32 letters */
    uint32_t sessions; /* at once; 0: FAB_SESSIONS */
};

/* -ENOSYS when this build has no programs, -ESTALE when another version's fabric is there, which
 * only fabric_remove ends. `ret_why` says what failed, for people. */
MUST_CHECK int fabric_open(struct fabric **ret, const struct fabric_options *options,
                           const char **ret_why);
/* The data plane goes on. Accepts NULL. */
void fabric_close(struct fabric *fabric);
/* Ends the data plane: pins, namespace and with it every plugged veth. Nobody may have it open. */
MUST_CHECK int fabric_remove(const char *name);
/* 0 when programs of this build load into this kernel. */
MUST_CHECK int fabric_check(const char **ret_why);

struct fabric_rules {
    const struct fab_rule *at;
    size_t count;
};

struct fabric_subnet {
    uint32_t network, address, mask, routes;
    struct fabric_rules out, in; /* stateless, in order */
    struct fab_ip6 address6;     /* of its /64; 0: none */
    struct fabric_rules out6, in6;
    uint32_t shut; /* enum FAB_SHUT, or'ed */
};

struct fabric_address {
    uint32_t address, public_address; /* public: 0 for none */
};

struct fabric_interface {
    uint32_t network, subnet;
    uint8_t mac[6];
    bool forwards;    /* source and destination are not checked */
    uint32_t service; /* 0, or the service that listens behind it instead of a device */
    const struct fabric_address *addresses;
    size_t address_count;
    struct fabric_rules out, in;      /* of its groups; only rules that allow */
    const struct fab_ip6 *addresses6; /* nobody else in the fabric has them */
    size_t address6_count;
    struct fabric_rules out6, in6;
    uint32_t tcp_idle_s, udp_stream_idle_s, udp_idle_s; /* 0: 432000, 180, 30 */
};

struct fabric_route {
    uint32_t address, bits;
    enum FAB_ROUTE kind;
    uint32_t number;
};

struct fabric_route6 {
    struct fab_ip6 address;
    uint32_t bits;
    enum FAB_ROUTE kind; /* no gateway translates */
    uint32_t number;
};

struct fabric_gateway {
    uint32_t network, subnet, address;
    bool within; /* `publics` are private addresses of its network, for ways that stay inside */
    uint32_t publics[FAB_PUBLICS_MAX];
    uint32_t count;
    uint32_t ports_max;        /* per destination and public address; 0: 55,000 */
    uint32_t idle_s, closed_s; /* 0: 350, 60 */
};

/* Gateways of a network, or'ed: the second is for IPv6 and lets only answers in. */
enum FABRIC_INTERNET { FABRIC_ALONE, FABRIC_INTERNET, FABRIC_EGRESS };
MUST_CHECK int fabric_put_network(struct fabric *fabric, uint32_t number, uint32_t internet);
MUST_CHECK int fabric_put_subnet(struct fabric *fabric, uint32_t number,
                                 const struct fabric_subnet *subnet);
MUST_CHECK int fabric_put_interface(struct fabric *fabric, uint32_t number,
                                    const struct fabric_interface *interface);
MUST_CHECK int fabric_put_routes(struct fabric *fabric, uint32_t table,
                                 const struct fabric_route *routes, size_t count);
MUST_CHECK int fabric_put_routes6(struct fabric *fabric, uint32_t table,
                                  const struct fabric_route6 *routes, size_t count);
MUST_CHECK int fabric_put_gateway(struct fabric *fabric, uint32_t number,
                                  const struct fabric_gateway *gateway);
/* Their addresses go too. Nothing happens when there is none. */
MUST_CHECK int fabric_drop_interface(struct fabric *fabric, uint32_t number);
MUST_CHECK int fabric_drop_gateway(struct fabric *fabric, uint32_t number);
/* From now on every flow of the network asks the rules again. */
MUST_CHECK int fabric_changed(struct fabric *fabric, uint32_t network);

/* Gives a network namespace a device `name` with the interface's MAC, up but without an address;
 * its other end is the fabric's. */
MUST_CHECK int fabric_plug(struct fabric *fabric, uint32_t number, int netns, const char *name);
MUST_CHECK int fabric_unplug(struct fabric *fabric, uint32_t number);
/* The same for the outside world, with a MAC of its own. */
MUST_CHECK int fabric_plug_edge(struct fabric *fabric, int netns, const char *name);

int fabric_edge_is_plugged(struct fabric *fabric);
/* Gives the edge's far end an address, there, and with it a route to its net; network order. */
MUST_CHECK int fabric_address_edge(int netns, const char *name, uint32_t address, uint32_t mask);
MUST_CHECK int fabric_address_edge6(int netns, const char *name, const struct fab_ip6 *address,
                                    uint32_t bits);

/*
 * Services: sockets of the caller that interfaces reach. They are opened in a namespace beside the
 * fabric's, where they stay when this process ends; the next one opens them anew. A service is a
 * number (1 … FABRIC_SERVICES_MAX) and has an address there, at which packets for it arrive with
 * the port that they were sent to; nobody listening there refuses a connection. It is reached in
 * three ways: at addresses of its own, which no route, group or list keeps anybody from
 * (fabric_put_services), by a route (FAB_ROUTE_SERVICE), and behind an interface
 * (struct fabric_interface), whose groups and lists count. Who calls is seen as an address that
 * tells the interface, since those of networks may be the same.
 */
#define FABRIC_SERVICES_MAX 0x1ffffeu
/* A socket of a type (SOCK_STREAM, SOCK_DGRAM, with its flags) in that namespace, unbound. Streams
 * may listen at any address of a port, for all services; datagrams at each service's own, since
 * they are answered from there. */
MUST_CHECK int fabric_service_socket(struct fabric *fabric, int type);
/* Where the service is there, and which it is; 0 for other addresses. */
uint32_t fabric_service_address(uint32_t number);
uint32_t fabric_service_number(uint32_t address);
/* The interface that calls from an address, or 0. */
uint32_t fabric_service_caller(uint32_t address);
/* What the caller sees of a connection that the service sees: -ENOENT when there is none (any
 * more). Addresses and ports in network order. May be called by any thread. */
struct fabric_connection {
    uint8_t protocol;
    uint16_t caller_port, service_port;
    uint32_t caller, service;
};
struct fabric_call {
    uint32_t interface, network;
    uint32_t source, target; /* private address of the sender, and whom it called */
    uint16_t source_port, target_port;
};
MUST_CHECK int fabric_service_call(struct fabric *fabric,
                                   const struct fabric_connection *connection,
                                   struct fabric_call *ret);
/* All addresses of services in a network; network 0: link-local ones, in all. */
struct fabric_service {
    uint32_t address; /* network order */
    uint16_t port;    /* host order */
    uint8_t protocol;
    uint32_t number;
};
MUST_CHECK int fabric_put_services(struct fabric *fabric, uint32_t network,
                                   const struct fabric_service *services, size_t count);

/* Ends idle sessions; a slice of all of them per call, to be called every second. */
MUST_CHECK int fabric_sweep(struct fabric *fabric);
/* Packets dropped for a reason since the fabric was made. */
MUST_CHECK int fabric_dropped(struct fabric *fabric, enum FAB_REASON reason, uint64_t *ret);
/* Since the gateway's number was first used. Peaks are the caller's: the difference of two calls.
 */
MUST_CHECK int fabric_gateway_counted(struct fabric *fabric, uint32_t number,
                                      struct fab_gateway_count *ret);

/* An interface's allowances; 0: none. Bytes are those of IP packets; what is beyond them is dropped
 * (FAB_LIMITED, FAB_QUOTA). Dropping the interface takes them back. */
struct fabric_limits {
    uint64_t out_bytes_per_s, in_bytes_per_s;
    /* What may be had for long, each way; 0: as much. What was not used is saved, at most as long
     * as lasts for burst_s seconds at the full rates. */
    uint64_t base_bytes_per_s;
    uint32_t burst_s;
    uint32_t flows;
};
MUST_CHECK int fabric_limit(struct fabric *fabric, uint32_t number,
                            const struct fabric_limits *limits);

/* Records of what an interface's packets did, for logs: each direction of a flow by itself, as the
 * interface saw it. From now on they are made, or are not any more. */
enum FABRIC_RECORDS { FABRIC_UNRECORDED, FABRIC_RECORDED };
MUST_CHECK int fabric_record(struct fabric *fabric, uint32_t number, enum FABRIC_RECORDS records);
struct fabric_record {
    uint32_t interface;
    uint8_t protocol, tcp_flags; /* FIN 1, SYN 2, RST 4, SYN with ACK 18, or'ed */
    bool incoming, rejected;     /* rejected by a group or a list */
    bool six;                    /* of IPv6: its addresses are those with a 6 */
    uint32_t source, target;
    struct fab_ip6 source6, target6;
    uint16_t source_port, target_port; /* network order */
    uint64_t packets, bytes;
    int64_t start_ms, end_ms; /* since the epoch, of the first and the last packet */
};
/* All since the last call, in no order; each packet is in exactly one. Then none is left. */
typedef void (*fabric_each_record)(void *user, const struct fabric_record *record);
MUST_CHECK int fabric_records(struct fabric *fabric, fabric_each_record each, void *user);
/* Packets of the interface that found no room in a record since it was made. */
MUST_CHECK int fabric_unrecorded(struct fabric *fabric, uint32_t number, uint64_t *ret);

/* A gateway's live translation; addresses and ports in network order, for ICMP the id. */
struct fabric_translation {
    uint8_t protocol;
    bool answered, closed; /* closed: only its port is still held */
    uint32_t interface;    /* whose connection it is */
    uint32_t inside, outside, target;
    uint16_t inside_port, outside_port, target_port;
    uint64_t packets[2], bytes[2]; /* out, and back */
    uint32_t idle_ms;
    uint64_t age_ms;
};
typedef void (*fabric_each_translation)(void *user, const struct fabric_translation *translation);
MUST_CHECK int fabric_translations(struct fabric *fabric, uint32_t gateway,
                                   fabric_each_translation each, void *user);

/* What clock_advance has added so far: idle times follow it. */
MUST_CHECK int fabric_set_clock(struct fabric *fabric, int64_t offset_ms);
