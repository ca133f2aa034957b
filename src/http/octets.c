// SPDX-License-Identifier: Apache-2.0
/* The tables, and the checks that walk eight bytes at a time where almost all input is good. Pure,
 * any thread. */
#include "http/octets.h"

/* clang-format off */
const uint8_t http_token_octets[256] = {
    ['!'] = '!', ['#'] = '#', ['$'] = '$', ['%'] = '%', ['&'] = '&', ['\''] = '\'', ['*'] = '*',
    ['+'] = '+', ['-'] = '-', ['.'] = '.', ['^'] = '^', ['_'] = '_', ['`'] = '`', ['|'] = '|',
    ['~'] = '~',
    ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5', ['6'] = '6',
    ['7'] = '7', ['8'] = '8', ['9'] = '9',
    ['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',
    ['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',
    ['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
    ['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
    ['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
    ['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
    ['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
    ['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
};

/* reg-name and the characters of an IP literal. */
static const bool host_octets[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true,
    ['-'] = true, ['.'] = true, ['_'] = true, ['~'] = true, ['%'] = true, ['!'] = true, ['$'] = true,
    ['&'] = true, ['\''] = true, ['('] = true, [')'] = true, ['*'] = true, ['+'] = true,
    [','] = true, [';'] = true, ['='] = true,
};
/* clang-format on */

bool http_is_token(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!http_token_octets[(unsigned char)s.at[i]])
            return false;
    return s.len > 0;
}

#define EVERY(byte) (0x0101010101010101ULL * (byte))

/* The high bit of every byte that is below `limit` (at most 128), or above a byte that is. */
static uint64_t bytes_below(uint64_t eight, uint8_t limit)
{
    return (eight - EVERY(limit)) & ~eight & EVERY(0x80);
}

static uint64_t eight_at(const char *at)
{
    uint64_t eight;
    memcpy(&eight, at, sizeof eight);
    return eight;
}

bool http_is_value(struct span s)
{
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t eight = eight_at(s.at + i);
        if (!(bytes_below(eight, 0x20) | bytes_below(eight ^ EVERY(0x7f), 1)))
            continue;
        for (size_t j = i; j < i + 8; j++)
            if (!http_is_value_octet(s.at[j]))
                return false;
    }
    for (; i < s.len; i++)
        if (!http_is_value_octet(s.at[i]))
            return false;
    return true;
}

static bool is_target_octet(char c)
{
    return c > 0x20 && c < 0x7f && c != '#';
}

bool http_is_target(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_target_octet(s.at[i]))
            return false;
    return s.len > 0;
}

static bool is_ip_literal(struct span s)
{
    if (s.len < 4 || s.at[0] != '[' || s.at[s.len - 1] != ']')
        return false;
    for (size_t i = 1; i < s.len - 1; i++)
        if (!host_octets[(unsigned char)s.at[i]] && s.at[i] != ':')
            return false;
    return true;
}

static bool is_port(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len <= 5;
}

bool http_is_host(struct span s)
{
    size_t bracket = span_find_last_byte(s, ']');
    size_t from = bracket == SPAN_NOT_FOUND ? 0 : bracket + 1;
    size_t colon = span_find_byte(span_from(s, from), ':');
    struct span name = s;
    if (colon != SPAN_NOT_FOUND) {
        name = span_first(s, from + colon);
        if (!name.len || !is_port(span_from(s, name.len + 1)))
            return false;
    }
    if (from)
        return name.len == from && is_ip_literal(name);
    for (size_t i = 0; i < name.len; i++)
        if (!host_octets[(unsigned char)name.at[i]])
            return false;
    return true;
}
