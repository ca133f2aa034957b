// SPDX-License-Identifier: Apache-2.0
/* The fabric of a build without clang or libbpf: it can say that it is not there, and no more. */
#include "engines/fabric/fabric.h"

#include <errno.h>

static const char why[] = "this build has no programs: clang or libbpf was missing";

int fabric_open(struct fabric **ret, const struct fabric_options *options, const char **ret_why)
{
    *ret_why = why;
    return -ENOSYS;
}

void fabric_close(struct fabric *fabric) {}

int fabric_remove(const char *name)
{
    return -ENOSYS;
}

int fabric_check(const char **ret_why)
{
    *ret_why = why;
    return -ENOSYS;
}
