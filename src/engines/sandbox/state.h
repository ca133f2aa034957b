// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Who the first process of a sandbox is, in a file of its folder: a process id means something only
 * together with the time it started and the boot of the host. Part of the program and of its
 * helper.
 */
#include "base/span.h"

struct state {
    int pid;
    char name[64]; /* of the control groups */
};

MUST_CHECK int state_write(const char *folder, const struct state *state);
/* -ENOENT without one. */
MUST_CHECK int state_read(const char *folder, struct state *ret);
/* The same and a pidfd of the process in *ret_process; -ESRCH when it has ended, -EHOSTDOWN when it
 * was of an earlier boot of the host. */
MUST_CHECK int state_open(const char *folder, struct state *ret, int *ret_process);
void state_remove(const char *folder);
