// SPDX-License-Identifier: Apache-2.0
/*
 * The network interfaces that RunInstances asks for: those of its NetworkInterfaces, or one made of
 * the subnet, groups and address of the request itself. Control thread.
 */
#include "services/ec2/instance_card.h"

#include "services/ec2/cidr.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/interface.h"
#include "services/ec2/security_group.h"

/* ---- subnets -----------------------------------------------------------------------------------
 */

static RESULT find_default_subnet(struct call *c, struct span zone, struct stored_subnet *ret)
{
    struct resource_list subnets;
    TRY(resource_list(c, &subnet_kind, NULL, &subnets));
    for (size_t i = 0; i < subnets.count; i++) {
        const struct stored_subnet *subnet = subnets.at[i];
        *ret = *subnet;
        if (subnet->default_for_zone && (!zone.len || span_eq(zone, subnet->zone)))
            return OK;
    }
    return refuse(c, &EC2_MISSING_INPUT,
                  "No subnets found for the default VPC. Please specify a subnet.");
}

static RESULT find_subnet(struct call *c, const struct ec2_run_instances_in *in, struct span id,
                          struct stored_subnet *ret)
{
    struct span zone = in->placement ? in->placement->availability_zone : SPAN_NONE;
    if (!id.at)
        return find_default_subnet(c, zone, ret);
    TRY(resource_get(c, &subnet_kind, id, ret));
    if (zone.len && !span_eq(zone, ret->zone))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "The availability zone of the subnet does not match the availability zone "
                      "'%.*s'",
                      SPAN_ARG(zone));
    return OK;
}

/* ---- groups ------------------------------------------------------------------------------------
 */

static RESULT find_group_named(struct call *c, struct span vpc, struct span name, struct span *ret)
{
    struct resource_list groups;
    TRY(resource_list(c, &security_group_kind, WHERE(stored_security_group, vpc, vpc), &groups));
    for (size_t i = 0; i < groups.count; i++) {
        const struct stored_security_group *group = groups.at[i];
        *ret = group->id;
        if (span_eq(group->name, name))
            return OK;
    }
    return refuse(c, &EC2_INVALID_GROUP_NOT_FOUND,
                  "The security group '%.*s' does not exist in VPC '%.*s'", SPAN_ARG(name),
                  SPAN_ARG(vpc));
}

/* By ids and, of the request alone, by names. */
static RESULT find_groups(struct call *c, const struct ec2_run_instances_in *in,
                          struct instance_interface_wish *to)
{
    const struct ec2_security_group_id_string_list *ids = &in->security_group_ids;
    to->groups.at = ARENA_ARRAY(c->arena, struct span, ids->count + in->security_groups.count + 1);
    for (size_t i = 0; i < ids->count; i++)
        to->groups.at[to->groups.count++] = ids->at[i];
    for (size_t i = 0; i < in->security_groups.count; i++)
        TRY(find_group_named(c, to->subnet.vpc, in->security_groups.at[i],
                             &to->groups.at[to->groups.count++]));
    return OK;
}

/* ---- addresses ---------------------------------------------------------------------------------
 */

/* The primary one first. */
static RESULT read_addresses(struct call *c,
                             const struct ec2_instance_network_interface_specification *card,
                             struct instance_interface_wish *to)
{
    size_t further = card->has.secondary_private_ip_address_count
                         ? (size_t)card->secondary_private_ip_address_count
                         : 0;
    if (1 + further + card->private_ip_addresses.count > INSTANCE_ADDRESSES)
        return refuse(c, &EC2_PRIVATE_IP_ADDRESS_LIMIT_EXCEEDED,
                      "Number of private addresses will exceed limit.");
    TRY(interface_read_address(c, card->private_ip_address, &to->addresses[0]));
    TRY(interface_read_listed(c, &card->private_ip_addresses, to->addresses, &to->address_count));
    to->address_count += further;
    return OK;
}

static void read_addresses6(struct call *c, const struct ec2_instance_ipv6_address_list *listed,
                            const int32_t *count, struct instance_interface_wish *to)
{
    interface_list_addresses6(c, listed, &to->addresses6);
    to->has_addresses6 = count || to->addresses6.count;
    to->further6 = count ? (size_t)*count : 0;
}

/* ---- one ---------------------------------------------------------------------------------------
 */

static bool is_built(const struct ec2_instance_network_interface_specification *card)
{
    return !card->ipv4_prefixes.count && !card->has.ipv4_prefix_count &&
           !card->ipv6_prefixes.count && !card->has.ipv6_prefix_count && !card->primary_ipv6 &&
           !card->connection_tracking_specification && !card->ena_srd_specification &&
           !card->has.ena_queue_count && !card->associate_carrier_ip_address &&
           !card->network_card_index &&
           (!card->interface_type.at || span_eq(card->interface_type, S("interface")));
}

/* One that there is already keeps what it has. */
static RESULT read_existing(struct call *c,
                            const struct ec2_instance_network_interface_specification *card,
                            struct instance_interface_wish *to)
{
    to->existing = ARENA_NEW(c->arena, struct stored_interface);
    if (card->subnet_id.at || card->groups.count || card->private_ip_address.at ||
        card->private_ip_addresses.count || card->has.secondary_private_ip_address_count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "A network interface may not specify both a network interface ID and a "
                      "subnet, security groups or private IP addresses");
    TRY(resource_get(c, &interface_kind, card->network_interface_id, to->existing));
    if (to->existing->attachment)
        return refuse(c, &EC2_INVALID_NETWORK_INTERFACE_IN_USE, "Interface: [%.*s] in use.",
                      SPAN_ARG(to->existing->id));
    to->ends_together = card->delete_on_termination;
    return resource_get(c, &subnet_kind, to->existing->subnet, &to->subnet);
}

static RESULT read_card(struct call *c, const struct ec2_run_instances_in *in,
                        const struct ec2_instance_network_interface_specification *card,
                        struct instance_interface_wish *to)
{
    *to = (struct instance_interface_wish){.device_index = (uint64_t)card->device_index,
                                           .address_count = 1,
                                           .ends_together = !card->has.delete_on_termination ||
                                                            card->delete_on_termination,
                                           .description = card->description,
                                           .has_public = card->has.associate_public_ip_address,
                                           .wants_public = card->associate_public_ip_address,
                                           .groups = {card->groups.at, card->groups.count}};
    if (card->device_index < 0 || (!card->has.device_index && in->network_interfaces.count > 1))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Each network interface requires a device index.");
    if (!is_built(card))
        return resource_not_built(c, "A network interface with such options at launch");
    if (card->network_interface_id.at)
        return read_existing(c, card, to);
    TRY(read_addresses(c, card, to));
    read_addresses6(c, &card->ipv6_addresses,
                    card->has.ipv6_address_count ? &card->ipv6_address_count : NULL, to);
    return find_subnet(c, in, card->subnet_id, &to->subnet);
}

/* ---- all ---------------------------------------------------------------------------------------
 */

static RESULT read_request(struct call *c, const struct ec2_run_instances_in *in,
                           struct instance_cards *ret)
{
    struct instance_interface_wish *to = &ret->at[0];
    *to = (struct instance_interface_wish){.address_count = 1, .ends_together = true};
    ret->count = 1;
    TRY(interface_read_address(c, in->private_ip_address, &to->addresses[0]));
    read_addresses6(c, &in->ipv6_addresses,
                    in->has.ipv6_address_count ? &in->ipv6_address_count : NULL, to);
    TRY(find_subnet(c, in, in->subnet_id, &to->subnet));
    return find_groups(c, in, to);
}

/* Device 0 first, whatever the order of the request; no index twice, all in one zone. */
static RESULT order(struct call *c, struct instance_cards *cards)
{
    size_t first = cards->count;
    for (size_t i = 0; i < cards->count; i++) {
        if (cards->at[i].device_index == 0)
            first = i;
        for (size_t j = 0; j < i; j++)
            if (cards->at[i].device_index == cards->at[j].device_index)
                return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                              "Each network interface requires a unique device index.");
        if (!span_eq(cards->at[i].subnet.zone, cards->at[0].subnet.zone))
            return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                          "All network interfaces of an instance must be in the same availability "
                          "zone");
    }
    if (first == cards->count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "When specifying network interfaces, you must include a device at index 0.");
    struct instance_interface_wish primary = cards->at[first];
    cards->at[first] = cards->at[0];
    cards->at[0] = primary;
    return OK;
}

/* What of the request itself would be for the only interface. */
static RESULT check_request(struct call *c, const struct ec2_run_instances_in *in)
{
    const char *what = in->subnet_id.at ? "subnet ID"
                       : in->security_group_ids.count || in->security_groups.count
                           ? "security groups"
                       : in->has.ipv6_address_count || in->ipv6_addresses.count ? "IPv6 address"
                                                                                : NULL;
    return what ? refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                         "Network interfaces and an instance-level %s may not be specified on the "
                         "same request",
                         what)
                : OK;
}

static RESULT read_cards(struct call *c, const struct ec2_run_instances_in *in,
                         struct instance_cards *ret)
{
    TRY(check_request(c, in));
    for (size_t i = 0; i < in->network_interfaces.count; i++) {
        TRY(read_card(c, in, &in->network_interfaces.at[i], &ret->at[ret->count]));
        if (ret->at[ret->count++].wants_public && in->network_interfaces.count > 1)
            return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                          "The associatePublicIPAddress parameter cannot be specified when "
                          "launching with multiple network interfaces.");
    }
    return order(c, ret);
}

static RESULT check_several(struct call *c, const struct ec2_run_instances_in *in,
                            const struct instance_cards *cards)
{
    if (in->max_count < 2)
        return OK;
    for (size_t i = 0; i < cards->count; i++) {
        if (cards->at[i].addresses6.count)
            return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                          "An instance-level IPv6 address cannot be specified when launching "
                          "multiple instances");
        if (cards->at[i].addresses[0] || cards->at[i].existing)
            return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                          "An instance-level private IP address cannot be specified when launching "
                          "multiple instances");
    }
    return OK;
}

RESULT instance_cards_read(struct call *c, const struct ec2_run_instances_in *in,
                           const struct instance_type *type, struct instance_cards *ret)
{
    *ret = (struct instance_cards){0};
    if (in->network_interfaces.count > type->interfaces)
        return instance_too_many_interfaces(c, in->network_interfaces.count, type->name);
    TRY(in->network_interfaces.count ? read_cards(c, in, ret) : read_request(c, in, ret));
    return check_several(c, in, ret);
}
