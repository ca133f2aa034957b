// SPDX-License-Identifier: Apache-2.0
/*
 * CreateTable, DescribeTable, ListTables, DeleteTable. Checks and their texts come in the real
 * service's order: billing, units, key schema, names that are in use. Control thread, so nothing is
 * locked.
 */
#include "services/dynamodb/table.h"

#include "base/id.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

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
        {in->local_secondary_indexes.count, "LocalSecondaryIndexes"},
        {in->global_secondary_indexes.count, "GlobalSecondaryIndexes"},
        {in->vector_indexes.count, "VectorIndexes"},
        {in->stream_specification && in->stream_specification->stream_enabled,
         "StreamSpecification with StreamEnabled true"},
        {in->sse_specification && in->sse_specification->enabled,
         "SSESpecification with Enabled true"},
        {in->warm_throughput, "WarmThroughput"},
        {in->on_demand_throughput, "OnDemandThroughput"},
        {in->resource_policy.at, "ResourcePolicy"},
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

static const struct dynamodb_attribute_definition *
definition_of(const struct dynamodb_create_table_in *in, struct span name)
{
    for (size_t i = 0; i < in->attribute_definitions.count; i++)
        if (span_eq(in->attribute_definitions.at[i].attribute_name, name))
            return &in->attribute_definitions.at[i];
    return NULL;
}

/* "[a, b]" */
static struct span join_names(struct call *c, const void *at, size_t count, size_t size)
{
    struct span joined = S("[");
    for (size_t i = 0; i < count; i++)
        joined = arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(joined), i ? ", " : "",
                              SPAN_ARG(*const_struct_at(at, i * size, struct span)));
    return arena_printf(c->arena, "%.*s]", SPAN_ARG(joined));
}

static RESULT check_definitions(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_key_schema *keys = &in->key_schema;
    const struct dynamodb_attribute_definitions *all = &in->attribute_definitions;
    if (keys->count > all->count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: Some index key attribute have no definition");
    for (size_t i = 0; i < keys->count; i++)
        if (!definition_of(in, keys->at[i].attribute_name))
            return refuse(
                c, &DYNAMODB_VALIDATION_EXCEPTION,
                "One or more parameter values were invalid: Some index key attributes are not "
                "defined in AttributeDefinitions. Keys: %.*s, AttributeDefinitions: %.*s",
                SPAN_ARG(join_names(c, keys->at, keys->count, sizeof *keys->at)),
                SPAN_ARG(join_names(c, all->at, all->count, sizeof *all->at)));
    for (size_t i = 0; i < all->count; i++)
        if (definition_of(in, all->at[i].attribute_name) != &all->at[i])
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Cannot have two attributes with the same name");
    return OK;
}

static RESULT check_keys(struct call *c, const struct dynamodb_create_table_in *in)
{
    const struct dynamodb_key_schema *keys = &in->key_schema;
    if (keys->count == 2 && span_eq(keys->at[0].attribute_name, keys->at[1].attribute_name))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Both the Hash Key and the Range Key element in the KeySchema have the same "
                      "name");
    if (!span_eq(keys->at[0].key_type, S("HASH")))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    if (keys->count == 2 && !span_eq(keys->at[1].key_type, S("RANGE")))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    if (keys->count != in->attribute_definitions.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "One or more parameter values were invalid: Number of attributes in "
                      "KeySchema does not exactly match number of attributes defined in "
                      "AttributeDefinitions");
    return OK;
}

static RESULT check_create(struct call *c, const struct dynamodb_create_table_in *in)
{
    TRY(check_given(c, in));
    TRY(check_billing(c, in));
    TRY(check_not_built(c, in));
    TRY(check_definitions(c, in));
    return check_keys(c, in);
}

static RESULT fill_record(struct call *c, const struct dynamodb_create_table_in *in,
                          struct dynamodb_table *table)
{
    const struct dynamodb_attribute_definitions *all = &in->attribute_definitions;
    table->id = id_uuid(c->arena);
    table->state = TABLE_CREATING;
    table->created = c->now_ms;
    table->attributes.at = ARENA_ARRAY(c->arena, struct dynamodb_attribute, all->count);
    table->attributes.count = all->count;
    for (size_t i = 0; i < all->count; i++)
        table->attributes.at[i] =
            (struct dynamodb_attribute){all->at[i].attribute_name, all->at[i].attribute_type};
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
    table->table_class = in->table_class;
    table->protected = in->deletion_protection_enabled;
    return table_add_tags(c, table, &in->tags);
}

static struct kv_key_part key_part(const struct dynamodb_table *table, struct span name)
{
    struct kv_key_part part = {.name = name, .type = KV_STRING};
    for (size_t i = 0; i < table->attributes.count; i++)
        if (span_eq(table->attributes.at[i].name, name))
            part.type = attribute_key_type(table->attributes.at[i].type);
    return part;
}

RESULT dynamodb_create_table(struct call *c, const struct dynamodb_create_table_in *in,
                             struct dynamodb_create_table_out *out)
{
    struct span name;
    TRY(reference_read(c, in->table_name, &name));
    TRY(check_create(c, in));

    struct dynamodb_table table = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error == 0)
        return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION, "Table already exists: %.*s",
                      SPAN_ARG(name));
    if (error != -ENOENT)
        return refuse_errno(c, error, "reading a table's record");

    table = reference_key(c, name);
    TRY(fill_record(c, in, &table));
    struct kv_schema schema = {.hash = key_part(&table, table.hash_name)};
    if (table.range_name.at)
        schema.range = key_part(&table, table.range_name);
    struct kv_access access = reference_access(c);
    error = kv_table_create(&access, reference_of(c->arena, &table), &schema);
    if (error < 0)
        return refuse_errno(c, error, "making a table");
    table_put_moving(c, &table);
    TRY(table_describe(c, &table, &out->table_description));
    /* Told only once the table is there. */
    out->table_description->warm_throughput = NULL;
    if (table.on_demand)
        out->table_description->billing_mode_summary->has.last_update_to_pay_per_request_date_time =
            false;
    return OK;
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
    SET(rest, item_count, full->item_count);
    SET(rest, table_size_bytes, full->table_size_bytes);
    SET(rest, deletion_protection_enabled, full->deletion_protection_enabled);
    return rest;
}

RESULT dynamodb_delete_table(struct call *c, const struct dynamodb_delete_table_in *in,
                             struct dynamodb_delete_table_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_table_description *full;
    TRY(reference_table(c, in->table_name, &table));
    if (table.state != TABLE_DELETING) {
        TRY(table_check_active(c, &table));
        if (table.protected)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Resource cannot be deleted as it is currently protected against "
                          "deletion. Disable deletion protection first.");
        table.state = TABLE_DELETING;
        struct kv_access access = reference_access(c);
        int error = kv_table_shut(&access, reference_of(c->arena, &table));
        if (error < 0)
            return refuse_errno(c, error, "shutting a table");
        table_put_moving(c, &table);
    }
    TRY(table_describe(c, &table, &full));
    out->table_description = farewell(c, full);
    return OK;
}
