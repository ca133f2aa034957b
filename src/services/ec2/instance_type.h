// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The instance types that are served: those of this machine's architecture that need no CPU credits
 * to be what they say ("Amazon EC2 instance types"). Pure. */
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

struct instance_type {
    struct span name;
    uint16_t vcpus;
    uint32_t memory_mib;
    uint8_t interfaces, addresses; /* at most; addresses per interface */
    uint32_t base_mbit, peak_mbit; /* a second, each way: for long, and for a while */
    const char *network;           /* how fast, in words */
    double ghz;
    bool arm, bursts, free_tier;
};

/* NULL: there is none of that name for this machine. */
const struct instance_type *instance_type_named(struct span name);
/* All of them, the first after NULL; NULL after the last. */
const struct instance_type *instance_type_next(const struct instance_type *after);
/* Of the processor; `code`: as requirements name it. */
struct manufacturer {
    struct span name, code;
};
const struct manufacturer *instance_type_manufacturer(const struct instance_type *type);
/* "x86_64" or "arm64". */
struct span instance_type_architecture(void);
