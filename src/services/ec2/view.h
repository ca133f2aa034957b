// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the fabric holds and counts of NAT gateways, for the program's own pages. The fabric's
 * thread knows, so the answer comes later.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "loop/loop.h"
#include "services/cloud.h"

enum EC2_VIEW {
    /* Of `gateway`, a line each: protocol, inside, outside, target (address:port), state, ms idle,
     * packets and bytes out, packets and bytes back. */
    EC2_VIEW_TRANSLATIONS,
    /* Of all, as CloudWatch calls them, in Prometheus' form. */
    EC2_VIEW_COUNTERS,
};

struct ec2_view {
    enum EC2_VIEW what;
    struct span gateway;
    struct buf *out;
    struct arena *arena;
    struct cloud *cloud;
    struct loop *home;
    void (*shown)(struct ec2_view *view); /* on `home` */
    int error;                            /* -ENOENT: there is no such gateway */

    struct mail mail; /* private, as what follows */
    struct stored_number_taken *gateways;
    size_t count;
};

/* From now until `shown` the view and what it points to are not the caller's. */
void ec2_view(struct ec2_view *view);
