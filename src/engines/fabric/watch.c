// SPDX-License-Identifier: Apache-2.0
/*
 * What the owner limits and reads: allowances of interfaces, records for logs, live translations.
 * Records are read by turning to the other phase first; once every packet that saw the old one is
 * through (membarrier waits for that) nothing writes to what is read.
 */
#include "engines/fabric/inside.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCH 1024
#define SECOND_NS 1000000000ull

static int watch(struct fabric *fabric, uint32_t number, uint32_t bits, uint32_t wanted)
{
    struct fab_interface interface;
    int error = fabric_get(fabric, FABRIC_INTERFACES, &number, &interface);
    if (error < 0)
        return error;
    interface.watched = (interface.watched & ~bits) | wanted;
    return fabric_set(fabric, FABRIC_INTERFACES, &number, &interface);
}

/* How far beyond now the base's bucket may be taken: what a burst has more than the base gives. */
static uint64_t saved_ns(const struct fabric_limits *limits)
{
    uint64_t base = limits->base_bytes_per_s;
    uint64_t full = limits->out_bytes_per_s > limits->in_bytes_per_s ? limits->out_bytes_per_s
                                                                     : limits->in_bytes_per_s;
    return base && full > base ? (full - base) * limits->burst_s / base * SECOND_NS : 0;
}

/* The number of flows stays what the programs have counted: it lies beside, in one store each. */
int fabric_limit(struct fabric *fabric, uint32_t number, const struct fabric_limits *limits)
{
    struct fab_meter *meter = fabric_meter(fabric, number);
    if (!meter)
        return -EINVAL;
    __atomic_store_n(&meter->bytes_per_s[FAB_OUT], limits->out_bytes_per_s, __ATOMIC_RELAXED);
    __atomic_store_n(&meter->bytes_per_s[FAB_IN], limits->in_bytes_per_s, __ATOMIC_RELAXED);
    __atomic_store_n(&meter->saved_ns, saved_ns(limits), __ATOMIC_RELAXED);
    __atomic_store_n(&meter->base_per_s[FAB_OUT], limits->base_bytes_per_s, __ATOMIC_RELAXED);
    __atomic_store_n(&meter->base_per_s[FAB_IN], limits->base_bytes_per_s, __ATOMIC_RELAXED);
    __atomic_store_n(&meter->flows_max, limits->flows, __ATOMIC_RELAXED);
    bool metered = limits->out_bytes_per_s || limits->in_bytes_per_s;
    return watch(fabric, number, FAB_METERED, metered ? FAB_METERED : 0);
}

int fabric_record(struct fabric *fabric, uint32_t number, enum FABRIC_RECORDS records)
{
    return watch(fabric, number, FAB_RECORDED, records == FABRIC_RECORDED ? FAB_RECORDED : 0);
}

int fabric_unrecorded(struct fabric *fabric, uint32_t number, uint64_t *ret)
{
    const struct fab_meter *meter = fabric_meter(fabric, number);
    *ret = meter ? __atomic_load_n(&meter->unrecorded, __ATOMIC_RELAXED) : 0;
    return meter ? 0 : -EINVAL;
}

/* -- records ---------------------------------------------------------------------------------- */

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* A key of either map. */
union record_key {
    struct fab_record_key four;
    struct fab_record_key6 six;
};

static uint32_t phase_of(const union record_key *key, enum FABRIC_MAP map)
{
    return map == FABRIC_RECORDS6 ? key->six.phase : key->four.phase;
}

static void name_flow(struct fabric_record *to, const struct fab_record_key *key)
{
    to->interface = key->flow.at >> 8;
    to->protocol = (uint8_t)key->flow.at;
    to->incoming = key->direction == FAB_IN;
    to->rejected = key->rejected;
    to->source = key->flow.source;
    to->target = key->flow.target;
    to->source_port = key->flow.source_port;
    to->target_port = key->flow.target_port;
}

static void name_flow6(struct fabric_record *to, const struct fab_record_key6 *key)
{
    to->six = true;
    to->interface = key->flow.at >> 8;
    to->protocol = (uint8_t)key->flow.at;
    to->incoming = key->direction == FAB_IN;
    to->rejected = key->rejected;
    to->source6 = key->flow.source;
    to->target6 = key->flow.target;
    to->source_port = key->flow.source_port;
    to->target_port = key->flow.target_port;
}

static struct fabric_record record_of(const struct fab_record *record, int64_t epoch_ns)
{
    return (struct fabric_record){
        .tcp_flags = (uint8_t)record->tcp_flags,
        .packets = record->packets,
        .bytes = record->bytes,
        .start_ms = ((int64_t)record->first_ns + epoch_ns) / 1000000,
        .end_ms = ((int64_t)record->last_ns + epoch_ns) / 1000000,
    };
}

/* The phase that ends now. */
static int turn(struct fabric *fabric, uint32_t *ret_phase)
{
    const uint32_t none = 0;
    struct fab_settings settings;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    if (error < 0)
        return error;
    *ret_phase = settings.phase;
    settings.phase ^= 1;
    error = fabric_set(fabric, FABRIC_SETTINGS, &none, &settings);
    if (!error && syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
        error = -errno;
    return error;
}

/* The clock of the records is that of the programs, moved by fabric_set_clock: so is the epoch. */
static int read_records(struct fabric *fabric, enum FABRIC_MAP map, uint32_t phase,
                        fabric_each_record each, void *user)
{
    union record_key key, next;
    int fd = fabric->maps[map];
    int64_t epoch_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC);
    bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
    while (more) {
        struct fab_record record;
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (phase_of(&key, map) != phase || fabric_get(fabric, map, &key, &record) < 0)
            continue;
        struct fabric_record found = record_of(&record, epoch_ns);
        if (map == FABRIC_RECORDS6)
            name_flow6(&found, &key.six);
        else
            name_flow(&found, &key.four);
        each(user, &found);
        int error = fabric_unset(fabric, map, &key);
        if (error < 0)
            return error;
    }
    return 0;
}

int fabric_records(struct fabric *fabric, fabric_each_record each, void *user)
{
    uint32_t phase;
    int error = turn(fabric, &phase);
    if (!error)
        error = read_records(fabric, FABRIC_RECORDS, phase, each, user);
    return error < 0 ? error : read_records(fabric, FABRIC_RECORDS6, phase, each, user);
}

/* -- translations ----------------------------------------------------------------------------- */

static struct fabric_translation translation_of(const struct fab_session *session, uint64_t now)
{
    const struct fab_flow *asks = &session->flows[FAB_ASKS];
    const struct fab_flow *answers = &session->flows[FAB_ANSWERS];
    uint8_t both = FAB_SEEN_FIN_ASKS | FAB_SEEN_FIN_ANSWERS;
    return (struct fabric_translation){
        .protocol = (uint8_t)asks->key.at,
        .answered = (session->seen & FAB_SEEN_ANSWER) != 0,
        .closed = (session->seen & FAB_SEEN_RST) || (session->seen & both) == both,
        .interface = asks->key.at >> 8,
        .inside = asks->key.source,
        .outside = answers->key.target,
        .target = asks->key.target,
        .inside_port = asks->key.source_port,
        .outside_port = answers->key.target_port,
        .target_port = asks->key.target_port,
        .packets = {asks->packets, answers->packets},
        .bytes = {asks->bytes, answers->bytes},
        .age_ms = now > session->begun_ns ? (now - session->begun_ns) / 1000000 : 0,
        .idle_ms = now > session->last_ns ? (uint32_t)((now - session->last_ns) / 1000000) : 0,
    };
}

/* Sessions by the thousand: one by one a call per slot would take a tenth of a second. */
int fabric_translations(struct fabric *fabric, uint32_t gateway, fabric_each_translation each,
                        void *user)
{
    const uint32_t none = 0;
    uint32_t position, *from = NULL, *keys = calloc(BATCH, sizeof *keys);
    struct fab_session *sessions = calloc(BATCH, sizeof *sessions);
    struct fab_settings settings;
    int error = keys && sessions ? fabric_get(fabric, FABRIC_SETTINGS, &none, &settings) : -ENOMEM;
    bool more = !error;
    while (more) {
        uint32_t count = BATCH;
        int got = bpf_map_lookup_batch(fabric->maps[FABRIC_SESSIONS], from, &position, keys,
                                       sessions, &count, NULL);
        more = got == 0;
        if (got < 0 && errno != ENOENT) {
            error = -errno;
            break;
        }
        uint64_t now = (uint64_t)clock_ns(CLOCK_MONOTONIC) + settings.clock_offset_ns;
        for (uint32_t i = 0; i < count; i++) {
            if (sessions[i].state != FAB_LIVE || sessions[i].gateway != gateway)
                continue;
            struct fabric_translation found = translation_of(&sessions[i], now);
            each(user, &found);
        }
        from = &position;
    }
    free(keys);
    free(sessions);
    return error;
}
