// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Which service and which operation a request is for: from X-Amz-Target, the SigV4 scope, the Host
 * name, the path and the Action parameter. The table is made once at start and only read after: any
 * thread.
 */
#include "base/arena.h"
#include "base/header.h"
#include "wire/codec.h"

struct routes;

struct routes *routes_new(const struct service *const *services, size_t count);
void routes_free(struct routes *routes);
/* The services it was made from, for metrics and coverage. */
const struct service *const *routes_services(const struct routes *routes, size_t *ret_count);

#define ROUTE_MAX_LABELS 8

/* In: what the request says. */
struct route_request {
    struct span method, path, query; /* raw; query absent when there is none */
    struct span host;                /* with or without port */
    struct span scope_service;       /* of the SigV4 scope, or absent */
    struct headers headers;
};

/* Out. */
struct route {
    const struct service *service;     /* never NULL after route_service */
    const struct operation *operation; /* NULL: unknown */
    uint8_t protocol;                  /* PROTOCOL */
    struct span host_region;           /* when the Host name has one */
    struct span operation_name;        /* as asked for, for messages; may be absent */
    struct span path;                  /* with the bucket of the Host name in front */
    struct wire_label labels[ROUTE_MAX_LABELS];
    size_t label_count;
    bool action_in_body; /* query protocols: route_action must follow once the body is there */
    bool guessed;        /* nothing but an Action said which service */
    bool bad_uri;        /* a label cannot be decoded */
    bool form;           /* a form that uploads a file: its fields say the rest */
    bool no_query;       /* the operation does not read the query */
};

/* Fills service, protocol, region, and the operation unless action_in_body. */
void route_find(const struct routes *routes, struct arena *arena,
                const struct route_request *request, struct route *route);
/* Query protocols: the operation that Action and Version of this form name. */
void route_action(const struct routes *routes, struct arena *arena, struct span form,
                  struct route *route);
/* By its name; NULL when the model has none. */
const struct operation *operation_named(const struct service *service, struct span name);
