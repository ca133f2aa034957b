// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's root: an overlay whose lower layer is the host's root file system and whose upper
 * one lies on the machine's disk, an ext4 image behind a loop device; or, where the disk says that
 * it is whole, what would be the upper layer alone. The loop device and every
 * mount belong to this mount namespace alone and go with it. What the host's root says is never
 * followed by name once the disk may have been written by the machine: files are written after
 * pivot_root.
 */
#include "engines/sandbox/helper/helper.h"

#include "base/scope.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define LOOP_TRIES 64
#define DISK_WAIT_MS 10000 /* an earlier mount of the same disk may still be on its way out */

/* ---- disk -------------------------------------------------------------------------------------
 */

/* A write lease is granted to the only one that has a file open (fcntl(2)), and a loop device has
 * its file open until the last mount of it has gone. */
static int wait_until_free(int disk)
{
    for (int waited = 0; fcntl(disk, F_SETLEASE, F_WRLCK) < 0; waited++) {
        if (errno != EAGAIN || waited == DISK_WAIT_MS)
            return errno == EAGAIN ? -EBUSY : -errno;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return fcntl(disk, F_SETLEASE, F_UNLCK) < 0 ? -errno : 0;
}

/* Another process may take the free device first. The device; its path in `path`. */
static int attach(int control, int disk, char *path, size_t size)
{
    struct loop_config config = {
        .fd = (uint32_t)disk,
        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR},
    };
    for (int i = 0; i < LOOP_TRIES; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return -errno;
        snprintf(path, size, "/dev/loop%d", number);
        AUTO_FD device = open(path, O_RDWR | O_CLOEXEC);
        if (device < 0)
            return -errno;
        if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
            return TAKE_FD(device);
        if (errno != EBUSY)
            return -errno;
    }
    return -EBUSY;
}

static int mount_disk(const struct order *order)
{
    char device_path[32];
    AUTO_FD disk = open("disk", O_RDWR | O_CLOEXEC);
    AUTO_FD control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (disk < 0 || control < 0)
        return -errno;
    int error = wait_until_free(disk);
    if (error)
        return error;
    AUTO_FD device = attach(control, disk, device_path, sizeof device_path);
    if (device < 0)
        return device;
    if (mkdir("mount", 0700) < 0 && errno != EEXIST)
        return -errno;
    return mount(device_path, "mount", "ext4", MS_NODEV | MS_NOATIME, "discard") < 0 ? -errno : 0;
}

/* ---- layers -----------------------------------------------------------------------------------
 */

static int like_host(const char *path, struct stat *info)
{
    char upper[PATH_SIZE + 16];
    snprintf(upper, sizeof upper, "mount/upper%s", path);
    if (lstat(path, info) < 0)
        return -errno;
    if (!S_ISDIR(info->st_mode))
        return 0;
    if (mkdir(upper, 0755) < 0)
        return errno == EEXIST ? 0 : -errno;
    return chmod(upper, info->st_mode & 07777) < 0 || chown(upper, info->st_uid, info->st_gid) < 0
               ? -errno
               : 0;
}

/* An opaque folder or a whiteout, as overlayfs.rst has them; nothing for what the host lacks. */
static int hide(const char *path)
{
    char part[PATH_SIZE], upper[PATH_SIZE + 16];
    struct stat info;
    for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        int error = like_host(part, &info);
        if (error)
            return error == -ENOENT ? 0 : error;
    }
    int error = like_host(path, &info);
    if (error)
        return error == -ENOENT ? 0 : error;
    snprintf(upper, sizeof upper, "mount/upper%s", path);
    if (S_ISDIR(info.st_mode))
        return setxattr(upper, "trusted.overlay.opaque", "y", 1, 0) < 0 ? -errno : 0;
    return mknod(upper, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
}

/* Once in the life of a disk; `ready` says that it is done. */
static int make_layers(const struct order *order)
{
    int error = 0;
    if (access("mount/ready", F_OK) == 0)
        return 0;
    if (mkdir("mount/upper", 0755) < 0 || mkdir("mount/work", 0700) < 0 ||
        mkdir("mount/root", 0755) < 0)
        return -errno;
    for (size_t i = 0; !error && i < order->hidden_count; i++)
        error = hide(order->hidden[i]);
    if (!error && mkdir("mount/ready", 0700) < 0)
        error = -errno;
    return error;
}

/* A disk that is whole says so in every copy of it. */
static int make_whole(const struct order *order)
{
    static const char *const names[] = {"mount/upper", "mount/root", "mount/whole", "mount/ready"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (mkdir(names[i], 0755) < 0)
            return -errno;
    return 0;
}

static int mount_root(const struct order *order)
{
    if (access("mount/whole", F_OK) == 0)
        return mount("mount/upper", "mount/root", NULL, MS_BIND, NULL) < 0 ? -errno : 0;
    return mount("overlay", "mount/root", "overlay", MS_NODEV,
                 "lowerdir=/,upperdir=mount/upper,workdir=mount/work") < 0
               ? -errno
               : 0;
}

static int enter_folder(const struct order *order)
{
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || chdir(order->folder) < 0)
        return -errno;
    return 0;
}

static int pivot(const struct order *order)
{
    if (chdir("mount/root") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
        umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}

/* ---- inside -----------------------------------------------------------------------------------
 */

static const struct {
    const char *path, *type, *options;
    unsigned long flags;
} kernel_mounts[] = {
    {"/proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC},
    {"/sys", "sysfs", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY},
    {"/dev", "tmpfs", "mode=755,size=1m", MS_NOSUID},
    {"/run", "tmpfs", "mode=755,size=64m", MS_NOSUID | MS_NODEV},
    {"/tmp", "tmpfs", "mode=1777,size=50%", MS_NOSUID | MS_NODEV},
};

/* A root of one's own may have a link in the place of the folder, which is not followed. */
static int make_place(const char *path)
{
    struct stat info;
    if (mkdir(path, 0755) == 0)
        return 0;
    if (errno != EEXIST || lstat(path, &info) < 0)
        return -errno;
    return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
}

static int mount_kernel(const struct order *order)
{
    for (size_t i = 0; i < ARRAY_LEN(kernel_mounts); i++) {
        int error = make_place(kernel_mounts[i].path);
        if (error)
            return error;
        if (mount(kernel_mounts[i].type, kernel_mounts[i].path, kernel_mounts[i].type,
                  kernel_mounts[i].flags, kernel_mounts[i].options) < 0)
            return -errno;
    }
    return 0;
}

/* Settings of the whole host that root could write; those of its own network stay. */
static int protect_proc(const struct order *order)
{
    static const char *const fixed[] = {"/proc/sys", "/proc/sysrq-trigger", "/proc/irq",
                                        "/proc/bus", "/proc/fs"};
    const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
        if (mount(fixed[i], fixed[i], NULL, MS_BIND | MS_REC, NULL) < 0) {
            if (errno == ENOENT)
                continue;
            return -errno;
        }
        if (i == 0 && mount("/proc/sys/net", "/proc/sys/net", NULL, MS_BIND, NULL) < 0)
            return -errno;
        if (mount(NULL, fixed[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | flags, NULL) < 0)
            return -errno;
    }
    return 0;
}

static const struct {
    const char *path;
    unsigned major, minor;
} devices[] = {
    {"/dev/null", 1, 3},   {"/dev/zero", 1, 5},    {"/dev/full", 1, 7},
    {"/dev/random", 1, 8}, {"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
};
static const struct {
    const char *to, *path;
} links[] = {
    {"/proc/self/fd", "/dev/fd"},       {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"}, {"/proc/self/fd/2", "/dev/stderr"},
    {"pts/ptmx", "/dev/ptmx"},          {"pts/0", "/dev/console"}, /* the first process opens it */
};

static int make_devices(const struct order *order)
{
    mode_t mask = umask(0);
    for (size_t i = 0; i < ARRAY_LEN(devices); i++)
        if (mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)) < 0)
            return -errno;
    umask(mask);
    for (size_t i = 0; i < ARRAY_LEN(links); i++)
        if (symlink(links[i].to, links[i].path) < 0)
            return -errno;
    if (mkdir("/dev/pts", 0755) < 0 || mkdir("/dev/shm", 01777) < 0 ||
        mount("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
              "newinstance,ptmxmode=0666,mode=0620,gid=5") < 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") < 0)
        return -errno;
    return 0;
}

int root_make_way(const char *path)
{
    char part[PATH_SIZE];
    for (const char *end = strchr(path + 1, '/'); end; end = strchr(end + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(end - path), path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return -errno;
    }
    return 0;
}

static int write_bytes(const struct helper_file *file)
{
    AUTO_FD to = open(file->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file->mode);
    if (to < 0 || fchmod(to, file->mode) < 0)
        return -errno;
    for (size_t done = 0; done < file->length;) {
        ssize_t put = write(to, file->body + done, file->length - done);
        if (put < 0)
            return -errno;
        done += (size_t)put;
    }
    return 0;
}

static int write_file(const struct helper_file *file)
{
    int error = root_make_way(file->path);
    if (error)
        return error;
    if (S_ISDIR(file->mode))
        return mkdir(file->path, file->mode & 07777) < 0 && errno != EEXIST ? -errno : 0;
    if (unlink(file->path) < 0 && errno != ENOENT)
        return -errno;
    if (S_ISLNK(file->mode))
        return symlink(file->body, file->path) < 0 ? -errno : 0;
    return write_bytes(file);
}

static int write_files(const struct order *order)
{
    int error = 0;
    for (size_t i = 0; !error && i < order->file_count; i++)
        error = write_file(&order->files[i]);
    return error;
}

struct step {
    const char *name;
    int (*run)(const struct order *order);
};

static int take_steps(const struct step *steps, const struct order *order, const char **ret_step)
{
    int error = 0;
    for (; !error && steps->run; steps++) {
        *ret_step = steps->name;
        error = steps->run(order);
    }
    return error;
}

int root_make(const struct order *order, const char **ret_step)
{
    static const struct step steps[] = {
        {"entering the folder", enter_folder}, {"mounting the disk", mount_disk},
        {"making the layers", make_layers},    {"mounting the root", mount_root},
        {"changing the root", pivot},          {"mounting kernel file systems", mount_kernel},
        {"protecting /proc", protect_proc},    {"making devices", make_devices},
        {"writing files", write_files},        {NULL, NULL},
    };
    return take_steps(steps, order, ret_step);
}

int root_make_whole(const struct order *order, const char **ret_step)
{
    static const struct step steps[] = {
        {"entering the folder", enter_folder}, {"mounting the disk", mount_disk},
        {"making folders", make_whole},        {"mounting the root", mount_root},
        {"changing the root", pivot},          {NULL, NULL},
    };
    return take_steps(steps, order, ret_step);
}
