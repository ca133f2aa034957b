// SPDX-License-Identifier: Apache-2.0
/*
 * DeleteObjects: up to 1,000 keys, each allowed or denied by itself, all deleted in one transaction
 * under all their locks. Source: DeleteObjects.
 */
#include "services/s3/access.h"
#include "services/s3/object.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define KEYS_MAX 1000

struct deletion {
    struct call *c;
    struct place place;
    struct s3_delete_objects_out *out;
    bool quiet;
};

static RESULT refuse_xml(struct call *c)
{
    return refuse(c, &S3_MALFORMED_XML,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

/* OK also when there is no such object: deleting is idempotent. */
static RESULT delete_one(struct deletion *deletion, const struct s3_object_identifier *which)
{
    struct call *c = deletion->c;
    struct object_found old;
    bool there;
    TRY(access_require(c, S("s3:DeleteObject"), deletion->place.bucket.name, which->key));
    TRY(place_check_key(c, which->key));
    if (!span_is_absent(which->version_id) && !span_eq(which->version_id, S("null")))
        return refuse(c, &S3_NO_SUCH_VERSION, "The specified version does not exist.");
    if (which->has.size || which->has.last_modified_time)
        return refuse(c, &S3_NOT_IMPLEMENTED,
                      "A header you provided implies functionality that is not implemented");
    TRY(object_find(c, &deletion->place, which->key, &old, &there));
    if (!span_eq(which->etag, S("*")) || !there)
        TRY(condition_write(c, which->etag, SPAN_NONE, which->key, there ? old.etag : SPAN_NONE));
    int result = there ? object_delete(&deletion->place.index, which->key, &old.object) : 0;
    return result < 0 ? refuse_errno(c, result, "deleting object %.*s", SPAN_ARG(which->key)) : OK;
}

static void note(struct deletion *deletion, const struct s3_object_identifier *which,
                 const struct refusal *refusal)
{
    struct s3_delete_objects_out *out = deletion->out;
    if (refusal)
        out->errors.at[out->errors.count++] = (struct s3_error){
            .key = which->key,
            .version_id = which->version_id,
            .code = span_of_cstr(refusal->kind->code),
            .message = refusal->message,
        };
    else if (!deletion->quiet)
        out->deleted.at[out->deleted.count++] =
            (struct s3_deleted_object){.key = which->key, .version_id = which->version_id};
}

RESULT s3_delete_objects(struct call *c, const struct s3_delete_objects_in *in,
                         struct s3_delete_objects_out *out)
{
    struct deletion deletion = {.c = c, .out = out};
    const struct s3_delete *wish = in->delete;
    if (!wish || wish->objects.count == 0 || wish->objects.count > KEYS_MAX)
        return refuse_xml(c);
    size_t count = wish->objects.count;
    struct span *keys = ARENA_ARRAY(c->arena, struct span, count);
    for (size_t i = 0; i < count; i++)
        keys[i] = wish->objects.at[i].key;
    deletion.quiet = wish->has.quiet && wish->quiet;
    out->errors.at = ARENA_ARRAY(c->arena, struct s3_error, count);
    out->deleted.at = ARENA_ARRAY(c->arena, struct s3_deleted_object, count);
    TRY(access_check_bucket(c, in->bucket));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, keys,
                          count, &deletion.place));
    for (size_t i = 0; i < count; i++)
        note(&deletion, &wish->objects.at[i], delete_one(&deletion, &wish->objects.at[i]));
    return OK;
}
