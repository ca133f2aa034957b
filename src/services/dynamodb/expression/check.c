// SPDX-License-Identifier: Apache-2.0
/*
 * What can be said of an expression once names and values are known: whether they are defined, how
 * deep paths go, whether operands differ and have a type that fits. Each node after its operands;
 * an update's actions from the last to the first, as the real service does it. Pure but for
 * refusals.
 */
#include "services/dynamodb/expression/inside.h"

#include <stdio.h>

#define TYPES_ORDERED (1U << KV_STRING | 1U << KV_NUMBER | 1U << KV_BINARY)
#define TYPES_SETS (1U << KV_STRING_SET | 1U << KV_NUMBER_SET | 1U << KV_BINARY_SET)
#define TYPES_TEXT (1U << KV_STRING | 1U << KV_BINARY)
#define TYPES_SIZED (TYPES_TEXT | TYPES_SETS | 1U << KV_LIST | 1U << KV_MAP)

struct check {
    struct expression_scope *scope;
    struct expression *e;
    enum EXPRESSION_KIND kind;
};

static const struct node *node_of(const struct check *k, uint16_t at)
{
    return program_node(k->e->program, at);
}

static RESULT check_names(const struct check *k, const struct node *path)
{
    for (uint16_t i = 0; i < path->count; i++) {
        const struct part *part = program_parts(k->e->program) + path->first + i;
        if (part->kind == PART_ALIAS && !k->e->names[part->slot].at)
            return expression_refuse(
                k->scope, k->kind,
                "An expression attribute name used in the document path is not defined; attribute "
                "name: %.*s",
                SPAN_ARG(span_of(k->e->text.at + part->at, part->len)));
    }
    return OK;
}

static RESULT check_path(const struct check *k, const struct node *path)
{
    TRY(check_names(k, path));
    if (path->count <= KV_DEPTH_MAX)
        return OK;
    return expression_refuse(k->scope, k->kind,
                             "The document path has too many nesting levels; nesting levels: %d",
                             path->count);
}

static RESULT check_value(const struct check *k, const struct node *value)
{
    if (k->e->values[value->first])
        return OK;
    const struct slot *slot = program_values(k->e->program) + value->first;
    return expression_refuse(
        k->scope, k->kind,
        "An expression attribute value used in expression is not defined; attribute value: %.*s",
        SPAN_ARG(span_of(k->e->text.at + slot->at, slot->len)));
}

/* The type that an operand has for every item, or 0. */
static enum KV_TYPE type_of(const struct check *k, const struct node *operand)
{
    if (operand->kind == NODE_VALUE)
        return k->e->values[operand->first]->type;
    return operand->kind == NODE_CALL && operand->op == FUNCTION_SIZE ? KV_NUMBER : (enum KV_TYPE)0;
}

static RESULT refuse_type(const struct check *k, struct span op, struct span type)
{
    return expression_refuse(k->scope, k->kind,
                             "Incorrect operand type for operator or function; operator or "
                             "function: %.*s, operand type: %.*s",
                             SPAN_ARG(op), SPAN_ARG(type));
}

static RESULT check_types(const struct check *k, const struct node *parent, struct span op,
                          unsigned allowed)
{
    for (uint16_t at = parent->child; at != NODE_NONE; at = node_of(k, at)->next) {
        enum KV_TYPE type = type_of(k, node_of(k, at));
        if (type && !(allowed & 1U << type))
            return refuse_type(k, op, attribute_type_name(type));
    }
    return OK;
}

static RESULT check_distinct(const struct check *k, const struct node *parent, struct span op)
{
    const struct node *first = node_of(k, parent->child);
    if (first->kind != NODE_PATH)
        return OK;
    for (uint16_t at = first->next; at != NODE_NONE; at = node_of(k, at)->next) {
        const struct node *other = node_of(k, at);
        if (other->kind == NODE_PATH && expression_path_compare(k->e, first, other) == 0)
            return expression_refuse(
                k->scope, k->kind,
                "The first operand must be distinct from the remaining operands for this operator "
                "or function; operator: %.*s, first operand: %.*s",
                SPAN_ARG(op), SPAN_ARG(expression_path_text(k->scope->c->arena, k->e, first)));
    }
    return OK;
}

static RESULT check_comparison(const struct check *k, const struct node *node)
{
    static const struct span signs[] = {S_INIT("="),  S_INIT("<>"), S_INIT("<"),
                                        S_INIT("<="), S_INIT(">"),  S_INIT(">=")};
    TRY(check_distinct(k, node, signs[node->op]));
    return node->op > COMPARE_NE ? check_types(k, node, signs[node->op], TYPES_ORDERED) : OK;
}

/* As Java prints the value. */
static struct span bound_text(const struct check *k, const struct kv_value *value)
{
    const struct placeholder *sent =
        (const void *)((const char *)value - offsetof(struct placeholder, value));
    struct arena *arena = k->scope->c->arena;
    if (value->type == KV_BINARY)
        return arena_printf(arena,
                            "AttributeValue: {B:java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]}",
                            value->bytes.len, value->bytes.len);
    struct span text = value->type == KV_NUMBER ? sent->literal : value->bytes;
    return arena_printf(arena, "AttributeValue: {%.*s:%.*s}",
                        SPAN_ARG(attribute_type_name(value->type)), SPAN_ARG(text));
}

static RESULT check_bounds(const struct check *k, const struct node *node)
{
    const struct node *low = node_of(k, node_of(k, node->child)->next);
    const struct node *high = node_of(k, low->next);
    if (low->kind != NODE_VALUE || high->kind != NODE_VALUE)
        return OK;
    const struct kv_value *from = k->e->values[low->first], *to = k->e->values[high->first];
    const char *rule = from->type != to->type
                           ? "same data type for lower and upper bounds"
                           : "upper bound to be greater than or equal to lower bound";
    if (from->type == to->type && span_compare(from->bytes, to->bytes) <= 0)
        return OK;
    return expression_refuse(k->scope, k->kind,
                             "The BETWEEN operator requires %s; lower bound operand: %.*s, upper "
                             "bound operand: %.*s",
                             rule, SPAN_ARG(bound_text(k, from)), SPAN_ARG(bound_text(k, to)));
}

static RESULT check_between(const struct check *k, const struct node *node)
{
    TRY(check_distinct(k, node, S("BETWEEN")));
    TRY(check_types(k, node, S("BETWEEN"), TYPES_ORDERED));
    return check_bounds(k, node);
}

static RESULT check_in(const struct check *k, const struct node *node)
{
    if (node->count > EXPRESSION_OPERANDS_MAX)
        return expression_refuse(
            k->scope, k->kind,
            "The IN operator is provided with too many operands; number of operands: %d",
            node->count);
    return check_distinct(k, node, S("IN"));
}

static RESULT check_type_name(const struct check *k, const struct node *operand)
{
    static const char valid[] = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}";
    struct span function = expression_function(FUNCTION_TYPE);
    enum KV_TYPE type = type_of(k, operand);
    if (!type)
        return refuse_type(k, function, S("{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"));
    if (type != KV_STRING || operand->kind != NODE_VALUE)
        return refuse_type(k, function, attribute_type_name(type));
    struct span name = k->e->values[operand->first]->bytes;
    for (enum KV_TYPE i = KV_STRING; i <= KV_MAP; i++)
        if (span_eq(name, attribute_type_name(i)))
            return OK;
    return expression_refuse(k->scope, k->kind,
                             "Invalid attribute type name found; type: %.*s, valid types: %s",
                             SPAN_ARG(name), valid);
}

static bool wants_path(uint8_t function)
{
    return function == FUNCTION_EXISTS || function == FUNCTION_NOT_EXISTS ||
           function == FUNCTION_TYPE || function == FUNCTION_IF_NOT_EXISTS;
}

static RESULT check_call(const struct check *k, const struct node *node)
{
    static const unsigned allowed[FUNCTION_COUNT] = {
        [FUNCTION_BEGINS_WITH] = TYPES_TEXT,
        [FUNCTION_SIZE] = TYPES_SIZED,
        [FUNCTION_LIST_APPEND] = 1U << KV_LIST,
    };
    struct span name = expression_function(node->op);
    const struct node *first = node_of(k, node->child);
    if (wants_path(node->op) && first->kind != NODE_PATH)
        return expression_refuse(
            k->scope, k->kind,
            "Operator or function requires a document path; operator or function: %.*s",
            SPAN_ARG(name));
    if (node->op != FUNCTION_LIST_APPEND)
        TRY(check_distinct(k, node, name));
    if (node->op == FUNCTION_TYPE)
        return check_type_name(k, node_of(k, first->next));
    return allowed[node->op] ? check_types(k, node, name, allowed[node->op]) : OK;
}

static RESULT check_node(const struct check *k, uint16_t at)
{
    const struct node *node = node_of(k, at);
    if (node->kind == NODE_PATH)
        return check_path(k, node);
    if (node->kind == NODE_VALUE)
        return check_value(k, node);
    if (node->kind == NODE_CALL && k->kind == EXPRESSION_UPDATE)
        TRY(expression_check_arity(k->scope, k->kind, node));
    for (uint16_t child = node->child; child != NODE_NONE; child = node_of(k, child)->next)
        TRY(check_node(k, child));
    switch ((enum NODE)node->kind) {
    case NODE_COMPARE:
        return check_comparison(k, node);
    case NODE_BETWEEN:
        return check_between(k, node);
    case NODE_IN:
        return check_in(k, node);
    case NODE_CALL:
        return check_call(k, node);
    case NODE_PLUS:
        return check_types(k, node, S("+"), 1U << KV_NUMBER);
    case NODE_MINUS:
        return check_types(k, node, S("-"), 1U << KV_NUMBER);
    case NODE_OR:
    case NODE_AND:
    case NODE_NOT:
    case NODE_PATH:
    case NODE_VALUE:
        break;
    }
    return OK;
}

/* ---- updates -------------------------------------------------------------------------------- */

static RESULT check_all_names(const struct check *k, uint16_t at)
{
    const struct node *node = node_of(k, at);
    if (node->kind == NODE_PATH)
        return check_names(k, node);
    for (uint16_t child = node->child; child != NODE_NONE; child = node_of(k, child)->next)
        TRY(check_all_names(k, child));
    return OK;
}

static RESULT check_operand(const struct check *k, const struct action *action)
{
    static const char *const names[] = {
        [KV_STRING] = "STRING", [KV_NUMBER] = "NUMBER", [KV_BINARY] = "BINARY",
        [KV_BOOL] = "BOOLEAN",  [KV_NULL] = "NULL",     [KV_LIST] = "LIST",
        [KV_MAP] = "MAP",
    };
    bool add = action->verb == VERB_ADD;
    unsigned allowed = add ? TYPES_SETS | 1U << KV_NUMBER : TYPES_SETS;
    enum KV_TYPE type = type_of(k, node_of(k, action->value));
    if (allowed & 1U << type)
        return OK;
    const char *verb = add ? "ADD" : "DELETE";
    return expression_refuse(k->scope, k->kind,
                             "Incorrect operand type for operator or function; operator: %s, "
                             "operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND",
                             verb, names[type], verb);
}

static RESULT check_update(const struct check *k)
{
    const struct action *actions = program_actions(k->e->program);
    uint16_t count = k->e->program->action_count;
    for (uint16_t i = 0; i < count; i++)
        TRY(check_names(k, node_of(k, actions[i].path)));
    TRY(expression_check_overlaps(k->scope, k->e));
    for (uint16_t i = count; i-- > 0;)
        if (actions[i].value != NODE_NONE)
            TRY(check_all_names(k, actions[i].value));
    for (uint16_t i = count; i-- > 0;) {
        TRY(check_path(k, node_of(k, actions[i].path)));
        if (actions[i].value != NODE_NONE)
            TRY(check_node(k, actions[i].value));
        if (actions[i].verb == VERB_ADD || actions[i].verb == VERB_DELETE)
            TRY(check_operand(k, &actions[i]));
    }
    return OK;
}

RESULT expression_check(struct expression_scope *scope, struct expression *expression)
{
    struct check k = {
        .scope = scope, .e = expression, .kind = (enum EXPRESSION_KIND)expression->program->kind};
    if (k.kind == EXPRESSION_UPDATE)
        return check_update(&k);
    if (k.kind != EXPRESSION_PROJECTION)
        return check_node(&k, expression->program->root);
    for (uint16_t i = 0; i < expression->program->action_count; i++)
        TRY(check_path(&k, node_of(&k, program_actions(expression->program)[i].path)));
    return expression_check_overlaps(scope, expression);
}
