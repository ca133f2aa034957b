// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Storage class analysis: each configuration of a bucket observes the objects that its filter
 * covers: the requests that read and write them, counted when replies leave, and at every midnight
 * how much is stored, all by storage class and age. What was found is exported every day. Private
 * to this folder. Source: "Amazon S3 analytics – Storage Class Analysis".
 */
#include "services/s3/age.h"
#include "services/s3/configuration.h"
#include "services/s3/filter.h"
#include "services/s3/note.h"

extern const struct configuration_kind analytics_kind;

/* Whoever changes what is observed of a bucket, or counts, holds this from before it reads. */
void analytics_lock(struct call *c, struct span bucket);
RESULT analytics_filter(struct call *c, const struct s3_analytics_configuration *wish,
                        struct filter *out);
/* In a transaction of its own, when the reply leaves. */
void analytics_count(struct call *c, const struct note *note, const struct reply_facts *facts);
/* With the bucket. */
RESULT analytics_forget(struct call *c, const struct s3_bucket_record *bucket);

/* The row of a class and an age, which is made when there is none. */
struct s3_analytics_row *analytics_row(struct arena *arena, struct s3_analytics_row_list *rows,
                                       struct span class, enum AGE age);
/* Adds what the one counts to the other. */
void analytics_add(struct s3_analytics_row *to, const struct s3_analytics_row *from);

/* All the days of an observation, the oldest first. */
struct analytics_history {
    const struct s3_analytics_day *days;
    size_t count;
};
/* Where the export goes, and the table. */
struct span analytics_file_key(struct call *c, const struct s3_bucket_record *bucket,
                               const struct s3_analytics_configuration *wish);
struct span analytics_file(struct call *c, const struct s3_analytics_configuration *wish,
                           const struct analytics_history *history);
