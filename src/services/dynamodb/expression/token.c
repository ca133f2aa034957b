// SPDX-License-Identifier: Apache-2.0
/*
 * Texts to tokens, by the token rules of the published grammar: names begin with a letter, an index
 * has no leading zero, keywords are found in any case. Never fails: what is no token is a bad one.
 * Pure.
 */
#include "services/dynamodb/expression/inside.h"

static bool is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_word(char byte)
{
    return is_letter(byte) || is_digit(byte) || byte == '_';
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static uint8_t kind_of_word(struct span word)
{
    static const struct {
        struct span word;
        uint8_t kind;
    } keywords[] = {
        {S_INIT("AND"), TOKEN_AND},       {S_INIT("OR"), TOKEN_OR},
        {S_INIT("NOT"), TOKEN_NOT},       {S_INIT("BETWEEN"), TOKEN_BETWEEN},
        {S_INIT("IN"), TOKEN_IN},         {S_INIT("SET"), TOKEN_SET},
        {S_INIT("REMOVE"), TOKEN_REMOVE}, {S_INIT("ADD"), TOKEN_ADD},
        {S_INIT("DELETE"), TOKEN_DELETE},
    };
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++)
        if (span_eq_nocase(word, keywords[i].word))
            return keywords[i].kind;
    return TOKEN_NAME;
}

static uint8_t kind_of_byte(char byte)
{
    switch (byte) {
    case '=':
        return TOKEN_EQ;
    case '<':
        return TOKEN_LT;
    case '>':
        return TOKEN_GT;
    case '(':
        return TOKEN_OPEN;
    case ')':
        return TOKEN_CLOSE;
    case '[':
        return TOKEN_OPEN_INDEX;
    case ']':
        return TOKEN_CLOSE_INDEX;
    case ',':
        return TOKEN_COMMA;
    case '.':
        return TOKEN_POINT;
    case '+':
        return TOKEN_PLUS;
    case '-':
        return TOKEN_MINUS;
    default:
        return TOKEN_BAD;
    }
}

static size_t word_end(struct span text, size_t at)
{
    while (at < text.len && is_word(text.at[at]))
        at++;
    return at;
}

static size_t index_end(struct span text, size_t at)
{
    if (text.at[at] == '0')
        return at + 1;
    while (at < text.len && is_digit(text.at[at]))
        at++;
    return at;
}

/* A character of several bytes stays whole. */
static size_t character_end(struct span text, size_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.at[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static struct token sign_at(struct span text, size_t at)
{
    struct token token = {.kind = kind_of_byte(text.at[at]), .at = (uint16_t)at, .len = 1};
    char next = at + 1 < text.len ? text.at[at + 1] : 0;
    if (token.kind == TOKEN_LT && next == '>')
        token = (struct token){TOKEN_NE, token.at, 2};
    else if (token.kind == TOKEN_LT && next == '=')
        token = (struct token){TOKEN_LE, token.at, 2};
    else if (token.kind == TOKEN_GT && next == '=')
        token = (struct token){TOKEN_GE, token.at, 2};
    else if (token.kind == TOKEN_BAD)
        token.len = (uint16_t)(character_end(text, at) - at);
    return token;
}

static struct token token_at(struct span text, size_t at)
{
    char first = text.at[at];
    size_t end;
    if (is_letter(first)) {
        end = word_end(text, at);
        return (struct token){kind_of_word(span_of(text.at + at, end - at)), (uint16_t)at,
                              (uint16_t)(end - at)};
    }
    if (first == '#' || first == ':') {
        end = word_end(text, at + 1);
        uint8_t kind = end == at + 1 ? TOKEN_BAD : first == '#' ? TOKEN_ALIAS : TOKEN_VALUE;
        return (struct token){kind, (uint16_t)at, (uint16_t)(end - at)};
    }
    if (is_digit(first))
        return (struct token){TOKEN_INDEX, (uint16_t)at, (uint16_t)(index_end(text, at) - at)};
    return sign_at(text, at);
}

struct token *expression_tokens(struct arena *arena, struct span text, size_t *ret_count)
{
    struct token *tokens = arena_alloc(arena, (text.len + 1) * sizeof *tokens);
    size_t count = 0;
    for (size_t at = 0; at < text.len;) {
        if (is_blank(text.at[at])) {
            at++;
            continue;
        }
        tokens[count] = token_at(text, at);
        at += tokens[count++].len;
    }
    tokens[count++] = (struct token){TOKEN_END, (uint16_t)text.len, 0};
    *ret_count = count;
    return tokens;
}
