// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What `kintoun up` was told, by flags and by environment; flags win. Filled once, read-only after.
 */
#include "base/span.h"
#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"

#include <stdint.h>

#define OPTIONS_MAX_ORIGINS 16
#define OPTIONS_MAX_LOOPS 64

struct options {
    const char *data_dir;
    struct span address;
    uint16_t port;
    int loops;
    bool tls, test_clock, data_events, open_auth, unlimited, verbose, plain_at_rest;
    int64_t extra_sync_us;
    struct span account, region;
    struct cidr public_pool;
    struct cidr6 public_pool6;
    const char *edge; /* or NULL */
    const char *resolv_conf;
    bool fabric_off;
    struct span root_access_key, root_secret;
    bool default_root_key; /* nobody chose one */
    struct span cors_origins[OPTIONS_MAX_ORIGINS];
    size_t cors_origin_count;
};

/* 0, or -EINVAL after saying on standard error what is wrong. */
MUST_CHECK int options_read(struct options *options, int argc, char **argv);
bool options_is_loopback(struct span address);
extern const char options_help[];
