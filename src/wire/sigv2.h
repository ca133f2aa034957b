// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Presigned URLs of S3's Signature Version 2, from the server's side. SDKs and the CLI still make
 * them for us-east-1 and for endpoints of one's own. Pure. Source: "Signing and authenticating REST
 * requests" (Query string request authentication).
 */
#include "base/arena.h"
#include "base/header.h"

struct sigv2_claim {
    struct span access_key, signature; /* signature: base64, decoded from the query */
    struct span token;                 /* x-amz-security-token, or absent */
    int64_t expires_s;                 /* since the epoch */
};

enum SIGV2_FAULT {
    SIGV2_OK,
    SIGV2_ABSENT,     /* the query has no AWSAccessKeyId */
    SIGV2_INCOMPLETE, /* Signature or Expires is missing */
    SIGV2_BAD_EXPIRES,
};

enum SIGV2_FAULT sigv2_read(struct arena *arena, struct span query, struct sigv2_claim *claim);

struct sigv2_request {
    struct span method;
    struct span resource; /* raw path, with the bucket in front also where the Host name had it */
    struct span query;    /* raw */
    struct headers headers;
};

/* The text that was to be signed; in the arena. */
struct span sigv2_to_sign(struct arena *arena, const struct sigv2_request *request);
/* Compares in constant time. */
bool sigv2_verify(struct arena *arena, struct span to_sign, const struct sigv2_claim *claim,
                  struct span secret);
