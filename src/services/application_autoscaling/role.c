// SPDX-License-Identifier: Apache-2.0
/*
 * "Service-linked roles for Application Auto Scaling": the role is made with the first target, has
 * a name that AWS chose, and cannot be changed by IAM (services/iam/entity.c). Control thread.
 */
#include "services/application_autoscaling/role.h"

#include "auth/condition.h"
#include "auth/principal.h"
#include "base/id.h"
#include "services/cloud.h"

#include <errno.h>

#define ROLE_PATH "/aws-service-role/dynamodb.application-autoscaling.amazonaws.com/"
#define ROLE_NAME "AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"
#define SESSION_S 3600
#define ID_LETTERS 17

struct span role_arn(struct call *c, struct span account)
{
    return principal_arn(c->arena, account, "role", S(ROLE_PATH), S(ROLE_NAME));
}

RESULT role_ensure(struct call *c)
{
    struct auth_role role = {.account = c->account,
                             .lname = principal_lname(c->arena, S(ROLE_NAME))};
    int error = auth_role_get(c->txn, c->arena, &role);
    if (error != -ENOENT)
        return error < 0 ? refuse_errno(c, error, "reading a role") : OK;
    condition_set_one(c, S("iam:AWSServiceName"),
                      S("dynamodb.application-autoscaling.amazonaws.com"));
    TRY(auth_require(c, S("iam:CreateServiceLinkedRole"), role_arn(c, c->account), NULL,
                     c->account));
    auth_change_within(c->cloud->auth, c->arena);
    role.name = S(ROLE_NAME);
    role.path = S(ROLE_PATH);
    role.id = id_base32(c->arena, S("AROA"), ID_LETTERS);
    role.created = c->now_ms;
    role.max_session_s = SESSION_S;
    role.trust = S("{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":"
                   "{\"Service\":\"dynamodb.application-autoscaling.amazonaws.com\"},\"Action\":"
                   "\"sts:AssumeRole\"}]}");
    auth_role_put(c->txn, &role);
    return OK;
}
