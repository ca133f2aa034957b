// SPDX-License-Identifier: Apache-2.0
/*
 * Recovery to a point in time: UpdateContinuousBackups and DescribeContinuousBackups. While it is
 * on the engine keeps what items were before each change. A table can be restored to any second
 * from when it was switched on, at most the recovery period ago, until now: nothing here lags
 * behind. Control thread.
 */
#include "services/dynamodb/recovery.h"

#include "base/time.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define MARGIN_MS HOUR_MS /* of history: the earliest second is there when it is asked for */
#define DAYS_DEFAULT 35

int64_t recovery_earliest(const struct dynamodb_table *table, int64_t now_ms)
{
    int64_t period = now_ms - (int64_t)table->recovery_days * DAY_MS;
    return period > table->recovery_since ? period : table->recovery_since;
}

RESULT recovery_table(struct call *c, struct span table_name, struct dynamodb_table *ret)
{
    struct span name;
    TRY(reference_read(c, table_name, &name));
    *ret = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, ret);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_TABLE_NOT_FOUND_EXCEPTION, "Table not found: %.*s",
                      SPAN_ARG(name));
    return error < 0 ? refuse_errno(c, error, "reading a table's record") : OK;
}

RESULT recovery_check_made(struct call *c, const struct dynamodb_table *table)
{
    if (table->state == TABLE_CREATING)
        return refuse(c, &DYNAMODB_TABLE_NOT_FOUND_EXCEPTION, "Table not found: %.*s",
                      SPAN_ARG(table->name));
    if (table->state == TABLE_DELETING)
        return refuse(c, &DYNAMODB_TABLE_IN_USE_EXCEPTION, "Table is being deleted: %.*s",
                      SPAN_ARG(table->name));
    return OK;
}

/* Backups are always possible (ENABLED); recovery to a point in time is what can be switched. */
static struct dynamodb_continuous_backups_description *show(struct call *c,
                                                            const struct dynamodb_table *table)
{
    struct dynamodb_continuous_backups_description *to =
        ARENA_NEW(c->arena, struct dynamodb_continuous_backups_description);
    struct dynamodb_point_in_time_recovery_description *recovery =
        ARENA_NEW(c->arena, struct dynamodb_point_in_time_recovery_description);
    to->continuous_backups_status = S("ENABLED");
    to->point_in_time_recovery_description = recovery;
    recovery->point_in_time_recovery_status = S("DISABLED");
    if (!table->recovery_days)
        return to;
    recovery->point_in_time_recovery_status = S("ENABLED");
    SET(recovery, recovery_period_in_days, (int32_t)table->recovery_days);
    SET(recovery, earliest_restorable_date_time, recovery_earliest(table, c->now_ms));
    SET(recovery, latest_restorable_date_time, c->now_ms);
    return to;
}

RESULT
dynamodb_describe_continuous_backups(struct call *c,
                                     const struct dynamodb_describe_continuous_backups_in *in,
                                     struct dynamodb_describe_continuous_backups_out *out)
{
    struct dynamodb_table table;
    TRY(recovery_table(c, in->table_name, &table));
    out->continuous_backups_description = show(c, &table);
    return OK;
}

/* What is older than the period until now is gone when that becomes longer. */
static void set_period(struct call *c, struct dynamodb_table *table, uint64_t days)
{
    table->recovery_since = table->recovery_days ? recovery_earliest(table, c->now_ms) : c->now_ms;
    table->recovery_days = days;
}

RESULT dynamodb_update_continuous_backups(struct call *c,
                                          const struct dynamodb_update_continuous_backups_in *in,
                                          struct dynamodb_update_continuous_backups_out *out)
{
    const struct dynamodb_point_in_time_recovery_specification *wanted =
        in->point_in_time_recovery_specification;
    struct kv_access access = reference_access(c);
    struct dynamodb_table table;
    uint64_t days = 0;
    TRY(recovery_table(c, in->table_name, &table));
    TRY(recovery_check_made(c, &table));
    if (wanted->point_in_time_recovery_enabled)
        days = wanted->has.recovery_period_in_days ? (uint64_t)wanted->recovery_period_in_days
               : table.recovery_days               ? table.recovery_days
                                                   : DAYS_DEFAULT;
    set_period(c, &table, days);
    int64_t kept_ms = days ? (int64_t)days * DAY_MS + MARGIN_MS : 0;
    int error = kv_history_keep(&access, reference_of(c->arena, &table), kept_ms);
    if (error < 0)
        return refuse_errno(c, error, "keeping a table's history");
    dynamodb_table_put(c->txn, &table);
    out->continuous_backups_description = show(c, &table);
    return OK;
}
