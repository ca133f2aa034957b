// SPDX-License-Identifier: Apache-2.0
/* /etc/environment of a machine: whatever it says, each line that counts has a name and a value and
 * lies within the text. */
#include "engines/sandbox/helper/environment.h"

#include "base/span.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[4096], *lines[ROOM];
    if (size >= sizeof text)
        return 0;
    if (size)
        memcpy(text, data, size);
    text[size] = '\0';
    size_t count = environment_split(text, lines, ROOM);
    if (count > ROOM)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t name = environment_name(lines[i]);
        if (!name || lines[i] < text || lines[i] + strlen(lines[i]) > text + size ||
            strchr(lines[i], '\n') || !environment_has(lines, count, lines[i]))
            abort();
    }
    return 0;
}
