// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Exports of tables to S3, as they are kept. */
#include "services/dynamodb/dynamodb.records.h"
#include "services/dynamodb/transfer.h"
#include "wire/call.h"

/* In records: for ever. */
enum EXPORT_STEP {
    EXPORT_COPYING,   /* the engine copies the table as it was at the moment */
    EXPORT_GATHERING, /* an incremental one: which items changed, and what they were */
    EXPORT_WRITING,   /* files */
    EXPORT_TELLING,   /* manifests */
};

struct span export_arn(struct call *c, const struct dynamodb_export *export);
/* What engines/kv calls the copy, and the items that changed. */
struct span export_copy(struct arena *arena, const struct dynamodb_export *export);
struct span export_changes(struct arena *arena, const struct dynamodb_export *export);
/* PREFIX/AWSDynamoDB/ID/NAME. */
struct span export_key(struct call *c, const struct dynamodb_export *export, const char *name);

/* export_file.c: writes the next file and what was written to the record. *ret_more: it was not the
 * last. A refusal is S3's; *ret_error is a negative errno of our own. */
struct export_written {
    bool more;
    int error;
};
RESULT export_write_file(struct call *c, struct dynamodb_export *export,
                         struct export_written *ret);
/* One of them in a transaction, like every object. */
#define EXPORT_MANIFESTS 4
RESULT export_write_manifest(struct call *c, const struct dynamodb_export *export, size_t number);
/* The empty file by which the bucket is tried. */
RESULT export_write_start(struct call *c, const struct dynamodb_export *export);

/* In the items of changes, beside the keys. */
#define EXPORT_OLD S("\001old")
#define EXPORT_TIME S("\001time")
