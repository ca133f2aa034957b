// SPDX-License-Identifier: Apache-2.0
/*
 * The network interface that an instance is born with, and that goes with it. Control thread.
 */
#include "services/ec2/instance.h"

#include "services/ec2/cidr.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/interface.h"

#include <errno.h>

static RESULT read_address(struct call *c, struct span text, uint32_t *ret)
{
    *ret = 0;
    if (!text.at || cidr_read_address(text, ret))
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter privateIpAddress is invalid. Invalid IPv4 address.",
                  SPAN_ARG(text));
}

RESULT instance_interface_new(struct call *c, struct stored_instance *instance,
                              const struct instance_interface_wish *wish)
{
    uint32_t address;
    struct stored_interface interface;
    TRY(read_address(c, wish->private_address, &address));
    TRY(interface_new(
        c,
        &(struct interface_wish){.subnet = wish->subnet,
                                 .description = wish->description,
                                 .groups = wish->groups.at,
                                 .group_count = wish->groups.count,
                                 .addresses = &address,
                                 .address_count = 1,
                                 .addresses6 = wish->has_addresses6 ? &wish->addresses6 : NULL,
                                 .further6 = wish->further6},
        &interface));
    if (wish->has_public ? wish->wants_public : wish->subnet->public_on_launch)
        TRY(elastic_address_lend(c, &interface));
    interface_attach(c, &interface,
                     &(struct stored_attachment){.id = id_new(c, "eni-attach-", 17),
                                                 .instance = instance->id,
                                                 .instance_account = instance->account,
                                                 .state = ATTACHMENT_ATTACHED,
                                                 .attached = c->now_ms,
                                                 .ends_together = true});
    instance->interface = interface.id;
    return OK;
}

RESULT instance_interface_read(struct call *c, const struct stored_instance *instance,
                               struct stored_interface *ret)
{
    *ret = (struct stored_interface){0};
    int error =
        instance->interface.at ? resource_find(c, &interface_kind, instance->interface, ret) : 0;
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a network interface")
                                         : OK;
}

RESULT instance_interface_drop(struct call *c, const struct stored_instance *instance)
{
    struct stored_interface interface;
    TRY(instance_interface_read(c, instance, &interface));
    if (!interface.addresses.count)
        return OK;
    interface_detach(c, &interface);
    return interface_drop(c, &interface);
}
