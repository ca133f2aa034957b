// SPDX-License-Identifier: Apache-2.0
/*
 * Records as bytes of a segment: a frame, the key, the data, and where they are sealed a tag. The
 * checksum is of the bytes as they lie, so a start needs no key. Pure.
 */
#include "engines/log/inside.h"

#include "base/hash.h"

#include <endian.h>
#include <errno.h>
#include <stddef.h>

_Static_assert(sizeof(struct frame) == 32, "frames are written as they lie");
_Static_assert(__BYTE_ORDER == __LITTLE_ENDIAN, "frames are written as they lie");

uint32_t frame_checksum(uint64_t lane, const struct frame *frame, struct span key, struct span data)
{
    size_t skip = sizeof frame->crc32c;
    uint32_t crc = crc32c_feed(0, span_of(&lane, sizeof lane));
    crc = crc32c_feed(crc, span_of((const char *)frame + skip, sizeof *frame - skip));
    crc = crc32c_feed(crc, key);
    return crc32c_feed(crc, data);
}

int64_t frame_read(uint64_t lane, struct span bytes, struct log_record *ret, size_t *ret_need)
{
    struct frame frame;
    *ret_need = sizeof frame;
    if (bytes.len < sizeof frame)
        return 0;
    memcpy(&frame, bytes.at, sizeof frame);
    if (frame.key_len > LOG_KEY_MAX || frame.data_len > LOG_DATA_MAX)
        return -EBADMSG;
    size_t tag = frame.seal ? SEAL_TAG_SIZE : 0;
    *ret_need = sizeof frame + frame.key_len + frame.data_len + tag;
    if (bytes.len < *ret_need)
        return 0;
    struct span key = span_of(bytes.at + sizeof frame, frame.key_len);
    struct span data = span_of(key.at + key.len, frame.data_len);
    if (frame.crc32c != frame_checksum(lane, &frame, key, span_of(data.at, data.len + tag)))
        return -EBADMSG;
    *ret = (struct log_record){frame.index, frame.time_ms, key, data, frame.seal};
    return (int64_t)*ret_need;
}

/* Numbers are of the lane's own, as is the key. */
static struct seal_nonce nonce_of(uint64_t index, uint32_t seal)
{
    struct seal_nonce nonce;
    memcpy(nonce.bytes, &index, sizeof index);
    memcpy(nonce.bytes + sizeof index, &seal, sizeof seal);
    return nonce;
}

/* What the frame says is not secret, but must not be exchanged. */
struct beside {
    int64_t time_ms;
    uint32_t key_len, data_len;
};

struct span frame_seal(const struct lane *lane, struct arena *arena, const struct frame *frame,
                       struct span key, struct span data)
{
    struct beside beside = {frame->time_ms, frame->key_len, frame->data_len};
    struct seal_nonce nonce = nonce_of(frame->index, frame->seal);
    size_t len = key.len + data.len;
    char *to = arena_alloc(arena, len + SEAL_TAG_SIZE);
    if (key.len)
        memcpy(to, key.at, key.len);
    if (data.len)
        memcpy(to + key.len, data.at, data.len);
    seal_text(&lane->key, &nonce, span_of(&beside, sizeof beside), span_of(to, len), to);
    return span_of(to, len + SEAL_TAG_SIZE);
}

int frame_open(const struct lane *lane, struct arena *arena, struct log_record *record)
{
    struct beside beside = {record->time_ms, (uint32_t)record->key.len, (uint32_t)record->data.len};
    struct seal_nonce nonce = nonce_of(record->index, record->seal);
    size_t len = record->key.len + record->data.len;
    char *to = arena_alloc(arena, len + 1);
    struct span sealed = span_of(record->key.at, len + SEAL_TAG_SIZE);
    if (!lane->keyed ||
        !seal_open_text(&lane->key, &nonce, span_of(&beside, sizeof beside), sealed, to))
        return -EBADMSG;
    record->key.at = to;
    record->data.at = to + record->key.len;
    return 0;
}
