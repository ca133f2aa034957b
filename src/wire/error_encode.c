// SPDX-License-Identifier: Apache-2.0
/*
 * Refusals on the wire, one form per protocol. Where the model describes the error's members, their
 * exact names are used ("message" or "Message", EFS's "ErrorCode", Lambda's "Type"). Sources:
 * "Programmatic error handling with DynamoDB", "REST error responses" of S3, "Common Query API
 * errors", "Troubleshooting Amazon EC2 API requests", Smithy's protocol pages. One thread per call.
 */
#include "wire/cbor.h"

#define XML_DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

/* Errors of the framework below the services: they have its namespace where a service uses
 * namespaces at all. */
static const struct {
    const char *code;
    const char *namespace;
} framework_errors[] = {
    {"ValidationException", "com.amazon.coral.validate"},
    {"SerializationException", "com.amazon.coral.service"},
    {"UnknownOperationException", "com.amazon.coral.service"},
    {"UnsupportedOperationException", "com.amazon.coral.service"},
    {"UnrecognizedClientException", "com.amazon.coral.service"},
    {"InvalidSignatureException", "com.amazon.coral.service"},
    {"IncompleteSignatureException", "com.amazon.coral.service"},
    {"MissingAuthenticationTokenException", "com.amazon.coral.service"},
    {"AccessDeniedException", "com.amazon.coral.service"},
    {"ExpiredTokenException", "com.amazon.coral.service"},
    {"RequestEntityTooLargeException", "com.amazon.coral.service"},
    {"RequestTimeoutException", "com.amazon.coral.service"},
    {"BadRequestException", "com.amazon.coral.service"},
    {"InternalFailure", "com.amazon.coral.service"},
    {"ServiceUnavailable", "com.amazon.coral.service"},
};

static const char *namespace_of(const struct service *service, const char *code)
{
    if (!service->error_namespace)
        return NULL;
    for (size_t i = 0; i < ARRAY_LEN(framework_errors); i++)
        if (strcmp(framework_errors[i].code, code) == 0)
            return framework_errors[i].namespace;
    return service->error_namespace;
}

/* The model's shape of that error, or NULL. */
static const struct shape *error_shape(const struct service *service, struct span code)
{
    for (size_t i = 0; i < service->shape_count; i++) {
        const struct shape *shape = &service->shapes[i];
        if ((shape->flags & SHAPE_ERROR) && span_eq(service_text(service, shape->name), code))
            return shape;
    }
    return NULL;
}

static bool has_member(const struct service *service, const struct shape *shape, struct span name)
{
    unsigned hint = 0;
    return shape && field_find(service, shape, name, FIELD_BY_WIRE, &hint) != NULL;
}

/* Where the model puts a member of an error into a header of the reply (Retry-After), its name. */
static struct span header_name(const struct service *service, const struct shape *shape,
                               struct span name)
{
    unsigned hint = 0;
    const struct field *field =
        shape ? field_find(service, shape, name, FIELD_BY_NAME, &hint) : NULL;
    return field && field->location == IN_HEADER ? service_text(service, field->wire) : SPAN_NONE;
}

/* The members of the refusal that are not told in headers, newest first. */
static struct refusal_member *members_to_headers(struct call *c, const struct refusal *refusal,
                                                 const struct shape *shape,
                                                 struct wire_reply *reply)
{
    struct refusal_member *kept = NULL, **end = &kept;
    bool rest = c->protocol == PROTOCOL_REST_JSON || c->protocol == PROTOCOL_REST_XML;
    for (const struct refusal_member *at = refusal->members; at; at = at->next) {
        struct span header = rest ? header_name(c->service, shape, at->name) : SPAN_NONE;
        if (header.at) {
            reply_header(c, reply, header, at->value);
            continue;
        }
        *end = arena_alloc(c->arena, sizeof **end);
        **end = *at;
        (*end)->next = NULL;
        end = &(*end)->next;
    }
    return kept;
}

struct error_text {
    struct span code, query_code, type;
    struct span message_name, message;
    const struct shape *shape;
    const struct refusal *refusal;
    const struct refusal_member *members; /* of the body */
};

static struct error_text error_text_of(const struct call *c, const struct refusal *refusal)
{
    const struct error_kind *kind = refusal->kind;
    const struct service *service = c->service;
    struct span code = span_of_cstr(kind->code);
    const struct shape *shape = error_shape(service, code);
    const char *namespace = namespace_of(service, kind->code);
    bool framework = namespace && strcmp(namespace, "com.amazon.coral.service") == 0;
    bool upper = shape ? has_member(service, shape, S("Message")) : framework;
    return (struct error_text){
        .code = code,
        .query_code = kind->query_code ? span_of_cstr(kind->query_code) : code,
        .type = kind->status < 500 ? S("Sender") : S("Receiver"),
        .message_name = upper ? S("Message") : S("message"),
        .message = refusal->message,
        .shape = shape,
        .refusal = refusal,
    };
}

/* Members were put in front of one another; they go out in the order they were added. */
static void write_json_members(const struct refusal_member *member, struct json_writer *writer)
{
    if (!member)
        return;
    write_json_members(member->next, writer);
    json_key(writer, member->name);
    if (member->is_json)
        json_literal(writer, member->value);
    else
        json_string(writer, member->value);
}

static void write_json_error(const struct call *c, const struct error_text *error,
                             struct json_writer *writer)
{
    const struct service *service = c->service;
    if (error->message.len) {
        json_key(writer, error->message_name);
        json_string(writer, error->message);
    }
    if (c->protocol == PROTOCOL_REST_JSON && has_member(service, error->shape, S("ErrorCode"))) {
        json_key(writer, S("ErrorCode"));
        json_string(writer, error->code);
    }
    if (c->protocol == PROTOCOL_REST_JSON && has_member(service, error->shape, S("Type"))) {
        json_key(writer, S("Type"));
        json_string(writer, error->type.len == 6 ? S("User") : S("Service"));
    }
    write_json_members(error->members, writer);
}

static struct span encode_json_error(struct call *c, const struct error_text *error,
                                     struct buf *body)
{
    struct json_writer writer = {.out = body};
    const char *namespace = namespace_of(c->service, error->refusal->kind->code);
    json_begin_object(&writer);
    if (c->protocol == PROTOCOL_JSON) {
        json_key(&writer, S("__type"));
        json_string(&writer,
                    namespace ? arena_printf(c->arena, "%s#%.*s", namespace, SPAN_ARG(error->code))
                              : error->code);
    }
    write_json_error(c, error, &writer);
    json_end_object(&writer);
    return c->protocol == PROTOCOL_JSON ? reply_json_type(c->service) : S("application/json");
}

static void append_cbor_members(const struct refusal_member *member, struct buf *out)
{
    if (!member)
        return;
    append_cbor_members(member->next, out);
    if (member->is_json)
        return;
    cbor_append_text(out, member->name);
    cbor_append_text(out, member->value);
}

/* rpc-v2-cbor: an absolute shape name, always with a namespace. The older form has the bare code
 * where a service has no namespace. */
static struct span cbor_type(struct call *c, const struct error_text *error)
{
    const char *namespace = namespace_of(c->service, error->refusal->kind->code);
    if (namespace)
        return arena_printf(c->arena, "%s#%.*s", namespace, SPAN_ARG(error->code));
    if (c->protocol == PROTOCOL_AWS_CBOR)
        return error->code;
    return arena_printf(c->arena, "com.amazonaws.%s#%.*s", c->service->name, SPAN_ARG(error->code));
}

static struct span encode_cbor_error(struct call *c, const struct error_text *error,
                                     struct buf *body)
{
    struct span type = cbor_type(c, error);
    cbor_begin_map(body);
    cbor_append_text(body, S("__type"));
    cbor_append_text(body, type);
    if (error->message.len) {
        cbor_append_text(body, error->message_name);
        cbor_append_text(body, error->message);
    }
    append_cbor_members(error->members, body);
    cbor_end_map(body);
    return cbor_content_type(c);
}

static void append_xml_members(const struct refusal_member *member, struct buf *out)
{
    if (!member)
        return;
    append_xml_members(member->next, out);
    if (!member->is_json)
        xml_encode_element(out, member->name, member->value);
}

static void append_xml_error(const struct error_text *error, struct buf *out)
{
    xml_encode_element(out, S("Code"), error->query_code);
    xml_encode_element(out, S("Message"), error->message);
    append_xml_members(error->members, out);
}

/* Query services, and rest-xml services other than S3. */
static struct span encode_wrapped_error(struct call *c, const struct error_text *error,
                                        struct buf *body)
{
    buf_append(body, S("<ErrorResponse"));
    if (c->service->xml_namespace) {
        buf_append(body, S(" xmlns=\""));
        buf_append(body, span_of_cstr(c->service->xml_namespace));
        buf_append_byte(body, '"');
    }
    buf_append(body, S("><Error>"));
    xml_encode_element(body, S("Type"), error->type);
    append_xml_error(error, body);
    buf_append(body, S("</Error>"));
    xml_encode_element(body, S("RequestId"), c->request_id);
    buf_append(body, S("</ErrorResponse>"));
    return S("text/xml");
}

static struct span encode_ec2_error(struct call *c, const struct error_text *error,
                                    struct buf *body)
{
    buf_append(body, S(XML_DECLARATION "<Response><Errors><Error>"));
    append_xml_error(error, body);
    buf_append(body, S("</Error></Errors>"));
    xml_encode_element(body, S("RequestID"), c->request_id);
    buf_append(body, S("</Response>"));
    return S("text/xml;charset=UTF-8");
}

static struct span encode_s3_error(struct call *c, const struct error_text *error, struct buf *body)
{
    buf_append(body, S(XML_DECLARATION "<Error>"));
    append_xml_error(error, body);
    xml_encode_element(body, S("RequestId"), c->request_id);
    xml_encode_element(body, S("HostId"), reply_host_id(c));
    buf_append(body, S("</Error>"));
    return S("application/xml");
}

/* Source: recorded answers. */
static struct span encode_s3control_error(struct call *c, const struct error_text *error,
                                          struct buf *body)
{
    buf_append(body, S(XML_DECLARATION "<ErrorResponse><Error>"));
    append_xml_error(error, body);
    buf_append(body, S("</Error>"));
    xml_encode_element(body, S("RequestId"), c->request_id);
    xml_encode_element(body, S("HostId"), reply_host_id(c));
    buf_append(body, S("</ErrorResponse>"));
    return S("application/xml");
}

static struct span encode_rest_xml_error(struct call *c, const struct error_text *error,
                                         struct buf *body)
{
    if (strcmp(c->service->name, "s3") == 0)
        return encode_s3_error(c, error, body);
    if (strcmp(c->service->name, "s3control") == 0)
        return encode_s3control_error(c, error, body);
    return encode_wrapped_error(c, error, body);
}

static struct span encode_error(struct call *c, const struct error_text *error, struct buf *body)
{
    switch ((enum PROTOCOL)c->protocol) {
    case PROTOCOL_QUERY:
        return encode_wrapped_error(c, error, body);
    case PROTOCOL_EC2:
        return encode_ec2_error(c, error, body);
    case PROTOCOL_REST_XML:
        return encode_rest_xml_error(c, error, body);
    case PROTOCOL_CBOR:
    case PROTOCOL_AWS_CBOR:
        return encode_cbor_error(c, error, body);
    case PROTOCOL_JSON:
    case PROTOCOL_REST_JSON:
        break;
    }
    return encode_json_error(c, error, body);
}

void wire_encode_refusal(struct call *c, const struct refusal *refusal, struct wire_reply *reply)
{
    struct error_text error = error_text_of(c, refusal);
    struct buf *body = reply_buf(c);
    *reply = (struct wire_reply){.status = refusal->kind->status};
    error.members = members_to_headers(c, refusal, error.shape, reply);
    struct span type = encode_error(c, &error, body);
    reply->body = buf_span(body);
    if (c->protocol == PROTOCOL_REST_JSON)
        reply_header(c, reply, S("x-amzn-ErrorType"), error.code);
    if (c->service->query_compatible &&
        (c->protocol == PROTOCOL_JSON || c->protocol == PROTOCOL_CBOR))
        reply_header(
            c, reply, S("x-amzn-query-error"),
            arena_printf(c->arena, "%.*s;%.*s", SPAN_ARG(error.query_code), SPAN_ARG(error.type)));
    reply_finish(c, reply, type);
}
