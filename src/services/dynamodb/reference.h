// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Which table a call means. TableName may be a name or an ARN. Results live in the call's arena;
 * any thread.
 */
#include "engines/kv/kv.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* A name that is one, of the caller's account and region. */
RESULT reference_read(struct call *c, struct span table_name, struct span *ret_name);
/* The same from a ResourceArn of the tagging operations. */
RESULT reference_read_arn(struct call *c, struct span resource_arn, struct span *ret_name);
/* What engines/kv calls the table. */
struct span reference_of(struct arena *arena, const struct dynamodb_table *key);
struct dynamodb_table reference_key(struct call *c, struct span name);
struct span reference_arn(struct call *c, struct span name);
struct kv_access reference_access(struct call *c);

/* For operations that name several tables: may the caller do this to the table? */
RESULT reference_require(struct call *c, struct span action, struct span table_name);
/* The same of an index, where one is named. */
RESULT reference_require_index(struct call *c, struct span action, struct span table_name,
                               struct span index_name);

/* For table operations: its record, or "Requested resource not found: Table: x not found". */
RESULT reference_table(struct call *c, struct span table_name, struct dynamodb_table *ret);
/* For item operations: the open table, or "Requested resource not found". */
RESULT reference_open(struct call *c, struct span table_name, struct span *ret_name,
                      struct kv_table **ret);
