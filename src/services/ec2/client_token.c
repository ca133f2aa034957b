// SPDX-License-Identifier: Apache-2.0
/* Client tokens, by operation; the input is kept as the digest of its printed form. Control thread.
 */
#include "services/ec2/client_token.h"

#include "base/hash.h"
#include "base/time.h"
#include "services/ec2/ec2.api.h"
#include "services/ec2/stored.records.h"
#include "wire/codec.h"

#include <errno.h>

#define INPUT_BYTES_MAX (16 << 20) /* more than any request */
#define TOKEN_LETTERS 64
#define STANDS_MS (7 * DAY_MS)

static struct stored_token token_of(const struct call *c, struct span token)
{
    return (struct stored_token){
        .account = c->account,
        .region = c->region,
        .operation = service_text(c->service, c->operation->name),
        .token = token,
    };
}

static struct span digest_of(struct call *c, const void *in)
{
    uint8_t *digest = arena_alloc(c->arena, SHA256_SIZE);
    struct buf *text = arena_buf(c->arena, INPUT_BYTES_MAX);
    wire_json_write(c->service, c->operation->input, in, text);
    sha256_of(buf_span(text), digest);
    return span_of(digest, SHA256_SIZE);
}

RESULT client_token_find(struct call *c, const void *in, struct span token, struct span *ret_made)
{
    *ret_made = SPAN_NONE;
    if (!token.at)
        return OK;
    struct stored_token kept = token_of(c, token);
    if (token.len > TOKEN_LETTERS)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Client token exceeds the maximum length of %d characters", TOKEN_LETTERS);
    int error = stored_token_get(c->txn, c->arena, &kept);
    if (error == -ENOENT || (!error && c->now_ms - kept.used > STANDS_MS))
        return OK;
    if (error < 0)
        return refuse_errno(c, error, "reading a client token");
    if (!span_eq(kept.digest, digest_of(c, in)))
        return refuse(c, &EC2_IDEMPOTENT_PARAMETER_MISMATCH,
                      "The client token you have provided is already associated with another "
                      "request that has different parameters.");
    *ret_made = kept.made;
    return OK;
}

void client_token_keep(struct call *c, const void *in, struct span token, struct span made)
{
    if (!token.at)
        return;
    struct stored_token kept = token_of(c, token);
    kept.digest = digest_of(c, in);
    kept.made = made;
    kept.used = c->now_ms;
    stored_token_put(c->txn, &kept);
}
