// SPDX-License-Identifier: Apache-2.0
/*
 * JSON into structs (awsJson1_0, awsJson1_1, restJson1). Unknown members are passed over, null is
 * "absent", a name that comes twice counts once with its last value. Key invariant: recursion
 * follows the shapes and is bounded by the decoder's depth. Sources: "AWS JSON 1.0 protocol"
 * (Smithy), and the texts that DynamoDB and the other services answer. One thread per request.
 */
#include "base/json.h"
#include "base/time.h"
#include "wire/growing.h"
#include "wire/json_fault.h"
#include "wire/scalar.h"

static RESULT read_value(struct json_decoder *j, const struct shape *shape, uint8_t time_format,
                         enum JSON_TOKEN token, void *to);

static RESULT broken(struct json_decoder *j)
{
    return decoder_malformed(j->d, "%s", "");
}

static RESULT read_boolean(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                           bool *to)
{
    if (token == JSON_STRING &&
        scalar_read(j->d->c->arena, KIND_BOOLEAN, TIME_DEFAULT, j->reader.text, to))
        return OK;
    if (token != JSON_TRUE && token != JSON_FALSE)
        return json_fault(j, shape, token);
    *to = token == JSON_TRUE;
    return OK;
}

/* Fractions are cut off and what does not fit becomes the nearest bound, as the services do. */
static RESULT read_integer(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                           void *to)
{
    int64_t value;
    if (token != JSON_NUMBER)
        return json_fault(j, shape, token);
    if (!span_to_i64(j->reader.text, &value)) {
        double number;
        if (!scalar_to_double(j->reader.text, &number))
            return json_fault(j, shape, token);
        value = scalar_truncate(number, shape->kind);
    }
    if (shape->kind == KIND_LONG)
        *(int64_t *)to = value;
    else
        *(int32_t *)to = value < INT32_MIN   ? INT32_MIN
                         : value > INT32_MAX ? INT32_MAX
                                             : (int32_t)value;
    return OK;
}

static bool is_word(struct span text)
{
    return text.len && (text.at[0] == 'N' || text.at[0] == 'I' || text.at[text.len - 1] == 'y');
}

static RESULT read_double(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                          double *to)
{
    bool fits = token == JSON_NUMBER || (token == JSON_STRING && is_word(j->reader.text));
    if (!fits || !scalar_to_double(j->reader.text, to))
        return json_fault(j, shape, token);
    return OK;
}

static RESULT read_time(struct json_decoder *j, const struct shape *shape, uint8_t time_format,
                        enum JSON_TOKEN token, int64_t *to)
{
    enum TIME_FORMAT format = time_format_of(shape, time_format, TIME_EPOCH);
    if (token != (format == TIME_EPOCH ? JSON_NUMBER : JSON_STRING))
        return json_fault(j, shape, token);
    *to = scalar_to_time(j->reader.text, format);
    return *to == TIME_NONE ? json_fault(j, shape, token) : OK;
}

static RESULT read_blob(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                        struct span *to)
{
    if (token != JSON_STRING)
        return json_fault(j, shape, token);
    *to = base64_decode(j->d->c->arena, j->reader.text);
    return span_is_absent(*to) ? json_fault_blob(j, j->reader.text) : OK;
}

static RESULT read_string(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                          struct span *to)
{
    if (token != JSON_STRING)
        return json_fault(j, shape, token);
    *to = j->reader.text;
    return OK;
}

static RESULT read_document(struct json_decoder *j, enum JSON_TOKEN token, struct span *to)
{
    *to = json_raw(&j->reader, token);
    return span_is_absent(*to) ? broken(j) : OK;
}

static RESULT read_list(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                        struct any_list *to)
{
    const struct shape *member = shape_at(j->d->service, shape->member);
    struct growing array = {.size = shape->size};
    if (token != JSON_ARRAY)
        return json_fault(j, shape, token);
    TRY(decoder_enter(j->d));
    j->in_list++;
    while ((token = json_next(&j->reader)) != JSON_ARRAY_END) {
        void *element;
        TRY(growing_add(j->d, &array, &element));
        /* A null string stays an absent span, which wire_validate refuses. */
        if (token == JSON_NULL && member->kind == KIND_STRING)
            continue;
        TRY(read_value(j, member, TIME_DEFAULT, token, element));
    }
    j->in_list--;
    j->d->depth--;
    *to = growing_done(j->d, &array);
    return OK;
}

static RESULT read_map(struct json_decoder *j, const struct shape *shape, enum JSON_TOKEN token,
                       struct any_map *to)
{
    const struct shape *value = shape_at(j->d->service, shape->member);
    struct growing array = {.size = shape->size};
    if (token != JSON_OBJECT)
        return json_fault(j, shape, token);
    TRY(decoder_enter(j->d));
    int in_list = j->in_list;
    j->in_list = 0;
    while ((token = json_next(&j->reader)) != JSON_OBJECT_END) {
        if (token != JSON_KEY)
            return broken(j);
        struct span key = j->reader.text;
        token = json_next(&j->reader);
        if (token == JSON_NULL && value->kind != KIND_STRING)
            continue;
        void *entry;
        TRY(growing_add(j->d, &array, &entry));
        *(struct span *)entry = key;
        if (token != JSON_NULL)
            TRY(read_value(j, value, TIME_DEFAULT, token,
                           struct_at(entry, shape->value_offset, void)));
    }
    j->in_list = in_list;
    j->d->depth--;
    *to = growing_map(j->d, &array);
    return OK;
}

static RESULT read_member(struct json_decoder *j, const struct shape *shape, void *to,
                          unsigned *hint, unsigned *set)
{
    const struct field *field =
        field_find(j->d->service, shape, j->reader.text, FIELD_BY_WIRE, hint);
    enum JSON_TOKEN token = json_next(&j->reader);
    if (!field || (j->only_body && field->location != IN_BODY))
        return json_skip(&j->reader, token) ? OK : broken(j);
    if (token == JSON_NULL)
        return OK;
    const struct shape *member = shape_at(j->d->service, field->shape);
    void *value;
    j->only_body = false;
    ++*set;
    TRY(decoder_member(j->d, field, member, to, &value));
    return read_value(j, member, field->time_format, token, value);
}

static RESULT read_structure(struct json_decoder *j, const struct shape *shape,
                             enum JSON_TOKEN token, void *to)
{
    unsigned hint = 0, set = 0;
    if (token != JSON_OBJECT)
        return json_fault(j, shape, token);
    TRY(decoder_enter(j->d));
    int in_list = j->in_list;
    bool only_body = j->only_body;
    j->in_list = 0;
    while ((token = json_next(&j->reader)) != JSON_OBJECT_END) {
        if (token != JSON_KEY)
            return broken(j);
        j->only_body = only_body;
        TRY(read_member(j, shape, to, &hint, &set));
    }
    j->in_list = in_list;
    j->d->depth--;
    return decoder_check_union(j->d, shape, set);
}

static RESULT read_value(struct json_decoder *j, const struct shape *shape, uint8_t time_format,
                         enum JSON_TOKEN token, void *to)
{
    if (token == JSON_BAD)
        return broken(j);
    switch ((enum KIND)shape->kind) {
    case KIND_BOOLEAN:
        return read_boolean(j, shape, token, to);
    case KIND_INTEGER:
    case KIND_LONG:
        return read_integer(j, shape, token, to);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return read_double(j, shape, token, to);
    case KIND_STRING:
        return read_string(j, shape, token, to);
    case KIND_BLOB:
        return read_blob(j, shape, token, to);
    case KIND_TIMESTAMP:
        return read_time(j, shape, time_format, token, to);
    case KIND_DOCUMENT:
        return read_document(j, token, to);
    case KIND_LIST:
        return read_list(j, shape, token, to);
    case KIND_MAP:
        return read_map(j, shape, token, to);
    case KIND_STRUCTURE:
        return read_structure(j, shape, token, to);
    case KIND_STREAM:
        break;
    }
    return broken(j);
}

const struct refusal *json_decode(struct decoder *d, const struct shape *shape, enum MEMBERS which,
                                  struct span json, void *to)
{
    struct json_decoder j = {.d = d, .only_body = which == MEMBERS_IN_BODY};
    json_reader_init(&j.reader, json, d->c->arena);
    TRY(read_value(&j, shape, TIME_DEFAULT, json_next(&j.reader), to));
    return json_next(&j.reader) == JSON_END ? OK : broken(&j);
}

const struct refusal *wire_json_read(struct call *c, const struct service *service, uint16_t shape,
                                     struct span json, void *out)
{
    struct decoder d;
    decoder_init(&d, c, service, json.len);
    return json_decode(&d, shape_at(service, shape), MEMBERS_ALL, json, out);
}
