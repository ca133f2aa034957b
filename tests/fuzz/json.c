// SPDX-License-Identifier: Apache-2.0
/*
 * What the JSON reader accepts and the writer prints again must give the same tokens, and every
 * decoded text must be valid UTF-8.
 */
#include "base/json.h"
#include "base/utf8.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void print_token(struct json_writer *writer, enum JSON_TOKEN token, struct span text)
{
    switch (token) {
    case JSON_NULL:
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NUMBER:
        json_literal(writer, text);
        break;
    case JSON_STRING:
        json_string(writer, text);
        break;
    case JSON_KEY:
        json_key(writer, text);
        break;
    case JSON_ARRAY:
        json_begin_array(writer);
        break;
    case JSON_ARRAY_END:
        json_end_array(writer);
        break;
    case JSON_OBJECT:
        json_begin_object(writer);
        break;
    case JSON_OBJECT_END:
        json_end_object(writer);
        break;
    case JSON_END:
    case JSON_BAD:
        break;
    }
}

static bool has_text(enum JSON_TOKEN token)
{
    return token >= JSON_NULL && token <= JSON_KEY;
}

static bool print_again(struct span input, struct arena *arena, struct buf *out)
{
    struct json_reader reader;
    struct json_writer writer = {.out = out};
    json_reader_init(&reader, input, arena);
    for (;;) {
        enum JSON_TOKEN token = json_next(&reader);
        if (token == JSON_END || token == JSON_BAD)
            return token == JSON_END;
        must(!has_text(token) || utf8_is_valid(reader.text));
        print_token(&writer, token, reader.text);
    }
}

static void same_tokens(struct span a, struct span b, struct arena *arena)
{
    struct json_reader left, right;
    json_reader_init(&left, a, arena);
    json_reader_init(&right, b, arena);
    for (;;) {
        enum JSON_TOKEN token = json_next(&left);
        must(json_next(&right) == token);
        if (token == JSON_END)
            return;
        must(!has_text(token) || span_eq(left.text, right.text));
    }
}

/* Skipping accepts a document exactly when reading it does. */
static void skip_all(struct span input, struct arena *arena, bool good)
{
    struct json_reader reader;
    json_reader_init(&reader, input, arena);
    struct span raw = json_raw(&reader, json_next(&reader));
    must(!good || !span_is_absent(raw));
    must((!span_is_absent(raw) && json_next(&reader) == JSON_END) == good);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct buf out;
    struct span input = span_of(bytes, len);
    arena_init(&arena, 4096, 1 << 28);
    buf_init(&out, 1 << 28);
    bool good = print_again(input, &arena, &out);
    skip_all(input, &arena, good);
    if (good)
        same_tokens(input, buf_span(&out), &arena);
    buf_done(&out);
    arena_done(&arena);
    return 0;
}
