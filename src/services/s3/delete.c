// SPDX-License-Identifier: Apache-2.0
/*
 * DeleteObject and DeleteObjects. Without a version id a name is deleted as its bucket keeps
 * versions; with one, that version goes for good, and its being gone already is no error. Of up to
 * 1,000 keys each is allowed or denied by itself, and all are deleted in one transaction under all
 * their locks. Sources: DeleteObject, DeleteObjects. Loop threads.
 */
#include "services/s3/access.h"
#include "services/s3/lock.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define KEYS_MAX 1000

/* ---- one deletion --------------------------------------------------------------------------- */

/* What is to be deleted, and on which condition. */
struct wish {
    struct object_name name;
    struct span if_match;
    enum LOCK_BYPASS bypass;
};

/* What became of it. */
struct outcome {
    struct span version_id;        /* that was named */
    struct span marker_version_id; /* of a delete marker that was made or deleted */
};

static RESULT delete_current(struct call *c, const struct place *place, const struct wish *wish,
                             struct outcome *out)
{
    struct object_found old;
    struct object mark;
    bool there;
    struct span key = wish->name.key;
    TRY(object_find(c, place, key, &old, &there));
    if (!span_eq(wish->if_match, S("*")) || !there)
        TRY(condition_write(c, wish->if_match, SPAN_NONE, key, there ? old.etag : SPAN_NONE));
    int result = object_delete(&place->index, key, there ? &old.object : NULL, c->now_ms, &mark);
    if (result < 0)
        return refuse_errno(c, result, "deleting object %.*s", SPAN_ARG(key));
    if (mark.mark)
        out->marker_version_id = version_id(c, &mark);
    return OK;
}

/* May this version go? Delete markers are never locked. */
static RESULT check_version(struct call *c, const struct place *place, const struct wish *wish,
                            const struct object *object)
{
    struct s3_attributes attributes;
    struct span etag = SPAN_NONE;
    bool any = span_eq(wish->if_match, S("*"));
    if (!object->mark) {
        TRY(attributes_decode(c, object->attributes, &attributes));
        TRY(lock_check_deletion(c, place, wish->name.key, &attributes, wish->bypass));
        etag = attributes_etag(c, attributes.etag, attributes.parts);
    }
    return any ? OK : condition_write(c, wish->if_match, SPAN_NONE, wish->name.key, etag);
}

static RESULT delete_version(struct call *c, const struct place *place, const struct wish *wish,
                             struct outcome *out)
{
    struct object_version version;
    struct object object;
    struct span key = wish->name.key;
    out->version_id = wish->name.version_id;
    TRY(version_check(c, out->version_id));
    int result = version_id_read(out->version_id, &version)
                     ? object_get_version(&place->index, key, &version, &object)
                     : -ENOENT;
    if (result == -ENOENT)
        return OK;
    if (result == 0) {
        TRY(check_version(c, place, wish, &object));
        result = object_delete_version(&place->index, key, &object);
    }
    if (result < 0)
        return refuse_errno(c, result, "deleting a version of %.*s", SPAN_ARG(key));
    if (object.mark)
        out->marker_version_id = out->version_id;
    return OK;
}

static RESULT delete_one(struct call *c, const struct place *place, const struct wish *wish,
                         struct outcome *out)
{
    *out = (struct outcome){.version_id = SPAN_NONE};
    return span_is_absent(wish->name.version_id) ? delete_current(c, place, wish, out)
                                                 : delete_version(c, place, wish, out);
}

#define BYPASS_OF(in)                                                                              \
    ((in)->has.bypass_governance_retention ? &(in)->bypass_governance_retention : NULL)

RESULT s3_delete_object(struct call *c, const struct s3_delete_object_in *in,
                        struct s3_delete_object_out *out)
{
    struct place place;
    struct outcome outcome;
    struct wish wish = {.name = {in->key, in->version_id}, .if_match = in->if_match};
    TRY(place_check_key(c, in->key));
    TRY(version_check(c, in->version_id));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &place));
    TRY(lock_read_bypass(c, &place, BYPASS_OF(in), &wish.bypass));
    TRY(delete_one(c, &place, &wish, &outcome));
    out->version_id = outcome.version_id;
    if (!span_is_absent(outcome.marker_version_id)) {
        SET(out, delete_marker, true);
        out->version_id = outcome.marker_version_id;
    }
    return OK;
}

/* ---- many ----------------------------------------------------------------------------------- */

struct deletion {
    struct call *c;
    struct place place;
    struct s3_delete_objects_out *out;
    enum LOCK_BYPASS bypass;
    bool quiet;
};

static RESULT delete_entry(struct deletion *deletion, const struct s3_object_identifier *which,
                           struct outcome *out)
{
    struct call *c = deletion->c;
    struct object_version version;
    struct wish wish = {.name = {which->key, which->version_id},
                        .if_match = which->etag,
                        .bypass = deletion->bypass};
    bool named = !span_is_absent(which->version_id);
    TRY(access_require(c, named ? S("s3:DeleteObjectVersion") : S("s3:DeleteObject"),
                       deletion->place.bucket.name, which->key));
    TRY(place_check_key(c, which->key));
    if (named && !version_id_read(which->version_id, &version))
        return refuse(c, &S3_NO_SUCH_VERSION, "The specified version does not exist.");
    if (which->has.size || which->has.last_modified_time)
        return refuse(c, &S3_NOT_IMPLEMENTED,
                      "A header you provided implies functionality that is not implemented");
    return delete_one(c, &deletion->place, &wish, out);
}

static void note_deleted(struct deletion *deletion, const struct s3_object_identifier *which,
                         const struct outcome *outcome)
{
    struct s3_delete_objects_out *out = deletion->out;
    if (deletion->quiet)
        return;
    struct s3_deleted_object *deleted = &out->deleted.at[out->deleted.count++];
    *deleted = (struct s3_deleted_object){
        .key = which->key,
        .version_id = which->version_id,
        .delete_marker_version_id = outcome->marker_version_id,
    };
    if (!span_is_absent(outcome->marker_version_id))
        SET(deleted, delete_marker, true);
}

static void note_refused(struct deletion *deletion, const struct s3_object_identifier *which,
                         const struct refusal *refusal)
{
    struct s3_delete_objects_out *out = deletion->out;
    out->errors.at[out->errors.count++] = (struct s3_error){
        .key = which->key,
        .version_id = which->version_id,
        .code = span_of_cstr(refusal->kind->code),
        .message = refusal->message,
    };
}

RESULT s3_delete_objects(struct call *c, const struct s3_delete_objects_in *in,
                         struct s3_delete_objects_out *out)
{
    struct deletion deletion = {.c = c, .out = out};
    const struct s3_delete *wish = in->delete;
    if (!wish || wish->objects.count == 0 || wish->objects.count > KEYS_MAX)
        return place_refuse_xml(c);
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
    TRY(lock_read_bypass(c, &deletion.place, BYPASS_OF(in), &deletion.bypass));
    for (size_t i = 0; i < count; i++) {
        struct outcome outcome;
        const struct s3_object_identifier *which = &wish->objects.at[i];
        const struct refusal *refusal = delete_entry(&deletion, which, &outcome);
        if (refusal)
            note_refused(&deletion, which, refusal);
        else
            note_deleted(&deletion, which, &outcome);
    }
    return OK;
}
