// SPDX-License-Identifier: Apache-2.0
/* Version ids, and whether a bucket has versions. Reads on loops, changes on the control thread. */
#include "services/s3/version.h"

#include "base/hash.h"
#include "services/s3/place.h"
#include "services/s3/s3.api.h"

#include <endian.h>

#define RAW_SIZE (MD5_SIZE + 8)
#define ID_SIZE 32

/* base64 with letters that need no escape in a query. */
static const struct span letters =
    S_INIT("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._");

/* The digest of the stamp, and the stamp under a part of it. */
static void scramble(uint64_t stamp, uint8_t raw[RAW_SIZE])
{
    uint64_t mask, plain = htole64(stamp);
    md5_of(span_of(&plain, sizeof plain), raw);
    memcpy(&mask, raw, sizeof mask);
    mask ^= plain;
    memcpy(raw + MD5_SIZE, &mask, sizeof mask);
}

struct span version_id_of_stamp(struct call *c, uint64_t stamp)
{
    uint8_t raw[RAW_SIZE];
    char *id = arena_alloc(c->arena, ID_SIZE), *to = id;
    scramble(stamp, raw);
    for (size_t i = 0; i < RAW_SIZE; i += 3) {
        unsigned group = (unsigned)raw[i] << 16 | (unsigned)raw[i + 1] << 8 | raw[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *to++ = letters.at[group >> shift & 63];
    }
    return span_of(id, ID_SIZE);
}

struct span version_id(struct call *c, const struct object *version)
{
    return version->plain ? S("null") : version_id_of_stamp(c, version->stamp);
}

bool version_id_read(struct span text, struct object_version *out)
{
    uint8_t raw[RAW_SIZE], again[RAW_SIZE];
    uint64_t mask, stamp;
    *out = (struct object_version){.kind = OBJECT_PLAIN};
    if (span_eq(text, S("null")))
        return true;
    if (text.len != ID_SIZE)
        return false;
    for (size_t i = 0; i < ID_SIZE; i += 4) {
        unsigned group = 0;
        for (size_t j = i; j < i + 4; j++) {
            size_t value = span_find_byte(letters, text.at[j]);
            if (value == SPAN_NOT_FOUND)
                return false;
            group = group << 6 | (unsigned)value;
        }
        for (size_t j = 0; j < 3; j++)
            raw[i / 4 * 3 + j] = (uint8_t)(group >> (16 - 8 * j));
    }
    memcpy(&mask, raw, sizeof mask);
    memcpy(&stamp, raw + MD5_SIZE, sizeof stamp);
    stamp = le64toh(stamp ^ mask);
    scramble(stamp, again);
    *out = (struct object_version){.kind = OBJECT_NUMBERED, .stamp = stamp};
    return memcmp(raw, again, RAW_SIZE) == 0;
}

RESULT version_check(struct call *c, struct span id)
{
    struct object_version version;
    if (span_is_absent(id) || version_id_read(id, &version))
        return OK;
    const struct refusal *refusal = refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), id,
                                                "Invalid version id specified");
    return refusal_add(c, refusal, S("ArgumentName"), S("versionId"));
}

enum OBJECT_KEEPING version_keeping(uint64_t versioning)
{
    static const enum OBJECT_KEEPING keeping[] = {
        [VERSIONING_NONE] = OBJECT_KEEPS_ONE,
        [VERSIONING_ENABLED] = OBJECT_KEEPS_ALL,
        [VERSIONING_SUSPENDED] = OBJECT_KEEPS_NUMBERED,
    };
    return versioning < ARRAY_LEN(keeping) ? keeping[versioning] : OBJECT_KEEPS_ALL;
}

/* ---- of buckets ----------------------------------------------------------------------------- */

static const struct span statuses[] = {
    [VERSIONING_ENABLED] = S_INIT("Enabled"),
    [VERSIONING_SUSPENDED] = S_INIT("Suspended"),
};

RESULT s3_get_bucket_versioning(struct call *c, const struct s3_get_bucket_versioning_in *in,
                                struct s3_get_bucket_versioning_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (bucket.versioning && bucket.versioning < ARRAY_LEN(statuses))
        out->status = statuses[bucket.versioning];
    return OK;
}

RESULT s3_put_bucket_versioning(struct call *c, const struct s3_put_bucket_versioning_in *in,
                                struct s3_put_bucket_versioning_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_versioning_configuration *wish = in->versioning_configuration;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (wish && span_eq(wish->mfa_delete, S("Enabled"))) /* there are no MFA devices to ask */
        return refuse(c, &S3_ACCESS_DENIED, "Mfa Authentication must be used for this request");
    if (!wish || span_is_absent(wish->status))
        return refuse(c, &S3_ILLEGAL_VERSIONING_CONFIGURATION_EXCEPTION,
                      "The Versioning element must be specified");
    if (bucket.locks && !span_eq(wish->status, statuses[VERSIONING_ENABLED]))
        return refuse(c, &S3_INVALID_BUCKET_STATE,
                      "An Object Lock configuration is present on this bucket, so the versioning "
                      "state cannot be changed.");
    bucket.versioning = span_eq(wish->status, statuses[VERSIONING_ENABLED]) ? VERSIONING_ENABLED
                                                                            : VERSIONING_SUSPENDED;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}
