// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the parts of an HTTP message may consist of, as tables. Pure, any thread. */
#include "base/span.h"

/* The lower-case form of a byte that may stand in a token (RFC 9110 section 5.6.2), else 0. */
extern const uint8_t http_token_octets[256];

/* May this stand in a field value: visible, blank, tab, or above ASCII (RFC 9110 section 5.5)? */
static inline bool http_is_value_octet(char c)
{
    return (unsigned char)c >= 0x20 ? c != 0x7f : c == '\t';
}

/* A token of at least one byte. */
bool http_is_token(struct span s);
/* Only what may stand in a field value. */
bool http_is_value(struct span s);
/* Only what may stand in a request target: visible ASCII without '#', which no client sends. */
bool http_is_target(struct span s);
/* host [":" port] (RFC 3986 section 3.2, without user information); may be empty. */
bool http_is_host(struct span s);
