// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The gate: from a parsed HTTP request to a handler and back. One `struct gate` per loop; what they
 * share is read-only or has its own rules. docs/ARCHITECTURE.md tells the path in ten steps.
 */
#include "auth/identity.h"
#include "gate/route.h"
#include "http/server.h"
#include "loop/workers.h"
#include "services/cloud.h"

struct gate;

/* Fixed at start. */
struct gate_config {
    const struct routes *routes;
    struct cloud *cloud;
    struct loop *control;             /* the control thread's loop */
    struct auth_cache *control_cache; /* used on the control thread only */
    struct span default_account, default_region;
    const struct span *cors_origins; /* allowed besides localhost; "*" allows all */
    size_t cors_origin_count;
    bool test_clock;  /* POST /_kintoun/clock is there */
    bool data_events; /* data-plane calls are audited too */
};

struct gate *gate_new(const struct gate_config *config, struct loop *loop);
void gate_free(struct gate *gate);
/* What the HTTP server of this loop calls. */
struct http_handler *gate_handler(struct gate *gate);
/* What a server calls whose connections come out of VPCs (ec2_find_way). */
struct http_handler *gate_inside_handler(struct gate *gate);
/* Tells every gate about all of them, so that /metrics adds them up. Once, before serving. */
void gate_share(struct gate *const *gates, size_t count);
