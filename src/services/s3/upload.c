// SPDX-License-Identifier: Apache-2.0
/*
 * Multipart uploads: CreateMultipartUpload, UploadPart, AbortMultipartUpload, and what their
 * neighbours share. An upload belongs to a key, whose lock guards it and its parts. Loop threads
 * and workers.
 */
#include "services/s3/upload.h"

#include "base/text.h"
#include "services/s3/access.h"
#include "services/s3/acl.h"
#include "services/s3/encryption.h"
#include "services/s3/lock.h"
#include "services/s3/s3.api.h"

#include <errno.h>

#define PART_NUMBER_MAX 10000

RESULT upload_refuse_missing(struct call *c, struct span id)
{
    return refuse_with(c, &S3_NO_SUCH_UPLOAD, S("UploadId"), id,
                       "The specified upload does not exist. The upload ID may be invalid, or the "
                       "upload may have been aborted or completed.");
}

bool upload_id_read(struct call *c, struct span text, struct assembly_id *out)
{
    struct span raw = hex_decode(c->arena, text);
    if (raw.len != sizeof out->bytes)
        return false;
    memcpy(out->bytes, raw.at, raw.len);
    return true;
}

struct span upload_id_text(struct call *c, const struct assembly_id *id)
{
    return hex_of(c->arena, span_of(id->bytes, sizeof id->bytes));
}

RESULT upload_need(struct call *c, const struct place *place, struct span key, struct span id,
                   struct upload *out)
{
    if (!upload_id_read(c, id, &out->assembly.id))
        return upload_refuse_missing(c, id);
    int result = assembly_get(&place->index, key, &out->assembly);
    if (result == -ENOENT)
        return upload_refuse_missing(c, id);
    if (result < 0)
        return refuse_errno(c, result, "reading upload %.*s", SPAN_ARG(id));
    TRY(attributes_decode(c, out->assembly.attributes, &out->attributes));
    out->checksum = attributes_checksum(&out->attributes);
    return OK;
}

RESULT upload_check_part_number(struct call *c, int32_t number)
{
    if (number >= 1 && number <= PART_NUMBER_MAX)
        return OK;
    const struct refusal *refusal = refuse_with(
        c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), arena_printf(c->arena, "%d", number),
        "Part number must be an integer between 1 and 10000, inclusive");
    return refusal_add(c, refusal, S("ArgumentName"), S("partNumber"));
}

enum CHECKSUM upload_algorithm(const struct upload *upload)
{
    return upload->checksum.algorithm == CHECKSUM_NONE ? CHECKSUM_CRC64NVME
                                                       : upload->checksum.algorithm;
}

/* ---- CreateMultipartUpload ------------------------------------------------------------------ */

/* Full-object checksums can be combined from the parts' for CRCs only; CRC64NVME knows nothing
 * else. Source: "Checking object integrity", table of checksum types. */
static RESULT read_checksum(struct call *c, const struct s3_create_multipart_upload_in *in,
                            struct checksum *out)
{
    *out = (struct checksum){.algorithm = checksum_named(in->checksum_algorithm),
                             .type = checksum_type_named(in->checksum_type)};
    if (span_is_absent(in->checksum_algorithm)) {
        if (!span_is_absent(in->checksum_type))
            return refuse(c, &S3_INVALID_REQUEST,
                          "The x-amz-checksum-type header can only be used with the "
                          "x-amz-checksum-algorithm header.");
        return OK;
    }
    if (out->algorithm == CHECKSUM_NONE)
        return checksum_refuse_algorithm(c);
    bool only_full = out->algorithm == CHECKSUM_CRC64NVME;
    bool only_composite = !checksum_combines(out->algorithm);
    if (out->type == TYPE_NONE)
        out->type = only_full ? TYPE_FULL_OBJECT : TYPE_COMPOSITE;
    if ((only_full && out->type == TYPE_COMPOSITE) ||
        (only_composite && out->type == TYPE_FULL_OBJECT))
        return refuse(c, &S3_INVALID_REQUEST,
                      "The %.*s checksum type cannot be used with the %.*s checksum algorithm.",
                      SPAN_ARG(checksum_type_name(out->type)),
                      SPAN_ARG(checksum_lower(out->algorithm)));
    return OK;
}

RESULT s3_create_multipart_upload(struct call *c, const struct s3_create_multipart_upload_in *in,
                                  struct s3_create_multipart_upload_out *out)
{
    struct s3_attributes attributes = ATTRIBUTES_OF(in);
    struct checksum checksum;
    struct encryption encryption;
    struct place place;
    TRY(place_check_key(c, in->key));
    TRY(encryption_read(c, ENCRYPTION_OF(in), &encryption));
    TRY(read_checksum(c, in, &checksum));
    TRY(attributes_complete(c, &in->metadata, in->tagging, &attributes));
    TRY(lock_read_headers(c, LOCK_HEADERS_OF(in), &attributes));
    attributes_set_checksum(&attributes, &checksum);
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &place));
    bool by_owner =
        c->caller && c->caller->type == IDENTITY_ROOT && span_eq(c->account, place.bucket.account);
    attributes.initiator = by_owner ? SPAN_NONE : c->caller ? c->caller->arn : ACL_ANONYMOUS;
    if (in->tagging.len)
        TRY(access_require(c, S("s3:PutObjectTagging"), in->bucket, in->key));
    TRY(encryption_begin(c, &encryption, &place, in->key, &attributes));
    TRY(acl_of_new_object(c, &place, in->key, &attributes));
    TRY(lock_check_wish(c, &place, in->key, &attributes));
    struct assembly assembly = {.started_ms = c->now_ms,
                                .attributes = attributes_encode(c, &attributes)};
    int result = assembly_begin(&place.index, in->key, &assembly);
    if (result < 0)
        return refuse_errno(c, result, "beginning an upload of %.*s", SPAN_ARG(in->key));
    out->bucket = in->bucket;
    out->key = in->key;
    out->upload_id = upload_id_text(c, &assembly.id);
    ENCRYPTION_SHOW(&attributes, &encryption, out);
    if (checksum.algorithm != CHECKSUM_NONE) {
        out->checksum_algorithm = checksum_name(checksum.algorithm);
        out->checksum_type = checksum_type_name(checksum.type);
    }
    return OK;
}

/* ---- UploadPart ----------------------------------------------------------------------------- */

/* What the part claims must be what the upload was begun with. */
static RESULT check_claim(struct call *c, const struct checksum *claim, const struct upload *upload)
{
    enum CHECKSUM expected = upload->checksum.algorithm;
    if (claim->algorithm == CHECKSUM_NONE || expected == CHECKSUM_NONE ||
        claim->algorithm == expected)
        return OK;
    return refuse(c, &S3_INVALID_REQUEST,
                  "Checksum Type mismatch occurred, expected checksum Type: %.*s, actual checksum "
                  "Type: %.*s",
                  SPAN_ARG(checksum_lower(expected)), SPAN_ARG(checksum_lower(claim->algorithm)));
}

RESULT s3_upload_part_admit(struct call *c, const struct s3_upload_part_in *in,
                            struct body_plan *plan)
{
    struct checksum claim;
    struct encryption encryption;
    struct place place;
    struct upload upload;
    int64_t len;
    TRY(place_check_headers(c));
    TRY(place_check_key(c, in->key));
    TRY(upload_check_part_number(c, in->part_number));
    TRY(checksum_md5_claimed(c, in->content_md5));
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, &claim));
    TRY(object_check_length(c, in->has.content_length ? in->content_length : 0, &len));
    TRY(place_open(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    TRY(encryption_read(c, ENCRYPTION_READ_OF(in), &encryption));
    TRY(encryption_open(c, &encryption, ENCRYPTION_OF_UPLOAD, &upload.attributes, &place));
    TRY(check_claim(c, &claim, &upload));
    TRY(lock_need_digest(c, &upload.attributes, "Put Part"));
    plan->max_len = OBJECT_BODY_MAX;
    plan->sealed = upload.attributes.encryption != ENCRYPTION_NONE;
    plan->digests = DIGEST_MD5 | checksum_digest(upload_algorithm(&upload));
    if (claim.algorithm != CHECKSUM_NONE)
        plan->digests |= checksum_digest(claim.algorithm);
    return OK;
}

RESULT upload_put_part(struct call *c, const struct place *place, const struct upload *upload,
                       const struct upload_part *part)
{
    struct s3_part_attributes attributes = {
        .etag = part->etag,
        .checksum_algorithm = (uint64_t)upload_algorithm(upload) + 1,
        .checksum = part->checksum,
    };
    struct piece piece = {
        .number = part->number,
        .size = part->content.size,
        .modified_ms = c->now_ms,
        .attributes = attributes_encode_part(c, &attributes),
        .content = part->content,
    };
    int result = piece_put(&place->index, &upload->assembly.id, &piece);
    return result < 0 ? refuse_errno(c, result, "writing part %u", part->number) : OK;
}

RESULT s3_upload_part(struct call *c, const struct s3_upload_part_in *in,
                      struct s3_upload_part_out *out)
{
    struct checksum claim;
    struct encryption encryption;
    struct place place;
    struct upload upload;
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, &claim));
    TRY(checksum_complete(c, &claim));
    TRY(checksum_md5_verify(c, in->content_md5, in->body.digests));
    TRY(checksum_verify(c, &claim, in->body.digests));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    TRY(encryption_read(c, ENCRYPTION_READ_OF(in), &encryption));
    TRY(encryption_open(c, &encryption, ENCRYPTION_OF_UPLOAD, &upload.attributes, &place));
    struct upload_part part = {
        .number = (uint32_t)in->part_number,
        .etag = span_of(in->body.digests->md5, MD5_SIZE),
        .checksum = checksum_of(in->body.digests, upload_algorithm(&upload)),
        .content = object_take_body(c, &in->body),
    };
    TRY(upload_put_part(c, &place, &upload, &part));
    if (claim.algorithm == CHECKSUM_NONE)
        claim.algorithm = upload_algorithm(&upload);
    claim.value = checksum_of(in->body.digests, claim.algorithm);
    ENCRYPTION_SHOW(&upload.attributes, &encryption, out);
    out->etag = attributes_etag(c, part.etag, 0);
    checksum_describe(c, &claim, 0, CHECKSUM_MEMBERS(out));
    return OK;
}

/* ---- AbortMultipartUpload ------------------------------------------------------------------- */

RESULT s3_abort_multipart_upload(struct call *c, const struct s3_abort_multipart_upload_in *in,
                                 struct s3_abort_multipart_upload_out *out)
{
    struct place place;
    struct upload upload;
    TRY(place_check_key(c, in->key));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &place));
    TRY(upload_need(c, &place, in->key, in->upload_id, &upload));
    int result = assembly_drop(&place.index, in->key, &upload.assembly.id);
    return result < 0 ? refuse_errno(c, result, "dropping upload %.*s", SPAN_ARG(in->upload_id))
                      : OK;
}
