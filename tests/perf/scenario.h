// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What a load consists of: a ring of requests, prepared or made when their turn comes, which are
 * signed each time they are sent, and what their replies must be. One per thread, since the ring
 * holds the time of signing.
 */
#include "base/arena.h"
#include "base/hash.h"
#include "wire/sigv4.h"

struct options {
    struct span host; /* with port, as it goes into the Host field */
    char address[16]; /* IPv4, in text */
    uint16_t port;
    size_t connections, threads;
    double seconds;
    uint64_t requests; /* stop after that many replies; 0 = by time */
    size_t keys;       /* different items or objects */
    size_t first;      /* number of the first one that dynamodb-load writes */
    size_t item;       /* bytes of an item that it writes */
    double rate;       /* requests a second, sent whether or not others are under way; 0: as fast as
                          replies come */
    uint64_t large;    /* bytes of the large object */
    uint64_t sample;   /* every n-th reply is compared */
    struct span access_key, secret, region, bucket, table, iterator, upload;
    int json; /* print one JSON object instead of a sentence */
};

enum REPLY_CHECK {
    REPLY_CONTAINS,      /* the body contains `expected` */
    REPLY_EQUALS,        /* the body is `expected` */
    REPLY_HEAD_CONTAINS, /* the head does */
    REPLY_PATTERN,       /* the body is scenario_pattern over and over */
    REPLY_STATUS,        /* the status says enough */
};

struct request {
    struct sigv4_request signed_part;
    struct span before_date; /* the request's text up to the value of X-Amz-Date */
    struct span body, expected;
    uint64_t pattern_len; /* bytes of scenario_pattern that are sent behind the head, unsigned */
    struct span payload;  /* x-amz-content-sha256 */
};

struct scenario {
    const struct scenario_kind *kind;
    const struct options *options;
    struct arena arena; /* the ring */
    struct arena_mark prepared;
    struct arena scratch;
    struct request *ring;
    size_t ring_size, next;
    uint64_t number; /* of the next item that is written, or of the chance of the next one read */
    uint64_t end;    /* of the items that are written */
    enum REPLY_CHECK check;
    struct hmac_key key;
    struct sigv4_claim claim;
    char timestamp[40], date[9];
    int64_t second; /* of `timestamp` */
};

/* False when there is no scenario of that name. Of so many `threads` this is number `thread`: each
 * goes round the ring from another place and writes other items. */
struct scenario_share {
    size_t thread, threads;
};
int scenario_init(struct scenario *scenario, struct span name, const struct options *options,
                  const struct scenario_share *share);
void scenario_done(struct scenario *scenario);
/* The names, one per line, for the usage text. */
const char *scenario_names(void);
/* The next request of the ring. One that is made when it is sent has its texts until the next. */
const struct request *scenario_next(struct scenario *scenario);
/* Writes it as it goes over the wire, signed for `now_ms`; the bytes written, at most `size`. */
size_t scenario_write(struct scenario *scenario, const struct request *request, int64_t now_ms,
                      char *to, size_t size);

/* The large object is this block over and over: 131,072 decimal numbers of eight digits. */
#define PATTERN_SIZE (1024 * 1024)
const char *scenario_pattern(void);
