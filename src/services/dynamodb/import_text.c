// SPDX-License-Identifier: Apache-2.0
/* Lines of JSON, rows of CSV (RFC 4180) and structs of Ion, as far as an import needs them. Pure.
 */
#include "services/dynamodb/import.h"

#include "base/arena.h"
#include "services/dynamodb/ion.h"

/* Where the record ends, or SPAN_NOT_FOUND: a line end outside of quotes. */
static size_t end_of(enum IMPORT_FORMAT format, struct span text)
{
    bool quoted = false;
    if (format == IMPORT_JSON)
        return span_find_byte(text, '\n');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"')
            quoted = !quoted;
        else if (text.at[i] == '\n' && !quoted)
            return i;
    }
    return SPAN_NOT_FOUND;
}

enum IMPORT_FORMAT import_format(struct span name)
{
    return span_eq(name, S("CSV"))   ? IMPORT_CSV
           : span_eq(name, S("ION")) ? IMPORT_ION
                                     : IMPORT_JSON;
}

static bool take_ion(enum IMPORT_REST rest, struct span *text, struct span *ret)
{
    size_t len = ion_value_len(*text);
    if (len == SPAN_NOT_FOUND && (rest == IMPORT_MORE_FOLLOWS || !text->len))
        return false;
    if (len == SPAN_NOT_FOUND)
        len = text->len;
    *ret = span_first(*text, len);
    *text = span_from(*text, len);
    if (ion_is_blank(*ret))
        *ret = S("");
    return true;
}

bool import_take_record(enum IMPORT_FORMAT format, enum IMPORT_REST rest, struct span *text,
                        struct span *ret)
{
    if (format == IMPORT_ION)
        return take_ion(rest, text, ret);
    size_t end = end_of(format, *text);
    if (end == SPAN_NOT_FOUND && (rest == IMPORT_MORE_FOLLOWS || !text->len))
        return false;
    *ret = span_first(*text, end == SPAN_NOT_FOUND ? text->len : end);
    *text = span_from(*text, end == SPAN_NOT_FOUND ? text->len : end + 1);
    if (ret->len && ret->at[ret->len - 1] == '\r')
        *ret = span_first(*ret, ret->len - 1);
    return true;
}

/* A quoted field; *at is behind its closing quote. Absent when there is none. */
static struct span read_quoted(struct arena *arena, struct span row, size_t *at)
{
    char *to = arena_alloc(arena, row.len);
    size_t len = 0, i = *at + 1;
    for (; i < row.len; i++) {
        bool quote = row.at[i] == '"';
        if (quote && (i + 1 == row.len || row.at[i + 1] != '"'))
            break;
        i += quote;
        to[len++] = row.at[i];
    }
    *at = i + 1;
    return i < row.len ? span_of(to, len) : SPAN_NONE;
}

static struct span read_plain(struct span row, char delimiter, size_t *at)
{
    size_t begin = *at;
    while (*at < row.len && row.at[*at] != delimiter && row.at[*at] != '"')
        ++*at;
    return *at == begin ? SPAN_NONE : span_of(row.at + begin, *at - begin);
}

bool import_read_row(struct arena *arena, struct span row, char delimiter, struct record_texts *ret)
{
    size_t most = 1, at = 0;
    for (size_t i = 0; i < row.len; i++)
        most += row.at[i] == delimiter;
    *ret = (struct record_texts){.at = ARENA_ARRAY(arena, struct span, most)};
    for (;;) {
        bool quoted = at < row.len && row.at[at] == '"';
        struct span field = quoted ? read_quoted(arena, row, &at) : read_plain(row, delimiter, &at);
        if (quoted && !field.at)
            return false;
        ret->at[ret->count++] = field;
        if (at >= row.len)
            return true;
        if (row.at[at++] != delimiter)
            return false;
    }
}
