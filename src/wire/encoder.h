// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the encoders share. They print what handlers filled in, so they cannot fail; a reply that
 * passes the ceiling of its buffer is noticed once, by wire_encode. Pure, any thread.
 */
#include "base/buf.h"
#include "base/json.h"
#include "wire/codec.h"
#include "wire/scalar.h"
#include "wire/slot.h"

/* One protocol's body of a structure; MEMBERS_IN_BODY prints only members of that location. */
enum PRINT { PRINT_ALL, PRINT_IN_BODY };
void json_encode(const struct service *service, const struct shape *shape, enum PRINT which,
                 const void *from, struct buf *out);
void cbor_encode(const struct call *c, const struct shape *shape, const void *from,
                 struct buf *out);

struct xml_style {
    const struct service *service;
    bool ec2;
    enum FRACTION fraction; /* of times */
};

/* Text and attribute values with what XML reserves replaced, and what XML 1.0 cannot carry left out
 * as U+FFFD. */
void xml_encode_text(struct buf *out, struct span text);
void xml_encode_element(struct buf *out, struct span name, struct span text);
/* The members of a structure as child elements. */
void xml_encode_members(const struct xml_style *style, const struct shape *shape, enum PRINT which,
                        const void *from, struct buf *out);
/* ` name="value"` for each member that is an attribute. */
void xml_encode_attributes(const struct xml_style *style, const struct shape *shape,
                           const void *from, struct buf *out);
/* One member as an element of its own (a payload), with its namespace. */
void xml_encode_payload(const struct xml_style *style, const struct field *field, const void *from,
                        struct buf *out);
/* A reply header in the call's arena. */
void reply_header(struct call *c, struct wire_reply *reply, struct span name, struct span value);
/* Content-Type unless there is one, then the headers that every reply of the protocol has. */
void reply_finish(struct call *c, struct wire_reply *reply, struct span content_type);
struct span reply_content_type(const struct wire_reply *reply);
/* An empty buffer that lives as long as the call. */
struct buf *reply_buf(struct call *c);
/* S3's second request id. */
struct span reply_host_id(struct call *c);
struct span reply_json_type(const struct service *service);
