// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the decision core keeps and what it is told, as it stands in maps: shared by the BPF
 * programs, the host build and whoever fills the maps. Addresses and ports of packets are in
 * network order, everything else is the machine's. Numbers are indexes into the array maps; 0 is
 * nobody, and as an interface it is the edge. Compiles freestanding.
 */
#include <stdint.h>

#define FAB_EDGE 0u
#define FAB_SERVICE 0xffffffu /* the end behind which services listen */
#define FAB_NOWHERE UINT32_MAX
/* Moves whenever what maps hold is read otherwise than before. */
#define FAB_LAYOUT 5
/* The fabric's ends have device indexes of our choice, so that an array tells whose a frame is: the
 * first one is interface 0's, which there is not. */
#define FAB_DEVICE_OF_EDGE 2u
#define FAB_DEVICE_OF_SERVICE 3u
#define FAB_DEVICE_FIRST 16u
#define FAB_ANY_PROTOCOL 0
/* Addresses behind the service end (RFC 6598), host order: 100.64/11 are the interfaces that call,
 * by their numbers, and 100.96/11 the services, by theirs. */
#define FAB_CALLERS 0x64400000u
#define FAB_CALLED 0x64600000u
#define FAB_CALLED_BITS 0x1fffffu
#define FAB_SERVICE_HOST 0x645ffffeu   /* of the service end itself, and */
#define FAB_SERVICE_ROUTER 0x645ffffdu /* where its callers are */
#define FAB_PUBLICS_MAX 8              /* of a gateway: one primary and seven secondary addresses */

enum FAB_PROTOCOL { FAB_ICMP = 1, FAB_TCP = 6, FAB_UDP = 17, FAB_ICMP6 = 58 };
enum FAB_TCP_FLAG { FAB_TCP_FIN = 1, FAB_TCP_SYN = 2, FAB_TCP_RST = 4, FAB_TCP_ACK = 16 };

/* Where a route leads; what `number` is stands behind each. */
enum FAB_ROUTE {
    FAB_ROUTE_BLACKHOLE,
    FAB_ROUTE_LOCAL,     /* the route table's own network */
    FAB_ROUTE_INTERNET,  /* by a public address of the sender */
    FAB_ROUTE_GATEWAY,   /* a translating gateway */
    FAB_ROUTE_INTERFACE, /* an interface that forwards */
    FAB_ROUTE_PEER,      /* another network, for its own addresses only */
    FAB_ROUTE_SERVICE,   /* a service, whatever the address */
    FAB_ROUTE_EGRESS,    /* of IPv6: by an internet gateway that lets only answers in */
};

enum FAB_ACTION { FAB_DROP, FAB_FORWARD, FAB_RESET, FAB_ARP_REPLY, FAB_TELL_MTU, FAB_CHALLENGE };

/* Why a packet was dropped: each has its counter. */
enum FAB_REASON {
    FAB_PASSED,
    FAB_MALFORMED,   /* not Ethernet with IP or ARP, cut off, lengths that contradict */
    FAB_UNSUPPORTED, /* IP options, routing headers, ICMP other than echo and errors; fragments of
                        anything but UDP through a gateway */
    FAB_SPOOFED,     /* a sender that is not the interface's */
    FAB_UNPLUGGED,   /* the interface is not there */
    FAB_GROUP_OUT,   /* the sender's stateful rules */
    FAB_GROUP_IN,    /* the receiver's */
    FAB_LIST_OUT,    /* the stateless list of the subnet that is left */
    FAB_LIST_IN,     /* of the subnet that is entered */
    FAB_NO_ROUTE,
    FAB_BLACKHOLE,
    FAB_NO_TARGET, /* nobody has this address */
    FAB_NO_PUBLIC, /* to the internet without a public address, or no internet gateway */
    FAB_NO_FLOW,   /* from outside, to a gateway, without a flow; an ICMP error about nothing */
    FAB_NO_PORT,   /* the gateway's ports towards this destination are used up */
    FAB_FULL,      /* the flow table is */
    FAB_RACED,     /* another packet of the same flow was first, or a flow is being removed */
    FAB_EXPIRED,   /* of a flow through a gateway that was idle too long */
    FAB_TOO_BIG,   /* for the internet, and must not be fragmented: the sender is told */
    FAB_NO_FIRST,  /* a fragment that came before its first one */
    FAB_LIMITED,   /* beyond the bandwidth of an interface */
    FAB_QUOTA,     /* beyond the number of flows of an interface */
    FAB_FLOODED,   /* to an address under a flood, by somebody who has not shown where he is */
    FAB_REASONS
};

/* The tuple as the packet carries it when it comes in. ICMP echo: the id is the port of whoever
 * asks, the other port is 0. */
struct fab_key {
    uint32_t source, target;
    uint16_t source_port, target_port;
    uint32_t at; /* interface << 8 | protocol */
};

/* An address of IPv6, in network order. Those of a network are nobody else's, so that nothing is
 * ever translated: a flow leaves with the tuple that it came with. */
struct fab_ip6 {
    uint32_t word[4];
};
struct fab_key6 {
    struct fab_ip6 source, target;
    uint16_t source_port, target_port;
    uint32_t at;
};

enum FAB_SIDE { FAB_ASKS, FAB_ANSWERS };

/* Whose a tuple is. */
struct fab_claim {
    uint32_t session, side;
};

/* One direction of a session: the tuple it comes with, the one it leaves with and where. A cache
 * line that has all that most packets need, and that processors which see one direction each do not
 * take from each other. */
struct fab_flow {
    struct fab_key key;
    uint32_t source, target;
    uint16_t source_port, target_port;
    uint32_t to;         /* interface */
    uint32_t generation; /* under which the rules were last asked; 0: never */
    uint16_t network;    /* whose generation counts */
    uint16_t gateway;    /* the session's, or 0 */
    uint16_t mtu;        /* of the way; 0: any size passes */
    uint16_t reserved;
    uint32_t slice; /* of time, in which the session was last looked at */
    uint64_t packets, bytes;
};

/* The same of IPv6. */
struct fab_flow6 {
    uint32_t to, session, network, generation, side;
};

/* The claims on all tuples of one hash, a cache line: each the number of a session from 1 on, the
 * side in the lowest bit, and more of the tuple's hash on top; 0: none. The tuple itself stands in
 * the session. */
#define FAB_LINE_BITS 16
#define FAB_LINES (1u << FAB_LINE_BITS)
#define FAB_LINE_CLAIMS 16
#define FAB_CLAIM_BITS 20
#define FAB_SESSIONS_MAX ((1u << (FAB_CLAIM_BITS - 1)) - 1)
struct fab_line {
    uint32_t at[FAB_LINE_CLAIMS];
};

enum FAB_SESSION_STATE { FAB_FREE, FAB_LIVE, FAB_DEAD };
enum FAB_SESSION_SEEN {
    FAB_SEEN_ANSWER = 1,
    FAB_SEEN_FIN_ASKS = 2, /* << side */
    FAB_SEEN_FIN_ANSWERS = 4,
    FAB_SEEN_RST = 8,
};
/* Flows allowed by rules that are open to everybody both ways are not tracked: they end with the
 * rule ("Security group connection tracking", untracked connections). */
enum FAB_TRACKED { FAB_TRACKED_ASKS = 1, FAB_TRACKED_ANSWERS = 2 };

/* What both directions share is the first cache line of 64 bytes, which packets seldom change. */
struct fab_session {
    uint64_t last_ns;
    uint32_t state;   /* enum FAB_SESSION_STATE */
    uint32_t gateway; /* or 0 */
    uint32_t idle_s;  /* once an answer was seen */
    uint16_t start_s, closed_s;
    uint8_t seen, tracked;
    uint8_t six;     /* 1: of IPv6 */
    uint8_t egress;  /* 1: begun through an egress-only gateway */
    uint16_t mtu;    /* of its flows */
    uint8_t clamped; /* 1: TCP's segments are kept to FAB_NARROW_MTU */
    uint8_t reserved;
    uint32_t from, to; /* interfaces, whose numbers of flows it is in */
    uint64_t begun_ns, reserved_2[2];
    union {
        struct fab_flow flows[2]; /* by side; of IPv6 only the counts */
        struct fab_key6 asks6;    /* its answers' key is the same turned round */
    };
};
_Static_assert(sizeof(struct fab_session) == 192, "whole cache lines");
_Static_assert(sizeof(struct fab_key6) <= __builtin_offsetof(struct fab_flow, slice), "apart");

/* A network and the number that every change of its rules and routes moves. */
struct fab_network {
    uint32_t generation; /* from 1 */
    uint32_t internet;   /* 1: an internet gateway is attached */
    uint32_t egress;     /* 1: an egress-only one is */
    uint32_t reserved;
};

/* `first` of the array of rules on, `count` of them: written in one store. */
struct fab_list {
    uint32_t first, count;
};

/* The first that matches decides; none: deny. For ICMP `low` is the type and `high` the code, or
 * FAB_ANY_ICMP. */
#define FAB_ANY_ICMP 0xffff
struct fab_rule {
    uint32_t address, mask; /* of the other side */
    uint16_t low, high;     /* destination port, host order */
    uint8_t protocol, allow;
    uint16_t reserved;
    uint32_t more[3], more_mask[3]; /* the rest of an address of IPv6 */
};

/* What is shut for a subnet although its network has the gateway. */
enum FAB_SHUT {
    FAB_SHUT_DIRECT = 1, /* the internet gateway, for the subnet's own public addresses */
    FAB_SHUT_BEHIND = 2, /* translating gateways in it, and the egress-only one */
};

struct fab_subnet {
    uint32_t network;
    uint32_t address, mask;
    uint32_t routes; /* route table */
    struct fab_list list_out, list_in;
    struct fab_list list6_out, list6_in; /* of IPv6; both have the order of one */
    struct fab_ip6 address6;             /* of its /64; 0: none */
    uint32_t shut;                       /* enum FAB_SHUT bits */
};

struct fab_interface {
    uint32_t ifindex; /* of the fabric's end; 0: not there */
    uint32_t network, subnet;
    uint32_t forwards; /* 1: source and destination are not checked */
    uint8_t mac[6];
    uint16_t reserved;
    uint32_t tcp_idle_s, udp_stream_idle_s, udp_idle_s; /* of flows that it begins or gets */
    uint32_t watched;                                   /* enum FAB_WATCHED bits */
    uint32_t service; /* that listens behind it, in place of a device; or 0 */
    uint32_t reserved_2;
    /* Written in one store each: they stand at multiples of eight. */
    struct fab_list group_out, group_in;
    struct fab_list group6_out, group6_in;
};

/* What costs something per packet, and so is done only where it is asked for. */
enum FAB_WATCHED { FAB_RECORDED = 1, FAB_METERED = 2 };
enum FAB_DIRECTION { FAB_OUT, FAB_IN };

/* An interface's allowances. A bucket is kept as the time at which it is full again, so that one
 * atomic addition takes from it. The second pair is what may be had for long: its bucket is as deep
 * as what was saved while less was used. */
struct fab_meter {
    uint64_t bytes_per_s[2], full_ns[2];               /* by direction; 0: no limit */
    uint64_t base_per_s[2], base_full_ns[2], saved_ns; /* of both directions; 0: no limit */
    int32_t flows;
    uint32_t flows_max;  /* 0: no limit */
    uint64_t unrecorded; /* packets that found no room in fab_records */
};

/* One direction of a flow as an interface saw it, since the records were read last. */
struct fab_record_key {
    struct fab_key flow; /* without ports where there are none */
    uint8_t direction, rejected, phase, reserved;
};
struct fab_record {
    uint64_t packets, bytes, first_ns, last_ns;
    uint32_t tcp_flags, reserved; /* FIN, SYN, RST, and ACK where it came with SYN */
};

struct fab_record_key6 {
    struct fab_key6 flow;
    uint8_t direction, rejected, phase, reserved;
};

/* The first fragment tells the others' ports. */
struct fab_fragment_key {
    uint32_t source, target;
    uint32_t at; /* as in struct fab_key */
    uint16_t id, reserved;
};
struct fab_fragment_key6 {
    struct fab_ip6 source, target;
    uint32_t at, id;
};
struct fab_fragment {
    uint64_t seen_ns;
    uint16_t source_port, target_port;
    uint8_t icmp_type, icmp_code, reserved[2];
};

/* Who has a private address. */
struct fab_place_key {
    uint32_t network, address;
};
struct fab_place {
    uint32_t interface;
    uint32_t public_address; /* that stands for it outside; 0: none */
    uint32_t gateway;        /* instead of an interface: one for ways within */
};

/* Connections begun towards public addresses from outside, by the address's hash: two may share a
 * counter. */
#define FAB_FLOODS 4096
struct fab_flood {
    uint64_t until_ns; /* who begins has to show where he is */
    uint32_t second, begun;
};

/* Who has an address of IPv6, in whichever network. */
struct fab_place6 {
    uint32_t interface;
};

/* Who has a public address. Either `interface` or `gateway` is set. */
struct fab_public {
    uint32_t interface, gateway;
    uint32_t address; /* the private one */
};

/* Where a service is found beside every route, group and list; network 0: in all, link-local. */
struct fab_service_key {
    uint32_t network, address;
    uint16_t port;
    uint8_t protocol, reserved;
};

struct fab_route_key {
    uint32_t prefix_len; /* 32 + bits of the prefix */
    uint32_t table;
    uint32_t address;
};
struct fab_route_key6 {
    uint32_t prefix_len; /* 32 + bits of the prefix */
    uint32_t table;
    struct fab_ip6 address;
};
struct fab_route {
    uint32_t kind, number;
};

struct fab_gateway {
    uint32_t subnet;
    uint32_t address; /* private */
    uint32_t publics[FAB_PUBLICS_MAX];
    uint32_t count;     /* of publics; 0: no such gateway */
    uint32_t within;    /* 1: its publics are private ones, for ways that stay inside */
    uint32_t ports_max; /* towards one destination, per public address */
    uint32_t port_first, port_count;
    uint32_t idle_s, closed_s; /* closed_s: how long the port of a closed connection is held */
};

/* Ports in use towards one destination. */
struct fab_target_key {
    uint32_t public_address, target;
    uint16_t target_port;
    uint8_t protocol, reserved;
};

/* By processor in the map; their sum is what counts. A connection is one of TCP. */
struct fab_gateway_count {
    uint64_t attempts, established, port_errors, idle_timeouts;
    int64_t active, others;        /* translations that live: of TCP, and the rest */
    uint64_t packets[2], bytes[2]; /* that passed, by enum FAB_SIDE of who sent them */
    uint64_t dropped;
};

struct fab_settings {
    uint64_t clock_offset_ns; /* tests move the clock */
    uint64_t seed;            /* of ports, so that a test can repeat them; 0: the kernel's */
    uint32_t edge_ifindex;
    uint32_t edge_mtu;   /* 0: no limit */
    uint32_t phase;      /* of records: those of the other one are being read */
    uint8_t edge_mac[6]; /* of the far end of the edge */
    uint8_t mac[6];      /* of every end inside the fabric */
    uint32_t service_ifindex;
    uint8_t service_mac[6]; /* of the far end */
    uint16_t layout;        /* FAB_LAYOUT of who made the maps */
    uint32_t flood_begins;  /* connections a second towards one address that are no flood; 0: any */
    uint64_t secret;        /* of cookies */
};

/* Slots first … of fab_sessions are looked at; `ended` counts. */
struct fab_sweep {
    uint64_t now_ns;
    uint32_t first, count, ended;
};

/* The packet as far as decisions need it. */
struct fab_packet {
    uint32_t source, target;
    uint16_t source_port, target_port;
    uint8_t protocol, tcp_flags, icmp_type, icmp_code;
    uint8_t kind; /* enum FAB_KIND */
    uint8_t inner_protocol;
    uint16_t inner_source_port, inner_target_port;
    uint32_t inner_source, inner_target; /* of the packet that an ICMP error is about */
    uint32_t length;                     /* of the IP packet */
    uint16_t id;                         /* of its fragments */
    uint8_t fragment;                    /* enum FAB_FRAGMENT */
    uint8_t fixed;                       /* 1: it must not be fragmented */
    uint16_t headers;                    /* of IP and what it carries */
    uint16_t segment;                    /* payload of each packet on the wire, if it is several */
    uint32_t pieces;                     /* packets on the wire */
    uint32_t sequence;                   /* of TCP, host order */
};
enum FAB_FRAGMENT { FAB_WHOLE, FAB_FIRST, FAB_LATER };
enum FAB_KIND { FAB_KIND_PLAIN, FAB_KIND_ERROR, FAB_KIND_ARP };

/* The same of IPv6: what addresses are not concerned in is in `p`. */
struct fab_packet6 {
    struct fab_packet p;
    struct fab_ip6 source, target; /* for a neighbour's question `target` is whom it asks for */
    struct fab_ip6 about;          /* where the packet went that an ICMP error quotes */
    uint32_t id;                   /* of its fragments */
};

/* What to do, and with which tuple it leaves. For an ICMP error the tuple is that which the quoted
 * packet gets, and `outer_source` the sender. */
struct fab_verdict {
    uint8_t action;  /* enum FAB_ACTION */
    uint8_t clamped; /* 1: a SYN, and TCP's segments must fit FAB_NARROW_MTU */
    uint16_t size;   /* of FAB_TELL_MTU: what would pass */
    uint32_t reason; /* enum FAB_REASON */
    uint32_t to;
    uint32_t source, target, outer_source; /* of FAB_CHALLENGE `source` is the cookie */
    uint16_t source_port, target_port;
};
