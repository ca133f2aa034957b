// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Imports of tables from S3, as they are kept, and the text that they come from. */
#include "services/dynamodb/dynamodb.records.h"
#include "services/dynamodb/transfer.h"
#include "wire/call.h"

/* import_step.c: as export_step; what is read is kept in *reader between steps. */
struct object_reader;
MUST_CHECK int import_step(struct call *c, struct object_reader **reader);
MUST_CHECK int import_finish(struct call *c);

struct span import_arn(struct call *c, const struct dynamodb_import_record *import);

/* ---- import_text.c --------------------------------------------------------------------------- */

enum IMPORT_FORMAT { IMPORT_JSON, IMPORT_CSV, IMPORT_ION };
enum IMPORT_FORMAT import_format(struct span name);

/* Takes the next line (of CSV: row, which may have line ends in quotes; of Ion: struct) from the
 * beginning of *text, without its end. False when it is not whole yet; `last`: nothing follows. */
enum IMPORT_REST { IMPORT_MORE_FOLLOWS, IMPORT_NOTHING_FOLLOWS };
MUST_CHECK bool import_take_record(enum IMPORT_FORMAT format, enum IMPORT_REST rest,
                                   struct span *text, struct span *ret);
/* The fields of a row: quotes taken away, what had none and is empty is absent. False when
 * malformed. */
MUST_CHECK bool import_read_row(struct arena *arena, struct span row, char delimiter,
                                struct record_texts *ret);
