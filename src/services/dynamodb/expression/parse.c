// SPDX-License-Identifier: Apache-2.0
/*
 * The grammar of conditions, updates and projections, by recursive descent. Key invariant: what
 * stands in parentheses may be an operand or a condition, and which it is shows only behind them,
 * so one function reads both and every place says what it wants. Pure but for refusals.
 */
#include "services/dynamodb/expression/inside.h"

/* Deeper, an expression has parentheses around parentheses, more operators than are allowed, or
 * functions in functions: refused anyway. */
#define NESTING_MAX 400

struct parse {
    struct expression_scope *scope;
    enum EXPRESSION_KIND kind;
    struct span text;
    const struct token *tokens;
    size_t at;
    int depth;
    struct builder b;
};

/* What was read: a function can be used as both. */
struct term {
    uint16_t node;
    bool operand, condition, parens;
};

static uint8_t peek(const struct parse *p)
{
    return p->tokens[p->at].kind;
}

/* The token where reading stopped, and the text from the token before to the one behind it. */
static RESULT fail(const struct parse *p)
{
    const struct token *token = &p->tokens[p->at];
    const struct token *last = token->kind == TOKEN_END ? token : token + 1;
    size_t from = p->at ? token[-1].at : 0;
    size_t to = (size_t)last->at + last->len;
    struct span shown =
        token->kind == TOKEN_END ? S("<EOF>") : span_of(p->text.at + token->at, token->len);
    return expression_refuse(p->scope, p->kind, "Syntax error; token: \"%.*s\", near: \"%.*s\"",
                             SPAN_ARG(shown), SPAN_ARG(span_of(p->text.at + from, to - from)));
}

static RESULT take(struct parse *p, enum TOKEN kind)
{
    if (peek(p) != kind)
        return fail(p);
    p->at++;
    return OK;
}

static bool take_if(struct parse *p, enum TOKEN kind)
{
    bool there = peek(p) == kind;
    p->at += there;
    return there;
}

static RESULT refuse_parens(const struct parse *p)
{
    return expression_refuse(p->scope, p->kind, "The expression has redundant parentheses;");
}

static struct span token_text(const struct parse *p, const struct token *token)
{
    return span_of(p->text.at + token->at, token->len);
}

/* The slot of a placeholder, the same for the same text. */
static uint16_t slot_of(struct parse *p, struct slot *slots, uint16_t *count)
{
    const struct token *token = &p->tokens[p->at];
    struct span text = token_text(p, token);
    for (uint16_t i = 0; i < *count; i++)
        if (span_eq(text, span_of(p->text.at + slots[i].at, slots[i].len)))
            return i;
    slots[*count] = (struct slot){token->at, token->len};
    return (*count)++;
}

static uint32_t index_of(const struct parse *p, const struct token *token)
{
    uint64_t value;
    return span_to_u64(token_text(p, token), &value) && value <= INT32_MAX ? (uint32_t)value
                                                                           : UINT32_MAX;
}

/* ---- operands ------------------------------------------------------------------------------- */

static RESULT take_name(struct parse *p)
{
    const struct token *token = &p->tokens[p->at];
    struct part part = {.kind = PART_NAME, .at = token->at, .len = token->len};
    if (token->kind == TOKEN_ALIAS)
        part = (struct part){.kind = PART_ALIAS,
                             .at = token->at,
                             .len = token->len,
                             .slot = slot_of(p, p->b.aliases, &p->b.program.alias_count)};
    else if (token->kind != TOKEN_NAME)
        return fail(p);
    p->at++;
    p->b.parts[p->b.program.part_count++] = part;
    return OK;
}

static RESULT take_index(struct parse *p)
{
    const struct token *token = &p->tokens[p->at];
    TRY(take(p, TOKEN_INDEX));
    p->b.parts[p->b.program.part_count++] = (struct part){
        .kind = PART_INDEX, .at = token->at, .len = token->len, .index = index_of(p, token)};
    return take(p, TOKEN_CLOSE_INDEX);
}

static RESULT take_path(struct parse *p, uint16_t *ret)
{
    uint16_t first = p->b.program.part_count;
    TRY(take_name(p));
    for (;;) {
        if (take_if(p, TOKEN_POINT))
            TRY(take_name(p));
        else if (take_if(p, TOKEN_OPEN_INDEX))
            TRY(take_index(p));
        else
            break;
    }
    *ret = expression_builder_node(&p->b, (struct node){.kind = NODE_PATH,
                                                        .child = NODE_NONE,
                                                        .next = NODE_NONE,
                                                        .first = first,
                                                        .count = p->b.program.part_count - first});
    return OK;
}

static RESULT take_value(struct parse *p, uint16_t *ret)
{
    if (peek(p) != TOKEN_VALUE)
        return fail(p);
    *ret = expression_builder_node(
        &p->b, (struct node){.kind = NODE_VALUE,
                             .child = NODE_NONE,
                             .next = NODE_NONE,
                             .first = slot_of(p, p->b.values, &p->b.program.value_count)});
    p->at++;
    return OK;
}

static RESULT take_operand(struct parse *p, struct term *ret);

/* One operand or several behind commas, linked; the number of them is counted. */
static RESULT take_operands(struct parse *p, uint16_t *ret_first, uint16_t *ret_count)
{
    struct term term;
    uint16_t last = NODE_NONE;
    *ret_count = 0;
    do {
        TRY(take_operand(p, &term));
        if (last == NODE_NONE)
            *ret_first = term.node;
        else
            p->b.nodes[last].next = term.node;
        last = term.node;
        (*ret_count)++;
    } while (take_if(p, TOKEN_COMMA));
    return OK;
}

static enum FUNCTION function_named(struct span name)
{
    for (enum FUNCTION i = FUNCTION_EXISTS; i < FUNCTION_COUNT; i++)
        if (span_eq(expression_function(i), name))
            return i;
    return FUNCTION_UNKNOWN;
}

static RESULT take_call(struct parse *p, uint16_t *ret)
{
    const struct token *token = &p->tokens[p->at];
    uint16_t first = NODE_NONE, count = 0;
    p->at += 2;
    TRY(take_operands(p, &first, &count));
    TRY(take(p, TOKEN_CLOSE));
    *ret = expression_builder_node(
        &p->b, (struct node){.kind = NODE_CALL,
                             .op = (uint8_t)function_named(token_text(p, token)),
                             .child = first,
                             .next = NODE_NONE,
                             .count = count,
                             .at = token->at,
                             .len = token->len});
    return OK;
}

static RESULT take_simple(struct parse *p, struct term *ret)
{
    *ret = (struct term){.operand = true};
    if (peek(p) == TOKEN_VALUE)
        return take_value(p, &ret->node);
    if (peek(p) != TOKEN_NAME || p->tokens[p->at + 1].kind != TOKEN_OPEN)
        return take_path(p, &ret->node);
    if (p->depth++ == NESTING_MAX)
        return expression_refuse(p->scope, p->kind,
                                 "The function is not allowed to be used this way in an "
                                 "expression; function: %.*s",
                                 SPAN_ARG(token_text(p, &p->tokens[p->at])));
    ret->condition = true;
    TRY(take_call(p, &ret->node));
    p->depth--;
    return OK;
}

/* What stands behind an opening parenthesis; a second pair around the same is refused. */
static RESULT take_in_parens(struct parse *p, RESULT (*take_inner)(struct parse *, struct term *),
                             struct term *ret)
{
    if (p->depth++ == NESTING_MAX)
        return refuse_parens(p);
    TRY(take_inner(p, ret));
    p->depth--;
    TRY(take(p, TOKEN_CLOSE));
    if (ret->parens)
        return refuse_parens(p);
    ret->parens = true;
    return OK;
}

static RESULT take_operand(struct parse *p, struct term *ret)
{
    return take_if(p, TOKEN_OPEN) ? take_in_parens(p, take_operand, ret) : take_simple(p, ret);
}

/* ---- conditions ----------------------------------------------------------------------------- */

static RESULT take_or(struct parse *p, struct term *ret);

static uint16_t operator_node(struct parse *p, enum NODE kind, uint8_t op, uint16_t first)
{
    p->b.program.operators++;
    return expression_builder_node(
        &p->b, (struct node){.kind = (uint8_t)kind, .op = op, .child = first, .next = NODE_NONE});
}

static RESULT take_between(struct parse *p, struct term *term)
{
    struct term low, high;
    p->at++;
    TRY(take_operand(p, &low));
    TRY(take(p, TOKEN_AND));
    TRY(take_operand(p, &high));
    p->b.nodes[term->node].next = low.node;
    p->b.nodes[low.node].next = high.node;
    term->node = operator_node(p, NODE_BETWEEN, 0, term->node);
    return OK;
}

static RESULT take_in(struct parse *p, struct term *term)
{
    uint16_t first = NODE_NONE, count;
    p->at++;
    TRY(take(p, TOKEN_OPEN));
    TRY(take_operands(p, &first, &count));
    TRY(take(p, TOKEN_CLOSE));
    p->b.nodes[term->node].next = first;
    term->node = operator_node(p, NODE_IN, 0, term->node);
    p->b.nodes[term->node].count = count;
    return OK;
}

static RESULT take_comparison(struct parse *p, struct term *term)
{
    struct term right;
    uint8_t op = (uint8_t)(peek(p) - TOKEN_EQ);
    p->at++;
    TRY(take_operand(p, &right));
    p->b.nodes[term->node].next = right.node;
    term->node = operator_node(p, NODE_COMPARE, op, term->node);
    return OK;
}

/* What is behind an operand makes it a condition, or nothing does. */
static RESULT take_rest(struct parse *p, struct term *term)
{
    uint8_t kind = peek(p);
    if (kind >= TOKEN_EQ && kind <= TOKEN_GE)
        TRY(take_comparison(p, term));
    else if (kind == TOKEN_BETWEEN)
        TRY(take_between(p, term));
    else if (kind == TOKEN_IN)
        TRY(take_in(p, term));
    else
        return OK;
    *term = (struct term){.node = term->node, .condition = true};
    return OK;
}

static RESULT take_primary(struct parse *p, struct term *ret)
{
    if (take_if(p, TOKEN_OPEN))
        TRY(take_in_parens(p, take_or, ret));
    else
        TRY(take_simple(p, ret));
    return ret->operand ? take_rest(p, ret) : OK;
}

static RESULT want_condition(const struct parse *p, const struct term *term)
{
    return term->condition ? OK : fail(p);
}

static RESULT take_not(struct parse *p, struct term *ret)
{
    size_t count = 0;
    while (take_if(p, TOKEN_NOT))
        count++;
    TRY(take_primary(p, ret));
    if (!count)
        return OK;
    TRY(want_condition(p, ret));
    for (; count; count--)
        ret->node = operator_node(p, NODE_NOT, 0, ret->node);
    *ret = (struct term){.node = ret->node, .condition = true};
    return OK;
}

static RESULT take_joined(struct parse *p, struct term *term, enum NODE kind,
                          RESULT (*next)(struct parse *p, struct term *ret))
{
    struct term right;
    TRY(want_condition(p, term));
    p->at++;
    TRY(next(p, &right));
    TRY(want_condition(p, &right));
    p->b.nodes[term->node].next = right.node;
    *term = (struct term){.node = operator_node(p, kind, 0, term->node), .condition = true};
    return OK;
}

static RESULT take_and(struct parse *p, struct term *ret)
{
    TRY(take_not(p, ret));
    while (peek(p) == TOKEN_AND)
        TRY(take_joined(p, ret, NODE_AND, take_not));
    return OK;
}

static RESULT take_or(struct parse *p, struct term *ret)
{
    TRY(take_and(p, ret));
    while (peek(p) == TOKEN_OR)
        TRY(take_joined(p, ret, NODE_OR, take_and));
    return OK;
}

static RESULT take_condition(struct parse *p)
{
    struct term term;
    TRY(take_or(p, &term));
    TRY(want_condition(p, &term));
    p->b.program.root = term.node;
    return OK;
}

/* ---- updates and projections ---------------------------------------------------------------- */

static void add_action(struct parse *p, struct action action)
{
    p->b.actions[p->b.program.action_count++] = action;
}

/* An operand, or two with a sign between them, perhaps in parentheses. */
static RESULT take_set_value(struct parse *p, struct term *ret)
{
    struct term right;
    if (take_if(p, TOKEN_OPEN))
        TRY(take_in_parens(p, take_set_value, ret));
    else
        TRY(take_simple(p, ret));
    uint8_t sign = peek(p);
    if (!ret->operand || (sign != TOKEN_PLUS && sign != TOKEN_MINUS))
        return OK;
    p->at++;
    TRY(take_operand(p, &right));
    p->b.nodes[ret->node].next = right.node;
    *ret = (struct term){
        .node = operator_node(p, sign == TOKEN_PLUS ? NODE_PLUS : NODE_MINUS, 0, ret->node)};
    return OK;
}

static RESULT take_action(struct parse *p, struct action action)
{
    struct term value;
    TRY(take_path(p, &action.path));
    action.value = NODE_NONE;
    if (action.verb == VERB_SET) {
        TRY(take(p, TOKEN_EQ));
        TRY(take_set_value(p, &value));
        action.value = value.node;
    } else if (action.verb != VERB_REMOVE) {
        TRY(take_value(p, &action.value));
    }
    add_action(p, action);
    return OK;
}

static RESULT take_update(struct parse *p)
{
    for (uint16_t section = 0; section == 0 || peek(p) != TOKEN_END; section++) {
        uint8_t kind = peek(p);
        if (kind < TOKEN_SET || kind > TOKEN_DELETE)
            return fail(p);
        do {
            p->at++;
            TRY(take_action(
                p, (struct action){.verb = (uint8_t)(kind - TOKEN_SET), .section = section}));
        } while (peek(p) == TOKEN_COMMA);
    }
    return OK;
}

static RESULT take_projection(struct parse *p)
{
    uint16_t path;
    do {
        TRY(take_path(p, &path));
        add_action(p, (struct action){.verb = VERB_PROJECT, .path = path, .value = NODE_NONE});
    } while (take_if(p, TOKEN_COMMA));
    return OK;
}

RESULT expression_parse(struct expression_scope *scope, enum EXPRESSION_KIND kind, struct span text,
                        struct program **ret)
{
    struct parse p = {.scope = scope, .kind = kind, .text = text};
    size_t count;
    p.tokens = expression_tokens(scope->c->arena, text, &count);
    /* A NOT, and what joins conditions, is a token of its own, so every node has one. */
    expression_builder_open(&p.b, scope->c->arena, kind, count);
    if (kind == EXPRESSION_UPDATE)
        TRY(take_update(&p));
    else if (kind == EXPRESSION_PROJECTION)
        TRY(take_projection(&p));
    else
        TRY(take_condition(&p));
    TRY(take(&p, TOKEN_END));
    *ret = expression_builder_close(&p.b);
    return OK;
}
