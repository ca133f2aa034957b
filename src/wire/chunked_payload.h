// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The aws-chunked content encoding: `size;chunk-signature=…\r\n bytes \r\n … 0\r\n trailers`,
 * incremental. Feed raw body bytes in any pieces; decoded bytes come out by callback, as they come:
 * a chunk's signature can only be checked behind its last byte, so whoever takes them keeps them
 * apart until CHUNKED_DONE. A bad chunk stops everything. Limits: chunk line 512 bytes, trailers
 * 8 KiB, signed chunk 16 MiB. One thread at a time. Sources: "Transferring Payload in Multiple
 * Chunks", "Including Trailing Headers" in the S3 API reference.
 */
#include "wire/sigv4.h"

#define CHUNKED_MAX_TRAILERS 8
/* "Only the last chunk is allowed to have a size less than 8192 bytes", signed or not. */
#define CHUNKED_MIN_CHUNK 8192

enum CHUNKED_STATUS {
    CHUNKED_MORE, /* wants more bytes; at the body's end it is incomplete (IncompleteBody) */
    CHUNKED_DONE, /* last chunk and trailers seen */
    CHUNKED_MALFORMED,
    CHUNKED_BAD_SIGNATURE,
    CHUNKED_TOO_SMALL, /* a chunk but the last below 8 KiB: InvalidChunkSizeError; see `chunks` and
                          `chunk_len` */
    CHUNKED_STOPPED,   /* `take` answered an error */
};

/* Not to be moved: `trailers` point into it. */
struct chunked_payload {
    enum SIGV4_PAYLOAD variant;
    const struct hmac_key *key; /* signed variants; borrowed */
    char scope[128], timestamp[20], previous[64];
    SHA256_CTX sha; /* of the current chunk */
    int state;
    enum CHUNKED_STATUS ended; /* what chunked_feed answers for ever, once it is not CHUNKED_MORE */
    uint64_t left;             /* bytes of the current chunk still to come */
    uint64_t decoded;          /* bytes handed out */
    uint64_t chunk_len; /* bytes of the newest chunk; with CHUNKED_TOO_SMALL of the one before it */
    size_t chunks;      /* chunk lines seen, the last chunk's included */
    char line[512];
    size_t line_len;
    char signature[64];       /* that the current chunk claims */
    char trailer_bytes[8192]; /* name:value\n …, lower-case names, as it is signed */
    size_t trailer_len;
    bool trailer_signed;
    struct header trailers[CHUNKED_MAX_TRAILERS]; /* valid once CHUNKED_DONE; names lower-case */
    size_t trailer_count;
};

/* `claim` of a streaming variant, already verified: its signature begins the chain. */
void chunked_init(struct chunked_payload *payload, const struct sigv4_claim *claim,
                  const struct hmac_key *key);
/* `take(into, piece)` gets decoded bytes and answers 0 or a negative errno, which stops and is
 * returned in *ret_error (may be NULL). Bytes after the end are CHUNKED_MALFORMED. */
enum CHUNKED_STATUS chunked_feed(struct chunked_payload *payload, struct span raw,
                                 int (*take)(void *into, struct span piece), void *into,
                                 int *ret_error);
