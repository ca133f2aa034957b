// SPDX-License-Identifier: Apache-2.0
/* Statements to lexemes, one at a time. Blanks and comments are passed over. Pure. */
#include "services/dynamodb/partiql/inside.h"

static char byte_at(const struct partiql_reader *r, size_t at)
{
    return at < r->text.len ? r->text.at[at] : '\0';
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
           byte == '$';
}

/* Behind a comment that begins here, or here. */
static size_t comment_end(const struct partiql_reader *r, size_t at)
{
    if (byte_at(r, at) == '-' && byte_at(r, at + 1) == '-') {
        size_t line = span_find_byte(span_from(r->text, at), '\n');
        return line == SPAN_NOT_FOUND ? r->text.len : at + line;
    }
    if (byte_at(r, at) == '/' && byte_at(r, at + 1) == '*') {
        size_t end = span_find(span_from(r->text, at + 2), S("*/"));
        return end == SPAN_NOT_FOUND ? at : at + 2 + end + 2;
    }
    return at;
}

static void skip(struct partiql_reader *r)
{
    for (;;) {
        size_t at = r->at;
        while (at < r->text.len && is_blank(r->text.at[at]))
            at++;
        at = comment_end(r, at);
        if (at == r->at)
            return;
        r->at = at;
    }
}

/* Up to the closing quote; a doubled one is one. */
static void take_quoted(struct partiql_reader *r, enum LEXEME kind)
{
    char quote = byte_at(r, r->at);
    size_t at = r->at + 1, len = 0;
    char *text = arena_alloc(r->c->arena, r->text.len - r->at);
    for (; at < r->text.len; at++) {
        if (r->text.at[at] == quote && byte_at(r, at + 1) != quote)
            break;
        at += r->text.at[at] == quote;
        text[len++] = r->text.at[at];
    }
    r->now.kind = at < r->text.len ? kind : LEXEME_BAD;
    r->now.text = span_of(text, len);
    r->now.len = at + 1 - r->at;
}

static size_t digits_end(const struct partiql_reader *r, size_t at)
{
    while (is_digit(byte_at(r, at)))
        at++;
    return at;
}

static size_t number_end(const struct partiql_reader *r, size_t at)
{
    at = digits_end(r, at);
    if (byte_at(r, at) == '.')
        at = digits_end(r, at + 1);
    if ((byte_at(r, at) | 0x20) == 'e') {
        size_t exponent = at + 1;
        exponent += byte_at(r, exponent) == '+' || byte_at(r, exponent) == '-';
        if (is_digit(byte_at(r, exponent)))
            at = digits_end(r, exponent);
    }
    return at;
}

static size_t word_end(const struct partiql_reader *r, size_t at)
{
    while (is_word(byte_at(r, at)) || is_digit(byte_at(r, at)))
        at++;
    return at;
}

static size_t sign_len(const struct partiql_reader *r)
{
    static const char pairs[][3] = {"<=", ">=", "<>", "!=", "<<", ">>"};
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++)
        if (byte_at(r, r->at) == pairs[i][0] && byte_at(r, r->at + 1) == pairs[i][1])
            return 2;
    return 1;
}

void partiql_next(struct partiql_reader *r)
{
    skip(r);
    char byte = byte_at(r, r->at);
    r->now = (struct lexeme){.kind = LEXEME_SIGN, .at = r->at};
    if (r->at == r->text.len)
        r->now.kind = LEXEME_END;
    else if (byte == '\'')
        take_quoted(r, LEXEME_TEXT);
    else if (byte == '"')
        take_quoted(r, LEXEME_QUOTED);
    else if (is_digit(byte) || (byte == '.' && is_digit(byte_at(r, r->at + 1))))
        r->now.kind = LEXEME_NUMBER, r->now.len = number_end(r, r->at) - r->at;
    else if (is_word(byte))
        r->now.kind = LEXEME_WORD, r->now.len = word_end(r, r->at) - r->at;
    else
        r->now.len = sign_len(r);
    if (r->now.kind != LEXEME_TEXT && r->now.kind != LEXEME_QUOTED)
        r->now.text = span_of(r->text.at + r->at, r->now.len);
    r->at += r->now.len;
}

bool partiql_is(const struct partiql_reader *r, const char *wanted)
{
    return (r->now.kind == LEXEME_WORD || r->now.kind == LEXEME_SIGN) &&
           span_eq_nocase(r->now.text, span_of_cstr(wanted));
}

bool partiql_take(struct partiql_reader *r, const char *wanted)
{
    bool there = partiql_is(r, wanted);
    if (there)
        partiql_next(r);
    return there;
}

RESULT partiql_malformed(const struct partiql_reader *r, const char *detail)
{
    return refuse(r->c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Statement wasn't well formed, can't be processed: %s", detail);
}

RESULT partiql_want(struct partiql_reader *r, const char *wanted)
{
    if (partiql_take(r, wanted))
        return OK;
    return partiql_malformed(
        r, arena_cstr(r->c->arena, arena_printf(r->c->arena, "Expected %s", wanted)));
}
