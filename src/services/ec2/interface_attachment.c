// SPDX-License-Identifier: Apache-2.0
/*
 * AttachNetworkInterface and DetachNetworkInterface. They write what is wanted; the interface's
 * step gives a running machine the device, or takes it away, and then says so. One that does not
 * run gets its devices when it starts. Control thread.
 */
#include "services/ec2/interface.h"

#include "services/ec2/instance.h"
#include "services/ec2/instance_card.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/machine.h"
#include "services/ec2/network.h"

#include <errno.h>

#define SOON_MS 200
#define AGAIN_MS 5000 /* a device that did not come */

/* ---- the step ----------------------------------------------------------------------------------
 */

static RESULT attached(struct call *c, struct stored_interface *interface)
{
    interface->attachment->state = ATTACHMENT_ATTACHED;
    resource_put(c, &interface_kind, interface);
    return OK;
}

static RESULT plug(struct call *c, const struct stored_instance *instance,
                   struct stored_interface *interface, int64_t *ret_due_ms)
{
    struct machine_port port;
    struct span why;
    enum MACHINE machine = machine_state(c, instance->id, &why);
    *ret_due_ms = c->now_ms + SOON_MS;
    if (machine != MACHINE_RUNNING || machine_is_busy(c, instance->id))
        return OK;
    if (machine_took_port(c, instance->id, interface->id)) {
        *ret_due_ms = 0;
        return attached(c, interface);
    }
    TRY(instance_port(c, interface, &port));
    int error = machine_plug(c, instance->id, &port);
    if (!error)
        *ret_due_ms = c->now_ms + AGAIN_MS;
    return error && error != -EAGAIN
               ? refuse_errno(c, error, "plugging %.*s", SPAN_ARG(interface->id))
               : OK;
}

static RESULT step_attaching(struct call *c, struct stored_interface *interface,
                             int64_t *ret_due_ms)
{
    struct stored_instance instance;
    int error = resource_find(c, &instance_kind, interface->attachment->instance, &instance);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading an instance");
    bool runs =
        !error && (instance.state == INSTANCE_RUNNING || instance.state == INSTANCE_PENDING);
    if (!runs || network_absent(ec2_network(c->cloud->ec2)))
        return attached(c, interface);
    return plug(c, &instance, interface, ret_due_ms);
}

static RESULT step_detaching(struct call *c, struct stored_interface *interface)
{
    struct stored_instance instance;
    int error = resource_find(c, &instance_kind, interface->attachment->instance, &instance);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading an instance");
    network_unplug(ec2_network(c->cloud->ec2), interface->id);
    if (!error)
        instance_interface_remove(c, &instance, interface->id);
    interface_detach(c, interface);
    return OK;
}

RESULT interface_step_attachment(struct call *c, struct stored_interface *interface,
                                 int64_t *ret_due_ms)
{
    switch ((enum ATTACHMENT_STATE)interface->attachment->state) {
    case ATTACHMENT_ATTACHING:
        return step_attaching(c, interface, ret_due_ms);
    case ATTACHMENT_DETACHING:
        return step_detaching(c, interface);
    case ATTACHMENT_ATTACHED:
        break;
    }
    return OK;
}

/* ---- attaching ---------------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, const struct ec2_attach_network_interface_in *in)
{
    if (in->network_card_index)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Value (%d) for parameter networkCardIndex is invalid. The instance type has "
                      "one network card.",
                      in->network_card_index);
    return in->ena_srd_specification || in->has.ena_queue_count
               ? resource_not_built(c, "EnaSrdSpecification or EnaQueueCount")
               : OK;
}

static RESULT check_place(struct call *c, const struct stored_instance *instance,
                          int32_t device_index)
{
    struct stored_interface *other;
    const struct instance_type *type = instance_type_named(instance->type);
    size_t count = 2 + instance->more_interfaces.count; /* with the first, and this one */
    TRY(interface_of_instance(c, instance->id, (uint64_t)device_index, &other));
    if (other || device_index < 0)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Instance '%.*s' already has an interface attached at device index '%d'.",
                      SPAN_ARG(instance->id), device_index);
    return type && count > type->interfaces ? instance_too_many_interfaces(c, count, instance->type)
                                            : OK;
}

static RESULT check_instance(struct call *c, const struct stored_instance *instance,
                             const struct stored_interface *interface)
{
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_STOPPED)
        return refuse(c, &EC2_INCORRECT_STATE, "Instance '%.*s' is not 'running' or 'stopped'.",
                      SPAN_ARG(instance->id));
    if (interface->attachment)
        return refuse(c, &EC2_INVALID_NETWORK_INTERFACE_IN_USE, "Interface: [%.*s] in use.",
                      SPAN_ARG(interface->id));
    return span_eq(instance->zone, interface->zone)
               ? OK
               : refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                        "You may not attach a network interface to an instance if they are not in "
                        "the same availability zone");
}

RESULT ec2_attach_network_interface(struct call *c,
                                    const struct ec2_attach_network_interface_in *in,
                                    struct ec2_attach_network_interface_out *out)
{
    struct stored_interface interface;
    struct stored_instance instance;
    TRY(check_not_built(c, in));
    TRY(resource_get(c, &interface_kind, in->network_interface_id, &interface));
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    TRY(check_instance(c, &instance, &interface));
    TRY(check_place(c, &instance, in->device_index));
    interface_attach(c, &interface,
                     &(struct stored_attachment){.id = id_new(c, "eni-attach-", 17),
                                                 .instance = instance.id,
                                                 .instance_account = instance.account,
                                                 .device_index = (uint64_t)in->device_index,
                                                 .state = ATTACHMENT_ATTACHING,
                                                 .attached = c->now_ms});
    resource_put_moving(c, &interface_kind, &interface, 0);
    instance_interface_add(c, &instance, interface.id);
    out->attachment_id = interface.attachment->id;
    SET(out, network_card_index, 0);
    return OK;
}

/* ---- detaching ---------------------------------------------------------------------------------
 */

static RESULT find_attachment(struct call *c, struct span id, struct stored_interface **ret)
{
    struct resource_list all;
    TRY(resource_list(c, &interface_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++) {
        *ret = all.at[i];
        if ((*ret)->attachment && span_eq((*ret)->attachment->id, id))
            return OK;
    }
    return refuse(c, &EC2_INVALID_ATTACHMENT_ID_NOT_FOUND,
                  "The networkInterface attachment ID '%.*s' does not exist", SPAN_ARG(id));
}

/* Force makes no difference: the device goes at once in any case. */
RESULT ec2_detach_network_interface(struct call *c,
                                    const struct ec2_detach_network_interface_in *in,
                                    struct ec2_detach_network_interface_out *out)
{
    struct stored_interface *interface = NULL;
    TRY(find_attachment(c, in->attachment_id, &interface));
    if (!interface->attachment->instance.at)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "You are not allowed to manage 'ela-attach' attachments.");
    if (interface->attachment->device_index == 0)
        return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                      "The network interface at device index 0 and networkCard index 0 cannot be "
                      "detached.");
    interface->attachment->state = ATTACHMENT_DETACHING;
    resource_put_moving(c, &interface_kind, interface, 0);
    return OK;
}
