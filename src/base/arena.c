// SPDX-License-Identifier: Apache-2.0
/*
 * Bump allocation in a chain of blocks, newest first. The first block stays over resets, so that a
 * call of ordinary size allocates nothing. One thread at a time.
 */
#include "base/arena.h"

#include "base/buf.h"
#include "base/log.h"

#include <sanitizer/asan_interface.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *older;
    size_t size; /* bytes behind this header */
    alignas(max_align_t) char bytes[];
};

struct arena_deferred {
    struct arena_deferred *older;
    void (*fn)(void *thing);
    void *thing;
};

static void block_open(struct arena *arena, struct arena_block *block)
{
    arena->newest = block;
    arena->at = block->bytes;
    arena->end = block->bytes + block->size;
    ASAN_POISON_MEMORY_REGION(block->bytes, block->size);
}

static struct arena_block *block_new(struct arena_block *older, size_t size)
{
    struct arena_block *block = malloc(sizeof *block + size);
    if (!block)
        log_fatal("out of memory (%zu bytes)", size);
    *block = (struct arena_block){.older = older, .size = size};
    return block;
}

static void block_free(struct arena_block *block)
{
    ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
    free(block);
}

void arena_init(struct arena *arena, size_t first, size_t ceiling)
{
    *arena = (struct arena){.ceiling = ceiling};
    block_open(arena, block_new(NULL, first));
}

/* Newest first, down to `last`, which stays. */
static void run_deferred(struct arena *arena, const struct arena_deferred *last)
{
    while (arena->deferred != last) {
        struct arena_deferred *deferred = arena->deferred;
        arena->deferred = deferred->older;
        deferred->fn(deferred->thing);
    }
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena, NULL);
    struct arena_block *block = arena->newest;
    while (block->older) {
        struct arena_block *older = block->older;
        block_free(block);
        block = older;
    }
    arena->taken = 0;
    block_open(arena, block);
}

void arena_done(struct arena *arena)
{
    if (!arena->newest)
        return;
    arena_reset(arena);
    block_free(arena->newest);
    *arena = (struct arena){0};
}

static void grow(struct arena *arena, size_t size)
{
    size_t left = arena->ceiling - arena->taken;
    size_t want = arena->newest->size * 2;
    if (want > 1024 * 1024)
        want = 1024 * 1024;
    if (want < size || want > left)
        want = size;
    if (want > left)
        log_fatal("an arena passed its ceiling of %zu bytes", arena->ceiling);
    arena->taken += want;
    block_open(arena, block_new(arena->newest, want));
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    if (rounded < size)
        log_fatal("an allocation of %zu bytes overflows", size);
    if ((size_t)(arena->end - arena->at) < rounded)
        grow(arena, rounded);
    char *at = arena->at;
    arena->at += rounded;
    ASAN_UNPOISON_MEMORY_REGION(at, size);
    return at;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        log_fatal("an array of %zu times %zu bytes overflows", count, size);
    return memset(arena_alloc(arena, bytes), 0, bytes);
}

struct span arena_copy(struct arena *arena, struct span s)
{
    if (span_is_absent(s))
        return s;
    return span_of(arena_cstr(arena, s), s.len);
}

char *arena_cstr(struct arena *arena, struct span s)
{
    char *copy = arena_alloc(arena, s.len + 1);
    if (s.len)
        memcpy(copy, s.at, s.len);
    copy[s.len] = '\0';
    return copy;
}

struct span arena_vprintf(struct arena *arena, const char *format, va_list args)
{
    char first[256]; /* most texts fit, and formatting twice costs more than the copy */
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(first, sizeof first, format, args);
    size_t size = len < 0 ? 0 : (size_t)len;
    char *text = arena_alloc(arena, size + 1);
    if (size < sizeof first)
        memcpy(text, first, size);
    else
        vsnprintf(text, size + 1, format, again);
    text[size] = '\0';
    va_end(again);
    return span_of(text, size);
}

struct span arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct span text = arena_vprintf(arena, format, args);
    va_end(args);
    return text;
}

struct span arena_join(struct arena *arena, const struct span *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    char *text = arena_alloc(arena, len + 1);
    char *at = text;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len)
            at = mempcpy(at, parts[i].at, parts[i].len);
    *at = '\0';
    return span_of(text, len);
}

void arena_defer(struct arena *arena, void (*fn)(void *thing), void *thing)
{
    struct arena_deferred *deferred = ARENA_NEW(arena, struct arena_deferred);
    *deferred = (struct arena_deferred){.older = arena->deferred, .fn = fn, .thing = thing};
    arena->deferred = deferred;
}

static void end_buf(void *buf)
{
    buf_done(buf);
}

struct buf *arena_buf(struct arena *arena, size_t ceiling)
{
    struct buf *buf = ARENA_NEW(arena, struct buf);
    buf_init(buf, ceiling);
    arena_defer(arena, end_buf, buf);
    return buf;
}

struct arena_mark arena_mark(const struct arena *arena)
{
    return (struct arena_mark){arena->newest, arena->deferred, arena->at};
}

void arena_rewind(struct arena *arena, struct arena_mark mark)
{
    run_deferred(arena, mark.deferred);
    while (arena->newest != mark.block) {
        struct arena_block *block = arena->newest;
        arena->newest = block->older;
        arena->taken -= block->size;
        block_free(block);
    }
    arena->at = mark.at;
    arena->end = mark.block->bytes + mark.block->size;
    ASAN_POISON_MEMORY_REGION(arena->at, (size_t)(arena->end - arena->at));
}
