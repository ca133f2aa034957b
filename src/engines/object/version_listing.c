// SPDX-License-Identifier: Apache-2.0
/*
 * Listings of versions: two cursors, one over the index and one over what lies behind it, merged by
 * name, the index first. Like other listings they take no lock; since versions move between the two
 * places, both cursors are opened again until nothing was committed in between. Any thread.
 */
#include "engines/object/layout.h"

#include <errno.h>

#define OPENINGS 16 /* each loses against a commit within some microseconds */

/* One of the two sources. */
struct source {
    struct cursor *cursor;
    bool here;
    struct span name; /* of the entry it stands on */
    uint64_t stamp;   /* older versions only */
};

struct versions {
    const struct object_bucket *bucket;
    const struct object_version_list *list;
    struct source index, older;
    struct span seen; /* a newer version of this name was shown, or lies before the listing */
    bool bad;         /* a record that cannot be decoded ended it */
};

static void read_index(struct versions *all)
{
    struct source *index = &all->index;
    if (index->here)
        index->name =
            arena_copy(all->bucket->arena, span_from(cursor_key(index->cursor), KEY_HEAD));
}

static void read_older(struct versions *all)
{
    struct source *older = &all->older;
    if (!older->here)
        return;
    struct span rest = span_from(cursor_key(older->cursor), KEY_HEAD);
    all->bad |= !key_read_text(&rest, all->bucket->arena, &older->name) ||
                !key_read_u64(&rest, &older->stamp) || rest.len;
    older->stamp = ~older->stamp;
}

/* A key behind all those of the prefix may leave the cursor's bounds. */
static bool seek(struct cursor *cursor, const struct key *head, const struct key *to)
{
    return span_starts(key_span(to), key_span(head)) && cursor_seek(cursor, key_span(to));
}

static void seek_both(struct versions *all, const struct key *index, const struct key *older)
{
    struct key head;
    layout_index(&head, all->bucket->id, all->list->prefix);
    all->index.here = seek(all->index.cursor, &head, index);
    layout_older_prefix(&head, all->bucket->id, all->list->prefix);
    all->older.here = seek(all->older.cursor, &head, older);
    read_index(all);
    read_older(all);
}

static void open_both(struct versions *all)
{
    struct key index, older;
    struct store *store = txn_store(all->bucket->txn);
    layout_index(&index, all->bucket->id, all->list->prefix);
    layout_older_prefix(&older, all->bucket->id, all->list->prefix);
    for (int i = 1;; i++) {
        uint64_t ticket = store_latest(store);
        all->index.cursor = cursor_open(all->bucket->txn, FAMILY_OBJECTS, key_span(&index));
        all->older.cursor = cursor_open(all->bucket->txn, FAMILY_OBJECTS, key_span(&older));
        if (store_latest(store) == ticket || i == OPENINGS)
            return;
        cursor_close(all->index.cursor);
        cursor_close(all->older.cursor);
    }
}

static void skip_group(struct versions *all, struct span group)
{
    struct key index, older;
    layout_index(&index, all->bucket->id, group);
    key_after_prefix(&index);
    layout_older_prefix(&older, all->bucket->id, group);
    key_after_prefix(&older);
    seek_both(all, &index, &older);
}

static void skip_name(struct versions *all, struct span name)
{
    struct key index, older;
    layout_index(&index, all->bucket->id, name);
    key_raw(&index, S("\0")); /* the next name there can be */
    layout_older(&older, all->bucket->id, name);
    key_after_prefix(&older);
    seek_both(all, &index, &older);
}

/* Into the versions of a name, behind one of them. The current one may be older than that by now,
 * since newer ones may be gone. */
static int enter_name(struct versions *all)
{
    struct key index, older;
    struct object newest;
    const struct object_version_list *list = all->list;
    uint64_t after = *list->after_stamp;
    layout_index(&index, all->bucket->id, list->after_name);
    layout_older(&older, all->bucket->id, list->after_name);
    key_u64(&older, ~after);
    key_raw(&older, S("\0"));
    int result = object_newest(all->bucket, list->after_name, &newest);
    bool passed = result == 0 && newest.stamp >= after;
    if (passed) {
        all->seen = list->after_name;
        key_raw(&index, S("\0"));
    }
    seek_both(all, &index, &older);
    return result == -ENOENT ? 0 : result;
}

static int find_first(struct versions *all)
{
    const struct object_version_list *list = all->list;
    bool within = span_starts(list->after_name, list->prefix);
    size_t group = within ? object_group_len(list->after_name, list->prefix, list->delimiter) : 0;
    if (list->after_name.len == 0 || span_compare(list->after_name, list->prefix) < 0) {
        struct key index, older;
        layout_index(&index, all->bucket->id, list->prefix);
        layout_older_prefix(&older, all->bucket->id, list->prefix);
        seek_both(all, &index, &older);
    } else if (group) {
        skip_group(all, span_first(list->after_name, group));
    } else if (list->after_stamp) {
        return enter_name(all);
    } else {
        skip_name(all, list->after_name);
    }
    return 0;
}

/* Shows the version a source stands on and moves it on. */
static void show_version(struct versions *all, struct source *source)
{
    struct object object;
    struct span name = source->name;
    struct span value = arena_copy(all->bucket->arena, cursor_value(source->cursor));
    all->bad |= !layout_decode_object(value, &object);
    if (all->bad)
        return;
    object.older = source == &all->older;
    struct object_listed listed = {name, &object, !span_eq(name, all->seen)};
    all->list->visit(all->list->user, &listed);
    all->seen = name;
    source->here = cursor_next(source->cursor);
    if (object.older)
        read_older(all);
    else
        read_index(all);
}

static void show_next(struct versions *all)
{
    bool current = all->index.here &&
                   (!all->older.here || span_compare(all->index.name, all->older.name) <= 0);
    struct source *source = current ? &all->index : &all->older;
    const struct object_version_list *list = all->list;
    size_t group = object_group_len(source->name, list->prefix, list->delimiter);
    if (!group) {
        show_version(all, source);
        return;
    }
    struct object_listed listed = {.name = span_first(source->name, group)};
    list->visit(list->user, &listed);
    skip_group(all, listed.name);
}

int object_list_versions(const struct object_bucket *bucket, const struct object_version_list *list,
                         bool *ret_more)
{
    struct versions all = {.bucket = bucket, .list = list};
    open_both(&all);
    int result = find_first(&all);
    for (size_t i = 0; i < list->limit && result == 0 && !all.bad; i++) {
        if (!all.index.here && !all.older.here)
            break;
        show_next(&all);
    }
    *ret_more = all.index.here || all.older.here;
    int error = cursor_error(all.index.cursor);
    if (error == 0)
        error = cursor_error(all.older.cursor);
    cursor_close(all.index.cursor);
    cursor_close(all.older.cursor);
    return error ? error : all.bad ? -EBADMSG : result;
}
