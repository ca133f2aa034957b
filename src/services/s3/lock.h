// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Object lock: what protects a version from deletion until a date (retention, in two modes) or
 * until it is lifted (legal hold), and who may pass over it. Source: "Locking objects with Object
 * Lock".
 */
#include "base/time.h"
#include "services/s3/attributes.h"
#include "services/s3/object.h"

/* Stored in records: numbers are stable. */
enum LOCK_MODE { LOCK_NONE = 0, LOCK_GOVERNANCE = 1, LOCK_COMPLIANCE = 2 };
enum LEGAL_HOLD { LEGAL_HOLD_UNSET = 0, LEGAL_HOLD_ON = 1, LEGAL_HOLD_OFF = 2 };

/* The headers of a request that makes an object. */
struct lock_headers {
    struct span mode, legal_hold;
    int64_t retain_until; /* TIME_NONE: not sent */
};
#define LOCK_HEADERS_OF(in)                                                                        \
    (&(struct lock_headers){.mode = (in)->object_lock_mode,                                        \
                            .legal_hold = (in)->object_lock_legal_hold_status,                     \
                            .retain_until = (in)->has.object_lock_retain_until_date                \
                                                ? (in)->object_lock_retain_until_date              \
                                                : TIME_NONE})

/* By themselves, before the bucket is known; they replace what the attributes had. */
RESULT lock_read_headers(struct call *c, const struct lock_headers *headers,
                         struct s3_attributes *attributes);
/* What was asked needs a bucket with object lock, permissions, and a digest of the body. */
RESULT lock_check_wish(struct call *c, const struct place *place, struct span key,
                       const struct s3_attributes *attributes);
/* The bucket's default retention, where none was asked for. */
void lock_add_default(struct call *c, const struct place *place, struct s3_attributes *attributes);
/* Bodies that are going to be locked come with a digest; `what` as in "Put Object". */
RESULT lock_need_digest(struct call *c, const struct s3_attributes *attributes, const char *what);

struct span lock_mode_name(uint64_t mode);
/* LOCK_NONE when there is none of that name. */
enum LOCK_MODE lock_mode_named(struct span name);
struct span lock_hold_name(uint64_t hold);
enum LEGAL_HOLD lock_hold_named(struct span name);

/* A date as S3 repeats it in refusals. */
struct span lock_date_text(struct call *c, int64_t ms);
RESULT lock_refuse(struct call *c);

/* Whether the request says that governance may be passed over. */
enum LOCK_BYPASS { LOCK_RESPECTED, LOCK_BYPASSED };
/* The header x-amz-bypass-governance-retention fits only buckets with object lock. */
RESULT lock_read_bypass(struct call *c, const struct place *place, const bool *sent,
                        enum LOCK_BYPASS *out);
/* May this version be deleted for good? */
RESULT lock_check_deletion(struct call *c, const struct place *place, struct span key,
                           const struct s3_attributes *attributes, enum LOCK_BYPASS bypass);
/* The same without anybody asking: for what is deleted by rule. Pure. */
bool lock_holds(const struct s3_attributes *attributes, int64_t now_ms);

/* As GET and HEAD show it to callers who may know: absent, or TIME_NONE, where there is nothing. */
struct lock_shown {
    struct span mode, legal_hold;
    int64_t retain_until;
};
void lock_show(struct call *c, const struct place *place, struct span key,
               const struct s3_attributes *attributes, struct lock_shown *out);
