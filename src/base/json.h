// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A strict JSON (RFC 8259) pull reader and a writer. The reader checks as it goes: UTF-8, escapes,
 * number grammar, commas, depth. Number text is never turned into a double here. One thread at a
 * time.
 */
#include "base/arena.h"
#include "base/buf.h"

#define JSON_MAX_DEPTH 256

enum JSON_TOKEN {
    JSON_END, /* the document is complete */
    JSON_BAD, /* malformed; stays so */
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER, /* text = the digits as written */
    JSON_STRING, /* text = the decoded value */
    JSON_KEY,    /* text = the decoded member name; its value follows */
    JSON_ARRAY,
    JSON_ARRAY_END,
    JSON_OBJECT,
    JSON_OBJECT_END,
};

struct json_reader {
    const char *at, *end, *begin;
    const char *token;   /* where the newest value began */
    struct arena *arena; /* decoded strings that had escapes live here */
    struct span text;    /* of the newest token; borrowed from the input or the arena */
    int depth;
    int expect;
    uint64_t objects[JSON_MAX_DEPTH / 64]; /* one bit per open container: 1 = object */
};

void json_reader_init(struct json_reader *reader, struct span input, struct arena *arena);
/* The next token. After JSON_BAD or JSON_END it answers the same for ever. */
enum JSON_TOKEN json_next(struct json_reader *reader);
/* Passes over the rest of a value whose first token was `first`. False when malformed. */
MUST_CHECK bool json_skip(struct json_reader *reader, enum JSON_TOKEN first);
/* The raw text of the value whose first token was `first`, passing over it; absent when malformed.
 */
struct span json_raw(struct json_reader *reader, enum JSON_TOKEN first);

/* The writer puts commas and quotes; the caller keeps begin and end paired. */
struct json_writer {
    struct buf *out;
    bool comma; /* one is due before the next value or key */
};

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);
void json_key(struct json_writer *writer, struct span name);
void json_string(struct json_writer *writer, struct span value);
/* Any text that is already JSON: a number, true, false, null, a document. */
void json_literal(struct json_writer *writer, struct span text);
void json_i64(struct json_writer *writer, int64_t value);
void json_bool(struct json_writer *writer, bool value);
/* A short text that reads back as the same double; what JSON cannot say becomes the strings "NaN",
 * "Infinity" and "-Infinity", as the AWS JSON protocols have it. */
void json_double(struct json_writer *writer, double value);
