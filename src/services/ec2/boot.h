// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What an instance finds when it boots, in the places where cloud-init has it: its id, user data,
 * key, names; and the script that boots it. Control thread.
 */
#include "engines/sandbox/sandbox.h"
#include "services/ec2/resource.h"

#define BOOT_FILES 20
struct boot_files {
    struct sandbox_file at[BOOT_FILES];
    size_t count;
};

extern const char *const boot_command[]; /* NULL at the end */
extern const char *const boot_hidden[];  /* of the host: what is its users' own; NULL at the end */

/* `key`: a line of authorized_keys, or absent. `authority`: the certificate (PEM) of the authority
 * that services' certificates come from, or absent, with its OpenSSL hash. */
struct boot_facts {
    struct span id, address, hostname, domain, resolv_conf, user_data, key, authority;
    uint32_t authority_hash;
};
void boot_make_files(struct call *c, const struct boot_facts *facts, struct boot_files *ret);
