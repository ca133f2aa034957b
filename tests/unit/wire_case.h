// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the cases of the codecs share: a call on a sample service, and a request decoded into memory
 * and printed as canonical JSON, which the tables compare. One test binary at a time includes it.
 */
#include "test.h"

#include "wire/codec.h"

struct wire_case {
    struct arena arena;
    struct call call;
};

static const struct operation *operation_named(const struct service *service, struct span name)
{
    for (size_t i = 0; i < service->operation_count; i++)
        if (span_eq(service_text(service, service->operations[i].name), name))
            return &service->operations[i];
    test_fail(__FILE__, __LINE__, "no operation %.*s", SPAN_ARG(name));
}

/* The call lives until case_end. */
static struct call *case_begin(struct wire_case *it, const struct service *service,
                               struct span operation)
{
    arena_init(&it->arena, 4096, 8 << 20);
    it->call = (struct call){
        .arena = &it->arena,
        .request_id = S("req-1"),
        .service = service,
        .operation = operation_named(service, operation),
        .protocol = service->protocol,
    };
    return &it->call;
}

static void case_end(struct wire_case *it)
{
    arena_done(&it->arena);
}

static inline void *case_input(struct call *c)
{
    return arena_zalloc(c->arena, 1, c->operation->in_size);
}

/* The decoded input as JSON, or "Code: message" of the refusal. */
static inline struct span decoded(struct call *c, const struct wire_request *request)
{
    void *in = case_input(c);
    const struct refusal *refusal = wire_decode(c, request, in);
    if (refusal)
        return arena_printf(c->arena, "%s: %.*s", refusal->kind->code, SPAN_ARG(refusal->message));
    struct buf text;
    buf_init(&text, 1 << 20);
    wire_json_write(c->service, c->operation->input, in, &text);
    struct span kept = arena_copy(c->arena, buf_span(&text));
    buf_done(&text);
    return kept;
}

static inline struct span reply_header_of(const struct wire_reply *reply, struct span name)
{
    for (size_t i = 0; i < reply->header_count; i++)
        if (span_eq_nocase(reply->headers[i].name, name))
            return reply->headers[i].value;
    return SPAN_NONE;
}
