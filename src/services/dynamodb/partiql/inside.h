// SPDX-License-Identifier: Apache-2.0
#pragma once
/* What the files of this folder share. */
#include "services/dynamodb/expression/inside.h"
#include "services/dynamodb/partiql/partiql.h"

enum LEXEME {
    LEXEME_END,
    LEXEME_BAD,
    LEXEME_WORD,   /* a name or keyword as it stands */
    LEXEME_QUOTED, /* "name" */
    LEXEME_TEXT,   /* 'text' */
    LEXEME_NUMBER,
    LEXEME_SIGN, /* one or two characters */
};

struct lexeme {
    enum LEXEME kind;
    struct span text; /* without quotes, doubled ones made one */
    size_t at, len;   /* in the statement */
};

/* A program in the making, with the names and values of its slots. */
struct making {
    struct builder b;
    struct span *names;
    const struct kv_value **values;
};

struct partiql_reader {
    struct call *c;
    struct span text;
    size_t at;
    struct lexeme now; /* the next one to be taken */
    const struct dynamodb_prepared_statement_parameters *parameters;
    size_t taken; /* parameters */
    int depth;
};

/* lexeme.c */
void partiql_next(struct partiql_reader *r);
bool partiql_is(const struct partiql_reader *r, const char *keyword_or_sign);
bool partiql_take(struct partiql_reader *r, const char *keyword_or_sign);
RESULT partiql_want(struct partiql_reader *r, const char *keyword_or_sign);
RESULT partiql_malformed(const struct partiql_reader *r, const char *detail);

/* value.c */
bool partiql_is_value(const struct partiql_reader *r);
RESULT partiql_value(struct partiql_reader *r, struct kv_value *ret);

/* condition.c */
void partiql_open(struct partiql_reader *r, struct making *m, enum EXPRESSION_KIND kind);
struct expression partiql_close(struct partiql_reader *r, const struct making *m);
RESULT partiql_path(struct partiql_reader *r, struct making *m, uint16_t *ret);
RESULT partiql_operand(struct partiql_reader *r, struct making *m, uint16_t *ret);
RESULT partiql_condition(struct partiql_reader *r, struct making *m, uint16_t *ret);
uint16_t partiql_node(struct making *m, enum NODE kind, uint8_t op, uint16_t child);
