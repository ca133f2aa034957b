// SPDX-License-Identifier: Apache-2.0
/*
 * The places outside the body where REST requests carry members: URI labels, query words, headers,
 * prefixed headers; and the choice of the payload. Sources: Smithy's "HTTP binding traits"; S3's
 * "Error responses" for the words. One thread per request.
 */
#include "wire/rest.h"

#include "base/json.h"
#include "base/text.h"
#include "base/utf8.h"
#include "wire/growing.h"
#include "wire/scalar.h"

#define MAX_WORDS 1024 /* query words of a request */

struct word {
    struct span name, value;
};

struct rest {
    struct decoder *d;
    const struct wire_request *request;
    const struct shape *shape;
    void *to;
    struct word *words;
    size_t word_count;
    uint64_t name_lengths; /* of the headers: bit n where one has n letters, modulo 64 */
};

static const struct error_kind invalid_argument = {"InvalidArgument", NULL, 400};
static const struct error_kind invalid_uri = {"InvalidURI", NULL, 400};

static RESULT wrong_value(struct rest *r, const struct field *field, const struct shape *shape,
                          struct span value)
{
    struct call *c = r->d->c;
    struct span name = service_text(r->d->service, field->wire);
    if (c->protocol != PROTOCOL_REST_XML)
        return decoder_malformed(r->d, "STRING_VALUE can not be converted to %s %s",
                                 shape->kind == KIND_INTEGER ? "an" : "a",
                                 scalar_name(shape->kind));
    const struct refusal *refusal =
        shape->kind == KIND_INTEGER || shape->kind == KIND_LONG
            ? refuse(c, &invalid_argument, "Provided %.*s not an integer or within integer range",
                     SPAN_ARG(name))
            : refuse(c, &invalid_argument, "Argument format not recognized");
    refusal = refusal_add(c, refusal, S("ArgumentName"), name);
    return refusal_add(c, refusal, S("ArgumentValue"), span_first(value, 1024));
}

static RESULT bad_uri(struct rest *r)
{
    if (r->d->c->protocol == PROTOCOL_REST_XML)
        return refuse(r->d->c, &invalid_uri, "Couldn't parse the specified URI.");
    return decoder_malformed(r->d, "The request URI is malformed");
}

/* A condition on a time that cannot be read is no condition (RFC 9110, 13.1.3). */
static bool is_condition(struct span name)
{
    return span_starts_nocase(name, S("if-")) ||
           span_find(name, S("-source-if-")) != SPAN_NOT_FOUND;
}

/* One value from its text. */
static RESULT read_text(struct rest *r, const struct field *field, const struct shape *shape,
                        struct span text, void *to)
{
    enum TIME_FORMAT otherwise = field->location == IN_HEADER ? TIME_HTTP : TIME_ISO8601;
    enum TIME_FORMAT format = time_format_of(shape, field->time_format, otherwise);
    if ((field->flags & FIELD_JSON_VALUE) && shape->kind == KIND_STRING) {
        text = base64_decode(r->d->c->arena, text);
        if (!text.at)
            return wrong_value(r, field, shape, S(""));
    }
    if (shape->kind == KIND_STRING && !utf8_is_valid(text))
        return field->location == IN_HEADER ? wrong_value(r, field, shape, S("")) : bad_uri(r);
    if (!scalar_read(r->d->c->arena, shape->kind, format, text, to))
        return wrong_value(r, field, shape, text);
    return OK;
}

static RESULT read_member(struct rest *r, const struct field *field, struct span text)
{
    const struct shape *shape = shape_at(r->d->service, field->shape);
    if (shape->kind == KIND_TIMESTAMP && is_condition(service_text(r->d->service, field->wire))) {
        int64_t ms = scalar_to_time(text, time_format_of(shape, field->time_format, TIME_HTTP));
        if (ms == INT64_MIN)
            return OK;
    }
    slot_mark(field, r->to);
    return read_text(r, field, shape, text, struct_at(r->to, field->offset, void));
}

static RESULT add_to_list(struct rest *r, const struct field *field, struct span text,
                          struct any_list *to)
{
    const struct shape *list = shape_at(r->d->service, field->shape);
    struct growing array = growing_resume(*to, list->size);
    void *element;
    TRY(growing_add(r->d, &array, &element));
    *to = growing_done(r->d, &array);
    return read_text(r, field, shape_at(r->d->service, list->member), text, element);
}

/* Cuts one element off a comma-separated header. Texts may be quoted; HTTP dates have a comma of
 * their own. */
static struct span cut_element(struct arena *arena, struct span *rest, bool dates)
{
    *rest = span_trim(*rest);
    if (rest->len && rest->at[0] == '"') {
        char *text = arena_alloc(arena, rest->len);
        size_t len = 0, at = 1;
        while (at < rest->len && rest->at[at] != '"') {
            if (rest->at[at] == '\\' && at + 1 < rest->len)
                at++;
            text[len++] = rest->at[at++];
        }
        struct span behind = span_from(*rest, at + 1);
        span_cut(&behind, ',');
        *rest = behind;
        return span_of(text, len);
    }
    const char *from = rest->at;
    struct span first = span_cut(rest, ',');
    if (dates && !span_is_absent(*rest)) {
        struct span second = span_cut(rest, ',');
        return span_trim(span_of(from, (size_t)(second.at + second.len - from)));
    }
    return span_trim(first);
}

static RESULT read_header_list(struct rest *r, const struct field *field, struct span value)
{
    const struct shape *list = shape_at(r->d->service, field->shape);
    const struct shape *member = shape_at(r->d->service, list->member);
    struct any_list *to = struct_at(r->to, field->offset, struct any_list);
    bool dates = member->kind == KIND_TIMESTAMP &&
                 time_format_of(member, field->time_format, TIME_HTTP) == TIME_HTTP;
    while (!span_is_absent(value))
        TRY(add_to_list(r, field, cut_element(r->d->c->arena, &value, dates), to));
    return OK;
}

static uint64_t length_bit(struct span name)
{
    return 1ULL << (name.len % 64);
}

static uint64_t lengths_of(struct headers headers)
{
    uint64_t lengths = 0;
    for (size_t i = 0; i < headers.count; i++)
        lengths |= length_bit(headers.at[i].name);
    return lengths;
}

/* Most of the members that an operation may have are not sent. */
static RESULT read_header(struct rest *r, const struct field *field)
{
    struct span wire = service_text(r->d->service, field->wire);
    if (!(r->name_lengths & length_bit(wire)))
        return OK;
    bool list = shape_at(r->d->service, field->shape)->kind == KIND_LIST;
    for (size_t i = 0; i < r->request->headers.count; i++) {
        const struct header *header = &r->request->headers.at[i];
        if (!span_eq_nocase(header->name, wire))
            continue;
        if (list)
            TRY(read_header_list(r, field, header->value));
        else
            return read_member(r, field, header->value);
    }
    return OK;
}

static RESULT read_prefixed_headers(struct rest *r, const struct field *field)
{
    const struct shape *map = shape_at(r->d->service, field->shape);
    struct span prefix = service_text(r->d->service, field->wire);
    struct growing array = {.size = map->size};
    for (size_t i = 0; i < r->request->headers.count; i++) {
        const struct header *header = &r->request->headers.at[i];
        if (!span_starts_nocase(header->name, prefix))
            continue;
        void *entry;
        TRY(growing_add(r->d, &array, &entry));
        *(struct span *)entry = span_from(header->name, prefix.len);
        *struct_at(entry, map->value_offset, struct span) = header->value;
    }
    if (array.count)
        *struct_at(r->to, field->offset, struct any_map) = growing_map(r->d, &array);
    return OK;
}

static RESULT read_words(struct rest *r)
{
    struct span rest = r->request->query;
    if (rest.len == 0)
        return OK;
    void *words;
    TRY(decoder_take(r->d, MAX_WORDS * sizeof *r->words, &words));
    r->words = words;
    while (!span_is_absent(rest)) {
        struct span value = span_cut(&rest, '&');
        struct span name = span_cut(&value, '=');
        if (name.len == 0)
            continue;
        if (r->word_count == MAX_WORDS)
            return bad_uri(r);
        struct word *word = &r->words[r->word_count++];
        word->name = form_decode(r->d->c->arena, name);
        word->value = value.at ? form_decode(r->d->c->arena, value) : S("");
        if (!word->name.at || !word->value.at)
            return bad_uri(r);
    }
    return OK;
}

static RESULT read_query(struct rest *r, const struct field *field)
{
    struct span wire = service_text(r->d->service, field->wire);
    bool list = shape_at(r->d->service, field->shape)->kind == KIND_LIST;
    for (size_t i = 0; i < r->word_count; i++) {
        if (!span_eq(r->words[i].name, wire))
            continue;
        if (!list)
            return read_member(r, field, r->words[i].value);
        TRY(add_to_list(r, field, r->words[i].value,
                        struct_at(r->to, field->offset, struct any_list)));
    }
    return OK;
}

/* Whether a query word belongs to a member, to the URI's template, or to what clients add. */
static bool is_named(const struct rest *r, struct span name)
{
    const struct service *service = r->d->service;
    const struct field *field = first_field(service, r->shape);
    for (unsigned i = 0; i < r->shape->field_count; i++, field++)
        if (field->location == IN_QUERY && shape_at(service, field->shape)->kind != KIND_MAP &&
            span_eq(service_text(service, field->wire), name))
            return true;
    struct span literals = service_text(r->d->service, r->d->c->operation->uri);
    span_cut(&literals, '?');
    while (!span_is_absent(literals)) {
        struct span literal = span_cut(&literals, '&');
        if (span_eq(span_cut(&literal, '='), name))
            return true;
    }
    return span_eq(name, S("x-id")) || span_starts(name, S("X-Amz-"));
}

static void *entry_of_key(const struct growing *array, struct span key)
{
    for (size_t i = 0; i < array->count; i++)
        if (span_eq(*struct_at(array->at, i * array->size, struct span), key))
            return array->at + i * array->size;
    return NULL;
}

static RESULT read_query_map(struct rest *r, const struct field *field)
{
    const struct shape *map = shape_at(r->d->service, field->shape);
    const struct shape *value = shape_at(r->d->service, map->member);
    struct growing array = {.size = map->size};
    for (size_t i = 0; i < r->word_count; i++) {
        const struct word *word = &r->words[i];
        if (is_named(r, word->name))
            continue;
        void *entry = entry_of_key(&array, word->name);
        if (!entry)
            TRY(growing_add(r->d, &array, &entry));
        *(struct span *)entry = word->name;
        struct any_list *to = struct_at(entry, map->value_offset, struct any_list);
        if (value->kind == KIND_STRING) {
            *struct_at(entry, map->value_offset, struct span) = word->value;
            continue;
        }
        struct growing list = growing_resume(*to, value->size);
        void *element;
        TRY(growing_add(r->d, &list, &element));
        *(struct span *)element = word->value;
        *to = growing_done(r->d, &list);
    }
    if (array.count)
        *struct_at(r->to, field->offset, struct any_list) = growing_done(r->d, &array);
    return OK;
}

static RESULT read_label(struct rest *r, const struct field *field)
{
    struct span wire = service_text(r->d->service, field->wire);
    for (size_t i = 0; i < r->request->label_count; i++)
        if (span_eq(r->request->labels[i].name, wire))
            return read_member(r, field, r->request->labels[i].value);
    return OK;
}

static RESULT read_location(struct rest *r, const struct field *field)
{
    switch ((enum LOCATION)field->location) {
    case IN_HEADER:
        return read_header(r, field);
    case IN_HEADERS:
        return read_prefixed_headers(r, field);
    case IN_URI:
        return read_label(r, field);
    case IN_QUERY:
        return shape_at(r->d->service, field->shape)->kind == KIND_MAP ? read_query_map(r, field)
                                                                       : read_query(r, field);
    case IN_BODY:
    case IN_STATUS:
    case IN_PAYLOAD:
        break;
    }
    return OK;
}

/* Lists of headers and query words grow; the head may be decoded again together with the body. */
static void forget_list(struct rest *r, const struct field *field)
{
    if ((field->location == IN_HEADER || field->location == IN_QUERY) &&
        shape_at(r->d->service, field->shape)->kind == KIND_LIST)
        *struct_at(r->to, field->offset, struct any_list) = (struct any_list){0};
}

const struct refusal *rest_decode_head(struct decoder *d, const struct shape *shape,
                                       const struct wire_request *request, void *to)
{
    struct rest r = {.d = d,
                     .request = request,
                     .shape = shape,
                     .to = to,
                     .name_lengths = lengths_of(request->headers)};
    const struct field *field = first_field(d->service, shape);
    TRY(read_words(&r));
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        forget_list(&r, field);
        TRY(read_location(&r, field));
    }
    return OK;
}

static RESULT check_document(struct decoder *d, struct span json)
{
    struct json_reader reader;
    json_reader_init(&reader, json, d->c->arena);
    if (span_is_absent(json_raw(&reader, json_next(&reader))) || json_next(&reader) != JSON_END)
        return decoder_malformed(d, "%s", "");
    return OK;
}

static RESULT read_payload(struct decoder *d, const struct field *field, struct span body, void *to)
{
    const struct shape *shape = shape_at(d->service, field->shape);
    void *value;
    if (shape->kind == KIND_STREAM) {
        *struct_at(to, field->offset, struct body) = (struct body){.len = body.len, .bytes = body};
        return OK;
    }
    if (body.len == 0)
        return OK;
    if (shape->kind == KIND_DOCUMENT)
        TRY(check_document(d, body));
    if (shape->kind != KIND_STRUCTURE) {
        *struct_at(to, field->offset, struct span) = body;
        return OK;
    }
    TRY(decoder_member(d, field, shape, to, &value));
    if (d->c->protocol == PROTOCOL_REST_JSON)
        return json_decode(d, shape, MEMBERS_ALL, body, value);
    return xml_decode(d, shape, MEMBERS_ALL, service_text(d->service, field->wire), body, value);
}

static bool has_body_members(const struct decoder *d, const struct shape *shape)
{
    const struct field *field = first_field(d->service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++)
        if (field->location == IN_BODY)
            return true;
    return false;
}

const struct refusal *rest_decode_body(struct decoder *d, const struct shape *shape,
                                       struct span body, void *to)
{
    const struct operation *operation = d->c->operation;
    if (operation->input_payload != NO_FIELD)
        return read_payload(d, &d->service->fields[operation->input_payload], body, to);
    if (body.len == 0 || !has_body_members(d, shape))
        return OK;
    if (d->c->protocol == PROTOCOL_REST_JSON)
        return json_decode(d, shape, MEMBERS_IN_BODY, body, to);
    return xml_decode(d, shape, MEMBERS_IN_BODY, service_text(d->service, operation->input_root),
                      body, to);
}
