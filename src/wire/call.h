// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One API call from its head to its reply. The gate makes it, the handler reads it; everything in
 * it lives in `arena` until the reply has been written. Not shared: one thread has it at a time.
 */
#include "base/arena.h"
#include "base/header.h"
#include "wire/body.h"
#include "wire/shape.h"

struct txn;             /* store/txn.h */
struct identity;        /* auth/identity.h */
struct cloud;           /* services/cloud.h */
struct condition_value; /* auth/condition.h */
struct feed;            /* wire/feed.h */
struct policy;          /* auth/policy.h */
struct loop;            /* loop/loop.h */

/* How the caller showed who it is; the values of the condition keys of S3 speak of it. */
enum SIGNED_BY { SIGNED_BY_NOBODY, SIGNED_BY_HEADER, SIGNED_BY_QUERY, SIGNED_BY_FORM };

struct call_signature {
    enum SIGNED_BY by;
    uint8_t version;    /* 2 or 4; 0 when not signed */
    struct span region; /* of the scope; absent when there is none */
    int64_t time_ms;    /* when it was made; version 4 */
};

/* The VPC endpoint by which a request came; source_ip is then an address of the VPC. */
struct call_endpoint {
    struct span id, vpc;         /* vpce-…, vpc-… */
    const struct policy *policy; /* which every request through it must pass */
};

struct call {
    struct arena *arena;
    int64_t now_ms; /* one instant for the whole call */
    struct span request_id;
    struct span account; /* 12 digits: of the caller */
    struct call_signature signature;
    struct span region;
    struct span source_ip, user_agent, host, method;
    const struct call_endpoint *endpoint; /* NULL: it came by the network of the machine */
    struct span target;                   /* of the request line */
    uint16_t tls;                         /* its version: 0x0303 is 1.2; 0 in the clear */
    const struct service *service;
    const struct operation *operation;
    uint8_t protocol; /* PROTOCOL the request came in */
    struct headers request_headers;
    const struct identity *caller; /* NULL = anonymous */
    struct txn *txn;               /* open for every handler; committed on OK of a write */
    struct cloud *cloud;
    struct headers extra_headers; /* reply headers that are not in the model; see call_add_header */
    uint16_t status;            /* 0, or the handler's own HTTP status where the API has several */
    struct span audit_resource; /* ARN for the audit record, or absent */
    struct span asked_resource; /* ARN of the permission that is being asked for */
    struct span reached_by;     /* ARN of what the resource was named by, or absent */
    void *note;                 /* from a service's hooks and handlers to its `replied`, or NULL */
    struct condition_value *conditions; /* the request's condition keys beyond the global ones */
    struct loop *loop;                  /* of the exchange */
    struct feed *feed;                  /* set by a handler whose output goes on, else NULL */
    const void *condition_input; /* decoded input that they are still to be made of, or NULL */
    /* Of a handler that has nothing to tell yet; on clock_steady_ms. 0: none. See call_again. */
    int64_t again_ms, patience_ms;
};

/* prefix + hex digits, e.g. id_new(c, "vol-", 17). */
struct span id_new(struct call *c, const char *prefix, int digits);
void call_add_header(struct call *c, struct span name, struct span value);
/* The handler, which then says OK, is run again after `pause_ms`, in another transaction; what it
 * did is taken back. Until `most_ms` have passed since it said so first: then its output holds. Not
 * for THREAD_LOOP. */
void call_again(struct call *c, int64_t most_ms, int64_t pause_ms);
