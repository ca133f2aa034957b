// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Keys that sort as their components do. A text component has 00 escaped as 00 FF and ends with 00
 * 00; a number is 8 bytes big-endian; the last component may be raw. Keyspace bytes are listed in
 * docs/ARCHITECTURE.md.
 */
#include "base/buf.h"

#define KEY_MAX 4097 /* one byte of them for the family, below */

struct key {
    size_t len;
    bool over; /* longer than KEY_MAX: a caller's bug, since names are bounded before */
    char bytes[KEY_MAX];
};

void key_begin(struct key *key, uint8_t keyspace);
void key_text(struct key *key, struct span text);
void key_u64(struct key *key, uint64_t value);
void key_raw(struct key *key, struct span bytes);
struct span key_span(const struct key *key);

/* Readers for what the writers made: move *rest on; false when malformed. Unescaped text is in the
 * arena. */
struct arena;
MUST_CHECK bool key_read_text(struct span *rest, struct arena *arena, struct span *out);
MUST_CHECK bool key_read_u64(struct span *rest, uint64_t *out);
/* Turns the key into the smallest one that is greater than every key with this prefix. */
void key_after_prefix(struct key *key);
