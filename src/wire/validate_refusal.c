// SPDX-License-Identifier: Apache-2.0
/*
 * Broken constraints as each protocol tells them. JSON, REST-JSON, CBOR and query services join all
 * of them; EC2 names the first missing parameter or bad value; S3 has codes of its own per kind of
 * value. Sources: recorded answers; "Error codes for the Amazon EC2 API"; "Error responses" of S3.
 * One thread per request.
 */
#include "wire/validate_text.h"

#define MOST_OF_A_MESSAGE 65536 /* bytes */

static const struct error_kind validation_exception = {"ValidationException", NULL, 400};
static const struct error_kind validation_error = {"ValidationError", NULL, 400};
static const struct error_kind invalid_parameter_exception = {"InvalidParameterException", NULL,
                                                              400};
static const struct error_kind missing_parameter = {"MissingParameter", NULL, 400};
static const struct error_kind invalid_parameter_value = {"InvalidParameterValue", NULL, 400};
static const struct error_kind malformed_xml = {"MalformedXML", NULL, 400};
static const struct error_kind invalid_argument = {"InvalidArgument", NULL, 400};
static const struct error_kind invalid_request = {"InvalidRequest", NULL, 400};
static const struct error_kind invalid_storage_class = {"InvalidStorageClass", NULL, 400};
static const struct error_kind invalid_location = {"InvalidLocationConstraint", NULL, 400};

/* What S3 answers for a value that is not in the set, by the shape's name. */
static const struct {
    const char *shape;
    const struct error_kind *kind;
    const char *message;
} s3_enums[] = {
    {"StorageClass", &invalid_storage_class, "The storage class you specified is not valid"},
    {"BucketLocationConstraint", &invalid_location,
     "The specified location-constraint is not valid"},
    {"EncodingType", &invalid_argument, "Invalid Encoding Method specified in Request"},
    {"MetadataDirective", &invalid_argument, "Unknown metadata directive."},
    {"TaggingDirective", &invalid_argument, "Unknown tagging directive."},
    {"ObjectLockMode", &invalid_argument, "Unknown wormMode directive."},
    {"ServerSideEncryption", &invalid_argument, "The encryption method specified is not supported"},
    {"ChecksumAlgorithm", &invalid_request,
     "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
     "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, XXHASH3, XXHASH128]"},
};

static struct buf text_begin(void)
{
    struct buf text;
    buf_init(&text, MOST_OF_A_MESSAGE);
    return text;
}

static struct span text_end(struct validation *v, struct buf *text)
{
    struct span kept = arena_copy(v->c->arena, buf_span(text));
    buf_done(text);
    return kept.at ? kept : S("");
}

static void add_error(struct validation *v, struct buf *text)
{
    if (v->count < VALIDATION_MAX_ERRORS)
        v->errors[v->count++] = text_end(v, text);
    else
        buf_done(text);
}

static struct span parameter_of(struct validation *v, const struct path *path)
{
    struct buf text = text_begin();
    validation_append_parameter(v->service, path, &text);
    return text_end(v, &text);
}

static struct span value_of(struct validation *v, const struct shape *shape, const void *value)
{
    struct buf text = text_begin();
    validation_append_value(v->service, shape, value, &text);
    return text_end(v, &text);
}

static const struct refusal *ec2_refusal(struct validation *v, const struct path *path,
                                         const struct shape *shape, const void *value)
{
    struct span parameter = parameter_of(v, path);
    if (!value)
        return refuse(v->c, &missing_parameter, "The request must contain the parameter %.*s",
                      SPAN_ARG(parameter));
    struct span bad = value_of(v, shape, value);
    return refuse(v->c, &invalid_parameter_value, "Value (%.*s) for parameter %.*s is invalid.",
                  SPAN_ARG(bad), SPAN_ARG(parameter));
}

/* Members of the body make malformed XML, those in headers and the query a bad argument. */
static const struct refusal *s3_refusal(struct validation *v, const struct path *path,
                                        const struct shape *shape, const void *value)
{
    struct span name = service_text(v->service, shape->name);
    struct span wire = service_text(v->service, path->field->wire);
    bool in_body =
        path->parent || path->field->location == IN_BODY || path->field->location == IN_PAYLOAD;
    for (size_t i = 0; value && i < ARRAY_LEN(s3_enums); i++)
        if (span_eq(name, span_of_cstr(s3_enums[i].shape)) &&
            !(in_body && s3_enums[i].kind == &invalid_argument))
            return refuse_with(v->c, s3_enums[i].kind, S("ArgumentName"), wire, "%s",
                               s3_enums[i].message);
    if (in_body)
        return refuse(v->c, &malformed_xml,
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    if (!value)
        return refuse_with(v->c, &invalid_request, S("ArgumentName"), wire,
                           "Missing required header for this request: %.*s", SPAN_ARG(wire));
    const struct refusal *refusal = refuse_with(v->c, &invalid_argument, S("ArgumentName"), wire,
                                                "Argument format not recognized");
    return refusal_add(v->c, refusal, S("ArgumentValue"), value_of(v, shape, value));
}

/* True when the protocol answers one refusal, which is then made. */
static bool refuse_first(struct validation *v, const struct path *path, const struct shape *shape,
                         const void *value)
{
    if (v->c->protocol != PROTOCOL_EC2 && v->c->protocol != PROTOCOL_REST_XML)
        return false;
    if (!v->first)
        v->first = v->c->protocol == PROTOCOL_EC2 ? ec2_refusal(v, path, shape, value)
                                                  : s3_refusal(v, path, shape, value);
    v->count = VALIDATION_MAX_ERRORS;
    return true;
}

/* "Value 'x' at 'path' failed to satisfy constraint: "; secrets are not repeated. */
static void append_begin(struct validation *v, const struct path *path, const struct shape *shape,
                         const void *value, struct buf *text)
{
    bool secret = (path->field->flags & FIELD_SENSITIVE) || (shape->flags & SHAPE_SENSITIVE);
    buf_append(text, S("Value "));
    if (value && !secret) {
        buf_append_byte(text, '\'');
        validation_append_value(v->service, shape, value, text);
        buf_append(text, S("' "));
    } else if (!value) {
        buf_append(text, S("null "));
    }
    buf_append(text, S("at '"));
    validation_append_path(v->service, path, text);
    buf_append(text, S("' failed to satisfy constraint: "));
}

void validation_report(struct validation *v, const struct path *path, const struct shape *shape,
                       const void *value, enum CONSTRAINT broken)
{
    if (refuse_first(v, path, shape, value))
        return;
    struct buf text = text_begin();
    append_begin(v, path, shape, value, &text);
    validation_append_constraint(v->service, shape, broken, &text);
    add_error(v, &text);
}

void validation_report_all(struct validation *v, const struct path *path,
                           const struct shape *container, const void *value, enum CONSTRAINED part)
{
    static const char *const begins[] = {
        [CONSTRAINED_MEMBERS] = "Member must satisfy constraint: ",
        [CONSTRAINED_KEYS] = "Map keys must satisfy constraint: ",
        [CONSTRAINED_VALUES] = "Map value must satisfy constraint: ",
    };
    if (refuse_first(v, path, container, value))
        return;
    uint16_t of = part == CONSTRAINED_KEYS ? container->key : container->member;
    struct buf text = text_begin();
    append_begin(v, path, container, value, &text);
    buf_append(&text, span_of_cstr(begins[part]));
    validation_append_constraints(v->service, shape_at(v->service, of), &text);
    add_error(v, &text);
}

static const struct error_kind *kind_of(const struct call *c)
{
    if (c->protocol == PROTOCOL_QUERY)
        return &validation_error;
    return strcmp(c->service->name, "logs") == 0 ? &invalid_parameter_exception
                                                 : &validation_exception;
}

const struct refusal *validation_refusal(struct validation *v)
{
    if (v->first)
        return v->first;
    struct buf text = text_begin();
    buf_printf(&text, "%zu validation error%s detected: ", v->count, v->count > 1 ? "s" : "");
    for (size_t i = 0; i < v->count; i++) {
        buf_append(&text, i ? S("; ") : S(""));
        buf_append(&text, v->errors[i]);
    }
    struct span message = text_end(v, &text);
    return refuse(v->c, kind_of(v->c), "%.*s", SPAN_ARG(message));
}
