// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The head of a reply as bytes. Pure but for the arena. */
#include "http/server.h"

enum REPLY_FRAMING { REPLY_LENGTH, REPLY_CHUNKED, REPLY_NEITHER };

struct reply_head {
    int status;
    struct span date; /* as in a Date field */
    struct headers headers;
    enum REPLY_FRAMING framing;
    uint64_t content_length; /* for REPLY_LENGTH */
    struct span connection;  /* value of Connection, absent: no such field */
};

struct span reply_head_encode(struct arena *arena, const struct reply_head *head);
/* Has a reply of this status no body at all (RFC 9110 section 6.4.1)? */
bool reply_is_bodiless(int status);
