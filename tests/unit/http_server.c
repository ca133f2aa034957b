// SPDX-License-Identifier: Apache-2.0
/* Cases for the server over loopback TCP: exchanges, bodies, replies, what ends a connection. */
#include "http_world.h"

#include <stdio.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define REPLY(len, body) "HTTP/1.1 200 OK\r\nContent-Length: " #len "\r\n\r\n" body

TEST(a_request_and_another_on_the_same_connection)
{
    world_begin();
    world_send(S(GET("/a")));
    EXPECT(S(REPLY(9, "[GET /a ]")));
    CHECK_INT(world.bytes_in, 28);
    CHECK_INT(world.bytes_out, world.reply.len);
    world_send(S("POST /b HTTP/1.1\r\nhost: h\r\ncontent-length: 3\r\n\r\nxyz"));
    EXPECT(S(REPLY(9, "[GET /a ]") REPLY(13, "[POST /b xyz]")));
    COMES(world.heads, 2);
    COMES(world.finishes, 2);
    COMES(world.gones, 0);
    COMES(http_server_connections(world.server), 1);
    world_close();
    COMES(http_server_connections(world.server), 0);
    world_end();
}

static void check_exchange(struct http_handler *handler, struct http_exchange *x)
{
    CHECK_SPAN(x->method, S("PUT"));
    CHECK_SPAN(x->target, S("/a?b"));
    CHECK_SPAN(x->query, S("b"));
    CHECK_SPAN(x->host, S("h"));
    CHECK_SPAN(x->peer, S("127.0.0.1"));
    CHECK_SPAN(header_get(x->headers, S("x-y")), S("z"));
    CHECK(x->has_body && !x->chunked && !x->head_only && !x->tls && !x->expects_continue);
    CHECK_INT(x->content_length, 2);
    CHECK(x->loop == world.loop && x->user == NULL);
    x->user = &world;
    world_head(handler, x);
}

TEST(what_the_handler_sees)
{
    world_begin();
    world.handler.head = check_exchange;
    for (int i = 0; i < 2; i++)
        world_send(S("PUT /a?b HTTP/1.1\r\nHost: h\r\nX-Y: z\r\nContent-Length: 2\r\n\r\nok"));
    EXPECT(S(REPLY(11, "[PUT /a ok]") REPLY(11, "[PUT /a ok]")));
    world_end();
}

TEST(pipelined_requests_cut_anywhere_are_answered_in_order)
{
    struct span three =
        S("\r\nGET /1 HTTP/1.1\r\nHost: h\r\n\r\nPUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
          "chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\nPOST /3 HTTP/1.1\r\nHost: "
          "h\r\nContent-Length: 4\r\n\r\nwxyzGET /4 HTTP/1.1\r\nHost: h\r\n\r\n");
    struct span replies = S(REPLY(9, "[GET /1 ]") REPLY(12, "[PUT /2 abc]")
                                REPLY(14, "[POST /3 wxyz]") REPLY(9, "[GET /4 ]"));
    world_begin();
    for (size_t cut = 0; cut <= three.len; cut++) {
        buf_clear(&world.reply);
        if (cut)
            world_send(span_first(three, cut));
        if (cut < three.len)
            world_send(span_from(three, cut));
        EXPECT(replies);
    }
    COMES(world.finishes, 4 * (three.len + 1));
    world_end();
}

TEST(bytes_one_by_one)
{
    struct span request = S("PUT /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                            "2;x\r\nab\r\n0\r\nT: v\r\n\r\n" GET("/n"));
    world_begin();
    for (size_t i = 0; i < request.len; i++)
        world_send(span_first(span_from(request, i), 1));
    EXPECT(S(REPLY(11, "[PUT /2 ab]") REPLY(9, "[GET /n ]")));
    world_end();
}

TEST(many_pipelined_requests_do_not_stall)
{
    struct buf requests;
    buf_init(&requests, 1 << 20);
    world_begin();
    for (int i = 0; i < 1000; i++)
        buf_append(&requests, S(GET("/p")));
    world_send(buf_span(&requests));
    COMES(world.finishes, 1000);
    COMES(http_server_connections(world.server), 1);
    buf_done(&requests);
    world_end();
}

/* Replies */

static void reply_as(struct span request, struct http_reply reply)
{
    world_connect();
    world.reply_as = reply;
    world_send(request);
}

static struct http_segment hello = {.bytes = S_INIT("hello")};
#define HELLO .segments = &hello, .segment_count = 1
#define HEAD(path) "HEAD " path " HTTP/1.1\r\nHost: h\r\n\r\n"

TEST(lengths_with_and_without_a_body)
{
    world_begin();
    reply_as(S(HEAD("/reply")), (struct http_reply){.status = 200, HELLO});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    reply_as(S(HEAD("/reply")), (struct http_reply){.status = 200, .announced_length = 1234});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"));
    reply_as(S(HEAD("/reply")), (struct http_reply){.status = 200, .no_length = true});
    EXPECT(S("HTTP/1.1 200 OK\r\n\r\n"));
    reply_as(S(HEAD("/reply")),
             (struct http_reply){.status = 200, .announced_length = 9, .no_length = true});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 200, .no_length = true});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 204, HELLO});
    EXPECT(S("HTTP/1.1 204 No Content\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 304, HELLO});
    EXPECT(S("HTTP/1.1 304 Not Modified\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 304, .announced_length = 7});
    EXPECT(S("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 200});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"));
    reply_as(S(GET("/reply")), (struct http_reply){.status = 799, HELLO});
    EXPECT(S("HTTP/1.1 799 \r\nContent-Length: 5\r\n\r\nhello"));
    world_end();
}

TEST(a_kept_connection_stays_in_step_after_replies_without_body)
{
    world_begin();
    reply_as(S(HEAD("/reply") GET("/a")), (struct http_reply){.status = 200, HELLO});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" REPLY(9, "[GET /a ]")));
    world_end();
}

TEST(fields_cannot_be_ended_by_their_value)
{
    static struct header fields[] = {{S_INIT("X-A"), S_INIT("a\r\nSet-Cookie: b\0c")},
                                     {S_INIT("X-B"), S_INIT("\tcaf\xc3\xa9 \x7f")}};
    world_begin();
    reply_as(S(GET("/reply")), (struct http_reply){.status = 200, .headers = {fields, 2}, HELLO});
    EXPECT(S("HTTP/1.1 200 OK\r\nX-A: a  Set-Cookie: b c\r\n"
             "X-B: \tcaf\xc3\xa9  \r\nContent-Length: 5\r\n\r\nhello"));
    world_end();
}

#define TEN_MIB (10 << 20)

/* A file with content that shows every shift. */
static void make_file(uint64_t len)
{
    char name[] = "/tmp/http-test-XXXXXX";
    uint32_t *words = malloc(len);
    world.file = mkstemp(name);
    CHECK(world.file >= 0 && words);
    unlink(name);
    for (uint32_t i = 0; i < len / 4; i++)
        words[i] = i * 2654435761U;
    CHECK_INT(write(world.file, words, len), len);
    world.file_len = len;
    free(words);
}

static void check_file(struct span body)
{
    CHECK_INT(body.len, world.file_len + 2);
    CHECK(body.at[0] == '<' && body.at[body.len - 1] == '>');
    for (uint32_t i = 0; i < world.file_len / 4; i++) {
        uint32_t word;
        memcpy(&word, body.at + 1 + i * 4, 4);
        if (word != i * 2654435761U)
            test_fail(__FILE__, __LINE__, "word %u of the file differs", i);
    }
}

static void get_file(uint64_t len, int window, size_t read_most)
{
    char announced[64];
    world_connect_narrow(window);
    make_file(len);
    world_send(S(GET("/file")));
    size_t end = SPAN_NOT_FOUND;
    srandom(3);
    for (size_t last = 0, idle = 0; idle < 1000; last = world.reply.len) {
        world_turn();
        world_read_some(1 + (size_t)random() % read_most);
        idle = world.reply.len == last ? idle + 1 : 0;
        if (idle > 20)
            usleep(1000);
        end = span_find(span_first(buf_span(&world.reply), 4096), S("\r\n\r\n"));
        if (end != SPAN_NOT_FOUND && world.reply.len == end + 4 + len + 2)
            break;
    }
    CHECK(end != SPAN_NOT_FOUND);
    snprintf(announced, sizeof announced, "Content-Length: %llu\r\n", (unsigned long long)len + 2);
    CHECK(span_find(span_first(buf_span(&world.reply), end + 2), span_of_cstr(announced)) !=
          SPAN_NOT_FOUND);
    check_file(span_from(buf_span(&world.reply), end + 4));
    close(world.file);
}

TEST(files_of_all_sizes)
{
    static const uint64_t sizes[] = {0, 12, 3000, 48000, 49152, 150000};
    world_begin();
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
        get_file(sizes[i], 0, 65536);
    world_end();
}

TEST(ten_mebibytes_to_a_client_that_reads_by_fits_and_starts)
{
    world_begin();
    get_file(TEN_MIB, 0, 300000);
    get_file(1 << 20, 8192, 5000);
    COMES(world.finishes, 2);
    world_end();
}

TEST(a_file_that_is_shorter_than_promised_breaks_the_connection)
{
    world_begin();
    make_file(100000);
    CHECK_INT(ftruncate(world.file, 60000), 0);
    world_send(S(GET("/file")));
    CHECK(world_ended());
    CHECK(world.reply.len < 100000);
    COMES(world.finishes, 1);
    close(world.file);
    world_end();
}

TEST(a_streamed_reply_is_chunked)
{
    world_begin();
    world_send(S(GET("/later") GET("/next")));
    struct http_exchange *x = world_open();
    http_reply_begin(x, &(struct http_reply){.status = 200});
    http_reply_write(x, S("hello, "));
    http_reply_write(x, S(""));
    COMES(world.rooms, 1);
    CHECK_INT(http_reply_waiting(x), 0);
    http_reply_write(x, S("0123456789abcdefg"));
    http_reply_end(x);
    EXPECT(S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
             "7\r\nhello, \r\n11\r\n0123456789abcdefg\r\n0\r\n\r\n"
             "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[GET /next ]"));
    world_end();
}

TEST(a_streamed_reply_of_lent_pieces)
{
    static char long_piece[1 << 15];
    memset(long_piece, 'l', sizeof long_piece);
    world_begin();
    world_send(S(GET("/later") GET("/next")));
    struct http_exchange *x = world_open();
    http_reply_begin(x, &(struct http_reply){.status = 200});
    http_reply_lend(x, S("hello, "));
    http_reply_lend(x, S(""));
    COMES(world.rooms, 1);
    CHECK_INT(http_reply_waiting(x), 0);
    http_reply_lend(x, span_of(long_piece, sizeof long_piece));
    COMES(world.rooms, 2);
    http_reply_write(x, S("me"));
    http_reply_end(x);
    struct buf wanted;
    buf_init(&wanted, 1 << 20);
    buf_append(&wanted, S("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nhello, \r\n"
                          "8000\r\n"));
    buf_append(&wanted, span_of(long_piece, sizeof long_piece));
    buf_append(&wanted, S("\r\n2\r\nme\r\n0\r\n\r\n"
                          "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[GET /next ]"));
    EXPECT(buf_span(&wanted));
    buf_done(&wanted);
    world_end();
}

TEST(a_streamed_reply_of_known_length)
{
    world_begin();
    world_send(S(GET("/later") GET("/next")));
    struct http_exchange *x = world_open();
    http_reply_begin(x, &(struct http_reply){.status = 206, .announced_length = 9});
    http_reply_write(x, S("hello, "));
    http_reply_write(x, S("me"));
    http_reply_end(x);
    EXPECT(S("HTTP/1.1 206 Partial Content\r\nContent-Length: 9\r\n\r\nhello, me"
             "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n[GET /next ]"));
    world_end();
}

TEST(a_streamed_reply_that_falls_short_breaks_the_connection)
{
    world_begin();
    world_send(S(GET("/later") GET("/next")));
    struct http_exchange *x = world_open();
    http_reply_begin(x, &(struct http_reply){.status = 200, .announced_length = 9});
    http_reply_write(x, S("hello"));
    http_reply_end(x);
    COMES(world.finishes, 1);
    CHECK(world_ended());
    world_end();
}

TEST(a_streamed_reply_to_http_1_0_ends_with_the_connection)
{
    world_begin();
    world_send(S("GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    http_reply_begin(world_open(), &(struct http_reply){.status = 200});
    http_reply_write(world.open, S("hello"));
    http_reply_end(world.open);
    EXPECT(S("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"));
    CHECK(world_ended());
    world_end();
}

TEST(a_streamed_reply_that_nobody_reads_is_dropped)
{
    static char piece[1 << 20];
    world_begin();
    world_send(S(GET("/later")));
    http_reply_begin(world_open(), &(struct http_reply){.status = 200});
    for (int i = 0; i < 100 && world.open; i++) {
        http_reply_write(world.open, span_of(piece, sizeof piece));
        world_turn();
    }
    CHECK(world.open == NULL);
    COMES(world.finishes, 1);
    COMES(world.gones, 0);
    world_end();
}

/* HTTP/1.0 and Connection */

TEST(http_1_0_closes_unless_asked)
{
    world_begin();
    world_send(S("GET /a HTTP/1.0\r\n\r\n"));
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n[GET /a ]"));
    CHECK(world_ended());
    world_connect();
    world_send(S("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n"
             "Connection: keep-alive\r\n\r\n[GET /a ]"));
    CHECK(!world.reply_ended);
    world_end();
}

TEST(close_is_granted_and_what_follows_is_not_served)
{
    world_begin();
    world_send(S("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/b")));
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n[GET /a ]"));
    CHECK(world_ended());
    COMES(world.heads, 1);
    world_connect();
    reply_as(S(GET("/reply")), (struct http_reply){.status = 200, HELLO, .after = HTTP_CLOSE});
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"));
    CHECK(world_ended());
    world_end();
}

/* Bodies */

#define PUT(path, fields) "PUT " path " HTTP/1.1\r\nHost: h\r\n" fields "\r\n"

TEST(one_hundred_continue_is_sent_when_the_body_is_taken)
{
    world_begin();
    world_send(S(PUT("/a", "Content-Length: 2\r\nExpect: 100-continue\r\n")));
    EXPECT(S("HTTP/1.1 100 Continue\r\n\r\n"));
    COMES(world.completes, 0);
    world_send(S("ok"));
    EXPECT(S("HTTP/1.1 100 Continue\r\n\r\n" REPLY(11, "[PUT /a ok]")));
    CHECK(!world.reply_ended);
    world_end();
}

TEST(a_refusal_instead_of_continue_closes)
{
    world_begin();
    world_send(S(PUT("/refuse", "Content-Length: 2\r\nExpect: 100-continue\r\n")));
    EXPECT(S("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"));
    CHECK(world_ended());
    COMES(world.finishes, 1);
    world_connect();
    world_send(S(PUT("/small", "Content-Length: 11\r\nExpect: 100-continue\r\n")));
    CHECK(world_reply_starts(S("HTTP/1.1 413 ")));
    world_end();
}

TEST(http_1_0_is_never_told_to_continue)
{
    world_begin();
    world_send(S("PUT /a HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"));
    EXPECT(S(""));
    world_send(S("ok"));
    CHECK(world_reply_starts(S("HTTP/1.1 200 OK\r\n")));
    world_end();
}

TEST(a_body_that_is_refused_does_not_destroy_the_reply)
{
    static char megabyte[1 << 20];
    world_begin();
    world_send(S(PUT("/refuse", "Content-Length: 1048576\r\n")));
    size_t sent = 0;
    for (int i = 0; i < 200 && sent < sizeof megabyte; i++) {
        ssize_t n = send(world.fd, megabyte + sent, sizeof megabyte - sent, MSG_NOSIGNAL);
        if (n > 0)
            sent += (size_t)n;
        else if (errno != EAGAIN)
            break;
        world_turn();
    }
    EXPECT(S("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"));
    COMES(http_server_connections(world.server), 0); /* far above what it drops patiently */
    world_end();
}

TEST(lingering_ends_with_the_peer_or_after_two_seconds)
{
    world_begin();
    world_send(S(PUT("/refuse", "Content-Length: 100\r\n")));
    CHECK(world_ended());
    world_send(S("some"));
    COMES(http_server_connections(world.server), 1);
    world_close();
    COMES(http_server_connections(world.server), 0);
    world_connect();
    world_send(S(PUT("/refuse", "Content-Length: 100\r\n")));
    CHECK(world_ended());
    COMES(http_server_connections(world.server), 1);
    clock_advance(2500);
    COMES(http_server_connections(world.server), 0);
    world_end();
}

TEST(a_reply_in_the_middle_of_a_streamed_body)
{
    world_begin();
    world_send(S(PUT("/stream/refuse", "Content-Length: 100\r\n") "some"));
    EXPECT(S("HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n"
             "Connection: close\r\n\r\nenough"));
    COMES(world.pieces, 1);
    COMES(world.completes, 0);
    COMES(world.gones, 0);
    COMES(world.finishes, 1);
    world_end();
}

TEST(bodies_of_many_sizes_whole_and_streamed)
{
    static char sent[700000];
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)('a' + i % 23);
    static const size_t sizes[] = {1, 8191, 8192, 8193, 131072, 200000, 700000};
    world_begin();
    for (size_t i = 0; i < ARRAY_LEN(sizes) * 2; i++) {
        bool whole = i % 2;
        size_t size = sizes[i / 2], done = 0;
        char head[200];
        int len =
            snprintf(head, sizeof head, "PUT %s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                     whole ? "/w" : "/stream", size);
        buf_clear(&world.reply);
        buf_clear(&world.body);
        world_send(span_of(head, (size_t)len));
        while (done < size) {
            ssize_t n = send(world.fd, sent + done, size - done, MSG_NOSIGNAL);
            done += n > 0 ? (size_t)n : 0;
            world_turn();
        }
        COMES(world.finishes, i + 1);
        WORLD_WAIT(world.reply.len >= world.bytes_out);
        struct span reply = buf_span(&world.reply);
        if (whole) {
            size_t at = span_find(reply, S("[PUT /w "));
            CHECK(at != SPAN_NOT_FOUND);
            CHECK_SPAN(span_first(span_from(reply, at + 8), size), span_of(sent, size));
        } else {
            CHECK_SPAN(buf_span(&world.body), span_of(sent, size));
        }
    }
    COMES(world.finishes, ARRAY_LEN(sizes) * 2);
    world_end();
}

TEST(a_whole_body_above_its_limit_is_413)
{
    static const struct span requests[] = {
        S_INIT(PUT("/small", "Content-Length: 11\r\n") "01234567890"),
        S_INIT(PUT("/small", "Transfer-Encoding: chunked\r\n") "6\r\n012345\r\n5\r\n67890\r\n"),
    };
    world_begin();
    for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
        world_connect();
        world_send(requests[i]);
        EXPECT(S("HTTP/1.1 413 Content Too Large\r\nContent-Type: "
                 "text/x-status\r\nContent-Length: 7\r\n"
                 "Connection: close\r\n\r\nbad 413"));
        CHECK(world_ended());
        COMES(world.gones, i + 1);
        COMES(world.finishes, i + 1);
    }
    COMES(world.completes, 0);
    world_connect();
    world_send(S(PUT("/small", "Content-Length: 10\r\n") "0123456789"));
    CHECK(world_reply_ends(S("[PUT /small 0123456789]")));
    world_connect();
    world_send(S(PUT("/small", "Transfer-Encoding: chunked\r\n") "A\r\n0123456789\r\n0\r\n\r\n"));
    CHECK(world_reply_ends(S("[PUT /small 0123456789]")));
    world_end();
}

TEST(a_pause_stops_the_peer)
{
    static char piece[65536];
    world_begin();
    world_send(S(PUT("/pause", "Content-Length: 100000000\r\n") "x"));
    COMES(world.pieces, 1);
    struct http_exchange *x = world_open();
    size_t sent = 0;
    for (int stuck = 0; stuck < 20;) {
        ssize_t n = send(world.fd, piece, sizeof piece, MSG_NOSIGNAL);
        stuck = n > 0 ? 0 : stuck + 1;
        sent += n > 0 ? (size_t)n : 0;
        world_turn();
    }
    CHECK(sent < 20000000); /* only what the sockets' buffers hold */
    COMES(world.pieces, 1);
    clock_advance(3600 * 1000); /* a pause is not a stall */
    COMES(world.gones, 0);
    size_t before = world.body.len;
    http_resume(x);
    COMES(world.pieces, 2);
    CHECK(world.body.len > before);
    world_close();
    for (int i = 0; i < 100000 && world.open; i++) {
        http_resume(x);
        world_turn();
    }
    COMES(world.gones, 1);
    COMES(world.finishes, 1);
    CHECK_INT(world.body.len, sent + 1);
    world_end();
}

TEST(pause_and_resume_inside_chunks)
{
    world_begin();
    world_send(S(PUT(
        "/pause",
        "Transfer-Encoding: chunked\r\n") "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n" GET("/z")));
    for (int pieces = 1; pieces <= 3; pieces++) {
        world_turn();
        COMES(world.pieces, pieces);
        http_resume(world.open);
        http_resume(world.open);
    }
    EXPECT(S(REPLY(1, "6") REPLY(9, "[GET /z ]")));
    CHECK_SPAN(buf_span(&world.body), S("abcdef"));
    world_end();
}

TEST(the_decision_about_a_body_may_come_later)
{
    world_begin();
    world_send(S(PUT("/undecided", "Content-Length: 2\r\nExpect: 100-continue\r\n")));
    EXPECT(S(""));
    http_take_whole(world_open(), 10);
    EXPECT(S("HTTP/1.1 100 Continue\r\n\r\n"));
    world_send(S("ok"));
    CHECK(world_reply_ends(S("[PUT /undecided ok]")));
    world_send(S(GET("/undecided")));
    http_take_stream(world_open());
    CHECK(world_reply_ends(S("[GET /undecided ]")));
    COMES(world.completes, 2);
    world_end();
}

/* Replies that come later, and peers that leave */

TEST(the_next_request_waits_for_a_late_reply)
{
    world_begin();
    world_send(S(GET("/later") GET("/b")));
    EXPECT(S(""));
    COMES(world.heads, 1);
    world_answer(world_open(), 200, S("late"));
    EXPECT(S(REPLY(4, "late") REPLY(9, "[GET /b ]")));
    world_end();
}

TEST(a_peer_that_half_closes_still_gets_its_reply)
{
    world_begin();
    world_send(S(GET("/later")));
    shutdown(world.fd, SHUT_WR);
    world_turn();
    COMES(world.gones, 0);
    world_answer(world_open(), 200, S("late"));
    EXPECT(S(REPLY(4, "late")));
    CHECK(world_ended());
    COMES(world.gones, 0);
    world_end();
}

static void reset(void)
{
    struct linger hard = {.l_onoff = 1};
    setsockopt(world.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    world_close();
}

TEST(a_peer_that_resets_is_gone_but_its_exchange_lives_until_the_reply)
{
    world_begin();
    world_send(S(GET("/later")));
    struct http_exchange *x = world_open();
    reset();
    COMES(world.gones, 1);
    COMES(world.finishes, 0);
    CHECK_SPAN(x->path, S("/later"));
    COMES(http_server_connections(world.server), 1);
    world_answer(x, 200, S("to nobody"));
    COMES(world.finishes, 1);
    COMES(http_server_connections(world.server), 0);
    CHECK_INT(world.bytes_out, 0);
    world_end();
}

TEST(a_streamed_reply_to_nobody_ends_too)
{
    world_begin();
    world_send(S(GET("/later")));
    world_open();
    reset();
    COMES(world.gones, 1);
    http_reply_begin(world.open, &(struct http_reply){.status = 200});
    http_reply_write(world.open, S("piece"));
    COMES(world.finishes, 1);
    COMES(http_server_connections(world.server), 0);
    world_end();
}

TEST(a_body_that_is_cut_off_is_gone)
{
    world_begin();
    world_send(S(PUT("/a", "Content-Length: 5\r\n") "abc"));
    world_close();
    COMES(world.gones, 1);
    COMES(world.finishes, 1);
    COMES(world.completes, 0);
    world_end();
}

/* What is malformed */

struct bad_case {
    struct span request;
    int status;
};

static void check_bad(const struct bad_case *bad)
{
    char want[256];
    world_connect();
    world_send(bad->request);
    bool ended = world_ended();
    struct span reply = world_text();
    snprintf(want, sizeof want, "HTTP/1.1 %d ", bad->status);
    bool good = span_starts(reply, span_of_cstr(want));
    snprintf(want, sizeof want,
             "\r\nContent-Type: text/x-status\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"
             "bad %d",
             bad->status);
    if (!good || !span_ends(reply, span_of_cstr(want)) || !ended)
        test_fail(__FILE__, __LINE__, "%.*s: not %d: %.*s", SPAN_ARG(bad->request), bad->status,
                  SPAN_ARG(reply));
}

TEST(malformed_requests_get_their_status_and_the_connection_ends)
{
    static const struct bad_case cases[] = {
        {S_INIT("GET / HTTP/1.1\r\n\r\n"), 400},
        {S_INIT("\x16\x03\x01"), 400},
        {S_INIT("GET / HTTP/1.1\nHost: h\n\n"), 400},
        {S_INIT("GET / HTTP/1.1\r\nHost: h\r\n a: b\r\n\r\n"), 400},
        {S_INIT("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n"
                "Content-Length: 1\r\n\r\n"),
         400},
        {S_INIT("GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n"), 417},
        {S_INIT("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n"), 501},
        {S_INIT("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n"), 501},
        {S_INIT("PRI * HTTP/2.0\r\nHost: h\r\n\r\nSM\r\n\r\n"), 505},
        {S_INIT(PUT("/w", "Transfer-Encoding: chunked\r\n") "x\r\n"), 400},
        {S_INIT(PUT("/stream", "Transfer-Encoding: chunked\r\n") "1\r\nab\r\n"), 400},
        {S_INIT(PUT("/stream", "Transfer-Encoding: chunked\r\n") "8000000000000000\r\n"), 413},
    };
    world_begin();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_bad(&cases[i]);
    COMES(world.heads, 3);
    COMES(world.gones, 3);
    COMES(world.finishes, 3);
    COMES(world.completes, 0);
    world_end();
}

TEST(what_follows_a_malformed_request_is_not_served)
{
    world_begin();
    world_send(S("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n" GET("/b")));
    CHECK(world_reply_starts(S("HTTP/1.1 400 ")));
    COMES(world.heads, 0);
    world_end();
}

/* A head of that size: its request line, or one field of it, is long; -1: as many fields. */
static struct span long_head(size_t target, size_t field, int fields)
{
    static char text[300000];
    static char filler[200000];
    memset(filler, 'x', sizeof filler);
    int len = snprintf(text, sizeof text, "GET /%.*s HTTP/1.1\r\nHost: h\r\nA: %.*s\r\n",
                       (int)target, filler, (int)field, filler);
    for (int i = 0; i < fields; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "A%d: b\r\n", i);
    len += snprintf(text + len, sizeof text - (size_t)len, "\r\n");
    return span_of(text, (size_t)len);
}

static int status_of(struct span request, size_t cut)
{
    world_connect();
    for (size_t done = 0; done < request.len && !world.reply.len; done += cut) {
        struct span part = span_first(span_from(request, done), cut);
        if (send(world.fd, part.at, part.len, MSG_NOSIGNAL) < 0)
            break;
        world_turn();
        world_read_some(4096);
    }
    WORLD_WAIT(world.reply.len > 12);
    CHECK(world.reply.len > 12);
    uint64_t status = 0;
    CHECK(span_to_u64(span_of(world.reply.at + 9, 3), &status));
    return (int)status;
}

TEST(heads_have_a_ceiling)
{
    size_t cuts[] = {1000, 300000};
    world_begin();
    for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
        CHECK_INT(status_of(long_head(60000, 10, 0), cuts[i]), 200);
        CHECK_INT(status_of(long_head(10, 65000, 0), cuts[i]), 200);
        CHECK_INT(status_of(long_head(66000, 10, 0), cuts[i]), 414);
        CHECK_INT(status_of(long_head(10, 66000, 0), cuts[i]), 431);
        CHECK_INT(status_of(long_head(33000, 33000, 0), cuts[i]), 431);
        CHECK_INT(status_of(long_head(10, 10, 198), cuts[i]), 200);
        CHECK_INT(status_of(long_head(10, 10, 199), cuts[i]), 431);
    }
    world_end();
}

TEST(without_malformed_the_reply_has_no_body)
{
    world_begin();
    world.handler.malformed = NULL;
    world_send(S("bad\r\n\r\n"));
    EXPECT(S("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n"
             "Connection: close\r\n\r\n"));
    world_end();
}

/* Deadlines */

TEST(a_slow_head_is_408)
{
    world_begin();
    world_send(S("GET / HT"));
    clock_advance(9000);
    world_send(S("TP/1.1\r\nHo"));
    EXPECT(S(""));
    clock_advance(1500);
    CHECK(world_reply_starts(S("HTTP/1.1 408 Request Timeout\r\n")));
    CHECK(world_ended());
    COMES(world.heads, 0);
    world_end();
}

TEST(an_idle_connection_is_closed_without_a_word)
{
    world_begin();
    world_send(S("\r\n"));
    clock_advance(70000);
    world_send(S(GET("/a")));
    COMES(world.finishes, 1);
    clock_advance(70000);
    COMES(http_server_connections(world.server), 1);
    clock_advance(10000);
    CHECK(world_ended());
    COMES(http_server_connections(world.server), 0);
    world_end();
}

TEST(a_body_that_stalls_is_408)
{
    world_begin();
    world_send(S(PUT("/a", "Content-Length: 5\r\n")));
    for (int i = 0; i < 3; i++) {
        clock_advance(25000);
        world_send(S("x"));
    }
    EXPECT(S(""));
    clock_advance(31000);
    CHECK(world_reply_starts(S("HTTP/1.1 408 Request Timeout\r\n")));
    COMES(world.gones, 1);
    COMES(world.finishes, 1);
    world_end();
}

TEST(a_handler_may_take_its_time)
{
    world_begin();
    world_send(S(GET("/later")));
    clock_advance(3600 * 1000);
    COMES(world.gones, 0);
    world_answer(world_open(), 200, S("late"));
    EXPECT(S(REPLY(4, "late")));
    world_end();
}

TEST(a_peer_that_does_not_read_is_dropped)
{
    world_begin();
    world_connect_narrow(8192);
    make_file(TEN_MIB);
    world_send(S(GET("/file")));
    for (int i = 0; i < 3; i++) { /* a little progress each time */
        clock_advance(50000);
        for (int j = 0; j < 20; j++) {
            world_read_some(8192);
            world_turn();
        }
    }
    CHECK_INT(world.finishes, 0);
    clock_advance(61000);
    for (int i = 0; i < 1000 && !world.finishes; i++)
        world_turn(); /* without reading */
    CHECK_INT(world.finishes, 1);
    COMES(world.gones, 0);
    close(world.file);
    world_end();
}

/* Ceiling and drain */

TEST(connections_above_the_ceiling_are_closed)
{
    struct http_limits limits = http_default_limits;
    limits.connections = 1;
    world_begin_with(&limits, NULL);
    world_connect();
    int first = world.fd;
    world.fd = -1;
    world_connect();
    CHECK(world_ended());
    COMES(http_server_connections(world.server), 1);
    close(first);
    world_end();
}

static void count_drained(void *user)
{
    CHECK(user == &world);
    world.drains++;
}

TEST(a_drain_closes_the_idle_and_waits_for_the_busy)
{
    world_begin();
    world_send(S(GET("/a")));
    EXPECT(S(REPLY(9, "[GET /a ]")));
    int idle = world.fd;
    world.fd = -1;
    world_connect();
    world_send(S(GET("/later")));
    http_server_drain(world.server, count_drained, &world);
    char byte;
    COMES(http_server_connections(world.server), 1);
    COMES(world.drains, 0);
    CHECK_INT(recv(idle, &byte, 1, 0), 0);
    world_answer(world_open(), 200, S("last"));
    EXPECT(S("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlast"));
    world_close();
    COMES(world.drains, 1);
    close(idle);
    world_connect();
    CHECK(world_ended());
    world_end();
}

TEST(a_drain_of_nothing_is_done_in_the_next_tick)
{
    world_begin_with(NULL, NULL);
    http_server_drain(world.server, count_drained, &world);
    CHECK_INT(world.drains, 0);
    COMES(world.drains, 1);
    world_end();
}

TEST(free_ends_what_is_open)
{
    world_begin();
    world_send(S(GET("/later")));
    http_server_free(world.server);
    world.server = NULL;
    CHECK_INT(world.gones, 1);
    CHECK_INT(world.finishes, 1);
    world_end();
}
