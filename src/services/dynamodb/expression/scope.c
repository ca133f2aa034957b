// SPDX-License-Identifier: Apache-2.0
/*
 * ExpressionAttributeNames and …Values of one request, and binding them to programs. Where several
 * keys are told at once they come in the order of a Java hash set, as the real service tells them.
 */
#include "services/dynamodb/expression/inside.h"

#include <stdarg.h>
#include <stdlib.h>

#define LINEAR_MAX 8 /* up to so many are looked through */
#define KEY_MAX 255  /* bytes */

RESULT expression_refuse(const struct expression_scope *scope, enum EXPRESSION_KIND kind,
                         const char *format, ...)
{
    static const char *const names[] = {
        [EXPRESSION_CONDITION] = "ConditionExpression",
        [EXPRESSION_FILTER] = "FilterExpression",
        [EXPRESSION_KEY] = "KeyConditionExpression",
        [EXPRESSION_UPDATE] = "UpdateExpression",
        [EXPRESSION_PROJECTION] = "ProjectionExpression",
        [EXPRESSION_SEARCH] = "SearchConditionExpression",
    };
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(scope->c->arena, format, args);
    va_end(args);
    return refuse(scope->c, &DYNAMODB_VALIDATION_EXCEPTION, "%sInvalid %s: %.*s", scope->begin,
                  names[kind], SPAN_ARG(message));
}

/* ---- the order of a hash set ---------------------------------------------------------------- */

/* String.hashCode over UTF-16; keys are ASCII once they are valid. */
static uint32_t java_hash(struct span text)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < text.len; i++)
        hash = hash * 31 + (unsigned char)text.at[i];
    return hash ^ hash >> 16;
}

struct place {
    uint32_t bucket;
    size_t index;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

/* Indices of `things` in the order in which a hash set made from all of them goes through them. */
static size_t *hash_order(struct arena *arena, const struct placeholders *things)
{
    uint32_t buckets = 16;
    while (buckets < things->count * 4 / 3 + 1)
        buckets *= 2;
    struct place *places = ARENA_ARRAY(arena, struct place, things->count);
    size_t *order = ARENA_ARRAY(arena, size_t, things->count);
    for (size_t i = 0; i < things->count; i++)
        places[i] = (struct place){java_hash(things->at[i].key) & (buckets - 1), i};
    if (things->count > 1)
        qsort(places, things->count, sizeof *places, compare_places);
    for (size_t i = 0; i < things->count; i++)
        order[i] = places[i].index;
    return order;
}

/* ---- reading -------------------------------------------------------------------------------- */

static bool is_key(struct span key, char first)
{
    if (key.len < 2 || key.at[0] != first)
        return false;
    for (size_t i = 1; i < key.len; i++) {
        char byte = key.at[i];
        if (!((byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
              (byte >= '0' && byte <= '9') || byte == '_'))
            return false;
    }
    return true;
}

static RESULT bad(const struct expression_scope *scope, const char *format, ...) PRINTF_LIKE(2, 3);

static RESULT bad(const struct expression_scope *scope, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct span message = arena_vprintf(scope->c->arena, format, args);
    va_end(args);
    return refuse(scope->c, &DYNAMODB_VALIDATION_EXCEPTION, "%s%.*s", scope->begin,
                  SPAN_ARG(message));
}

static RESULT read_names(struct expression_scope *scope,
                         const struct dynamodb_expression_attribute_name_map *names)
{
    if (names->at && !names->count)
        return bad(scope, "ExpressionAttributeNames must not be empty");
    scope->names.at = ARENA_ARRAY(scope->c->arena, struct placeholder, names->count);
    scope->names.count = names->count;
    for (size_t i = 0; i < names->count; i++) {
        struct span key = names->at[i].key, name = names->at[i].value;
        if (key.len > KEY_MAX)
            return bad(scope,
                       "ExpressionAttributeNames contains invalid key: The expression attribute "
                       "map contains a key that is too long; size of key: %zu",
                       key.len);
        if (!is_key(key, '#'))
            return bad(scope,
                       "ExpressionAttributeNames contains invalid key: Syntax error; key: "
                       "\"%.*s\"",
                       SPAN_ARG(key));
        if (!name.len)
            return bad(scope,
                       "ExpressionAttributeNames contains invalid value: Empty attribute name for "
                       "key %.*s",
                       SPAN_ARG(key));
        scope->names.at[i] = (struct placeholder){.key = key, .name = name};
    }
    return OK;
}

/* The words of the value's own refusal, within what is said about the map. */
static RESULT refuse_value(const struct expression_scope *scope, const struct refusal *refusal,
                           struct span key)
{
    return bad(scope, "ExpressionAttributeValues contains invalid value: %.*s for key %.*s",
               SPAN_ARG(refusal->message), SPAN_ARG(key));
}

static RESULT read_values(struct expression_scope *scope,
                          const struct dynamodb_expression_attribute_value_map *values)
{
    struct arena *arena = scope->c->arena;
    if (values->at && !values->count)
        return bad(scope, "ExpressionAttributeValues must not be empty");
    scope->values.at = ARENA_ARRAY(arena, struct placeholder, values->count);
    scope->values.count = values->count;
    for (size_t i = 0; i < values->count; i++) {
        struct span key = values->at[i].key;
        if (!is_key(key, ':'))
            return bad(scope,
                       "ExpressionAttributeValues contains invalid key: Syntax error; key: "
                       "\"%.*s\"",
                       SPAN_ARG(key));
        scope->values.at[i] = (struct placeholder){.key = key, .literal = values->at[i].value.n};
    }
    const size_t *order = values->count > 1 ? hash_order(arena, &scope->values) : NULL;
    for (size_t i = 0; i < values->count; i++) {
        size_t at = order ? order[i] : i;
        const struct refusal *refusal = attribute_read(
            scope->c, ATTRIBUTE_PLAIN, &values->at[at].value, &scope->values.at[at].value);
        if (refusal)
            return refuse_value(scope, refusal, values->at[at].key);
    }
    return OK;
}

RESULT expression_scope_open(struct call *c, enum ATTRIBUTE_WORDS words,
                             const struct dynamodb_expression_attribute_name_map *names,
                             const struct dynamodb_expression_attribute_value_map *values,
                             struct expression_scope *ret)
{
    *ret = (struct expression_scope){
        .c = c, .begin = words == ATTRIBUTE_WRAPPED ? "1 validation error detected: " : ""};
    if (names)
        TRY(read_names(ret, names));
    return values ? read_values(ret, values) : OK;
}

/* ---- binding -------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    return span_compare(((const struct placeholder *)a)->key, ((const struct placeholder *)b)->key);
}

static struct placeholder *find(struct placeholders *things, struct span key)
{
    if (things->count <= LINEAR_MAX) {
        for (size_t i = 0; i < things->count; i++)
            if (span_eq(things->at[i].key, key))
                return &things->at[i];
        return NULL;
    }
    if (!things->sorted)
        qsort(things->at, things->count, sizeof *things->at, compare_keys);
    things->sorted = true;
    struct placeholder wanted = {.key = key};
    return bsearch(&wanted, things->at, things->count, sizeof *things->at, compare_keys);
}

/* Those that are not defined stay absent: the check finds them in the order of the text. */
static void bind(struct expression_scope *scope, struct expression *e)
{
    const struct program *program = e->program;
    struct span *names = ARENA_ARRAY(scope->c->arena, struct span, program->alias_count);
    const struct kv_value **values =
        ARENA_ARRAY(scope->c->arena, const struct kv_value *, program->value_count);
    for (uint16_t i = 0; i < program->alias_count; i++) {
        const struct slot *slot = program_aliases(program) + i;
        struct placeholder *found = find(&scope->names, span_of(e->text.at + slot->at, slot->len));
        if (!found)
            continue;
        found->used = true;
        names[i] = found->name;
    }
    for (uint16_t i = 0; i < program->value_count; i++) {
        const struct slot *slot = program_values(program) + i;
        struct placeholder *found = find(&scope->values, span_of(e->text.at + slot->at, slot->len));
        if (!found)
            continue;
        found->used = true;
        values[i] = &found->value;
    }
    e->names = names;
    e->values = values;
}

static RESULT compile(struct expression_scope *scope, enum EXPRESSION_KIND kind, struct span text,
                      const struct program **ret)
{
    struct program *program = expression_cached(scope->c->arena, kind, text);
    *ret = program;
    if (program)
        return OK;
    if (!text.len)
        return expression_refuse(scope, kind, "The expression can not be empty;");
    if (text.len > EXPRESSION_TEXT_MAX)
        return expression_refuse(scope, kind,
                                 "Expression size has exceeded the maximum allowed size; "
                                 "expression size: %zu",
                                 text.len);
    TRY(expression_parse(scope, kind, text, &program));
    TRY(expression_check_text(scope, text, program));
    expression_keep(text, program);
    *ret = program;
    return OK;
}

RESULT expression_bind(struct expression_scope *scope, enum EXPRESSION_KIND kind, struct span text,
                       struct expression *ret)
{
    *ret = (struct expression){.text = text};
    if (!text.at)
        return OK;
    TRY(compile(scope, kind, text, &ret->program));
    bind(scope, ret);
    return expression_check(scope, ret);
}

static RESULT refuse_unused(struct expression_scope *scope, const struct placeholders *things,
                            const char *map)
{
    struct arena *arena = scope->c->arena;
    const size_t *order = hash_order(arena, things);
    struct span *keys = ARENA_ARRAY(arena, struct span, 2 * things->count);
    size_t count = 0;
    for (size_t i = 0; i < things->count; i++) {
        const struct placeholder *thing = &things->at[order[i]];
        if (thing->used)
            continue;
        if (count)
            keys[count++] = S(", ");
        keys[count++] = thing->key;
    }
    return bad(scope, "Value provided in %s unused in expressions: keys: {%.*s}", map,
               SPAN_ARG(arena_join(arena, keys, count)));
}

static bool all_used(const struct placeholders *things)
{
    for (size_t i = 0; i < things->count; i++)
        if (!things->at[i].used)
            return false;
    return true;
}

RESULT expression_scope_close(struct expression_scope *scope)
{
    if (!all_used(&scope->names))
        return refuse_unused(scope, &scope->names, "ExpressionAttributeNames");
    if (!all_used(&scope->values))
        return refuse_unused(scope, &scope->values, "ExpressionAttributeValues");
    return OK;
}
