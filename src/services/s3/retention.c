// SPDX-License-Identifier: Apache-2.0
/*
 * Object lock of buckets and of single versions: configuration, retention, legal hold. What is said
 * about a version is kept in its attributes and changed under its key's lock. Control thread for
 * buckets, loops for objects.
 */
#include "base/time.h"
#include "services/s3/access.h"
#include "services/s3/lock.h"
#include "services/s3/s3.api.h"
#include "services/s3/subject.h"

#define DAYS_MAX 36500
#define YEARS_MAX 100

/* ---- the bucket's configuration ------------------------------------------------------------- */

static RESULT read_period(struct call *c, const struct s3_default_retention *retention,
                          struct s3_bucket_record *bucket)
{
    int32_t period = retention->has.days ? retention->days : retention->years;
    if (period <= 0)
        return refuse(c, &S3_INVALID_ARGUMENT,
                      "Default retention period must be a positive integer value.");
    if (period > (retention->has.days ? DAYS_MAX : YEARS_MAX))
        return refuse(c, &S3_INVALID_ARGUMENT, "Default retention period is too large.");
    bucket->lock_days = retention->has.days ? (uint64_t)period : 0;
    bucket->lock_years = retention->has.days ? 0 : (uint64_t)period;
    return OK;
}

static RESULT read_rule(struct call *c, const struct s3_object_lock_rule *rule,
                        struct s3_bucket_record *bucket)
{
    const struct s3_default_retention *retention = rule->default_retention;
    if (!retention || retention->has.days == retention->has.years)
        return place_refuse_xml(c);
    if (retention->default_event_hold)
        return refuse(c, &S3_NOT_IMPLEMENTED, "Event holds are not implemented");
    bucket->lock_mode = lock_mode_named(retention->mode);
    if (bucket->lock_mode == LOCK_NONE)
        return place_refuse_xml(c);
    return read_period(c, retention, bucket);
}

RESULT s3_put_object_lock_configuration(struct call *c,
                                        const struct s3_put_object_lock_configuration_in *in,
                                        struct s3_put_object_lock_configuration_out *out)
{
    struct s3_bucket_record bucket;
    const struct s3_object_lock_configuration *wish = in->object_lock_configuration;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (!wish || !span_eq(wish->object_lock_enabled, S("Enabled")))
        return place_refuse_xml(c);
    if (bucket.versioning != VERSIONING_ENABLED)
        return refuse(c, &S3_INVALID_BUCKET_STATE,
                      "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                      "configuration");
    bucket.locks = true;
    bucket.lock_mode = LOCK_NONE;
    bucket.lock_days = bucket.lock_years = 0;
    if (wish->rule)
        TRY(read_rule(c, wish->rule, &bucket));
    s3_bucket_record_put(c->txn, &bucket);
    return OK;
}

RESULT s3_get_object_lock_configuration(struct call *c,
                                        const struct s3_get_object_lock_configuration_in *in,
                                        struct s3_get_object_lock_configuration_out *out)
{
    struct s3_bucket_record bucket;
    TRY(place_record(c, (struct place_name){in->bucket, in->expected_bucket_owner}, &bucket));
    if (!bucket.locks)
        return refuse_with(c, &S3_OBJECT_LOCK_CONFIGURATION_NOT_FOUND_ERROR, S("BucketName"),
                           in->bucket, "Object Lock configuration does not exist for this bucket");
    out->object_lock_configuration = ARENA_NEW(c->arena, struct s3_object_lock_configuration);
    out->object_lock_configuration->object_lock_enabled = S("Enabled");
    if (!bucket.lock_mode)
        return OK;
    struct s3_object_lock_rule *rule = ARENA_NEW(c->arena, struct s3_object_lock_rule);
    rule->default_retention = ARENA_NEW(c->arena, struct s3_default_retention);
    rule->default_retention->mode = lock_mode_name(bucket.lock_mode);
    if (bucket.lock_days)
        SET(rule->default_retention, days, (int32_t)bucket.lock_days);
    else
        SET(rule->default_retention, years, (int32_t)bucket.lock_years);
    out->object_lock_configuration->rule = rule;
    return OK;
}

/* ---- of one version ------------------------------------------------------------------------- */

static RESULT find_subject(struct call *c, struct place_name bucket, struct object_name name,
                           struct subject *out)
{
    TRY(subject_open(c, bucket, name, out));
    if (!out->place.bucket.locks)
        return refuse(c, &S3_INVALID_REQUEST, "Bucket is missing Object Lock Configuration");
    return object_need_subject(c, &out->place, &out->name, &out->found);
}

static RESULT refuse_unset(struct call *c)
{
    return refuse(c, &S3_NO_SUCH_OBJECT_LOCK_CONFIGURATION,
                  "The specified object does not have a ObjectLock configuration");
}

/* Mode and date, or neither of them, which takes the retention away. */
static RESULT read_retention(struct call *c, const struct s3_object_lock_retention *wish,
                             enum LOCK_MODE *ret_mode)
{
    *ret_mode = wish ? lock_mode_named(wish->mode) : LOCK_NONE;
    bool empty = wish && span_is_absent(wish->mode) && !wish->has.retain_until_date;
    if (wish && (!span_is_absent(wish->event_hold) || wish->event_hold_duration))
        return refuse(c, &S3_NOT_IMPLEMENTED, "Event holds are not implemented");
    if (!wish || (!empty && (*ret_mode == LOCK_NONE || !wish->has.retain_until_date)))
        return place_refuse_xml(c);
    if (empty || wish->retain_until_date > c->now_ms)
        return OK;
    const struct refusal *refusal = refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"),
                                                lock_date_text(c, wish->retain_until_date),
                                                "The retain until date must be in the future!");
    return refusal_add(c, refusal, S("ArgumentName"), S("RetainUntilDate"));
}

/* A running retention may always become longer in its mode; anything else loosens it. */
static RESULT check_change(struct call *c, const struct subject *subject, enum LOCK_MODE mode,
                           int64_t until, enum LOCK_BYPASS bypass)
{
    const struct s3_attributes *has = &subject->found.attributes;
    bool running = has->lock_mode && has->retain_until > c->now_ms;
    if (!running || (mode == has->lock_mode && until >= has->retain_until))
        return OK;
    if (has->lock_mode == LOCK_COMPLIANCE || bypass == LOCK_RESPECTED)
        return lock_refuse(c);
    return access_require(c, S("s3:BypassGovernanceRetention"), subject->place.bucket.name,
                          subject->name.key);
}

RESULT s3_put_object_retention(struct call *c, const struct s3_put_object_retention_in *in,
                               struct s3_put_object_retention_out *out)
{
    struct subject subject;
    enum LOCK_MODE mode;
    bool bypass = in->has.bypass_governance_retention && in->bypass_governance_retention;
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    TRY(read_retention(c, in->retention, &mode));
    int64_t until = mode ? in->retention->retain_until_date : 0;
    TRY(check_change(c, &subject, mode, until, bypass ? LOCK_BYPASSED : LOCK_RESPECTED));
    subject.found.attributes.lock_mode = mode;
    subject.found.attributes.retain_until = until;
    subject_write(c, &subject);
    return OK;
}

RESULT s3_get_object_retention(struct call *c, const struct s3_get_object_retention_in *in,
                               struct s3_get_object_retention_out *out)
{
    struct subject subject;
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    if (!subject.found.attributes.lock_mode)
        return refuse_unset(c);
    out->retention = ARENA_NEW(c->arena, struct s3_object_lock_retention);
    out->retention->mode = lock_mode_name(subject.found.attributes.lock_mode);
    SET(out->retention, retain_until_date, subject.found.attributes.retain_until);
    return OK;
}

RESULT s3_put_object_legal_hold(struct call *c, const struct s3_put_object_legal_hold_in *in,
                                struct s3_put_object_legal_hold_out *out)
{
    struct subject subject;
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    enum LEGAL_HOLD hold =
        in->legal_hold ? lock_hold_named(in->legal_hold->status) : LEGAL_HOLD_UNSET;
    if (hold == LEGAL_HOLD_UNSET)
        return place_refuse_xml(c);
    subject.found.attributes.legal_hold = hold;
    subject_write(c, &subject);
    return OK;
}

RESULT s3_get_object_legal_hold(struct call *c, const struct s3_get_object_legal_hold_in *in,
                                struct s3_get_object_legal_hold_out *out)
{
    struct subject subject;
    TRY(find_subject(c, SUBJECT_BUCKET(in), SUBJECT_NAME(in), &subject));
    if (!subject.found.attributes.legal_hold)
        return refuse_unset(c);
    out->legal_hold = ARENA_NEW(c->arena, struct s3_object_lock_legal_hold);
    out->legal_hold->status = lock_hold_name(subject.found.attributes.legal_hold);
    return OK;
}
