// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * An output that goes on while the client listens: messages of an event stream. A handler that
 * answers OK with `call.feed` set has promised it; the gate then asks it for messages, sends what
 * it gives once that is durable, and asks again when the feed says so, was woken, or the client has
 * taken what was sent. Everything runs on the exchange's loop.
 */
#include "base/buf.h"
#include "wire/call.h"

enum FEED { FEED_GOES_ON, FEED_ENDED };

struct feed {
    /* Appends what there is now to `out`, maybe nothing. In a transaction of its own; what it takes
     * from the call's arena ends with it. *ret_next_ms: when to ask again at the latest, on
     * clock_steady_ms. */
    enum FEED (*pump)(struct feed *feed, struct call *c, struct buf *out, int64_t *ret_next_ms);
    /* Set by `pump`: bytes to be sent behind what was appended, from where they lie. They stay
     * until `pump` is called again, which is after they were sent, or `end`. */
    struct span lent;
    /* The last call: the reply has ended, or the client left. */
    void (*end)(struct feed *feed);
    /* Set by the gate: to be called when there may be more, which is to be asked for from then on;
     * on clock_steady_ms. */
    void (*wake)(struct feed *feed, int64_t at_ms);
    void *user; /* the gate's */
};
