// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Recovery of tables to a point in time. Control thread. */
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* The first moment that a table where it is on can be restored to. */
int64_t recovery_earliest(const struct dynamodb_table *table, int64_t now_ms);
/* The table of an operation on backups, or "Table not found: …". */
RESULT recovery_table(struct call *c, struct span table_name, struct dynamodb_table *ret);
/* It is neither being made nor being deleted. */
RESULT recovery_check_made(struct call *c, const struct dynamodb_table *table);
