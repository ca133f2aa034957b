// SPDX-License-Identifier: Apache-2.0
/*
 * `kintoun fabric`: whether the VPCs of a data directory have a data plane on this machine, which
 * goes on while no kintoun runs; `kintoun fabric remove` ends it.
 */
#include "kintoun/commands.h"

#include "engines/fabric/fabric.h"
#include "services/ec2/network_edge.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static int usage(void)
{
    fprintf(stderr, "kintoun fabric: [remove] [--data DIR]\n");
    return 2;
}

static int print(const char *name)
{
    char path[PATH_MAX];
    struct stat info;
    snprintf(path, sizeof path, "/run/netns/%s", name);
    bool there = stat(path, &info) == 0;
    printf("%s %s\n", name, there ? "is there" : "is not there");
    return there ? 0 : 1;
}

static int remove_fabric(const char *name)
{
    int error = fabric_remove(name);
    if (error)
        fprintf(stderr, "kintoun fabric: removing %s: %s\n", name, strerror(-error));
    return error ? 1 : 0;
}

int command_fabric(int argc, char **argv)
{
    char name[NETWORK_NAME];
    bool removes = argc > 0 && strcmp(argv[0], "remove") == 0;
    argc -= removes;
    argv += removes;
    if (argc != 0 && (argc != 2 || strcmp(argv[0], "--data") != 0))
        return usage();
    network_edge_name(argc ? argv[1] : "./data", name);
    return removes ? remove_fabric(name) : print(name);
}
