// SPDX-License-Identifier: Apache-2.0
#pragma once
/* One keep-alive connection of the generator: sends the next request as soon as a reply is whole.
 */
#include "latency.h"
#include "scenario.h"

#include <stdbool.h>

#define CONNECTION_OUT (1 << 20) /* bytes of a request */
#define CONNECTION_IN 65536

struct tally {
    struct latency latency;
    uint64_t sent, done, errors, verified, bytes /* of bodies */, connects;
    char first_error[512];
};

struct connection {
    int fd, epoll;
    struct scenario *scenario;
    struct tally *tally;
    const struct request *request; /* the one that is under way, or NULL */
    uint64_t begun_us;
    bool verify, wants_out;
    size_t out_len, out_sent, in_len;
    uint64_t pattern_sent;
    /* The reply, once its head is whole: */
    int status; /* 0 before */
    bool closes, chunked, until_end, streamed;
    size_t head_len;
    uint64_t body_len, body_at;
    char out[CONNECTION_OUT];
    char in[CONNECTION_IN];
};

/* Connects and registers with the epoll instance, with the connection as its datum. Negative errno
 * on failure. */
int connection_open(struct connection *connection);
void connection_close(struct connection *connection);
/* Sends the next request of the scenario, signed for `now_ms`. */
int connection_send(struct connection *connection, int64_t now_ms);
/* Reads and writes what can be. True when the reply has become whole (or failed: it is counted as
 * an error and the connection is new): the connection is idle then. */
bool connection_advance(struct connection *connection);
uint64_t connection_now_us(void);
