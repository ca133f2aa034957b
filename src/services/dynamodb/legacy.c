// SPDX-License-Identifier: Apache-2.0
/*
 * Older parameters as programs of the expression languages: one comparison or function for each
 * attribute, joined by ConditionalOperator; one action for each attribute of an update. Texts as
 * dynalite recorded them from the real service. Any thread.
 */
#include "services/dynamodb/legacy.h"

#include "services/dynamodb/expression/inside.h"

#include <stdlib.h>

#define SCALARS (1U << KV_STRING | 1U << KV_NUMBER | 1U << KV_BINARY)
#define SETS (1U << KV_STRING_SET | 1U << KV_NUMBER_SET | 1U << KV_BINARY_SET)
#define ALL_TYPES UINT_MAX
#define NODES_EACH 8 /* of one condition, beside its values */

struct rule {
    struct span name;
    size_t least, most; /* values */
    unsigned types;     /* of the values */
    uint8_t kind, op;
    bool negated;
};

static const struct rule rules[] = {
    {S_INIT("EQ"), 1, 1, UINT32_MAX, NODE_COMPARE, COMPARE_EQ, false},
    {S_INIT("NE"), 1, 1, UINT32_MAX, NODE_COMPARE, COMPARE_NE, false},
    {S_INIT("LT"), 1, 1, SCALARS, NODE_COMPARE, COMPARE_LT, false},
    {S_INIT("LE"), 1, 1, SCALARS, NODE_COMPARE, COMPARE_LE, false},
    {S_INIT("GT"), 1, 1, SCALARS, NODE_COMPARE, COMPARE_GT, false},
    {S_INIT("GE"), 1, 1, SCALARS, NODE_COMPARE, COMPARE_GE, false},
    {S_INIT("IN"), 1, SIZE_MAX, SCALARS, NODE_IN, 0, false},
    {S_INIT("BETWEEN"), 2, 2, SCALARS, NODE_BETWEEN, 0, false},
    {S_INIT("NOT_NULL"), 0, 0, 0, NODE_CALL, FUNCTION_EXISTS, false},
    {S_INIT("NULL"), 0, 0, 0, NODE_CALL, FUNCTION_NOT_EXISTS, false},
    {S_INIT("CONTAINS"), 1, 1, SCALARS, NODE_CALL, FUNCTION_CONTAINS, false},
    {S_INIT("NOT_CONTAINS"), 1, 1, SCALARS, NODE_CALL, FUNCTION_CONTAINS, true},
    {S_INIT("BEGINS_WITH"), 1, 1, 1U << KV_STRING | 1U << KV_BINARY, NODE_CALL,
     FUNCTION_BEGINS_WITH, false},
};

/* The program while it grows. */
struct legacy {
    struct call *c;
    enum ATTRIBUTE_WORDS words;
    struct builder b;
    struct span *names;
    const struct kv_value **values;
    uint16_t join; /* NODE_AND, NODE_OR */
};

static RESULT bad(const struct legacy *l, struct span message)
{
    return refuse(l->c, &DYNAMODB_VALIDATION_EXCEPTION, "%s%.*s",
                  l->words == ATTRIBUTE_WRAPPED ? "1 validation error detected: " : "",
                  SPAN_ARG(message));
}

#define BAD "One or more parameter values were invalid: "

/* Programs count in 16 bits; a request of so many conditions has no use. */
static RESULT open(struct legacy *l, enum EXPRESSION_KIND kind, size_t conditions, size_t values)
{
    size_t room = conditions * NODES_EACH + values;
    if (room >= NODE_NONE)
        return bad(l, S(BAD "Too many conditions"));
    expression_builder_open(&l->b, l->c->arena, kind, room);
    l->names = ARENA_ARRAY(l->c->arena, struct span, conditions);
    l->values = ARENA_ARRAY(l->c->arena, const struct kv_value *, values + 1);
    return OK;
}

static uint16_t add_path(struct legacy *l, struct span name)
{
    uint16_t slot = l->b.program.alias_count++, part = l->b.program.part_count++;
    l->names[slot] = name;
    l->b.aliases[slot] = (struct slot){0, 0};
    l->b.parts[part] = (struct part){.kind = PART_ALIAS, .slot = slot};
    return expression_builder_node(
        &l->b,
        (struct node){
            .kind = NODE_PATH, .child = NODE_NONE, .next = NODE_NONE, .first = part, .count = 1});
}

static uint16_t add_value(struct legacy *l, const struct kv_value *value)
{
    uint16_t slot = l->b.program.value_count++;
    l->values[slot] = value;
    l->b.values[slot] = (struct slot){0, 0};
    return expression_builder_node(
        &l->b,
        (struct node){.kind = NODE_VALUE, .child = NODE_NONE, .next = NODE_NONE, .first = slot});
}

static uint16_t add_node(struct legacy *l, uint8_t kind, uint8_t op, uint16_t child)
{
    return expression_builder_node(
        &l->b, (struct node){.kind = kind, .op = op, .child = child, .next = NODE_NONE});
}

static uint16_t join(struct legacy *l, uint16_t left, uint16_t right, uint16_t kind)
{
    l->b.nodes[left].next = right;
    return add_node(l, (uint8_t)kind, 0, left);
}

/* What is there does not contain it; what is not there does not either, yet fails. */
static uint16_t negate(struct legacy *l, uint16_t node, struct span name)
{
    uint16_t there = add_node(l, NODE_CALL, FUNCTION_EXISTS, add_path(l, name));
    return join(l, there, add_node(l, NODE_NOT, 0, node), NODE_AND);
}

static void add_condition(struct legacy *l, struct span name, const struct rule *rule,
                          const struct kv_list *values)
{
    uint16_t path = add_path(l, name), last = path;
    for (size_t i = 0; i < values->count; i++) {
        uint16_t value = add_value(l, &values->at[i]);
        l->b.nodes[last].next = value;
        last = value;
    }
    uint16_t node = add_node(l, rule->kind, rule->op, path);
    if (rule->negated)
        node = negate(l, node, name);
    l->b.program.root =
        l->b.program.root == NODE_NONE ? node : join(l, l->b.program.root, node, l->join);
}

static struct expression close(const struct legacy *l)
{
    return (struct expression){
        .program = expression_builder_close(&l->b), .names = l->names, .values = l->values};
}

/* ---- checks --------------------------------------------------------------------------------- */

static RESULT read_values(const struct legacy *l,
                          const struct dynamodb_attribute_value_list *values, struct kv_list *ret)
{
    ret->count = values->count;
    ret->at = ARENA_ARRAY(l->c->arena, struct kv_value, values->count);
    for (size_t i = 0; i < values->count; i++)
        TRY(attribute_read(l->c, l->words, &values->at[i], &ret->at[i]));
    return OK;
}

static const struct rule *rule_named(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (span_eq(rules[i].name, name))
            return &rules[i];
    return NULL;
}

static RESULT check_types(const struct legacy *l, const struct rule *rule,
                          const struct kv_list *values)
{
    for (size_t i = 1; i < values->count; i++)
        if (values->at[i].type != values->at[0].type)
            return bad(l, S(BAD "AttributeValues inside AttributeValueList must be of same type"));
    if (values->count && !(rule->types & 1U << values->at[0].type))
        return bad(l, arena_printf(l->c->arena,
                                   BAD "ComparisonOperator %.*s is not valid for %.*s "
                                       "AttributeValue type",
                                   SPAN_ARG(rule->name),
                                   SPAN_ARG(attribute_type_name(values->at[0].type))));
    if (rule->kind == NODE_BETWEEN && span_compare(values->at[0].bytes, values->at[1].bytes) > 0)
        return bad(l, S("The BETWEEN condition was provided a range where the lower bound is "
                        "greater than the upper bound"));
    return OK;
}

static RESULT check_values(const struct legacy *l, const struct rule *rule,
                           const struct kv_list *values)
{
    if (values->count < rule->least || values->count > rule->most)
        return bad(l, arena_printf(l->c->arena,
                                   BAD "Invalid number of argument(s) for the %.*s "
                                       "ComparisonOperator",
                                   SPAN_ARG(rule->name)));
    return check_types(l, rule, values);
}

static RESULT check_join(struct legacy *l, struct span conditional_operator, bool given,
                         size_t count)
{
    l->join = span_eq(conditional_operator, S("OR")) ? NODE_OR : NODE_AND;
    if (!conditional_operator.at)
        return OK;
    if (!given)
        return bad(l, S("ConditionalOperator cannot be used without Filter or Expected"));
    return count > 1 ? OK
                     : bad(l, S("ConditionalOperator can only be used when Filter or Expected has "
                                "two or more elements"));
}

/* ---- conditions ----------------------------------------------------------------------------- */

static RESULT bad_for(const struct legacy *l, const char *what, struct span attribute)
{
    return bad(l,
               arena_printf(l->c->arena, BAD "%s for Attribute: %.*s", what, SPAN_ARG(attribute)));
}

/* Exists and Value, the oldest form. */
static RESULT add_existing(struct legacy *l, struct span name,
                           const struct dynamodb_expected_attribute_value *expected)
{
    bool exists = !expected->has.exists || expected->exists;
    struct kv_value *value = ARENA_NEW(l->c->arena, struct kv_value);
    if (exists && !expected->value)
        return bad_for(l,
                       expected->has.exists ? "Value must be provided when Exists is true"
                                            : "Value must be provided when Exists is null",
                       name);
    if (!exists && expected->value)
        return bad_for(l, "Value cannot be used when Exists is false", name);
    if (exists)
        TRY(attribute_read(l->c, l->words, expected->value, value));
    add_condition(l, name, rule_named(exists ? S("EQ") : S("NULL")),
                  &(struct kv_list){value, exists});
    return OK;
}

static RESULT add_expected(struct legacy *l, struct span name,
                           const struct dynamodb_expected_attribute_value *expected)
{
    const struct rule *rule = rule_named(expected->comparison_operator);
    struct dynamodb_attribute_value_list sent = expected->attribute_value_list;
    struct kv_list values;
    if (sent.at && expected->value)
        return bad_for(l, "Value and AttributeValueList cannot be used together", name);
    if (!rule && sent.at)
        return bad_for(l, "AttributeValueList can only be used with a ComparisonOperator", name);
    if (!rule)
        return add_existing(l, name, expected);
    if (expected->has.exists)
        return bad_for(l, "Exists and ComparisonOperator cannot be used together", name);
    if (rule->least && !sent.at && !expected->value)
        return bad(l, arena_printf(l->c->arena,
                                   BAD "Value or AttributeValueList must be used with "
                                       "ComparisonOperator: %.*s for Attribute: %.*s",
                                   SPAN_ARG(rule->name), SPAN_ARG(name)));
    if (expected->value)
        sent = (struct dynamodb_attribute_value_list){expected->value, 1};
    TRY(read_values(l, &sent, &values));
    TRY(check_values(l, rule, &values));
    add_condition(l, name, rule, &values);
    return OK;
}

RESULT legacy_expected(struct call *c, const struct dynamodb_expected_attribute_map *expected,
                       struct span conditional_operator, struct expression *ret)
{
    struct legacy l = {.c = c, .words = ATTRIBUTE_WRAPPED};
    size_t values = expected->count;
    *ret = (struct expression){.program = NULL};
    TRY(check_join(&l, conditional_operator, expected->at != NULL, expected->count));
    if (!expected->count)
        return OK;
    for (size_t i = 0; i < expected->count; i++)
        values += expected->at[i].value.attribute_value_list.count;
    TRY(open(&l, EXPRESSION_CONDITION, 2 * expected->count, values));
    for (size_t i = 0; i < expected->count; i++)
        TRY(add_expected(&l, expected->at[i].key, &expected->at[i].value));
    *ret = close(&l);
    return OK;
}

static RESULT add_conditions(struct legacy *l,
                             const struct dynamodb_filter_condition_map *conditions,
                             struct expression *ret)
{
    struct kv_list list;
    size_t values = 0;
    for (size_t i = 0; i < conditions->count; i++)
        values += conditions->at[i].value.attribute_value_list.count;
    TRY(open(l, EXPRESSION_FILTER, 2 * conditions->count, values));
    for (size_t i = 0; i < conditions->count; i++) {
        const struct dynamodb_condition *condition = &conditions->at[i].value;
        const struct rule *rule = rule_named(condition->comparison_operator);
        TRY(read_values(l, &condition->attribute_value_list, &list));
        TRY(check_values(l, rule, &list));
        add_condition(l, conditions->at[i].key, rule, &list);
    }
    *ret = close(l);
    return OK;
}

RESULT legacy_filter(struct call *c, const struct dynamodb_filter_condition_map *filter,
                     struct span conditional_operator, struct expression *ret)
{
    struct legacy l = {.c = c, .words = ATTRIBUTE_PLAIN};
    *ret = (struct expression){.program = NULL};
    TRY(check_join(&l, conditional_operator, filter->at != NULL, filter->count));
    return filter->count ? add_conditions(&l, filter, ret) : OK;
}

static enum KV_BOUND bound_of(const struct rule *rule)
{
    static const enum KV_BOUND bounds[] = {
        [COMPARE_EQ] = KV_EQ, [COMPARE_NE] = KV_ANY, [COMPARE_LT] = KV_LT,
        [COMPARE_LE] = KV_LE, [COMPARE_GT] = KV_GT,  [COMPARE_GE] = KV_GE,
    };
    if (rule->kind == NODE_COMPARE)
        return bounds[rule->op];
    if (rule->kind == NODE_BETWEEN)
        return KV_BETWEEN;
    return rule->kind == NODE_CALL && rule->op == FUNCTION_BEGINS_WITH ? KV_BEGINS : KV_ANY;
}

RESULT legacy_keys(struct call *c, const struct dynamodb_key_conditions *keys,
                   struct expression_keys *ret)
{
    struct legacy l = {.c = c, .words = ATTRIBUTE_PLAIN};
    struct kv_list values;
    ret->count = 0;
    if (!keys->count || keys->count > EXPRESSION_KEYS_MAX)
        return bad(&l, S("Conditions can be of length 1 or 2 only"));
    for (size_t i = 0; i < keys->count; i++) {
        const struct dynamodb_condition *condition = &keys->at[i].value;
        const struct rule *rule = rule_named(condition->comparison_operator);
        TRY(read_values(&l, &condition->attribute_value_list, &values));
        TRY(check_values(&l, rule, &values));
        ret->at[ret->count++] = (struct expression_key){
            .attribute = keys->at[i].key,
            .bound = bound_of(rule),
            .low = values.count ? &values.at[0] : NULL,
            .high = values.count > 1 ? &values.at[1] : NULL,
        };
    }
    return OK;
}

/* ---- updates -------------------------------------------------------------------------------- */

static RESULT refuse_action(const struct legacy *l, const char *what, const struct kv_value *value)
{
    return bad(l, arena_printf(l->c->arena, BAD "%s is not supported for the type %.*s", what,
                               SPAN_ARG(attribute_type_name(value->type))));
}

static RESULT add_update(struct legacy *l, struct span name,
                         const struct dynamodb_attribute_value_update *update)
{
    bool add = span_eq(update->action, S("ADD")), delete = span_eq(update->action, S("DELETE"));
    struct kv_value *value = ARENA_NEW(l->c->arena, struct kv_value);
    struct action action = {.verb = VERB_SET, .value = NODE_NONE};
    if (update->value)
        TRY(attribute_read(l->c, l->words, update->value, value));
    else if (!delete)
        return bad(l, S(BAD "Only DELETE action is allowed when no attribute value is specified"));
    if (delete &&update->value && !(SETS & 1U << value->type))
        return refuse_action(l, "DELETE action with value", value);
    if (add && !((SETS | 1U << KV_LIST | 1U << KV_NUMBER) & 1U << value->type))
        return refuse_action(l, "ADD action", value);
    if (delete)
        action.verb = update->value ? VERB_DELETE : VERB_REMOVE;
    else if (add)
        action.verb = VERB_ADD;
    action.path = add_path(l, name);
    if (update->value)
        action.value = add_value(l, value);
    l->b.actions[l->b.program.action_count++] = action;
    return OK;
}

RESULT legacy_updates(struct call *c, const struct dynamodb_attribute_updates *updates,
                      struct expression *ret)
{
    struct legacy l = {.c = c, .words = ATTRIBUTE_WRAPPED};
    *ret = (struct expression){.program = NULL};
    if (!updates->count)
        return OK;
    TRY(open(&l, EXPRESSION_UPDATE, updates->count, updates->count));
    for (size_t i = 0; i < updates->count; i++)
        TRY(add_update(&l, updates->at[i].key, &updates->at[i].value));
    l.b.program.legacy = 1;
    *ret = close(&l);
    ret->order = expression_path_order(ret, c->arena);
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    return span_compare(*(const struct span *)a, *(const struct span *)b);
}

RESULT legacy_attributes(struct call *c, const struct dynamodb_attribute_name_list *names,
                         struct expression *ret)
{
    struct span *sorted = ARENA_ARRAY(c->arena, struct span, names->count);
    *ret = (struct expression){.program = NULL};
    if (!names->count)
        return OK;
    if (names->count >= NODE_NONE)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD "Too many attributes");
    memcpy(sorted, names->at, names->count * sizeof *sorted);
    qsort(sorted, names->count, sizeof *sorted, compare_names);
    for (size_t i = 1; i < names->count; i++)
        if (span_eq(sorted[i - 1], sorted[i]))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          BAD "Duplicate value in attribute name: %.*s", SPAN_ARG(sorted[i]));
    *ret = expression_of_attributes(c->arena, sorted, names->count);
    return OK;
}
