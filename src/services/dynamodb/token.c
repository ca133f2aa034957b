// SPDX-License-Identifier: Apache-2.0
/*
 * Tokens of transactions. Key invariant: a token's record is written in the commit of what was done
 * under it. Each new one takes a few old ones away, so they are as many as ten minutes bring. The
 * record's key has the time in it, so taking an old one away cannot meet a new one of that name.
 */
#include "services/dynamodb/token.h"

#include "base/hash.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"

#define KEPT_MS (10 * 60 * 1000)
#define AWAY_MAX 4 /* old ones that a new one takes away */

struct span token_lock_name(struct call *c, struct span token)
{
    if (span_is_absent(token))
        return SPAN_NONE;
    const struct span parts[] = {S("\x6a"), c->account, S("\0"), c->region, S("\0"), token};
    return arena_join(c->arena, parts, ARRAY_LEN(parts));
}

static struct span digest_of(struct call *c, struct span asked)
{
    uint8_t digest[SHA256_SIZE];
    sha256_of(asked, digest);
    return arena_copy(c->arena, span_of(digest, sizeof digest));
}

static struct dynamodb_token key_of(struct call *c, struct span token)
{
    return (struct dynamodb_token){.account = c->account, .region = c->region, .token = token};
}

static int take_newest(void *user, struct dynamodb_token *token)
{
    *(struct dynamodb_token *)user = *token;
    return 0;
}

RESULT token_look(struct call *c, struct span token, struct span asked, enum TOKEN *ret)
{
    *ret = TOKEN_NEW;
    if (span_is_absent(token))
        return OK;
    struct dynamodb_token from = key_of(c, token), newest = {.done = 0};
    int error = dynamodb_token_each(c->txn, &from, 3, c->arena, take_newest, &newest);
    if (error < 0)
        return refuse_errno(c, error, "looking for a token");
    if (!newest.done || (int64_t)newest.done + KEPT_MS <= c->now_ms)
        return OK;
    if (!span_eq(newest.digest, digest_of(c, asked)))
        return refuse(c, &DYNAMODB_IDEMPOTENT_PARAMETER_MISMATCH_EXCEPTION,
                      "Request was retried with a different payload but with an idempotent token "
                      "that was already used");
    *ret = TOKEN_DONE;
    return OK;
}

struct cleaning {
    struct call *c;
    int count;
};

static int take_away(void *user, struct dynamodb_token_age *age)
{
    struct cleaning *cleaning = user;
    struct call *c = cleaning->c;
    if ((int64_t)age->done + KEPT_MS > c->now_ms || cleaning->count == AWAY_MAX)
        return 1;
    cleaning->count++;
    dynamodb_token_delete(c->txn, &(struct dynamodb_token){.account = age->account,
                                                           .region = age->region,
                                                           .token = age->token,
                                                           .done = age->done});
    dynamodb_token_age_delete(c->txn, age);
    return 0;
}

RESULT token_keep(struct call *c, struct span token, struct span asked)
{
    struct cleaning cleaning = {.c = c};
    if (span_is_absent(token))
        return OK;
    int error = dynamodb_token_age_each(c->txn, &(struct dynamodb_token_age){0}, 0, c->arena,
                                        take_away, &cleaning);
    if (error < 0)
        return refuse_errno(c, error, "forgetting old tokens");
    struct dynamodb_token record = key_of(c, token);
    record.done = (uint64_t)c->now_ms;
    record.digest = digest_of(c, asked);
    dynamodb_token_put(c->txn, &record);
    dynamodb_token_age_put(c->txn, &(struct dynamodb_token_age){.done = record.done,
                                                                .account = c->account,
                                                                .region = c->region,
                                                                .token = token,
                                                                .here = true});
    return OK;
}
