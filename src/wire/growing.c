// SPDX-License-Identifier: Apache-2.0
/*
 * Doubling arrays against the decoder's budget, and maps of which repeated keys are dropped: a
 * handler never sees a key twice. One thread per request.
 */
#include "wire/growing.h"

static size_t first_capacity(size_t size)
{
    return size > 512 ? 1 : 4;
}

struct growing growing_resume(struct any_list list, size_t size)
{
    size_t capacity = list.count ? first_capacity(size) : 0;
    while (capacity < list.count)
        capacity *= 2;
    return (struct growing){.at = list.at, .count = list.count, .capacity = capacity, .size = size};
}

/* Only elements that are taken are zeroed, not the room behind them. */
const struct refusal *growing_add(struct decoder *d, struct growing *array, void **out)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity ? array->capacity * 2 : first_capacity(array->size);
        void *grown;
        TRY(decoder_room(d, capacity * array->size, &grown));
        if (array->count)
            memcpy(grown, array->at, array->count * array->size);
        array->at = grown;
        array->capacity = capacity;
    }
    *out = memset(array->at + array->count++ * array->size, 0, array->size);
    return OK;
}

struct any_list growing_done(const struct decoder *d, const struct growing *array)
{
    return (struct any_list){
        .at = array->at ? array->at : arena_alloc(d->c->arena, 0),
        .count = array->count,
    };
}

static struct span *entry_key(const struct growing *array, size_t index)
{
    return (struct span *)(void *)(array->at + index * array->size);
}

/* The index of an earlier entry of that key in the open-addressed table `places` (index + 1), or
 * the entry's own, which is then entered. */
static size_t enter_key(const struct growing *array, size_t index, uint32_t *places, size_t mask)
{
    struct span key = *entry_key(array, index);
    for (size_t at = span_hash(key) & mask;; at = (at + 1) & mask) {
        if (places[at] == 0) {
            places[at] = (uint32_t)index + 1;
            return index;
        }
        if (span_eq(*entry_key(array, places[at] - 1), key))
            return places[at] - 1;
    }
}

static void drop_repeated_keys(const struct decoder *d, struct growing *array)
{
    size_t places_count = 16, kept = 0;
    while (places_count < array->count * 2)
        places_count *= 2;
    struct arena_mark mark = arena_mark(d->c->arena);
    uint32_t *places = ARENA_ARRAY(d->c->arena, uint32_t, places_count);
    for (size_t i = 0; i < array->count; i++) {
        char *from = array->at + i * array->size, *to = array->at + kept * array->size;
        if (from != to)
            memcpy(to, from, array->size);
        size_t first = enter_key(array, kept, places, places_count - 1);
        if (first == kept)
            kept++;
        else
            memcpy(array->at + first * array->size, to, array->size);
    }
    array->count = kept;
    arena_rewind(d->c->arena, mark);
}

/* Few bits of each key tell most maps apart from those that need the look. */
static bool may_repeat(const struct growing *array)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < array->count; i++) {
        struct span key = *entry_key(array, i);
        unsigned hash = (unsigned)key.len * 11;
        if (key.len)
            hash += (unsigned char)key.at[0] * 5U + (unsigned char)key.at[key.len - 1] * 3U +
                    (unsigned char)key.at[key.len / 2];
        uint64_t bit = 1ULL << (hash & 63);
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

struct any_map growing_map(const struct decoder *d, struct growing *array)
{
    if (may_repeat(array))
        drop_repeated_keys(d, array);
    struct any_list list = growing_done(d, array);
    return (struct any_map){.at = list.at, .count = list.count};
}

void growing_unique(const struct decoder *d, const struct shape *shape, struct any_map *map)
{
    struct growing array = growing_resume((struct any_list){map->at, map->count}, shape->size);
    if (map->count)
        *map = growing_map(d, &array);
}
