// SPDX-License-Identifier: Apache-2.0
/*
 * Which tier an object of Intelligent-Tiering is in. Days count from the last access, the move into
 * the class or the end of a restoration, whichever is latest; accesses are remembered to the hour,
 * beside the object, so that a read does not wait for its lock. Any thread.
 */
#include "services/s3/tiering.h"

#include "base/time.h"
#include "services/s3/configuration.h"
#include "services/s3/restore.h"
#include "services/s3/tiering_configuration.h"

#include <errno.h>

#define NOTED_MS HOUR_MS                  /* an access is written down once an hour */
#define FORGOTTEN_MS (731 * DAY_MS)       /* no configuration waits for so long */
#define TIDIED_MOST 1000                  /* in one transaction */
#define LEAST_SIZE ((uint64_t)128 * 1024) /* bytes: smaller objects stay in the first tier */

static const struct span names[] = {
    [TIER_FREQUENT] = {NULL, 0},
    [TIER_ARCHIVE] = S_INIT("ARCHIVE_ACCESS"),
    [TIER_DEEP_ARCHIVE] = S_INIT("DEEP_ARCHIVE_ACCESS"),
};

/* ---- what configurations say ---------------------------------------------------------------- */

static RESULT read_tiering(struct call *c, const struct s3_intelligent_tiering_configuration *kept,
                           struct tiering *out)
{
    *out = (struct tiering){.filtered = kept->filter != NULL};
    for (size_t i = 0; i < kept->tierings.count; i++)
        for (size_t tier = TIER_ARCHIVE; tier < ARRAY_LEN(names); tier++)
            if (span_eq(kept->tierings.at[i].access_tier, names[tier]))
                out->days[tier] = kept->tierings.at[i].days;
    if (!kept->filter)
        return OK;
    struct filter_wish wish = FILTER_WISH_OF(kept->filter);
    return filter_read(c, &wish, &out->filter);
}

RESULT tiering_load(struct call *c, const struct s3_bucket_record *bucket, struct tiering_list *out)
{
    struct configuration_page page;
    *out = (struct tiering_list){.count = 0};
    if (!bucket->tiered)
        return OK;
    TRY(configuration_all(c, bucket, &tiering_kind, &page));
    const struct s3_intelligent_tiering_configuration *kept = page.at;
    out->at = ARENA_ARRAY(c->arena, struct tiering, page.count);
    for (size_t i = 0; i < page.count; i++)
        if (span_eq(kept[i].status, S("Enabled")))
            TRY(read_tiering(c, &kept[i], &out->at[out->count++]));
    return OK;
}

/* ---- where an object is --------------------------------------------------------------------- */

static enum TIER tier_of(const struct s3_attributes *attributes, int64_t now_ms)
{
    bool restored = attributes->restored_from && attributes->restored_from <= now_ms;
    return restored ? TIER_FREQUENT : (enum TIER)attributes->tier;
}

struct span tiering_status(const struct s3_attributes *attributes, int64_t now_ms)
{
    return names[tier_of(attributes, now_ms)];
}

bool tiering_is_of(struct span storage_class)
{
    return span_eq(storage_class, S("INTELLIGENT_TIERING"));
}

static bool is_monitored(const struct tiering_subject *subject)
{
    return subject->object->size >= LEAST_SIZE && tiering_is_of(subject->attributes->storage_class);
}

RESULT tiering_accessed(struct call *c, struct txn *txn, const struct tiering_version *version)
{
    struct s3_tiering_access access = {
        .bucket = version->bucket_id, .name = version->key, .stamp = version->stamp};
    int result = s3_tiering_access_get(txn, c->arena, &access);
    if (result < 0 && result != -ENOENT)
        return refuse_errno(c, result, "reading when an object was accessed");
    if (result == 0 && access.at > c->now_ms - NOTED_MS)
        return OK;
    access.at = c->now_ms;
    s3_tiering_access_put(txn, &access);
    return OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static struct s3_tiering_access access_of(const struct tiering_subject *subject)
{
    return (struct s3_tiering_access){
        .bucket = subject->bucket_id, .name = subject->key, .stamp = subject->object->stamp};
}

/* When its days began. What cannot be read has not been accessed. */
static int64_t untouched_since(struct call *c, struct txn *txn,
                               const struct tiering_subject *subject)
{
    const struct s3_attributes *attributes = subject->attributes;
    struct s3_tiering_access access = access_of(subject);
    int64_t since = later(subject->object->modified_ms, attributes->tiered_at);
    if (attributes->restored_from && attributes->restored_from <= c->now_ms)
        since = later(since, attributes->restored_from);
    if (s3_tiering_access_get(txn, c->arena, &access) == 0)
        since = later(since, access.at);
    return since;
}

static enum TIER deepest(const struct tiering *tiering, const struct tiering_subject *subject,
                         int64_t quiet_ms)
{
    struct filter_subject object = {.key = subject->key, .tags = &subject->attributes->tags};
    if (tiering->filtered && !filter_covers(&tiering->filter, &object))
        return TIER_FREQUENT;
    for (enum TIER tier = TIER_DEEP_ARCHIVE; tier > TIER_FREQUENT; tier--)
        if (tiering->days[tier] && tiering->days[tier] * DAY_MS <= quiet_ms)
            return tier;
    return TIER_FREQUENT;
}

enum TIER tiering_next(struct call *c, struct txn *txn, const struct tiering_list *list,
                       const struct tiering_subject *subject)
{
    enum TIER tier = tier_of(subject->attributes, c->now_ms);
    bool under_way = restore_state(subject->attributes, c->now_ms) == RESTORE_UNDER_WAY;
    if (!list->count || under_way || !is_monitored(subject))
        return tier;
    int64_t quiet_ms = c->now_ms - untouched_since(c, txn, subject);
    for (size_t i = 0; i < list->count; i++) {
        enum TIER next = deepest(&list->at[i], subject, quiet_ms);
        tier = next > tier ? next : tier;
    }
    return tier;
}

bool tiering_is_due(struct call *c, struct txn *txn, const struct tiering_list *list,
                    const struct tiering_subject *subject)
{
    return tiering_next(c, txn, list, subject) != tier_of(subject->attributes, c->now_ms);
}

void tiering_enter(struct s3_attributes *attributes, int64_t now_ms)
{
    restore_forget(attributes);
    attributes->tiered_at = now_ms;
}

void tiering_archive(struct call *c, struct txn *txn, enum TIER tier,
                     const struct tiering_subject *subject, struct s3_attributes *attributes)
{
    struct s3_tiering_access access = access_of(subject);
    int64_t since = untouched_since(c, txn, subject);
    restore_forget(attributes);
    attributes->tier = tier;
    attributes->tiered_at = since; /* the days go on */
    s3_tiering_access_delete(txn, &access);
}

/* ---- accesses that matter no more ----------------------------------------------------------- */

struct tidying {
    struct call *c;
    struct txn *txn;
    size_t left;
};

static int tidy(void *user, struct s3_tiering_access *access)
{
    struct tidying *tidying = user;
    if (access->at < tidying->c->now_ms - FORGOTTEN_MS) {
        s3_tiering_access_delete(tidying->txn, access);
        tidying->left--;
    }
    return tidying->left == 0;
}

int tiering_tidy(struct call *c, struct txn *txn, const struct s3_bucket_record *bucket)
{
    struct s3_tiering_access from = {.bucket = bucket->id};
    struct tidying tidying = {.c = c, .txn = txn, .left = TIDIED_MOST};
    int result = s3_tiering_access_each(txn, &from, 1, c->arena, tidy, &tidying);
    return result < 0 ? result : 0;
}

static int forget(void *user, struct s3_tiering_access *access)
{
    struct call *c = user;
    s3_tiering_access_delete(c->txn, access);
    return 0;
}

RESULT tiering_forget(struct call *c, const struct s3_bucket_record *bucket)
{
    struct s3_tiering_access from = {.bucket = bucket->id};
    int result = s3_tiering_access_each(c->txn, &from, 1, c->arena, forget, c);
    return result < 0 ? refuse_errno(c, result, "forgetting accesses") : OK;
}
