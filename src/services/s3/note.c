// SPDX-License-Identifier: Apache-2.0
/* Notes of calls. See note.h. */
#include "services/s3/note.h"

#include "auth/identity.h"
#include "base/log.h"
#include "services/s3/analytics.h"
#include "services/s3/document.h"
#include "services/s3/log_line.h"
#include "services/s3/metrics.h"
#include "services/s3/tiering.h"

void note_begin(struct call *c, const struct s3_bucket_record *bucket, struct span key)
{
    bool logged = document_is_there(bucket, DOCUMENT_LOGGING);
    bool analysed = bucket->analytics_edition != 0;
    if (c->note || !(logged || bucket->metrics_edition || bucket->tiered || analysed))
        return;
    struct note *note = ARENA_NEW(c->arena, struct note);
    *note = (struct note){.bucket = bucket->name,
                          .account = bucket->account,
                          .key = key,
                          .bucket_id = bucket->id,
                          .logged = logged,
                          .tiered = bucket->tiered,
                          .analysed = analysed,
                          .measured = bucket->metrics_edition != 0};
    if (c->caller && c->caller->type == IDENTITY_ROOT)
        note->requester = place_owner_id(c, c->caller->account);
    else if (c->caller)
        note->requester = arena_copy(c->arena, c->caller->arn);
    c->note = note;
    if (note->measured)
        metrics_begin(c, bucket, note);
}

void note_size(struct call *c, uint64_t size)
{
    struct note *note = c->note;
    if (!note)
        return;
    note->size = size;
    note->has_size = true;
}

void note_object(struct call *c, enum NOTE_HOW how, struct span key, const struct object *object,
                 const struct s3_attributes *attributes)
{
    struct note *note = c->note;
    if (note && (note->tiered || note->analysed))
        note->object = (struct note_object){.how = how,
                                            .key = key,
                                            .class = attributes_storage_class(attributes),
                                            .tags = attributes->tags,
                                            .size = object->size,
                                            .stamp = object->stamp,
                                            .modified_ms = object->modified_ms};
}

/* An access that is not written down only means that its object is archived earlier. */
static void keep_access(struct call *c, const struct note *note)
{
    const struct note_object *object = &note->object;
    struct tiering_version version = {note->bucket_id, object->key, object->stamp};
    if (object->how != NOTE_READ || !tiering_is_of(object->class))
        return;
    const struct refusal *refusal = tiering_accessed(c, c->txn, &version);
    if (refusal)
        log_warn("s3: %.*s", SPAN_ARG(refusal->message));
}

void note_replied(struct call *c, const struct reply_facts *facts)
{
    struct note *note = c->note;
    if (note->logged)
        log_line_write(c, facts);
    if (note->measured)
        metrics_count(c, note, facts);
    if (note->tiered && facts->status < 300)
        keep_access(c, note);
    if (note->analysed)
        analytics_count(c, note, facts);
}

void note_finished(struct call *c, int64_t ms)
{
    metrics_count_total(c, c->note, ms);
}
