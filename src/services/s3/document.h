// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The configurations of a bucket that are too long for its record, one record each. The bucket's
 * record has a bit for each that is there, so that requests to plain buckets read nothing more.
 * Written on the control thread, read on any.
 */
#include "services/s3/place.h"

/* Bits in bucket records: their order is for ever. */
enum DOCUMENT {
    DOCUMENT_POLICY,
    DOCUMENT_ACL,
    DOCUMENT_CORS,
    DOCUMENT_WEBSITE,
    DOCUMENT_LOGGING,
    DOCUMENT_LIFECYCLE = 16
};

static inline bool document_is_there(const struct s3_bucket_record *bucket, enum DOCUMENT which)
{
    return bucket->documents >> which & 1;
}

/* Key and kind are filled in; puts the bucket's record, too. */
void document_put(struct call *c, struct s3_bucket_record *bucket, enum DOCUMENT which,
                  struct s3_bucket_document *document);
/* *ret_found = false when there is none. */
RESULT document_get(struct call *c, const struct s3_bucket_record *bucket, enum DOCUMENT which,
                    struct s3_bucket_document *out, bool *ret_found);
/* Fine when there is none. */
void document_delete(struct call *c, struct s3_bucket_record *bucket, enum DOCUMENT which);
/* All of them, with the bucket. */
void document_delete_all(struct call *c, struct s3_bucket_record *bucket);

/* A structure of the API as document: `shape` is its index, S3_SHAPE_…. */
struct document_form {
    enum DOCUMENT which;
    uint16_t shape;
};
void document_put_form(struct call *c, struct s3_bucket_record *bucket, struct document_form form,
                       const void *in);
RESULT document_get_form(struct call *c, const struct s3_bucket_record *bucket,
                         struct document_form form, void *out, bool *ret_found);
