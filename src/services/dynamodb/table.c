// SPDX-License-Identifier: Apache-2.0
/*
 * CreateTable, DescribeTable, ListTables, DeleteTable. Checks and their texts come in the real
 * service's order: billing, units, key schema, names that are in use. Control thread, so nothing is
 * locked.
 */
#include "services/dynamodb/table.h"
#include "services/dynamodb/vector.h"

#include "base/id.h"
#include "services/dynamodb/allowance.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/destination.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/throttle.h"

#include <errno.h>
#include <stdlib.h>

#define LIST_MAX 100 /* names of one answer, also when no limit is given */

RESULT table_not_built(struct call *c, const char *what)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s is not supported by kintoun yet", what);
}

RESULT table_check_active(struct call *c, const struct dynamodb_table *table)
{
    static const char *const doing[] = {
        [TABLE_CREATING] = "created", [TABLE_UPDATING] = "updated", [TABLE_DELETING] = "deleted"};
    if (table->state == TABLE_ACTIVE)
        return OK;
    return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                  "Attempt to change a resource which is still in use: Table is being %s: %.*s",
                  doing[table->state], SPAN_ARG(table->name));
}

/* ---- CreateTable ---------------------------------------------------------------------------- */

static RESULT check_not_built(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->sse_specification && in->sse_specification->enabled,
         "SSESpecification with Enabled true"},
        {in->global_table_source_arn.at, "GlobalTableSourceArn"},
        {in->global_table_settings_replication_mode.at, "GlobalTableSettingsReplicationMode"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return table_not_built(c, parameters[i].what);
    return OK;
}

static RESULT check_given(struct call *c, const struct dynamodb_create_table_in *in)
{
    const char *missing = !in->attribute_definitions.at ? "attributeDefinitions"
                          : !in->key_schema.at          ? "keySchema"
                                                        : NULL;
    if (missing)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "1 validation error detected: Value null at '%s' failed to satisfy "
                      "constraint: Member must not be null",
                      missing);
    if (in->key_schema.count <= 2)
        return OK;
    struct span shown = S("");
    for (size_t i = 0; i < in->key_schema.count; i++)
        shown = arena_printf(c->arena, "%.*s%sKeySchemaElement(attributeName=%.*s, keyType=%.*s)",
                             SPAN_ARG(shown), i ? ", " : "",
                             SPAN_ARG(in->key_schema.at[i].attribute_name),
                             SPAN_ARG(in->key_schema.at[i].key_type));
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "1 validation error detected: Value '[%.*s]' at 'keySchema' failed to satisfy "
                  "constraint: Member must have length less than or equal to 2",
                  SPAN_ARG(shown));
}

static RESULT check_billing(struct call *c, const struct dynamodb_create_table_in *in)
{
    bool on_demand = span_eq(in->billing_mode, S("PAY_PER_REQUEST"));
    if (on_demand && in->provisioned_throughput)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Neither ReadCapacityUnits nor "
                      "WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST");
    if (!on_demand && !in->provisioned_throughput)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: ReadCapacityUnits and "
                      "WriteCapacityUnits must both be specified when BillingMode is PROVISIONED");
    return on_demand ? OK : table_check_units(c, in->provisioned_throughput);
}

/* "[a, b]" */
struct span table_join_names(struct call *c, const void *at, size_t count, size_t size)
{
    struct span joined = S("[");
    for (size_t i = 0; i < count; i++)
        joined = arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(joined), i ? ", " : "",
                              SPAN_ARG(*const_struct_at(at, i * size, struct span)));
    return arena_printf(c->arena, "%.*s]", SPAN_ARG(joined));
}

static RESULT check_definitions(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_attribute_definitions *all = &in->attribute_definitions;
    if (in->key_schema.count > all->count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: Some index key attribute have no definition");
    TRY(index_check_defined(c, &in->key_schema, all));
    for (size_t i = 1; i < all->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(all->at[i].attribute_name, all->at[j].attribute_name))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              "Attribute Name is duplicated: %.*s",
                              SPAN_ARG(all->at[i].attribute_name));
    return OK;
}

static RESULT check_keys(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_key_schema *keys = &in->key_schema;
    TRY(index_check_keys(c, keys));
    if (keys->count == 2 && !span_eq(keys->at[1].key_type, S("RANGE")))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    bool indexed = in->local_secondary_indexes.at || in->global_secondary_indexes.at;
    if (!indexed && keys->count != vector_other_definitions(c, in).count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Number of attributes in "
                      "KeySchema does not exactly match number of attributes defined in "
                      "AttributeDefinitions");
    return OK;
}

static RESULT check_warm(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_provisioned_throughput *units = in->provisioned_throughput;
    return allowance_check_warm(
        c, &(struct warm_wish){
               .wanted = in->warm_throughput,
               .read = units ? (uint64_t)units->read_capacity_units : WARM_READ_UNITS,
               .write = units ? (uint64_t)units->write_capacity_units : WARM_WRITE_UNITS});
}

static RESULT check_create(struct call *c, const struct dynamodb_create_table_in *in,
                           struct index_wishes *ret_wishes)
{
    const struct dynamodb_attribute_definitions definitions = vector_other_definitions(c, in);
    const struct index_table table = {&in->key_schema, &definitions, !in->provisioned_throughput};
    TRY(check_given(c, in));
    TRY(check_billing(c, in));
    TRY(check_not_built(c, in));
    TRY(allowance_check(c, &(struct allowance_wish){.wanted = in->on_demand_throughput,
                                                    .on_demand = !in->provisioned_throughput}));
    TRY(check_warm(c, in));
    TRY(vector_check_new(c, in));
    TRY(check_definitions(c, in));
    TRY(check_keys(c, in));
    TRY(index_wishes_of(c, in, ret_wishes));
    if (ret_wishes->count)
        TRY(index_check_all(c, &table, ret_wishes));
    return in->stream_specification ? table_check_new_stream(c, in->stream_specification) : OK;
}

static int compare_attributes(const void *a, const void *b)
{
    return span_compare(((const struct dynamodb_attribute *)a)->name,
                        ((const struct dynamodb_attribute *)b)->name);
}

void table_add_attribute(struct call *c, struct dynamodb_table *table,
                         const struct dynamodb_attribute_definition *definition)
{
    struct dynamodb_attribute_list list = {
        ARENA_ARRAY(c->arena, struct dynamodb_attribute, table->attributes.count + 1),
        table->attributes.count + 1};
    for (size_t i = 0; i < table->attributes.count; i++)
        list.at[i] = table->attributes.at[i];
    list.at[list.count - 1] =
        (struct dynamodb_attribute){definition->attribute_name, definition->attribute_type};
    qsort(list.at, list.count, sizeof *list.at, compare_attributes);
    table->attributes = list;
}

static void fill_indexes(struct call *c, const struct index_wishes *wishes,
                         struct dynamodb_table *table)
{
    table->indexes.at = ARENA_ARRAY(c->arena, struct dynamodb_table_index, wishes->count);
    table->indexes.count = wishes->count;
    for (size_t i = 0; i < wishes->count; i++)
        table->indexes.at[i] = index_record(c, &wishes->at[i]);
}

static RESULT fill_record(struct call *c, const struct dynamodb_create_table_in *in,
                          struct dynamodb_table *table)
{
    table->id = id_uuid(c->arena);
    table->state = TABLE_CREATING;
    table->created = c->now_ms;
    for (size_t i = 0; i < in->attribute_definitions.count; i++)
        table_add_attribute(c, table, &in->attribute_definitions.at[i]);
    table->hash_name = in->key_schema.at[0].attribute_name;
    if (in->key_schema.count == 2)
        table->range_name = in->key_schema.at[1].attribute_name;
    table->on_demand = !in->provisioned_throughput;
    if (table->on_demand) {
        table->on_demand_since = c->now_ms;
    } else {
        table->read_units = (uint64_t)in->provisioned_throughput->read_capacity_units;
        table->write_units = (uint64_t)in->provisioned_throughput->write_capacity_units;
    }
    allowance_set(in->on_demand_throughput, &table->max_read, &table->max_write);
    allowance_set_warm(in->warm_throughput, &table->warm_read, &table->warm_write);
    table->warming = in->warm_throughput != NULL;
    table->table_class = in->table_class;
    table->protected = in->deletion_protection_enabled;
    return table_add_tags(c, table, &in->tags);
}

struct kv_key_part table_key_part(const struct dynamodb_table *table, struct span name)
{
    struct kv_key_part part = {.name = name, .type = KV_STRING};
    for (size_t i = 0; i < table->attributes.count; i++)
        if (span_eq(table->attributes.at[i].name, name))
            part.type = attribute_key_type(table->attributes.at[i].type);
    return part;
}

RESULT table_make(struct call *c, const struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    struct kv_index_schema *indexes =
        ARENA_ARRAY(c->arena, struct kv_index_schema, table->indexes.count + table->vectors.count);
    struct kv_schema schema = {.hash = table_key_part(table, table->hash_name), .indexes = indexes};
    for (size_t i = 0; i < table->indexes.count; i++)
        indexes[schema.index_count++] = index_schema(c, table, &table->indexes.at[i]);
    for (size_t i = 0; i < table->vectors.count; i++)
        indexes[schema.index_count++] = vector_schema(c, table, &table->vectors.at[i]);
    if (table->range_name.at)
        schema.range = table_key_part(table, table->range_name);
    int error = kv_table_create(&access, reference_of(c->arena, table), &schema);
    return error < 0 ? refuse_errno(c, error, "making a table") : throttle_set(c, table);
}

/* Told only once the table is there, but for what was asked for. */
static void hide_what_is_not_yet(struct dynamodb_table_description *to)
{
    if (span_eq(to->warm_throughput->status, S("ACTIVE")))
        to->warm_throughput = NULL;
    for (size_t i = 0; i < to->global_secondary_indexes.count; i++) {
        struct dynamodb_global_secondary_index_description *index =
            &to->global_secondary_indexes.at[i];
        if (span_eq(index->warm_throughput->status, S("ACTIVE")))
            index->warm_throughput = NULL;
    }
    if (to->billing_mode_summary)
        to->billing_mode_summary->has.last_update_to_pay_per_request_date_time = false;
}

RESULT table_describe_new(struct call *c, const struct dynamodb_table *table,
                          struct dynamodb_table_description **ret)
{
    TRY(table_describe(c, table, ret));
    hide_what_is_not_yet(*ret);
    return OK;
}

RESULT dynamodb_create_table(struct call *c, const struct dynamodb_create_table_in *in,
                             struct dynamodb_create_table_out *out)
{
    struct span name;
    struct index_wishes wishes;
    TRY(reference_read(c, in->table_name, &name));
    TRY(check_create(c, in, &wishes));

    struct dynamodb_table table = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error == 0)
        return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION, "Table already exists: %.*s",
                      SPAN_ARG(name));
    if (error != -ENOENT)
        return refuse_errno(c, error, "reading a table's record");

    table = reference_key(c, name);
    TRY(fill_record(c, in, &table));
    fill_indexes(c, &wishes, &table);
    vector_fill(c, &in->vector_indexes, &table);
    TRY(table_make(c, &table));
    if (in->stream_specification && in->stream_specification->stream_enabled)
        TRY(table_set_stream(c, &table, in->stream_specification));
    if (in->resource_policy.at)
        TRY(table_put_policy(c, reference_arn(c, name), in->resource_policy));
    table_put_moving(c, &table);
    return table_describe_new(c, &table, &out->table_description);
}

RESULT dynamodb_describe_table(struct call *c, const struct dynamodb_describe_table_in *in,
                               struct dynamodb_describe_table_out *out)
{
    struct dynamodb_table table;
    TRY(reference_table(c, in->table_name, &table));
    return table_describe(c, &table, &out->table);
}

/* ---- ListTables ----------------------------------------------------------------------------- */

struct listing {
    struct arena *arena;
    struct span after; /* not itself */
    struct dynamodb_table_name_list names;
    size_t limit;
    bool more;
};

static int take_name(void *user, struct dynamodb_table *table)
{
    struct listing *listing = user;
    if (listing->after.at && span_eq(table->name, listing->after))
        return 0;
    if (listing->names.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    listing->names.at[listing->names.count++] = arena_copy(listing->arena, table->name);
    return 0;
}

RESULT dynamodb_list_tables(struct call *c, const struct dynamodb_list_tables_in *in,
                            struct dynamodb_list_tables_out *out)
{
    struct listing listing = {
        .arena = c->arena,
        .after = in->exclusive_start_table_name,
        .names.at = ARENA_ARRAY(c->arena, struct span, LIST_MAX),
        .limit = in->has.limit ? (size_t)in->limit : LIST_MAX,
    };
    struct dynamodb_table from = reference_key(c, in->exclusive_start_table_name);
    int error = dynamodb_table_each(c->txn, &from, 2, c->arena, take_name, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing tables");
    out->table_names = listing.names;
    if (listing.more)
        out->last_evaluated_table_name = listing.names.at[listing.names.count - 1];
    return OK;
}

/* ---- DeleteTable ---------------------------------------------------------------------------- */

/* What is left to tell of a table that goes. */
static struct dynamodb_table_description *farewell(struct call *c,
                                                   const struct dynamodb_table_description *full)
{
    struct dynamodb_table_description *rest =
        ARENA_NEW(c->arena, struct dynamodb_table_description);
    rest->table_name = full->table_name;
    rest->table_arn = full->table_arn;
    rest->table_id = full->table_id;
    rest->table_status = full->table_status;
    rest->provisioned_throughput = full->provisioned_throughput;
    rest->billing_mode_summary = full->billing_mode_summary;
    rest->table_class_summary = full->table_class_summary;
    rest->latest_stream_arn = full->latest_stream_arn;
    rest->latest_stream_label = full->latest_stream_label;
    SET(rest, item_count, full->item_count);
    SET(rest, table_size_bytes, full->table_size_bytes);
    SET(rest, deletion_protection_enabled, full->deletion_protection_enabled);
    return rest;
}

/* A backup in progress needs the table ("While a backup is in progress, you can't …"). */
static RESULT check_unused(struct call *c, const struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    int copying = kv_copying(&access, reference_of(c->arena, table));
    if (copying < 0)
        return refuse_errno(c, copying, "looking at a copy");
    if (copying == KV_COPYING_NONE)
        return OK;
    return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                  "Attempt to change a resource which is still in use: Table is being copied: %.*s",
                  SPAN_ARG(table->name));
}

struct dynamodb_table table_made_like(struct call *c, struct span name,
                                      const struct dynamodb_blueprint *of)
{
    struct dynamodb_table table = reference_key(c, name);
    table.id = id_uuid(c->arena);
    table.state = TABLE_CREATING;
    table.created = c->now_ms;
    table.attributes = of->attributes;
    table.hash_name = of->hash_name;
    table.range_name = of->range_name;
    table.on_demand = of->on_demand;
    table.read_units = of->read_units;
    table.write_units = of->write_units;
    table.table_class = of->table_class;
    return table;
}

struct dynamodb_table_index_list table_copy_indexes(struct arena *arena,
                                                    const struct dynamodb_table *table)
{
    const struct dynamodb_table_index_list *from = &table->indexes;
    struct dynamodb_table_index_list copy = {
        ARENA_ARRAY(arena, struct dynamodb_table_index, from->count), from->count};
    for (size_t i = 0; i < from->count; i++)
        copy.at[i] = from->at[i];
    return copy;
}

RESULT table_begin_deleting(struct call *c, struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    struct span name = reference_of(c->arena, table);
    table->state = TABLE_DELETING;
    TRY(table_close_stream(c, table));
    TRY(destination_close(c, table));
    table_delete_policies(c, table);
    int error = kv_history_keep(&access, name, 0);
    if (!error && table->replicas.count)
        error = kv_stream_close(&access, name, KV_LOG_REPLICAS);
    if (!error)
        error = kv_table_shut(&access, name);
    if (error < 0)
        return refuse_errno(c, error, "shutting a table");
    table_put_moving(c, table);
    return OK;
}

RESULT table_check_deletable(struct call *c, const struct dynamodb_table *table)
{
    if (table->protected)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Resource cannot be deleted as it is currently protected against "
                      "deletion. Disable deletion protection first.");
    return check_unused(c, table);
}

RESULT dynamodb_delete_table(struct call *c, const struct dynamodb_delete_table_in *in,
                             struct dynamodb_delete_table_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_table_description *full;
    TRY(reference_table(c, in->table_name, &table));
    if (table.state != TABLE_DELETING) {
        TRY(replica_check_settled(c, &table));
        TRY(table_check_active(c, &table));
        TRY(table_check_deletable(c, &table));
        TRY(table.replicas.count ? replica_leave(c, &table) : table_begin_deleting(c, &table));
    }
    TRY(table_describe(c, &table, &full));
    out->table_description = farewell(c, full);
    return OK;
}
