// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what a handler filled in, in the protocol of the request. One thread per call.
 */
#include "base/log.h"
#include "wire/cbor.h"
#include "wire/encoder.h"
#include "wire/rest.h"

#define XML_DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

/* Services of the query protocol that tell times in whole seconds. */
static enum FRACTION query_fraction(const struct service *service)
{
    bool whole = strcmp(service->name, "iam") == 0 || strcmp(service->name, "sts") == 0;
    return whole ? FRACTION_NONE : FRACTION_WHERE_NEEDED;
}

static void append_namespace(const struct service *service, struct buf *out)
{
    if (!service->xml_namespace)
        return;
    buf_append(out, S(" xmlns=\""));
    buf_append(out, span_of_cstr(service->xml_namespace));
    buf_append_byte(out, '"');
}

/* <XResponse xmlns="…">, and its end by the returned name. */
static struct span begin_response(struct call *c, struct buf *out)
{
    const struct span parts[] = {service_text(c->service, c->operation->name), S("Response")};
    struct span name = arena_join(c->arena, parts, ARRAY_LEN(parts));
    buf_append_byte(out, '<');
    buf_append(out, name);
    append_namespace(c->service, out);
    buf_append_byte(out, '>');
    return name;
}

static void append_close(struct buf *out, struct span name)
{
    buf_append(out, S("</"));
    buf_append(out, name);
    buf_append_byte(out, '>');
}

static struct span encode_query(struct call *c, const struct shape *shape, const void *out,
                                struct buf *body)
{
    struct xml_style style = {.service = c->service, .fraction = query_fraction(c->service)};
    struct span response = begin_response(c, body);
    struct span wrapper = service_text(c->service, c->operation->result_wrapper);
    if (shape) {
        if (wrapper.len) {
            buf_append_byte(body, '<');
            buf_append(body, wrapper);
            buf_append_byte(body, '>');
        }
        xml_encode_members(&style, shape, PRINT_ALL, out, body);
        if (wrapper.len)
            append_close(body, wrapper);
    }
    buf_append(body, S("<ResponseMetadata>"));
    xml_encode_element(body, S("RequestId"), c->request_id);
    buf_append(body, S("</ResponseMetadata>"));
    append_close(body, response);
    return S("text/xml");
}

static struct span encode_ec2(struct call *c, const struct shape *shape, const void *out,
                              struct buf *body)
{
    struct xml_style style = {.service = c->service, .ec2 = true, .fraction = FRACTION_ALWAYS};
    buf_append(body, S(XML_DECLARATION));
    struct span response = begin_response(c, body);
    xml_encode_element(body, S("requestId"), c->request_id);
    if (shape)
        xml_encode_members(&style, shape, PRINT_ALL, out, body);
    append_close(body, response);
    return S("text/xml;charset=UTF-8");
}

/* An operation without output answers an empty body in 1.1 and an empty object in 1.0. */
static struct span encode_json(struct call *c, const struct shape *shape, const void *out,
                               struct buf *body)
{
    if (shape)
        json_encode(c->service, shape, PRINT_ALL, out, body);
    else if (c->service->json_version == 0)
        buf_append(body, S("{}"));
    return reply_json_type(c->service);
}

static struct span encode_cbor(struct call *c, const struct shape *shape, const void *out,
                               struct buf *body)
{
    if (!shape)
        return S("");
    cbor_encode(c, shape, out, body);
    return cbor_content_type(c);
}

void wire_encode(struct call *c, const void *out, struct wire_reply *reply)
{
    const struct operation *operation = c->operation;
    const struct shape *shape =
        operation->output == NO_SHAPE ? NULL : shape_at(c->service, operation->output);
    struct buf *body = reply_buf(c);
    struct span type = SPAN_NONE;
    *reply = (struct wire_reply){.status = c->status ? c->status : operation->status};
    switch ((enum PROTOCOL)c->protocol) {
    case PROTOCOL_QUERY:
        type = encode_query(c, shape, out, body);
        break;
    case PROTOCOL_EC2:
        type = encode_ec2(c, shape, out, body);
        break;
    case PROTOCOL_JSON:
        type = encode_json(c, shape, out, body);
        break;
    case PROTOCOL_REST_JSON:
    case PROTOCOL_REST_XML:
        type = rest_encode(c, shape, out, reply, body);
        break;
    case PROTOCOL_CBOR:
    case PROTOCOL_AWS_CBOR:
        type = encode_cbor(c, shape, out, body);
        break;
    }
    if (body->over) {
        log_error("%.*s: a reply passed %zu bytes", SPAN_ARG(c->request_id), body->ceiling);
        wire_encode_refusal(c, refuse(c, &ERROR_INTERNAL_FAILURE, "The reply is too long."), reply);
        return;
    }
    if (!reply->stream && !reply->body.at)
        reply->body = buf_span(body);
    reply_finish(c, reply, type);
}
