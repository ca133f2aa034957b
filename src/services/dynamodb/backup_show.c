// SPDX-License-Identifier: Apache-2.0
/* A backup's record as a BackupDescription. Control thread. */
#include "services/dynamodb/backup.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

RESULT backup_show_details(struct call *c, const struct dynamodb_backup *backup,
                           struct dynamodb_backup_details **ret)
{
    int copying;
    struct dynamodb_backup_details *to = ARENA_NEW(c->arena, struct dynamodb_backup_details);
    TRY(backup_copying(c, backup, &copying));
    to->backup_arn = backup_arn(c, backup);
    to->backup_name = backup->name;
    to->backup_status = copying == KV_COPYING_TO ? S("CREATING") : S("AVAILABLE");
    to->backup_type = backup->expires ? S("SYSTEM") : S("USER");
    to->backup_creation_date_time = backup->created;
    SET(to, backup_size_bytes, (int64_t)backup->bytes);
    if (backup->expires)
        SET(to, backup_expiry_date_time, backup->expires);
    *ret = to;
    return OK;
}

static struct dynamodb_source_table_details *show_table(struct call *c,
                                                        const struct dynamodb_backup *backup)
{
    const struct dynamodb_blueprint *of = backup->of;
    struct dynamodb_source_table_details *to =
        ARENA_NEW(c->arena, struct dynamodb_source_table_details);
    to->table_name = backup->table;
    to->table_id = of->id;
    to->table_arn = reference_arn(c, backup->table);
    to->table_creation_date_time = of->created;
    SET(to, table_size_bytes, (int64_t)backup->bytes);
    SET(to, item_count, (int64_t)backup->items);
    to->key_schema = table_key_schema(c, of->hash_name, of->range_name);
    to->billing_mode = of->on_demand ? S("PAY_PER_REQUEST") : S("PROVISIONED");
    to->provisioned_throughput = ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput);
    to->provisioned_throughput->read_capacity_units = (int64_t)of->read_units;
    to->provisioned_throughput->write_capacity_units = (int64_t)of->write_units;
    return to;
}

static void show_local(struct call *c, const struct dynamodb_table_index *index,
                       struct dynamodb_local_secondary_indexes *to)
{
    struct dynamodb_local_secondary_index_info *info = &to->at[to->count++];
    info->index_name = index->name;
    info->key_schema = index_keys(c, index);
    info->projection = index_projection(c, index);
}

static void show_global(struct call *c, const struct dynamodb_table_index *index,
                        struct dynamodb_global_secondary_indexes *to)
{
    struct dynamodb_global_secondary_index_info *info = &to->at[to->count++];
    info->index_name = index->name;
    info->key_schema = index_keys(c, index);
    info->projection = index_projection(c, index);
    info->provisioned_throughput = ARENA_NEW(c->arena, struct dynamodb_provisioned_throughput);
    info->provisioned_throughput->read_capacity_units = (int64_t)index->read_units;
    info->provisioned_throughput->write_capacity_units = (int64_t)index->write_units;
}

static void show_indexes(struct call *c, const struct dynamodb_blueprint *of,
                         struct dynamodb_source_table_feature_details *to)
{
    struct dynamodb_local_secondary_indexes local = {
        .at = ARENA_ARRAY(c->arena, struct dynamodb_local_secondary_index_info, of->indexes.count)};
    struct dynamodb_global_secondary_indexes global = {
        .at =
            ARENA_ARRAY(c->arena, struct dynamodb_global_secondary_index_info, of->indexes.count)};
    for (size_t i = 0; i < of->indexes.count; i++)
        if (of->indexes.at[i].local)
            show_local(c, &of->indexes.at[i], &local);
        else
            show_global(c, &of->indexes.at[i], &global);
    if (local.count)
        to->local_secondary_indexes = local;
    if (global.count)
        to->global_secondary_indexes = global;
}

static void show_vectors(struct call *c, const struct dynamodb_blueprint *of,
                         struct dynamodb_source_table_feature_details *to)
{
    if (!of->vectors.count)
        return;
    to->vector_indexes.count = of->vectors.count;
    to->vector_indexes.at =
        ARENA_ARRAY(c->arena, struct dynamodb_vector_index_info, of->vectors.count);
    for (size_t i = 0; i < of->vectors.count; i++)
        VECTOR_SHOW(c, &of->vectors.at[i], &to->vector_indexes.at[i]);
}

/* Only what the table had. */
static struct dynamodb_source_table_feature_details *
show_features(struct call *c, const struct dynamodb_blueprint *of)
{
    struct dynamodb_source_table_feature_details *to =
        ARENA_NEW(c->arena, struct dynamodb_source_table_feature_details);
    show_indexes(c, of, to);
    show_vectors(c, of, to);
    if (of->stream_view.at) {
        to->stream_description = ARENA_NEW(c->arena, struct dynamodb_stream_specification);
        to->stream_description->stream_enabled = true;
        to->stream_description->stream_view_type = of->stream_view;
    }
    if (of->ttl_state != TTL_DISABLED) {
        to->time_to_live_description =
            ARENA_NEW(c->arena, struct dynamodb_time_to_live_description);
        to->time_to_live_description->time_to_live_status = ttl_state_name(of->ttl_state);
        to->time_to_live_description->attribute_name = of->ttl_attribute;
    }
    return to;
}

RESULT backup_show(struct call *c, const struct dynamodb_backup *backup,
                   struct dynamodb_backup_description **ret)
{
    *ret = ARENA_NEW(c->arena, struct dynamodb_backup_description);
    (*ret)->source_table_details = show_table(c, backup);
    (*ret)->source_table_feature_details = show_features(c, backup->of);
    return backup_show_details(c, backup, &(*ret)->backup_details);
}
