// SPDX-License-Identifier: Apache-2.0
/* What policies may look at in requests to S3 Control: S3's keys, and what an access point is to be
 * that is not there yet. Any thread. Source: "Actions, resources, and condition keys for Amazon
 * S3".
 */
#include "auth/condition.h"
#include "services/s3/s3.h"
#include "services/s3control/s3control.api.h"

static RESULT enter(struct call *c, void *in)
{
    const struct s3control_create_access_point_in *create = in;
    if (span_eq(service_text(c->service, c->operation->name), S("CreateAccessPoint")))
        condition_set_one(c, S("s3:AccessPointNetworkOrigin"),
                          create->vpc_configuration ? S("VPC") : S("Internet"));
    return OK;
}

extern const struct service_hooks s3control_hooks;
const struct service_hooks s3control_hooks = {.enter = enter, .condition = s3_condition};
