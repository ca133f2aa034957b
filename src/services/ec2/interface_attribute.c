// SPDX-License-Identifier: Apache-2.0
/* DescribeNetworkInterfaceAttribute, ModifyNetworkInterfaceAttribute,
 * ResetNetworkInterfaceAttribute. Control thread. */
#include "services/ec2/interface.h"
#include "services/ec2/tracking.h"

RESULT ec2_describe_network_interface_attribute(
    struct call *c, const struct ec2_describe_network_interface_attribute_in *in,
    struct ec2_describe_network_interface_attribute_out *out)
{
    struct stored_interface interface;
    if (!in->attribute.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter attribute");
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    out->network_interface_id = interface.id;
    if (span_eq(in->attribute, S("groupSet")))
        return interface_show_groups(c, &interface, &out->groups);
    if (span_eq(in->attribute, S("attachment"))) {
        out->attachment = interface_show_attachment(c, &interface);
    } else if (span_eq(in->attribute, S("description"))) {
        out->description = ARENA_NEW(c->arena, struct ec2_attribute_value);
        out->description->value = interface.description;
    } else if (span_eq(in->attribute, S("sourceDestCheck"))) {
        out->source_dest_check = ARENA_NEW(c->arena, struct ec2_attribute_boolean_value);
        SET(out->source_dest_check, value, !interface.any_source);
    } else {
        SET(out, associate_public_ip_address,
            interface.addresses.at[0].public_address.at &&
                !interface.addresses.at[0].allocation.at);
    }
    return OK;
}

static RESULT check_not_built(struct call *c,
                              const struct ec2_modify_network_interface_attribute_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->ena_srd_specification != NULL, "EnaSrdSpecification"},
        {in->enable_primary_ipv6, "EnablePrimaryIpv6"},
        {in->has.associate_public_ip_address, "AssociatePublicIpAddress"},
        {in->associated_subnet_ids.count, "AssociatedSubnetIds"},
        {in->attachment &&
             (in->attachment->has.ena_queue_count || in->attachment->has.default_ena_queue_count),
         "EnaQueueCount"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

static RESULT change_groups(struct call *c, const struct ec2_security_group_id_string_list *groups,
                            struct stored_interface *interface)
{
    struct stored_subnet subnet;
    TRY(resource_get(c, &subnet_kind, interface->subnet, &subnet));
    TRY(interface_check_groups(c, &subnet, groups->at, groups->count));
    interface->groups = (struct record_texts){groups->at, groups->count};
    return OK;
}

static RESULT change_attachment(struct call *c,
                                const struct ec2_network_interface_attachment_changes *changes,
                                struct stored_interface *interface)
{
    struct stored_attachment *attachment = interface->attachment;
    if (!attachment || !span_eq(attachment->id, changes->attachment_id))
        return refuse(c, &EC2_INVALID_ATTACHMENT_ID_NOT_FOUND,
                      "The networkInterface attachment ID '%.*s' does not exist",
                      SPAN_ARG(changes->attachment_id));
    if (changes->has.delete_on_termination)
        attachment->ends_together = changes->delete_on_termination;
    return OK;
}

RESULT
ec2_modify_network_interface_attribute(struct call *c,
                                       const struct ec2_modify_network_interface_attribute_in *in,
                                       struct ec2_modify_network_interface_attribute_out *out)
{
    struct stored_interface interface;
    TRY(check_not_built(c, in));
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    if (in->groups.count)
        TRY(change_groups(c, &in->groups, &interface));
    if (in->attachment)
        TRY(change_attachment(c, in->attachment, &interface));
    if (in->description)
        interface.description = in->description->value.at ? in->description->value : S("");
    if (in->source_dest_check)
        interface.any_source = !in->source_dest_check->value;
    TRY(tracking_set(c, in->connection_tracking_specification, &interface));
    resource_put(c, &interface_kind, &interface);
    return OK;
}

RESULT
ec2_reset_network_interface_attribute(struct call *c,
                                      const struct ec2_reset_network_interface_attribute_in *in,
                                      struct ec2_reset_network_interface_attribute_out *out)
{
    struct stored_interface interface;
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    if (in->source_dest_check.at)
        interface.any_source = false;
    resource_put(c, &interface_kind, &interface);
    return OK;
}
