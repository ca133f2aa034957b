// SPDX-License-Identifier: Apache-2.0
/*
 * AssumeRole. The role's trust policy must allow it, even within the account; across accounts the
 * caller's own policies must too. One deviation: AWS lets no root user assume a role, here the root
 * key is what everybody begins with, so it may where the trust policy names its account. Control
 * thread. Source: STS API reference, AssumeRole; "Pass session tags in AWS STS".
 */
#include "services/sts/sts.h"

#include "auth/condition.h"

#include <errno.h>

#define DURATION_DEFAULT_S 3600

/* arn:aws:iam::ACCOUNT:role/path/NAME */
static bool read_role_arn(struct call *c, struct span arn, struct auth_role *out)
{
    struct span rest = arn;
    struct span scheme = span_cut(&rest, ':'), partition = span_cut(&rest, ':');
    struct span service = span_cut(&rest, ':'), region = span_cut(&rest, ':');
    out->account = span_cut(&rest, ':');
    if (!span_eq(scheme, S("arn")) || !partition.len || !service.len || region.len ||
        !out->account.len || !rest.len)
        return false;
    struct span name = span_from(rest, span_find_last_byte(rest, '/') + 1);
    out->lname = principal_lname(c->arena, name);
    return true;
}

/* Without the role nobody may be told that it is not there. */
static const struct refusal *denied(struct call *c, struct span arn)
{
    return refuse(c, &STS_ACCESS_DENIED,
                  "User: %.*s is not authorized to perform: sts:AssumeRole on resource: %.*s",
                  SPAN_ARG(c->caller->arn), SPAN_ARG(arn));
}

static const struct refusal *find_role(struct call *c, struct span arn, struct auth_role *out)
{
    *out = (struct auth_role){0};
    if (!read_role_arn(c, arn, out))
        return refuse(c, &STS_VALIDATION_ERROR, "%.*s is invalid", SPAN_ARG(arn));
    int error = auth_role_get(c->txn, c->arena, out);
    if (error && error != -ENOENT)
        return refuse_errno(c, error, "reading the role %.*s", SPAN_ARG(arn));
    if (error || !span_eq(arn, principal_arn(c->arena, out->account, "role", out->path, out->name)))
        return denied(c, arn);
    return OK;
}

/* ---- tags ---- */

static bool has_tag(const struct auth_session *session, struct span key)
{
    for (size_t i = 0; i < session->tags.count; i++)
        if (span_eq_nocase(session->tags.at[i].key, key))
            return true;
    return false;
}

/* Transitive tags of the calling session go on, and may not be given anew. */
static const struct refusal *inherit_tags(struct call *c, struct auth_session *session)
{
    const struct identity *caller = c->caller;
    struct auth_tag *tags =
        ARENA_ARRAY(c->arena, struct auth_tag, session->tags.count + caller->tag_count);
    struct span *transitive =
        ARENA_ARRAY(c->arena, struct span, session->transitive.count + caller->tag_count);
    if (session->tags.count)
        memcpy(tags, session->tags.at, session->tags.count * sizeof *tags);
    if (session->transitive.count)
        memcpy(transitive, session->transitive.at, session->transitive.count * sizeof *transitive);
    session->transitive.at = transitive;
    size_t count = session->tags.count;
    for (size_t i = 0; i < caller->tag_count; i++) {
        const struct identity_tag *tag = &caller->tags[i];
        if (!tag->transitive)
            continue;
        if (has_tag(session, tag->key))
            return refuse(c, &STS_INVALID_PARAMETER_VALUE,
                          "One of the specified transitive tag keys can't be set because it "
                          "conflicts with a transitive tag key from the calling session.");
        tags[count++] = (struct auth_tag){.key = tag->key, .value = tag->value};
        transitive[session->transitive.count++] = tag->key;
    }
    session->tags.at = tags;
    session->tags.count = count;
    return OK;
}

static const struct refusal *set_tags(struct call *c, const struct sts_assume_role_in *in,
                                      struct auth_session *session)
{
    TRY(sts_session_tag(c, in->tags, session));
    for (size_t i = 0; i < in->transitive_tag_keys.count; i++)
        if (!has_tag(session, in->transitive_tag_keys.at[i]))
            return refuse(c, &STS_INVALID_PARAMETER_VALUE,
                          "The specified transitive tag key must be included in the requested "
                          "tags.");
    session->transitive =
        (struct record_texts){in->transitive_tag_keys.at, in->transitive_tag_keys.count};
    return inherit_tags(c, session);
}

/* ---- permission ---- */

/* Users and roles that were made again under their name are not those that were trusted. */
static const struct policy *trust_of(struct call *c, const struct auth_role *role)
{
    struct span why;
    size_t count = role->trusted.count;
    struct policy_binding *bindings = ARENA_ARRAY(c->arena, struct policy_binding, count);
    for (size_t i = 0; i < count; i++)
        bindings[i] = (struct policy_binding){role->trusted.at[i].arn, role->trusted.at[i].id};
    const struct policy *policy = policy_parse(c->arena, role->trust, POLICY_TRUST, &why);
    return policy ? policy_bound(c->arena, policy, bindings, count) : NULL;
}

static const struct refusal *ask(struct call *c, struct span action, struct span arn,
                                 const struct auth_role *role)
{
    struct auth_question question = {
        .action = action,
        .resource = arn,
        .resource_policy = trust_of(c, role),
        .resource_account = role->account,
        .side = RESOURCE_MUST_ALLOW,
    };
    if (!question.resource_policy)
        return refuse_errno(c, -EBADMSG, "reading the trust policy of %.*s", SPAN_ARG(arn));
    return auth_ask(c, &question);
}

static const struct refusal *permit(struct call *c, const struct sts_assume_role_in *in,
                                    const struct auth_role *role)
{
    c->audit_resource = in->role_arn;
    condition_set_one(c, S("sts:ExternalId"), in->external_id);
    condition_set_one(c, S("sts:RoleSessionName"), in->role_session_name);
    condition_set_one(c, S("sts:SourceIdentity"), in->source_identity);
    TRY(ask(c, S("sts:AssumeRole"), in->role_arn, role));
    if (in->tags.count)
        TRY(ask(c, S("sts:TagSession"), in->role_arn, role));
    if (in->source_identity.len)
        TRY(ask(c, S("sts:SetSourceIdentity"), in->role_arn, role));
    return OK;
}

/* A role that was assumed by a role lasts an hour at most. */
static const struct refusal *duration_of(struct call *c, const struct sts_assume_role_in *in,
                                         const struct auth_role *role, int32_t *ret_s)
{
    *ret_s = in->has.duration_seconds ? in->duration_seconds : DURATION_DEFAULT_S;
    if ((uint64_t)*ret_s > role->max_session_s)
        return refuse(c, &STS_VALIDATION_ERROR,
                      "The requested DurationSeconds exceeds the MaxSessionDuration set for this "
                      "role.");
    if (c->caller->session == SESSION_ROLE && *ret_s > DURATION_DEFAULT_S)
        return refuse(c, &STS_VALIDATION_ERROR,
                      "The requested DurationSeconds exceeds the 1 hour session limit for roles "
                      "assumed by role chaining.");
    return OK;
}

RESULT sts_assume_role(struct call *c, const struct sts_assume_role_in *in,
                       struct sts_assume_role_out *out)
{
    struct auth_role role;
    int32_t duration_s, packed;
    TRY(find_role(c, in->role_arn, &role));
    if (in->serial_number.len || in->token_code.len)
        return refuse(c, &STS_ACCESS_DENIED,
                      "MultiFactorAuthentication failed with invalid MFA one time pass code.");
    TRY(permit(c, in, &role));
    TRY(duration_of(c, in, &role, &duration_s));
    struct auth_session session = {
        .kind = SESSION_ROLE,
        .holder = role.lname,
        .holder_id = role.id,
        .name = in->role_session_name,
        .source_identity =
            in->source_identity.len ? in->source_identity : c->caller->source_identity,
    };
    TRY(set_tags(c, in, &session));
    struct sts_session_policies policies = {.document = in->policy, .arns = in->policy_arns};
    TRY(sts_session_narrow(c, &policies, &session, &packed));
    session.account = role.account;
    TRY(sts_session_begin(c, &session, duration_s, &out->credentials));

    out->assumed_role_user = ARENA_NEW(c->arena, struct sts_assumed_role_user);
    *out->assumed_role_user = (struct sts_assumed_role_user){
        .assumed_role_id =
            arena_printf(c->arena, "%.*s:%.*s", SPAN_ARG(role.id), SPAN_ARG(session.name)),
        .arn = arena_printf(c->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s",
                            SPAN_ARG(role.account), SPAN_ARG(role.name), SPAN_ARG(session.name)),
    };
    out->source_identity = session.source_identity.len ? session.source_identity : SPAN_NONE;
    out->packed_policy_size = packed;
    out->has.packed_policy_size = packed != 0;
    return OK;
}
