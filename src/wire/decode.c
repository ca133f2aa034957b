// SPDX-License-Identifier: Apache-2.0
/* Picks the decoder of the request's protocol. One thread per request. */
#include "wire/decoder.h"

static RESULT read_json(struct decoder *d, const struct shape *shape, struct span body, void *in)
{
    return body.len ? json_decode(d, shape, MEMBERS_ALL, body, in) : OK;
}

/* A GET carries the form in its query. */
static RESULT read_form(struct decoder *d, const struct shape *shape,
                        const struct wire_request *request, void *in)
{
    struct span form = request->body.len ? request->body : request->query;
    return form_decode_input(d, shape, form, in);
}

static RESULT decode(struct call *c, const struct wire_request *request, void *in)
{
    struct decoder d;
    const struct operation *operation = c->operation;
    if (operation->input == NO_SHAPE)
        return OK;
    decoder_init(&d, c, c->service, request->body.len + request->query.len);
    const struct shape *shape = shape_at(c->service, operation->input);
    switch ((enum PROTOCOL)c->protocol) {
    case PROTOCOL_QUERY:
    case PROTOCOL_EC2:
        return read_form(&d, shape, request, in);
    case PROTOCOL_JSON:
        return read_json(&d, shape, request->body, in);
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML:
    case PROTOCOL_CBOR:
        break;
    }
    return OK;
}

const struct refusal *wire_decode(struct call *c, const struct wire_request *request, void *in)
{
    return decode(c, request, in);
}

const struct refusal *wire_decode_head(struct call *c, const struct wire_request *request, void *in)
{
    return decode(c, request, in);
}
