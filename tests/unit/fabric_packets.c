// SPDX-License-Identifier: Apache-2.0
/* Real packets: who reaches whom, as what, and what a change does. */
#include "fabric_hosts.h"

/* -- what must hold --------------------------------------------------------------------------- */

TEST(neighbours_ping_and_talk)
{
    struct sockaddr_in peer;
    open_world();
    CHECK(echoes(APP_HOST, DATABASE));
    CHECK(echoes(APP_HOST, WEB));
    int listener = listening(DATABASE_HOST, 5432);
    int here = connected(APP_HOST, DATABASE, 5432, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(peer.sin_addr.s_addr, APP);
    CHECK(talks(here, there));
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(groups_let_in_what_they_name_and_keep_what_they_let_in)
{
    const struct fab_rule postgres = {APP, UINT32_MAX, 5432, 5432, FAB_TCP, 1, 0};
    const struct fab_rule ssh = {APP, UINT32_MAX, 22, 22, FAB_TCP, 1, 0};
    struct sockaddr_in peer;
    open_world();
    int listener = listening(DATABASE_HOST, 5432);
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){&ssh, 1});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(connected(APP_HOST, DATABASE, 5432, NEVER_MS), -1);
    CHECK(dropped(FAB_GROUP_IN) > 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){&postgres, 1});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    int here = connected(APP_HOST, DATABASE, 5432, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){NULL, 0});
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK(talks(here, there));
    CHECK_INT(connected(APP_HOST, DATABASE, 5432, NEVER_MS), -1);
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(the_gateway_shows_its_address_and_lets_nobody_in)
{
    struct sockaddr_in peer;
    struct fab_gateway_count count;
    open_world();
    int listener = listening(INTERNET, 443), inner = listening(APP_HOST, 8080);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(peer.sin_addr.s_addr, GATEWAY_PUBLIC);
    CHECK(talks(here, there));
    CHECK(echoes(APP_HOST, SERVER));
    CHECK_INT(connected(INTERNET, GATEWAY_PUBLIC, 8080, NEVER_MS), -1);
    CHECK_INT(connected(INTERNET, GATEWAY_PUBLIC, ntohs(peer.sin_port), NEVER_MS), -1);
    CHECK_INT(connected(INTERNET, APP, 8080, NEVER_MS), -1);
    CHECK(dropped(FAB_NO_FLOW) > 0);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.active, 1);
    CHECK_INT(count.others, 1);
    CHECK_INT(count.established, 1);
    close(here);
    close(there);
    close(listener);
    close(inner);
    close_world();
}

TEST(public_addresses_work_both_ways)
{
    struct sockaddr_in peer;
    open_world();
    int web = listening(WEB_HOST, 80), server = listening(INTERNET, 443);
    int from_outside = connected(INTERNET, WEB_PUBLIC, 80, SOON_MS);
    CHECK(from_outside >= 0);
    int served = accepted(web, &peer);
    CHECK_INT(peer.sin_addr.s_addr, SERVER);
    CHECK(talks(from_outside, served));
    int out = connected(WEB_HOST, SERVER, 443, SOON_MS);
    CHECK(out >= 0);
    int there = accepted(server, &peer);
    CHECK_INT(peer.sin_addr.s_addr, WEB_PUBLIC);
    int hairpin = connected(APP_HOST, WEB_PUBLIC, 80, SOON_MS);
    CHECK(hairpin >= 0);
    int turned = accepted(web, &peer);
    CHECK_INT(peer.sin_addr.s_addr, GATEWAY_PUBLIC);
    CHECK(talks(hairpin, turned));
    for (size_t i = 0; i < 8; i++)
        close((int[]){web, server, from_outside, served, out, there, hairpin, turned}[i]);
    close_world();
}

TEST(a_deleted_route_stops_the_next_packet)
{
    open_world();
    int server = socket_in(INTERNET, SOCK_DGRAM, 0), app = socket_in(APP_HOST, SOCK_DGRAM, 0);
    struct sockaddr_in at = socket_address(0, 53), to = socket_address(SERVER, 53);
    char word[8];
    CHECK_INT(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(connect(app, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_INT(send(app, "one", 3, 0), 3);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recv(server, word, sizeof word, 0), 3);
    CHECK_INT(fabric_put_routes(fabric, 2, app_routes, 1), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(send(app, "two", 3, 0), 3);
    CHECK(!ready(server, POLLIN, NEVER_MS));
    CHECK_INT(dropped(FAB_NO_ROUTE), 1);
    CHECK_INT(fabric_put_routes(fabric, 2, app_routes, 2), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(send(app, "three", 5, 0), 5);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recv(server, word, sizeof word, 0), 5);
    close(server);
    close(app);
    close_world();
}

TEST(a_small_pool_is_used_up_exactly)
{
    struct fab_gateway_count count;
    int apps[11], got = 0;
    char word[8];
    open_world();
    put_gateway(10);
    int server = socket_in(INTERNET, SOCK_DGRAM, 0);
    struct sockaddr_in at = socket_address(0, 53), to = socket_address(SERVER, 53);
    CHECK_INT(bind(server, (struct sockaddr *)&at, sizeof at), 0);
    for (int i = 0; i < 11; i++) {
        apps[i] = socket_in(APP_HOST, SOCK_DGRAM, 0);
        CHECK_INT(sendto(apps[i], "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    }
    while (ready(server, POLLIN, NEVER_MS))
        got += recv(server, word, sizeof word, 0) == 1;
    CHECK_INT(got, 10);
    CHECK_INT(dropped(FAB_NO_PORT), 1);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.port_errors, 1);
    CHECK_INT(fabric_set_clock(fabric, 351 * 1000), 0);
    for (int i = 0; i < 17; i++) /* all of the slices */
        CHECK_INT(fabric_sweep(fabric), 0);
    CHECK_INT(fabric_gateway_counted(fabric, 1, &count), 0);
    CHECK_INT(count.others, 0);
    CHECK_INT(sendto(apps[10], "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    CHECK(ready(server, POLLIN, SOON_MS));
    for (int i = 0; i < 11; i++)
        close(apps[i]);
    close(server);
    close_world();
}

TEST(an_idle_connection_is_reset_when_it_goes_on)
{
    struct sockaddr_in peer;
    char word[8];
    open_world();
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK(talks(here, there));
    CHECK_INT(fabric_set_clock(fabric, 351 * 1000), 0);
    CHECK_INT(send(here, "late", 4, MSG_NOSIGNAL), 4);
    CHECK(ready(here, POLLIN, SOON_MS));
    CHECK_INT(recv(here, word, sizeof word, 0), -1);
    CHECK_INT(errno, ECONNRESET);
    CHECK(!ready(there, POLLIN, NEVER_MS)); /* nothing to the outside, not even a FIN */
    close(here);
    close(there);
    close(listener);
    close_world();
}

TEST(packets_move_while_nobody_has_the_fabric_open)
{
    struct sockaddr_in peer;
    open_world();
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    fabric_close(fabric);
    CHECK(talks(here, there));
    int second = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(second >= 0);
    open_fabric();
    CHECK(talks(here, there));
    publish();
    CHECK(talks(here, there));
    close(here);
    close(there);
    close(second);
    close(listener);
    close_world();
}

/* A socket at a port of a service, or for number 0 of all. */
static int serving(int type, uint32_t number, uint16_t port)
{
    int fd = fabric_service_socket(fabric, type);
    struct sockaddr_in at = socket_address(number ? fabric_service_address(number) : 0, port);
    CHECK(fd >= 0);
    CHECK_INT(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    if (type == SOCK_STREAM)
        CHECK_INT(listen(fd, 8), 0);
    return fd;
}

TEST(a_service_knows_who_calls)
{
    const struct fabric_service metadata = {IP(169, 254, 169, 254), 80, FAB_TCP, 1};
    struct sockaddr_in peer, self;
    struct fabric_call call;
    socklen_t len = sizeof self;
    open_world();
    CHECK_INT(fabric_put_services(fabric, 0, &metadata, 1), 0);
    int listener = serving(SOCK_STREAM, 1, 80);
    int here = connected(APP_HOST, metadata.address, 80, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK_INT(getsockname(there, (struct sockaddr *)&self, &len), 0);
    CHECK_INT(fabric_service_number(self.sin_addr.s_addr), 1);
    CHECK_INT(fabric_service_caller(peer.sin_addr.s_addr), APP_HOST);
    CHECK(talks(here, there));
    const struct fabric_connection connection = {.protocol = FAB_TCP,
                                                 .caller = peer.sin_addr.s_addr,
                                                 .caller_port = peer.sin_port,
                                                 .service = self.sin_addr.s_addr,
                                                 .service_port = self.sin_port};
    CHECK_INT(fabric_service_call(fabric, &connection, &call), 0);
    CHECK_INT(call.interface, APP_HOST);
    CHECK_INT(call.network, 1);
    CHECK_INT(call.source, APP);
    CHECK_INT(call.target, metadata.address);
    fabric_close(fabric); /* and what is open stays */
    CHECK(talks(here, there));
    open_fabric();
    CHECK(talks(here, there));
    CHECK_INT(fabric_put_services(fabric, 0, NULL, 0), 0);
    CHECK_INT(connected(APP_HOST, metadata.address, 80, NEVER_MS), -1);
    close(here);
    close(there);
    close(listener);
    listener = serving(SOCK_STREAM, 1, 81); /* opened anew */
    close(listener);
    close_world();
}

TEST(a_datagram_to_a_service_is_answered)
{
    const struct fabric_service resolver = {IP(10, 0, 0, 2), 53, FAB_UDP, 2};
    struct sockaddr_in to = socket_address(resolver.address, 53), peer;
    socklen_t len = sizeof peer;
    char word[8];
    open_world();
    CHECK_INT(fabric_put_services(fabric, 1, &resolver, 1), 0);
    int server = serving(SOCK_DGRAM, 2, 53), here = socket_in(WEB_HOST, SOCK_DGRAM, 0);
    CHECK_INT(connect(here, (struct sockaddr *)&to, sizeof to), 0);
    CHECK_INT(send(here, "who", 3, 0), 3);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recvfrom(server, word, sizeof word, 0, (struct sockaddr *)&peer, &len), 3);
    CHECK_INT(fabric_service_caller(peer.sin_addr.s_addr), WEB_HOST);
    CHECK_INT(sendto(server, "you", 3, 0, (struct sockaddr *)&peer, len), 3);
    CHECK(ready(here, POLLIN, SOON_MS));
    CHECK_INT(recv(here, word, sizeof word, 0), 3);
    close(here);
    close(server);
    close_world();
}

TEST(routes_and_interfaces_lead_to_services)
{
    const struct fabric_route routes[] = {{IP(10, 0, 0, 0), 16, FAB_ROUTE_LOCAL, 0},
                                          {IP(203, 0, 113, 0), 24, FAB_ROUTE_SERVICE, 300}};
    const struct fabric_address address = {IP(10, 0, 1, 77), 0};
    const struct fabric_interface endpoint = {.network = 1,
                                              .subnet = 1,
                                              .addresses = &address,
                                              .address_count = 1,
                                              .in = open_rules,
                                              .out = open_rules,
                                              .service = 301};
    struct sockaddr_in peer, self;
    socklen_t len = sizeof self;
    open_world();
    CHECK_INT(fabric_put_routes(fabric, 2, routes, 2), 0);
    CHECK_INT(fabric_put_interface(fabric, 9, &endpoint), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    int listener = serving(SOCK_STREAM, 0, 443);
    const uint32_t targets[] = {IP(203, 0, 113, 5), address.address};
    for (uint32_t i = 0; i < 2; i++) {
        int here = connected(APP_HOST, targets[i], 443, SOON_MS);
        CHECK(here >= 0);
        int there = accepted(listener, &peer);
        CHECK_INT(getsockname(there, (struct sockaddr *)&self, &len), 0);
        CHECK_INT(fabric_service_number(self.sin_addr.s_addr), 300 + i);
        CHECK(talks(here, there));
        close(here);
        close(there);
    }
    close(listener);
    close_world();
}

TEST(an_unplugged_interface_is_gone)
{
    open_world();
    CHECK(echoes(APP_HOST, DATABASE));
    CHECK_INT(fabric_plug(fabric, DATABASE_HOST, hosts[DATABASE_HOST], "eth1"), -EEXIST);
    CHECK_INT(fabric_unplug(fabric, DATABASE_HOST), 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    CHECK_INT(fabric_drop_interface(fabric, DATABASE_HOST), 0);
    CHECK(!echoes(APP_HOST, DATABASE));
    CHECK(dropped(FAB_NO_TARGET) > 0);
    close_world();
}

TEST(another_versions_fabric_is_refused_until_it_is_removed)
{
    const uint32_t none = 0;
    struct fabric_options options = {.name = name, .sessions = 4000};
    struct fab_settings settings;
    struct fabric *other;
    const char *why;
    open_world();
    CHECK_INT(fabric_get(fabric, FABRIC_SETTINGS, &none, &settings), 0);
    CHECK_INT(settings.layout, FAB_LAYOUT);
    settings.layout--;
    CHECK_INT(fabric_set(fabric, FABRIC_SETTINGS, &none, &settings), 0);
    CHECK_INT(fabric_open(&other, &options, &why), -ESTALE);
    CHECK(strstr(why, "another version"));
    options.sessions *= 2; /* maps of another size */
    CHECK_INT(fabric_open(&other, &options, &why), -ESTALE);
    close_world();
    CHECK_INT(fabric_open(&other, &options, &why), 0);
    fabric_close(other);
    CHECK_INT(fabric_remove(name), 0);
}
