// SPDX-License-Identifier: Apache-2.0
/* Growth by doubling up to the ceiling; the fast paths are inline in the header. One thread at a
 * time. */
#include "base/buf.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *buf, size_t ceiling)
{
    *buf = (struct buf){.ceiling = ceiling};
}

void buf_done(struct buf *buf)
{
    free(buf->at);
    buf_init(buf, buf->ceiling);
}

void buf_clear(struct buf *buf)
{
    buf->len = 0;
    buf->over = false;
}

char *buf_room(struct buf *buf, size_t size)
{
    if (size <= buf->cap - buf->len)
        return buf->at + buf->len;
    if (size > buf->ceiling || buf->len > buf->ceiling - size) {
        buf->over = true;
        return NULL;
    }
    size_t cap = buf->cap ? buf->cap * 2 : 256;
    while (cap - buf->len < size && cap <= buf->ceiling / 2)
        cap *= 2;
    if (cap > buf->ceiling || cap - buf->len < size)
        cap = buf->ceiling;
    char *at = realloc(buf->at, cap);
    if (!at)
        log_fatal("out of memory (%zu bytes)", cap);
    buf->at = at;
    buf->cap = cap;
    return at + buf->len;
}

void buf_append_slow(struct buf *buf, struct span s)
{
    char *room = buf_room(buf, s.len);
    if (!room)
        return;
    memcpy(room, s.at, s.len);
    buf->len += s.len;
}

void buf_swap(struct buf *one, struct buf *other)
{
    struct buf was = *one;
    size_t ceiling = other->ceiling;
    *one = *other;
    *other = was;
    other->ceiling = ceiling;
    one->ceiling = was.ceiling;
}

void buf_drop(struct buf *buf, size_t size)
{
    if (size >= buf->len) {
        buf->len = 0;
        return;
    }
    memmove(buf->at, buf->at + size, buf->len - size);
    buf->len -= size;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *room = len < 0 ? NULL : buf_room(buf, (size_t)len + 1);
    if (room) {
        vsnprintf(room, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void buf_append_u64(struct buf *buf, uint64_t value)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    buf_append(buf, span_of(digits + at, sizeof digits - at));
}

void buf_append_i64(struct buf *buf, int64_t value)
{
    if (value < 0)
        buf_append_byte(buf, '-');
    buf_append_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}
