// SPDX-License-Identifier: Apache-2.0
/*
 * The files of a booting instance. What concerns one run only lies under /run, which is new at
 * every start; what happens once per instance leaves its mark on the disk, as cloud-init does
 * ("Boot stages", "User-data formats"). Control thread.
 */
#include "services/ec2/boot.h"

#include <sys/stat.h>

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

/* Scripts are where cloud-init puts them; compressed ones are unpacked by the machine. */
static void add_user_data(struct call *c, struct boot_files *to, struct span here, struct span data)
{
    static const struct {
        struct span magic;
        const char *name;
        uint32_t mode;
    } parts[] = {{S_INIT("#!"), "part-001", 0700}, {S_INIT("\x1f\x8b"), "part-001.gz", 0600}};
    add(to, arena_printf(c->arena, "%.*s/user-data.txt", SPAN_ARG(here)).at, 0600, data);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (span_starts(data, parts[i].magic))
            add(to, arena_printf(c->arena, "%.*s/scripts/%s", SPAN_ARG(here), parts[i].name).at,
                parts[i].mode, data);
}

static void add_key(struct boot_files *to, struct span key)
{
    if (!key.at)
        return;
    add(to, "/root/.ssh", S_IFDIR | 0700, S(""));
    add(to, "/run/cloud-init/key", 0600, key);
}

/* Where Debian's update-ca-certificates takes further ones from, and where OpenSSL looks each one
 * up; the bundle is the machine's own business. */
static void add_authority(struct call *c, struct boot_files *to, const struct boot_facts *facts)
{
    static const char path[] = "/usr/local/share/ca-certificates/kintoun.crt";
    if (!facts->authority.at)
        return;
    add(to, path, 0644, facts->authority);
    add(to, "/etc/ssl/certs/kintoun.pem", S_IFLNK, span_of_cstr(path));
    add(to, arena_printf(c->arena, "/etc/ssl/certs/%08x.0", facts->authority_hash).at, S_IFLNK,
        S("kintoun.pem"));
}

void boot_make_files(struct call *c, const struct boot_facts *facts, struct boot_files *ret)
{
    struct span here = arena_printf(c->arena, "/var/lib/cloud/instances/%.*s", SPAN_ARG(facts->id));
    *ret = (struct boot_files){0};
    add(ret, "/run/cloud-init/boot", 0700, span_of(boot_script, boot_script_size));
    add(ret, "/run/cloud-init/.instance-id", 0644,
        arena_printf(c->arena, "%.*s\n", SPAN_ARG(facts->id)));
    add(ret, arena_printf(c->arena, "%.*s/sem", SPAN_ARG(here)).at, S_IFDIR | 0755, S(""));
    add(ret, "/var/lib/cloud/instance", S_IFLNK, here);
    add(ret, "/var/lib/cloud/scripts/per-boot", S_IFDIR | 0755, S(""));
    add_user_data(c, ret, here, facts->user_data.at ? facts->user_data : S(""));
    add_key(ret, facts->key);
    add_authority(c, ret, facts);
    add(ret, "/etc/hostname", 0644, arena_printf(c->arena, "%.*s\n", SPAN_ARG(facts->hostname)));
    add(ret, "/etc/hosts", 0644,
        arena_printf(c->arena, "127.0.0.1 localhost\n%.*s %.*s.%.*s %.*s\n",
                     SPAN_ARG(facts->address), SPAN_ARG(facts->hostname), SPAN_ARG(facts->domain),
                     SPAN_ARG(facts->hostname)));
    add(ret, "/etc/resolv.conf", 0644, facts->resolv_conf);
}
