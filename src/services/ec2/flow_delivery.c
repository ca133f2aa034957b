// SPDX-License-Identifier: Apache-2.0
/*
 * Files of flow logs. A file has the windows of one log that have ended; it is written, and what it
 * was made of leaves the store, in one transaction, so that a crash neither loses nor repeats a
 * line. A bucket that does not admit it any more gets nothing, and the log says so. A worker.
 */
#include "services/ec2/flow_log.h"

#include "base/log.h"
#include "base/packing.h"
#include "base/time.h"
#include "services/cloud.h"
#include "services/ec2/flow_format.h"
#include "services/ec2/flow_line.h"
#include "store/txn.h"

#include <errno.h>

#define FILE_BYTES ((size_t)32 << 20) /* of text; AWS's files have at most 75 MB */
#define ARENA_FIRST 65536
#define ARENA_CEILING ((size_t)1 << 30)

struct file {
    struct call *c;
    const struct stored_flow_log *log;
    struct flow_format format;
    uint64_t until_ms;
    struct stored_flow_capture *captures; /* of one interface and window */
    size_t count;
    size_t taken;
    bool full; /* there is more */
    struct buf *text;
};

static void end_window(struct file *file)
{
    struct flow_window window = {.format = &file->format,
                                 .captures = file->captures,
                                 .count = file->count,
                                 .interval_s = file->log->interval};
    if (file->count)
        flow_line_window(&window, file->c->arena, file->text);
    file->captures = NULL;
    file->count = 0;
}

static int take(void *user, struct stored_flow_capture *capture)
{
    struct file *file = user;
    if (capture->window > file->until_ms)
        return 1;
    bool same = file->count && capture->window == file->captures[0].window &&
                span_eq(capture->interface, file->captures[0].interface);
    if (!same)
        end_window(file);
    if (!same && file->text->len >= FILE_BYTES) {
        file->full = true;
        return 1;
    }
    file->captures = resource_grow(file->c, file->captures, file->count, sizeof *file->captures);
    file->captures[file->count++] = *capture;
    file->taken++;
    stored_flow_capture_delete(file->c->txn, capture);
    return 0;
}

/* ---- where it goes -----------------------------------------------------------------------------
 */

static struct span pack(struct call *c, struct span text)
{
    struct buf *out = arena_buf(c->arena, 2 * FILE_BYTES + text.len);
    struct packer *packer = packing_begin(PACKING_GZIP);
    packing_feed(packer, text, out);
    packing_end(packer, out);
    packing_free(packer);
    return buf_span(out);
}

static RESULT note(struct call *c, const struct stored_flow_log *log, bool refused)
{
    struct stored_flow_delivery last = {
        .account = log->account, .region = log->region, .log = log->id};
    int error = stored_flow_delivery_get(c->txn, c->arena, &last);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading the delivery of a flow log");
    if (refused == last.refused)
        return OK;
    last.refused = refused;
    stored_flow_delivery_put(c->txn, &last);
    return OK;
}

static RESULT deliver(struct file *file)
{
    struct call *c = file->c;
    enum S3_ADMITS admits;
    struct s3_delivery delivery = flow_destination_delivery(c, file->log, (int64_t)file->until_ms);
    TRY(s3_delivery_ask(c, &delivery, &admits));
    TRY(note(c, file->log, admits != S3_ADMITTED));
    delivery.bytes = pack(c, buf_span(file->text));
    return admits == S3_ADMITTED ? s3_deliver(c, &delivery) : OK;
}

/* 1 when there is more, 0, or a negative errno. */
static int write_file(struct call *c, const struct stored_flow_log *log, int64_t until_ms)
{
    uint64_t ticket;
    struct span bad;
    struct file file = {.c = c, .log = log, .until_ms = (uint64_t)until_ms};
    struct stored_flow_capture from = {
        .account = log->account, .region = log->region, .log = log->id};
    c->account = log->account;
    c->region = log->region;
    c->txn = txn_begin(c->cloud->store);
    file.text = arena_buf(c->arena, ARENA_CEILING / 2);
    bool good = flow_format_read(log->format, &file.format, &bad);
    flow_line_head(&file.format, file.text);
    int error = stored_flow_capture_each(c->txn, &from, 3, c->arena, take, &file);
    end_window(&file);
    if (error < 0 || !good || !file.taken) {
        txn_rollback(c->txn);
        return error < 0 ? error : 0;
    }
    const struct refusal *refusal = deliver(&file);
    if (refusal) {
        log_warn("ec2: flow log %.*s: %.*s", SPAN_ARG(log->id), SPAN_ARG(refusal->message));
        txn_rollback(c->txn);
        return 0; /* tried again with the next ones */
    }
    error = txn_commit(c->txn, &ticket);
    if (!error)
        store_want(c->cloud->store, ticket);
    return error < 0 ? error : file.full;
}

/* ---- all logs ----------------------------------------------------------------------------------
 */

struct logs {
    struct call *c;
    struct stored_flow_log *at;
    size_t count;
};

static int take_log(void *user, struct stored_flow_log *log)
{
    struct logs *logs = user;
    logs->at = resource_grow(logs->c, logs->at, logs->count, sizeof *logs->at);
    logs->at[logs->count++] = *log;
    return 0;
}

void flow_delivery_run(struct cloud *cloud, int64_t until_ms)
{
    struct arena arena;
    arena_init(&arena, ARENA_FIRST, ARENA_CEILING);
    struct call c = {.arena = &arena,
                     .now_ms = clock_now_ms(),
                     .request_id = S("flow logs"),
                     .service = &ec2_service,
                     .txn = txn_begin(cloud->store),
                     .cloud = cloud};
    struct logs logs = {.c = &c};
    int error =
        stored_flow_log_each(c.txn, &(struct stored_flow_log){0}, 0, c.arena, take_log, &logs);
    txn_rollback(c.txn);
    for (size_t i = 0; i < logs.count; i++) {
        struct arena_mark mark = arena_mark(&arena);
        do {
            error = write_file(&c, &logs.at[i], until_ms);
            arena_rewind(&arena, mark);
        } while (error > 0);
        if (error < 0)
            log_error("ec2: flow log %.*s: %s", SPAN_ARG(logs.at[i].id), strerror(-error));
    }
    arena_done(&arena);
}
