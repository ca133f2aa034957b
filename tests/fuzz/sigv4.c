// SPDX-License-Identifier: Apache-2.0
/*
 * Any head as a request: reading and canonicalisation never crash, the canonical request says the
 * same twice, and what a signer makes of a claim that parses is accepted by the verifier. Input:
 * lines as in tests/unit/sigv4.c, the first byte's lowest bit choosing S3.
 */
#include "wire/sigv4.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct sigv4_request request_of(struct arena *arena, struct span head)
{
    struct sigv4_request request = {.s3 = head.len && (head.at[0] & 1)};
    size_t lines = 1;
    head = span_from(head, 1);
    for (size_t i = 0; i < head.len; i++)
        lines += head.at[i] == '\n';
    request.headers.at = ARENA_ARRAY(arena, struct header, lines);
    struct span line = span_cut(&head, '\n');
    request.method = span_cut(&line, ' ');
    request.path = span_cut(&line, '?');
    request.query = line;
    while (!span_is_empty(head)) {
        struct span value = span_cut(&head, '\n');
        struct span name = span_cut(&value, ':');
        if (span_is_absent(value))
            value = S("");
        request.headers.at[request.headers.count++] = (struct header){name, value};
    }
    return request;
}

static void round_trip(struct arena *arena, const struct sigv4_request *request,
                       struct sigv4_claim *claim)
{
    struct hmac_key key;
    char signature[64];
    struct span canonical, to_sign;
    sigv4_key(S("secret"), claim->date, claim->region, claim->service, &key);
    canonical = sigv4_canonical(arena, request, claim, SPAN_NONE);
    if (!span_eq(canonical, sigv4_canonical(arena, request, claim, SPAN_NONE)))
        abort();
    to_sign = sigv4_to_sign(arena, claim, canonical);
    sigv4_sign(&key, to_sign, signature);
    claim->signature = span_of(signature, sizeof signature);
    if (sigv4_verify(arena, request, claim, &key, SPAN_NONE, NULL, NULL) != SIGV4_OK)
        abort();
    signature[0] = signature[0] == '0' ? '1' : '0';
    if (sigv4_verify(arena, request, claim, &key, SPAN_NONE, &canonical, &to_sign) !=
        SIGV4_MISMATCH)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct arena arena;
    struct sigv4_claim claim;
    if (len > 65536)
        return 0;
    arena_init(&arena, 16384, 64 << 20);
    struct sigv4_request request = request_of(&arena, span_of(bytes, len));
    if (sigv4_read(&arena, &request, &claim) == SIGV4_OK) {
        (void)sigv4_check_time(&claim, 1795352405000);
        round_trip(&arena, &request, &claim);
    }
    claim = (struct sigv4_claim){.signed_headers = S("host"), .presigned = true};
    (void)sigv4_canonical(&arena, &request, &claim, S("-"));
    arena_done(&arena);
    return 0;
}
