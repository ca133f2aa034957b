// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * AWS Signature Version 4 (and presigned V4), from the server's side: read what the request claims,
 * compute what it must be, compare. Also the chunk signatures of aws-chunked bodies. Pure: keys and
 * time come in. Source: "Signature Version 4 signing process", "Authenticating Requests: Using
 * Query Parameters", "Signature Calculations for the Authorization Header: Transferring Payload in
 * Multiple Chunks".
 */
#include "base/arena.h"
#include "base/hash.h"
#include "base/header.h"

enum SIGV4_PAYLOAD {
    PAYLOAD_SIGNED,           /* x-amz-content-sha256 is a digest (or absent: digest of the body) */
    PAYLOAD_UNSIGNED,         /* UNSIGNED-PAYLOAD */
    PAYLOAD_CHUNKS,           /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD */
    PAYLOAD_CHUNKS_TRAILER,   /* STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER */
    PAYLOAD_UNSIGNED_TRAILER, /* STREAMING-UNSIGNED-PAYLOAD-TRAILER */
};

/* Why a request cannot be authenticated; the gate words it per service. */
enum SIGV4_FAULT {
    SIGV4_OK,
    SIGV4_ANONYMOUS,   /* no credentials at all */
    SIGV4_BAD_HEADER,  /* Authorization or query parameters incomplete or malformed; see `detail` */
    SIGV4_UNSUPPORTED, /* another algorithm */
    SIGV4_BAD_DATE,    /* no usable date */
    SIGV4_SCOPE_DATE,  /* the scope's date is not the request's */
    SIGV4_SKEWED,      /* outside ±15 minutes */
    SIGV4_NOT_YET,     /* presigned for the future */
    SIGV4_EXPIRED,     /* presigned and past X-Amz-Expires */
    SIGV4_BAD_EXPIRES, /* X-Amz-Expires not in 1..604800 */
    SIGV4_UNSIGNED_HEADERS,   /* a header that must be signed is not: see `detail` */
    SIGV4_BAD_CONTENT_SHA256, /* x-amz-content-sha256 is no known word and no digest */
    SIGV4_MISMATCH,           /* the signature is not the one computed */
};

/* What can be missing; the sentences of the query services list every one of them. */
enum SIGV4_PART {
    SIGV4_ALGORITHM = 1 << 0, /* X-Amz-Algorithm */
    SIGV4_CREDENTIAL = 1 << 1,
    SIGV4_SIGNED_HEADERS = 1 << 2,
    SIGV4_SIGNATURE = 1 << 3,
    SIGV4_DATE = 1 << 4,
    SIGV4_EXPIRES = 1 << 5, /* X-Amz-Expires, which S3 alone demands */
};

struct sigv4_request {
    struct span method;
    struct span path;       /* raw, as on the request line */
    struct span query;      /* raw, without '?' */
    struct headers headers; /* lower-case names, in order of arrival */
    bool s3;                /* S3 does not normalise nor double-encode the path */
};

/* Borrowed from the request or in the arena. After a fault what was read until then is set. */
struct sigv4_claim {
    bool presigned;
    unsigned missing; /* SIGV4_PART bits, with SIGV4_BAD_HEADER and SIGV4_BAD_DATE */
    struct span access_key, date /* yyyymmdd */, region, service, signature, signed_headers, token;
    struct span timestamp; /* yyyymmddThhmmssZ */
    int64_t time_ms;
    int64_t expires_s; /* presigned */
    enum SIGV4_PAYLOAD payload;
    struct span content_sha256; /* as sent; absent when there is no such header */
    /*
     * What a message needs to name:
     *   BAD_HEADER       the malformed part: Credential, SignedHeaders, Authorization (not a list
     * of name=value, or given beside a presigned query); absent when parts are missing UNSUPPORTED
     * the scheme or algorithm as sent BAD_DATE, BAD_EXPIRES  the value as sent, or absent
     *   UNSIGNED_HEADERS their names in order, "x-amz-date, x-amz-meta-a" (S3's HeadersNotSigned)
     */
    struct span detail;
};

#define SIGV4_MAX_SIGNED_HEADERS 200

/*
 * Reads the Authorization header or the X-Amz-* query parameters; SIGV4_OK fills the claim. `host`
 * must be signed; for S3 also content-md5 and every x-amz-* header but x-amz-content-sha256, whose
 * value the signature covers anyway. S3 wants x-amz-content-sha256 unless presigned: its absence is
 * SIGV4_BAD_CONTENT_SHA256 with an absent content_sha256.
 */
enum SIGV4_FAULT sigv4_read(struct arena *arena, const struct sigv4_request *request,
                            struct sigv4_claim *claim);
/* Checks skew, expiry and the scope's date against the clock. */
enum SIGV4_FAULT sigv4_check_time(const struct sigv4_claim *claim, int64_t now_ms);

/* The signing key of (secret, date, region, service): four HMACs; callers cache it. `secret` is at
 * most SIGV4_MAX_SECRET bytes. */
#define SIGV4_MAX_SECRET 256
void sigv4_key(struct span secret, struct span date, struct span region, struct span service,
               struct hmac_key *key);

/* SIGV4_OK or SIGV4_MISMATCH. `body_sha256` is 64 hex digits of the body's digest, used where the
 * request sent no x-amz-content-sha256 (absent: that of an empty body). Where it did send a digest,
 * the caller compares it with the body's. On a mismatch *ret_canonical and *ret_to_sign (may be
 * NULL) are the texts, which S3 and query services quote in the error; otherwise nothing stays in
 * the arena. Scratch is below 16 times the size of the request's head. */
enum SIGV4_FAULT sigv4_verify(struct arena *arena, const struct sigv4_request *request,
                              const struct sigv4_claim *claim, const struct hmac_key *key,
                              struct span body_sha256, struct span *ret_canonical,
                              struct span *ret_to_sign);

/* For signers (the load generator, tests): the same texts and the signature, 64 hex digits. */
struct span sigv4_canonical(struct arena *arena, const struct sigv4_request *request,
                            const struct sigv4_claim *claim, struct span body_sha256);
struct span sigv4_to_sign(struct arena *arena, const struct sigv4_claim *claim,
                          struct span canonical);
void sigv4_sign(const struct hmac_key *key, struct span to_sign, char hex[64]);
