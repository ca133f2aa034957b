// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * One request on its way: everything that is not for handlers to see. It lives in the exchange's
 * arena and belongs to its loop, but for the time that the control thread or a worker runs the
 * handler.
 */
#include "gate/counters.h"
#include "gate/gate.h"
#include "store/draft.h"
#include "wire/chunked_payload.h"
#include "wire/multipart_form.h"
#include "wire/sigv2.h"

struct gate {
    struct http_handler handler; /* first: the server calls back with it */
    struct http_handler inside;  /* of requests out of VPCs */
    const struct gate_config *config;
    struct loop *loop;
    struct auth_cache *cache;
    struct store_waiter waiter;
    struct request *held_first, *held_last; /* replies that wait for their ticket, in its order */
    size_t held_count;
    struct tick audit_tick; /* audit.c: the records of the reads of one tick */
    struct txn *audit_txn;
    struct request *audited; /* they are answered when it is committed */
    struct counters *counters;
    struct gate *const *all;
    size_t all_count;
};

/* Who it was, for the audit record; in the arena. */
struct request_caller {
    struct span arn, type, account, access_key, user_name;
};

struct request {
    struct gate *gate;
    struct http_exchange *x;
    struct call call;
    struct route route;
    struct wire_request wire;
    struct sigv4_request signed_request;
    struct sigv4_claim claim;
    enum SIGV4_FAULT fault; /* of reading the claim */
    struct sigv2_claim
        claim_v2;        /* with an access key: a presigned URL of version 2; `claim` has it too */
    struct hmac_key key; /* a copy: the cache may be refreshed while a body streams */
    void *in, *out;
    const struct refusal *refusal;
    struct wire_reply reply;
    uint64_t ticket;
    struct request *next_held;
    struct mail mail; /* to control and back */
    struct job job;
    struct timer again; /* runs the handler again (call_again) */
    int64_t started_us;

    /* streaming input */
    struct body_plan plan;
    struct draft *draft;
    struct chunked_payload *chunked; /* NULL: the body is not aws-chunked */
    struct body *in_body;            /* the streaming member of `in` */
    struct multipart_form *form;     /* NULL: the body is not one */
    bool paused;

    /* streaming output */
    struct outlet *outlet; /* of a body with sealed extents */
    bool drawing;          /* a piece is on its way */
    const struct extent *pinned;
    size_t pinned_count;

    struct request_caller caller;
    struct ec2_way *way; /* of a request out of a VPC, else NULL */
    bool internal;       /* /_kintoun/… and /metrics: no operation */
    bool answered;       /* a refusal is on its way: what still comes of the body is not wanted */
    bool held;           /* in the gate's list */
    struct feeding *feeding; /* an output that goes on */
};

/* gate.c: goes on with a request whose `refusal` is set or whose handler is done. */
void request_answer(struct request *r);
/* authenticate.c: checks the signature; fills call.account, region, caller, r->caller. */
RESULT request_authenticate(struct request *r, struct span body);
/* The identity again, from the cache of the thread that asks: after a change of thread or a long
 * body. */
RESULT request_identify(struct request *r, struct auth_cache *cache);
/* authorise.c: the permissions of the operation's .ops line. */
RESULT request_authorise(struct request *r);
/* authorise.c: the same for a streaming operation, and what its handler says before the body. */
RESULT request_admit(struct request *r);
/* dispatch.c: runs the handler on its thread; request_answer follows on the home loop. */
void request_dispatch(struct request *r);
/* gate.c: memory for input and output, or the refusal of what is not built. */
RESULT request_prepare(struct request *r);
/* form.c: uploads by forms of browsers; the file goes on as a streaming body. */
void form_begin(struct request *r);
void form_piece(struct request *r, struct span piece);
void form_complete(struct request *r);
/* body.c: takes a streaming body into a draft. */
void body_begin(struct request *r);
/* The parts of that, for form.c. */
void body_open(struct request *r);
int body_take(void *request, struct span piece);
void body_stop(struct request *r, const struct refusal *refusal);
void body_stop_with(struct request *r, int error);
void body_seal(struct request *r);
void body_piece(struct request *r, struct span piece);
void body_complete(struct request *r);
void body_end(struct request *r);
/* The decoded form of an aws-chunked body that was taken whole; OK and *body replaced, or a
 * refusal. */
RESULT body_unchunk(struct request *r, struct span *body);
/* compression.c: a compressed body replaced by its text, or a refusal; and the reply's body packed
 * as the client accepts it. */
RESULT compression_open(struct request *r, struct span *body);
void compression_apply(struct request *r);
/* malformed.c: words for what HTTP itself refuses, in the form of the service that was addressed.
 */
void malformed_answer(struct http_handler *handler, struct http_exchange *x, int status,
                      struct span *ret_type, struct span *ret_body);
/* The same as a refusal of a JSON service. */
RESULT malformed_refuse(struct request *r, int status);
/* gate.c: the largest body that is collected in memory. */
size_t request_whole_limit(const struct request *r);
/* hold.c: sends the reply when its ticket is durable. */
void hold_init(struct gate *gate);
/* The exchange ended while its reply was held, which can happen before its body was complete. */
void hold_forget(struct request *r);
void hold_reply(struct request *r);
/* send.c: prints `out` or the refusal into r->reply; then gives it to HTTP. */
void reply_encode(struct request *r);
void reply_send(struct request *r);
/* feed.c: an output that goes on. After its head; when what it gave is durable; when HTTP has room;
 * at the end of the exchange. */
void feed_begin(struct request *r);
void feed_durable(struct request *r, int error);
void feed_room(struct request *r);
void feed_finish(struct request *r);
/* outgoing.c: a body that workers have to open goes out piece by piece. */
void outgoing_begin(struct request *r, const struct http_reply *reply);
void outgoing_room(struct request *r);
void outgoing_end(struct request *r);
/* internal.c: answers what is not an AWS API; false when it is none of these. */
bool internal_answer(struct request *r);
/* inside.c: by which VPC endpoint a request came; refused when that does not lead to its service.
 * Nothing for others. */
void inside_enter(struct request *r);
RESULT inside_check(struct request *r);
/* cors.c: whether a page of that Origin may call; answers preflights and who may not. Headers go
 * into call.extra_headers. */
enum CORS_STEP { CORS_GO_ON, CORS_ANSWERED };
enum CORS_STEP cors_admit(struct request *r);
/* audit.c: the record of this call, within its transaction, when one is wanted. */
void audit_append(struct request *r, struct txn *txn);
void audit_init(struct gate *gate);
/* For a read on the home loop: its record is committed at the end of the tick, then request_answer
 * follows. */
void audit_read(struct request *r);
/* For a refused call, in a transaction of its own. */
void audit_refusal(struct request *r);
