// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The parameters that expressions replaced, made into expressions. Their checks and texts are their
 * own. Where there is nothing, the expression is absent. Any thread.
 */
#include "services/dynamodb/expression/expression.h"

/* Expected of a write. */
RESULT legacy_expected(struct call *c, const struct dynamodb_expected_attribute_map *expected,
                       struct span conditional_operator, struct expression *ret);
/* QueryFilter, ScanFilter. */
RESULT legacy_filter(struct call *c, const struct dynamodb_filter_condition_map *filter,
                     struct span conditional_operator, struct expression *ret);
/* KeyConditions. */
RESULT legacy_keys(struct call *c, const struct dynamodb_key_conditions *keys,
                   struct expression_keys *ret);
/* AttributeUpdates of UpdateItem. */
RESULT legacy_updates(struct call *c, const struct dynamodb_attribute_updates *updates,
                      struct expression *ret);
/* AttributesToGet. */
RESULT legacy_attributes(struct call *c, const struct dynamodb_attribute_name_list *names,
                         struct expression *ret);
