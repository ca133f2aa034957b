// SPDX-License-Identifier: Apache-2.0
/* Arithmetic of hash keys. Pure. */
#include "services/kinesis/hash_key.h"

#include "base/hash.h"

#include <endian.h>

#define DIGITS_MAX 39

typedef unsigned __int128 wide;

static wide wide_of(struct log_hash hash)
{
    return (wide)hash.high << 64 | hash.low;
}

static struct log_hash hash_of(wide value)
{
    return (struct log_hash){(uint64_t)(value >> 64), (uint64_t)value};
}

bool hash_key_read(struct span text, struct log_hash *ret)
{
    wide value = 0, most = ~(wide)0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(text.at[i] - '0');
        if (digit > 9 || value > most / 10 || value * 10 > most - digit)
            return false;
        value = value * 10 + digit;
    }
    *ret = hash_of(value);
    return text.len > 0;
}

struct span hash_key_print(struct arena *arena, struct log_hash hash)
{
    char digits[DIGITS_MAX];
    size_t at = DIGITS_MAX;
    wide value = wide_of(hash);
    do {
        digits[--at] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value);
    return arena_copy(arena, span_of(digits + at, DIGITS_MAX - at));
}

struct log_hash hash_key_of(struct span partition_key)
{
    uint8_t digest[MD5_SIZE];
    uint64_t words[2];
    md5_of(partition_key, digest);
    memcpy(words, digest, sizeof words);
    return (struct log_hash){be64toh(words[0]), be64toh(words[1])};
}

struct log_hash hash_key_before(struct log_hash hash)
{
    return hash_of(wide_of(hash) - 1);
}

struct log_hash hash_key_after(struct log_hash hash)
{
    return hash_of(wide_of(hash) + 1);
}

/* 2^128 / parts, times part: as the real service deals, the last part takes what remains. */
struct log_hash hash_key_part(uint64_t part, uint64_t parts)
{
    wide size = parts == 1 ? 0 : ~(wide)0 / parts + (~(wide)0 % parts == parts - 1);
    return hash_of(size * part);
}
