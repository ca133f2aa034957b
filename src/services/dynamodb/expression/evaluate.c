// SPDX-License-Identifier: Apache-2.0
/*
 * Conditions on an item. An operand that is not there makes every comparison false but <>; values
 * of different types are unequal and unordered. Pure.
 */
#include "services/dynamodb/expression/inside.h"

struct evaluation {
    const struct expression *e;
    const struct kv_map *item;
    struct arena *arena;
};

/* ---- operands ------------------------------------------------------------------------------- */

/* UTF-16 units, which is what the real service's strings are made of. */
static size_t text_length(struct span text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        length += (byte & 0xc0) != 0x80;
        length += byte >= 0xf0;
    }
    return length;
}

static const struct kv_value *size_of(const struct kv_value *value, struct arena *arena)
{
    size_t size;
    switch (value->type) {
    case KV_STRING:
        size = text_length(value->bytes);
        break;
    case KV_BINARY:
        size = value->bytes.len;
        break;
    case KV_STRING_SET:
    case KV_NUMBER_SET:
    case KV_BINARY_SET:
        size = value->set.count;
        break;
    case KV_LIST:
        size = value->list.count;
        break;
    case KV_MAP:
        size = value->map.count;
        break;
    case KV_NUMBER:
    case KV_BOOL:
    case KV_NULL:
    default:
        return NULL;
    }
    struct kv_value *number = ARENA_NEW(arena, struct kv_value);
    char *bytes = arena_alloc(arena, KV_NUMBER_MAX);
    size_t len = 0;
    if (kv_number_read(arena_printf(arena, "%zu", size), bytes, &len) != KV_NUMBER_GOOD)
        return NULL;
    *number = (struct kv_value){.type = KV_NUMBER, .bytes = span_of(bytes, len)};
    return number;
}

const struct kv_value *expression_operand(const struct expression *e, uint16_t at,
                                          const struct kv_map *item, struct arena *arena)
{
    const struct node *node = program_node(e->program, at);
    if (node->kind == NODE_PATH)
        return expression_path_find(e, node, item);
    if (node->kind == NODE_VALUE)
        return e->values[node->first];
    if (node->kind != NODE_CALL || node->op != FUNCTION_SIZE)
        return NULL;
    const struct kv_value *value = expression_operand(e, node->child, item, arena);
    return value ? size_of(value, arena) : NULL;
}

static const struct kv_value *value_of(const struct evaluation *v, uint16_t at)
{
    return expression_operand(v->e, at, v->item, v->arena);
}

static uint16_t next_of(const struct evaluation *v, uint16_t at)
{
    return program_node(v->e->program, at)->next;
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* False when they have no order between them. */
static bool order_of(const struct kv_value *a, const struct kv_value *b, int *ret)
{
    if (!a || !b || a->type != b->type || a->type > KV_BINARY)
        return false;
    *ret = span_compare(a->bytes, b->bytes);
    return true;
}

static bool compares(const struct evaluation *v, const struct node *node)
{
    const struct kv_value *a = value_of(v, node->child);
    const struct kv_value *b = value_of(v, next_of(v, node->child));
    int order;
    if (node->op <= COMPARE_NE)
        return (a && b && kv_value_eq(a, b)) == (node->op == COMPARE_EQ);
    if (!order_of(a, b, &order))
        return false;
    switch ((enum COMPARE)node->op) {
    case COMPARE_LT:
        return order < 0;
    case COMPARE_LE:
        return order <= 0;
    case COMPARE_GT:
        return order > 0;
    case COMPARE_GE:
        return order >= 0;
    case COMPARE_EQ:
    case COMPARE_NE:
        break;
    }
    return false;
}

static bool is_between(const struct evaluation *v, const struct node *node)
{
    uint16_t low = next_of(v, node->child);
    const struct kv_value *a = value_of(v, node->child);
    int above, below;
    return order_of(a, value_of(v, low), &above) &&
           order_of(a, value_of(v, next_of(v, low)), &below) && above >= 0 && below <= 0;
}

static bool is_in(const struct evaluation *v, const struct node *node)
{
    const struct kv_value *a = value_of(v, node->child);
    for (uint16_t at = next_of(v, node->child); a && at != NODE_NONE; at = next_of(v, at)) {
        const struct kv_value *b = value_of(v, at);
        if (b && kv_value_eq(a, b))
            return true;
    }
    return false;
}

/* ---- functions ------------------------------------------------------------------------------ */

static bool begins_with(const struct kv_value *a, const struct kv_value *b)
{
    return a->type == b->type && (a->type == KV_STRING || a->type == KV_BINARY) &&
           span_starts(a->bytes, b->bytes);
}

static bool set_contains(const struct kv_set *set, struct span element)
{
    for (size_t i = 0; i < set->count; i++)
        if (span_eq(set->at[i], element))
            return true;
    return false;
}

static bool list_contains(const struct kv_list *list, const struct kv_value *value)
{
    for (size_t i = 0; i < list->count; i++)
        if (kv_value_eq(&list->at[i], value))
            return true;
    return false;
}

static bool contains(const struct kv_value *a, const struct kv_value *b)
{
    switch (a->type) {
    case KV_STRING:
    case KV_BINARY:
        return b->type == a->type && span_find(a->bytes, b->bytes) != SPAN_NOT_FOUND;
    case KV_STRING_SET:
        return b->type == KV_STRING && set_contains(&a->set, b->bytes);
    case KV_NUMBER_SET:
        return b->type == KV_NUMBER && set_contains(&a->set, b->bytes);
    case KV_BINARY_SET:
        return b->type == KV_BINARY && set_contains(&a->set, b->bytes);
    case KV_LIST:
        return list_contains(&a->list, b);
    case KV_NUMBER:
    case KV_BOOL:
    case KV_NULL:
    case KV_MAP:
        break;
    }
    return false;
}

static bool has_type(const struct kv_value *a, const struct kv_value *name)
{
    return span_eq(attribute_type_name(a->type), name->bytes);
}

static bool call_holds(const struct evaluation *v, const struct node *node)
{
    const struct kv_value *a = value_of(v, node->child);
    if (node->op == FUNCTION_EXISTS || node->op == FUNCTION_NOT_EXISTS)
        return (a != NULL) == (node->op == FUNCTION_EXISTS);
    const struct kv_value *b = a ? value_of(v, next_of(v, node->child)) : NULL;
    if (!b)
        return false;
    return node->op == FUNCTION_TYPE          ? has_type(a, b)
           : node->op == FUNCTION_BEGINS_WITH ? begins_with(a, b)
                                              : contains(a, b);
}

/* ---- conditions ----------------------------------------------------------------------------- */

static bool holds(const struct evaluation *v, uint16_t at)
{
    const struct node *node = program_node(v->e->program, at);
    switch ((enum NODE)node->kind) {
    case NODE_OR:
        return holds(v, node->child) || holds(v, next_of(v, node->child));
    case NODE_AND:
        return holds(v, node->child) && holds(v, next_of(v, node->child));
    case NODE_NOT:
        return !holds(v, node->child);
    case NODE_COMPARE:
        return compares(v, node);
    case NODE_BETWEEN:
        return is_between(v, node);
    case NODE_IN:
        return is_in(v, node);
    case NODE_CALL:
        return call_holds(v, node);
    case NODE_PLUS:
    case NODE_MINUS:
    case NODE_PATH:
    case NODE_VALUE:
        break;
    }
    return false;
}

bool expression_holds(const struct expression *expression, const struct kv_map *item,
                      struct arena *arena)
{
    struct evaluation v = {.e = expression, .item = item, .arena = arena};
    return !expression->program || holds(&v, expression->program->root);
}
