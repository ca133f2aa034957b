// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A version about which something is said or changed: its lock, tags, annotations, restoration. */
#include "services/s3/object.h"

struct subject {
    struct place place;
    struct object_name name;
    struct object_found found;
};

#define SUBJECT_BUCKET(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})
#define SUBJECT_NAME(in) ((struct object_name){(in)->key, (in)->version_id})

/* Checks the name and opens the bucket under the key's lock; the version is not looked up. */
RESULT subject_open(struct call *c, struct place_name bucket, struct object_name name,
                    struct subject *out);
/* The same with the version; a delete marker is refused, named or not. */
RESULT subject_find(struct call *c, struct place_name bucket, struct object_name name,
                    struct subject *out);
/* Keeps the attributes as they are now. */
void subject_write(struct call *c, const struct subject *subject);
