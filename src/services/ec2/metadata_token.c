// SPDX-License-Identifier: Apache-2.0
/*
 * Session tokens of IMDSv2: when it ends and a random number, signed together with the instance's
 * id. Nothing is kept; the key is this process's, so that a token ends with it, which clients know
 * how to meet: they ask for a new one when they are refused. Pure but for the key.
 */
#include "services/ec2/metadata.h"

#include "base/hash.h"
#include "base/id.h"
#include "base/log.h"
#include "base/text.h"

#include <stdlib.h>

#define KEY_SIZE 32
#define SIGNED_SIZE 24 /* of SHA-256: the token then has the 56 letters that AWS's has */

struct metadata_tokens {
    struct hmac_key key;
};

struct token {
    int64_t ends_ms;
    uint8_t random[8], signature[SIGNED_SIZE];
};
_Static_assert(sizeof(struct token) == 40, "no gaps");

struct metadata_tokens *metadata_tokens_new(void)
{
    char secret[KEY_SIZE];
    struct metadata_tokens *tokens = calloc(1, sizeof *tokens);
    if (!tokens)
        log_fatal("out of memory");
    random_bytes(secret, sizeof secret);
    hmac_key_init(&tokens->key, span_of(secret, sizeof secret));
    return tokens;
}

void metadata_tokens_free(struct metadata_tokens *tokens)
{
    free(tokens);
}

static void sign(const struct metadata_tokens *tokens, struct call *c, struct span instance,
                 struct token *token)
{
    uint8_t digest[SHA256_SIZE];
    const struct span parts[] = {instance, span_of(token, offsetof(struct token, signature))};
    hmac_sign(&tokens->key, arena_join(c->arena, parts, ARRAY_LEN(parts)), digest);
    memcpy(token->signature, digest, sizeof token->signature);
}

struct span metadata_token_new(const struct metadata_tokens *tokens, struct call *c,
                               struct span instance, int64_t ttl_s)
{
    struct token token = {.ends_ms = c->now_ms + ttl_s * 1000};
    random_bytes(token.random, sizeof token.random);
    sign(tokens, c, instance, &token);
    return base64_of(c->arena, span_of(&token, sizeof token));
}

int64_t metadata_token_left(const struct metadata_tokens *tokens, struct call *c,
                            struct span instance, struct span text)
{
    struct token given, right;
    struct span bytes = base64_decode(c->arena, text);
    if (bytes.len != sizeof given)
        return 0;
    memcpy(&given, bytes.at, sizeof given);
    right = given;
    sign(tokens, c, instance, &right);
    if (!hash_eq(right.signature, given.signature, sizeof given.signature) ||
        given.ends_ms <= c->now_ms)
        return 0;
    return (given.ends_ms - c->now_ms + 999) / 1000;
}
