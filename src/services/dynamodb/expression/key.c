// SPDX-License-Identifier: Apache-2.0
/*
 * Key conditions: a condition that is nothing but comparisons of one attribute with values, joined
 * by AND. Texts as dynalite recorded them from the real service. Pure but for refusals.
 */
#include "services/dynamodb/expression/inside.h"

struct taking {
    struct call *c;
    const struct expression *e;
    struct expression_keys *keys;
};

static const struct node *node_of(const struct taking *t, uint16_t at)
{
    return program_node(t->e->program, at);
}

/* Operators that find no key. */
static RESULT check_operator(const struct taking *t, const struct node *node)
{
    static const char *const names[] = {
        [NODE_OR] = "OR", [NODE_NOT] = "NOT", [NODE_IN] = "IN", [NODE_VALUE] = NULL};
    const char *name = names[node->kind];
    if (node->kind == NODE_COMPARE && node->op == COMPARE_NE)
        name = "<>";
    if (node->kind == NODE_CALL && node->op != FUNCTION_BEGINS_WITH)
        name = arena_cstr(t->c->arena, expression_function((enum FUNCTION)node->op));
    if (name)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid operator used in KeyConditionExpression: %s", name);
    const char *first = node->kind == NODE_BETWEEN ? "BETWEEN"
                        : node->kind == NODE_CALL  ? "begins_with"
                                                   : NULL;
    if (first && node_of(t, node->child)->kind != NODE_PATH)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid condition in KeyConditionExpression: %s operator must have the key "
                      "attribute as its first operand",
                      first);
    return OK;
}

static RESULT take_operand(const struct taking *t, const struct node *operand,
                           struct expression_key *key)
{
    if (operand->kind == NODE_VALUE) {
        const struct kv_value *value = t->e->values[operand->first];
        if (key->low)
            key->high = value;
        else
            key->low = value;
        return OK;
    }
    if (operand->kind != NODE_PATH)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "KeyConditionExpressions cannot contain nested operations");
    if (key->attribute.at)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid condition in KeyConditionExpression: Multiple attribute names used "
                      "in one condition");
    if (operand->count > 1)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "KeyConditionExpressions cannot have conditions on nested attributes");
    key->attribute = part_name(t->e, program_parts(t->e->program) + operand->first);
    return OK;
}

/* Value before attribute is the same turned round. */
static enum KV_BOUND bound_of(const struct node *node, bool turned)
{
    static const enum KV_BOUND bounds[][2] = {
        [COMPARE_EQ] = {KV_EQ, KV_EQ}, [COMPARE_NE] = {KV_ANY, KV_ANY},
        [COMPARE_LT] = {KV_LT, KV_GT}, [COMPARE_LE] = {KV_LE, KV_GE},
        [COMPARE_GT] = {KV_GT, KV_LT}, [COMPARE_GE] = {KV_GE, KV_LE},
    };
    if (node->kind == NODE_COMPARE)
        return bounds[node->op][turned];
    return node->kind == NODE_BETWEEN ? KV_BETWEEN : KV_BEGINS;
}

static RESULT take_condition(const struct taking *t, const struct node *node)
{
    struct expression_key key = {.bound =
                                     bound_of(node, node_of(t, node->child)->kind == NODE_VALUE)};
    for (uint16_t at = node->child; at != NODE_NONE; at = node_of(t, at)->next)
        TRY(take_operand(t, node_of(t, at), &key));
    if (!key.attribute.at)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Invalid condition in KeyConditionExpression: No key attribute specified");
    for (size_t i = 0; i < t->keys->count; i++)
        if (span_eq(t->keys->at[i].attribute, key.attribute))
            return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "KeyConditionExpressions must only contain one condition per key");
    if (t->keys->count == EXPRESSION_KEYS_MAX)
        return refuse(t->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Conditions can be of length 1 or 2 only");
    t->keys->at[t->keys->count++] = key;
    return OK;
}

static RESULT take(const struct taking *t, uint16_t at)
{
    const struct node *node = node_of(t, at);
    if (node->kind == NODE_AND) {
        TRY(take(t, node->child));
        return take(t, node_of(t, node->child)->next);
    }
    TRY(check_operator(t, node));
    return take_condition(t, node);
}

RESULT expression_take_keys(struct call *c, const struct expression *expression,
                            struct expression_keys *ret)
{
    struct taking t = {.c = c, .e = expression, .keys = ret};
    ret->count = 0;
    return take(&t, expression->program->root);
}
