// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: public addresses under a flood of connections. */
#include "test.h"

#include "fabric_world.h"

#define CALM 20 /* connections a second that are no flood */

static struct world_frame frame;
static struct fab_verdict verdict;

static const struct tuple syn = {FAB_EDGE, FAB_TCP, FAB_TCP_SYN, SERVER, WEB_PUBLIC, 4000, 80};

static int through(uint32_t at)
{
    uint32_t device = host_pass(&frame.frame, at, &verdict);
    return device && verdict.action == FAB_FORWARD ? FAB_PASSED : (int)verdict.reason;
}

static int pass(struct tuple t)
{
    write_frame(&frame, &t);
    return through(t.at);
}

/* With this number in its sequence field. */
static int pass_numbered(struct tuple t, uint32_t sequence)
{
    write_frame(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 24, sequence >> 16);
    put16(ip + 26, sequence & 0xffff);
    put16(ip + 36, 0);
    put16(ip + 36, l4_sum(ip, frame.frame.len - 14));
    return through(t.at);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* By as many senders as packets. */
static void flood(void)
{
    world_open_all(200);
    fab_settings_map[0].flood_begins = CALM;
    fab_settings_map[0].secret = 0x0123456789abcdefull;
    struct tuple t = syn;
    for (uint32_t i = 0; i <= CALM; i++) {
        t.source = IP(192, 0, 3, i + 1);
        CHECK_INT(pass(t), i < CALM ? FAB_PASSED : FAB_FLOODED);
    }
}

/* The number that the challenge of a SYN has. */
static uint32_t challenged(struct tuple t)
{
    CHECK_INT(pass(t), FAB_FLOODED);
    CHECK_INT(verdict.action, FAB_CHALLENGE);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(frame.frame.len, 14 + 40);
    CHECK_INT(ip[33], FAB_TCP_SYN | FAB_TCP_ACK);
    CHECK(memcmp(ip + 12, &t.target, 4) == 0 && memcmp(ip + 16, &t.source, 4) == 0);
    CHECK_INT(get16(ip + 20), t.target_port);
    CHECK_INT(get16(ip + 22), t.source_port);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    CHECK_INT(l4_sum(ip, 40), 0);
    return get32(ip + 28);
}

static struct tuple reset_of(struct tuple t)
{
    t.flags = FAB_TCP_RST;
    return t;
}

TEST(nothing_is_kept_of_who_has_not_shown_where_he_is)
{
    flood();
    uint32_t slots = host_free_count;
    struct tuple t = syn;
    for (uint32_t i = 0; i < 1000; i++) {
        t.source = IP(192, 0, 4 + i / 256, i % 256);
        challenged(t);
    }
    CHECK_INT(host_free_count, slots);
    CHECK_INT(fab_proven.count, 0);
    host_close();
}

TEST(a_reset_with_the_number_proves_its_sender)
{
    flood();
    uint32_t number = challenged(syn);
    CHECK_INT(pass_numbered(reset_of(syn), number + 1), FAB_FLOODED);
    CHECK_INT(pass(syn), FAB_FLOODED);
    CHECK_INT(pass_numbered(reset_of(syn), number), FAB_FLOODED);
    CHECK_INT(verdict.action, FAB_DROP);
    CHECK_INT(pass(syn), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    struct tuple other = syn;
    other.source_port++;
    CHECK_INT(pass(other), FAB_PASSED); /* the sender is known, not the connection alone */
    other.source++;
    CHECK_INT(pass(other), FAB_FLOODED);
    CHECK_INT(pass_numbered(reset_of(other), number), FAB_FLOODED); /* somebody else's number */
    CHECK_INT(pass(other), FAB_FLOODED);
    host_close();
}

TEST(what_is_under_way_and_other_addresses_go_on)
{
    flood();
    struct tuple on = {FAB_EDGE, FAB_TCP, FAB_TCP_ACK, IP(192, 0, 3, 1), WEB_PUBLIC, 4000, 80};
    CHECK_INT(pass(on), FAB_PASSED);
    on.source_port++;
    CHECK_INT(pass(on), FAB_FLOODED); /* of no connection */
    CHECK_INT(verdict.action, FAB_DROP);
    struct tuple elsewhere = syn;
    elsewhere.target = OTHER_PUBLIC;
    CHECK_INT(pass(elsewhere), FAB_PASSED);
    CHECK_INT(pass((struct tuple){FAB_EDGE, FAB_UDP, 0, SERVER, WEB_PUBLIC, 1, 2}), FAB_PASSED);
    CHECK_INT(pass((struct tuple){1, FAB_TCP, FAB_TCP_SYN, WEB, SERVER, 4000, 443}), FAB_PASSED);
    host_close();
}

TEST(numbers_age_and_a_flood_ends)
{
    flood();
    uint32_t number = challenged(syn);
    host_now_ns += 9 * FAB_SECOND;
    CHECK_INT(pass_numbered(reset_of(syn), number), FAB_FLOODED);
    CHECK_INT(pass(syn), FAB_PASSED);
    host_now_ns += 2 * FAB_SECOND;
    struct tuple t = syn;
    t.source++;
    CHECK_INT(pass(t), FAB_PASSED);
    host_close();
    flood();
    number = challenged(syn);
    host_now_ns += 60 * FAB_SECOND;
    t = syn;
    for (uint32_t i = 0; i <= CALM; i++) {
        t.source = IP(192, 0, 9, i + 1);
        (void)pass(t);
    }
    CHECK_INT(pass_numbered(reset_of(syn), number), FAB_FLOODED);
    CHECK_INT(pass(syn), FAB_FLOODED);
    host_close();
}
