// SPDX-License-Identifier: Apache-2.0
/* `kintoun exec`: a command inside an instance that runs here. Needs the data directory and root,
 * no server: what runs is found by its folder. */
#include "kintoun/commands.h"

#include "base/span.h"
#include "engines/sandbox/sandbox.h"
#include "services/ec2/ec2.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct wanted {
    const char *data, *instance;
    char *const *command; /* NULL at the end */
};

static const char *const usage =
    "kintoun exec [--data DIR] INSTANCE [--] [COMMAND…]  (without a command: a shell)\n";

static bool read_words(char *const *argv, struct wanted *ret)
{
    static char shell[] = "/bin/sh";
    static char *const shell_command[] = {shell, NULL};
    const char *environment = getenv("KINTOUN_DATA");
    ret->data = environment ? environment : "./data";
    if (argv[0] && strcmp(argv[0], "--data") == 0 && argv[1]) {
        ret->data = argv[1];
        argv += 2;
    }
    ret->instance = *argv;
    if (!ret->instance || strncmp(ret->instance, "i-", 2) != 0 || strchr(ret->instance, '/'))
        return false;
    argv++;
    if (*argv && strcmp(*argv, "--") == 0)
        argv++;
    ret->command = *argv ? argv : shell_command;
    return true;
}

int command_exec(int argc, char **argv)
{
    struct wanted wanted;
    char data[PATH_MAX], folder[PATH_MAX + 64];
    if (!read_words(argv, &wanted)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!realpath(wanted.data, data)) {
        fprintf(stderr, "kintoun exec: %s: %s\n", wanted.data, strerror(errno));
        return 1;
    }
    snprintf(folder, sizeof folder, "%s/" EC2_INSTANCES "/%s", data, wanted.instance);
    if (access(folder, R_OK) < 0) {
        fprintf(stderr, "kintoun exec: %s has no %s, or this user may not see it\n", wanted.data,
                wanted.instance);
        return 1;
    }
    fprintf(stderr, "kintoun exec: %s\n", strerror(-sandbox_enter(folder, wanted.command)));
    return 1;
}
