// SPDX-License-Identifier: Apache-2.0
/*
 * The audit record: who, what, when, from where, outcome. It rides in the transaction of the call,
 * so what happened and that it happened are durable together. Thread of the handler, or the home
 * loop for refusals.
 */
#include "gate/request.h"

#include "base/scope.h"
#include "gate/gate.records.h"

#include <stddef.h>

static bool audit_wanted(const struct request *r)
{
    const struct operation *operation = r->route.operation;
    return operation && operation->implemented && r->caller.arn.len &&
           (operation->event_class == EVENT_MANAGEMENT || r->gate->config->data_events);
}

void audit_append(struct request *r, struct txn *txn)
{
    const struct call *c = &r->call;
    if (!audit_wanted(r))
        return;
    const struct span source[] = {span_of_cstr(c->service->endpoint_prefix), S(".amazonaws.com")};
    struct gate_event event = {
        .account = c->account,
        .region = c->region,
        .time = (uint64_t)c->now_ms,
        .request_id = c->request_id,
        .event_source = arena_join(c->arena, source, ARRAY_LEN(source)),
        .event_name = service_text(c->service, c->operation->name),
        .caller_arn = r->caller.arn,
        .caller_type = r->caller.type,
        .access_key = r->caller.access_key,
        .user_name = r->caller.user_name,
        .source_ip = c->source_ip,
        .endpoint = c->endpoint ? c->endpoint->id : SPAN_NONE,
        .user_agent = span_first(c->user_agent, 1024),
        .error_code = r->refusal ? span_of_cstr(r->refusal->kind->code) : SPAN_NONE,
        .error_message = r->refusal ? span_first(r->refusal->message, 1024) : SPAN_NONE,
        .resource = c->audit_resource,
        .read_only = c->operation->effect == EFFECT_READ,
        .data_event = c->operation->event_class == EVENT_DATA,
    };
    gate_event_put(txn, &event);
}

/* The end of a tick: one commit for the records of all reads in it. */
static void commit_batch(struct tick *tick)
{
    struct gate *gate = (struct gate *)((char *)tick - offsetof(struct gate, audit_tick));
    struct request *r = gate->audited;
    uint64_t ticket = 0;
    if (!r)
        return;
    gate->audited = NULL;
    if (txn_commit(TAKE(gate->audit_txn), &ticket) < 0)
        ticket = 0; /* a full disk: reads go on without their records */
    while (r) {
        struct request *next = r->next_held;
        if (r->ticket < ticket)
            r->ticket = ticket;
        request_answer(r);
        r = next;
    }
}

void audit_init(struct gate *gate)
{
    gate->audit_tick.ended = commit_batch;
    loop_add_tick(gate->loop, &gate->audit_tick);
}

void audit_read(struct request *r)
{
    struct gate *gate = r->gate;
    if (!audit_wanted(r)) {
        request_answer(r);
        return;
    }
    if (!gate->audited)
        gate->audit_txn = txn_begin(gate->config->cloud->store);
    audit_append(r, gate->audit_txn);
    r->next_held = gate->audited;
    gate->audited = r;
}

void audit_refusal(struct request *r)
{
    if (!audit_wanted(r))
        return;
    struct txn *txn = txn_begin(r->gate->config->cloud->store);
    uint64_t ticket;
    audit_append(r, txn);
    if (txn_commit(txn, &ticket) == 0)
        r->ticket = ticket; /* the refusal stands by itself when the disk is full */
}
