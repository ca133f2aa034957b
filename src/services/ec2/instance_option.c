// SPDX-License-Identifier: Apache-2.0
/*
 * ModifyInstanceMaintenanceOptions, ModifyPrivateDnsNameOptions, ModifyInstanceCreditSpecification,
 * and the same options at launch. Control thread.
 */
#include "services/ec2/instance_option.h"

#include "services/ec2/instance.h"
#include "services/ec2/instance_type.h"

#include <errno.h>

static struct span recovery(const struct stored_instance *instance)
{
    return instance->no_recovery ? S("disabled") : S("default");
}

RESULT instance_options_read(struct call *c, const struct ec2_run_instances_in *in,
                             struct stored_instance *to)
{
    const struct ec2_private_dns_name_options_request *names = in->private_dns_name_options;
    if (names &&
        (names->enable_resource_name_dns_a_record || names->enable_resource_name_dns_aaaa_record))
        return resource_not_built(c, "A DNS record of a resource name by the instance");
    if (names && names->hostname_type.at)
        to->hostname_type = names->hostname_type;
    to->no_recovery =
        in->maintenance_options && span_eq(in->maintenance_options->auto_recovery, S("disabled"));
    return OK;
}

void instance_options_show(struct call *c, const struct stored_instance *instance,
                           struct ec2_instance *to)
{
    to->maintenance_options = ARENA_NEW(c->arena, struct ec2_instance_maintenance_options);
    to->maintenance_options->auto_recovery = recovery(instance);
    to->maintenance_options->reboot_migration = S("default");
    to->private_dns_name_options =
        ARENA_NEW(c->arena, struct ec2_private_dns_name_options_response);
    to->private_dns_name_options->hostname_type =
        instance->hostname_type.at ? instance->hostname_type : S("ip-name");
    SET(to->private_dns_name_options, enable_resource_name_dns_a_record, false);
    SET(to->private_dns_name_options, enable_resource_name_dns_aaaa_record, false);
}

RESULT
ec2_modify_instance_maintenance_options(struct call *c,
                                        const struct ec2_modify_instance_maintenance_options_in *in,
                                        struct ec2_modify_instance_maintenance_options_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    if (span_eq(in->reboot_migration, S("disabled")))
        return resource_not_built(c, "RebootMigration");
    if (in->auto_recovery.at)
        instance.no_recovery = span_eq(in->auto_recovery, S("disabled"));
    resource_put(c, &instance_kind, &instance);
    out->instance_id = instance.id;
    out->auto_recovery = recovery(&instance);
    out->reboot_migration = S("default");
    return OK;
}

/* The name is set when it boots ("Change the hostname type of an instance"). */
RESULT ec2_modify_private_dns_name_options(struct call *c,
                                           const struct ec2_modify_private_dns_name_options_in *in,
                                           struct ec2_modify_private_dns_name_options_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    if (in->enable_resource_name_dns_a_record || in->enable_resource_name_dns_aaaa_record)
        return resource_not_built(c, "A DNS record of a resource name by the instance");
    if (in->private_dns_hostname_type.at) {
        TRY(instance_must_be_stopped(c, &instance));
        instance.hostname_type = in->private_dns_hostname_type;
    }
    resource_put(c, &instance_kind, &instance);
    SET(out, return_, true);
    return OK;
}

/* ---- CPU credits -------------------------------------------------------------------------------
 */

/* Why not, or NULL: each instance has its own answer. */
static struct ec2_unsuccessful_instance_credit_specification_item_error *
why_no_credits(struct call *c, struct span id)
{
    struct stored_instance instance;
    struct ec2_unsuccessful_instance_credit_specification_item_error *why =
        ARENA_NEW(c->arena, struct ec2_unsuccessful_instance_credit_specification_item_error);
    int error = resource_find(c, &instance_kind, id, &instance);
    const struct instance_type *type = error ? NULL : instance_type_named(instance.type);
    if (error) {
        why->code = S("InvalidInstanceID.NotFound");
        why->message =
            arena_printf(c->arena, "The instance ID '%.*s' does not exist", SPAN_ARG(id));
        return why;
    }
    if (type && type->bursts)
        return NULL;
    why->code = S("InstanceCreditSpecification.NotSupported");
    why->message = arena_printf(c->arena, "%.*s is not a burstable performance instance type.",
                                SPAN_ARG(instance.type));
    return why;
}

/* "unlimited" is what they are. */
RESULT ec2_modify_instance_credit_specification(
    struct call *c, const struct ec2_modify_instance_credit_specification_in *in,
    struct ec2_modify_instance_credit_specification_out *out)
{
    size_t count = in->instance_credit_specifications.count;
    struct ec2_successful_instance_credit_specification_set *good =
        &out->successful_instance_credit_specifications;
    struct ec2_unsuccessful_instance_credit_specification_set *bad =
        &out->unsuccessful_instance_credit_specifications;
    good->at = arena_zalloc(c->arena, count + 1, sizeof *good->at);
    bad->at = arena_zalloc(c->arena, count + 1, sizeof *bad->at);
    for (size_t i = 0; i < count; i++) {
        const struct ec2_instance_credit_specification_request *one =
            &in->instance_credit_specifications.at[i];
        if (!span_eq(one->cpu_credits, S("unlimited")))
            return resource_not_built(c, "The credit option 'standard'");
        bad->at[bad->count].error = why_no_credits(c, one->instance_id);
        if (bad->at[bad->count].error)
            bad->at[bad->count++].instance_id = one->instance_id;
        else
            good->at[good->count++].instance_id = one->instance_id;
    }
    return OK;
}
