// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The field blocks of HTTP/2: those of requests become a head as if it were one of HTTP/1.1, those
 * of replies become nghttp2's name-value pairs. Pure but for the arena.
 */
#include "http/head.h"
#include "http/reply_head.h"

#include <nghttp2/nghttp2.h>

struct h2_head {
    struct span method, path, authority; /* pseudo fields */
    struct headers fields;
    size_t room;
    size_t size; /* as RFC 9113 section 6.5.2 counts */
};

/* Notes one field, copied. */
void h2_head_note(struct arena *arena, struct h2_head *head, struct span name, struct span value);
/* 0, or the status to refuse it with. A Host field is made of :authority, since signatures and
 * handlers look for one (RFC 9113 section 8.3.1); :authority stays a field, since it may be signed.
 */
MUST_CHECK int h2_head_parse(struct arena *arena, struct h2_head *from, struct http_head *ret);
/* In the arena; the fields' names in lower case. */
nghttp2_nv *h2_head_encode(struct arena *arena, const struct reply_head *head, size_t *ret_count);
