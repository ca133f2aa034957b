// SPDX-License-Identifier: Apache-2.0
/* Attributes of objects: from requests, to and from bytes. Any thread. */
#include "services/s3/attributes.h"

#include "base/buf.h"
#include "base/text.h"
#include "services/s3/s3.api.h"
#include "services/s3/storage_class.h"
#include "services/s3/tags.h"

#include <errno.h>
#include <stdio.h>

#define METADATA_MAX 2048 /* bytes of names and values (PutObject: user-defined metadata) */
#define ATTRIBUTES_MAX (64 * 1024) /* heads are bounded before they get here */

/* The codings of the request's own transfer are no property of the object. */
static struct span without_aws_chunked(struct call *c, struct span codings)
{
    struct span rest = codings, kept = SPAN_NONE;
    while (!span_is_absent(rest)) {
        struct span coding = span_trim(span_cut(&rest, ','));
        if (span_is_empty(coding) || span_eq_nocase(coding, S("aws-chunked")))
            continue;
        kept = span_is_absent(kept)
                   ? coding
                   : arena_printf(c->arena, "%.*s,%.*s", SPAN_ARG(kept), SPAN_ARG(coding));
    }
    return kept;
}

static RESULT read_metadata(struct call *c, const struct s3_metadata *metadata,
                            struct s3_attributes *attributes)
{
    size_t size = 0;
    attributes->metadata.at = ARENA_ARRAY(c->arena, struct s3_pair, metadata->count);
    attributes->metadata.count = metadata->count;
    for (size_t i = 0; i < metadata->count; i++) {
        const struct s3_metadata_pair *pair = &metadata->at[i];
        attributes->metadata.at[i] = (struct s3_pair){pair->key, pair->value};
        size += pair->key.len + pair->value.len;
    }
    if (size <= METADATA_MAX)
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_METADATA_TOO_LARGE, S("MaxSizeAllowed"), S("2048"),
                    "Your metadata headers exceed the maximum allowed metadata size");
    return refusal_add(c, refusal, S("Size"), arena_printf(c->arena, "%zu", size));
}

RESULT attributes_check_storage_class(struct call *c, struct span storage_class)
{
    if (span_is_absent(storage_class) || (storage_class.len && storage_class_named(storage_class)))
        return OK;
    return refuse_with(c, &S3_INVALID_STORAGE_CLASS, S("StorageClassRequested"), storage_class,
                       "The storage class you specified is not valid");
}

/* Source: "(Optional) Configuring a webpage redirect". */
static RESULT check_redirect(struct call *c, struct span location)
{
    if (span_is_absent(location) || span_starts(location, S("/")) ||
        span_starts(location, S("http://")) || span_starts(location, S("https://")))
        return OK;
    return refuse(c, &S3_INVALID_REDIRECT_LOCATION,
                  "The website redirect location must have a prefix of 'http://' or 'https://' or "
                  "'/'.");
}

RESULT attributes_complete(struct call *c, const struct s3_metadata *metadata, struct span tagging,
                           struct s3_attributes *attributes)
{
    struct tags tags;
    TRY(attributes_check_storage_class(c, attributes->storage_class));
    TRY(check_redirect(c, attributes->redirect));
    TRY(read_metadata(c, metadata, attributes));
    TRY(tags_read_header(c, tagging, &tags));
    attributes->tags.at = tags.at;
    attributes->tags.count = tags.count;
    if (span_eq(attributes->storage_class, S("STANDARD")))
        attributes->storage_class = SPAN_NONE;
    if (span_is_empty(attributes->content_type))
        attributes->content_type = S("binary/octet-stream");
    attributes->content_encoding = without_aws_chunked(c, attributes->content_encoding);
    return OK;
}

static struct span encode(struct call *c, const struct record_table *table, const void *record)
{
    struct buf buf;
    buf_init(&buf, ATTRIBUTES_MAX);
    record_encode(table, record, &buf);
    struct span bytes = arena_copy(c->arena, buf_span(&buf));
    buf_done(&buf);
    return bytes;
}

struct span attributes_encode(struct call *c, const struct s3_attributes *attributes)
{
    return encode(c, &s3_attributes_table, attributes);
}

struct span attributes_encode_part(struct call *c, const struct s3_part_attributes *attributes)
{
    return encode(c, &s3_part_attributes_table, attributes);
}

static RESULT decode(struct call *c, const struct record_table *table, struct span bytes, void *out)
{
    if (record_decode(table, bytes, c->arena, out))
        return OK;
    return refuse_errno(c, -EBADMSG, "reading the attributes of an object");
}

RESULT attributes_decode(struct call *c, struct span bytes, struct s3_attributes *out)
{
    *out = (struct s3_attributes){.parts = 0};
    return decode(c, &s3_attributes_table, bytes, out);
}

RESULT attributes_decode_part(struct call *c, struct span bytes, struct s3_part_attributes *out)
{
    *out = (struct s3_part_attributes){.checksum_algorithm = 0};
    return decode(c, &s3_part_attributes_table, bytes, out);
}

struct span attributes_etag(struct call *c, struct span digest, uint64_t parts)
{
    char *to = arena_alloc(c->arena, 2 + 2 * MD5_SIZE + 24), *at = to;
    *at++ = '"';
    hex_encode(digest.at, digest.len, at);
    at += 2 * digest.len;
    if (parts)
        at += snprintf(at, 22, "-%llu", (unsigned long long)parts);
    *at++ = '"';
    return span_of(to, (size_t)(at - to));
}

struct checksum attributes_checksum(const struct s3_attributes *attributes)
{
    if (attributes->checksum_algorithm == 0 || attributes->checksum_algorithm > CHECKSUM_COUNT)
        return (struct checksum){.algorithm = CHECKSUM_NONE};
    return (struct checksum){
        .algorithm = (enum CHECKSUM)(attributes->checksum_algorithm - 1),
        .type = (enum CHECKSUM_TYPE)(attributes->checksum_type % 3),
        .value = attributes->checksum,
    };
}

void attributes_set_checksum(struct s3_attributes *attributes, const struct checksum *checksum)
{
    bool none = checksum->algorithm == CHECKSUM_NONE;
    attributes->checksum_algorithm = none ? 0 : (uint64_t)checksum->algorithm + 1;
    attributes->checksum_type = none ? TYPE_NONE : checksum->type;
    attributes->checksum = none ? SPAN_NONE : checksum->value;
}

struct span attributes_storage_class(const struct s3_attributes *attributes)
{
    return span_is_empty(attributes->storage_class) ? S("STANDARD") : attributes->storage_class;
}

void attributes_metadata(struct call *c, const struct s3_attributes *attributes,
                         struct s3_metadata *out)
{
    out->count = attributes->metadata.count;
    out->at = ARENA_ARRAY(c->arena, struct s3_metadata_pair, out->count);
    for (size_t i = 0; i < out->count; i++)
        out->at[i] = (struct s3_metadata_pair){attributes->metadata.at[i].key,
                                               attributes->metadata.at[i].value};
}
