// SPDX-License-Identifier: Apache-2.0
/*
 * PartiQL statements from arbitrary bytes, with three parameters or as many as are right. What is
 * taken is used on an item: its condition, its update, its projection.
 */
#include "services/dynamodb/partiql/partiql.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static struct kv_map item_of(void)
{
    static struct kv_value elements[2];
    static struct kv_pair pairs[3];
    elements[0] = (struct kv_value){.type = KV_STRING, .bytes = S("x")};
    elements[1] = (struct kv_value){.type = KV_NULL};
    pairs[0] = (struct kv_pair){S("a"), {.type = KV_LIST, .list = {elements, 2}}};
    pairs[1] = (struct kv_pair){S("b"), {.type = KV_BOOL, .truth = true}};
    pairs[2] = (struct kv_pair){S("pk"), {.type = KV_STRING, .bytes = S("x")}};
    return (struct kv_map){pairs, 3};
}

static void use(struct call *c, const struct partiql *statement)
{
    struct kv_map item = item_of(), out = {NULL, 0};
    struct expression_keys keys;
    bool only;
    partiql_conjuncts(statement, &keys, &only);
    if (keys.count > EXPRESSION_KEYS_MAX)
        abort();
    (void)expression_holds(&statement->where, &item, &arena);
    if (statement->projection.program)
        expression_project_flat(&statement->projection, statement->labels, &item, &arena, &out);
    if (statement->update.program && expression_update(c, &statement->update, &item, &out) == OK)
        for (size_t i = 1; i < out.count; i++)
            if (span_compare(out.at[i - 1].name, out.at[i].name) >= 0)
                abort();
    for (size_t i = 1; i < statement->item.count; i++)
        if (span_compare(statement->item.at[i - 1].name, statement->item.at[i].name) >= 0)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call call = {.arena = &arena};
    static struct span words[] = {S_INIT("y"), S_INIT("z")};
    struct dynamodb_attribute_value values[] = {
        {.n = S("1")}, {.s = S("x")}, {.ss = {words, 2}}, {.n = S("7")}};
    struct partiql statement;
    if (size > 8192)
        return 0;
    if (!arena.end)
        arena_init(&arena, 1 << 16, 256 << 20);
    struct span text = arena_copy(&arena, span_of(data, size));
    for (size_t count = 0; count <= ARRAY_LEN(values); count++) {
        struct dynamodb_prepared_statement_parameters parameters = {values, count};
        if (partiql_read(&call, text, &parameters, &statement) == OK)
            use(&call, &statement);
    }
    arena_reset(&arena);
    return 0;
}
