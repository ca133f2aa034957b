// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * S3 Intelligent-Tiering: objects of that class that nobody has accessed for as many days as a
 * configuration of the bucket says are archived by the sweep, in two depths, and come back for good
 * by RestoreObject. Private to this folder. Sources: "How S3 Intelligent-Tiering works", "Enabling
 * S3 Intelligent-Tiering Archive Access and Deep Archive Access tiers".
 */
#include "services/s3/filter.h"
#include "services/s3/object.h"

/* Stored in attributes: numbers are stable. */
enum TIER { TIER_FREQUENT = 0, TIER_ARCHIVE = 1, TIER_DEEP_ARCHIVE = 2 };

/* A rule of a configuration that is on. */
struct tiering {
    struct filter filter;
    bool filtered;
    int32_t days[TIER_DEEP_ARCHIVE + 1]; /* without access before it goes there; 0: never */
};

struct tiering_list {
    struct tiering *at;
    size_t count;
};
RESULT tiering_load(struct call *c, const struct s3_bucket_record *bucket,
                    struct tiering_list *out);

/* ARCHIVE_ACCESS, DEEP_ARCHIVE_ACCESS; absent where the object can be read at once. */
struct span tiering_status(const struct s3_attributes *attributes, int64_t now_ms);

/* Is this the class? */
bool tiering_is_of(struct span storage_class);

/* The object was read: the days begin anew. */
struct tiering_version {
    uint64_t bucket_id;
    struct span key;
    uint64_t stamp;
};
RESULT tiering_accessed(struct call *c, struct txn *txn, const struct tiering_version *version);

struct tiering_subject {
    uint64_t bucket_id;
    struct span key;
    const struct object *object;
    const struct s3_attributes *attributes;
};
/* Does the object go to another tier by now, and to which? */
bool tiering_is_due(struct call *c, struct txn *txn, const struct tiering_list *list,
                    const struct tiering_subject *subject);
enum TIER tiering_next(struct call *c, struct txn *txn, const struct tiering_list *list,
                       const struct tiering_subject *subject);
/* It comes into the class, or leaves it. */
void tiering_enter(struct s3_attributes *attributes, int64_t now_ms);
/* It is archived; what is known of accesses goes into the attributes. */
void tiering_archive(struct call *c, struct txn *txn, enum TIER tier,
                     const struct tiering_subject *subject, struct s3_attributes *attributes);
/* Drops accesses that are so long ago that nothing depends on them, some at a time: those of
 * objects that are gone are among them. 0 or a negative errno. */
MUST_CHECK int tiering_tidy(struct call *c, struct txn *txn, const struct s3_bucket_record *bucket);
/* With the bucket. */
RESULT tiering_forget(struct call *c, const struct s3_bucket_record *bucket);
