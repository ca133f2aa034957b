// SPDX-License-Identifier: Apache-2.0
/*
 * What can be said of a program without names and values: how many operators, reserved words, list
 * indices, which function stands where with how many operands. In the order of the text. Pure but
 * for refusals.
 */
#include "services/dynamodb/expression/inside.h"

enum PLACE { PLACE_CONDITION, PLACE_OPERAND };

struct walk {
    struct expression_scope *scope;
    struct span text;
    const struct program *program;
    enum EXPRESSION_KIND kind;
};

struct span expression_function(enum FUNCTION function)
{
    static const struct span names[] = {
        [FUNCTION_EXISTS] = S_INIT("attribute_exists"),
        [FUNCTION_NOT_EXISTS] = S_INIT("attribute_not_exists"),
        [FUNCTION_TYPE] = S_INIT("attribute_type"),
        [FUNCTION_BEGINS_WITH] = S_INIT("begins_with"),
        [FUNCTION_CONTAINS] = S_INIT("contains"),
        [FUNCTION_SIZE] = S_INIT("size"),
        [FUNCTION_IF_NOT_EXISTS] = S_INIT("if_not_exists"),
        [FUNCTION_LIST_APPEND] = S_INIT("list_append"),
    };
    return names[function];
}

static RESULT check_path(const struct walk *w, const struct node *path)
{
    for (uint16_t i = 0; i < path->count; i++) {
        const struct part *part = program_parts(w->program) + path->first + i;
        struct span text = span_of(w->text.at + part->at, part->len);
        if (part->kind == PART_INDEX && part->index == UINT32_MAX)
            return expression_refuse(w->scope, w->kind,
                                     "List index is not within the allowable range; index: [%.*s]",
                                     SPAN_ARG(text));
        if (part->kind == PART_NAME && expression_reserves(text))
            return expression_refuse(w->scope, w->kind,
                                     "Attribute name is a reserved keyword; reserved keyword: %.*s",
                                     SPAN_ARG(text));
    }
    return OK;
}

static bool is_update_function(uint8_t function)
{
    return function == FUNCTION_IF_NOT_EXISTS || function == FUNCTION_LIST_APPEND;
}

static RESULT check_function(const struct walk *w, const struct node *call, enum PLACE place)
{
    struct span name = span_of(w->text.at + call->at, call->len);
    bool update = w->kind == EXPRESSION_UPDATE;
    const char *problem = NULL;
    if (call->op == FUNCTION_UNKNOWN)
        problem = "Invalid function name";
    else if (update && !is_update_function(call->op))
        problem = "The function is not allowed in an update expression";
    else if (!update && is_update_function(call->op))
        problem = "The function is not allowed in a condition expression";
    else if (!update && (place == PLACE_CONDITION) == (call->op == FUNCTION_SIZE))
        problem = "The function is not allowed to be used this way in an expression";
    return problem
               ? expression_refuse(w->scope, w->kind, "%s; function: %.*s", problem, SPAN_ARG(name))
               : OK;
}

static RESULT check_node(const struct walk *w, uint16_t at, enum PLACE place)
{
    const struct node *node = program_node(w->program, at);
    enum PLACE below = node->kind <= NODE_NOT ? PLACE_CONDITION : PLACE_OPERAND;
    if (node->kind == NODE_PATH)
        return check_path(w, node);
    if (node->kind == NODE_CALL) {
        TRY(check_function(w, node, place));
        if (w->kind != EXPRESSION_UPDATE)
            TRY(expression_check_arity(w->scope, w->kind, node));
    }
    for (uint16_t child = node->child; child != NODE_NONE;
         child = program_node(w->program, child)->next)
        TRY(check_node(w, child, below));
    return OK;
}

RESULT expression_check_arity(struct expression_scope *scope, enum EXPRESSION_KIND kind,
                              const struct node *call)
{
    static const uint8_t operands[FUNCTION_COUNT] = {
        [FUNCTION_EXISTS] = 1,      [FUNCTION_NOT_EXISTS] = 1,    [FUNCTION_TYPE] = 2,
        [FUNCTION_BEGINS_WITH] = 2, [FUNCTION_CONTAINS] = 2,      [FUNCTION_SIZE] = 1,
        [FUNCTION_LIST_APPEND] = 2, [FUNCTION_IF_NOT_EXISTS] = 2,
    };
    if (call->count == operands[call->op])
        return OK;
    return expression_refuse(scope, kind,
                             "Incorrect number of operands for operator or function; operator or "
                             "function: %.*s, number of operands: %d",
                             SPAN_ARG(expression_function(call->op)), call->count);
}

/* The actions of all sections of one verb. */
static RESULT check_verb(const struct walk *w, const struct action *first)
{
    static const char *const verbs[] = {"SET", "REMOVE", "ADD", "DELETE"};
    bool twice = false;
    for (uint16_t i = 0; i < w->program->action_count; i++) {
        const struct action *action = program_actions(w->program) + i;
        if (action->verb != first->verb)
            continue;
        twice |= action->section != first->section;
        TRY(check_node(w, action->path, PLACE_OPERAND));
        if (action->value != NODE_NONE)
            TRY(check_node(w, action->value, PLACE_OPERAND));
    }
    if (!twice)
        return OK;
    return expression_refuse(w->scope, w->kind,
                             "The \"%s\" section can only be used once in an update expression;",
                             verbs[first->verb]);
}

static RESULT check_actions(const struct walk *w)
{
    unsigned seen = 0;
    for (uint16_t i = 0; i < w->program->action_count; i++) {
        const struct action *action = program_actions(w->program) + i;
        if (action->verb == VERB_PROJECT)
            TRY(check_node(w, action->path, PLACE_OPERAND));
        else if (!(seen & 1U << action->verb))
            TRY(check_verb(w, action));
        seen |= 1U << action->verb;
    }
    return OK;
}

RESULT expression_check_text(struct expression_scope *scope, struct span text,
                             const struct program *program)
{
    struct walk w = {.scope = scope,
                     .text = text,
                     .program = program,
                     .kind = (enum EXPRESSION_KIND)program->kind};
    if (program->operators > EXPRESSION_OPERATORS_MAX)
        return expression_refuse(scope, w.kind,
                                 "The expression contains too many operators; operator count: %d",
                                 EXPRESSION_OPERATORS_MAX + 1);
    return program->root == NODE_NONE ? check_actions(&w)
                                      : check_node(&w, program->root, PLACE_CONDITION);
}
