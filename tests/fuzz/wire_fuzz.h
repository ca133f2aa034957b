// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the codec fuzzers share: the input is a request body (or query) of the sample service's Put,
 * whose shapes recurse; what decodes is validated, printed as a reply and as JSON, and the JSON
 * must be readable again.
 */
#include "wire/codec.h"

#include <stdlib.h>

static const struct operation *fuzz_operation(const struct service *service)
{
    for (size_t i = 0; i < service->operation_count; i++)
        if (span_eq(service_text(service, service->operations[i].name), S("Put")))
            return &service->operations[i];
    abort();
}

static void fuzz_decoded(struct call *c, const void *in)
{
    struct wire_reply reply;
    struct buf json;
    const struct refusal *refusal = wire_validate(c, in);
    (void)refusal;
    wire_encode(c, in, &reply); /* Put answers the shape that it takes */
    buf_init(&json, 64 << 20);
    wire_json_write(c->service, c->operation->input, in, &json);
    void *again = arena_zalloc(c->arena, 1, c->operation->in_size);
    if (!json.over && wire_json_read(c, c->service, c->operation->input, buf_span(&json), again))
        abort();
    buf_done(&json);
}

static void fuzz_request(const struct service *service, struct span body)
{
    struct arena arena;
    arena_init(&arena, 4096, 64 << 20);
    struct call c = {
        .arena = &arena,
        .request_id = S("req-1"),
        .service = service,
        .operation = fuzz_operation(service),
        .protocol = service->protocol,
    };
    void *in = arena_zalloc(&arena, 1, c.operation->in_size);
    const struct refusal *refusal = wire_decode(&c, &(struct wire_request){.body = body}, in);
    if (!refusal) {
        fuzz_decoded(&c, in);
    } else {
        struct wire_reply reply;
        wire_encode_refusal(&c, refusal, &reply);
    }
    arena_done(&arena);
}
