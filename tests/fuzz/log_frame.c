// SPDX-License-Identifier: Apache-2.0
/* Frames of segment files: what is read lies within the bytes, and is what its checksum says. */
#include "engines/log/inside.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct log_record record;
    size_t need, at = 0;
    uint64_t lane, base;
    for (;;) {
        int64_t len = frame_read(7, span_of(data + at, size - at), &record, &need);
        if (len <= 0)
            break;
        if ((size_t)len > size - at || (size_t)len != need)
            abort();
        at += (size_t)len;
    }
    (void)!segment_name_read(span_of(data, size), &lane, &base);
    return 0;
}
