// SPDX-License-Identifier: Apache-2.0
#pragma once
/* The loop of floats.h for whatever instructions its caller may use: the compiler makes of the
 * vectors what these have. */
#include "base/floats.h"

#include <string.h>

#define FLOATS_WIDE 8

typedef float floats_four __attribute__((vector_size(4 * sizeof(float)), aligned(1)));
typedef double doubles_four __attribute__((vector_size(4 * sizeof(double))));

static inline double floats_total(const doubles_four *a, const doubles_four *b)
{
    doubles_four all = *a + *b;
    return (all[0] + all[1]) + (all[2] + all[3]);
}

static inline __attribute__((always_inline)) struct floats_sums
floats_loop(const char *first, const float *second, size_t count)
{
    doubles_four product[2] = {{0}}, square[2] = {{0}}, apart[2] = {{0}};
    size_t i = 0;
    for (; i + FLOATS_WIDE <= count; i += FLOATS_WIDE)
        for (int half = 0; half < 2; half++) {
            floats_four a, b;
            memcpy(&a, first + (i + (size_t)half * 4) * sizeof(float), sizeof a);
            memcpy(&b, second + i + (size_t)half * 4, sizeof b);
            doubles_four x = __builtin_convertvector(a, doubles_four);
            doubles_four y = __builtin_convertvector(b, doubles_four);
            doubles_four difference = x - y;
            product[half] += x * y;
            square[half] += x * x;
            apart[half] += difference * difference;
        }
    struct floats_sums sums = {floats_total(&product[0], &product[1]),
                               floats_total(&square[0], &square[1]),
                               floats_total(&apart[0], &apart[1])};
    for (; i < count; i++) {
        float x, y = second[i];
        memcpy(&x, first + i * sizeof x, sizeof x);
        double difference = (double)x - (double)y;
        sums.product += (double)x * (double)y;
        sums.square += (double)x * (double)x;
        sums.apart += difference * difference;
    }
    return sums;
}
