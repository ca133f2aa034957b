// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Contributor insights: of tables and global indexes for which they are on, the engine counts which
 * keys use most and which are throttled most; a page of this program's own shows them
 * (dynamodb_print_insights), as there is no CloudWatch here. Control thread.
 */
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* In records: for ever. */
enum INSIGHT_STATE { INSIGHT_DISABLED, INSIGHT_ENABLING, INSIGHT_ENABLED, INSIGHT_DISABLING };

/* From the moving states to the lasting ones; those of indexes that are gone go, too. */
void insight_settle(struct dynamodb_table *table);

/* Names of the rules, as the real service gives them: of partition keys (PK) and of both keys (SK),
 * consumed (C) and throttled (T). */
struct insight_rule {
    char what[4]; /* "PKC" */
    struct span name;
};
#define INSIGHT_RULES_MAX 4
size_t insight_rules(struct arena *arena, const struct dynamodb_table *table,
                     const struct dynamodb_table_insight *insight,
                     struct insight_rule ret[INSIGHT_RULES_MAX]);
