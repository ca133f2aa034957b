// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The services of this program that VPC endpoints lead to, as AWS names them for that. Pure, any
 * thread, but for the calls.
 */
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

enum ENDPOINT_TYPE { ENDPOINT_GATEWAY = 1, ENDPOINT_INTERFACE = 2 };

/* A name for everybody, before ".amazonaws.com"; % is the region. Without one it is of us-east-1.
 */
struct endpoint_pattern {
    struct span pattern;
    bool private; /* an interface endpoint with private DNS takes it over */
};
#define ENDPOINT_PATTERNS 6
#define ENDPOINT_GLOBAL_REGION S("us-east-1") /* of what has no region in its name */

struct endpoint_service {
    struct span label;  /* com.amazonaws.REGION.LABEL; where it is global, com.amazonaws.LABEL */
    struct span serves; /* the service's name in this program */
    struct span also;   /* another one behind the same endpoints, or absent */
    struct span host;   /* before REGION.vpce.amazonaws.com */
    uint8_t types;      /* enum ENDPOINT_TYPE, or'ed */
    bool wild;          /* names of buckets stand before those of endpoints */
    bool global;        /* it has endpoints in us-east-1 only */
    struct endpoint_pattern names[ENDPOINT_PATTERNS]; /* the first is the one that is told */
};

/* By "com.amazonaws.us-east-1.s3", of that region; NULL when there is none. */
const struct endpoint_service *endpoint_service_named(struct span region, struct span name);
/* The whole table. */
const struct endpoint_service *endpoint_service_all(size_t *ret_count);
/* s3.us-east-1.amazonaws.com: the first of its names. */
struct span endpoint_service_host(struct arena *arena, struct span region,
                                  const struct endpoint_service *service);
/* An interface endpoint may take over names of the service. */
bool endpoint_service_private(const struct endpoint_service *service);
/* com.amazonaws.us-east-1.s3 */
struct span endpoint_service_name(struct arena *arena, struct span region,
                                  const struct endpoint_service *service);
struct span endpoint_service_type_text(enum ENDPOINT_TYPE type);
