// SPDX-License-Identifier: Apache-2.0
/* Items as Ion text. Pure. */
#include "services/dynamodb/ion.h"

#include "base/text.h"

static void put_value(const struct kv_value *value, struct buf *out);

/* ---- names and texts ------------------------------------------------------------------------ */

static void put_quoted(struct span text, char quote, struct buf *out)
{
    buf_append_byte(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (byte == '\n')
            buf_append(out, S("\\n"));
        else if (byte < 0x20 || byte == 0x7f)
            buf_printf(out, "\\x%02x", byte);
        else if (byte == (unsigned char)quote || byte == '\\')
            buf_printf(out, "\\%c", byte);
        else
            buf_append_byte(out, (char)byte);
    }
    buf_append_byte(out, quote);
}

static bool is_symbol(struct span name)
{
    static const struct span words[] = {S_INIT("null"), S_INIT("true"), S_INIT("false"),
                                        S_INIT("nan")};
    for (size_t i = 0; i < name.len; i++) {
        char byte = name.at[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' ||
                      byte == '$';
        if (!letter && (!i || byte < '0' || byte > '9'))
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (span_eq(name, words[i]))
            return false;
    return name.len > 0;
}

static void put_name(struct span name, struct buf *out)
{
    if (is_symbol(name))
        buf_append(out, name);
    else
        put_quoted(name, '\'', out);
    buf_append_byte(out, ':');
}

/* 103., 6d2, 8.5 */
static void put_number(struct span number, struct buf *out)
{
    char text[KV_NUMBER_TEXT_MAX];
    struct span plain = span_of(text, kv_number_print(number, text));
    size_t zeros = 0;
    if (span_find_byte(plain, '.') != SPAN_NOT_FOUND) {
        buf_append(out, plain);
        return;
    }
    while (zeros + 1 < plain.len && plain.at[plain.len - 1 - zeros] == '0')
        zeros++;
    buf_append(out, span_first(plain, plain.len - zeros));
    if (zeros)
        buf_printf(out, "d%zu", zeros);
    else
        buf_append_byte(out, '.');
}

static void put_blob(struct span bytes, struct buf *out)
{
    buf_append(out, S("{{"));
    base64_append(out, bytes);
    buf_append(out, S("}}"));
}

/* ---- values --------------------------------------------------------------------------------- */

static void put_set(const struct kv_set *set, const char *annotation,
                    void (*put)(struct span element, struct buf *out), struct buf *out)
{
    buf_printf(out, "%s::[", annotation);
    for (size_t i = 0; i < set->count; i++) {
        if (i)
            buf_append_byte(out, ',');
        put(set->at[i], out);
    }
    buf_append_byte(out, ']');
}

static void put_string(struct span text, struct buf *out)
{
    put_quoted(text, '"', out);
}

static void put_map(const struct kv_map *map, struct buf *out)
{
    buf_append_byte(out, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i)
            buf_append_byte(out, ',');
        put_name(map->at[i].name, out);
        put_value(&map->at[i].value, out);
    }
    buf_append_byte(out, '}');
}

static void put_list(const struct kv_list *list, struct buf *out)
{
    buf_append_byte(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_append_byte(out, ',');
        put_value(&list->at[i], out);
    }
    buf_append_byte(out, ']');
}

static void put_value(const struct kv_value *value, struct buf *out)
{
    switch (value->type) {
    case KV_STRING:
        put_string(value->bytes, out);
        return;
    case KV_NUMBER:
        put_number(value->bytes, out);
        return;
    case KV_BINARY:
        put_blob(value->bytes, out);
        return;
    case KV_BOOL:
        buf_append(out, value->truth ? S("true") : S("false"));
        return;
    case KV_NULL:
        buf_append(out, S("null"));
        return;
    case KV_STRING_SET:
        put_set(&value->set, "$dynamodb_SS", put_string, out);
        return;
    case KV_NUMBER_SET:
        put_set(&value->set, "$dynamodb_NS", put_number, out);
        return;
    case KV_BINARY_SET:
        put_set(&value->set, "$dynamodb_BS", put_blob, out);
        return;
    case KV_LIST:
        put_list(&value->list, out);
        return;
    case KV_MAP:
        put_map(&value->map, out);
        return;
    }
}

void ion_put_item(const struct kv_map *item, struct buf *out)
{
    buf_append(out, S("$ion_1_0 {Item:"));
    put_map(item, out);
    buf_append(out, S("}\n"));
}
