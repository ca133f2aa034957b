// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Configurations of which a bucket has many, each under an id: inventories, request metrics. Kept
 * as JSON by the API's names. Written on the control thread, read on any.
 */
#include "services/s3/place.h"

#define CONFIGURATION_PAGE 100

/* One kind of them. */
struct configuration_kind {
    struct span name;
    uint16_t shape; /* S3_SHAPE_… */
    size_t size;    /* of its struct */
};

/* The id of the request and that of the document, which must be the same. */
RESULT configuration_check_id(struct call *c, struct span id, struct span document_id);
RESULT configuration_put(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct span id, const void *in);
/* NoSuchConfiguration. */
RESULT configuration_get(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct span id, void *out);
RESULT configuration_delete(struct call *c, const struct s3_bucket_record *bucket,
                            const struct configuration_kind *kind, struct span id);
/* Those behind the token, by id. */
struct configuration_page {
    void *at; /* an array of the kind's structs */
    size_t count;
    struct span next; /* token of the next page, absent at the end */
};
RESULT configuration_list(struct call *c, const struct s3_bucket_record *bucket,
                          const struct configuration_kind *kind, struct span token,
                          struct configuration_page *out);
/* All of a kind. */
RESULT configuration_all(struct call *c, const struct s3_bucket_record *bucket,
                         const struct configuration_kind *kind, struct configuration_page *out);
/* The page as the members that all lists of configurations have. */
#define CONFIGURATION_SHOW(in, out, member, page)                                                  \
    do {                                                                                           \
        (out)->member.at = (page)->at;                                                             \
        (out)->member.count = (page)->count;                                                       \
        (out)->continuation_token = (in)->continuation_token;                                      \
        (out)->next_continuation_token = (page)->next;                                             \
        SET(out, is_truncated, !span_is_absent((page)->next));                                     \
    } while (0)
/* All kinds, with the bucket. */
RESULT configuration_delete_all(struct call *c, const struct s3_bucket_record *bucket);
