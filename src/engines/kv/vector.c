// SPDX-License-Identifier: Apache-2.0
/*
 * Indexes of vectors: an entry begins with the floats, then comes the projected part of the item.
 * A search measures every entry of the index or of one hash key, so its answer is exact. Any
 * thread; a search takes as long as reading them does.
 */
#include "engines/kv/inside.h"

#include "base/floats.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define ENTRY_CEILING (4 << 20) /* bytes, as entry.c has it */

bool kv_float_of(struct span number, float *ret)
{
    char text[KV_NUMBER_TEXT_MAX + 1];
    text[kv_number_print(number, text)] = '\0';
    *ret = strtof(text, NULL);
    return isfinite(*ret);
}

/* ---- entries -------------------------------------------------------------------------------- */

bool vector_is_in(const struct kv_index_schema *schema, const struct kv_map *item)
{
    float ignored;
    const struct kv_value *value = kv_map_get(item, schema->vector);
    if (!value || value->type != KV_LIST || value->list.count != schema->dimensions)
        return false;
    for (size_t i = 0; i < value->list.count; i++)
        if (value->list.at[i].type != KV_NUMBER || !kv_float_of(value->list.at[i].bytes, &ignored))
            return false;
    return true;
}

size_t vector_encode(const struct kv_index_schema *schema, const struct kv_map *item,
                     struct buf *out)
{
    const struct kv_list *list = &kv_map_get(item, schema->vector)->list;
    for (size_t i = 0; i < list->count; i++) {
        float value = 0;
        if (kv_float_of(list->at[i].bytes, &value))
            buf_append(out, span_of(&value, sizeof value));
    }
    return schema->vector.len + list->count * sizeof(float);
}

/* ---- searching ------------------------------------------------------------------------------ */

/* One of the nearest so far; its buffer is used again for what takes its place. */
struct candidate {
    double score;
    struct buf bytes;
};

struct search {
    const struct kv_access *access;
    const struct kv_vector_query *query;
    double square;             /* of the length that is looked for */
    struct candidate *nearest; /* the best first */
    size_t count;
};

/* Nothing is like a vector of length 0. */
static double score_of(const struct search *search, const struct kv_index_schema *schema,
                       const char *floats)
{
    struct floats_sums sums = floats_compare(floats, search->query->vector, schema->dimensions);
    double lengths = sqrt(sums.square * search->square);
    switch ((enum KV_DISTANCE)schema->distance) {
    case KV_DOT_PRODUCT:
        return sums.product;
    case KV_EUCLIDEAN:
        return sqrt(sums.apart);
    case KV_COSINE:
        break;
    }
    return lengths > 0 ? fmin(fmax(1 - sums.product / lengths, 0), 2) : 1;
}

static bool is_better(const struct kv_index_schema *schema, double a, double b)
{
    return schema->distance == KV_DOT_PRODUCT ? a > b : a < b;
}

/* Where it belongs among them; query->most: it does not. */
static size_t place_of(const struct search *search, const struct kv_index_schema *schema,
                       double score)
{
    size_t at = search->count;
    while (at && is_better(schema, score, search->nearest[at - 1].score))
        at--;
    return at;
}

static bool is_wanted(const struct search *search, struct span item)
{
    struct arena *arena = search->access->arena;
    struct arena_mark mark = arena_mark(arena);
    struct kv_map map;
    if (!search->query->wanted)
        return true;
    bool wanted =
        kv_item_decode(item, arena, &map) && search->query->wanted(search->query->user, &map);
    arena_rewind(arena, mark);
    return wanted;
}

static int take_entry(struct search *search, struct span entry)
{
    const struct kv_vector_query *query = search->query;
    const struct kv_index_schema *schema = &query->index->schema;
    size_t floats = schema->dimensions * sizeof(float);
    if (entry.len < floats)
        return -EBADMSG;
    double score = score_of(search, schema, entry.at);
    size_t at = place_of(search, schema, score);
    if (at == query->most || !is_wanted(search, span_from(entry, floats)))
        return 0;
    search->count += search->count < query->most;
    struct candidate taken = search->nearest[search->count - 1];
    memmove(&search->nearest[at + 1], &search->nearest[at],
            (search->count - 1 - at) * sizeof taken);
    taken.score = score;
    buf_clear(&taken.bytes);
    buf_append(&taken.bytes, entry);
    search->nearest[at] = taken;
    return 0;
}

static int show(const struct search *search, struct kv_vector_hit *to)
{
    size_t floats = search->query->index->schema.dimensions * sizeof(float);
    for (size_t i = 0; i < search->count; i++) {
        struct span kept = arena_copy(search->access->arena, buf_span(&search->nearest[i].bytes));
        to[i] = (struct kv_vector_hit){.score = search->nearest[i].score, .vector = kept.at};
        if (!kv_item_decode(span_from(kept, floats), search->access->arena, &to[i].item))
            return -EBADMSG;
    }
    return 0;
}

int kv_vector_search(const struct kv_access *access, const struct kv_vector_query *query,
                     struct kv_vector_hit *to, size_t *ret_count)
{
    struct search search = {.access = access,
                            .query = query,
                            .nearest = ARENA_ARRAY(access->arena, struct candidate, query->most)};
    search.square =
        floats_compare((const char *)query->vector, query->vector, query->index->schema.dimensions)
            .square;
    const struct kv_range range = {
        .table = query->table, .index = query->index, .hash = query->hash.at ? &query->hash : NULL};
    struct kv_walk *walk = kv_walk_open(access, &range);
    struct span entry;
    int error = 0;
    for (size_t i = 0; i < query->most; i++)
        buf_init(&search.nearest[i].bytes, ENTRY_CEILING);
    while (!error && kv_walk_next(walk, &entry))
        error = take_entry(&search, entry);
    if (!error)
        error = kv_walk_error(walk);
    if (!error)
        error = show(&search, to);
    kv_walk_close(walk);
    for (size_t i = 0; i < query->most; i++)
        buf_done(&search.nearest[i].bytes);
    *ret_count = search.count;
    return error;
}
