// SPDX-License-Identifier: Apache-2.0
/*
 * What narrows a session: an inline policy, managed policies by ARN, and tags. Together they must
 * fit a packed size; AWS does not publish its packing, so the plain size is measured against the
 * published limit of the plain text. Control thread. Source: STS API reference, AssumeRole.
 */
#include "services/sts/sts.h"

#include <errno.h>

#define PLAIN_SIZE_MAX 2048
#define ARNS_MAX 10

static const struct refusal *malformed(struct call *c, struct span why)
{
    return refuse(c, &STS_MALFORMED_POLICY_DOCUMENT, "%.*s", SPAN_ARG(why));
}

static const struct refusal *add_managed(struct call *c, struct span arn,
                                         struct auth_session *session)
{
    struct span document;
    int error = principal_policy_document(c->txn, c->arena, arn, &document);
    if (error == -ENOENT)
        return refuse(c, &STS_INVALID_PARAMETER_VALUE, "PolicyArn %.*s was not found.",
                      SPAN_ARG(arn));
    if (error)
        return refuse_errno(c, error, "reading the policy %.*s", SPAN_ARG(arn));
    session->policies.at[session->policies.count++] = document;
    return OK;
}

RESULT sts_session_narrow(struct call *c, const struct sts_session_policies *given,
                          struct auth_session *session, int32_t *ret_packed_percent)
{
    struct span why;
    size_t size = given->document.len;
    *ret_packed_percent = 0;
    if (given->arns.count > ARNS_MAX)
        return refuse(c, &STS_INVALID_PARAMETER_VALUE,
                      "The number of policies in the PolicyArns parameter exceeds %d.", ARNS_MAX);
    session->policies.at = ARENA_ARRAY(c->arena, struct span, given->arns.count + 1);
    if (!span_is_absent(given->document)) {
        if (!policy_parse(c->arena, given->document, POLICY_SESSION, &why))
            return malformed(c, why);
        session->policies.at[session->policies.count++] = given->document;
    }
    for (size_t i = 0; i < given->arns.count; i++) {
        TRY(add_managed(c, given->arns.at[i].arn, session));
        size += given->arns.at[i].arn.len;
    }
    if (size > PLAIN_SIZE_MAX)
        return refuse(c, &STS_PACKED_POLICY_TOO_LARGE,
                      "Packed size of session tags consumes %zu%% of allotted space.",
                      size * 100 / PLAIN_SIZE_MAX);
    session->limited |= session->policies.count != 0;
    *ret_packed_percent = (int32_t)((size * 100 + PLAIN_SIZE_MAX - 1) / PLAIN_SIZE_MAX);
    return OK;
}

RESULT sts_session_tag(struct call *c, struct sts_tag_list_type tags, struct auth_session *session)
{
    session->tags.at = ARENA_ARRAY(c->arena, struct auth_tag, tags.count);
    for (size_t i = 0; i < tags.count; i++) {
        for (size_t j = 0; j < i; j++)
            if (span_eq_nocase(tags.at[i].key, tags.at[j].key))
                return refuse(c, &STS_INVALID_PARAMETER_VALUE,
                              "Duplicate tag keys found. Please note that Tag keys are case "
                              "insensitive.");
        session->tags.at[session->tags.count++] =
            (struct auth_tag){.key = tags.at[i].key, .value = tags.at[i].value};
    }
    return OK;
}
