// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The IAM policy language: a document is parsed once into an immutable tree in an arena and
 * evaluated against a request many times. Pure; a parsed policy may be read from any thread.
 * Source: "IAM JSON policy elements reference", "Policy evaluation logic", "Condition operators",
 * "Policy variables".
 */
#include "base/arena.h"

/* Identity: managed and inline policies and boundaries. Resource: bucket policies and the like. */
enum POLICY_KIND { POLICY_IDENTITY, POLICY_RESOURCE, POLICY_TRUST, POLICY_SESSION };
enum POLICY_VERSION { POLICY_2008, POLICY_2012 };

/* Longer documents are malformed here; what a service allows is less and checked there. */
#define POLICY_DOCUMENT_MAX (128 * 1024)

struct policy; /* parsed */

/* NULL when malformed: *ret_why is then the sentence for MalformedPolicyDocument (in the arena).
 * `document` is copied where needed. */
const struct policy *policy_parse(struct arena *arena, struct span document, enum POLICY_KIND kind,
                                  struct span *ret_why);

/* A document without Version is a 2008 one: no variables, and not good for a managed policy. */
enum POLICY_VERSION policy_version(const struct policy *policy);

/* Bytes of the document without the white space between its tokens, as IAM counts its limits. */
size_t policy_counted_size(struct span document);

/* One request as policies see it. */
struct policy_request {
    struct span action;   /* s3:GetObject */
    struct span resource; /* ARN */
    /* Who asks, for Principal elements; absent = anonymous. principal_arn is what signs: of a
     * session the sts ARN, whose role's iam ARN is principal_role_arn. */
    struct span principal_arn, principal_account, principal_role_arn;
    struct span principal_id;        /* AIDA…, or AROA…:session */
    struct span principal_service;   /* set when a service asks */
    struct span principal_canonical; /* S3's canonical user id of the caller's account */
    /* Answers a condition key (lower-case) with its values; false when the request does not have
     * it. Global keys that the caller of policy_decide knows (aws:…) come through here too. */
    bool (*lookup)(void *user, struct span key, struct arena *arena, const struct span **ret_values,
                   size_t *ret_count);
    void *user;
    struct arena *scratch;
};

enum DECISION {
    DECISION_NONE /* no statement matched: implicit deny */,
    DECISION_ALLOW,
    DECISION_DENY
};

/*
 * To whom an allowing statement of a resource policy speaks, the strongest one last: to an account,
 * which leaves the decision to that account's own policies; to a role, whose sessions stay within
 * boundary and session policies; or to the caller itself (user, session, "*").
 */
enum GRANT { GRANT_NONE, GRANT_ACCOUNT, GRANT_ROLE, GRANT_DIRECT };

struct decision {
    enum DECISION decision;
    enum GRANT grant; /* of an allow, when the policy has Principal elements */
    struct span sid;  /* of the statement that decided, may be absent */
    int statement;    /* its index, from 0 */
    const struct policy *policy;
};

/* An explicit deny anywhere wins, then an allow. */
struct decision policy_decide(const struct policy *policy, const struct policy_request *request);

/* Visits every value of Principal and NotPrincipal ("AWS", its value as written), so that a service
 * can refuse those that do not exist; stops at the first for which `visit` answers true, and
 * answers whether there was one. */
bool policy_each_principal(const struct policy *policy,
                           bool (*visit)(void *user, struct span type, struct span value),
                           void *user);

/* Does it allow anything to everybody? As S3 means it when it blocks public access. */
bool policy_is_public(const struct policy *policy);

/* What a service may want to know of a statement for rules of its own, as it is written. */
struct policy_words {
    const struct span *actions, *resources;
    size_t action_count, resource_count;
};

/* Visits every statement; stops at the first for which `visit` answers true, and answers whether
 * there was one. */
bool policy_each_statement(struct arena *arena, const struct policy *policy,
                           bool (*visit)(void *user, const struct policy_words *words), void *user);

/* An ARN that a Principal names, and the unique id that it stood for when the policy was written.
 */
struct policy_binding {
    struct span arn, id;
};

/* The same policy with those ARNs meaning the ids: a user or role that was deleted and made again
 * under its name is not the one that was meant. Borrows from `policy`. */
const struct policy *policy_bound(struct arena *arena, const struct policy *policy,
                                  const struct policy_binding *bindings, size_t count);

/* IAM wildcard match: '*' any run, '?' one character; variables must be resolved before. */
bool policy_glob(struct span pattern, struct span text);

/* 12 digits. */
bool policy_is_account(struct span text);
