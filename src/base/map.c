// SPDX-License-Identifier: Apache-2.0
/*
 * Linear probing; at most three slots of four are taken. Removal moves the later ones of a run
 * back, so there are no tombstones and a search ends at the first free slot. One thread at a time.
 */
#include "base/map.h"

#include "base/log.h"

#include <stdlib.h>

void map_done(struct map *map)
{
    free(map->slots);
    *map = (struct map){0};
}

/* The slot of `key`, or the free one where it belongs. The table is not empty and never full. */
static struct map_slot *find(const struct map *map, struct span key, uint64_t hash)
{
    size_t mask = map->size - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];
        if (!slot->value || (slot->hash == hash && span_eq(slot->key, key)))
            return slot;
    }
}

void *map_get(const struct map *map, struct span key)
{
    return map->size ? find(map, key, span_hash(key))->value : NULL;
}

static void grow(struct map *map)
{
    struct map larger = {.count = map->count, .size = map->size ? map->size * 2 : 16};
    larger.slots = calloc(larger.size, sizeof *larger.slots);
    if (!larger.slots)
        log_fatal("out of memory (a map of %zu slots)", larger.size);
    for (size_t i = 0; i < map->size; i++)
        if (map->slots[i].value)
            *find(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = larger;
}

void *map_set(struct map *map, struct span key, void *value)
{
    if (!value)
        log_fatal("a map cannot hold NULL");
    if (map->count >= map->size / 4 * 3)
        grow(map);
    uint64_t hash = span_hash(key);
    struct map_slot *slot = find(map, key, hash);
    void *before = slot->value;
    if (!before)
        map->count++;
    *slot = (struct map_slot){.key = key, .hash = hash, .value = value};
    return before;
}

void *map_remove(struct map *map, struct span key)
{
    struct map_slot *slot = map->size ? find(map, key, span_hash(key)) : NULL;
    if (!slot || !slot->value)
        return NULL;
    void *before = slot->value;
    size_t mask = map->size - 1;
    size_t hole = (size_t)(slot - map->slots);
    for (size_t at = (hole + 1) & mask; map->slots[at].value; at = (at + 1) & mask) {
        size_t home = map->slots[at].hash & mask;
        /* It may move only when the hole is not before the place where its search begins. */
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            map->slots[hole] = map->slots[at];
            hole = at;
        }
    }
    map->slots[hole] = (struct map_slot){0};
    map->count--;
    return before;
}

bool map_next(const struct map *map, size_t *at, struct span *key, void **value)
{
    while (*at < map->size) {
        const struct map_slot *slot = &map->slots[(*at)++];
        if (slot->value) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}
