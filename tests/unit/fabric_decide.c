// SPDX-License-Identifier: Apache-2.0
/* The decision core on the host: what each rule, route and gateway does to whole frames, and random
 * traffic against an oracle that knows no caches. */
#include "test.h"

#include "fabric_oracle.h"

static struct world_frame frame;
static struct fab_verdict verdict;

/* Through the fabric: the reason, or FAB_PASSED. */
static int pass(struct tuple t)
{
    write_frame(&frame, &t);
    uint32_t device = host_pass(&frame.frame, t.at, &verdict);
    return device || verdict.reason ? (int)verdict.reason : -1;
}

static int answer(void)
{
    return pass(answer_of(&frame.frame, verdict.to));
}

static const struct tuple app_to_server = {2, FAB_TCP, FAB_TCP_SYN, APP, SERVER, 4000, 443};
static const struct tuple app_to_database = {2, FAB_TCP, FAB_TCP_SYN, APP, DATABASE, 4000, 5432};
static const struct tuple web_to_server = {1, FAB_TCP, FAB_TCP_SYN, WEB, SERVER, 4000, 443};
static const struct tuple server_to_web = {0, FAB_TCP, FAB_TCP_SYN, SERVER, WEB_PUBLIC, 4000, 80};
static const struct tuple web_to_app = {1, FAB_TCP, FAB_TCP_SYN, WEB, APP, 4000, 80};

TEST(neighbours_reach_each_other_and_get_answers)
{
    world_open_all(100);
    CHECK_INT(pass(app_to_database), FAB_PASSED);
    CHECK_INT(verdict.to, 3);
    CHECK(memcmp(frame.frame.at, fab_interfaces[3].mac, 6) == 0);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    host_close();
}

TEST(a_foreign_sender_is_dropped)
{
    world_open_all(100);
    struct tuple t = app_to_database;
    t.source = IP(10, 0, 2, 99);
    CHECK_INT(pass(t), FAB_SPOOFED);
    t.source = WEB;
    CHECK_INT(pass(t), FAB_SPOOFED);
    fab_interfaces[2].forwards = 1;
    CHECK_INT(pass(t), FAB_PASSED);
    host_close();
}

TEST(networks_with_the_same_addresses_are_apart)
{
    world_open_all(100);
    CHECK_INT(pass((struct tuple){4, FAB_UDP, 0, OTHER_WEB, APP, 1, 2}), FAB_NO_TARGET);
    CHECK_INT(pass((struct tuple){4, FAB_UDP, 0, OTHER_WEB, SERVER, 1, 2}), FAB_PASSED);
    CHECK_INT(verdict.source, OTHER_PUBLIC);
    host_close();
}

TEST(the_internet_gateway_translates_one_to_one)
{
    world_open_all(100);
    CHECK_INT(pass(web_to_server), FAB_PASSED);
    CHECK_INT(verdict.to, FAB_EDGE);
    CHECK_INT(verdict.source, WEB_PUBLIC);
    CHECK_INT(l4_sum(frame.frame.at + 14, frame.frame.len - 14), 0);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.target, WEB);
    CHECK_INT(pass(server_to_web), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.source, WEB_PUBLIC);
    CHECK_INT(pass((struct tuple){5, FAB_UDP, 0, PLAIN, SERVER, 1, 2}), FAB_NO_PUBLIC);
    fab_networks[1].internet = 0;
    world_changed();
    CHECK_INT(pass(server_to_web), FAB_NO_TARGET);
    CHECK_INT(pass(web_to_server), FAB_NO_PUBLIC);
    host_close();
}

TEST(a_gateway_lets_out_and_only_answers_in)
{
    world_open_all(100);
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    CHECK_INT(verdict.source, GATEWAY_PUBLIC);
    uint16_t port = verdict.source_port;
    CHECK(__builtin_bswap16(port) >= 1024);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(verdict.target, APP);
    CHECK_INT(__builtin_bswap16(verdict.target_port), 4000);
    CHECK_INT(l4_sum(frame.frame.at + 14, frame.frame.len - 14), 0);
    uint16_t host_port = __builtin_bswap16(port);
    CHECK_INT(pass((struct tuple){0, FAB_TCP, FAB_TCP_SYN, SERVER, GATEWAY_PUBLIC, 444, host_port}),
              FAB_NO_FLOW);
    CHECK_INT(pass((struct tuple){0, FAB_TCP, FAB_TCP_SYN, IP(192, 0, 2, 81), GATEWAY_PUBLIC, 443,
                                  host_port}),
              FAB_NO_FLOW);
    CHECK_INT(fab_gateway_counts[1].attempts, 1);
    CHECK_INT(fab_gateway_counts[1].established, 1);
    CHECK_INT(fab_gateway_counts[1].active, 1);
    host_close();
}

TEST(mappings_depend_on_address_and_port)
{
    world_open_all(100);
    struct tuple t = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    CHECK_INT(pass(t), FAB_PASSED);
    uint16_t first = verdict.source_port;
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(verdict.source_port, first);
    t.target_port = 54;
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK(verdict.source_port != first);
    host_close();
}

TEST(exactly_as_many_connections_as_allowed)
{
    world_open_all(HOST_SESSIONS);
    for (int i = 0; i < 55000; i++) {
        struct tuple t = {i & 1 ? 2 : 3,
                          FAB_UDP,
                          0,
                          i & 1 ? APP : DATABASE,
                          SERVER,
                          (uint16_t)(1000 + i / 2),
                          443};
        if (pass(t) != FAB_PASSED)
            test_fail(__FILE__, __LINE__, "number %d failed: %u", i, verdict.reason);
    }
    struct tuple more = {2, FAB_UDP, 0, APP, SERVER, 999, 443};
    CHECK_INT(pass(more), FAB_NO_PORT);
    CHECK_INT(fab_gateway_counts[1].port_errors, 1);
    more.target_port = 444;
    CHECK_INT(pass(more), FAB_PASSED);
    /* A second address brings as many again. */
    fab_gateways[1].publics[1] = GATEWAY_PUBLIC_2;
    fab_gateways[1].count = 2;
    more.target_port = 443;
    CHECK_INT(pass(more), FAB_PASSED);
    CHECK_INT(verdict.source, GATEWAY_PUBLIC_2);
    host_close();
}

TEST(idle_flows_end_with_a_reset_to_the_inside)
{
    world_open_all(100);
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    struct tuple late = app_to_server;
    late.flags = FAB_TCP_ACK;
    host_now_ns += 349 * FAB_SECOND;
    CHECK_INT(pass(late), FAB_PASSED);
    host_now_ns += 351 * FAB_SECOND;
    CHECK_INT(pass(late), FAB_EXPIRED);
    CHECK_INT(verdict.action, FAB_RESET);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(ip[33], FAB_TCP_RST);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    CHECK_INT(l4_sum(ip, 40), 0);
    CHECK(memcmp(ip + 16, &app_to_server.source, 4) == 0);
    CHECK_INT(fab_gateway_counts[1].idle_timeouts, 1);
    CHECK_INT(fab_gateway_counts[1].active, 0);
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    host_close();
}

TEST(a_closed_connection_holds_its_port_for_a_while)
{
    world_open_all(100);
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    back.flags = FAB_TCP_RST;
    CHECK_INT(pass(back), FAB_PASSED);
    struct fab_sweep sweep = {.now_ns = host_now_ns + 59 * FAB_SECOND, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 0);
    sweep.now_ns += 2 * FAB_SECOND;
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 1);
    for (size_t i = 0; i < FAB_LINES; i++)
        for (size_t j = 0; j < FAB_LINE_CLAIMS; j++)
            CHECK_INT(fab_lines[i].at[j], 0);
    CHECK_INT(fab_targets.count, 0);
    CHECK_INT(host_free_count, 100);
    CHECK_INT(fab_gateway_counts[1].idle_timeouts, 0);
    host_close();
}

TEST(a_port_range_that_is_used_up_fails_and_a_freed_port_comes_back)
{
    world_open_all(100);
    fab_gateways[1].ports_max = 3;
    for (uint16_t i = 0; i < 3; i++)
        CHECK_INT(pass((struct tuple){2, FAB_UDP, 0, APP, SERVER, (uint16_t)(10 + i), 53}),
                  FAB_PASSED);
    CHECK_INT(pass((struct tuple){2, FAB_UDP, 0, APP, SERVER, 20, 53}), FAB_NO_PORT);
    host_now_ns += 351 * FAB_SECOND;
    struct fab_sweep sweep = {.now_ns = host_now_ns, .count = 100};
    FAB_REPEAT(100, fab_sweep_slot, &sweep);
    CHECK_INT(sweep.ended, 3);
    CHECK_INT(pass((struct tuple){2, FAB_UDP, 0, APP, SERVER, 20, 53}), FAB_PASSED);
    host_close();
}

TEST(groups_are_gates_at_both_ends)
{
    const struct fab_rule ssh = {IP(10, 0, 2, 0), IP(255, 255, 255, 0), 22, 22, FAB_TCP, 1, 0};
    const struct fab_rule http = {IP(10, 0, 1, 0), IP(255, 255, 255, 0), 80, 80, FAB_TCP, 1, 0};
    world_open_all(100);
    fab_interfaces[2].group_in = world_list(&ssh, 1);
    CHECK_INT(pass(web_to_app), FAB_GROUP_IN);
    fab_interfaces[2].group_in = world_list(&http, 1);
    CHECK_INT(pass(web_to_app), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    fab_interfaces[1].group_out = (struct fab_list){0, 0};
    struct tuple second = web_to_app;
    second.source_port = 4001;
    CHECK_INT(pass(second), FAB_GROUP_OUT);
    host_close();
}

TEST(tracked_flows_outlive_their_rule_and_untracked_ones_do_not)
{
    const struct fab_rule http = {IP(10, 0, 1, 0), IP(255, 255, 255, 0), 80, 80, FAB_TCP, 1, 0};
    world_open_all(100);
    fab_interfaces[2].group_in = world_list(&http, 1);
    CHECK_INT(pass(web_to_app), FAB_PASSED);
    fab_interfaces[2].group_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(web_to_app), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    fab_interfaces[2].group_in = world_open(); /* to everybody, and out to everybody */
    world_changed();
    struct tuple second = web_to_app;
    second.source_port = 4001;
    CHECK_INT(pass(second), FAB_PASSED);
    fab_interfaces[2].group_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(second), FAB_GROUP_IN);
    host_close();
}

TEST(lists_are_ordered_and_stateless_and_cut_at_once)
{
    const struct fab_rule rules[] = {{0, 0, 1024, 65535, FAB_TCP, 0, 0}, {.allow = 1}};
    const struct fab_rule other_order[] = {{.allow = 1}, {0, 0, 1024, 65535, FAB_TCP, 0, 0}};
    world_open_all(100);
    CHECK_INT(pass(web_to_app), FAB_PASSED);
    struct tuple back = answer_of(&frame.frame, verdict.to);
    CHECK_INT(pass(back), FAB_PASSED);
    fab_subnets[1].list_in = world_list(rules, 2);
    world_changed();
    CHECK_INT(pass(web_to_app), FAB_PASSED);
    CHECK_INT(pass(back), FAB_LIST_IN); /* to port 4000 */
    fab_subnets[1].list_in = world_list(other_order, 2);
    world_changed();
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(pass(app_to_database), FAB_PASSED);
    fab_subnets[2].list_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(app_to_database), FAB_PASSED); /* inside one subnet no list is asked */
    CHECK_INT(pass(web_to_app), FAB_LIST_IN);
    host_close();
}

TEST(the_longest_prefix_wins_and_a_blackhole_swallows)
{
    world_open_all(100);
    struct tuple t = app_to_server;
    t.target = SINKHOLE;
    CHECK_INT(pass(t), FAB_BLACKHOLE);
    world_route(2, SINKHOLE, 32, FAB_ROUTE_GATEWAY, 1);
    CHECK_INT(pass(t), FAB_PASSED);
    host_close();
}

TEST(a_deleted_route_cuts_at_once_and_keeps_the_binding_for_its_return)
{
    world_open_all(100);
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    uint16_t port = verdict.source_port;
    struct tuple back = answer_of(&frame.frame, FAB_EDGE);
    CHECK_INT(pass(back), FAB_PASSED);
    fab_routes.at[4].key.table = 99;
    world_changed();
    CHECK_INT(pass(app_to_server), FAB_NO_ROUTE);
    fab_routes.at[4].key.table = 2;
    world_changed();
    CHECK_INT(pass(app_to_server), FAB_PASSED);
    CHECK_INT(verdict.source_port, port);
    host_close();
}

TEST(a_flow_whose_target_moved_is_made_anew)
{
    world_open_all(100);
    CHECK_INT(pass(web_to_server), FAB_PASSED);
    struct fab_place_key key = {1, WEB};
    struct fab_place *place = host_map_find(&fab_places, &key);
    place->public_address = IP(198, 51, 100, 11);
    world_changed();
    CHECK_INT(pass(web_to_server), FAB_PASSED);
    CHECK_INT(verdict.source, IP(198, 51, 100, 11));
    host_close();
}

TEST(public_addresses_are_reached_from_inside)
{
    world_open_all(100);
    CHECK_INT(pass((struct tuple){2, FAB_TCP, FAB_TCP_SYN, APP, WEB_PUBLIC, 4000, 80}), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(verdict.source, GATEWAY_PUBLIC);
    CHECK_INT(verdict.target, WEB);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(verdict.source, WEB_PUBLIC);
    CHECK_INT(verdict.target, APP);
    host_close();
}

TEST(peers_reach_each_other_but_not_through_each_other)
{
    world_open_all(100);
    fab_subnets[3].address = IP(10, 9, 1, 0);
    struct fab_place_key key = {2, IP(10, 9, 1, 10)};
    struct fab_place place = {.interface = 4};
    CHECK_INT(host_map_claim(&fab_places, &key, &place), 0);
    world_route(2, IP(10, 9, 0, 0), 16, FAB_ROUTE_PEER, 2);
    struct tuple t = {2, FAB_UDP, 0, APP, IP(10, 9, 1, 10), 1, 2};
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(answer(), FAB_NO_TARGET); /* no route back yet: 10/16 is network 2's own */
    world_route(3, IP(10, 0, 2, 0), 24, FAB_ROUTE_PEER, 1);
    world_changed();
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    t.target = IP(10, 9, 1, 77);
    CHECK_INT(pass(t), FAB_NO_TARGET);
    host_close();
}

TEST(a_gateway_within_translates_to_its_own_addresses)
{
    const struct fab_place own = {.gateway = 2};
    struct fab_place_key gateway = {1, IP(10, 0, 1, 6)}, there = {2, IP(10, 9, 1, 10)};
    struct fab_place place = {.interface = 4};
    world_open_all(100);
    CHECK_INT(host_map_claim(&fab_places, &there, &place), 0);
    CHECK_INT(host_map_claim(&fab_places, &gateway, &own), 0);
    fab_gateways[2] = fab_gateways[1];
    fab_gateways[2].publics[0] = gateway.address;
    fab_gateways[2].within = 1;
    world_route(2, IP(10, 9, 0, 0), 16, FAB_ROUTE_GATEWAY, 2);
    struct tuple t = {2, FAB_TCP, FAB_TCP_SYN, APP, there.address, 4000, 80};
    CHECK_INT(pass(t), FAB_NO_PUBLIC); /* its subnet leads to the internet, which is no way */
    world_route(1, IP(10, 9, 0, 0), 16, FAB_ROUTE_PEER, 2);
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(verdict.to, 4);
    CHECK_INT(verdict.source, gateway.address);
    CHECK(verdict.source_port != FAB_ORDER16(4000));
    CHECK_INT(answer(), FAB_NO_TARGET); /* network 2 has no route back */
    world_route(3, gateway.address, 32, FAB_ROUTE_PEER, 1);
    world_changed();
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 2);
    CHECK_INT(verdict.source, there.address);
    CHECK_INT(verdict.target, APP);
    CHECK_INT(verdict.target_port, FAB_ORDER16(4000));
    /* Nobody begins towards the gateway. */
    CHECK_INT(pass((struct tuple){4, FAB_TCP, FAB_TCP_SYN, OTHER_WEB, gateway.address, 1, 2}),
              FAB_NO_FLOW);
    CHECK_INT(pass((struct tuple){5, FAB_UDP, 0, PLAIN, gateway.address, 1, 2}), FAB_NO_FLOW);
    host_close();
}

static int error_about(uint32_t at, uint32_t source)
{
    write_error(&frame, at, source);
    uint32_t device = host_pass(&frame.frame, at, &verdict);
    return device || verdict.reason ? (int)verdict.reason : -1;
}

TEST(errors_find_the_flow_of_what_they_quote)
{
    world_open_all(100);
    const struct tuple ask = {2, FAB_UDP, 0, APP, SERVER, 4000, 53};
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(error_about(FAB_EDGE, IP(192, 0, 2, 1)), FAB_PASSED);
    const uint8_t *ip = frame.frame.at + 14;
    CHECK_INT(verdict.to, 2);
    CHECK(memcmp(ip + 16, &ask.source, 4) == 0);
    CHECK(memcmp(ip + 28 + 12, &ask.source, 4) == 0);
    CHECK(memcmp(ip + 28 + 16, &ask.target, 4) == 0);
    CHECK_INT(get16(ip + 28 + 20), 4000);
    CHECK_INT(get16(ip + 28 + 22), 53);
    CHECK_INT(sum_of(ip, 20, 0), 0);
    CHECK_INT(sum_of(ip + 28, 20, 0), 0);
    CHECK_INT(sum_of(ip + 20, 36, 0), 0);
    CHECK_INT(pass((struct tuple){1, FAB_UDP, 0, WEB, SERVER, 4000, 53}), FAB_PASSED);
    frame.frame.at[14 + 20 + 1]++; /* another source port: no such flow */
    CHECK_INT(error_about(FAB_EDGE, SERVER), FAB_NO_FLOW);
    host_close();
}

TEST(echo_ids_are_translated)
{
    world_open_all(100);
    CHECK_INT(pass((struct tuple){2, FAB_ICMP, 8, APP, SERVER, 77, 0}), FAB_PASSED);
    CHECK(get16(frame.frame.at + 38) >= 1024);
    CHECK_INT(l4_sum(frame.frame.at + 14, 36), 0);
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(get16(frame.frame.at + 38), 77);
    CHECK_INT(l4_sum(frame.frame.at + 14, 36), 0);
    host_close();
}

TEST(a_service_at_an_address_of_its_own_is_beside_every_rule)
{
    const struct tuple ask = {1, FAB_TCP, FAB_TCP_SYN, WEB, METADATA, 4000, 80};
    world_open_all(100);
    fab_interfaces[1].group_out = fab_interfaces[1].group_in = (struct fab_list){0, 0};
    fab_subnets[1].list_out = fab_subnets[1].list_in = (struct fab_list){0, 0};
    fab_routes.count = 0;
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(verdict.to, FAB_SERVICE);
    CHECK_INT(verdict.source, IP(100, 64, 0, 1));
    CHECK_INT(verdict.target, IP(100, 96, 0, 1));
    struct tuple back = answer_of(&frame.frame, FAB_SERVICE);
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    CHECK_INT(verdict.source, METADATA);
    CHECK_INT(verdict.target, WEB);
    world_changed();
    CHECK_INT(pass(back), FAB_PASSED);
    back.target_port = 4001;
    CHECK_INT(pass(back), FAB_NO_FLOW);
    struct tuple other = ask;
    other.target_port = 81;
    CHECK_INT(pass(other), FAB_NO_TARGET); /* link-local goes nowhere else */
    other = ask;
    other.source = IP(10, 0, 1, 99);
    CHECK_INT(pass(other), FAB_SPOOFED);
    host_close();
}

TEST(callers_with_the_same_address_are_told_apart)
{
    world_open_all(100);
    CHECK_INT(pass((struct tuple){1, FAB_TCP, FAB_TCP_SYN, WEB, METADATA, 4000, 80}), FAB_PASSED);
    struct tuple first = answer_of(&frame.frame, FAB_SERVICE);
    CHECK_INT(pass((struct tuple){4, FAB_TCP, FAB_TCP_SYN, OTHER_WEB, METADATA, 4000, 80}),
              FAB_PASSED);
    CHECK_INT(verdict.source, IP(100, 64, 0, 4));
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.to, 4);
    CHECK_INT(pass(first), FAB_PASSED);
    CHECK_INT(verdict.to, 1);
    host_close();
}

/* What an interface forwards comes as the interface: another port tells the second from the first.
 */
TEST(two_senders_of_one_interface_get_their_own_answers)
{
    struct tuple t = {1, FAB_TCP, FAB_TCP_SYN, WEB, METADATA, 4000, 80};
    world_open_all(100);
    fab_interfaces[1].forwards = 1;
    CHECK_INT(pass(t), FAB_PASSED);
    t.source = IP(192, 168, 0, 1);
    CHECK_INT(pass(t), FAB_PASSED);
    CHECK_INT(verdict.source, IP(100, 64, 0, 1));
    CHECK(verdict.source_port != FAB_ORDER16(4000));
    CHECK_INT(answer(), FAB_PASSED);
    CHECK_INT(verdict.target, t.source);
    CHECK_INT(verdict.target_port, FAB_ORDER16(4000));
    host_close();
}

TEST(a_route_leads_to_a_service_through_groups_and_lists)
{
    const struct tuple ask = {2, FAB_TCP, FAB_TCP_SYN, APP, BUCKET, 4000, 443};
    world_open_all(100);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(verdict.target, IP(100, 96, 0, 3));
    struct tuple back = answer_of(&frame.frame, FAB_SERVICE);
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(verdict.source, BUCKET);
    fab_subnets[2].list_in = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(pass(back), FAB_LIST_IN);
    fab_interfaces[2].group_out = (struct fab_list){0, 0};
    struct tuple second = ask;
    second.source_port = 4001;
    CHECK_INT(pass(second), FAB_GROUP_OUT);
    fab_interfaces[2].group_out = world_open();
    fab_routes.at[7].key.table = 99;
    world_changed();
    CHECK_INT(pass(ask), FAB_PASSED); /* by the gateway now */
    CHECK_INT(verdict.to, FAB_EDGE);
    host_close();
}

TEST(a_service_behind_an_interface_is_kept_by_its_groups)
{
    const struct fab_rule https = {APP, UINT32_MAX, 443, 443, FAB_TCP, 1, 0};
    const struct tuple ask = {2, FAB_TCP, FAB_TCP_SYN, APP, ENDPOINT, 4000, 443};
    world_open_all(100);
    fab_interfaces[6].group_in = world_list(&https, 1);
    CHECK_INT(pass(ask), FAB_PASSED);
    CHECK_INT(verdict.to, FAB_SERVICE);
    CHECK_INT(verdict.target, IP(100, 96, 0, 4));
    struct tuple back = answer_of(&frame.frame, FAB_SERVICE);
    CHECK_INT(pass(back), FAB_PASSED);
    CHECK_INT(verdict.source, ENDPOINT);
    CHECK_INT(pass((struct tuple){1, FAB_TCP, FAB_TCP_SYN, WEB, ENDPOINT, 4000, 443}),
              FAB_GROUP_IN);
    fab_interfaces[6].group_out = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(back), FAB_PASSED); /* tracked */
    fab_subnets[1].list_out = (struct fab_list){0, 0};
    world_changed();
    CHECK_INT(pass(back), FAB_LIST_OUT);
    host_close();
}

TEST(arp_is_answered_for_the_subnet)
{
    world_open_all(100);
    static const uint8_t ask[] = {0,  1, 8, 0,  6, 4, 0, 1, 2, 0, 0,  0, 1, 2,
                                  10, 0, 2, 20, 0, 0, 0, 0, 0, 0, 10, 0, 2, 21};
    struct tuple any = app_to_server;
    write_frame(&frame, &any);
    put16(frame.frame.at + 12, 0x0806);
    memcpy(frame.frame.at + 14, ask, sizeof ask);
    frame.frame.len = 14 + sizeof ask;
    CHECK_INT(host_pass(&frame.frame, 2, &verdict), 102);
    CHECK(memcmp(frame.frame.at + 22, fab_settings_map[0].mac, 6) == 0);
    CHECK_INT(frame.frame.at[21], 2);
    frame.frame.at[21] = 1;
    frame.frame.at[14 + 26] = 3; /* another subnet's */
    memcpy(frame.frame.at + 38, (uint8_t[]){10, 0, 1, 10}, 4);
    CHECK_INT(host_pass(&frame.frame, 2, &verdict), 0);
    host_close();
}

TEST(a_full_table_drops_and_forgets_nothing)
{
    world_open_all(2);
    struct tuple t = {2, FAB_UDP, 0, APP, DATABASE, 1, 2};
    CHECK_INT(pass(t), FAB_PASSED);
    t.source_port = 2;
    CHECK_INT(pass(t), FAB_PASSED);
    t.source_port = 3;
    CHECK_INT(pass(t), FAB_FULL);
    t.source_port = 1;
    CHECK_INT(pass(t), FAB_PASSED);
    host_close();
}

/* Random packets and random changes; the oracle must say the same of every packet. */
TEST(random_traffic_agrees_with_the_oracle)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct oracle oracle = {.seed = seed};
        world_open_all(2000);
        for (int i = 0; i < 1500; i++) {
            struct tuple t = oracle_packet(&oracle);
            int expected = oracle_expects(&oracle, &t);
            int got = pass(t);
            if (got != expected)
                test_fail(__FILE__, __LINE__,
                          "seed %d, packet %d, %u: %u %08x:%u > %08x:%u: %d, not %d", (int)seed, i,
                          t.at, t.protocol, t.source, t.source_port, t.target, t.target_port, got,
                          expected);
            const char *fault =
                got == FAB_PASSED ? oracle_checks(&oracle, &t, &frame.frame, &verdict) : NULL;
            if (fault)
                test_fail(__FILE__, __LINE__, "seed %d, packet %d: %s", (int)seed, i, fault);
            if (i % 50 == 49)
                oracle_change(&oracle);
        }
        host_close();
    }
}
