// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * S3's checksums: which one a request claims, whether the bytes keep it, and how those of parts
 * become that of an object. Pure but for the refusals. Source: "Checking object integrity in Amazon
 * S3".
 */
#include "wire/call.h"

/* In the order in which every shape of the API has its Checksum members. */
enum CHECKSUM {
    CHECKSUM_CRC32,
    CHECKSUM_CRC32C,
    CHECKSUM_CRC64NVME,
    CHECKSUM_SHA1,
    CHECKSUM_SHA256,
    CHECKSUM_SHA512,
    CHECKSUM_MD5,
    CHECKSUM_XXHASH64,
    CHECKSUM_XXHASH3,
    CHECKSUM_XXHASH128,
    CHECKSUM_COUNT,
    CHECKSUM_NONE = CHECKSUM_COUNT
};

enum CHECKSUM_TYPE { TYPE_NONE, TYPE_COMPOSITE, TYPE_FULL_OBJECT };

/* What is known of an object, an upload or a part. */
struct checksum {
    enum CHECKSUM algorithm;
    enum CHECKSUM_TYPE type;
    struct span value; /* raw bytes; absent where there is none */
};

/* The ten consecutive Checksum members of a generated struct. */
#define CHECKSUM_MEMBERS(thing)                                                                    \
    ({                                                                                             \
        _Static_assert(offsetof(__typeof__(*(thing)), checksum_xxhash128) -                        \
                               offsetof(__typeof__(*(thing)), checksum_crc32) ==                   \
                           (CHECKSUM_COUNT - 1) * sizeof(struct span),                             \
                       "the order of the members changed");                                        \
        &(thing)->checksum_crc32;                                                                  \
    })

#define CHECKSUM_MAX 64 /* bytes of the longest value */

struct span checksum_name(enum CHECKSUM algorithm);   /* CRC32C */
struct span checksum_lower(enum CHECKSUM algorithm);  /* crc32c */
struct span checksum_header(enum CHECKSUM algorithm); /* x-amz-checksum-crc32c */
unsigned checksum_digest(enum CHECKSUM algorithm);    /* its DIGEST bit */
size_t checksum_size(enum CHECKSUM algorithm);        /* bytes */
/* By name as in x-amz-checksum-algorithm, any case; CHECKSUM_NONE when absent or not known. */
enum CHECKSUM checksum_named(struct span name);
struct span checksum_type_name(enum CHECKSUM_TYPE type);
enum CHECKSUM_TYPE checksum_type_named(struct span name);
/* What a client is told that names another algorithm. */
RESULT checksum_refuse_algorithm(struct call *c);
/* Only the CRC of a whole can be had from those of its parts. */
bool checksum_combines(enum CHECKSUM algorithm);
/* The value within what was computed. */
struct span checksum_of(const struct digests *digests, enum CHECKSUM algorithm);

/* What a request says of its body: the one member or trailer that is there. `value` is absent when
 * it comes as a trailer that has not come yet. Refuses several, malformed and unsupported ones. */
RESULT checksum_claimed(struct call *c, const struct span *members, struct span sdk_algorithm,
                        struct checksum *out);
/* The same once the body is complete: the trailer must have come. */
RESULT checksum_complete(struct call *c, struct checksum *claim);
/* Refuses a body whose digest is not the claimed one. */
RESULT checksum_verify(struct call *c, const struct checksum *claim, const struct digests *digests);
/* Content-MD5: malformed before, wrong after the body came. Both accept an absent header. */
RESULT checksum_md5_claimed(struct call *c, struct span content_md5);
RESULT checksum_md5_verify(struct call *c, struct span content_md5, const struct digests *digests);

/*
 * A body that is not an object: its Content-MD5 and, of operations that demand one, its checksum
 * header or trailer. Elsewhere x-amz-checksum-… speaks of the object (CompleteMultipartUpload).
 */
RESULT checksum_check_body(struct call *c, struct span body);

/* Prints the value into the member that belongs to it, "-N" behind it for a composite of N parts.
 */
void checksum_describe(struct call *c, const struct checksum *checksum, uint64_t parts,
                       struct span *members);
/* Reads the member of `algorithm`; absent when it is not there, refuses nothing. */
struct span checksum_member(struct call *c, const struct span *members, enum CHECKSUM algorithm);

/* Puts parts together in order. */
struct checksum_sum {
    enum CHECKSUM algorithm;
    enum CHECKSUM_TYPE type;
    struct digester composite;
    uint64_t crc;
    size_t count;
};
void checksum_sum_init(struct checksum_sum *sum, enum CHECKSUM algorithm, enum CHECKSUM_TYPE type);
void checksum_sum_add(struct checksum_sum *sum, struct span value, uint64_t size);
/* The result in `to`; *ret points into it. */
void checksum_sum_finish(struct checksum_sum *sum, char to[CHECKSUM_MAX], struct span *ret);
