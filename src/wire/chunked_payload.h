// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The aws-chunked content encoding: `size;chunk-signature=…\r\n bytes \r\n … 0\r\n trailers`,
 * incremental. Feed raw body bytes in any pieces; decoded bytes come out by callback. Signed
 * variants verify each chunk before its end is reported; a bad chunk stops everything. Limits:
 * chunk line 512 bytes, trailers 8 KiB, signed chunk 16 MiB.
 */
#include "wire/sigv4.h"

#define CHUNKED_MAX_TRAILERS 8

enum CHUNKED_STATUS {
    CHUNKED_MORE, /* wants more bytes */
    CHUNKED_DONE, /* last chunk and trailers seen */
    CHUNKED_MALFORMED,
    CHUNKED_BAD_SIGNATURE,
    CHUNKED_TOO_SMALL, /* a chunk but the last below 8 KiB (signed variants): InvalidChunkSizeError
                        */
};

struct chunked_payload {
    enum SIGV4_PAYLOAD variant;
    const struct hmac_key *key; /* signed variants */
    char scope[128], timestamp[20], previous[64];
    SHA256_CTX sha;
    int state;
    uint64_t left;    /* bytes of the current chunk still to come */
    uint64_t decoded; /* bytes handed out */
    size_t chunks;
    bool short_chunk;
    char line[512];
    size_t line_len;
    char signature[64];
    char trailer_bytes[8192];
    size_t trailer_len;
    struct header trailers[CHUNKED_MAX_TRAILERS]; /* valid once CHUNKED_DONE; names lower-case */
    size_t trailer_count;
};

void chunked_init(struct chunked_payload *payload, const struct sigv4_claim *claim,
                  const struct hmac_key *key);
/* `take(into, piece)` gets decoded bytes and answers 0 or a negative errno, which stops and is
 * returned in *ret_error. Bytes after the end are CHUNKED_MALFORMED. */
enum CHUNKED_STATUS chunked_feed(struct chunked_payload *payload, struct span raw,
                                 int (*take)(void *into, struct span piece), void *into,
                                 int *ret_error);
