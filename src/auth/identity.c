// SPDX-License-Identifier: Apache-2.0
/*
 * The caches in front of the records: identities by access key, and derived signing keys. An entry
 * is good for one generation, which is read before the records are, so that a change in between
 * makes the entry old at once. While a change is under way entries serve one look-up only. A cache
 * belongs to one thread.
 */
#include "auth/principal.h"

#include "base/log.h"
#include "base/map.h"
#include "base/time.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct auth {
    struct store *store;
    struct auth_options options;
    struct arena arena;          /* of the options' texts */
    _Atomic uint64_t generation; /* from 1 */
    atomic_int changing;         /* changes under way */
};

struct entry {
    struct identity identity;
    struct arena arena; /* holds it */
};

#define ENTRIES_MAX 1024
#define ACCESS_KEY_MAX 128
#define SIGNING_SLOTS 256 /* a power of two */
#define SIGNING_TEXT_MAX 192

struct signing_slot {
    char text[SIGNING_TEXT_MAX]; /* access key, date, region and service */
    size_t len;                  /* 0 = free */
    struct hmac_key key;
};

struct auth_cache {
    struct auth *auth;
    uint64_t generation; /* of the entries; 0: good for nothing further */
    struct map entries;  /* access key -> struct entry */
    struct signing_slot *signing;
    struct hmac_key unslotted; /* for scopes too long for a slot */
};

static void *must_alloc(size_t size)
{
    void *at = calloc(1, size);
    if (!at)
        log_fatal("out of memory (%zu bytes)", size);
    return at;
}

struct auth *auth_new(struct store *store, const struct auth_options *options)
{
    struct auth *auth = must_alloc(sizeof *auth);
    auth->store = store;
    arena_init(&auth->arena, 512, 64 * 1024);
    auth->options = (struct auth_options){
        .root_access_key = arena_copy(&auth->arena, options->root_access_key),
        .root_secret = arena_copy(&auth->arena, options->root_secret),
        .default_account = arena_copy(&auth->arena, options->default_account),
        .mode = options->mode,
    };
    atomic_init(&auth->generation, 1);
    return auth;
}

void auth_free(struct auth *auth)
{
    if (!auth)
        return;
    arena_done(&auth->arena);
    free(auth);
}

enum AUTH_MODE auth_mode(const struct auth *auth)
{
    return auth->options.mode;
}

void auth_changed(struct auth *auth)
{
    atomic_fetch_add_explicit(&auth->generation, 1, memory_order_release);
}

static void change_ends(void *thing)
{
    struct auth *auth = thing;
    auth_changed(auth);
    atomic_fetch_sub_explicit(&auth->changing, 1, memory_order_release);
}

void auth_change_within(struct auth *auth, struct arena *arena)
{
    atomic_fetch_add(&auth->changing, 1);
    arena_defer(arena, change_ends, auth);
}

struct auth_cache *auth_cache_new(struct auth *auth)
{
    struct auth_cache *cache = must_alloc(sizeof *cache);
    cache->auth = auth;
    cache->signing = must_alloc(SIGNING_SLOTS * sizeof *cache->signing);
    return cache;
}

static void entry_free(struct entry *entry)
{
    arena_done(&entry->arena);
    free(entry);
}

static void drop_entries(struct auth_cache *cache)
{
    size_t at = 0;
    struct span key;
    void *entry;
    while (map_next(&cache->entries, &at, &key, &entry))
        entry_free(entry);
    map_done(&cache->entries);
    cache->entries = (struct map){0};
}

void auth_cache_free(struct auth_cache *cache)
{
    if (!cache)
        return;
    drop_entries(cache);
    free(cache->signing);
    free(cache);
}

/* The root key is of the default account, a key id of 12 digits of that account. */
static bool root_account(const struct auth *auth, struct span access_key, struct span *ret_account)
{
    bool other = policy_is_account(access_key);
    *ret_account = other ? access_key : auth->options.default_account;
    return other || span_eq(access_key, auth->options.root_access_key);
}

static int read_records(const struct auth *auth, struct entry *entry, struct span access_key)
{
    struct txn *txn = txn_begin(auth->store);
    int error = principal_of_key(txn, &entry->arena, access_key, &entry->identity);
    txn_rollback(txn);
    return error;
}

/* In open mode whoever asks is the root user: of a known key's account, else of the default one. */
static int open_identity(const struct auth *auth, struct entry *entry, struct span access_key)
{
    struct span account;
    if (!root_account(auth, access_key, &account)) {
        int error = read_records(auth, entry, access_key);
        if (error && error != -ENOENT)
            return error;
        if (!error)
            account = entry->identity.account;
    }
    principal_root(&entry->arena, account, &entry->identity);
    entry->identity.unrestricted = true;
    return 0;
}

static int load(const struct auth *auth, struct entry *entry, struct span access_key)
{
    struct span account;
    int error = 0;
    if (auth->options.mode == AUTH_OPEN)
        error = open_identity(auth, entry, access_key);
    else if (root_account(auth, access_key, &account)) {
        principal_root(&entry->arena, account, &entry->identity);
        entry->identity.secret = auth->options.root_secret;
    } else
        error = read_records(auth, entry, access_key);
    entry->identity.access_key = arena_copy(&entry->arena, access_key);
    return error;
}

/* What the entries of a cache may be kept for: read before any record is. */
static uint64_t current_generation(struct auth *auth)
{
    uint64_t generation = atomic_load(&auth->generation);
    return atomic_load(&auth->changing) ? 0 : generation;
}

/* 0 with an entry of the current generation, -ENOENT, or another negative errno. */
static int entry_of(struct auth_cache *cache, struct span access_key, struct entry **ret)
{
    uint64_t generation = current_generation(cache->auth);
    bool current = generation != 0 && generation == cache->generation;
    if (!current || cache->entries.count >= ENTRIES_MAX)
        drop_entries(cache);
    cache->generation = generation;
    *ret = map_get(&cache->entries, access_key);
    if (*ret)
        return 0;
    struct entry *entry = must_alloc(sizeof *entry);
    arena_init(&entry->arena, 1024, SIZE_MAX);
    int error = load(cache->auth, entry, access_key);
    if (error) {
        entry_free(entry);
        return error;
    }
    map_set(&cache->entries, entry->identity.access_key, entry);
    *ret = entry;
    return 0;
}

/* A long-term key has no token. Of the root key any is let pass: clients that were set up for
 * mocks send one with it, and it would add nothing to the secret. */
static bool token_belongs(const struct identity *identity, struct span token)
{
    if (identity->type == IDENTITY_ROOT && identity->session == SESSION_NONE)
        return true;
    if (identity->session == SESSION_NONE)
        return token.len == 0;
    return token.len == identity->session_token.len &&
           hash_eq(token.at, identity->session_token.at, token.len);
}

int auth_lookup(struct auth_cache *cache, struct span access_key, struct span token,
                const struct identity **ret, bool *ret_bad_token)
{
    struct entry *entry;
    *ret = NULL;
    *ret_bad_token = false;
    int error = access_key.len > ACCESS_KEY_MAX ? -ENOENT : entry_of(cache, access_key, &entry);
    if (error)
        return error == -ENOENT ? 0 : error;
    *ret_bad_token = !token_belongs(&entry->identity, token);
    if (!*ret_bad_token)
        *ret = &entry->identity;
    return 0;
}

/* The parts one behind the other, each with its length before it; empty when they do not fit. */
static size_t signing_text(const struct span *parts, size_t count, char to[SIGNING_TEXT_MAX])
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 255 || len + 1 + parts[i].len > SIGNING_TEXT_MAX)
            return 0;
        to[len++] = (char)parts[i].len;
        if (parts[i].len)
            memcpy(to + len, parts[i].at, parts[i].len);
        len += parts[i].len;
    }
    return len;
}

const struct hmac_key *auth_signing_key(struct auth_cache *cache, const struct identity *identity,
                                        struct span date, struct span region, struct span service)
{
    char text[SIGNING_TEXT_MAX];
    struct span parts[] = {identity->access_key, date, region, service};
    struct span key = span_of(text, signing_text(parts, ARRAY_LEN(parts), text));
    if (key.len == 0) {
        sigv4_key(identity->secret, date, region, service, &cache->unslotted);
        return &cache->unslotted;
    }
    struct signing_slot *slot = &cache->signing[span_hash(key) & (SIGNING_SLOTS - 1)];
    if (!span_eq(key, span_of(slot->text, slot->len))) {
        sigv4_key(identity->secret, date, region, service, &slot->key);
        memcpy(slot->text, text, key.len);
        slot->len = key.len;
    }
    return &slot->key;
}
