// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Text encodings of bytes: hex, base64 (RFC 4648), percent-encoding (RFC 3986). Decoders are strict
 * and answer an absent span on bad input. Results live in the arena. Pure, any thread.
 */
#include "base/arena.h"
#include "base/buf.h"

/* Lower-case hex; `to` takes 2 * len bytes, no terminator. */
void hex_encode(const void *bytes, size_t len, char *to);
struct span hex_of(struct arena *arena, struct span bytes);
struct span hex_decode(struct arena *arena, struct span text);

/* With padding. */
struct span base64_of(struct arena *arena, struct span bytes);
void base64_append(struct buf *buf, struct span bytes);
/* Padding is required, blanks are not allowed, unused bits must be 0. */
struct span base64_decode(struct arena *arena, struct span text);

/* Everything but A-Z a-z 0-9 - _ . ~ becomes %XX; '/' too unless `keep_slash`. */
enum URI_SLASH { URI_SLASH_ENCODED, URI_SLASH_KEPT };
void uri_append(struct buf *buf, struct span text, enum URI_SLASH slash);
struct span uri_encode(struct arena *arena, struct span text, enum URI_SLASH slash);
/* %XX decoded; absent when a '%' is not followed by two hex digits. Returns the input when nothing
 * is coded. */
struct span uri_decode(struct arena *arena, struct span text);
/* The same, with '+' read as a blank (application/x-www-form-urlencoded). */
struct span form_decode(struct arena *arena, struct span text);
