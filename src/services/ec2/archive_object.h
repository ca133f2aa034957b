// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * An object of S3 as the source of a disk, read in the name of a role piece by piece. It lasts as
 * long as its reader; the control thread may look at it and end it meanwhile.
 */
#include "engines/sandbox/sandbox.h"
#include "services/cloud.h"

#include <stdatomic.h>

#define ARCHIVE_WHY 160

struct archive_object {
    struct cloud *cloud;
    struct span account, region; /* of the role */
    struct span role;            /* its name */
    struct span bucket, key;
    const atomic_bool *stopping; /* of the process */
    atomic_bool cancelled;
    _Atomic uint64_t at, size;
    char etag[80];         /* of the first piece */
    char why[ARCHIVE_WHY]; /* it cannot be read, for people */
};

/* Finds out how large it is. On a worker, as the reading is. -EACCES: why says it. */
MUST_CHECK int archive_object_open(struct archive_object *object);
/* For struct sandbox_source; `user` is the object. Also -ECANCELED. */
ssize_t archive_object_read(void *user, char *to, size_t size);
/* How much of it was read. Any thread. */
unsigned archive_object_percent(const struct archive_object *object);
