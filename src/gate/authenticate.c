// SPDX-License-Identifier: Apache-2.0
/*
 * Whose request it is. The signature is always verified (but for --auth open); credential_refusal.c
 * has the words for what is wrong. Runs on the home loop, request_identify on any thread.
 */
#include "gate/credential_refusal.h"

#include "base/text.h"
#include "base/time.h"
#include "wire/region.h"

static void note_caller(struct request *r, const struct identity *identity)
{
    static const char *const types[] = {"Root", "IAMUser", "AssumedRole", "FederatedUser"};
    struct arena *arena = r->call.arena;
    r->call.caller = identity;
    r->call.account = arena_copy(arena, identity->account);
    r->caller.arn = arena_copy(arena, identity->arn);
    r->caller.type = span_of_cstr(types[identity->type]);
    r->caller.account = r->call.account;
    r->caller.access_key = arena_copy(arena, identity->access_key);
    r->caller.user_name = arena_copy(arena, identity->name);
}

RESULT request_identify(struct request *r, struct auth_cache *cache)
{
    const struct identity *identity = NULL;
    bool bad_token = false;
    if (r->fault == SIGV4_ANONYMOUS && auth_mode(r->gate->config->cloud->auth) == AUTH_VERIFY)
        return OK; /* admitted as anonymous before */
    int error = auth_lookup(cache, r->claim.access_key, r->claim.token, &identity, &bad_token);
    if (error < 0)
        return refuse_errno(&r->call, error, "looking up the access key");
    if (bad_token)
        return refuse_bad_token(r);
    if (!identity)
        return refuse_unknown_key(r);
    if (identity->expires_ms != TIME_NONE && identity->expires_ms <= r->call.now_ms)
        return refuse_expired_token(r);
    note_caller(r, identity);
    return OK;
}

/* The region must be one. Global services are signed for us-east-1, but clients that are given an
 * endpoint sign for the region they are set up for; the answer is the same everywhere. */
static const struct refusal *check_region(struct request *r)
{
    return region_known(r->claim.region) ? OK : refuse_region(r);
}

static const struct refusal *check_service(struct request *r)
{
    struct span wanted = span_of_cstr(r->route.service->signing_name);
    return span_eq(r->claim.service, wanted) ? OK : refuse_service(r);
}

static bool is_hex_digest(struct span text)
{
    return text.len == 2 * SHA256_SIZE;
}

/* What the client says of its body must be so; a streamed body is compared when it is complete. */
static const struct refusal *check_body(struct request *r, struct span body, struct span digest)
{
    struct span claimed = r->claim.content_sha256;
    if (r->claim.payload != PAYLOAD_SIGNED || span_is_absent(body) || !is_hex_digest(claimed) ||
        span_eq_nocase(claimed, digest))
        return OK;
    return refuse_content_digest(r, digest);
}

static struct span digest_of(struct request *r, struct span body)
{
    uint8_t sha[SHA256_SIZE];
    bool needed = r->claim.payload == PAYLOAD_SIGNED &&
                  (span_is_absent(r->claim.content_sha256) || !span_is_absent(body));
    if (!needed)
        return SPAN_NONE;
    sha256_of(body, sha);
    return hex_of(r->call.arena, span_of(sha, sizeof sha));
}

static const struct refusal *check_signature(struct request *r, struct span body)
{
    struct span canonical, to_sign, digest = digest_of(r, body);
    const struct hmac_key *key = auth_signing_key(r->gate->cache, r->call.caller, r->claim.date,
                                                  r->claim.region, r->claim.service);
    r->key = *key;
    if (sigv4_verify(r->call.arena, &r->signed_request, &r->claim, key, digest, &canonical,
                     &to_sign) != SIGV4_OK)
        return refuse_signature(r, canonical, to_sign);
    return check_body(r, body, digest);
}

RESULT request_authenticate(struct request *r, struct span body)
{
    if (auth_mode(r->gate->config->cloud->auth) == AUTH_OPEN)
        return request_identify(r, r->gate->cache);
    if (r->fault == SIGV4_ANONYMOUS) {
        /* Bucket policies may admit anybody: there authorise decides. */
        return r->signed_request.s3 || (r->route.operation && r->route.operation->unsigned_allowed)
                   ? OK
                   : refuse_anonymous(r);
    }
    TRY(refuse_fault(r, r->fault));
    TRY(check_service(r));
    TRY(refuse_fault(r, sigv4_check_time(&r->claim, r->call.now_ms)));
    TRY(request_identify(r, r->gate->cache));
    TRY(check_region(r));
    const struct refusal *refusal = check_signature(r, body);
    if (refusal)
        r->caller = (struct request_caller){0}; /* a claim that did not hold is nobody's act */
    return refusal;
}
