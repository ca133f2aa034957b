// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Shard iterators: where a reader stands, as a text that it hands back. Whoever has one still needs
 * the permission to read its stream. Any thread.
 */
#include "base/hash.h"
#include "wire/call.h"

#define ITERATOR_MINUTES 15

struct iterator {
    struct span stream_arn;
    uint64_t shard;    /* number */
    uint64_t sequence; /* of the next record */
    int64_t made_ms;
};

/* With a code that only this server can make. */
struct span iterator_print(struct arena *arena, const struct hmac_key *key,
                           const struct iterator *iterator);
/* False when it was not made with this key. */
MUST_CHECK bool iterator_read(struct arena *arena, const struct hmac_key *key, struct span text,
                              struct iterator *ret);
/* Sequence numbers as texts: of 21 digits, which is what clients take for one. */
struct span iterator_sequence_print(struct call *c, uint64_t sequence);
MUST_CHECK bool iterator_sequence_read(struct span text, uint64_t *ret);
