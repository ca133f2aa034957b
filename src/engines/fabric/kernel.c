// SPDX-License-Identifier: Apache-2.0
/*
 * The programs and maps in the kernel: loaded from the embedded object, pinned, taken over by the
 * next process. Maps outlive processes, programs are replaced by each one that opens the fabric;
 * what both agree on is the layout of decide/types.h: FAB_LAYOUT tells another meaning, and maps of
 * another size are refused by libbpf.
 */
#include "engines/fabric/inside.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define BPF_FOLDER "/sys/fs/bpf"
#define BPF_FILE_SYSTEM 0xcafe4a11
#define SWEEP_SLICES 16
#define FLOOD_BEGINS 10000
#define METERS_SIZE (FAB_INTERFACES * sizeof(struct fab_meter))
#define FLOODS_SIZE (FAB_FLOODS * sizeof(struct fab_flood))
#define ENTRY_MAX 64 /* bytes of a key or a value where fabric_clear is asked for */

static const char *const map_names[FABRIC_MAPS] = {
    [FABRIC_LINES] = "fab_lines",       [FABRIC_SESSIONS] = "fab_sessions",
    [FABRIC_TARGETS] = "fab_targets",   [FABRIC_PLACES] = "fab_places",
    [FABRIC_PUBLICS] = "fab_publics",   [FABRIC_NETWORKS] = "fab_networks",
    [FABRIC_SUBNETS] = "fab_subnets",   [FABRIC_INTERFACES] = "fab_interfaces",
    [FABRIC_GATEWAYS] = "fab_gateways", [FABRIC_GATEWAY_COUNTS] = "fab_gateway_counts",
    [FABRIC_RULES] = "fab_rules",       [FABRIC_SETTINGS] = "fab_settings_map",
    [FABRIC_DEVICES] = "fab_devices",   [FABRIC_REASONS] = "fab_reasons",
    [FABRIC_ROUTES] = "fab_routes",     [FABRIC_FREE_SLOTS] = "fab_free_slots",
    [FABRIC_TAILS] = "fab_tails",       [FABRIC_METERS] = "fab_meters",
    [FABRIC_RECORDS] = "fab_records",   [FABRIC_SERVICES] = "fab_services",
    [FABRIC_FLOWS6] = "fab_flows6",     [FABRIC_PLACES6] = "fab_places6",
    [FABRIC_ROUTES6] = "fab_routes6",   [FABRIC_RECORDS6] = "fab_records6",
    [FABRIC_FLOODS] = "fab_floods",
};
static const char *const program_names[FABRIC_PROGRAMS] = {
    "eni_in", "edge_in", "service_in", "slow", "sweep", "six", "slow6", "edge_xdp"};

int fabric_get(struct fabric *fabric, enum FABRIC_MAP map, const void *key, void *value)
{
    return bpf_map_lookup_elem(fabric->maps[map], key, value) < 0 ? -errno : 0;
}

int fabric_set(struct fabric *fabric, enum FABRIC_MAP map, const void *key, const void *value)
{
    return bpf_map_update_elem(fabric->maps[map], key, value, BPF_ANY) < 0 ? -errno : 0;
}

int fabric_unset(struct fabric *fabric, enum FABRIC_MAP map, const void *key)
{
    return bpf_map_delete_elem(fabric->maps[map], key) < 0 && errno != ENOENT ? -errno : 0;
}

/* The key that follows is asked for before its predecessor goes. */
int fabric_clear(struct fabric *fabric, enum FABRIC_MAP map, fabric_goes goes, void *user)
{
    struct {
        uint64_t words[ENTRY_MAX / sizeof(uint64_t)];
    } key, next, value;
    int fd = fabric->maps[map];
    bool more = bpf_map_get_next_key(fd, NULL, &next) == 0;
    while (more) {
        key = next;
        more = bpf_map_get_next_key(fd, &key, &next) == 0;
        if (fabric_get(fabric, map, &key, &value) < 0 || !goes(user, &key, &value))
            continue;
        int error = fabric_unset(fabric, map, &key);
        if (error < 0)
            return error;
    }
    return 0;
}

struct fab_meter *fabric_meter(struct fabric *fabric, uint32_t number)
{
    return number > 0 && number < FAB_INTERFACES ? &fabric->meters[number] : NULL;
}

static int map_pages(struct fabric *fabric, enum FABRIC_MAP map, size_t size, void *ret)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fabric->maps[map], 0);
    *(void **)ret = pages == MAP_FAILED ? NULL : pages;
    return pages == MAP_FAILED ? -errno : 0;
}

/* libbpf's own words would go to stderr. */
static int silence(enum libbpf_print_level level, const char *format, va_list args)
{
    return 0;
}

static int mount_bpf(void)
{
    struct statfs info;
    if (statfs(BPF_FOLDER, &info) == 0 && (unsigned)info.f_type == BPF_FILE_SYSTEM)
        return 0;
    return mount("bpf", BPF_FOLDER, "bpf", 0, "mode=0700") < 0 ? -errno : 0;
}

static int resize(struct bpf_object *object, uint32_t sessions)
{
    struct bpf_map *flows6 = bpf_object__find_map_by_name(object, map_names[FABRIC_FLOWS6]);
    struct bpf_map *slots = bpf_object__find_map_by_name(object, map_names[FABRIC_SESSIONS]);
    struct bpf_map *free_slots = bpf_object__find_map_by_name(object, map_names[FABRIC_FREE_SLOTS]);
    int error = sessions > FAB_SESSIONS_MAX ? -EINVAL : 0;
    if (!error)
        error = bpf_map__set_max_entries(flows6, sessions / 2);
    if (!error)
        error = bpf_map__set_max_entries(slots, sessions);
    return error ? error : bpf_map__set_max_entries(free_slots, sessions);
}

/* NULL `folder`: nothing is pinned. Negative errno. */
static int load(struct bpf_object **ret, uint32_t sessions, const char *folder)
{
    char path[FABRIC_PATH];
    libbpf_set_print(silence);
    struct bpf_object *object = bpf_object__open_mem(fabric_program, fabric_program_size, NULL);
    if (!object)
        return -errno;
    int error = resize(object, sessions);
    struct bpf_map *map;
    bpf_object__for_each_map(map, object)
    {
        if (!folder || error)
            break;
        snprintf(path, sizeof path, "%s/%s", folder, bpf_map__name(map));
        error = bpf_map__set_pin_path(map, path);
    }
    if (!error)
        error = bpf_object__load(object);
    if (error)
        bpf_object__close(object);
    else
        *ret = object;
    return error;
}

static int find_all(struct fabric *fabric)
{
    for (int i = 0; i < FABRIC_MAPS; i++) {
        fabric->maps[i] = bpf_object__find_map_fd_by_name(fabric->object, map_names[i]);
        if (fabric->maps[i] < 0)
            return -ENOENT;
    }
    for (int i = 0; i < FABRIC_PROGRAMS; i++) {
        struct bpf_program *program =
            bpf_object__find_program_by_name(fabric->object, program_names[i]);
        fabric->programs[i] = program ? bpf_program__fd(program) : -1;
        if (fabric->programs[i] < 0)
            return -ENOENT;
    }
    return 0;
}

/* What a new fabric begins with. */
static int fill(struct fabric *fabric)
{
    const uint32_t none = 0;
    struct fab_network between = {.generation = 1};
    struct fab_settings settings = {.edge_mtu = FABRIC_EDGE_MTU,
                                    .edge_mac = {6, 0x1a, 0xd6, 0, 0, 2},
                                    .service_mac = {6, 0x1a, 0xd6, 0, 0, 3},
                                    .mac = {6, 0x1a, 0xd6, 0, 0, 1},
                                    .layout = FAB_LAYOUT,
                                    .flood_begins = FLOOD_BEGINS};
    if (getrandom(&settings.secret, sizeof settings.secret, 0) != sizeof settings.secret)
        return -errno;
    for (uint32_t i = 0; i < fabric->sessions; i++)
        if (bpf_map_update_elem(fabric->maps[FABRIC_FREE_SLOTS], NULL, &i, 0) < 0)
            return -errno;
    int error = fabric_set(fabric, FABRIC_NETWORKS, &none, &between);
    return error < 0 ? error : fabric_set(fabric, FABRIC_SETTINGS, &none, &settings);
}

static int take_over(struct fabric *fabric)
{
    static const enum FABRIC_PROGRAM tails[FAB_TAILS] = {[FAB_TAIL_SLOW] = FABRIC_SLOW,
                                                         [FAB_TAIL_SIX] = FABRIC_SIX,
                                                         [FAB_TAIL_SLOW6] = FABRIC_SLOW6};
    const uint32_t none = 0;
    struct fab_settings settings;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    if (!error && !settings.mac[0])
        error = fill(fabric);
    else if (!error && settings.layout != FAB_LAYOUT)
        error = -ESTALE;
    for (uint32_t i = 0; !error && i < FAB_TAILS; i++)
        error = fabric_set(fabric, FABRIC_TAILS, &i, &fabric->programs[tails[i]]);
    return error < 0 ? error : fabric_rules_find(fabric);
}

int fabric_open(struct fabric **ret, const struct fabric_options *options, const char **ret_why)
{
    char folder[FABRIC_PATH];
    struct fabric *fabric = calloc(1, sizeof *fabric);
    if (!fabric)
        return -ENOMEM;
    fabric->netns = fabric->services = fabric->netlink = fabric->guard = -1;
    fabric->sessions = options->sessions ? options->sessions : FAB_SESSIONS;
    fabric->rules_used = calloc(FAB_RULES / FABRIC_RULE_BLOCK, 1);
    snprintf(fabric->name, sizeof fabric->name, "%s", options->name);
    snprintf(folder, sizeof folder, BPF_FOLDER "/%s", fabric->name);
    *ret_why = "mounting the BPF file system";
    int error = fabric->rules_used ? mount_bpf() : -ENOMEM;
    if (!error && mkdir(folder, 0700) < 0 && errno != EEXIST)
        error = -errno;
    if (!error) {
        *ret_why = "loading the programs";
        error = load(&fabric->object, fabric->sessions, folder);
        if (error && fabric_check(&(const char *){NULL}) == 0)
            error = -ESTALE; /* the programs are good, but not for the maps that are pinned */
    }
    if (!error)
        error = find_all(fabric);
    if (!error)
        error = map_pages(fabric, FABRIC_METERS, METERS_SIZE, &fabric->meters);
    if (!error)
        error = map_pages(fabric, FABRIC_FLOODS, FLOODS_SIZE, &fabric->floods);
    if (!error)
        error = take_over(fabric);
    if (!error) {
        *ret_why = "making the network namespace";
        error = fabric_namespace_open(fabric);
    }
    if (!error) {
        *ret_why = "replacing the programs of plugged interfaces";
        error = fabric_links_renew(fabric);
    }
    if (!error) {
        *ret_why = "making the namespace of services";
        error = fabric_services_open(fabric);
    }
    if (error == -ESTALE)
        *ret_why = "taking over what another version has made, which has to be removed first";
    if (error) {
        fabric_close(fabric);
        return error;
    }
    *ret = fabric;
    return 0;
}

void fabric_close(struct fabric *fabric)
{
    if (!fabric)
        return;
    if (fabric->meters)
        munmap(fabric->meters, METERS_SIZE);
    if (fabric->floods)
        munmap(fabric->floods, FLOODS_SIZE);
    if (fabric->guard >= 0)
        close(fabric->guard);
    bpf_object__close(fabric->object);
    if (fabric->netns >= 0)
        close(fabric->netns);
    if (fabric->services >= 0)
        close(fabric->services);
    if (fabric->netlink >= 0)
        close(fabric->netlink);
    free(fabric->rules_used);
    free(fabric);
}

int fabric_check(const char **ret_why)
{
    struct bpf_object *object = NULL;
    int error = load(&object, 16, NULL);
    *ret_why = error ? strerror(-error) : NULL;
    bpf_object__close(object);
    return error;
}

/* -- running ---------------------------------------------------------------------------------- */

int fabric_sweep(struct fabric *fabric)
{
    uint32_t count = fabric->sessions / SWEEP_SLICES + 1;
    struct fab_sweep sweep = {.first = fabric->swept, .count = count};
    LIBBPF_OPTS(bpf_test_run_opts, run, .ctx_in = &sweep, .ctx_size_in = sizeof sweep);
    if (bpf_prog_test_run_opts(fabric->programs[FABRIC_SWEEP], &run) < 0)
        return -errno;
    fabric->swept += count;
    if (fabric->swept >= fabric->sessions)
        fabric->swept = 0;
    return fabric_guard(fabric);
}

/* The value of every processor, to be freed; negative errno, or how many. */
static int get_all(struct fabric *fabric, enum FABRIC_MAP map, uint32_t key, size_t size, void *ret)
{
    int processors = libbpf_num_possible_cpus();
    if (processors < 0)
        return processors;
    void *values = calloc((size_t)processors, size);
    if (!values)
        return -ENOMEM;
    int error = fabric_get(fabric, map, &key, values);
    if (error < 0)
        free(values);
    else
        *(void **)ret = values;
    return error < 0 ? error : processors;
}

int fabric_dropped(struct fabric *fabric, enum FAB_REASON reason, uint64_t *ret)
{
    uint64_t *counts;
    int processors = get_all(fabric, FABRIC_REASONS, reason, sizeof *counts, &counts);
    *ret = 0;
    if (processors < 0)
        return processors;
    for (int i = 0; i < processors; i++)
        *ret += counts[i];
    free(counts);
    return 0;
}

int fabric_gateway_counted(struct fabric *fabric, uint32_t number, struct fab_gateway_count *ret)
{
    struct fab_gateway_count *counts;
    int processors = get_all(fabric, FABRIC_GATEWAY_COUNTS, number, sizeof *counts, &counts);
    *ret = (struct fab_gateway_count){0};
    if (processors < 0)
        return processors;
    for (int i = 0; i < processors; i++) {
        ret->attempts += counts[i].attempts;
        ret->established += counts[i].established;
        ret->port_errors += counts[i].port_errors;
        ret->idle_timeouts += counts[i].idle_timeouts;
        ret->active += counts[i].active;
        ret->others += counts[i].others;
        ret->dropped += counts[i].dropped;
        for (int side = 0; side < 2; side++) {
            ret->packets[side] += counts[i].packets[side];
            ret->bytes[side] += counts[i].bytes[side];
        }
    }
    free(counts);
    return 0;
}

int fabric_set_clock(struct fabric *fabric, int64_t offset_ms)
{
    const uint32_t none = 0;
    struct fab_settings settings;
    int error = fabric_get(fabric, FABRIC_SETTINGS, &none, &settings);
    settings.clock_offset_ns = (uint64_t)offset_ms * 1000000;
    return error < 0 ? error : fabric_set(fabric, FABRIC_SETTINGS, &none, &settings);
}
