// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Base64 in wide steps, only for this folder and its tests. A step does the first groups of three
 * bytes and four letters as far as its vectors reach, and leaves the others.
 */
#include "base/header.h"

enum BASE64_WAY { BASE64_BY_TABLES, BASE64_AVX2, BASE64_WAYS };

struct base64_way {
    /* How many of the groups were done. */
    size_t (*encode)(const uint8_t *from, size_t groups, char *to);
    /* The same; stops early where a letter is bad. */
    size_t (*decode)(const uint8_t *from, size_t groups, char *to);
};

/* NULL where this CPU cannot, and for the tables, which need no steps. */
const struct base64_way *base64_way(enum BASE64_WAY way);
/* All of it in this way; NULL for the tables. Room as base64_of and base64_decode have it. */
void base64_encode(const struct base64_way *way, struct span bytes, char *to);
/* SIZE_MAX when it is not base64; else bytes. */
size_t base64_decode_to(const struct base64_way *way, struct span text, char *to);
