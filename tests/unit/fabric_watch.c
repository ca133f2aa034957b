// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: fragments, sizes, allowances, records and counts. */
#include "test.h"

#include "fabric_world.h"

static struct world_frame frame;
static struct fab_verdict verdict;

static const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
static const struct tuple syn = {2, FAB_TCP, FAB_TCP_SYN, APP, SERVER, 4000, 443};
static const struct tuple neighbour = {2, FAB_TCP, FAB_TCP_SYN, APP, DATABASE, 4000, 5432};

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

/* As a fragment of packet `id`: `offset` in units of eight bytes. */
static int pass_fragment(struct tuple t, uint16_t id, uint16_t offset, int more)
{
    write_frame(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 4, id);
    put16(ip + 6, (uint32_t)(more << 13) | offset);
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    if (offset)
        memset(ip + 20, 0x55, 16);
    return through(t.at);
}

TEST(fragments_follow_their_first_one_through_a_gateway)
{
    world_open_all(100);
    CHECK_INT(pass_fragment(ask, 7, 185, 0), FAB_NO_FIRST);
    CHECK_INT(pass_fragment(ask, 7, 0, 1), FAB_PASSED);
    uint16_t port = get16(frame.frame.at + 34);
    CHECK(port >= 1024);
    CHECK_INT(l4_sum(frame.frame.at + 14, 36), 0);
    CHECK_INT(pass_fragment(ask, 7, 185, 0), FAB_PASSED);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK(memcmp(ip + 12, &(uint32_t){GATEWAY_PUBLIC}, 4) == 0);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    for (int i = 20; i < 36; i++)
        CHECK_INT(ip[i], 0x55);
    CHECK_INT(fab_gateway_counts[1].others, 1);
    struct tuple back = {FAB_EDGE, FAB_UDP, 0, SERVER, GATEWAY_PUBLIC, 53, port};
    CHECK_INT(pass_fragment(back, 9, 0, 1), FAB_PASSED);
    CHECK_INT(pass_fragment(back, 9, 185, 0), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(verdict.target, APP);
    CHECK_INT(pass_fragment(back, 10, 185, 0), FAB_NO_FIRST);
    host_now_ns += 31 * FAB_SECOND;
    CHECK_INT(pass_fragment(back, 9, 185, 0), FAB_NO_FIRST);
    host_close();
}

TEST(gateways_drop_fragments_of_tcp_and_icmp)
{
    world_open_all(100);
    CHECK_INT(pass_fragment(syn, 7, 0, 1), FAB_UNSUPPORTED);
    CHECK_INT(pass(syn), FAB_PASSED);
    CHECK_INT(pass_fragment(syn, 7, 0, 1), FAB_UNSUPPORTED);
    CHECK_INT(pass_fragment((struct tuple){2, FAB_ICMP, 8, APP, SERVER, 77, 0}, 8, 0, 1),
              FAB_UNSUPPORTED);
    CHECK_INT(fab_gateway_counts[1].dropped, 3);
    host_close();
}

TEST(neighbours_get_fragments_and_rules_see_their_ports)
{
    const struct fab_rule postgres = {0, 0, 5432, 5432, FAB_TCP, 1, 0};
    world_open_all(100);
    fab_interfaces[3].group_in = world_list(&postgres, 1);
    CHECK_INT(pass_fragment(neighbour, 7, 0, 1), FAB_PASSED);
    CHECK_INT(pass_fragment(neighbour, 7, 3, 0), FAB_PASSED);
    CHECK_INT(pass_fragment(neighbour, 7, 1, 0), FAB_MALFORMED);
    struct tuple other = neighbour;
    other.target_port = 22;
    CHECK_INT(pass_fragment(other, 8, 0, 1), FAB_GROUP_IN);
    CHECK_INT(pass_fragment(other, 8, 3, 0), FAB_GROUP_IN);
    CHECK_INT(pass_fragment((struct tuple){2, 47, 0, APP, WEB, 0, 0}, 9, 3, 0), FAB_PASSED);
    host_close();
}

/* As a packet of `len` bytes, which may not be fragmented if `fixed`. */
static int pass_long(struct tuple t, uint32_t len, int fixed)
{
    write_frame(&frame, &t);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 2, len);
    put16(ip + 6, (uint32_t)fixed << 14);
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    frame.frame.len = 14 + len;
    return through(t.at);
}

TEST(what_is_too_big_for_the_internet_is_told_so)
{
    world_open_all(100);
    CHECK_INT(pass_long(ask, 1500, 1), FAB_PASSED);
    CHECK_INT(pass_long(ask, 1501, 0), FAB_PASSED);
    CHECK_INT(pass_long(ask, 1501, 1), FAB_TOO_BIG);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(frame.frame.len, 14 + 56);
    CHECK_INT(ip[9], FAB_ICMP);
    CHECK(memcmp(ip + 12, (uint8_t[]){10, 0, 2, 1}, 4) == 0);
    CHECK(memcmp(ip + 16, &ask.source, 4) == 0);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    CHECK_INT(sum_of(ip + 20, 36, 0), 0);
    CHECK_INT(ip[20] << 8 | ip[21], 0x0304);
    CHECK_INT(get16(ip + 26), 1500);
    CHECK(memcmp(ip + 28 + 16, &ask.target, 4) == 0);
    CHECK_INT(get16(ip + 28 + 2), 1501);
    CHECK_INT(get16(ip + 28 + 20), 4000);
    struct tuple first = ask;
    first.source_port = 4001; /* of no flow yet */
    CHECK_INT(pass_long(first, 1501, 1), FAB_TOO_BIG);
    CHECK_INT(fab_gateway_counts[1].others, 1);
    first.target = DATABASE;
    CHECK_INT(pass_long(first, 1501, 1), FAB_PASSED);
    host_close();
}

TEST(bandwidth_is_a_bucket_at_each_end)
{
    world_open_all(100);
    fab_interfaces[2].watched = fab_interfaces[3].watched = FAB_METERED;
    fab_meters[2].bytes_per_s[FAB_OUT] = 100000;
    struct tuple t = {2, FAB_UDP, 0, APP, DATABASE, 1, 2};
    int passed = 0;
    for (int i = 0; i < 100; i++)
        passed += pass_long(t, 1000, 0) == FAB_PASSED;
    CHECK_INT(passed, 3); /* 20 ms of 100 kB/s, and the one that goes beyond */
    CHECK_INT(verdict.reason, FAB_LIMITED);
    host_now_ns += FAB_SECOND;
    for (int i = 0; i < 100; i++, host_now_ns += FAB_SECOND / 1000)
        passed += pass_long(t, 1000, 0) == FAB_PASSED;
    CHECK(passed >= 3 + 10 && passed <= 3 + 13);
    CHECK_INT(pass((struct tuple){3, FAB_UDP, 0, DATABASE, APP, 2, 1}), FAB_PASSED);
    fab_meters[2].bytes_per_s[FAB_OUT] = 0;
    fab_meters[3].bytes_per_s[FAB_IN] = 1;
    CHECK_INT(pass_long(t, 1000, 0), FAB_PASSED);
    CHECK_INT(pass_long(t, 1000, 0), FAB_LIMITED);
    host_close();
}

/* A hundred packets of 1,000 bytes, one each millisecond: how many passed. */
static int passed_in_a_while(struct tuple t)
{
    int passed = 0;
    for (int i = 0; i < 100; i++, host_now_ns += FAB_SECOND / 1000)
        passed += pass_long(t, 1000, 0) == FAB_PASSED;
    return passed;
}

TEST(a_burst_lasts_until_what_was_saved_is_used)
{
    world_open_all(100);
    fab_interfaces[2].watched = FAB_METERED;
    struct fab_meter *meter = &fab_meters[2];
    meter->bytes_per_s[FAB_OUT] = 1000000;
    meter->base_per_s[FAB_OUT] = 100000;
    meter->saved_ns = FAB_SECOND; /* 100,000 bytes beyond the base */
    struct tuple t = {2, FAB_UDP, 0, APP, DATABASE, 1, 2};
    CHECK_INT(passed_in_a_while(t), 100);
    int passed = passed_in_a_while(t);
    CHECK(passed >= 20 && passed <= 24); /* what was left, and the base */
    passed = passed_in_a_while(t);
    CHECK(passed >= 9 && passed <= 11);
    host_now_ns += 2 * FAB_SECOND;
    CHECK_INT(passed_in_a_while(t), 100);
    host_close();
}

TEST(an_interface_has_so_many_flows_and_gets_them_back)
{
    world_open_all(100);
    fab_meters[2].flows_max = 2;
    struct tuple t = ask;
    CHECK_INT(pass(t), FAB_PASSED);
    t.source_port++;
    CHECK_INT(pass(t), FAB_PASSED);
    t.source_port++;
    CHECK_INT(pass(t), FAB_QUOTA);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(pass((struct tuple){3, FAB_UDP, 0, DATABASE, APP, 1, 2}), FAB_QUOTA);
    host_now_ns += 351 * FAB_SECOND;
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(fab_meters[2].flows, 0);
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(fab_meters[2].flows, 1);
    host_close();
}

static const struct fab_record *record_of(struct tuple t, enum FAB_DIRECTION direction,
                                          int rejected)
{
    struct fab_record_key key = {.flow = {t.source, t.target, FAB_ORDER16(t.source_port),
                                          FAB_ORDER16(t.target_port), t.at << 8 | t.protocol},
                                 .direction = (uint8_t)direction,
                                 .rejected = (uint8_t)rejected};
    return host_map_find(&fab_records, &key);
}

TEST(records_say_what_each_end_saw)
{
    const struct fab_rule ssh = {0, 0, 22, 22, FAB_TCP, 1, 0};
    struct tuple seen = neighbour;
    world_open_all(100);
    CHECK_INT(pass(neighbour), FAB_PASSED);
    CHECK_INT(fab_records.count, 0);
    fab_interfaces[2].watched = fab_interfaces[3].watched = FAB_RECORDED;
    CHECK_INT(pass(neighbour), FAB_PASSED);
    host_now_ns += 5 * FAB_SECOND;
    struct tuple fin = neighbour;
    fin.flags = FAB_TCP_FIN | FAB_TCP_ACK;
    CHECK_INT(pass(fin), FAB_PASSED);
    seen.at = 3;
    const struct fab_record *out = record_of(neighbour, FAB_OUT, 0);
    const struct fab_record *in = record_of(seen, FAB_IN, 0);
    CHECK(out && in);
    CHECK_INT(out->packets, 2);
    CHECK_INT(out->bytes, 2 * 48);
    CHECK_INT(out->tcp_flags, FAB_TCP_SYN | FAB_TCP_FIN);
    CHECK(out->last_ns - out->first_ns == 5 * FAB_SECOND);
    CHECK_INT(in->packets, 2);
    struct tuple back = {3, FAB_TCP, FAB_TCP_SYN | FAB_TCP_ACK, DATABASE, APP, 5432, 4000};
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(record_of(back, FAB_OUT, 0)->tcp_flags, 18);
    fab_interfaces[3].group_in = world_list(&ssh, 1);
    seen.target_port = 80;
    struct tuple refused = neighbour;
    refused.target_port = 80;
    CHECK_INT(pass(refused), FAB_GROUP_IN);
    CHECK(record_of(refused, FAB_OUT, 0));
    CHECK_INT(record_of(seen, FAB_IN, 1)->packets, 1);
    fab_interfaces[2].group_out = world_list(&ssh, 1);
    refused.target_port = seen.target_port = 81;
    CHECK_INT(pass(refused), FAB_GROUP_OUT);
    CHECK(record_of(refused, FAB_OUT, 1));
    CHECK(!record_of(seen, FAB_IN, 1) && !record_of(seen, FAB_IN, 0));
    host_close();
}

TEST(records_see_both_sides_of_a_translation)
{
    world_open_all(100);
    fab_interfaces[2].watched = FAB_RECORDED;
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(record_of(ask, FAB_OUT, 0)->packets, 1);
    CHECK_INT(pass(answer_of(&frame.frame, verdict.to)), FAB_PASSED);
    struct tuple back = {2, FAB_UDP, 0, SERVER, APP, 53, 4000};
    CHECK_INT(record_of(back, FAB_IN, 0)->packets, 1);
    fab_subnets[2].list_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(pass(answer_of(&frame.frame, verdict.to)), FAB_LIST_IN);
    CHECK_INT(record_of(back, FAB_IN, 1)->packets, 1);
    host_close();
}

TEST(what_finds_no_room_in_the_records_is_counted)
{
    world_open_all(400);
    fab_interfaces[2].watched = FAB_RECORDED;
    struct tuple t = {2, FAB_UDP, 0, APP, DATABASE, 1, 2};
    for (; t.source_port <= 300; t.source_port++)
        CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(fab_records.count, 256);
    CHECK_INT(fab_meters[2].unrecorded, 300 - 256);
    host_close();
}

TEST(gateways_count_what_passes_each_way)
{
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(pass(answer_of(&frame.frame, verdict.to)), FAB_PASSED);
    const struct fab_gateway_count *count = &fab_gateway_counts[1];
    CHECK_INT(count->packets[FAB_ASKS], 2);
    CHECK_INT(count->bytes[FAB_ASKS], 72);
    CHECK_INT(count->packets[FAB_ANSWERS], 1);
    CHECK_INT(count->bytes[FAB_ANSWERS], 36);
    CHECK_INT(count->dropped, 0);
    CHECK_INT(pass((struct tuple){0, FAB_UDP, 0, SERVER, GATEWAY_PUBLIC, 1, 2}), FAB_NO_FLOW);
    CHECK_INT(count->dropped, 1);
    host_close();
}

static int answer_with(struct tuple t, uint8_t flags)
{
    t.flags = flags;
    return pass(t);
}

/* "NAT gateway metrics and dimensions": connections are those of TCP. */
TEST(a_gateway_counts_its_connections)
{
    const struct fab_gateway_count *count = &fab_gateway_counts[1];
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED); /* of UDP */
    CHECK_INT(count->attempts + (uint64_t)count->active, 0);
    CHECK_INT(pass(syn), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(syn), FAB_PASSED); /* again: no attempt of its own */
    CHECK_INT(count->attempts, 1);
    CHECK_INT(count->active, 1);
    CHECK_INT(count->established, 0);
    CHECK_INT(answer_with(back, FAB_TCP_SYN | FAB_TCP_ACK), FAB_PASSED);
    CHECK_INT(answer_with(back, FAB_TCP_SYN | FAB_TCP_ACK), FAB_PASSED);
    CHECK_INT(count->established, 1);
    struct tuple refused = syn;
    refused.source_port = 4001;
    CHECK_INT(pass(refused), FAB_PASSED);
    CHECK_INT(answer_with(answer_of(&frame.frame, FAB_EDGE), FAB_TCP_RST | FAB_TCP_ACK),
              FAB_PASSED);
    CHECK_INT(count->attempts, 2);
    CHECK_INT(count->established, 1);
    host_now_ns += 351 * FAB_SECOND;
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 3);
    CHECK_INT(count->idle_timeouts, 1); /* one was closed, and one is none */
    CHECK_INT(count->active, 0);
    CHECK_INT(count->others, 0);
    fab_gateways[1].ports_max = 0;
    CHECK_INT(pass(syn), FAB_NO_PORT);
    CHECK_INT(pass(ask), FAB_NO_PORT);
    CHECK_INT(count->port_errors, 2);
    CHECK_INT(count->dropped, 2);
    host_close();
}
