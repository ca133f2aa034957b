// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A growable byte buffer with an obligatory ceiling. An append that would pass the ceiling appends
 * nothing and sets `over`, which stays set until buf_clear: write everything, then ask once. One
 * thread at a time.
 */
#include "base/span.h"

#include <stdarg.h>

struct buf {
    char *at;
    size_t len;
    size_t cap;
    size_t ceiling; /* bytes */
    bool over;      /* something did not fit */
};

void buf_init(struct buf *buf, size_t ceiling);
/* Frees the memory; the buffer may be used again. Accepts a zeroed buffer. */
void buf_done(struct buf *buf);
/* Empties it, keeping the memory. */
void buf_clear(struct buf *buf);

static inline struct span buf_span(const struct buf *buf)
{
    return span_of(buf->at, buf->len);
}

/* Room for `size` more bytes, to be filled by the caller and then counted by adding to `len`; NULL
 * when it would pass the ceiling (`over` is set). */
char *buf_room(struct buf *buf, size_t size);
void buf_append_slow(struct buf *buf, struct span s);
/* Exchanges what they hold; each keeps its ceiling. */
void buf_swap(struct buf *one, struct buf *other);
/* Drops the first `size` bytes. */
void buf_drop(struct buf *buf, size_t size);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);
void buf_append_u64(struct buf *buf, uint64_t value);
void buf_append_i64(struct buf *buf, int64_t value);

static inline void buf_append(struct buf *buf, struct span s)
{
    if (s.len <= buf->cap - buf->len && s.len) {
        memcpy(buf->at + buf->len, s.at, s.len);
        buf->len += s.len;
    } else if (s.len) {
        buf_append_slow(buf, s);
    }
}

static inline void buf_append_byte(struct buf *buf, char byte)
{
    if (buf->len < buf->cap)
        buf->at[buf->len++] = byte;
    else
        buf_append_slow(buf, span_of(&byte, 1));
}
