// SPDX-License-Identifier: Apache-2.0
/*
 * Opens buckets for calls and refuses what no bucket gives. Locks come before the bucket's record
 * is read, so that a deletion that holds all of the bucket's locks cannot slip in between. Any
 * thread.
 */
#include "services/s3/place.h"

#include "base/hash.h"
#include "base/text.h"
#include "services/cloud.h"
#include "services/s3/access.h"
#include "services/s3/background.h"
#include "services/s3/s3.api.h"
#include "services/s3/version.h"
#include "store/store.h"

/* Headers of what is not built, with the one value that asks for nothing more than is there. */
struct unbuilt {
    struct span header, harmless;
};

#define UNBUILT(name, value)                                                                       \
    {                                                                                              \
        S_INIT("x-amz-" name), S_INIT(value)                                                       \
    }

static const struct unbuilt unbuilt[] = {
    UNBUILT("bucket-namespace", "global"),
    UNBUILT("if-match-initiated-time", ""),
    UNBUILT("if-match-last-modified-time", ""),
    UNBUILT("if-match-size", ""),
    UNBUILT("mfa", ""),
    UNBUILT("object-lock-event-hold", ""),
    UNBUILT("object-lock-event-hold-duration-days", ""),
    UNBUILT("object-lock-event-hold-duration-years", ""),
    UNBUILT("server-side-encryption-aws-kms-key-id", ""),
    UNBUILT("server-side-encryption-bucket-key-enabled", "false"),
    UNBUILT("server-side-encryption-context", ""),
    UNBUILT("write-offset-bytes", ""),
};

static bool asks_too_much(struct header header)
{
    for (size_t i = 0; i < ARRAY_LEN(unbuilt); i++)
        if (span_eq(header.name, unbuilt[i].header))
            return !span_eq(header.value, unbuilt[i].harmless);
    return false;
}

RESULT place_check_headers(struct call *c)
{
    for (size_t i = 0; i < c->request_headers.count; i++) {
        struct header header = c->request_headers.at[i];
        if (span_starts(header.name, S("x-amz-")) && asks_too_much(header))
            return refuse_with(c, &S3_NOT_IMPLEMENTED, S("Header"), header.name,
                               "A header you provided implies functionality that is not "
                               "implemented");
    }
    return OK;
}

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_ip_address(struct span name)
{
    struct span rest = name;
    int groups = 0;
    while (!span_is_absent(rest)) {
        uint64_t number;
        struct span group = span_cut(&rest, '.');
        if (group.len > 3 || !span_to_u64(group, &number))
            return false;
        groups++;
    }
    return groups == 4;
}

/* Source: "Bucket naming rules". */
bool place_name_is_valid(struct span name)
{
    static const struct span prefixes[] = {S_INIT("xn--"), S_INIT("sthree-"),
                                           S_INIT("amzn-s3-demo-")};
    static const struct span suffixes[] = {S_INIT("-s3alias"), S_INIT("--ol-s3"), S_INIT(".mrap"),
                                           S_INIT("--x-s3"), S_INIT("--table-s3")};
    if (name.len < 3 || name.len > 63 || !is_name_byte(name.at[0]) ||
        !is_name_byte(name.at[name.len - 1]) || is_ip_address(name))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte(name.at[i]) && name.at[i] != '.' && name.at[i] != '-')
            return false;
        if (name.at[i] == '.' && name.at[i - 1] == '.')
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
        if (span_starts(name, prefixes[i]))
            return false;
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++)
        if (span_ends(name, suffixes[i]))
            return false;
    return true;
}

RESULT place_refuse_name(struct call *c, struct span name)
{
    return refuse_with(c, &S3_INVALID_BUCKET_NAME, S("BucketName"), name,
                       "The specified bucket is not valid.");
}

RESULT place_refuse_missing(struct call *c, struct span name)
{
    return refuse_with(c, &S3_NO_SUCH_BUCKET, S("BucketName"), name,
                       "The specified bucket does not exist");
}

RESULT place_refuse_xml(struct call *c)
{
    return refuse(c, &S3_MALFORMED_XML,
                  "The XML you provided was not well-formed or did not validate against our "
                  "published schema");
}

static RESULT check_expected_owner(struct call *c, struct span expected, struct span account)
{
    uint64_t number;
    if (span_is_absent(expected))
        return OK;
    if (expected.len != 12 || !span_to_u64(expected, &number))
        return refuse(c, &S3_INVALID_BUCKET_OWNER_AWS_ACCOUNT_ID,
                      "The value of the expected bucket owner parameter must be an AWS Account "
                      "ID... [%.*s]",
                      SPAN_ARG(expected));
    if (!span_eq(expected, account))
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    return OK;
}

RESULT place_open_in(struct call *c, struct txn *txn, struct place_name name, struct place *out)
{
    TRY(access_find_bucket(c, txn, name.bucket, &out->bucket));
    TRY(check_expected_owner(c, name.expected_owner, out->bucket.account));
    out->index = (struct object_bucket){.txn = txn,
                                        .arena = c->arena,
                                        .id = out->bucket.id,
                                        .key = store_master_key(txn_store(txn)),
                                        .sealing = c->cloud->plain_at_rest ? OBJECT_BYTES_PLAIN
                                                                           : OBJECT_BYTES_SEALED,
                                        .keeping = version_keeping(out->bucket.versioning),
                                        .watcher = background_watcher(c->cloud)};
    return OK;
}

struct object_bucket place_own_index(const struct place *place)
{
    struct object_bucket index = place->index;
    index.key = store_master_key(txn_store(index.txn));
    return index;
}

RESULT place_open(struct call *c, struct place_name name, struct place *out)
{
    TRY(place_check_headers(c));
    return place_open_in(c, c->txn, name, out);
}

RESULT place_open_locked(struct call *c, struct place_name name, const struct span *keys,
                         size_t key_count, struct place *out)
{
    struct object_key *locks = ARENA_ARRAY(c->arena, struct object_key, key_count);
    for (size_t i = 0; i < key_count; i++)
        locks[i] = (struct object_key){name.bucket, keys[i]};
    object_lock(c->txn, locks, key_count);
    return place_open(c, name, out);
}

RESULT place_record(struct call *c, struct place_name name, struct s3_bucket_record *out)
{
    struct place place;
    TRY(place_open(c, name, &place));
    *out = place.bucket;
    return OK;
}

RESULT place_check_key(struct call *c, struct span key)
{
    if (key.len <= OBJECT_NAME_MAX)
        return OK;
    const struct refusal *refusal = refuse_with(c, &S3_KEY_TOO_LONG_ERROR, S("MaxSizeAllowed"),
                                                S("1024"), "Your key is too long");
    return refusal_add(c, refusal, S("Size"), arena_printf(c->arena, "%zu", key.len));
}

struct span place_owner_id(struct call *c, struct span account)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(account, digest);
    return hex_of(c->arena, span_of(digest, sizeof digest));
}

struct span place_arn(struct call *c, struct span bucket, struct span key)
{
    return arena_printf(c->arena, "arn:aws:s3:::%.*s%s%.*s", SPAN_ARG(bucket), key.len ? "/" : "",
                        SPAN_ARG(key));
}

/* Source: GetObject, "Permissions": 404 tells whether a key exists, so it takes s3:ListBucket. */
RESULT place_refuse_key(struct call *c, const struct place *place, struct span key)
{
    if (access_require(c, S("s3:ListBucket"), place->bucket.name, SPAN_NONE) != OK)
        return refuse(c, &S3_ACCESS_DENIED, "Access Denied");
    return refuse_with(c, &S3_NO_SUCH_KEY, S("Key"), key, "The specified key does not exist.");
}
