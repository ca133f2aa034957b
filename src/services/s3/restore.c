// SPDX-License-Identifier: Apache-2.0
/*
 * RestoreObject, and what it makes of archived objects. A restoration is two times among the
 * object's attributes: when it is ready, and the midnight at which it ends, or never for objects of
 * Intelligent-Tiering, which then are in its first tier again. Loops.
 */
#include "services/s3/restore.h"

#include "base/time.h"
#include "services/s3/lifecycle.h"
#include "services/s3/storage_class.h"
#include "services/s3/subject.h"
#include "services/s3/tiering.h"

#define FOR_EVER (INT64_MAX / 2) /* far from what a sum could overflow */

/* The shortest time that S3 names for each tier. Source: "Understanding archive retrieval options".
 */
struct tier {
    struct span name;
    int64_t glacier_ms, deep_ms; /* 0: not for this class */
};

static const struct tier tiers[] = {
    {S_INIT("Expedited"), MINUTE_MS, 0},
    {S_INIT("Standard"), 3 * HOUR_MS, 12 * HOUR_MS},
    {S_INIT("Bulk"), 5 * HOUR_MS, 48 * HOUR_MS},
};

/* ---- what it makes of objects --------------------------------------------------------------- */

enum RESTORE_STATE restore_state(const struct s3_attributes *attributes, int64_t now_ms)
{
    if (!attributes->restored_until || now_ms >= attributes->restored_until)
        return RESTORE_NONE;
    return now_ms < attributes->restored_from ? RESTORE_UNDER_WAY : RESTORE_DONE;
}

static bool is_archived(const struct s3_attributes *attributes, int64_t now_ms)
{
    const struct storage_class *class = storage_class_named(attributes->storage_class);
    return (class && class->archived) || !span_is_absent(tiering_status(attributes, now_ms));
}

static RESULT refuse_state(struct call *c, const struct s3_attributes *attributes,
                           const char *message)
{
    struct span tier = tiering_status(attributes, c->now_ms);
    const struct refusal *refusal =
        refuse_with(c, &S3_INVALID_OBJECT_STATE, S("StorageClass"),
                    attributes_storage_class(attributes), "%s", message);
    return span_is_absent(tier) ? refusal : refusal_add(c, refusal, S("AccessTier"), tier);
}

RESULT restore_check_readable(struct call *c, const struct s3_attributes *attributes,
                              const char *message)
{
    if (!is_archived(attributes, c->now_ms) || restore_state(attributes, c->now_ms) == RESTORE_DONE)
        return OK;
    return refuse_state(c, attributes, message);
}

struct span restore_text(struct call *c, const struct s3_attributes *attributes)
{
    char date[TIME_TEXT_SIZE];
    switch (restore_state(attributes, c->now_ms)) {
    case RESTORE_NONE:
        break;
    case RESTORE_UNDER_WAY:
        return S("ongoing-request=\"true\"");
    case RESTORE_DONE:
        if (attributes->tier)
            break;
        return arena_printf(c->arena, "ongoing-request=\"false\", expiry-date=\"%.*s\"",
                            SPAN_ARG(time_http_date(attributes->restored_until, date)));
    }
    return SPAN_NONE;
}

struct s3_restore_status *restore_status(struct call *c, const struct s3_attributes *attributes)
{
    enum RESTORE_STATE state = restore_state(attributes, c->now_ms);
    if (state == RESTORE_NONE || (state == RESTORE_DONE && attributes->tier))
        return NULL;
    struct s3_restore_status *status = ARENA_NEW(c->arena, struct s3_restore_status);
    SET(status, is_restore_in_progress, state == RESTORE_UNDER_WAY);
    if (state == RESTORE_DONE)
        SET(status, restore_expiry_date, attributes->restored_until);
    return status;
}

void restore_forget(struct s3_attributes *attributes)
{
    attributes->restored_from = attributes->restored_until = 0;
    attributes->tier = 0;
    attributes->tiered_at = 0;
}

/* ---- asking for it -------------------------------------------------------------------------- */

/* Standard where none is named; both members mean it. */
static RESULT choose_tier(struct call *c, const struct s3_restore_request *wish,
                          const struct s3_attributes *attributes, int64_t *ret_ms)
{
    struct span name =
        wish->glacier_job_parameters ? wish->glacier_job_parameters->tier : wish->tier;
    bool deep = span_eq(attributes->storage_class, S("DEEP_ARCHIVE")) ||
                attributes->tier == TIER_DEEP_ARCHIVE;
    const struct tier *tier = &tiers[1];
    for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
        if (span_eq(name, tiers[i].name))
            tier = &tiers[i];
    *ret_ms = deep ? tier->deep_ms : tier->glacier_ms;
    if (*ret_ms)
        return OK;
    return refuse(c, &S3_INVALID_ARGUMENT,
                  "Retrieval option is not supported by this storage "
                  "class");
}

/* Objects of Intelligent-Tiering come back for good, so they take no days. Source: RestoreObject.
 */
static RESULT check_wish(struct call *c, const struct s3_restore_request *wish,
                         const struct s3_attributes *attributes)
{
    if (!wish)
        return place_refuse_xml(c);
    if (wish->type.len || wish->select_parameters || wish->output_location)
        return refuse(c, &S3_NOT_IMPLEMENTED, "Select requests are not implemented");
    if (attributes->tier ? wish->has.days : !wish->has.days || wish->days < 1)
        return place_refuse_xml(c);
    return OK;
}

/* What is under way may be made faster, and what is done may stay longer. */
static RESULT restore(struct call *c, const struct s3_restore_request *wish,
                      struct s3_attributes *attributes)
{
    int64_t takes_ms;
    TRY(choose_tier(c, wish, attributes, &takes_ms));
    enum RESTORE_STATE state = restore_state(attributes, c->now_ms);
    int64_t ready = c->now_ms + takes_ms;
    if (state == RESTORE_UNDER_WAY && ready >= attributes->restored_from)
        return refuse(c, &S3_RESTORE_ALREADY_IN_PROGRESS, "Object restore is already in progress");
    if (state == RESTORE_DONE)
        ready = c->now_ms;
    else
        attributes->restored_from = ready;
    attributes->restored_until =
        attributes->tier ? FOR_EVER : lifecycle_midnight(ready + wish->days * DAY_MS);
    c->status = state == RESTORE_DONE ? 200 : 202;
    return OK;
}

RESULT s3_restore_object(struct call *c, const struct s3_restore_object_in *in,
                         struct s3_restore_object_out *out)
{
    struct subject subject;
    TRY(subject_find(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    if (!is_archived(&subject.found.attributes, c->now_ms))
        return refuse_state(c, &subject.found.attributes,
                            "Restore is not allowed for the object's current storage class");
    TRY(check_wish(c, in->restore_request, &subject.found.attributes));
    TRY(restore(c, in->restore_request, &subject.found.attributes));
    subject_write(c, &subject);
    return OK;
}
