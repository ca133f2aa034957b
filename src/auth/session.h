// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Temporary credentials: what STS gives out, and what services do in a role's name. Control thread.
 */
#include "auth/principal.h"

/* Gives the session its key, secret, token and times, and keeps it. Kind, account and holder are
 * set before. */
RESULT session_begin(struct call *c, struct auth_session *session, int64_t duration_s);
/* May a service ("ec2.amazonaws.com") assume the role, by its trust policy? The call's conditions
 * are the service's request's: it sets aws:SourceArn and the like before. */
bool session_trusts(struct call *c, const struct auth_role *role, struct span service);
