// SPDX-License-Identifier: Apache-2.0
/*
 * Compressed bodies of the services that take them (DynamoDB). What decides was measured on the
 * real service and is told by the tests of ScyllaDB's Alternator: requests in gzip, anything else
 * is an internal error; replies of 4 KB and more in gzip or deflate, whichever Accept-Encoding
 * prefers. The signature is of the bytes as they were sent, and so is x-amz-crc32. Key invariant:
 * what a request unpacks to is bounded like a request that was not packed. Loop thread.
 */
#include "gate/request.h"

#include "base/packing.h"
#include "wire/encoder.h"

#define REPLY_MIN 4096 /* bytes; shorter ones are sent as they are */
#define WEIGHT_ONE 1000000

static const struct error_kind INTERNAL = {"InternalServerError", NULL, 500};

/* ---- requests ------------------------------------------------------------------------------- */

static RESULT unpack(struct request *r, struct span packed, struct span *ret)
{
    size_t limit = request_whole_limit(r);
    struct buf *plain = arena_buf(r->call.arena, limit);
    struct unpacker *unpacker = packing_open(PACKING_GZIP);
    bool good = packed.len && packing_take(unpacker, &packed, limit, plain);
    bool whole = good && !packed.len && packing_is_whole(unpacker);
    packing_close(unpacker);
    if (good && plain->len == limit)
        return malformed_refuse(r, 413);
    if (!whole)
        return refuse(&r->call, &INTERNAL, "Internal server error");
    *ret = buf_span(plain);
    return OK;
}

RESULT compression_open(struct request *r, struct span *body)
{
    struct span encoding = span_trim(header_get(r->x->headers, S("content-encoding")));
    if (!r->call.service->compression || !encoding.len || span_eq_nocase(encoding, S("identity")))
        return OK;
    if (!span_eq_nocase(encoding, S("gzip")))
        return refuse(&r->call, &INTERNAL, "Internal server error");
    return unpack(r, *body, body);
}

/* ---- replies -------------------------------------------------------------------------------- */

/* The first q of an entry's parameters, in millionths: more than 1 is 1, and so is what is no
 * number. */
static uint32_t weight_of(struct span parameters)
{
    while (!span_is_absent(parameters)) {
        struct span value = span_cut(&parameters, ';');
        struct span name = span_trim(span_cut(&value, '='));
        if (!span_eq_nocase(name, S("q")) || span_is_absent(value))
            continue;
        value = span_trim(value);
        uint64_t whole, part = 0, scale = WEIGHT_ONE / 10;
        if (span_starts(value, S("-")))
            return 0;
        if (!span_to_u64(span_cut(&value, '.'), &whole) || whole)
            return WEIGHT_ONE;
        for (; value.len && *value.at >= '0' && *value.at <= '9'; value = span_from(value, 1)) {
            part += scale * (uint64_t)(*value.at - '0');
            scale /= 10;
        }
        return value.len ? WEIGHT_ONE : (uint32_t)part;
    }
    return WEIGHT_ONE;
}

/* In the order in which an asterisk means them. */
static const struct {
    struct span name;
    enum PACKING packing;
} offered[] = {{S_INIT("gzip"), PACKING_GZIP}, {S_INIT("deflate"), PACKING_DEFLATE}};

struct choice {
    enum PACKING packing;
    uint32_t weight, of_others; /* `of_others`: of the asterisk */
    bool named[ARRAY_LEN(offered)];
};

static void consider(struct choice *choice, size_t i, uint32_t weight)
{
    if (weight <= choice->weight)
        return;
    choice->weight = weight;
    choice->packing = offered[i].packing;
}

/* The heaviest one, the first of equals; one that is named comes before one that is not. */
static enum PACKING wanted(struct span accepted)
{
    struct choice choice = {.packing = PACKING_NONE};
    while (!span_is_absent(accepted)) {
        struct span entry = span_cut(&accepted, ',');
        struct span name = span_trim(span_cut(&entry, ';'));
        uint32_t weight = weight_of(entry);
        if (span_eq(name, S("*")))
            choice.of_others = weight;
        for (size_t i = 0; i < ARRAY_LEN(offered); i++) {
            if (!span_eq_nocase(name, offered[i].name))
                continue;
            choice.named[i] = true;
            consider(&choice, i, weight);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(offered); i++)
        if (!choice.named[i])
            consider(&choice, i, choice.of_others);
    return choice.packing;
}

void compression_apply(struct request *r)
{
    struct span body = r->reply.body;
    if (!r->call.service || !r->call.service->compression || body.len < REPLY_MIN)
        return;
    struct span accepted = header_get(r->x->headers, S("accept-encoding"));
    enum PACKING packing = wanted(accepted);
    if (packing == PACKING_NONE)
        return;
    struct buf *packed = arena_buf(r->call.arena, 2 * body.len);
    struct packer *packer = packing_begin(packing);
    packing_feed(packer, body, packed);
    packing_end(packer, packed);
    packing_free(packer);
    if (packed->over)
        return;
    r->reply.body = buf_span(packed);
    reply_header(&r->call, &r->reply, S("Content-Encoding"),
                 packing == PACKING_GZIP ? S("gzip") : S("deflate"));
}
