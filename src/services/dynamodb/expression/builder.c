// SPDX-License-Identifier: Apache-2.0
/*
 * Programs while they are made, and the block they become. Pure.
 */
#include "services/dynamodb/expression/inside.h"

void expression_builder_open(struct builder *builder, struct arena *arena,
                             enum EXPRESSION_KIND kind, size_t room)
{
    *builder = (struct builder){
        .arena = arena,
        .parts = arena_alloc(arena, room * sizeof(struct part)),
        .nodes = arena_alloc(arena, room * sizeof(struct node)),
        .actions = arena_alloc(arena, room * sizeof(struct action)),
        .aliases = arena_alloc(arena, room * sizeof(struct slot)),
        .values = arena_alloc(arena, room * sizeof(struct slot)),
        .program = {.kind = (uint16_t)kind, .root = NODE_NONE},
    };
}

uint16_t expression_builder_node(struct builder *builder, struct node node)
{
    builder->nodes[builder->program.node_count] = node;
    return builder->program.node_count++;
}

static uint32_t place(uint32_t *size, size_t bytes)
{
    uint32_t at = *size;
    *size += (uint32_t)((bytes + 3) & ~(size_t)3);
    return at;
}

static void copy(struct program *program, uint32_t at, const void *from, size_t bytes)
{
    if (bytes)
        memcpy((char *)program + at, from, bytes);
}

struct program *expression_builder_close(const struct builder *builder)
{
    struct program head = builder->program;
    size_t parts = head.part_count * sizeof(struct part);
    size_t nodes = head.node_count * sizeof(struct node);
    size_t actions = head.action_count * sizeof(struct action);
    size_t aliases = head.alias_count * sizeof(struct slot);
    size_t values = head.value_count * sizeof(struct slot);
    head.size = (sizeof head + 3) & ~(size_t)3;
    head.part_at = place(&head.size, parts);
    head.node_at = place(&head.size, nodes);
    head.action_at = place(&head.size, actions);
    head.alias_at = place(&head.size, aliases);
    head.value_at = place(&head.size, values);
    struct program *program = arena_alloc(builder->arena, head.size);
    *program = head;
    copy(program, head.part_at, builder->parts, parts);
    copy(program, head.node_at, builder->nodes, nodes);
    copy(program, head.action_at, builder->actions, actions);
    copy(program, head.alias_at, builder->aliases, aliases);
    copy(program, head.value_at, builder->values, values);
    return program;
}
