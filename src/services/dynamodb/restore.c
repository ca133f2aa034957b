// SPDX-License-Identifier: Apache-2.0
/*
 * RestoreTableFromBackup and RestoreTableToPointInTime: a table made like another one was, with
 * fewer indexes or other units where the caller says so, which is CREATING until the engine has
 * copied all items. Tags, policies, streams, times to live, protection and recovery are not
 * restored ("Restoring a table"). Control thread.
 */
#include "base/time.h"
#include "services/dynamodb/backup.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

#include <errno.h>

#define BAD "One or more parameter values were invalid: "

/* What is asked for beside the source, in either operation. */
struct wish {
    struct span target, billing_mode;
    const struct dynamodb_provisioned_throughput *units;
    const struct dynamodb_global_secondary_index_list *global;
    const struct dynamodb_local_secondary_index_list *local;
    const struct dynamodb_sse_specification *sse;
    const void *on_demand_throughput;
    bool vectors;
};

#define WISH(in)                                                                                   \
    ((struct wish){                                                                                \
        .target = (in)->target_table_name,                                                         \
        .billing_mode = (in)->billing_mode_override,                                               \
        .units = (in)->provisioned_throughput_override,                                            \
        .global = &(in)->global_secondary_index_override,                                          \
        .local = &(in)->local_secondary_index_override,                                            \
        .sse = (in)->sse_specification_override,                                                   \
        .on_demand_throughput = (in)->on_demand_throughput_override,                               \
        .vectors = (in)->vector_index_override.count > 0,                                          \
    })

static RESULT check_not_built(struct call *c, const struct wish *wish)
{
    if (wish->sse && wish->sse->enabled)
        return table_not_built(c, "SSESpecificationOverride with Enabled true");
    if (wish->on_demand_throughput)
        return table_not_built(c, "OnDemandThroughputOverride");
    return wish->vectors ? table_not_built(c, "VectorIndexOverride") : OK;
}

static RESULT check_target(struct call *c, const struct wish *wish)
{
    struct dynamodb_table table = reference_key(c, wish->target);
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (!error && table.state == TABLE_CREATING && table.restored_backup.at)
        return refuse(c, &DYNAMODB_TABLE_IN_USE_EXCEPTION,
                      "Table: %.*s is already being restored from backup: %.*s",
                      SPAN_ARG(wish->target), SPAN_ARG(table.restored_backup));
    if (!error)
        return refuse(c, &DYNAMODB_TABLE_ALREADY_EXISTS_EXCEPTION, "Table already exists: %.*s",
                      SPAN_ARG(wish->target));
    return error == -ENOENT ? OK : refuse_errno(c, error, "reading a table's record");
}

/* ---- what it will be ------------------------------------------------------------------------ */

static RESULT set_billing(struct call *c, const struct wish *wish, struct dynamodb_table *table)
{
    bool provisioned = span_eq(wish->billing_mode, S("PROVISIONED"));
    if (wish->billing_mode.at)
        table->on_demand = !provisioned;
    if (table->on_demand && wish->units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED");
    if (provisioned && !wish->units)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Must override ProvisionedThroughput if BillingMode is overridden to "
                      "PROVISIONED");
    if (wish->units) {
        TRY(table_check_units(c, wish->units));
        table->read_units = (uint64_t)wish->units->read_capacity_units;
        table->write_units = (uint64_t)wish->units->write_capacity_units;
    }
    if (!table->on_demand)
        return OK;
    table->read_units = table->write_units = 0;
    table->on_demand_since = c->now_ms;
    return OK;
}

static bool same_keys(const struct dynamodb_key_schema *a, const struct dynamodb_key_schema *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!span_eq(a->at[i].attribute_name, b->at[i].attribute_name) ||
            !span_eq(a->at[i].key_type, b->at[i].key_type))
            return false;
    return true;
}

static bool is_included(const struct dynamodb_table_index *index, struct span name)
{
    for (size_t i = 0; i < index->included.count; i++)
        if (span_eq(index->included.at[i], name))
            return true;
    return false;
}

static bool same_projection(const struct dynamodb_table_index *index,
                            const struct dynamodb_projection *projection)
{
    const struct dynamodb_non_key_attribute_name_list *names = &projection->non_key_attributes;
    if (!span_eq(index->projection, projection->projection_type) ||
        index->included.count != names->count)
        return false;
    for (size_t i = 0; i < names->count; i++)
        if (!is_included(index, names->at[i]))
            return false;
    return true;
}

/* One of those that the source had, by any name. */
static RESULT keep_index(struct call *c, const struct dynamodb_blueprint *of,
                         const struct index_wish *wanted, struct dynamodb_table *table)
{
    for (size_t i = 0; i < of->indexes.count; i++) {
        const struct dynamodb_table_index *index = &of->indexes.at[i];
        const struct dynamodb_key_schema keys = index_keys(c, index);
        if (index->local != wanted->local || !same_keys(&keys, wanted->keys) ||
            !same_projection(index, wanted->projection))
            continue;
        struct dynamodb_table_index *kept = &table->indexes.at[table->indexes.count++];
        *kept = *index;
        kept->name = wanted->name;
        if (wanted->units) {
            kept->read_units = (uint64_t)wanted->units->read_capacity_units;
            kept->write_units = (uint64_t)wanted->units->write_capacity_units;
        }
        return OK;
    }
    return refuse(
        c, &DYNAMODB_VALIDATION_EXCEPTION,
        "Index %.*s does not match a secondary index that existed in the source table and "
        "cannot be created during the restore operation",
        SPAN_ARG(wanted->name));
}

static void keep_all(const struct dynamodb_blueprint *of, enum INDEX_KIND kind,
                     struct dynamodb_table *table)
{
    for (size_t i = 0; i < of->indexes.count; i++)
        if (of->indexes.at[i].local == (kind == INDEX_LOCAL) &&
            of->indexes.at[i].state != INDEX_DELETING)
            table->indexes.at[table->indexes.count++] = of->indexes.at[i];
}

static RESULT set_units(struct call *c, struct dynamodb_table *table)
{
    for (size_t i = 0; i < table->indexes.count; i++) {
        struct dynamodb_table_index *index = &table->indexes.at[i];
        index->state = INDEX_CREATING;
        index->increased = index->decreased = 0;
        index->decreases_today = 0;
        if (table->on_demand)
            index->read_units = index->write_units = 0;
        else if (!index->local && !index->read_units)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "ProvisionedThroughput is not specified for index: %.*s",
                          SPAN_ARG(index->name));
    }
    return OK;
}

static RESULT set_indexes(struct call *c, const struct wish *wish,
                          const struct dynamodb_blueprint *of, struct dynamodb_table *table)
{
    const size_t count = of->indexes.count + wish->global->count + wish->local->count;
    table->indexes = (struct dynamodb_table_index_list){
        .at = ARENA_ARRAY(c->arena, struct dynamodb_table_index, count)};
    if (!wish->global->at)
        keep_all(of, INDEX_GLOBAL, table);
    if (!wish->local->at)
        keep_all(of, INDEX_LOCAL, table);
    for (size_t i = 0; i < wish->global->count; i++) {
        const struct dynamodb_global_secondary_index *index = &wish->global->at[i];
        TRY(keep_index(c, of,
                       &(struct index_wish){.name = index->index_name,
                                            .keys = &index->key_schema,
                                            .projection = index->projection,
                                            .units = index->provisioned_throughput},
                       table));
    }
    for (size_t i = 0; i < wish->local->count; i++) {
        const struct dynamodb_local_secondary_index *index = &wish->local->at[i];
        TRY(keep_index(c, of,
                       &(struct index_wish){.name = index->index_name,
                                            .keys = &index->key_schema,
                                            .projection = index->projection,
                                            .local = true},
                       table));
    }
    return set_units(c, table);
}

/* ---- making --------------------------------------------------------------------------------- */

/* Where the items come from. */
struct source {
    const struct dynamodb_blueprint *of;
    struct span engine_name;
    int64_t at_ms;             /* 0: the whole of it */
    struct span backup, table; /* ARNs; backup absent: none */
    int64_t told_ms;
};

static RESULT restore(struct call *c, const struct wish *wish, const struct source *source,
                      struct dynamodb_table_description **ret)
{
    const struct dynamodb_blueprint *of = source->of;
    struct kv_access access = reference_access(c);
    struct dynamodb_table table = table_made_like(c, wish->target, of);
    table.restored_backup = source->backup;
    table.restored_table = source->table;
    table.restored_at = source->told_ms;
    TRY(set_billing(c, wish, &table));
    TRY(set_indexes(c, wish, of, &table));
    table.vectors = vector_restored(c, &of->vectors);
    TRY(vector_check_billing(c, &table, table.on_demand));
    TRY(table_make(c, &table));
    int error = kv_copy_start(&access, &(struct kv_copy){.table = source->engine_name,
                                                         .copy = reference_of(c->arena, &table),
                                                         .at_ms = source->at_ms});
    if (error < 0)
        return refuse_errno(c, error, "copying items");
    table_put_moving(c, &table);
    return table_describe_new(c, &table, ret);
}

RESULT
dynamodb_restore_table_from_backup(struct call *c,
                                   const struct dynamodb_restore_table_from_backup_in *in,
                                   struct dynamodb_restore_table_from_backup_out *out)
{
    const struct wish wish = WISH(in);
    struct dynamodb_backup backup;
    int copying;
    TRY(check_not_built(c, &wish));
    TRY(backup_find(c, in->backup_arn, &backup));
    TRY(check_target(c, &wish));
    TRY(backup_copying(c, &backup, &copying));
    if (copying == KV_COPYING_TO)
        return refuse(c, &DYNAMODB_BACKUP_IN_USE_EXCEPTION, "Backup is being created: %.*s",
                      SPAN_ARG(in->backup_arn));
    if (copying == KV_COPYING_FROM)
        return refuse(c, &DYNAMODB_BACKUP_IN_USE_EXCEPTION,
                      "Backup is being used to restore another table: %.*s",
                      SPAN_ARG(in->backup_arn));
    const struct source source = {
        .of = backup.of,
        .engine_name = backup_of(c->arena, &backup),
        .backup = in->backup_arn,
        .table = reference_arn(c, backup.table),
        .told_ms = backup.created,
    };
    return restore(c, &wish, &source, &out->table_description);
}

/* The caller may restore from the source and to the target. */
static RESULT require_both(struct call *c,
                           const struct dynamodb_restore_table_to_point_in_time_in *in,
                           struct span *ret_source)
{
    const struct span action = S("dynamodb:RestoreTableToPointInTime");
    if (in->source_table_arn.at && in->source_table_name.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Must provide exactly one of: sourceTableArn, sourceTableName");
    if (!in->source_table_arn.at && !in->source_table_name.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The parameter 'TableName' is required");
    *ret_source = in->source_table_arn.at ? in->source_table_arn : in->source_table_name;
    TRY(reference_require(c, action, *ret_source));
    return reference_require(c, action, in->target_table_name);
}

/* The end of the first text has no source. */
static RESULT check_flags(struct call *c,
                          const struct dynamodb_restore_table_to_point_in_time_in *in)
{
    if (in->use_latest_restorable_time && in->has.restore_date_time)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be "
                      "set for point-in-time restore request. Please specify only one of them");
    if (!in->use_latest_restorable_time && !in->has.restore_date_time)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime "
                      "must be specified, but not both");
    return OK;
}

static RESULT check_time(struct call *c, const struct dynamodb_table *table,
                         const struct dynamodb_restore_table_to_point_in_time_in *in)
{
    char asked[TIME_TEXT_SIZE], earliest[TIME_TEXT_SIZE], latest[TIME_TEXT_SIZE];
    int64_t earliest_ms = recovery_earliest(table, c->now_ms) / 1000 * 1000;
    if (!in->has.restore_date_time ||
        (in->restore_date_time >= earliest_ms && in->restore_date_time <= c->now_ms))
        return OK;
    return refuse(c, &DYNAMODB_INVALID_RESTORE_TIME_EXCEPTION,
                  "RestoreDateTime '%.*s' must be within EarliestRestorableDateTime '%.*s' and "
                  "LatestRestorableDateTime '%.*s'",
                  SPAN_ARG(time_iso8601(in->restore_date_time, asked)),
                  SPAN_ARG(time_iso8601(earliest_ms, earliest)),
                  SPAN_ARG(time_iso8601(c->now_ms, latest)));
}

RESULT
dynamodb_restore_table_to_point_in_time(struct call *c,
                                        const struct dynamodb_restore_table_to_point_in_time_in *in,
                                        struct dynamodb_restore_table_to_point_in_time_out *out)
{
    const struct wish wish = WISH(in);
    struct dynamodb_table table;
    struct span source_name;
    TRY(require_both(c, in, &source_name));
    TRY(check_not_built(c, &wish));
    TRY(check_flags(c, in));
    TRY(recovery_table(c, source_name, &table));
    TRY(recovery_check_made(c, &table));
    if (!table.recovery_days)
        return refuse(c, &DYNAMODB_POINT_IN_TIME_RECOVERY_UNAVAILABLE_EXCEPTION,
                      "Point in time recovery is not enabled for table '%.*s'",
                      SPAN_ARG(table.name));
    TRY(check_time(c, &table, in));
    TRY(check_target(c, &wish));
    const struct source source = {
        .of = backup_blueprint(c->arena, &table),
        .engine_name = reference_of(c->arena, &table),
        .at_ms = in->has.restore_date_time ? in->restore_date_time : 0,
        .table = reference_arn(c, table.name),
        .told_ms = in->has.restore_date_time ? in->restore_date_time : c->now_ms,
    };
    return restore(c, &wish, &source, &out->table_description);
}
