// SPDX-License-Identifier: Apache-2.0
/* Bodies of application/x-amz-cbor-1.1 into Kinesis' PutRecords and GetShardIterator; what decodes
 * prints as JSON that can be read again. */
#include "services/kinesis/kinesis.api.h"
#include "wire/codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct operation *named(struct span name)
{
    for (size_t i = 0; i < kinesis_service.operation_count; i++)
        if (span_eq(service_text(&kinesis_service, kinesis_service.operations[i].name), name))
            return &kinesis_service.operations[i];
    abort();
}

static void try_body(const struct operation *operation, struct span body)
{
    struct arena arena;
    struct buf json;
    arena_init(&arena, 4096, 64 << 20);
    struct call c = {.arena = &arena,
                     .request_id = S("r"),
                     .service = &kinesis_service,
                     .operation = operation,
                     .protocol = PROTOCOL_AWS_CBOR};
    void *in = arena_zalloc(&arena, 1, operation->in_size);
    const struct refusal *refusal = wire_decode(&c, &(struct wire_request){.body = body}, in);
    if (refusal) {
        struct wire_reply reply;
        wire_encode_refusal(&c, refusal, &reply);
    } else {
        refusal = wire_validate(&c, in);
        (void)refusal;
        buf_init(&json, 64 << 20);
        wire_json_write(&kinesis_service, operation->input, in, &json);
        void *again = arena_zalloc(&arena, 1, operation->in_size);
        if (!json.over &&
            wire_json_read(&c, &kinesis_service, operation->input, buf_span(&json), again))
            abort();
        buf_done(&json);
    }
    arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_body(named(S("PutRecords")), span_of(data, size));
    try_body(named(S("GetShardIterator")), span_of(data, size));
    return 0;
}
