// SPDX-License-Identifier: Apache-2.0
/* Reads byte ranges. Pure. */
#include "services/s3/range.h"

static const struct span unit = S_INIT("bytes=");

enum RANGE range_read(struct span header, uint64_t size, struct range *out)
{
    *out = (struct range){0, size};
    if (!span_starts(header, unit))
        return RANGE_WHOLE;
    struct span rest = span_from(header, unit.len);
    struct span first_text = span_cut(&rest, '-'), last_text = rest;
    uint64_t first, last = UINT64_MAX;
    if (span_is_absent(rest))
        return RANGE_WHOLE;
    if (span_is_empty(first_text)) { /* bytes=-N: the last N */
        if (!span_to_u64(last_text, &last))
            return RANGE_WHOLE;
        if (last == 0 || size == 0)
            return RANGE_UNSATISFIABLE;
        uint64_t len = last < size ? last : size;
        *out = (struct range){size - len, len};
        return RANGE_PART;
    }
    if (!span_to_u64(first_text, &first))
        return RANGE_WHOLE;
    if (last_text.len && (!span_to_u64(last_text, &last) || last < first))
        return RANGE_WHOLE;
    if (first >= size)
        return RANGE_UNSATISFIABLE;
    uint64_t end = last < size ? last + 1 : size;
    *out = (struct range){first, end - first};
    return RANGE_PART;
}

bool range_read_strict(struct span header, struct range *out)
{
    if (!span_starts(header, unit))
        return false;
    struct span rest = span_from(header, unit.len);
    struct span first_text = span_cut(&rest, '-');
    uint64_t first, last;
    if (span_is_absent(rest) || !span_to_u64(first_text, &first) || !span_to_u64(rest, &last) ||
        last < first || last == UINT64_MAX)
        return false;
    *out = (struct range){first, last - first + 1};
    return true;
}
