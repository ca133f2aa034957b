// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What handlers of several files do with objects. */
#include "services/s3/attributes.h"
#include "services/s3/condition.h"
#include "services/s3/place.h"

/* An object together with what S3 remembers about it. */
struct object_found {
    struct object object;
    struct s3_attributes attributes;
    struct span etag; /* with quotes */
};

/* OK with *ret_found = false when there is none. */
RESULT object_find(struct call *c, const struct place *place, struct span key,
                   struct object_found *out, bool *ret_found);
/* NoSuchKey when there is none. */
RESULT object_need(struct call *c, const struct place *place, struct span key,
                   struct object_found *out);

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
