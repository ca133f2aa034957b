// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: what RFC 4787, 5382, 5508 and 7857 ask of a gateway and other
 * tests do not show; docs/NAT.md has the table. */
#include "test.h"

#include "fabric_world.h"

static struct world_frame frame;
static struct fab_verdict verdict;

static const struct tuple syn = {2, FAB_TCP, FAB_TCP_SYN, APP, SERVER, 4000, 443};
static const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
static const struct tuple echo = {2, FAB_ICMP, 8, APP, SERVER, 77, 0};

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

/* What the last frame's receiver says back, with these flags. */
static int answer(uint8_t flags)
{
    struct tuple t = answer_of(&frame.frame, verdict.to);
    t.flags = t.protocol == FAB_ICMP ? 0 : flags;
    return pass(t);
}

static int error_about_it(uint32_t at, uint32_t source)
{
    write_error(&frame, at, source);
    return through(at);
}

static uint32_t swept(void)
{
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 200};
    FAB_REPEAT(200, fab_sweep_slot, &sweep);
    return sweep.ended;
}

TEST(a_datagram_without_a_sum_gets_none)
{
    world_open_all(200);
    write_frame(&frame, &ask);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 26, 0);
    CHECK_INT(through(ask.at), FAB_PASSED);
    CHECK(memcmp(ip + 12, &ask.source, 4) != 0);
    CHECK_INT(get16(ip + 26), 0);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    host_close();
}

TEST(a_sender_keeps_its_address_while_that_has_ports)
{
    world_open_all(200);
    fab_gateways[1].publics[1] = GATEWAY_PUBLIC_2;
    fab_gateways[1].count = 2;
    fab_gateways[1].ports_max = 5;
    CHECK_INT(pass(ask), FAB_PASSED);
    uint32_t first = verdict.source;
    struct tuple t = ask;
    for (t.target_port = 54; t.target_port < 80; t.target_port++) {
        CHECK_INT(pass(t), FAB_PASSED);
        CHECK_INT(verdict.source, first);
    }
    for (t.source_port = 1, t.target_port = 443; t.source_port <= 10; t.source_port++) {
        CHECK_INT(pass(t), FAB_PASSED);
        CHECK_INT(verdict.source == first, t.source_port <= 5);
    }
    CHECK_INT(pass(t), FAB_NO_PORT);
    host_close();
}

TEST(eight_addresses_have_eight_times_the_ports)
{
    world_open_all(200);
    for (uint32_t i = 0; i < FAB_PUBLICS_MAX; i++)
        fab_gateways[1].publics[i] = IP(198, 51, 100, 60 + i);
    fab_gateways[1].count = FAB_PUBLICS_MAX;
    fab_gateways[1].ports_max = 7;
    struct tuple t = ask;
    for (t.source_port = 1; t.source_port <= 8 * 7; t.source_port++)
        CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(pass(t), FAB_NO_PORT);
    CHECK_INT(fab_gateway_counts[1].port_errors, 1);
    CHECK_INT(fab_gateway_counts[1].others, 8 * 7);
    host_close();
}

TEST(both_ends_may_begin_at_once)
{
    world_open_all(200);
    CHECK_INT(pass(syn), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    back.flags = FAB_TCP_SYN;
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    struct tuple on = syn;
    on.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    CHECK_INT(pass(on), FAB_PASSED);
    back.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    CHECK_INT(pass(back), FAB_PASSED);
    on.flags = FAB_TCP_ACK;
    CHECK_INT(pass(on), FAB_PASSED);
    CHECK_INT(fab_gateway_counts[1].attempts, 1);
    host_close();
}

TEST(an_error_neither_ends_nor_refreshes)
{
    static const struct tuple *const begun[] = {&syn, &ask, &echo};
    for (size_t i = 0; i < 3; i++) {
        world_open_all(200);
        CHECK_INT(pass(*begun[i]), FAB_PASSED);
        const struct world_frame out = frame;
        struct tuple on = *begun[i];
        if (on.protocol == FAB_TCP)
            on.flags = FAB_TCP_ACK;
        CHECK_INT(error_about_it(FAB_EDGE, IP(192, 0, 2, 1)), FAB_PASSED);
        CHECK_INT(verdict.to, 2);
        CHECK_INT(pass(on), FAB_PASSED);
        host_now_ns += 340 * FAB_SECOND;
        frame = out;
        frame.frame.at = frame.room + 2;
        CHECK_INT(error_about_it(FAB_EDGE, IP(192, 0, 2, 1)), FAB_PASSED);
        CHECK_INT(swept(), 0);
        host_now_ns += 11 * FAB_SECOND;
        CHECK_INT(swept(), 1);
        host_close();
    }
}

TEST(an_error_whose_sum_is_wrong_stays_so)
{
    world_open_all(200);
    CHECK_INT(pass(ask), FAB_PASSED);
    write_error(&frame, FAB_EDGE, SERVER);
    frame.frame.at[14 + 22] ^= 0x55;
    CHECK_INT(through(FAB_EDGE), FAB_PASSED);
    CHECK(sum_of(frame.frame.at + 14 + 20, 36, 0) != 0);
    host_close();
}

TEST(queries_live_as_long_as_anything_else)
{
    world_open_all(200);
    CHECK_INT(pass(echo), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    host_now_ns += 349 * FAB_SECOND;
    CHECK_INT(swept(), 0);
    CHECK_INT(pass(back), FAB_PASSED);
    host_now_ns += 349 * FAB_SECOND;
    CHECK_INT(pass(back), FAB_PASSED); /* a peer's packet refreshes, too */
    host_now_ns += 351 * FAB_SECOND;
    CHECK_INT(pass(back), FAB_NO_FLOW);
    CHECK_INT(pass((struct tuple){2, FAB_ICMP, 13, APP, SERVER, 0, 0}), FAB_UNSUPPORTED);
    host_close();
}

TEST(nobody_but_the_peer_refreshes)
{
    world_open_all(200);
    CHECK_INT(pass(ask), FAB_PASSED);
    struct tuple other = answer_of(&frame.frame, FAB_EDGE);
    other.source_port++;
    host_now_ns += 340 * FAB_SECOND;
    CHECK_INT(pass(other), FAB_NO_FLOW);
    host_now_ns += 11 * FAB_SECOND;
    CHECK_INT(swept(), 1);
    host_close();
}

TEST(pings_and_errors_come_home_from_a_hairpin)
{
    world_open_all(200);
    struct tuple ping = echo, datagram = ask;
    ping.target = datagram.target = WEB_PUBLIC;
    CHECK_INT(pass(ping), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK(get16(frame.frame.at + 14 + 24) != 77);
    CHECK_INT(answer(0), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(verdict.source, WEB_PUBLIC);
    CHECK_INT(get16(frame.frame.at + 14 + 24), 77);
    CHECK_INT(l4_sum(frame.frame.at + 14, 36), 0);
    CHECK_INT(pass(datagram), FAB_PASSED);
    CHECK_INT(error_about_it(1, WEB), FAB_PASSED);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(verdict.to, 2);
    CHECK(memcmp(ip + 12, &(uint32_t){WEB_PUBLIC}, 4) == 0);
    CHECK(memcmp(ip + 16, &(uint32_t){APP}, 4) == 0);
    CHECK(memcmp(ip + 28 + 12, &(uint32_t){APP}, 4) == 0);
    CHECK(memcmp(ip + 28 + 16, &(uint32_t){WEB_PUBLIC}, 4) == 0);
    CHECK_INT(get16(ip + 28 + 20), 4000);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    CHECK_INT(sum_of(ip + 20, 36, 0), 0);
    host_close();
}

/* RFC 7857, 2, by the states that it names. */
TEST(a_connection_goes_through_the_states)
{
    struct tuple on = syn, back;
    world_open_all(200);
    CHECK_INT(pass(syn), FAB_PASSED);
    back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    on.flags = FAB_TCP_FIN | FAB_TCP_ACK;
    CHECK_INT(pass(on), FAB_PASSED); /* one side only: it goes on as an established one */
    back.flags = FAB_TCP_ACK;
    host_now_ns += 300 * FAB_SECOND;
    CHECK_INT(swept(), 0);
    CHECK_INT(pass(back), FAB_PASSED);
    back.flags = FAB_TCP_FIN | FAB_TCP_ACK;
    CHECK_INT(pass(back), FAB_PASSED); /* both: transitory */
    on.flags = FAB_TCP_ACK;
    CHECK_INT(pass(on), FAB_PASSED);
    uint16_t port = verdict.source_port;
    CHECK_INT(pass(syn), FAB_PASSED); /* anew by the inside, with the same port */
    CHECK_INT(verdict.source_port, port);
    back.flags = FAB_TCP_SYN | FAB_TCP_ACK;
    CHECK_INT(pass(back), FAB_PASSED);
    host_now_ns += 300 * FAB_SECOND;
    CHECK_INT(swept(), 0);
    back.flags = FAB_TCP_RST;
    CHECK_INT(pass(back), FAB_PASSED); /* transitory, whoever has sent it */
    on.flags = FAB_TCP_ACK;
    CHECK_INT(pass(on), FAB_PASSED);
    host_now_ns += 61 * FAB_SECOND;
    CHECK_INT(swept(), 1);
    CHECK_INT(fab_gateway_counts[1].idle_timeouts, 0);
    CHECK_INT(pass(on), FAB_EXPIRED);
    CHECK_INT(verdict.action, FAB_RESET);
    CHECK_INT(pass(back), FAB_NO_FLOW); /* and nothing is said to the outside */
    CHECK_INT(verdict.action, FAB_DROP);
    host_close();
}

TEST(ids_and_lives_stay_as_they_are)
{
    world_open_all(200);
    write_frame(&frame, &ask);
    uint8_t *ip = frame.frame.at + 14;
    put16(ip + 4, 0x1234);
    ip[8] = 17;
    put16(ip + 10, 0);
    put16(ip + 10, sum_of(ip, 20, 0));
    CHECK_INT(through(2), FAB_PASSED);
    CHECK_INT(get16(ip + 4), 0x1234);
    CHECK_INT(ip[8], 17);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    host_close();
}
