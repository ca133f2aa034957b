// SPDX-License-Identifier: Apache-2.0
/* The program's entry: a table of subcommands. */
#include "kintoun/commands.h"
#include "kintoun/options.h"
#include "kintoun/version.h"

#include <stdio.h>
#include <string.h>

static int command_version(int argc, char **argv)
{
    printf("kintoun %s\n", KINTOUN_VERSION);
    return 0;
}

static int command_help(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    {"up", command_up, "start the cloud"},
    {"status", command_status, "ask a running one how it is  [--port N]"},
    {"shards", command_shards, "watch the shards of a stream  STREAM [--once] [--port N]"},
    {"nat", command_nat, "live translations of a NAT gateway  GATEWAY [--watch] [--port N]"},
    {"fabric", command_fabric,
     "whether VPCs have a data plane on this machine; ends it  [remove] [--data DIR]"},
    {"doctor", command_doctor, "what this kernel and user can and cannot do"},
    {"coverage", command_coverage, "operations that are built and refused  [SERVICE]"},
    {"exec", command_exec,
     "run a command inside an instance  [--data DIR] INSTANCE [--] [COMMAND…]"},
    {"image", command_image,
     "make an image of the archive of a root file system  import FILE --name NAME [--region R] "
     "[--data DIR] [--port N]"},
    {"audit", command_audit,
     "print the audit records of a data directory that is not in use  [--data DIR]"},
    {"version", command_version, "print the version"},
    {"help", command_help, "print this"},
};

static int command_help(int argc, char **argv)
{
    printf("kintoun: an AWS region's building blocks on one machine\n\n");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        printf("  kintoun %-10s %s\n", commands[i].name, commands[i].about);
    printf("\nOptions of `kintoun up`:\n%s", options_help);
    return 0;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "help";
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    if (strcmp(name, "--version") == 0)
        name = "version";
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (strcmp(name, commands[i].name) == 0)
            return commands[i].run(argc > 2 ? argc - 2 : 0, argv + 2);
    fprintf(stderr, "kintoun: there is no command %s; see `kintoun help`\n", name);
    return 2;
}
