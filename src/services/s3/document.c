// SPDX-License-Identifier: Apache-2.0
/* Configurations of buckets in the store. Writes on the control thread, reads on any. */
#include "services/s3/document.h"

#include "services/s3/s3.api.h"
#include "wire/codec.h"

#include <errno.h>

#define DOCUMENT_MAX (1 << 20) /* bytes of a structure as JSON; bodies are bounded before */

static const struct span kinds[] = {
    [DOCUMENT_POLICY] = S_INIT("policy"),   [DOCUMENT_ACL] = S_INIT("acl"),
    [DOCUMENT_CORS] = S_INIT("cors"),       [DOCUMENT_WEBSITE] = S_INIT("website"),
    [DOCUMENT_LOGGING] = S_INIT("logging"), [DOCUMENT_LIFECYCLE] = S_INIT("lifecycle"),
};

void document_put(struct call *c, struct s3_bucket_record *bucket, enum DOCUMENT which,
                  struct s3_bucket_document *document)
{
    document->bucket = bucket->id;
    document->kind = kinds[which];
    s3_bucket_document_put(c->txn, document);
    bucket->documents |= 1ULL << which;
    s3_bucket_record_put(c->txn, bucket);
}

RESULT document_get(struct call *c, const struct s3_bucket_record *bucket, enum DOCUMENT which,
                    struct s3_bucket_document *out, bool *ret_found)
{
    *ret_found = document_is_there(bucket, which);
    if (!*ret_found)
        return OK;
    *out = (struct s3_bucket_document){.bucket = bucket->id, .kind = kinds[which]};
    int result = s3_bucket_document_get(c->txn, c->arena, out);
    /* Removed since the bucket's record was read: readers hold no lock. */
    *ret_found = result == 0;
    return result == 0 || result == -ENOENT
               ? OK
               : refuse_errno(c, result, "reading the configuration of bucket %.*s",
                              SPAN_ARG(bucket->name));
}

void document_delete(struct call *c, struct s3_bucket_record *bucket, enum DOCUMENT which)
{
    if (!document_is_there(bucket, which))
        return;
    s3_bucket_document_delete(
        c->txn, &(struct s3_bucket_document){.bucket = bucket->id, .kind = kinds[which]});
    bucket->documents &= ~(1ULL << which);
    s3_bucket_record_put(c->txn, bucket);
}

void document_delete_all(struct call *c, struct s3_bucket_record *bucket)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        document_delete(c, bucket, (enum DOCUMENT)i);
}

void document_put_form(struct call *c, struct s3_bucket_record *bucket, struct document_form form,
                       const void *in)
{
    struct buf *json = arena_buf(c->arena, DOCUMENT_MAX);
    wire_json_write(&s3_service, form.shape, in, json);
    struct s3_bucket_document document = {.body = buf_span(json)};
    document_put(c, bucket, form.which, &document);
}

RESULT document_get_form(struct call *c, const struct s3_bucket_record *bucket,
                         struct document_form form, void *out, bool *ret_found)
{
    struct s3_bucket_document document;
    TRY(document_get(c, bucket, form.which, &document, ret_found));
    return *ret_found ? wire_json_read(c, &s3_service, form.shape, document.body, out) : OK;
}
