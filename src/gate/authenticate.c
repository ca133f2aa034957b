// SPDX-License-Identifier: Apache-2.0
/*
 * Whose request it is. The signature is always verified (but for --auth open); what is wrong is
 * said in the words of the service's protocol family, which the table at the top holds. Runs on the
 * home loop, request_identify on any thread.
 */
#include "gate/request.h"

#include "base/text.h"
#include "base/time.h"
#include "wire/region.h"

#define SKEW_MS (15 * 60 * 1000)

/* -- words ------------------------------------------------------------------------------------ */

enum FAMILY_WORDS { WORDS_S3, WORDS_QUERY, WORDS_EC2, WORDS_JSON };

enum TROUBLE {
    NO_CREDENTIALS,
    INCOMPLETE,
    UNKNOWN_KEY,
    BAD_TOKEN,
    EXPIRED_TOKEN,
    BAD_SIGNATURE,
    BAD_TIME,
    TROUBLE_COUNT
};

static const struct error_kind trouble_kinds[][TROUBLE_COUNT] = {
    [WORDS_S3] = {[NO_CREDENTIALS] = {"AccessDenied", NULL, 403},
                  [INCOMPLETE] = {"AuthorizationHeaderMalformed", NULL, 400},
                  [UNKNOWN_KEY] = {"InvalidAccessKeyId", NULL, 403},
                  [BAD_TOKEN] = {"InvalidToken", NULL, 400},
                  [EXPIRED_TOKEN] = {"ExpiredToken", NULL, 400},
                  [BAD_SIGNATURE] = {"SignatureDoesNotMatch", NULL, 403},
                  [BAD_TIME] = {"RequestTimeTooSkewed", NULL, 403}},
    [WORDS_QUERY] = {[NO_CREDENTIALS] = {"MissingAuthenticationToken", NULL, 403},
                     [INCOMPLETE] = {"IncompleteSignature", NULL, 400},
                     [UNKNOWN_KEY] = {"InvalidClientTokenId", NULL, 403},
                     [BAD_TOKEN] = {"InvalidClientTokenId", NULL, 403},
                     [EXPIRED_TOKEN] = {"ExpiredToken", NULL, 403},
                     [BAD_SIGNATURE] = {"SignatureDoesNotMatch", NULL, 403},
                     [BAD_TIME] = {"SignatureDoesNotMatch", NULL, 403}},
    [WORDS_EC2] = {[NO_CREDENTIALS] = {"MissingAuthenticationToken", NULL, 403},
                   [INCOMPLETE] = {"IncompleteSignature", NULL, 400},
                   [UNKNOWN_KEY] = {"AuthFailure", NULL, 401},
                   [BAD_TOKEN] = {"AuthFailure", NULL, 401},
                   [EXPIRED_TOKEN] = {"RequestExpired", NULL, 400},
                   [BAD_SIGNATURE] = {"AuthFailure", NULL, 401},
                   [BAD_TIME] = {"RequestExpired", NULL, 400}},
    [WORDS_JSON] = {[NO_CREDENTIALS] = {"MissingAuthenticationTokenException", NULL, 400},
                    [INCOMPLETE] = {"IncompleteSignatureException", NULL, 400},
                    [UNKNOWN_KEY] = {"UnrecognizedClientException", NULL, 400},
                    [BAD_TOKEN] = {"UnrecognizedClientException", NULL, 400},
                    [EXPIRED_TOKEN] = {"ExpiredTokenException", NULL, 400},
                    [BAD_SIGNATURE] = {"InvalidSignatureException", NULL, 400},
                    [BAD_TIME] = {"InvalidSignatureException", NULL, 400}},
};

static const struct error_kind S3_ACCESS = {"AccessDenied", NULL, 403};
static const struct error_kind S3_BAD_QUERY = {"AuthorizationQueryParametersError", NULL, 400};
static const struct error_kind S3_INVALID_REQUEST = {"InvalidRequest", NULL, 400};
static const struct error_kind S3_INVALID_ARGUMENT = {"InvalidArgument", NULL, 400};
static const struct error_kind S3_SHA_MISMATCH = {"XAmzContentSHA256Mismatch", NULL, 400};

static enum FAMILY_WORDS family_of(const struct request *r)
{
    switch ((enum PROTOCOL)r->route.protocol) {
    case PROTOCOL_REST_XML:
        return WORDS_S3;
    case PROTOCOL_QUERY:
        return WORDS_QUERY;
    case PROTOCOL_EC2:
        return WORDS_EC2;
    case PROTOCOL_JSON:
    case PROTOCOL_REST_JSON:
    case PROTOCOL_CBOR:
        break;
    }
    return WORDS_JSON;
}

static const struct error_kind *kind_of(const struct request *r, enum TROUBLE trouble)
{
    return &trouble_kinds[family_of(r)][trouble];
}

static const struct refusal *refuse_anonymous(struct request *r)
{
    enum FAMILY_WORDS words = family_of(r);
    return refuse(&r->call, kind_of(r, NO_CREDENTIALS), "%s",
                  words == WORDS_S3    ? "Access Denied"
                  : words == WORDS_EC2 ? "Request is missing Authentication Token"
                                       : "Request is missing Authentication Token");
}

static const struct refusal *refuse_unknown_key(struct request *r)
{
    switch (family_of(r)) {
    case WORDS_S3:
        return refuse_with(&r->call, kind_of(r, UNKNOWN_KEY), S("AWSAccessKeyId"),
                           r->claim.access_key,
                           "The AWS Access Key Id you provided does not exist in our records.");
    case WORDS_EC2:
        return refuse(&r->call, kind_of(r, UNKNOWN_KEY),
                      "AWS was not able to validate the provided access credentials");
    case WORDS_QUERY:
    case WORDS_JSON:
        break;
    }
    return refuse(&r->call, kind_of(r, UNKNOWN_KEY),
                  "The security token included in the request is invalid.");
}

static const struct refusal *refuse_token(struct request *r, enum TROUBLE trouble)
{
    bool s3 = family_of(r) == WORDS_S3;
    if (trouble == EXPIRED_TOKEN)
        return refuse(&r->call, kind_of(r, trouble),
                      s3 ? "The provided token has expired."
                         : "The security token included in the request is expired");
    return s3 ? refuse(&r->call, kind_of(r, trouble),
                       "The provided token is malformed or otherwise invalid.")
              : refuse_unknown_key(r);
}

/* Bytes as S3 quotes them beside a text: "41 57 53 …". */
static struct span hex_bytes(struct arena *arena, struct span text)
{
    char *to = arena_alloc(arena, text.len * 3 + 1);
    for (size_t i = 0; i < text.len; i++) {
        hex_encode(text.at + i, 1, to + i * 3);
        to[i * 3 + 2] = ' ';
    }
    return span_of(to, text.len ? text.len * 3 - 1 : 0);
}

static const struct refusal *refuse_signature(struct request *r, struct span canonical,
                                              struct span to_sign)
{
    struct call *c = &r->call;
    if (family_of(r) == WORDS_EC2)
        return refuse(c, kind_of(r, BAD_SIGNATURE),
                      "AWS was not able to validate the provided access credentials");
    if (family_of(r) != WORDS_S3)
        return refuse(
            c, kind_of(r, BAD_SIGNATURE),
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service "
            "documentation for details.");
    const struct refusal *refusal = refuse_with(
        c, kind_of(r, BAD_SIGNATURE), S("AWSAccessKeyId"), r->claim.access_key,
        "The request signature we calculated does not match the signature you provided. "
        "Check your key and signing method.");
    refusal = refusal_add(c, refusal, S("StringToSign"), to_sign);
    refusal = refusal_add(c, refusal, S("SignatureProvided"), r->claim.signature);
    refusal = refusal_add(c, refusal, S("StringToSignBytes"), hex_bytes(c->arena, to_sign));
    refusal = refusal_add(c, refusal, S("CanonicalRequest"), canonical);
    return refusal_add(c, refusal, S("CanonicalRequestBytes"), hex_bytes(c->arena, canonical));
}

/* "Signature expired: A is now earlier than B (C - 15 min.)", and its twin for the future. */
static const struct refusal *refuse_time_words(struct request *r)
{
    char limit[TIME_TEXT_SIZE], now[TIME_TEXT_SIZE];
    int64_t now_ms = r->call.now_ms;
    bool late = r->claim.time_ms < now_ms;
    time_amz_date(late ? now_ms - SKEW_MS : now_ms + SKEW_MS, limit);
    time_amz_date(now_ms, now);
    return refuse(&r->call, kind_of(r, BAD_TIME),
                  late ? "Signature expired: %.*s is now earlier than %s (%s - 15 min.)"
                       : "Signature not yet current: %.*s is still later than %s (%s + 15 min.)",
                  SPAN_ARG(r->claim.timestamp), limit, now);
}

static const struct refusal *refuse_skew(struct request *r)
{
    struct call *c = &r->call;
    char server[TIME_TEXT_SIZE];
    if (family_of(r) == WORDS_EC2)
        return refuse(c, kind_of(r, BAD_TIME), "Request has expired.");
    if (family_of(r) != WORDS_S3)
        return refuse_time_words(r);
    const struct refusal *refusal =
        refuse_with(c, kind_of(r, BAD_TIME), S("RequestTime"), r->claim.timestamp,
                    "The difference between the request time and the current time is too large.");
    refusal = refusal_add(c, refusal, S("ServerTime"),
                          arena_copy(c->arena, time_iso8601(c->now_ms, server)));
    return refusal_add(c, refusal, S("MaxAllowedSkewMilliseconds"), S("900000"));
}

static const struct refusal *refuse_expired(struct request *r)
{
    struct call *c = &r->call;
    char expires[TIME_TEXT_SIZE], server[TIME_TEXT_SIZE];
    if (family_of(r) != WORDS_S3)
        return refuse_time_words(r);
    const struct refusal *refusal = refuse_with(
        c, &S3_ACCESS, S("X-Amz-Expires"),
        arena_printf(c->arena, "%lld", (long long)r->claim.expires_s), "Request has expired");
    int64_t end_ms = r->claim.time_ms + r->claim.expires_s * 1000;
    refusal =
        refusal_add(c, refusal, S("Expires"), arena_copy(c->arena, time_iso8601(end_ms, expires)));
    return refusal_add(c, refusal, S("ServerTime"),
                       arena_copy(c->arena, time_iso8601(c->now_ms, server)));
}

static const struct refusal *refuse_malformed(struct request *r)
{
    struct call *c = &r->call;
    struct span detail = r->claim.detail.len ? r->claim.detail : S("The request is malformed.");
    if (family_of(r) != WORDS_S3)
        return refuse(c, kind_of(r, INCOMPLETE), "%.*s", SPAN_ARG(detail));
    return refuse(c, r->claim.presigned ? &S3_BAD_QUERY : kind_of(r, INCOMPLETE), "%.*s",
                  SPAN_ARG(detail));
}

static const struct refusal *refuse_fault(struct request *r, enum SIGV4_FAULT fault)
{
    struct call *c = &r->call;
    switch (fault) {
    case SIGV4_OK:
        return OK;
    case SIGV4_ANONYMOUS:
        return refuse_anonymous(r);
    case SIGV4_SKEWED:
        return refuse_skew(r);
    case SIGV4_NOT_YET:
        return refuse(c, family_of(r) == WORDS_S3 ? &S3_ACCESS : kind_of(r, BAD_TIME),
                      "Request is not yet valid");
    case SIGV4_EXPIRED:
        return refuse_expired(r);
    case SIGV4_UNSIGNED_HEADERS:
        if (family_of(r) == WORDS_S3)
            return refuse_with(c, &S3_ACCESS, S("HeadersNotSigned"), r->claim.detail,
                               "There were headers present in the request which were not signed");
        return refuse_malformed(r);
    case SIGV4_BAD_CONTENT_SHA256:
        return family_of(r) == WORDS_S3
                   ? refuse_with(
                         c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("x-amz-content-sha256"),
                         "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
                         "STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
                         "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
                         "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
                         "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 "
                         "value.")
                   : refuse_malformed(r);
    case SIGV4_UNSUPPORTED:
        if (family_of(r) == WORDS_S3)
            return refuse(
                c, &S3_INVALID_REQUEST,
                "The authorization mechanism you have provided is not supported. Please use "
                "AWS4-HMAC-SHA256.");
        return refuse_malformed(r);
    case SIGV4_BAD_HEADER:
    case SIGV4_BAD_DATE:
    case SIGV4_SCOPE_DATE:
    case SIGV4_BAD_EXPIRES:
    case SIGV4_MISMATCH:
        break;
    }
    return refuse_malformed(r);
}

/* -- checks ----------------------------------------------------------------------------------- */

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
        return refuse_token(r, BAD_TOKEN);
    if (!identity)
        return refuse_unknown_key(r);
    if (identity->expires_ms != TIME_NONE && identity->expires_ms <= r->call.now_ms)
        return refuse_token(r, EXPIRED_TOKEN);
    note_caller(r, identity);
    return OK;
}

/* The region must be one, and global services are signed for us-east-1. */
static const struct refusal *check_region(struct request *r)
{
    const struct service *service = r->route.service;
    if (service->global && !span_eq(r->claim.region, S("us-east-1")))
        return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                      "Credential should be scoped to a valid region, not '%.*s'. ",
                      SPAN_ARG(r->claim.region));
    if (region_known(r->claim.region))
        return OK;
    if (family_of(r) != WORDS_S3)
        return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                      "Credential should be scoped to a valid region, not '%.*s'. ",
                      SPAN_ARG(r->claim.region));
    return refuse_with(
        &r->call, kind_of(r, INCOMPLETE), S("Region"), r->gate->config->default_region,
        "The authorization header is malformed; the region '%.*s' is wrong; expecting "
        "'%.*s'",
        SPAN_ARG(r->claim.region), SPAN_ARG(r->gate->config->default_region));
}

static const struct refusal *check_service(struct request *r)
{
    struct span wanted = span_of_cstr(r->route.service->signing_name);
    if (span_eq(r->claim.service, wanted))
        return OK;
    if (family_of(r) == WORDS_S3)
        return refuse(
            &r->call, kind_of(r, INCOMPLETE),
            "The authorization header is malformed; incorrect service \"%.*s\". This endpoint "
            "belongs to \"s3\".",
            SPAN_ARG(r->claim.service));
    return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                  "Credential should be scoped to correct service: '%.*s'. ", SPAN_ARG(wanted));
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
    if (family_of(r) != WORDS_S3)
        return refuse_signature(r, SPAN_NONE, SPAN_NONE);
    const struct refusal *refusal =
        refuse_with(&r->call, &S3_SHA_MISMATCH, S("ClientComputedContentSHA256"), claimed,
                    "The provided 'x-amz-content-sha256' header does not match what was computed.");
    return refusal_add(&r->call, refusal, S("S3ComputedContentSHA256"), digest);
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
        bool s3 = family_of(r) == WORDS_S3; /* bucket policies may admit; authorise decides */
        return s3 || (r->route.operation && r->route.operation->unsigned_allowed)
                   ? OK
                   : refuse_anonymous(r);
    }
    TRY(refuse_fault(r, r->fault));
    if (r->signed_request.s3 && !r->claim.presigned && span_is_absent(r->claim.content_sha256))
        return refuse(&r->call, &S3_INVALID_REQUEST,
                      "Missing required header for this request: x-amz-content-sha256");
    TRY(check_service(r));
    TRY(refuse_fault(r, sigv4_check_time(&r->claim, r->call.now_ms)));
    TRY(request_identify(r, r->gate->cache));
    TRY(check_region(r));
    const struct refusal *refusal = check_signature(r, body);
    if (refusal)
        r->caller = (struct request_caller){0}; /* a claim that did not hold is nobody's act */
    return refusal;
}
