// SPDX-License-Identifier: Apache-2.0
/* Comparison, search and number reading over spans. Pure functions, any thread. */
#include "base/span.h"

#include <strings.h>
#include <sys/random.h>

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.at, b.at, common) : 0;
    if (order != 0)
        return order;
    return a.len < b.len ? -1 : a.len > b.len;
}

bool span_eq_nocase(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.at, b.at, a.len) == 0);
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq(span_first(s, prefix.len), prefix);
}

bool span_starts_nocase(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_eq_nocase(span_first(s, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_eq(span_from(s, s.len - suffix.len), suffix);
}

size_t span_find_byte(struct span s, char byte)
{
    const char *hit = s.len ? memchr(s.at, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.at) : SPAN_NOT_FOUND;
}

size_t span_find_last_byte(struct span s, char byte)
{
    const char *hit = s.len ? memrchr(s.at, byte, s.len) : NULL;
    return hit ? (size_t)(hit - s.at) : SPAN_NOT_FOUND;
}

size_t span_find(struct span s, struct span needle)
{
    if (needle.len == 0)
        return 0;
    const char *hit = s.len ? memmem(s.at, s.len, needle.at, needle.len) : NULL;
    return hit ? (size_t)(hit - s.at) : SPAN_NOT_FOUND;
}

struct span span_cut(struct span *rest, char byte)
{
    struct span whole = *rest;
    size_t at = span_find_byte(whole, byte);
    if (at == SPAN_NOT_FOUND) {
        *rest = SPAN_NONE;
        return whole;
    }
    *rest = span_from(whole, at + 1);
    return span_first(whole, at);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span s)
{
    while (s.len && is_blank(s.at[0]))
        s = span_from(s, 1);
    while (s.len && is_blank(s.at[s.len - 1]))
        s.len--;
    return s;
}

bool span_to_u64(struct span s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.at[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool span_to_i64(struct span s, int64_t *out)
{
    bool negative = s.len && s.at[0] == '-';
    uint64_t magnitude;
    if (!span_to_u64(negative ? span_from(s, 1) : s, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

static uint64_t hash_seed;

__attribute__((constructor)) static void seed_hash(void)
{
    if (getrandom(&hash_seed, sizeof hash_seed, GRND_NONBLOCK) != sizeof hash_seed)
        hash_seed = (uint64_t)(uintptr_t)&hash_seed;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t span_hash(struct span s)
{
    uint64_t hash = hash_seed ^ s.len;
    while (s.len >= 8) {
        uint64_t word;
        memcpy(&word, s.at, 8);
        hash = mix(hash ^ word, 0x9e3779b97f4a7c15ULL);
        s = span_from(s, 8);
    }
    uint64_t tail = 0;
    if (s.len)
        memcpy(&tail, s.at, s.len);
    return mix(hash ^ tail, 0xd6e8feb86659fd93ULL);
}
