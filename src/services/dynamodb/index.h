// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Secondary indexes: what may be asked for, and what is told of them. Control thread. */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

enum INDEX_STATE { INDEX_ACTIVE = 1, INDEX_CREATING, INDEX_UPDATING, INDEX_DELETING };

enum INDEX_KIND { INDEX_GLOBAL, INDEX_LOCAL };

#define INDEX_GLOBAL_MAX 20
#define INDEX_LOCAL_MAX 5

/* One index as it is asked for, whatever the shape that asks. */
struct index_wish {
    struct span name;
    const struct dynamodb_key_schema *keys;
    const struct dynamodb_projection *projection;
    const struct dynamodb_provisioned_throughput *units; /* NULL: none */
    const struct dynamodb_on_demand_throughput *most;    /* NULL: none */
    const struct dynamodb_warm_throughput *warm;         /* NULL: none */
    bool local;
};

struct index_wishes {
    struct index_wish *at;
    size_t count;
};

/* The table's attributes and mode, as they will be. */
struct index_table {
    const struct dynamodb_key_schema *keys;
    const struct dynamodb_attribute_definitions *definitions;
    bool on_demand;
};

/* WarmThroughput of a new index. */
struct index_warm {
    struct span name;
    const struct dynamodb_warm_throughput *wanted;
    const struct dynamodb_provisioned_throughput *units; /* NULL: on demand */
};
RESULT index_check_warm(struct call *c, const struct index_warm *wish);

/* The global ones first, as the real service goes through them. */
RESULT index_wishes_of(struct call *c, const struct dynamodb_create_table_in *in,
                       struct index_wishes *ret);
/* Keys, projection and throughput of all indexes of a new table. */
RESULT index_check_all(struct call *c, const struct index_table *table,
                       const struct index_wishes *wishes);
/* The same of one index that is added. */
RESULT index_check_added(struct call *c, const struct index_table *table,
                         const struct index_wish *wish);
RESULT index_check_projection(struct call *c, const struct dynamodb_projection *projection);
/* NonKeyAttributes of all indexes of a table together. */
RESULT index_check_included(struct call *c, size_t included);
/* Every key attribute has a definition. */
RESULT index_check_defined(struct call *c, const struct dynamodb_key_schema *keys,
                           const struct dynamodb_attribute_definitions *definitions);
/* No name twice, HASH first. */
RESULT index_check_keys(struct call *c, const struct dynamodb_key_schema *keys);

/* The record of what was asked for; the same for engines/kv. */
struct dynamodb_table_index index_record(struct call *c, const struct index_wish *wish);
struct kv_index_schema index_schema(struct call *c, const struct dynamodb_table *table,
                                    const struct dynamodb_table_index *index);
/* enum KV_PROJECTION of ALL, KEYS_ONLY, INCLUDE. */
uint8_t index_projection_kind(struct span name);
/* describe.c: the same as shapes of the API. */
struct span index_state_name(uint64_t state);
struct dynamodb_key_schema index_keys(struct call *c, const struct dynamodb_table_index *index);
struct dynamodb_global_secondary_index_warm_throughput_description *
index_warm_throughput(struct call *c, const struct dynamodb_table *table,
                      const struct dynamodb_table_index *index);
struct dynamodb_projection *index_projection(struct call *c,
                                             const struct dynamodb_table_index *index);
struct dynamodb_table_index *index_named(const struct dynamodb_table *table, struct span name);
