// SPDX-License-Identifier: Apache-2.0
/*
 * The console of a machine: a terminal inside, and its newest output in a file of a fixed size in
 * the machine's folder: the number of bytes ever written, then a ring. So it stays readable while
 * the machine runs, when it has ended, and whoever started it.
 */
#include "engines/sandbox/helper/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int console_open(const char *folder)
{
    char path[512];
    snprintf(path, sizeof path, "%s/console", folder);
    int ring = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return ring < 0 ? -errno : ring;
}

/* What cannot be written is lost: nobody could be told. */
void console_append(int ring, const char *bytes, size_t len)
{
    uint64_t total = 0;
    if (pread(ring, &total, sizeof total, 0) < 0)
        return;
    while (len) {
        size_t at = total % SANDBOX_CONSOLE;
        size_t part = len < SANDBOX_CONSOLE - at ? len : SANDBOX_CONSOLE - at;
        if (pwrite(ring, bytes, part, (off_t)(sizeof total + at)) != (ssize_t)part)
            return;
        bytes += part;
        len -= part;
        total += part;
    }
    if (pwrite(ring, &total, sizeof total, 0) < 0)
        return;
}

int console_terminal(char *ret_name)
{
    int unlocked = 0, number;
    int master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (master < 0)
        return -errno;
    if (ioctl(master, TIOCSPTLCK, &unlocked) < 0 || ioctl(master, TIOCGPTN, &number) < 0) {
        int error = -errno;
        close(master);
        return error;
    }
    snprintf(ret_name, 64, "/dev/pts/%d", number);
    return master;
}
