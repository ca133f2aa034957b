// SPDX-License-Identifier: Apache-2.0
/*
 * Memory and refusals of the decoders. Key invariant: what a request makes us allocate is taken
 * from a budget derived from the arena's ceiling, so no input can make the arena abort. One thread
 * per request.
 */
#include "wire/decoder.h"

static const struct error_kind serialization_exception = {"SerializationException", NULL, 400};
static const struct error_kind malformed_input = {"MalformedInput", NULL, 400};
static const struct error_kind invalid_parameter_value = {"InvalidParameterValue", NULL, 400};
static const struct error_kind malformed_xml = {"MalformedXML", NULL, 400};

/* Half of the room: arrays are copied when they grow, and blocks end with a rest. Decoded texts
 * take at most the input's length again. */
void decoder_init(struct decoder *d, struct call *c, const struct service *service,
                  size_t input_len)
{
    size_t room = (c->arena->ceiling - c->arena->taken) / 2;
    *d = (struct decoder){
        .c = c,
        .service = service,
        .budget = room > 2 * input_len ? room - 2 * input_len : 0,
    };
}

const struct refusal *decoder_room(struct decoder *d, size_t size, void **out)
{
    if (size > d->budget)
        return decoder_malformed(d, "The request has more elements than can be taken");
    d->budget -= size;
    *out = arena_alloc(d->c->arena, size);
    return OK;
}

const struct refusal *decoder_take(struct decoder *d, size_t size, void **out)
{
    TRY(decoder_room(d, size, out));
    memset(*out, 0, size);
    return OK;
}

const struct refusal *decoder_enter(struct decoder *d)
{
    if (++d->depth > 2 * DECODER_MAX_DEPTH)
        return decoder_malformed(d, "The request is nested too deeply");
    return OK;
}

const struct refusal *decoder_member(struct decoder *d, const struct field *field,
                                     const struct shape *shape, void *base, void **out)
{
    slot_mark(field, base);
    if (shape->kind != KIND_STRUCTURE) {
        *out = struct_at(base, field->offset, void);
        return OK;
    }
    TRY(decoder_take(d, shape->size, out));
    *struct_at(base, field->offset, void *) = *out;
    return OK;
}

const struct refusal *decoder_check_union(struct decoder *d, const struct shape *shape,
                                          unsigned set)
{
    if (!(shape->flags & SHAPE_UNION) || set == 1)
        return OK;
    return decoder_malformed(d, "%.*s must have exactly one member set",
                             SPAN_ARG(service_text(d->service, shape->name)));
}

static const struct error_kind *malformed_kind(const struct call *c)
{
    switch ((enum PROTOCOL)c->protocol) {
    case PROTOCOL_QUERY:
        return &malformed_input;
    case PROTOCOL_EC2:
        return &invalid_parameter_value;
    case PROTOCOL_REST_XML:
        return &malformed_xml;
    case PROTOCOL_JSON:
    case PROTOCOL_REST_JSON:
    case PROTOCOL_CBOR:
    case PROTOCOL_AWS_CBOR:
        break;
    }
    return &serialization_exception;
}

const struct refusal *decoder_malformed(struct decoder *d, const char *format, ...)
{
    if (d->c->protocol == PROTOCOL_REST_XML)
        return refuse(d->c, &malformed_xml,
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(d->c->arena, format, args);
    va_end(args);
    return refuse(d->c, malformed_kind(d->c), "%.*s", SPAN_ARG(message));
}
