// SPDX-License-Identifier: Apache-2.0
/* IPv6 in the decision core on the host: what rules, routes and gateways do to whole frames, what
 * the fabric answers itself, and random traffic against an oracle that knows no caches. */
#include "test.h"

#include "fabric_oracle6.h"

static struct world_frame frame;
static struct fab_verdict verdict;

static int run(uint32_t at)
{
    uint32_t device = host_pass(&frame.frame, at, &verdict);
    return device || verdict.reason ? (int)verdict.reason : -1;
}

static int pass(struct tuple6 t)
{
    write_frame6(&frame, &t);
    return run(t.at);
}

static int answer(void)
{
    return pass(answer6_of(&frame.frame, verdict.to));
}

static struct tuple6 tcp(uint32_t at, struct fab_ip6 source, struct fab_ip6 target)
{
    return (struct tuple6){at, FAB_TCP, FAB_TCP_SYN, source, target, 4000, 80};
}

TEST(neighbours_reach_each_other_and_get_answers)
{
    world_open_all6(100);
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK(memcmp(frame.frame.at, fab_interfaces[2].mac, 6) == 0);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(pass(tcp(1, WEB6, IP6(0x200, 0x99))), FAB_NO_TARGET);
    CHECK_INT(pass(tcp(1, APP6, DATABASE6)), FAB_SPOOFED);
    fab_interfaces[1].forwards = 1;
    CHECK_INT(pass(tcp(1, APP6, DATABASE6)), FAB_PASSED);
    host_close();
}

TEST(the_internet_gateway_lets_in_and_out_without_translation)
{
    world_open_all6(100);
    CHECK_INT(pass(tcp(1, WEB6, SERVER6)), FAB_PASSED);
    CHECK_INT(verdict.to, FAB_EDGE);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(pass(tcp(0, SERVER6, WEB6)), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(pass(tcp(0, APP6, WEB6)), FAB_SPOOFED);
    CHECK_INT(pass(tcp(0, SERVER6, IP6(0x100, 0x99))), FAB_NO_TARGET);
    fab_networks[1].internet = 0;
    world_changed();
    CHECK_INT(pass(tcp(1, WEB6, SERVER6)), FAB_NO_PUBLIC);
    CHECK_INT(pass(tcp(0, SERVER6, WEB6)), FAB_NO_TARGET);
    host_close();
}

TEST(an_egress_only_gateway_lets_only_answers_in)
{
    world_open_all6(100);
    CHECK_INT(pass(tcp(2, APP6, SERVER6)), FAB_PASSED);
    CHECK_INT(verdict.to, FAB_EDGE);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    /* The network has an internet gateway, so a stranger's packet comes in; its answer is one of a
     * connection that the egress-only gateway has not seen. */
    CHECK_INT(pass((struct tuple6){0, FAB_TCP, FAB_TCP_SYN, SERVER6, DATABASE6, 5000, 22}),
              FAB_PASSED);
    CHECK_INT(answer(), FAB_NO_ROUTE);
    CHECK_INT(pass((struct tuple6){2, FAB_TCP, FAB_TCP_ACK, APP6, SERVER6, 4001, 80}), FAB_NO_FLOW);
    /* Network 2 has nothing else: nobody gets in, answers do. */
    CHECK_INT(pass(tcp(0, SERVER6, OTHER6)), FAB_NO_TARGET);
    CHECK_INT(pass(tcp(4, OTHER6, SERVER6)), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 4);
    CHECK_INT(pass(tcp(4, OTHER6, WEB6)),
              FAB_PASSED); /* from network to network, by way of outside */
    CHECK_INT(verdict.to, 1);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 4);
    CHECK_INT(pass((struct tuple6){1, FAB_TCP, FAB_TCP_SYN, WEB6, OTHER6, 4009, 80}),
              FAB_NO_TARGET);
    fab_networks[2].egress = 0;
    world_changed();
    CHECK_INT(pass((struct tuple6){0, FAB_TCP, FAB_TCP_ACK, SERVER6, OTHER6, 80, 4000}),
              FAB_NO_TARGET);
    host_close();
}

TEST(rules_of_ipv4_are_not_for_ipv6)
{
    const struct fab_rule web = {.address = WEB6.word[0],
                                 .mask = UINT32_MAX,
                                 .low = 80,
                                 .high = 80,
                                 .protocol = FAB_TCP,
                                 .allow = 1,
                                 .more = {WEB6.word[1], WEB6.word[2], WEB6.word[3]},
                                 .more_mask = {UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    world_open_all6(100);
    fab_interfaces[2].group6_in = (struct fab_list){0, 0};
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_GROUP_IN);
    fab_interfaces[2].group6_in = world_list(&web, 1);
    CHECK_INT(pass(tcp(5, PLAIN6, APP6)), FAB_GROUP_IN);
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_PASSED);
    fab_interfaces[2].group6_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_PASSED); /* tracked */
    CHECK_INT(answer(), FAB_PASSED);
    fab_subnets[2].list6_out = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_PASSED);
    CHECK_INT(answer(), FAB_LIST_OUT);
    fab_subnets[2].list6_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_LIST_IN);
    CHECK_INT(pass((struct tuple6){1, FAB_TCP, FAB_TCP_SYN, WEB6, SINKHOLE6, 1, 2}), FAB_PASSED);
    CHECK_INT(pass((struct tuple6){2, FAB_TCP, FAB_TCP_SYN, APP6, SINKHOLE6, 1, 2}), FAB_BLACKHOLE);
    host_close();
}

TEST(echoes_and_their_rules)
{
    const struct fab_rule pings = {
        .allow = 1, .protocol = FAB_ICMP6, .low = FAB_ICMP6_ASKS, .high = FAB_ANY_ICMP};
    world_open_all6(100);
    fab_interfaces[2].group6_in = world_list(&pings, 1);
    CHECK_INT(pass((struct tuple6){1, FAB_ICMP6, FAB_ICMP6_ASKS, WEB6, APP6, 77, 0}), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(pass((struct tuple6){1, FAB_ICMP6, FAB_ICMP6_ANSWERS, WEB6, APP6, 0, 78}),
              FAB_GROUP_IN);
    CHECK_INT(pass((struct tuple6){1, FAB_ICMP6, 143, WEB6, APP6, 0, 0}), FAB_UNSUPPORTED);
    host_close();
}

/* An error about what `frame` carries, from `source`. */
static int error_about(uint32_t at, struct fab_ip6 source, uint8_t type)
{
    struct world_frame quoted = frame;
    struct tuple6 t = {at, FAB_ICMP6, type, source, source, 0, 0};
    memcpy(&t.target, quoted.room + 2 + 14 + 8, 16);
    write_frame6(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    memcpy(ip + 48, quoted.room + 2 + 14, 60);
    put16(ip + 4, 8 + 60);
    frame.frame.len = 14 + 40 + 8 + 60;
    return run(at);
}

TEST(errors_find_the_flow_of_what_they_quote)
{
    world_open_all6(100);
    const struct tuple6 ask = {2, FAB_UDP, 0, APP6, SERVER6, 4000, 53};
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(error_about(FAB_EDGE, IP6(0xff00, 1), 1), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(pass((struct tuple6){2, FAB_UDP, 0, APP6, SERVER6, 4001, 53}), FAB_PASSED);
    frame.frame.at[14 + 40 + 1]++; /* another source port: no such flow */
    CHECK_INT(error_about(FAB_EDGE, SERVER6, 2), FAB_NO_FLOW);
    host_close();
}

TEST(what_is_too_big_for_the_internet_is_told_so)
{
    world_open_all6(100);
    struct tuple6 t = tcp(1, WEB6, SERVER6);
    const struct fab_ip6 router = IP6(0x100, 1);
    write_frame6(&frame, &t);
    put16(frame.frame.at + 18, 1461);
    frame.frame.len = 14 + 40 + 1461;
    CHECK_INT(run(1), FAB_TOO_BIG);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(frame.frame.len, 14 + 40 + 56);
    CHECK_INT(ip[40], FAB_ICMP6_TOO_BIG);
    CHECK_INT(get16(ip + 46), 1500);
    CHECK(memcmp(ip + 8, &router, 16) == 0 && memcmp(ip + 24, &t.source, 16) == 0);
    CHECK(memcmp(ip + 48 + 8, &t.source, 16) == 0 && memcmp(ip + 48 + 24, &t.target, 16) == 0);
    CHECK_INT(l4_sum6(ip, ip + 40, FAB_ICMP6, 56), 0);
    CHECK(memcmp(frame.frame.at, fab_interfaces[1].mac, 6) == 0);
    host_close();
}

static void ask_for(uint32_t at, struct fab_ip6 source, struct fab_ip6 target)
{
    struct tuple6 t = {at, FAB_ICMP6, FAB_ICMP6_WHO, source, target, 0, 0};
    write_frame6(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    memset(ip + 40, 0, 32);
    ip[7] = 255;
    ip[40] = FAB_ICMP6_WHO;
    memcpy(ip + 48, &target, 16);
    ip[64] = ip[65] = 1;
    memcpy(ip + 66, frame.frame.at + 6, 6);
    put16(ip + 4, 32);
    frame.frame.len = 14 + 72;
}

TEST(neighbours_are_found_at_the_fabric)
{
    world_open_all6(100);
    ask_for(2, APP6, IP6(0x200, 1));
    CHECK_INT(run(2), FAB_PASSED);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(ip[40], FAB_ICMP6_HERE);
    CHECK(memcmp(ip + 66, fab_settings_map[0].mac, 6) == 0);
    CHECK_INT(l4_sum6(ip, ip + 40, FAB_ICMP6, 32), 0);
    ask_for(2, APP6, APP6); /* its own */
    CHECK_INT(run(2), FAB_NO_TARGET);
    ask_for(2, APP6, WEB6); /* another subnet's */
    CHECK_INT(run(2), FAB_NO_TARGET);
    ask_for(FAB_EDGE, SERVER6, WEB6);
    CHECK_INT(run(FAB_EDGE), FAB_PASSED);
    ask_for(FAB_EDGE, SERVER6, IP6(0x100, 0x99));
    CHECK_INT(run(FAB_EDGE), FAB_NO_TARGET);
    ask_for(2, APP6, IP6(0x200, 1));
    frame.frame.at[14 + 7] = 64; /* came over a router */
    CHECK_INT(run(2), FAB_UNSUPPORTED);
    host_close();
}

static int pass_with(struct tuple6 t, uint8_t first, const uint8_t *extensions, size_t size)
{
    write_frame6_with(&frame, &t, first, extensions, size);
    return run(t.at);
}

TEST(extension_headers_are_bounded_and_routing_headers_refused)
{
    uint8_t options[72] = {FAB_TCP, 0, 1, 4}, two[16] = {FAB_DESTINATION, 0, 1, 4};
    two[8] = FAB_TCP;
    world_open_all6(100);
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_DESTINATION, options, 8), FAB_PASSED);
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_HOP_BY_HOP, two, 16), FAB_PASSED);
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_ROUTING, options, 8), FAB_UNSUPPORTED);
    options[1] = 8; /* 72 bytes */
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_DESTINATION, options, 72), FAB_UNSUPPORTED);
    options[1] = 255; /* beyond the frame */
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_DESTINATION, options, 8), FAB_UNSUPPORTED);
    fab_subnets[2].list6_in = (struct fab_list){0, 0};
    world_changed();
    options[1] = 0;
    CHECK_INT(pass_with(tcp(1, WEB6, APP6), FAB_DESTINATION, options, 8), FAB_LIST_IN);
    host_close();
}

TEST(fragments_follow_their_first)
{
    const uint8_t first[] = {FAB_UDP, 0, 0, 1, 0, 0, 0, 7},
                  later[] = {FAB_UDP, 0, 0, 16, 0, 0, 0, 7};
    const uint8_t other[] = {FAB_UDP, 0, 0, 16, 0, 0, 0, 8},
                  whole[] = {FAB_UDP, 0, 0, 0, 0, 0, 0, 9};
    const struct tuple6 t = {1, FAB_UDP, 0, WEB6, APP6, 4000, 53};
    world_open_all6(100);
    CHECK_INT(pass_with(t, FAB_FRAGMENT_HEADER, later, 8), FAB_NO_FIRST);
    CHECK_INT(pass_with(t, FAB_FRAGMENT_HEADER, first, 8), FAB_PASSED);
    CHECK_INT(pass_with(t, FAB_FRAGMENT_HEADER, later, 8), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(pass_with(t, FAB_FRAGMENT_HEADER, other, 8), FAB_NO_FIRST);
    CHECK_INT(pass_with(t, FAB_FRAGMENT_HEADER, whole, 8), FAB_PASSED);
    CHECK_INT(fab_flows6.count, 2);
    host_close();
}

TEST(idle_flows_end_and_give_everything_back)
{
    world_open_all6(100);
    CHECK_INT(pass((struct tuple6){1, FAB_UDP, 0, WEB6, APP6, 4000, 53}), FAB_PASSED);
    CHECK_INT(fab_flows6.count, 2);
    CHECK_INT(fab_meters[1].flows, 1);
    struct fab_sweep sweep = {.now_ns = host_now_ns + 31 * FAB_SECOND, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 1);
    CHECK_INT(fab_flows6.count, 0);
    CHECK_INT(fab_meters[1].flows, 0);
    CHECK_INT(fab_meters[2].flows, 0);
    CHECK_INT(host_free_count, 100);
    host_close();
}

TEST(records_say_what_each_end_saw)
{
    world_open_all6(100);
    fab_interfaces[1].watched = fab_interfaces[2].watched = FAB_RECORDED;
    CHECK_INT(pass(tcp(1, WEB6, APP6)), FAB_PASSED);
    CHECK_INT(fab_records6.count, 2);
    fab_interfaces[2].group6_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass((struct tuple6){1, FAB_UDP, 0, WEB6, APP6, 4000, 53}), FAB_GROUP_IN);
    CHECK_INT(fab_records6.count, 4);
    struct fab_record_key6 key = {.flow = {.source = WEB6,
                                           .target = APP6,
                                           .source_port = FAB_ORDER16(4000),
                                           .target_port = FAB_ORDER16(53),
                                           .at = 2 << 8 | FAB_UDP},
                                  .direction = FAB_IN,
                                  .rejected = 1};
    const struct fab_record *record = host_map_find(&fab_records6, &key);
    CHECK(record && record->packets == 1 && record->bytes == 56);
    host_close();
}

TEST(random_traffic_agrees_with_the_oracle)
{
    static struct world_frame before;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct oracle6 oracle = {.seed = seed};
        world_open_all6(2000);
        for (int i = 0; i < 1500; i++) {
            struct tuple6 t = oracle6_packet(&oracle);
            int expected = oracle6_expects(&oracle, &t);
            write_frame6(&before, &t);
            int got = pass(t);
            if (got != expected)
                test_fail(__FILE__, __LINE__, "seed %d, packet %d, at %u: %d, not %d", (int)seed, i,
                          t.at, got, expected);
            const char *fault = got == FAB_PASSED
                                    ? oracle6_checks(&oracle, &t, &before, &frame.frame, &verdict)
                                    : NULL;
            if (fault)
                test_fail(__FILE__, __LINE__, "seed %d, packet %d: %s", (int)seed, i, fault);
            if (i % 50 == 49)
                oracle6_change(&oracle);
        }
        host_close();
    }
}
