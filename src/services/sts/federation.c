// SPDX-License-Identifier: Apache-2.0
/*
 * GetSessionToken and GetFederationToken: temporary credentials of the caller itself, or of a name
 * that may do what both the caller and the given policies allow. Only long-term credentials may
 * ask. Control thread. Source: STS API reference.
 */
#include "services/sts/sts.h"

#define DURATION_DEFAULT_S 43200
#define ROOT_DURATION_MAX_S 3600

/* The root user's sessions last an hour at most, whatever is asked for. */
static int32_t duration_of(const struct call *c, int32_t wanted)
{
    bool root = c->caller->type == IDENTITY_ROOT;
    return root && wanted > ROOT_DURATION_MAX_S ? ROOT_DURATION_MAX_S : wanted;
}

static struct auth_session session_of_caller(struct call *c, enum SESSION_KIND kind)
{
    const struct identity *caller = c->caller;
    struct auth_session session = {.kind = kind, .account = c->account};
    if (caller->type != IDENTITY_ROOT) {
        session.holder = principal_lname(c->arena, caller->name);
        session.holder_id = caller->user_id;
    }
    return session;
}

RESULT sts_get_session_token(struct call *c, const struct sts_get_session_token_in *in,
                             struct sts_get_session_token_out *out)
{
    TRY(sts_permit_long_term(c, S("*")));
    if (in->serial_number.len || in->token_code.len)
        return refuse(c, &STS_ACCESS_DENIED,
                      "MultiFactorAuthentication failed with invalid MFA one time pass code.");
    struct auth_session session = session_of_caller(c, SESSION_USER);
    int32_t duration_s =
        duration_of(c, in->has.duration_seconds ? in->duration_seconds : DURATION_DEFAULT_S);
    return sts_session_begin(c, &session, duration_s, &out->credentials);
}

RESULT sts_get_federation_token(struct call *c, const struct sts_get_federation_token_in *in,
                                struct sts_get_federation_token_out *out)
{
    struct span arn = arena_printf(c->arena, "arn:aws:sts::%.*s:federated-user/%.*s",
                                   SPAN_ARG(c->account), SPAN_ARG(in->name));
    TRY(sts_permit_long_term(c, arn));
    struct auth_session session = session_of_caller(c, SESSION_FEDERATED);
    session.name = in->name;
    session.limited = true;
    TRY(sts_session_tag(c, in->tags, &session));
    struct sts_session_policies policies = {.document = in->policy, .arns = in->policy_arns};
    TRY(sts_session_narrow(c, &policies, &session, &out->packed_policy_size));
    int32_t duration_s =
        duration_of(c, in->has.duration_seconds ? in->duration_seconds : DURATION_DEFAULT_S);
    TRY(sts_session_begin(c, &session, duration_s, &out->credentials));

    out->has.packed_policy_size = true;
    out->federated_user = ARENA_NEW(c->arena, struct sts_federated_user);
    out->federated_user->arn = arn;
    out->federated_user->federated_user_id =
        arena_printf(c->arena, "%.*s:%.*s", SPAN_ARG(c->account), SPAN_ARG(in->name));
    return OK;
}
