// SPDX-License-Identifier: Apache-2.0
/* A chunked body decodes to the same bytes, end and error at once and byte by byte. The first byte
 * of the input is only how long the parts of the third reading are. */
#include "http/chunk.h"

#include <stdlib.h>

struct reading {
    char *body;
    size_t len;
    size_t used;
    int result;
};

static void demand(bool condition)
{
    if (!condition)
        abort();
}

/* In parts of `size` bytes. */
static struct reading read_in_parts(struct span input, size_t size)
{
    struct reading reading = {.body = malloc(input.len + 1)};
    struct http_chunks chunks = {0};
    demand(reading.body);
    while (reading.used < input.len && reading.result == HTTP_CHUNK_MORE) {
        struct span part = span_first(span_from(input, reading.used), size), piece;
        size_t before = part.len;
        while ((reading.result = http_chunks_next(&chunks, &part, &piece)) == HTTP_CHUNK_PIECE) {
            demand(piece.len > 0 && reading.len + piece.len <= input.len);
            memcpy(reading.body + reading.len, piece.at, piece.len);
            reading.len += piece.len;
        }
        reading.used += before - part.len;
    }
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    size_t size = len ? bytes[0] % 16 + 1U : 1;
    struct span input = span_from(span_of(bytes, len), len ? 1 : 0);
    struct reading readings[] = {read_in_parts(input, input.len + 1), read_in_parts(input, 1),
                                 read_in_parts(input, size)};
    for (int i = 0; i < 3; i++) {
        demand(readings[i].result == readings[0].result && readings[i].used == readings[0].used);
        demand(span_eq(span_of(readings[i].body, readings[i].len),
                       span_of(readings[0].body, readings[0].len)));
    }
    for (int i = 0; i < 3; i++)
        free(readings[i].body);
    return 0;
}
