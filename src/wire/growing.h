// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Lists and maps while they are decoded: arrays in the arena that double. One thread per request.
 */
#include "wire/decoder.h"

/* An array of a list or map while it grows. */
struct growing {
    char *at;
    size_t count, capacity;
    size_t size; /* bytes of an element */
};

/* A zeroed element at the end. Earlier elements may move. */
RESULT growing_add(struct decoder *d, struct growing *array, void **out);
/* The array as it lies in a struct; never absent. */
struct any_list growing_done(const struct decoder *d, const struct growing *array);

/* Goes on with an array that growing_done gave. */
struct growing growing_resume(struct any_list list, size_t size);

/* The same for a map, where of entries with one key only the last stays, in the place of the first.
 */
struct any_map growing_map(const struct decoder *d, struct growing *array);
/* Does that to a map which grew by growing_resume. */
void growing_unique(const struct decoder *d, const struct shape *shape, struct any_map *map);
