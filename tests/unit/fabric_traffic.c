// SPDX-License-Identifier: Apache-2.0
/* Real packets: fragments, sizes, allowances, records, translations, and connections that outlive
 * the process that set them up. */
#include "fabric_hosts.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define CONNECTIONS 200

/* A pair of connected datagram sockets: the server's is bound to port 53. */
static void open_datagrams(int *ret_app, int *ret_server)
{
    struct sockaddr_in at = socket_address(0, 53), to = socket_address(SERVER, 53);
    const int room = 8 << 20;
    *ret_server = socket_in(INTERNET, SOCK_DGRAM, 0);
    CHECK_INT(setsockopt(*ret_server, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room), 0);
    *ret_app = socket_in(APP_HOST, SOCK_DGRAM, 0);
    CHECK_INT(bind(*ret_server, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_INT(connect(*ret_app, (struct sockaddr *)&to, sizeof to), 0);
}

TEST(a_large_datagram_learns_the_size_and_arrives_in_fragments)
{
    static char sent[4000], got[5000];
    struct sockaddr_in peer;
    socklen_t len = sizeof peer;
    int app, server;
    open_world();
    open_datagrams(&app, &server);
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7);
    CHECK_INT(send(app, sent, sizeof sent, 0), sizeof sent);
    CHECK(!ready(server, POLLIN, NEVER_MS)); /* it was told 1,500 */
    CHECK(dropped(FAB_TOO_BIG) > 0);
    int mtu = 0;
    socklen_t size = sizeof mtu;
    for (int i = 0; i < 2; i++) /* the first time the socket hears of the error */
        (void)!send(app, sent, sizeof sent, 0);
    CHECK_INT(getsockopt(app, IPPROTO_IP, IP_MTU, &mtu, &size), 0);
    CHECK_INT(mtu, 1500);
    CHECK(ready(server, POLLIN, SOON_MS));
    CHECK_INT(recvfrom(server, got, sizeof got, 0, (struct sockaddr *)&peer, &len), sizeof sent);
    CHECK(memcmp(sent, got, sizeof sent) == 0);
    CHECK_INT(peer.sin_addr.s_addr, GATEWAY_PUBLIC);
    /* And back. */
    CHECK_INT(sendto(server, sent, sizeof sent, 0, (struct sockaddr *)&peer, len), sizeof sent);
    CHECK(ready(app, POLLIN, SOON_MS));
    CHECK_INT(recv(app, got, sizeof got, 0), sizeof sent);
    CHECK(memcmp(sent, got, sizeof sent) == 0);
    close(app);
    close(server);
    close_world();
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* -- sums ------------------------------------------------------------------------------------- */

static uint32_t add_words(const uint8_t *at, size_t len, uint32_t sum)
{
    for (size_t i = 0; i < len; i++)
        sum += i % 2 ? at[i] : (uint32_t)at[i] << 8;
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

static uint32_t add_addresses(const uint8_t *ip, size_t l4_len)
{
    return add_words(ip + 12, 8, ip[9] + (uint32_t)l4_len);
}

/* What comes next at a raw socket of the internet's: 1 when its sum is right, 0 when it is that of
 * the addresses, for a device to go on from, and -1 otherwise. */
static int next_sum(int fd, size_t sum_at)
{
    uint8_t ip[256];
    CHECK(ready(fd, POLLIN, SOON_MS));
    ssize_t len = recv(fd, ip, sizeof ip, 0);
    CHECK(len > 20 + (ssize_t)sum_at);
    CHECK_INT(*(uint32_t *)(void *)(ip + 12), GATEWAY_PUBLIC);
    size_t l4_len = (size_t)len - 20;
    uint32_t addresses = add_addresses(ip, l4_len);
    if (add_words(ip + 20, l4_len, addresses) == 0xffff)
        return 1;
    return addresses == (uint32_t)(ip[20 + sum_at] << 8 | ip[21 + sum_at]) ? 0 : -1;
}

TEST(sums_are_right_whether_or_not_a_device_fills_them_in)
{
    const struct sockaddr_in to = socket_address(SERVER, 5353);
    uint8_t ip[32] = {[9] = FAB_UDP}, *udp = ip + 20;
    const uint32_t addresses[] = {APP, SERVER};
    open_world();
    int seen = socket_in(INTERNET, SOCK_RAW, FAB_UDP),
        syns = socket_in(INTERNET, SOCK_RAW, FAB_TCP);
    int plain = socket_in(APP_HOST, SOCK_DGRAM, 0), raw = socket_in(APP_HOST, SOCK_RAW, FAB_UDP);
    for (int i = 0; i < 4; i++) {
        CHECK_INT(sendto(plain, "four", 4, 0, (const struct sockaddr *)&to, sizeof to), 4);
        CHECK_INT(next_sum(seen, 6), 0);
        const uint8_t header[] = {9, (uint8_t)i, 5353 >> 8, 5353 & 255, 0, 12, 0, 0, 1, 2, 3, 4};
        memcpy(udp, header, sizeof header);
        memcpy(ip + 12, addresses, sizeof addresses);
        uint32_t sum = ~add_words(udp, sizeof header, add_addresses(ip, sizeof header));
        udp[6] = (uint8_t)(sum >> 8);
        udp[7] = (uint8_t)sum;
        CHECK_INT(sendto(raw, udp, sizeof header, 0, (const struct sockaddr *)&to, sizeof to), 12);
        CHECK_INT(next_sum(seen, 6), 1);
    }
    CHECK_INT(connected(APP_HOST, SERVER, 9, NEVER_MS), -1);
    CHECK_INT(next_sum(syns, 16), 0);
    for (int fd = 0; fd < 4; fd++)
        close((const int[]){seen, syns, plain, raw}[fd]);
    close_world();
}

TEST(an_interface_sends_as_fast_as_it_may)
{
    char datagram[1000] = {0};
    int app, server, got = 0;
    open_world();
    open_datagrams(&app, &server);
    CHECK_INT(fabric_limit(fabric, APP_HOST, &(struct fabric_limits){.out_bytes_per_s = 1028000}),
              0);
    int64_t start = now_ms();
    while (now_ms() - start < 500)
        (void)!send(app, datagram, sizeof datagram, 0);
    while (ready(server, POLLIN, NEVER_MS))
        got += recv(server, datagram, sizeof datagram, 0) == sizeof datagram;
    CHECK(dropped(FAB_LIMITED) > 0);
    /* 1,000 a second for half of one, and the 20 of the bucket; fewer on a busy machine. */
    CHECK(got >= 100 && got <= 600);
    CHECK_INT(fabric_limit(fabric, APP_HOST, &(struct fabric_limits){.flows = 1}), 0);
    CHECK_INT(connected(APP_HOST, SERVER, 443, NEVER_MS), -1);
    CHECK(dropped(FAB_QUOTA) > 0);
    CHECK_INT(send(app, "x", 1, 0), 1);
    CHECK(ready(server, POLLIN, SOON_MS));
    close(app);
    close(server);
    close_world();
}

/* What a test looks for among records, and what it found. */
struct search {
    uint16_t port;
    struct fabric_record out, in, refused;
    int count;
};

static void look(void *user, const struct fabric_record *record)
{
    struct search *search = user;
    search->count++;
    if (record->rejected)
        search->refused = *record;
    else if (record->target_port == htons(search->port))
        search->out = *record;
    else if (record->source_port == htons(search->port))
        search->in = *record;
}

TEST(records_of_real_connections)
{
    struct sockaddr_in peer;
    struct search first = {.port = 443}, second = {.port = 443};
    open_world();
    CHECK_INT(fabric_record(fabric, APP_HOST, FABRIC_RECORDED), 0);
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK(talks(here, there));
    CHECK_INT(fabric_records(fabric, look, &first), 0);
    CHECK_INT(first.count, 2);
    CHECK_INT(first.out.interface, APP_HOST);
    CHECK_INT(first.out.source, APP);
    CHECK_INT(first.out.target, SERVER);
    CHECK_INT(first.out.protocol, FAB_TCP);
    CHECK(!first.out.incoming && first.in.incoming);
    CHECK_INT(first.out.tcp_flags, 2);
    CHECK_INT(first.in.tcp_flags, 18);
    CHECK(first.out.packets >= 3 && first.out.bytes > 3 * 40);
    CHECK(first.out.start_ms / 1000 >= time(NULL) - 5 && first.out.start_ms <= first.out.end_ms);
    CHECK_INT(fabric_records(fabric, look, &second), 0);
    CHECK_INT(second.count, 0);
    const struct fab_rule ssh = {APP, UINT32_MAX, 22, 22, FAB_TCP, 1, 0};
    put_interface(DATABASE_HOST, 2, (struct fabric_address){DATABASE, 0},
                  (struct fabric_rules){&ssh, 1});
    CHECK_INT(fabric_record(fabric, DATABASE_HOST, FABRIC_RECORDED), 0);
    CHECK_INT(fabric_record(fabric, APP_HOST, FABRIC_UNRECORDED), 0);
    CHECK_INT(fabric_changed(fabric, 1), 0);
    CHECK_INT(connected(APP_HOST, DATABASE, 5432, NEVER_MS), -1);
    CHECK_INT(fabric_records(fabric, look, &second), 0);
    CHECK_INT(second.count, 1);
    CHECK_INT(second.refused.interface, DATABASE_HOST);
    CHECK_INT(ntohs(second.refused.target_port), 5432);
    close(here);
    close(there);
    close(listener);
    close_world();
}

#define MANY 20000

static void *send_many(void *user)
{
    const int *app = user;
    for (int i = 0; i < MANY; i++)
        CHECK_INT(send(*app, "x", 1, 0), 1);
    return NULL;
}

static void add_up(void *user, const struct fabric_record *record)
{
    uint64_t *sum = user;
    *sum += record->incoming ? 0 : record->packets;
}

TEST(every_packet_is_in_exactly_one_record)
{
    uint64_t sum = 0;
    int app, server, reads = 0;
    pthread_t sender;
    open_world();
    open_datagrams(&app, &server);
    CHECK_INT(fabric_record(fabric, APP_HOST, FABRIC_RECORDED), 0);
    CHECK_INT(pthread_create(&sender, NULL, send_many, &app), 0);
    for (; sum < MANY && reads < 10000; reads++)
        CHECK_INT(fabric_records(fabric, add_up, &sum), 0);
    pthread_join(sender, NULL);
    CHECK_INT(fabric_records(fabric, add_up, &sum), 0);
    CHECK_INT(sum, MANY);
    CHECK(reads > 1);
    close(app);
    close(server);
    close_world();
}

struct listing {
    struct fabric_translation last;
    int count;
};

static void list(void *user, const struct fabric_translation *translation)
{
    struct listing *listing = user;
    listing->last = *translation;
    listing->count++;
}

TEST(live_translations_are_listed)
{
    struct sockaddr_in peer, own;
    socklen_t len = sizeof own;
    struct listing listing = {0}, other = {0};
    open_world();
    int listener = listening(INTERNET, 443);
    int here = connected(APP_HOST, SERVER, 443, SOON_MS);
    CHECK(here >= 0);
    int there = accepted(listener, &peer);
    CHECK(talks(here, there));
    CHECK_INT(getsockname(here, (struct sockaddr *)&own, &len), 0);
    CHECK_INT(fabric_translations(fabric, 1, list, &listing), 0);
    CHECK_INT(listing.count, 1);
    CHECK_INT(listing.last.interface, APP_HOST);
    CHECK_INT(listing.last.inside, APP);
    CHECK_INT(listing.last.inside_port, own.sin_port);
    CHECK_INT(listing.last.outside, GATEWAY_PUBLIC);
    CHECK_INT(listing.last.outside_port, peer.sin_port);
    CHECK_INT(listing.last.target, SERVER);
    CHECK_INT(ntohs(listing.last.target_port), 443);
    CHECK(listing.last.answered && !listing.last.closed && listing.last.packets[1] >= 2);
    CHECK(listing.last.idle_ms < 5000);
    CHECK_INT(fabric_translations(fabric, 2, list, &other), 0);
    CHECK_INT(other.count, 0);
    close(here);
    close(there);
    close(listener);
    close_world();
}

/* Opens the fabric and is killed where it stands, without a word. */
static void open_and_be_killed(void)
{
    pid_t child = fork();
    if (child == 0) {
        open_fabric();
        CHECK_INT(fabric_changed(fabric, 1), 0);
        raise(SIGKILL);
    }
    int status;
    CHECK_INT(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(no_connection_is_lost_when_the_process_is_killed)
{
    static int here[CONNECTIONS], there[CONNECTIONS];
    struct sockaddr_in peer;
    open_world();
    int listener = listening(INTERNET, 443);
    for (int i = 0; i < CONNECTIONS; i++) {
        here[i] = connected(i & 1 ? APP_HOST : DATABASE_HOST, SERVER, 443, SOON_MS);
        CHECK(here[i] >= 0);
        there[i] = accepted(listener, &peer);
    }
    open_and_be_killed();
    fabric_close(fabric);
    for (int i = 0; i < CONNECTIONS; i++)
        CHECK(talks(here[i], there[i]));
    open_fabric();
    publish();
    for (int i = 0; i < CONNECTIONS; i++) {
        CHECK(talks(here[i], there[i]));
        close(here[i]);
        close(there[i]);
    }
    close(listener);
    close_world();
}
