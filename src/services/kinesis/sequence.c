// SPDX-License-Identifier: Apache-2.0
/*
 * A number of 188 bits, from the top: 2, seconds of the shard's creation (36 bits), the shard's
 * lowest digit (4), place (64), zeros (8), seconds of the record (36), shard (32), 2 (version). So
 * numbers of a shard ascend with place, and those of a child lie above its parent's. Pure.
 */
#include "services/kinesis/sequence.h"

#define WORDS 6 /* of 32 bits, lowest first */
#define DIGITS_MAX 58
#define SECONDS_MASK ((1ULL << 36) - 1)

/* Puts up to 64 bits at a bit position. */
static void put(uint32_t words[WORDS], unsigned at, uint64_t value)
{
    unsigned __int128 wide = (unsigned __int128)value << at % 32;
    for (unsigned i = at / 32; i < WORDS && wide; i++, wide >>= 32)
        words[i] |= (uint32_t)wide;
}

static uint64_t get(const uint32_t words[WORDS], unsigned at, unsigned bits)
{
    unsigned __int128 wide = 0;
    for (unsigned i = 0; i < 3 && at / 32 + i < WORDS; i++)
        wide |= (unsigned __int128)words[at / 32 + i] << 32 * i;
    return (uint64_t)(wide >> at % 32) & (bits < 64 ? (1ULL << bits) - 1 : UINT64_MAX);
}

struct span sequence_print(struct arena *arena, const struct sequence *sequence)
{
    uint32_t words[WORDS] = {0};
    char digits[DIGITS_MAX];
    size_t at = DIGITS_MAX;
    put(words, 0, 2);
    put(words, 4, sequence->shard);
    put(words, 36, (uint64_t)sequence->time_s & SECONDS_MASK);
    put(words, 80, sequence->place);
    put(words, 144, sequence->shard & 15);
    put(words, 148, (uint64_t)sequence->created_s & SECONDS_MASK);
    put(words, 184, 2);
    for (unsigned chunk = 0; chunk < 7; chunk++) { /* 7 * 9 digits > 188 bits */
        uint64_t rest = 0;
        for (size_t i = WORDS; i-- > 0;) {
            uint64_t value = rest << 32 | words[i];
            words[i] = (uint32_t)(value / 1000000000);
            rest = value % 1000000000;
        }
        for (unsigned digit = 0; digit < 9 && at > 0; digit++, rest /= 10)
            digits[--at] = (char)('0' + (int)(rest % 10));
    }
    while (digits[at] == '0')
        at++;
    return arena_copy(arena, span_of(digits + at, DIGITS_MAX - at));
}

/* Place is counted from bit 80 on. */
struct span sequence_following(struct arena *arena, struct span number)
{
    static const char step[] = "1208925819614629174706176"; /* 2^80 */
    size_t left = sizeof step - 1, carry = 0;
    char *digits = arena_alloc(arena, number.len);
    memcpy(digits, number.at, number.len);
    for (size_t at = number.len; at-- > 0 && (left || carry);) {
        size_t sum = (size_t)(digits[at] - '0') + carry + (left ? (size_t)(step[--left] - '0') : 0);
        carry = sum > 9;
        digits[at] = (char)('0' + (carry ? sum - 10 : sum));
    }
    return span_of(digits, number.len);
}

static bool multiply_add(uint32_t words[WORDS], unsigned digit)
{
    uint64_t carry = digit;
    for (size_t i = 0; i < WORDS; i++) {
        carry += (uint64_t)words[i] * 10;
        words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    return carry == 0;
}

bool sequence_read(struct span text, struct sequence *ret)
{
    uint32_t words[WORDS] = {0};
    if (!text.len || text.len > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (text.at[i] < '0' || text.at[i] > '9' ||
            !multiply_add(words, (unsigned)(text.at[i] - '0')))
            return false;
    *ret = (struct sequence){
        .created_s = (int64_t)get(words, 148, 36),
        .place = get(words, 80, 64),
        .time_s = (int64_t)get(words, 36, 36),
        .shard = (uint32_t)get(words, 4, 32),
    };
    return get(words, 0, 4) == 2 && get(words, 184, 8) == 2 && ret->place <= INT64_MAX &&
           get(words, 144, 4) == (ret->shard & 15) && ret->shard <= INT32_MAX;
}

struct span sequence_of_record(struct arena *arena, const struct log_lane *lane, uint64_t index,
                               int64_t time_ms)
{
    struct sequence sequence = {lane->created_ms / 1000, index + 1, time_ms / 1000, lane->number};
    return sequence_print(arena, &sequence);
}

struct span sequence_of_begin(struct arena *arena, const struct log_lane *lane)
{
    struct sequence sequence = {lane->created_ms / 1000, 0, lane->created_ms / 1000, lane->number};
    return sequence_print(arena, &sequence);
}

struct span sequence_of_end(struct arena *arena, const struct log_lane *lane)
{
    struct sequence sequence = {lane->created_ms / 1000, SEQUENCE_LAST_PLACE,
                                lane->closed_ms / 1000, lane->number};
    return sequence_print(arena, &sequence);
}
