// SPDX-License-Identifier: Apache-2.0
/*
 * From a handler's output or refusal to HTTP's reply. Bodies in extents leave as file ranges, so
 * that the kernel sends them without a copy. Loop thread.
 */
#include "gate/request.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/time.h"
#include "wire/event_stream.h"

static const struct error_kind READ_FAILED = {"InternalError", NULL, 500};

void reply_encode(struct request *r)
{
    r->reply = (struct wire_reply){0};
    if (r->refusal)
        wire_encode_refusal(&r->call, r->refusal, &r->reply);
    else if (r->call.feed)
        event_stream_reply(&r->call, &r->reply);
    else
        wire_encode(&r->call, r->out, &r->reply);
    compression_apply(r);
}

/* Fields that the HTTP server writes by itself; Content-Length of a HEAD reply is taken out of
 * them: known is also a length of 0. */
static size_t move_headers(struct request *r, struct header *to, struct http_reply *reply)
{
    size_t count = 0;
    for (size_t i = 0; i < r->reply.header_count; i++) {
        struct header header = r->reply.headers[i];
        if (!span_eq_nocase(header.name, S("content-length")))
            to[count++] = header;
        else if (span_to_u64(header.value, &reply->announced_length))
            reply->no_length = false;
    }
    /* SDKs of such services check it. */
    if (r->call.service && r->call.service->reply_crc32)
        to[count++] =
            (struct header){S("x-amz-crc32"), arena_printf(r->call.arena, "%u",
                                                           (unsigned)crc32_feed(0, r->reply.body))};
    return count;
}

static struct header *headers_new(struct request *r)
{
    return ARENA_ARRAY(r->call.arena, struct header, r->reply.header_count + 1);
}

/* One segment per extent and one for the bytes in memory behind them; the first `skip` bytes are
 * passed over and `len` bytes sent. Negative errno on failure. */
static int stream_segments(struct request *r, const struct body *body, struct http_reply *reply)
{
    struct http_segment *segments =
        ARENA_ARRAY(r->call.arena, struct http_segment, body->extent_count + 1);
    size_t count = 0;
    uint64_t skip = body->skip, left = body->len;
    for (size_t i = 0; i < body->extent_count && left; i++) {
        const struct extent *extent = &body->extents[i];
        if (skip >= extent->len) {
            skip -= extent->len;
            continue;
        }
        int fd = extent_open(r->gate->config->cloud->store, extent->segment);
        if (fd < 0)
            return fd;
        uint64_t len = extent->len - skip < left ? extent->len - skip : left;
        segments[count++] =
            (struct http_segment){.fd = fd, .offset = extent->offset + skip, .len = len};
        left -= len;
        skip = 0;
    }
    if (left)
        segments[count++] =
            (struct http_segment){.bytes = span_from(body->bytes, skip), .len = left};
    reply->segments = segments;
    reply->segment_count = count;
    return 0;
}

static int fill_segments(struct request *r, struct http_reply *reply)
{
    if (r->reply.stream && r->reply.stream->part_count)
        return 0;
    if (r->reply.stream)
        return stream_segments(r, r->reply.stream, reply);
    struct http_segment *segment = ARENA_NEW(r->call.arena, struct http_segment);
    *segment = (struct http_segment){.bytes = r->reply.body, .len = r->reply.body.len};
    reply->segments = segment;
    reply->segment_count = r->reply.body.len ? 1 : 0;
    return 0;
}

static void note(struct request *r, int status)
{
    struct span operation = r->route.operation_name.len ? r->route.operation_name : S("-");
    int64_t us = clock_measure_us() - r->started_us;
    counters_note(counters_of(r->gate->counters, r->route.service, r->route.operation), status, us);
    if (log_enabled(LOG_INFO))
        log_info("%s %.*s %d %lldus %.*s %.*s%s%.*s", r->route.service->name, SPAN_ARG(operation),
                 status, (long long)us, SPAN_ARG(r->call.request_id),
                 SPAN_ARG(r->caller.arn.len ? r->caller.arn : S("anonymous")),
                 r->refusal ? " " : "", SPAN_ARG(r->refusal ? r->refusal->message : S("")));
}

/* Whether it is sent as it lies or piece by piece. */
static uint64_t bytes_of_body(const struct request *r)
{
    if (r->x->head_only)
        return 0;
    return r->reply.stream ? r->reply.stream->len : r->reply.body.len;
}

/* The service's own record of the call; what cannot be written is lost, as records of this kind may
 * be. */
static void tell_service(struct request *r, const struct http_reply *reply)
{
    const struct service_hooks *hooks = r->route.service->hooks;
    uint64_t ticket;
    if (!r->call.note || !hooks || !hooks->replied)
        return;
    struct reply_facts facts = {.status = reply->status,
                                .code = r->refusal ? r->refusal->kind->code : NULL,
                                .bytes = bytes_of_body(r),
                                .ms = (clock_measure_us() - r->started_us) / 1000};
    r->call.txn = txn_begin(r->gate->config->cloud->store);
    hooks->replied(&r->call, &facts);
    int error = txn_commit(r->call.txn, &ticket);
    if (error < 0)
        log_error("%s: recording a call: %s", r->route.service->name, strerror(-error));
    r->call.txn = NULL;
}

void reply_send(struct request *r)
{
    struct http_reply reply = {.status = r->reply.status, .no_length = !r->reply.has_body};
    struct header *headers = headers_new(r);
    int error = fill_segments(r, &reply);
    if (error < 0) {
        r->refusal =
            refuse(&r->call, &READ_FAILED, "We encountered an internal error. Please try again.");
        reply_encode(r);
        reply.status = r->reply.status;
        headers = headers_new(r);
        reply.segment_count = 0;
        r->reply.stream = NULL;
        error = fill_segments(r, &reply);
    }
    reply.headers = (struct headers){headers, move_headers(r, headers, &reply)};
    note(r, reply.status);
    tell_service(r, &reply);
    if (r->call.feed && !r->refusal) {
        http_reply_begin(r->x, &reply);
        feed_begin(r);
        return;
    }
    if (r->reply.stream && r->reply.stream->part_count)
        outgoing_begin(r, &reply);
    else
        http_reply(r->x, &reply);
}
