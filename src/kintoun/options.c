// SPDX-License-Identifier: Apache-2.0
/*
 * Flags and environment of `kintoun up`, in one table, and the rules between them: a known key
 * never listens beyond this machine. Start-up only.
 */
#include "kintoun/options.h"

#include "auth/policy.h"
#include "wire/sigv4.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

const char options_help[] =
    "  --port N             listen on this port (4566; 0: any free one)\n"
    "  --listen ADDRESS     listen on this address (127.0.0.1)\n"
    "  --data DIR           keep everything in this directory (./data)\n"
    "  --tls                speak TLS, with tls-cert.pem of the data directory or one of the\n"
    "                       authority that is made there (ca-cert.pem)\n"
    "  --auth open          take any key without a signature check (loopback only)\n"
    "  --account ID         the account of the root key (000000000000)\n"
    "  --public-pool CIDR   take public addresses of VPCs from this block (203.0.113.0/24)\n"
    "  --public-pool6 CIDR  and their IPv6 blocks, a /56 each, from this one (2001:db8::/40)\n"
    "  --edge NAME          this network namespace (or host) is the internet of VPCs (none)\n"
    "  --resolv-conf FILE   whose servers know the names that VPCs do not (/etc/resolv.conf)\n"
    "  --fabric off         move no packets in VPCs (on where root's)\n"
    "  --loops N            threads that serve requests (one per processor)\n"
    "  --data-events        audit data-plane calls too\n"
    "  --encrypt-at-rest off  store objects in the clear (on: encrypted, key in the data "
    "directory)\n"
    "  --cors-origin URL    let pages of this origin call (localhost always may); repeatable\n"
    "  --unlimited          do not enforce the throughput limits of shards\n"
    "  --test-clock         let tests move and stop the clock (POST /_kintoun/clock)\n"
    "  --extra-sync-us N    bench only: make every log sync this much slower\n"
    "  --verbose            a line per request on standard error\n"
    "\n"
    "Environment: KINTOUN_DATA, KINTOUN_PORT, KINTOUN_LISTEN, KINTOUN_ACCOUNT, KINTOUN_AUTH,\n"
    "  KINTOUN_ROOT_ACCESS_KEY_ID and KINTOUN_ROOT_SECRET_ACCESS_KEY (test/test), "
    "KINTOUN_CORS_ORIGIN.\n";

struct raw {
    const char *port, *listen, *data, *auth, *account, *loops, *extra_sync_us, *encrypt_at_rest;
    const char *public_pool, *public_pool6, *edge, *resolv_conf, *fabric;
    bool tls, test_clock, data_events, unlimited, verbose;
};

static const struct {
    const char *flag, *environment;
    size_t offset; /* of a const char * in struct raw */
} with_value[] = {
    {"--port", "KINTOUN_PORT", offsetof(struct raw, port)},
    {"--listen", "KINTOUN_LISTEN", offsetof(struct raw, listen)},
    {"--data", "KINTOUN_DATA", offsetof(struct raw, data)},
    {"--auth", "KINTOUN_AUTH", offsetof(struct raw, auth)},
    {"--account", "KINTOUN_ACCOUNT", offsetof(struct raw, account)},
    {"--public-pool", "KINTOUN_PUBLIC_POOL", offsetof(struct raw, public_pool)},
    {"--public-pool6", "KINTOUN_PUBLIC_POOL6", offsetof(struct raw, public_pool6)},
    {"--edge", NULL, offsetof(struct raw, edge)},
    {"--resolv-conf", NULL, offsetof(struct raw, resolv_conf)},
    {"--fabric", NULL, offsetof(struct raw, fabric)},
    {"--loops", NULL, offsetof(struct raw, loops)},
    {"--extra-sync-us", NULL, offsetof(struct raw, extra_sync_us)},
    {"--encrypt-at-rest", NULL, offsetof(struct raw, encrypt_at_rest)},
};

static const struct {
    const char *flag;
    size_t offset; /* of a bool in struct raw */
} switches[] = {
    {"--tls", offsetof(struct raw, tls)},
    {"--test-clock", offsetof(struct raw, test_clock)},
    {"--data-events", offsetof(struct raw, data_events)},
    {"--unlimited", offsetof(struct raw, unlimited)},
    {"--verbose", offsetof(struct raw, verbose)},
};

PRINTF_LIKE(1, 2) static int complain(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "kintoun up: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    return -EINVAL;
}

static void read_environment(struct raw *raw)
{
    for (size_t i = 0; i < ARRAY_LEN(with_value); i++) {
        const char *value = with_value[i].environment ? getenv(with_value[i].environment) : NULL;
        if (value && *value)
            *(const char **)((char *)raw + with_value[i].offset) = value;
    }
}

static bool read_switch(struct raw *raw, const char *flag)
{
    for (size_t i = 0; i < ARRAY_LEN(switches); i++)
        if (strcmp(flag, switches[i].flag) == 0) {
            *(bool *)((char *)raw + switches[i].offset) = true;
            return true;
        }
    return false;
}

static int add_origin(struct options *options, const char *origin)
{
    if (options->cors_origin_count == OPTIONS_MAX_ORIGINS)
        return complain("%s: too many origins", origin);
    options->cors_origins[options->cors_origin_count++] = span_of_cstr(origin);
    return 0;
}

/* A flag with a value; 1 when it is none of these. */
static int read_valued(struct options *options, struct raw *raw, const char *flag,
                       const char *value)
{
    if (strcmp(flag, "--cors-origin") == 0)
        return value ? add_origin(options, value) : complain("%s needs a value", flag);
    for (size_t i = 0; i < ARRAY_LEN(with_value); i++)
        if (strcmp(flag, with_value[i].flag) == 0) {
            if (!value)
                return complain("%s needs a value", flag);
            *(const char **)((char *)raw + with_value[i].offset) = value;
            return 0;
        }
    return 1;
}

/* The value behind the flag's `=`, which is cut off, or NULL. */
static char *cut_value(char *flag)
{
    char *equals = flag[0] == '-' ? strchr(flag, '=') : NULL;
    if (!equals)
        return NULL;
    *equals = '\0';
    return equals + 1;
}

static int read_flags(struct options *options, struct raw *raw, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        char *joined = cut_value(argv[i]), *next = i + 1 < argc ? argv[i + 1] : NULL;
        if (!joined && read_switch(raw, argv[i]))
            continue;
        int error = read_valued(options, raw, argv[i], joined ? joined : next);
        if (error > 0)
            return complain("there is no option %s; see `kintoun help`", argv[i]);
        if (error < 0)
            return error;
        i += !joined;
    }
    return 0;
}

static int read_number(const char *text, uint64_t highest, uint64_t otherwise, uint64_t *out)
{
    *out = otherwise;
    if (!text)
        return 0;
    if (!span_to_u64(span_of_cstr(text), out) || *out > highest)
        return complain("%s is not a usable number", text);
    return 0;
}

static int fill_numbers(struct options *options, const struct raw *raw, int processors)
{
    uint64_t port, loops, sync;
    if (read_number(raw->port, UINT16_MAX, 4566, &port) < 0 ||
        read_number(raw->loops, OPTIONS_MAX_LOOPS, (uint64_t)processors, &loops) < 0 ||
        read_number(raw->extra_sync_us, 1000000, 0, &sync) < 0)
        return -EINVAL;
    options->port = (uint16_t)port;
    options->loops = loops ? (int)loops : 1;
    options->extra_sync_us = (int64_t)sync;
    return 0;
}

static int fill_public_pool(struct options *options, const char *text)
{
    struct cidr *pool = &options->public_pool;
    if (cidr_read(span_of_cstr(text), pool) && pool->bits >= 8 && pool->bits <= 28)
        return 0;
    return complain("--public-pool takes a block of /8 to /28 such as 203.0.113.0/24, not %s",
                    text);
}

static int fill_public_pool6(struct options *options, const char *text)
{
    struct cidr6 *pool = &options->public_pool6;
    if (cidr6_parse(span_of_cstr(text), pool) && pool->bits >= 24 && pool->bits <= 52)
        return 0;
    return complain("--public-pool6 takes a block of /24 to /52 such as 2001:db8::/40, not %s",
                    text);
}

static int fill_root_key(struct options *options)
{
    const char *key = getenv("KINTOUN_ROOT_ACCESS_KEY_ID");
    const char *secret = getenv("KINTOUN_ROOT_SECRET_ACCESS_KEY");
    options->default_root_key = !key && !secret;
    if (!key != !secret)
        return complain("%s",
                        "set both KINTOUN_ROOT_ACCESS_KEY_ID and KINTOUN_ROOT_SECRET_ACCESS_KEY");
    options->root_access_key = key ? span_of_cstr(key) : S("test");
    options->root_secret = secret ? span_of_cstr(secret) : S("test");
    if (!options->root_access_key.len || !options->root_secret.len)
        return complain("the root key must not be empty");
    if (options->root_secret.len > SIGV4_MAX_SECRET)
        return complain("the root secret has more than %d bytes", SIGV4_MAX_SECRET);
    return 0;
}

bool options_is_loopback(struct span address)
{
    return span_starts(address, S("127.")) || span_eq(address, S("::1"));
}

static int check(const struct options *options, const struct raw *raw)
{
    bool loopback = options_is_loopback(options->address);
    if (raw->auth && strcmp(raw->auth, "open") != 0 && strcmp(raw->auth, "verify") != 0)
        return complain("--auth takes open or verify, not %s", raw->auth);
    if (raw->encrypt_at_rest && strcmp(raw->encrypt_at_rest, "on") != 0 &&
        strcmp(raw->encrypt_at_rest, "off") != 0)
        return complain("--encrypt-at-rest takes on or off, not %s", raw->encrypt_at_rest);
    if (raw->fabric && strcmp(raw->fabric, "on") != 0 && strcmp(raw->fabric, "off") != 0)
        return complain("--fabric takes on or off, not %s", raw->fabric);
    if (raw->edge && (!*raw->edge || strchr(raw->edge, '/')))
        return complain("--edge takes the name of a network namespace, or host, not %s", raw->edge);
    if (!policy_is_account(options->account))
        return complain("an account has 12 digits, %s has not", raw->account);
    if (!loopback && options->default_root_key)
        return complain("listening on %s needs a root key of your own: set "
                        "KINTOUN_ROOT_ACCESS_KEY_ID and KINTOUN_ROOT_SECRET_ACCESS_KEY",
                        raw->listen);
    if (!loopback && options->open_auth)
        return complain("--auth open is for loopback only, not for %s", raw->listen);
    return 0;
}

int options_read(struct options *options, int argc, char **argv)
{
    struct raw raw = {.data = "./data",
                      .listen = "127.0.0.1",
                      .account = "000000000000",
                      .public_pool = "203.0.113.0/24",
                      .public_pool6 = "2001:db8::/40"};
    const char *origin = getenv("KINTOUN_CORS_ORIGIN");
    *options = (struct options){.region = S("us-east-1")};
    read_environment(&raw);
    if (origin && *origin && add_origin(options, origin) < 0)
        return -EINVAL;
    if (read_flags(options, &raw, argc, argv) < 0 ||
        fill_numbers(options, &raw, (int)sysconf(_SC_NPROCESSORS_ONLN)) < 0 ||
        fill_public_pool(options, raw.public_pool) < 0 ||
        fill_public_pool6(options, raw.public_pool6) < 0 || fill_root_key(options) < 0)
        return -EINVAL;
    options->data_dir = raw.data;
    options->address = span_of_cstr(raw.listen);
    options->account = span_of_cstr(raw.account);
    options->open_auth = raw.auth && strcmp(raw.auth, "open") == 0;
    options->plain_at_rest = raw.encrypt_at_rest && strcmp(raw.encrypt_at_rest, "off") == 0;
    options->edge = raw.edge;
    options->resolv_conf = raw.resolv_conf ? raw.resolv_conf : "/etc/resolv.conf";
    options->fabric_off = raw.fabric && strcmp(raw.fabric, "off") == 0;
    options->tls = raw.tls;
    options->test_clock = raw.test_clock;
    options->data_events = raw.data_events;
    options->unlimited = raw.unlimited;
    options->verbose = raw.verbose;
    return check(options, &raw);
}
