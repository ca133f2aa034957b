// SPDX-License-Identifier: Apache-2.0
#pragma once
/* A server from inside: what its connections share. One thread. */
#include "base/time.h"
#include "http/connection.h"

#define SCRATCH_BYTES (128 << 10) /* received at once */
#define STORED_EXCHANGES 256
#define STORED_BUFS 32
#define STORED_BUF_BYTES (64 << 10) /* longer ones are freed */

struct http_server {
    struct loop *loop;
    struct http_handler *handler;
    struct http_limits limits;

    struct link connections, queue;
    size_t connection_count;
    struct tick tick;   /* turns for the queue */
    struct timer timer; /* the same, for what is queued behind our tick */

    struct exchange *stored; /* to use again */
    size_t stored_count;
    struct buf bufs[STORED_BUFS];
    size_t buf_count;

    bool draining;
    void (*drained)(void *user);
    void *drained_user;

    int64_t date_second; /* on the loop's clock */
    struct span date;
    char date_text[TIME_TEXT_SIZE];
    char received[SCRATCH_BYTES];         /* holds nothing between two steps */
    char file_scratch[HTTP_FILE_SCRATCH]; /* the same */
};

struct exchange *server_take_exchange(struct http_server *server);
void server_store_exchange(struct http_server *server, struct exchange *x);
/* An empty buffer with a ceiling of `ceiling`, perhaps with memory; and back. */
void server_take_buf(struct http_server *server, struct buf *ret);
void server_store_buf(struct http_server *server, struct buf *buf);
/* The Date field's value, made once a second. */
struct span server_date(struct http_server *server);
void server_queue(struct http_server *server, struct link *queued);
/* After a connection was freed. */
void server_count_out(struct http_server *server);
