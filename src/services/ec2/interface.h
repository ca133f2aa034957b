// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Network interfaces: what holds private addresses in a subnet, security groups, and the public
 * addresses of both kinds. Instances and NAT gateways make theirs here. Control thread.
 */
#include "services/ec2/resource.h"
#include "services/ec2/subnet.h"

enum INTERFACE_STATE { INTERFACE_PENDING = 1, INTERFACE_AVAILABLE, INTERFACE_IN_USE };
enum ATTACHMENT_STATE { ATTACHMENT_ATTACHING = 1, ATTACHMENT_ATTACHED, ATTACHMENT_DETACHING };

#define INTERFACE_ADDRESSES_MAX 50

extern const struct resource_kind interface_kind;

struct interface_wish {
    const struct stored_subnet *subnet;
    struct span description;
    const struct span *groups; /* none: the VPC's default group */
    size_t group_count;
    const uint32_t *addresses; /* the first is the primary one; 0: any that is free */
    size_t address_count;
    const struct ec2_ipv6_address_list *addresses6; /* NULL: those that the subnet wants */
    size_t further6;                                /* any that are free */
    struct span type, requester;                    /* absent: "interface", of its owner */
};
RESULT interface_new(struct call *c, const struct interface_wish *wish,
                     struct stored_interface *ret);
/* Gives its addresses back, elastic ones stay allocated; it must not be attached. */
RESULT interface_drop(struct call *c, struct stored_interface *interface);

/* As AWS attaches what it manages in a VPC: gateways, endpoints. */
void interface_attach_managed(struct call *c, struct stored_interface *interface);
/* In use by an instance, or by a gateway (`instance` absent). The caller plugs it. */
void interface_attach(struct call *c, struct stored_interface *interface,
                      const struct stored_attachment *attachment);
void interface_detach(struct call *c, struct stored_interface *interface);
/* interface_attachment.c: the next step of one that an instance has. */
RESULT interface_step_attachment(struct call *c, struct stored_interface *interface,
                                 int64_t *ret_due_ms);
/* The interface of an instance at that device index; *ret NULL when there is none. */
RESULT interface_of_instance(struct call *c, struct span instance, uint64_t device_index,
                             struct stored_interface **ret);

/* An address of the interface; SIZE_MAX when it has no such. Absent: the primary one. */
size_t interface_address(const struct stored_interface *interface, struct span address);
/* The address that was asked for; an absent one leaves *ret. */
RESULT interface_read_address(struct call *c, struct span text, uint32_t *ret);
/* Adds those of a list to the `*count` of `at`, whose first is the primary one (0: not chosen). */
RESULT interface_read_listed(struct call *c,
                             const struct ec2_private_ip_address_specification_list *listed,
                             uint32_t *at, size_t *count);
/* private_address.c: leases one more address, `wanted` or any (0). */
RESULT interface_add_address(struct call *c, const struct stored_subnet *subnet, uint32_t wanted,
                             struct stored_interface *interface);

/* address6.c: one more of IPv6, `wanted` or any (absent). */
RESULT interface_add_address6(struct call *c, const struct stored_subnet *subnet,
                              struct span wanted, struct stored_interface *interface);
void interface_list_addresses6(struct call *c, const struct ec2_instance_ipv6_address_list *from,
                               struct ec2_ipv6_address_list *to);
RESULT interface_add_wanted6(struct call *c, const struct interface_wish *wish,
                             struct stored_interface *interface);

bool interface_has_group(const struct stored_interface *interface, struct span group);
/* Whether the VPC's interfaces may have all of them, and not too many. */
RESULT interface_check_groups(struct call *c, const struct stored_subnet *subnet,
                              const struct span *groups, size_t count);
RESULT interface_show_groups(struct call *c, const struct stored_interface *interface,
                             struct ec2_group_identifier_list *to);
struct span interface_attachment_state(const struct stored_attachment *attachment);
struct ec2_network_interface_attachment *
interface_show_attachment(struct call *c, const struct stored_interface *interface);
