// SPDX-License-Identifier: Apache-2.0
/* Configurations by id in the store. Writes on the control thread, reads on any. */
#include "services/s3/configuration.h"

#include "base/text.h"
#include "services/s3/s3.api.h"
#include "wire/codec.h"

#include <errno.h>

#define BODY_MAX (1 << 20)      /* bytes of JSON; requests are bounded before */
#define CONFIGURATIONS_MAX 1000 /* of a kind in a bucket */
#define ID_MAX 64

static bool is_id_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '.' || byte == '_';
}

/* Source: PutBucketInventoryConfiguration, "Special errors"; answers of S3. */
RESULT configuration_check_id(struct call *c, struct span id, struct span document_id)
{
    bool fine = id.len > 0 && id.len <= ID_MAX;
    for (size_t i = 0; i < id.len; i++)
        fine = fine && is_id_byte(id.at[i]);
    if (!fine)
        return refuse(c, &S3_INVALID_CONFIGURATION_ID,
                      "The specified configuration id is invalid.");
    if (!span_eq(id, document_id))
        return refuse(c, &S3_ID_MISMATCH,
                      "Document ID does not match the specified configuration ID.");
    return OK;
}

static struct s3_configuration key_of(const struct s3_bucket_record *bucket,
                                      const struct configuration_kind *kind, struct span id)
{
    return (struct s3_configuration){.bucket = bucket->id, .kind = kind->name, .id = id};
}

static RESULT refuse_failure(struct call *c, int result)
{
    if (result == -ENOENT)
        return refuse(c, &S3_NO_SUCH_CONFIGURATION, "The specified configuration does not exist.");
    return refuse_errno(c, result, "reading a configuration");
}

struct listing {
    struct call *c;
    const struct configuration_kind *kind;
    struct configuration_page *page;
    size_t limit;
    struct span after;
    const struct refusal *refusal;
};

/* Ids at or before `after` are not of this page. */
static int take(void *user, struct s3_configuration *kept)
{
    struct listing *listing = user;
    struct configuration_page *page = listing->page;
    if (span_compare(kept->id, listing->after) <= 0)
        return 0;
    if (page->count == listing->limit) {
        page->next = base64_of(listing->c->arena, listing->after);
        return 1;
    }
    listing->after = arena_copy(listing->c->arena, kept->id);
    void *to = page->at ? (char *)page->at + page->count * listing->kind->size : NULL;
    page->count++;
    if (to)
        listing->refusal =
            wire_json_read(listing->c, &s3_service, listing->kind->shape, kept->body, to);
    return listing->refusal != OK;
}

static RESULT list(struct listing *listing, const struct s3_bucket_record *bucket)
{
    struct call *c = listing->c;
    struct s3_configuration from = key_of(bucket, listing->kind, SPAN_NONE);
    int result = s3_configuration_each(c->txn, &from, 2, c->arena, take, listing);
    return result < 0 ? refuse_failure(c, result) : listing->refusal;
}

static RESULT check_room(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct span id)
{
    struct s3_configuration old = key_of(bucket, kind, id);
    struct configuration_page page = {.at = NULL};
    struct listing listing = {
        .c = c, .kind = kind, .page = &page, .limit = CONFIGURATIONS_MAX, .after = S("")};
    if (s3_configuration_get(c->txn, c->arena, &old) == 0)
        return OK;
    TRY(list(&listing, bucket));
    if (page.count < CONFIGURATIONS_MAX)
        return OK;
    return refuse(c, &S3_TOO_MANY_CONFIGURATIONS,
                  "You are attempting to create a new configuration but have already reached the "
                  "1,000-configuration limit.");
}

RESULT configuration_put(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct span id, const void *in)
{
    struct buf *json = arena_buf(c->arena, BODY_MAX);
    TRY(check_room(c, bucket, kind, id));
    wire_json_write(&s3_service, kind->shape, in, json);
    struct s3_configuration kept = key_of(bucket, kind, id);
    kept.body = buf_span(json);
    s3_configuration_put(c->txn, &kept);
    c->status = 204; /* the model says 200, S3 does not */
    return OK;
}

RESULT configuration_get(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct span id, void *out)
{
    struct s3_configuration kept = key_of(bucket, kind, id);
    int result = s3_configuration_get(c->txn, c->arena, &kept);
    if (result < 0)
        return refuse_failure(c, result);
    return wire_json_read(c, &s3_service, kind->shape, kept.body, out);
}

RESULT configuration_delete(struct call *c, const struct s3_bucket_record *bucket,
                            const struct configuration_kind *kind, struct span id)
{
    struct s3_configuration kept = key_of(bucket, kind, id);
    int result = s3_configuration_get(c->txn, c->arena, &kept);
    if (result < 0)
        return refuse_failure(c, result);
    s3_configuration_delete(c->txn, &kept);
    return OK;
}

static void make_room(struct listing *listing)
{
    size_t bytes = listing->limit * listing->kind->size;
    *listing->page = (struct configuration_page){.at = arena_alloc(listing->c->arena, bytes)};
    memset(listing->page->at, 0, bytes);
}

RESULT configuration_list(struct call *c, const struct s3_bucket_record *bucket,
                          const struct configuration_kind *kind, struct span token,
                          struct configuration_page *out)
{
    struct listing listing = {
        .c = c, .kind = kind, .page = out, .limit = CONFIGURATION_PAGE, .after = S("")};
    make_room(&listing);
    if (!span_is_absent(token))
        listing.after = base64_decode(c->arena, token);
    if (span_is_absent(listing.after))
        return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("continuation-token"),
                           "The continuation token provided is incorrect");
    return list(&listing, bucket);
}

RESULT configuration_all(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct configuration_page *out)
{
    struct listing listing = {
        .c = c, .kind = kind, .page = out, .limit = CONFIGURATIONS_MAX, .after = S("")};
    make_room(&listing);
    return list(&listing, bucket);
}

static int forget(void *user, struct s3_configuration *kept)
{
    struct call *c = user;
    s3_configuration_delete(c->txn, kept);
    return 0;
}

RESULT configuration_delete_all(struct call *c, const struct s3_bucket_record *bucket)
{
    struct s3_configuration from = {.bucket = bucket->id};
    int result = s3_configuration_each(c->txn, &from, 1, c->arena, forget, c);
    return result < 0 ? refuse_errno(c, result, "deleting configurations") : OK;
}
