// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Key pairs for SSH: made anew, or the public half as somebody brings it. The public half is the
 * line of an authorized_keys file, without a comment (RFC 4253, RFC 8709). Making one of RSA takes
 * tens of milliseconds. Any thread.
 */
#include "base/arena.h"

enum SSH_KEY { SSH_KEY_RSA, SSH_KEY_ED25519 };

struct ssh_key {
    enum SSH_KEY kind;
    struct span public_line;
    struct span private_key;  /* PEM; absent when the key was brought */
    struct span public_blob;  /* as the line has it in base64 */
    struct span public_der;   /* SubjectPublicKeyInfo */
    struct span private_der;  /* PKCS #8, of RSA; absent when the key was brought */
    struct span private_blob; /* as PuTTY has it; absent when the key was brought */
    int bits;
};

/* RSA: 2048 bits, PKCS #1. Ed25519: OpenSSH's own form, which is the only one ssh reads. */
MUST_CHECK int ssh_key_make(struct arena *arena, enum SSH_KEY kind, struct ssh_key *ret);
/* The private key of one that was made as PuTTY keeps it, without a passphrase ("PPK file format",
 * version 2, which every PuTTY reads). The comment has no line breaks. */
struct span ssh_key_ppk(struct arena *arena, const struct ssh_key *key, struct span comment);
/* False when it is no line of an authorized_keys file with a key of these kinds. */
MUST_CHECK bool ssh_key_read(struct arena *arena, struct span line, struct ssh_key *ret);
