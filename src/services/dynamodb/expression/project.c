// SPDX-License-Identifier: Apache-2.0
/*
 * The parts of an item that paths name: maps with only those entries, lists with only those
 * elements, in order and without gaps. What a path does not find leaves no trace. Pure.
 */
#include "services/dynamodb/expression/inside.h"

/* Paths from..to of the order, all the same before `depth`. */
struct range {
    const struct expression *e;
    struct arena *arena;
    uint16_t from, to, depth;
};

static const struct node *path_at(const struct range *r, uint16_t at)
{
    const struct program *program = r->e->program;
    return program_node(program, program_actions(program)[r->e->order[at]].path);
}

static const struct part *part_at(const struct range *r, uint16_t at)
{
    return program_parts(r->e->program) + path_at(r, at)->first + r->depth;
}

static bool is_same(const struct range *r, uint16_t a, uint16_t b)
{
    const struct part *x = part_at(r, a), *y = part_at(r, b);
    return x->kind == PART_INDEX ? x->index == y->index
                                 : span_eq(part_name(r->e, x), part_name(r->e, y));
}

/* The paths that go on the same way as the one at `from`. */
static struct range step(const struct range *r, uint16_t from)
{
    struct range below = {r->e, r->arena, from, from + 1, r->depth + 1};
    while (below.to < r->to && is_same(r, from, below.to))
        below.to++;
    return below;
}

static bool pick(const struct range *r, const struct kv_value *value, struct kv_value *ret);

static bool pick_map(const struct range *r, const struct kv_map *map, struct kv_map *ret)
{
    *ret = (struct kv_map){ARENA_ARRAY(r->arena, struct kv_pair, r->to - r->from), 0};
    for (uint16_t at = r->from; at < r->to;) {
        struct range below = step(r, at);
        const struct part *part = part_at(r, at);
        struct span name = part->kind == PART_INDEX ? SPAN_NONE : part_name(r->e, part);
        const struct kv_value *value = name.at ? kv_map_get(map, name) : NULL;
        struct kv_pair *pair = &ret->at[ret->count];
        pair->name = name;
        ret->count += value && pick(&below, value, &pair->value);
        at = below.to;
    }
    return ret->count > 0;
}

static bool pick_list(const struct range *r, const struct kv_list *list, struct kv_list *ret)
{
    *ret = (struct kv_list){ARENA_ARRAY(r->arena, struct kv_value, r->to - r->from), 0};
    for (uint16_t at = r->from; at < r->to;) {
        struct range below = step(r, at);
        const struct part *part = part_at(r, at);
        bool there = part->kind == PART_INDEX && part->index < list->count;
        ret->count += there && pick(&below, &list->at[part->index], &ret->at[ret->count]);
        at = below.to;
    }
    return ret->count > 0;
}

static bool pick(const struct range *r, const struct kv_value *value, struct kv_value *ret)
{
    ret->type = value->type;
    if (path_at(r, r->from)->count == r->depth) {
        *ret = *value;
        return true;
    }
    if (value->type == KV_MAP)
        return pick_map(r, &value->map, &ret->map);
    return value->type == KV_LIST && pick_list(r, &value->list, &ret->list);
}

void expression_project(const struct expression *expression, const struct kv_map *item,
                        struct arena *arena, struct kv_map *ret)
{
    struct range all = {expression, arena, 0, expression->program->action_count, 0};
    pick_map(&all, item, ret);
}

static struct kv_pair *labelled(struct kv_map *map, struct span label)
{
    for (size_t i = 0; i < map->count; i++)
        if (span_eq(map->at[i].name, label))
            return &map->at[i];
    return &map->at[map->count++];
}

void expression_project_flat(const struct expression *expression, const struct span *labels,
                             const struct kv_map *item, struct arena *arena, struct kv_map *ret)
{
    const struct program *program = expression->program;
    *ret = (struct kv_map){ARENA_ARRAY(arena, struct kv_pair, program->action_count), 0};
    for (uint16_t i = 0; i < program->action_count; i++) {
        const struct node *path = program_node(program, program_actions(program)[i].path);
        const struct kv_value *value = expression_path_find(expression, path, item);
        if (value)
            *labelled(ret, labels[i]) = (struct kv_pair){labels[i], *value};
    }
    kv_sort_pairs(ret->at, ret->count);
}

struct expression expression_of_attributes(struct arena *arena, const struct span *names,
                                           size_t count)
{
    struct builder b;
    expression_builder_open(&b, arena, EXPRESSION_PROJECTION, count);
    for (uint16_t i = 0; i < count; i++) {
        b.parts[i] = (struct part){.kind = PART_ALIAS, .slot = i};
        b.aliases[i] = (struct slot){0, 0};
        b.program.part_count = b.program.alias_count = i + 1;
        uint16_t path = expression_builder_node(
            &b,
            (struct node){
                .kind = NODE_PATH, .child = NODE_NONE, .next = NODE_NONE, .first = i, .count = 1});
        b.actions[b.program.action_count++] =
            (struct action){.verb = VERB_PROJECT, .path = path, .value = NODE_NONE};
    }
    struct expression e = {.program = expression_builder_close(&b), .names = names};
    e.order = expression_path_order(&e, arena);
    return e;
}
