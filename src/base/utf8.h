// SPDX-License-Identifier: Apache-2.0
#pragma once
/* UTF-8 (RFC 3629): no surrogates, no overlong forms, nothing above U+10FFFF. Pure functions. */
#include "base/span.h"

bool utf8_is_valid(struct span s);
/* Writes one code point (at most 4 bytes) and returns how many bytes it took. */
size_t utf8_encode(uint32_t code_point, char *to);
/* Reads the code point at the front of `s` and moves `s` behind it; UINT32_MAX when invalid or
 * empty. */
uint32_t utf8_next(struct span *s);
/* Code points in valid UTF-8. */
size_t utf8_count(struct span s);
