// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * HTTP/2 (RFC 9113) on a connection whose first bytes were its preface, in clear or under TLS.
 * nghttp2 reads and writes frames; here its streams become exchanges that look to the handler like
 * those of HTTP/1.1. What is of one connection is in h2.c, of one stream in h2_stream.c. One
 * thread.
 */
#include "http/connection.h"
#include "http/h2_head.h"
#include "http/reply_head.h"

#include <nghttp2/nghttp2.h>

#define H2_PREFACE_LINE "PRI * HTTP/2.0\r\n\r\n" /* RFC 9113 section 3.4; SM follows */

/* What a connection waits for, each with its deadline. */
enum H2_CLOCK {
    H2_IDLE,   /* a first stream, or the next */
    H2_HEAD,   /* the rest of a field block */
    H2_WRITE,  /* that the socket takes bytes */
    H2_NOTICE, /* that the peer has heard that we are about to go */
    H2_CLOCKS,
};

enum H2_STATE { H2_SERVING, H2_NOTICED /* of a drain */, H2_GOING /* GOAWAY is said */ };

struct h2 {
    struct connection *c;
    nghttp2_session *session; /* NULL once the peer is gone */
    struct link streams, ready;
    size_t stream_count; /* exchanges, also of streams that the peer has reset */
    struct buf out;      /* frames, `out_done` bytes of them sent */
    size_t out_done;
    int64_t clocks[H2_CLOCKS]; /* when due, INT64_MAX never */
    enum H2_STATE state;
    int64_t calm, calm_ms; /* frames that the peer may yet send for nothing; when last raised */
};

struct h2_stream {
    struct exchange *x; /* which this lies in the arena of */
    struct h2 *h2;
    struct link member, ready;
    int32_t id;
    struct h2_head head;
    struct buf unread; /* of the body, from `used` on: not yet taken */
    size_t used;
    nghttp2_nv *reply; /* the head of the reply, once there is one */
    size_t reply_count;
    int64_t deadline_ms;
    bool ended;        /* the request is wholly received */
    bool closed;       /* there is no such stream for nghttp2 any more */
    bool paused;       /* by the handler */
    bool continue_due; /* a 100 Continue */
    bool submitted;    /* nghttp2 has the reply's head */
    bool deferred;     /* … and waits for more of the reply */
    bool broken;       /* the reply cannot be what was promised */
};

/* The connection has sent the request line of the preface; what follows is for h2_receive. */
void h2_begin(struct connection *c);
/* Takes all of it. */
void h2_receive(struct h2 *h2, struct span received);
/* Steps of a connection's turn. STEP_WAIT of the first: nothing to do, the socket may be read. */
enum STEP h2_step(struct connection *c);
enum STEP h2_expire_step(struct connection *c);
enum STEP h2_leave_step(struct connection *c);
/* Finishes its exchanges, even those that owe a reply. */
void h2_free(struct h2 *h2);
void h2_clock_in(struct h2 *h2, enum H2_CLOCK clock, int64_t ms);

/* The stream of a request, `x` taken from the server's store. */
struct h2_stream *h2_stream_new(struct h2 *h2, int32_t id);
/* The field block is whole. */
void h2_stream_announce(struct h2_stream *s);
void h2_stream_receive(struct h2_stream *s, struct span bytes);
/* A step before the connection waits again. */
void h2_stream_queue(struct h2_stream *s);
void h2_stream_step(struct h2_stream *s);
/* nghttp2 has closed it, or the connection ends: finishes the exchange unless it owes a reply. */
void h2_stream_leave(struct h2_stream *s);
void h2_stream_finish(struct h2_stream *s);
void h2_stream_deadline_in(struct h2_stream *s, int64_t ms);
void h2_stream_expire(struct h2_stream *s);
/* What http_take_…, http_pause, http_resume and http_reply do for an exchange of HTTP/2. */
void h2_stream_refuse(struct h2_stream *s, int status);
void h2_stream_take(struct h2_stream *s);
void h2_stream_pause(struct h2_stream *s);
void h2_stream_resume(struct h2_stream *s);
void h2_stream_reply(struct h2_stream *s, const struct reply_head *head);
