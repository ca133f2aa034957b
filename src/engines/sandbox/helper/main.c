// SPDX-License-Identifier: Apache-2.0
/* The helper's entry: `start`, `enter FOLDER COMMAND…` or `unpack FOLDER [PROGRAM…]`. Runs from a
 * sealed memory file, as root, in a process of its own. */
#include "engines/sandbox/helper/helper.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "start") == 0)
        return start_run();
    if (argc > 3 && strcmp(argv[1], "enter") == 0)
        return enter_run(argv[2], argv + 3);
    if (argc > 2 && strcmp(argv[1], "unpack") == 0)
        return unpack_run(argv[2], argv + 3);
    return 2;
}
