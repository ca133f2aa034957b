// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * An arena owns everything that lives as long as one call (or one start-up). Nothing in it is freed
 * alone: arena_reset() ends all of it at once. Allocation never fails for the caller: it aborts the
 * process when memory is out or the arena's ceiling is passed, so what a client can size is bounded
 * before it gets here. One thread at a time. Debug builds poison what was given back (ASan).
 */
#include "base/span.h"

#include <stdarg.h>

struct arena_block;
struct arena_deferred;

struct arena {
    struct arena_block *newest;
    struct arena_deferred *deferred;
    char *at, *end;
    size_t taken;   /* bytes in all blocks but the first */
    size_t ceiling; /* bytes */
};

struct arena_mark {
    struct arena_block *block;
    struct arena_deferred *deferred;
    char *at;
};

/* Begins an arena whose first block holds `first` bytes and which aborts above `ceiling` bytes. */
void arena_init(struct arena *arena, size_t first, size_t ceiling);
/* Runs the deferred functions, newest first, and gives all but the first block back. */
void arena_reset(struct arena *arena);
void arena_done(struct arena *arena);

/* Uninitialised memory, aligned for any type. Zero bytes give a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((malloc, returns_nonnull));
/* Zeroed memory for `count` things of `size` bytes. */
void *arena_zalloc(struct arena *arena, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zalloc((arena), (count), sizeof(type)))

/* A copy of `s` in the arena, with a NUL behind it that is not counted. Absent stays absent. */
struct span arena_copy(struct arena *arena, struct span s);
/* The NUL-terminated text of `s`, copied. */
char *arena_cstr(struct arena *arena, struct span s);
struct span arena_printf(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
struct span arena_vprintf(struct arena *arena, const char *format, va_list args) PRINTF_LIKE(2, 0);
/* Joins `count` spans. */
struct span arena_join(struct arena *arena, const struct span *parts, size_t count);

/* Runs fn(thing) when the arena is reset; for what is tied to a call but is not memory. */
void arena_defer(struct arena *arena, void (*fn)(void *thing), void *thing);

struct buf;
/* An empty buffer that ends with the arena. */
struct buf *arena_buf(struct arena *arena, size_t ceiling);

/* Scratch: arena_rewind runs what was deferred after the mark and gives back what was allocated
 * after it. */
struct arena_mark arena_mark(const struct arena *arena);
void arena_rewind(struct arena *arena, struct arena_mark mark);
