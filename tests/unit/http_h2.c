// SPDX-License-Identifier: Apache-2.0
/* Cases for HTTP/2 with nghttp2 as the client: exchanges on many streams, windows, what a peer may
 * not do, and the end of connections. */
#include "http_world.h"

#include <nghttp2/nghttp2.h>
#include <stdio.h>

#define STREAMS 512

static struct {
    nghttp2_session *session;
    struct buf replies[STREAMS]; /* by stream: fields, an empty line, the body */
    int64_t errors[STREAMS];     /* -1: not closed */
    int closed, goaways, pings;
    uint32_t goaway_error;
    int32_t last_stream;
    size_t used; /* of world.reply */
    bool deaf;   /* streams' windows close */
    struct span body;
    bool stuck; /* the body is never whole */
} client;

static struct buf *reply_of(int32_t id)
{
    CHECK(id < STREAMS);
    return &client.replies[id];
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                    void *user)
{
    if (span_eq(span_of((const char *)name, name_len), S("date")))
        return 0;
    buf_printf(reply_of(frame->hd.stream_id), "%.*s: %.*s\n", (int)name_len, name, (int)value_len,
               value);
    return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    client.pings += frame->hd.type == NGHTTP2_PING;
    if (frame->hd.type == NGHTTP2_HEADERS)
        buf_append(reply_of(frame->hd.stream_id), S("\n"));
    if (frame->hd.type == NGHTTP2_GOAWAY) {
        client.goaways++;
        client.goaway_error = frame->goaway.error_code;
        client.last_stream = frame->goaway.last_stream_id;
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *user)
{
    buf_append(reply_of(id), span_of((const char *)bytes, len));
    if (client.deaf)
        nghttp2_session_consume_connection(session, len);
    else
        nghttp2_session_consume(session, id, len);
    return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    client.errors[id] = error;
    client.closed++;
    return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t id, uint8_t *to, size_t size,
                         uint32_t *flags, nghttp2_data_source *source, void *user)
{
    struct span *body = source->ptr;
    struct span piece = span_first(*body, size);
    *body = span_from(*body, piece.len);
    memcpy(to, piece.at, piece.len);
    if (!body->len && client.stuck && !piece.len)
        return NGHTTP2_ERR_DEFERRED;
    if (!body->len && !client.stuck)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)piece.len;
}

static void connect_client(void)
{
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_session_del(client.session);
    for (size_t i = 0; i < STREAMS; i++)
        buf_done(&client.replies[i]);
    memset(&client, 0, sizeof client);
    for (size_t i = 0; i < STREAMS; i++) {
        buf_init(&client.replies[i], 32 << 20);
        client.errors[i] = -1;
    }
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_option_new(&option);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_http_messaging(option, 1); /* so that nonsense can be sent */
    nghttp2_option_set_max_send_header_block_length(option, 1 << 20);
    nghttp2_option_set_peer_max_concurrent_streams(option, 1000);
    CHECK_INT(nghttp2_session_client_new2(&client.session, callbacks, NULL, option), 0);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    CHECK_INT(nghttp2_submit_settings(client.session, NGHTTP2_FLAG_NONE, NULL, 0), 0);
}

static void begin_with(const struct http_limits *limits)
{
    world_begin_with(limits, NULL);
    world_connect();
    connect_client();
}

static void begin(void)
{
    begin_with(NULL);
}

static void end(void)
{
    world_end();
    nghttp2_session_del(client.session);
    client.session = NULL;
    for (size_t i = 0; i < STREAMS; i++)
        buf_done(&client.replies[i]);
}

/* What the client has to say, and what came, once. */
static void exchange(int round)
{
    for (const uint8_t *bytes; world.fd >= 0;) {
        ssize_t n = nghttp2_session_mem_send(client.session, &bytes);
        if (n <= 0)
            break;
        for (ssize_t sent = 0; sent < n;) {
            ssize_t m = send(world.fd, bytes + sent, (size_t)(n - sent), MSG_NOSIGNAL);
            if (m < 0 && errno != EAGAIN)
                return;
            sent += m > 0 ? m : 0;
            world_turn();
        }
    }
    world_wait(round);
    struct span came = span_from(buf_span(&world.reply), client.used);
    CHECK_INT(nghttp2_session_mem_recv(client.session, (const uint8_t *)came.at, came.len),
              came.len);
    client.used += came.len;
}

#define CLIENT_WAIT(condition)                                                                     \
    for (int round_ = 0; round_ < 3000 && !(condition); round_++)                                  \
    exchange(round_)

static void settle(void)
{
    for (int i = 0; i < 5; i++)
        exchange(0);
}

#define MAX_FIELDS 300

/* `fields` is "name: value\n…". */
static int32_t ask(const char *fields, struct span *body)
{
    static nghttp2_nv pairs[MAX_FIELDS];
    size_t count = 0;
    struct span rest = span_of_cstr(fields);
    while (rest.len) {
        struct span line = span_cut(&rest, '\n');
        size_t colon = span_find(span_from(line, 1), S(": ")) + 1;
        CHECK(count < MAX_FIELDS);
        pairs[count++] = (nghttp2_nv){.name = (uint8_t *)(uintptr_t)line.at,
                                      .value = (uint8_t *)(uintptr_t)line.at + colon + 2,
                                      .namelen = colon,
                                      .valuelen = line.len - colon - 2};
    }
    nghttp2_data_provider provider = {.source.ptr = body, .read_callback = read_body};
    return nghttp2_submit_request(client.session, NULL, pairs, count, body ? &provider : NULL,
                                  NULL);
}

#define FIELDS(method, path) ":method: " method "\n:scheme: http\n:path: " path "\n:authority: h\n"

static int32_t get(const char *path)
{
    char fields[256];
    snprintf(fields, sizeof fields, FIELDS("GET", "%s"), path);
    return ask(fields, NULL);
}

#define ANSWER(id, want)                                                                           \
    do {                                                                                           \
        CLIENT_WAIT(client.errors[id] >= 0 || world.reply_ended);                                  \
        settle();                                                                                  \
        CHECK_SPAN(buf_span(&client.replies[id]), S(want));                                        \
    } while (0)
#define OK(len, body) ":status: 200\ncontent-length: " #len "\n\n" body
#define BAD(status)                                                                                \
    ":status: " #status "\ncontent-type: text/x-status\ncontent-length: 7\n\nbad " #status

#define GOES(condition)                                                                            \
    do {                                                                                           \
        CLIENT_WAIT(condition);                                                                    \
        CHECK(condition);                                                                          \
    } while (0)

/* Exchanges */

TEST(requests_on_streams_of_one_connection)
{
    begin();
    int32_t later = get("/later"), a = get("/a");
    struct span text = S("xyz");
    int32_t b = ask(FIELDS("POST", "/b") "content-length: 3\n", &text);
    ANSWER(b, OK(13, "[POST /b xyz]"));
    ANSWER(a, OK(9, "[GET /a ]"));
    CHECK_INT(client.errors[later], -1);
    world_answer(world_open(), 201, S("at last"));
    ANSWER(later, ":status: 201\ncontent-length: 7\n\nat last");
    CHECK_INT(world.finishes, 3);
    CHECK_INT(world.gones, 0);
    CHECK_INT(http_server_connections(world.server), 1);
    CHECK(world.bytes_in > 9 && world.bytes_out > 16);
    world_close();
    COMES(http_server_connections(world.server), 0);
    end();
}

static void check_exchange(struct http_handler *handler, struct http_exchange *x)
{
    CHECK_SPAN(x->method, S("PUT"));
    CHECK_SPAN(x->target, S("/a?b"));
    CHECK_SPAN(x->path, S("/a"));
    CHECK_SPAN(x->query, S("b"));
    CHECK_SPAN(x->host, S("h"));
    CHECK_SPAN(header_get(x->headers, S("host")), S("h"));
    CHECK_SPAN(header_get(x->headers, S("x-y")), S("z"));
    CHECK_SPAN(x->peer, S("127.0.0.1"));
    CHECK(x->has_body && !x->chunked && !x->head_only && !x->tls && !x->expects_continue);
    CHECK_INT(x->content_length, 2);
    CHECK(x->loop == world.loop && x->user == NULL);
    world_head(handler, x);
}

TEST(what_the_handler_sees_of_a_stream)
{
    struct span text = S("ok");
    begin();
    world.handler.head = check_exchange;
    int32_t id = ask(FIELDS("PUT", "/a?b") "x-y: z\ncontent-length: 2\n", &text);
    ANSWER(id, OK(11, "[PUT /a ok]"));
    text = S("ok");
    id = ask(FIELDS("PUT", "/a?b") "host: H\nx-y: z\ncontent-length: 2\n", &text);
    world.handler.head = world_head;
    ANSWER(id, OK(11, "[PUT /a ok]"));
    end();
}

TEST(frames_cut_anywhere)
{
    struct span text = S("ok");
    struct buf all;
    begin();
    buf_init(&all, 4096);
    ask(FIELDS("PUT", "/a") "content-length: 2\n", &text);
    get("/b");
    for (const uint8_t *bytes;;) {
        ssize_t n = nghttp2_session_mem_send(client.session, &bytes);
        if (n <= 0)
            break;
        buf_append(&all, span_of((const char *)bytes, (size_t)n));
    }
    for (size_t i = 0; i < all.len; i++)
        world_send(span_of(all.at + i, 1));
    ANSWER(1, OK(11, "[PUT /a ok]"));
    ANSWER(3, OK(9, "[GET /b ]"));
    buf_done(&all);
    end();
}

TEST(bodies_of_unknown_length)
{
    struct span text = S("ok"), none = S("");
    begin();
    int32_t id = ask(FIELDS("PUT", "/a"), &text);
    ANSWER(id, OK(11, "[PUT /a ok]"));
    id = ask(FIELDS("PUT", "/a"), &none);
    ANSWER(id, OK(9, "[PUT /a ]"));
    id = ask(FIELDS("PUT", "/a") "content-length: 0\n", &none);
    ANSWER(id, OK(9, "[PUT /a ]"));
    text = S("12345678901");
    id = ask(FIELDS("PUT", "/small"), &text);
    ANSWER(id, BAD(413));
    text = S("12345678901");
    id = ask(FIELDS("PUT", "/small") "content-length: 11\n", &text);
    ANSWER(id, BAD(413));
    CHECK_INT(world.gones, 2);
    CHECK_INT(http_server_connections(world.server), 1);
    end();
}

TEST(an_expected_100)
{
    struct span text = S("ok");
    begin();
    int32_t id = ask(FIELDS("PUT", "/a") "expect: 100-continue\ncontent-length: 2\n", &text);
    CLIENT_WAIT(client.errors[id] >= 0);
    /* The body may come first; then nobody waits for a 100. */
    CHECK(span_ends(buf_span(reply_of(id)), S(OK(11, "[PUT /a ok]"))));
    client.stuck = true;
    text = S("o");
    id = ask(FIELDS("PUT", "/a") "expect: 100-continue\ncontent-length: 2\n", &text);
    GOES(reply_of(id)->len);
    CHECK_SPAN(buf_span(reply_of(id)), S(":status: 100\n\n"));
    end();
}

/* Replies */

static struct http_segment hello = {.bytes = S_INIT("hello")};
#define HELLO .segments = &hello, .segment_count = 1

static int32_t ask_reply(const char *fields, struct http_reply reply)
{
    world.reply_as = reply;
    int32_t id = ask(fields, NULL);
    CLIENT_WAIT(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_NO_ERROR);
    return id;
}

TEST(lengths_and_fields)
{
    static struct header fields[] = {{S_INIT("X-A"), S_INIT(" a\r\nSet-Cookie: b\0c\t")}};
    int32_t id;
    begin();
    id = ask_reply(FIELDS("HEAD", "/reply"), (struct http_reply){.status = 200, HELLO});
    ANSWER(id, ":status: 200\ncontent-length: 5\n\n");
    id = ask_reply(FIELDS("HEAD", "/reply"), (struct http_reply){.status = 200, .no_length = true});
    ANSWER(id, ":status: 200\n\n");
    id = ask_reply(FIELDS("GET", "/reply"), (struct http_reply){.status = 204, HELLO});
    ANSWER(id, ":status: 204\n\n");
    id = ask_reply(FIELDS("GET", "/reply"), (struct http_reply){.status = 304, HELLO});
    ANSWER(id, ":status: 304\n\n");
    id = ask_reply(FIELDS("GET", "/reply"), (struct http_reply){.status = 200});
    ANSWER(id, ":status: 200\ncontent-length: 0\n\n");
    id = ask_reply(FIELDS("GET", "/reply"),
                   (struct http_reply){.status = 799, .headers = {fields, 1}, HELLO});
    ANSWER(id, ":status: 799\nx-a: a  Set-Cookie: b c\ncontent-length: 5\n\nhello");
    end();
}

TEST(a_reply_that_goes_on)
{
    begin();
    int32_t id = get("/later");
    GOES(world.open);
    struct http_exchange *x = world.open;
    http_reply_begin(x, &(struct http_reply){.status = 200});
    GOES(reply_of(id)->len);
    http_reply_write(x, S("hello, "));
    CHECK_INT(http_reply_waiting(x), 7);
    GOES(world.rooms == 1);
    CHECK_INT(http_reply_waiting(x), 0);
    clock_advance(3600 * 1000); /* who writes nothing is not stalled */
    http_reply_write(x, S("world"));
    settle();
    CHECK_INT(client.errors[id], -1);
    http_reply_end(x);
    ANSWER(id, ":status: 200\n\nhello, world");
    CHECK_INT(world.finishes, 1);
    end();
}

TEST(a_reply_of_lent_pieces)
{
    begin();
    int32_t id = get("/later");
    GOES(world.open);
    struct http_exchange *x = world.open;
    http_reply_begin(x, &(struct http_reply){.status = 200});
    GOES(reply_of(id)->len);
    http_reply_lend(x, S("hello, "));
    CHECK_INT(http_reply_waiting(x), 7);
    GOES(world.rooms == 1);
    CHECK_INT(http_reply_waiting(x), 0);
    http_reply_lend(x, S("world"));
    GOES(world.rooms == 2);
    http_reply_end(x);
    ANSWER(id, ":status: 200\n\nhello, world");
    end();
}

TEST(a_reply_shorter_than_promised_is_reset)
{
    begin();
    int32_t id = get("/later");
    GOES(world.open);
    http_reply_begin(world.open, &(struct http_reply){.status = 200, .announced_length = 9});
    http_reply_write(world.open, S("short"));
    http_reply_end(world.open);
    GOES(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_INTERNAL_ERROR);
    CHECK_INT(world.finishes, 1);
    id = get("/a");
    ANSWER(id, OK(9, "[GET /a ]"));
    end();
}

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

TEST(a_file_through_windows)
{
    begin();
    make_file(3 << 20);
    int32_t id = get("/file");
    GOES(client.errors[id] >= 0);
    struct span body = buf_span(reply_of(id));
    size_t start = span_find(body, S("\n\n"));
    body = span_from(body, start + 2);
    CHECK_INT(body.len, world.file_len + 2);
    CHECK(body.at[0] == '<' && body.at[body.len - 1] == '>');
    for (uint32_t i = 0; i < world.file_len / 4; i++) {
        uint32_t word;
        memcpy(&word, body.at + 1 + i * 4, 4);
        CHECK_INT(word, i * 2654435761U);
    }
    CHECK_INT(ftruncate(world.file, 60000), 0);
    id = get("/file");
    GOES(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_INTERNAL_ERROR);
    close(world.file);
    end();
}

TEST(a_paused_body_stops_its_sender_only)
{
    static char many[2 << 20];
    struct span body = span_of(many, sizeof many);
    begin();
    int32_t id = ask(FIELDS("PUT", "/pause"), &body);
    GOES(world.open);
    settle();
    settle();
    CHECK(world.body.len < (64 << 10) && body.len >= sizeof many - (257 << 10));
    clock_advance(3600 * 1000); /* a pause is not a stall */
    int32_t other = get("/a");
    ANSWER(other, OK(9, "[GET /a ]"));
    for (size_t seen = 0; client.errors[id] < 0; seen++) {
        if (world.open)
            http_resume(world.open);
        exchange(0);
        CHECK(seen < 10000);
    }
    ANSWER(id, OK(7, "2097152"));
    end();
}

TEST(a_reply_before_the_end_of_its_request)
{
    static char many[2 << 20];
    struct span body = span_of(many, sizeof many);
    begin();
    int32_t id = ask(FIELDS("PUT", "/refuse"), &body);
    GOES(reply_of(id)->len >= 34);
    CHECK_SPAN(buf_span(reply_of(id)), S(":status: 403\ncontent-length: 2\n\nno"));
    settle();
    CHECK(body.len > sizeof many / 2);
    clock_advance(2500);
    GOES(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_NO_ERROR);
    CHECK_INT(world.finishes, 1);
    for (int i = 0; i < 8; i++) { /* they must not use up the connection's window */
        body = span_of(many, sizeof many);
        id = ask(FIELDS("PUT", "/stream/refuse"), &body);
        GOES(reply_of(id)->len >= 34);
        clock_advance(2500);
        GOES(client.errors[id] >= 0);
    }
    end();
}

/* Refusals */

TEST(what_no_request_may_be)
{
    static const char *const bad[] = {
        ":method: CONNECT\n:authority: h\n",        FIELDS("GET", "/a") "expect: something\n",
        FIELDS("GET", "/a") "host: other\n",        FIELDS("GET", "/a#b"),
        ":method: GET\n:scheme: http\n:path: /a\n",
    };
    static const int statuses[] = {400, 417, 400, 400, 400};
    char want[64];
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int32_t id = ask(bad[i], NULL);
        GOES(client.errors[id] >= 0);
        snprintf(want, sizeof want, ":status: %d\n", statuses[i]);
        if (client.errors[id] == NGHTTP2_NO_ERROR)
            CHECK(span_starts(buf_span(reply_of(id)), span_of_cstr(want)));
        else
            CHECK_INT(client.errors[id], NGHTTP2_PROTOCOL_ERROR);
    }
    CHECK_INT(world.heads, 0);
    end();
}

TEST(what_nghttp2_refuses)
{
    static const char *const bad[] = {
        FIELDS("GET", "/a") "connection: close\n",
        FIELDS("GET", "/a") "transfer-encoding: chunked\n",
        FIELDS("GET", "/a") "x y: z\n",
        FIELDS("GET", "/a") "content-length: 3\n",
        FIELDS("GET", "/a") ":path: /b\n",
        ":method: GET\n:scheme: http\n:authority: h\n",
    };
    begin();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        int32_t id = ask(bad[i], NULL);
        GOES(client.errors[id] >= 0);
        if (client.errors[id] != NGHTTP2_PROTOCOL_ERROR)
            test_fail(__FILE__, __LINE__, "case %zu: %.*s", i, SPAN_ARG(buf_span(reply_of(id))));
    }
    CHECK_INT(world.completes, 0);
    struct span body = S("four");
    int32_t id = ask(FIELDS("PUT", "/a") "content-length: 3\n", &body);
    GOES(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_PROTOCOL_ERROR);
    CHECK_INT(world.completes, 0);
    end();
}

TEST(heads_that_are_too_long)
{
    static char fields[80000];
    begin();
    int len = snprintf(fields, sizeof fields, FIELDS("GET", "/a"));
    for (int i = 0; i < 201; i++)
        len += snprintf(fields + len, sizeof fields - (size_t)len, "x: y\n");
    int32_t id = ask(fields, NULL);
    ANSWER(id, BAD(431));
    len = snprintf(fields, sizeof fields, FIELDS("GET", "/a"));
    for (int i = 0; i < 3; i++)
        len += snprintf(fields + len, sizeof fields - (size_t)len, "x%d: %020000d\n", i, 0);
    id = ask(fields, NULL);
    ANSWER(id, OK(9, "[GET /a ]"));
    snprintf(fields + len, sizeof fields - (size_t)len, "y: %06000d\n", 0);
    id = ask(fields, NULL);
    ANSWER(id, BAD(431));
    CHECK_INT(world.heads, 1);
    end();
}

TEST(a_preface_behind_a_request_is_none)
{
    begin();
    world_send(S("GET /a HTTP/1.1\r\nHost: h\r\n\r\n"));
    COMES(world.finishes, 1);
    world_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    CHECK(world_ended());
    CHECK(span_find(buf_span(&world.reply), S("HTTP/1.1 505 ")) != SPAN_NOT_FOUND);
    end();
}

TEST(a_preface_that_goes_on_wrongly)
{
    begin();
    world_send(S("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n"));
    CHECK(world_ended());
    COMES(http_server_connections(world.server), 0);
    end();
}

/* Peers that leave */

TEST(a_stream_that_is_reset)
{
    struct span part = S("part");
    begin();
    client.stuck = true;
    int32_t id = ask(FIELDS("PUT", "/stream"), &part);
    GOES(world.body.len == 4);
    nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    GOES(world.finishes == 1);
    CHECK_INT(world.gones, 1);
    id = get("/later");
    GOES(world.open);
    nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    GOES(world.gones == 2);
    settle();
    CHECK_INT(world.finishes, 1); /* another thread may work for it */
    world_answer(world.open, 200, S("to nobody"));
    GOES(world.finishes == 2);
    id = get("/later");
    GOES(world.open);
    http_reply_begin(world.open, &(struct http_reply){.status = 200});
    settle();
    nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
    GOES(world.finishes == 3);
    CHECK_INT(world.gones, 2);
    id = get("/a");
    ANSWER(id, OK(9, "[GET /a ]"));
    end();
}

TEST(a_connection_that_breaks_under_streams)
{
    struct span part = S("part");
    begin();
    client.stuck = true;
    ask(FIELDS("PUT", "/stream"), &part);
    get("/later");
    GOES(world.open && world.body.len == 4);
    world_close();
    COMES(world.finishes, 1);
    CHECK_INT(world.gones, 2);
    CHECK_INT(http_server_connections(world.server), 1);
    world_answer(world.open, 200, S("to nobody"));
    COMES(http_server_connections(world.server), 0);
    CHECK_INT(world.finishes, 2);
    end();
}

TEST(a_server_that_is_freed_under_streams)
{
    begin();
    get("/later");
    GOES(world.open);
    end();
    CHECK_INT(world.finishes, 1);
    CHECK_INT(world.gones, 1);
}

/* Peers that are not kind */

TEST(more_streams_than_allowed)
{
    begin();
    for (int i = 0; i < 150; i++)
        CHECK(get("/undecided") > 0);
    GOES(client.closed == 50);
    CHECK_INT(world.heads, 100);
    CHECK_INT(client.errors[201], NGHTTP2_REFUSED_STREAM);
    end();
}

TEST(streams_opened_and_reset_at_once)
{
    begin();
    for (int i = 0; i < 230; i++) {
        int32_t id = get("/later");
        exchange(0);
        nghttp2_submit_rst_stream(client.session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
        exchange(0);
    }
    settle();
    CHECK_INT(world.completes, 200); /* the work that is going on is bounded */
    CHECK_INT(world.finishes, 0);
    end();
    CHECK_INT(world.finishes, 200);
}

/* Raw frames: after the preface and an empty SETTINGS, `frame` again and again. */
static void flood(struct span frame, int count)
{
    begin();
    world_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    for (int i = 0; i < count && !world.reply_ended; i++) {
        while (send(world.fd, frame.at, frame.len, MSG_NOSIGNAL) < 0 && errno == EAGAIN)
            world_turn();
        if (i % 50 == 0)
            world_wait(0);
    }
}

TEST(frames_for_their_own_sake)
{
    static const struct span frames[] = {
        S_INIT("\0\0\x08\6\0\0\0\0\0pingpong"),
        S_INIT("\0\0\0\4\0\0\0\0\0"),
        S_INIT("\0\0\5\2\0\0\0\0\3\0\0\0\0\0"),
        S_INIT("\0\0\4\x08\0\0\0\0\0\0\0\0\1"),
    };
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        flood(frames[i], 3000);
        if (!world_ended())
            test_fail(__FILE__, __LINE__, "case %zu goes on", i);
        /* GOAWAY with ENHANCE_YOUR_CALM is the last that is said. */
        CHECK(span_ends(buf_span(&world.reply), S("\0\0\0\x0b")));
        end();
        flood(frames[i], 900);
        CHECK(!world.reply_ended);
        end();
    }
}

TEST(field_blocks_without_end)
{
    struct span open = S("\0\0\1\1\0\0\0\0\1\x82"), more = S("\0\0\1\x09\0\0\0\0\1\x84");
    begin();
    world_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    world_send(open);
    for (int i = 0; i < 100 && !world.reply_ended; i++) {
        if (send(world.fd, more.at, more.len, MSG_NOSIGNAL) < 0)
            break;
        world_wait(0);
    }
    CHECK(world_ended());
    CHECK_INT(world.heads, 0);
    end();
    begin();
    world_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    world_send(open);
    clock_advance(11000);
    CHECK(world_ended());
    end();
}

/* Time */

TEST(a_connection_without_requests_ends)
{
    begin();
    int32_t id = get("/a");
    ANSWER(id, OK(9, "[GET /a ]"));
    clock_advance(74000);
    settle();
    CHECK_INT(client.goaways, 0);
    id = get("/later");
    GOES(world.open);
    clock_advance(3600 * 1000);
    settle();
    CHECK_INT(client.goaways, 0);
    world_answer(world.open, 200, S("ok"));
    ANSWER(id, OK(2, "ok"));
    clock_advance(76000);
    GOES(client.goaways);
    CHECK_INT(client.goaway_error, NGHTTP2_NO_ERROR);
    GOES(world.reply_ended);
    end();
}

TEST(a_body_that_does_not_come)
{
    struct span part = S("part");
    begin();
    client.stuck = true;
    int32_t id = ask(FIELDS("PUT", "/stream"), &part), other = get("/later");
    GOES(world.body.len == 4 && world.open);
    clock_advance(31000);
    GOES(reply_of(id)->len > 40);
    CHECK_SPAN(buf_span(reply_of(id)), S(BAD(408)));
    CHECK_INT(world.gones, 1);
    CHECK_INT(client.errors[other], -1);
    end();
}

TEST(a_reply_that_is_not_read)
{
    begin();
    make_file(1 << 20);
    client.deaf = true;
    int32_t id = get("/file"), other = get("/a");
    ANSWER(other, OK(9, "[GET /a ]"));
    settle();
    CHECK_INT(client.errors[id], -1);
    clock_advance(61000);
    GOES(client.errors[id] >= 0);
    CHECK_INT(client.errors[id], NGHTTP2_CANCEL);
    CHECK_INT(world.finishes, 2);
    close(world.file);
    end();
}

/* Drain */

static void drained(void *user)
{
    world.drains++;
}

TEST(a_drain_answers_what_is_on_its_way)
{
    begin();
    int32_t first = get("/later");
    GOES(world.open);
    struct http_exchange *x = world.open;
    http_server_drain(world.server, drained, NULL);
    GOES(client.goaways >= 1);
    int32_t second = get("/a");
    CHECK(http_is_draining(x));
    settle();
    world_answer(x, 200, S("ok"));
    ANSWER(first, OK(2, "ok"));
    CHECK(second < 0 || client.errors[second] >= 0);
    GOES(client.goaways == 2 && world.reply_ended);
    COMES(world.drains, 1);
    end();
}

TEST(a_drain_does_not_wait_for_a_peer_that_is_silent)
{
    begin();
    world_send(S("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"));
    http_server_drain(world.server, drained, NULL);
    world_turn();
    clock_advance(1100);
    CHECK(world_ended());
    world_close();
    COMES(world.drains, 1);
    end();
}
