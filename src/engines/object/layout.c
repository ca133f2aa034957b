// SPDX-License-Identifier: Apache-2.0
/*
 * Keys and binary records of the object engine. Hand-written instead of record tables because a
 * listing decodes a thousand of them per page and a small GET one per request: fixed offsets cost
 * nothing. Pure functions, any thread.
 */
#include "engines/object/layout.h"

#include <endian.h>

#define FORM 1
/* Of assemblies: the older two have no stamp, and count as begun at the end of their millisecond.
 */
enum ASSEMBLY_FORM { ASSEMBLY_OLD = FORM, ASSEMBLY_OLD_DISTURBED, ASSEMBLY, ASSEMBLY_DISTURBED };
#define CUT_SIZE 28
#define NUMBERED 0x80 /* in the byte of the place, as the next */
#define NOTED 0x40
#define SEALED_CUT 0x80000000u   /* in the cut's `skip`: its wrapped key follows */
#define SEALED_BYTES 0x80000000u /* in the number of cuts: the bytes' wrapped key precedes them */
#define OBJECT_HEAD 30
#define PIECE_HEAD 25
#define ASSEMBLY_HEAD 17
#define ASSEMBLY_OLD_HEAD 9
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

void layout_remains(struct key *key, uint64_t bucket, const struct assembly_id *id)
{
    layout_head(key, KEYSPACE_REMAINS, bucket);
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

static char *put_cut(char *at, const struct cut *cut)
{
    bool sealed = cut->extent.sealing.sealed;
    at = put_u64(at, cut->extent.offset);
    at = put_u32(at, cut->extent.segment);
    at = put_u32(at, cut->extent.len);
    at = put_u32(at, cut->extent.crc32c);
    at = put_u32(at, cut->skip | (sealed ? SEALED_CUT : 0));
    at = put_u32(at, cut->len);
    struct span wrapped = span_of(cut->extent.sealing.wrapped, SEAL_WRAPPED_SIZE);
    return sealed ? put_bytes(at, wrapped) : at;
}

static char *put_content(char *at, const struct content *content)
{
    bool sealed = content->sealing.sealed;
    at = put_u32(at, (uint32_t)content->cut_count | (sealed ? SEALED_BYTES : 0));
    for (size_t i = 0; i < content->cut_count; i++)
        at = put_cut(at, &content->cuts[i]);
    if (sealed)
        at = put_bytes(at, span_of(content->sealing.wrapped, SEAL_WRAPPED_SIZE));
    return put_bytes(at, content->bytes);
}

static size_t content_size(const struct content *content)
{
    size_t size = 4 + content->cut_count * CUT_SIZE + content->bytes.len;
    for (size_t i = 0; i < content->cut_count; i++)
        size += content->cuts[i].extent.sealing.sealed ? SEAL_WRAPPED_SIZE : 0;
    return size + (content->sealing.sealed ? SEAL_WRAPPED_SIZE : 0);
}

static struct span seal_bytes(struct arena *arena, const struct sealing *sealing, struct span bytes)
{
    size_t len = seal_sealed_len(bytes.len);
    char *to = arena_alloc(arena, len);
    seal_frames(&sealing->key, 0, bytes, to);
    return span_of(to, len);
}

/* As it goes into a record. */
static struct content closed(const struct object_bucket *bucket, const struct content *content)
{
    struct content to = *content;
    struct cut *cuts = ARENA_ARRAY(bucket->arena, struct cut, content->cut_count);
    for (size_t i = 0; i < content->cut_count; i++) {
        cuts[i] = content->cuts[i];
        if (cuts[i].extent.sealing.open)
            seal_wrap(&cuts[i].extent.sealing, bucket->key);
    }
    to.cuts = cuts;
    if (content->sealing.sealed && !content->sealing.open)
        return to;
    to.sealing = (struct sealing){.sealed = false};
    if (content->bytes.len && bucket->sealing == OBJECT_BYTES_SEALED) {
        seal_begin(&to.sealing);
        seal_wrap(&to.sealing, bucket->key);
        to.bytes = seal_bytes(bucket->arena, &to.sealing, content->bytes);
    }
    return to;
}

struct span layout_encode_content(const struct object_bucket *bucket, const struct content *content)
{
    struct content to = closed(bucket, content);
    size_t len = content_size(&to);
    char *at = arena_alloc(bucket->arena, len);
    put_content(at, &to);
    return span_of(at, len);
}

bool layout_is_here(struct span content)
{
    return content.len >= 4 && (get_u32(content.at) & ~SEALED_BYTES) == 0;
}

/* Takes a wrapped key off the front. */
static bool get_sealing(struct span *rest, struct sealing *out)
{
    *out = (struct sealing){.sealed = true};
    if (rest->len < SEAL_WRAPPED_SIZE)
        return false;
    memcpy(out->wrapped, rest->at, SEAL_WRAPPED_SIZE);
    *rest = span_from(*rest, SEAL_WRAPPED_SIZE);
    return true;
}

static bool get_cut(struct span *rest, struct cut *out)
{
    const char *from = rest->at;
    if (rest->len < CUT_SIZE)
        return false;
    uint32_t skip = get_u32(from + 20);
    *out = (struct cut){
        .extent = {.offset = get_u64(from),
                   .segment = get_u32(from + 8),
                   .len = get_u32(from + 12),
                   .crc32c = get_u32(from + 16)},
        .skip = skip & ~SEALED_CUT,
        .len = get_u32(from + 24),
    };
    *rest = span_from(*rest, CUT_SIZE);
    if ((skip & SEALED_CUT) && !get_sealing(rest, &out->extent.sealing))
        return false;
    uint32_t size = extent_size(&out->extent);
    return out->skip <= size && out->len <= size - out->skip;
}

bool layout_decode_content(struct span value, struct arena *arena, struct content *out)
{
    if (value.len < 4)
        return false;
    uint32_t head = get_u32(value.at);
    size_t count = head & ~SEALED_BYTES;
    struct span rest = span_from(value, 4);
    *out = (struct content){.cut_count = count};
    if (count > rest.len / CUT_SIZE)
        return false;
    struct cut *cuts = ARENA_ARRAY(arena, struct cut, count);
    for (size_t i = 0; i < count; i++) {
        if (!get_cut(&rest, &cuts[i]))
            return false;
        out->size += cuts[i].len;
    }
    if ((head & SEALED_BYTES) && (!get_sealing(&rest, &out->sealing) || rest.len <= SEAL_TAG_SIZE))
        return false;
    out->cuts = cuts;
    out->bytes = rest;
    out->size += out->sealing.sealed ? seal_plain_len(rest.len) : rest.len;
    return true;
}

struct span layout_encode_piece(const struct object_bucket *bucket, const struct piece *piece)
{
    struct content content = closed(bucket, &piece->content);
    size_t len = PIECE_HEAD + piece->attributes.len + content_size(&content);
    char *to = arena_alloc(bucket->arena, len), *at = to;
    *at++ = FORM;
    at = put_u32(at, piece->number);
    at = put_u64(at, piece->size);
    at = put_u64(at, (uint64_t)piece->modified_ms);
    at = put_u32(at, (uint32_t)piece->attributes.len);
    at = put_bytes(at, piece->attributes);
    put_content(at, &content);
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
    *at++ = assembly->disturbed ? ASSEMBLY_DISTURBED : ASSEMBLY;
    at = put_u64(at, (uint64_t)assembly->started_ms);
    at = put_u64(at, assembly->stamp);
    put_bytes(at, assembly->attributes);
    return span_of(to, len);
}

bool layout_decode_assembly(struct span value, struct assembly *out)
{
    enum ASSEMBLY_FORM form = value.len ? (enum ASSEMBLY_FORM)value.at[0] : 0;
    bool old = form == ASSEMBLY_OLD || form == ASSEMBLY_OLD_DISTURBED;
    size_t head = old ? ASSEMBLY_OLD_HEAD : ASSEMBLY_HEAD;
    if (form < ASSEMBLY_OLD || form > ASSEMBLY_DISTURBED || value.len < head)
        return false;
    out->disturbed = form == ASSEMBLY_OLD_DISTURBED || form == ASSEMBLY_DISTURBED;
    out->started_ms = (int64_t)get_u64(value.at + 1);
    out->stamp = old ? (uint64_t)out->started_ms * 1000 + 999 : get_u64(value.at + 9);
    out->attributes = span_from(value, head);
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
