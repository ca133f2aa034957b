// SPDX-License-Identifier: Apache-2.0
/*
 * Listings: a cursor that walks the index and jumps over a group as soon as it is known, so a page
 * costs its entries and not what lies between them. Any thread, without locks: a page shows every
 * name that existed all the while it was read.
 */
#include "engines/object/layout.h"

#include <errno.h>

size_t object_group_len(struct span name, struct span prefix, struct span delimiter)
{
    if (delimiter.len == 0 || name.len < prefix.len)
        return 0;
    size_t at = span_find(span_from(name, prefix.len), delimiter);
    return at == SPAN_NOT_FOUND ? 0 : prefix.len + at + delimiter.len;
}

/* A walk over one keyspace of a bucket, within the prefix. */
struct walk {
    const struct object_bucket *bucket;
    struct cursor *cursor;
    struct key head; /* what all keys of the walk begin with */
    bool here;       /* the cursor stands on an entry */
    bool bad;        /* … that cannot be decoded */
};

static void walk_to(struct walk *walk, const struct key *key)
{
    struct span to = key_span(key);
    walk->here = span_starts(to, key_span(&walk->head)) && cursor_seek(walk->cursor, to);
}

static void walk_begin(struct walk *walk, const struct key *first)
{
    walk->cursor = cursor_open(walk->bucket->txn, FAMILY_OBJECTS, key_span(&walk->head));
    walk_to(walk, first);
}

/* 0, or what ended it. */
static int walk_end(struct walk *walk, bool *ret_more)
{
    int error = cursor_error(walk->cursor);
    cursor_close(walk->cursor);
    *ret_more = walk->here;
    return error ? error : walk->bad ? -EBADMSG : 0;
}

/* The group that `after` is in, as a walk must jump over it; empty when it is in none. */
static struct span group_of(struct span after, struct span prefix, struct span delimiter)
{
    size_t len = span_starts(after, prefix) ? object_group_len(after, prefix, delimiter) : 0;
    return span_first(after, len);
}

/* Where a listing begins: behind `after`, and behind its whole group if it is in one. */
static void first_name(struct key *key, const struct object_bucket *bucket,
                       const struct object_list *list)
{
    struct span group = group_of(list->after, list->prefix, list->delimiter);
    if (span_compare(list->after, list->prefix) < 0 || list->after.len == 0) {
        layout_index(key, bucket->id, list->prefix);
    } else if (group.len) {
        layout_index(key, bucket->id, group);
        key_after_prefix(key);
    } else {
        layout_index(key, bucket->id, list->after);
        key_raw(key, S("\0")); /* the next name there can be */
    }
}

static void show_name(struct walk *walk, const struct object_list *list)
{
    struct arena *arena = walk->bucket->arena;
    struct span name = arena_copy(arena, span_from(cursor_key(walk->cursor), KEY_HEAD));
    size_t group = object_group_len(name, list->prefix, list->delimiter);
    if (group) {
        struct key next;
        list->visit(list->user, span_first(name, group), NULL);
        layout_index(&next, walk->bucket->id, span_first(name, group));
        key_after_prefix(&next);
        walk_to(walk, &next);
        return;
    }
    struct object object;
    walk->bad = !layout_decode_object(arena_copy(arena, cursor_value(walk->cursor)), &object);
    if (!walk->bad)
        list->visit(list->user, name, &object);
    walk->here = !walk->bad && cursor_next(walk->cursor);
}

int object_list(const struct object_bucket *bucket, const struct object_list *list, bool *ret_more)
{
    struct walk walk = {.bucket = bucket};
    struct key first;
    layout_index(&walk.head, bucket->id, list->prefix);
    first_name(&first, bucket, list);
    walk_begin(&walk, &first);
    for (size_t i = 0; i < list->limit && walk.here; i++)
        show_name(&walk, list);
    return walk_end(&walk, ret_more);
}

/* The same for assemblies, whose keys hold the name as escaped text with the id behind it. */
static void first_assembly(struct key *key, const struct object_bucket *bucket,
                           const struct assembly_list *list)
{
    struct span group = group_of(list->after_name, list->prefix, list->delimiter);
    if (span_compare(list->after_name, list->prefix) < 0 || list->after_name.len == 0) {
        layout_assembly_prefix(key, bucket->id, list->prefix);
    } else if (group.len) {
        layout_assembly_prefix(key, bucket->id, group);
        key_after_prefix(key);
    } else if (list->after_id) {
        layout_assembly(key, bucket->id, list->after_name, list->after_id);
        key_raw(key, S("\0"));
    } else {
        layout_assembly_name(key, bucket->id, list->after_name);
        key_after_prefix(key);
    }
}

static void show_assembly(struct walk *walk, const struct assembly_list *list)
{
    struct arena *arena = walk->bucket->arena;
    struct span rest = span_from(cursor_key(walk->cursor), KEY_HEAD), name;
    struct assembly assembly;
    walk->bad = !key_read_text(&rest, arena, &name) || rest.len != sizeof assembly.id;
    if (walk->bad)
        return;
    size_t group = object_group_len(name, list->prefix, list->delimiter);
    if (group) {
        struct key next;
        list->visit(list->user, span_first(name, group), NULL);
        layout_assembly_prefix(&next, walk->bucket->id, span_first(name, group));
        key_after_prefix(&next);
        walk_to(walk, &next);
        return;
    }
    memcpy(assembly.id.bytes, rest.at, rest.len);
    walk->bad = !layout_decode_assembly(arena_copy(arena, cursor_value(walk->cursor)), &assembly);
    if (!walk->bad)
        list->visit(list->user, name, &assembly);
    walk->here = !walk->bad && cursor_next(walk->cursor);
}

int assembly_list(const struct object_bucket *bucket, const struct assembly_list *list,
                  bool *ret_more)
{
    struct walk walk = {.bucket = bucket};
    struct key first;
    layout_assembly_prefix(&walk.head, bucket->id, list->prefix);
    first_assembly(&first, bucket, list);
    walk_begin(&walk, &first);
    for (size_t i = 0; i < list->limit && walk.here && !walk.bad; i++)
        show_assembly(&walk, list);
    return walk_end(&walk, ret_more);
}
