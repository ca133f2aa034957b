// SPDX-License-Identifier: Apache-2.0
/*
 * Counting the bytes that requests move, by the configurations of their bucket, which every thread
 * keeps by their edition. What is counted goes into the store with the day, under the bucket's lock
 * since any loop may have a request of it. On the call's home loop.
 */
#include "base/log.h"
#include "base/time.h"
#include "services/s3/analytics.h"
#include "services/s3/edition_cache.h"
#include "services/s3/object.h"

#include <errno.h>

/* ---- who looks at it ------------------------------------------------------------------------ */

struct observer {
    uint64_t edition; /* of the observation */
    struct filter filter;
};

struct observer_list {
    struct observer *at;
    size_t count;
};

static RESULT read_observer(struct call *c, struct arena *arena, struct span bucket,
                            const struct s3_analytics_configuration *kept, struct observer *out)
{
    struct s3_analytics analytics = {.bucket = bucket, .id = kept->id};
    struct filter filter;
    int result = s3_analytics_get(c->txn, c->arena, &analytics);
    if (result < 0)
        return refuse_errno(c, result, "reading an analysis");
    TRY(analytics_filter(c, kept, &filter));
    *out = (struct observer){analytics.edition, filter_copy(arena, &filter)};
    return OK;
}

static RESULT read_observers(struct call *c, const struct s3_bucket_record *bucket,
                             struct arena *arena, struct observer_list *out)
{
    struct configuration_page page;
    TRY(configuration_all(c, bucket, &analytics_kind, &page));
    const struct s3_analytics_configuration *kept = page.at;
    *out = (struct observer_list){.at = ARENA_ARRAY(arena, struct observer, page.count)};
    for (; out->count < page.count; out->count++)
        TRY(read_observer(c, arena, bucket->name, &kept[out->count], &out->at[out->count]));
    return OK;
}

static RESULT observers_of(struct call *c, const struct s3_bucket_record *bucket,
                           const struct observer_list **ret)
{
    const void **cached;
    struct arena *arena = edition_cache_at(bucket->analytics_edition, &cached);
    if (!*cached) {
        struct observer_list *list = ARENA_NEW(arena, struct observer_list);
        TRY(read_observers(c, bucket, arena, list));
        *cached = list;
    }
    *ret = *cached;
    return OK;
}

/* ---- counting ------------------------------------------------------------------------------- */

/* What the request adds. Failed ones count for nothing, and a page that redirects has no bytes. */
static bool moved(struct call *c, const struct note_object *object, const struct reply_facts *facts,
                  struct s3_analytics_row *out)
{
    bool read = object->how == NOTE_READ && facts->status < 300 && span_eq(c->method, S("GET"));
    bool written = object->how == NOTE_WRITTEN && facts->status < 400;
    *out = (struct s3_analytics_row){
        .uploaded = written ? object->size : 0, .retrieved = read ? facts->bytes : 0, .gets = read};
    return read || written;
}

/* Nobody waits for a count to be durable, but it shall become so without others' commits. */
static void is_durable(void *nothing) {}

static RESULT add(struct call *c, struct s3_analytics_count kept, const struct note_object *object,
                  const struct s3_analytics_row *more)
{
    int result = s3_analytics_count_get(c->txn, c->arena, &kept);
    if (result < 0 && result != -ENOENT)
        return refuse_errno(c, result, "reading what was counted");
    enum AGE age = age_of(object->size, c->now_ms - object->modified_ms);
    analytics_add(analytics_row(c->arena, &kept.rows, object->class, age), more);
    s3_analytics_count_put(c->txn, &kept);
    txn_after_durable(c->txn, is_durable, NULL);
    return OK;
}

static RESULT count(struct call *c, const struct note *note, const struct s3_analytics_row *more)
{
    const struct note_object *object = &note->object;
    struct filter_subject subject = {.key = object->key, .tags = &object->tags};
    struct s3_bucket_record bucket = {.name = note->bucket};
    const struct observer_list *observers;
    analytics_lock(c, note->bucket);
    if (s3_bucket_record_get(c->txn, c->arena, &bucket) != 0 || !bucket.analytics_edition)
        return OK; /* since then */
    TRY(observers_of(c, &bucket, &observers));
    for (size_t i = 0; i < observers->count; i++) {
        struct s3_analytics_count kept = {.bucket = bucket.id,
                                          .edition = observers->at[i].edition,
                                          .day = (uint64_t)(c->now_ms / DAY_MS)};
        if (filter_covers(&observers->at[i].filter, &subject))
            TRY(add(c, kept, object, more));
    }
    return OK;
}

void analytics_count(struct call *c, const struct note *note, const struct reply_facts *facts)
{
    struct s3_analytics_row more;
    if (!moved(c, &note->object, facts, &more))
        return;
    const struct refusal *refusal = count(c, note, &more);
    if (refusal)
        log_warn("s3: analytics of %.*s: %.*s", SPAN_ARG(note->bucket), SPAN_ARG(refusal->message));
}
