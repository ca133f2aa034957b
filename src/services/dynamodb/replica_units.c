// SPDX-License-Identifier: Apache-2.0
/*
 * Units of provisioned global tables. A change of them by hand goes to all regions, but that reads
 * which a region has others of stay as they are there; a change of reads by Application Auto
 * Scaling stays in its region. Rules and texts as the real service was measured to have them in
 * October 2026. Control thread.
 */
#include "services/application_autoscaling/application_autoscaling.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"

#include <errno.h>

/* ---- writes are scaled ---------------------------------------------------------------------- */

static RESULT check_one(struct call *c, const struct dynamodb_table *table, struct span index)
{
    const struct dynamodb_units of = {table->name, index, KV_METER_WRITE};
    struct application_autoscaling_settings settings;
    int error = application_autoscaling_find(c, &of, &settings);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading how units are scaled");
    if (!error)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "%s write capacity should either be Pay-Per-Request or AutoScaled.",
                  index.at ? "GSI" : "Table");
}

RESULT replica_check_indexes_scaled(struct call *c, const struct dynamodb_table *table)
{
    for (size_t i = 0; i < table->indexes.count; i++)
        if (!table->indexes.at[i].local && table->indexes.at[i].state != INDEX_DELETING)
            TRY(check_one(c, table, table->indexes.at[i].name));
    return OK;
}

RESULT replica_check_scaled(struct call *c, const struct dynamodb_table *table)
{
    TRY(check_one(c, table, SPAN_NONE));
    return replica_check_indexes_scaled(c, table);
}

static RESULT share_one(struct call *c, struct call *there, const struct dynamodb_units *of)
{
    struct application_autoscaling_settings settings;
    int error = application_autoscaling_find(c, of, &settings);
    if (error < 0)
        return error == -ENOENT ? OK : refuse_errno(c, error, "reading how units are scaled");
    return application_autoscaling_set(there, of, &settings);
}

RESULT replica_share_scaling(struct call *c, const struct dynamodb_table *table, struct span region)
{
    struct call there = replica_call(c, region);
    TRY(share_one(c, &there,
                  &(struct dynamodb_units){.table = table->name, .which = KV_METER_WRITE}));
    for (size_t i = 0; i < table->indexes.count; i++)
        if (!table->indexes.at[i].local && table->indexes.at[i].state != INDEX_DELETING)
            TRY(share_one(
                c, &there,
                &(struct dynamodb_units){table->name, table->indexes.at[i].name, KV_METER_WRITE}));
    return OK;
}

RESULT replica_scale_index(struct call *c, const struct dynamodb_table *table, struct span index)
{
    const struct dynamodb_units of = {table->name, index, KV_METER_WRITE};
    const struct application_autoscaling_target_tracking_scaling_policy_configuration tracking = {
        .target_value = 70};
    return application_autoscaling_set(
        c, &of,
        &(struct application_autoscaling_settings){.min = 1, .max = 10, .tracking = &tracking});
}

/* ---- what is shared ------------------------------------------------------------------------- */

/* Of a table or an index. */
struct units {
    uint64_t read, write;
};

/* What a replica shall have, or NULL where it has that already. */
static struct dynamodb_provisioned_throughput *
shared(struct call *c, const struct dynamodb_provisioned_throughput *wanted,
       const struct units *before, const struct units *peer)
{
    struct dynamodb_provisioned_throughput *units =
        ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput);
    *units = *wanted;
    if (peer->read != before->read)
        units->read_capacity_units = (int64_t)peer->read;
    if ((uint64_t)units->read_capacity_units == peer->read &&
        (uint64_t)units->write_capacity_units == peer->write)
        return NULL;
    return units;
}

static struct units units_of(const struct dynamodb_table_index *index)
{
    return index ? (struct units){index->read_units, index->write_units} : (struct units){0};
}

/* False: there is nothing to do. */
static bool share_index(struct call *c, const struct dynamodb_table *before,
                        const struct dynamodb_table *peer,
                        struct dynamodb_global_secondary_index_update *update)
{
    if (!update->update || !update->update->provisioned_throughput)
        return true;
    struct dynamodb_update_global_secondary_index_action *own =
        ARENA_NEW(c->arena, struct dynamodb_update_global_secondary_index_action);
    const struct units was = units_of(index_named(before, update->update->index_name));
    const struct units is = units_of(index_named(peer, update->update->index_name));
    *own = *update->update;
    own->provisioned_throughput = shared(c, own->provisioned_throughput, &was, &is);
    update->update = own;
    return own->provisioned_throughput || own->warm_throughput || own->on_demand_throughput;
}

struct dynamodb_update_table_in replica_units_of(struct call *c,
                                                 const struct dynamodb_update_table_in *in,
                                                 const struct dynamodb_table *before,
                                                 const struct dynamodb_table *peer)
{
    struct dynamodb_update_table_in own = *in;
    struct dynamodb_global_secondary_index_update_list *list = &own.global_secondary_index_updates;
    size_t count = list->count;
    if (own.provisioned_throughput)
        own.provisioned_throughput = shared(
            c, own.provisioned_throughput, &(struct units){before->read_units, before->write_units},
            &(struct units){peer->read_units, peer->write_units});
    list->at = ARENA_ARRAY(c->arena, struct dynamodb_global_secondary_index_update, count);
    list->count = 0;
    for (size_t i = 0; i < count; i++) {
        list->at[list->count] = in->global_secondary_index_updates.at[i];
        list->count += share_index(c, before, peer, &list->at[list->count]);
    }
    return own;
}

int replica_units_settled(struct call *c, const struct dynamodb_table *table)
{
    for (size_t i = 0; i < table->replicas.count; i++) {
        struct dynamodb_table peer = {
            .account = table->account, .region = table->replicas.at[i].region, .name = table->name};
        int error = dynamodb_table_get(c->txn, c->arena, &peer);
        if (error < 0)
            return error;
        if (table->replicas.at[i].state != REPLICA_ACTIVE || peer.state != TABLE_ACTIVE)
            return 0;
    }
    return !table->joining;
}

/* ---- what is told --------------------------------------------------------------------------- */

/* Reads that are not as many as here. */
static struct dynamodb_provisioned_throughput_override *override_of(struct call *c, uint64_t here,
                                                                    uint64_t there)
{
    if (here == there)
        return NULL;
    struct dynamodb_provisioned_throughput_override *shown =
        ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput_override);
    SET(shown, read_capacity_units, (int64_t)there);
    return shown;
}

RESULT replica_describe_units(struct call *c, const struct dynamodb_table *table,
                              struct dynamodb_replica_description *to)
{
    struct dynamodb_table peer;
    struct call there = replica_call(c, to->region_name);
    struct dynamodb_replica_global_secondary_index_description_list *list =
        &to->global_secondary_indexes;
    TRY(replica_find(&there, table, &peer));
    to->provisioned_throughput_override = override_of(c, table->read_units, peer.read_units);
    for (size_t i = 0; i < table->indexes.count; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        const struct dynamodb_table_index *other = index_named(&peer, index->name);
        if (index->local || !other)
            continue;
        if (!list->at)
            list->at =
                ARENA_ARRAY(c->arena, struct dynamodb_replica_global_secondary_index_description,
                            table->indexes.count);
        list->at[list->count++] = (struct dynamodb_replica_global_secondary_index_description){
            .index_name = index->name,
            .provisioned_throughput_override = override_of(c, index->read_units, other->read_units),
            .warm_throughput = index_warm_throughput(c, &peer, other)};
    }
    return OK;
}
