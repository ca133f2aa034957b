// SPDX-License-Identifier: Apache-2.0
/* Blocks as the unpacker walks them: what is accepted has a clean path of its own, never one that
 * leads up. */
#include "engines/sandbox/tar.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_path(const char *path)
{
    if (path[0] != '/' || strstr(path, "/../") || strstr(path, "//") || strstr(path, "/./") ||
        strlen(path) >= TAR_PATH || (path[1] && path[strlen(path) - 1] == '/'))
        abort();
}

static uint64_t blocks_of(uint64_t size)
{
    return size / TAR_BLOCK + (size % TAR_BLOCK != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct tar_extended extended;
    static struct tar_entry entry;
    size_t at = 0, count = len / TAR_BLOCK;
    extended = (struct tar_extended){0};
    while (at < count && tar_read_header(bytes + TAR_BLOCK * at++, &entry) > 0) {
        bool speaks_of_next = entry.type >= TAR_LONG_PATH && entry.type <= TAR_PAX;
        if (!speaks_of_next) {
            if (tar_finish(&extended, &entry) == 0) {
                check_path(entry.path);
                if (entry.type == TAR_HARD_LINK)
                    check_path(entry.link);
            }
            extended = (struct tar_extended){0};
        }
        if (blocks_of(entry.size) > count - at)
            break;
        if (speaks_of_next &&
            tar_read_extended(entry.type, span_of(bytes + TAR_BLOCK * at, (size_t)entry.size),
                              &extended) < 0)
            break;
        at += (size_t)blocks_of(entry.size);
    }
    return 0;
}
