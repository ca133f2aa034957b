// SPDX-License-Identifier: Apache-2.0
/* Opening a folder for its names: a descriptor of its own, since reading moves it. Any thread. */
#include "store/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

DIR *folder_open(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (fd >= 0 && !dir) {
        int error = errno;
        close(fd);
        errno = error;
    }
    return dir;
}
