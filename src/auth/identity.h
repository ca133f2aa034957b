// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Who a request is from and what that one may do. Records (users, groups, roles, policies, access
 * keys, sessions) are kept in the store; services/iam and services/sts write them. Each thread
 * keeps a cache of identities by access key, thrown away when the generation moved (any IAM write
 * moves it), so data-plane requests read no records.
 */
#include "auth/policy.h"
#include "store/txn.h"
#include "wire/call.h"
#include "wire/sigv4.h"

struct auth; /* process-wide: configuration, generation */

enum AUTH_MODE { AUTH_VERIFY, AUTH_OPEN /* any key, no signature check */ };

struct auth_options {
    struct span root_access_key, root_secret;
    struct span default_account; /* 12 digits */
    enum AUTH_MODE mode;
};

/* Copies the options. */
struct auth *auth_new(struct store *store, const struct auth_options *options);
/* After every cache of it. */
void auth_free(struct auth *auth);
enum AUTH_MODE auth_mode(const struct auth *auth);

enum IDENTITY_TYPE { IDENTITY_ROOT, IDENTITY_USER, IDENTITY_ROLE_SESSION, IDENTITY_FEDERATED };

/* What made temporary credentials. Stored in records: numbers are stable. */
enum SESSION_KIND {
    SESSION_NONE = 0, /* a long-term key */
    SESSION_ROLE = 1, /* AssumeRole */
    SESSION_USER = 2, /* GetSessionToken, of a user or the root user */
    SESSION_FEDERATED = 3,
};

struct identity_tag {
    struct span key, value;
    bool transitive; /* goes on to the next role */
};

/* Policies of one kind that hold together, and what to call each in a message. */
struct identity_policies {
    const struct policy **at;
    struct span *names;
    size_t count;
};

/* Immutable. */
struct identity {
    enum IDENTITY_TYPE type;
    enum SESSION_KIND session;
    struct span access_key, secret;
    struct span account;  /* 12 digits */
    struct span arn;      /* arn:aws:iam::…:user/x, arn:aws:sts::…:assumed-role/r/s, …:root */
    struct span role_arn; /* of a role session: arn:aws:iam::…:role/… */
    struct span user_id;  /* AIDA…, AROA…:session, or the account */
    struct span name;     /* user name, role name; absent for root */
    struct span session_name, session_token; /* temporary credentials */
    struct span source_identity;
    int64_t expires_ms; /* TIME_NONE: does not expire */
    int64_t session_issued_ms;
    bool mfa;
    bool root_powers;  /* the identity side allows everything: the root user, and what it made */
    bool unrestricted; /* AUTH_OPEN: nothing is refused */
    struct identity_policies policies; /* identity-based: inline, attached, of groups */
    struct identity_policies boundary; /* none or one */
    struct identity_policies session_policies;
    bool session_limited; /* session policies count, even when there is none */
    struct identity_tag *tags;
    size_t tag_count;
    struct identity_tag *delivered; /* of a session: condition keys, lower case */
    size_t delivered_count;
};

/* Per-thread: one for each loop, one for control. */
struct auth_cache;
struct auth_cache *auth_cache_new(struct auth *auth);
void auth_cache_free(struct auth_cache *cache);

/*
 * The identity of an access key: *ret is NULL (and 0 returned) when there is none, it is inactive,
 * or its user or role is gone. `token` is the request's security token; *ret_bad_token says that it
 * does not belong to the key. Whether it has expired is for the caller to see. *ret is borrowed
 * until the next look-up in this cache.
 */
MUST_CHECK int auth_lookup(struct auth_cache *cache, struct span access_key, struct span token,
                           const struct identity **ret, bool *ret_bad_token);
/* The cached SigV4 key for this identity and scope, borrowed until the next call. */
const struct hmac_key *auth_signing_key(struct auth_cache *cache, const struct identity *identity,
                                        struct span date, struct span region, struct span service);

/* To be called by whatever changed IAM records, after its commit. Any thread. */
void auth_changed(struct auth *auth);
/*
 * For handlers, whose commit comes after them: from now until `arena` (the call's) is reset no
 * cache keeps what it reads, then auth_changed follows by itself. So whoever asks after the commit
 * sees it.
 */
void auth_change_within(struct auth *auth, struct arena *arena);

/* Whether the resource's own policy may be missing, as with buckets, or has to allow, as with
 * roles. */
enum RESOURCE_SIDE { RESOURCE_MAY_ALLOW, RESOURCE_MUST_ALLOW };

struct auth_question {
    struct span action;                   /* s3:GetObject */
    struct span resource;                 /* ARN, or "*" */
    const struct policy *resource_policy; /* or NULL */
    struct span resource_account;         /* absent: the caller's own */
    enum RESOURCE_SIDE side;
    enum GRANT granted; /* what an access control list of the resource gives, beside its policy */
    bool policy_only_denies;      /* the policy's owner may not give this resource away */
    struct span caller_canonical; /* the caller's canonical user id, where the policy may name it */
};

/*
 * May the caller of `c` do this? Evaluates identity policies, boundary, session policies and, when
 * given, the resource's own policy, as AWS combines them within and across accounts. OK, or the
 * service's own refusal that names the action, the resource and what decided. An account's root
 * user may do all within it but what a resource's policy denies.
 */
RESULT auth_ask(struct call *c, const struct auth_question *question);

/* The same in short. Services call it for resources that their .ops line cannot name. */
RESULT auth_require(struct call *c, struct span action, struct span resource,
                    const struct policy *resource_policy, struct span resource_account);
