// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A hash map from spans to pointers, open addressing, insertion only plus removal. Keys are
 * borrowed: they must outlive the map (copy them into an arena). The map owns only its table. One
 * thread at a time; many readers when nobody writes.
 */
#include "base/span.h"

struct map_slot {
    struct span key;
    uint64_t hash;
    void *value; /* NULL = free */
};

struct map {
    struct map_slot *slots;
    size_t count, size; /* size is 0 or a power of two */
};

void map_done(struct map *map);
void *map_get(const struct map *map, struct span key);
/* Sets or replaces; returns the value that was there or NULL. `value` is not NULL. */
void *map_set(struct map *map, struct span key, void *value);
void *map_remove(struct map *map, struct span key);
/* Visits in no order: begin with *at = 0; false when done. */
bool map_next(const struct map *map, size_t *at, struct span *key, void **value);
