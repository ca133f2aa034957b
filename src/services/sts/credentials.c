// SPDX-License-Identifier: Apache-2.0
/*
 * Temporary credentials. The token is random and kept with the session: it proves nothing by itself
 * and cannot be forged. Sessions that have ended are removed, oldest first, whenever a new one
 * begins. Control thread.
 */
#include "services/sts/sts.h"

#include "base/id.h"
#include "base/text.h"

#define SWEEP_MAX 16 /* ended sessions removed for one that begins */
#define TOKEN_BYTES 192

struct sweep {
    struct call *c;
    int removed;
};

static int sweep_one(void *user, struct auth_session_end *end)
{
    struct sweep *sweep = user;
    if ((int64_t)end->expires_ms > sweep->c->now_ms || sweep->removed == SWEEP_MAX)
        return 1;
    auth_session_delete(sweep->c->txn, &(struct auth_session){.id = end->id});
    auth_session_end_delete(sweep->c->txn, end);
    sweep->removed++;
    return 0;
}

static struct span new_token(struct call *c)
{
    char bytes[TOKEN_BYTES];
    random_bytes(bytes, sizeof bytes);
    return base64_of(c->arena, span_of(bytes, sizeof bytes));
}

RESULT sts_session_begin(struct call *c, struct auth_session *session, int32_t duration_s,
                         struct sts_credentials **ret)
{
    struct sweep sweep = {.c = c};
    struct auth_session_end from = {0};
    int error = auth_session_end_each(c->txn, &from, 0, c->arena, sweep_one, &sweep);
    if (error < 0)
        return refuse_errno(c, error, "removing ended sessions");
    session->id = id_base32(c->arena, S("ASIA"), 16);
    session->secret = id_alnum(c->arena, S(""), 40);
    session->token = new_token(c);
    session->issued = c->now_ms;
    session->expires = c->now_ms / 1000 * 1000 + (int64_t)duration_s * 1000;
    auth_session_put(c->txn, session);
    auth_session_end_put(c->txn, &(struct auth_session_end){
                                     .expires_ms = (uint64_t)session->expires,
                                     .id = session->id,
                                     .issued = session->issued,
                                 });
    *ret = ARENA_NEW(c->arena, struct sts_credentials);
    **ret = (struct sts_credentials){
        .access_key_id = session->id,
        .secret_access_key = session->secret,
        .session_token = session->token,
        .expiration = session->expires,
    };
    (*ret)->has.expiration = true;
    return OK;
}

RESULT sts_permit_long_term(struct call *c, struct span resource)
{
    struct span name = service_text(c->service, c->operation->name);
    c->audit_resource = resource;
    if (c->caller->session != SESSION_NONE)
        return refuse(c, &STS_ACCESS_DENIED, "Cannot call %.*s with session credentials",
                      SPAN_ARG(name));
    return auth_require(c, arena_printf(c->arena, "sts:%.*s", SPAN_ARG(name)), resource, NULL,
                        SPAN_NONE);
}
