// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Imports of tables from S3, as they are kept, and the text that they come from. */
#include "services/dynamodb/dynamodb.records.h"
#include "services/dynamodb/transfer.h"
#include "wire/call.h"

/* import_step.c: as export_step; what is read is kept in *reader between steps. */
struct import_reader;
MUST_CHECK int import_step(struct call *c, struct import_reader **reader);
MUST_CHECK int import_finish(struct call *c);
void import_reader_free(struct import_reader *reader); /* accepts NULL */

struct span import_arn(struct call *c, const struct dynamodb_import_record *import);

/* ---- import_text.c --------------------------------------------------------------------------- */

#define IMPORT_RECORD_MAX                                                                          \
    (16 << 20) /* bytes of one line: the largest item escaped at every byte                        \
                */

enum IMPORT_FORMAT { IMPORT_JSON, IMPORT_CSV };

/* Takes the next line (of CSV: row, which may have line ends in quotes) from the beginning of
 * *text, without its end. False when it is not whole yet; `last`: nothing follows. */
enum IMPORT_REST { IMPORT_MORE_FOLLOWS, IMPORT_NOTHING_FOLLOWS };
MUST_CHECK bool import_take_record(enum IMPORT_FORMAT format, enum IMPORT_REST rest,
                                   struct span *text, struct span *ret);
/* The fields of a row: quotes taken away, what had none and is empty is absent. False when
 * malformed. */
MUST_CHECK bool import_read_row(struct arena *arena, struct span row, char delimiter,
                                struct record_texts *ret);
