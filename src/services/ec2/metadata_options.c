// SPDX-License-Identifier: Apache-2.0
/*
 * Metadata options of instances, at launch and later, and the account's defaults for them
 * ("Configure the instance metadata options": what the launch says, else the account's default,
 * else the image's). The server asks the record each time, so a change counts at once. Control
 * thread.
 */
#include "services/ec2/metadata_options.h"

#include "services/ec2/instance.h"

#include <errno.h>

#define HOPS_DEFAULT 2 /* of images that want IMDSv2 */
#define HOPS_MAX 64
#define NO_PREFERENCE S("no-preference")
#define HOPS_NO_PREFERENCE (-1)

static RESULT check_hops(struct call *c, int32_t hops)
{
    if (hops >= 1 && hops <= HOPS_MAX)
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%d) for parameter httpPutResponseHopLimit is invalid. The value must be "
                  "between 1 and %d.",
                  hops, HOPS_MAX);
}

/* What is said; what is not stays. Absent texts and 0 say nothing. */
struct options {
    struct span tokens, endpoint, tags;
    uint64_t hops;
};

static void take(const struct options *from, struct stored_instance *to)
{
    if (from->tokens.at)
        to->tokens_optional = span_eq(from->tokens, S("optional"));
    if (from->endpoint.at)
        to->metadata_disabled = span_eq(from->endpoint, S("disabled"));
    if (from->tags.at)
        to->metadata_tags = span_eq(from->tags, S("enabled"));
    if (from->hops)
        to->token_hops = from->hops;
}

static RESULT read_defaults(struct call *c, struct stored_metadata_defaults *ret)
{
    *ret = (struct stored_metadata_defaults){.account = c->account, .region = c->region};
    int error = stored_metadata_defaults_get(c->txn, c->arena, ret);
    return error && error != -ENOENT ? refuse_errno(c, error, "reading defaults of metadata") : OK;
}

static bool is_enforced(const struct stored_metadata_defaults *defaults)
{
    return span_eq(defaults->enforced, S("enabled"));
}

/* "Enforce IMDSv2 at the account level": whoever would come without tokens is refused; text of
 * "Launching an IMDSv1-enabled instance fails". */
static RESULT check_launch(struct call *c, const struct stored_metadata_defaults *defaults,
                           const struct stored_instance *wanted)
{
    if (!wanted->tokens_optional || !is_enforced(defaults))
        return OK;
    return refuse(
        c, &EC2_UNSUPPORTED_OPERATION,
        "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for "
        "this account. Either launch the instance with httpTokens=required or contact "
        "your account owner to disable httpTokensEnforced using the "
        "ModifyInstanceMetadataDefaults API or the account settings in the EC2 console.");
}

static RESULT read_options(struct call *c,
                           const struct ec2_instance_metadata_options_request *options,
                           struct stored_instance *to)
{
    if (options->has.http_put_response_hop_limit)
        TRY(check_hops(c, options->http_put_response_hop_limit));
    if (span_eq(options->http_protocol_ipv6, S("enabled")))
        return resource_not_built(c, "Instance metadata over IPv6");
    take(&(struct options){options->http_tokens, options->http_endpoint,
                           options->instance_metadata_tags,
                           options->has.http_put_response_hop_limit
                               ? (uint64_t)options->http_put_response_hop_limit
                               : 0},
         to);
    return OK;
}

RESULT metadata_options_read(struct call *c,
                             const struct ec2_instance_metadata_options_request *options,
                             struct stored_instance *to)
{
    struct stored_metadata_defaults defaults;
    TRY(read_defaults(c, &defaults));
    to->token_hops = HOPS_DEFAULT;
    take(&(struct options){defaults.tokens, defaults.endpoint, defaults.tags, defaults.hops}, to);
    if (options)
        TRY(read_options(c, options, to));
    return check_launch(c, &defaults, to);
}

RESULT
ec2_modify_instance_metadata_options(struct call *c,
                                     const struct ec2_modify_instance_metadata_options_in *in,
                                     struct ec2_modify_instance_metadata_options_out *out)
{
    struct stored_instance instance;
    struct stored_metadata_defaults defaults;
    struct ec2_instance shown = {0};
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    TRY(read_defaults(c, &defaults));
    if (span_eq(in->http_protocol_ipv6, S("enabled")))
        return resource_not_built(c, "Instance metadata over IPv6");
    if (in->has.http_put_response_hop_limit)
        TRY(check_hops(c, in->http_put_response_hop_limit));
    take(&(struct options){in->http_tokens, in->http_endpoint, in->instance_metadata_tags,
                           in->has.http_put_response_hop_limit
                               ? (uint64_t)in->http_put_response_hop_limit
                               : 0},
         &instance);
    if (span_eq(in->http_tokens, S("optional")) && is_enforced(&defaults))
        return refuse(
            c, &EC2_UNSUPPORTED_OPERATION,
            "You can't set httpTokens to 'optional' because httpTokensEnforced is enabled "
            "for this account.");
    resource_put(c, &instance_kind, &instance);
    TRY(instance_show(c, &instance, &shown));
    out->instance_id = instance.id;
    out->instance_metadata_options = shown.metadata_options;
    return OK;
}

/* ---- the account's -----------------------------------------------------------------------------
 */

static void prefer(struct span wanted, struct span *to)
{
    if (wanted.at)
        *to = span_eq(wanted, NO_PREFERENCE) ? SPAN_NONE : wanted;
}

RESULT
ec2_modify_instance_metadata_defaults(struct call *c,
                                      const struct ec2_modify_instance_metadata_defaults_in *in,
                                      struct ec2_modify_instance_metadata_defaults_out *out)
{
    struct stored_metadata_defaults defaults;
    TRY(read_defaults(c, &defaults));
    if (in->has.http_put_response_hop_limit &&
        in->http_put_response_hop_limit != HOPS_NO_PREFERENCE)
        TRY(check_hops(c, in->http_put_response_hop_limit));
    prefer(in->http_tokens, &defaults.tokens);
    prefer(in->http_tokens_enforced, &defaults.enforced);
    prefer(in->http_endpoint, &defaults.endpoint);
    prefer(in->instance_metadata_tags, &defaults.tags);
    if (in->has.http_put_response_hop_limit)
        defaults.hops = in->http_put_response_hop_limit == HOPS_NO_PREFERENCE
                            ? 0
                            : (uint64_t)in->http_put_response_hop_limit;
    stored_metadata_defaults_put(c->txn, &defaults);
    SET(out, return_, true);
    return OK;
}

RESULT ec2_get_instance_metadata_defaults(struct call *c,
                                          const struct ec2_get_instance_metadata_defaults_in *in,
                                          struct ec2_get_instance_metadata_defaults_out *out)
{
    struct stored_metadata_defaults defaults;
    struct ec2_instance_metadata_defaults_response *to =
        ARENA_NEW(c->arena, struct ec2_instance_metadata_defaults_response);
    TRY(read_defaults(c, &defaults));
    to->http_tokens = defaults.tokens;
    to->http_endpoint = defaults.endpoint;
    to->instance_metadata_tags = defaults.tags;
    to->http_tokens_enforced = defaults.enforced;
    to->managed_by = S("account");
    if (defaults.hops)
        SET(to, http_put_response_hop_limit, (int32_t)defaults.hops);
    out->account_level = to;
    return OK;
}
