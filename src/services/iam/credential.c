// SPDX-License-Identifier: Apache-2.0
/*
 * Passwords, MFA devices, SSH keys, certificates and credentials of single services cannot be made
 * here, so no user has any. Asking for them is answered, because Terraform asks before it deletes a
 * user with force_destroy. Control thread.
 */
#include "services/iam/iam.h"

RESULT iam_list_mfa_devices(struct call *c, const struct iam_list_mfa_devices_in *in,
                            struct iam_list_mfa_devices_out *out)
{
    struct iam_entity user;
    struct iam_page page;
    TRY(iam_user_or_caller(c, in->user_name, &user));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->mfa_devices.at = ARENA_ARRAY(c->arena, struct iam_mfa_device, 0);
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_list_virtual_mfa_devices(struct call *c,
                                    const struct iam_list_virtual_mfa_devices_in *in,
                                    struct iam_list_virtual_mfa_devices_out *out)
{
    struct iam_page page;
    TRY(iam_permit(c, principal_arn(c->arena, c->account, "mfa", S("/"), SPAN_NONE)));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->virtual_mfa_devices.at = ARENA_ARRAY(c->arena, struct iam_virtual_mfa_device, 0);
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_list_ssh_public_keys(struct call *c, const struct iam_list_ssh_public_keys_in *in,
                                struct iam_list_ssh_public_keys_out *out)
{
    struct iam_entity user;
    struct iam_page page;
    TRY(iam_user_or_caller(c, in->user_name, &user));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->ssh_public_keys.at = ARENA_ARRAY(c->arena, struct iam_ssh_public_key_metadata, 0);
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT iam_list_signing_certificates(struct call *c,
                                     const struct iam_list_signing_certificates_in *in,
                                     struct iam_list_signing_certificates_out *out)
{
    struct iam_entity user;
    struct iam_page page;
    TRY(iam_user_or_caller(c, in->user_name, &user));
    TRY(IAM_PAGE_BEGIN(c, in, &page));
    out->certificates.at = ARENA_ARRAY(c->arena, struct iam_signing_certificate, 0);
    IAM_PAGE_END(&page, out);
    return OK;
}

RESULT
iam_list_service_specific_credentials(struct call *c,
                                      const struct iam_list_service_specific_credentials_in *in,
                                      struct iam_list_service_specific_credentials_out *out)
{
    struct iam_entity user;
    TRY(iam_user_or_caller(c, in->user_name, &user));
    out->service_specific_credentials.at =
        ARENA_ARRAY(c->arena, struct iam_service_specific_credential_metadata, 0);
    return OK;
}

static const struct refusal *no_password(struct call *c, struct span name)
{
    struct iam_entity user;
    TRY(iam_user_or_caller(c, name, &user));
    return refuse(c, &IAM_NO_SUCH_ENTITY, "Login Profile for User %.*s cannot be found.",
                  SPAN_ARG(user.name));
}

RESULT iam_get_login_profile(struct call *c, const struct iam_get_login_profile_in *in,
                             struct iam_get_login_profile_out *out)
{
    return no_password(c, in->user_name);
}

RESULT iam_delete_login_profile(struct call *c, const struct iam_delete_login_profile_in *in,
                                struct iam_delete_login_profile_out *out)
{
    return no_password(c, in->user_name);
}
