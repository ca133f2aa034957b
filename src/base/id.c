// SPDX-License-Identifier: Apache-2.0
/*
 * A small pool of the kernel's random bytes per thread. What was given out is wiped from the pool,
 * and a forked child begins with an empty pool so that it never repeats its parent. Any thread.
 */
#include "base/id.h"

#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>

#define POOL_SIZE 512

static _Thread_local struct {
    uint8_t bytes[POOL_SIZE];
    size_t left; /* bytes[0..left) are fresh */
} pool;

static void forget_pool(void)
{
    pool.left = 0;
}

__attribute__((constructor)) static void watch_forks(void)
{
    if (pthread_atfork(NULL, NULL, forget_pool))
        log_fatal("out of memory (a fork handler)");
}

static void from_kernel(uint8_t *to, size_t len)
{
    while (len) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno != EINTR)
            log_fatal("the kernel gives no random bytes: %s", strerror(errno));
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
}

void random_bytes(void *to, size_t len)
{
    if (len > POOL_SIZE / 4) {
        from_kernel(to, len);
        return;
    }
    if (pool.left < len) {
        from_kernel(pool.bytes, POOL_SIZE);
        pool.left = POOL_SIZE;
    }
    pool.left -= len;
    memcpy(to, pool.bytes + pool.left, len);
    explicit_bzero(pool.bytes + pool.left, len);
}

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

struct span id_uuid(struct arena *arena)
{
    uint8_t b[16];
    random_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4, RFC 9562 */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80); /* its variant */
    char *text = arena_alloc(arena, 37);
    char *at = text;
    for (size_t i = 0; i < sizeof b; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        hex_encode(&b[i], 1, at);
        at += 2;
    }
    *at = '\0';
    return span_of(text, 36);
}

/* prefix + `count` letters of `alphabet`, each as likely as any other: bytes at or above the
 * largest multiple of the alphabet's size are thrown away. */
static struct span id_of(struct arena *arena, struct span prefix, size_t count,
                         struct span alphabet)
{
    size_t limit = 256 - 256 % alphabet.len;
    char *text = arena_alloc(arena, prefix.len + count + 1);
    char *at = prefix.len ? mempcpy(text, prefix.at, prefix.len) : text;
    char *end = at + count;
    while (at < end) {
        uint8_t bytes[32];
        random_bytes(bytes, sizeof bytes);
        for (size_t i = 0; i < sizeof bytes && at < end; i++)
            if (bytes[i] < limit)
                *at++ = alphabet.at[bytes[i] % alphabet.len];
    }
    *end = '\0';
    return span_of(text, prefix.len + count);
}

struct span id_hex(struct arena *arena, struct span prefix, int digits)
{
    return id_of(arena, prefix, (size_t)digits, S("0123456789abcdef"));
}

struct span id_base32(struct arena *arena, struct span prefix, int letters)
{
    return id_of(arena, prefix, (size_t)letters, S("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"));
}

struct span id_alnum(struct arena *arena, struct span prefix, int letters)
{
    return id_of(arena, prefix, (size_t)letters,
                 S("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"));
}
