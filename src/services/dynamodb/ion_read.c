// SPDX-License-Identifier: Apache-2.0
/*
 * Ion text as JSON ("Amazon Ion specification", text encoding), as far as items need it: no
 * timestamps, no symbols as values, no s-expressions, no clobs, no integers in other bases. Pure.
 */
#include "services/dynamodb/ion.h"

#include "base/json.h"
#include "base/utf8.h"

#define DEPTH_MAX 64
#define TEXT_CEILING (16 << 20) /* bytes of one text */

struct ion {
    struct span rest;
    struct arena *arena;
    struct json_writer json;
    int depth;
};

/* ---- lexemes -------------------------------------------------------------------------------- */

static bool is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\v' ||
           byte == '\f';
}

/* Length of a comment that the text begins with, 0: none; the whole rest where it does not end. */
static size_t comment_len(struct span text)
{
    if (span_starts(text, S("//"))) {
        size_t end = span_find_byte(text, '\n');
        return end == SPAN_NOT_FOUND ? text.len : end;
    }
    if (!span_starts(text, S("/*")))
        return 0;
    for (size_t i = 2; i + 1 < text.len; i++)
        if (text.at[i] == '*' && text.at[i + 1] == '/')
            return i + 2;
    return text.len;
}

static void skip(struct ion *ion)
{
    for (;;) {
        size_t len = comment_len(ion->rest);
        if (!len && ion->rest.len && is_space(ion->rest.at[0]))
            len = 1;
        if (!len)
            return;
        ion->rest = span_from(ion->rest, len);
    }
}

static bool take(struct ion *ion, struct span text)
{
    skip(ion);
    bool there = span_starts(ion->rest, text);
    if (there)
        ion->rest = span_from(ion->rest, text.len);
    return there;
}

/* Length of a quoted text with its quotes, 0: it does not end. */
static size_t quoted_len(struct span text, struct span quote)
{
    for (size_t i = quote.len; i < text.len; i++) {
        if (text.at[i] == '\\')
            i++;
        else if (span_starts(span_from(text, i), quote))
            return i + quote.len;
    }
    return 0;
}

static bool is_word_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '$';
}

static struct span take_while(struct ion *ion, bool (*wanted)(char byte))
{
    size_t len = 0;
    skip(ion);
    while (len < ion->rest.len && wanted(ion->rest.at[len]))
        len++;
    struct span taken = span_first(ion->rest, len);
    ion->rest = span_from(ion->rest, len);
    return taken;
}

/* ---- texts ---------------------------------------------------------------------------------- */

static bool read_hex(struct span digits, uint32_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < digits.len; i++) {
        char lower = (char)(digits.at[i] | 0x20);
        bool letter = lower >= 'a' && lower <= 'f';
        if (!letter && (digits.at[i] < '0' || digits.at[i] > '9'))
            return false;
        *ret = *ret << 4 | (uint32_t)(letter ? lower - 'a' + 10 : digits.at[i] - '0');
    }
    return true;
}

/* What follows a backslash; *at is behind it. */
static bool put_escape(struct span text, size_t *at, struct buf *out)
{
    static const char plain[] = "0\0a\ab\bt\tn\nf\fr\rv\v";
    char byte = text.at[(*at)++];
    size_t digits = byte == 'x' ? 2 : byte == 'u' ? 4 : byte == 'U' ? 8 : 0;
    uint32_t point;
    if (byte == '\n')
        return true;
    if (digits) {
        if (*at + digits > text.len || !read_hex(span_of(text.at + *at, digits), &point) ||
            point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
            return false;
        char encoded[4];
        *at += digits;
        buf_append(out, span_of(encoded, utf8_encode(point, encoded)));
        return true;
    }
    for (size_t i = 0; i + 1 < sizeof plain; i += 2)
        if (byte == plain[i]) {
            buf_append_byte(out, plain[i + 1]);
            return true;
        }
    buf_append_byte(out, byte);
    return byte == '"' || byte == '\'' || byte == '\\' || byte == '/' || byte == '?';
}

static bool unescape(struct span text, struct buf *out)
{
    for (size_t i = 0; i < text.len;) {
        char byte = text.at[i++];
        if (byte != '\\')
            buf_append_byte(out, byte);
        else if (i >= text.len || !put_escape(text, &i, out))
            return false;
    }
    return true;
}

static bool take_quoted(struct ion *ion, struct span quote, struct buf *out)
{
    size_t len = quoted_len(ion->rest, quote);
    if (!len)
        return false;
    struct span inside = span_of(ion->rest.at + quote.len, len - 2 * quote.len);
    ion->rest = span_from(ion->rest, len);
    return unescape(inside, out);
}

/* "…", or '''…''' as often as it follows itself. */
static bool take_text(struct ion *ion, struct span *ret)
{
    struct buf *out = arena_buf(ion->arena, TEXT_CEILING);
    skip(ion);
    bool good = true, is_long = span_starts(ion->rest, S("'''"));
    if (is_long)
        for (; good && span_starts(ion->rest, S("'''")); skip(ion))
            good = take_quoted(ion, S("'''"), out);
    else
        good = span_starts(ion->rest, S("\"")) && take_quoted(ion, S("\""), out);
    *ret = buf_span(out);
    return good && !out->over;
}

/* A field's name or an annotation. */
static bool take_name(struct ion *ion, struct span *ret)
{
    skip(ion);
    if (span_starts(ion->rest, S("\"")) || span_starts(ion->rest, S("'''")))
        return take_text(ion, ret);
    if (span_starts(ion->rest, S("'"))) {
        struct buf *out = arena_buf(ion->arena, TEXT_CEILING);
        bool good = take_quoted(ion, S("'"), out);
        *ret = buf_span(out);
        return good && !out->over;
    }
    *ret = take_while(ion, is_word_byte);
    return ret->len && (ret->at[0] < '0' || ret->at[0] > '9');
}

/* ---- values --------------------------------------------------------------------------------- */

static bool put_typed(struct ion *ion);

static bool is_number_byte(char byte)
{
    return is_word_byte(byte) || byte == '.' || byte == '+' || byte == '-' || byte == ':';
}

/* Decimals have d where JSON has e. */
static void put_number(struct ion *ion, struct span word)
{
    char *text = arena_alloc(ion->arena, word.len);
    size_t len = 0;
    for (size_t i = 0; i < word.len; i++)
        if (word.at[i] != '_')
            text[len++] = word.at[i] == 'd' || word.at[i] == 'D' ? 'e' : word.at[i];
    json_string(&ion->json, span_of(text, len));
}

static bool put_blob(struct ion *ion)
{
    size_t end = 0, len = 0;
    while (end < ion->rest.len && ion->rest.at[end] != '}')
        end++;
    char *text = arena_alloc(ion->arena, end);
    for (size_t i = 0; i < end; i++)
        if (!is_space(ion->rest.at[i]))
            text[len++] = ion->rest.at[i];
    ion->rest = span_from(ion->rest, end);
    json_string(&ion->json, span_of(text, len));
    return take(ion, S("}}"));
}

/* A text, number or blob as JSON's text; *ret_type: of DynamoDB. */
static bool put_scalar(struct ion *ion, struct span *ret_type)
{
    struct span text;
    skip(ion);
    char first = ion->rest.len ? ion->rest.at[0] : '\0';
    if (first == '"' || first == '\'') {
        *ret_type = S("S");
        if (!take_text(ion, &text))
            return false;
        json_string(&ion->json, text);
        return true;
    }
    if (take(ion, S("{{"))) {
        *ret_type = S("B");
        return put_blob(ion);
    }
    *ret_type = S("N");
    if (first != '-' && first != '+' && (first < '0' || first > '9'))
        return false;
    put_number(ion, take_while(ion, is_number_byte));
    return true;
}

/* Elements up to the bracket; `put` has read the first byte of none of them. */
static bool put_elements(struct ion *ion, bool (*put)(struct ion *ion))
{
    json_begin_array(&ion->json);
    while (!take(ion, S("]"))) {
        if (!put(ion))
            return false;
        if (!take(ion, S(",")) && !span_starts(ion->rest, S("]")))
            return false;
    }
    json_end_array(&ion->json);
    return true;
}

static bool put_element(struct ion *ion)
{
    struct span type;
    return put_scalar(ion, &type);
}

static bool put_fields(struct ion *ion, bool (*put)(struct ion *ion))
{
    struct span name;
    json_begin_object(&ion->json);
    while (!take(ion, S("}"))) {
        if (!take_name(ion, &name) || !take(ion, S(":")))
            return false;
        json_key(&ion->json, name);
        if (!put(ion))
            return false;
        if (!take(ion, S(",")) && !span_starts(ion->rest, S("}")))
            return false;
    }
    json_end_object(&ion->json);
    return true;
}

/* A value with its type as the member's name. Scalars tell their type only when they are read. */
static bool put_typed_scalar(struct ion *ion)
{
    struct buf *text = arena_buf(ion->arena, 2 * TEXT_CEILING);
    struct ion inner = {ion->rest, ion->arena, {.out = text}, 0};
    struct span type;
    if (!put_scalar(&inner, &type))
        return false;
    ion->rest = inner.rest;
    json_key(&ion->json, type);
    json_literal(&ion->json, buf_span(text));
    return !text->over;
}

static bool put_word(struct ion *ion)
{
    struct span word = take_while(ion, is_word_byte);
    bool truth = span_eq(word, S("true"));
    if (truth || span_eq(word, S("false"))) {
        json_key(&ion->json, S("BOOL"));
        json_bool(&ion->json, truth);
        return true;
    }
    if (!span_eq(word, S("null")))
        return false;
    if (take(ion, S(".")))
        take_while(ion, is_word_byte);
    json_key(&ion->json, S("NULL"));
    json_bool(&ion->json, true);
    return true;
}

static bool put_annotated(struct ion *ion)
{
    static const struct span sets[][2] = {{S_INIT("$dynamodb_SS::"), S_INIT("SS")},
                                          {S_INIT("$dynamodb_NS::"), S_INIT("NS")},
                                          {S_INIT("$dynamodb_BS::"), S_INIT("BS")}};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++)
        if (take(ion, sets[i][0])) {
            json_key(&ion->json, sets[i][1]);
            return take(ion, S("[")) && put_elements(ion, put_element);
        }
    return put_word(ion);
}

static bool put_inside(struct ion *ion)
{
    skip(ion);
    char first = ion->rest.len ? ion->rest.at[0] : '\0';
    if (span_starts(ion->rest, S("{{")))
        return put_typed_scalar(ion);
    if (take(ion, S("{"))) {
        json_key(&ion->json, S("M"));
        return put_fields(ion, put_typed);
    }
    if (take(ion, S("["))) {
        json_key(&ion->json, S("L"));
        return put_elements(ion, put_typed);
    }
    bool letter = is_word_byte(first) && (first < '0' || first > '9');
    return letter ? put_annotated(ion) : put_typed_scalar(ion);
}

static bool put_typed(struct ion *ion)
{
    if (ion->depth == DEPTH_MAX)
        return false;
    ion->depth++;
    json_begin_object(&ion->json);
    bool good = put_inside(ion);
    json_end_object(&ion->json);
    ion->depth--;
    return good;
}

/* ---- records -------------------------------------------------------------------------------- */

/* Members of a put: texts, maps of texts, items. */
static bool put_member(struct ion *ion, struct span name)
{
    json_key(&ion->json, name);
    if (span_eq(name, S("Item")) || span_eq(name, S("ExpressionAttributeValues")))
        return take(ion, S("{")) && put_fields(ion, put_typed);
    if (span_eq(name, S("ExpressionAttributeNames")))
        return take(ion, S("{")) && put_fields(ion, put_element);
    return put_element(ion);
}

bool ion_to_json(struct span record, struct arena *scratch, struct buf *json)
{
    struct ion ion = {record, scratch, {.out = json}, 0};
    struct span name;
    while (take(&ion, S("$ion_1_0")))
        continue;
    if (!take(&ion, S("{")))
        return false;
    json_begin_object(&ion.json);
    while (!take(&ion, S("}"))) {
        if (!take_name(&ion, &name) || !take(&ion, S(":")) || !put_member(&ion, name))
            return false;
        if (!take(&ion, S(",")) && !span_starts(ion.rest, S("}")))
            return false;
    }
    json_end_object(&ion.json);
    skip(&ion);
    return !ion.rest.len && !json->over;
}

/* Length of what has to be passed over at once: a comment, a quoted text; 0: it does not end. */
static size_t unit_len(struct span text)
{
    size_t comment = comment_len(text);
    if (comment)
        return comment == text.len ? 0 : comment;
    if (span_starts(text, S("'''")))
        return quoted_len(text, S("'''"));
    if (text.at[0] == '"' || text.at[0] == '\'')
        return quoted_len(text, span_first(text, 1));
    return 1;
}

bool ion_is_blank(struct span text)
{
    struct ion ion = {.rest = text};
    while (take(&ion, S("$ion_1_0")))
        continue;
    skip(&ion);
    return !ion.rest.len;
}

size_t ion_value_len(struct span text)
{
    struct ion ion = {.rest = text};
    while (take(&ion, S("$ion_1_0")))
        continue;
    skip(&ion);
    size_t at = text.len - ion.rest.len, depth = 0;
    if (at < text.len && text.at[at] != '{') {
        size_t end = span_find_byte(span_from(text, at), '\n');
        return end == SPAN_NOT_FOUND ? SPAN_NOT_FOUND : at + end + 1;
    }
    while (at < text.len) {
        char byte = text.at[at];
        size_t len = unit_len(span_from(text, at));
        if (!len)
            return SPAN_NOT_FOUND;
        depth += byte == '{' || byte == '[';
        depth -= byte == '}' || byte == ']';
        at += len;
        if (!depth)
            return at;
    }
    return SPAN_NOT_FOUND;
}
