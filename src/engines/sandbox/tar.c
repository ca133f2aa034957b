// SPDX-License-Identifier: Apache-2.0
/* Headers of tar archives, see tar.h. Part of the helper; only libc, no memory but the caller's. */
#include "engines/sandbox/tar.h"

#include <errno.h>
#include <stdlib.h>

struct field {
    uint16_t at, size;
};

static const struct field path_field = {0, 100}, mode_field = {100, 8}, uid_field = {108, 8},
                          gid_field = {116, 8}, size_field = {124, 12}, mtime_field = {136, 12},
                          sum_field = {148, 8}, link_field = {157, 100}, magic_field = {257, 6},
                          prefix_field = {345, 155};
#define TYPE_AT 156

/* ---- fields ------------------------------------------------------------------------------------
 */

/* GNU's numbers that octal digits have no room for: the first bit is set, then two's complement. */
static int64_t read_binary(const unsigned char *at, size_t size)
{
    uint64_t value = at[0] & 0x40 ? UINT64_MAX : 0;
    value = value << 6 | (at[0] & 0x3f);
    for (size_t i = 1; i < size; i++)
        value = value << 8 | at[i];
    return (int64_t)value;
}

static bool read_number(const unsigned char *block, struct field field, int64_t *ret)
{
    const unsigned char *at = block + field.at;
    size_t i = 0;
    *ret = at[0] & 0x80 ? read_binary(at, field.size) : 0;
    if (at[0] & 0x80)
        return true;
    while (i < field.size && at[i] == ' ')
        i++;
    for (; i < field.size && at[i] >= '0' && at[i] <= '7'; i++)
        *ret = *ret * 8 + (at[i] - '0');
    return i == field.size || at[i] == ' ' || at[i] == '\0';
}

static struct span read_text(const unsigned char *block, struct field field)
{
    const char *at = (const char *)block + field.at;
    return span_of(at, strnlen(at, field.size));
}

static bool is_empty(const unsigned char *block)
{
    for (size_t i = 0; i < TAR_BLOCK; i++)
        if (block[i])
            return false;
    return true;
}

/* Of all bytes, those of the sum itself taken as spaces. */
static bool sum_is_right(const unsigned char *block)
{
    int64_t told, sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i - sum_field.at < sum_field.size ? ' ' : block[i];
    return read_number(block, sum_field, &told) && told == sum;
}

static enum TAR read_type(unsigned char type)
{
    static const struct {
        char letter;
        enum TAR type;
    } types[] = {{'\0', TAR_FILE},     {'0', TAR_FILE},      {'7', TAR_FILE},
                 {'1', TAR_HARD_LINK}, {'2', TAR_SYMLINK},   {'3', TAR_DEVICE},
                 {'4', TAR_DEVICE},    {'5', TAR_DIRECTORY}, {'6', TAR_FIFO},
                 {'L', TAR_LONG_PATH}, {'K', TAR_LONG_LINK}, {'x', TAR_PAX},
                 {'D', TAR_DIRECTORY}};
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].letter == (char)type)
            return types[i].type;
    return TAR_OTHER;
}

static bool put_text(char to[TAR_PATH], struct span text)
{
    if (text.len >= TAR_PATH)
        return false;
    memcpy(to, text.at, text.len);
    to[text.len] = '\0';
    return memchr(text.at, '\0', text.len) == NULL;
}

/* POSIX has the beginning of a long path in a field of its own. */
static void put_path(const unsigned char *block, char to[TAR_PATH])
{
    struct span prefix = read_text(block, prefix_field), path = read_text(block, path_field);
    bool posix = memcmp(block + magic_field.at, "ustar", magic_field.size) == 0;
    size_t len = posix ? prefix.len : 0;
    memcpy(to, prefix.at, len);
    if (len)
        to[len++] = '/';
    memcpy(to + len, path.at, path.len);
    to[len + path.len] = '\0';
}

static bool read_id_field(const unsigned char *block, struct field field, uint32_t *ret)
{
    int64_t value;
    if (!read_number(block, field, &value) || value < 0 || value >= UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool read_numbers(const unsigned char *block, struct tar_entry *ret)
{
    int64_t mode, size;
    if (!read_number(block, mode_field, &mode) || !read_number(block, size_field, &size) ||
        !read_number(block, mtime_field, &ret->mtime) || size < 0)
        return false;
    ret->mode = (uint32_t)mode & 07777;
    ret->size = (uint64_t)size;
    return read_id_field(block, uid_field, &ret->uid) && read_id_field(block, gid_field, &ret->gid);
}

int tar_read_header(const unsigned char block[TAR_BLOCK], struct tar_entry *ret)
{
    if (is_empty(block))
        return 0;
    *ret = (struct tar_entry){.type = read_type(block[TYPE_AT])};
    if (block[TYPE_AT] == 'S' || block[TYPE_AT] == 'M') /* sparse, or a part of a file */
        return -EBADMSG;
    if (!sum_is_right(block) || !read_numbers(block, ret) ||
        !put_text(ret->link, read_text(block, link_field)))
        return -EBADMSG;
    put_path(block, ret->path);
    size_t end = strlen(ret->path);
    if (ret->type == TAR_FILE && end && ret->path[end - 1] == '/')
        ret->type = TAR_DIRECTORY; /* as version 7 says it */
    if (ret->type != TAR_FILE && ret->type < TAR_LONG_PATH)
        ret->size = 0; /* nothing follows */
    return 1;
}

/* ---- what is said beforehand -------------------------------------------------------------------
 */

/* A decimal number; fractions of seconds are left out. */
static bool read_decimal(struct span text, int64_t *ret)
{
    struct span whole = span_cut(&text, '.');
    return span_to_i64(whole, ret);
}

static bool read_id(struct span text, uint32_t *ret)
{
    int64_t value;
    if (!read_decimal(text, &value) || value < 0 || value >= UINT32_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool take_size(struct span value, struct tar_extended *to)
{
    int64_t size;
    if (!read_decimal(value, &size) || size < 0)
        return false;
    to->entry.size = (uint64_t)size;
    return to->has_size = true;
}

static bool take_capability(struct span value, struct tar_extended *to)
{
    if (value.len > TAR_CAPABILITY)
        return false;
    memcpy(to->entry.capability, value.at, value.len);
    to->entry.capability_len = value.len;
    return true;
}

/* Keywords that count; a sparse file would be unpacked wrongly. */
static bool take(struct span key, struct span value, struct tar_extended *to)
{
    if (span_eq(key, S("path")))
        return to->has_path = put_text(to->entry.path, value);
    if (span_eq(key, S("linkpath")))
        return to->has_link = put_text(to->entry.link, value);
    if (span_eq(key, S("size")))
        return take_size(value, to);
    if (span_eq(key, S("mtime")))
        return to->has_mtime = read_decimal(value, &to->entry.mtime);
    if (span_eq(key, S("uid")))
        return to->has_uid = read_id(value, &to->entry.uid);
    if (span_eq(key, S("gid")))
        return to->has_gid = read_id(value, &to->entry.gid);
    if (span_eq(key, S("SCHILY.xattr.security.capability")))
        return take_capability(value, to);
    return !span_starts(key, S("GNU.sparse."));
}

/* Records of "LENGTH KEY=VALUE\n", the length being that of all of it. */
static int read_pax(struct span bytes, struct tar_extended *to)
{
    while (bytes.len) {
        uint64_t len;
        struct span rest = bytes, digits = span_cut(&rest, ' ');
        if (!span_to_u64(digits, &len) || len > bytes.len || len < digits.len + 4 ||
            bytes.at[len - 1] != '\n')
            return -EBADMSG;
        struct span value = span_of(rest.at, len - digits.len - 2);
        struct span key = span_cut(&value, '=');
        if (key.len == len - digits.len - 2 || !take(key, value, to))
            return -EBADMSG;
        bytes = span_from(bytes, len);
    }
    return 0;
}

int tar_read_extended(enum TAR type, struct span bytes, struct tar_extended *to)
{
    if (type == TAR_PAX)
        return read_pax(bytes, to);
    struct span text = span_of(bytes.at, strnlen(bytes.at, bytes.len));
    if (type == TAR_LONG_PATH)
        to->has_path = put_text(to->entry.path, text);
    else
        to->has_link = put_text(to->entry.link, text);
    return text.len < TAR_PATH ? 0 : -EBADMSG;
}

/* ---- in the end --------------------------------------------------------------------------------
 */

/* "./bin//sh/" becomes "/bin/sh"; nothing leads up. */
static int clean(char path[TAR_PATH])
{
    char from[TAR_PATH];
    size_t len = 0;
    memcpy(from, path, TAR_PATH);
    struct span rest = span_of_cstr(from);
    while (rest.len) {
        struct span part = span_cut(&rest, '/');
        if (span_eq(part, S("..")))
            return -EBADMSG;
        if (!part.len || span_eq(part, S(".")))
            continue;
        if (len + part.len + 2 > TAR_PATH)
            return -EBADMSG;
        path[len++] = '/';
        memcpy(path + len, part.at, part.len);
        len += part.len;
    }
    if (!len)
        path[len++] = '/';
    path[len] = '\0';
    return 0;
}

int tar_finish(const struct tar_extended *extended, struct tar_entry *entry)
{
    const struct tar_entry *said = &extended->entry;
    if (extended->has_path)
        memcpy(entry->path, said->path, TAR_PATH);
    if (extended->has_link)
        memcpy(entry->link, said->link, TAR_PATH);
    if (extended->has_size && entry->type == TAR_FILE)
        entry->size = said->size;
    entry->mtime = extended->has_mtime ? said->mtime : entry->mtime;
    entry->uid = extended->has_uid ? said->uid : entry->uid;
    entry->gid = extended->has_gid ? said->gid : entry->gid;
    memcpy(entry->capability, said->capability, TAR_CAPABILITY);
    entry->capability_len = said->capability_len;
    int error = clean(entry->path);
    return error || entry->type != TAR_HARD_LINK ? error : clean(entry->link);
}
