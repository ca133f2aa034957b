// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Bytes to structs and back, for every protocol, driven by the tables of wire/shape.h. Pure: no
 * I/O. The decoder checks as it fills (syntax and types), wire_validate then checks required,
 * length, range, pattern and enum constraints; both answer with the service's own errors and texts.
 */
#include "base/buf.h"
#include "wire/call.h"

struct wire_label {
    struct span name, value; /* of {name} in the URI template; value is decoded */
};

struct wire_request {
    struct span method;
    struct span path;  /* raw, as on the request line, without the query */
    struct span query; /* raw, without '?' */
    struct headers headers;
    const struct wire_label *labels;
    size_t label_count;
    struct span body; /* absent while a streaming body has not come yet */
};

struct wire_reply {
    uint16_t status;
    struct header *headers; /* in the call's arena */
    size_t header_count;
    struct span body;          /* when not streaming */
    const struct body *stream; /* or NULL */
    bool has_body;             /* false for 204, 304 and HEAD-like replies */
};

/* Fills `in` (zeroed, operation->in_size bytes) from the request. */
RESULT wire_decode(struct call *c, const struct wire_request *request, void *in);
/* The same without body, for the admit step of streaming operations. */
RESULT wire_decode_head(struct call *c, const struct wire_request *request, void *in);
RESULT wire_validate(struct call *c, const void *in);
/* Prints `out`. Never fails: `out` comes from our own handlers. */
void wire_encode(struct call *c, const void *out, struct wire_reply *reply);
void wire_encode_refusal(struct call *c, const struct refusal *refusal, struct wire_reply *reply);

/* One shape by itself: for tests, fuzzers and services that store JSON forms. */
RESULT wire_json_read(struct call *c, const struct service *service, uint16_t shape,
                      struct span json, void *out);
/* A document of S3's XML; `root` is the name of its element. */
RESULT wire_xml_read(struct call *c, uint16_t shape, struct span root, struct span xml, void *out);
void wire_json_write(const struct service *service, uint16_t shape, const void *in,
                     struct buf *out);
