// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The common part of every Describe of a resource: ids, filters, pages. What is told, and what may
 * be filtered, is said by the kind (resource.h). Control thread.
 */
#include "services/ec2/resource.h"

struct describe_asked {
    const struct span *ids;
    size_t id_count;
    struct ec2_filter_list filters;
    int32_t max_results; /* 0: all */
    struct span next_token;
};

/* From the input of an operation whose members have the usual names. */
#define DESCRIBE_ASKED(in, wanted)                                                                 \
    {                                                                                              \
        .ids = (in)->wanted.at, .id_count = (in)->wanted.count, .filters = (in)->filters,          \
        .max_results = (in)->max_results, .next_token = (in)->next_token                           \
    }

/* `at`: structures as the kind shows them, never NULL. */
struct describe_found {
    void *at;
    size_t count;
    struct span next_token; /* absent on the last page */
};

RESULT describe(struct call *c, const struct resource_kind *kind,
                const struct describe_asked *asked, struct describe_found *found);

/* The id in a token that describe_token made for that type; absent stays absent. */
RESULT describe_read_token(struct call *c, const char *type, struct span token, struct span *ret);
struct span describe_token(struct call *c, const char *type, struct span id);
