// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A span is a borrowed run of bytes, passed by value. It owns nothing and has no terminator.
 * A NULL `at` means "absent", which is different from empty (`at` set, `len` 0).
 * All functions are pure and safe from any thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

struct span {
    const char *at;
    size_t len;
};

/* A span over a string literal. */
#define S(literal) ((struct span){("" literal), sizeof(literal) - 1})
/* The same, where only a constant initialiser is allowed. */
#define S_INIT(literal)                                                                            \
    {                                                                                              \
        ("" literal), sizeof(literal) - 1                                                          \
    }
/* For "%.*s". */
#define SPAN_ARG(s) (int)(s).len, ((s).at ? (s).at : "")

#define SPAN_NONE ((struct span){NULL, 0})
#define SPAN_NOT_FOUND SIZE_MAX

static inline struct span span_of(const void *at, size_t len)
{
    return (struct span){(const char *)at, len};
}

static inline struct span span_of_cstr(const char *text)
{
    return text ? span_of(text, strlen(text)) : SPAN_NONE;
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static inline bool span_is_empty(struct span s)
{
    return s.len == 0;
}

static inline bool span_is_absent(struct span s)
{
    return s.at == NULL;
}

/* The part of `s` from byte `from` on; empty when `from` is past the end. */
static inline struct span span_from(struct span s, size_t from)
{
    if (from > s.len)
        from = s.len;
    /* Nothing may be added to the NULL of an absent span, not even 0. */
    return from ? (struct span){s.at + from, s.len - from} : s;
}

/* The first `len` bytes of `s`, or all of it. */
static inline struct span span_first(struct span s, size_t len)
{
    return (struct span){s.at, len < s.len ? len : s.len};
}

/* Byte order, shorter first on a common prefix; <0, 0, >0. */
int span_compare(struct span a, struct span b);
/* ASCII case-insensitive equality. */
bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* Index of the first `byte`, or SPAN_NOT_FOUND. */
size_t span_find_byte(struct span s, char byte);
size_t span_find_last_byte(struct span s, char byte);
size_t span_find(struct span s, struct span needle);
/*
 * Cuts `*rest` at the first `byte`: returns what stands before it and moves `*rest` behind it.
 * Without that byte all of `*rest` is returned and `*rest` becomes absent, so a loop over `while
 * (!span_is_absent(rest))` sees every part, empty ones included.
 */
struct span span_cut(struct span *rest, char byte);
/* Without the blanks and tabs at both ends. */
struct span span_trim(struct span s);
/* The whole span as a decimal number without sign, blanks or leading '+'. False (out untouched) on
 * anything else, overflow included. */
MUST_CHECK bool span_to_u64(struct span s, uint64_t *out);
/* The same with an optional '-'. */
MUST_CHECK bool span_to_i64(struct span s, int64_t *out);
/* A stable 64-bit hash for tables in memory; seeded per process, never written to disk. */
uint64_t span_hash(struct span s);
