// SPDX-License-Identifier: Apache-2.0
/* Each piece is a transaction of its own, so nothing is held while the disk is written; an object
 * that is replaced meanwhile ends it. Workers. */
#include "services/ec2/archive_object.h"

#include "auth/principal.h"
#include "base/time.h"
#include "services/ec2/ec2.api.h"
#include "services/s3/s3.h"
#include "store/txn.h"

#include <errno.h>
#include <stdio.h>

#define ARENA_FIRST 65536
#define ARENA_CEILING (64 << 20)

/* What DescribeImportImageTasks says of objects that cannot be read. */
static int deny(struct archive_object *object, const struct refusal *refusal)
{
    bool gone = strncmp(refusal->kind->code, "NoSuch", 6) == 0;
    snprintf(object->why, sizeof object->why,
             "Disk validation failed [We do not have access to the given resource. Reason %s]",
             gone ? "404 Not Found" : "403 Forbidden");
    return -EACCES;
}

static int check_same(struct archive_object *object, const struct s3_reading *reading)
{
    if (!object->etag[0]) {
        snprintf(object->etag, sizeof object->etag, "%.*s", SPAN_ARG(reading->etag));
        atomic_store(&object->size, reading->size);
    }
    if (span_eq(span_of_cstr(object->etag), reading->etag))
        return 0;
    snprintf(object->why, sizeof object->why,
             "Disk validation failed [The object was replaced while it was read]");
    return -EACCES;
}

static int read_as_role(struct call *c, struct archive_object *object, struct s3_reading *reading,
                        struct buf *out)
{
    struct identity *role = ARENA_NEW(c->arena, struct identity);
    const struct s3_subject subject = {object->bucket, object->key, SPAN_NONE};
    int error = principal_role(c->txn, c->arena, object->account,
                               principal_lname(c->arena, object->role), role);
    c->caller = role;
    if (error) {
        snprintf(object->why, sizeof object->why, "The service role %.*s has gone",
                 SPAN_ARG(object->role));
        return error == -ENOENT ? -EACCES : error;
    }
    const struct refusal *refusal = s3_read(c, &subject, reading, out);
    return refusal ? deny(object, refusal) : check_same(object, reading);
}

static int read_piece(struct archive_object *object, struct s3_reading *reading, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .account = object->account,
                     .region = object->region,
                     .request_id = S("image import"),
                     .service = &ec2_service,
                     .protocol = ec2_service.protocol,
                     .txn = txn_begin(object->cloud->store),
                     .cloud = object->cloud};
    int error = read_as_role(&c, object, reading, out);
    txn_rollback(c.txn);
    arena_done(&arena);
    return error;
}

int archive_object_open(struct archive_object *object)
{
    struct buf nothing;
    struct s3_reading reading = {.from = UINT64_MAX};
    buf_init(&nothing, 1);
    int error = read_piece(object, &reading, &nothing);
    buf_done(&nothing);
    return error;
}

ssize_t archive_object_read(void *user, char *to, size_t size)
{
    struct archive_object *object = user;
    struct buf piece;
    struct s3_reading reading = {.from = atomic_load(&object->at), .most = size};
    if (atomic_load(&object->cancelled) || atomic_load(object->stopping))
        return -ECANCELED;
    buf_init(&piece, size);
    int error = read_piece(object, &reading, &piece);
    size_t got = error ? 0 : piece.len;
    if (got)
        memcpy(to, piece.at, got);
    buf_done(&piece);
    atomic_fetch_add(&object->at, got);
    return error ? error : (ssize_t)got;
}

unsigned archive_object_percent(const struct archive_object *object)
{
    uint64_t size = atomic_load(&object->size);
    return size ? (unsigned)(100 * atomic_load(&object->at) / size) : 0;
}
