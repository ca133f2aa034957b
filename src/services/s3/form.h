// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Uploads by forms of browsers: what the gate asks (struct service_hooks), and the policy that a
 * form was signed with. Source: "Browser-based uploads using POST". */
#include "wire/call.h"
#include "wire/multipart_form.h"

RESULT form_read(struct call *c, const struct multipart_form *form, struct form_request *out);

/* What a policy lets the file's size be, bytes. */
struct form_sizes {
    uint64_t min, max;
};
/* The form's fields are the call's request headers. OK when it has no policy: then it is not
 * signed, and the bucket says who may. */
RESULT form_policy_check(struct call *c, struct span bucket, struct form_sizes *sizes);
