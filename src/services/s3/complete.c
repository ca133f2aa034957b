// SPDX-License-Identifier: Apache-2.0
/*
 * CompleteMultipartUpload: checks the list of parts against what came, in S3's order of complaints,
 * and makes them one object in one transaction. No byte is read again: the ETag is the digest of
 * the parts' digests, and checksums are combined. Sources: CompleteMultipartUpload, "Checking
 * object integrity". Worker.
 */
#include "services/s3/encryption.h"
#include "services/s3/lifecycle.h"
#include "services/s3/lock.h"
#include "services/s3/s3.api.h"
#include "services/s3/upload.h"

#include <errno.h>

/* One part as the list names it. */
struct chosen {
    const struct s3_completed_part *named;
    const struct piece *piece; /* NULL: never came */
    struct s3_part_attributes kept;
};

struct completion {
    struct call *c;
    const struct s3_complete_multipart_upload_in *in;
    struct place place;
    struct upload upload;
    struct chosen *chosen;
    uint32_t *numbers;
    size_t count;
    uint64_t size;
    struct checksum checksum; /* of the object */
    uint8_t etag[MD5_SIZE];
    char checksum_bytes[CHECKSUM_MAX];
};

static struct span unquoted(struct span etag)
{
    if (etag.len >= 2 && etag.at[0] == '"' && etag.at[etag.len - 1] == '"')
        return span_of(etag.at + 1, etag.len - 2);
    return etag;
}

/* ---- the list by itself --------------------------------------------------------------------- */

static RESULT read_list(struct completion *done)
{
    struct call *c = done->c;
    const struct s3_completed_multipart_upload *list = done->in->multipart_upload;
    if (!list || list->parts.count == 0)
        return refuse(c, &S3_INVALID_REQUEST, "You must specify at least one part");
    if (list->parts.count > OBJECT_PIECES_MAX)
        return refuse(c, &S3_MALFORMED_XML,
                      "The XML you provided was not well-formed or did not validate against our "
                      "published schema");
    done->count = list->parts.count;
    done->chosen = ARENA_ARRAY(c->arena, struct chosen, done->count);
    done->numbers = ARENA_ARRAY(c->arena, uint32_t, done->count);
    int32_t last = 0;
    for (size_t i = 0; i < done->count; i++) {
        const struct s3_completed_part *part = &list->parts.at[i];
        TRY(upload_check_part_number(c, part->has.part_number ? part->part_number : 0));
        if (part->part_number <= last)
            return refuse_with(c, &S3_INVALID_PART_ORDER, S("UploadId"), done->in->upload_id,
                               "The list of parts was not in ascending order. Parts must be "
                               "ordered by part number.");
        last = part->part_number;
        done->numbers[i] = (uint32_t)last;
        done->chosen[i].named = part;
    }
    return OK;
}

static RESULT check_mode(struct completion *done)
{
    struct span asked = done->in->checksum_type;
    enum CHECKSUM_TYPE type = done->upload.checksum.type;
    if (span_is_absent(asked) || span_eq(asked, checksum_type_name(type)))
        return OK;
    struct span mode = type == TYPE_NONE ? S("null") : checksum_type_name(type);
    return refuse(done->c, &S3_INVALID_REQUEST,
                  "The upload was created using the %.*s checksum mode. The complete request must "
                  "use the same checksum mode.",
                  SPAN_ARG(mode));
}

/* ---- the parts that came -------------------------------------------------------------------- */

static int match_piece(void *user, const struct piece *piece)
{
    struct completion *done = user;
    for (size_t low = 0, high = done->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (done->numbers[middle] == piece->number) {
            struct piece *copy = ARENA_NEW(done->c->arena, struct piece);
            *copy = *piece;
            done->chosen[middle].piece = copy;
            return 0;
        }
        if (done->numbers[middle] < piece->number)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

static RESULT refuse_part(struct completion *done, const struct s3_completed_part *part)
{
    struct call *c = done->c;
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_PART, S("ETag"), unquoted(part->etag),
                    "One or more of the specified parts could not be found.  The part may not have "
                    "been uploaded, or the specified entity tag may not match the part's entity "
                    "tag.");
    refusal =
        refusal_add(c, refusal, S("PartNumber"), arena_printf(c->arena, "%d", part->part_number));
    return refusal_add(c, refusal, S("UploadId"), done->in->upload_id);
}

/* The checksums that the list gives for a part: where none was chosen, that which S3 added and told
 * is taken back. */
static RESULT check_part_checksum(struct completion *done, const struct chosen *chosen)
{
    struct call *c = done->c;
    const struct s3_completed_part *part = chosen->named;
    const struct span *members = CHECKSUM_MEMBERS(part);
    enum CHECKSUM expected = upload_algorithm(&done->upload);
    for (unsigned at = 0; at < CHECKSUM_COUNT; at++) {
        if (span_is_absent(members[at]) || at == (unsigned)expected)
            continue;
        if (done->upload.checksum.algorithm == CHECKSUM_NONE)
            return refuse_part(done, part);
        return refuse(c, &S3_BAD_DIGEST,
                      "The %.*s you specified for part %d did not match what we received.",
                      SPAN_ARG(checksum_lower((enum CHECKSUM)at)), part->part_number);
    }
    struct span value = checksum_member(c, members, expected);
    if (!span_is_absent(value) && !span_eq(value, chosen->kept.checksum))
        return refuse_part(done, part);
    if (span_is_absent(value) && done->upload.checksum.type == TYPE_COMPOSITE)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The upload was created using a %.*s checksum. The complete request must "
                      "include the checksum for each part. It was missing for part %d in the "
                      "request.",
                      SPAN_ARG(checksum_lower(expected)), part->part_number);
    return OK;
}

static RESULT check_part(struct completion *done, struct chosen *chosen)
{
    struct call *c = done->c;
    const struct s3_completed_part *part = chosen->named;
    if (!chosen->piece)
        return refuse_part(done, part);
    TRY(attributes_decode_part(c, chosen->piece->attributes, &chosen->kept));
    struct span etag = attributes_etag(c, chosen->kept.etag, 0);
    if (!span_eq(unquoted(part->etag), unquoted(etag)))
        return refuse_part(done, part);
    return check_part_checksum(done, chosen);
}

static RESULT check_size(struct completion *done, const struct chosen *chosen)
{
    struct call *c = done->c;
    if (chosen->piece->size >= UPLOAD_PART_MIN)
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_ENTITY_TOO_SMALL, S("ETag"), unquoted(chosen->named->etag),
                    "Your proposed upload is smaller than the minimum allowed size");
    refusal = refusal_add(c, refusal, S("MinSizeAllowed"), S("5242880"));
    refusal = refusal_add(c, refusal, S("PartNumber"),
                          arena_printf(c->arena, "%d", chosen->named->part_number));
    return refusal_add(c, refusal, S("ProposedSize"),
                       arena_printf(c->arena, "%llu", (unsigned long long)chosen->piece->size));
}

static RESULT check_parts(struct completion *done)
{
    int result = piece_each(&done->place.index, &done->upload.assembly.id, 0, match_piece, done);
    if (result < 0)
        return refuse_errno(done->c, result, "reading the parts of an upload");
    for (size_t i = 0; i < done->count; i++)
        TRY(check_part(done, &done->chosen[i]));
    for (size_t i = 0; i + 1 < done->count; i++)
        TRY(check_size(done, &done->chosen[i]));
    return OK;
}

/* ---- the object they make ------------------------------------------------------------------- */

static void sum_up(struct completion *done)
{
    struct checksum_sum sum;
    MD5_CTX md5;
    enum CHECKSUM_TYPE type = done->upload.checksum.type;
    done->checksum.algorithm = upload_algorithm(&done->upload);
    done->checksum.type = type == TYPE_NONE ? TYPE_FULL_OBJECT : type;
    checksum_sum_init(&sum, done->checksum.algorithm, done->checksum.type);
    MD5_Init(&md5);
    for (size_t i = 0; i < done->count; i++) {
        const struct chosen *chosen = &done->chosen[i];
        MD5_Update(&md5, chosen->kept.etag.at, chosen->kept.etag.len);
        checksum_sum_add(&sum, chosen->kept.checksum, chosen->piece->size);
        done->size += chosen->piece->size;
    }
    MD5_Final(done->etag, &md5);
    checksum_sum_finish(&sum, done->checksum_bytes, &done->checksum.value);
}

/* What the request says of the whole object. */
static RESULT check_whole(struct completion *done)
{
    struct call *c = done->c;
    const struct s3_complete_multipart_upload_in *in = done->in;
    const struct span *members = CHECKSUM_MEMBERS(in);
    if (in->has.mpu_object_size && in->mpu_object_size != (int64_t)done->size)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The provided 'x-amz-mp-object-size' header value %lld does not match what "
                      "was computed: %llu",
                      (long long)in->mpu_object_size, (unsigned long long)done->size);
    for (unsigned at = 0; at < CHECKSUM_COUNT; at++) {
        enum CHECKSUM algorithm = (enum CHECKSUM)at;
        struct span value = members[at];
        size_t dash = span_find_byte(value, '-');
        if (span_is_absent(value))
            continue;
        struct span digest = dash == SPAN_NOT_FOUND ? value : span_first(value, dash);
        struct span one[CHECKSUM_COUNT] = {[0] = SPAN_NONE};
        one[at] = digest;
        if (algorithm != done->checksum.algorithm ||
            !span_eq(checksum_member(c, one, algorithm), done->checksum.value))
            return refuse(c, &S3_BAD_DIGEST,
                          "The %.*s you specified did not match the calculated checksum.",
                          SPAN_ARG(checksum_lower(algorithm)));
    }
    return OK;
}

/* Conditions, and S3's rule that what was written or deleted since the upload began is a conflict.
 */
static RESULT check_conditions(struct completion *done, const struct object_found *old)
{
    struct call *c = done->c;
    const struct s3_complete_multipart_upload_in *in = done->in;
    const struct assembly *assembly = &done->upload.assembly;
    TRY(condition_write(c, in->if_match, in->if_none_match, in->key, old ? old->etag : SPAN_NONE));
    bool replaced = !span_is_absent(in->if_match) && old->object.stamp > assembly->stamp;
    bool deleted = !span_is_absent(in->if_none_match) && assembly->disturbed;
    if (!replaced && !deleted)
        return OK;
    const struct refusal *refusal =
        refuse_with(c, &S3_CONDITIONAL_REQUEST_CONFLICT, S("Condition"),
                    replaced ? S("If-Match") : S("If-None-Match"),
                    "The conditional request cannot succeed due to a conflicting operation against "
                    "this resource.");
    return refusal_add(c, refusal, S("Key"), in->key);
}

static struct span location(struct call *c, struct span bucket, struct span key)
{
    bool virtual_host =
        c->host.len > bucket.len && span_starts(c->host, bucket) && c->host.at[bucket.len] == '.';
    return arena_printf(c->arena, "%s://%.*s/%.*s%s%.*s", c->tls ? "https" : "http",
                        SPAN_ARG(c->host), virtual_host ? 0 : (int)bucket.len, bucket.at,
                        virtual_host ? "" : "/", SPAN_ARG(key));
}

static void describe(struct completion *done, const struct s3_attributes *attributes,
                     struct s3_complete_multipart_upload_out *out)
{
    struct call *c = done->c;
    struct checksum checksum = attributes_checksum(attributes);
    out->bucket = done->in->bucket;
    out->key = done->in->key;
    out->location = location(c, done->in->bucket, done->in->key);
    out->etag = attributes_etag(c, attributes->etag, attributes->parts);
    out->server_side_encryption = encryption_shown(attributes, ENCRYPTION_S3);
    out->checksum_type = checksum_type_name(checksum.type);
    checksum_describe(c, &checksum, attributes->parts, CHECKSUM_MEMBERS(out));
}

static RESULT finish(struct completion *done, const struct object_found *old,
                     struct s3_complete_multipart_upload_out *out)
{
    struct call *c = done->c;
    struct s3_attributes attributes = done->upload.attributes;
    attributes.initiator = SPAN_NONE;
    attributes.etag = span_of(done->etag, sizeof done->etag);
    attributes.parts = done->count;
    attributes_set_checksum(&attributes, &done->checksum);
    lock_add_default(c, &done->place, &attributes);
    struct assembly_finish order = {
        .id = done->upload.assembly.id,
        .numbers = done->numbers,
        .count = done->count,
        .old = old ? &old->object : NULL,
        .modified_ms = c->now_ms,
        .attributes = attributes_encode(c, &attributes),
    };
    struct object written;
    int result = assembly_finish(&done->place.index, done->in->key, &order, &written);
    if (result < 0)
        return refuse_errno(c, result, "completing upload %.*s", SPAN_ARG(done->in->upload_id));
    describe(done, &attributes, out);
    out->version_id = object_new_version(c, &written);
    struct lifecycle_subject subject = lifecycle_subject(done->in->key, &written, &attributes);
    return lifecycle_describe(c, &done->place, &subject, &out->expiration);
}

/* A repeated request finds its upload done: it is answered as the first one was. */
static bool is_done_already(const struct completion *done, const struct object_found *old)
{
    struct assembly_id id;
    const struct assembly_id *made_by = old ? object_assembly(&old->object) : NULL;
    return made_by && upload_id_read(done->c, done->in->upload_id, &id) &&
           memcmp(made_by->bytes, id.bytes, sizeof id.bytes) == 0;
}

RESULT s3_complete_multipart_upload(struct call *c,
                                    const struct s3_complete_multipart_upload_in *in,
                                    struct s3_complete_multipart_upload_out *out)
{
    struct completion done = {.c = c, .in = in};
    struct object_found found, *old = NULL;
    bool there;
    TRY(place_check_key(c, in->key));
    TRY(condition_write_check(c, in->if_match, in->if_none_match));
    TRY(place_open_locked(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &in->key,
                          1, &done.place));
    TRY(object_find(c, &done.place, in->key, &found, &there));
    old = there ? &found : NULL;
    if (is_done_already(&done, old)) {
        describe(&done, &found.attributes, out);
        out->version_id = object_new_version(c, &found.object);
        return OK;
    }
    TRY(upload_need(c, &done.place, in->key, in->upload_id, &done.upload));
    TRY(check_mode(&done));
    TRY(read_list(&done));
    TRY(check_parts(&done));
    sum_up(&done);
    TRY(check_whole(&done));
    TRY(check_conditions(&done, old));
    return finish(&done, old, out);
}
