// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Content of extents on its way out, piece by piece: workers read and open it while the loop sends
 * what came before. Memory is bounded (one piece). Belongs to one loop.
 */
#include "base/buf.h"
#include "loop/workers.h"
#include "store/extent.h"

#define OUTLET_PIECE (512 * 1024) /* bytes */

struct outlet;

struct outlet_events {
    /* After outlet_next: the next bytes, which may be taken with their memory (buf_swap); or a
     * negative errno. */
    void (*piece)(struct outlet *outlet, void *user, struct buf *bytes, int error);
    void *user;
};

/* Copies and pins the parts. */
struct outlet *outlet_new(struct store *store, struct workers *workers, struct loop *loop,
                          const struct extent_part *parts, size_t count);
void outlet_on(struct outlet *outlet, const struct outlet_events *events);
bool outlet_is_done(const struct outlet *outlet); /* all pieces have come */
/* Asks for the next piece; one at a time, and not once it is done. */
void outlet_next(struct outlet *outlet);
/* Ends it at any time, also from the event; no event follows. */
void outlet_free(struct outlet *outlet);
