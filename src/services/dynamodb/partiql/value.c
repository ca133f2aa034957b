// SPDX-License-Identifier: Apache-2.0
/* Literals and parameters: texts, numbers, true, false, null, [lists], {'maps': of}, <<sets>>, ?.
 * Pure but for refusals. */
#include "services/dynamodb/partiql/inside.h"

#define FIRST_ROOM 8

static RESULT take_parameter(struct partiql_reader *r, struct kv_value *ret)
{
    partiql_next(r);
    if (r->taken == r->parameters->count)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Number of parameters in request and statement don't match.");
    return attribute_read(r->c, ATTRIBUTE_PLAIN, &r->parameters->at[r->taken++], ret);
}

static RESULT take_number(struct partiql_reader *r, struct span sign, struct kv_value *ret)
{
    const struct span parts[] = {sign, r->now.text};
    struct dynamodb_attribute_value number = {.n =
                                                  arena_join(r->c->arena, parts, ARRAY_LEN(parts))};
    partiql_next(r);
    return attribute_read(r->c, ATTRIBUTE_PLAIN, &number, ret);
}

/* Elements up to the closing sign, into an array that doubles. */
static RESULT take_elements(struct partiql_reader *r, const char *end, struct kv_list *ret)
{
    size_t room = 0;
    *ret = (struct kv_list){NULL, 0};
    while (!partiql_is(r, end)) {
        if (ret->count && partiql_want(r, ","))
            return partiql_malformed(r, "Unexpected term in a collection");
        if (ret->count == room) {
            room = room ? 2 * room : FIRST_ROOM;
            struct kv_value *more = ARENA_ARRAY(r->c->arena, struct kv_value, room);
            if (ret->count)
                memcpy(more, ret->at, ret->count * sizeof *more);
            ret->at = more;
        }
        TRY(partiql_value(r, &ret->at[ret->count++]));
    }
    partiql_next(r);
    return OK;
}

static RESULT refuse_repeat(struct partiql_reader *r, const struct kv_list *elements)
{
    struct buf *text = arena_buf(r->c->arena, 1 << 16);
    for (size_t i = 0; i < elements->count; i++) {
        buf_append(text, i ? S(", ") : S(""));
        buf_append(text, elements->at[i].bytes);
    }
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "One or more parameter values were invalid: Input collection [%.*s] contains "
                  "duplicates.",
                  SPAN_ARG(buf_span(text)));
}

static RESULT take_set(struct partiql_reader *r, struct kv_value *ret)
{
    struct kv_list elements;
    TRY(take_elements(r, ">>", &elements));
    if (!elements.count)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION, "Empty bags are not supported");
    enum KV_TYPE type = elements.at[0].type;
    struct span *sorted = ARENA_ARRAY(r->c->arena, struct span, elements.count);
    for (size_t i = 0; i < elements.count; i++) {
        if (elements.at[i].type != type || type > KV_BINARY)
            return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Bags must contain values of one type: string, number or binary");
        sorted[i] = elements.at[i].bytes;
    }
    *ret = (struct kv_value){.type = type == KV_STRING   ? KV_STRING_SET
                                     : type == KV_NUMBER ? KV_NUMBER_SET
                                                         : KV_BINARY_SET,
                             .set = {sorted, elements.count}};
    if (kv_sort_set(sorted, elements.count))
        return OK;
    if (type != KV_NUMBER)
        return refuse_repeat(r, &elements);
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "One or more parameter values were invalid: Input collection contains "
                  "duplicates.");
}

static RESULT take_map(struct partiql_reader *r, struct kv_map *ret)
{
    size_t room = 0;
    *ret = (struct kv_map){NULL, 0};
    while (!partiql_is(r, "}")) {
        if (ret->count)
            TRY(partiql_want(r, ","));
        if (r->now.kind != LEXEME_TEXT)
            return partiql_malformed(r, "Expected a string as the name of a field");
        if (ret->count == room) {
            room = room ? 2 * room : FIRST_ROOM;
            struct kv_pair *more = ARENA_ARRAY(r->c->arena, struct kv_pair, room);
            if (ret->count)
                memcpy(more, ret->at, ret->count * sizeof *more);
            ret->at = more;
        }
        struct kv_pair *pair = &ret->at[ret->count++];
        pair->name = r->now.text;
        partiql_next(r);
        TRY(partiql_want(r, ":"));
        TRY(partiql_value(r, &pair->value));
    }
    partiql_next(r);
    kv_sort_pairs(ret->at, ret->count);
    for (size_t i = 1; i < ret->count; i++)
        if (span_eq(ret->at[i - 1].name, ret->at[i].name))
            return partiql_malformed(r, "A field stands twice in a tuple");
    return OK;
}

bool partiql_is_value(const struct partiql_reader *r)
{
    return r->now.kind == LEXEME_TEXT || r->now.kind == LEXEME_NUMBER || partiql_is(r, "?") ||
           partiql_is(r, "-") || partiql_is(r, "[") || partiql_is(r, "{") || partiql_is(r, "<<") ||
           partiql_is(r, "true") || partiql_is(r, "false") || partiql_is(r, "null");
}

static RESULT take_document(struct partiql_reader *r, struct kv_value *ret)
{
    if (partiql_take(r, "[")) {
        ret->type = KV_LIST;
        return take_elements(r, "]", &ret->list);
    }
    if (partiql_take(r, "{")) {
        ret->type = KV_MAP;
        return take_map(r, &ret->map);
    }
    if (partiql_take(r, "<<"))
        return take_set(r, ret);
    return partiql_malformed(r, "Unexpected term");
}

static RESULT take_scalar(struct partiql_reader *r, struct kv_value *ret, bool *ret_taken)
{
    *ret_taken = true;
    if (partiql_is(r, "?"))
        return take_parameter(r, ret);
    if (r->now.kind == LEXEME_NUMBER)
        return take_number(r, S(""), ret);
    if (partiql_take(r, "-"))
        return r->now.kind == LEXEME_NUMBER ? take_number(r, S("-"), ret)
                                            : partiql_malformed(r, "Expected a number");
    if (r->now.kind == LEXEME_TEXT)
        *ret = (struct kv_value){.type = KV_STRING, .bytes = r->now.text};
    else if (partiql_is(r, "true") || partiql_is(r, "false"))
        *ret = (struct kv_value){.type = KV_BOOL, .truth = partiql_is(r, "true")};
    else if (partiql_is(r, "null"))
        *ret = (struct kv_value){.type = KV_NULL};
    else
        *ret_taken = false;
    if (*ret_taken)
        partiql_next(r);
    return OK;
}

RESULT partiql_value(struct partiql_reader *r, struct kv_value *ret)
{
    bool taken;
    TRY(take_scalar(r, ret, &taken));
    if (taken)
        return OK;
    if (r->depth++ == KV_DEPTH_MAX)
        return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Nesting Levels have exceeded supported limits: Attributes in the item have "
                      "nested levels beyond supported limit");
    TRY(take_document(r, ret));
    r->depth--;
    return OK;
}
