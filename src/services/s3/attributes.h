// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What S3 remembers about an object or an upload beside its bytes: from the head of a request,
 * checked; to and from the bytes the object engine keeps.
 */
#include "services/s3/checksum.h"
#include "services/s3/s3.records.h"
#include "wire/call.h"

/* Fills the system headers from an input that has them (PutObject, CopyObject,
 * CreateMultipartUpload). */
#define ATTRIBUTES_OF(in)                                                                          \
    ((struct s3_attributes){.content_type = (in)->content_type,                                    \
                            .cache_control = (in)->cache_control,                                  \
                            .content_disposition = (in)->content_disposition,                      \
                            .content_encoding = (in)->content_encoding,                            \
                            .content_language = (in)->content_language,                            \
                            .expires = (in)->expires,                                              \
                            .storage_class = (in)->storage_class,                                  \
                            .redirect = (in)->website_redirect_location})

struct s3_metadata;
/* Completes them: metadata within its 2 KiB, content type and encoding as they are kept, a storage
 * class that exists, tags of the x-amz-tagging header. */
RESULT attributes_complete(struct call *c, const struct s3_metadata *metadata, struct span tagging,
                           struct s3_attributes *attributes);
RESULT attributes_check_storage_class(struct call *c, struct span storage_class);

struct span attributes_encode(struct call *c, const struct s3_attributes *attributes);
RESULT attributes_decode(struct call *c, struct span bytes, struct s3_attributes *out);
struct span attributes_encode_part(struct call *c, const struct s3_part_attributes *attributes);
RESULT attributes_decode_part(struct call *c, struct span bytes, struct s3_part_attributes *out);

/* "d41d8cd98f00b204e9800998ecf8427e" or "…-3", with the quotes. */
struct span attributes_etag(struct call *c, struct span digest, uint64_t parts);
struct checksum attributes_checksum(const struct s3_attributes *attributes);
void attributes_set_checksum(struct s3_attributes *attributes, const struct checksum *checksum);
/* STANDARD when none was given. */
struct span attributes_storage_class(const struct s3_attributes *attributes);
void attributes_metadata(struct call *c, const struct s3_attributes *attributes,
                         struct s3_metadata *out);
