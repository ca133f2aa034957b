// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The IAM policy language: a document is parsed once into an immutable tree in an arena and
 * evaluated against a request many times. Pure; a parsed policy may be read from any thread.
 * Source: "IAM JSON policy elements reference", "Policy evaluation logic", "Condition operators",
 * "Policy variables".
 */
#include "base/arena.h"

enum POLICY_KIND { POLICY_IDENTITY, POLICY_RESOURCE, POLICY_TRUST, POLICY_SESSION };

struct policy; /* parsed */

/* NULL when malformed: *ret_why is then the sentence for MalformedPolicyDocument (in the arena). */
const struct policy *policy_parse(struct arena *arena, struct span document, enum POLICY_KIND kind,
                                  struct span *ret_why);

/* One request as policies see it. */
struct policy_request {
    struct span action;   /* s3:GetObject */
    struct span resource; /* ARN */
    struct span account;  /* of the resource's owner */
    /* who asks, for Principal elements; absent = anonymous */
    struct span principal_arn, principal_account;
    struct span principal_service; /* set when a service asks */
    /* Answers a condition key (lower-case) with its values; false when the request does not have
     * it. Global keys that the caller of policy_decide knows (aws:…) come through here too. */
    bool (*lookup)(void *user, struct span key, struct arena *arena, struct span **ret_values,
                   size_t *ret_count);
    void *user;
    struct arena *scratch;
};

enum DECISION {
    DECISION_NONE /* no statement matched: implicit deny */,
    DECISION_ALLOW,
    DECISION_DENY
};

struct decision {
    enum DECISION decision;
    struct span sid; /* of the statement that decided, may be absent */
    int statement;   /* its index, from 0 */
    const struct policy *policy;
};

/* An explicit deny anywhere wins, then an allow. */
struct decision policy_decide(const struct policy *policy, const struct policy_request *request);

/* IAM wildcard match: '*' any run, '?' one character; variables must be resolved before. */
bool policy_glob(struct span pattern, struct span text);
