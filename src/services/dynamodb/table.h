// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tables as DynamoDB tells of them. Control thread. */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

enum TTL_STATE { TTL_DISABLED, TTL_ENABLING, TTL_ENABLED, TTL_DISABLING };
enum TABLE_STATE { TABLE_CREATING = 1, TABLE_ACTIVE, TABLE_UPDATING, TABLE_DELETING };

/* describe.c: with the true number and size of the items. */
RESULT table_describe(struct call *c, const struct dynamodb_table *table,
                      struct dynamodb_table_description **ret);
struct span table_state_name(uint64_t state);
/* step.c: writes the record in a state that will move on by itself, once it is durable. */
void table_put_moving(struct call *c, const struct dynamodb_table *table);
/* Has the control thread look after what moves by itself, once this call is durable. */
void table_wake_after(struct call *c);
/* "Attempt to change a resource which is still in use: …" unless it is ACTIVE. */
RESULT table_check_active(struct call *c, const struct dynamodb_table *table);
/* table.c: "[a, b]" of the names that things of that size begin with. */
struct span table_join_names(struct call *c, const void *at, size_t count, size_t size);
struct kv_key_part table_key_part(const struct dynamodb_table *table, struct span name);
/* Keeps AttributeDefinitions ascending by name, as they are told. */
void table_add_attribute(struct call *c, struct dynamodb_table *table,
                         const struct dynamodb_attribute_definition *definition);
/* "… is not supported by kintoun yet" */
RESULT table_not_built(struct call *c, const char *what);
/* update.c: a change that is well-formed, of a global table in all regions or in the call's alone.
 */
enum TABLE_REACH { TABLE_EVERYWHERE, TABLE_HERE };
RESULT table_update(struct call *c, const struct dynamodb_update_table_in *in,
                    enum TABLE_REACH reach);
/* Units within bounds, and only where the billing mode has them. */
RESULT table_check_units(struct call *c, const struct dynamodb_provisioned_throughput *units);
/* stream.c: StreamSpecification of a new table and of a change; what is told of it. */
RESULT table_check_new_stream(struct call *c, const struct dynamodb_stream_specification *wanted);
RESULT table_check_stream(struct call *c, const struct dynamodb_update_table_in *in);
RESULT table_set_stream(struct call *c, struct dynamodb_table *table,
                        const struct dynamodb_stream_specification *wanted);
RESULT table_close_stream(struct call *c, struct dynamodb_table *table);
void table_describe_stream(struct call *c, const struct dynamodb_table *table,
                           struct dynamodb_table_description *to);
/* policy.c */
RESULT table_put_policy(struct call *c, struct span arn, struct span document);
void table_delete_policies(struct call *c, const struct dynamodb_table *table);
/* update_index.c: GlobalSecondaryIndexUpdates, each alone and against what there is; then done. */
RESULT table_check_index_updates(struct call *c, const struct dynamodb_update_table_in *in);
RESULT table_update_indexes(struct call *c, const struct dynamodb_update_table_in *in,
                            struct dynamodb_table *table);
/* ttl.c */
struct span ttl_state_name(uint64_t state);
/* table.c: in the engine, shut, with its units. */
RESULT table_make(struct call *c, const struct dynamodb_table *table);
/* A new one that will have its items from elsewhere: CREATING, without indexes. */
struct dynamodb_table table_made_like(struct call *c, struct span name,
                                      const struct dynamodb_blueprint *of);
struct dynamodb_table_index_list table_copy_indexes(struct arena *arena,
                                                    const struct dynamodb_table *table);
/* Without what is told only once the table is there. */
RESULT table_describe_new(struct call *c, const struct dynamodb_table *table,
                          struct dynamodb_table_description **ret);
/* describe.c: units a second of a table or index: what it was warmed up to, or has anyway. */
uint64_t table_warm_now(const struct dynamodb_table *table, uint64_t warmed, uint64_t provisioned,
                        uint64_t initial);
/* describe.c; range_name absent: none. */
struct dynamodb_key_schema table_key_schema(struct call *c, struct span hash_name,
                                            struct span range_name);
/* Shuts a table that is going to be dropped, with all that hangs on it. */
RESULT table_begin_deleting(struct call *c, struct dynamodb_table *table);
/* "Resource cannot be deleted as it is currently protected …", or its items are being copied. */
RESULT table_check_deletable(struct call *c, const struct dynamodb_table *table);
/* ttl.c: as it is asked for, without looking at what is there. */
RESULT table_set_ttl(struct call *c, struct dynamodb_table *table,
                     const struct dynamodb_time_to_live_specification *wanted);
/* tag.c */
RESULT table_add_tags(struct call *c, struct dynamodb_table *table,
                      const struct dynamodb_tag_list *tags);
