// SPDX-License-Identifier: Apache-2.0
/* Records as bytes of a segment: a frame, the key, the data. Pure. */
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
    *ret_need = sizeof frame + frame.key_len + frame.data_len;
    if (bytes.len < *ret_need)
        return 0;
    struct span key = span_of(bytes.at + sizeof frame, frame.key_len);
    struct span data = span_of(key.at + key.len, frame.data_len);
    if (frame.crc32c != frame_checksum(lane, &frame, key, data))
        return -EBADMSG;
    *ret = (struct log_record){frame.index, frame.time_ms, key, data};
    return (int64_t)*ret_need;
}
