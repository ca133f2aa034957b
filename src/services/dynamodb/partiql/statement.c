// SPDX-License-Identifier: Apache-2.0
/*
 * Whole statements. Texts are the real service's where conformance suites recorded them, behind
 * "Statement wasn't well formed, can't be processed: " otherwise. Pure but for refusals.
 */
#include "services/dynamodb/partiql/inside.h"

#include "services/dynamodb/reference.h"

/* ---- what it is about ----------------------------------------------------------------------- */

static RESULT take_component(struct partiql_reader *r, struct span *ret)
{
    if (r->now.kind != LEXEME_WORD && r->now.kind != LEXEME_QUOTED)
        return partiql_malformed(r, "Expected identifier");
    *ret = r->now.text;
    partiql_next(r);
    if (ret->len)
        return OK;
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION, "Path component cannot be an empty string");
}

static RESULT take_table(struct partiql_reader *r, struct partiql *ret)
{
    struct span more;
    TRY(take_component(r, &ret->table));
    if (partiql_take(r, "."))
        TRY(take_component(r, &ret->index));
    if (!partiql_take(r, "."))
        return OK;
    TRY(take_component(r, &more));
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "A path may contain at most 2 components in the FROM clause");
}

static RESULT take_where(struct partiql_reader *r, struct partiql *ret)
{
    struct making m;
    if (!partiql_take(r, "where"))
        return OK;
    partiql_open(r, &m, EXPRESSION_FILTER);
    TRY(partiql_condition(r, &m, &m.b.program.root));
    ret->where = partiql_close(r, &m);
    return OK;
}

static RESULT take_end(const struct partiql_reader *r)
{
    return r->now.kind == LEXEME_END ? OK : partiql_malformed(r, "Unexpected term");
}

/* ---- SELECT --------------------------------------------------------------------------------- */

static struct span label_of(struct partiql_reader *r, const struct making *m, uint16_t path)
{
    const struct node *node = &m->b.nodes[path];
    struct buf *text = arena_buf(r->c->arena, 1 << 16);
    uint16_t at = node->first + node->count;
    while (at > node->first && m->b.parts[at - 1].kind == PART_INDEX)
        at--;
    for (at--; at < node->first + node->count; at++)
        if (m->b.parts[at].kind == PART_INDEX)
            buf_printf(text, "[%u]", m->b.parts[at].index);
        else
            buf_append(text, m->names[m->b.parts[at].slot]);
    return buf_span(text);
}

static RESULT take_projection(struct partiql_reader *r, struct partiql *ret)
{
    struct making m;
    uint16_t path;
    if (partiql_take(r, "*"))
        return OK;
    partiql_open(r, &m, EXPRESSION_PROJECTION);
    struct span *labels = ARENA_ARRAY(r->c->arena, struct span, r->text.len + 1);
    do {
        size_t at = r->now.at, len = r->now.len;
        TRY(partiql_path(r, &m, &path));
        if (partiql_is(r, "("))
            return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Unexpected path component at 1:%zu:%zu", at + 1, len);
        labels[m.b.program.action_count] = label_of(r, &m, path);
        m.b.actions[m.b.program.action_count++] =
            (struct action){.verb = VERB_PROJECT, .path = path, .value = NODE_NONE};
    } while (partiql_take(r, ","));
    ret->labels = labels;
    ret->projection = partiql_close(r, &m);
    return OK;
}

static RESULT take_order(struct partiql_reader *r, struct partiql *ret)
{
    if (!partiql_take(r, "order"))
        return OK;
    TRY(partiql_want(r, "by"));
    TRY(take_component(r, &ret->order));
    if (partiql_take(r, "desc"))
        ret->direction = KV_DESCENDING;
    else if (partiql_take(r, "asc"))
        ret->direction = KV_ASCENDING;
    if (!ret->where.program)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Must have WHERE clause in the statement when using ORDER BY clause.");
    return OK;
}

static RESULT read_select(struct partiql_reader *r, struct partiql *ret)
{
    TRY(take_projection(r, ret));
    TRY(partiql_want(r, "from"));
    TRY(take_table(r, ret));
    TRY(take_where(r, ret));
    return take_order(r, ret);
}

static RESULT read_exists(struct partiql_reader *r, struct partiql *ret)
{
    ret->kind = PARTIQL_EXISTS;
    TRY(partiql_want(r, "("));
    TRY(partiql_want(r, "select"));
    TRY(read_select(r, ret));
    return partiql_want(r, ")");
}

/* ---- writes --------------------------------------------------------------------------------- */

static RESULT read_insert(struct partiql_reader *r, struct partiql *ret)
{
    struct kv_value value;
    ret->kind = PARTIQL_INSERT;
    TRY(partiql_want(r, "into"));
    TRY(take_table(r, ret));
    TRY(partiql_want(r, "value"));
    TRY(partiql_value(r, &value));
    if (value.type != KV_MAP)
        return partiql_malformed(r, "Expected a tuple to insert");
    ret->item = value.map;
    return OK;
}

static RESULT take_returning(struct partiql_reader *r, struct partiql *ret)
{
    if (!partiql_take(r, "returning"))
        return OK;
    bool all = partiql_is(r, "all");
    if (!partiql_take(r, "all"))
        TRY(partiql_want(r, "modified"));
    bool old = partiql_is(r, "old");
    if (!partiql_take(r, "old"))
        TRY(partiql_want(r, "new"));
    TRY(partiql_want(r, "*"));
    ret->returning = all ? (old ? PARTIQL_ALL_OLD : PARTIQL_ALL_NEW)
                         : (old ? PARTIQL_MODIFIED_OLD : PARTIQL_MODIFIED_NEW);
    if (ret->kind != PARTIQL_DELETE || ret->returning == PARTIQL_ALL_OLD)
        return OK;
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Invalid returning clause: RETURNING %s %s *. Only RETURNING ALL OLD * is "
                  "allowed in DELETE statements.",
                  all ? "ALL" : "MODIFIED", old ? "OLD" : "NEW");
}

static RESULT read_delete(struct partiql_reader *r, struct partiql *ret)
{
    ret->kind = PARTIQL_DELETE;
    TRY(partiql_want(r, "from"));
    TRY(take_table(r, ret));
    TRY(take_where(r, ret));
    return take_returning(r, ret);
}

static bool at_set_function(const struct partiql_reader *r)
{
    return partiql_is(r, "set_add") || partiql_is(r, "set_delete");
}

static bool is_same_path(const struct making *m, uint16_t a, uint16_t b)
{
    struct expression e = {.names = m->names};
    const struct node *x = &m->b.nodes[a], *y = &m->b.nodes[b];
    if (x->count != y->count)
        return false;
    for (uint16_t i = 0; i < x->count; i++) {
        const struct part *p = &m->b.parts[x->first + i], *q = &m->b.parts[y->first + i];
        bool same = p->kind == q->kind &&
                    (p->kind == PART_INDEX ? p->index == q->index
                                           : span_eq(part_name(&e, p), part_name(&e, q)));
        if (!same)
            return false;
    }
    return true;
}

static RESULT refuse_at(const struct partiql_reader *r, const char *message, const char *name,
                        const struct lexeme *at)
{
    struct span text = arena_printf(r->c->arena, "%s", message);
    size_t hole = span_find(text, S("%"));
    struct span head = span_first(text, hole), tail = span_from(text, hole + 1);
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION, "%.*s%s%.*s at 1:%zu:%zu", SPAN_ARG(head),
                  name, SPAN_ARG(tail), at->at + 1, at->len);
}

/* SET a = set_add(a, <<…>>) */
static RESULT take_set_function(struct partiql_reader *r, struct making *m, struct action *action)
{
    bool add = partiql_is(r, "set_add");
    const char *name = add ? "SET_ADD" : "SET_DELETE";
    struct lexeme function = r->now, first;
    uint16_t path = NODE_NONE, value;
    partiql_next(r);
    TRY(partiql_want(r, "("));
    first = r->now;
    if (partiql_is_value(r))
        return refuse_at(r, "The first argument to % must equal the assignment value", name,
                         &function);
    TRY(partiql_path(r, m, &path));
    if (!partiql_take(r, ","))
        return refuse_at(r, "% must have exactly two arguments", name, &function);
    if (!is_same_path(m, path, action->path))
        return refuse_at(r, "The first argument to % must equal the assignment value", name,
                         &function);
    TRY(partiql_operand(r, m, &value));
    if (!partiql_take(r, ")"))
        return refuse_at(r, "% must have exactly two arguments", name, &function);
    const struct node *node = &m->b.nodes[value];
    enum KV_TYPE type = node->kind == NODE_VALUE ? m->values[node->first]->type : (enum KV_TYPE)0;
    if (type != KV_STRING_SET && type != KV_NUMBER_SET && type != KV_BINARY_SET)
        return refuse_at(r, "The second argument to % must be a value with type SET", name, &first);
    action->verb = add ? VERB_ADD : VERB_DELETE;
    action->value = value;
    return OK;
}

static RESULT take_list_append(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    uint16_t first, second;
    TRY(partiql_want(r, "list_append"));
    TRY(partiql_want(r, "("));
    TRY(partiql_operand(r, m, &first));
    TRY(partiql_want(r, ","));
    TRY(partiql_operand(r, m, &second));
    TRY(partiql_want(r, ")"));
    m->b.nodes[first].next = second;
    *ret = partiql_node(m, NODE_CALL, FUNCTION_LIST_APPEND, first);
    m->b.nodes[*ret].count = 2;
    return OK;
}

static RESULT take_assigned(struct partiql_reader *r, struct making *m, uint16_t *ret)
{
    uint16_t right;
    if (partiql_is(r, "list_append"))
        return take_list_append(r, m, ret);
    TRY(partiql_operand(r, m, ret));
    if (m->b.nodes[*ret].kind == NODE_CALL)
        return partiql_malformed(r, "A function is not allowed here");
    if (!partiql_is(r, "+") && !partiql_is(r, "-"))
        return OK;
    enum NODE kind = partiql_is(r, "+") ? NODE_PLUS : NODE_MINUS;
    partiql_next(r);
    TRY(partiql_operand(r, m, &right));
    m->b.nodes[*ret].next = right;
    *ret = partiql_node(m, kind, 0, *ret);
    return OK;
}

static RESULT take_change(struct partiql_reader *r, struct making *m, struct action action)
{
    TRY(partiql_path(r, m, &action.path));
    action.value = NODE_NONE;
    if (action.verb == VERB_SET) {
        TRY(partiql_want(r, "="));
        TRY(at_set_function(r) ? take_set_function(r, m, &action)
                               : take_assigned(r, m, &action.value));
    }
    m->b.actions[m->b.program.action_count++] = action;
    return OK;
}

static RESULT take_changes(struct partiql_reader *r, struct partiql *ret)
{
    struct making m;
    struct expression_scope scope = {.c = r->c, .begin = ""};
    partiql_open(r, &m, EXPRESSION_UPDATE);
    uint16_t section = 0;
    while (partiql_is(r, "set") || partiql_is(r, "remove")) {
        enum VERB verb = partiql_is(r, "set") ? VERB_SET : VERB_REMOVE;
        partiql_next(r);
        do
            TRY(take_change(r, &m, (struct action){.verb = (uint8_t)verb, .section = section}));
        while (partiql_take(r, ","));
        section++;
    }
    if (!section)
        return partiql_malformed(r, "Expected SET or REMOVE");
    ret->update = partiql_close(r, &m);
    return expression_check_overlaps(&scope, &ret->update);
}

static RESULT read_update(struct partiql_reader *r, struct partiql *ret)
{
    ret->kind = PARTIQL_UPDATE;
    TRY(take_table(r, ret));
    TRY(take_changes(r, ret));
    TRY(take_where(r, ret));
    return take_returning(r, ret);
}

/* ---- statements ----------------------------------------------------------------------------- */

RESULT partiql_read(struct call *c, struct span text,
                    const struct dynamodb_prepared_statement_parameters *parameters,
                    struct partiql *ret)
{
    struct partiql_reader r = {.c = c, .text = text, .parameters = parameters};
    *ret = (struct partiql){.kind = PARTIQL_SELECT};
    partiql_next(&r);
    if (partiql_take(&r, "select"))
        TRY(read_select(&r, ret));
    else if (partiql_take(&r, "insert"))
        TRY(read_insert(&r, ret));
    else if (partiql_take(&r, "update"))
        TRY(read_update(&r, ret));
    else if (partiql_take(&r, "delete"))
        TRY(read_delete(&r, ret));
    else if (partiql_take(&r, "exists"))
        TRY(read_exists(&r, ret));
    else
        return partiql_malformed(&r, "Expected data manipulation");
    TRY(take_end(&r));
    if (ret->kind != PARTIQL_SELECT && ret->kind != PARTIQL_EXISTS && ret->index.at)
        return partiql_malformed(&r, "An index can only be read");
    if (r.taken == parameters->count)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Number of parameters in request and statement don't match.");
}

RESULT partiql_require(struct call *c, const struct partiql *statement)
{
    static const struct span names[] = {
        [PARTIQL_SELECT] = S_INIT("dynamodb:PartiQLSelect"),
        [PARTIQL_INSERT] = S_INIT("dynamodb:PartiQLInsert"),
        [PARTIQL_UPDATE] = S_INIT("dynamodb:PartiQLUpdate"),
        [PARTIQL_DELETE] = S_INIT("dynamodb:PartiQLDelete"),
        [PARTIQL_EXISTS] = S_INIT("dynamodb:PartiQLSelect"),
    };
    return reference_require_index(c, names[statement->kind], statement->table, statement->index);
}

/* ---- conjuncts ------------------------------------------------------------------------------ */

static bool take_conjunct(const struct expression *e, const struct node *node,
                          struct expression_key *ret)
{
    static const enum KV_BOUND bounds[][2] = {
        [COMPARE_EQ] = {KV_EQ, KV_EQ}, [COMPARE_NE] = {KV_ANY, KV_ANY},
        [COMPARE_LT] = {KV_LT, KV_GT}, [COMPARE_LE] = {KV_LE, KV_GE},
        [COMPARE_GT] = {KV_GT, KV_LT}, [COMPARE_GE] = {KV_GE, KV_LE},
    };
    bool compare = node->kind == NODE_COMPARE;
    if (!compare && node->kind != NODE_BETWEEN &&
        !(node->kind == NODE_CALL && node->op == FUNCTION_BEGINS_WITH))
        return false;
    const struct node *a = program_node(e->program, node->child);
    const struct node *b = program_node(e->program, a->next);
    bool turned = compare && a->kind == NODE_VALUE;
    const struct node *path = turned ? b : a, *low = turned ? a : b, *high = NULL;
    if (node->kind == NODE_BETWEEN)
        high = program_node(e->program, b->next);
    if (path->kind != NODE_PATH || path->count != 1 || low->kind != NODE_VALUE ||
        (high && high->kind != NODE_VALUE))
        return false;
    *ret = (struct expression_key){
        .attribute = part_name(e, program_parts(e->program) + path->first),
        .bound = compare ? bounds[node->op][turned]
                 : high  ? KV_BETWEEN
                         : KV_BEGINS,
        .low = e->values[low->first],
        .high = high ? e->values[high->first] : NULL,
    };
    return ret->bound != KV_ANY;
}

static void take_conjuncts(const struct expression *e, uint16_t at, struct expression_keys *ret,
                           bool *ret_only)
{
    const struct node *node = program_node(e->program, at);
    if (node->kind == NODE_AND) {
        take_conjuncts(e, node->child, ret, ret_only);
        take_conjuncts(e, program_node(e->program, node->child)->next, ret, ret_only);
    } else if (ret->count < EXPRESSION_KEYS_MAX && take_conjunct(e, node, &ret->at[ret->count])) {
        ret->count++;
    } else {
        *ret_only = false;
    }
}

void partiql_conjuncts(const struct partiql *statement, struct expression_keys *ret, bool *ret_only)
{
    ret->count = 0;
    *ret_only = true;
    if (statement->where.program)
        take_conjuncts(&statement->where, statement->where.program->root, ret, ret_only);
}
