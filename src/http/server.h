// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * A server of HTTP/1.1 (RFC 9112) and HTTP/2 (RFC 9113) on one loop: strict parsing, keep-alive,
 * pipelining (requests of a connection are handed over one at a time, in order), Expect:
 * 100-continue, chunked both ways, ceilings on every size, deadlines against slow clients, TLS. A
 * connection is of HTTP/2 when it begins with its preface, under TLS after ALPN; its requests are
 * handed over as they come. One thread: the loop's. A connection stays on its loop.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/header.h"
#include "loop/loop.h"

struct http_server;
struct tls_context; /* http/tls.h */

/* A request and its reply. Owned by the server; valid from `head` until `finished`. */
struct http_exchange {
    struct span method, target; /* as on the request line */
    struct span path, query;    /* of the target; query without '?', absent when there is none */
    struct span host;           /* of an absolute-form target, else of the Host field; HTTP/1.0 may
                                   have none */
    struct headers headers;     /* lower-case names */
    uint64_t content_length;    /* meaningful unless chunked */
    bool has_body, chunked /* or, in HTTP/2, of unknown length */, head_only /* HEAD */,
        expects_continue;
    uint16_t tls;        /* its version: 0x0303 is 1.2; 0 in the clear */
    struct span peer;    /* textual IP address, without port */
    struct arena *arena; /* of this exchange, for the handler too; reset when it finishes */
    struct span body;    /* after http_take_whole: all of it */
    void *user;          /* the handler's */
    struct loop *loop;
};

/*
 * The handler's callbacks, all on the loop and never from inside one of the http_* functions below.
 * After `head` every exchange ends with exactly one `finished`. Before `complete` it follows `gone`
 * by itself. From `complete` on the handler may have work for it on another thread, so the exchange
 * lives until http_reply is called, whether the peer is still there or not.
 */
struct http_handler {
    /* The head is complete. Calls one of http_take_whole, http_take_stream or http_reply, at once
     * or later. To reply without taking refuses the body: if one was announced, the connection
     * closes after the reply. */
    void (*head)(struct http_handler *handler, struct http_exchange *x);
    /* Bytes of a streamed body, already without HTTP chunking; valid during the call only. May call
     * http_pause: then no piece comes until http_resume. NULL when nothing is streamed. */
    void (*piece)(struct http_handler *handler, struct http_exchange *x, struct span piece);
    /* The request is wholly read. The reply may come now or later, once. Not called after an
     * earlier http_reply. */
    void (*complete)(struct http_handler *handler, struct http_exchange *x);
    /* The peer left, stalled or broke the protocol before http_reply was called: a reply will reach
     * nobody. Optional. */
    void (*gone)(struct http_handler *handler, struct http_exchange *x);
    /* All pieces of a streamed reply have been sent, more may be written. Optional. */
    void (*room)(struct http_handler *handler, struct http_exchange *x);
    /* The last call: the reply was sent, or the connection ended. x is invalid after it. */
    void (*finished)(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                     uint64_t bytes_out);
    /* Body text and content type for a request that is malformed below HTTP's own level (400, 408,
     * 413, 414, 417, 431, 501, 505); may leave both absent. x->user is what `head` made of it, NULL
     * when there was no head yet. Optional. */
    void (*malformed)(struct http_handler *handler, struct http_exchange *x, int status,
                      struct span *ret_type, struct span *ret_body);
};

struct http_limits {
    size_t head_bytes;      /* request line and fields together: 64 KiB */
    size_t field_count;     /* 200 */
    int64_t head_ms;        /* from first byte to complete head: 10 s */
    int64_t idle_ms;        /* between requests: 75 s */
    int64_t body_stall_ms;  /* without a byte of body: 30 s */
    int64_t write_stall_ms; /* without progress in sending: 60 s */
    size_t connections;     /* per server: 20,000; further ones are closed at once */
    size_t streams;         /* of HTTP/2, per connection at the same time: 100 */
};
extern const struct http_limits http_default_limits;

/* `limits` NULL: http_default_limits. `handler` and `limits`' values are kept; the handler outlives
 * the server. SIGPIPE is ignored from now on, for the whole process: a peer may leave while
 * sendfile or OpenSSL write to it. Negative errno on failure. */
MUST_CHECK int http_server_new(struct http_server **ret, struct loop *loop,
                               struct http_handler *handler, const struct http_limits *limits);
/* Takes over an accepted, non-blocking socket, which speaks TLS where `tls` is not NULL; that
 * outlives the server. Loop thread. */
void http_server_adopt(struct http_server *server, int fd, struct tls_context *tls);
/* Graceful stop: idle connections close now, busy ones after their reply with Connection: close;
 * `drained` is called from the loop when none is left. Loop thread. */
void http_server_drain(struct http_server *server, void (*drained)(void *user), void *user);
/* Ends what is left: its exchanges get `gone` and `finished`, so no other thread may still work for
 * one. Not from inside a callback. Accepts NULL. */
void http_server_free(struct http_server *server);
size_t http_server_connections(const struct http_server *server);

/* The connection's socket, for its addresses; -1 when the peer is gone. */
int http_descriptor(const struct http_exchange *x);
/* The server is being drained: a reply that could go on for long should end. */
bool http_is_draining(const struct http_exchange *x);

/* How many routers the packets of the reply may pass; 0: as many as the system says. IPv4. */
void http_set_hops(struct http_exchange *x, int hops);

/* Collect the body into x->body; above `limit` bytes the reply is 413 through `malformed`. */
void http_take_whole(struct http_exchange *x, size_t limit);
void http_take_stream(struct http_exchange *x);
/* While paused nothing is read from the peer, and it is not timed. */
void http_pause(struct http_exchange *x);
void http_resume(struct http_exchange *x);

/* A part of a reply body: memory (valid until `finished`), or a range of a file (sendfile where
 * possible). */
struct http_segment {
    struct span bytes;
    int fd;          /* used when bytes is absent; stays open until `finished` */
    uint64_t offset; /* bytes */
    uint64_t len;
};

enum HTTP_AFTER { HTTP_KEEP, HTTP_CLOSE };

struct http_reply {
    int status;             /* 200 … 999 */
    struct headers headers; /* without Content-Length, Connection, Date: the server writes these.
                               Bytes that no field may hold become blanks. Copied */
    const struct http_segment *segments; /* in the exchange's arena; not sent for HEAD, 204, 304 */
    size_t segment_count;
    uint64_t announced_length; /* for HEAD and 304: what Content-Length shall say; 0: the segments'
                                  sum, in a 304 none */
    bool no_length;            /* HEAD whose length is not known: unless announced */
    enum HTTP_AFTER after;
};
/* Once per exchange. It is sent after control returns to the loop; after `gone` it is dropped. */
void http_reply(struct http_exchange *x, const struct http_reply *reply);
/* Streaming replies: begin, write pieces, end. With reply->announced_length exactly so many bytes
 * are written, and an end before the last of them breaks the connection; else they are chunked (to
 * HTTP/1.0 clients until the end of the connection). reply->segments are not used. */
void http_reply_begin(struct http_exchange *x, const struct http_reply *reply);
/* Copies the piece. The writer keeps http_reply_waiting small by waiting for `room`: above 4 MiB
 * the connection is dropped. */
void http_reply_write(struct http_exchange *x, struct span piece);
/* The same without copying, as a rule: afterwards the buffer has other memory, and its contents
 * mean nothing. */
void http_reply_give(struct http_exchange *x, struct buf *piece);
/* Sends the piece from where it lies. Only while nothing is waiting; the bytes stay as they are
 * until nothing is waiting again, or `finished`. */
void http_reply_lend(struct http_exchange *x, struct span piece);
size_t http_reply_waiting(const struct http_exchange *x); /* bytes */
void http_reply_end(struct http_exchange *x);
