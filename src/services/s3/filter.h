// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Filters of configurations by id: which objects one is about, by the beginning of their keys,
 * their tags, and the access point that they were reached by. Pure.
 */
#include "services/s3/s3.api.h"
#include "services/s3/tags.h"

struct filter {
    struct span prefix; /* absent: any */
    struct tags tags;   /* all of them */
    struct span point;  /* ARN; absent: any */
};

/* What the API's structures have, which are alike but for their names. */
struct filter_wish {
    struct span prefix, point;
    const struct s3_tag *tag;
    bool both; /* an And, and what is in it */
    struct span and_prefix, and_point;
    struct s3_tag_set and_tags;
};
#define FILTER_WISH_OF(in)                                                                         \
    {                                                                                              \
        .prefix = (in)->prefix, .tag = (in)->tag, .both = (in)->and != NULL,                       \
        .and_prefix = (in)->and ? (in)->and->prefix : SPAN_NONE,                                   \
        .and_tags = (in)->and ? (in)->and->tags : (struct s3_tag_set)                              \
        {                                                                                          \
            .count = 0                                                                             \
        }                                                                                          \
    }

/* Exactly one member, an And of two or more; MalformedXML, InvalidTag. */
RESULT filter_read(struct call *c, const struct filter_wish *wish, struct filter *out);

/* With texts of its own. */
struct filter filter_copy(struct arena *arena, const struct filter *filter);

struct filter_subject {
    struct span key;
    const struct s3_pair_list *tags;
    struct span point;
};
bool filter_covers(const struct filter *filter, const struct filter_subject *subject);
