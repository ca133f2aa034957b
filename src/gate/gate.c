// SPDX-License-Identifier: Apache-2.0
/*
 * The callbacks of the HTTP server: make a request of an exchange, find its operation, take its
 * body, and carry it through authentication, decoding and authorisation to dispatch. Everything
 * here runs on the exchange's loop.
 */
#include "gate/request.h"

#include "base/id.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"

#include <stddef.h>
#include <stdlib.h>

/* The largest body that is collected in memory. DynamoDB's batch calls take 16 MiB; XML and forms
 * are far smaller. */
size_t request_whole_limit(const struct request *r)
{
    bool json = r->route.protocol == PROTOCOL_JSON || r->route.protocol == PROTOCOL_CBOR ||
                r->route.protocol == PROTOCOL_AWS_CBOR;
    return json ? (size_t)17 << 20 : (size_t)6 << 20;
}

static void fill_call(struct request *r)
{
    struct http_exchange *x = r->x;
    const struct gate_config *config = r->gate->config;
    r->call = (struct call){
        .arena = x->arena,
        .now_ms = clock_now_ms(),
        .account = config->default_account,
        .region = r->claim.region.len        ? r->claim.region
                  : r->route.host_region.len ? r->route.host_region
                                             : config->default_region,
        .source_ip = x->peer,
        .user_agent = header_get(x->headers, S("user-agent")),
        .host = x->host,
        .method = x->method,
        .target = x->target,
        .tls = x->tls,
        .service = r->route.service,
        .operation = r->route.operation,
        .protocol = r->route.protocol,
        .request_headers = x->headers,
        .cloud = config->cloud,
        .loop = r->gate->loop,
    };
    r->call.request_id = strcmp(r->route.service->name, "s3") == 0 ? id_base32(x->arena, S(""), 16)
                                                                   : id_uuid(x->arena);
}

/* S3 reads a claim by rules of its own, but the claim tells whether it is S3: guess, and read again
 * if that was wrong. */
static bool scope_is_s3(const struct http_exchange *x)
{
    struct span header = header_get(x->headers, S("authorization"));
    return span_find(header, S("/s3/aws4_request")) != SPAN_NOT_FOUND ||
           span_find(x->query, S("%2Fs3%2Faws4_request")) != SPAN_NOT_FOUND;
}

static void read_claim(struct request *r, bool s3)
{
    r->signed_request.s3 = s3;
    r->fault = sigv4_read(r->x->arena, &r->signed_request, &r->claim);
}

static struct request *request_new(struct gate *gate, struct http_exchange *x)
{
    struct request *r = ARENA_NEW(x->arena, struct request);
    r->gate = gate;
    r->x = x;
    r->started_us = clock_measure_us();
    x->user = r;
    r->signed_request = (struct sigv4_request){
        .method = x->method, .path = x->path, .query = x->query, .headers = x->headers};
    read_claim(r, scope_is_s3(x));
    struct route_request request = {
        .method = x->method,
        .path = x->path,
        .query = x->query,
        .host = x->host,
        .scope_service = r->claim.service,
        .headers = x->headers,
    };
    route_find(gate->config->routes, x->arena, &request, &r->route);
    bool s3 = strcmp(r->route.service->signing_name, "s3") == 0;
    if (s3 != r->signed_request.s3)
        read_claim(r, s3);
    fill_call(r);
    r->wire = (struct wire_request){
        .method = x->method,
        .path = r->route.path,
        .query = r->route.no_query ? SPAN_NONE : x->query,
        .headers = x->headers,
        .labels = r->route.labels,
        .label_count = r->route.label_count,
    };
    return r;
}

static void refuse_now(struct request *r, const struct refusal *refusal)
{
    r->refusal = refusal;
    request_answer(r);
}

/* An operation that is not there, or not built: the service's own error, counted. */
static const struct refusal *refuse_operation(struct request *r)
{
    const struct service *service = r->route.service;
    struct operation_counters *of = counters_of(r->gate->counters, service, r->route.operation);
    if (r->route.operation) {
        of->not_implemented++;
        return refuse(
            &r->call, service->not_implemented,
            "%s's %.*s is not implemented by kintoun yet; `kintoun coverage` lists what is.",
            service->id, SPAN_ARG(service_text(service, r->route.operation->name)));
    }
    if (service->protocol == PROTOCOL_QUERY || service->protocol == PROTOCOL_EC2)
        return r->route.operation_name.len
                   ? refuse(&r->call, service->unknown_operation,
                            "Could not find operation %.*s for version %s",
                            SPAN_ARG(r->route.operation_name), service->api_version)
                   : refuse(&r->call, service->unknown_operation,
                            "The request must contain the parameter Action");
    if (service->protocol == PROTOCOL_REST_XML)
        return refuse(&r->call, service->unknown_operation,
                      "The specified method is not allowed against this resource.");
    return refuse(&r->call, service->unknown_operation, "%s", "");
}

RESULT request_prepare(struct request *r)
{
    r->call.service = r->route.service;
    TRY(inside_check(r));
    r->call.operation = r->route.operation;
    r->call.protocol = r->route.protocol;
    if (!r->route.operation || !r->route.operation->implemented)
        return refuse_operation(r);
    r->in = arena_zalloc(r->call.arena, 1, r->route.operation->in_size);
    r->out = arena_zalloc(r->call.arena, 1, r->route.operation->out_size);
    return OK;
}

/* The head of a streaming operation says all there is to know before the first byte of the body is
 * taken. */
static const struct refusal *admit_stream(struct request *r)
{
    TRY(request_prepare(r));
    TRY(request_authenticate(r, SPAN_NONE));
    TRY(wire_decode_head(&r->call, &r->wire, r->in));
    TRY(wire_validate(&r->call, r->in));
    return request_admit(r);
}

static void take(struct request *r)
{
    struct http_exchange *x = r->x;
    if (cors_admit(r) == CORS_ANSWERED)
        return;
    if (r->route.form) {
        form_begin(r);
        return;
    }
    if (!r->route.operation || !r->route.operation->streaming_input) {
        http_take_whole(x, request_whole_limit(r));
        return;
    }
    const struct refusal *refusal = admit_stream(r);
    if (refusal)
        refuse_now(r, refusal);
    else
        body_begin(r);
}

static void on_head(struct http_handler *handler, struct http_exchange *x)
{
    struct request *r = request_new((struct gate *)handler, x);
    if (!internal_answer(r))
        take(r);
}

/* Out of a VPC nothing but the services is seen. */
static void on_inside_head(struct http_handler *handler, struct http_exchange *x)
{
    struct gate *gate = (struct gate *)((char *)handler - offsetof(struct gate, inside));
    struct request *r = request_new(gate, x);
    inside_enter(r);
    take(r);
}

static void on_piece(struct http_handler *handler, struct http_exchange *x, struct span piece)
{
    struct request *r = x->user;
    if (r->form)
        form_piece(r, piece);
    else if (r->draft)
        body_piece(r, piece);
}

/* What the client claims of the bytes themselves, in words of the service. */
static const struct refusal *check_body(struct request *r, struct span body)
{
    const struct service_hooks *hooks = r->route.service->hooks;
    return hooks && hooks->body ? hooks->body(&r->call, body) : OK;
}

/* Signature and syntax, on the home loop; the permission is asked where the handler runs. */
static const struct refusal *prepare_whole(struct request *r)
{
    struct span body = r->x->body;
    if (r->route.action_in_body)
        route_action(r->gate->config->routes, r->call.arena, body, &r->route);
    r->call.service = r->route.service;
    r->call.protocol = r->route.protocol;
    r->call.operation = r->route.operation;
    TRY(request_authenticate(r, body));
    TRY(body_unchunk(r, &body));
    TRY(compression_open(r, &body));
    TRY(request_prepare(r));
    TRY(check_body(r, body));
    r->wire.body = body;
    TRY(wire_decode(&r->call, &r->wire, r->in));
    return wire_validate(&r->call, r->in);
}

static void on_complete(struct http_handler *handler, struct http_exchange *x)
{
    struct request *r = x->user;
    if (r->form) {
        form_complete(r);
        return;
    }
    if (r->draft) {
        body_complete(r);
        return;
    }
    if (r->internal) {
        internal_answer(r);
        return;
    }
    const struct refusal *refusal = prepare_whole(r);
    if (refusal)
        refuse_now(r, refusal);
    else
        request_dispatch(r);
}

static void on_finished(struct http_handler *handler, struct http_exchange *x, uint64_t bytes_in,
                        uint64_t bytes_out)
{
    struct request *r = x->user;
    if (!r)
        return;
    struct gate *gate = r->gate;
    if (r->held)
        hold_forget(r);
    feed_finish(r);
    if (r->pinned_count)
        extent_unpin(gate->config->cloud->store, r->pinned, r->pinned_count);
    body_end(r);
    outgoing_end(r);
    if (r->internal)
        return;
    const struct service_hooks *hooks = r->route.service->hooks;
    if (r->call.note && hooks && hooks->finished)
        hooks->finished(&r->call, (clock_measure_us() - r->started_us) / 1000);
    struct operation_counters *of =
        counters_of(gate->counters, r->route.service, r->route.operation);
    of->bytes_in += bytes_in;
    of->bytes_out += bytes_out;
}

static void on_room(struct http_handler *handler, struct http_exchange *x)
{
    struct request *r = x->user;
    feed_room(r);
    outgoing_room(r);
}

void request_answer(struct request *r)
{
    if (r->refusal)
        audit_refusal(r);
    reply_encode(r);
    hold_reply(r);
}

struct gate *gate_new(const struct gate_config *config, struct loop *loop)
{
    struct gate *gate = calloc(1, sizeof *gate);
    if (!gate)
        log_fatal("out of memory");
    gate->handler = (struct http_handler){.head = on_head,
                                          .piece = on_piece,
                                          .complete = on_complete,
                                          .room = on_room,
                                          .finished = on_finished,
                                          .malformed = malformed_answer};
    gate->inside = gate->handler;
    gate->inside.head = on_inside_head;
    gate->config = config;
    gate->loop = loop;
    gate->cache = auth_cache_new(config->cloud->auth);
    gate->counters = counters_new(config->routes);
    hold_init(gate);
    audit_init(gate);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (!gate)
        return;
    auth_cache_free(gate->cache);
    counters_free(gate->counters);
    free(gate);
}

struct http_handler *gate_handler(struct gate *gate)
{
    return &gate->handler;
}

struct http_handler *gate_inside_handler(struct gate *gate)
{
    return &gate->inside;
}

void gate_share(struct gate *const *gates, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        gates[i]->all = gates;
        gates[i]->all_count = count;
    }
}
