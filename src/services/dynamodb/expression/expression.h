// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The expression languages: conditions (filters and key conditions are such), updates, projections.
 *
 * A text is compiled once per thread (a bounded cache keyed by the text) into a program: nodes
 * without names and values. A request binds its ExpressionAttributeNames and …Values to it, which
 * gives a struct expression in the call's arena; that is then evaluated on items. Knows attribute
 * names, paths, values and types, nothing of requests.
 *
 * What is refused, in which order and with which text, is the real service's: the grammar is the
 * one that AWS publishes with its DAX clients, the checks are those that answers of the service and
 * of its own local edition show. Any thread.
 */
#include "services/dynamodb/attribute.h"

enum EXPRESSION_KIND {
    EXPRESSION_CONDITION,
    EXPRESSION_FILTER,
    EXPRESSION_KEY,
    EXPRESSION_UPDATE,
    EXPRESSION_PROJECTION,
    EXPRESSION_SEARCH,
};

/* One entry of ExpressionAttributeNames or …Values. */
struct placeholder {
    struct span key; /* "#name", ":value" */
    struct span name;
    struct kv_value value;
    struct span literal; /* a number as it was sent */
    bool used;
};

struct placeholders {
    struct placeholder *at;
    size_t count;
    bool sorted; /* by key */
};

/* What the expressions of one request share. */
struct expression_scope {
    struct call *c;
    const char *begin; /* of every message */
    struct placeholders names, values;
};

struct program;

struct expression {
    const struct program *program;
    struct span text;
    const struct span *names; /* by the program's slots */
    const struct kv_value *const *values;
    const uint16_t *order; /* of the paths of an update or projection */
};

/* Reads and checks names and values. */
RESULT expression_scope_open(struct call *c, enum ATTRIBUTE_WORDS words,
                             const struct dynamodb_expression_attribute_name_map *names,
                             const struct dynamodb_expression_attribute_value_map *values,
                             struct expression_scope *ret);
/* Compiles, binds and checks. An absent text gives an absent expression (program NULL). */
RESULT expression_bind(struct expression_scope *scope, enum EXPRESSION_KIND kind, struct span text,
                       struct expression *ret);
/* Refuses names and values that no expression used. */
RESULT expression_scope_close(struct expression_scope *scope);

/* ---- conditions ----------------------------------------------------------------------------- */

bool expression_holds(const struct expression *expression, const struct kv_map *item,
                      struct arena *arena);

/* ---- key conditions ------------------------------------------------------------------------- */

/* What is said of one attribute. */
struct expression_key {
    struct span attribute;
    enum KV_BOUND bound; /* KV_ANY: an operator that no key can be found by */
    const struct kv_value *low, *high;
};
#define EXPRESSION_KEYS_MAX 16
struct expression_keys {
    struct expression_key at[EXPRESSION_KEYS_MAX];
    size_t count;
};
/* Takes a key condition apart. */
RESULT expression_take_keys(struct call *c, const struct expression *expression,
                            struct expression_keys *ret);

/* ---- search conditions ---------------------------------------------------------------------- */

/* What an attribute has to be. */
struct expression_equal {
    struct span attribute;
    const struct kv_value *value;
};
#define EXPRESSION_EQUALS_MAX 21 /* a hash key and 20 filters */
struct expression_equals {
    struct expression_equal at[EXPRESSION_EQUALS_MAX];
    size_t count;
};
/* Takes a search condition apart: nothing but equalities joined by AND. */
RESULT expression_take_equals(struct call *c, const struct expression *expression,
                              struct expression_equals *ret);

/* ---- paths ---------------------------------------------------------------------------------- */

/* The attributes that paths begin with, as often as they do. */
struct span *expression_attributes(const struct expression *expression, struct arena *arena,
                                   size_t *ret_count);
/* Whether some path begins with this attribute; with `nested` only paths that go on behind it. */
enum EXPRESSION_DEPTH { EXPRESSION_ANY_DEPTH, EXPRESSION_NESTED };
bool expression_names(const struct expression *expression, struct span attribute,
                      enum EXPRESSION_DEPTH depth);

/* The parts of an item that a projection's paths, or an update's, name. */
void expression_project(const struct expression *expression, const struct kv_map *item,
                        struct arena *arena, struct kv_map *ret);
/* Each path's value by itself, as an attribute of the label's name; of two with one label the later
 * is taken. */
void expression_project_flat(const struct expression *expression, const struct span *labels,
                             const struct kv_map *item, struct arena *arena, struct kv_map *ret);
/* A projection to whole attributes: AttributesToGet and its like. */
struct expression expression_of_attributes(struct arena *arena, const struct span *names,
                                           size_t count);

/* ---- updates -------------------------------------------------------------------------------- */

/* Whether an update may write this attribute. */
bool expression_updates(const struct expression *update, struct span attribute);
/* Whether there is a SET or ADD, so that an absent item comes to be. */
bool expression_creates(const struct expression *update);
/* What "Item size to update …" measures besides the finished item: the attributes that are written,
 * and a fee per action. */
size_t expression_update_weight(const struct expression *update, const struct kv_map *after);
/* Applies an update to an item; both share what did not change. */
RESULT expression_update(struct call *c, const struct expression *update,
                         const struct kv_map *before, struct kv_map *ret);
