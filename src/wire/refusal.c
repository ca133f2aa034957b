// SPDX-License-Identifier: Apache-2.0
/*
 * Makes refusals in the call's arena, and turns a negative errno of the lower layers into one. A
 * refusal is complete when it is returned; only refusal_add changes it before that. One thread per
 * call.
 */
#include "wire/refusal.h"

#include "base/log.h"
#include "wire/call.h"

#include <errno.h>

const struct error_kind ERROR_INTERNAL_FAILURE = {"InternalFailure", NULL, 500};
const struct error_kind ERROR_SERVICE_UNAVAILABLE = {"ServiceUnavailable", NULL, 503};

/* Services whose own name for an internal failure is another one (their "Common Errors" pages). */
static const struct error_kind internal_error = {"InternalError", NULL, 500};
static const struct error_kind internal_server_error = {"InternalServerError", NULL, 500};
static const struct {
    const char *service;
    const struct error_kind *kind;
} internal_kinds[] = {
    {"s3", &internal_error},
    {"s3control", &internal_error},
    {"ec2", &internal_error},
    {"dynamodb", &internal_server_error},
    {"dynamodbstreams", &internal_server_error},
    {"efs", &internal_server_error},
};

static struct refusal *refusal_new(struct call *c, const struct error_kind *kind,
                                   struct span message)
{
    struct refusal *refusal = ARENA_NEW(c->arena, struct refusal);
    *refusal = (struct refusal){.kind = kind, .message = message};
    return refusal;
}

static void add_member(struct call *c, struct refusal *refusal, struct refusal_member member)
{
    struct refusal_member *added = ARENA_NEW(c->arena, struct refusal_member);
    *added = member;
    added->next = refusal->members;
    refusal->members = added;
}

const struct refusal *refuse(struct call *c, const struct error_kind *kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(c->arena, format, args);
    va_end(args);
    return refusal_new(c, kind, message);
}

const struct refusal *refuse_with(struct call *c, const struct error_kind *kind, struct span name,
                                  struct span value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(c->arena, format, args);
    va_end(args);
    struct refusal *refusal = refusal_new(c, kind, message);
    add_member(c, refusal, (struct refusal_member){.name = name, .value = value});
    return refusal;
}

/* Refusals are const for everybody else, so adding makes a copy. */
static const struct refusal *with_member(struct call *c, const struct refusal *refusal,
                                         struct refusal_member member)
{
    struct refusal *copy = refusal_new(c, refusal->kind, refusal->message);
    copy->members = refusal->members;
    add_member(c, copy, member);
    return copy;
}

const struct refusal *refusal_add(struct call *c, const struct refusal *refusal, struct span name,
                                  struct span value)
{
    return with_member(c, refusal, (struct refusal_member){.name = name, .value = value});
}

const struct refusal *refusal_add_json(struct call *c, const struct refusal *refusal,
                                       struct span name, struct span json)
{
    return with_member(c, refusal,
                       (struct refusal_member){.name = name, .value = json, .is_json = true});
}

static const struct error_kind *internal_kind(const struct call *c)
{
    for (size_t i = 0; c->service && i < ARRAY_LEN(internal_kinds); i++)
        if (strcmp(c->service->name, internal_kinds[i].service) == 0)
            return internal_kinds[i].kind;
    return &ERROR_INTERNAL_FAILURE;
}

const struct refusal *refuse_errno(struct call *c, int error, const char *doing, ...)
{
    va_list args;
    va_start(args, doing);
    struct span what = arena_vprintf(c->arena, doing, args);
    va_end(args);
    log_error("%.*s: %s while %.*s", SPAN_ARG(c->request_id), strerror(-error), SPAN_ARG(what));
    if (error == -ENOSPC || error == -EDQUOT)
        return refuse(c, &ERROR_SERVICE_UNAVAILABLE, "The disk that holds the data is full.");
    if (error == -EROFS)
        return refuse(c, &ERROR_SERVICE_UNAVAILABLE, "The disk that holds the data is read-only.");
    return refuse(c, internal_kind(c), "An internal error occurred while %.*s.", SPAN_ARG(what));
}
