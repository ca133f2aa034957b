// SPDX-License-Identifier: Apache-2.0
/*
 * Temporary credentials. The token is random and kept with the session: it proves nothing by itself
 * and cannot be forged. Sessions that have ended are removed, oldest first, whenever a new one
 * begins. Control thread.
 */
#include "auth/session.h"

#include "auth/condition.h"
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

RESULT session_begin(struct call *c, struct auth_session *session, int64_t duration_s)
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
    session->expires = c->now_ms / 1000 * 1000 + duration_s * 1000;
    auth_session_put(c->txn, session);
    auth_session_end_put(c->txn, &(struct auth_session_end){
                                     .expires_ms = (uint64_t)session->expires,
                                     .id = session->id,
                                     .issued = session->issued,
                                 });
    return OK;
}

/* The request of a service has none of a caller's keys, but what it says itself. */
static bool service_key(void *user, struct span key, struct arena *arena,
                        const struct span **ret_values, size_t *ret_count)
{
    const struct condition_value *value = condition_get(user, key);
    if (!value)
        return false;
    *ret_values = value->values;
    *ret_count = value->count;
    return true;
}

bool session_trusts(struct call *c, const struct auth_role *role, struct span service)
{
    struct span why;
    const struct policy *trust = policy_parse(c->arena, role->trust, POLICY_TRUST, &why);
    const struct policy_request request = {
        .action = S("sts:AssumeRole"),
        .resource = principal_arn(c->arena, role->account, "role", role->path, role->name),
        .principal_service = service,
        .lookup = service_key,
        .user = c,
        .scratch = c->arena,
    };
    return trust && policy_decide(trust, &request).decision == DECISION_ALLOW;
}
