// SPDX-License-Identifier: Apache-2.0
/*
 * UpdateTable: billing mode, units, class, deletion protection; indexes are in update_index.c. The
 * table goes on being read and written while it is UPDATING. Texts as the real service answers
 * them. Control thread.
 */
#include "services/dynamodb/allowance.h"
#include "services/dynamodb/decrease.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/throttle.h"
#include "services/dynamodb/vector.h"

#define UNITS_MAX 1000000000000

RESULT table_check_units(struct call *c, const struct dynamodb_provisioned_throughput *units)
{
    const struct {
        int64_t value;
        const char *name;
    } both[] = {{units->read_capacity_units, "ReadCapacityUnits"},
                {units->write_capacity_units, "WriteCapacityUnits"}};
    for (size_t i = 0; i < ARRAY_LEN(both); i++)
        if (both[i].value > UNITS_MAX)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Given value %lld for %s is out of bounds", (long long)both[i].value,
                          both[i].name);
    return OK;
}

static RESULT check_not_built(struct call *c, const struct dynamodb_update_table_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->sse_specification, "SSESpecification"},
        {span_eq(in->multi_region_consistency, S("STRONG")), "MultiRegionConsistency STRONG"},
        {in->global_table_witness_updates.count, "GlobalTableWitnessUpdates"},
        {in->global_table_settings_replication_mode.at, "GlobalTableSettingsReplicationMode"},
        {in->has.disassociation_protection_enabled, "DisassociationProtectionEnabled"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return table_not_built(c, parameters[i].what);
    return OK;
}

/* Some changes come alone, and an index is not made or deleted beside certain others. */
static RESULT check_together(struct call *c, const struct dynamodb_update_table_in *in)
{
    const struct {
        bool asked;
        const char *alone; /* NULL: may be combined */
    } changes[] = {
        {in->provisioned_throughput, NULL},
        {in->billing_mode.at, NULL},
        {in->global_secondary_index_updates.count, NULL},
        {in->vector_index_updates.count, NULL},
        {in->stream_specification, NULL},
        {in->on_demand_throughput, NULL},
        {in->warm_throughput, NULL},
        {in->table_class.at, "TableClass"},
        {in->has.deletion_protection_enabled, "DeletionProtection"},
        {in->replica_updates.count, "Replica"}, /* which is the one that is told */
    };
    size_t asked = 0;
    const char *alone = NULL;
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        asked += changes[i].asked;
        if (changes[i].asked && changes[i].alone)
            alone = changes[i].alone;
    }
    if (!asked)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
                      "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, "
                      "MultiAccountReplicaReady, ReplicaTransitRoleArn, MultiRegionConsistency, "
                      "DeletionProtectionEnabled, OnDemandThroughput, WarmThroughput or "
                      "TableClass is required");
    if (in->global_secondary_index_updates.at && !in->global_secondary_index_updates.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: List of "
                      "GlobalSecondaryIndexUpdates is empty");
    if (alone && asked > 1)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: %s modification must be the "
                      "only operation in the request",
                      alone);
    return OK;
}

static bool same_units(const struct dynamodb_table *table,
                       const struct dynamodb_provisioned_throughput *units)
{
    return !table->on_demand && table->read_units == (uint64_t)units->read_capacity_units &&
           table->write_units == (uint64_t)units->write_capacity_units;
}

static RESULT refuse_same_units(struct call *c, const struct dynamodb_table *table)
{
    unsigned long long reads = table->read_units, writes = table->write_units;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "The provisioned throughput for the table will not change. The requested value "
                  "equals the current value. Current ReadCapacityUnits provisioned for the table: "
                  "%llu. Requested ReadCapacityUnits: %llu. Current WriteCapacityUnits provisioned "
                  "for the table: %llu. Requested WriteCapacityUnits: %llu. Refer to the Amazon "
                  "DynamoDB Developer Guide for current limits and how to request higher limits.",
                  reads, reads, writes, writes);
}

static RESULT check_change(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_update_table_in *in)
{
    bool on_demand =
        in->billing_mode.at ? span_eq(in->billing_mode, S("PAY_PER_REQUEST")) : table->on_demand;
    if (on_demand && in->provisioned_throughput)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
                      "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    if (!on_demand && table->on_demand && !in->provisioned_throughput)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: ProvisionedThroughput must be "
                      "specified when BillingMode is PROVISIONED");
    TRY(vector_check_billing(c, table, on_demand));
    TRY(allowance_check(c, &(struct allowance_wish){.wanted = in->on_demand_throughput,
                                                    .on_demand = on_demand,
                                                    .made = true}));
    TRY(allowance_check_warm(
        c,
        &(struct warm_wish){
            .wanted = in->warm_throughput,
            .read = table_warm_now(table, table->warm_read, table->read_units, WARM_READ_UNITS),
            .write = table_warm_now(table, table->warm_write, table->write_units, WARM_WRITE_UNITS),
            .made = true}));
    bool only_units = !in->global_secondary_index_updates.count;
    if (in->provisioned_throughput && only_units && same_units(table, in->provisioned_throughput))
        return refuse_same_units(c, table);
    return OK;
}

static RESULT set_units(struct call *c, struct dynamodb_table *table,
                        const struct dynamodb_provisioned_throughput *units)
{
    uint64_t reads = (uint64_t)units->read_capacity_units;
    uint64_t writes = (uint64_t)units->write_capacity_units;
    if (reads > table->read_units || writes > table->write_units)
        table->increased = c->now_ms;
    if (reads < table->read_units || writes < table->write_units)
        TRY(decrease_count(c, &table->decreased, &table->decreases_today));
    table->on_demand = false;
    table->max_read = table->max_write = 0;
    for (size_t i = 0; i < table->indexes.count; i++)
        table->indexes.at[i].max_read = table->indexes.at[i].max_write = 0;
    table->read_units = reads;
    table->write_units = writes;
    return OK;
}

static void set_on_demand(struct call *c, struct dynamodb_table *table)
{
    if (table->on_demand)
        return;
    table->on_demand = true;
    table->on_demand_since = c->now_ms;
    table->read_units = table->write_units = 0;
    for (size_t i = 0; i < table->indexes.count; i++)
        table->indexes.at[i].read_units = table->indexes.at[i].write_units = 0;
}

static RESULT change(struct call *c, const struct dynamodb_update_table_in *in,
                     struct dynamodb_table *table)
{
    if (in->provisioned_throughput)
        TRY(set_units(c, table, in->provisioned_throughput));
    else if (span_eq(in->billing_mode, S("PAY_PER_REQUEST")))
        set_on_demand(c, table);
    allowance_set(in->on_demand_throughput, &table->max_read, &table->max_write);
    allowance_set_warm(in->warm_throughput, &table->warm_read, &table->warm_write);
    table->warming |= in->warm_throughput != NULL;
    if (in->table_class.at) {
        table->table_class = in->table_class;
        table->class_changed = c->now_ms;
    }
    if (in->has.deletion_protection_enabled)
        table->protected = in->deletion_protection_enabled;
    TRY(table_update_indexes(c, in, table));
    TRY(vector_update(c, in, table));
    if (in->stream_specification)
        TRY(table_set_stream(c, table, in->stream_specification));
    TRY(throttle_set(c, table));
    table->state = TABLE_UPDATING;
    table_put_moving(c, table);
    return OK;
}

static bool is_empty(const struct dynamodb_update_table_in *in)
{
    return !in->provisioned_throughput && !in->billing_mode.at &&
           !in->global_secondary_index_updates.count && !in->on_demand_throughput &&
           !in->warm_throughput && !in->table_class.at;
}

/* DynamoDB has the writes of an index that is new scaled by itself. */
static RESULT scale_new_indexes(struct call *c, const struct dynamodb_update_table_in *in,
                                const struct dynamodb_table *table)
{
    const struct dynamodb_global_secondary_index_update_list *list =
        &in->global_secondary_index_updates;
    for (size_t i = 0; i < list->count && !table->on_demand; i++)
        if (list->at[i].create)
            TRY(replica_scale_index(c, table, list->at[i].create->index_name));
    return OK;
}

/* Units, indexes, maxima and the class are those of all replicas. */
static RESULT change_replicas(struct call *c, const struct dynamodb_update_table_in *in,
                              const struct dynamodb_table *before)
{
    const struct dynamodb_update_table_in shared = {
        .attribute_definitions = in->attribute_definitions,
        .billing_mode = in->billing_mode,
        .provisioned_throughput = in->provisioned_throughput,
        .global_secondary_index_updates = in->global_secondary_index_updates,
        .on_demand_throughput = in->on_demand_throughput,
        .warm_throughput = in->warm_throughput,
        .table_class = in->table_class,
    };
    for (size_t i = 0; i < before->replicas.count && !is_empty(&shared); i++) {
        struct dynamodb_table peer;
        struct call there = replica_call(c, before->replicas.at[i].region);
        TRY(replica_find(&there, before, &peer));
        TRY(table_check_active(&there, &peer));
        const struct dynamodb_update_table_in own = replica_units_of(c, &shared, before, &peer);
        if (is_empty(&own))
            continue;
        bool on_demand = peer.on_demand;
        TRY(change(&there, &own, &peer));
        if (on_demand && !peer.on_demand)
            TRY(replica_share_scaling(c, before, there.region));
        TRY(scale_new_indexes(&there, in, &peer));
    }
    return OK;
}

static RESULT update(struct call *c, const struct dynamodb_update_table_in *in,
                     enum TABLE_REACH reach, struct dynamodb_table *table)
{
    TRY(replica_check_change(c, table, in));
    TRY(table_check_active(c, table));
    TRY(check_change(c, table, in));
    if (in->global_secondary_index_updates.count)
        TRY(replica_lock(c, table));
    struct dynamodb_table before = *table;
    before.indexes = table_copy_indexes(c->arena, table);
    TRY(change(c, in, table));
    if (!table->replicas.count || reach == TABLE_HERE)
        return OK;
    TRY(scale_new_indexes(c, in, table));
    return change_replicas(c, in, &before);
}

RESULT table_update(struct call *c, const struct dynamodb_update_table_in *in,
                    enum TABLE_REACH reach)
{
    struct dynamodb_table table;
    TRY(reference_table(c, in->table_name, &table));
    return update(c, in, reach, &table);
}

RESULT dynamodb_update_table(struct call *c, const struct dynamodb_update_table_in *in,
                             struct dynamodb_update_table_out *out)
{
    struct dynamodb_table table;
    TRY(check_not_built(c, in));
    TRY(check_together(c, in));
    TRY(table_check_index_updates(c, in));
    TRY(table_check_stream(c, in));
    TRY(replica_check_updates(c, &in->replica_updates));
    if (in->provisioned_throughput)
        TRY(table_check_units(c, in->provisioned_throughput));
    TRY(reference_table(c, in->table_name, &table));
    if (in->replica_updates.count && table.vectors.count)
        return table_not_built(c, "ReplicaUpdates of a table with vector indexes");
    if (in->replica_updates.count)
        return replica_update(c, &in->replica_updates, &table, &out->table_description);
    TRY(update(c, in, TABLE_EVERYWHERE, &table));
    return table_describe(c, &table, &out->table_description);
}
