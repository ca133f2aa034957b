// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What Query and Scan have in common on their way in: filter, projection, starting key, in
 * expressions or in the parameters that these replaced. Any thread. */
#include "services/dynamodb/parameter.h"
#include "services/dynamodb/source.h"

struct terms_wish {
    const struct parameter_set *parameters;
    const struct dynamodb_attribute_name_list *attributes; /* AttributesToGet */
    const struct dynamodb_filter_condition_map *conditions;
    struct span conditional_operator;
    const struct dynamodb_key *start;
    struct span projection, filter, key; /* expressions */
    const struct dynamodb_expression_attribute_name_map *names;
    const struct dynamodb_expression_attribute_value_map *values;
    struct span select;
    bool consistent, index;
    bool needs_key; /* a key condition, and there is none in the old form */
};

/* What the inputs of both name alike. */
#define TERMS_OF(in)                                                                               \
    .attributes = &(in)->attributes_to_get, .conditional_operator = (in)->conditional_operator,    \
    .start = &(in)->exclusive_start_key, .projection = (in)->projection_expression,                \
    .filter = (in)->filter_expression, .names = &(in)->expression_attribute_names,                 \
    .values = &(in)->expression_attribute_values, .select = (in)->select,                          \
    .consistent = (in)->consistent_read, .index = (in)->index_name.at != NULL

struct terms {
    struct expression filter, projection, key; /* may be absent */
    struct kv_map start;
    bool has_start;
    struct source_select select;
};

RESULT terms_read(struct call *c, const struct terms_wish *wish, struct terms *ret);
