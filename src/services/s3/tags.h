// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tags of buckets and objects: rules, the x-amz-tagging header, both forms. Source: "Object
 * tagging", "Cost allocation tag restrictions". */
#include "services/s3/s3.records.h"
#include "wire/call.h"

enum TAGGED { TAGGED_OBJECT, TAGGED_BUCKET, TAGGED_NEW_BUCKET };

/* A run of pairs, as records hold it. */
struct tags {
    struct s3_pair *at;
    size_t count;
};

struct s3_tag_set;
RESULT tags_read(struct call *c, const struct s3_tag_set *set, enum TAGGED what, struct tags *out);
/* k=v&k2=v2, URL-encoded; absent gives none. */
RESULT tags_read_header(struct call *c, struct span header, struct tags *out);
void tags_describe(struct call *c, struct tags tags, struct s3_tag_set *out);
