// SPDX-License-Identifier: Apache-2.0
/*
 * Document paths: their order, their text, what is at them, and which of an expression clash. Pure
 * but for refusals.
 */
#include "services/dynamodb/expression/inside.h"

#include <stdlib.h>

static const struct part *parts_of(const struct expression *e, const struct node *path)
{
    return program_parts(e->program) + path->first;
}

static int compare_parts(const struct expression *e, const struct part *a, const struct part *b)
{
    bool index = a->kind == PART_INDEX;
    if (index != (b->kind == PART_INDEX))
        return index ? -1 : 1;
    if (index)
        return (a->index > b->index) - (a->index < b->index);
    return span_compare(part_name(e, a), part_name(e, b));
}

/* How many parts are the same from the beginning on. */
static uint16_t common_parts(const struct expression *e, const struct node *a, const struct node *b)
{
    uint16_t shorter = a->count < b->count ? a->count : b->count, i = 0;
    while (i < shorter && compare_parts(e, parts_of(e, a) + i, parts_of(e, b) + i) == 0)
        i++;
    return i;
}

int expression_path_compare(const struct expression *e, const struct node *a, const struct node *b)
{
    uint16_t common = common_parts(e, a, b);
    if (common < a->count && common < b->count)
        return compare_parts(e, parts_of(e, a) + common, parts_of(e, b) + common);
    return (int)a->count - (int)b->count;
}

struct span expression_path_text(struct arena *arena, const struct expression *e,
                                 const struct node *path)
{
    struct buf *text = arena_buf(arena, 1 << 20);
    buf_append_byte(text, '[');
    for (uint16_t i = 0; i < path->count; i++) {
        const struct part *part = parts_of(e, path) + i;
        if (i)
            buf_append(text, S(", "));
        if (part->kind == PART_INDEX)
            buf_printf(text, "[%u]", part->index);
        else
            buf_append(text, part_name(e, part));
    }
    buf_append_byte(text, ']');
    return buf_span(text);
}

const struct kv_value *expression_path_find(const struct expression *e, const struct node *path,
                                            const struct kv_map *item)
{
    const struct part *part = parts_of(e, path), *end = part + path->count;
    const struct kv_value *at = kv_map_get(item, part_name(e, part));
    for (part++; at && part < end; part++) {
        if (part->kind == PART_INDEX)
            at = at->type == KV_LIST && part->index < at->list.count ? &at->list.at[part->index]
                                                                     : NULL;
        else
            at = at->type == KV_MAP ? kv_map_get(&at->map, part_name(e, part)) : NULL;
    }
    return at;
}

bool expression_names(const struct expression *expression, struct span attribute,
                      enum EXPRESSION_DEPTH depth)
{
    const struct program *program = expression->program;
    for (uint16_t i = 0; program && i < program->node_count; i++) {
        const struct node *node = program_node(program, i);
        if (node->kind == NODE_PATH && (depth == EXPRESSION_ANY_DEPTH || node->count > 1) &&
            span_eq(part_name(expression, parts_of(expression, node)), attribute))
            return true;
    }
    return false;
}

struct span *expression_attributes(const struct expression *expression, struct arena *arena,
                                   size_t *ret_count)
{
    const struct program *program = expression->program;
    struct span *names = ARENA_ARRAY(arena, struct span, program->node_count);
    *ret_count = 0;
    for (uint16_t i = 0; i < program->node_count; i++) {
        const struct node *node = program_node(program, i);
        if (node->kind == NODE_PATH)
            names[(*ret_count)++] = part_name(expression, parts_of(expression, node));
    }
    return names;
}

/* ---- order and clashes ---------------------------------------------------------------------- */

/* A path and where it stands in the text. */
struct place {
    const struct expression *e;
    const struct node *path;
    uint16_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = expression_path_compare(x->e, x->path, y->path);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

const uint16_t *expression_path_order(const struct expression *e, struct arena *arena)
{
    const struct program *program = e->program;
    uint16_t count = program->action_count;
    uint16_t *order = ARENA_ARRAY(arena, uint16_t, count);
    if (count < 2)
        return order;
    struct place *places = ARENA_ARRAY(arena, struct place, count);
    for (uint16_t i = 0; i < count; i++)
        places[i] = (struct place){e, program_node(program, program_actions(program)[i].path), i};
    qsort(places, count, sizeof *places, compare_places);
    for (uint16_t i = 0; i < count; i++)
        order[i] = places[i].index;
    return order;
}

static RESULT refuse_clash(struct expression_scope *scope, const struct expression *e,
                           const uint16_t pair[2], const char *what)
{
    const struct program *program = e->program;
    uint16_t first = pair[0] < pair[1] ? pair[0] : pair[1], second = pair[0] ^ pair[1] ^ first;
    const struct action *actions = program_actions(program);
    struct arena *arena = scope->c->arena;
    return expression_refuse(
        scope, (enum EXPRESSION_KIND)program->kind,
        "Two document paths %s with each other; must remove or rewrite one of these paths; path "
        "one: %.*s, path two: %.*s",
        what, SPAN_ARG(expression_path_text(arena, e, program_node(program, actions[first].path))),
        SPAN_ARG(expression_path_text(arena, e, program_node(program, actions[second].path))));
}

/* In order, a path that clashes with a later one clashes with the next one as well: those that go
 * on from it follow it, and indices stand before names. */
static RESULT check_neighbours(struct expression_scope *scope, const struct expression *e,
                               const uint16_t pair[2])
{
    const struct program *program = e->program;
    const struct node *a = program_node(program, program_actions(program)[pair[0]].path);
    const struct node *b = program_node(program, program_actions(program)[pair[1]].path);
    uint16_t common = common_parts(e, a, b);
    if (common == a->count || common == b->count)
        return refuse_clash(scope, e, pair, "overlap");
    bool index = parts_of(e, a)[common].kind == PART_INDEX;
    if (index != (parts_of(e, b)[common].kind == PART_INDEX))
        return refuse_clash(scope, e, pair, "conflict");
    return OK;
}

RESULT expression_check_overlaps(struct expression_scope *scope, struct expression *expression)
{
    expression->order = expression_path_order(expression, scope->c->arena);
    for (uint16_t i = 1; i < expression->program->action_count; i++)
        TRY(check_neighbours(scope, expression, expression->order + i - 1));
    return OK;
}
