// SPDX-License-Identifier: Apache-2.0
/*
 * Search conditions of SearchVectors: equalities of attributes with values, joined by AND. Texts as
 * others measured them on the real service in August 2026. Pure but for refusals.
 */
#include "services/dynamodb/expression/inside.h"

#define FILTERS_MAX 20

static const struct node *node_of(const struct expression *e, uint16_t at)
{
    return program_node(e->program, at);
}

static RESULT check_operator(struct call *c, const struct node *node)
{
    if (node->kind == NODE_COMPARE && node->op == COMPARE_EQ)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid %s used in SearchConditionExpression",
                  node->kind == NODE_COMPARE ? "comparator" : "operator");
}

static RESULT take_operand(struct call *c, const struct expression *e, const struct node *operand,
                           struct expression_equal *equal)
{
    if (operand->kind == NODE_VALUE) {
        equal->value = e->values[operand->first];
        return OK;
    }
    if (operand->kind != NODE_PATH || equal->attribute.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid operator used in SearchConditionExpression");
    if (operand->count > 1)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "SearchConditionExpression cannot have conditions on nested attributes");
    equal->attribute = part_name(e, program_parts(e->program) + operand->first);
    return OK;
}

static RESULT take_equality(struct call *c, const struct expression *e, const struct node *node,
                            struct expression_equals *equals)
{
    struct expression_equal equal = {.value = NULL};
    TRY(check_operator(c, node));
    for (uint16_t at = node->child; at != NODE_NONE; at = node_of(e, at)->next)
        TRY(take_operand(c, e, node_of(e, at), &equal));
    if (!equal.attribute.at || !equal.value)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid operator used in SearchConditionExpression");
    for (size_t i = 0; i < equals->count; i++)
        if (span_eq(equals->at[i].attribute, equal.attribute))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "SearchConditionExpression must only contain one condition per "
                          "attribute");
    if (equals->count == EXPRESSION_EQUALS_MAX)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid SearchConditionExpression: SearchConditionExpression cannot have "
                      "more than 1 partition key and more than %d inline filter key attributes",
                      FILTERS_MAX);
    equals->at[equals->count++] = equal;
    return OK;
}

static RESULT take(struct call *c, const struct expression *e, uint16_t at,
                   struct expression_equals *equals)
{
    const struct node *node = node_of(e, at);
    if (node->kind != NODE_AND)
        return take_equality(c, e, node, equals);
    TRY(take(c, e, node->child, equals));
    return take(c, e, node_of(e, node->child)->next, equals);
}

RESULT expression_take_equals(struct call *c, const struct expression *expression,
                              struct expression_equals *ret)
{
    ret->count = 0;
    return take(c, expression, expression->program->root, ret);
}
