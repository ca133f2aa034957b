// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Named objects in numbered buckets: an ordered index whose records say where the bytes are, and
 * assemblies (objects that arrive in pieces). It knows no protocol: what a caller wants to remember
 * about an object or piece is `attributes`, opaque bytes.
 *
 * Where the bytes are: content of at most OBJECT_HERE_MAX bytes lies in the index record (one read
 * serves a small object, and a page of a listing still reads few blocks); up to what a draft keeps
 * in memory it lies beside the index under a key of its own, which listings never touch; above that
 * in extents of the store, of which a content names cuts, so that copies and slices share bytes.
 *
 * Versions: every version of a name has a `stamp` that grows. The index holds the current version
 * alone, and only when it is an object, so a listing costs the same whatever lies behind; all
 * others, and deletion marks, lie in order of name and falling stamp in a keyspace of their own.
 * A version is numbered, or it is the plain one: the one that a bucket keeps which does not number
 * its versions; a name has at most one of those.
 *
 * Sealed content (base/seal.h): the bytes of a content, and each extent, have a key of their own
 * that lies in the record, wrapped under the bucket's `key` of the moment. The keys belong to the
 * bytes and not to the name: a copy shares sealed extents as it shares plain ones, and wraps their
 * keys again under its own. Who may read an object changes without a byte being written.
 *
 * Everything works inside the caller's transaction, on its thread. Whoever reads and then writes
 * holds object_lock on the names; that lock also shuts out the deletion of the bucket.
 * All functions answer 0 or a negative errno unless said otherwise; -EBADMSG: an undecodable
 * record.
 */
#include "store/extent.h"
#include "store/txn.h"

#define OBJECT_NAME_MAX 1024    /* bytes */
#define OBJECT_HERE_MAX 2048    /* bytes of content inside the index record */
#define OBJECT_PIECES_MAX 10000 /* pieces of one object */
#define OBJECT_NOTES_MAX 1000   /* of one version */

/* What becomes of a name's versions when it is written or deleted. */
enum OBJECT_KEEPING {
    OBJECT_KEEPS_ONE,      /* the new one replaces the old one; there never were others */
    OBJECT_KEEPS_ALL,      /* the new one is numbered, all others stay */
    OBJECT_KEEPS_NUMBERED, /* the new one is plain and replaces the plain one, wherever that is */
};

struct object_change;
/* Told of every change, inside its transaction, so that what it writes is committed with it. The
 * one place where events about objects can be recorded. Either function may be missing. */
struct object_watcher {
    void (*changed)(void *user, const struct object_change *change);
    /* A deletion left pieces behind: somebody shall call object_clear_some once this is durable. */
    void (*left)(void *user, struct txn *txn);
    void *user;
};

/* What becomes of bytes in memory that are written; extents are what they are. */
enum OBJECT_BYTES { OBJECT_BYTES_PLAIN, OBJECT_BYTES_SEALED };

/* One bucket inside one transaction. `id` is never used again once the bucket is gone; what is read
 * lives in the arena. */
struct object_bucket {
    struct txn *txn;
    struct arena *arena;
    uint64_t id;
    enum OBJECT_KEEPING keeping;
    const struct object_watcher *watcher; /* or NULL */
    /* Wraps the keys of what is written and opens what is read; without it what is sealed stays
     * closed. */
    const struct seal_key *key;
    enum OBJECT_BYTES sealing;
};

/* What a lock is taken on. A name is 1 to OBJECT_NAME_MAX bytes, any bytes. */
struct object_key {
    struct span bucket; /* by whatever name the caller finds the bucket's record */
    struct span name;
};

struct byte_range {
    uint64_t from, len;
};

/* A run of bytes of an extent's content. */
struct cut {
    struct extent extent;
    uint32_t skip, len; /* bytes */
};

/* All the bytes of something: first those of the cuts, then `bytes`. */
struct content {
    uint64_t size;
    const struct cut *cuts;
    size_t cut_count;
    struct span bytes;      /* as they are stored, when `sealing` is not open */
    struct sealing sealing; /* private: of `bytes` in a record */
};

struct object {
    uint64_t stamp; /* grows with every version of the name */
    uint64_t size;  /* bytes */
    int64_t modified_ms;
    struct span attributes;
    bool plain;        /* not numbered */
    bool mark;         /* no object but the mark of a deletion; it has no content */
    bool noted;        /* has, or had, notes */
    bool older;        /* private: lies behind the index */
    uint8_t place;     /* private: how to read `where` */
    struct span where; /* private */
};

enum OBJECT_EVENT {
    OBJECT_CREATED,
    OBJECT_MARKED,  /* a deletion mark hides it */
    OBJECT_REMOVED, /* a version is gone; its stamp says which */
};

struct object_change {
    const struct object_bucket *bucket;
    enum OBJECT_EVENT event;
    struct span name;
    const struct object *object;
};

/* ---- locks ---------------------------------------------------------------------------------- */

/* Exclusive on these names until the transaction ends; one call per transaction, at most two
 * buckets. The bucket's own record must be read after it, never before. */
void object_lock(struct txn *txn, const struct object_key *keys, size_t count);
/* Exclusive on every name of the bucket: for whoever deletes it. */
void object_lock_bucket(struct txn *txn, struct span bucket);

/* ---- objects -------------------------------------------------------------------------------- */

/* The current version; -ENOENT when there is none, or it is a deletion mark. */
MUST_CHECK int object_get(const struct object_bucket *bucket, struct span name, struct object *ret);
/* The newest version, be it a deletion mark. */
MUST_CHECK int object_newest(const struct object_bucket *bucket, struct span name,
                             struct object *ret);
/* One version: the plain one, or the one with this stamp. -ENOENT. Under the name's lock, since
 * versions move when a newer one comes or goes. */
enum OBJECT_VERSION { OBJECT_PLAIN, OBJECT_NUMBERED, OBJECT_EITHER /* by its stamp */ };
struct object_version {
    enum OBJECT_VERSION kind;
    uint64_t stamp; /* unless it is the plain one */
};
MUST_CHECK int object_get_version(const struct object_bucket *bucket, struct span name,
                                  const struct object_version *version, struct object *ret);

struct object_new {
    int64_t modified_ms;
    struct span attributes;
    struct content content; /* its extents have their references already */
};
/* Makes it the current version. `old` is what object_get found under the lock, or NULL; it stays
 * behind or goes as the bucket keeps versions. *ret has the new version's stamp. */
MUST_CHECK int object_put(const struct object_bucket *bucket, struct span name,
                          const struct object *old, const struct object_new *object,
                          struct object *ret);
/* Changes what is remembered about a version and nothing else. */
void object_set_attributes(const struct object_bucket *bucket, struct span name,
                           const struct object *object, struct span attributes);
/* Deletes the name as the bucket keeps versions: for good, or with a deletion mark that is *ret
 * then (else all zero). `old` as above. */
MUST_CHECK int object_delete(const struct object_bucket *bucket, struct span name,
                             const struct object *old, int64_t modified_ms, struct object *ret);
/* Deletes one version for good; when it was the current one, the next is brought up. */
MUST_CHECK int object_delete_version(const struct object_bucket *bucket, struct span name,
                                     const struct object *version);
/* Whether its content may only be read under the lock, the object itself having been read under it
 * too: false for small ones, whose bytes came with the record. */
bool object_needs_lock(const struct object *object);
/* A part of its content, opened; -ERANGE when the range is not within the object, -ENOKEY when it
 * is sealed under another key than the bucket's. */
MUST_CHECK int object_content(const struct object_bucket *bucket, struct span name,
                              const struct object *object, struct byte_range range,
                              struct content *ret);

/* ---- content -------------------------------------------------------------------------------- */

/* Whole extents. */
struct content content_of_extents(const struct extent *extents, size_t count, struct arena *arena);
/* Bytes in memory only. */
struct content content_of_bytes(struct span bytes);
/* One more reference for every extent of it: for sharing it with another object. */
void content_share(struct txn *txn, const struct content *content, struct arena *arena);
/* Readers keep the bytes: pinned now, under the lock; unpinned when the arena is reset. */
void content_pin(struct store *store, const struct content *content, struct arena *arena);
/* The parts of extents that it has, in order: cut_count of them. */
struct extent_part *content_parts(const struct content *content, struct arena *arena);
/* Feeds all of it to `take` in order. Blocks: on workers. */
MUST_CHECK int content_read(struct store *store, const struct content *content,
                            void (*take)(void *user, struct span piece), void *user);

/* ---- listing -------------------------------------------------------------------------------- */

struct object_list {
    struct span prefix;    /* names that begin with it */
    struct span delimiter; /* names that share everything up to its first occurrence behind the
                              prefix are one group; empty: no groups */
    struct span after;     /* names behind this one, and groups that it does not belong to */
    size_t limit;          /* names and groups */
    void (*visit)(void *user, struct span name, const struct object *object /* NULL: a group */);
    void *user;
};
/* Names and groups in byte order. *ret_more: there is something behind the limit. Costs one seek
 * for each group. */
MUST_CHECK int object_list(const struct object_bucket *bucket, const struct object_list *list,
                           bool *ret_more);
/* All versions: names in byte order, those of a name from the newest to the oldest. */
struct object_listed {
    struct span name;            /* or the group */
    const struct object *object; /* NULL: a group */
    bool newest;                 /* of its name */
};
struct object_version_list {
    struct span prefix, delimiter; /* as above */
    struct span after_name;        /* as `after` above … */
    const uint64_t *after_stamp;   /* … or, when set, older versions of that name too */
    size_t limit;
    void (*visit)(void *user, const struct object_listed *listed);
    void *user;
};
MUST_CHECK int object_list_versions(const struct object_bucket *bucket,
                                    const struct object_version_list *list, bool *ret_more);
/* Length of the group (delimiter included) that a name belongs to, or 0. Pure. */
size_t object_group_len(struct span name, struct span prefix, struct span delimiter);
/* 1 when the bucket holds no version of anything, 0 when it does. */
MUST_CHECK int object_bucket_is_empty(const struct object_bucket *bucket);
/* Drops every assembly of a bucket that is being deleted. */
MUST_CHECK int object_bucket_clear(const struct object_bucket *bucket);
/* Drops some of the pieces that deletions left behind, of any bucket; 1 when there may be more. One
 * caller at a time, on a worker, after every start too. */
MUST_CHECK int object_clear_some(struct txn *txn, struct arena *arena);

/* ---- notes ---------------------------------------------------------------------------------- */

/* A named content that belongs to one version and goes with it. */
struct object_note {
    struct span name; /* 1 to OBJECT_NAME_MAX bytes */
    int64_t modified_ms;
    struct span attributes;
    struct content content; /* its extents have their references already */
};
/* `name` is set by the caller; -ENOENT. */
MUST_CHECK int object_note_get(const struct object_bucket *bucket, struct span name,
                               const struct object *object, struct object_note *note);
/* In the place of the one of that name. Whoever counts them keeps them at OBJECT_NOTES_MAX. */
MUST_CHECK int object_note_put(const struct object_bucket *bucket, struct span name,
                               struct object *object, const struct object_note *note);
MUST_CHECK int object_note_delete(const struct object_bucket *bucket, struct span name,
                                  const struct object *object, struct span note);
struct object_note_list {
    struct span prefix, after;
    size_t limit;
    void (*visit)(void *user, const struct object_note *note);
    void *user;
};
/* In byte order of names. */
MUST_CHECK int object_note_list(const struct object_bucket *bucket, struct span name,
                                const struct object *object, const struct object_note_list *list,
                                bool *ret_more);
/* All of a version's, for another one that is to have them too: their extents have one more
 * reference each. */
struct object_notes {
    struct object_note at[OBJECT_NOTES_MAX];
    size_t count;
};
MUST_CHECK int object_note_share_all(const struct object_bucket *bucket, struct span name,
                                     const struct object *object, struct object_notes **ret);

/* ---- assemblies ----------------------------------------------------------------------------- */

struct assembly_id {
    uint8_t bytes[16]; /* sorts by the time it was begun */
};

struct assembly {
    struct assembly_id id;
    int64_t started_ms;
    uint64_t stamp; /* versions with a greater one were written since */
    bool disturbed; /* an object of this name was deleted since */
    struct span attributes;
};

struct piece {
    uint32_t number;
    uint64_t size;
    int64_t modified_ms;
    struct span attributes;
    struct content content; /* in memory only where it is short; its extents have their references
                               already */
};

/* `id` and `stamp` are set by it. */
MUST_CHECK int assembly_begin(const struct object_bucket *bucket, struct span name,
                              struct assembly *assembly);
/* `id` is set by the caller; -ENOENT. */
MUST_CHECK int assembly_get(const struct object_bucket *bucket, struct span name,
                            struct assembly *assembly);
/* Adds the piece, or replaces the one of that number. */
MUST_CHECK int piece_put(const struct object_bucket *bucket, const struct assembly_id *id,
                         const struct piece *piece);
/* Visits the pieces whose number is above `after`; `visit` answers 0 to go on, 1 to stop. Pieces of
 * a finished object are visited alike. */
MUST_CHECK int piece_each(const struct object_bucket *bucket, const struct assembly_id *id,
                          uint32_t after, int (*visit)(void *user, const struct piece *piece),
                          void *user);
/* The object becomes the pieces of these numbers (ascending; -ENOENT when one is not there); the
 * others are dropped. It is written as by object_put. May block, on workers. */
struct assembly_finish {
    struct assembly_id id;
    const uint32_t *numbers;
    size_t count;
    const struct object *old; /* or NULL */
    int64_t modified_ms;
    struct span attributes;
};
MUST_CHECK int assembly_finish(const struct object_bucket *bucket, struct span name,
                               const struct assembly_finish *finish, struct object *ret);
MUST_CHECK int assembly_drop(const struct object_bucket *bucket, struct span name,
                             const struct assembly_id *id);
/* Which assembly an object was made by, or NULL when it came in one piece. */
const struct assembly_id *object_assembly(const struct object *object);
/* Where the piece lies within a finished object: -ENOENT when there is no such number. */
MUST_CHECK int object_piece_range(const struct object_bucket *bucket, const struct object *object,
                                  uint32_t number, struct byte_range *ret);

struct assembly_list {
    struct span prefix, delimiter;
    struct span after_name;             /* as `after` of object_list … */
    const struct assembly_id *after_id; /* … or, when set, those of this name behind this one too */
    size_t limit;
    void (*visit)(void *user, struct span name,
                  const struct assembly *assembly /* NULL: a group */);
    void *user;
};
MUST_CHECK int assembly_list(const struct object_bucket *bucket, const struct assembly_list *list,
                             bool *ret_more);
