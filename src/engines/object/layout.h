// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Private to this folder: keys and the binary form of records. All numbers in values are
 * little-endian and of fixed width; the first byte of a value is its form, so that a later one can
 * be told apart.
 *
 *   0x44 bucket name           current version, when it is an object
 *   0x45 bucket name~ stamp    content beside the index
 *   0x46 bucket name~ ^stamp   other version, newest first; deletion marks
 *   0x47 bucket id number      piece
 *   0x48 bucket id             directory: number and size of every piece of a finished object
 *   0x49 bucket name~ id       assembly that is not finished
 *   0x4a bucket name           stamp of the plain version, where that lies in 0x46
 *   0x4b bucket name           stamp of the newest version, where that is a deletion mark
 *   0x4c bucket name           how many assemblies of the name are not finished
 *   0x4d bucket name~ stamp name note of a version
 *   0x4e bucket id             remains of an object: the number of the last piece that was dropped
 *   0x4f bucket lane           never stored: names of locks
 *
 * `name~` is an escaped text component; the plain one is the raw end of its
 * key.
 */
#include "engines/object/object.h"
#include "store/key.h"

enum OBJECT_KEYSPACE {
    KEYSPACE_INDEX = 0x44,
    KEYSPACE_ASIDE = 0x45,
    KEYSPACE_OLDER = 0x46,
    KEYSPACE_PIECE = 0x47,
    KEYSPACE_DIRECTORY = 0x48,
    KEYSPACE_ASSEMBLY = 0x49,
    KEYSPACE_PLAIN = 0x4a,
    KEYSPACE_MARK = 0x4b,
    KEYSPACE_OPEN = 0x4c,
    KEYSPACE_NOTE = 0x4d,
    KEYSPACE_REMAINS = 0x4e,
    KEYSPACE_LANE = 0x4f,
};

enum OBJECT_PLACE {
    PLACE_HERE = 1,   /* `where` is the content */
    PLACE_ASIDE = 2,  /* the content has its own key */
    PLACE_PIECES = 3, /* `where` is the assembly's id */
    PLACE_NONE = 4    /* a deletion mark */
};

#define CUTS_HERE_MAX 16 /* cuts inside the index record */
#define KEY_HEAD 9       /* bytes of keyspace and bucket in every key */

/* A bucket's part of a keyspace: the head of all keys below. */
void layout_head(struct key *key, uint8_t keyspace, uint64_t bucket);
void layout_index(struct key *key, uint64_t bucket, struct span name);
void layout_aside(struct key *key, uint64_t bucket, struct span name, uint64_t stamp);
/* All versions of the name behind the index; with key_u64(~stamp) one of them. */
void layout_older(struct key *key, uint64_t bucket, struct span name);
/* The head of those of all names that begin with `prefix`. */
void layout_older_prefix(struct key *key, uint64_t bucket, struct span prefix);
/* A number about a name. */
void layout_number(struct key *key, enum OBJECT_KEYSPACE keyspace, uint64_t bucket,
                   struct span name);
/* All pieces of an assembly; with key_u64(number) one of them. */
void layout_pieces(struct key *key, uint64_t bucket, const struct assembly_id *id);
void layout_directory(struct key *key, uint64_t bucket, const struct assembly_id *id);
void layout_remains(struct key *key, uint64_t bucket, const struct assembly_id *id);
void layout_assembly(struct key *key, uint64_t bucket, struct span name,
                     const struct assembly_id *id);
/* The head of all assemblies of the name. */
void layout_assembly_name(struct key *key, uint64_t bucket, struct span name);
/* The head of all assemblies whose names begin with `prefix`. */
void layout_assembly_prefix(struct key *key, uint64_t bucket, struct span prefix);

struct span layout_encode_object(struct arena *arena, const struct object *object);
MUST_CHECK bool layout_decode_object(struct span value, struct object *out);
/* Keys that are open are wrapped under the bucket's, others stay as they are; bytes are sealed when
 * the bucket says so. */
struct span layout_encode_content(const struct object_bucket *bucket,
                                  const struct content *content);
/* Opens nothing: content_open does. */
MUST_CHECK bool layout_decode_content(struct span value, struct arena *arena, struct content *out);
struct span layout_encode_piece(const struct object_bucket *bucket, const struct piece *piece);
MUST_CHECK bool layout_decode_piece(struct span value, struct arena *arena, struct piece *out);
/* The encoded content of nothing but bytes in memory. */
bool layout_is_here(struct span content);
struct span layout_encode_assembly(struct arena *arena, const struct assembly *assembly);
MUST_CHECK bool layout_decode_assembly(struct span value, struct assembly *out);

struct directory_entry {
    uint32_t number;
    uint64_t size;
};
struct span layout_encode_directory(struct arena *arena, const struct directory_entry *entries,
                                    size_t count);
MUST_CHECK bool layout_decode_directory(struct span value, struct arena *arena,
                                        struct directory_entry **ret, size_t *ret_count);

/* Shared by the files of the engine. */

/* Opens what is sealed: 0, -ENOKEY when the bucket's key does not fit, -EIO when bytes are damaged.
 */
MUST_CHECK int content_open(const struct object_bucket *bucket, struct content *content);
/* Drops the references of a content. */
MUST_CHECK int content_unshare(const struct object_bucket *bucket, const struct content *content);
/* Microseconds, for their order's sake. No two versions or assemblies of this process share one, so
 * the number of a deleted version does not come back. Any thread. */
uint64_t object_next_stamp(int64_t now_ms);
/* Numbers a new version and says whether it is plain; `modified_ms` is set. `old` is the current
 * object or NULL. */
MUST_CHECK int object_stamp(const struct object_bucket *bucket, struct span name,
                            const struct object *old, struct object *record);
/* Makes a stamped record the current version; what it replaces is kept or dropped. */
MUST_CHECK int object_install(const struct object_bucket *bucket, struct span name,
                              const struct object *old, const struct object *record);
/* Notes for the assemblies of the name that its object was deleted. */
MUST_CHECK int assembly_disturb_all(const struct object_bucket *bucket, struct span name);
/* Such a number: 0, -ENOENT or another negative errno; written, or deleted when it is 0. */
MUST_CHECK int index_number_get(const struct object_bucket *bucket, enum OBJECT_KEYSPACE keyspace,
                                struct span name, uint64_t *ret);
void index_number_put(const struct object_bucket *bucket, enum OBJECT_KEYSPACE keyspace,
                      struct span name, uint64_t number);
/* Deletes all notes of a version. */
MUST_CHECK int note_drop_all(const struct object_bucket *bucket, struct span name,
                             const struct object *object);
/* Drops what an object's record points at, the record itself excepted. */
MUST_CHECK int object_drop_content(const struct object_bucket *bucket, struct span name,
                                   const struct object *object);
/* Many at once: a cursor must be closed before anything is written. */
struct pieces {
    struct arena *arena;
    struct piece *at;
    size_t count, room;
    size_t limit; /* set by the caller */
};
/* Those behind the number `after`, at most `limit`; `ret` has the arena and the limit. */
MUST_CHECK int pieces_some(const struct object_bucket *bucket, const struct assembly_id *id,
                           uint32_t after, struct pieces *ret);
MUST_CHECK int pieces_all(const struct object_bucket *bucket, const struct assembly_id *id,
                          struct pieces *ret);
/* Writes the record alone. */
void piece_write(const struct object_bucket *bucket, const struct assembly_id *id,
                 const struct piece *piece);
/* Deletes one piece and drops its content. */
MUST_CHECK int piece_drop(const struct object_bucket *bucket, const struct assembly_id *id,
                          const struct piece *piece);
/* Deletes pieces and directory of an assembly and drops their content: at once where they are few,
 * else object_clear_some does it. */
MUST_CHECK int remains_drop(const struct object_bucket *bucket, const struct assembly_id *id);
/* A range of an object in pieces. */
MUST_CHECK int pieces_content(const struct object_bucket *bucket, const struct assembly_id *id,
                              struct byte_range range, struct content *ret);
/* Appends that part of `whole` to `part`, whose `cuts` has room for all of whole's. */
void content_clip(const struct content *whole, struct byte_range range, struct cut *cuts,
                  struct content *part);
