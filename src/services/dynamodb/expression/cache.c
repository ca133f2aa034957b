// SPDX-License-Identifier: Apache-2.0
/*
 * Compiled texts, a table per thread: a text has one place by its hash, and the newest stays there.
 * What is given out is a copy, so nothing is ever in use here. Bounded by SLOTS texts of TEXT_MAX
 * and programs of PROGRAM_MAX bytes.
 */
#include "services/dynamodb/expression/inside.h"

#include "base/log.h"

#include <pthread.h>
#include <stdlib.h>

#define SLOTS 512 /* a power of two */
#define TEXT_MAX 1024
#define PROGRAM_MAX 8192

struct cached {
    uint64_t hash;
    size_t text_len, size;
    char bytes[]; /* the program, then the text */
};

struct cache {
    struct cached *slots[SLOTS];
};

static pthread_key_t key;

static void cache_free(void *thing)
{
    struct cache *cache = thing;
    for (size_t i = 0; i < SLOTS; i++)
        free(cache->slots[i]);
    free(cache);
}

static void key_new(void)
{
    if (pthread_key_create(&key, cache_free))
        log_fatal("no thread key left");
}

static struct cache *cache_of_thread(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, key_new);
    struct cache *cache = pthread_getspecific(key);
    if (!cache) {
        cache = calloc(1, sizeof *cache);
        if (!cache)
            log_fatal("out of memory (%zu bytes)", sizeof *cache);
        pthread_setspecific(key, cache);
    }
    return cache;
}

static uint64_t hash_of(enum EXPRESSION_KIND kind, struct span text)
{
    return span_hash(text) ^ (uint64_t)kind * 0x9e3779b97f4a7c15U;
}

struct program *expression_cached(struct arena *arena, enum EXPRESSION_KIND kind, struct span text)
{
    uint64_t hash = hash_of(kind, text);
    const struct cached *found = cache_of_thread()->slots[hash % SLOTS];
    if (!found || found->hash != hash ||
        !span_eq(text, span_of(found->bytes + found->size, found->text_len)))
        return NULL;
    struct program *program = arena_alloc(arena, found->size);
    memcpy(program, found->bytes, found->size);
    return program->kind == kind ? program : NULL;
}

void expression_keep(struct span text, const struct program *program)
{
    if (text.len > TEXT_MAX || program->size > PROGRAM_MAX)
        return;
    struct cached *cached = malloc(sizeof *cached + program->size + text.len);
    if (!cached)
        log_fatal("out of memory (%zu bytes)", sizeof *cached + program->size + text.len);
    cached->hash = hash_of((enum EXPRESSION_KIND)program->kind, text);
    cached->size = program->size;
    cached->text_len = text.len;
    memcpy(cached->bytes, program, program->size);
    memcpy(cached->bytes + program->size, text.at, text.len);
    struct cached **slot = &cache_of_thread()->slots[cached->hash % SLOTS];
    free(*slot);
    *slot = cached;
}
