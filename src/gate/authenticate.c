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

/* A presigned URL of version 2: no scope, no body digest; expiry and signature only. */
static const struct refusal *authenticate_v2(struct request *r, enum SIGV2_FAULT fault)
{
    if (fault != SIGV2_OK)
        return refuse_incomplete_v2(r, fault);
    if (r->claim_v2.expires_s < r->call.now_ms / 1000)
        return refuse_expired_v2(r);
    TRY(request_identify(r, r->gate->cache));
    struct sigv2_request request = {r->x->method, r->route.path, r->x->query, r->x->headers};
    struct span to_sign = sigv2_to_sign(r->call.arena, &request);
    return sigv2_verify(r->call.arena, to_sign, &r->claim_v2, r->call.caller->secret)
               ? OK
               : refuse_signature(r, SPAN_NONE, to_sign);
}

/* S3 alone; `claim` then says who, so that all that follows is the same for both versions. */
static bool is_v2(struct request *r, enum SIGV2_FAULT *ret_fault)
{
    if (!r->signed_request.s3 || r->fault == SIGV4_OK ||
        !span_is_absent(header_get(r->x->headers, S("authorization"))))
        return false;
    *ret_fault = sigv2_read(r->call.arena, r->x->query, &r->claim_v2);
    if (*ret_fault == SIGV2_ABSENT)
        return false;
    r->fault = SIGV4_OK;
    r->claim.presigned = true;
    r->claim.access_key = r->claim_v2.access_key;
    r->claim.token = r->claim_v2.token;
    r->claim.signature = r->claim_v2.signature;
    r->claim.payload = PAYLOAD_UNSIGNED;
    return true;
}

static const struct refusal *authenticate_v4(struct request *r, struct span body)
{
    TRY(refuse_fault(r, r->fault));
    TRY(check_service(r));
    TRY(refuse_fault(r, sigv4_check_time(&r->claim, r->call.now_ms)));
    TRY(request_identify(r, r->gate->cache));
    TRY(check_region(r));
    return check_signature(r, body);
}

/* For condition keys: how it was signed. */
static void note_signature(struct request *r, uint8_t version)
{
    r->call.signature = (struct call_signature){
        .by = r->claim.presigned ? SIGNED_BY_QUERY : SIGNED_BY_HEADER,
        .version = version,
        .region = r->claim.region,
        .time_ms = r->claim.time_ms,
    };
}

RESULT request_authenticate(struct request *r, struct span body)
{
    if (r->fault == SIGV4_OK)
        note_signature(r, 4);
    if (auth_mode(r->gate->config->cloud->auth) == AUTH_OPEN)
        return request_identify(r, r->gate->cache);
    enum SIGV2_FAULT fault_v2;
    bool v2 = is_v2(r, &fault_v2);
    if (!v2 && r->fault == SIGV4_ANONYMOUS)
        /* Bucket policies may admit anybody: there authorise decides. */
        return r->signed_request.s3 || (r->route.operation && r->route.operation->unsigned_allowed)
                   ? OK
                   : refuse_anonymous(r);
    if (v2)
        note_signature(r, 2);
    const struct refusal *refusal = v2 ? authenticate_v2(r, fault_v2) : authenticate_v4(r, body);
    if (refusal)
        r->caller = (struct request_caller){0}; /* a claim that did not hold is nobody's act */
    return refusal;
}
