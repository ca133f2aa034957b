// SPDX-License-Identifier: Apache-2.0
/*
 * Global condition keys: a table from key to a function that answers one value, absent where the
 * request does not have it. Pure reading of the call, its thread.
 * Source: "AWS global condition context keys".
 */
#include "auth/context.h"

#include "auth/condition.h"
#include "base/time.h"

typedef struct span reader(const struct auth_context *context, struct arena *arena);

static struct span caller_text(const struct call *c, size_t offset)
{
    return c->caller ? *const_struct_at(c->caller, offset, struct span) : SPAN_NONE;
}

static struct span or_none(struct span text)
{
    return text.len ? text : SPAN_NONE;
}

/* Through a VPC endpoint the address is a private one, and has a key of its own. */
static struct span source_ip(const struct auth_context *context, struct arena *arena)
{
    return context->call->endpoint ? SPAN_NONE : or_none(context->call->source_ip);
}

static struct span vpc_source_ip(const struct auth_context *context, struct arena *arena)
{
    return context->call->endpoint ? or_none(context->call->source_ip) : SPAN_NONE;
}

static struct span source_vpc(const struct auth_context *context, struct arena *arena)
{
    return context->call->endpoint ? context->call->endpoint->vpc : SPAN_NONE;
}

static struct span source_vpce(const struct auth_context *context, struct arena *arena)
{
    return context->call->endpoint ? context->call->endpoint->id : SPAN_NONE;
}

static struct span current_time(const struct auth_context *context, struct arena *arena)
{
    char text[TIME_TEXT_SIZE];
    return arena_copy(arena, time_iso8601(context->call->now_ms, text));
}

static struct span epoch_time(const struct auth_context *context, struct arena *arena)
{
    return arena_printf(arena, "%lld", (long long)(context->call->now_ms / 1000));
}

static struct span secure_transport(const struct auth_context *context, struct arena *arena)
{
    return context->call->tls ? S("true") : S("false");
}

/* Of a role session it is the role's ARN. */
static struct span principal_arn_value(const struct auth_context *context, struct arena *arena)
{
    struct span role = caller_text(context->call, offsetof(struct identity, role_arn));
    return role.len ? role : caller_text(context->call, offsetof(struct identity, arn));
}

static struct span principal_account(const struct auth_context *context, struct arena *arena)
{
    return caller_text(context->call, offsetof(struct identity, account));
}

static struct span principal_type(const struct auth_context *context, struct arena *arena)
{
    static const struct span types[] = {
        [IDENTITY_ROOT] = S_INIT("Account"),
        [IDENTITY_USER] = S_INIT("User"),
        [IDENTITY_ROLE_SESSION] = S_INIT("AssumedRole"),
        [IDENTITY_FEDERATED] = S_INIT("FederatedUser"),
    };
    const struct identity *caller = context->call->caller;
    return caller ? types[caller->type] : S("Anonymous");
}

static struct span user_id(const struct auth_context *context, struct arena *arena)
{
    return caller_text(context->call, offsetof(struct identity, user_id));
}

static struct span user_name(const struct auth_context *context, struct arena *arena)
{
    const struct identity *caller = context->call->caller;
    return caller && caller->type == IDENTITY_USER ? caller->name : SPAN_NONE;
}

static struct span user_agent(const struct auth_context *context, struct arena *arena)
{
    return or_none(context->call->user_agent);
}

static struct span referer(const struct auth_context *context, struct arena *arena)
{
    return header_get(context->call->request_headers, S("referer"));
}

static struct span requested_region(const struct auth_context *context, struct arena *arena)
{
    return or_none(context->call->region);
}

static const struct identity *temporary(const struct auth_context *context)
{
    const struct identity *caller = context->call->caller;
    return caller && caller->session != SESSION_NONE ? caller : NULL;
}

/* Long-term keys do not have the key at all. */
static struct span mfa_present(const struct auth_context *context, struct arena *arena)
{
    const struct identity *caller = temporary(context);
    return !caller ? SPAN_NONE : caller->mfa ? S("true") : S("false");
}

static struct span token_issue_time(const struct auth_context *context, struct arena *arena)
{
    char text[TIME_TEXT_SIZE];
    const struct identity *caller = temporary(context);
    return caller ? arena_copy(arena, time_iso8601(caller->session_issued_ms, text)) : SPAN_NONE;
}

static struct span source_identity(const struct auth_context *context, struct arena *arena)
{
    return or_none(caller_text(context->call, offsetof(struct identity, source_identity)));
}

static struct span never(const struct auth_context *context, struct arena *arena)
{
    return S("false");
}

static struct span resource_account(const struct auth_context *context, struct arena *arena)
{
    return or_none(context->resource_account);
}

static const struct {
    struct span key;
    reader *read;
} keys[] = {
    {S_INIT("aws:currenttime"), current_time},
    {S_INIT("aws:epochtime"), epoch_time},
    {S_INIT("aws:multifactorauthpresent"), mfa_present},
    {S_INIT("aws:principalaccount"), principal_account},
    {S_INIT("aws:principalarn"), principal_arn_value},
    {S_INIT("aws:principalisawsservice"), never},
    {S_INIT("aws:principaltype"), principal_type},
    {S_INIT("aws:referer"), referer},
    {S_INIT("aws:requestedregion"), requested_region},
    {S_INIT("aws:resourceaccount"), resource_account},
    {S_INIT("aws:securetransport"), secure_transport},
    {S_INIT("aws:sourceidentity"), source_identity},
    {S_INIT("aws:sourceip"), source_ip},
    {S_INIT("aws:sourcevpc"), source_vpc},
    {S_INIT("aws:sourcevpce"), source_vpce},
    {S_INIT("aws:tokenissuetime"), token_issue_time},
    {S_INIT("aws:useragent"), user_agent},
    {S_INIT("aws:userid"), user_id},
    {S_INIT("aws:username"), user_name},
    {S_INIT("aws:viaawsservice"), never},
    {S_INIT("aws:vpcsourceip"), vpc_source_ip},
    {S_INIT("s3:resourceaccount"), resource_account}, /* S3's older name of the same */
};

static struct span principal_tag(const struct identity *caller, struct span key)
{
    for (size_t i = 0; caller && i < caller->tag_count; i++)
        if (span_eq_nocase(caller->tags[i].key, key))
            return caller->tags[i].value;
    return SPAN_NONE;
}

/* "Properties of the role session": set by the service that gave the credentials out. */
static struct span delivered(const struct identity *caller, struct span key)
{
    for (size_t i = 0; caller && i < caller->delivered_count; i++)
        if (span_eq(caller->delivered[i].key, key))
            return caller->delivered[i].value;
    return SPAN_NONE;
}

static struct span one_value(const struct auth_context *context, struct span key,
                             struct arena *arena)
{
    struct span tag_prefix = S("aws:principaltag/");
    if (span_starts(key, tag_prefix))
        return principal_tag(context->call->caller, span_from(key, tag_prefix.len));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (span_eq(key, keys[i].key))
            return keys[i].read(context, arena);
    struct span of_session = delivered(context->call->caller, key);
    if (of_session.at)
        return of_session;
    const struct service_hooks *hooks = context->call->service->hooks;
    return hooks && hooks->condition ? hooks->condition(context->call, key, arena) : SPAN_NONE;
}

bool context_lookup(void *user, struct span key, struct arena *arena,
                    const struct span **ret_values, size_t *ret_count)
{
    const struct auth_context *context = user;
    const struct condition_value *given = condition_get(context->call, key);
    if (given) {
        *ret_values = given->values;
        *ret_count = given->count;
        return true;
    }
    struct span value = one_value(context, key, arena);
    if (span_is_absent(value))
        return false;
    struct span *values = ARENA_NEW(arena, struct span);
    *values = value;
    *ret_values = values;
    *ret_count = 1;
    return true;
}
