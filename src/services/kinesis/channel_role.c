// SPDX-License-Identifier: Apache-2.0
/*
 * The service execution role of a channel: what it trusts and what it may write ("IAM permissions
 * for data delivery"). The trust policy sees the channel as aws:SourceArn and its account as
 * aws:SourceAccount. Any thread.
 */
#include "services/kinesis/channel.h"

#include "auth/condition.h"
#include "auth/session.h"
#include "services/s3/s3.h"

#include <errno.h>

/* The role of the channel's account by its ARN, with its path. */
static int find_role(struct call *c, struct span arn, struct auth_role *ret)
{
    struct span name = span_from(arn, span_find_last_byte(arn, '/') + 1);
    *ret = (struct auth_role){.account = c->account, .lname = principal_lname(c->arena, name)};
    int error = auth_role_get(c->txn, c->arena, ret);
    if (error < 0)
        return error;
    bool same = span_eq(arn, principal_arn(c->arena, ret->account, "role", ret->path, ret->name));
    return same ? 0 : -ENOENT;
}

static bool is_trusted(const struct call *c, const struct kinesis_channel *channel,
                       const struct auth_role *role)
{
    struct call own = *c;
    own.conditions = NULL;
    condition_set_one(&own, S("aws:SourceArn"), channel_arn(&own, channel));
    condition_set_one(&own, S("aws:SourceAccount"), channel->account);
    return session_trusts(&own, role, S("kinesis.amazonaws.com"));
}

RESULT channel_act(struct call *c, const struct kinesis_channel *channel)
{
    struct auth_role role;
    struct identity *caller = ARENA_NEW(c->arena, struct identity);
    c->account = channel->account;
    c->region = channel->region;
    int error = find_role(c, channel->role, &role);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a role");
    if (error || !is_trusted(c, channel, &role))
        return refuse(c, &KINESIS_ACCESS_DENIED_EXCEPTION,
                      "Kinesis Data Streams is not authorized to assume the role %.*s",
                      SPAN_ARG(channel->role));
    error = principal_role(c->txn, c->arena, role.account, role.lname, caller);
    if (error < 0)
        return refuse_errno(c, error, "reading a role");
    caller->arn = arena_printf(c->arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s",
                               SPAN_ARG(role.account), SPAN_ARG(role.name), SPAN_ARG(channel->id));
    c->caller = caller;
    return OK;
}

static struct span obstacle_of(struct call *c, const struct s3_subject *subject)
{
    struct span region;
    const struct refusal *refusal = s3_may_write(c, subject, &region);
    if (refusal)
        return arena_printf(c->arena, "Bucket %.*s: %.*s", SPAN_ARG(subject->bucket),
                            SPAN_ARG(refusal->message));
    if (!span_eq(region, c->region))
        return arena_printf(c->arena, "Bucket %.*s is not in the region of the stream.",
                            SPAN_ARG(subject->bucket));
    return SPAN_NONE;
}

struct span channel_obstacle(struct call *c, const struct kinesis_channel *channel)
{
    const struct s3_subject objects = {.bucket = channel->bucket,
                                       .key = parcel_key(c, channel, PARCEL_GOOD, 0),
                                       .owner = channel->bucket_owner};
    const struct s3_subject errors = {.bucket = channel->error_bucket,
                                      .key = parcel_key(c, channel, PARCEL_BAD, 0),
                                      .owner = channel->error_owner};
    struct span obstacle = obstacle_of(c, &objects);
    return obstacle.at ? obstacle : obstacle_of(c, &errors);
}
