// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What fabric.bpf.c is told and counts: the one entry of its map. */
#include <stdint.h>

struct fabric_injection {
    uint64_t frame[6]; /* the beginning of each, written anew: pages come back as they were left */
    uint64_t counted;
    uint32_t flows, first_port, next;
};
