// SPDX-License-Identifier: Apache-2.0
/* Decoding and encoding of code points, strict. Pure functions, any thread. */
#include "base/utf8.h"

uint32_t utf8_next(struct span *s)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s->len == 0)
        return UINT32_MAX;
    unsigned char lead = (unsigned char)s->at[0];
    if (lead < 0x80) {
        *s = span_from(*s, 1);
        return lead;
    }
    size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    if (lead < 0xc2 || lead > 0xf4 || s->len < len)
        return UINT32_MAX;
    uint32_t code_point = lead & (0xffU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)s->at[i] & 0xc0) != 0x80)
            return UINT32_MAX;
        code_point = code_point << 6 | ((unsigned char)s->at[i] & 0x3f);
    }
    if (code_point < smallest[len] || code_point > 0x10ffff ||
        (code_point >= 0xd800 && code_point < 0xe000))
        return UINT32_MAX;
    *s = span_from(*s, len);
    return code_point;
}

bool utf8_is_valid(struct span s)
{
    while (s.len)
        if (utf8_next(&s) == UINT32_MAX)
            return false;
    return true;
}

size_t utf8_encode(uint32_t code_point, char *to)
{
    if (code_point < 0x80) {
        to[0] = (char)code_point;
        return 1;
    }
    size_t len = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--) {
        to[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    to[0] = (char)(0xf00U >> len | code_point);
    return len;
}

size_t utf8_count(struct span s)
{
    size_t count = 0;
    for (size_t i = 0; i < s.len; i++)
        count += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return count;
}
