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

const struct refusal *decoder_take(struct decoder *d, size_t size, void **out)
{
    if (size > d->budget)
        return decoder_malformed(d, "The request has more elements than can be taken");
    d->budget -= size;
    *out = arena_zalloc(d->c->arena, 1, size);
    return OK;
}

const struct refusal *decoder_enter(struct decoder *d)
{
    if (++d->depth > 2 * DECODER_MAX_DEPTH)
        return decoder_malformed(d, "The request is nested too deeply");
    return OK;
}

const struct refusal *growing_add(struct decoder *d, struct growing *array, void **out)
{
    if (array->count == array->capacity) {
        size_t capacity = array->capacity ? array->capacity * 2 : array->size > 128 ? 1 : 4;
        void *grown;
        TRY(decoder_take(d, capacity * array->size, &grown));
        if (array->count)
            memcpy(grown, array->at, array->count * array->size);
        array->at = grown;
        array->capacity = capacity;
    }
    *out = array->at + array->count++ * array->size;
    return OK;
}

struct any_list growing_done(const struct decoder *d, const struct growing *array)
{
    return (struct any_list){
        .at = array->at ? array->at : arena_alloc(d->c->arena, 0),
        .count = array->count,
    };
}

static struct span *entry_key(const struct growing *array, size_t index)
{
    return (struct span *)(void *)(array->at + index * array->size);
}

/* The index of an earlier entry of that key in the open-addressed table `places` (index + 1), or
 * the entry's own, which is then entered. */
static size_t enter_key(const struct growing *array, size_t index, uint32_t *places, size_t mask)
{
    struct span key = *entry_key(array, index);
    for (size_t at = span_hash(key) & mask;; at = (at + 1) & mask) {
        if (places[at] == 0) {
            places[at] = (uint32_t)index + 1;
            return index;
        }
        if (span_eq(*entry_key(array, places[at] - 1), key))
            return places[at] - 1;
    }
}

static void drop_repeated_keys(const struct decoder *d, struct growing *array)
{
    size_t places_count = 16, kept = 0;
    while (places_count < array->count * 2)
        places_count *= 2;
    struct arena_mark mark = arena_mark(d->c->arena);
    uint32_t *places = ARENA_ARRAY(d->c->arena, uint32_t, places_count);
    for (size_t i = 0; i < array->count; i++) {
        char *from = array->at + i * array->size, *to = array->at + kept * array->size;
        if (from != to)
            memcpy(to, from, array->size);
        size_t first = enter_key(array, kept, places, places_count - 1);
        if (first == kept)
            kept++;
        else
            memcpy(array->at + first * array->size, to, array->size);
    }
    array->count = kept;
    arena_rewind(d->c->arena, mark);
}

/* Few bits of each key tell most maps apart from those that need the look. */
static bool may_repeat(const struct growing *array)
{
    uint64_t seen = 0;
    for (size_t i = 0; i < array->count; i++) {
        struct span key = *entry_key(array, i);
        unsigned hash = (unsigned)key.len * 11;
        if (key.len)
            hash += (unsigned char)key.at[0] * 5U + (unsigned char)key.at[key.len - 1] * 3U +
                    (unsigned char)key.at[key.len / 2];
        uint64_t bit = 1ULL << (hash & 63);
        if (seen & bit)
            return true;
        seen |= bit;
    }
    return false;
}

struct any_map growing_map(const struct decoder *d, struct growing *array)
{
    if (may_repeat(array))
        drop_repeated_keys(d, array);
    struct any_list list = growing_done(d, array);
    return (struct any_map){.at = list.at, .count = list.count};
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
