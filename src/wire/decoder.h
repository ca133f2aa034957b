// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What all decoders share: the budget that bounds how much memory a request may make us take, the
 * nesting bound, arrays that grow in the arena, and the refusals of malformed input in each
 * protocol's words. One decoder per request, on the stack of wire_decode.
 */
#include "wire/codec.h"
#include "wire/slot.h"

#define DECODER_MAX_DEPTH 64 /* structures inside one another */

struct decoder {
    struct call *c;
    const struct service *service;
    size_t budget; /* bytes that structures and arrays may still take */
    int depth;     /* structures, lists and maps that are open */
};

void decoder_init(struct decoder *d, struct call *c, const struct service *service,
                  size_t input_len);

/* Memory against the budget. */
RESULT decoder_room(struct decoder *d, size_t size, void **out);
/* The same, zeroed. */
RESULT decoder_take(struct decoder *d, size_t size, void **out);
/* Counts one more open container; pair with d->depth--. */
RESULT decoder_enter(struct decoder *d);

/* Memory for the value of a member: allocates a structure and links it. */
RESULT decoder_member(struct decoder *d, const struct field *field, const struct shape *shape,
                      void *base, void **out);

/* A union has exactly one member; `set` is how many came. Other structures are not asked. */
RESULT decoder_check_union(struct decoder *d, const struct shape *shape, unsigned set);

/* The request is not what the protocol demands: SerializationException, MalformedInput, or
 * MalformedXML with its one fixed text. */
RESULT decoder_malformed(struct decoder *d, const char *format, ...) PRINTF_LIKE(2, 3);

/* One protocol's body into the structure `shape` at `to` (zeroed). `only_body` leaves members of
 * other locations alone. */
enum MEMBERS { MEMBERS_ALL, MEMBERS_IN_BODY };
RESULT json_decode(struct decoder *d, const struct shape *shape, enum MEMBERS which,
                   struct span json, void *to);
RESULT xml_decode(struct decoder *d, const struct shape *shape, enum MEMBERS which,
                  struct span root, struct span xml, void *to);
RESULT cbor_decode(struct decoder *d, const struct shape *shape, struct span cbor, void *to);
/* `form` is name=value&name=value…, the body of a POST or the query of a GET. */
RESULT form_decode_input(struct decoder *d, const struct shape *shape, struct span form, void *to);
