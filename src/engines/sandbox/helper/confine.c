// SPDX-License-Identifier: Apache-2.0
/*
 * What a machine's processes may not do, root included: capabilities that reach beyond its
 * namespaces are dropped for good, and system calls that concern the host, or that open ways into
 * the kernel that no machine needs, answer EPERM. Inherited by everything that runs in it.
 */
#include "engines/sandbox/helper/helper.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not among them: what makes devices, follows file handles out of the overlay, traces the first
 * process, changes the clock or mounts. */
static const uint8_t kept[] = {
    CAP_CHOWN,      CAP_DAC_OVERRIDE, CAP_FOWNER,      CAP_FSETID,           CAP_KILL,
    CAP_SETGID,     CAP_SETUID,       CAP_SETPCAP,     CAP_NET_RAW,          CAP_NET_ADMIN,
    CAP_SYS_CHROOT, CAP_SETFCAP,      CAP_AUDIT_WRITE, CAP_NET_BIND_SERVICE,
};

static const uint16_t denied[] = {
    SYS_acct,
    SYS_add_key,
    SYS_bpf,
    SYS_clock_adjtime,
    SYS_clock_settime,
    SYS_delete_module,
    SYS_finit_module,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fsopen,
    SYS_fspick,
    SYS_init_module,
    SYS_io_uring_setup,
    SYS_kcmp,
    SYS_kexec_file_load,
    SYS_kexec_load,
    SYS_keyctl,
    SYS_mount,
    SYS_mount_setattr,
    SYS_move_mount,
    SYS_open_by_handle_at,
    SYS_open_tree,
    SYS_perf_event_open,
    SYS_pivot_root,
    SYS_quotactl,
    SYS_reboot,
    SYS_request_key,
    SYS_setns,
    SYS_settimeofday,
    SYS_swapoff,
    SYS_swapon,
    SYS_syslog,
    SYS_umount2,
    SYS_userfaultfd,
    SYS_vhangup,
};

#define NAMESPACES                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)
#define X32_BIT 0x40000000 /* the other table of x86-64; no number of others comes near it */
#define REFUSE(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define LOAD(member) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, member))
/* The lower half of an argument. */
#define LOAD_ARGUMENT(i) LOAD(args[i])

static const struct sock_filter head[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, HELPER_ARCH, 1, 0),
    REFUSE(ENOSYS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    REFUSE(ENOSYS),
    /* Its flags lie in memory, where a filter cannot look; libc falls back to clone. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    REFUSE(ENOSYS),
    /* No namespaces inside. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 4),
    LOAD_ARGUMENT(0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NAMESPACES, 0, 1),
    REFUSE(EPERM),
    LOAD(nr),
    /* Nobody types into a terminal but who sits at it. */
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
    LOAD_ARGUMENT(1),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 0, 1),
    REFUSE(EPERM),
    LOAD(nr),
};

static int filter_calls(void)
{
    struct sock_filter filter[ARRAY_LEN(head) + 2 * ARRAY_LEN(denied) + 1];
    struct sock_fprog program = {.filter = filter};
    memcpy(filter, head, sizeof head);
    size_t at = ARRAY_LEN(head);
    for (size_t i = 0; i < ARRAY_LEN(denied); i++) {
        filter[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, denied[i], 0, 1);
        filter[at++] = (struct sock_filter)REFUSE(EPERM);
    }
    filter[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    program.len = (unsigned short)at;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static uint64_t kept_bits(void)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        bits |= UINT64_C(1) << kept[i];
    return bits;
}

static int drop_capabilities(void)
{
    uint64_t bits = kept_bits();
    for (unsigned i = 0; i < 64; i++)
        if (!(bits >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0 && errno != EINVAL)
            return -errno; /* EINVAL: this kernel has fewer */
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {
        {.effective = (uint32_t)bits, .permitted = (uint32_t)bits},
        {.effective = (uint32_t)(bits >> 32), .permitted = (uint32_t)(bits >> 32)},
    };
    return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* The filter first: without no_new_privs, which would break setuid programs, it takes the very
 * capability that goes next. */
int confine(void)
{
    int error = filter_calls();
    return error ? error : drop_capabilities();
}
