// SPDX-License-Identifier: Apache-2.0
/*
 * Temporary credentials as STS shows them, and who may ask for which. Control thread.
 */
#include "services/sts/sts.h"

#include "auth/session.h"

RESULT sts_session_begin(struct call *c, struct auth_session *session, int32_t duration_s,
                         struct sts_credentials **ret)
{
    TRY(session_begin(c, session, duration_s));
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
