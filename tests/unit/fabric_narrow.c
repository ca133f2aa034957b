// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: ways on which packets are no larger than 8,500 bytes, and TCP's
 * segments are kept to that. */
#include "test.h"

#include "fabric_world.h"

#define NOP 1
#define LARGEST_SEGMENT 2
#define CLAMPED 8460

static struct world_frame frame;
static struct fab_verdict verdict;

static const struct tuple syn = {2, FAB_TCP, FAB_TCP_SYN, APP, SERVER, 4000, 443};

/* With its eight bytes of payload as options. */
static int pass_with(struct tuple t, const uint8_t options[8])
{
    write_frame(&frame, &t);
    uint8_t *ip = frame.frame.at + 14, *tcp = ip + 20;
    tcp[12] = 0x70;
    memcpy(tcp + 20, options, 8);
    put16(tcp + 16, 0);
    put16(tcp + 16, l4_sum(ip, 48));
    uint32_t device = host_pass(&frame.frame, t.at, &verdict);
    CHECK(!device || l4_sum(ip, 48) == 0);
    return device ? FAB_PASSED : (int)verdict.reason;
}

/* The segment that stands `at` bytes into the options once the SYN is through. */
static uint16_t segment_after(struct tuple t, uint32_t at, uint16_t segment)
{
    uint8_t options[8] = {NOP, NOP, NOP, NOP, NOP, NOP, NOP, NOP};
    options[at] = LARGEST_SEGMENT;
    options[at + 1] = 4;
    put16(options + at + 2, segment);
    CHECK_INT(pass_with(t, options), FAB_PASSED);
    return get16(frame.frame.at + 14 + 40 + at + 2);
}

TEST(a_gateway_clamps_segments_both_ways)
{
    world_open_all(100);
    for (uint32_t at = 0; at <= 4; at++) {
        struct tuple t = syn;
        t.source_port = (uint16_t)(t.source_port + at);
        CHECK_INT(segment_after(t, at, 8961), CLAMPED);
        CHECK_INT(segment_after(t, at, 8961), CLAMPED); /* sent again */
        struct tuple back = answer_of(&frame.frame, FAB_EDGE);
        back.flags = FAB_TCP_SYN | FAB_TCP_ACK;
        CHECK_INT(segment_after(back, at, 65495), CLAMPED);
        CHECK_INT(segment_after(back, at, 1460), 1460);
    }
    host_close();
}

TEST(options_that_are_cut_off_stay_as_they_are)
{
    static const uint8_t options[][8] = {
        {NOP, NOP, NOP, NOP, NOP, LARGEST_SEGMENT, 4, 0xff},
        {0, LARGEST_SEGMENT, 4, 0xff, 0xff},
        {3, 0, LARGEST_SEGMENT, 4, 0xff, 0xff},
        {3, 200, LARGEST_SEGMENT, 4, 0xff, 0xff},
        {LARGEST_SEGMENT, 6, 0xff, 0xff},
        {3, 3, 7, LARGEST_SEGMENT, 3, 0xff, 0xff},
    };
    world_open_all(100);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        CHECK_INT(pass_with(syn, options[i]), FAB_PASSED);
        CHECK(memcmp(frame.frame.at + 14 + 40, options[i], 8) == 0);
    }
    host_close();
}

TEST(neighbours_and_the_internet_gateway_do_not_clamp)
{
    world_open_all(100);
    struct tuple t = {2, FAB_TCP, FAB_TCP_SYN, APP, DATABASE, 4000, 5432};
    CHECK_INT(segment_after(t, 0, 8961), 8961);
    t = (struct tuple){1, FAB_TCP, FAB_TCP_SYN, WEB, SERVER, 4000, 443};
    CHECK_INT(segment_after(t, 0, 8961), 8961);
    host_close();
}

TEST(an_endpoint_clamps_and_a_route_to_a_service_does_not)
{
    world_open_all(100);
    struct tuple t = {2, FAB_TCP, FAB_TCP_SYN, APP, ENDPOINT, 4000, 443};
    CHECK_INT(segment_after(t, 0, 8961), CLAMPED);
    struct tuple back = answer_of(&frame.frame, FAB_SERVICE);
    back.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    CHECK_INT(segment_after(back, 0, 8961), CLAMPED);
    t.target = BUCKET;
    CHECK_INT(segment_after(t, 0, 8961), 8961);
    host_close();
}

/* A packet of `len` bytes that must not be fragmented. */
static int pass_long(struct tuple t, uint32_t len)
{
    write_frame(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 2, len);
    put16(ip + 6, 1 << 14);
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    frame.frame.len = 14 + len;
    uint32_t device = host_pass(&frame.frame, t.at, &verdict);
    return device && verdict.action == FAB_FORWARD ? FAB_PASSED : (int)verdict.reason;
}

TEST(a_gateway_within_says_what_would_pass_and_an_endpoint_is_silent)
{
    const struct fab_place own = {.gateway = 2}, place = {.interface = 4};
    struct fab_place_key gateway = {1, IP(10, 0, 1, 6)}, there = {2, IP(10, 9, 1, 10)};
    world_open_all(100);
    CHECK_INT(host_map_claim(&fab_places, &there, &place), 0);
    CHECK_INT(host_map_claim(&fab_places, &gateway, &own), 0);
    fab_gateways[2] = fab_gateways[1];
    fab_gateways[2].publics[0] = gateway.address;
    fab_gateways[2].within = 1;
    world_route(2, IP(10, 9, 0, 0), 16, FAB_ROUTE_GATEWAY, 2);
    world_route(1, IP(10, 9, 0, 0), 16, FAB_ROUTE_PEER, 2);
    struct tuple t = {2, FAB_UDP, 0, APP, there.address, 4000, 80};
    CHECK_INT(pass_long(t, 8500), FAB_PASSED);
    CHECK_INT(pass_long(t, 8501), FAB_TOO_BIG);
    CHECK_INT(verdict.action, FAB_TELL_MTU);
    CHECK_INT(get16(frame.frame.at + 14 + 26), 8500);
    t.source_port = 4001; /* of no flow yet */
    CHECK_INT(pass_long(t, 8501), FAB_TOO_BIG);
    CHECK_INT(get16(frame.frame.at + 14 + 26), 8500);
    t.target = ENDPOINT;
    CHECK_INT(pass_long(t, 8500), FAB_PASSED);
    CHECK_INT(pass_long(t, 8501), FAB_TOO_BIG);
    CHECK_INT(verdict.action, FAB_DROP);
    t.target = DATABASE;
    CHECK_INT(pass_long(t, 9001), FAB_PASSED);
    host_close();
}
