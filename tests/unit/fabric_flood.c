// SPDX-License-Identifier: Apache-2.0
/* Real packets: a flood of SYNs from made-up senders, and somebody who means it. */
#include "fabric_hosts.h"

#include <netinet/ip.h>
#include <netinet/tcp.h>

#define CALM 20
#define SYNS 3000

/* Each from another address. */
static void flood(void)
{
    struct {
        struct iphdr ip;
        struct tcphdr tcp;
    } packet = {.ip = {.version = 4,
                       .ihl = 5,
                       .tot_len = htons(40),
                       .ttl = 64,
                       .protocol = IPPROTO_TCP,
                       .daddr = WEB_PUBLIC},
                .tcp = {.source = htons(4000), .dest = htons(80), .doff = 5, .syn = 1}};
    struct sockaddr_in to = socket_address(WEB_PUBLIC, 0);
    int raw = socket_in(INTERNET, SOCK_RAW, IPPROTO_RAW);
    for (uint32_t i = 0; i < SYNS; i++) {
        packet.ip.saddr = IP(203, 0, i >> 8 & 255, i & 255);
        CHECK_INT(sendto(raw, &packet, sizeof packet, 0, (struct sockaddr *)&to, sizeof to),
                  sizeof packet);
    }
    close(raw);
}

static void settle_for(uint32_t begins)
{
    const uint32_t none = 0;
    struct fab_settings settings;
    CHECK_INT(fabric_get(fabric, FABRIC_SETTINGS, &none, &settings), 0);
    CHECK(settings.secret && settings.flood_begins);
    settings.flood_begins = begins;
    CHECK_INT(fabric_set(fabric, FABRIC_SETTINGS, &none, &settings), 0);
}

/* Whoever means it gets through, and what he says is heard. */
static void talk(int listener)
{
    struct sockaddr_in peer;
    int here = connected(INTERNET, WEB_PUBLIC, 8080, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(peer.sin_addr.s_addr, SERVER);
    CHECK(talks(here, there));
    close(here);
    close(there);
}

TEST(a_flood_of_made_up_senders_keeps_nobody_out)
{
    open_world();
    settle_for(CALM);
    int listener = listening(WEB_HOST, 8080);
    talk(listener);
    uint64_t before = dropped(FAB_FLOODED);
    CHECK_INT(before, 0);
    flood();
    CHECK(dropped(FAB_FLOODED) >= SYNS / 2); /* but for the first of each second */
    CHECK(fabric_meter(fabric, WEB_HOST)->flows < SYNS / 4);
    talk(listener);
    /* The same before the kernel has made packets of them. */
    CHECK_INT(fabric->guard, -1);
    CHECK_INT(fabric_set_clock(fabric, 61 * 1000), 0); /* nobody is known any more */
    flood();
    CHECK_INT(fabric_sweep(fabric), 0);
    CHECK(fabric->guard >= 0);
    int32_t flows = fabric_meter(fabric, WEB_HOST)->flows;
    before = dropped(FAB_FLOODED);
    flood();
    CHECK(dropped(FAB_FLOODED) - before >= SYNS - SYNS / 10); /* but for those with a flow */
    CHECK(fabric_meter(fabric, WEB_HOST)->flows <= flows);
    before = dropped(FAB_FLOODED);
    talk(listener);
    CHECK_INT(dropped(FAB_FLOODED) - before, 2); /* the first SYN, and the proof */
    CHECK_INT(connected(INTERNET, GATEWAY_PUBLIC, 80, NEVER_MS), -1);
    CHECK(dropped(FAB_NO_FLOW) > 0);
    CHECK_INT(fabric_set_clock(fabric, 3600 * 1000), 0);
    CHECK_INT(fabric_sweep(fabric), 0);
    CHECK_INT(fabric->guard, -1);
    talk(listener);
    close(listener);
    close_world();
}
