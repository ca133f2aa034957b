// SPDX-License-Identifier: Apache-2.0
/*
 * AllocateAddress, DescribeAddresses, ReleaseAddress, and the joining of public with private
 * addresses. Control thread.
 */
#include "services/ec2/elastic_address.h"

#include "services/ec2/address_transfer.h"
#include "services/ec2/describe.h"
#include "services/ec2/public_lease.h"
#include "services/ec2/reverse_name.h"
#include "services/ec2/tag.h"

#include <errno.h>

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show_interface(struct call *c, const struct stored_elastic_address *elastic,
                             struct ec2_address *to)
{
    struct stored_interface interface;
    if (!elastic->interface.at)
        return OK;
    int error = resource_find(c, &interface_kind, elastic->interface, &interface);
    if (error < 0)
        return refuse_errno(c, error, "reading the interface of an address");
    to->association_id = elastic->association;
    to->network_interface_id = elastic->interface;
    to->network_interface_owner_id = elastic->account;
    to->private_ip_address = elastic->private_address;
    to->instance_id = interface.attachment ? interface.attachment->instance : SPAN_NONE;
    return OK;
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_elastic_address *elastic = record;
    struct ec2_address *to = shown;
    to->allocation_id = elastic->id;
    to->public_ip = elastic->public_address;
    to->public_ipv4_pool = S("amazon");
    to->network_border_group = elastic->region;
    to->domain = S("vpc");
    TRY(show_interface(c, elastic, to));
    return tag_list_if_any(c, elastic->id, &to->tags);
}

static RESULT step(struct call *c, void *record, int64_t *ret_due_ms)
{
    return reverse_name_step(c, record, ret_due_ms);
}

static const struct filter_name filters[] = {
    {"allocation-id", "AllocationId"},
    {"association-id", "AssociationId"},
    {"domain", "Domain"},
    {"instance-id", "InstanceId"},
    {"network-border-group", "NetworkBorderGroup"},
    {"network-interface-id", "NetworkInterfaceId"},
    {"network-interface-owner-id", "NetworkInterfaceOwnerId"},
    {"private-ip-address", "PrivateIpAddress"},
    {"public-ip", "PublicIp"},
};

/* There is no code of its own for a malformed one. */
const struct resource_kind elastic_address_kind = {
    .prefix = S_INIT("eipalloc-"),
    .type = "elastic-ip",
    .record = &stored_elastic_address_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_ALLOCATION_ID_NOT_FOUND,
    .missing = &EC2_INVALID_ALLOCATION_ID_NOT_FOUND,
    .missing_before = "The allocation ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_address),
    .show = show,
    .filters = {EC2_SHAPE_ADDRESS, filters, ARRAY_LEN(filters)},
    .step = step,
};

RESULT elastic_address_find(struct call *c, struct span public_address,
                            struct stored_elastic_address *ret)
{
    struct resource_list found;
    TRY(resource_list(c, &elastic_address_kind,
                      WHERE(stored_elastic_address, public_address, public_address), &found));
    if (!found.count)
        return refuse(c, &EC2_INVALID_ADDRESS_NOT_FOUND, "Address '%.*s' not found.",
                      SPAN_ARG(public_address));
    *ret = *(const struct stored_elastic_address *)found.at[0];
    return OK;
}

RESULT ec2_describe_addresses(struct call *c, const struct ec2_describe_addresses_in *in,
                              struct ec2_describe_addresses_out *out)
{
    struct stored_elastic_address elastic;
    struct describe_found found;
    struct span *ids =
        ARENA_ARRAY(c->arena, struct span, in->allocation_ids.count + in->public_ips.count);
    struct describe_asked asked = {.ids = ids, .filters = in->filters};
    for (size_t i = 0; i < in->allocation_ids.count; i++)
        ids[asked.id_count++] = in->allocation_ids.at[i];
    for (size_t i = 0; i < in->public_ips.count; i++) {
        TRY(elastic_address_find(c, in->public_ips.at[i], &elastic));
        ids[asked.id_count++] = elastic.id;
    }
    TRY(describe(c, &elastic_address_kind, &asked, &found));
    out->addresses.at = found.at;
    out->addresses.count = found.count;
    return OK;
}

/* ---- allocation --------------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, const struct ec2_allocate_address_in *in)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {in->public_ipv4_pool.at && !span_eq(in->public_ipv4_pool, S("amazon")),
         "An address pool of one's own"},
        {in->network_border_group.at && !span_eq(in->network_border_group, c->region),
         "A network border group"},
        {in->customer_owned_ipv4_pool.at != NULL, "A customer-owned address"},
        {in->ipam_pool_id.at != NULL, "An IPAM pool"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

RESULT ec2_allocate_address(struct call *c, const struct ec2_allocate_address_in *in,
                            struct ec2_allocate_address_out *out)
{
    uint32_t wanted = 0, address;
    struct stored_elastic_address elastic = {0};
    TRY(check_not_built(c, in));
    if (in->domain.at && !span_eq(in->domain, S("vpc")))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid value '%.*s' for domain.",
                      SPAN_ARG(in->domain));
    if (in->address.at && !cidr_read_address(in->address, &wanted))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid IPv4 address: '%.*s'",
                      SPAN_ARG(in->address));
    resource_name(c, &elastic_address_kind, &elastic);
    TRY(public_lease_take(c, wanted, elastic.id, &address));
    elastic.public_address = cidr_address_text(c->arena, address);
    resource_put(c, &elastic_address_kind, &elastic);
    TRY(tag_new(c, &elastic_address_kind, elastic.id, &in->tag_specifications));
    out->allocation_id = elastic.id;
    out->public_ip = elastic.public_address;
    out->public_ipv4_pool = S("amazon");
    out->network_border_group = c->region;
    out->domain = S("vpc");
    return OK;
}

RESULT ec2_release_address(struct call *c, const struct ec2_release_address_in *in,
                           struct ec2_release_address_out *out)
{
    struct stored_elastic_address elastic;
    if (!in->allocation_id.at && !in->public_ip.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "Either public IP or allocation id must be specified");
    if (in->allocation_id.at)
        TRY(resource_get(c, &elastic_address_kind, in->allocation_id, &elastic));
    else
        TRY(elastic_address_find(c, in->public_ip, &elastic));
    if (elastic.association.at)
        return refuse(c, &EC2_INVALID_IP_ADDRESS_IN_USE, "Address %.*s is in use.",
                      SPAN_ARG(elastic.public_address));
    if (reverse_name_is_set(&elastic))
        return refuse(c, &EC2_INVALID_ADDRESS_PTR_SET,
                      "The address with allocation id [%.*s] cannot be released because it has a "
                      "PTR record set.",
                      SPAN_ARG(elastic.id));
    TRY(address_transfer_drop(c, elastic.id));
    public_lease_end(c, cidr_address(elastic.public_address));
    resource_drop(c, &elastic_address_kind, &elastic);
    return OK;
}

/* ---- joining -----------------------------------------------------------------------------------
 */

RESULT elastic_address_leave(struct call *c, struct stored_interface *interface, size_t index)
{
    struct stored_elastic_address elastic;
    struct stored_private_address *address = &interface->addresses.at[index];
    if (address->public_address.at && !address->allocation.at)
        public_lease_end(c, cidr_address(address->public_address));
    if (address->allocation.at) {
        int error = resource_find(c, &elastic_address_kind, address->allocation, &elastic);
        if (error < 0)
            return refuse_errno(c, error, "reading an elastic address");
        elastic.association = elastic.interface = elastic.private_address = SPAN_NONE;
        resource_put(c, &elastic_address_kind, &elastic);
    }
    *address = (struct stored_private_address){.address = address->address};
    return OK;
}

/* The interface that has it now, which may be the one that gets it. */
static RESULT leave_former(struct call *c, const struct stored_elastic_address *elastic,
                           struct stored_interface *interface)
{
    struct stored_interface other;
    if (!elastic->interface.at)
        return OK;
    if (span_eq(elastic->interface, interface->id))
        return elastic_address_leave(c, interface,
                                     interface_address(interface, elastic->private_address));
    int error = resource_find(c, &interface_kind, elastic->interface, &other);
    if (error < 0)
        return refuse_errno(c, error, "reading the interface of an address");
    TRY(elastic_address_leave(c, &other, interface_address(&other, elastic->private_address)));
    resource_put(c, &interface_kind, &other);
    return OK;
}

RESULT elastic_address_join(struct call *c, struct stored_elastic_address *elastic,
                            struct stored_interface *interface, size_t index)
{
    TRY(leave_former(c, elastic, interface));
    TRY(elastic_address_leave(c, interface, index));
    struct stored_private_address *address = &interface->addresses.at[index];
    elastic->association = id_new(c, "eipassoc-", 17);
    elastic->interface = interface->id;
    elastic->private_address = address->address;
    address->public_address = elastic->public_address;
    address->allocation = elastic->id;
    address->association = elastic->association;
    resource_put(c, &elastic_address_kind, elastic);
    resource_put(c, &interface_kind, interface);
    return OK;
}

RESULT elastic_address_follow(struct call *c, const struct stored_private_address *address,
                              struct span interface)
{
    struct stored_elastic_address elastic;
    if (!address->allocation.at)
        return OK;
    int error = resource_find(c, &elastic_address_kind, address->allocation, &elastic);
    if (error < 0)
        return refuse_errno(c, error, "reading an elastic address");
    elastic.interface = interface;
    resource_put(c, &elastic_address_kind, &elastic);
    return OK;
}

RESULT elastic_address_lend(struct call *c, struct stored_interface *interface)
{
    uint32_t address;
    TRY(public_lease_take(c, 0, interface->id, &address));
    interface->addresses.at[0].public_address = cidr_address_text(c->arena, address);
    return OK;
}
