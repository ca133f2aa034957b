// SPDX-License-Identifier: Apache-2.0
/* AVX2 does four elements at a time, which every x86-64 does two at a time. Pure. */
#include "base/floats_loop.h"

__attribute__((target("avx2,fma"))) static struct floats_sums
compare_wide(const char *first, const float *second, size_t count)
{
    return floats_loop(first, second, count);
}

struct floats_sums floats_compare(const char *first, const float *second, size_t count)
{
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return compare_wide(first, second, count);
    return floats_loop(first, second, count);
}
