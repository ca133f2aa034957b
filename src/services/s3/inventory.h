// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Inventories: lists of a bucket's objects that are written into another bucket every day or every
 * week. Private to this folder. Source: "Cataloging and analyzing your data with S3 Inventory".
 */
#include "base/buf.h"
#include "services/s3/configuration.h"
#include "services/s3/object.h"
#include "services/s3/s3.api.h"

/* The midnight behind `ms` at which the next report is due; weekly ones are on Sundays. */
int64_t inventory_next(const struct s3_inventory_configuration *wish, int64_t ms);
RESULT inventory_load(struct call *c, const struct s3_bucket_record *bucket, struct span id,
                      struct s3_inventory_configuration *out);
/* What is done about it, not its configuration. */
void inventory_forget(struct call *c, struct span bucket, struct span id);

/* A report on its way: how its files and rows look. */
struct inventory_file {
    struct call *c;
    const struct s3_bucket_record *bucket;
    const struct s3_inventory_configuration *wish;
    struct buf *text;         /* rows of CSV */
    struct span folder, name; /* …/config-id/, 2016-11-06T21-32Z */
};
void inventory_file_names(struct inventory_file *file, int64_t begun_ms);
/* "Bucket, Key, …" of the manifest. */
struct span inventory_schema(const struct inventory_file *file);
RESULT inventory_add_row(struct inventory_file *file, const struct object_listed *listed);
/* The rows as a gzip file. */
struct span inventory_packed(const struct inventory_file *file);
struct span inventory_manifest(const struct inventory_file *file,
                               const struct s3_inventory_run *run);
