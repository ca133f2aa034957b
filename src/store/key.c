// SPDX-License-Identifier: Apache-2.0
/*
 * Keys whose byte order is the order of their components. A text's 00 becomes 00 FF and its end is
 * 00 00, so that a shorter text sorts before every longer one that begins with it. Pure.
 */
#include "store/key.h"

#include "base/arena.h"

#include <endian.h>

static void key_append(struct key *key, const void *bytes, size_t len)
{
    if (len > KEY_MAX - key->len) {
        key->over = true;
        return;
    }
    memcpy(key->bytes + key->len, bytes, len);
    key->len += len;
}

void key_begin(struct key *key, uint8_t keyspace)
{
    key->len = 1;
    key->over = false;
    key->bytes[0] = (char)keyspace;
}

void key_text(struct key *key, struct span text)
{
    for (;;) {
        size_t zero = span_find_byte(text, '\0');
        if (zero == SPAN_NOT_FOUND)
            break;
        key_append(key, text.at, zero);
        key_append(key, "\0\xff", 2);
        text = span_from(text, zero + 1);
    }
    if (text.len)
        key_append(key, text.at, text.len);
    key_append(key, "\0\0", 2);
}

void key_u64(struct key *key, uint64_t value)
{
    uint64_t big = htobe64(value);
    key_append(key, &big, sizeof big);
}

void key_raw(struct key *key, struct span bytes)
{
    if (bytes.len)
        key_append(key, bytes.at, bytes.len);
}

struct span key_span(const struct key *key)
{
    return span_of(key->bytes, key->len);
}

bool key_read_text(struct span *rest, struct arena *arena, struct span *out)
{
    size_t len = 0; /* unescaped */
    size_t at = 0;
    for (;; at++, len++) {
        size_t step = span_find_byte(span_from(*rest, at), '\0');
        if (step == SPAN_NOT_FOUND || at + step + 1 >= rest->len)
            return false;
        at += step + 1;
        len += step;
        if (rest->at[at] == '\0')
            break;
        if (rest->at[at] != '\xff')
            return false;
    }
    char *to = arena_alloc(arena, len);
    for (size_t from = 0, i = 0; i < len; from++)
        if ((to[i++] = rest->at[from]) == '\0')
            from++; /* over the FF */
    *out = span_of(to, len);
    *rest = span_from(*rest, at + 1);
    return true;
}

bool key_read_u64(struct span *rest, uint64_t *out)
{
    uint64_t big;
    if (rest->len < sizeof big)
        return false;
    memcpy(&big, rest->at, sizeof big);
    *out = be64toh(big);
    *rest = span_from(*rest, sizeof big);
    return true;
}

void key_after_prefix(struct key *key)
{
    while (key->len && key->bytes[key->len - 1] == '\xff')
        key->len--;
    if (key->len)
        key->bytes[key->len - 1]++;
}
