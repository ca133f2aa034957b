// SPDX-License-Identifier: Apache-2.0
/*
 * Replies that go on: asks a feed for messages and sends them. What a feed read may be younger than
 * the durable mark; then the messages wait like any reply. A client that does not read stops it
 * all: nothing is asked for while much is waiting to be sent. Loop thread.
 */
#include "gate/request.h"

#include "base/time.h"
#include "wire/encoder.h"
#include "wire/event_stream.h"
#include "wire/feed.h"

#include <stddef.h>

#define WAITING_MAX (1 << 20) /* bytes given to HTTP and not sent */
#define PIECE_MAX (1 << 20)   /* bytes given to HTTP at once */
#define ANSWER_MAX (32 << 20) /* bytes of one answer of the feed */
#define LOOK_MS 500           /* whether the server is being stopped */

struct feeding {
    struct request *r;
    struct timer timer;
    struct buf answer; /* of the feed, `sent` bytes of it given to HTTP */
    size_t sent;
    int64_t next_ms;
    bool ended; /* the feed has said all */
    bool held;  /* the answer is not durable yet */
    bool lending;
    bool busy; /* in `pump` */
};

static void go_on(struct feeding *feeding);

static void ask(struct feeding *feeding)
{
    struct request *r = feeding->r;
    struct call *c = &r->call;
    struct arena_mark mark = arena_mark(c->arena);
    c->now_ms = clock_now_ms();
    c->txn = txn_begin(r->gate->config->cloud->store);
    buf_clear(&feeding->answer);
    feeding->sent = 0;
    feeding->busy = true;
    feeding->ended = c->feed->pump(c->feed, c, &feeding->answer, &feeding->next_ms) == FEED_ENDED;
    feeding->busy = false;
    uint64_t ticket = 0;
    struct txn *txn = c->txn;
    c->txn = NULL;
    if (txn_commit(txn, &ticket) < 0 || feeding->answer.over)
        feeding->ended = true;
    arena_rewind(c->arena, mark);
    r->ticket = ticket;
    if ((feeding->answer.len || c->feed->lent.len) &&
        ticket > store_durable(r->gate->config->cloud->store)) {
        feeding->held = true;
        hold_reply(r);
    }
}

/* What is sent from where it lies goes alone, and nothing is asked for before it is gone. */
static bool lend(struct feeding *feeding)
{
    struct http_exchange *x = feeding->r->x;
    struct span *lent = &feeding->r->call.feed->lent;
    if (lent->len && !feeding->lending && !http_reply_waiting(x)) {
        http_reply_lend(x, *lent);
        feeding->lending = true;
    }
    if (lent->len && (!feeding->lending || http_reply_waiting(x)))
        return false;
    feeding->lending = false;
    *lent = SPAN_NONE;
    return true;
}

/* True when all of the answer is HTTP's. */
static bool give(struct feeding *feeding)
{
    struct http_exchange *x = feeding->r->x;
    while (feeding->sent < feeding->answer.len && http_reply_waiting(x) < WAITING_MAX) {
        struct span piece =
            span_first(span_from(buf_span(&feeding->answer), feeding->sent), PIECE_MAX);
        http_reply_write(x, piece);
        feeding->sent += piece.len;
    }
    return feeding->sent == feeding->answer.len && lend(feeding) &&
           http_reply_waiting(x) < WAITING_MAX;
}

static void rest(struct feeding *feeding)
{
    int64_t look_ms = clock_steady_ms() + LOOK_MS;
    int64_t next_ms = feeding->next_ms < look_ms ? feeding->next_ms : look_ms;
    loop_timer_set(feeding->r->gate->loop, &feeding->timer, next_ms);
}

static void go_on(struct feeding *feeding)
{
    struct http_exchange *x = feeding->r->x;
    if (feeding->held || feeding->busy || !give(feeding))
        return;
    if (!feeding->ended && http_is_draining(x))
        feeding->ended = true;
    if (!feeding->ended)
        ask(feeding);
    if (feeding->held || !give(feeding))
        return;
    if (feeding->ended) {
        loop_timer_clear(feeding->r->gate->loop, &feeding->timer);
        http_reply_end(x);
    } else {
        rest(feeding);
    }
}

static void on_timer(struct timer *timer)
{
    go_on((struct feeding *)((char *)timer - offsetof(struct feeding, timer)));
}

static void on_wake(struct feed *feed, int64_t at_ms)
{
    struct feeding *feeding = feed->user;
    int64_t now_ms = clock_steady_ms();
    loop_timer_set(feeding->r->gate->loop, &feeding->timer, at_ms > now_ms ? at_ms : now_ms);
}

void feed_begin(struct request *r)
{
    struct feeding *feeding = ARENA_NEW(r->call.arena, struct feeding);
    *feeding = (struct feeding){.r = r, .timer.due = on_timer};
    buf_init(&feeding->answer, ANSWER_MAX);
    r->feeding = feeding;
    r->call.feed->user = feeding;
    r->call.feed->wake = on_wake;
    event_stream_append_initial(&r->call, r->out, &feeding->answer);
    go_on(feeding);
}

void feed_durable(struct request *r, int error)
{
    r->feeding->held = false;
    r->feeding->ended |= error != 0;
    go_on(r->feeding);
}

void feed_room(struct request *r)
{
    if (r->feeding)
        go_on(r->feeding);
}

void feed_finish(struct request *r)
{
    struct feeding *feeding = r->feeding;
    if (!r->call.feed)
        return;
    if (feeding) {
        loop_timer_clear(r->gate->loop, &feeding->timer);
        buf_done(&feeding->answer);
        r->feeding = NULL;
    }
    r->call.feed->end(r->call.feed);
    r->call.feed = NULL;
}
