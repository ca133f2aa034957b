// SPDX-License-Identifier: Apache-2.0
/*
 * WHERE as a program of the expression languages: names become aliases, literals become values.
 * IS MISSING is attribute_not_exists, IS NULL is the type NULL. Pure but for refusals.
 */
#include "services/dynamodb/partiql/inside.h"

#define NESTING_MAX 100

void partiql_open(struct partiql_reader *r, struct making *m, enum EXPRESSION_KIND kind)
{
    size_t room = r->text.len + 16;
    expression_builder_open(&m->b, r->c->arena, kind, room);
    m->names = arena_alloc(r->c->arena, room * sizeof *m->names);
    m->values = arena_alloc(r->c->arena, room * sizeof *m->values);
}

struct expression partiql_close(struct partiql_reader *r, const struct making *m)
{
    struct expression e = {
        .program = expression_builder_close(&m->b), .names = m->names, .values = m->values};
    if (m->b.program.action_count)
        e.order = expression_path_order(&e, r->c->arena);
    return e;
}

uint16_t partiql_node(struct making *m, enum NODE kind, uint8_t op, uint16_t child)
{
    return expression_builder_node(
        &m->b, (struct node){.kind = (uint8_t)kind, .op = op, .child = child, .next = NODE_NONE});
}

static void add_name(struct making *m, struct span name)
{
    uint16_t slot = m->b.program.alias_count++;
    m->names[slot] = name;
    m->b.aliases[slot] = (struct slot){0, 0};
    m->b.parts[m->b.program.part_count++] = (struct part){.kind = PART_ALIAS, .slot = slot};
}

static bool is_name(const struct partiql_reader *r)
{
    static const char *const reserved[] = {"from",      "where", "and",   "or",     "not",
                                           "in",        "is",    "set",   "remove", "between",
                                           "returning", "order", "value", "select"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
        if (partiql_is(r, reserved[i]))
            return false;
    return r->now.kind == LEXEME_WORD || r->now.kind == LEXEME_QUOTED;
}

static RESULT add_index(struct partiql_reader *r, struct making *m)
{
    uint64_t index;
    if (r->now.kind != LEXEME_NUMBER || !span_to_u64(r->now.text, &index) || index > INT32_MAX)
        return partiql_malformed(r, "Invalid path component");
    partiql_next(r);
    m->b.parts[m->b.program.part_count++] =
        (struct part){.kind = PART_INDEX, .index = (uint32_t)index};
    return partiql_want(r, "]");
}

RESULT partiql_path(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    uint16_t first = m->b.program.part_count;
    if (!is_name(r))
        return partiql_malformed(r, "Unexpected term");
    add_name(m, r->now.text);
    partiql_next(r);
    for (;;) {
        if (partiql_take(r, ".")) {
            if (r->now.kind != LEXEME_WORD && r->now.kind != LEXEME_QUOTED)
                return partiql_malformed(r, "Invalid path dot component");
            add_name(m, r->now.text);
            partiql_next(r);
        } else if (partiql_take(r, "[")) {
            TRY(add_index(r, m));
        } else {
            break;
        }
    }
    *ret = expression_builder_node(&m->b, (struct node){.kind = NODE_PATH,
                                                        .child = NODE_NONE,
                                                        .next = NODE_NONE,
                                                        .first = first,
                                                        .count = m->b.program.part_count - first});
    return OK;
}

static RESULT add_value(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    struct kv_value *value = ARENA_NEW(r->c->arena, struct kv_value);
    TRY(partiql_value(r, value));
    uint16_t slot = m->b.program.value_count++;
    m->values[slot] = value;
    m->b.values[slot] = (struct slot){0, 0};
    *ret = expression_builder_node(
        &m->b,
        (struct node){.kind = NODE_VALUE, .child = NODE_NONE, .next = NODE_NONE, .first = slot});
    return OK;
}

/* ---- functions ------------------------------------------------------------------------------ */

static RESULT take_arguments(struct partiql_reader *r, struct making *m, uint16_t *ret_first,
                             uint16_t *ret_count)
{
    uint16_t last = NODE_NONE, node;
    *ret_first = NODE_NONE;
    *ret_count = 0;
    TRY(partiql_want(r, "("));
    while (!partiql_is(r, ")")) {
        if (*ret_count)
            TRY(partiql_want(r, ","));
        TRY(partiql_operand(r, m, &node));
        if (last == NODE_NONE)
            *ret_first = node;
        else
            m->b.nodes[last].next = node;
        last = node;
        (*ret_count)++;
    }
    partiql_next(r);
    return OK;
}

static enum FUNCTION function_named(struct span name)
{
    for (enum FUNCTION i = FUNCTION_EXISTS; i <= FUNCTION_SIZE; i++)
        if (span_eq_nocase(expression_function(i), name))
            return i;
    return FUNCTION_UNKNOWN;
}

static struct span lower(struct arena *arena, struct span text)
{
    char *to = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        to[i] = (char)(text.at[i] >= 'A' && text.at[i] <= 'Z' ? text.at[i] + 32 : text.at[i]);
    return span_of(to, text.len);
}

static bool at_call(const struct partiql_reader *r)
{
    struct partiql_reader ahead = *r;
    if (r->now.kind != LEXEME_WORD || !is_name(r))
        return false;
    partiql_next(&ahead);
    return partiql_is(&ahead, "(");
}

static RESULT take_call(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    struct lexeme name = r->now;
    enum FUNCTION function = function_named(name.text);
    uint16_t first, count;
    if (function == FUNCTION_UNKNOWN)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Unrecognized function: %.*s at 1:%zu:%zu",
                      SPAN_ARG(lower(r->c->arena, name.text)), name.at + 1, name.len);
    if (r->depth++ == NESTING_MAX)
        return partiql_malformed(r, "Too many nested terms");
    partiql_next(r);
    TRY(take_arguments(r, m, &first, &count));
    r->depth--;
    *ret = partiql_node(m, NODE_CALL, (uint8_t)function, first);
    m->b.nodes[*ret].count = count;
    size_t operands =
        function == FUNCTION_EXISTS || function == FUNCTION_NOT_EXISTS || function == FUNCTION_SIZE
            ? 1
            : 2;
    if (count != operands)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Incorrect number of operands for operator or function; operator or "
                      "function: %.*s, number of operands: %d",
                      SPAN_ARG(expression_function(function)), count);
    if (function <= FUNCTION_TYPE && m->b.nodes[first].kind != NODE_PATH)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Operator or function requires a document path; operator or function: %.*s",
                      SPAN_ARG(expression_function(function)));
    return OK;
}

RESULT partiql_operand(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    if (partiql_is_value(r))
        return add_value(r, m, ret);
    return at_call(r) ? take_call(r, m, ret) : partiql_path(r, m, ret);
}

/* ---- comparisons ---------------------------------------------------------------------------- */

static RESULT check_ordered(const struct partiql_reader *r, const struct making *m, const char *op,
                            uint16_t node)
{
    const struct node *operand = &m->b.nodes[node];
    if (operand->kind != NODE_VALUE || m->values[operand->first]->type <= KV_BINARY)
        return OK;
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Incorrect operand type for operator or function; operator or function: %s, "
                  "operand type: %.*s",
                  op, SPAN_ARG(attribute_type_name(m->values[operand->first]->type)));
}

static RESULT take_between(struct partiql_reader *r, struct making *m, uint16_t *node)
{
    uint16_t low, high;
    TRY(partiql_operand(r, m, &low));
    TRY(partiql_want(r, "and"));
    TRY(partiql_operand(r, m, &high));
    TRY(check_ordered(r, m, "BETWEEN", low));
    TRY(check_ordered(r, m, "BETWEEN", high));
    m->b.nodes[*node].next = low;
    m->b.nodes[low].next = high;
    *node = partiql_node(m, NODE_BETWEEN, 0, *node);
    return OK;
}

static RESULT take_in(struct partiql_reader *r, struct making *m, uint16_t *node)
{
    const char *end = partiql_is(r, "[") ? "]" : ")";
    uint16_t last = *node, next;
    if (!partiql_take(r, "["))
        TRY(partiql_want(r, "("));
    do {
        TRY(partiql_operand(r, m, &next));
        m->b.nodes[last].next = next;
        last = next;
    } while (partiql_take(r, ","));
    TRY(partiql_want(r, end));
    *node = partiql_node(m, NODE_IN, 0, *node);
    return OK;
}

static RESULT take_is(struct partiql_reader *r, struct making *m, uint16_t *node)
{
    static const struct kv_value null = {.type = KV_STRING, .bytes = S_INIT("NULL")};
    bool negated = partiql_take(r, "not");
    if (partiql_take(r, "missing")) {
        *node = partiql_node(m, NODE_CALL, negated ? FUNCTION_EXISTS : FUNCTION_NOT_EXISTS, *node);
        return OK;
    }
    TRY(partiql_want(r, "null"));
    uint16_t slot = m->b.program.value_count++;
    m->values[slot] = &null;
    m->b.values[slot] = (struct slot){0, 0};
    m->b.nodes[*node].next = expression_builder_node(
        &m->b,
        (struct node){.kind = NODE_VALUE, .child = NODE_NONE, .next = NODE_NONE, .first = slot});
    *node = partiql_node(m, NODE_CALL, FUNCTION_TYPE, *node);
    if (negated)
        *node = partiql_node(m, NODE_NOT, 0, *node);
    return OK;
}

static RESULT take_comparison(struct partiql_reader *r, struct making *m, uint16_t *node,
                              bool *ret_taken)
{
    static const struct {
        const char *sign;
        uint8_t op;
    } signs[] = {{"=", COMPARE_EQ}, {"<>", COMPARE_NE}, {"!=", COMPARE_NE}, {"<=", COMPARE_LE},
                 {"<", COMPARE_LT}, {">=", COMPARE_GE}, {">", COMPARE_GT}};
    uint16_t right;
    *ret_taken = false;
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (!partiql_take(r, signs[i].sign))
            continue;
        *ret_taken = true;
        TRY(partiql_operand(r, m, &right));
        if (signs[i].op > COMPARE_NE) {
            TRY(check_ordered(r, m, signs[i].sign, *node));
            TRY(check_ordered(r, m, signs[i].sign, right));
        }
        m->b.nodes[*node].next = right;
        *node = partiql_node(m, NODE_COMPARE, signs[i].op, *node);
        return OK;
    }
    return OK;
}

static RESULT take_predicate(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    bool taken;
    TRY(partiql_operand(r, m, ret));
    TRY(take_comparison(r, m, ret, &taken));
    if (taken)
        return OK;
    if (partiql_take(r, "between"))
        return take_between(r, m, ret);
    if (partiql_take(r, "in"))
        return take_in(r, m, ret);
    if (partiql_take(r, "is"))
        return take_is(r, m, ret);
    const struct node *node = &m->b.nodes[*ret];
    return node->kind == NODE_CALL && node->op != FUNCTION_SIZE
               ? OK
               : partiql_malformed(r, "Expected a condition");
}

static RESULT take_not(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    if (r->depth++ == NESTING_MAX)
        return partiql_malformed(r, "Too many nested terms");
    if (partiql_take(r, "not")) {
        TRY(take_not(r, m, ret));
        *ret = partiql_node(m, NODE_NOT, 0, *ret);
    } else if (partiql_take(r, "(")) {
        TRY(partiql_condition(r, m, ret));
        TRY(partiql_want(r, ")"));
    } else {
        TRY(take_predicate(r, m, ret));
    }
    r->depth--;
    return OK;
}

static RESULT take_and(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    uint16_t right;
    TRY(take_not(r, m, ret));
    while (partiql_take(r, "and")) {
        TRY(take_not(r, m, &right));
        m->b.nodes[*ret].next = right;
        *ret = partiql_node(m, NODE_AND, 0, *ret);
    }
    return OK;
}

RESULT partiql_condition(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    uint16_t right;
    TRY(take_and(r, m, ret));
    while (partiql_take(r, "or")) {
        TRY(take_and(r, m, &right));
        m->b.nodes[*ret].next = right;
        *ret = partiql_node(m, NODE_OR, 0, *ret);
    }
    return OK;
}
