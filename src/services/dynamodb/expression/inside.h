// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A program: the compiled form of one text, a single block without pointers, so that the cache can
 * give out copies. Names and functions point into the text by offset; aliases (#a) and values (:v)
 * are slots that a request fills.
 */
#include "services/dynamodb/expression/expression.h"

#define EXPRESSION_TEXT_MAX 4096
#define EXPRESSION_OPERATORS_MAX 300
#define EXPRESSION_OPERANDS_MAX 100 /* of IN */

enum NODE {
    NODE_OR = 1,
    NODE_AND,
    NODE_NOT,
    NODE_COMPARE, /* op: COMPARE_… */
    NODE_BETWEEN,
    NODE_IN,
    NODE_CALL, /* op: FUNCTION_… */
    NODE_PLUS,
    NODE_MINUS,
    NODE_PATH,  /* first, count: parts */
    NODE_VALUE, /* first: slot */
};

enum COMPARE { COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE };

enum FUNCTION {
    FUNCTION_UNKNOWN,
    FUNCTION_EXISTS,
    FUNCTION_NOT_EXISTS,
    FUNCTION_TYPE,
    FUNCTION_BEGINS_WITH,
    FUNCTION_CONTAINS,
    FUNCTION_SIZE,
    FUNCTION_IF_NOT_EXISTS,
    FUNCTION_LIST_APPEND,
    FUNCTION_COUNT,
};

#define NODE_NONE 0xffff

struct node {
    uint8_t kind, op;
    uint16_t child, next;  /* NODE_NONE: there is none */
    uint16_t first, count; /* see NODE_PATH, NODE_VALUE */
    uint16_t at, len;      /* in the text: a function's name */
};

enum PART { PART_NAME, PART_ALIAS, PART_INDEX };

struct part {
    uint8_t kind;
    uint16_t at, len; /* in the text */
    uint16_t slot;    /* PART_ALIAS */
    uint32_t index;   /* PART_INDEX; UINT32_MAX: above the range */
};

enum VERB { VERB_SET, VERB_REMOVE, VERB_ADD, VERB_DELETE, VERB_PROJECT };

/* Of an update, or a path of a projection. */
struct action {
    uint8_t verb;
    uint16_t section; /* in the order of the text */
    uint16_t path, value;
};

struct slot {
    uint16_t at, len; /* in the text */
};

struct program {
    uint16_t kind; /* EXPRESSION_KIND */
    uint16_t root; /* of a condition */
    uint16_t part_count, node_count, action_count, alias_count, value_count;
    uint16_t operators;
    uint16_t legacy; /* an update made of AttributeUpdates */
    uint32_t size;   /* of the block */
    uint32_t part_at, node_at, action_at, alias_at, value_at;
};

static inline const void *program_at(const struct program *program, uint32_t at)
{
    return (const char *)program + at;
}

static inline const struct part *program_parts(const struct program *program)
{
    return program_at(program, program->part_at);
}

static inline const struct action *program_actions(const struct program *program)
{
    return program_at(program, program->action_at);
}

static inline const struct slot *program_aliases(const struct program *program)
{
    return program_at(program, program->alias_at);
}

static inline const struct slot *program_values(const struct program *program)
{
    return program_at(program, program->value_at);
}

static inline const struct node *program_node(const struct program *program, uint16_t at)
{
    return (const struct node *)program_at(program, program->node_at) + at;
}

/* ---- tokens --------------------------------------------------------------------------------- */

enum TOKEN {
    TOKEN_END,
    TOKEN_BAD,
    TOKEN_NAME,
    TOKEN_ALIAS,
    TOKEN_VALUE,
    TOKEN_INDEX,
    TOKEN_EQ, /* in the order of enum COMPARE */
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_OPEN_INDEX,
    TOKEN_CLOSE_INDEX,
    TOKEN_COMMA,
    TOKEN_POINT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_BETWEEN,
    TOKEN_IN,
    TOKEN_SET, /* in the order of enum VERB */
    TOKEN_REMOVE,
    TOKEN_ADD,
    TOKEN_DELETE,
};

struct token {
    uint8_t kind;
    uint16_t at, len;
};

/* The tokens of a text of at most EXPRESSION_TEXT_MAX bytes, TOKEN_END last. */
struct token *expression_tokens(struct arena *arena, struct span text, size_t *ret_count);

/* ---- building ------------------------------------------------------------------------------- */

/* A program that grows; tables hold as much as was asked for. */
struct builder {
    struct arena *arena;
    struct part *parts;
    struct node *nodes;
    struct action *actions;
    struct slot *aliases, *values;
    struct program program; /* the counts */
};

void expression_builder_open(struct builder *builder, struct arena *arena,
                             enum EXPRESSION_KIND kind, size_t room);
uint16_t expression_builder_node(struct builder *builder, struct node node);
struct program *expression_builder_close(const struct builder *builder);

/* ---- between the files ---------------------------------------------------------------------- */

/* "Invalid FilterExpression: …" */
RESULT expression_refuse(const struct expression_scope *scope, enum EXPRESSION_KIND kind,
                         const char *format, ...) PRINTF_LIKE(3, 4);
/* parse.c */
RESULT expression_parse(struct expression_scope *scope, enum EXPRESSION_KIND kind, struct span text,
                        struct program **ret);
/* static.c: what can be said of a program without names and values. */
RESULT expression_check_text(struct expression_scope *scope, struct span text,
                             const struct program *program);
RESULT expression_check_arity(struct expression_scope *scope, enum EXPRESSION_KIND kind,
                              const struct node *call);
/* check.c: the rest. */
RESULT expression_check(struct expression_scope *scope, struct expression *expression);
/* path.c: paths of an update or projection that clash; sets the order. */
RESULT expression_check_overlaps(struct expression_scope *scope, struct expression *expression);
/* cache.c: a copy in the arena, or NULL; and what is put there. */
struct program *expression_cached(struct arena *arena, enum EXPRESSION_KIND kind, struct span text);
void expression_keep(struct span text, const struct program *program);

bool expression_reserves(struct span name);
struct span expression_function(enum FUNCTION function);

/* The name of a part that is none of PART_INDEX. */
static inline struct span part_name(const struct expression *e, const struct part *part)
{
    return part->kind == PART_ALIAS ? e->names[part->slot]
                                    : span_of(e->text.at + part->at, part->len);
}

/* "[a, [1], b]" */
struct span expression_path_text(struct arena *arena, const struct expression *e,
                                 const struct node *path);
/* <0, 0, >0; a path comes before those that go on from it. Indices come before names. */
int expression_path_compare(const struct expression *e, const struct node *a, const struct node *b);
/* The actions in the order of their paths. */
const uint16_t *expression_path_order(const struct expression *e, struct arena *arena);
/* The value there, or NULL. */
const struct kv_value *expression_path_find(const struct expression *e, const struct node *path,
                                            const struct kv_map *item);
/* An operand's value for this item, or NULL. */
const struct kv_value *expression_operand(const struct expression *e, uint16_t node,
                                          const struct kv_map *item, struct arena *arena);
