// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Sums over two vectors of 32-bit floats, in double precision. Pure. */
#include <stddef.h>

struct floats_sums {
    double product; /* of their elements */
    double square;  /* of the first one's */
    double apart;   /* squares of the differences */
};

/* The first one need not be aligned. */
struct floats_sums floats_compare(const char *first, const float *second, size_t count);
