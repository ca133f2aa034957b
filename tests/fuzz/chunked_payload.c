// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as an aws-chunked body, whole and in pieces: both give the same status, bytes and
 * trailers. Input: the first byte chooses variant and size of the pieces. The corpus has signed
 * bodies, so that the states behind a good signature are reached.
 */
#include "wire/chunked_payload.h"
#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define SEED "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"

static struct hmac_key key;

static int take(void *into, struct span piece)
{
    struct buf *decoded = into;
    buf_append(decoded, piece);
    return decoded->over ? -1 : 0;
}

static enum CHUNKED_STATUS feed(struct chunked_payload *payload, enum SIGV4_PAYLOAD variant,
                                struct span raw, size_t step, struct buf *decoded)
{
    const struct sigv4_claim claim = {
        .date = S("20130524"),
        .region = S("us-east-1"),
        .service = S("s3"),
        .timestamp = S("20130524T000000Z"),
        .signature = S(SEED),
        .payload = variant,
    };
    enum CHUNKED_STATUS status = CHUNKED_MORE;
    buf_init(decoded, 1 << 20);
    chunked_init(payload, &claim, &key);
    for (; raw.len; raw = span_from(raw, step))
        status = chunked_feed(payload, span_first(raw, step), take, decoded, NULL);
    return status;
}

static void compare(const struct chunked_payload *a, const struct chunked_payload *b)
{
    if (a->trailer_count != b->trailer_count || a->decoded != b->decoded || a->chunks != b->chunks)
        abort();
    for (size_t i = 0; i < a->trailer_count; i++)
        if (!span_eq(a->trailers[i].name, b->trailers[i].name) ||
            !span_eq(a->trailers[i].value, b->trailers[i].value))
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const enum SIGV4_PAYLOAD variants[] = {PAYLOAD_UNSIGNED_TRAILER, PAYLOAD_CHUNKS,
                                                  PAYLOAD_CHUNKS_TRAILER, PAYLOAD_UNSIGNED_TRAILER};
    static struct chunked_payload whole, cut;
    struct buf whole_bytes, cut_bytes;
    if (len == 0 || len > 1 << 20)
        return 0;
    sigv4_key(S("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), S("20130524"), S("us-east-1"), S("s3"),
              &key);
    enum SIGV4_PAYLOAD variant = variants[bytes[0] & 3];
    struct span raw = span_of(bytes + 1, len - 1);
    enum CHUNKED_STATUS a = feed(&whole, variant, raw, SIZE_MAX, &whole_bytes);
    enum CHUNKED_STATUS b = feed(&cut, variant, raw, 1 + (bytes[0] >> 2), &cut_bytes);
    if (a != b || !span_eq(buf_span(&whole_bytes), buf_span(&cut_bytes)))
        abort();
    if (a == CHUNKED_DONE)
        compare(&whole, &cut);
    buf_done(&whole_bytes);
    buf_done(&cut_bytes);
    return 0;
}
