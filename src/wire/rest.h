// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Members of REST operations outside the body, and the choice of the payload, in both directions.
 * One thread per call. */
#include "wire/decoder.h"
#include "wire/encoder.h"

/* Labels, query and headers into `to`. */
RESULT rest_decode_head(struct decoder *d, const struct shape *shape,
                        const struct wire_request *request, void *to);
/* The payload member, or the members of the body. */
RESULT rest_decode_body(struct decoder *d, const struct shape *shape, struct span body, void *to);

/* Headers, status and body of a reply; answers the content type, empty when there is no body. */
struct span rest_encode(struct call *c, const struct shape *shape, const void *from,
                        struct wire_reply *reply, struct buf *body);
