// SPDX-License-Identifier: Apache-2.0
/*
 * Acknowledged means durable: a reply leaves when the log has been synced past its ticket. One list
 * per loop, in ticket order. When the log can no longer be synced, what waits is answered with an
 * error instead. Loop thread.
 */
#include "gate/request.h"

#include <errno.h>
#include <stddef.h>

static void release(struct gate *gate, uint64_t durable, int error)
{
    while (gate->held_first && (error || gate->held_first->ticket <= durable)) {
        struct request *r = gate->held_first;
        gate->held_first = r->next_held;
        gate->held_count--;
        r->held = false;
        if (r->feeding) {
            feed_durable(r, error);
            continue;
        }
        if (error && r->ticket > durable) {
            r->refusal = refuse_errno(&r->call, error, "making the change durable");
            reply_encode(r);
        }
        reply_send(r);
    }
}

static void on_durable(struct store_waiter *waiter, uint64_t durable, int error)
{
    struct gate *gate = (struct gate *)((char *)waiter - offsetof(struct gate, waiter));
    release(gate, durable, error);
}

void hold_init(struct gate *gate)
{
    gate->waiter.loop = gate->loop;
    gate->waiter.moved = on_durable;
    store_add_waiter(gate->config->cloud->store, &gate->waiter);
}

void hold_forget(struct request *r)
{
    struct request **at = &r->gate->held_first, *before = NULL;
    while (*at && *at != r) {
        before = *at;
        at = &(*at)->next_held;
    }
    if (!*at)
        return;
    *at = r->next_held;
    if (r->gate->held_last == r)
        r->gate->held_last = before;
    r->gate->held_count--;
}

void hold_reply(struct request *r)
{
    struct gate *gate = r->gate;
    struct store *store = gate->config->cloud->store;
    if (r->ticket <= store_durable(store)) {
        if (r->feeding)
            feed_durable(r, 0);
        else
            reply_send(r);
        return;
    }
    r->held = true;
    r->next_held = NULL;
    if (gate->held_first) {
        if (r->ticket < gate->held_last->ticket)
            r->ticket = gate->held_last->ticket; /* one list, one order */
        gate->held_last->next_held = r;
    } else {
        gate->held_first = r;
    }
    gate->held_last = r;
    gate->held_count++;
    store_want(store, r->ticket);
    int error = store_health(store);
    if (error == -EIO) /* it will not move any more */
        release(gate, store_durable(store), error);
}
