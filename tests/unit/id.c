// SPDX-License-Identifier: Apache-2.0
/* Cases for base/id: the forms, the alphabets, and that nothing repeats. */
#include "test.h"

#include "base/id.h"

#include <sys/wait.h>
#include <unistd.h>

static struct arena arena;

static void begin(void)
{
    arena_done(&arena);
    arena_init(&arena, 4096, 1 << 24);
}

static bool only(struct span s, const char *alphabet)
{
    for (size_t i = 0; i < s.len; i++)
        if (!s.at[i] || !strchr(alphabet, s.at[i]))
            return false;
    return true;
}

TEST(forms)
{
    begin();
    struct span volume = id_hex(&arena, S("vol-0"), 16);
    CHECK_INT(volume.len, 21);
    CHECK(span_starts(volume, S("vol-0")) && only(span_from(volume, 5), "0123456789abcdef"));
    struct span key = id_base32(&arena, S("AKIA"), 16);
    CHECK_INT(key.len, 20);
    CHECK(span_starts(key, S("AKIA")) && only(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
    CHECK_INT(id_alnum(&arena, SPAN_NONE, 32).len, 32);
    struct span uuid = id_uuid(&arena);
    CHECK_INT(uuid.len, 36);
    CHECK(only(uuid, "0123456789abcdef-"));
    CHECK(uuid.at[8] == '-' && uuid.at[13] == '-' && uuid.at[18] == '-' && uuid.at[23] == '-');
    CHECK(uuid.at[14] == '4' && strchr("89ab", uuid.at[19]));
}

/* 62 letters from 256 byte values are only even when the surplus is thrown away. */
TEST(letters_are_evenly_spread)
{
    enum { LETTERS = 62 * 2000 };
    int seen[256] = {0};
    begin();
    struct span s = id_alnum(&arena, SPAN_NONE, LETTERS);
    for (size_t i = 0; i < s.len; i++)
        seen[(unsigned char)s.at[i]]++;
    int used = 0;
    for (int i = 0; i < 256; i++) {
        used += seen[i] > 0;
        CHECK(seen[i] == 0 || (seen[i] > 1600 && seen[i] < 2400)); /* nine deviations */
    }
    CHECK_INT(used, 62);
}

TEST(long_and_short_runs_differ)
{
    char a[5000] = {0}, b[5000] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK(a[4990] | a[4991] | a[4992] | a[4993] | a[4994] | a[4995] | a[4996] | a[4997]);
    for (int i = 0; i < 1000; i++)
        CHECK(random_u64() != random_u64());
}

TEST(a_forked_child_does_not_repeat_its_parent)
{
    int pipe_fds[2];
    uint64_t mine, theirs = 0;
    (void)random_u64();
    CHECK(pipe(pipe_fds) == 0);
    pid_t child = fork();
    if (child == 0) {
        uint64_t value = random_u64();
        _exit(write(pipe_fds[1], &value, sizeof value) == sizeof value ? 0 : 1);
    }
    mine = random_u64();
    CHECK(read(pipe_fds[0], &theirs, sizeof theirs) == sizeof theirs);
    CHECK(waitpid(child, NULL, 0) == child);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    CHECK(mine != theirs);
}
