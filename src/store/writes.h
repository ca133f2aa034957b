// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Writes as bytes, only for this folder: a transaction collects them, the log keeps them, the
 * settler applies them. A full key is the family's byte and the key: one RocksDB family holds all.
 */
#include "base/buf.h"
#include "store/key.h"
#include "store/store.h"

struct write_key {
    uint64_t hash;
    uint16_t len;
    char bytes[KEY_MAX];
};

void write_key_make(struct write_key *full, enum FAMILY family, struct span key);

static inline struct span write_key_span(const struct write_key *full)
{
    return span_of(full->bytes, full->len);
}

/* Followed by key and value. */
struct write_head {
    uint16_t key_len;
    uint8_t deleted, zero;
    uint32_t value_len;
};

/* Whether it is in the log only (FAMILY_CARRIED); `at` is its head. */
bool write_is_carried(const char *at);

struct write_parts {
    struct span key; /* full */
    struct span value;
    bool deleted;
    const char *end; /* where the next one begins */
};

/* What is known to be whole. */
struct write_parts write_at(const char *at);
/* Moves *rest on; false when it is not whole. */
MUST_CHECK bool write_read(struct span *rest, struct write_parts *out);

/* The writes of one transaction, findable by key. */
struct write {
    uint64_t hash;
    uint32_t begin; /* of its head in `bytes` */
    uint32_t older; /* in the same chain; index + 1 */
};

struct writes {
    struct buf bytes;
    struct write *at;
    uint32_t count, cap;
    uint32_t *heads; /* index + 1; 0 = empty */
    uint32_t head_count;
    uint32_t put_count;
};

void writes_init(struct writes *writes);
void writes_done(struct writes *writes);
void writes_clear(struct writes *writes);
void writes_put(struct writes *writes, const struct write_key *key, struct span value);
void writes_delete(struct writes *writes, const struct write_key *key);
/* The newest write of this key or NULL. */
const struct write *writes_find(const struct writes *writes, const struct write_key *key);
struct write_parts writes_at(const struct writes *writes, uint32_t index);
/* No later one is of the same key. */
bool writes_is_newest(const struct writes *writes, uint32_t index);
