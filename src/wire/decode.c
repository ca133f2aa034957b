// SPDX-License-Identifier: Apache-2.0
/* Picks the decoder of the request's protocol. One thread per request. */
#include "wire/decoder.h"
#include "wire/rest.h"

/* A GET carries the form in its query. */
static RESULT read_form(struct decoder *d, const struct shape *shape,
                        const struct wire_request *request, void *in)
{
    struct span form = request->body.len ? request->body : request->query;
    return form_decode_input(d, shape, form, in);
}

enum PART { PART_HEAD, PART_ALL };

static RESULT decode(struct call *c, const struct wire_request *request, enum PART part, void *in)
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
        return json_decode(&d, shape, MEMBERS_ALL, request->body,
                           in); /* an empty body is malformed */
    case PROTOCOL_CBOR:
    case PROTOCOL_AWS_CBOR:
        return request->body.len ? cbor_decode(&d, shape, request->body, in) : OK;
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML:
        break;
    }
    TRY(rest_decode_head(&d, shape, request, in));
    return part == PART_ALL ? rest_decode_body(&d, shape, request->body, in) : OK;
}

const struct refusal *wire_decode(struct call *c, const struct wire_request *request, void *in)
{
    return decode(c, request, PART_ALL, in);
}

const struct refusal *wire_decode_head(struct call *c, const struct wire_request *request, void *in)
{
    return decode(c, request, PART_HEAD, in);
}
