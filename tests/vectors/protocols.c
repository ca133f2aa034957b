// SPDX-License-Identifier: Apache-2.0
/*
 * The codecs as a filter, for tests/vectors/run-protocols, which links it with tables of every
 * case: requests come as lines, what they decode to goes back as JSON by member names (times in
 * milliseconds, blobs in base64), and the other way round for replies. Tokens of a line are `x` and
 * hex digits; numbers are decimal.
 *
 *     D operation method path query body headers… labels…   ->  OK json | REFUSED code message
 *     E operation json                                      ->  REPLY status has-body body headers…
 *     F operation code query-code status message members…   ->  the same
 */
#include "base/json.h"
#include "base/text.h"
#include "wire/codec.h"
#include "wire/slot.h"

#include <stdio.h>
#include <stdlib.h>

extern const struct service *const case_services[];
extern const size_t case_service_count;

struct line {
    struct arena *arena;
    struct span rest;
};

static struct span next_word(struct line *line)
{
    return span_cut(&line->rest, ' ');
}

static uint64_t next_number(struct line *line)
{
    uint64_t value;
    if (!span_to_u64(next_word(line), &value))
        abort();
    return value;
}

static struct span next_text(struct line *line)
{
    struct span text = hex_decode(line->arena, span_from(next_word(line), 1));
    if (!text.at)
        abort();
    return text;
}

static struct headers next_headers(struct line *line)
{
    struct headers headers = {.count = next_number(line)};
    headers.at = ARENA_ARRAY(line->arena, struct header, headers.count + 1);
    for (size_t i = 0; i < headers.count; i++) {
        headers.at[i].name = next_text(line);
        headers.at[i].value = next_text(line);
    }
    return headers;
}

static size_t field_total(const struct service *service)
{
    size_t total = 0;
    for (size_t i = 0; i < service->shape_count; i++)
        if (service->shapes[i].kind == KIND_STRUCTURE &&
            total < (size_t)service->shapes[i].first_field + service->shapes[i].field_count)
            total = (size_t)service->shapes[i].first_field + service->shapes[i].field_count;
    return total;
}

/* The same tables with every member in the body under its own name, times as numbers, and streams
 * as blobs of their bytes. */
static struct service plain_tables(struct arena *arena, const struct service *service)
{
    struct service plain = *service;
    size_t total = field_total(service);
    struct field *fields = ARENA_ARRAY(arena, struct field, total + 1);
    struct shape *shapes = ARENA_ARRAY(arena, struct shape, service->shape_count + 1);
    for (size_t i = 0; i < total; i++) {
        fields[i] = service->fields[i];
        fields[i].wire = fields[i].name;
        fields[i].location = IN_BODY;
        fields[i].time_format = TIME_EPOCH;
        if (service->shapes[fields[i].shape].kind == KIND_STREAM)
            fields[i].offset += (uint16_t)offsetof(struct body, bytes);
    }
    for (size_t i = 0; i < service->shape_count; i++) {
        shapes[i] = service->shapes[i];
        shapes[i].time_format = TIME_EPOCH;
        if (shapes[i].kind == KIND_STREAM)
            shapes[i].kind = KIND_BLOB;
    }
    plain.name = "plain";
    plain.fields = fields;
    plain.shapes = shapes;
    return plain;
}

static void set_stream_lengths(const struct service *service, const struct shape *shape, void *out)
{
    const struct field *field = first_field(service, shape);
    for (unsigned i = 0; i < shape->field_count; i++, field++)
        if (shape_at(service, field->shape)->kind == KIND_STREAM) {
            struct body *body = struct_at(out, field->offset, struct body);
            body->len = body->bytes.len;
        }
}

static void put_text(struct span text)
{
    putchar('x');
    for (size_t i = 0; i < text.len; i++)
        printf("%02x", (unsigned char)text.at[i]);
}

static struct wire_request next_request(struct line *line)
{
    struct wire_request request = {.method = next_text(line)};
    request.path = next_text(line);
    request.query = next_text(line);
    request.body = next_text(line);
    request.headers = next_headers(line);
    struct headers labels = next_headers(line);
    struct wire_label *copies = ARENA_ARRAY(line->arena, struct wire_label, labels.count + 1);
    for (size_t i = 0; i < labels.count; i++)
        copies[i] = (struct wire_label){.name = labels.at[i].name, .value = labels.at[i].value};
    request.labels = copies;
    request.label_count = labels.count;
    return request;
}

static void decode_line(struct call *c, struct line *line)
{
    struct wire_request request = next_request(line);
    void *in = arena_zalloc(c->arena, 1, c->operation->in_size);
    const struct refusal *refusal = wire_decode(c, &request, in);
    if (refusal) {
        printf("REFUSED %s ", refusal->kind->code);
        put_text(refusal->message);
        return;
    }
    struct service plain = plain_tables(c->arena, c->service);
    struct buf json;
    buf_init(&json, 1 << 24);
    if (c->operation->input == NO_SHAPE)
        buf_append(&json, S("{}"));
    else
        wire_json_write(&plain, c->operation->input, in, &json);
    printf("OK ");
    put_text(buf_span(&json));
    buf_done(&json);
}

static void put_reply(const struct wire_reply *reply)
{
    printf("REPLY %d %d ", reply->status, reply->has_body);
    put_text(reply->stream ? reply->stream->bytes : reply->body);
    printf(" %zu", reply->header_count);
    for (size_t i = 0; i < reply->header_count; i++) {
        putchar(' ');
        put_text(reply->headers[i].name);
        putchar(' ');
        put_text(reply->headers[i].value);
    }
}

static void encode_line(struct call *c, struct line *line)
{
    struct wire_reply reply;
    struct service plain = plain_tables(c->arena, c->service);
    struct span json = next_text(line);
    void *out = arena_zalloc(c->arena, 1, c->operation->out_size);
    if (c->operation->output != NO_SHAPE) {
        const struct refusal *refusal = wire_json_read(c, &plain, c->operation->output, json, out);
        if (refusal) {
            printf("REFUSED %s ", refusal->kind->code);
            put_text(refusal->message);
            return;
        }
        set_stream_lengths(c->service, shape_at(c->service, c->operation->output), out);
    }
    wire_encode(c, out, &reply);
    put_reply(&reply);
}

static void refuse_line(struct call *c, struct line *line)
{
    struct wire_reply reply;
    struct error_kind kind = {.code = arena_cstr(c->arena, next_text(line))};
    struct span query_code = next_text(line);
    if (query_code.len)
        kind.query_code = arena_cstr(c->arena, query_code);
    kind.status = (uint16_t)next_number(line);
    struct span message = next_text(line);
    const struct refusal *refusal = refuse(c, &kind, "%.*s", SPAN_ARG(message));
    struct headers members = next_headers(line);
    for (size_t i = 0; i < members.count; i++)
        refusal = c->protocol == PROTOCOL_JSON || c->protocol == PROTOCOL_REST_JSON
                      ? refusal_add_json(c, refusal, members.at[i].name, members.at[i].value)
                      : refusal_add(c, refusal, members.at[i].name, members.at[i].value);
    wire_encode_refusal(c, refusal, &reply);
    put_reply(&reply);
}

static void run_line(struct arena *arena, struct span text)
{
    struct line line = {.arena = arena, .rest = text};
    struct span verb = next_word(&line);
    uint64_t service = next_number(&line), operation = next_number(&line);
    if (service >= case_service_count || operation >= case_services[service]->operation_count)
        abort();
    struct call c = {
        .arena = arena,
        .request_id = S("request-1"),
        .service = case_services[service],
        .operation = &case_services[service]->operations[operation],
        .protocol = case_services[service]->protocol,
    };
    if (span_eq(verb, S("D")))
        decode_line(&c, &line);
    else if (span_eq(verb, S("E")))
        encode_line(&c, &line);
    else
        refuse_line(&c, &line);
    putchar('\n');
}

int main(void)
{
    struct arena arena;
    char *text = NULL;
    size_t size = 0;
    ssize_t len;
    arena_init(&arena, 1 << 16, 64 << 20);
    while ((len = getline(&text, &size, stdin)) > 0) {
        run_line(&arena, span_of(text, (size_t)len - 1));
        arena_reset(&arena);
    }
    arena_done(&arena);
    free(text);
    return EXIT_SUCCESS;
}
