// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Shared by the engine's files: running the helper, and other programs, from the daemon. */
#include "engines/sandbox/request.h"
#include "engines/sandbox/sandbox.h"

#include "base/buf.h"

#include <sys/types.h>

#define SANDBOX_MKFS "/sbin/mke2fs"

/* The compiled helper, embedded by the build. */
extern const unsigned char sandbox_helper[];
extern const size_t sandbox_helper_size;

/* The helper as a sealed memory file that can be executed; kept for all. */
MUST_CHECK int spawn_helper_file(void);
/* Runs the helper's `start`; *ret_gate is our end of the gate. */
MUST_CHECK int spawn_start(struct span request, struct helper_reply *ret_reply, int *ret_gate);
/* Runs the helper's `unpack` of what will be written to `in`; spawn_unpacked waits for it. */
struct spawn_unpack {
    pid_t pid;
    int in, reply;
};
MUST_CHECK int spawn_unpack(const char *folder, const char *const *program,
                            struct spawn_unpack *ret);
MUST_CHECK int spawn_unpacked(struct spawn_unpack *unpack, struct helper_reply *ret_reply);
/* Waits until nothing has the disk in the folder mounted; 0 without one. -EBUSY: something has. */
MUST_CHECK int sandbox_wait_for_disk(const char *folder);
/* Runs a program of the host without input and output; 0 when its status is at most `good`, else a
 * negative errno (-EIO: it failed). */
MUST_CHECK int spawn_wait(const char *const *argv, int good);
