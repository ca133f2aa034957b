// SPDX-License-Identifier: Apache-2.0
#pragma once
/* VPC peering connections, between accounts and regions too. Control thread. */
#include "services/ec2/resource.h"

enum PEERING_STATE {
    PEERING_INITIATING = 1,
    PEERING_PENDING,
    PEERING_PROVISIONING,
    PEERING_ACTIVE,
    PEERING_DELETING,
    /* Those that have ended. */
    PEERING_DELETED,
    PEERING_REJECTED,
    PEERING_EXPIRED,
    PEERING_FAILED,
};

extern const struct resource_kind peering_kind;

/* One side of a connection. */
struct peering_peer {
    struct span account, region, vpc;
    struct span peering; /* the connection */
    bool names;          /* its public names are private addresses to the other side */
};
struct peering_peers {
    struct peering_peer *at;
    size_t count;
};
/* The other sides of the VPC's active connections. */
RESULT peering_peers(struct call *c, struct span vpc, struct peering_peers *ret);
/* The side that this VPC is not. */
struct peering_peer peering_peer_of(const struct stored_peering *peering, struct span vpc);
/* Whether one of the sides is this VPC. */
bool peering_is_of(const struct stored_peering *peering, struct span vpc);
/* The call as that side would make it. */
struct call peering_call(const struct call *c, const struct peering_peer *side);
/* "active"; "deleted" for one that is not there any more. */
struct span peering_status(struct call *c, struct span id);

/* Whether the VPC has one that has not ended. */
RESULT peering_any(struct call *c, struct span vpc, bool *ret);
