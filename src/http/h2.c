// SPDX-License-Identifier: Apache-2.0
/*
 * A connection of HTTP/2: nghttp2's callbacks, what is sent, deadlines, and what a peer may not do
 * to us. A request costs the peer at least a request; frames that cost it nothing (PING, SETTINGS,
 * PRIORITY, resets, empty data) are counted, and who sends them for their own sake is told to calm
 * down (RFC 9113 section 10.5). Requests whose stream was reset go on counting while another
 * thread works for them. One thread.
 */
#include "http/h2.h"

#include "base/log.h"
#include "http/state.h"

#include <errno.h>
#include <stdlib.h>

#define STREAM_WINDOW (256 << 10) /* bytes of a body that may wait for its handler */
#define WINDOW (1 << 20)          /* … all bodies of a connection together */
#define OUT_BYTES (32 << 10)      /* of frames for one write */
#define ROUNDS 8                  /* writes per step: other connections wait too */
#define FRAME_HEAD 9              /* bytes */
#define NOTICE_MS 1000
#define LINGER_MS 2000    /* for the rest of a request that is answered */
#define CALM_FIRST 1000   /* idle frames at once */
#define CALM_A_SECOND 100 /* … and for ever */
#define CALM_A_FRAME 16   /* for each of ours with data, which is answered by updates of windows */
#define CALM_MOST 1000000

/* -- clocks ----------------------------------------------------------------------------------- */

void h2_clock_in(struct h2 *h2, enum H2_CLOCK clock, int64_t ms)
{
    struct connection *c = h2->c;
    h2->clocks[clock] = loop_now_ms(c->server->loop) + ms;
    if (h2->clocks[clock] < c->deadline_ms)
        connection_deadline_in(c, ms);
}

static void clock_stop(struct h2 *h2, enum H2_CLOCK clock)
{
    h2->clocks[clock] = INT64_MAX;
}

static void say_goaway(struct h2 *h2, uint32_t why)
{
    h2->state = H2_GOING;
    clock_stop(h2, H2_NOTICE);
    nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(h2->session), why, NULL, 0);
}

static void clock_due(struct h2 *h2, enum H2_CLOCK clock)
{
    clock_stop(h2, clock);
    if (clock == H2_IDLE || clock == H2_NOTICE)
        say_goaway(h2, NGHTTP2_NO_ERROR);
    else
        h2->c->broken = true;
}

enum STEP h2_expire_step(struct connection *c)
{
    struct h2 *h2 = c->h2;
    int64_t now = loop_now_ms(c->server->loop), next = INT64_MAX;
    c->expired = false;
    connection_deadline_none(c);
    for (enum H2_CLOCK clock = 0; clock < H2_CLOCKS; clock++) {
        if (h2->clocks[clock] <= now)
            clock_due(h2, clock);
        next = h2->clocks[clock] < next ? h2->clocks[clock] : next;
    }
    for (struct link *at = h2->streams.after; at != &h2->streams; at = at->after) {
        struct h2_stream *s = LINK_OWNER(at, struct h2_stream, member);
        if (s->deadline_ms <= now)
            h2_stream_expire(s);
        next = s->deadline_ms < next ? s->deadline_ms : next;
    }
    if (next != INT64_MAX)
        connection_deadline_in(c, next - now);
    return STEP_ON;
}

/* -- what the peer sends ---------------------------------------------------------------------- */

static struct h2_stream *find(nghttp2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session, id);
}

static void spend_calm(struct h2 *h2)
{
    int64_t now = loop_now_ms(h2->c->server->loop);
    int64_t raised = (now - h2->calm_ms) * CALM_A_SECOND / 1000;
    if (raised && h2->calm < CALM_FIRST)
        h2->calm = h2->calm + raised < CALM_FIRST ? h2->calm + raised : CALM_FIRST;
    if (raised)
        h2->calm_ms = now;
    if (--h2->calm < 0 && h2->state != H2_GOING)
        say_goaway(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

static int on_frame_begins(nghttp2_session *session, const nghttp2_frame_hd *head, void *user)
{
    bool useful = head->type == NGHTTP2_HEADERS || head->type == NGHTTP2_CONTINUATION ||
                  (head->type == NGHTTP2_DATA && (head->length || head->flags));
    if (!useful)
        spend_calm(user);
    return 0;
}

static int on_head_begins(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    h2_clock_in(h2, H2_HEAD, h2->c->server->limits.head_ms);
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST)
        return 0;
    if (h2->stream_count >= 2 * h2->c->server->limits.streams) /* half of them were reset */
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
    struct h2_stream *s = h2_stream_new(h2, frame->hd.stream_id);
    return nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, s);
}

static int on_field(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                    size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                    void *user)
{
    struct h2 *h2 = user;
    const struct http_limits *limits = &h2->c->server->limits;
    struct h2_stream *s = find(session, frame->hd.stream_id);
    if (!s || frame->headers.cat != NGHTTP2_HCAT_REQUEST) /* trailers tell us nothing */
        return 0;
    if (s->head.size <= limits->head_bytes && s->head.fields.count <= limits->field_count)
        h2_head_note(&s->x->arena, &s->head, span_of((const char *)name, name_len),
                     span_of((const char *)value, value_len));
    return 0;
}

static void frame_of_stream(struct h2_stream *s, const nghttp2_frame *frame)
{
    s->x->bytes_in += frame->hd.length + FRAME_HEAD;
    if (frame->hd.type == NGHTTP2_DATA)
        s->x->bytes_in -= frame->hd.length - frame->data.padlen; /* counted as it came */
    s->ended |= frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        h2_stream_announce(s);
    if (s->ended)
        h2_stream_queue(s);
}

static int on_frame_received(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    bool acknowledged = frame->hd.flags & NGHTTP2_FLAG_ACK;
    if (frame->hd.type == NGHTTP2_HEADERS)
        clock_stop(h2, H2_HEAD);
    if (frame->hd.type == NGHTTP2_PING && acknowledged && h2->state == H2_NOTICED)
        say_goaway(h2, NGHTTP2_NO_ERROR);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    struct h2_stream *s = find(session, frame->hd.stream_id);
    if (s)
        frame_of_stream(s, frame);
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *bytes,
                   size_t len, void *user)
{
    struct h2_stream *s = find(session, id);
    if (s)
        h2_stream_receive(s, span_of((const char *)bytes, len));
    else
        nghttp2_session_consume(session, id, len);
    return 0;
}

static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
    struct h2 *h2 = user;
    if (frame->hd.type == NGHTTP2_RST_STREAM)
        spend_calm(h2); /* who makes us reset streams does no less (CVE-2025-8671) */
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA)
        return 0;
    if (h2->calm < CALM_MOST)
        h2->calm += CALM_A_FRAME;
    struct h2_stream *s = find(session, frame->hd.stream_id);
    if (!s)
        return 0;
    s->x->bytes_out += frame->hd.length + FRAME_HEAD;
    if (s->submitted && !s->deferred)
        h2_stream_deadline_in(s, h2->c->server->limits.write_stall_ms);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        h2_stream_deadline_in(s, LINGER_MS);
    return 0;
}

static int on_stream_closed(nghttp2_session *session, int32_t id, uint32_t error, void *user)
{
    struct h2_stream *s = find(session, id);
    if (s)
        h2_stream_leave(s);
    return 0;
}

/* -- making ----------------------------------------------------------------------------------- */

static nghttp2_session *session_new(struct h2 *h2)
{
    nghttp2_session *session = NULL;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    if (nghttp2_session_callbacks_new(&callbacks) < 0 || nghttp2_option_new(&option) < 0)
        log_fatal("out of memory for a connection");
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, on_frame_begins);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_head_begins);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_field);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_sent);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_closed);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    if (nghttp2_session_server_new2(&session, callbacks, h2, option) < 0)
        log_fatal("out of memory for a connection");
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return session;
}

static void say_settings(struct h2 *h2)
{
    const struct http_limits *limits = &h2->c->server->limits;
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)limits->streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->head_bytes},
    };
    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, ARRAY_LEN(settings)) ||
        nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, WINDOW))
        h2->c->broken = true;
}

void h2_begin(struct connection *c)
{
    struct h2 *h2 = calloc(1, sizeof *h2);
    if (!h2)
        log_fatal("out of memory for a connection");
    *h2 = (struct h2){.c = c, .calm = CALM_FIRST, .calm_ms = loop_now_ms(c->server->loop)};
    h2->session = session_new(h2);
    link_init(&h2->streams);
    link_init(&h2->ready);
    for (enum H2_CLOCK clock = 0; clock < H2_CLOCKS; clock++)
        clock_stop(h2, clock);
    c->h2 = h2;
    c->input = INPUT_FRAMES;
    connection_deadline_none(c);
    h2_clock_in(h2, H2_IDLE, c->server->limits.idle_ms);
    say_settings(h2);
    h2_receive(h2, S(H2_PREFACE_LINE));
}

/* -- steps ------------------------------------------------------------------------------------ */

void h2_receive(struct h2 *h2, struct span received)
{
    ssize_t n = nghttp2_session_mem_recv(h2->session, (const uint8_t *)received.at, received.len);
    h2->c->broken |= n < 0; /* floods, and what is not HTTP/2 at all */
}

/* Those that are queued now; what they queue comes in the next step. */
static bool work_ready(struct h2 *h2)
{
    struct link now;
    bool worked = !link_is_empty(&h2->ready);
    link_move(&now, &h2->ready);
    for (struct link *link; (link = link_take(&now));)
        h2_stream_step(LINK_OWNER(link, struct h2_stream, ready));
    return worked;
}

/* 0, or negative errno. */
static int fill(struct h2 *h2)
{
    while (h2->out.len < OUT_BYTES) {
        const uint8_t *frame;
        ssize_t n = nghttp2_session_mem_send(h2->session, &frame);
        if (n <= 0)
            return n < 0 ? -EPROTO : 0;
        if (!h2->out.cap)
            server_take_buf(h2->c->server, &h2->out);
        buf_append(&h2->out, span_of((const char *)frame, (size_t)n));
    }
    return 0;
}

/* 0 when all is sent, 1 when there is more, or negative errno. */
static int send_frames(struct h2 *h2)
{
    struct connection *c = h2->c;
    for (int round = 0; round < ROUNDS; round++) {
        int error = fill(h2);
        if (error < 0)
            return error;
        struct span rest = span_from(buf_span(&h2->out), h2->out_done);
        if (!rest.len)
            return 0;
        struct iovec part = {(void *)(uintptr_t)rest.at, rest.len};
        ssize_t n = stream_write(&c->stream, &part, 1, STREAM_PUSH);
        if (n < 0)
            return (int)n;
        clock_stop(h2, H2_WRITE);
        h2->out_done += (size_t)n;
        if (h2->out_done == h2->out.len) {
            server_store_buf(c->server, &h2->out);
            h2->out_done = 0;
        }
    }
    return 1;
}

/* All that were asked are answered, and there will be no further ones. */
static bool is_over(const struct h2 *h2)
{
    return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session) &&
           !h2->stream_count;
}

/* A first GOAWAY that lets what is on its way come in, a second once the peer has heard it (RFC
 * 9113 section 6.8). */
static void give_notice(struct h2 *h2)
{
    h2->state = H2_NOTICED;
    nghttp2_submit_shutdown_notice(h2->session);
    nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL);
    h2_clock_in(h2, H2_NOTICE, NOTICE_MS);
}

enum STEP h2_step(struct connection *c)
{
    struct h2 *h2 = c->h2;
    if (c->server->draining && h2->state == H2_SERVING)
        give_notice(h2);
    bool worked = work_ready(h2);
    int r = send_frames(h2);
    if (r == -EAGAIN) {
        if (h2->clocks[H2_WRITE] == INT64_MAX)
            h2_clock_in(h2, H2_WRITE, c->server->limits.write_stall_ms);
        return worked ? STEP_ON : STEP_WAIT;
    }
    if (r < 0) {
        c->broken = true;
        return STEP_ON;
    }
    if (is_over(h2)) {
        h2_free(h2);
        c->h2 = NULL;
        connection_linger(c);
        return STEP_ON;
    }
    if (worked || !link_is_empty(&h2->ready))
        return STEP_ON;
    return r ? STEP_LATER : STEP_WAIT;
}

enum STEP h2_leave_step(struct connection *c)
{
    struct h2 *h2 = c->h2;
    nghttp2_session_del(h2->session);
    h2->session = NULL;
    for (struct link *at = h2->streams.after, *next; at != &h2->streams; at = next) {
        next = at->after;
        h2_stream_leave(LINK_OWNER(at, struct h2_stream, member));
    }
    if (!h2->stream_count)
        return STEP_GONE;
    connection_detach(c);
    return STEP_WAIT;
}

void h2_free(struct h2 *h2)
{
    nghttp2_session_del(h2->session);
    h2->session = NULL;
    while (!link_is_empty(&h2->streams)) {
        struct h2_stream *s = LINK_OWNER(h2->streams.after, struct h2_stream, member);
        exchange_call_gone(s->x);
        h2_stream_finish(s);
    }
    if (h2->out.cap)
        server_store_buf(h2->c->server, &h2->out);
    free(h2);
}
