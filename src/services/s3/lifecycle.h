// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Lifecycle rules: what they say of an object and when. Times are midnights, UTC: that of the day
 * behind the one on which the days have passed. Source: "Lifecycle and other bucket
 * configurations", "Expiring objects". Pure but for loading; any thread.
 */
#include "services/s3/object.h"
#include "services/s3/s3.api.h"
#include "services/s3/storage_class.h"

/* A version as rules see it. */
struct lifecycle_subject {
    struct span key;
    uint64_t size;
    struct s3_pair_list tags;
    int64_t modified_ms;
    const struct storage_class *class;
};
struct lifecycle_subject lifecycle_subject(struct span key, const struct object *object,
                                           const struct s3_attributes *attributes);

/* No rules where there is no configuration. */
RESULT lifecycle_load(struct call *c, const struct s3_bucket_record *bucket,
                      struct s3_lifecycle_rules *out);

/* Of the objects that a rule is about. */
struct span lifecycle_prefix(const struct s3_lifecycle_rule *rule);

/* When the current version expires, by which rule: TIME_NONE when none says so. */
int64_t lifecycle_expiry(const struct s3_lifecycle_rules *rules,
                         const struct lifecycle_subject *subject,
                         const struct s3_lifecycle_rule **ret_rule);
/* When an older version does that was replaced at `newer_ms`, with `rank` older versions between.
 */
int64_t lifecycle_older_expiry(const struct s3_lifecycle_rules *rules,
                               const struct lifecycle_subject *subject, int64_t newer_ms,
                               uint64_t rank);
/* The deepest class that a rule has for the version by now, or NULL. Small objects stay where they
 * are unless the rule speaks of sizes itself, or the bucket's minimum varies with the class. */
struct lifecycle_move {
    const struct s3_lifecycle_rules *rules;
    const struct lifecycle_subject *subject;
    int64_t now_ms;
    bool varied_minimum;
};
const struct storage_class *lifecycle_transition(const struct lifecycle_move *move);
const struct storage_class *lifecycle_older_transition(const struct lifecycle_move *move,
                                                       int64_t newer_ms, uint64_t rank);
/* When a delete marker goes behind which there is nothing. */
int64_t lifecycle_marker_expiry(const struct s3_lifecycle_rules *rules, struct span key,
                                int64_t modified_ms);
/* When an upload that is not complete is aborted. */
int64_t lifecycle_upload_expiry(const struct s3_lifecycle_rules *rules, struct span key,
                                int64_t started_ms);
/* The first midnight at or after `ms`. */
int64_t lifecycle_midnight(int64_t ms);

/* x-amz-expiration of the current version; absent when it does not expire. */
RESULT lifecycle_describe(struct call *c, const struct place *place,
                          const struct lifecycle_subject *subject, struct span *out);
