// SPDX-License-Identifier: Apache-2.0
/*
 * Keys and binary records of the object engine. Hand-written instead of record tables because a
 * listing decodes a thousand of them per page and a small GET one per request: fixed offsets cost
 * nothing. Pure functions, any thread.
 */
#include "engines/object/layout.h"

#include <endian.h>

#define FORM 1
#define FORM_DISTURBED 2 /* of an assembly */
#define CUT_SIZE 28
#define NUMBERED 0x80 /* in the byte of the place, as the next */
#define NOTED 0x40
#define OBJECT_HEAD 30
#define PIECE_HEAD 25
#define ASSEMBLY_HEAD 9
#define ENTRY_SIZE 12

static char *put_u32(char *to, uint32_t value)
{
    uint32_t bits = htole32(value);
    memcpy(to, &bits, sizeof bits);
    return to + sizeof bits;
}

static char *put_u64(char *to, uint64_t value)
{
    uint64_t bits = htole64(value);
    memcpy(to, &bits, sizeof bits);
    return to + sizeof bits;
}

static char *put_bytes(char *to, struct span bytes)
{
    if (bytes.len)
        memcpy(to, bytes.at, bytes.len);
    return to + bytes.len;
}

/* The readers are used where the length has been checked. */
static uint32_t get_u32(const char *from)
{
    uint32_t bits;
    memcpy(&bits, from, sizeof bits);
    return le32toh(bits);
}

static uint64_t get_u64(const char *from)
{
    uint64_t bits;
    memcpy(&bits, from, sizeof bits);
    return le64toh(bits);
}

void layout_head(struct key *key, uint8_t keyspace, uint64_t bucket)
{
    key_begin(key, keyspace);
    key_u64(key, bucket);
}

void layout_index(struct key *key, uint64_t bucket, struct span name)
{
    layout_head(key, KEYSPACE_INDEX, bucket);
    key_raw(key, name);
}

void layout_aside(struct key *key, uint64_t bucket, struct span name, uint64_t stamp)
{
    layout_head(key, KEYSPACE_ASIDE, bucket);
    key_text(key, name);
    key_u64(key, stamp);
}

void layout_older(struct key *key, uint64_t bucket, struct span name)
{
    layout_head(key, KEYSPACE_OLDER, bucket);
    key_text(key, name);
}

/* An escaped text without its terminator is the head of all texts that begin with it. */
static void text_prefix(struct key *key, struct span prefix)
{
    key_text(key, prefix);
    key->len -= 2;
}

void layout_older_prefix(struct key *key, uint64_t bucket, struct span prefix)
{
    layout_head(key, KEYSPACE_OLDER, bucket);
    text_prefix(key, prefix);
}

void layout_number(struct key *key, enum OBJECT_KEYSPACE keyspace, uint64_t bucket,
                   struct span name)
{
    layout_head(key, (uint8_t)keyspace, bucket);
    key_raw(key, name);
}

void layout_pieces(struct key *key, uint64_t bucket, const struct assembly_id *id)
{
    layout_head(key, KEYSPACE_PIECE, bucket);
    key_raw(key, span_of(id->bytes, sizeof id->bytes));
}

void layout_directory(struct key *key, uint64_t bucket, const struct assembly_id *id)
{
    layout_head(key, KEYSPACE_DIRECTORY, bucket);
    key_raw(key, span_of(id->bytes, sizeof id->bytes));
}

void layout_assembly_name(struct key *key, uint64_t bucket, struct span name)
{
    layout_head(key, KEYSPACE_ASSEMBLY, bucket);
    key_text(key, name);
}

void layout_assembly(struct key *key, uint64_t bucket, struct span name,
                     const struct assembly_id *id)
{
    layout_assembly_name(key, bucket, name);
    key_raw(key, span_of(id->bytes, sizeof id->bytes));
}

void layout_assembly_prefix(struct key *key, uint64_t bucket, struct span prefix)
{
    layout_head(key, KEYSPACE_ASSEMBLY, bucket);
    text_prefix(key, prefix);
}

struct span layout_encode_object(struct arena *arena, const struct object *object)
{
    size_t len = OBJECT_HEAD + object->attributes.len + object->where.len;
    char *to = arena_alloc(arena, len), *at = to;
    *at++ = FORM;
    *at++ = (char)(object->place | (object->plain ? 0 : NUMBERED) | (object->noted ? NOTED : 0));
    at = put_u64(at, object->stamp);
    at = put_u64(at, object->size);
    at = put_u64(at, (uint64_t)object->modified_ms);
    at = put_u32(at, (uint32_t)object->attributes.len);
    at = put_bytes(at, object->attributes);
    put_bytes(at, object->where);
    return span_of(to, len);
}

bool layout_decode_object(struct span value, struct object *out)
{
    if (value.len < OBJECT_HEAD || value.at[0] != FORM)
        return false;
    uint32_t attributes = get_u32(value.at + 26);
    if (attributes > value.len - OBJECT_HEAD)
        return false;
    uint8_t place = (uint8_t)value.at[1];
    *out = (struct object){
        .place = place & (uint8_t) ~(NUMBERED | NOTED),
        .plain = !(place & NUMBERED),
        .noted = place & NOTED,
        .mark = (place & ~(NUMBERED | NOTED)) == PLACE_NONE,
        .stamp = get_u64(value.at + 2),
        .size = get_u64(value.at + 10),
        .modified_ms = (int64_t)get_u64(value.at + 18),
        .attributes = span_of(value.at + OBJECT_HEAD, attributes),
        .where = span_from(value, OBJECT_HEAD + attributes),
    };
    if (out->place == PLACE_PIECES)
        return out->where.len == sizeof(struct assembly_id);
    if (out->place == PLACE_ASIDE || out->place == PLACE_NONE)
        return out->where.len == 0;
    return out->place == PLACE_HERE;
}

static char *put_content(char *at, const struct content *content)
{
    at = put_u32(at, (uint32_t)content->cut_count);
    for (size_t i = 0; i < content->cut_count; i++) {
        const struct cut *cut = &content->cuts[i];
        at = put_u64(at, cut->extent.offset);
        at = put_u32(at, cut->extent.segment);
        at = put_u32(at, cut->extent.len);
        at = put_u32(at, cut->extent.crc32c);
        at = put_u32(at, cut->skip);
        at = put_u32(at, cut->len);
    }
    return put_bytes(at, content->bytes);
}

static size_t content_size(const struct content *content)
{
    return 4 + content->cut_count * CUT_SIZE + content->bytes.len;
}

struct span layout_encode_content(struct arena *arena, const struct content *content)
{
    size_t len = content_size(content);
    char *to = arena_alloc(arena, len);
    put_content(to, content);
    return span_of(to, len);
}

static struct cut get_cut(const char *from)
{
    return (struct cut){
        .extent = {.offset = get_u64(from),
                   .segment = get_u32(from + 8),
                   .len = get_u32(from + 12),
                   .crc32c = get_u32(from + 16)},
        .skip = get_u32(from + 20),
        .len = get_u32(from + 24),
    };
}

bool layout_decode_content(struct span value, struct arena *arena, struct content *out)
{
    if (value.len < 4)
        return false;
    size_t count = get_u32(value.at);
    if (count > (value.len - 4) / CUT_SIZE)
        return false;
    struct cut *cuts = ARENA_ARRAY(arena, struct cut, count);
    uint64_t size = 0;
    for (size_t i = 0; i < count; i++) {
        cuts[i] = get_cut(value.at + 4 + i * CUT_SIZE);
        if (cuts[i].skip > cuts[i].extent.len || cuts[i].len > cuts[i].extent.len - cuts[i].skip)
            return false;
        size += cuts[i].len;
    }
    struct span bytes = span_from(value, 4 + count * CUT_SIZE);
    *out = (struct content){
        .size = size + bytes.len, .cuts = cuts, .cut_count = count, .bytes = bytes};
    return true;
}

struct span layout_encode_piece(struct arena *arena, const struct piece *piece)
{
    size_t len = PIECE_HEAD + piece->attributes.len + content_size(&piece->content);
    char *to = arena_alloc(arena, len), *at = to;
    *at++ = FORM;
    at = put_u32(at, piece->number);
    at = put_u64(at, piece->size);
    at = put_u64(at, (uint64_t)piece->modified_ms);
    at = put_u32(at, (uint32_t)piece->attributes.len);
    at = put_bytes(at, piece->attributes);
    put_content(at, &piece->content);
    return span_of(to, len);
}

bool layout_decode_piece(struct span value, struct arena *arena, struct piece *out)
{
    if (value.len < PIECE_HEAD || value.at[0] != FORM)
        return false;
    uint32_t attributes = get_u32(value.at + 21);
    if (attributes > value.len - PIECE_HEAD)
        return false;
    *out = (struct piece){
        .number = get_u32(value.at + 1),
        .size = get_u64(value.at + 5),
        .modified_ms = (int64_t)get_u64(value.at + 13),
        .attributes = span_of(value.at + PIECE_HEAD, attributes),
    };
    return layout_decode_content(span_from(value, PIECE_HEAD + attributes), arena, &out->content) &&
           out->content.size == out->size;
}

struct span layout_encode_assembly(struct arena *arena, const struct assembly *assembly)
{
    size_t len = ASSEMBLY_HEAD + assembly->attributes.len;
    char *to = arena_alloc(arena, len), *at = to;
    *at++ = assembly->disturbed ? FORM_DISTURBED : FORM;
    at = put_u64(at, (uint64_t)assembly->started_ms);
    put_bytes(at, assembly->attributes);
    return span_of(to, len);
}

bool layout_decode_assembly(struct span value, struct assembly *out)
{
    if (value.len < ASSEMBLY_HEAD || (value.at[0] != FORM && value.at[0] != FORM_DISTURBED))
        return false;
    out->disturbed = value.at[0] == FORM_DISTURBED;
    out->started_ms = (int64_t)get_u64(value.at + 1);
    out->attributes = span_from(value, ASSEMBLY_HEAD);
    return true;
}

struct span layout_encode_directory(struct arena *arena, const struct directory_entry *entries,
                                    size_t count)
{
    char *to = arena_alloc(arena, 1 + count * ENTRY_SIZE), *at = to;
    *at++ = FORM;
    for (size_t i = 0; i < count; i++) {
        at = put_u32(at, entries[i].number);
        at = put_u64(at, entries[i].size);
    }
    return span_of(to, (size_t)(at - to));
}

bool layout_decode_directory(struct span value, struct arena *arena, struct directory_entry **ret,
                             size_t *ret_count)
{
    if (value.len < 1 || value.at[0] != FORM || (value.len - 1) % ENTRY_SIZE != 0)
        return false;
    size_t count = (value.len - 1) / ENTRY_SIZE;
    struct directory_entry *entries = ARENA_ARRAY(arena, struct directory_entry, count);
    for (size_t i = 0; i < count; i++) {
        const char *from = value.at + 1 + i * ENTRY_SIZE;
        entries[i] = (struct directory_entry){get_u32(from), get_u64(from + 4)};
    }
    *ret = entries;
    *ret_count = count;
    return true;
}
