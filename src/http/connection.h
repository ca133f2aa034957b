// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A connection: a machine that is given turns. A turn takes steps until there is nothing to do
 * without the peer or the handler; it is begun only by the loop (an event, a timer, the end of a
 * tick), never from inside a callback. What the handler calls sets flags and queues a turn. One
 * thread.
 */
#include "http/chunk.h"
#include "http/exchange.h"
#include "http/head.h"
#include "http/link.h"
#include "http/stream.h"

enum INPUT {
    INPUT_HEAD,   /* between requests, or inside a head */
    INPUT_BODY,   /* inside a body */
    INPUT_WHOLE,  /* the request is read; what comes behind it waits */
    INPUT_FRAMES, /* HTTP/2: everything is in frames */
    INPUT_LINGER, /* the last reply is sent; what still comes is dropped */
};

enum STEP { STEP_ON, STEP_LATER /* others first */, STEP_WAIT, STEP_GONE };

struct h2;

struct connection {
    struct watch watch;
    struct stream stream;
    struct http_server *server;
    struct link member; /* of the server's connections */
    struct link queued; /* for a turn */
    bool turning;

    /* What the descriptor last said (edge-triggered), and the deadline. */
    bool readable, peer_ended, broken;
    bool detached; /* the peer is gone, a reply is owed: no descriptor any more */
    struct timer timer;
    int64_t deadline_ms; /* the timer may be set sooner: it looks here when due */
    bool expired;
    bool write_blocked;

    enum INPUT input;
    struct buf unread; /* what was received and not yet used, from `used` on */
    size_t used;
    bool starved; /* `unread` is no use without more bytes */
    struct http_head_scan scan;
    bool in_head; /* bytes of a head have come, its deadline runs */
    bool paused;
    uint64_t left; /* bytes of a body with length */
    struct http_chunks chunks;
    uint64_t lingered; /* bytes dropped */

    struct exchange *x; /* or NULL between requests, and in HTTP/2 */
    struct h2 *h2;      /* or NULL: HTTP/1.1 (http/h2.h) */
    bool served;        /* a request has come, so no preface of HTTP/2 may follow */
    size_t peer_len;
    char peer[48];
};

/* Waits for a first request; the server counts it. */
struct connection *connection_new(struct http_server *server, struct stream stream);
/* Ends it now: `gone` and `finished` for its exchange, even if a reply is owed. */
void connection_free(struct connection *c);
void connection_turn(struct connection *c);
/* A turn before the loop waits again; nothing during its own turn, which goes on anyhow. */
void connection_queue(struct connection *c);
/* When to give up, unless it is put off again; one at a time. */
void connection_deadline_in(struct connection *c, int64_t ms);
void connection_deadline_none(struct connection *c);
/* The server's own reply to what it cannot accept; then the connection closes. The exchange gets
 * `gone`. */
void connection_refuse(struct connection *c, int status);

/* Closes the socket; the connection lives on for a reply that is owed. */
void connection_detach(struct connection *c);
/* The last byte is written: what still comes is dropped, then the connection ends. */
void connection_linger(struct connection *c);

/* Uses the begin of what was received: heads, bodies. Returns how many bytes; 0 when it takes more
 * bytes, or something else must happen first. */
size_t request_use(struct connection *c, struct span received);
