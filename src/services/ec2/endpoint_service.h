// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The services of this program that VPC endpoints lead to, as AWS names them for that. Pure, any
 * thread, but for the calls.
 */
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

enum ENDPOINT_TYPE { ENDPOINT_GATEWAY = 1, ENDPOINT_INTERFACE = 2 };

struct endpoint_service {
    struct span label;  /* com.amazonaws.REGION.LABEL */
    struct span serves; /* the service's name in this program */
    struct span host;   /* HOST.REGION.amazonaws.com, its name for everybody */
    uint8_t types;      /* enum ENDPOINT_TYPE, or'ed */
    bool private_dns;   /* an interface endpoint may take over that name */
    bool wild;          /* names of buckets stand before it */
};

/* By "com.amazonaws.us-east-1.s3", of that region; NULL when there is none. */
const struct endpoint_service *endpoint_service_named(struct span region, struct span name);
/* The whole table. */
const struct endpoint_service *endpoint_service_all(size_t *ret_count);
/* s3.us-east-1.amazonaws.com */
struct span endpoint_service_host(struct arena *arena, struct span region,
                                  const struct endpoint_service *service);
struct span endpoint_service_type_text(enum ENDPOINT_TYPE type);
