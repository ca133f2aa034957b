// SPDX-License-Identifier: Apache-2.0
/* Sandboxes of a build whose machine or C library cannot make the helper: they say so. */
#include "engines/sandbox/sandbox.h"

#include <errno.h>

int sandbox_check(const char **ret_why)
{
    *ret_why = "this build has no helper: it needs x86-64 or arm64 and a static C library";
    return -ENOSYS;
}

int sandbox_make_disk(const char *folder, uint64_t bytes)
{
    return -ENOSYS;
}

int sandbox_make_disk_from(const char *folder, uint64_t bytes, const struct sandbox_source *source,
                           const char **ret_step)
{
    *ret_step = "finding the helper";
    return -ENOSYS;
}

int sandbox_start(const struct sandbox_spec *spec, struct sandbox *ret, const char **ret_step)
{
    *ret_step = "finding the helper";
    return -ENOSYS;
}

int sandbox_go(const char *folder, struct sandbox *sandbox, const char **ret_step)
{
    *ret_step = "finding the helper";
    return -ENOSYS;
}

int sandbox_configure(const struct sandbox *sandbox, const struct sandbox_network *network)
{
    return -ENOSYS;
}

int sandbox_adopt(const char *folder, struct sandbox *ret)
{
    return -ESRCH;
}

int sandbox_signal(const struct sandbox *sandbox, enum SANDBOX_SIGNAL what)
{
    return -ESRCH;
}

void sandbox_close(struct sandbox *sandbox) {}

int sandbox_clear(const char *folder)
{
    return -ENOSYS;
}

int sandbox_remove(const char *folder)
{
    return -ENOSYS;
}

int sandbox_save(const char *folder, const char *to, enum SANDBOX_SAVE how)
{
    return -ENOSYS;
}

int sandbox_copy_disk(const char *from, const char *to)
{
    return -ENOSYS;
}

int sandbox_make_disk_of(const char *folder, const char *from, uint64_t bytes)
{
    return -ENOSYS;
}

int sandbox_console(const char *folder, char to[SANDBOX_CONSOLE])
{
    return -ENOSYS;
}

int sandbox_enter(const char *folder, char *const *argv)
{
    return -ENOSYS;
}
