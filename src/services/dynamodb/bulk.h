// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Bulk operations: items from S3 into a table that is in use, each with a condition of its own if
 * it has one ("Running a bulk put items operation"). Like an import they go on step by step on a
 * worker, for whoever asked, and after a restart where they stopped.
 */
#include "services/dynamodb/dynamodb.records.h"
#include "services/dynamodb/transfer.h"
#include "wire/call.h"

/* What OutputType calls CONDITION_CHECK_FAILURE and ERROR. In records: for ever. */
enum BULK_REPORT { BULK_ERRORS, BULK_UNMET, BULK_REPORTS };

struct span bulk_arn(struct call *c, const struct dynamodb_bulk *bulk);
/* ERROR, CONDITION_CHECK_FAILURE. */
struct span bulk_report_name(enum BULK_REPORT report);

struct object_reader;
/* Between steps: what is read, and how fast it was written in this second. */
struct bulk_pace {
    struct object_reader *reader;
    int64_t second;
    double units;
    bool waiting; /* out: one waits for the next second */
};
/* bulk_step.c: as export_step. */
MUST_CHECK int bulk_step(struct call *c, struct bulk_pace *pace);
MUST_CHECK int bulk_finish(struct call *c);

/* ---- bulk_write.c ---------------------------------------------------------------------------- */

/* Lines of a report, of one step. */
struct bulk_lines {
    struct buf *at[BULK_REPORTS];
};
/* Writes records of the text into the table until there is enough for a step; *ret_taken: bytes of
 * it that are done. 0, or a negative errno: -ENOENT: the table is gone. */
enum BULK_REST { BULK_MORE_FOLLOWS, BULK_NOTHING_FOLLOWS };
struct bulk_text {
    struct span text;
    enum BULK_REST rest;
    double units; /* that may be written */
    double used;  /* out */
    size_t taken; /* out: bytes that are done */
};
MUST_CHECK int bulk_write(struct call *c, struct dynamodb_bulk *bulk, struct bulk_text *text,
                          struct bulk_lines *lines);
/* That an object could not be read on. */
void bulk_tell_object(const struct dynamodb_bulk *bulk, struct span message,
                      struct bulk_lines *lines);

/* ---- bulk_report.c --------------------------------------------------------------------------- */

/* What all objects of the report begin with: PREFIX/AWSDynamoDB/ID/. */
struct span bulk_folder(struct call *c, const struct dynamodb_bulk *bulk);
/* Keeps the lines with the step. */
void bulk_keep(struct call *c, struct dynamodb_bulk *bulk, const struct bulk_lines *lines);
/* Whether so much waits that it is to be written now. */
bool bulk_is_full(const struct dynamodb_bulk *bulk);
/* Writes one object of what waits. *ret_more false: nothing waits, and the manifest is written. */
RESULT bulk_report(struct call *c, struct dynamodb_bulk *bulk, bool *ret_more);
