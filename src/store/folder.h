// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Names in a folder. */
#include <dirent.h>

/* The folder `name` below dir_fd, to be read with readdir and closed with closedir; NULL with
 * errno. */
DIR *folder_open(int dir_fd, const char *name);
