// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Tables as DynamoDB tells of them. Control thread. */
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

enum TABLE_STATE { TABLE_CREATING = 1, TABLE_ACTIVE, TABLE_UPDATING, TABLE_DELETING };

/* describe.c: with the true number and size of the items. */
RESULT table_describe(struct call *c, const struct dynamodb_table *table,
                      struct dynamodb_table_description **ret);
/* step.c: writes the record in a state that will move on by itself, once it is durable. */
void table_put_moving(struct call *c, const struct dynamodb_table *table);
/* "Attempt to change a resource which is still in use: …" unless it is ACTIVE. */
RESULT table_check_active(struct call *c, const struct dynamodb_table *table);
/* "… is not supported by kintoun yet" */
RESULT table_not_built(struct call *c, const char *what);
/* update.c: units within bounds, and only where the billing mode has them. */
RESULT table_check_units(struct call *c, const struct dynamodb_provisioned_throughput *units);
/* tag.c */
RESULT table_add_tags(struct call *c, struct dynamodb_table *table,
                      const struct dynamodb_tag_list *tags);
