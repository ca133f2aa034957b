// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * The decision core for the host: its maps as plain memory, each behind a lock, for tests and
 * fuzzers and, later, a data plane without BPF. A value's place never moves while it is in its map,
 * and the memory of a removed one may be used again at once, as with the kernel's preallocated
 * maps. Include it in one file of a program only.
 */
#include "engines/fabric/decide/types.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define FAB_INLINE static inline __attribute__((always_inline, unused))
#define FAB_NOINLINE __attribute__((noinline, unused))
#define FAB_ONCE static FAB_NOINLINE
#define FAB_ORDER16(x) ((uint16_t)__builtin_bswap16((uint16_t)(x)))
#define FAB_ORDER32(x) __builtin_bswap32(x)

enum HOST_SLOT { HOST_NEVER, HOST_USED, HOST_REMOVED };

struct host_map {
    pthread_mutex_t lock;
    size_t key_size, value_size, slots, count, ceiling;
    uint8_t *state, *keys, *values; /* by slot; open addressing */
};

FAB_INLINE size_t host_map_start(const struct host_map *map, const void *key)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < map->key_size; i++)
        hash = (hash ^ ((const uint8_t *)key)[i]) * 0x100000001b3ull;
    return (hash ^ hash >> 29) & (map->slots - 1);
}

/* The slot of a key, else SIZE_MAX and in `ret_free` where it would go. */
FAB_INLINE size_t host_map_slot(const struct host_map *map, const void *key, size_t *ret_free)
{
    size_t at = host_map_start(map, key);
    *ret_free = SIZE_MAX;
    for (size_t i = 0; i < map->slots; i++, at = (at + 1) & (map->slots - 1)) {
        if (map->state[at] != HOST_USED && *ret_free == SIZE_MAX)
            *ret_free = at;
        if (map->state[at] == HOST_NEVER)
            return SIZE_MAX;
        if (map->state[at] == HOST_USED &&
            memcmp(map->keys + at * map->key_size, key, map->key_size) == 0)
            return at;
    }
    return SIZE_MAX;
}

FAB_INLINE void *host_map_find(struct host_map *map, const void *key)
{
    size_t none;
    pthread_mutex_lock(&map->lock);
    size_t at = host_map_slot(map, key, &none);
    pthread_mutex_unlock(&map->lock);
    return at == SIZE_MAX ? NULL : map->values + at * map->value_size;
}

/* 0, or -1 when the key is there or the map is full. */
FAB_INLINE int host_map_claim(struct host_map *map, const void *key, const void *value)
{
    size_t place;
    pthread_mutex_lock(&map->lock);
    int ok = host_map_slot(map, key, &place) == SIZE_MAX && map->count < map->ceiling &&
             place != SIZE_MAX;
    if (ok) {
        memcpy(map->keys + place * map->key_size, key, map->key_size);
        memcpy(map->values + place * map->value_size, value, map->value_size);
        map->state[place] = HOST_USED;
        map->count++;
    }
    pthread_mutex_unlock(&map->lock);
    return ok ? 0 : -1;
}

FAB_INLINE int host_map_remove(struct host_map *map, const void *key)
{
    size_t none;
    pthread_mutex_lock(&map->lock);
    size_t at = host_map_slot(map, key, &none);
    if (at != SIZE_MAX) {
        map->state[at] = HOST_REMOVED;
        map->count--;
    }
    pthread_mutex_unlock(&map->lock);
    return at == SIZE_MAX ? -1 : 0;
}

/* Replaces; what finds no room is forgotten. */
FAB_INLINE void host_map_keep(struct host_map *map, const void *key, const void *value)
{
    (void)host_map_remove(map, key);
    (void)host_map_claim(map, key, value);
}

FAB_INLINE void *host_alloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        abort();
    return memory;
}

FAB_INLINE void host_map_init(struct host_map *map, size_t key_size, size_t value_size,
                              size_t ceiling)
{
    size_t slots = 16;
    while (slots < ceiling * 2)
        slots *= 2;
    *map = (struct host_map){.key_size = key_size,
                             .value_size = value_size,
                             .slots = slots,
                             .ceiling = ceiling,
                             .state = host_alloc(slots, 1),
                             .keys = host_alloc(slots, key_size),
                             .values = host_alloc(slots, value_size)};
    pthread_mutex_init(&map->lock, NULL);
}

FAB_INLINE void host_map_done(struct host_map *map)
{
    free(map->state);
    free(map->keys);
    free(map->values);
}

/* -- the core's maps -------------------------------------------------------------------------- */

#define HOST_NUMBERS 256
#define HOST_RULES 4096
#define HOST_ROUTES 1024
#define HOST_SESSIONS 65536

struct host_routes {
    size_t count;
    struct {
        struct fab_route_key key;
        struct fab_route route;
    } at[HOST_ROUTES];
};
struct host_routes6 {
    size_t count;
    struct {
        struct fab_route_key6 key;
        struct fab_route route;
    } at[HOST_ROUTES];
};

static struct host_map fab_places, fab_publics, fab_targets, fab_fragments, fab_records,
    fab_services, fab_proven;
static struct host_map fab_flows6, fab_places6, fab_fragments6, fab_records6;
static struct host_routes fab_routes;
static struct host_routes6 fab_routes6;
static struct fab_network fab_networks[HOST_NUMBERS];
static struct fab_interface fab_interfaces[HOST_NUMBERS];
static struct fab_subnet fab_subnets[HOST_NUMBERS];
static struct fab_gateway fab_gateways[HOST_NUMBERS];
static struct fab_gateway_count fab_gateway_counts[HOST_NUMBERS];
static struct fab_meter fab_meters[HOST_NUMBERS];
static struct fab_rule fab_rules[HOST_RULES];
static struct fab_flood fab_floods[FAB_FLOODS];
static struct fab_line (*host_lines)[FAB_LINES]; /* zeroed where they are touched */
#define fab_lines (*host_lines)
static struct fab_settings fab_settings_map[1];
static struct fab_session fab_sessions[HOST_SESSIONS];
static uint32_t host_free_slots[HOST_SESSIONS], host_free_count;
static pthread_mutex_t host_slots_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t host_now_ns;
static _Thread_local uint64_t host_seed = 1;

/* Longest prefix first, by looking at every route. */
FAB_INLINE void *host_routes_find(struct host_routes *routes, const struct fab_route_key *key)
{
    void *found = NULL;
    uint32_t longest = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct fab_route_key *route = &routes->at[i].key;
        uint32_t bits = route->prefix_len - 32;
        uint32_t mask = bits ? __builtin_bswap32(UINT32_MAX << (32 - bits)) : 0;
        if (route->table == key->table && ((route->address ^ key->address) & mask) == 0 &&
            route->prefix_len > longest) {
            longest = route->prefix_len;
            found = &routes->at[i].route;
        }
    }
    return found;
}

FAB_INLINE int host_has_prefix6(const struct fab_ip6 *address, const struct fab_ip6 *prefix,
                                uint32_t bits)
{
    const uint8_t *a = (const void *)address, *b = (const void *)prefix;
    for (uint32_t bit = 0; bit < bits; bit++)
        if ((a[bit / 8] ^ b[bit / 8]) & 0x80 >> bit % 8)
            return 0;
    return 1;
}

FAB_INLINE void *host_routes6_find(struct host_routes6 *routes, const struct fab_route_key6 *key)
{
    void *found = NULL;
    uint32_t longest = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct fab_route_key6 *route = &routes->at[i].key;
        if (route->table == key->table && route->prefix_len > longest &&
            host_has_prefix6(&key->address, &route->address, route->prefix_len - 32)) {
            longest = route->prefix_len;
            found = &routes->at[i].route;
        }
    }
    return found;
}

FAB_INLINE int host_slot_take(uint32_t *ret)
{
    pthread_mutex_lock(&host_slots_lock);
    int ok = host_free_count > 0;
    if (ok)
        *ret = host_free_slots[--host_free_count];
    pthread_mutex_unlock(&host_slots_lock);
    return ok ? 0 : -1;
}

FAB_INLINE void host_slot_give(const uint32_t *slot)
{
    pthread_mutex_lock(&host_slots_lock);
    host_free_slots[host_free_count++] = *slot;
    pthread_mutex_unlock(&host_slots_lock);
}

/* splitmix64; a test sets the seed. */
FAB_INLINE uint32_t host_random(void)
{
    uint64_t x = host_seed += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return (uint32_t)(x >> 32);
}

#define FAB_FIND(map, key)                                                                         \
    _Generic(&(map), struct host_map *                                                             \
             : host_map_find, struct host_routes *                                                 \
             : host_routes_find, struct host_routes6 *                                             \
             : host_routes6_find)(&(map), key)
#define FAB_CLAIM(map, key, value) host_map_claim(&(map), key, value)
#define FAB_REMOVE(map, key) (void)host_map_remove(&(map), key)
#define FAB_AT(array, i) ((i) < sizeof(array) / sizeof((array)[0]) ? &(array)[i] : NULL)
#define FAB_SLOT_TAKE(slot) host_slot_take(slot)
#define FAB_SLOT_GIVE(slot) host_slot_give(slot)
#define FAB_KEEP(map, key, value) host_map_keep(&(map), key, value)
#define FAB_NOW() host_now_ns
#define FAB_NOW_EXACT() host_now_ns
#define FAB_RANDOM() host_random()
#define FAB_FETCH_ADD(at, n) __sync_fetch_and_add(at, n)
#define FAB_FETCH_OR(at, bits) __sync_fetch_and_or(at, bits)
#define FAB_SWAP(at, from, to) __sync_val_compare_and_swap(at, from, to)
#define FAB_REPEAT(n, function, context)                                                           \
    for (uint32_t fab_i = 0; fab_i < (n) && !(function)(fab_i, context); fab_i++)

/* -- frames ----------------------------------------------------------------------------------- */

struct host_frame {
    uint8_t *at; /* two bytes behind a multiple of four */
    uint32_t len;
};

#define FAB_FRAME struct host_frame
#define FAB_SUM_PSEUDO 0x10u
#define FAB_SUM_MAY_BE_NONE 0x20u
#define FAB_HEAD(frame, n) ((frame)->len >= (n) ? (frame)->at : NULL)
#define FAB_STORE(frame, offset, from, n) host_copy(frame, offset, (frame)->at + (offset), from, n)
#define FAB_LOAD(frame, offset, to, n) host_copy(frame, offset, to, (frame)->at + (offset), n)
#define FAB_CUT(frame, n) host_cut(frame, n)
#define FAB_L3_SUM(frame, offset, from, to, size) host_sum(frame, offset, from, to, size)
#define FAB_L4_SUM(frame, offset, from, to, flags) host_sum(frame, offset, from, to, flags)

FAB_INLINE void host_copy(const struct host_frame *frame, uint32_t offset, void *to,
                          const void *from, uint32_t n)
{
    if (offset + n <= frame->len)
        memcpy(to, from, n);
}

FAB_INLINE int host_cut(struct host_frame *frame, uint32_t len)
{
    if (frame->len < len)
        return -1;
    frame->len = len;
    return 0;
}

FAB_INLINE uint32_t host_add(uint32_t a, uint32_t b)
{
    a += b;
    return a + (a < b);
}

/* RFC 1624 as the kernel computes it, so that results are the same to the bit. */
FAB_INLINE void host_sum(struct host_frame *frame, uint32_t offset, uint32_t from, uint32_t to,
                         uint32_t flags)
{
    uint16_t sum;
    if (offset + 2 > frame->len)
        return;
    memcpy(&sum, frame->at + offset, 2);
    if ((flags & FAB_SUM_MAY_BE_NONE) && !sum)
        return;
    uint32_t wide = host_add(host_add(~(uint32_t)sum, ~from), to);
    wide = (wide & 0xffff) + (wide >> 16);
    wide = (wide & 0xffff) + (wide >> 16);
    sum = (uint16_t)~wide;
    if ((flags & FAB_SUM_MAY_BE_NONE) && !sum)
        sum = 0xffff;
    memcpy(frame->at + offset, &sum, 2);
}

#include "engines/fabric/decide/apply6.h"

/* Nothing configured; at most HOST_SESSIONS sessions. */
FAB_INLINE void host_open(uint32_t sessions)
{
    host_lines = host_alloc(1, sizeof *host_lines);
    host_map_init(&fab_places, sizeof(struct fab_place_key), sizeof(struct fab_place), 256);
    host_map_init(&fab_publics, sizeof(uint32_t), sizeof(struct fab_public), 256);
    host_map_init(&fab_targets, sizeof(struct fab_target_key), sizeof(int32_t), 4096);
    host_map_init(&fab_fragments, sizeof(struct fab_fragment_key), sizeof(struct fab_fragment),
                  4096);
    host_map_init(&fab_records, sizeof(struct fab_record_key), sizeof(struct fab_record), 256);
    host_map_init(&fab_services, sizeof(struct fab_service_key), sizeof(uint32_t), 256);
    host_map_init(&fab_proven, sizeof(uint32_t), sizeof(uint64_t), 256);
    host_map_init(&fab_flows6, sizeof(struct fab_key6), sizeof(struct fab_flow6), sessions * 2);
    host_map_init(&fab_places6, sizeof(struct fab_ip6), sizeof(struct fab_place6), 256);
    host_map_init(&fab_fragments6, sizeof(struct fab_fragment_key6), sizeof(struct fab_fragment),
                  256);
    host_map_init(&fab_records6, sizeof(struct fab_record_key6), sizeof(struct fab_record), 256);
    host_free_count = sessions;
    for (uint32_t i = 0; i < sessions; i++)
        host_free_slots[i] = sessions - 1 - i;
    memset(fab_sessions, 0, sessions * sizeof fab_sessions[0]);
    memset(fab_networks, 0, sizeof fab_networks);
    memset(fab_interfaces, 0, sizeof fab_interfaces);
    memset(fab_subnets, 0, sizeof fab_subnets);
    memset(fab_gateways, 0, sizeof fab_gateways);
    memset(fab_gateway_counts, 0, sizeof fab_gateway_counts);
    memset(fab_meters, 0, sizeof fab_meters);
    memset(fab_floods, 0, sizeof fab_floods);
    fab_routes.count = fab_routes6.count = 0;
    host_now_ns = 1000 * FAB_SECOND;
}

FAB_INLINE void host_close(void)
{
    free(host_lines);
    host_map_done(&fab_places);
    host_map_done(&fab_publics);
    host_map_done(&fab_targets);
    host_map_done(&fab_fragments);
    host_map_done(&fab_records);
    host_map_done(&fab_services);
    host_map_done(&fab_proven);
    host_map_done(&fab_flows6);
    host_map_done(&fab_places6);
    host_map_done(&fab_fragments6);
    host_map_done(&fab_records6);
}

FAB_INLINE uint32_t host_pass6(struct host_frame *frame, uint32_t at, struct fab_verdict *verdict)
{
    struct fab_packet6 six = {.p.pieces = 1};
    int reason = fab_read6(frame->at, frame->at + frame->len, frame->len, &six);
    if (reason)
        fab_drop(verdict, (uint32_t)reason);
    else if (!fab_hit6(&six, at, verdict))
        fab_slow6(&six, at, verdict);
    return fab_apply6(frame, &six, at, verdict);
}

/* One frame through all of it: the device of the fabric whose far end gets it, 0 for dropped. */
FAB_INLINE uint32_t host_pass(struct host_frame *frame, uint32_t at, struct fab_verdict *verdict)
{
    struct fab_packet p = {.pieces = 1};
    *verdict = (struct fab_verdict){0};
    if (frame->len >= FAB_ETHERNET && fab_u16(frame->at + 12) == FAB_ETHERNET_IP6)
        return host_pass6(frame, at, verdict);
    int reason = fab_read(frame->at, frame->at + frame->len, frame->len, &p);
    if (reason)
        fab_drop(verdict, (uint32_t)reason);
    else if (!fab_hit(&p, at, verdict))
        fab_slow(&p, at, verdict);
    return fab_apply(frame, &p, at, verdict);
}
