// SPDX-License-Identifier: Apache-2.0
/*
 * A few certificates by their first name, the oldest of which makes room for the next; one key for
 * all of them, this process's. One that has been shown for long is issued anew before it ends. Any
 * thread.
 */
#include "http/tls_shown.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/time.h"
#include "http/authority.h"
#include "http/certificate.h"

#include <openssl/err.h>

#define KEPT 64
#define KEPT_MS DAY_MS
#define NAME_BYTES 254

struct shown {
    char name[NAME_BYTES];
    size_t name_len; /* 0: nothing is here */
    int64_t issued_ms;
    X509 *certificate;
};

struct tls_shown {
    struct authority *authority;
    tls_find_names *find;
    EVP_PKEY *key;
    pthread_mutex_t lock; /* of the rest */
    struct shown kept[KEPT];
    size_t next;
};

struct tls_shown *tls_shown_new(struct authority *authority, tls_find_names *find)
{
    struct tls_shown *shown = calloc(1, sizeof *shown);
    if (!shown)
        log_fatal("out of memory for certificates");
    shown->authority = authority;
    shown->find = find;
    shown->key = certificate_key();
    pthread_mutex_init(&shown->lock, NULL);
    return shown;
}

void tls_shown_free(struct tls_shown *shown)
{
    if (!shown)
        return;
    for (size_t i = 0; i < KEPT; i++)
        X509_free(shown->kept[i].certificate);
    EVP_PKEY_free(shown->key);
    pthread_mutex_destroy(&shown->lock);
    free(shown);
}

static struct shown *find_kept(struct tls_shown *shown, struct span name)
{
    for (size_t i = 0; i < KEPT; i++) {
        struct shown *one = &shown->kept[i];
        if (one->name_len && span_eq(span_of(one->name, one->name_len), name))
            return one;
    }
    return NULL;
}

/* Its place; what stood there is gone. */
static struct shown *make_room(struct tls_shown *shown, struct span name)
{
    struct shown *one = find_kept(shown, name);
    if (!one) {
        one = &shown->kept[shown->next];
        shown->next = (shown->next + 1) % KEPT;
    }
    X509_free(TAKE(one->certificate));
    memcpy(one->name, name.at, name.len);
    one->name_len = name.len;
    return one;
}

/* NULL: none can be issued. */
static struct shown *get(struct tls_shown *shown, const struct tls_names *names)
{
    struct shown *one = find_kept(shown, names->at[0]);
    int64_t now_ms = clock_steady_ms();
    if (one && one->certificate && now_ms - one->issued_ms < KEPT_MS)
        return one;
    one = make_room(shown, names->at[0]);
    one->issued_ms = now_ms;
    one->certificate = authority_issue(shown->authority, shown->key, names->at, names->count);
    return one->certificate ? one : NULL;
}

static struct span lower(struct arena *arena, struct span name)
{
    char *text = arena_cstr(arena, name);
    for (size_t i = 0; i < name.len; i++)
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] + 32);
    return name.at ? span_of(text, name.len) : SPAN_NONE;
}

bool tls_shown_use(struct tls_shown *shown, struct arena *arena, struct span asked, SSL *ssl)
{
    struct tls_names names = {0};
    if (asked.len < NAME_BYTES)
        shown->find(arena, lower(arena, asked), &names);
    if (!names.count || !shown->key || names.at[0].len >= NAME_BYTES)
        return false;
    GUARD(&shown->lock);
    const struct shown *one = get(shown, &names);
    bool good = one && SSL_use_certificate(ssl, one->certificate) == 1 &&
                SSL_use_PrivateKey(ssl, shown->key) == 1;
    ERR_clear_error();
    return good;
}
