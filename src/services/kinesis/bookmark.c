// SPDX-License-Identifier: Apache-2.0
/* A token's bytes: numbers, texts with their lengths, a MAC over all of it; base64. Pure. */
#include "services/kinesis/bookmark.h"

#include "base/buf.h"
#include "base/text.h"

#include <endian.h>

#define MAC_SIZE 16
#define TOKEN_MAX 4096 /* bytes */

/* The order on the wire. */
static const size_t numbers[] = {
    offsetof(struct bookmark, stream_created_ms), offsetof(struct bookmark, issued_ms),
    offsetof(struct bookmark, place.index),       offsetof(struct bookmark, place.base),
    offsetof(struct bookmark, place.offset),      offsetof(struct bookmark, limit),
};
static const size_t texts[] = {
    offsetof(struct bookmark, account),
    offsetof(struct bookmark, region),
    offsetof(struct bookmark, stream),
    offsetof(struct bookmark, after),
};

static void put_number(struct buf *out, uint64_t value)
{
    value = htole64(value);
    buf_append(out, span_of(&value, sizeof value));
}

struct span bookmark_print(struct arena *arena, const struct hmac_key *key,
                           const struct bookmark *token)
{
    uint8_t mac[SHA256_SIZE];
    struct buf *out = arena_buf(arena, TOKEN_MAX);
    buf_append_byte(out, (char)token->kind);
    put_number(out, token->shard);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        put_number(out, *(const uint64_t *)((const char *)token + numbers[i]));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct span text = *(const struct span *)((const char *)token + texts[i]);
        buf_append_byte(out, (char)(text.len < 255 ? text.len : 255));
        buf_append(out, span_first(text, 255));
    }
    hmac_sign(key, buf_span(out), mac);
    buf_append(out, span_of(mac, MAC_SIZE));
    return base64_of(arena, buf_span(out));
}

static bool take(struct span *rest, size_t len, struct span *ret)
{
    if (rest->len < len)
        return false;
    *ret = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}

static bool take_number(struct span *rest, uint64_t *ret)
{
    struct span bytes;
    if (!take(rest, sizeof *ret, &bytes))
        return false;
    memcpy(ret, bytes.at, sizeof *ret);
    *ret = le64toh(*ret);
    return true;
}

static bool take_text(struct span *rest, struct span *ret)
{
    struct span len;
    return take(rest, 1, &len) && take(rest, (unsigned char)len.at[0], ret);
}

bool bookmark_read(struct arena *arena, const struct hmac_key *key, enum BOOKMARK kind,
                   struct span text, struct bookmark *ret)
{
    uint8_t mac[SHA256_SIZE];
    uint64_t shard = 0;
    struct span bytes = base64_decode(arena, text), rest, tag;
    if (span_is_absent(bytes) || bytes.len < 1 + MAC_SIZE || bytes.len > TOKEN_MAX)
        return false;
    rest = span_first(bytes, bytes.len - MAC_SIZE);
    hmac_sign(key, rest, mac);
    if (!hash_eq(mac, bytes.at + rest.len, MAC_SIZE) || bytes.at[0] != (char)kind)
        return false;
    *ret = (struct bookmark){.kind = kind};
    bool good = take(&rest, 1, &tag) && take_number(&rest, &shard);
    for (size_t i = 0; good && i < ARRAY_LEN(numbers); i++)
        good = take_number(&rest, (uint64_t *)(void *)((char *)ret + numbers[i]));
    for (size_t i = 0; good && i < ARRAY_LEN(texts); i++)
        good = take_text(&rest, (struct span *)(void *)((char *)ret + texts[i]));
    ret->shard = (uint32_t)shard;
    return good && !rest.len;
}
