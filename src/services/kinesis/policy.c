// SPDX-License-Identifier: Apache-2.0
/*
 * Resource policies of streams and consumers: PutResourcePolicy, GetResourcePolicy,
 * DeleteResourcePolicy, and the hook by which the gate asks what a resource says itself. Control
 * thread; the hook runs on the handler's.
 */
#include "auth/identity.h"
#include "services/kinesis/get.h"
#include "services/kinesis/pace.h"

#include <errno.h>

#define DOCUMENT_MAX 20480 /* bytes */

/* A resource that is there. */
static RESULT check_resource(struct call *c, struct span text)
{
    struct kinesis_arn arn;
    struct kinesis_stream stream;
    struct kinesis_fanout consumer;
    if (!target_read_arn(text, &arn))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid ResourceARN: %.*s",
                      SPAN_ARG(text));
    return arn.consumer.at ? consumer_find(c, &arn, text, &consumer)
                           : target_stream(c, (struct target){.arn = text}, &stream);
}

RESULT kinesis_put_resource_policy(struct call *c, const struct kinesis_put_resource_policy_in *in,
                                   struct kinesis_put_resource_policy_out *out)
{
    struct span why = SPAN_NONE;
    TRY(check_resource(c, in->resource_arn));
    if (in->policy.len > DOCUMENT_MAX || !policy_parse(c->arena, in->policy, POLICY_RESOURCE, &why))
        return refuse(c, &KINESIS_INVALID_ARGUMENT_EXCEPTION, "Invalid policy: %.*s",
                      SPAN_ARG(why.at ? why : S("it is too long")));
    kinesis_policy_put(c->txn,
                       &(struct kinesis_policy){.arn = in->resource_arn, .document = in->policy});
    return OK;
}

RESULT kinesis_get_resource_policy(struct call *c, const struct kinesis_get_resource_policy_in *in,
                                   struct kinesis_get_resource_policy_out *out)
{
    struct kinesis_policy policy = {.arn = in->resource_arn};
    TRY(check_resource(c, in->resource_arn));
    int error = kinesis_policy_get(c->txn, c->arena, &policy);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a policy");
    out->policy = error ? S("{}") : policy.document;
    return OK;
}

RESULT kinesis_delete_resource_policy(struct call *c,
                                      const struct kinesis_delete_resource_policy_in *in,
                                      struct kinesis_delete_resource_policy_out *out)
{
    struct kinesis_policy policy = {.arn = in->resource_arn};
    TRY(check_resource(c, in->resource_arn));
    int error = kinesis_policy_get(c->txn, c->arena, &policy);
    if (error == -ENOENT)
        return refuse(c, &KINESIS_RESOURCE_NOT_FOUND_EXCEPTION,
                      "No resource policy found for resource ARN %.*s", SPAN_ARG(in->resource_arn));
    if (error < 0)
        return refuse_errno(c, error, "reading a policy");
    kinesis_policy_delete(c->txn, &policy);
    return OK;
}

/* ---- the hook -------------------------------------------------------------------------------- */

static RESULT kinesis_resource(struct call *c, const void *in, struct auth_question *question)
{
    struct kinesis_arn arn;
    struct span why;
    TRY(pace_take(c, question->resource));
    if (!target_read_arn(question->resource, &arn))
        return OK;
    question->resource_account = arn.account;
    struct kinesis_policy policy = {.arn = question->resource};
    int error = kinesis_policy_get(c->txn, c->arena, &policy);
    if (error == -ENOENT)
        return OK;
    if (error < 0)
        return refuse_errno(c, error, "reading a policy");
    question->resource_policy = policy_parse(c->arena, policy.document, POLICY_RESOURCE, &why);
    return OK;
}

const struct service_hooks kinesis_hooks = {.resource = kinesis_resource};
