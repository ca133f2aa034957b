// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * multipart/form-data (RFC 7578) with one file, incremental and strict: fields are collected until
 * the part named "file" begins, its bytes come out by callback, and what follows it is passed over,
 * as S3 does. The boundary and the parts' heads must be exact; only the preamble may be anything.
 * One thread at a time.
 */
#include "base/arena.h"

#define MULTIPART_FIELDS_MAX 20480 /* bytes before the file, heads included: as S3 */
#define MULTIPART_FIELD_COUNT 100
#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 section 5.1.1 */

enum MULTIPART_STATUS {
    MULTIPART_FIELDS, /* wants more; the file has not begun */
    MULTIPART_FILE,   /* the fields are complete; feed on */
    MULTIPART_DONE,   /* the file is complete */
    MULTIPART_MALFORMED,
    MULTIPART_TOO_LARGE, /* too much before the file */
    MULTIPART_NO_FILE,   /* the form ended without one */
    MULTIPART_STOPPED,   /* `take` answered an error */
};

struct multipart_field {
    struct span name, value;
};

/* Not to be moved. Fields are valid from MULTIPART_FILE on, in the arena. */
struct multipart_form {
    struct arena *arena;
    enum MULTIPART_STATUS status;
    char delimiter[MULTIPART_BOUNDARY_MAX + 8]; /* \r\n--boundary */
    size_t delimiter_len, matched;              /* of the delimiter, in the file */
    char *head;                                 /* what came before the file */
    size_t head_len, used;                      /* collected; up to the part being read */
    struct multipart_field fields[MULTIPART_FIELD_COUNT];
    size_t field_count;
    struct span file_name; /* absent when the part names none */
};

/* From the Content-Type header; false when it is no multipart/form-data with a usable boundary. */
bool multipart_begin(struct multipart_form *form, struct arena *arena, struct span content_type);
/*
 * Feeds a piece. Ends at MULTIPART_FILE with *ret_rest set to what is left of the piece, so that
 * the caller can look at the fields and then feed the rest; else *ret_rest is empty. `take(into,
 * bytes)` gets the file's bytes and answers 0 or a negative errno, then returned in *ret_error.
 */
struct multipart_sink {
    int (*take)(void *into, struct span bytes);
    void *into;
};
enum MULTIPART_STATUS multipart_feed(struct multipart_form *form, struct span piece,
                                     const struct multipart_sink *sink, struct span *ret_rest,
                                     int *ret_error);
