// SPDX-License-Identifier: Apache-2.0
/*
 * Annotations: up to 1,000 named texts of at most 1 MiB that belong to one version of an object and
 * go with it. Sources: PutObjectAnnotation and its neighbours, "Annotating your objects". Putting
 * one runs on a worker, since the whole text is looked at; the rest on loops.
 */
#include "base/buf.h"
#include "base/text.h"
#include "base/utf8.h"
#include "services/cloud.h"
#include "services/s3/lock.h"
#include "services/s3/s3.api.h"
#include "services/s3/subject.h"

#include <errno.h>

#define NAME_MAX_BYTES 512
#define PAYLOAD_MAX (1024 * 1024)
#define PAGE_MAX 1000

/* The version whose annotations are meant, under its key's lock. */
static RESULT find_subject(struct call *c, struct place_name bucket, struct object_name name,
                           struct subject *out)
{
    TRY(subject_open(c, bucket, name, out));
    return object_need(c, &out->place, &out->name, &out->found);
}

static RESULT check_name(struct call *c, struct span name)
{
    if (name.len > NAME_MAX_BYTES)
        return refuse(c, &S3_ANNOTATION_NAME_TOO_LONG, "The annotation name exceeds 512 bytes.");
    if (span_is_empty(name) || !utf8_is_valid(name))
        return refuse(c, &S3_INVALID_ANNOTATION_NAME,
                      "The annotation name you provided is invalid.");
    return OK;
}

/* x-amz-object-if-match: the object itself must still be this one. */
static RESULT check_condition(struct call *c, struct span if_match, const struct subject *subject)
{
    if (span_is_absent(if_match) || condition_lists(if_match, subject->found.etag))
        return OK;
    return refuse_with(c, &S3_PRECONDITION_FAILED, S("Condition"), S("x-amz-object-if-match"),
                       "At least one of the pre-conditions you specified did not hold");
}

static RESULT refuse_missing(struct call *c, struct span name)
{
    return refuse_with(c, &S3_NO_SUCH_ANNOTATION, S("AnnotationName"), name,
                       "The specified annotation does not exist.");
}

/* ---- PutObjectAnnotation -------------------------------------------------------------------- */

static enum CHECKSUM or_default(enum CHECKSUM algorithm)
{
    return algorithm == CHECKSUM_NONE ? CHECKSUM_CRC64NVME : algorithm;
}

RESULT s3_put_object_annotation_admit(struct call *c, const struct s3_put_object_annotation_in *in,
                                      struct body_plan *plan)
{
    struct checksum claim;
    TRY(place_check_headers(c));
    TRY(place_check_key(c, in->key));
    TRY(check_name(c, in->annotation_name));
    TRY(checksum_md5_claimed(c, in->content_md5));
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, &claim));
    plan->max_len = PAYLOAD_MAX;
    plan->sealed = !c->cloud->plain_at_rest;
    plan->digests = DIGEST_MD5 | checksum_digest(or_default(claim.algorithm));
    return OK;
}

static RESULT read_digests(struct call *c, const struct s3_put_object_annotation_in *in,
                           struct checksum *out)
{
    TRY(checksum_claimed(c, CHECKSUM_MEMBERS(in), in->checksum_algorithm, out));
    TRY(checksum_complete(c, out));
    TRY(checksum_md5_verify(c, in->content_md5, in->annotation_payload.digests));
    TRY(checksum_verify(c, out, in->annotation_payload.digests));
    out->algorithm = or_default(out->algorithm);
    out->type = TYPE_FULL_OBJECT;
    out->value = checksum_of(in->annotation_payload.digests, out->algorithm);
    return OK;
}

static void append(void *user, struct span piece)
{
    buf_append(user, piece);
}

/* UTF-8, whole characters, wherever its bytes lie. */
static RESULT check_text(struct call *c, const struct content *content)
{
    struct buf text;
    buf_init(&text, PAYLOAD_MAX);
    int result = content_read(txn_store(c->txn), content, append, &text);
    bool valid = utf8_is_valid(buf_span(&text));
    buf_done(&text);
    if (result < 0)
        return refuse_errno(c, result, "reading an annotation");
    return valid ? OK
                 : refuse(c, &S3_UNSUPPORTED_MEDIA_TYPE,
                          "The annotation payload is not valid UTF-8 encoded text.");
}

static void count_note(void *user, const struct object_note *note)
{
    size_t *count = user;
    (*count)++;
}

/* Room for one more, unless there is one of that name. */
static RESULT check_count(struct call *c, const struct subject *subject, struct span name)
{
    struct object_note same = {.name = name};
    const struct object_bucket *index = &subject->place.index;
    size_t count = 0;
    bool more;
    int result = object_note_get(index, subject->name.key, &subject->found.object, &same);
    if (result == 0)
        return OK;
    struct object_note_list list = {.limit = OBJECT_NOTES_MAX, .visit = count_note, .user = &count};
    if (result == -ENOENT)
        result = object_note_list(index, subject->name.key, &subject->found.object, &list, &more);
    if (result < 0)
        return refuse_errno(c, result, "counting annotations");
    return count < OBJECT_NOTES_MAX
               ? OK
               : refuse(c, &S3_ANNOTATION_LIMIT_EXCEEDED,
                        "The request would exceed the maximum number of annotations allowed per "
                        "object.");
}

static void describe_put(struct call *c, const struct s3_put_object_annotation_in *in,
                         const struct subject *subject, const struct checksum *checksum,
                         struct s3_put_object_annotation_out *out)
{
    out->key = in->key;
    out->annotation_name = in->annotation_name;
    out->object_version_id = object_shown_version(c, &subject->place, &subject->found.object);
    out->etag = attributes_etag(c, span_of(in->annotation_payload.digests->md5, MD5_SIZE), 0);
    out->checksum_type = checksum_type_name(checksum->type);
    checksum_describe(c, checksum, 0, CHECKSUM_MEMBERS(out));
}

RESULT s3_put_object_annotation(struct call *c, const struct s3_put_object_annotation_in *in,
                                struct s3_put_object_annotation_out *out)
{
    struct subject subject;
    struct checksum checksum;
    TRY(read_digests(c, in, &checksum));
    if (in->annotation_payload.len == 0)
        return refuse(c, &S3_INVALID_REQUEST,
                      "The annotation payload must be between 1 byte and 1 MiB in size.");
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    TRY(check_condition(c, in->object_if_match, &subject));
    TRY(check_count(c, &subject, in->annotation_name));
    struct s3_part_attributes attributes = {
        .etag = span_of(in->annotation_payload.digests->md5, MD5_SIZE),
        .checksum_algorithm = (uint64_t)checksum.algorithm + 1,
        .checksum = checksum.value,
    };
    struct object_note note = {.name = in->annotation_name,
                               .modified_ms = c->now_ms,
                               .attributes = attributes_encode_part(c, &attributes),
                               .content = object_take_body(c, &in->annotation_payload)};
    TRY(check_text(c, &note.content));
    int result = object_note_put(&subject.place.index, in->key, &subject.found.object, &note);
    if (result < 0)
        return refuse_errno(c, result, "annotating %.*s", SPAN_ARG(in->key));
    describe_put(c, in, &subject, &checksum, out);
    return OK;
}

/* ---- GetObjectAnnotation -------------------------------------------------------------------- */

RESULT s3_get_object_annotation(struct call *c, const struct s3_get_object_annotation_in *in,
                                struct s3_get_object_annotation_out *out)
{
    struct subject subject;
    struct s3_part_attributes kept;
    struct object_note note = {.name = in->annotation_name};
    TRY(check_name(c, in->annotation_name));
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    int result = object_note_get(&subject.place.index, in->key, &subject.found.object, &note);
    if (result == -ENOENT)
        return refuse_missing(c, in->annotation_name);
    if (result < 0)
        return refuse_errno(c, result, "reading an annotation of %.*s", SPAN_ARG(in->key));
    TRY(attributes_decode_part(c, note.attributes, &kept));
    out->object_version_id = object_shown_version(c, &subject.place, &subject.found.object);
    SET(out, last_modified, note.modified_ms);
    SET(out, content_length, (int64_t)note.content.size);
    out->etag = attributes_etag(c, kept.etag, 0);
    if (span_eq(in->checksum_mode, S("ENABLED"))) {
        struct checksum checksum = {.algorithm = (enum CHECKSUM)(kept.checksum_algorithm - 1),
                                    .type = TYPE_FULL_OBJECT,
                                    .value = kept.checksum};
        out->checksum_type = checksum_type_name(checksum.type);
        checksum_describe(c, &checksum, 0, CHECKSUM_MEMBERS(out));
    }
    object_give_body(c, &note.content, &out->annotation_payload);
    return OK;
}

/* ---- ListObjectAnnotations ------------------------------------------------------------------ */

struct page {
    struct call *c;
    struct s3_annotation_list *out;
    const struct refusal *refusal;
};

static void add(void *user, const struct object_note *note)
{
    struct page *page = user;
    struct call *c = page->c;
    struct s3_part_attributes kept;
    if (!page->refusal)
        page->refusal = attributes_decode_part(c, note->attributes, &kept);
    if (page->refusal)
        return;
    struct s3_annotation_entry *entry = &page->out->at[page->out->count++];
    *entry = (struct s3_annotation_entry){.annotation_name = note->name,
                                          .etag = attributes_etag(c, kept.etag, 0)};
    entry->checksum_algorithm.at = ARENA_NEW(c->arena, struct span);
    entry->checksum_algorithm.at[0] = checksum_name((enum CHECKSUM)(kept.checksum_algorithm - 1));
    entry->checksum_algorithm.count = 1;
    SET(entry, last_modified, object_shown_time(note->modified_ms));
    SET(entry, size, (int64_t)note->content.size);
}

/* A token is the name to go on behind. */
static RESULT read_token(struct call *c, struct span token, struct span *out)
{
    *out = span_is_absent(token) ? SPAN_NONE : base64_decode(c->arena, token);
    if (span_is_absent(token) || !span_is_empty(*out))
        return OK;
    return refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentName"), S("continuation-token"),
                       "The continuation token provided is incorrect");
}

RESULT s3_list_object_annotations(struct call *c, const struct s3_list_object_annotations_in *in,
                                  struct s3_list_object_annotations_out *out)
{
    struct subject subject;
    bool more;
    int32_t limit = in->has.max_annotation_results ? in->max_annotation_results : PAGE_MAX;
    struct page page = {.c = c, .out = &out->annotations};
    struct object_note_list list = {
        .prefix = in->annotation_prefix, .limit = (size_t)limit, .visit = add, .user = &page};
    if (in->annotation_prefix.len > NAME_MAX_BYTES)
        return refuse(c, &S3_INVALID_PREFIX, "The specified prefix is not valid.");
    TRY(read_token(c, in->continuation_token, &list.after));
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    out->annotations.at = ARENA_ARRAY(c->arena, struct s3_annotation_entry, (size_t)limit);
    int result =
        object_note_list(&subject.place.index, in->key, &subject.found.object, &list, &more);
    if (result < 0)
        return refuse_errno(c, result, "listing the annotations of %.*s", SPAN_ARG(in->key));
    TRY(page.refusal);
    out->bucket = in->bucket;
    out->key = in->key;
    out->object_version_id = object_shown_version(c, &subject.place, &subject.found.object);
    out->annotation_prefix = in->annotation_prefix;
    out->continuation_token = in->continuation_token;
    SET(out, max_annotation_results, limit);
    SET(out, annotation_count, (int32_t)out->annotations.count);
    if (more)
        out->next_continuation_token =
            base64_of(c->arena, out->annotations.at[out->annotations.count - 1].annotation_name);
    return OK;
}

/* ---- DeleteObjectAnnotation ----------------------------------------------------------------- */

/* Those of a locked version take what its deletion would. The header is not in the model. */
static RESULT check_lock(struct call *c, const struct subject *subject)
{
    struct span header = header_get(c->request_headers, S("x-amz-bypass-governance-retention"));
    enum LOCK_BYPASS bypass = span_eq_nocase(header, S("true")) ? LOCK_BYPASSED : LOCK_RESPECTED;
    return lock_check_deletion(c, &subject->place, subject->name.key, &subject->found.attributes,
                               bypass);
}

RESULT s3_delete_object_annotation(struct call *c, const struct s3_delete_object_annotation_in *in,
                                   struct s3_delete_object_annotation_out *out)
{
    struct subject subject;
    TRY(check_name(c, in->annotation_name));
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    TRY(check_condition(c, in->object_if_match, &subject));
    TRY(check_lock(c, &subject));
    int result = object_note_delete(&subject.place.index, in->key, &subject.found.object,
                                    in->annotation_name);
    if (result < 0)
        return refuse_errno(c, result, "deleting an annotation of %.*s", SPAN_ARG(in->key));
    out->object_version_id = object_shown_version(c, &subject.place, &subject.found.object);
    return OK;
}
