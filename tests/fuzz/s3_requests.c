// SPDX-License-Identifier: Apache-2.0
/* Texts of S3 requests: ranges lie within the size, version ids are read as they are written, tags
 * keep their rules, names and lists of tags harm nothing. */
#include "services/s3/condition.h"
#include "services/s3/place.h"
#include "services/s3/range.h"
#include "services/s3/tags.h"
#include "services/s3/version.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;

static void try_ranges(struct span text)
{
    static const uint64_t sizes[] = {0, 1, 10, UINT64_MAX};
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct range range;
        if (range_read(text, sizes[i], &range) == RANGE_UNSATISFIABLE)
            continue;
        if (range.first > sizes[i] || range.len > sizes[i] - range.first)
            abort();
    }
    struct range range;
    if (range_read_strict(text, &range) && range.len == 0)
        abort();
}

/* What is taken for an id is written again as it came. */
static void try_version(struct call *call, struct span text)
{
    struct object_version version;
    if (!version_id_read(text, &version))
        return;
    struct object object = {.plain = version.kind == OBJECT_PLAIN, .stamp = version.stamp};
    if (!span_eq(version_id(call, &object), text))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct call call = {.arena = &arena};
    struct span text = span_of(data, size);
    struct tags tags;
    if (!arena.end)
        arena_init(&arena, 64 * 1024, 64 << 20);
    if (size > 10000)
        return 0;
    try_ranges(text);
    try_version(&call, text);
    if (tags_read_header(&call, text, &tags) == OK && tags.count > 10)
        abort();
    if (place_name_is_valid(text) && (size < 3 || size > 63))
        abort();
    if (condition_lists(text, S("\"0123\"")) && size == 0)
        abort();
    arena_reset(&arena);
    return 0;
}
