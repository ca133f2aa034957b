// SPDX-License-Identifier: Apache-2.0
/* Policies of access points. Writes on the control thread, reads on loops. */
#include "services/s3control/account.h"

static RESULT refuse_absent(struct call *c, struct span name)
{
    return refuse_with(c, &S3CONTROL_NO_SUCH_ACCESS_POINT_POLICY, S("AccessPointName"), name,
                       "The specified accesspoint policy does not exist");
}

static RESULT find(struct call *c, struct span account, struct span name,
                   struct s3_access_point *out)
{
    TRY(account_check(c, account));
    return s3_point_need(c, name, out);
}

static RESULT find_with_policy(struct call *c, struct span account, struct span name,
                               struct s3_access_point *out)
{
    TRY(find(c, account, name, out));
    return span_is_empty(out->policy) ? refuse_absent(c, name) : OK;
}

RESULT s3control_put_access_point_policy(struct call *c,
                                         const struct s3control_put_access_point_policy_in *in,
                                         struct s3control_put_access_point_policy_out *out)
{
    struct s3_access_point point;
    TRY(find(c, in->account_id, in->name, &point));
    return s3_point_put_policy(c, &point, in->policy);
}

RESULT s3control_get_access_point_policy(struct call *c,
                                         const struct s3control_get_access_point_policy_in *in,
                                         struct s3control_get_access_point_policy_out *out)
{
    struct s3_access_point point;
    TRY(find_with_policy(c, in->account_id, in->name, &point));
    out->policy = point.policy;
    return OK;
}

RESULT
s3control_delete_access_point_policy(struct call *c,
                                     const struct s3control_delete_access_point_policy_in *in,
                                     struct s3control_delete_access_point_policy_out *out)
{
    struct s3_access_point point;
    TRY(find_with_policy(c, in->account_id, in->name, &point));
    TRY(s3_point_put_policy(c, &point, SPAN_NONE));
    c->status = 204;
    return OK;
}

RESULT s3control_get_access_point_policy_status(
    struct call *c, const struct s3control_get_access_point_policy_status_in *in,
    struct s3control_get_access_point_policy_status_out *out)
{
    struct s3_access_point point;
    bool public;
    TRY(find_with_policy(c, in->account_id, in->name, &point));
    TRY(s3_point_is_public(c, &point, &public));
    out->policy_status = ARENA_NEW(c->arena, struct s3control_policy_status);
    SET(out->policy_status, is_public, public);
    return OK;
}
