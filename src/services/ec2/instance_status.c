// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeInstanceStatus, GetConsoleOutput, DescribeInstanceCreditSpecifications. A machine is
 * watched all the time: one that has ended is not running for longer than it takes to write that
 * down, so both checks of a running instance pass. Control thread.
 */
#include "services/ec2/instance.h"

#include "base/text.h"
#include "services/ec2/describe.h"
#include "services/ec2/instance_type.h"
#include "services/ec2/machine.h"
#include "services/ec2/zone.h"

static struct ec2_instance_status_summary *show_check(struct call *c, bool running)
{
    struct ec2_instance_status_summary *to =
        ARENA_NEW(c->arena, struct ec2_instance_status_summary);
    to->status = running ? S("ok") : S("not-applicable");
    if (!running)
        return to;
    to->details.at = ARENA_NEW(c->arena, struct ec2_instance_status_details);
    to->details.count = 1;
    to->details.at->name = S("reachability");
    to->details.at->status = S("passed");
    return to;
}

static RESULT show_status(struct call *c, const void *record, void *shown)
{
    const struct stored_instance *instance = record;
    struct ec2_instance_status *to = shown;
    bool running = instance->state == INSTANCE_RUNNING;
    to->instance_id = instance->id;
    to->availability_zone = instance->zone;
    to->availability_zone_id = zone_id_of(c, instance->zone);
    to->instance_state = instance_show_state(c, instance->state);
    to->instance_status = show_check(c, running);
    to->system_status = show_check(c, running);
    return OK;
}

static const struct filter_name filters[] = {
    {"availability-zone", "AvailabilityZone"},
    {"availability-zone-id", "AvailabilityZoneId"},
    {"event.code", "Events.Code"},
    {"event.description", "Events.Description"},
    {"event.instance-event-id", "Events.InstanceEventId"},
    {"event.not-after", "Events.NotAfter"},
    {"event.not-before", "Events.NotBefore"},
    {"event.not-before-deadline", "Events.NotBeforeDeadline"},
    {"instance-state-code", "InstanceState.Code"},
    {"instance-state-name", "InstanceState.Name"},
    {"instance-status.reachability", "InstanceStatus.Details.Status"},
    {"instance-status.status", "InstanceStatus.Status"},
    {"system-status.reachability", "SystemStatus.Details.Status"},
    {"system-status.status", "SystemStatus.Status"},
};

/* The same records, told of in another way. */
static struct resource_kind status_kind(void)
{
    struct resource_kind kind = instance_kind;
    kind.shown_size = sizeof(struct ec2_instance_status);
    kind.show = show_status;
    kind.filters = (struct filter_table){EC2_SHAPE_INSTANCE_STATUS, filters, ARRAY_LEN(filters)};
    return kind;
}

RESULT ec2_describe_instance_status(struct call *c,
                                    const struct ec2_describe_instance_status_in *in,
                                    struct ec2_describe_instance_status_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, instance_ids);
    struct resource_kind kind = status_kind();
    if (in->instance_ids.count && in->has.max_results)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "The parameter instancesSet cannot be used with the parameter maxResults");
    TRY(describe(c, &kind, &asked, &found));
    struct ec2_instance_status *all = found.at;
    out->instance_statuses.at = all;
    for (size_t i = 0; i < found.count; i++)
        if (in->include_all_instances || span_eq(all[i].instance_state->name, S("running")))
            all[out->instance_statuses.count++] = all[i];
    out->next_token = found.next_token;
    return OK;
}

RESULT ec2_get_console_output(struct call *c, const struct ec2_get_console_output_in *in,
                              struct ec2_get_console_output_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    char *text = arena_alloc(c->arena, SANDBOX_CONSOLE);
    int len = sandbox_console(machine_folder(c, instance.id), text);
    if (len < 0)
        return refuse_errno(c, len, "reading the console of %.*s", SPAN_ARG(instance.id));
    out->instance_id = instance.id;
    SET(out, timestamp, c->now_ms);
    out->output = base64_of(c->arena, span_of(text, (size_t)len));
    return OK;
}

/* Only Windows instances have a password ("GetPasswordData"). */
RESULT ec2_get_password_data(struct call *c, const struct ec2_get_password_data_in *in,
                             struct ec2_get_password_data_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    out->instance_id = instance.id;
    SET(out, timestamp, c->now_ms);
    out->password_data = S("");
    return OK;
}

/* ---- CPU credits -------------------------------------------------------------------------------
 */

static RESULT show_credits(struct call *c, const void *record, void *shown)
{
    const struct stored_instance *instance = record;
    struct ec2_instance_credit_specification *to = shown;
    to->instance_id = instance->id;
    to->cpu_credits = S("unlimited");
    return OK;
}

static const struct filter_name credit_filters[] = {{"instance-id", "InstanceId"}};

RESULT ec2_describe_instance_credit_specifications(
    struct call *c, const struct ec2_describe_instance_credit_specifications_in *in,
    struct ec2_describe_instance_credit_specifications_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, instance_ids);
    struct resource_kind kind = instance_kind;
    kind.shown_size = sizeof(struct ec2_instance_credit_specification);
    kind.show = show_credits;
    kind.filters = (struct filter_table){EC2_SHAPE_INSTANCE_CREDIT_SPECIFICATION, credit_filters,
                                         ARRAY_LEN(credit_filters)};
    for (size_t i = 0; i < in->instance_ids.count; i++) {
        struct stored_instance instance;
        TRY(resource_get(c, &instance_kind, in->instance_ids.at[i], &instance));
        const struct instance_type *type = instance_type_named(instance.type);
        if (!type || !type->bursts)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "%.*s is not a burstable performance instance type.",
                          SPAN_ARG(instance.type));
    }
    TRY(describe(c, &kind, &asked, &found));
    out->instance_credit_specifications.at = found.at;
    out->instance_credit_specifications.count = found.count;
    out->next_token = found.next_token;
    return OK;
}
