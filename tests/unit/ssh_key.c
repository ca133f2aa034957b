// SPDX-License-Identifier: Apache-2.0
/* Keys that ssh-keygen reads, and lines that it wrote. */
#include "test.h"

#include "base/ssh_key.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a command prints about a file with this content. */
static const char *told(const char *format, struct span content)
{
    static char text[4096];
    char path[] = "/tmp/ssh-key-test-XXXXXX", command[256];
    int fd = mkstemp(path);
    CHECK(fd >= 0 && write(fd, content.at, content.len) == (ssize_t)content.len);
    close(fd);
    snprintf(command, sizeof command, "%s %s 2>&1", format, path);
    FILE *pipe = popen(command, "re");
    CHECK(pipe);
    size_t got = fread(text, 1, sizeof text - 1, pipe);
    text[got] = '\0';
    pclose(pipe);
    unlink(path);
    return text;
}

static void check_made(enum SSH_KEY kind)
{
    struct arena arena;
    struct ssh_key key, read;
    if (access("/usr/bin/ssh-keygen", X_OK) < 0)
        test_skip("ssh-keygen is not installed");
    arena_init(&arena, 16384, 1 << 20);
    CHECK_INT(ssh_key_make(&arena, kind, &key), 0);
    const char *line = told("ssh-keygen -y -f", key.private_key);
    CHECK(span_starts(span_of_cstr(line), key.public_line));
    CHECK(ssh_key_read(&arena, span_of_cstr(line), &read));
    CHECK_SPAN(read.public_line, key.public_line);
    CHECK_SPAN(read.public_der, key.public_der);
    CHECK_INT(read.bits, key.bits);
    CHECK(!read.private_key.at);
    arena_done(&arena);
}

TEST(what_is_made_is_read_by_ssh)
{
    check_made(SSH_KEY_RSA);
    check_made(SSH_KEY_ED25519);
}

TEST(what_is_no_key_is_refused)
{
    static const char *const lines[] = {
        "",
        "ssh-rsa",
        "ssh-rsa !!!!",
        "ssh-dss AAAAB3NzaC1kc3MAAAAA",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==",
        "ssh-rsa AAAAB3NzaC1yc2EAAAAAAAAAAA==",
    };
    struct arena arena;
    struct ssh_key key;
    arena_init(&arena, 16384, 1 << 20);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        CHECK(!ssh_key_read(&arena, span_of_cstr(lines[i]), &key));
    arena_done(&arena);
}
