// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The API error dialect. A RESULT is OK (NULL) or a refusal that lives in the call's arena. The
 * refusal is the reply: code, status, message and the modelled members. Below `wire` there are
 * negative errnos; refuse_errno() is the one bridge.
 */
#include "base/span.h"

struct call;

/* What an error is, one constant per code; generated from the models and from `error` lines in .ops
 * files. */
struct error_kind {
    const char *code;       /* as on the wire, e.g. "NoSuchBucket" */
    const char *query_code; /* awsQueryError's other name or NULL */
    uint16_t status;        /* HTTP */
};

struct refusal_member {
    struct span name, value;
    struct refusal_member *next;
    bool is_json; /* `value` is a JSON value, not text */
};

struct refusal {
    const struct error_kind *kind;
    struct span message;
    struct refusal_member *members; /* further elements, e.g. S3's BucketName; newest first */
};

#define RESULT MUST_CHECK const struct refusal *
#define OK ((const struct refusal *)0)

/* The only macro in this tree that hides a return. Safe, since handlers own nothing. */
#define TRY(expression)                                                                            \
    do {                                                                                           \
        const struct refusal *refusal_ = (expression);                                             \
        if (refusal_)                                                                              \
            return refusal_;                                                                       \
    } while (0)

RESULT refuse(struct call *c, const struct error_kind *kind, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* The same with one further member; more by refusal_add on the result. */
RESULT refuse_with(struct call *c, const struct error_kind *kind, struct span name,
                   struct span value, const char *format, ...) PRINTF_LIKE(5, 6);
/* Adds a member to a refusal that is about to be returned; answers the refusal. */
RESULT refusal_add(struct call *c, const struct refusal *refusal, struct span name,
                   struct span value);
/* The same with a value that is JSON already (DynamoDB's CancellationReasons, Item). Protocols
 * other than JSON leave it out. */
RESULT refusal_add_json(struct call *c, const struct refusal *refusal, struct span name,
                        struct span json);
/* From a negative errno: logs once with the request id and answers InternalFailure, or the
 * disk-full or read-only refusal for ENOSPC, EDQUOT and EROFS. `doing` completes "while …". */
RESULT refuse_errno(struct call *c, int error, const char *doing, ...) PRINTF_LIKE(3, 4);

/* Errors that every service shares. */
extern const struct error_kind ERROR_INTERNAL_FAILURE, ERROR_SERVICE_UNAVAILABLE;
