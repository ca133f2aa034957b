// SPDX-License-Identifier: Apache-2.0
/*
 * Checksums of S3 requests, driven by one table. A composite checksum digests the parts' digests; a
 * full-object one of CRC type is combined from the parts' without reading them again. Any thread.
 */
#include "services/s3/checksum.h"

#include "base/text.h"
#include "services/s3/s3.api.h"

struct kind {
    struct span name, lower, header;
    unsigned digest;
    uint16_t size;   /* bytes */
    uint16_t offset; /* in struct digests */
};

#define KIND(upper, small, bit, length, member)                                                    \
    {                                                                                              \
        S_INIT(upper), S_INIT(small), S_INIT("x-amz-checksum-" small), bit, length,                \
            offsetof(struct digests, member)                                                       \
    }
static const struct kind kinds[CHECKSUM_COUNT] = {
    [CHECKSUM_CRC32] = KIND("CRC32", "crc32", DIGEST_CRC32, 4, crc32),
    [CHECKSUM_CRC32C] = KIND("CRC32C", "crc32c", DIGEST_CRC32C, 4, crc32c),
    [CHECKSUM_CRC64NVME] = KIND("CRC64NVME", "crc64nvme", DIGEST_CRC64NVME, 8, crc64nvme),
    [CHECKSUM_SHA1] = KIND("SHA1", "sha1", DIGEST_SHA1, 20, sha1),
    [CHECKSUM_SHA256] = KIND("SHA256", "sha256", DIGEST_SHA256, 32, sha256),
    [CHECKSUM_SHA512] = KIND("SHA512", "sha512", DIGEST_SHA512, SHA512_SIZE, sha512),
    [CHECKSUM_MD5] = KIND("MD5", "md5", DIGEST_MD5, MD5_SIZE, md5),
    [CHECKSUM_XXHASH64] = KIND("XXHASH64", "xxhash64", DIGEST_XXH64, XXH64_SIZE, xxh64),
    [CHECKSUM_XXHASH3] = KIND("XXHASH3", "xxhash3", DIGEST_XXH3, XXH64_SIZE, xxh3),
    [CHECKSUM_XXHASH128] = KIND("XXHASH128", "xxhash128", DIGEST_XXH128, XXH128_SIZE, xxh128),
};

static const struct span type_names[] = {
    [TYPE_NONE] = {NULL, 0},
    [TYPE_COMPOSITE] = S_INIT("COMPOSITE"),
    [TYPE_FULL_OBJECT] = S_INIT("FULL_OBJECT"),
};

struct span checksum_name(enum CHECKSUM algorithm)
{
    return kinds[algorithm].name;
}

struct span checksum_lower(enum CHECKSUM algorithm)
{
    return kinds[algorithm].lower;
}

struct span checksum_header(enum CHECKSUM algorithm)
{
    return kinds[algorithm].header;
}

unsigned checksum_digest(enum CHECKSUM algorithm)
{
    return algorithm < CHECKSUM_COUNT ? kinds[algorithm].digest : 0;
}

size_t checksum_size(enum CHECKSUM algorithm)
{
    return algorithm < CHECKSUM_COUNT ? kinds[algorithm].size : 0;
}

bool checksum_combines(enum CHECKSUM algorithm)
{
    return algorithm <= CHECKSUM_CRC64NVME;
}

enum CHECKSUM checksum_named(struct span name)
{
    size_t at = 0;
    while (at < CHECKSUM_COUNT && !span_eq_nocase(kinds[at].name, name))
        at++;
    return (enum CHECKSUM)at;
}

struct span checksum_type_name(enum CHECKSUM_TYPE type)
{
    return type_names[type];
}

enum CHECKSUM_TYPE checksum_type_named(struct span name)
{
    return span_eq(name, type_names[TYPE_COMPOSITE])     ? TYPE_COMPOSITE
           : span_eq(name, type_names[TYPE_FULL_OBJECT]) ? TYPE_FULL_OBJECT
                                                         : TYPE_NONE;
}

struct span checksum_of(const struct digests *digests, enum CHECKSUM algorithm)
{
    if (algorithm >= CHECKSUM_COUNT || !(digests->have & kinds[algorithm].digest))
        return SPAN_NONE;
    return span_of((const char *)digests + kinds[algorithm].offset, kinds[algorithm].size);
}

RESULT checksum_refuse_algorithm(struct call *c)
{
    return refuse(c, &S3_INVALID_REQUEST,
                  "Checksum algorithm provided is unsupported. Please try again with any of the "
                  "valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256, SHA512, MD5, XXHASH64, "
                  "XXHASH3, XXHASH128]");
}

/* Decodes the text of a value; refuses one of another length than the algorithm's. */
static RESULT read_value(struct call *c, enum CHECKSUM algorithm, struct span text,
                         struct span *out)
{
    *out = base64_decode(c->arena, text);
    if (span_is_absent(*out) || out->len != kinds[algorithm].size)
        return refuse(c, &S3_INVALID_REQUEST, "Value for %.*s header is invalid.",
                      SPAN_ARG(kinds[algorithm].header));
    return OK;
}

/* Which checksum the x-amz-trailer header announces. */
static RESULT read_trailer(struct call *c, enum CHECKSUM *out)
{
    struct span rest = header_get(c->request_headers, S("x-amz-trailer"));
    *out = CHECKSUM_NONE;
    while (!span_is_absent(rest)) {
        struct span name = span_trim(span_cut(&rest, ','));
        size_t at = 0;
        while (at < CHECKSUM_COUNT && !span_eq_nocase(kinds[at].header, name))
            at++;
        if (at == CHECKSUM_COUNT || *out != CHECKSUM_NONE)
            return refuse(c, &S3_INVALID_REQUEST,
                          "The value specified in the x-amz-trailer header is not supported");
        *out = (enum CHECKSUM)at;
    }
    return OK;
}

/* x-amz-sdk-checksum-algorithm has to agree with what is there. */
static RESULT check_sdk_algorithm(struct call *c, struct span sdk_algorithm, enum CHECKSUM found)
{
    if (span_is_absent(sdk_algorithm))
        return OK;
    if (found == CHECKSUM_NONE)
        return refuse(c, &S3_INVALID_REQUEST,
                      "x-amz-sdk-checksum-algorithm specified, but no corresponding "
                      "x-amz-checksum-* or x-amz-trailer headers were found.");
    if (checksum_named(sdk_algorithm) != found)
        return refuse(c, &S3_INVALID_REQUEST,
                      "Value for x-amz-sdk-checksum-algorithm header is invalid.");
    return OK;
}

RESULT checksum_claimed(struct call *c, const struct span *members, struct span sdk_algorithm,
                        struct checksum *out)
{
    *out = (struct checksum){.algorithm = CHECKSUM_NONE, .type = TYPE_FULL_OBJECT};
    TRY(read_trailer(c, &out->algorithm));
    for (unsigned at = 0; at < CHECKSUM_COUNT; at++) {
        if (span_is_absent(members[at]))
            continue;
        if (out->algorithm != CHECKSUM_NONE)
            return refuse(c, &S3_INVALID_REQUEST,
                          "Expecting a single x-amz-checksum- header. Multiple checksum Types are "
                          "not allowed.");
        out->algorithm = (enum CHECKSUM)at;
        TRY(read_value(c, out->algorithm, members[at], &out->value));
    }
    return check_sdk_algorithm(c, sdk_algorithm, out->algorithm);
}

RESULT checksum_complete(struct call *c, struct checksum *claim)
{
    if (claim->algorithm == CHECKSUM_NONE || !span_is_absent(claim->value))
        return OK;
    struct span text = header_get(c->request_headers, kinds[claim->algorithm].header);
    if (span_is_absent(text))
        return refuse(c, &S3_MALFORMED_TRAILER_ERROR,
                      "The request contained trailing data that was not well-formed or did not "
                      "conform to our published schema.");
    return read_value(c, claim->algorithm, text, &claim->value);
}

RESULT checksum_verify(struct call *c, const struct checksum *claim, const struct digests *digests)
{
    if (span_is_absent(claim->value) ||
        span_eq(claim->value, checksum_of(digests, claim->algorithm)))
        return OK;
    return refuse(c, &S3_BAD_DIGEST,
                  "The %.*s you specified did not match the calculated checksum.",
                  SPAN_ARG(kinds[claim->algorithm].name));
}

/* Base64, or hex as some old clients send it. */
static struct span md5_value(struct call *c, struct span text)
{
    struct span value =
        text.len == 2 * MD5_SIZE ? hex_decode(c->arena, text) : base64_decode(c->arena, text);
    return value.len == MD5_SIZE ? value : SPAN_NONE;
}

RESULT checksum_md5_claimed(struct call *c, struct span content_md5)
{
    if (span_is_absent(content_md5) || !span_is_absent(md5_value(c, content_md5)))
        return OK;
    return refuse_with(c, &S3_INVALID_DIGEST, S("Content-MD5"), content_md5,
                       "The Content-MD5 you specified was invalid.");
}

RESULT checksum_md5_verify(struct call *c, struct span content_md5, const struct digests *digests)
{
    struct span computed = span_of(digests->md5, MD5_SIZE);
    if (span_is_absent(content_md5) || span_eq(md5_value(c, content_md5), computed))
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_BAD_DIGEST, S("ExpectedDigest"), content_md5,
                    "The Content-MD5 you specified did not match what we received.");
    return refusal_add(c, refusal, S("CalculatedDigest"), base64_of(c->arena, computed));
}

/* What the headers claim of a body whose operation demands a checksum. */
static RESULT claim_of_headers(struct call *c, struct span content_md5, struct checksum *out)
{
    struct span members[CHECKSUM_COUNT];
    struct span sdk_algorithm = header_get(c->request_headers, S("x-amz-sdk-checksum-algorithm"));
    for (size_t i = 0; i < CHECKSUM_COUNT; i++)
        members[i] = header_get(c->request_headers, kinds[i].header);
    TRY(checksum_claimed(c, members, sdk_algorithm, out));
    TRY(checksum_complete(c, out));
    if (out->algorithm == CHECKSUM_NONE && span_is_absent(content_md5))
        return refuse(c, &S3_INVALID_REQUEST,
                      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*");
    return OK;
}

/* The model wants a checksum of access control lists, too, but S3 takes them without, as s3cmd and
 * other old clients send them. */
static bool is_demanded(const struct call *c)
{
    struct span name = c->operation ? service_text(c->service, c->operation->name) : SPAN_NONE;
    return c->operation && c->operation->checksum_required && !span_ends(name, S("Acl"));
}

RESULT checksum_check_body(struct call *c, struct span body)
{
    struct span content_md5 = header_get(c->request_headers, S("content-md5"));
    struct checksum claim = {.algorithm = CHECKSUM_NONE};
    bool demanded = is_demanded(c);
    if (!demanded && span_is_absent(content_md5))
        return OK;
    TRY(checksum_md5_claimed(c, content_md5));
    if (demanded)
        TRY(claim_of_headers(c, content_md5, &claim));
    struct digester digester;
    struct digests digests;
    digester_init(&digester, DIGEST_MD5 | checksum_digest(claim.algorithm));
    digester_feed(&digester, body);
    digester_finish(&digester, &digests);
    TRY(checksum_md5_verify(c, content_md5, &digests));
    return checksum_verify(c, &claim, &digests);
}

void checksum_describe(struct call *c, const struct checksum *checksum, uint64_t parts,
                       struct span *members)
{
    if (checksum->algorithm >= CHECKSUM_COUNT || span_is_absent(checksum->value))
        return;
    struct span text = base64_of(c->arena, checksum->value);
    if (checksum->type == TYPE_COMPOSITE && parts)
        text = arena_printf(c->arena, "%.*s-%llu", SPAN_ARG(text), (unsigned long long)parts);
    members[checksum->algorithm] = text;
}

struct span checksum_member(struct call *c, const struct span *members, enum CHECKSUM algorithm)
{
    if (algorithm >= CHECKSUM_COUNT || span_is_absent(members[algorithm]))
        return SPAN_NONE;
    struct span value = base64_decode(c->arena, members[algorithm]);
    return span_is_absent(value) ? S("") : value; /* present, and equal to no checksum */
}

void checksum_sum_init(struct checksum_sum *sum, enum CHECKSUM algorithm, enum CHECKSUM_TYPE type)
{
    *sum = (struct checksum_sum){.algorithm = algorithm, .type = type};
    if (type == TYPE_COMPOSITE)
        digester_init(&sum->composite, checksum_digest(algorithm));
}

static uint64_t big_endian(struct span bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++)
        value = value << 8 | (uint8_t)bytes.at[i];
    return value;
}

void checksum_sum_add(struct checksum_sum *sum, struct span value, uint64_t size)
{
    sum->count++;
    if (sum->type == TYPE_COMPOSITE) {
        digester_feed(&sum->composite, value);
        return;
    }
    uint64_t crc = big_endian(value);
    if (sum->algorithm == CHECKSUM_CRC64NVME)
        sum->crc = crc64nvme_combine(sum->crc, crc, size);
    else if (sum->algorithm == CHECKSUM_CRC32)
        sum->crc = crc32_combine((uint32_t)sum->crc, (uint32_t)crc, size);
    else
        sum->crc = crc32c_combine((uint32_t)sum->crc, (uint32_t)crc, size);
}

void checksum_sum_finish(struct checksum_sum *sum, char to[CHECKSUM_MAX], struct span *ret)
{
    size_t size = checksum_size(sum->algorithm);
    if (sum->type == TYPE_COMPOSITE) {
        struct digests digests = {.have = 0};
        digester_finish(&sum->composite, &digests);
        memcpy(to, checksum_of(&digests, sum->algorithm).at, size);
    } else {
        for (size_t i = 0; i < size; i++)
            to[i] = (char)(sum->crc >> (8 * (size - 1 - i)));
    }
    *ret = span_of(to, size);
}
