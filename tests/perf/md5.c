// SPDX-License-Identifier: Apache-2.0
/* How fast MD5 is: one stream, and several at once. Prints a line for each number of streams. */
#include "base/hash.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define PIECE ((size_t)1 << 20) /* bytes */
#define MEASURE_US 300000

static double gigabytes_per_second(char *bytes, size_t streams)
{
    MD5_CTX md5[64];
    struct md5_piece pieces[64];
    uint64_t fed = 0;
    for (size_t i = 0; i < streams; i++) {
        MD5_Init(&md5[i]);
        pieces[i] = (struct md5_piece){&md5[i], span_of(bytes + i * PIECE, PIECE)};
    }
    int64_t from = clock_measure_us(), now = from;
    for (; now - from < MEASURE_US; now = clock_measure_us()) {
        md5_feed_many(pieces, streams);
        fed += streams * PIECE;
    }
    return (double)fed / 1e3 / (double)(now - from);
}

int main(void)
{
    static const size_t counts[] = {1, 2, 3, 4, 8, 12, 16, 32};
    char *bytes = calloc(64, PIECE);
    for (size_t i = 0; i < ARRAY_LEN(counts) && bytes; i++)
        printf("%2zu streams %5.2f GB/s\n", counts[i], gigabytes_per_second(bytes, counts[i]));
    free(bytes);
    return 0;
}
