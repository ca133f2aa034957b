// SPDX-License-Identifier: Apache-2.0
/*
 * Policy variables (${aws:username}, ${aws:PrincipalTag/team, 'none'}, ${*}) and the compilation of
 * wildcards into marks. What a variable puts in is literal: a tag value "*" matches a star only.
 * Pure functions, any thread. Source: "IAM policy elements: Variables and tags".
 */
#include "auth/policy_tree.h"

/* A pattern while it is written; `colons` says in which ARN segment the next byte stands. */
struct compiler {
    enum WILD wild;
    char *to;
    size_t len;
    int colons;
};

static void put_literal(struct compiler *compiler, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        compiler->colons += text.at[i] == ':';
    if (text.len)
        memcpy(compiler->to + compiler->len, text.at, text.len);
    compiler->len += text.len;
}

static bool stays_in_segment(const struct compiler *compiler, struct span behind)
{
    if (compiler->wild == WILD_TEXT || compiler->colons >= 5)
        return false;
    bool last = behind.len == 0 || behind.at[0] == ':';
    return compiler->wild == WILD_ARN || !last;
}

/* One byte of the document; `behind` is what follows it there. */
static void put_byte(struct compiler *compiler, char byte, struct span behind)
{
    bool wildcard = compiler->wild != WILD_LITERAL && (byte == '*' || byte == '?');
    if (!wildcard) {
        put_literal(compiler, span_of(&byte, 1));
        return;
    }
    /* One character is never the colon. */
    bool segment = stays_in_segment(compiler, byte == '?' ? S("?") : behind);
    int mark = byte == '*' ? (segment ? MARK_RUN_IN_SEGMENT : MARK_RUN)
                           : (segment ? MARK_ONE_IN_SEGMENT : MARK_ONE);
    compiler->to[compiler->len++] = (char)mark;
}

struct span policy_compile(struct arena *arena, struct span text, enum WILD wild)
{
    if (wild == WILD_LITERAL)
        return arena_copy(arena, text);
    struct compiler compiler = {.wild = wild, .to = arena_alloc(arena, text.len)};
    for (size_t i = 0; i < text.len; i++)
        put_byte(&compiler, text.at[i], span_from(text, i + 1));
    return span_of(compiler.to, compiler.len);
}

bool policy_has_variables(struct span text)
{
    size_t at = span_find(text, S("${"));
    return at != SPAN_NOT_FOUND && span_find_byte(span_from(text, at), '}') != SPAN_NOT_FOUND;
}

static struct span lower_case(struct arena *arena, struct span text)
{
    char *to = arena_alloc(arena, text.len);
    for (size_t i = 0; i < text.len; i++)
        to[i] = text.at[i] >= 'A' && text.at[i] <= 'Z' ? (char)(text.at[i] | 0x20) : text.at[i];
    return span_of(to, text.len);
}

/* The quoted text behind the comma of ${key, 'text'}; absent when there is none. */
static struct span default_of(struct span rest)
{
    rest = span_trim(rest);
    if (rest.len < 2 || rest.at[0] != '\'' || rest.at[rest.len - 1] != '\'')
        return SPAN_NONE;
    return span_first(span_from(rest, 1), rest.len - 2);
}

/* A request's bytes that look like marks would act as wildcards: such text resolves nothing. */
static bool has_marks(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.at[i] >= MARK_ONE_IN_SEGMENT)
            return true;
    return false;
}

/* The value of what stands between the braces; absent when it cannot be resolved. Keys with several
 * values cannot be used as variables. */
static struct span variable_value(const struct policy_request *request, struct span inside)
{
    if (inside.len == 1 && strchr("*?$", inside.at[0]))
        return inside;
    struct span rest = inside;
    struct span key = lower_case(request->scratch, span_trim(span_cut(&rest, ',')));
    const struct span *values = NULL;
    size_t count = 0;
    bool found =
        request->lookup && request->lookup(request->user, key, request->scratch, &values, &count);
    if (!found || count == 0)
        return default_of(rest);
    return count == 1 && !has_marks(values[0]) ? values[0] : SPAN_NONE;
}

struct piece {
    struct span text; /* of the document, or a value */
    bool value;
};

#define PIECES_MAX 64

/* Cuts the text at its variables; -1 when one cannot be resolved or there are too many. */
static int pieces_of(struct span text, const struct policy_request *request, struct piece *pieces)
{
    int count = 0;
    while (text.len) {
        size_t open = span_find(text, S("${"));
        size_t close =
            open == SPAN_NOT_FOUND ? SPAN_NOT_FOUND : span_find_byte(span_from(text, open), '}');
        if (count + 2 > PIECES_MAX)
            return -1;
        if (close == SPAN_NOT_FOUND) {
            pieces[count++] = (struct piece){.text = text};
            break;
        }
        struct span inside = span_first(span_from(text, open + 2), close - 2);
        struct span value = variable_value(request, inside);
        if (span_is_absent(value))
            return -1;
        pieces[count++] = (struct piece){.text = span_first(text, open)};
        pieces[count++] = (struct piece){.text = value, .value = true};
        text = span_from(text, open + close + 1);
    }
    return count;
}

bool policy_resolve(const struct policy_text *text, enum WILD wild,
                    const struct policy_request *request, struct span *ret_pattern)
{
    *ret_pattern = text->text;
    if (!text->variables)
        return true;
    struct piece pieces[PIECES_MAX];
    int count = pieces_of(text->text, request, pieces);
    if (count < 0)
        return false;
    size_t size = 0;
    for (int i = 0; i < count; i++)
        size += pieces[i].text.len;
    struct compiler compiler = {.wild = wild, .to = arena_alloc(request->scratch, size)};
    for (int i = 0; i < count; i++) {
        struct span part = pieces[i].text;
        if (pieces[i].value) {
            put_literal(&compiler, part);
            continue;
        }
        /* A wildcard before a variable is not the last of its segment. */
        struct span behind_all = i + 1 < count ? S("$") : SPAN_NONE;
        for (size_t j = 0; j < part.len; j++)
            put_byte(&compiler, part.at[j], j + 1 < part.len ? span_from(part, j + 1) : behind_all);
    }
    *ret_pattern = span_of(compiler.to, compiler.len);
    return true;
}
