// SPDX-License-Identifier: Apache-2.0
/*
 * StartInstances, StopInstances, RebootInstances, TerminateInstances: all instances of a call, or
 * none. Control thread.
 */
#include "services/ec2/instance.h"

#include "services/ec2/instance_type.h"
#include "services/ec2/quota.h"

#define USER_CODE "Client.UserInitiatedShutdown"
#define USER_MESSAGE "Client.UserInitiatedShutdown: User initiated shutdown"

/* ---- which -------------------------------------------------------------------------------------
 */

struct chosen {
    struct stored_instance *at;
    size_t count;
};

static struct span list_ids(struct call *c, const struct span *ids, size_t count)
{
    struct span text = S("");
    for (size_t i = 0; i < count; i++)
        text =
            arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(text), i ? ", " : "", SPAN_ARG(ids[i]));
    return text;
}

static bool stands_before(const struct chosen *chosen, struct span id)
{
    for (size_t i = 0; i < chosen->count; i++)
        if (span_eq(chosen->at[i].id, id))
            return true;
    return false;
}

/* All that are missing are told together. */
static RESULT choose(struct call *c, const struct ec2_instance_id_string_list *ids,
                     struct chosen *ret)
{
    struct span *missing = ARENA_ARRAY(c->arena, struct span, ids->count + 1);
    size_t missing_count = 0;
    *ret = (struct chosen){.at = ARENA_ARRAY(c->arena, struct stored_instance, ids->count + 1)};
    for (size_t i = 0; i < ids->count; i++)
        TRY(resource_check_id(c, &instance_kind, ids->at[i]));
    for (size_t i = 0; i < ids->count; i++) {
        if (stands_before(ret, ids->at[i]))
            continue;
        if (resource_find(c, &instance_kind, ids->at[i], &ret->at[ret->count]) < 0)
            missing[missing_count++] = ids->at[i];
        else
            ret->count++;
    }
    if (!missing_count)
        return OK;
    return refuse(c, &EC2_INVALID_INSTANCE_ID_NOT_FOUND, "The instance ID%s '%.*s' do%s not exist",
                  missing_count > 1 ? "s" : "", SPAN_ARG(list_ids(c, missing, missing_count)),
                  missing_count > 1 ? "" : "es");
}

/* By the attribute of the instance that forbids it. */
static RESULT forbidden(struct call *c, const struct stored_instance *instance, const char *what,
                        const char *attribute)
{
    return refuse(c, &EC2_OPERATION_NOT_PERMITTED,
                  "The instance '%.*s' may not be %s. Modify its '%s' instance attribute and try "
                  "again.",
                  SPAN_ARG(instance->id), what, attribute);
}

static RESULT bad_state(struct call *c, const struct stored_instance *instance, const char *what)
{
    return refuse(c, &EC2_INCORRECT_INSTANCE_STATE,
                  "The instance '%.*s' is not in a state from which it can be %s.",
                  SPAN_ARG(instance->id), what);
}

/* ---- one of them -------------------------------------------------------------------------------
 */

static RESULT start_one(struct call *c, struct stored_instance *instance)
{
    if (instance->state == INSTANCE_RUNNING || instance->state == INSTANCE_PENDING)
        return OK;
    if (instance->state != INSTANCE_STOPPED)
        return bad_state(c, instance, "started");
    TRY(quota_check(c, instance_type_named(instance->type), 1));
    instance->launched = c->now_ms;
    instance->transition = SPAN_NONE;
    instance_move(c, instance, INSTANCE_PENDING, "pending", "pending");
    return OK;
}

static RESULT stop_one(struct call *c, struct stored_instance *instance)
{
    if (instance->state == INSTANCE_STOPPED || instance->state == INSTANCE_STOPPING)
        return OK;
    if (instance->state != INSTANCE_RUNNING && instance->state != INSTANCE_PENDING)
        return bad_state(c, instance, "stopped");
    if (instance->no_stop)
        return forbidden(c, instance, "stopped", "disableApiStop");
    instance->transition = instance_user_initiated(c);
    instance_move(c, instance, INSTANCE_STOPPING, USER_CODE, USER_MESSAGE);
    return OK;
}

/* Without asking its processes first, also of one that has been asked. */
static RESULT stop_hard_one(struct call *c, struct stored_instance *instance)
{
    instance->forced = instance->state != INSTANCE_STOPPED;
    if (instance->state == INSTANCE_STOPPING)
        resource_put_moving(c, &instance_kind, instance, 0);
    return stop_one(c, instance);
}

static RESULT terminate_one(struct call *c, struct stored_instance *instance)
{
    if (instance->state == INSTANCE_TERMINATED || instance->state == INSTANCE_SHUTTING_DOWN)
        return OK;
    if (instance->no_termination)
        return forbidden(c, instance, "terminated", "disableApiTermination");
    instance->transition = instance_user_initiated(c);
    instance_move(c, instance, INSTANCE_SHUTTING_DOWN, USER_CODE, USER_MESSAGE);
    return OK;
}

static RESULT terminate_hard_one(struct call *c, struct stored_instance *instance)
{
    instance->forced = instance->state != INSTANCE_TERMINATED;
    if (instance->state == INSTANCE_SHUTTING_DOWN)
        resource_put_moving(c, &instance_kind, instance, 0);
    return terminate_one(c, instance);
}

static RESULT reboot_one(struct call *c, struct stored_instance *instance)
{
    if (instance->state != INSTANCE_RUNNING)
        return bad_state(c, instance, "rebooted");
    instance->reboots = true;
    resource_put_moving(c, &instance_kind, instance, 0);
    return OK;
}

static RESULT change_all(struct call *c, const struct ec2_instance_id_string_list *ids,
                         const struct refusal *(*change)(struct call *, struct stored_instance *),
                         struct ec2_instance_state_change_list *ret)
{
    struct chosen chosen;
    TRY(choose(c, ids, &chosen));
    ret->at = ARENA_ARRAY(c->arena, struct ec2_instance_state_change, chosen.count + 1);
    for (size_t i = 0; i < chosen.count; i++) {
        struct stored_instance *instance = &chosen.at[i];
        struct ec2_instance_state_change *to = &ret->at[ret->count++];
        to->instance_id = instance->id;
        to->previous_state = instance_show_state(c, instance->state);
        TRY(change(c, instance));
        to->current_state = instance_show_state(c, instance->state);
    }
    return OK;
}

/* ---- the operations ----------------------------------------------------------------------------
 */

RESULT ec2_start_instances(struct call *c, const struct ec2_start_instances_in *in,
                           struct ec2_start_instances_out *out)
{
    return change_all(c, &in->instance_ids, start_one, &out->starting_instances);
}

RESULT ec2_stop_instances(struct call *c, const struct ec2_stop_instances_in *in,
                          struct ec2_stop_instances_out *out)
{
    if (in->hibernate)
        return refuse(c, &EC2_UNSUPPORTED_HIBERNATION_CONFIGURATION,
                      "The instance is not configured for hibernation.");
    return change_all(c, &in->instance_ids, in->skip_os_shutdown ? stop_hard_one : stop_one,
                      &out->stopping_instances);
}

RESULT ec2_terminate_instances(struct call *c, const struct ec2_terminate_instances_in *in,
                               struct ec2_terminate_instances_out *out)
{
    return change_all(c, &in->instance_ids,
                      in->skip_os_shutdown ? terminate_hard_one : terminate_one,
                      &out->terminating_instances);
}

RESULT ec2_reboot_instances(struct call *c, const struct ec2_reboot_instances_in *in,
                            struct ec2_reboot_instances_out *out)
{
    struct ec2_instance_state_change_list ignored = {0};
    return change_all(c, &in->instance_ids, reboot_one, &ignored);
}
