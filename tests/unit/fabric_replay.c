// SPDX-License-Identifier: Apache-2.0
/* The same frames through the BPF programs (BPF_PROG_TEST_RUN) and through the host build: each is
 * forwarded or dropped alike, and what comes out is the same byte for byte. */
#include "test.h"

#include "engines/fabric/inside.h"

#include "fabric_oracle.h"
#include "fabric_oracle6.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#define REDIRECTED 7 /* TC_ACT_REDIRECT */
#define LOOPBACK 1   /* the device that frames of a test run come in by */

static struct fabric *fabric;
static char name[32];

static void copy_array(enum FABRIC_MAP map, const void *from, size_t size, size_t count)
{
    for (uint32_t i = 0; i < count; i++)
        CHECK_INT(fabric_set(fabric, map, &i, (const char *)from + i * size), 0);
}

static void copy_map(enum FABRIC_MAP map, const struct host_map *from)
{
    for (size_t i = 0; i < from->slots; i++)
        if (from->state[i] == HOST_USED)
            CHECK_INT(fabric_set(fabric, map, from->keys + i * from->key_size,
                                 from->values + i * from->value_size),
                      0);
}

/* What the host build is configured with, rules and all. */
static void copy_world(void)
{
    copy_array(FABRIC_RULES, fab_rules, sizeof fab_rules[0], world_rules);
    copy_array(FABRIC_SUBNETS, fab_subnets, sizeof fab_subnets[0], 8);
    copy_array(FABRIC_INTERFACES, fab_interfaces, sizeof fab_interfaces[0], 8);
    copy_array(FABRIC_GATEWAYS, fab_gateways, sizeof fab_gateways[0], 2);
    copy_map(FABRIC_PLACES, &fab_places);
    copy_map(FABRIC_PUBLICS, &fab_publics);
    copy_map(FABRIC_SERVICES, &fab_services);
    for (size_t i = 0; i < fab_routes.count; i++)
        CHECK_INT(fabric_set(fabric, FABRIC_ROUTES, &fab_routes.at[i].key, &fab_routes.at[i].route),
                  0);
    copy_map(FABRIC_PLACES6, &fab_places6);
    for (size_t i = 0; i < fab_routes6.count; i++)
        CHECK_INT(
            fabric_set(fabric, FABRIC_ROUTES6, &fab_routes6.at[i].key, &fab_routes6.at[i].route),
            0);
    copy_array(FABRIC_NETWORKS, fab_networks, sizeof fab_networks[0], 3);
}

static void open_both(uint64_t seed, uint32_t sessions)
{
    const char *why;
    int error = geteuid() ? -EPERM : fabric_check(&why);
    if (error)
        test_skip(geteuid() ? "needs root" : why);
    snprintf(name, sizeof name, "kintoun-test-%d", (int)getpid());
    error =
        fabric_open(&fabric, &(struct fabric_options){.name = name, .sessions = sessions}, &why);
    if (error)
        test_fail(__FILE__, __LINE__, "%s: %s", why, strerror(-error));
    world_open_all6(2000);
    host_seed = fab_settings_map[0].seed = seed;
    copy_array(FABRIC_SETTINGS, fab_settings_map, sizeof fab_settings_map[0], 1);
    copy_world();
}

static void close_both(void)
{
    fabric_close(fabric);
    host_close();
    CHECK_INT(fabric_remove(name), 0);
}

/* Both see the frame; what the host build says, and the frame as it leaves. */
static uint32_t both(struct world_frame *frame, uint32_t at, struct fab_verdict *verdict)
{
    static uint8_t in[1600], out[1600];
    const uint32_t device = LOOPBACK;
    uint32_t len = frame->frame.len;
    memcpy(in, frame->frame.at, len);
    uint32_t here = host_pass(&frame->frame, at, verdict);
    CHECK_INT(fabric_set(fabric, FABRIC_DEVICES, &device, &at), 0);
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = in, .data_size_in = len, .data_out = out,
                .data_size_out = sizeof out, .repeat = 1);
    int program = fabric->programs[at == FAB_SERVICE ? FABRIC_SERVICE_IN
                                   : at              ? FABRIC_ENI_IN
                                                     : FABRIC_EDGE_IN];
    CHECK_INT(bpf_prog_test_run_opts(program, &run), 0);
    CHECK_INT(run.retval == REDIRECTED, here != 0);
    if (here) {
        CHECK_INT(run.data_size_out, frame->frame.len);
        CHECK(memcmp(out, frame->frame.at, frame->frame.len) == 0);
    }
    return here;
}

/* An ICMP error of the receiver about what it just got. */
static void complain(const struct world_frame *about, uint32_t at)
{
    static struct world_frame frame;
    struct fab_verdict verdict;
    struct tuple back = answer_of(&about->frame, at);
    uint8_t quoted[28];
    memcpy(quoted, about->room + 16, sizeof quoted);
    back.protocol = FAB_ICMP;
    back.flags = 3;
    write_frame(&frame, &back);
    uint8_t *ip = frame.frame.at + 14;
    memset(ip + 20, 0, 36);
    ip[20] = 3;
    memcpy(ip + 28, quoted, sizeof quoted);
    put16(ip + 2, 56);
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    put16(ip + 22, sum_of(ip + 20, 36, 0));
    frame.frame.len = 14 + 56;
    both(&frame, at, &verdict);
}

TEST(kernel_and_host_agree_byte_for_byte)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        static struct world_frame frame;
        struct oracle oracle = {.seed = seed};
        struct fab_verdict verdict;
        size_t forwarded = 0;
        open_both(seed, 4000);
        for (int i = 0; i < 1500; i++) {
            struct tuple t = oracle_packet(&oracle);
            (void)oracle_expects(&oracle, &t);
            write_frame(&frame, &t);
            if (both(&frame, t.at, &verdict) && verdict.action == FAB_FORWARD) {
                CHECK(!oracle_checks(&oracle, &t, &frame.frame, &verdict));
                forwarded++;
                if (i % 7 == 0)
                    complain(&frame, verdict.to);
            }
            if (i % 100 == 99) {
                oracle_change(&oracle);
                copy_world();
            }
        }
        CHECK(forwarded > 300);
        close_both();
    }
}

/* A SYN with options, good ones or any. */
static void bend_options(struct oracle *oracle, uint8_t *ip)
{
    static const uint8_t kinds[] = {0, 1, 2, 2, 4, 4, 0xff};
    uint8_t *tcp = ip + 20;
    if (ip[9] != FAB_TCP)
        return;
    tcp[12] = 0x70;
    for (int i = 0; i < 8; i++)
        tcp[20 + i] = kinds[oracle_random(oracle, sizeof kinds)];
    put16(tcp + 16, 0);
    put16(tcp + 16, l4_sum(ip, 48));
}

/* Makes a fragment of it, or a packet that is too long for the internet, or neither, and a datagram
 * without a sum. */
static void bend(struct oracle *oracle, struct world_frame *frame)
{
    static const uint16_t bits[] = {0x2000, 3, 0x2001, 185, 0x4000, 0, 0x4000};
    uint8_t *ip = frame->frame.at + 14;
    uint32_t kind = oracle_random(oracle, 7);
    if (kind >= 5)
        bend_options(oracle, ip);
    if (ip[9] == FAB_UDP && oracle_random(oracle, 2))
        put16(ip + 26, 0);
    put16(ip + 4, oracle_random(oracle, 3));
    put16(ip + 6, bits[kind]);
    if (kind >= 4) {
        frame->frame.len = 14 + 1480 + oracle_random(oracle, 60);
        put16(ip + 2, frame->frame.len - 14);
    }
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
}

TEST(kernel_and_host_agree_about_fragments_and_sizes)
{
    static struct world_frame frame;
    struct oracle oracle = {.seed = 3};
    struct fab_verdict verdict;
    size_t told = 0, later = 0;
    open_both(3, 4000);
    for (int i = 0; i < 3000; i++) {
        struct tuple t = oracle_packet(&oracle);
        t.source_port = (uint16_t)(4000 + oracle_random(&oracle, 2));
        write_frame(&frame, &t);
        bend(&oracle, &frame);
        int fragment = get16(frame.frame.at + 20) & 0x1fff;
        uint32_t device = both(&frame, t.at, &verdict);
        told += device && verdict.action == FAB_TELL_MTU;
        later += device && verdict.action == FAB_FORWARD && fragment;
    }
    CHECK(told > 20 && later > 20);
    close_both();
}

/* Makes a fragment of it, gives it options, or makes it too long for the internet. */
static void bend6(struct oracle6 *oracle, struct world_frame *frame, const struct tuple6 *t)
{
    uint8_t header[8] = {t->protocol, 0, 0, 0, 0, 0, 0, (uint8_t)random6(oracle, 3)};
    uint32_t kind = random6(oracle, 6);
    if (kind == 0) {
        write_frame6_with(frame, t, FAB_DESTINATION, header, sizeof header);
    } else if (kind < 4) {
        header[3] = (uint8_t)(kind == 1 ? 1 : random6(oracle, 2) * 16);
        write_frame6_with(frame, t, FAB_FRAGMENT_HEADER, header, sizeof header);
    } else if (kind == 4) {
        frame->frame.len = 14 + 1480 + random6(oracle, 60);
        put16(frame->frame.at + 18, frame->frame.len - 54);
    }
}

TEST(kernel_and_host_agree_about_ipv6)
{
    static struct world_frame frame, before;
    struct oracle6 oracle = {.seed = 5};
    struct fab_verdict verdict;
    size_t forwarded = 0, told = 0;
    open_both(5, 4000);
    for (int i = 0; i < 3000; i++) {
        struct tuple6 t = oracle6_packet(&oracle);
        (void)oracle6_expects(&oracle, &t);
        write_frame6(&frame, &t);
        before = frame;
        if (both(&frame, t.at, &verdict) && verdict.action == FAB_FORWARD) {
            CHECK(!oracle6_checks(&oracle, &t, &before, &frame.frame, &verdict));
            forwarded++;
        }
        if (i % 100 == 99) {
            oracle6_change(&oracle);
            copy_world();
        }
    }
    for (int i = 0; i < 2000; i++) {
        struct tuple6 t = oracle6_packet(&oracle);
        write_frame6(&frame, &t);
        bend6(&oracle, &frame, &t);
        told += both(&frame, t.at, &verdict) && verdict.action == FAB_TELL_MTU;
    }
    CHECK(forwarded > 300 && told > 5);
    close_both();
}

/* One processor's share of the connections. */
struct share {
    uint16_t first;
    int passed, failed;
};

static void *open_connections(void *user)
{
    struct share *share = user;
    struct world_frame frame;
    for (int i = 0; i < 30000; i++) {
        struct tuple t = {2, FAB_UDP, 0, APP, SERVER, (uint16_t)(share->first + i), 443};
        write_frame(&frame, &t);
        LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame.frame.at,
                    .data_size_in = frame.frame.len, .repeat = 1);
        if (bpf_prog_test_run_opts(fabric->programs[FABRIC_ENI_IN], &run) == 0)
            *(run.retval == REDIRECTED ? &share->passed : &share->failed) += 1;
    }
    return NULL;
}

TEST(two_processors_share_exactly_as_many_connections_as_allowed)
{
    const uint32_t device = LOOPBACK, at = 2;
    struct share shares[2] = {{.first = 1}, {.first = 30001}};
    struct fab_gateway_count count;
    pthread_t threads[2];
    open_both(0, 60000); /* the kernel's own random numbers */
    CHECK_INT(fabric_set(fabric, FABRIC_DEVICES, &device, &at), 0);
    for (int i = 0; i < 2; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, open_connections, &shares[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(shares[0].passed + shares[1].passed, 55000);
    CHECK_INT(shares[0].failed + shares[1].failed, 5000);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.others, 55000);
    CHECK_INT(count.port_errors, 5000);
    close_both();
}
