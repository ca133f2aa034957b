// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What handlers of several files do with objects. */
#include "services/s3/attributes.h"
#include "services/s3/condition.h"
#include "services/s3/place.h"
#include "services/s3/version.h"

/* An object together with what S3 remembers about it. */
struct object_found {
    struct object object;
    struct s3_attributes attributes;
    struct span etag; /* with quotes */
};

/* Which object a request is about. */
struct object_name {
    struct span key;
    struct span version_id; /* absent: the current version */
};

/* The current version. OK with *ret_found = false when there is none, or it is a delete marker. */
RESULT object_find(struct call *c, const struct place *place, struct span key,
                   struct object_found *out, bool *ret_found);
/* Or that version of it, if one is named; looked for without the lock, for permissions only. */
RESULT object_find_version(struct call *c, const struct place *place,
                           const struct object_name *name, struct object_found *out,
                           bool *ret_found);
/* The same by name: NoSuchKey, NoSuchVersion, or MethodNotAllowed for a delete marker, with the
 * headers that tell of the marker. Versions by id are looked for under the key's lock. */
RESULT object_need(struct call *c, const struct place *place, const struct object_name *name,
                   struct object_found *out);
/* The same for what is said about a version, of which a delete marker has nothing even when it is
 * not named. */
RESULT object_need_subject(struct call *c, const struct place *place,
                           const struct object_name *name, struct object_found *out);
/* Opens the bucket for reading about this object, with the lock when a version is named. */
RESULT object_open_place(struct call *c, struct place_name bucket, const struct object_name *name,
                         struct place *out);
/* x-amz-version-id of a reply about this version: absent in a bucket that never had versions. */
struct span object_shown_version(struct call *c, const struct place *place,
                                 const struct object *object);
/* x-amz-version-id of a reply to a write: S3 leaves it out where the new version has no number. */
struct span object_new_version(struct call *c, const struct object *object);

/* The content of a received body; its extents belong to the call's transaction from here on. */
struct content object_take_body(struct call *c, const struct body *body);
/* A content as the reply's body; its extents are pinned until the reply is gone. */
void object_give_body(struct call *c, const struct content *content, struct body *out);

/* S3 shows times in whole seconds. */
static inline int64_t object_shown_time(int64_t ms)
{
    return ms / 1000 * 1000;
}

#define OBJECT_BODY_MAX 5368709120ULL /* bytes of one PUT or part: 5 GiB */
/* EntityTooLarge by what the head says; *ret_len: the object's own bytes, without aws-chunked. */
RESULT object_check_length(struct call *c, int64_t content_length, int64_t *ret_len);
