// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Who a request is from and what that one may do. Records (users, groups, roles, policies, access
 * keys, sessions) are kept in the store; services/iam and services/sts write them through
 * auth/record headers. Each loop keeps a cache of identities by access key, thrown away when the
 * generation moved (any IAM write moves it), so data-plane requests read no records. auth_lookup
 * and auth_authorise run on any thread, each with its own cache.
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

struct auth *auth_new(struct store *store, const struct auth_options *options);
void auth_free(struct auth *auth);
enum AUTH_MODE auth_mode(const struct auth *auth);

enum IDENTITY_TYPE { IDENTITY_ROOT, IDENTITY_USER, IDENTITY_ROLE_SESSION, IDENTITY_FEDERATED };

/* Immutable. Borrowed until the cache that gave it is refreshed: at most one call long. */
struct identity {
    enum IDENTITY_TYPE type;
    struct span access_key, secret;
    struct span account; /* 12 digits */
    struct span
        arn; /* arn:aws:iam::…:user/x, arn:aws:sts::…:assumed-role/r/s, arn:aws:iam::…:root */
    struct span user_id;                     /* AIDA…, AROA…:session, or the account */
    struct span name;                        /* user name, role name; absent for root */
    struct span session_name, session_token; /* temporary credentials */
    int64_t expires_ms;                      /* TIME_NONE: does not expire */
    int64_t session_issued_ms;
    bool mfa;
    const struct policy *const *policies; /* identity-based: inline, attached, of groups */
    const struct span *policy_names;      /* ARN or name of each, for messages */
    size_t policy_count;
    const struct policy *boundary; /* or NULL */
    struct span boundary_arn;
    const struct policy *const *session_policies;
    size_t session_policy_count;
    struct span *tag_keys, *tag_values; /* principal tags */
    size_t tag_count;
};

/* Per-thread: one for each loop, one for control. */
struct auth_cache;
struct auth_cache *auth_cache_new(struct auth *auth);
void auth_cache_free(struct auth_cache *cache);

/*
 * The identity of an access key: *ret is NULL (and 0 returned) when there is none or it is
 * inactive. `token` is the request's security token; *ret_bad_token says that it does not belong to
 * the key.
 */
MUST_CHECK int auth_lookup(struct auth_cache *cache, struct span access_key, struct span token,
                           const struct identity **ret, bool *ret_bad_token);
/* The cached SigV4 key for this identity and scope. */
const struct hmac_key *auth_signing_key(struct auth_cache *cache, const struct identity *identity,
                                        struct span date, struct span region, struct span service);

/* To be called by whatever changed IAM records, after its commit. Any thread. */
void auth_changed(struct auth *auth);

/*
 * May the caller of `c` do this? Root may do all. Evaluates identity policies, boundary, session
 * policies and, when given, the resource's own policy, as AWS combines them within and across
 * accounts. OK or a refusal AccessDenied that names the action, the resource and what decided.
 * Services call it for resources that their .ops line cannot name.
 */
RESULT auth_require(struct call *c, struct span action, struct span resource,
                    const struct policy *resource_policy, struct span resource_account);
