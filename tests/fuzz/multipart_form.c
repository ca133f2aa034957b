// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as a form, whole and in pieces: both give the same status, fields and file. Input: the
 * first byte chooses the size of the pieces.
 */
#include "wire/multipart_form.h"

#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static int take(void *into, struct span piece)
{
    struct buf *file = into;
    buf_append(file, piece);
    return file->over ? -1 : 0;
}

static void feed(struct multipart_form *form, struct arena *arena, struct span raw, size_t step,
                 struct buf *file)
{
    const struct multipart_sink sink = {take, file};
    buf_init(file, 1 << 20);
    if (!multipart_begin(form, arena, S("multipart/form-data; boundary=xx")))
        abort();
    for (; raw.len; raw = span_from(raw, step)) {
        struct span piece = span_first(raw, step), rest;
        int error;
        multipart_feed(form, piece, &sink, &rest, &error);
        if (rest.len)
            multipart_feed(form, rest, &sink, &rest, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arenas[2];
    struct multipart_form forms[2];
    struct buf files[2];
    if (len < 1)
        return 0;
    struct span raw = span_of(bytes + 1, len - 1);
    for (size_t i = 0; i < 2; i++) {
        arena_init(&arenas[i], 64 << 10, 1 << 20);
        feed(&forms[i], &arenas[i], raw, i ? bytes[0] % 16U + 1 : len, &files[i]);
    }
    bool same = forms[0].status == forms[1].status &&
                forms[0].field_count == forms[1].field_count &&
                span_eq(buf_span(&files[0]), buf_span(&files[1]));
    for (size_t i = 0; same && i < forms[0].field_count; i++)
        same = span_eq(forms[0].fields[i].name, forms[1].fields[i].name) &&
               span_eq(forms[0].fields[i].value, forms[1].fields[i].value);
    if (!same)
        abort();
    for (size_t i = 0; i < 2; i++) {
        arena_done(&arenas[i]);
        buf_done(&files[i]);
    }
    return 0;
}
