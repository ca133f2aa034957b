// SPDX-License-Identifier: Apache-2.0
/*
 * GetObject, HeadObject, GetObjectAttributes: reading a small object takes no lock. Larger ones are
 * read, and their extents pinned, under the key's lock, so that nobody gives their space back while
 * the reply is on its way. Loop threads.
 */
#include "base/time.h"
#include "services/s3/encryption.h"
#include "services/s3/lifecycle.h"
#include "services/s3/lock.h"
#include "services/s3/note.h"
#include "services/s3/part_page.h"
#include "services/s3/range.h"
#include "services/s3/restore.h"
#include "services/s3/s3.api.h"
#include "services/s3/tiering.h"

#include <errno.h>

/* What GET and HEAD have in common, in and out. */
struct wish {
    struct place_name name;
    struct object_name object;
    struct span range, checksum_mode;
    struct encryption_headers encryption;
    struct condition condition;
    int32_t part_number; /* 0: not asked */
};

struct answer {
    struct place place;
    struct object_found found;
    struct encryption encryption;
    struct byte_range range;
    struct span content_range; /* absent: the whole object */
    struct checksum checksum;  /* to be shown */
    uint64_t checksum_parts;
    int32_t parts_count; /* 0: not shown */
    struct lock_shown lock;
    struct span expiration;
};

#define WISH_OF(in)                                                                                \
    ((struct wish){                                                                                \
        .name = {(in)->bucket, (in)->expected_bucket_owner},                                       \
        .object = {(in)->key, (in)->version_id},                                                   \
        .range = (in)->range,                                                                      \
        .checksum_mode = (in)->checksum_mode,                                                      \
        .encryption = ENCRYPTION_READ_OF(in),                                                      \
        .part_number = (in)->has.part_number ? (in)->part_number : 0,                              \
        .condition = {.if_match = (in)->if_match,                                                  \
                      .if_none_match = (in)->if_none_match,                                        \
                      .if_modified_since =                                                         \
                          (in)->has.if_modified_since ? (in)->if_modified_since : TIME_NONE,       \
                      .if_unmodified_since =                                                       \
                          (in)->has.if_unmodified_since ? (in)->if_unmodified_since : TIME_NONE}})

static RESULT refuse_range(struct call *c, const struct wish *wish, uint64_t size)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_RANGE, S("ActualObjectSize"),
                    arena_printf(c->arena, "%llu", (unsigned long long)size),
                    "The requested range is not satisfiable");
    return refusal_add(c, refusal, S("RangeRequested"), wish->range);
}

static RESULT refuse_part(struct call *c, const struct wish *wish, uint64_t parts)
{
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_PART_NUMBER, S("ActualPartCount"),
                    arena_printf(c->arena, "%llu", (unsigned long long)parts),
                    "The requested partnumber is not satisfiable");
    return refusal_add(c, refusal, S("PartNumberRequested"),
                       arena_printf(c->arena, "%d", wish->part_number));
}

static RESULT check_wish(struct call *c, const struct wish *wish)
{
    TRY(place_check_key(c, wish->object.key));
    TRY(version_check(c, wish->object.version_id));
    if (wish->part_number && !span_is_absent(wish->range))
        return refuse(c, &S3_INVALID_REQUEST,
                      "Cannot specify both Range header and partNumber query parameter");
    return OK;
}

static struct span range_text(struct call *c, struct byte_range range, uint64_t size)
{
    if (range.len == 0)
        return arena_printf(c->arena, "bytes */%llu", (unsigned long long)size);
    return arena_printf(c->arena, "bytes %llu-%llu/%llu", (unsigned long long)range.from,
                        (unsigned long long)(range.from + range.len - 1), (unsigned long long)size);
}

/* The checksum of one part, for a composite object. */
struct part_checksum {
    struct call *c;
    struct checksum *checksum;
    const struct refusal *refusal;
};

static int note_part_checksum(void *user, const struct piece *piece)
{
    struct part_checksum *note = user;
    struct s3_part_attributes part;
    note->refusal = attributes_decode_part(note->c, piece->attributes, &part);
    note->checksum->value = note->refusal ? SPAN_NONE : part.checksum;
    return 1;
}

/* partNumber: the range of that part and what is known of it alone. */
static RESULT choose_part(struct call *c, const struct wish *wish, struct answer *answer)
{
    const struct object *object = &answer->found.object;
    uint64_t parts = answer->found.attributes.parts;
    uint32_t number = (uint32_t)wish->part_number;
    if (wish->part_number < 1 || wish->part_number > OBJECT_PIECES_MAX)
        return refuse_part(c, wish, parts ? parts : 1);
    answer->range = (struct byte_range){0, object->size};
    if (parts) {
        int result = object_piece_range(&answer->place.index, object, number, &answer->range);
        if (result == -ENOENT)
            return refuse_part(c, wish, parts);
        if (result < 0)
            return refuse_errno(c, result, "reading the parts of %.*s", SPAN_ARG(wish->object.key));
        answer->parts_count = (int32_t)parts;
    } else if (number != 1) {
        return refuse_part(c, wish, 1);
    }
    answer->content_range = range_text(c, answer->range, object->size);
    answer->checksum_parts = 0;
    if (!parts)
        return OK;
    struct part_checksum note = {.c = c, .checksum = &answer->checksum};
    bool composite = answer->checksum.type == TYPE_COMPOSITE;
    answer->checksum.value = SPAN_NONE;
    int result = composite ? piece_each(&answer->place.index, object_assembly(object), number - 1,
                                        note_part_checksum, &note)
                           : 0;
    return result < 0
               ? refuse_errno(c, result, "reading a part of %.*s", SPAN_ARG(wish->object.key))
               : note.refusal;
}

static RESULT choose_range(struct call *c, const struct wish *wish, struct answer *answer)
{
    uint64_t size = answer->found.object.size;
    struct range range;
    if (wish->part_number)
        return choose_part(c, wish, answer);
    enum RANGE kind = range_read(wish->range, size, &range);
    if (kind == RANGE_UNSATISFIABLE)
        return refuse_range(c, wish, size);
    answer->range = (struct byte_range){range.first, range.len};
    if (kind == RANGE_PART) {
        answer->content_range = range_text(c, answer->range, size);
        answer->checksum.value = SPAN_NONE; /* it is the whole object's */
    }
    return OK;
}

/* The object, under the key's lock where its content has to be fetched, or a version was named. */
static RESULT find_object(struct call *c, const struct wish *wish, struct answer *answer)
{
    TRY(object_open_place(c, wish->name, &wish->object, &answer->place));
    TRY(object_need(c, &answer->place, &wish->object, &answer->found));
    bool locked = !span_is_absent(wish->object.version_id);
    if (locked || !object_needs_lock(&answer->found.object))
        return OK;
    object_lock(c->txn, &(struct object_key){wish->name.bucket, wish->object.key}, 1);
    return object_need(c, &answer->place, &wish->object, &answer->found);
}

static RESULT find_answer(struct call *c, const struct wish *wish, struct answer *answer)
{
    *answer = (struct answer){.parts_count = 0};
    TRY(check_wish(c, wish));
    TRY(encryption_read(c, wish->encryption, &answer->encryption));
    TRY(find_object(c, wish, answer));
    const struct s3_attributes *attributes = &answer->found.attributes;
    TRY(encryption_open(c, &answer->encryption, ENCRYPTION_OF_OBJECT, attributes, &answer->place));
    TRY(condition_read(c, &wish->condition, answer->found.etag, answer->found.object.modified_ms));
    lock_show(c, &answer->place, wish->object.key, attributes, &answer->lock);
    struct lifecycle_subject subject =
        lifecycle_subject(wish->object.key, &answer->found.object, attributes);
    if (span_is_absent(wish->object.version_id)) /* it is for current versions only */
        TRY(lifecycle_describe(c, &answer->place, &subject, &answer->expiration));
    answer->checksum = attributes_checksum(attributes);
    answer->checksum_parts = attributes->parts;
    TRY(choose_range(c, wish, answer));
    if (!span_eq(wish->checksum_mode, S("ENABLED")))
        answer->checksum.value = SPAN_NONE;
    if (!span_is_absent(answer->content_range))
        c->status = 206;
    return OK;
}

static struct span or_else(struct span first, struct span second)
{
    return span_is_absent(first) ? second : first;
}

/* Both outputs have the same members by the same names. */
#define DESCRIBE(c, in, answer, out)                                                               \
    do {                                                                                           \
        const struct s3_attributes *kept_ = &(answer)->found.attributes;                           \
        SET(out, content_length, (int64_t)(answer)->range.len);                                    \
        SET(out, last_modified, (answer)->found.object.modified_ms);                               \
        ENCRYPTION_SHOW(kept_, &(answer)->encryption, out);                                        \
        (out)->accept_ranges = S("bytes");                                                         \
        (out)->etag = (answer)->found.etag;                                                        \
        (out)->version_id = object_shown_version(c, &(answer)->place, &(answer)->found.object);    \
        (out)->content_range = (answer)->content_range;                                            \
        (out)->content_type = or_else((in)->response_content_type, kept_->content_type);           \
        (out)->cache_control = or_else((in)->response_cache_control, kept_->cache_control);        \
        (out)->content_disposition =                                                               \
            or_else((in)->response_content_disposition, kept_->content_disposition);               \
        (out)->content_encoding =                                                                  \
            or_else((in)->response_content_encoding, kept_->content_encoding);                     \
        (out)->content_language =                                                                  \
            or_else((in)->response_content_language, kept_->content_language);                     \
        (out)->expires =                                                                           \
            (in)->has.response_expires ? http_date(c, (in)->response_expires) : kept_->expires;    \
        (out)->restore = restore_text(c, kept_);                                                   \
        (out)->storage_class = kept_->storage_class;                                               \
        (out)->website_redirect_location = kept_->redirect;                                        \
        attributes_metadata(c, kept_, &(out)->metadata);                                           \
        if (!span_is_absent((answer)->lock.mode)) {                                                \
            (out)->object_lock_mode = (answer)->lock.mode;                                         \
            SET(out, object_lock_retain_until_date, (answer)->lock.retain_until);                  \
        }                                                                                          \
        (out)->expiration = (answer)->expiration;                                                  \
        (out)->object_lock_legal_hold_status = (answer)->lock.legal_hold;                          \
        if (kept_->tags.count)                                                                     \
            SET(out, tag_count, (int32_t)kept_->tags.count);                                       \
        if ((answer)->parts_count)                                                                 \
            SET(out, parts_count, (answer)->parts_count);                                          \
        if (!span_is_absent((answer)->checksum.value)) {                                           \
            (out)->checksum_type = checksum_type_name((answer)->checksum.type);                    \
            checksum_describe(c, &(answer)->checksum, (answer)->checksum_parts,                    \
                              CHECKSUM_MEMBERS(out));                                              \
        }                                                                                          \
    } while (0)

static struct span http_date(struct call *c, int64_t ms)
{
    char text[TIME_TEXT_SIZE];
    return arena_copy(c->arena, time_http_date(ms, text));
}

RESULT s3_get_object(struct call *c, const struct s3_get_object_in *in,
                     struct s3_get_object_out *out)
{
    struct wish wish = WISH_OF(in);
    struct answer answer;
    struct content content;
    TRY(find_answer(c, &wish, &answer));
    TRY(restore_check_readable(c, &answer.found.attributes,
                               "The operation is not valid for the object's storage class"));
    int result =
        object_content(&answer.place.index, in->key, &answer.found.object, answer.range, &content);
    if (result < 0)
        return refuse_errno(c, result, "reading object %.*s", SPAN_ARG(in->key));
    DESCRIBE(c, in, &answer, out);
    object_give_body(c, &content, &out->body);
    note_object(c, NOTE_READ, in->key, &answer.found.object, &answer.found.attributes);
    return OK;
}

RESULT s3_head_object(struct call *c, const struct s3_head_object_in *in,
                      struct s3_head_object_out *out)
{
    struct wish wish = WISH_OF(in);
    struct answer answer;
    TRY(find_answer(c, &wish, &answer));
    DESCRIBE(c, in, &answer, out);
    out->archive_status = tiering_status(&answer.found.attributes, c->now_ms);
    return OK;
}

/* ---- GetObjectAttributes -------------------------------------------------------------------- */

struct parts {
    struct call *c;
    struct s3_get_object_attributes_parts *out;
    struct checksum checksum;
};

static void add_part(void *user, const struct piece *piece, const struct s3_part_attributes *kept)
{
    struct parts *parts = user;
    struct s3_object_part *part = &parts->out->parts.at[parts->out->parts.count++];
    struct checksum checksum = parts->checksum;
    checksum.value = kept->checksum;
    SET(part, part_number, (int32_t)piece->number);
    SET(part, size, (int64_t)piece->size);
    checksum_describe(parts->c, &checksum, 0, CHECKSUM_MEMBERS(part));
}

/* S3 lists the parts only where they have checksums of their own; else it just counts them. */
static RESULT describe_parts(struct call *c, const struct s3_get_object_attributes_in *in,
                             const struct answer *answer, struct s3_get_object_attributes_out *out)
{
    struct s3_get_object_attributes_parts *parts =
        ARENA_NEW(c->arena, struct s3_get_object_attributes_parts);
    struct checksum checksum = attributes_checksum(&answer->found.attributes);
    struct parts adding = {.c = c, .out = parts, .checksum = checksum};
    struct part_page_wish wish = PART_PAGE_WISH_OF(in);
    struct part_page page = {.add = add_part, .user = &adding};
    TRY(part_page_open(c, &wish, &page));
    SET(parts, total_parts_count, (int32_t)answer->found.attributes.parts);
    out->object_parts = parts;
    if (checksum.type != TYPE_COMPOSITE)
        return OK;
    parts->parts.at = ARENA_ARRAY(c->arena, struct s3_object_part, page.limit);
    TRY(part_page_read(c, &answer->place.index, object_assembly(&answer->found.object), &page));
    PART_PAGE_SHOW(parts, &page);
    return OK;
}

static bool is_asked(const struct s3_get_object_attributes_in *in, struct span name)
{
    for (size_t i = 0; i < in->object_attributes.count; i++)
        if (span_eq(span_trim(in->object_attributes.at[i]), name))
            return true;
    return false;
}

RESULT s3_get_object_attributes(struct call *c, const struct s3_get_object_attributes_in *in,
                                struct s3_get_object_attributes_out *out)
{
    struct wish wish = {
        .name = {in->bucket, in->expected_bucket_owner},
        .object = {in->key, in->version_id},
        .encryption = ENCRYPTION_READ_OF(in),
        .condition = {.if_modified_since = TIME_NONE, .if_unmodified_since = TIME_NONE}};
    struct answer answer;
    TRY(find_answer(c, &wish, &answer));
    const struct s3_attributes *attributes = &answer.found.attributes;
    struct checksum checksum = attributes_checksum(attributes);
    SET(out, last_modified, answer.found.object.modified_ms);
    out->version_id = object_shown_version(c, &answer.place, &answer.found.object);
    if (is_asked(in, S("ETag"))) /* the one place where S3 writes it without quotes */
        out->etag = span_of(answer.found.etag.at + 1, answer.found.etag.len - 2);
    if (is_asked(in, S("StorageClass")))
        out->storage_class = attributes_storage_class(attributes);
    if (is_asked(in, S("ObjectSize")))
        SET(out, object_size, (int64_t)answer.found.object.size);
    if (is_asked(in, S("Checksum")) && !span_is_absent(checksum.value)) {
        out->checksum = ARENA_NEW(c->arena, struct s3_checksum);
        out->checksum->checksum_type = checksum_type_name(checksum.type);
        checksum_describe(c, &checksum, 0, CHECKSUM_MEMBERS(out->checksum));
    }
    if (is_asked(in, S("ObjectParts")) && attributes->parts)
        TRY(describe_parts(c, in, &answer, out));
    return OK;
}
