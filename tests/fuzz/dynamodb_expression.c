// SPDX-License-Identifier: Apache-2.0
/*
 * Expressions from arbitrary bytes: the first chooses the language, the rest is the text. Whatever
 * is taken is bound, checked and evaluated on an item; the second time the program comes from the
 * cache and must do the same.
 */
#include "services/dynamodb/expression/expression.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static struct kv_value text(struct span bytes)
{
    return (struct kv_value){.type = KV_STRING, .bytes = bytes};
}

static struct kv_value number(void)
{
    static char bytes[KV_NUMBER_MAX];
    size_t len = 0;
    if (kv_number_read(S("12.5"), bytes, &len) != KV_NUMBER_GOOD)
        abort();
    return (struct kv_value){.type = KV_NUMBER, .bytes = span_of(bytes, len)};
}

static struct kv_map item_of(void)
{
    static struct kv_value elements[3];
    static struct kv_pair inner[2], pairs[4];
    static struct span words[2] = {S_INIT("x"), S_INIT("y")};
    elements[0] = number();
    elements[1] = text(S("x"));
    elements[2] = (struct kv_value){.type = KV_NULL};
    inner[0] = (struct kv_pair){S("a"), {.type = KV_LIST, .list = {elements, 3}}};
    inner[1] = (struct kv_pair){S("b"), number()};
    pairs[0] = (struct kv_pair){S("a"), number()};
    pairs[1] = (struct kv_pair){S("b"), {.type = KV_MAP, .map = {inner, 2}}};
    pairs[2] = (struct kv_pair){S("c"), text(S("x"))};
    pairs[3] = (struct kv_pair){S("d"), {.type = KV_STRING_SET, .set = {words, 2}}};
    return (struct kv_map){pairs, 4};
}

static void open_scope(struct call *c, struct expression_scope *ret)
{
    static struct dynamodb_expression_attribute_name_map_pair names[] = {
        {.key = S_INIT("#a"), .value = S_INIT("a")}, {.key = S_INIT("#b"), .value = S_INIT("b")}};
    static struct span words[] = {S_INIT("y"), S_INIT("z")};
    struct dynamodb_expression_attribute_value_map_pair values[] = {
        {.key = S(":n"), .value = {.n = S("1")}},
        {.key = S(":s"), .value = {.s = S("x")}},
        {.key = S(":z"), .value = {.ss = {words, 2}}},
        {.key = S(":l"), .value = {.l = {ARENA_NEW(&arena, struct dynamodb_attribute_value), 0}}},
    };
    struct dynamodb_expression_attribute_name_map all_names = {names, ARRAY_LEN(names)};
    struct dynamodb_expression_attribute_value_map all_values = {values, ARRAY_LEN(values)};
    if (expression_scope_open(c, ATTRIBUTE_PLAIN, &all_names, &all_values, ret))
        abort();
}

/* What it comes to, as a number to compare. */
static size_t use(struct call *c, const struct expression *e, enum EXPRESSION_KIND kind)
{
    struct kv_map item = item_of(), out = {NULL, 0};
    if (kind == EXPRESSION_PROJECTION) {
        expression_project(e, &item, &arena, &out);
        if (kv_map_size(&out) > kv_map_size(&item))
            abort();
    } else if (kind != EXPRESSION_UPDATE) {
        return expression_holds(e, &item, &arena);
    } else if (expression_update(c, e, &item, &out) == OK) {
        for (size_t i = 1; i < out.count; i++)
            if (span_compare(out.at[i - 1].name, out.at[i].name) >= 0)
                abort();
        return kv_map_size(&out) + expression_update_weight(e, &out);
    }
    return kv_map_size(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call call = {.arena = &arena};
    struct expression_scope scope;
    struct expression e;
    size_t results[2] = {0, 0};
    if (size == 0 || size > 5000)
        return 0;
    if (!arena.end)
        arena_init(&arena, 1 << 16, 256 << 20);
    enum EXPRESSION_KIND kind = (enum EXPRESSION_KIND)(data[0] % (EXPRESSION_PROJECTION + 1));
    for (size_t i = 0; i < 2; i++) {
        struct span text = arena_copy(&arena, span_of(data + 1, size - 1));
        open_scope(&call, &scope);
        if (expression_bind(&scope, kind, text, &e) == OK)
            results[i] = 1 + use(&call, &e, kind);
    }
    if (results[0] != results[1])
        abort();
    arena_reset(&arena);
    return 0;
}
