// SPDX-License-Identifier: Apache-2.0
/*
 * One table of codes per protocol family, and a function per trouble for its sentence and members.
 * Home loop, but the token and key refusals also on the control thread.
 */
#include "gate/credential_refusal.h"

#include "base/text.h"
#include "base/time.h"

#define SKEW_MS (15 * 60 * 1000)

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
    case PROTOCOL_AWS_CBOR:
        break;
    }
    return WORDS_JSON;
}

static const struct error_kind *kind_of(const struct request *r, enum TROUBLE trouble)
{
    return &trouble_kinds[family_of(r)][trouble];
}

RESULT refuse_anonymous(struct request *r)
{
    enum FAMILY_WORDS words = family_of(r);
    return refuse(&r->call, kind_of(r, NO_CREDENTIALS), "%s",
                  words == WORDS_S3    ? "Access Denied"
                  : words == WORDS_EC2 ? "Request is missing Authentication Token"
                                       : "Request is missing Authentication Token");
}

RESULT refuse_unknown_key(struct request *r)
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

RESULT refuse_bad_token(struct request *r)
{
    if (family_of(r) != WORDS_S3)
        return refuse_unknown_key(r);
    return refuse(&r->call, kind_of(r, BAD_TOKEN),
                  "The provided token is malformed or otherwise invalid.");
}

RESULT refuse_expired_token(struct request *r)
{
    return refuse(&r->call, kind_of(r, EXPIRED_TOKEN),
                  family_of(r) == WORDS_S3
                      ? "The provided token has expired."
                      : "The security token included in the request is expired");
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

RESULT refuse_signature(struct request *r, struct span canonical, struct span to_sign)
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
    if (span_is_absent(canonical))
        return refusal;
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

/* The sentences of the query and JSON services name every part that is missing. */
static const struct refusal *refuse_missing_parts(struct request *r)
{
    static const struct {
        enum SIGV4_PART part;
        struct span header, query;
    } parts[] = {
        {SIGV4_ALGORITHM, {NULL, 0}, S_INIT("X-Amz-Algorithm")},
        {SIGV4_CREDENTIAL, S_INIT("Credential"), S_INIT("X-Amz-Credential")},
        {SIGV4_SIGNATURE, S_INIT("Signature"), S_INIT("X-Amz-Signature")},
        {SIGV4_SIGNED_HEADERS, S_INIT("SignedHeaders"), S_INIT("X-Amz-SignedHeaders")},
        {SIGV4_DATE, {NULL, 0}, S_INIT("X-Amz-Date")},
    };
    struct arena *arena = r->call.arena;
    struct span text = S("");
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (!(r->claim.missing & parts[i].part))
            continue;
        if (r->claim.presigned)
            text = arena_printf(arena, "%.*sAWS query-string parameters must include '%.*s'. ",
                                SPAN_ARG(text), SPAN_ARG(parts[i].query));
        else if (parts[i].header.len)
            text = arena_printf(arena, "%.*sAuthorization header requires '%.*s' parameter. ",
                                SPAN_ARG(text), SPAN_ARG(parts[i].header));
        else
            text = arena_printf(
                arena,
                "%.*sAuthorization header requires existence of either a 'X-Amz-Date' or "
                "a 'Date' header. ",
                SPAN_ARG(text));
    }
    struct span sent = header_get(r->x->headers, S("authorization"));
    return r->claim.presigned ? refuse(&r->call, kind_of(r, INCOMPLETE), "%.*s", SPAN_ARG(text))
                              : refuse(&r->call, kind_of(r, INCOMPLETE), "%.*sAuthorization=%.*s",
                                       SPAN_ARG(text), SPAN_ARG(span_first(sent, 256)));
}

static const struct refusal *refuse_malformed_s3(struct request *r)
{
    struct call *c = &r->call;
    if (r->claim.presigned && r->claim.missing)
        return refuse(c, &S3_BAD_QUERY,
                      "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                      "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                      "X-Amz-Expires parameters.");
    if (r->claim.presigned)
        return refuse(c, &S3_BAD_QUERY,
                      "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
                      "expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    if (span_eq(r->claim.detail, S("Credential")))
        return refuse(
            c, kind_of(r, INCOMPLETE),
            "The authorization header is malformed; the Credential is mal-formed; expecting "
            "\"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".");
    return refuse(c, kind_of(r, INCOMPLETE),
                  "The authorization header is malformed; the authorization header requires three "
                  "components: Credential, SignedHeaders, and Signature.");
}

static const struct refusal *refuse_malformed(struct request *r)
{
    if (family_of(r) == WORDS_S3)
        return refuse_malformed_s3(r);
    if (r->claim.missing)
        return refuse_missing_parts(r);
    if (span_eq(r->claim.detail, S("Credential")))
        return refuse(&r->call, kind_of(r, INCOMPLETE),
                      "Credential must have exactly 5 slash-delimited elements, e.g. "
                      "keyid/date/region/service/term");
    return refuse(&r->call, kind_of(r, INCOMPLETE),
                  "The '%.*s' part of the Authorization header is not well-formed.",
                  SPAN_ARG(r->claim.detail.len ? r->claim.detail : S("Authorization")));
}

static const struct refusal *refuse_bad_date(struct request *r)
{
    struct call *c = &r->call;
    if (family_of(r) != WORDS_S3)
        return r->claim.missing ? refuse_missing_parts(r)
                                : refuse(c, kind_of(r, INCOMPLETE),
                                         "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                                         "http://en.wikipedia.org/wiki/ISO_8601",
                                         SPAN_ARG(r->claim.detail));
    if (r->claim.presigned)
        return refuse(c, &S3_BAD_QUERY,
                      "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
    return refuse(c, &S3_ACCESS, "AWS authentication requires a valid Date or x-amz-date header");
}

static const struct refusal *refuse_scope_date(struct request *r)
{
    struct call *c = &r->call;
    if (family_of(r) == WORDS_S3)
        return refuse(
            c, r->claim.presigned ? &S3_BAD_QUERY : kind_of(r, INCOMPLETE),
            "%s; Invalid credential date \"%.*s\". This date is not the same as X-Amz-Date: "
            "\"%.*s\".",
            r->claim.presigned ? "Error parsing the X-Amz-Credential parameter"
                               : "The authorization header is malformed",
            SPAN_ARG(r->claim.date), SPAN_ARG(span_first(r->claim.timestamp, 8)));
    return refuse(
        c, kind_of(r, BAD_SIGNATURE),
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
        "HTTP: '%.*s' != '%.*s', from '%.*s'.",
        SPAN_ARG(r->claim.date), SPAN_ARG(span_first(r->claim.timestamp, 8)),
        SPAN_ARG(r->claim.timestamp));
}

/* Only S3 looks at X-Amz-Expires so closely. */
static const struct refusal *refuse_expires(struct request *r)
{
    int64_t seconds;
    if (!span_to_i64(r->claim.detail, &seconds))
        return refuse(&r->call, &S3_BAD_QUERY, "X-Amz-Expires should be a number");
    if (seconds < 0)
        return refuse(&r->call, &S3_BAD_QUERY, "X-Amz-Expires must be non-negative");
    return refuse(
        &r->call, &S3_BAD_QUERY,
        "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires "
        "must be less than 604800 seconds");
}

static const struct refusal *refuse_unsigned(struct request *r)
{
    if (family_of(r) == WORDS_S3)
        return refuse_with(&r->call, &S3_ACCESS, S("HeadersNotSigned"), r->claim.detail,
                           "There were headers present in the request which were not signed");
    return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                  "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
}

static const struct refusal *refuse_content_word(struct request *r)
{
    if (family_of(r) != WORDS_S3)
        return refuse_malformed(r);
    if (span_is_absent(r->claim.content_sha256))
        return refuse(&r->call, &S3_INVALID_REQUEST,
                      "Missing required header for this request: x-amz-content-sha256");
    const struct refusal *refusal = refuse_with(
        &r->call, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("x-amz-content-sha256"),
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER "
        "or a valid sha256 value.");
    return refusal_add(&r->call, refusal, S("ArgumentValue"), r->claim.content_sha256);
}

static const struct refusal *refuse_scheme(struct request *r)
{
    if (family_of(r) == WORDS_S3)
        return refuse(&r->call, &S3_INVALID_REQUEST,
                      "The authorization mechanism you have provided is not supported. Please use "
                      "AWS4-HMAC-SHA256.");
    return refuse(&r->call, kind_of(r, INCOMPLETE),
                  "Unsupported AWS 'algorithm': '%.*s' (only AWS4-HMAC-SHA256 is served).",
                  SPAN_ARG(span_first(r->claim.detail, 128)));
}

static const struct refusal *refuse_mismatch(struct request *r)
{
    return refuse_signature(r, SPAN_NONE, SPAN_NONE);
}

static const struct refusal *refuse_not_yet(struct request *r)
{
    return family_of(r) == WORDS_S3 ? refuse(&r->call, &S3_ACCESS, "Request is not yet valid")
                                    : refuse_time_words(r);
}

RESULT refuse_fault(struct request *r, enum SIGV4_FAULT fault)
{
    static const struct refusal *(*const answers[])(struct request *) = {
        [SIGV4_ANONYMOUS] = refuse_anonymous,
        [SIGV4_BAD_HEADER] = refuse_malformed,
        [SIGV4_UNSUPPORTED] = refuse_scheme,
        [SIGV4_BAD_DATE] = refuse_bad_date,
        [SIGV4_SCOPE_DATE] = refuse_scope_date,
        [SIGV4_SKEWED] = refuse_skew,
        [SIGV4_NOT_YET] = refuse_not_yet,
        [SIGV4_EXPIRED] = refuse_expired,
        [SIGV4_BAD_EXPIRES] = refuse_expires,
        [SIGV4_UNSIGNED_HEADERS] = refuse_unsigned,
        [SIGV4_BAD_CONTENT_SHA256] = refuse_content_word,
        [SIGV4_MISMATCH] = refuse_mismatch,
    };
    return fault == SIGV4_OK ? OK : answers[fault](r);
}

RESULT refuse_content_digest(struct request *r, struct span computed)
{
    if (family_of(r) != WORDS_S3)
        return refuse_signature(r, SPAN_NONE, SPAN_NONE);
    const struct refusal *refusal = refuse_with(
        &r->call, &S3_SHA_MISMATCH, S("ClientComputedContentSHA256"), r->claim.content_sha256,
        "The provided 'x-amz-content-sha256' header does not match what was computed.");
    return refusal_add(&r->call, refusal, S("S3ComputedContentSHA256"), computed);
}

RESULT refuse_expired_v2(struct request *r)
{
    struct call *c = &r->call;
    char expires[TIME_TEXT_SIZE], server[TIME_TEXT_SIZE];
    const struct refusal *refusal =
        refuse_with(c, &S3_ACCESS, S("Expires"),
                    arena_copy(c->arena, time_iso8601(r->claim_v2.expires_s * 1000, expires)),
                    "Request has expired");
    return refusal_add(c, refusal, S("ServerTime"),
                       arena_copy(c->arena, time_iso8601(c->now_ms, server)));
}

RESULT refuse_incomplete_v2(struct request *r, enum SIGV2_FAULT fault)
{
    if (fault == SIGV2_BAD_EXPIRES)
        return refuse(&r->call, &S3_ACCESS, "Invalid date (should be seconds since epoch)");
    return refuse(&r->call, &S3_ACCESS,
                  "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
                  "parameters");
}

RESULT refuse_region(struct request *r)
{
    struct span expected = r->gate->config->default_region;
    if (family_of(r) != WORDS_S3)
        return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                      "Credential should be scoped to a valid region, not '%.*s'. ",
                      SPAN_ARG(r->claim.region));
    return refuse_with(
        &r->call, kind_of(r, INCOMPLETE), S("Region"), expected,
        "The authorization header is malformed; the region '%.*s' is wrong; expecting "
        "'%.*s'",
        SPAN_ARG(r->claim.region), SPAN_ARG(expected));
}

RESULT refuse_service(struct request *r)
{
    if (family_of(r) == WORDS_S3)
        return refuse(
            &r->call, kind_of(r, INCOMPLETE),
            "The authorization header is malformed; incorrect service \"%.*s\". This endpoint "
            "belongs to \"s3\".",
            SPAN_ARG(r->claim.service));
    return refuse(&r->call, kind_of(r, BAD_SIGNATURE),
                  "Credential should be scoped to correct service: '%s'. ",
                  r->route.service->signing_name);
}
