// SPDX-License-Identifier: Apache-2.0
/*
 * One step of a bucket's pass: looks at a page of versions or uploads without locks, then deletes
 * what is due under the locks of its names, after looking again, a few at a time, so that nobody
 * waits long. How far the pass is goes into the last of these transactions; what a crash repeats
 * finds its work done. On a worker.
 */
#include "base/time.h"
#include "services/cloud.h"
#include "services/s3/background.h"
#include "services/s3/lock.h"
#include "services/s3/sweep.h"

#include <errno.h>

#define LOOKED_AT 200 /* entries in one batch */
#define AT_ONCE 16    /* deletions under one set of locks */

/* Stored in records: numbers are stable. */
enum STAGE { STAGE_VERSIONS = 0, STAGE_UPLOADS = 1 };

enum DEED { EXPIRE_CURRENT, DELETE_OLDER, CLEAR_MARKER, ABORT_UPLOAD, CHANGE_CLASS, CHANGE_TIER };

struct due {
    enum DEED deed;
    struct span name;
    uint64_t stamp;
    struct assembly_id upload;
    const struct storage_class *class;
};

struct looking {
    struct sweep_bucket *sweep;
    struct txn *txn;
    struct due due[LOOKED_AT];
    size_t count;
    int error;
};

static bool is_past(const struct sweep_bucket *sweep, int64_t when)
{
    return when != TIME_NONE && when <= sweep->c->now_ms;
}

/* ---- looking -------------------------------------------------------------------------------- */

static int read_subject(struct sweep_bucket *sweep, struct span name, const struct object *object,
                        struct s3_attributes *attributes, struct lifecycle_subject *out)
{
    *attributes = (struct s3_attributes){.parts = 0};
    if (!object->mark &&
        !record_decode(&s3_attributes_table, object->attributes, sweep->c->arena, attributes))
        return -EBADMSG;
    *out = lifecycle_subject(name, object, attributes);
    return 0;
}

static bool older_is_due(const struct sweep_bucket *sweep, const struct lifecycle_subject *subject,
                         const struct s3_attributes *attributes)
{
    int64_t at = lifecycle_older_expiry(&sweep->rules, subject, sweep->at->newer, sweep->at->rank);
    return is_past(sweep, at) && !lock_holds(attributes, sweep->c->now_ms);
}

static void plan(struct looking *looking, enum DEED deed, struct span name, uint64_t stamp)
{
    looking->due[looking->count++] = (struct due){.deed = deed, .name = name, .stamp = stamp};
}

/* Where the version goes that is not deleted. */
static const struct storage_class *next_class(const struct sweep_bucket *sweep,
                                              const struct lifecycle_subject *subject,
                                              const struct object_listed *listed)
{
    struct lifecycle_move move = {.rules = &sweep->rules,
                                  .subject = subject,
                                  .now_ms = sweep->c->now_ms,
                                  .varied_minimum = sweep->bucket.varied_minimum};
    if (listed->object->mark)
        return NULL;
    return listed->newest ? lifecycle_transition(&move)
                          : lifecycle_older_transition(&move, sweep->at->newer, sweep->at->rank);
}

/* Objects that go into another class or away are not looked at for tiers. */
static void look_at_tier(struct looking *looking, const struct object_listed *listed,
                         const struct s3_attributes *attributes)
{
    struct sweep_bucket *sweep = looking->sweep;
    struct tiering_subject subject = {
        .bucket_id = sweep->bucket.id,
        .key = listed->name,
        .object = listed->object,
        .attributes = attributes,
    };
    if (tiering_is_due(sweep->c, looking->txn, &sweep->tierings, &subject))
        plan(looking, CHANGE_TIER, listed->name, listed->object->stamp);
}

static void look_at_version(void *user, const struct object_listed *listed)
{
    struct looking *looking = user;
    struct sweep_bucket *sweep = looking->sweep;
    const struct s3_lifecycle_rule *rule;
    struct s3_attributes attributes;
    struct lifecycle_subject subject;
    struct s3_sweep *at = sweep->at;
    const struct object *object = listed->object;
    int error = read_subject(sweep, listed->name, object, &attributes, &subject);
    if (error < 0) {
        looking->error = error;
        return;
    }
    bool due = listed->newest && object->mark
                   ? is_past(sweep, lifecycle_marker_expiry(&sweep->rules, listed->name,
                                                            object->modified_ms))
               : listed->newest ? is_past(sweep, lifecycle_expiry(&sweep->rules, &subject, &rule))
                                : older_is_due(sweep, &subject, &attributes);
    if (due)
        plan(looking,
             !listed->newest ? DELETE_OLDER
             : object->mark  ? CLEAR_MARKER
                             : EXPIRE_CURRENT,
             listed->name, object->stamp);
    const struct storage_class *class = due ? NULL : next_class(sweep, &subject, listed);
    if (class) {
        plan(looking, CHANGE_CLASS, listed->name, object->stamp);
        looking->due[looking->count - 1].class = class;
    }
    if (!due && !class && !object->mark)
        look_at_tier(looking, listed, &attributes);
    at->rank = listed->newest ? 0 : at->rank + 1;
    at->newer = object->modified_ms;
    at->after_name = listed->name;
    at->after_stamp = object->stamp;
}

static void look_at_upload(void *user, struct span name, const struct assembly *assembly)
{
    struct looking *looking = user;
    struct sweep_bucket *sweep = looking->sweep;
    if (is_past(sweep, lifecycle_upload_expiry(&sweep->rules, name, assembly->started_ms))) {
        plan(looking, ABORT_UPLOAD, name, 0);
        looking->due[looking->count - 1].upload = assembly->id;
    }
    sweep->at->after_name = name;
    sweep->at->after_upload =
        arena_copy(sweep->c->arena, span_of(assembly->id.bytes, sizeof assembly->id.bytes));
}

static int look_at_versions(const struct object_bucket *bucket, struct looking *looking,
                            bool *ret_more)
{
    struct s3_sweep *at = looking->sweep->at;
    uint64_t stamp = at->after_stamp;
    struct object_version_list list = {
        .after_name = at->after_name,
        .after_stamp = at->after_name.len ? &stamp : NULL,
        .limit = LOOKED_AT,
        .visit = look_at_version,
        .user = looking,
    };
    return object_list_versions(bucket, &list, ret_more);
}

static int look_at_uploads(const struct object_bucket *bucket, struct looking *looking,
                           bool *ret_more)
{
    struct assembly_id id;
    struct s3_sweep *at = looking->sweep->at;
    bool goes_on = at->after_upload.len == sizeof id.bytes;
    if (goes_on)
        memcpy(id.bytes, at->after_upload.at, sizeof id.bytes);
    struct assembly_list list = {
        .after_name = at->after_name,
        .after_id = goes_on ? &id : NULL,
        .limit = LOOKED_AT,
        .visit = look_at_upload,
        .user = looking,
    };
    return assembly_list(bucket, &list, ret_more);
}

bool sweep_is_at_start(const struct s3_sweep *at)
{
    return at->stage == STAGE_VERSIONS && at->after_name.len == 0;
}

/* Moves on; behind the last upload the pass is at its end until the midnight after its beginning:
 * what it looked at before a midnight that fell into it may be due by now. */
static void next_stage(struct sweep_bucket *sweep)
{
    struct s3_sweep *at = sweep->at;
    bool ended = at->stage == STAGE_UPLOADS;
    *at = (struct s3_sweep){
        .bucket = at->bucket,
        .edition = at->edition,
        .stage = ended ? STAGE_VERSIONS : STAGE_UPLOADS,
        .due = ended ? lifecycle_midnight(at->due + 1) : at->due,
    };
}

static int look(struct looking *looking)
{
    struct sweep_bucket *sweep = looking->sweep;
    bool more;
    struct object_bucket bucket = {.txn = txn_begin(sweep->c->cloud->store),
                                   .arena = sweep->c->arena,
                                   .id = sweep->bucket.id,
                                   .keeping = version_keeping(sweep->bucket.versioning)};
    looking->txn = bucket.txn;
    int error = sweep->at->stage == STAGE_UPLOADS ? look_at_uploads(&bucket, looking, &more)
                                                  : look_at_versions(&bucket, looking, &more);
    txn_rollback(bucket.txn);
    if (error == 0)
        error = looking->error;
    if (error == 0 && !more)
        next_stage(sweep);
    return error;
}

/* ---- doing ---------------------------------------------------------------------------------- */

static int expire_current(const struct object_bucket *bucket, const struct due *due, int64_t now_ms)
{
    struct object current, mark;
    int result = object_get(bucket, due->name, &current);
    if (result < 0 || current.stamp != due->stamp)
        return result == -ENOENT ? 0 : result;
    return object_delete(bucket, due->name, &current, now_ms, &mark);
}

static void note_name(void *user, const struct object_listed *listed)
{
    struct span *next = user;
    *next = listed->name;
}

/* Behind a marker that goes there must be no other version. */
static int is_alone(const struct object_bucket *bucket, const struct due *due)
{
    struct object newest;
    struct span next = SPAN_NONE;
    bool more;
    int result = object_newest(bucket, due->name, &newest);
    if (result < 0 || newest.stamp != due->stamp || !newest.mark)
        return result == -ENOENT ? 0 : result;
    struct object_version_list list = {.prefix = due->name,
                                       .after_name = due->name,
                                       .after_stamp = &due->stamp,
                                       .limit = 1,
                                       .visit = note_name,
                                       .user = &next};
    result = object_list_versions(bucket, &list, &more);
    return result < 0 ? result : !span_eq(next, due->name);
}

static int delete_version(const struct object_bucket *bucket, const struct due *due, int64_t now_ms)
{
    struct object object, newest;
    struct s3_attributes attributes = {.parts = 0};
    struct object_version version = {OBJECT_EITHER, due->stamp};
    int result = object_get_version(bucket, due->name, &version, &object);
    if (result == 0)
        result = object_newest(bucket, due->name, &newest);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    bool newest_goes = newest.stamp == object.stamp && due->deed == DELETE_OLDER;
    if (!object.mark &&
        !record_decode(&s3_attributes_table, object.attributes, bucket->arena, &attributes))
        return -EBADMSG;
    if (newest_goes || lock_holds(&attributes, now_ms))
        return 0;
    return object_delete_version(bucket, due->name, &object);
}

static int clear_marker(const struct object_bucket *bucket, const struct due *due, int64_t now_ms)
{
    int alone = is_alone(bucket, due);
    return alone > 0 ? delete_version(bucket, due, now_ms) : alone;
}

static int abort_upload(const struct object_bucket *bucket, const struct due *due)
{
    struct assembly assembly = {.id = due->upload};
    int result = assembly_get(bucket, due->name, &assembly);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    return assembly_drop(bucket, due->name, &due->upload);
}

/* Into another class, if it is still in one that leads there. */
static bool change_class(struct call *c, const struct due *due, struct s3_attributes *attributes)
{
    const struct storage_class *from = storage_class_named(attributes->storage_class);
    if (!from || !storage_class_leads(from, due->class))
        return false;
    if (tiering_is_of(from->name) || tiering_is_of(due->class->name))
        tiering_enter(attributes, c->now_ms);
    attributes->storage_class = due->class->name;
    return true;
}

/* Into another tier, if nobody has accessed it meanwhile. */
static bool change_tier(struct sweep_bucket *sweep, const struct object_bucket *bucket,
                        const struct tiering_subject *subject, struct s3_attributes *attributes)
{
    struct call *c = sweep->c;
    if (!tiering_is_due(c, bucket->txn, &sweep->tierings, subject))
        return false;
    enum TIER tier = tiering_next(c, bucket->txn, &sweep->tierings, subject);
    tiering_archive(c, bucket->txn, tier, subject, attributes);
    return true;
}

/* The bytes stay where they are: classes and tiers differ in what may be done with them. */
static int change_attributes(struct sweep_bucket *sweep, const struct object_bucket *bucket,
                             const struct due *due)
{
    struct object object;
    struct call *c = sweep->c;
    struct s3_attributes attributes = {.parts = 0};
    struct object_version version = {OBJECT_EITHER, due->stamp};
    struct tiering_subject subject = {sweep->bucket.id, due->name, &object, &attributes};
    int result = object_get_version(bucket, due->name, &version, &object);
    if (result < 0)
        return result == -ENOENT ? 0 : result;
    if (attributes_decode(c, object.attributes, &attributes))
        return -EBADMSG;
    if (due->deed == CHANGE_CLASS ? change_class(c, due, &attributes)
                                  : change_tier(sweep, bucket, &subject, &attributes))
        object_set_attributes(bucket, due->name, &object, attributes_encode(c, &attributes));
    return 0;
}

static int do_deed(struct sweep_bucket *sweep, const struct object_bucket *bucket,
                   const struct due *due)
{
    struct call *c = sweep->c;
    switch (due->deed) {
    case EXPIRE_CURRENT:
        return expire_current(bucket, due, c->now_ms);
    case DELETE_OLDER:
        return delete_version(bucket, due, c->now_ms);
    case CLEAR_MARKER:
        return clear_marker(bucket, due, c->now_ms);
    case ABORT_UPLOAD:
        return abort_upload(bucket, due);
    case CHANGE_CLASS:
    case CHANGE_TIER:
        return change_attributes(sweep, bucket, due);
    }
    return -EINVAL;
}

/* Some of them, in one transaction that is left open. The bucket may be gone, or another one. */
static int do_some(struct sweep_bucket *sweep, struct txn *txn, const struct due *due, size_t count)
{
    struct object_key keys[AT_ONCE];
    struct s3_bucket_record bucket = {.name = sweep->bucket.name};
    for (size_t i = 0; i < count; i++)
        keys[i] = (struct object_key){sweep->bucket.name, due[i].name};
    object_lock(txn, keys, count);
    int result = s3_bucket_record_get(txn, sweep->c->arena, &bucket);
    if (result < 0 || bucket.id != sweep->bucket.id)
        return result == -ENOENT ? 0 : result;
    struct object_bucket index = {.txn = txn,
                                  .arena = sweep->c->arena,
                                  .id = bucket.id,
                                  .keeping = version_keeping(bucket.versioning),
                                  .watcher = background_watcher(sweep->c->cloud)};
    for (size_t i = 0; i < count && result == 0; i++)
        result = do_deed(sweep, &index, &due[i]);
    return result;
}

int sweep_batch(struct sweep_bucket *sweep)
{
    struct looking *looking = ARENA_NEW(sweep->c->arena, struct looking);
    struct store *store = sweep->c->cloud->store;
    looking->sweep = sweep;
    int result = look(looking);
    for (size_t i = 0; i < looking->count && result == 0; i += AT_ONCE) {
        size_t count = looking->count - i < AT_ONCE ? looking->count - i : AT_ONCE;
        struct txn *txn = txn_begin(store);
        result = background_end(txn, do_some(sweep, txn, &looking->due[i], count));
    }
    if (result < 0)
        return result;
    struct txn *txn = txn_begin(store);
    if (sweep_is_at_start(sweep->at)) /* of the next pass */
        result = tiering_tidy(sweep->c, txn, &sweep->bucket);
    s3_sweep_put(txn, sweep->at);
    return background_end(txn, result);
}
