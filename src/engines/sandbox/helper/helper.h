// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The helper's own contract. It is run as `helper start` (request, reply and gate as descriptors of
 * request.h), as `helper enter FOLDER COMMAND…` or as `helper unpack FOLDER [PROGRAM…]` (the
 * archive as its standard input, through the program where there is one; reply as with `start`).
 * One thread, libc only, linked statically; errors are negative errnos.
 */
#include "engines/sandbox/request.h"
#include "engines/sandbox/sandbox.h"

#define HELPER_LIST 64

struct helper_file {
    const char *path, *body;
    uint32_t mode, length;
};

/* A request, as it lies in memory; lists end with NULL. */
struct order {
    const char *folder, *name, *hostname;
    struct sandbox_limits limits;
    struct sandbox_network networks[SANDBOX_NETWORKS];
    const char *boot[HELPER_LIST], *hidden[HELPER_LIST];
    struct helper_file files[HELPER_LIST];
    size_t network_count, boot_count, hidden_count, file_count;
};

/* order.c: maps the request for good. */
MUST_CHECK int order_read(int fd, struct order *ret);
/* start.c: makes a machine and answers; its result is the process's. */
int start_run(void);
/* unpack.c: fills the disk in the folder with the root of an archive. */
int unpack_run(const char *folder, char *const *program);
/* enter.c */
int enter_run(const char *folder, char *const *argv);
/* root.c: the file system of the machine, from its disk to pivot_root and the files. *ret_step
 * names what failed. */
MUST_CHECK int root_make(const struct order *order, const char **ret_step);
/* The same as far as a root of one's own on a new disk, which is empty: where an archive is
 * unpacked. Of the order only the folder is read. */
MUST_CHECK int root_make_whole(const struct order *order, const char **ret_step);
/* Makes the folders on the way to an absolute path. */
MUST_CHECK int root_make_way(const char *path);
/* confine.c: gives up, for good, what a machine must not do to its host. */
MUST_CHECK int confine(void);
/* init.c: the machine's first process, to its end. */
_Noreturn void init_run(const struct order *order, int console);

/* console.c: the ring in the machine's folder. */
MUST_CHECK int console_open(const char *folder);
void console_append(int ring, const char *bytes, size_t len);
/* A new terminal; its name in *ret_name (at least 64 bytes). The descriptor of its master. */
MUST_CHECK int console_terminal(char *ret_name);
