// SPDX-License-Identifier: Apache-2.0
/*
 * Encryption as S3 words it. Texts: "Error responses", "Troubleshoot access denied (403 Forbidden)
 * errors", and what the service was seen to answer to SSE-C requests. Any thread.
 */
#include "services/s3/encryption.h"

#include "auth/identity.h"
#include "base/hash.h"
#include "base/seal.h"
#include "base/text.h"
#include "services/cloud.h"
#include "services/s3/s3.api.h"
#include "store/store.h"

#define MARK S("customer key mark")
#define CUSTOMER_KEYS "Requests specifying Server Side Encryption with Customer provided keys must "

static RESULT refuse_argument(struct call *c, const char *message)
{
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"),
                       S("x-amz-server-side-encryption"), "%s", message);
}

/* ---- what a request asks for ---------------------------------------------------------------- */

static RESULT read_key(struct call *c, struct encryption_headers headers, struct encryption *out)
{
    uint8_t md5[MD5_SIZE];
    struct span key = base64_decode(c->arena, headers.key);
    struct span claimed = base64_decode(c->arena, headers.key_md5);
    if (span_is_absent(headers.key))
        return refuse_argument(c, CUSTOMER_KEYS "provide an appropriate secret key.");
    if (span_is_absent(headers.key_md5))
        return refuse_argument(c, CUSTOMER_KEYS
                               "provide the client calculated MD5 of the secret key.");
    if (!span_is_absent(key))
        md5_of(key, md5);
    if (span_is_absent(key) || !span_eq(claimed, span_of(md5, sizeof md5)))
        return refuse_argument(
            c, "The calculated MD5 hash of the key did not match the hash that was provided.");
    if (key.len != SEAL_KEY_SIZE)
        return refuse_argument(c, "The secret key was invalid for the specified algorithm.");
    struct seal_key *kept = ARENA_NEW(c->arena, struct seal_key);
    memcpy(kept->bytes, key.at, key.len);
    *out = (struct encryption){
        .kind = ENCRYPTION_CUSTOMER, .demanded = true, .key = kept, .key_md5 = headers.key_md5};
    return OK;
}

static RESULT read_customer(struct call *c, struct encryption_headers headers,
                            struct encryption *out)
{
    if (!c->tls)
        return refuse(c, &S3_INVALID_REQUEST, CUSTOMER_KEYS "be made over a secure connection.");
    if (!span_is_absent(headers.method))
        return refuse_argument(c, "Server Side Encryption with Customer provided key is "
                                  "incompatible with the encryption method specified");
    if (span_is_absent(headers.algorithm))
        return refuse_argument(c, CUSTOMER_KEYS "provide a valid encryption algorithm.");
    if (!span_eq(headers.algorithm, S("AES256"))) {
        const struct refusal *refusal = refuse_with(
            c, &S3_INVALID_ENCRYPTION_ALGORITHM_ERROR, S("ArgumentName"),
            S("x-amz-server-side-encryption"),
            "The Encryption request you specified is not valid. Supported value: AES256.");
        return refusal_add(c, refusal, S("ArgumentValue"), headers.algorithm);
    }
    return read_key(c, headers, out);
}

RESULT encryption_read(struct call *c, struct encryption_headers headers, struct encryption *out)
{
    struct span method = header_get(c->request_headers, S("x-amz-server-side-encryption"));
    if (headers.no_method && !span_is_absent(method))
        return refuse_argument(
            c, "x-amz-server-side-encryption header is not supported for this operation.");
    bool customer = !span_is_absent(headers.algorithm) || !span_is_absent(headers.key) ||
                    !span_is_absent(headers.key_md5);
    if (customer)
        return read_customer(c, headers, out);
    *out = (struct encryption){.kind = c->cloud->plain_at_rest ? ENCRYPTION_NONE : ENCRYPTION_S3,
                               .demanded = !span_is_absent(headers.method)};
    bool given = span_eq(headers.method, S("AES256")) && out->kind == ENCRYPTION_S3;
    if (!out->demanded || given)
        return OK;
    /* There is no KMS, or this server was told not to encrypt. */
    return refuse_with(c, &S3_NOT_IMPLEMENTED, S("Header"), S("x-amz-server-side-encryption"),
                       "A header you provided implies functionality that is not implemented");
}

/* ---- objects -------------------------------------------------------------------------------- */

static struct span mark_of(struct call *c, const struct seal_key *key)
{
    struct seal_key mark;
    seal_derive(key, MARK, &mark);
    return arena_copy(c->arena, span_of(mark.bytes, sizeof mark.bytes));
}

static void use(struct place *place, const struct encryption *wish, enum ENCRYPTION kind)
{
    place->index.sealing = kind == ENCRYPTION_NONE ? OBJECT_BYTES_PLAIN : OBJECT_BYTES_SEALED;
    if (kind == ENCRYPTION_CUSTOMER)
        place->index.key = wish->key;
}

RESULT encryption_begin(struct call *c, const struct encryption *wish, struct place *place,
                        struct span key, struct s3_attributes *attributes)
{
    attributes->encryption = wish->kind;
    attributes->key_mark = SPAN_NONE;
    use(place, wish, wish->kind);
    if (wish->kind != ENCRYPTION_CUSTOMER)
        return OK;
    attributes->key_mark = mark_of(c, wish->key);
    if (place->bucket.customer_keys)
        return OK;
    struct span arn = place_arn(c, place->bucket.name, key);
    struct span who = c->caller ? c->caller->arn : S("anonymous");
    return refuse(c, &S3_ACCESS_DENIED,
                  "User: %.*s is not authorized to perform: s3:PutObject on resource: "
                  "\"%.*s\" because this bucket has blocked upload requests that "
                  "specify Server Side Encryption with Customer provided keys (SSE-C). Please "
                  "specify a different server-side encryption type",
                  SPAN_ARG(who), SPAN_ARG(arn));
}

static RESULT refuse_object(struct call *c, const struct encryption *wish, bool needs_key)
{
    if (!needs_key)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The encryption parameters are not applicable to this object.");
    if (!wish->key)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The object was stored using a form of Server Side Encryption. The correct "
                      "parameters must be provided to retrieve the object.");
    return refuse(c, &S3_ACCESS_DENIED, CUSTOMER_KEYS "provide the correct secret key.");
}

static RESULT refuse_upload(struct call *c, const struct encryption *wish, bool needs_key)
{
    if (needs_key && wish->key)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The provided encryption parameters did not match the ones used originally.");
    return refuse(c, &S3_INVALID_REQUEST,
                  "The multipart upload initiate requested encryption. Subsequent part requests "
                  "must include the appropriate encryption parameters.");
}

RESULT encryption_open(struct call *c, const struct encryption *wish, enum ENCRYPTION_OF_WHAT what,
                       const struct s3_attributes *attributes, struct place *place)
{
    bool needs_key = attributes->encryption == ENCRYPTION_CUSTOMER;
    bool fits =
        needs_key ? wish->key && span_eq(mark_of(c, wish->key), attributes->key_mark) : !wish->key;
    if (!fits)
        return what == ENCRYPTION_OF_OBJECT ? refuse_object(c, wish, needs_key)
                                            : refuse_upload(c, wish, needs_key);
    use(place, wish, (enum ENCRYPTION)attributes->encryption);
    return OK;
}

RESULT encryption_share(struct call *c, const struct encryption *wish,
                        const struct content *content, struct s3_attributes *attributes)
{
    size_t sealed = 0;
    for (size_t i = 0; i < content->cut_count; i++)
        sealed += content->cuts[i].extent.sealing.sealed;
    if (attributes->encryption == ENCRYPTION_NONE) {
        if (sealed && sealed == content->cut_count && !content->bytes.len)
            attributes->encryption = ENCRYPTION_S3;
        return OK;
    }
    if (sealed == content->cut_count)
        return OK;
    if (wish->demanded)
        return refuse(c, &S3_NOT_IMPLEMENTED,
                      "A copy shares the bytes of its source, which were stored without "
                      "encryption.");
    attributes->encryption = ENCRYPTION_NONE;
    return OK;
}

struct span encryption_shown(const struct s3_attributes *attributes, enum ENCRYPTION kind)
{
    return attributes->encryption == kind ? S("AES256") : SPAN_NONE;
}

/* ---- of a bucket ---------------------------------------------------------------------------- */

#define NAME_OF(in) ((struct place_name){(in)->bucket, (in)->expected_bucket_owner})

/* What the rule says of SSE-C: absent changes nothing. */
static RESULT read_blocked(struct call *c, const struct s3_server_side_encryption_rule *rule,
                           struct s3_bucket_record *bucket)
{
    const struct s3_blocked_encryption_types *blocked = rule->blocked_encryption_types;
    if (!blocked)
        return OK;
    if (blocked->encryption_type.count != 1)
        return place_refuse_xml(c);
    bucket->customer_keys = span_eq(blocked->encryption_type.at[0], S("NONE"));
    return OK;
}

static RESULT read_default(struct call *c, const struct s3_server_side_encryption_by_default *by)
{
    if (!by)
        return OK;
    bool s3 = span_eq(by->sse_algorithm, S("AES256"));
    if (s3 && !span_is_absent(by->kms_master_key_id))
        return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"),
                           S("ApplyServerSideEncryptionByDefault"),
                           "a KMSMasterKeyID is not applicable if the default sse algorithm is not "
                           "aws:kms or aws:kms:dsse");
    if (s3 && !c->cloud->plain_at_rest)
        return OK;
    return refuse(c, &S3_NOT_IMPLEMENTED,
                  "A header you provided implies functionality that is not implemented");
}

RESULT s3_put_bucket_encryption(struct call *c, const struct s3_put_bucket_encryption_in *in,
                                struct s3_put_bucket_encryption_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_server_side_encryption_configuration *wish =
        in->server_side_encryption_configuration;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (!wish || wish->rules.count != 1)
        return place_refuse_xml(c);
    const struct s3_server_side_encryption_rule *rule = &wish->rules.at[0];
    TRY(read_default(c, rule->apply_server_side_encryption_by_default));
    TRY(read_blocked(c, rule, &bucket));
    bucket.bucket_key = rule->has.bucket_key_enabled && rule->bucket_key_enabled;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_get_bucket_encryption(struct call *c, const struct s3_get_bucket_encryption_in *in,
                                struct s3_get_bucket_encryption_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    if (c->cloud->plain_at_rest && !bucket.customer_keys)
        return refuse_with(c, &S3_SERVER_SIDE_ENCRYPTION_CONFIGURATION_NOT_FOUND_ERROR,
                           S("BucketName"), in->bucket,
                           "The server side encryption configuration was not found");
    struct s3_server_side_encryption_rule *rule =
        ARENA_NEW(c->arena, struct s3_server_side_encryption_rule);
    if (!c->cloud->plain_at_rest) {
        rule->apply_server_side_encryption_by_default =
            ARENA_NEW(c->arena, struct s3_server_side_encryption_by_default);
        rule->apply_server_side_encryption_by_default->sse_algorithm = S("AES256");
    }
    rule->blocked_encryption_types = ARENA_NEW(c->arena, struct s3_blocked_encryption_types);
    rule->blocked_encryption_types->encryption_type.at = ARENA_NEW(c->arena, struct span);
    rule->blocked_encryption_types->encryption_type.at[0] =
        bucket.customer_keys ? S("NONE") : S("SSE-C");
    rule->blocked_encryption_types->encryption_type.count = 1;
    SET(rule, bucket_key_enabled, bucket.bucket_key);
    out->server_side_encryption_configuration =
        ARENA_NEW(c->arena, struct s3_server_side_encryption_configuration);
    out->server_side_encryption_configuration->rules.at = rule;
    out->server_side_encryption_configuration->rules.count = 1;
    return OK;
}

/* Back to the default encryption; what it does to the block of SSE-C is not documented, and the
 * block is no encryption by default. */
RESULT s3_delete_bucket_encryption(struct call *c, const struct s3_delete_bucket_encryption_in *in,
                                   struct s3_delete_bucket_encryption_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, NAME_OF(in), &bucket));
    bucket.bucket_key = false;
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}
