// SPDX-License-Identifier: Apache-2.0
/* `kintoun doctor`: asks this kernel and user what they can do, and says what follows from each
 * answer. */
#include "kintoun/commands.h"

#include "base/scope.h"
#include "base/span.h"
#include "engines/fabric/fabric.h"
#include "engines/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static bool opens(const char *path)
{
    AUTO_FD fd = open(path, O_RDWR | O_CLOEXEC);
    return fd >= 0;
}

static bool is_root(void)
{
    return geteuid() == 0;
}

/* Makes the smallest map; the kernel says no without the privilege. */
static bool has_bpf(void)
{
    union bpf_attr attr = {
        .map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
    AUTO_FD fd = (int)syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof attr);
    return fd >= 0;
}

/* Loads them, small and attached to nothing. */
static bool has_fabric(void)
{
    const char *why;
    return fabric_check(&why) == 0;
}

static bool has_machines(void)
{
    const char *why;
    return sandbox_check(&why) == 0;
}

static bool has_btf(void)
{
    return exists("/sys/kernel/btf/vmlinux");
}

/* In a child, since unshare cannot be taken back. */
static bool has_namespaces(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS) != 0);
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return false;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool has_cgroup_v1(void)
{
    return exists("/sys/fs/cgroup/memory/memory.limit_in_bytes");
}

static bool has_cgroup_v2(void)
{
    return exists("/sys/fs/cgroup/cgroup.controllers") ||
           exists("/sys/fs/cgroup/unified/cgroup.controllers");
}

static bool has_fuse(void)
{
    return opens("/dev/fuse");
}

static bool has_loop(void)
{
    return opens("/dev/loop-control");
}

static bool has_kvm(void)
{
    return opens("/dev/kvm");
}

static const struct {
    const char *name;
    bool (*check)(void);
    const char *yes, *no;
} checks[] = {
    {"root", is_root, "data planes in the kernel can be set up",
     "only API services work: no packets, mounts or instances"},
    {"bpf", has_bpf, "this user may load programs into the kernel",
     "VPC calls will answer, but no packet will move"},
    {"fabric", has_fabric, "the VPC fabric's programs are in this build, and load",
     "no packet will move: no clang or libbpf at build time, no right, or a kernel before 6.6"},
    {"btf", has_btf, "BPF programs can follow this kernel's types",
     "BPF programs that need kernel types will not load"},
    {"namespaces", has_namespaces, "instances and functions can be isolated",
     "instances and functions cannot run"},
    {"machines", has_machines, "instances can run, each with a disk and limits",
     "no instance runs: it takes root, control groups, loop devices and mke2fs"},
    {"cgroups v1", has_cgroup_v1, "memory and CPU limits by v1 controllers",
     "no v1 memory controller here"},
    {"cgroups v2", has_cgroup_v2, "memory and CPU limits by the unified hierarchy",
     "no unified hierarchy here"},
    {"fuse", has_fuse, "file systems in user space can be mounted", "no FUSE mounts"},
    {"loop", has_loop, "volumes can appear as loop devices", "no loop devices for volumes"},
    {"kvm", has_kvm, "virtual machines at full speed",
     "virtual machines only by emulation, slowly"},
};

int command_doctor(int argc, char **argv)
{
    for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
        bool yes = checks[i].check();
        printf("%-4s %-11s %s\n", yes ? "yes" : "no", checks[i].name,
               yes ? checks[i].yes : checks[i].no);
    }
    if (!has_cgroup_v1() && !has_cgroup_v2())
        printf("Neither cgroup hierarchy has a memory controller: instances would run without "
               "limits.\n");
    printf("S3, DynamoDB, Kinesis, IAM and STS need none of these.\n");
    return 0;
}
