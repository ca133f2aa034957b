// SPDX-License-Identifier: Apache-2.0
/*
 * Before the file everything is kept and read part by part; in it only the length of the matched
 * beginning of the delimiter is remembered, since '\r' stands nowhere in it but at its start. Pure,
 * one thread.
 */
#include "wire/multipart_form.h"

/* ---- the boundary --------------------------------------------------------------------------- */

static bool is_boundary(struct span text)
{
    if (text.len == 0 || text.len > MULTIPART_BOUNDARY_MAX || text.at[text.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.at[i];
        bool alnum = (byte >= '0' && byte <= '9') || ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
        if (!alnum && !memchr("'()+_,-./:=? ", byte, 13))
            return false;
    }
    return true;
}

/* The value of a parameter `; name=value` or `; name="value"`; absent when it is not there. */
static struct span parameter(struct span header, struct span name)
{
    span_cut(&header, ';');
    while (!span_is_absent(header)) {
        header = span_trim(header);
        size_t equals = span_find_byte(header, '=');
        if (equals == SPAN_NOT_FOUND)
            return SPAN_NONE;
        struct span key = span_trim(span_first(header, equals));
        struct span value = span_from(header, equals + 1);
        if (value.len && value.at[0] == '"') {
            size_t end = span_find_byte(span_from(value, 1), '"');
            if (end == SPAN_NOT_FOUND)
                return SPAN_NONE;
            header = span_from(value, end + 2);
            value = span_of(value.at + 1, end);
            span_cut(&header, ';');
        } else {
            header = value;
            value = span_trim(span_cut(&header, ';'));
        }
        if (span_eq_nocase(key, name))
            return value;
    }
    return SPAN_NONE;
}

bool multipart_begin(struct multipart_form *form, struct arena *arena, struct span content_type)
{
    struct span boundary = parameter(content_type, S("boundary"));
    *form = (struct multipart_form){.arena = arena};
    if (!span_starts_nocase(content_type, S("multipart/form-data")) || !is_boundary(boundary))
        return false;
    memcpy(form->delimiter, "\r\n--", 4);
    memcpy(form->delimiter + 4, boundary.at, boundary.len);
    form->delimiter_len = 4 + boundary.len;
    form->head = arena_alloc(arena, MULTIPART_FIELDS_MAX);
    return true;
}

/* ---- before the file ------------------------------------------------------------------------ */

static struct span delimiter_of(const struct multipart_form *form)
{
    return span_of(form->delimiter, form->delimiter_len);
}

struct part {
    struct span name, file_name;
    struct span rest; /* behind the head */
};

/* Reads the head of a part, which `text` begins with. */
static enum MULTIPART_STATUS read_part_head(struct span text, struct part *out)
{
    size_t end = span_find(text, S("\r\n\r\n"));
    if (end == SPAN_NOT_FOUND)
        return MULTIPART_FIELDS;
    *out = (struct part){.rest = span_from(text, end + 4)};
    struct span lines = span_first(text, end);
    while (lines.len) {
        size_t eol = span_find(lines, S("\r\n"));
        struct span line = eol == SPAN_NOT_FOUND ? lines : span_first(lines, eol);
        lines = eol == SPAN_NOT_FOUND ? SPAN_NONE : span_from(lines, eol + 2);
        struct span value = line;
        struct span name = span_cut(&value, ':');
        if (span_is_absent(value))
            return MULTIPART_MALFORMED;
        if (!span_eq_nocase(name, S("content-disposition")))
            continue;
        value = span_trim(value);
        if (!span_starts_nocase(value, S("form-data")))
            return MULTIPART_MALFORMED;
        out->name = parameter(value, S("name"));
        out->file_name = parameter(value, S("filename"));
    }
    return out->name.len ? MULTIPART_FILE : MULTIPART_MALFORMED;
}

/* The next field behind `used`: FIELDS when it is not complete, FILE when it is the file. */
static enum MULTIPART_STATUS read_part(struct multipart_form *form, struct part *out)
{
    struct span text = span_of(form->head + form->used, form->head_len - form->used);
    if (text.len < 2)
        return MULTIPART_FIELDS;
    if (span_starts(text, S("--")))
        return MULTIPART_NO_FILE;
    if (!span_starts(text, S("\r\n")))
        return MULTIPART_MALFORMED;
    enum MULTIPART_STATUS status = read_part_head(span_from(text, 2), out);
    if (status != MULTIPART_FILE || span_eq_nocase(out->name, S("file")))
        return status;
    size_t end = span_find(out->rest, delimiter_of(form));
    if (end == SPAN_NOT_FOUND)
        return MULTIPART_FIELDS;
    if (form->field_count == MULTIPART_FIELD_COUNT)
        return MULTIPART_TOO_LARGE;
    form->fields[form->field_count++] =
        (struct multipart_field){out->name, span_first(out->rest, end)};
    form->used = (size_t)(out->rest.at - form->head) + end + form->delimiter_len;
    return MULTIPART_DONE; /* one more */
}

/* The first delimiter has no line end before it when nothing else has. */
static enum MULTIPART_STATUS find_first(struct multipart_form *form)
{
    struct span text = span_of(form->head, form->head_len);
    struct span bare = span_from(delimiter_of(form), 2);
    if (span_starts(text, bare)) {
        form->used = bare.len;
        return MULTIPART_DONE;
    }
    size_t at = span_find(text, delimiter_of(form));
    if (at == SPAN_NOT_FOUND)
        return MULTIPART_FIELDS;
    form->used = at + form->delimiter_len;
    return MULTIPART_DONE;
}

static enum MULTIPART_STATUS read_fields(struct multipart_form *form, struct part *file)
{
    enum MULTIPART_STATUS status = form->used ? MULTIPART_DONE : find_first(form);
    while (status == MULTIPART_DONE)
        status = read_part(form, file);
    return status;
}

static enum MULTIPART_STATUS feed_fields(struct multipart_form *form, struct span piece,
                                         struct span *ret_rest)
{
    struct part file;
    struct span taken = span_first(piece, MULTIPART_FIELDS_MAX - form->head_len);
    memcpy(form->head + form->head_len, taken.at, taken.len);
    size_t before = form->head_len;
    form->head_len += taken.len;
    enum MULTIPART_STATUS status = read_fields(form, &file);
    if (status == MULTIPART_FIELDS && form->head_len == MULTIPART_FIELDS_MAX)
        return MULTIPART_TOO_LARGE;
    if (status != MULTIPART_FILE)
        return status;
    form->file_name = file.file_name;
    size_t file_at = (size_t)(file.rest.at - form->head);
    *ret_rest = span_from(piece, file_at - before);
    return MULTIPART_FILE;
}

/* ---- the file ------------------------------------------------------------------------------- */

/* Gives out what looked like the delimiter but was not, and the bytes up to the next '\r'. */
static int take_run(struct multipart_form *form, struct span *piece,
                    const struct multipart_sink *sink)
{
    const char *next = memchr(piece->at, '\r', piece->len);
    size_t len = next ? (size_t)(next - piece->at) : piece->len;
    int error = 0;
    if (form->matched)
        error = sink->take(sink->into, span_of(form->delimiter, form->matched));
    form->matched = 0;
    if (!error && len)
        error = sink->take(sink->into, span_first(*piece, len));
    *piece = span_from(*piece, len);
    return error;
}

static enum MULTIPART_STATUS feed_file(struct multipart_form *form, struct span piece,
                                       const struct multipart_sink *sink, int *ret_error)
{
    while (piece.len) {
        if (piece.at[0] == form->delimiter[form->matched]) {
            piece = span_from(piece, 1);
            if (++form->matched == form->delimiter_len)
                return MULTIPART_DONE;
            continue;
        }
        *ret_error = take_run(form, &piece, sink);
        if (*ret_error)
            return MULTIPART_STOPPED;
    }
    return MULTIPART_FILE;
}

enum MULTIPART_STATUS multipart_feed(struct multipart_form *form, struct span piece,
                                     const struct multipart_sink *sink, struct span *ret_rest,
                                     int *ret_error)
{
    *ret_rest = S("");
    *ret_error = 0;
    if (form->status == MULTIPART_FIELDS)
        form->status = feed_fields(form, piece, ret_rest);
    else if (form->status == MULTIPART_FILE)
        form->status = feed_file(form, piece, sink, ret_error);
    return form->status;
}
