// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * An exchange with what the server keeps of it beside what the handler sees. Recycled with its
 * arena, so that a request on a kept connection allocates nothing. One thread.
 */
#include "http/output.h"
#include "http/server.h"

struct connection;
struct h2_stream;
struct http_head;

enum TAKE { TAKE_NOTHING, TAKE_WHOLE, TAKE_STREAM };

struct exchange {
    struct http_exchange pub; /* first */
    struct arena arena;
    struct exchange *next; /* in the server's store */
    struct connection *connection;
    struct h2_stream *h2; /* or NULL: HTTP/1.1 */
    enum TAKE take;
    size_t whole_limit;
    struct buf whole;   /* a body of TAKE_WHOLE that is too long for the arena, or chunked */
    int refuse_status;  /* the server shall refuse with this, 0 = no */
    bool announced;     /* `head` was called, so `finished` is due */
    bool completed;     /* `complete` was called */
    bool replied;       /* a reply was given, by the handler or the server */
    bool streaming;     /* … by http_reply_begin, and http_reply_end has not come */
    bool chunked_reply; /* pieces are framed */
    bool silent_reply;  /* HEAD, 204, 304: pieces are dropped */
    bool wants_room;    /* pieces were written since the last `room` */
    bool gone;
    bool keep_alive;   /* the request wishes it */
    bool close;        /* the reply said Connection: close */
    int minor;         /* of the request's version */
    uint64_t promised; /* bytes that are to come of a streamed reply with a length */
    uint64_t bytes_in, bytes_out;
    struct output output;
    /* http_reply_lend: the chunk's size, the bytes, what ends the chunk */
    char lent_head[24];
    struct http_segment lent[3];
};

static inline struct exchange *exchange_of(struct http_exchange *x)
{
    return (struct exchange *)x;
}

struct exchange *exchange_new(void);
void exchange_free(struct exchange *x);
/* Ready for the next request; keeps the first block of its arena. */
void exchange_reset(struct exchange *x);
/* Copies what the handler shall see of a head. */
void exchange_show_head(struct exchange *x, const struct http_head *head);

/* Collecting the body of TAKE_WHOLE. False: it grows above the limit. */
MUST_CHECK bool exchange_collect(struct exchange *x, struct span piece);
/* The piece after which no more will come. */
void exchange_collected(struct exchange *x);

/* Tells the handler that no reply can follow, if one is due. */
void exchange_call_gone(struct exchange *x);
/* The server's own reply, of its refuse_status. */
void exchange_refuse(struct exchange *x);
/* The last: x is the server's again. */
void exchange_finish(struct exchange *x);

/* Nothing of the reply is left to send or to come. */
static inline bool exchange_is_sent(const struct exchange *x)
{
    return x->replied && !x->streaming && output_is_empty(&x->output);
}
