// SPDX-License-Identifier: Apache-2.0
/*
 * A streaming body on its way into a draft: HTTP pieces, unwrapped from aws-chunked where it is,
 * with back-pressure to the socket. Digests are computed by the draft. Loop thread.
 */
#include "gate/credential_refusal.h"

#include "base/text.h"

#include <errno.h>

static const struct error_kind INCOMPLETE_BODY = {"IncompleteBody", NULL, 400};
static const struct error_kind MISSING_LENGTH = {"MissingContentLength", NULL, 411};
static const struct error_kind TOO_LARGE = {"EntityTooLarge", NULL, 400};
static const struct error_kind BAD_CHUNK = {"InvalidChunkSizeError", NULL, 403};
static const struct error_kind INVALID_REQUEST = {"InvalidRequest", NULL, 400};

static bool is_chunked(const struct sigv4_claim *claim)
{
    return claim->payload != PAYLOAD_SIGNED && claim->payload != PAYLOAD_UNSIGNED;
}

static struct chunked_payload *chunked_new(struct request *r)
{
    struct chunked_payload *chunked = ARENA_NEW(r->call.arena, struct chunked_payload);
    chunked_init(chunked, &r->claim, &r->key);
    return chunked;
}

void body_stop(struct request *r, const struct refusal *refusal)
{
    r->refusal = refusal;
    r->answered = true;
    request_answer(r);
}

static const struct refusal *refuse_too_large(struct request *r)
{
    return refuse_with(&r->call, &TOO_LARGE, S("MaxSizeAllowed"),
                       arena_printf(r->call.arena, "%llu", (unsigned long long)r->plan.max_len),
                       "Your proposed upload exceeds the maximum allowed size");
}

static const struct refusal *refuse_chunk(struct request *r, enum CHUNKED_STATUS status)
{
    if (status == CHUNKED_BAD_SIGNATURE)
        return refuse_signature(r, SPAN_NONE, SPAN_NONE);
    if (status == CHUNKED_TOO_SMALL)
        return refuse(&r->call, &BAD_CHUNK,
                      "Only the last chunk is allowed to have a size less than 8192 bytes");
    return refuse(&r->call, &INCOMPLETE_BODY,
                  "The request body terminated unexpectedly or is not well-formed aws-chunked");
}

static void on_ready(struct draft *draft, void *user)
{
    struct request *r = user;
    if (r->paused && !r->answered) {
        r->paused = false;
        http_resume(r->x);
    }
}

/* The declared length: of the decoded body when it is aws-chunked. */
static const struct refusal *check_length(struct request *r)
{
    struct http_exchange *x = r->x;
    uint64_t len = x->content_length;
    if (is_chunked(&r->claim)) {
        struct span decoded = header_get(x->headers, S("x-amz-decoded-content-length"));
        if (!span_to_u64(decoded, &len))
            return refuse(&r->call, &MISSING_LENGTH,
                          "You must provide the Content-Length HTTP header.");
    } else if (x->chunked) {
        return refuse(&r->call, &MISSING_LENGTH,
                      "You must provide the Content-Length HTTP header.");
    } else if (!x->has_body) {
        len = 0;
    }
    return len > r->plan.max_len ? refuse_too_large(r) : OK;
}

static struct body *find_stream_member(struct request *r)
{
    const struct field *field = &r->route.service->fields[r->route.operation->input_payload];
    return struct_at(r->in, field->offset, struct body);
}

static void on_sealed(struct draft *draft, void *user, int error);

void body_open(struct request *r)
{
    struct cloud *cloud = r->gate->config->cloud;
    struct draft_events events = {.ready = on_ready, .sealed = on_sealed, .user = r};
    r->in_body = find_stream_member(r);
    struct draft_plan plan = {.digests = r->plan.digests,
                              .kind = r->plan.sealed ? EXTENT_SEALED : EXTENT_PLAIN};
    r->draft = draft_new(cloud->store, cloud->workers, r->gate->loop, &plan, &events);
}

void body_begin(struct request *r)
{
    const struct refusal *refusal = check_length(r);
    if (refusal) {
        body_stop(r, refusal);
        return;
    }
    bool whole_signed = r->claim.payload == PAYLOAD_SIGNED && r->claim.content_sha256.len == 64;
    if (whole_signed)
        r->plan.digests |= DIGEST_SHA256;
    if (is_chunked(&r->claim))
        r->chunked = chunked_new(r);
    body_open(r);
    http_take_stream(r->x);
}

int body_take(void *into, struct span piece)
{
    struct request *r = into;
    if (draft_len(r->draft) + piece.len > r->plan.max_len)
        return -EFBIG;
    int full = draft_write(r->draft, piece);
    if (full > 0 && !r->paused) {
        r->paused = true;
        http_pause(r->x);
    }
    return full < 0 ? full : 0;
}

void body_stop_with(struct request *r, int error)
{
    body_stop(r, error == -EFBIG ? refuse_too_large(r)
                                 : refuse_errno(&r->call, error, "writing the body"));
}

void body_piece(struct request *r, struct span piece)
{
    int error = 0;
    if (r->answered)
        return;
    if (!r->chunked) {
        error = body_take(r, piece);
    } else {
        enum CHUNKED_STATUS status = chunked_feed(r->chunked, piece, body_take, r, &error);
        if (!error && status != CHUNKED_MORE && status != CHUNKED_DONE) {
            body_stop(r, refuse_chunk(r, status));
            return;
        }
    }
    if (error < 0)
        body_stop_with(r, error);
}

/* Trailers are read as if they had been headers. */
static void add_trailers(struct request *r)
{
    struct headers have = r->call.request_headers;
    size_t count = have.count + r->chunked->trailer_count;
    struct header *all = ARENA_ARRAY(r->call.arena, struct header, count);
    memcpy(all, have.at, have.count * sizeof *all);
    memcpy(all + have.count, r->chunked->trailers, r->chunked->trailer_count * sizeof *all);
    r->call.request_headers = (struct headers){all, count};
}

static const struct refusal *check_chunked_end(struct request *r)
{
    uint64_t declared = 0;
    enum CHUNKED_STATUS status = r->chunked->ended;
    struct span length = header_get(r->x->headers, S("x-amz-decoded-content-length"));
    if (status != CHUNKED_DONE || !span_to_u64(length, &declared) ||
        declared != r->chunked->decoded)
        return refuse(
            &r->call, &INCOMPLETE_BODY,
            "You did not provide the number of bytes specified by the Content-Length HTTP "
            "header");
    struct span promised = header_get(r->x->headers, S("x-amz-trailer"));
    struct headers sent = {r->chunked->trailers, r->chunked->trailer_count};
    if (promised.len && span_is_absent(header_get(sent, span_trim(promised))))
        return refuse(&r->call, &INVALID_REQUEST,
                      "The value specified in the x-amz-trailer header is not supported");
    add_trailers(r);
    return OK;
}

void body_seal(struct request *r)
{
    if (draft_seal(r->draft) == DRAFT_SEALED_NOW)
        on_sealed(r->draft, r, 0);
}

void body_complete(struct request *r)
{
    if (r->answered)
        return;
    const struct refusal *refusal = r->chunked ? check_chunked_end(r) : OK;
    if (refusal) {
        body_stop(r, refusal);
        return;
    }
    body_seal(r);
}

static const struct refusal *check_sha(struct request *r)
{
    struct span claimed = r->claim.content_sha256;
    const struct digests *digests = draft_digests(r->draft);
    if (r->claim.payload != PAYLOAD_SIGNED || claimed.len != 64)
        return OK;
    struct span computed = hex_of(r->call.arena, span_of(digests->sha256, SHA256_SIZE));
    if (span_eq_nocase(claimed, computed))
        return OK;
    return refuse_content_digest(r, computed);
}

/* The body may have taken long, and the identity must be current for the handler. */
static const struct refusal *sealed(struct request *r, int error)
{
    if (error < 0)
        return refuse_errno(&r->call, error, "writing the body");
    TRY(check_sha(r));
    return request_identify(r, r->gate->cache);
}

static void on_sealed(struct draft *draft, void *user, int error)
{
    struct request *r = user;
    const struct refusal *refusal = sealed(r, error);
    if (refusal) {
        body_stop(r, refusal);
        return;
    }
    *r->in_body = (struct body){
        .len = draft_len(draft),
        .bytes = draft_bytes(draft),
        .draft = draft,
        .digests = draft_digests(draft),
    };
    r->in_body->extents = draft_extents(draft, &r->in_body->extent_count);
    request_dispatch(r);
}

void body_end(struct request *r)
{
    if (r->draft)
        draft_free(r->draft);
    r->draft = NULL;
}

static int append_bytes(void *into, struct span piece)
{
    struct buf *buf = into;
    buf_append(buf, piece);
    return buf->over ? -EFBIG : 0;
}

RESULT body_unchunk(struct request *r, struct span *body)
{
    int error = 0;
    if (r->fault != SIGV4_OK || !is_chunked(&r->claim))
        return OK;
    struct buf *plain = arena_buf(r->call.arena, body->len + 1);
    r->chunked = chunked_new(r);
    enum CHUNKED_STATUS status = chunked_feed(r->chunked, *body, append_bytes, plain, &error);
    if (status != CHUNKED_DONE || error)
        return refuse_chunk(r, status);
    add_trailers(r);
    r->wire.headers = r->call.request_headers;
    *body = buf_span(plain);
    return OK;
}
