// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * What the nouns of STS share: sessions and the policies that narrow them. Private to this folder.
 * Control thread, within the call's transaction and arena.
 */
#include "auth/principal.h"
#include "services/cloud.h"
#include "services/sts/sts.api.h"
#include "wire/call.h"

/* ---- credentials.c ---- */

/* Gives the session its key, secret, token and times, keeps it, and shows what the caller gets.
 * Account and holder are set before. */
RESULT sts_session_begin(struct call *c, struct auth_session *session, int32_t duration_s,
                         struct sts_credentials **ret);
/* Asks for sts:OPERATION on this ARN; temporary credentials are refused outright. */
RESULT sts_permit_long_term(struct call *c, struct span resource);

/* ---- session_policy.c ---- */

struct sts_session_policies {
    struct span document; /* inline, or absent */
    struct sts_policy_descriptor_list_type arns;
};

/* Checks the policies, copies their documents into the session and answers the packed size in
 * percent of what is allowed. */
RESULT sts_session_narrow(struct call *c, const struct sts_session_policies *given,
                          struct auth_session *session, int32_t *ret_packed_percent);
/* Session tags: keys are unique without regard to case. */
RESULT sts_session_tag(struct call *c, struct sts_tag_list_type tags, struct auth_session *session);
