// SPDX-License-Identifier: Apache-2.0
/* The rules of object lock: what a request may ask for, and what keeps a version. Any thread. */
#include "services/s3/lock.h"

#include "base/time.h"
#include "services/s3/access.h"
#include "services/s3/s3.api.h"

static const struct span modes[] = {
    [LOCK_GOVERNANCE] = S_INIT("GOVERNANCE"),
    [LOCK_COMPLIANCE] = S_INIT("COMPLIANCE"),
};

static const struct span holds[] = {
    [LEGAL_HOLD_ON] = S_INIT("ON"),
    [LEGAL_HOLD_OFF] = S_INIT("OFF"),
};

struct span lock_mode_name(uint64_t mode)
{
    return mode < ARRAY_LEN(modes) ? modes[mode] : SPAN_NONE;
}

enum LOCK_MODE lock_mode_named(struct span name)
{
    return span_eq(name, modes[LOCK_GOVERNANCE])   ? LOCK_GOVERNANCE
           : span_eq(name, modes[LOCK_COMPLIANCE]) ? LOCK_COMPLIANCE
                                                   : LOCK_NONE;
}

struct span lock_hold_name(uint64_t hold)
{
    return hold < ARRAY_LEN(holds) ? holds[hold] : SPAN_NONE;
}

enum LEGAL_HOLD lock_hold_named(struct span name)
{
    return span_eq(name, holds[LEGAL_HOLD_ON])    ? LEGAL_HOLD_ON
           : span_eq(name, holds[LEGAL_HOLD_OFF]) ? LEGAL_HOLD_OFF
                                                  : LEGAL_HOLD_UNSET;
}

/* ---- asking for it -------------------------------------------------------------------------- */

static RESULT refuse_argument(struct call *c, const char *name, struct span value,
                              const char *message)
{
    const struct refusal *refusal =
        span_is_absent(value)
            ? refuse(c, &S3_INVALID_ARGUMENT, "%s", message)
            : refuse_with(c, &S3_INVALID_ARGUMENT, S("ArgumentValue"), value, "%s", message);
    return refusal_add(c, refusal, S("ArgumentName"), span_of_cstr(name));
}

static RESULT check_headers(struct call *c, const struct lock_headers *headers)
{
    static const char both[] = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode "
                               "must both be supplied";
    bool mode = !span_is_absent(headers->mode), date = headers->retain_until != TIME_NONE;
    if (mode && lock_mode_named(headers->mode) == LOCK_NONE)
        return refuse_argument(c, "x-amz-object-lock-mode", headers->mode,
                               "Unknown wormMode directive.");
    if (mode != date)
        return refuse_argument(
            c, mode ? "x-amz-object-lock-retain-until-date" : "x-amz-object-lock-mode", SPAN_NONE,
            both);
    if (date && headers->retain_until <= c->now_ms)
        return refuse_argument(c, "x-amz-object-lock-retain-until-date",
                               lock_date_text(c, headers->retain_until),
                               "The retain until date must be in the future!");
    if (!span_is_absent(headers->legal_hold) &&
        lock_hold_named(headers->legal_hold) == LEGAL_HOLD_UNSET)
        return refuse_argument(c, "x-amz-object-lock-legal-hold", headers->legal_hold,
                               "Legal Hold must be either of 'ON' or 'OFF'");
    return OK;
}

RESULT lock_read_headers(struct call *c, const struct lock_headers *headers,
                         struct s3_attributes *attributes)
{
    TRY(check_headers(c, headers));
    attributes->lock_mode = lock_mode_named(headers->mode);
    attributes->retain_until = attributes->lock_mode ? headers->retain_until : 0;
    attributes->legal_hold = lock_hold_named(headers->legal_hold);
    return OK;
}

/* Java's text of a date, in S3's own time zone (without its summer time). */
struct span lock_date_text(struct call *c, int64_t ms)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil civil = time_civil(ms - 8 * HOUR_MS);
    return arena_printf(c->arena, "%.3s %.3s %02d %02d:%02d:%02d PST %d", days + 3 * civil.weekday,
                        months + 3 * (civil.month - 1), civil.day, civil.hour, civil.minute,
                        civil.second, civil.year);
}

RESULT lock_check_wish(struct call *c, const struct place *place, struct span key,
                       const struct s3_attributes *attributes)
{
    if (!attributes->lock_mode && !attributes->legal_hold)
        return OK;
    if (!place->bucket.locks)
        return refuse(c, &S3_INVALID_REQUEST, "Bucket is missing Object Lock Configuration");
    if (attributes->lock_mode)
        TRY(access_require(c, S("s3:PutObjectRetention"), place->bucket.name, key));
    if (attributes->legal_hold)
        TRY(access_require(c, S("s3:PutObjectLegalHold"), place->bucket.name, key));
    return OK;
}

void lock_add_default(struct call *c, const struct place *place, struct s3_attributes *attributes)
{
    const struct s3_bucket_record *bucket = &place->bucket;
    if (attributes->lock_mode || !bucket->lock_mode)
        return;
    attributes->lock_mode = bucket->lock_mode;
    attributes->retain_until =
        c->now_ms + (int64_t)(bucket->lock_days + 365 * bucket->lock_years) * DAY_MS;
}

static bool has_digest(const struct call *c)
{
    for (size_t i = 0; i < c->request_headers.count; i++) {
        struct header header = c->request_headers.at[i];
        if (span_eq(header.name, S("content-md5")) ||
            span_starts(header.name, S("x-amz-checksum-")) ||
            (span_eq(header.name, S("x-amz-trailer")) &&
             span_starts(header.value, S("x-amz-checksum-"))))
            return true;
    }
    return false;
}

RESULT lock_need_digest(struct call *c, const struct s3_attributes *attributes, const char *what)
{
    if ((!attributes->lock_mode && attributes->legal_hold != LEGAL_HOLD_ON) || has_digest(c))
        return OK;
    return refuse(c, &S3_INVALID_REQUEST,
                  "Content-MD5 OR x-amz-checksum- HTTP header is required for %s requests with "
                  "Object Lock parameters",
                  what);
}

/* ---- respecting it -------------------------------------------------------------------------- */

RESULT lock_read_bypass(struct call *c, const struct place *place, const bool *sent,
                        enum LOCK_BYPASS *out)
{
    *out = sent && *sent ? LOCK_BYPASSED : LOCK_RESPECTED;
    if (!sent || place->bucket.locks)
        return OK;
    return refuse_argument(c, "x-amz-bypass-governance-retention", SPAN_NONE,
                           "x-amz-bypass-governance-retention is only applicable to Object Lock "
                           "enabled buckets.");
}

bool lock_holds(const struct s3_attributes *attributes, int64_t now_ms)
{
    return attributes->legal_hold == LEGAL_HOLD_ON ||
           (attributes->lock_mode && attributes->retain_until > now_ms);
}

RESULT lock_refuse(struct call *c)
{
    return refuse(c, &S3_ACCESS_DENIED, "Access Denied because object protected by object lock.");
}

RESULT lock_check_deletion(struct call *c, const struct place *place, struct span key,
                           const struct s3_attributes *attributes, enum LOCK_BYPASS bypass)
{
    if (!lock_holds(attributes, c->now_ms))
        return OK;
    bool governed =
        attributes->legal_hold != LEGAL_HOLD_ON && attributes->lock_mode == LOCK_GOVERNANCE;
    if (!governed || bypass == LOCK_RESPECTED)
        return lock_refuse(c);
    return access_require(c, S("s3:BypassGovernanceRetention"), place->bucket.name, key);
}

void lock_show(struct call *c, const struct place *place, struct span key,
               const struct s3_attributes *attributes, struct lock_shown *out)
{
    *out = (struct lock_shown){.retain_until = TIME_NONE};
    struct span bucket = place->bucket.name;
    if (attributes->lock_mode && !access_require(c, S("s3:GetObjectRetention"), bucket, key)) {
        out->mode = lock_mode_name(attributes->lock_mode);
        out->retain_until = attributes->retain_until;
    }
    if (attributes->legal_hold && !access_require(c, S("s3:GetObjectLegalHold"), bucket, key))
        out->legal_hold = lock_hold_name(attributes->legal_hold);
}
