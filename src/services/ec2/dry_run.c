// SPDX-License-Identifier: Apache-2.0
/*
 * DryRun. The handler runs whole, then the call is refused, which takes back all it did: so "would
 * have succeeded" is true, whatever the operation, and no handler knows of it.
 */
#include "services/ec2/dry_run.h"

#include "services/ec2/ec2.api.h"
#include "wire/slot.h"

RESULT dry_run_check(struct call *c, const void *in)
{
    unsigned hint = 0;
    const struct shape *input = shape_at(c->service, c->operation->input);
    const struct field *field = field_find(c->service, input, S("DryRun"), FIELD_BY_NAME, &hint);
    if (!field || !*const_struct_at(in, field->offset, bool))
        return OK;
    return refuse(c, &EC2_DRY_RUN_OPERATION,
                  "Request would have succeeded, but DryRun flag is set.");
}
