// SPDX-License-Identifier: Apache-2.0
/*
 * Resource policies of tables and streams: PutResourcePolicy, GetResourcePolicy,
 * DeleteResourcePolicy, and the hook by which the gate asks what a resource says itself. Texts as
 * the real service was measured to have them. Control thread; the hook runs on the handler's.
 */
#include "auth/identity.h"
#include "services/dynamodb/dynamodb.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define DOCUMENT_MAX 20480 /* bytes ("Quotas") */

#define BAD "One or more parameter values were invalid: "

static RESULT check_resource(struct call *c, struct span arn)
{
    struct dynamodb_stream_view stream;
    struct span table = arn;
    size_t at = span_find(arn, S("/stream/"));
    if (!span_starts(arn, S("arn:")))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "ARNs must start with 'arn:': %.*s",
                      SPAN_ARG(arn));
    if (span_find(arn, S("/index/")) != SPAN_NOT_FOUND ||
        span_find(arn, S("/backup/")) != SPAN_NOT_FOUND)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Invalid resource arn provided, only table or stream is accepted. "
                          "Provided resource arn: %.*s",
                      SPAN_ARG(arn));
    if (at == SPAN_NOT_FOUND) {
        struct dynamodb_table record;
        return reference_table(c, table, &record);
    }
    int error = dynamodb_stream_find(c, arn, &stream);
    if (error == -ENOENT || error == -EINVAL)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Requested resource not found: Stream: %.*s not found", SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "finding a stream") : OK;
}

/* revision absent: there is no policy. */
static RESULT look(struct call *c, struct span arn, struct dynamodb_policy *ret)
{
    *ret = (struct dynamodb_policy){.arn = arn};
    int error = dynamodb_policy_get(c->txn, c->arena, ret);
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a policy") : OK;
}

static RESULT check_revision(struct call *c, struct span expected,
                             const struct dynamodb_policy *policy)
{
    struct span name = span_from(policy->arn, span_find_last_byte(policy->arn, '/') + 1);
    if (span_is_absent(expected) || span_eq(expected, policy->revision))
        return OK;
    if (span_eq(expected, S("NO_POLICY")) && span_is_absent(policy->revision))
        return OK;
    if (span_eq(expected, S("NO_POLICY")))
        return refuse(c, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                      "Resource-based policy not found for the provided ResourceArn: Requested "
                      "policy update expecting none to be present for table %.*s, but a policy "
                      "exists with revision id %.*s",
                      SPAN_ARG(name), SPAN_ARG(policy->revision));
    if (span_is_absent(policy->revision))
        return refuse(c, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                      "Resource-based policy not found for the provided ResourceArn: %.*s",
                      SPAN_ARG(policy->arn));
    return refuse(c, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                  "Resource-based policy not found for the provided ResourceArn: Requested update "
                  "for policy with revision id %.*s, but the policy associated to target table "
                  "%.*s has revision id %.*s",
                  SPAN_ARG(expected), SPAN_ARG(name), SPAN_ARG(policy->revision));
}

RESULT table_put_policy(struct call *c, struct span arn, struct span document)
{
    struct span why = SPAN_NONE;
    if (document.len > DOCUMENT_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Maximum policy size of %d bytes exceeded", DOCUMENT_MAX);
    if (!policy_parse(c->arena, document, POLICY_RESOURCE, &why))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "Invalid policy document: %.*s",
                      SPAN_ARG(why.at ? why : S("This policy contains invalid Json")));
    struct dynamodb_policy policy = {.arn = arn,
                                     .document = document,
                                     .revision =
                                         arena_printf(c->arena, "%lld", (long long)c->now_ms)};
    dynamodb_policy_put(c->txn, &policy);
    return OK;
}

void table_delete_policies(struct call *c, const struct dynamodb_table *table)
{
    struct span arn = reference_arn(c, table->name);
    dynamodb_policy_delete(c->txn, &(struct dynamodb_policy){.arn = arn});
    if (table->stream_label.at)
        dynamodb_policy_delete(c->txn,
                               &(struct dynamodb_policy){
                                   .arn = arena_printf(c->arena, "%.*s/stream/%.*s", SPAN_ARG(arn),
                                                       SPAN_ARG(table->stream_label))});
}

RESULT dynamodb_put_resource_policy(struct call *c,
                                    const struct dynamodb_put_resource_policy_in *in,
                                    struct dynamodb_put_resource_policy_out *out)
{
    struct dynamodb_policy policy;
    TRY(check_resource(c, in->resource_arn));
    TRY(look(c, in->resource_arn, &policy));
    TRY(check_revision(c, in->expected_revision_id, &policy));
    TRY(table_put_policy(c, in->resource_arn, in->policy));
    TRY(look(c, in->resource_arn, &policy));
    out->revision_id = policy.revision;
    return OK;
}

RESULT dynamodb_get_resource_policy(struct call *c,
                                    const struct dynamodb_get_resource_policy_in *in,
                                    struct dynamodb_get_resource_policy_out *out)
{
    struct dynamodb_policy policy;
    TRY(check_resource(c, in->resource_arn));
    TRY(look(c, in->resource_arn, &policy));
    if (span_is_absent(policy.revision))
        return refuse(c, &DYNAMODB_POLICY_NOT_FOUND_EXCEPTION,
                      "Resource-based policy not found for the provided ResourceArn: %.*s",
                      SPAN_ARG(in->resource_arn));
    out->policy = policy.document;
    out->revision_id = policy.revision;
    return OK;
}

/* That there was none is no mistake. */
RESULT dynamodb_delete_resource_policy(struct call *c,
                                       const struct dynamodb_delete_resource_policy_in *in,
                                       struct dynamodb_delete_resource_policy_out *out)
{
    struct dynamodb_policy policy;
    TRY(check_resource(c, in->resource_arn));
    TRY(look(c, in->resource_arn, &policy));
    TRY(check_revision(c, in->expected_revision_id, &policy));
    out->revision_id = policy.revision;
    dynamodb_policy_delete(c->txn, &policy);
    return OK;
}

/* ---- the hook -------------------------------------------------------------------------------- */

/* arn:aws:dynamodb:REGION:ACCOUNT:table/NAME[/stream/LABEL | /index/NAME]; what a table says holds
 * for its indexes. */
RESULT dynamodb_resource(struct call *c, const void *in, struct auth_question *question)
{
    struct span rest = question->resource, why;
    struct dynamodb_policy policy = {.arn = question->resource};
    size_t index = span_find(rest, S("/index/"));
    if (!span_starts(rest, S("arn:")))
        return OK;
    if (index != SPAN_NOT_FOUND)
        policy.arn = span_first(rest, index);
    for (int i = 0; i < 4; i++)
        span_cut(&rest, ':');
    question->resource_account = span_cut(&rest, ':');
    int error = dynamodb_policy_get(c->txn, c->arena, &policy);
    if (error < 0)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading a policy");
    question->resource_policy = policy_parse(c->arena, policy.document, POLICY_RESOURCE, &why);
    return OK;
}

extern const struct service_hooks dynamodb_hooks;
const struct service_hooks dynamodb_hooks = {.resource = dynamodb_resource};
