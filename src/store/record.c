// SPDX-License-Identifier: Apache-2.0
/*
 * The on-disk form of records: a version byte, then for every field that is not at its zero value a
 * varint of (number << 2 | form) and the value: form 0 is a varint (signed ones zigzag), form 1 a
 * length and bytes, form 2 a length and a list's elements. A reader can pass over any field it does
 * not know. Decoding trusts nothing: lengths are checked before memory is taken, and nesting is
 * bounded. Pure.
 */
#include "store/record.h"

enum FORM { FORM_NUMBER, FORM_BYTES, FORM_LIST };

#define RECORD_VERSION 1
#define DEPTH_MAX 16               /* parts within parts */
#define LIST_MEMORY_MAX (64 << 20) /* bytes of one decoded list */
#define VARINT_MAX 10              /* bytes of an encoded 64-bit number */

struct list { /* how every list member lies in memory */
    void *at;
    size_t count;
};

static size_t varint_len(uint64_t value)
{
    return ((size_t)(63 - __builtin_clzll(value | 1)) * 9 + 73) / 64;
}

static void varint_append(struct buf *out, uint64_t value)
{
    char bytes[VARINT_MAX];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (char)(value | 0x80);
    bytes[len++] = (char)value;
    buf_append(out, span_of(bytes, len));
}

static bool varint_read(struct span *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < rest->len && i < VARINT_MAX; i++) {
        uint64_t byte = (uint8_t)rest->at[i];
        if (i == VARINT_MAX - 1 && byte > 1)
            return false;
        value |= (byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *out = value;
            *rest = span_from(*rest, i + 1);
            return true;
        }
    }
    return false;
}

static bool bytes_read(struct span *rest, struct span *out)
{
    uint64_t len;
    if (!varint_read(rest, &len) || len > rest->len)
        return false;
    *out = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* The encoders run twice over a part: once to count, since its length stands before it. */
static size_t fields_len(const struct record_table *table, const char *record);
static void fields_append(const struct record_table *table, const char *record, struct buf *out);

static uint64_t number_of(const struct record_field *field, const char *member)
{
    switch (field->type) {
    case RECORD_U64:
        return *(const uint64_t *)member;
    case RECORD_BOOL:
        return *(const bool *)member;
    default:
        return zigzag(*(const int64_t *)member);
    }
}

static const char *element_at(const struct record_field *field, const struct list *list, size_t i)
{
    return (const char *)list->at + i * field->part->size;
}

static size_t list_len(const struct record_field *field, const struct list *list)
{
    size_t len = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t one = 0;
        if (field->type == RECORD_LIST_U64) {
            len += varint_len(((const uint64_t *)list->at)[i]);
            continue;
        }
        if (field->type == RECORD_LIST_TEXT)
            one = ((const struct span *)list->at)[i].len;
        else
            one = fields_len(field->part, element_at(field, list, i));
        len += varint_len(one) + one;
    }
    return len;
}

static void list_append(const struct record_field *field, const struct list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++)
        if (field->type == RECORD_LIST_U64) {
            varint_append(out, ((const uint64_t *)list->at)[i]);
        } else if (field->type == RECORD_LIST_TEXT) {
            struct span text = ((const struct span *)list->at)[i];
            varint_append(out, text.len);
            buf_append(out, text);
        } else {
            varint_append(out, fields_len(field->part, element_at(field, list, i)));
            fields_append(field->part, element_at(field, list, i), out);
        }
}

static size_t head_of(const struct record_field *field, enum FORM form)
{
    return (size_t)field->number << 2 | form;
}

static size_t field_len(const struct record_field *field, const char *member)
{
    size_t head = varint_len(head_of(field, FORM_NUMBER)), len;
    switch ((enum RECORD_TYPE)field->type) {
    case RECORD_TEXT:
        len = ((const struct span *)member)->len;
        return ((const struct span *)member)->at ? head + varint_len(len) + len : 0;
    case RECORD_PART:
        if (!*(const char *const *)member)
            return 0;
        len = fields_len(field->part, *(const char *const *)member);
        return head + varint_len(len) + len;
    case RECORD_LIST_TEXT:
    case RECORD_LIST_PART:
    case RECORD_LIST_U64:
        if (!((const struct list *)member)->count)
            return 0;
        len = list_len(field, (const struct list *)member);
        return head + varint_len(len) + len;
    case RECORD_U64:
    case RECORD_I64:
    case RECORD_BOOL:
    case RECORD_TIME:
        break;
    }
    uint64_t number = number_of(field, member);
    return number ? head + varint_len(number) : 0;
}

static void field_append(const struct record_field *field, const char *member, struct buf *out)
{
    const struct span *text = (const struct span *)member;
    const struct list *list = (const struct list *)member;
    const char *const *part = (const char *const *)member;
    switch ((enum RECORD_TYPE)field->type) {
    case RECORD_TEXT:
        varint_append(out, head_of(field, FORM_BYTES));
        varint_append(out, text->len);
        buf_append(out, *text);
        break;
    case RECORD_PART:
        varint_append(out, head_of(field, FORM_BYTES));
        varint_append(out, fields_len(field->part, *part));
        fields_append(field->part, *part, out);
        break;
    case RECORD_LIST_TEXT:
    case RECORD_LIST_PART:
    case RECORD_LIST_U64:
        varint_append(out, head_of(field, FORM_LIST));
        varint_append(out, list_len(field, list));
        list_append(field, list, out);
        break;
    case RECORD_U64:
    case RECORD_I64:
    case RECORD_BOOL:
    case RECORD_TIME:
        varint_append(out, head_of(field, FORM_NUMBER));
        varint_append(out, number_of(field, member));
        break;
    }
}

static size_t fields_len(const struct record_table *table, const char *record)
{
    size_t len = 0;
    for (int i = 0; i < table->field_count; i++)
        len += field_len(&table->fields[i], record + table->fields[i].offset);
    return len;
}

static void fields_append(const struct record_table *table, const char *record, struct buf *out)
{
    for (int i = 0; i < table->field_count; i++) {
        const struct record_field *field = &table->fields[i];
        if (field_len(field, record + field->offset))
            field_append(field, record + field->offset, out);
    }
}

void record_encode(const struct record_table *table, const void *record, struct buf *out)
{
    buf_append_byte(out, RECORD_VERSION);
    fields_append(table, record, out);
}

static bool fields_read(const struct record_table *table, struct span bytes, struct arena *arena,
                        char *record, int depth);

/* How many elements `bytes` holds; false when they are malformed. */
static bool elements_count(const struct record_field *field, struct span bytes, size_t *out)
{
    size_t count = 0;
    for (; bytes.len; count++) {
        uint64_t number;
        struct span element;
        if (field->type == RECORD_LIST_U64 ? !varint_read(&bytes, &number)
                                           : !bytes_read(&bytes, &element))
            return false;
    }
    *out = count;
    return true;
}

static size_t element_size(const struct record_field *field)
{
    switch (field->type) {
    case RECORD_LIST_U64:
        return sizeof(uint64_t);
    case RECORD_LIST_TEXT:
        return sizeof(struct span);
    default:
        return field->part->size;
    }
}

static bool list_read(const struct record_field *field, struct span bytes, struct arena *arena,
                      struct list *out, int depth)
{
    size_t count, size = element_size(field);
    if (!elements_count(field, bytes, &count) || count > LIST_MEMORY_MAX / size)
        return false;
    char *to = arena_zalloc(arena, count, size);
    *out = (struct list){to, count};
    for (; bytes.len; to += size) {
        struct span element;
        if (field->type == RECORD_LIST_U64) {
            if (!varint_read(&bytes, (uint64_t *)(void *)to))
                return false;
            continue;
        }
        if (!bytes_read(&bytes, &element))
            return false;
        if (field->type == RECORD_LIST_TEXT)
            memcpy(to, &element, sizeof element);
        else if (!fields_read(field->part, element, arena, to, depth + 1))
            return false;
    }
    return true;
}

static bool number_read(const struct record_field *field, uint64_t number, char *member)
{
    switch ((enum RECORD_TYPE)field->type) {
    case RECORD_U64:
        *(uint64_t *)(void *)member = number;
        return true;
    case RECORD_I64:
    case RECORD_TIME:
        *(int64_t *)(void *)member = unzigzag(number);
        return true;
    case RECORD_BOOL:
        *(bool *)member = number != 0;
        return number <= 1;
    case RECORD_TEXT:
    case RECORD_PART:
    case RECORD_LIST_TEXT:
    case RECORD_LIST_PART:
    case RECORD_LIST_U64:
        break;
    }
    return false;
}

static bool content_read(const struct record_field *field, enum FORM form, struct span content,
                         struct arena *arena, char *member, int depth)
{
    bool is_list = field->type >= RECORD_LIST_TEXT;
    if (is_list != (form == FORM_LIST))
        return false;
    if (is_list)
        return list_read(field, content, arena, (struct list *)(void *)member, depth);
    if (field->type == RECORD_TEXT) {
        memcpy(member, &content, sizeof content);
        return true;
    }
    if (field->type != RECORD_PART)
        return false;
    char *part = arena_zalloc(arena, 1, field->part->size);
    memcpy(member, &part, sizeof part);
    return fields_read(field->part, content, arena, part, depth + 1);
}

/* Fields are written in table order, so the next one is nearly always where the last one ended. */
static const struct record_field *field_numbered(const struct record_table *table, uint64_t number,
                                                 int *hint)
{
    for (int i = 0; i < table->field_count; i++) {
        int at = (*hint + i) % table->field_count;
        if (table->fields[at].number == number) {
            *hint = at;
            return &table->fields[at];
        }
    }
    return NULL;
}

static bool fields_read(const struct record_table *table, struct span bytes, struct arena *arena,
                        char *record, int depth)
{
    int hint = 0;
    if (depth > DEPTH_MAX)
        return false;
    while (bytes.len) {
        uint64_t head, number = 0;
        struct span content = SPAN_NONE;
        if (!varint_read(&bytes, &head) || (head & 3) > FORM_LIST)
            return false;
        if ((head & 3) == FORM_NUMBER ? !varint_read(&bytes, &number)
                                      : !bytes_read(&bytes, &content))
            return false;
        const struct record_field *field = field_numbered(table, head >> 2, &hint);
        if (!field)
            continue;
        char *member = record + field->offset;
        if ((head & 3) == FORM_NUMBER
                ? !number_read(field, number, member)
                : !content_read(field, (enum FORM)(head & 3), content, arena, member, depth))
            return false;
    }
    return true;
}

bool record_decode(const struct record_table *table, struct span bytes, struct arena *arena,
                   void *record)
{
    if (!bytes.len || bytes.at[0] != RECORD_VERSION)
        return false;
    return fields_read(table, span_from(bytes, 1), arena, record, 0);
}
