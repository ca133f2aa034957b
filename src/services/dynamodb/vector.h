// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Indexes of vectors ("Using vector indexes in DynamoDB"): what may be asked for, what is told of
 * them, and what items may have for them. Rules and texts as others measured them on the real
 * service in August 2026. Control thread but for vector_check_item.
 */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* Of CreateTable; the table becomes on demand or not. */
RESULT vector_check_new(struct call *c, const struct dynamodb_create_table_in *in);
/* The definitions without those that only search schemas use. */
struct dynamodb_attribute_definitions
vector_other_definitions(struct call *c, const struct dynamodb_create_table_in *in);
/* Their records. */
void vector_fill(struct call *c, const struct dynamodb_vector_index_list *in,
                 struct dynamodb_table *table);
struct kv_index_schema vector_schema(struct call *c, const struct dynamodb_table *table,
                                     const struct dynamodb_table_vector *vector);
/* VectorIndexUpdates, done to the record and the engine. */
RESULT vector_update(struct call *c, const struct dynamodb_update_table_in *in,
                     struct dynamodb_table *table);
RESULT vector_describe(struct call *c, const struct dynamodb_table *table,
                       struct dynamodb_table_description *to);
struct dynamodb_table_vector *vector_named(const struct dynamodb_table *table, struct span name);
/* Those that a restored table begins with. */
struct dynamodb_table_vector_list vector_restored(struct call *c,
                                                  const struct dynamodb_table_vector_list *of);
struct dynamodb_search_schema vector_search_schema(struct call *c,
                                                   const struct dynamodb_table_vector *vector);
struct dynamodb_vector_attribute_definition *
vector_attribute(struct call *c, const struct dynamodb_table_vector *vector);
struct dynamodb_projection *vector_projection(struct call *c,
                                              const struct dynamodb_table_vector *vector);
/* What three shapes of the API tell of one. */
#define VECTOR_SHOW(c, vector, to)                                                                 \
    do {                                                                                           \
        (to)->index_name = (vector)->name;                                                         \
        (to)->vector_attribute = vector_attribute(c, vector);                                      \
        (to)->search_schema = vector_search_schema(c, vector);                                     \
        (to)->projection = vector_projection(c, vector);                                           \
        SET(to, dimensions, (int64_t)(vector)->dimensions);                                        \
        (to)->distance_function = (vector)->distance;                                              \
    } while (0)
/* Whether some search schema has that attribute. */
bool vector_uses(const struct dynamodb_table *table, struct span attribute);
/* "… Vector indexes are only supported for PAY_PER_REQUEST tables" */
RESULT vector_check_billing(struct call *c, const struct dynamodb_table *table, bool on_demand);

/* vector_item.c: what an item has for indexes of vectors is one, or not there. Only what is not the
 * same `before` (NULL: there was nothing) is looked at. Any thread. */
RESULT vector_check_item(struct call *c, const struct kv_table *table, const struct kv_map *item,
                         const struct kv_map *before);
/* What a write to such an index is charged, in bytes. */
double vector_bytes_of(const struct kv_change *change);
