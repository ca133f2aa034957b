// SPDX-License-Identifier: Apache-2.0
/*
 * An archive becomes the root of a disk. Nothing of it is trusted: the program that unpacks it to a
 * plain tar runs as nobody, and what reads that has first made the empty disk its only file system
 * and given up what a machine gives up, so that no path of the archive leads anywhere else. Devices
 * are left out.
 */
#include "engines/sandbox/helper/helper.h"
#include "engines/sandbox/tar.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NOBODY 65534
#define PIECE (64 * 1024)
#define REST_MAX (UINT64_C(64) << 20) /* zeros behind the end */
#define SHELL "/bin/sh"

static char piece[PIECE];

/* ---- the archive's bytes -----------------------------------------------------------------------
 */

/* As many as there are, at most `len`. */
static ssize_t read_up_to(void *to, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t got = read(0, (char *)to + done, len - done);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            break;
        done += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)done;
}

static int read_all(void *to, size_t len)
{
    ssize_t got = read_up_to(to, len);
    return got < 0 ? (int)got : (size_t)got == len ? 0 : -EBADMSG;
}

static int write_all(int to, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = write(to, piece + done, len - done);
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    return 0;
}

/* The bytes of an entry, to a file or, at -1, to nowhere; and their padding. */
static int copy_bytes(uint64_t size, int to)
{
    uint64_t left = size;
    while (left) {
        size_t part = left < PIECE ? (size_t)left : PIECE;
        int error = read_all(piece, part);
        if (!error && to >= 0)
            error = write_all(to, part);
        if (error)
            return error;
        left -= part;
    }
    return size % TAR_BLOCK ? read_all(piece, TAR_BLOCK - size % TAR_BLOCK) : 0;
}

/* ---- entries -----------------------------------------------------------------------------------
 */

/* The ownership first: it takes away set-user-ID and capabilities. */
static int dress(const struct tar_entry *entry)
{
    const struct timespec times[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = entry->mtime}};
    if (lchown(entry->path, entry->uid, entry->gid) < 0)
        return -errno;
    if (entry->type != TAR_SYMLINK && chmod(entry->path, entry->mode) < 0)
        return -errno;
    if (entry->capability_len && setxattr(entry->path, "security.capability", entry->capability,
                                          entry->capability_len, 0) < 0)
        return -errno;
    return utimensat(AT_FDCWD, entry->path, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int make_folder(const char *path)
{
    struct stat info;
    if (mkdir(path, 0700) == 0)
        return 0;
    if (errno != EEXIST || lstat(path, &info) < 0)
        return -errno;
    if (S_ISDIR(info.st_mode))
        return 0;
    return unlink(path) < 0 || mkdir(path, 0700) < 0 ? -errno : 0;
}

static int make_file(const struct tar_entry *entry)
{
    AUTO_FD to = open(entry->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return to < 0 ? -errno : copy_bytes(entry->size, to);
}

static int make_hard_link(const struct tar_entry *entry)
{
    return link(entry->link, entry->path) < 0 ? -errno : 0;
}

static int make_symlink(const struct tar_entry *entry)
{
    return symlink(entry->link, entry->path) < 0 ? -errno : 0;
}

static int make_fifo(const struct tar_entry *entry)
{
    return mkfifo(entry->path, 0600) < 0 ? -errno : 0;
}

/* What stands in its place goes, but for a folder where a folder comes. */
static int make(const struct tar_entry *entry)
{
    static int (*const makers[])(const struct tar_entry *entry) = {
        [TAR_FILE] = make_file,
        [TAR_HARD_LINK] = make_hard_link,
        [TAR_SYMLINK] = make_symlink,
        [TAR_FIFO] = make_fifo,
    };
    if (entry->type == TAR_DIRECTORY)
        return make_folder(entry->path);
    if (unlink(entry->path) < 0 && errno != ENOENT)
        return -errno;
    return makers[entry->type](entry);
}

static int unpack_entry(const struct tar_entry *entry)
{
    if (entry->type == TAR_DEVICE || entry->type == TAR_OTHER)
        return copy_bytes(entry->size, -1);
    int error = root_make_way(entry->path);
    if (!error)
        error = make(entry);
    return error || entry->type == TAR_HARD_LINK ? error : dress(entry);
}

/* A header of the next entry. */
static int read_extended(const struct tar_entry *entry, struct tar_extended *to)
{
    static char bytes[TAR_EXTENDED];
    if (entry->size > TAR_EXTENDED)
        return -EBADMSG;
    int error = read_all(bytes, (size_t)entry->size);
    if (!error && entry->size % TAR_BLOCK)
        error = read_all(piece, TAR_BLOCK - entry->size % TAR_BLOCK);
    return error ? error : tar_read_extended(entry->type, span_of(bytes, (size_t)entry->size), to);
}

/* 1: there is more. */
static int unpack_next(struct tar_extended *extended)
{
    static struct tar_entry entry;
    unsigned char block[TAR_BLOCK];
    ssize_t got = read_up_to(block, sizeof block);
    if (got != sizeof block)
        return got < 0 ? (int)got : got ? -EBADMSG : 0;
    int more = tar_read_header(block, &entry);
    if (more <= 0)
        return more;
    if (entry.type >= TAR_LONG_PATH && entry.type <= TAR_PAX) {
        int error = read_extended(&entry, extended);
        return error ? error : 1;
    }
    int error = tar_finish(extended, &entry);
    if (!error)
        error = unpack_entry(&entry);
    *extended = (struct tar_extended){0};
    return error ? error : 1;
}

/* So that whoever writes it can end well, and has. */
static int read_rest(void)
{
    uint64_t read = 0;
    ssize_t got;
    while ((got = read_up_to(piece, PIECE)) > 0)
        if ((read += (uint64_t)got) > REST_MAX)
            return -EBADMSG;
    return (int)got;
}

static int unpack(const char **ret_step)
{
    static struct tar_extended extended;
    uint64_t count = 0;
    int more;
    *ret_step = "reading the archive";
    while ((more = unpack_next(&extended)) > 0)
        count++;
    if (more < 0 || !count)
        return more < 0 ? more : -EBADMSG;
    int error = read_rest();
    if (error)
        return error;
    *ret_step = "finding " SHELL;
    if (access(SHELL, X_OK) < 0)
        return -ENOEXEC;
    *ret_step = "writing the disk";
    AUTO_FD root = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return root < 0 || syncfs(root) < 0 ? -errno : 0;
}

/* ---- the program that unpacks ------------------------------------------------------------------
 */

static _Noreturn void be_program(char *const *program, int out)
{
    dup2(out, 1);
    if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
        setresuid(NOBODY, NOBODY, NOBODY) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
        _exit(126);
    execv(program[0], program);
    _exit(127);
}

/* From here on the standard input is what the program makes of it. */
static int put_before(char *const *program, pid_t *ret)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    *ret = fork();
    if (*ret == 0)
        be_program(program, ends[1]);
    close(ends[1]);
    if (*ret < 0 || dup2(ends[0], 0) < 0)
        return -errno;
    close(ends[0]);
    return 0;
}

static int end_program(pid_t pid)
{
    int status;
    close(0); /* it may still write */
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -errno;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return -ENOSYS;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EBADMSG;
}

static int run(const struct order *order, const char **ret_step)
{
    *ret_step = "separating";
    if (prctl(PR_SET_DUMPABLE, 0) < 0 || unshare(CLONE_NEWNS) < 0)
        return -errno;
    int error = root_make_whole(order, ret_step);
    if (error)
        return error;
    *ret_step = "giving up privileges";
    error = confine();
    umask(0);
    return error ? error : unpack(ret_step);
}

int unpack_run(const char *folder, char *const *program)
{
    static struct order order;
    const char *step = "starting a program";
    pid_t pid = -1;
    order.folder = folder;
    int error = *program ? put_before(program, &pid) : 0;
    if (!error)
        error = run(&order, &step);
    int ended = pid > 0 ? end_program(pid) : 0;
    if (ended && (!error || error == -EBADMSG || ended == -ENOSYS)) {
        error = ended;
        step = ended == -ENOSYS ? program[0] : "unpacking the archive";
    }
    struct helper_reply reply = {.error = error};
    snprintf(reply.step, sizeof reply.step, "%s", error ? step : "");
    return write(HELPER_REPLY, &reply, sizeof reply) == sizeof reply ? 0 : 1;
}
