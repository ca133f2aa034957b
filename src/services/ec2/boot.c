// SPDX-License-Identifier: Apache-2.0
/*
 * The files of a booting instance. What concerns one run only lies under /run, which is new at
 * every start; what happens once per instance leaves its mark on the disk, as cloud-init does
 * ("Boot stages", "User-data formats"). Control thread.
 */
#include "services/ec2/boot.h"

extern const unsigned char boot_script[];
extern const size_t boot_script_size;

const char *const boot_command[] = {"/bin/sh", "/run/cloud-init/boot", NULL};

/* The image is the host's system, not what its users keep, its logs, or its secrets. */
const char *const boot_hidden[] = {
    "/root",
    "/home",
    "/boot",
    "/media",
    "/mnt",
    "/srv",
    "/var/log",
    "/var/mail",
    "/var/spool",
    "/var/tmp",
    "/var/lib/cloud",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key",
    "/etc/ssh/ssh_host_rsa_key",
    "/etc/machine-id",
    NULL,
};

static void add(struct boot_files *files, const char *path, uint32_t mode, struct span body)
{
    files->at[files->count++] = (struct sandbox_file){.path = path, .mode = mode, .body = body};
}

void boot_make_files(struct call *c, const struct boot_facts *facts, struct boot_files *ret)
{
    *ret = (struct boot_files){0};
    add(ret, "/run/cloud-init/boot", 0700, span_of(boot_script, boot_script_size));
    add(ret, "/run/cloud-init/.instance-id", 0644, facts->id);
    add(ret, "/run/cloud-init/user-data", 0600, facts->user_data.at ? facts->user_data : S(""));
    add(ret, "/run/cloud-init/key", 0600, facts->key.at ? facts->key : S(""));
    add(ret, "/etc/hostname", 0644, arena_printf(c->arena, "%.*s\n", SPAN_ARG(facts->hostname)));
    add(ret, "/etc/hosts", 0644,
        arena_printf(c->arena, "127.0.0.1 localhost\n%.*s %.*s.%.*s %.*s\n",
                     SPAN_ARG(facts->address), SPAN_ARG(facts->hostname), SPAN_ARG(facts->domain),
                     SPAN_ARG(facts->hostname)));
    add(ret, "/etc/resolv.conf", 0644, facts->resolv_conf);
}
