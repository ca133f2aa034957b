// SPDX-License-Identifier: Apache-2.0
/*
 * Who am I, and whose key is this. GetCallerIdentity needs no permission and reads no record: it
 * runs on the loop. Source: STS API reference.
 */
#include "services/sts/sts.h"

#include <errno.h>

RESULT sts_get_caller_identity(struct call *c, const struct sts_get_caller_identity_in *in,
                               struct sts_get_caller_identity_out *out)
{
    out->user_id = c->caller->user_id;
    out->account = c->caller->account;
    out->arn = c->caller->arn;
    return OK;
}

RESULT sts_get_access_key_info(struct call *c, const struct sts_get_access_key_info_in *in,
                               struct sts_get_access_key_info_out *out)
{
    struct auth_access_key key = {.id = in->access_key_id};
    struct auth_session session = {.id = in->access_key_id};
    int error = auth_access_key_get(c->txn, c->arena, &key);
    out->account = key.account;
    if (error == -ENOENT) {
        error = auth_session_get(c->txn, c->arena, &session);
        out->account = session.account;
    }
    if (error == -ENOENT)
        return refuse(c, &STS_VALIDATION_ERROR, "Invalid value for AccessKeyId: %.*s",
                      SPAN_ARG(in->access_key_id));
    return error ? refuse_errno(c, error, "reading an access key") : OK;
}
