// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Sandboxes: machines made of namespaces, over the host's own root, with a disk, limits, a console
 * and a first process of ours. A sandbox is no child of this process: it goes on when we end and is
 * adopted by the next. Everything about one lies in its folder, which the caller makes and names;
 * the caller also sees to it that one call at a time is about one sandbox.
 *
 * After sandbox_start the machine has its network namespace, so that it can be given devices while
 * its file system is still being made; it runs nothing before sandbox_go, which waits for that.
 * When we end before, it ends too.
 *
 * It shares the host's kernel: capabilities, a system call filter and what is hidden keep it apart,
 * not a virtual machine. Every call but sandbox_signal and sandbox_close blocks for milliseconds:
 * for workers, not for loops. Needs root. Negative errnos.
 */
#include "base/span.h"

#include <sys/types.h>

/* 0 when sandboxes can run here; else *ret_why says what is missing, for people. */
MUST_CHECK int sandbox_check(const char **ret_why);

struct sandbox_limits {
    uint64_t memory_bytes;
    uint32_t cpu_percent; /* of one processor */
    uint32_t tasks;       /* processes and threads */
};

/* Written into the machine at every start; folders on the way are made. */
struct sandbox_file {
    const char *path;
    uint32_t mode;    /* with S_IFDIR a folder, with S_IFLNK a link to `body`, else a file */
    struct span body; /* of a link: without a NUL in it */
};

#define SANDBOX_ADDRESSES6 50
/* A device with its address, in network order; gateways of 0: no way out by it. */
struct sandbox_network {
    char device[16];
    uint32_t address, gateway;
    uint32_t bits; /* of the subnet */
    uint8_t addresses6[SANDBOX_ADDRESSES6][16], gateway6[16];
    uint32_t address6_count, bits6;
};

#define SANDBOX_NETWORKS 16

struct sandbox_spec {
    const char *folder; /* absolute */
    const char *name;   /* of its control groups; unique on this host */
    const char *hostname;
    struct sandbox_limits limits;
    const struct sandbox_network *networks; /* none: only loopback */
    size_t network_count;                   /* at most SANDBOX_NETWORKS */
    const char *const *boot;                /* command of every boot; NULL at the end */
    const char *const *hidden; /* absolute paths of the host that it never sees; NULL at the end */
    const struct sandbox_file *files;
    size_t file_count;
};

/* A machine that runs, as descriptors; -1: not open. */
struct sandbox {
    int process; /* a pidfd: readable once the machine has ended */
    int network; /* its network namespace */
    int gate;    /* until sandbox_go */
};

/* A new, empty disk of this size in the folder; costs what is written to it. */
MUST_CHECK int sandbox_make_disk(const char *folder, uint64_t bytes);
/* Where bytes come from: as many as were put at `to`, 0 at the end, or a negative errno, which ends
 * what is made of them. */
struct sandbox_source {
    ssize_t (*read)(void *user, char *to, size_t size);
    void *user;
};
/* The same with a root of its own: a machine on this disk, or on a copy of it, sees nothing of the
 * host's root but what the archive (tar, as it is or packed by gzip, zstd or xz) holds; devices are
 * left out. -EBADMSG: it is no such archive, or damaged, or has paths that lead out of it;
 * -ENOEXEC: it has no /bin/sh; -ENOSPC: it is larger than the disk; *ret_step says what failed, for
 * people. The process ignores SIGPIPE. */
MUST_CHECK int sandbox_make_disk_from(const char *folder, uint64_t bytes,
                                      const struct sandbox_source *source, const char **ret_step);
/* *ret_step says what failed, for people. */
MUST_CHECK int sandbox_start(const struct sandbox_spec *spec, struct sandbox *ret,
                             const char **ret_step);
/* From here on it runs. When it fails, the machine has ended; *ret_step as above. */
MUST_CHECK int sandbox_go(const char *folder, struct sandbox *sandbox, const char **ret_step);
/* A further device of one that runs: its address and routes; the device is there already. */
MUST_CHECK int sandbox_configure(const struct sandbox *sandbox,
                                 const struct sandbox_network *network);
/* -ESRCH when it does not run (any more), or never got through its gate; -EHOSTDOWN when it ran
 * until the host went down. */
MUST_CHECK int sandbox_adopt(const char *folder, struct sandbox *ret);

enum SANDBOX_SIGNAL {
    SANDBOX_SHUT_DOWN, /* its processes get SIGTERM, ten seconds later SIGKILL */
    SANDBOX_REBOOT,    /* the same, then it boots again */
    SANDBOX_KILL,
    SANDBOX_HOLD,   /* as for a reboot, but it waits before it boots again … */
    SANDBOX_LET_GO, /* … for this; means nothing to one that does not wait */
};
/* -ESRCH when it has ended. */
MUST_CHECK int sandbox_signal(const struct sandbox *sandbox, enum SANDBOX_SIGNAL what);
/* Closes the descriptors; the machine goes on unless its gate was still shut. */
void sandbox_close(struct sandbox *sandbox);
/* Puts away what an ended machine leaves: control groups, and waits until its disk is not in use.
 * -EBUSY while it runs. */
MUST_CHECK int sandbox_clear(const char *folder);
/* Clears, and deletes disk and folder. */
MUST_CHECK int sandbox_remove(const char *folder);

/* Copies the disk to a file, durably, as one moment's: of a machine that runs either its processes
 * are stopped for that moment, or it reboots and is copied in between. */
enum SANDBOX_SAVE { SANDBOX_SAVE_STOPPED, SANDBOX_SAVE_REBOOTED };
MUST_CHECK int sandbox_save(const char *folder, const char *to, enum SANDBOX_SAVE how);
/* A disk from such a file; holes stay holes. */
MUST_CHECK int sandbox_copy_disk(const char *from, const char *to);
/* The same as the disk in the folder, of at least that size; its file system grows.
 * -EEXIST as sandbox_make_disk. */
MUST_CHECK int sandbox_make_disk_of(const char *folder, const char *from, uint64_t bytes);

#define SANDBOX_CONSOLE 65536
/* The newest output, of all boots, at most SANDBOX_CONSOLE bytes; the number of bytes. */
MUST_CHECK int sandbox_console(const char *folder, char to[SANDBOX_CONSOLE]);
/* Turns this process into `argv` (NULL at the end) inside, with a terminal of its own when ours is
 * one. Returns only when it cannot. */
int sandbox_enter(const char *folder, char *const *argv);
