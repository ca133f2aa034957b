// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The source of CopyObject and UploadPartCopy. Copies share extents, so no byte is written twice;
 * where a copy's ETag or checksum is not known from the source (parts, slices, another algorithm)
 * the source is read once on the worker, outside of all locks, before the copy is made under them.
 */
#include "services/s3/encryption.h"
#include "services/s3/object.h"

struct source_name {
    struct span copy_source; /* as in x-amz-copy-source */
    struct span expected_owner;
    struct condition condition;
    struct encryption_headers encryption; /* the key of an object that is under a customer's */
};

struct source {
    struct span bucket;      /* decoded; of the access point when one is named */
    struct span reached_by;  /* ARN of that access point, or absent */
    struct object_name name; /* decoded */
    struct span expected_owner;
    struct condition condition;
    struct encryption encryption;
    struct place place;
    struct object_found found;
};

/* Reads the name: InvalidArgument when it is none. Authorises s3:GetObject on it. */
RESULT source_read_name(struct call *c, const struct source_name *name, struct source *out);
/* Finds the object in this transaction: conditions hold and it can be read. The caller has the lock
 * of its key. */
RESULT source_find(struct call *c, struct txn *txn, struct source *source);
/* The same in a transaction of its own, for a first look. */
RESULT source_look(struct call *c, struct source *source);
/* x-amz-copy-source-version-id, which S3 sends for numbered versions only. */
struct span source_version(struct call *c, const struct source *source);

/* What is computed from a range of the source, and of which version. */
struct source_digest {
    struct digests digests;
    uint64_t stamp;
};
/* In a transaction of its own; blocks. `range` = NULL: all of it. */
RESULT source_digest(struct call *c, struct source *source, const struct byte_range *range,
                     unsigned digests, struct source_digest *out);
RESULT source_refuse_changed(struct call *c);
/* OperationAborted when the source is not the version that was digested any more. */
RESULT source_check(struct call *c, const struct source *source,
                    const struct source_digest *digest);
