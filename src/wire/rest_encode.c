// SPDX-License-Identifier: Apache-2.0
/*
 * Replies of REST operations: members to headers, status and body. S3 names the root elements of
 * its bodies by hand-picked names, which no model has. Sources: Smithy's "HTTP binding traits";
 * "Actions" of the S3 API reference. One thread per call.
 */
#include "base/text.h"
#include "wire/rest.h"

#define XML_DECLARATION "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"

static const struct {
    const char *operation, *root;
} s3_roots[] = {
    {"CompleteMultipartUpload", "CompleteMultipartUploadResult"},
    {"CreateMultipartUpload", "InitiateMultipartUploadResult"},
    {"CreateSession", "CreateSessionResult"},
    {"DeleteObjects", "DeleteResult"},
    {"GetBucketAccelerateConfiguration", "AccelerateConfiguration"},
    {"GetBucketAcl", "AccessControlPolicy"},
    {"GetBucketCors", "CORSConfiguration"},
    {"GetBucketLifecycleConfiguration", "LifecycleConfiguration"},
    {"GetBucketLocation", "LocationConstraint"},
    {"GetBucketLogging", "BucketLoggingStatus"},
    {"GetBucketNotificationConfiguration", "NotificationConfiguration"},
    {"GetBucketRequestPayment", "RequestPaymentConfiguration"},
    {"GetBucketTagging", "Tagging"},
    {"GetBucketVersioning", "VersioningConfiguration"},
    {"GetBucketWebsite", "WebsiteConfiguration"},
    {"GetObjectAcl", "AccessControlPolicy"},
    {"GetObjectAttributes", "GetObjectAttributesResponse"},
    {"GetObjectTagging", "Tagging"},
    {"ListBucketAnalyticsConfigurations", "ListBucketAnalyticsConfigurationResult"},
    {"ListBucketInventoryConfigurations", "ListInventoryConfigurationsResult"},
    {"ListBucketMetricsConfigurations", "ListMetricsConfigurationsResult"},
    {"ListBuckets", "ListAllMyBucketsResult"},
    {"ListDirectoryBuckets", "ListAllMyDirectoryBucketsResult"},
    {"ListMultipartUploads", "ListMultipartUploadsResult"},
    {"ListObjectVersions", "ListVersionsResult"},
    {"ListObjects", "ListBucketResult"},
    {"ListObjectsV2", "ListBucketResult"},
    {"ListParts", "ListPartsResult"},
};

static struct span header_text(struct call *c, const struct field *field, const struct shape *shape,
                               const void *value)
{
    struct scalar_style style = {.format = time_format_of(shape, field->time_format, TIME_HTTP),
                                 .fraction = FRACTION_WHERE_NEEDED};
    char room[SCALAR_TEXT_SIZE];
    struct span text = scalar_text(shape->kind, style, value, room);
    if (shape->kind == KIND_BLOB || (field->flags & FIELD_JSON_VALUE))
        return base64_of(c->arena, text);
    return arena_copy(c->arena, text);
}

/* A text with a comma or a quote goes in quotes. */
static void append_list_element(struct buf *out, const struct shape *shape, struct span text)
{
    bool plain = shape->kind != KIND_STRING || (span_find_byte(text, ',') == SPAN_NOT_FOUND &&
                                                span_find_byte(text, '"') == SPAN_NOT_FOUND);
    if (plain) {
        buf_append(out, text);
        return;
    }
    buf_append_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_append_byte(out, '\\');
        buf_append_byte(out, text.at[i]);
    }
    buf_append_byte(out, '"');
}

static struct span header_list_text(struct call *c, const struct field *field,
                                    const struct shape *list, const struct any_list *from)
{
    const struct shape *member = shape_at(c->service, list->member);
    struct buf *out = reply_buf(c);
    const char *at = from->at;
    for (size_t i = 0; i < from->count; i++, at += list->size) {
        buf_append(out, i ? S(", ") : S(""));
        append_list_element(out, member, header_text(c, field, member, at));
    }
    return buf_span(out);
}

static void encode_header(struct call *c, const struct field *field, const void *from,
                          struct wire_reply *reply)
{
    const struct shape *shape = shape_at(c->service, field->shape);
    const void *value = slot_value(field, shape->kind, from);
    struct span text = shape->kind == KIND_LIST ? header_list_text(c, field, shape, value)
                                                : header_text(c, field, shape, value);
    reply_header(c, reply, service_text(c->service, field->wire), text);
}

static void encode_prefixed_headers(struct call *c, const struct field *field, const void *from,
                                    struct wire_reply *reply)
{
    const struct shape *shape = shape_at(c->service, field->shape);
    const struct any_map *map = const_struct_at(from, field->offset, struct any_map);
    const char *at = map->at;
    for (size_t i = 0; i < map->count; i++, at += shape->size) {
        const struct span parts[] = {service_text(c->service, field->wire),
                                     *const_struct_at(at, 0, struct span)};
        reply_header(c, reply, arena_join(c->arena, parts, ARRAY_LEN(parts)),
                     *const_struct_at(at, shape->value_offset, struct span));
    }
}

/* Puts the members outside the body where they belong; true when some are left for the body. */
static bool encode_head(struct call *c, const struct shape *shape, const void *from,
                        struct wire_reply *reply)
{
    bool has_body = false;
    const struct field *field = first_field(c->service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++) {
        has_body |= slot_in_body(field);
        if (!slot_printed(field, shape_at(c->service, field->shape)->kind, from))
            continue;
        if (field->location == IN_HEADER)
            encode_header(c, field, from, reply);
        else if (field->location == IN_HEADERS)
            encode_prefixed_headers(c, field, from, reply);
        else if (field->location == IN_STATUS && !c->status)
            reply->status = (uint16_t)*const_struct_at(from, field->offset, int32_t);
    }
    return has_body;
}

static bool is_s3(const struct call *c)
{
    return strcmp(c->service->name, "s3") == 0;
}

static struct xml_style style_of(const struct call *c)
{
    return (struct xml_style){.service = c->service, .fraction = FRACTION_ALWAYS};
}

static struct span root_of(const struct call *c, const struct shape *shape)
{
    struct span operation = service_text(c->service, c->operation->name);
    for (size_t i = 0; is_s3(c) && i < ARRAY_LEN(s3_roots); i++)
        if (span_eq(operation, span_of_cstr(s3_roots[i].operation)))
            return span_of_cstr(s3_roots[i].root);
    return service_text(c->service, shape->name);
}

/* GetBucketLocation answers <LocationConstraint>region</LocationConstraint> without a wrapper. */
static bool is_unwrapped(const struct call *c)
{
    return is_s3(c) &&
           span_eq(service_text(c->service, c->operation->name), S("GetBucketLocation"));
}

static struct span encode_xml_members(struct call *c, const struct shape *shape, const void *from,
                                      struct buf *body)
{
    struct xml_style style = style_of(c);
    struct span root = root_of(c, shape);
    buf_append(body, S(XML_DECLARATION "<"));
    buf_append(body, root);
    if (c->service->xml_namespace) {
        buf_append(body, S(" xmlns=\""));
        buf_append(body, span_of_cstr(c->service->xml_namespace));
        buf_append_byte(body, '"');
    }
    xml_encode_attributes(&style, shape, from, body);
    buf_append_byte(body, '>');
    if (is_unwrapped(c))
        xml_encode_text(
            body, *const_struct_at(from, first_field(c->service, shape)->offset, struct span));
    else
        xml_encode_members(&style, shape, PRINT_IN_BODY, from, body);
    buf_append(body, S("</"));
    buf_append(body, root);
    buf_append_byte(body, '>');
    return S("application/xml");
}

static struct span encode_payload(struct call *c, const struct field *field, const void *from,
                                  struct wire_reply *reply, struct buf *body)
{
    const struct shape *shape = shape_at(c->service, field->shape);
    struct xml_style style = style_of(c);
    if (shape->kind == KIND_STREAM) {
        reply->stream = const_struct_at(from, field->offset, struct body);
        return S("application/octet-stream");
    }
    if (!slot_printed(field, shape->kind, from) || (shape->flags & SHAPE_EVENT_STREAM))
        return S("");
    if (shape->kind != KIND_STRUCTURE) {
        reply->body = *const_struct_at(from, field->offset, struct span);
        return shape->kind == KIND_DOCUMENT ? S("application/json")
               : shape->kind == KIND_BLOB   ? S("application/octet-stream")
                                            : S("text/plain");
    }
    if (c->protocol == PROTOCOL_REST_JSON) {
        json_encode(c->service, shape, PRINT_ALL, slot_value(field, shape->kind, from), body);
        return S("application/json");
    }
    buf_append(body, S(XML_DECLARATION));
    xml_encode_payload(&style, field, from, body);
    return S("application/xml");
}

struct span rest_encode(struct call *c, const struct shape *shape, const void *from,
                        struct wire_reply *reply, struct buf *body)
{
    if (!shape)
        return S("");
    bool has_body = encode_head(c, shape, from, reply);
    if (c->operation->output_payload != NO_FIELD)
        return encode_payload(c, &c->service->fields[c->operation->output_payload], from, reply,
                              body);
    if (c->protocol == PROTOCOL_REST_JSON) {
        json_encode(c->service, shape, PRINT_IN_BODY, from, body);
        return S("application/json");
    }
    return has_body ? encode_xml_members(c, shape, from, body) : S("");
}
