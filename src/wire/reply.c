// SPDX-License-Identifier: Apache-2.0
/* Headers and memory of replies, the same for success and refusal. One thread per call. */
#include "base/text.h"
#include "wire/encoder.h"

#define FIRST_HEADERS 16           /* a power of two; enough for most replies */
#define BODY_CEILING (256UL << 20) /* bytes; handlers page long before */
#define BODY_FIRST 2048            /* bytes */

void reply_header(struct call *c, struct wire_reply *reply, struct span name, struct span value)
{
    size_t count = reply->header_count;
    bool full = count >= FIRST_HEADERS && (count & (count - 1)) == 0;
    if (!reply->headers || full) {
        struct header *grown =
            ARENA_ARRAY(c->arena, struct header, full ? count * 2 : FIRST_HEADERS);
        if (count)
            memcpy(grown, reply->headers, count * sizeof *grown);
        reply->headers = grown;
    }
    reply->headers[reply->header_count++] = (struct header){.name = name, .value = value};
}

struct buf *reply_buf(struct call *c)
{
    struct buf *buf = arena_buf(c->arena, BODY_CEILING);
    (void)buf_room(buf, BODY_FIRST);
    return buf;
}

struct span reply_content_type(const struct wire_reply *reply)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (span_eq_nocase(reply->headers[i].name, S("Content-Type")))
            return reply->headers[i].value;
    return SPAN_NONE;
}

static bool is_s3(const struct call *c)
{
    return c->protocol == PROTOCOL_REST_XML && strcmp(c->service->name, "s3") == 0;
}

struct span reply_host_id(struct call *c)
{
    return base64_of(c->arena, c->request_id);
}

void reply_finish(struct call *c, struct wire_reply *reply, struct span content_type)
{
    if (content_type.len && span_is_absent(reply_content_type(reply)))
        reply_header(c, reply, S("Content-Type"), content_type);
    if (is_s3(c)) {
        reply_header(c, reply, S("x-amz-request-id"), c->request_id);
        reply_header(c, reply, S("x-amz-id-2"), reply_host_id(c));
    } else {
        reply_header(c, reply, S("x-amzn-RequestId"), c->request_id);
    }
    if (c->protocol == PROTOCOL_CBOR)
        reply_header(c, reply, S("smithy-protocol"), S("rpc-v2-cbor"));
    for (size_t i = 0; i < c->extra_headers.count; i++)
        reply_header(c, reply, c->extra_headers.at[i].name, c->extra_headers.at[i].value);
    bool head = c->operation && span_eq(service_text(c->service, c->operation->method), S("HEAD"));
    reply->has_body = !head && reply->status >= 200 && reply->status != 204 && reply->status != 304;
}

struct span reply_json_type(const struct service *service)
{
    return service->json_version ? S("application/x-amz-json-1.1")
                                 : S("application/x-amz-json-1.0");
}
