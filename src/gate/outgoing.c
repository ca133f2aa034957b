// SPDX-License-Identifier: Apache-2.0
/*
 * Bodies with sealed extents: workers open the next piece while what came before is being sent. A
 * few pieces at most wait in the connection, so memory is flat whatever the length. Loop thread.
 */
#include "gate/request.h"

#include "base/log.h"
#include "store/outlet.h"

#include <string.h>

#define WAITING_MAX (OUTLET_PIECE / 2) /* bytes unsent when the next piece is asked for */

static void ask_for_more(struct request *r)
{
    if (r->drawing || outlet_is_done(r->outlet) || http_reply_waiting(r->x) > WAITING_MAX)
        return;
    r->drawing = true;
    outlet_next(r->outlet);
}

static void finish(struct request *r)
{
    http_reply_write(r->x, r->reply.stream->bytes);
    http_reply_end(r->x);
}

static void on_piece(struct outlet *outlet, void *user, struct buf *bytes, int error)
{
    struct request *r = user;
    if (error < 0) {
        log_error("an object cannot be read: %s", strerror(-error));
        http_reply_end(r->x); /* too early: the client sees that bytes are missing */
        return;
    }
    r->drawing = false;
    http_reply_give(r->x, bytes);
    if (outlet_is_done(outlet))
        finish(r);
    else
        ask_for_more(r);
}

void outgoing_begin(struct request *r, const struct http_reply *reply)
{
    const struct body *body = r->reply.stream;
    const struct cloud *cloud = r->gate->config->cloud;
    struct http_reply sized = *reply;
    sized.announced_length = body->len;
    r->outlet =
        outlet_new(cloud->store, cloud->workers, r->gate->loop, body->parts, body->part_count);
    outlet_on(r->outlet, &(struct outlet_events){.piece = on_piece, .user = r});
    http_reply_begin(r->x, &sized);
    ask_for_more(r);
}

void outgoing_room(struct request *r)
{
    if (r->outlet)
        ask_for_more(r);
}

void outgoing_end(struct request *r)
{
    if (r->outlet)
        outlet_free(r->outlet);
    r->outlet = NULL;
}
