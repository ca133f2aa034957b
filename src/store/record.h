// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Resource records: structs described by tables that tools/gen_records.py writes from records.idl.
 * On disk a record is a version byte and then (field number, form, value) triples, so that fields
 * may be added and old records stay readable; unknown numbers are passed over, absent ones are
 * zero. Absent text is not written, empty text is. Pure but for the txn calls.
 *
 * records.idl, one block per record; `#` begins a comment, line ends are blanks:
 *     record bucket in objects keyspace 0x40 {
 *         key text account            # key components in order, also struct members
 *         key text name
 *         1 text region               # number (stable for ever), type, name
 *         2 time created
 *         3 list tag tags             # a list of a `part` below
 *         4 part owner owner          # pointer, NULL = absent
 *     }
 *     part tag { 1 text key  2 text value }
 *     part owner { 1 text id }
 * gives `struct s3_bucket`, s3_bucket_get/put/delete/each and s3_bucket_table.
 * Families: control, items, objects, logs. Key types: text, u64. Types: text, bytes, u64, i64,
 * bool, time (int64_t ms), part NAME, list text|bytes|u64|NAME.
 */
#include "base/buf.h"
#include "store/txn.h"

enum RECORD_TYPE {
    RECORD_TEXT, /* struct span */
    RECORD_U64,
    RECORD_I64,
    RECORD_BOOL,
    RECORD_TIME,
    RECORD_PART,      /* pointer to another table's struct */
    RECORD_LIST_TEXT, /* struct record_texts */
    RECORD_LIST_PART, /* struct s3_tag_list { struct s3_tag *at; size_t count; } */
    RECORD_LIST_U64,  /* struct record_numbers */
};

struct record_texts {
    struct span *at;
    size_t count;
};

struct record_numbers {
    uint64_t *at;
    size_t count;
};

struct record_field {
    const char *name;
    uint16_t number; /* 1.. ; stable for ever */
    uint16_t offset;
    uint8_t type;
    const struct record_table *part;
};

struct record_key_part {
    uint16_t offset;
    uint8_t type; /* RECORD_TEXT or RECORD_U64 */
};

struct record_table {
    const char *name;
    uint8_t keyspace;
    uint8_t family; /* enum FAMILY */
    uint16_t size;  /* of the struct */
    const struct record_field *fields;
    const struct record_key_part *keys;
    uint8_t field_count, key_count;
};

void record_encode(const struct record_table *table, const void *record, struct buf *out);
/* False when the bytes are no such record. Text is borrowed from `bytes`. */
MUST_CHECK bool record_decode(const struct record_table *table, struct span bytes,
                              struct arena *arena, void *record);

/* The key members of `record` say which. 0, -ENOENT or another negative errno (-EBADMSG:
 * undecodable). */
MUST_CHECK int record_get(struct txn *txn, const struct record_table *table, struct arena *arena,
                          void *record);
void record_put(struct txn *txn, const struct record_table *table, const void *record);
void record_delete(struct txn *txn, const struct record_table *table, const void *record);
/*
 * Visits records in key order: those whose first `fixed` key parts equal the ones in `from`,
 * starting at the first whose further key parts are >= those in `from` (absent text: from the
 * beginning). `visit` answers 0 to go on, 1 to stop, a negative errno to stop with that. Each
 * record is decoded into the arena and stays there; deleting or changing the visited one meanwhile
 * is fine. 0 or negative errno.
 */
MUST_CHECK int record_each(struct txn *txn, const struct record_table *table, const void *from,
                           int fixed, struct arena *arena, int (*visit)(void *user, void *record),
                           void *user);
