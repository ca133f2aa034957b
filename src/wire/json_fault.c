// SPDX-License-Identifier: Apache-2.0
/* The words of SerializationException in both dialects. One thread per request. */
#include "wire/json_fault.h"

#include "wire/scalar.h"

static bool is_dynamodb(const struct json_decoder *j)
{
    return strncmp(j->d->service->name, "dynamodb", 8) == 0;
}

static const char *token_name(const struct json_decoder *j, enum JSON_TOKEN token)
{
    bool whole = span_find_byte(j->reader.text, '.') == SPAN_NOT_FOUND;
    switch ((int)token) {
    case JSON_NUMBER:
        return whole ? "NUMBER_VALUE" : "DECIMAL_VALUE";
    case JSON_TRUE:
        return "TRUE_VALUE";
    case JSON_FALSE:
        return "FALSE_VALUE";
    case JSON_NULL:
        return "NULL_VALUE";
    default:
        return "STRING_VALUE";
    }
}

static bool is_container(const struct shape *shape)
{
    return shape->kind == KIND_LIST || shape->kind == KIND_MAP || shape->kind == KIND_STRUCTURE;
}

/* An array where DynamoDB wants something else: it names the Java class. */
static RESULT unrecognized_collection(struct json_decoder *j, const struct shape *shape)
{
    const struct service *service = j->d->service;
    if (shape->kind == KIND_STRUCTURE)
        return decoder_malformed(j->d,
                                 "Unrecognized collection type class "
                                 "com.amazonaws.dynamodb.v20120810.%.*s",
                                 SPAN_ARG(service_text(service, shape->name)));
    if (shape->kind == KIND_MAP) {
        const struct shape *value = shape_at(service, shape->member);
        return decoder_malformed(
            j->d, "Unrecognized collection type java.util.Map<java.lang.String, %s%.*s>",
            value->kind == KIND_STRUCTURE ? "com.amazonaws.dynamodb.v20120810." : "java.lang.",
            SPAN_ARG(value->kind == KIND_STRUCTURE ? service_text(service, value->name)
                                                   : span_of_cstr(scalar_name(value->kind))));
    }
    if (shape->kind == KIND_BLOB)
        return decoder_malformed(j->d, "Unrecognized collection type class java.nio.ByteBuffer");
    return decoder_malformed(j->d, "Unrecognized collection type class java.lang.%s",
                             scalar_name(shape->kind));
}

static RESULT dynamodb_fault(struct json_decoder *j, const struct shape *shape,
                             enum JSON_TOKEN token)
{
    if (token == JSON_ARRAY)
        return unrecognized_collection(j, shape);
    if (token == JSON_OBJECT)
        return decoder_malformed(j->d, "Start of structure or map found where not expected");
    if (is_container(shape))
        return decoder_malformed(j->d, j->in_list ? "Unexpected value type in payload"
                                                  : "Unexpected field type");
    if (shape->kind == KIND_BLOB)
        return decoder_malformed(j->d, "only base-64-encoded strings are convertible to bytes");
    if (shape->kind == KIND_BOOLEAN && token == JSON_STRING)
        return decoder_malformed(j->d, "Unexpected token received from parser");
    return decoder_malformed(j->d, "%s cannot be converted to %s", token_name(j, token),
                             scalar_name(shape->kind));
}

const struct refusal *json_fault(struct json_decoder *j, const struct shape *shape,
                                 enum JSON_TOKEN token)
{
    if (token == JSON_BAD)
        return decoder_malformed(j->d, "%s", "");
    if (is_dynamodb(j))
        return dynamodb_fault(j, shape, token);
    if (token == JSON_ARRAY)
        return decoder_malformed(j->d, "Start of list found where not expected");
    if (token == JSON_OBJECT)
        return decoder_malformed(j->d, "Start of structure or map found where not expected.");
    if (is_container(shape))
        return decoder_malformed(j->d, shape->kind == KIND_LIST  ? "Expected list or null"
                                       : shape->kind == KIND_MAP ? "Expected map or null"
                                                                 : "Expected null");
    return decoder_malformed(j->d, "%s can not be converted to %s %s", token_name(j, token),
                             shape->kind == KIND_INTEGER ? "an" : "a", scalar_name(shape->kind));
}

const struct refusal *json_fault_blob(struct json_decoder *j, struct span text)
{
    struct span prefix = SPAN_NONE;
    if (!is_dynamodb(j))
        prefix = arena_printf(j->d->c->arena, "'%.*s' can not be converted to a Blob: ",
                              SPAN_ARG(span_first(text, 1024)));
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        bool known = (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
                     (byte >= '0' && byte <= '9') || byte == '+' || byte == '/' || byte == '=';
        if (!known)
            return decoder_malformed(j->d, "%.*sInvalid Base64 character: '%c'", SPAN_ARG(prefix),
                                     byte);
    }
    if (text.len % 4 != 0)
        return decoder_malformed(
            j->d, "%.*sBase64 encoded length is expected a multiple of 4 bytes but found: %zu",
            SPAN_ARG(prefix), text.len);
    return decoder_malformed(j->d, "%.*sInvalid last non-pad Base64 character dectected",
                             SPAN_ARG(prefix));
}
