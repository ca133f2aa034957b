// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeInstanceAttribute, ModifyInstanceAttribute, ResetInstanceAttribute. An attribute
 * is a line of a table: how it is shown, how it is changed from a structure of its own or from the
 * older Attribute and Value. Control thread.
 */
#include "services/ec2/instance.h"

#include "base/text.h"
#include "services/ec2/image.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/interface.h"

/* ---- showing -----------------------------------------------------------------------------------
 */

static struct ec2_attribute_value *text_value(struct call *c, struct span text)
{
    struct ec2_attribute_value *to = ARENA_NEW(c->arena, struct ec2_attribute_value);
    to->value = text;
    return to;
}

static struct ec2_attribute_boolean_value *bool_value(struct call *c, uint64_t value)
{
    struct ec2_attribute_boolean_value *to =
        ARENA_NEW(c->arena, struct ec2_attribute_boolean_value);
    SET(to, value, value != 0);
    return to;
}

static RESULT show_attribute(struct call *c, const struct stored_instance *instance,
                             struct span name, struct ec2_describe_instance_attribute_out *out)
{
    struct ec2_instance shown = {0};
    TRY(instance_show(c, instance, &shown));
    out->instance_id = instance->id;
    if (span_eq(name, S("instanceType")))
        out->instance_type = text_value(c, instance->type);
    else if (span_eq(name, S("userData")))
        out->user_data = text_value(
            c, instance->user_data.at ? base64_of(c->arena, instance->user_data) : SPAN_NONE);
    else if (span_eq(name, S("disableApiTermination")))
        out->disable_api_termination = bool_value(c, instance->no_termination);
    else if (span_eq(name, S("disableApiStop")))
        out->disable_api_stop = bool_value(c, instance->no_stop);
    else if (span_eq(name, S("instanceInitiatedShutdownBehavior")))
        out->instance_initiated_shutdown_behavior =
            text_value(c, instance->terminates_itself ? S("terminate") : S("stop"));
    else if (span_eq(name, S("rootDeviceName")))
        out->root_device_name = text_value(c, IMAGE_ROOT_DEVICE);
    else if (span_eq(name, S("sourceDestCheck")))
        out->source_dest_check = bool_value(c, shown.source_dest_check);
    else if (span_eq(name, S("groupSet")))
        out->groups = shown.security_groups;
    else if (span_eq(name, S("ebsOptimized")))
        out->ebs_optimized = bool_value(c, false);
    else if (span_eq(name, S("enaSupport")))
        out->ena_support = bool_value(c, true);
    else if (span_eq(name, S("enclaveOptions")))
        out->enclave_options = shown.enclave_options;
    else if (span_eq(name, S("blockDeviceMapping")))
        out->block_device_mappings = shown.block_device_mappings;
    else if (span_eq(name, S("productCodes")))
        out->product_codes = shown.product_codes;
    return OK;
}

RESULT ec2_describe_instance_attribute(struct call *c,
                                       const struct ec2_describe_instance_attribute_in *in,
                                       struct ec2_describe_instance_attribute_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    return show_attribute(c, &instance, in->attribute, out);
}

/* ---- changing ----------------------------------------------------------------------------------
 */

RESULT instance_must_be_stopped(struct call *c, const struct stored_instance *instance)
{
    return instance->state == INSTANCE_STOPPED
               ? OK
               : refuse(c, &EC2_INCORRECT_INSTANCE_STATE,
                        "The instance '%.*s' is not in the 'stopped' state.",
                        SPAN_ARG(instance->id));
}

static RESULT change_type(struct call *c, struct stored_instance *instance, struct span value)
{
    TRY(instance_must_be_stopped(c, instance));
    if (!instance_type_named(value))
        return refuse(c, &EC2_INVALID_INSTANCE_ATTRIBUTE_VALUE,
                      "Invalid value '%.*s' for InstanceType.", SPAN_ARG(value));
    instance->type = value;
    return OK;
}

static RESULT change_user_data(struct call *c, struct stored_instance *instance, struct span value)
{
    TRY(instance_must_be_stopped(c, instance));
    instance->user_data = value.len ? value : SPAN_NONE;
    return OK;
}

static RESULT change_behavior(struct call *c, struct stored_instance *instance, struct span value)
{
    instance->terminates_itself = span_eq(value, S("terminate"));
    if (instance->terminates_itself || span_eq(value, S("stop")))
        return OK;
    return refuse(c, &EC2_INVALID_INSTANCE_ATTRIBUTE_VALUE,
                  "Value '%.*s' is invalid for instanceInitiatedShutdownBehavior. Valid values are "
                  "stop and terminate.",
                  SPAN_ARG(value));
}

static RESULT only_interface(struct call *c, const struct stored_instance *instance,
                             struct stored_interface *ret)
{
    if (instance->more_interfaces.count)
        return refuse(
            c, &EC2_INVALID_INSTANCE_ID,
            "There are multiple interfaces attached to instance '%.*s'. Please specify an "
            "interface ID for the operation instead.",
            SPAN_ARG(instance->id));
    return instance_interface_read(c, instance, ret);
}

static RESULT change_source_check(struct call *c, struct stored_instance *instance, bool checks)
{
    struct stored_interface interface;
    TRY(only_interface(c, instance, &interface));
    if (!interface.addresses.count)
        return OK;
    interface.any_source = !checks;
    resource_put(c, &interface_kind, &interface);
    return OK;
}

static RESULT change_groups(struct call *c, struct stored_instance *instance,
                            const struct ec2_group_id_string_list *groups)
{
    struct stored_subnet subnet;
    struct stored_interface interface;
    TRY(only_interface(c, instance, &interface));
    if (!interface.addresses.count)
        return OK;
    TRY(resource_get(c, &subnet_kind, interface.subnet, &subnet));
    TRY(interface_check_groups(c, &subnet, groups->at, groups->count));
    interface.groups = (struct record_texts){groups->at, groups->count};
    resource_put(c, &interface_kind, &interface);
    return OK;
}

static RESULT not_built(struct call *c, const struct ec2_modify_instance_attribute_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } attributes[] = {
        {in->enclave_options && in->enclave_options->enabled, "An enclave"},
        {in->block_device_mappings.count > 0, "A block device mapping"},
        {in->kernel || in->ramdisk, "A kernel of one's own"},
        {in->ebs_optimized && in->ebs_optimized->value, "EbsOptimized"},
        {in->sriov_net_support != NULL, "SriovNetSupport"},
        {in->ena_support && !in->ena_support->value, "An instance without ENA"},
    };
    for (size_t i = 0; i < ARRAY_LEN(attributes); i++)
        if (attributes[i].asked)
            return resource_not_built(c, attributes[i].what);
    return OK;
}

static bool is_true(struct span value)
{
    return span_eq_nocase(value, S("true"));
}

/* The older form: an attribute's name and its value as text. */
static RESULT change_named(struct call *c, struct stored_instance *instance, struct span name,
                           struct span value)
{
    if (span_eq(name, S("instanceType")))
        return change_type(c, instance, value);
    if (span_eq(name, S("userData")))
        return change_user_data(c, instance, base64_decode(c->arena, value));
    if (span_eq(name, S("instanceInitiatedShutdownBehavior")))
        return change_behavior(c, instance, value);
    if (span_eq(name, S("sourceDestCheck")))
        return change_source_check(c, instance, is_true(value));
    if (span_eq(name, S("disableApiTermination")))
        instance->no_termination = is_true(value);
    else if (span_eq(name, S("disableApiStop")))
        instance->no_stop = is_true(value);
    else
        return resource_not_built(c, arena_cstr(c->arena, name));
    return OK;
}

RESULT ec2_modify_instance_attribute(struct call *c,
                                     const struct ec2_modify_instance_attribute_in *in,
                                     struct ec2_modify_instance_attribute_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    TRY(not_built(c, in));
    if (in->attribute.at)
        TRY(change_named(c, &instance, in->attribute, in->value));
    if (in->instance_type)
        TRY(change_type(c, &instance, in->instance_type->value));
    if (in->user_data)
        TRY(change_user_data(c, &instance, in->user_data->value));
    if (in->instance_initiated_shutdown_behavior)
        TRY(change_behavior(c, &instance, in->instance_initiated_shutdown_behavior->value));
    if (in->source_dest_check)
        TRY(change_source_check(c, &instance, in->source_dest_check->value));
    if (in->groups.count)
        TRY(change_groups(c, &instance, &in->groups));
    if (in->disable_api_termination)
        instance.no_termination = in->disable_api_termination->value;
    if (in->disable_api_stop)
        instance.no_stop = in->disable_api_stop->value;
    resource_put(c, &instance_kind, &instance);
    return OK;
}

/* "kernel | ramdisk | sourceDestCheck" (ResetInstanceAttribute). */
RESULT ec2_reset_instance_attribute(struct call *c,
                                    const struct ec2_reset_instance_attribute_in *in,
                                    struct ec2_reset_instance_attribute_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    if (span_eq(in->attribute, S("sourceDestCheck")))
        return change_source_check(c, &instance, true);
    if (span_eq(in->attribute, S("kernel")) || span_eq(in->attribute, S("ramdisk")))
        return resource_not_built(c, "A kernel of one's own");
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter attribute is invalid. It cannot be reset.",
                  SPAN_ARG(in->attribute));
}
