// SPDX-License-Identifier: Apache-2.0
/*
 * UpdateTableReplicaAutoScaling, DescribeTableReplicaAutoScaling: how the units of a global table
 * are scaled, in all of its regions. What is kept are targets and policies of Application Auto
 * Scaling in each region, as if they had been made there. Rules, texts and their order as the real
 * service was measured to have them in October 2026, but for those that say so. Control thread.
 */
#include "services/application_autoscaling/application_autoscaling.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define FAILED "Failed to update settings for global table with name: ‘%.*s’ because "
#define NAMES_CEILING 65536

/* ---- what is asked for ---------------------------------------------------------------------- */

/* Settings of one kind of units, in one region or (absent) in all. */
struct wish {
    struct span region;
    struct dynamodb_units of;
    const struct dynamodb_auto_scaling_settings_update *to; /* NULL: none are given */
};

struct request {
    struct span table;
    struct wish *wishes;
    size_t count;
};

static struct request gather(struct call *c,
                             const struct dynamodb_update_table_replica_auto_scaling_in *in,
                             struct span table)
{
    struct request request = {.table = table};
    size_t most = 1 + in->global_secondary_index_updates.count;
    for (size_t i = 0; i < in->replica_updates.count; i++)
        most += 1 + in->replica_updates.at[i].replica_global_secondary_index_updates.count;
    request.wishes = ARENA_ARRAY(c->arena, struct wish, most);
    if (in->provisioned_write_capacity_auto_scaling_update)
        request.wishes[request.count++] =
            (struct wish){.of = {.table = table, .which = KV_METER_WRITE},
                          .to = in->provisioned_write_capacity_auto_scaling_update};
    for (size_t i = 0; i < in->global_secondary_index_updates.count; i++) {
        const struct dynamodb_global_secondary_index_auto_scaling_update *at =
            &in->global_secondary_index_updates.at[i];
        request.wishes[request.count++] =
            (struct wish){.of = {table, at->index_name, KV_METER_WRITE},
                          .to = at->provisioned_write_capacity_auto_scaling_update};
    }
    for (size_t i = 0; i < in->replica_updates.count; i++) {
        const struct dynamodb_replica_auto_scaling_update *at = &in->replica_updates.at[i];
        if (at->replica_provisioned_read_capacity_auto_scaling_update)
            request.wishes[request.count++] =
                (struct wish){at->region_name,
                              {.table = table, .which = KV_METER_READ},
                              at->replica_provisioned_read_capacity_auto_scaling_update};
        for (size_t j = 0; j < at->replica_global_secondary_index_updates.count; j++) {
            const struct dynamodb_replica_global_secondary_index_auto_scaling_update *index =
                &at->replica_global_secondary_index_updates.at[j];
            request.wishes[request.count++] =
                (struct wish){at->region_name,
                              {table, index->index_name, KV_METER_READ},
                              index->provisioned_read_capacity_auto_scaling_update};
        }
    }
    return request;
}

/* Something is asked of each region, and once. */
static RESULT check_regions(struct call *c,
                            const struct dynamodb_replica_auto_scaling_update_list *in,
                            struct span table)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct dynamodb_replica_auto_scaling_update *at = &in->at[i];
        for (size_t j = 0; j < i; j++)
            if (span_eq(in->at[j].region_name, at->region_name))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              FAILED "the regions: ‘[%.*s]’ were specified more than once.",
                              SPAN_ARG(table), SPAN_ARG(at->region_name));
        if (!at->replica_provisioned_read_capacity_auto_scaling_update &&
            !at->replica_global_secondary_index_updates.count)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          FAILED "at least one update parameter must be specified for region: "
                                 "‘%.*s’.",
                          SPAN_ARG(table), SPAN_ARG(at->region_name));
    }
    return OK;
}

/* Both texts are made after those of regions: they have no source. */
static RESULT check_indexes(struct call *c, const struct request *request)
{
    for (size_t i = 0; i < request->count; i++) {
        const struct wish *wish = &request->wishes[i];
        for (size_t j = 0; j < i; j++)
            if (wish->of.index.at && wish->of.which == request->wishes[j].of.which &&
                span_eq(wish->of.index, request->wishes[j].of.index) &&
                span_eq(wish->region, request->wishes[j].region))
                return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                              FAILED "the global secondary indexes with names: ‘[%.*s]’ were "
                                     "specified more than once.",
                              SPAN_ARG(request->table), SPAN_ARG(wish->of.index));
        if (!wish->to)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          FAILED "at least one update parameter must be specified for global "
                                 "secondary index: ‘%.*s’.",
                          SPAN_ARG(request->table), SPAN_ARG(wish->of.index));
    }
    return OK;
}

/* ---- settings that are whole ---------------------------------------------------------------- */

struct part {
    const char *name;
    bool given;
};

/* 'A', 'B' of those that are given, or are not. */
static struct span names_of(struct call *c, const struct part *parts, size_t count, bool given)
{
    struct buf *names = arena_buf(c->arena, NAMES_CEILING);
    for (size_t i = 0; i < count; i++)
        if (parts[i].given == given)
            buf_printf(names, "%s'%s'", names->len ? ", " : "", parts[i].name);
    return buf_span(names);
}

/* All of them, whatever there is already; or none, where it is disabled. */
static RESULT check_settings(struct call *c, const struct request *request,
                             const struct dynamodb_auto_scaling_settings_update *to)
{
    const struct part parts[] = {{"MaximumUnits", to->has.maximum_units},
                                 {"ScalingPolicyUpdate", to->scaling_policy_update != NULL},
                                 {"MinimumUnits", to->has.minimum_units}};
    struct span names = names_of(c, parts, ARRAY_LEN(parts), to->auto_scaling_disabled);
    if (!names.len)
        return OK;
    if (to->auto_scaling_disabled)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Failed to update settings for global table with name ‘%.*s’: Parameters "
                      "%.*s must be left blank when disabling auto scaling.",
                      SPAN_ARG(request->table), SPAN_ARG(names));
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Failed to update settings for global table with name: ‘%.*s’: Parameters %.*s "
                  "are required unless auto scaling is being disabled.",
                  SPAN_ARG(request->table), SPAN_ARG(names));
}

static RESULT check_request(struct call *c,
                            const struct dynamodb_update_table_replica_auto_scaling_in *in,
                            const struct request *request)
{
    TRY(check_regions(c, &in->replica_updates, request->table));
    if (!request->count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      FAILED "at least one update parameter must be specified.",
                      SPAN_ARG(request->table));
    TRY(check_indexes(c, request));
    for (size_t i = 0; i < request->count; i++)
        TRY(check_settings(c, request, request->wishes[i].to));
    return OK;
}

/* ---- the tables ----------------------------------------------------------------------------- */

/* All of a global table, ascending by region. */
struct members {
    const struct dynamodb_table *here;
    struct dynamodb_table *at;
    size_t count;
};

static int by_region(const void *a, const void *b)
{
    const struct dynamodb_table *one = a, *other = b;
    return span_compare(one->region, other->region);
}

static RESULT find(struct call *c, struct span name, struct members *ret)
{
    struct dynamodb_table *here = ARENA_NEW(c->arena, struct dynamodb_table);
    *here = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, here);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a table's record");
    if (error || !here->replicas.count)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      "Global table with name: '%.*s' does not exist.", SPAN_ARG(name));
    ret->here = here;
    ret->count = here->replicas.count + 1;
    ret->at = ARENA_ARRAY(c->arena, struct dynamodb_table, ret->count);
    ret->at[0] = *here;
    for (size_t i = 0; i < here->replicas.count; i++) {
        struct call there = replica_call(c, here->replicas.at[i].region);
        TRY(replica_find(&there, here, &ret->at[i + 1]));
    }
    qsort(ret->at, ret->count, sizeof *ret->at, by_region);
    return OK;
}

static const struct dynamodb_table *member_in(const struct members *members, struct span region)
{
    for (size_t i = 0; i < members->count; i++)
        if (span_eq(members->at[i].region, region))
            return &members->at[i];
    return NULL;
}

/* One that is being made or deleted is not told of yet, or any more. */
static bool is_shown(const struct dynamodb_table_index *index)
{
    return index && !index->local && index->state != INDEX_CREATING &&
           index->state != INDEX_DELETING;
}

/* The end of the first text was not seen whole. */
static RESULT check_place(struct call *c, const struct members *members, const struct wish *wish)
{
    const struct dynamodb_table *in =
        wish->region.at ? member_in(members, wish->region) : members->here;
    if (!in)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      FAILED "a replica does not exist in regions: ‘[%.*s]’.",
                      SPAN_ARG(wish->of.table), SPAN_ARG(wish->region));
    if (!wish->of.index.at || is_shown(index_named(in, wish->of.index)))
        return OK;
    if (wish->region.at)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                      FAILED "a global secondary index with name: ‘%.*s’ does not exist in region: "
                             "‘%.*s’.",
                      SPAN_ARG(wish->of.table), SPAN_ARG(wish->of.index), SPAN_ARG(wish->region));
    return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                  FAILED "the global secondary indexes with names: ‘[%.*s]’ do not exist.",
                  SPAN_ARG(wish->of.table), SPAN_ARG(wish->of.index));
}

/* 'EU-WEST-1', 'US-EAST-1' */
static struct span capitals_of(struct call *c, const struct members *members)
{
    struct buf *names = arena_buf(c->arena, NAMES_CEILING);
    for (size_t i = 0; i < members->count; i++) {
        buf_printf(names, "%s'", i ? ", " : "");
        for (size_t j = 0; j < members->at[i].region.len; j++)
            buf_append_byte(names, (char)toupper((unsigned char)members->at[i].region.at[j]));
        buf_append_byte(names, '\'');
    }
    return buf_span(names);
}

/* What is scaled has to be provisioned; to end it is never wrong. The parameters that indexes are
 * told by have no source. */
static RESULT check_billing(struct call *c, const struct members *members, const struct wish *wish)
{
    static const char *const parameters[2][2] = {
        [KV_METER_READ] = {"ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate",
                           "ReplicaGlobalSecondaryIndexSettingsUpdate"},
        [KV_METER_WRITE] = {"GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate",
                            "GlobalTableGlobalSecondaryIndexSettingsUpdate"}};
    if (!members->here->on_demand || wish->to->auto_scaling_disabled)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Failed to update global table with name ‘%.*s‘. Replicas %.*s BillingMode is "
                  "PayPerRequest. You must convert table's BillingMode to PROVISIONED to set "
                  "parameters: '%s'.",
                  SPAN_ARG(wish->of.table), SPAN_ARG(capitals_of(c, members)),
                  parameters[wish->of.which][wish->of.index.at != NULL]);
}

/* ---- what there is -------------------------------------------------------------------------- */

static struct dynamodb_auto_scaling_policy_description *
policy_shown(struct call *c, const struct application_autoscaling_settings *settings)
{
    struct dynamodb_auto_scaling_policy_description *policy =
        ARENA_NEW(c->arena, struct dynamodb_auto_scaling_policy_description);
    struct dynamodb_auto_scaling_target_tracking_scaling_policy_configuration_description *to =
        ARENA_NEW(
            c->arena,
            struct dynamodb_auto_scaling_target_tracking_scaling_policy_configuration_description);
    policy->policy_name = settings->policy;
    policy->target_tracking_scaling_policy_configuration = to;
    SET(to, target_value, settings->tracking->target_value);
    if (settings->tracking->has.disable_scale_in)
        SET(to, disable_scale_in, settings->tracking->disable_scale_in);
    if (settings->tracking->has.scale_in_cooldown)
        SET(to, scale_in_cooldown, settings->tracking->scale_in_cooldown);
    if (settings->tracking->has.scale_out_cooldown)
        SET(to, scale_out_cooldown, settings->tracking->scale_out_cooldown);
    return policy;
}

/* A target without a policy is as good as none; those of a table on demand stay and do nothing. */
static RESULT show_settings(struct call *there, const struct dynamodb_table *table,
                            const struct dynamodb_units *of,
                            struct dynamodb_auto_scaling_settings_description **ret)
{
    struct application_autoscaling_settings settings;
    struct dynamodb_auto_scaling_settings_description *to =
        ARENA_NEW(there->arena, struct dynamodb_auto_scaling_settings_description);
    int error = application_autoscaling_find(there, of, &settings);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(there, error, "reading how units are scaled");
    if (error || table->on_demand)
        SET(to, auto_scaling_disabled, true);
    to->scaling_policies.at =
        ARENA_ARRAY(there->arena, struct dynamodb_auto_scaling_policy_description, 1);
    *ret = to;
    if (error)
        return OK;
    SET(to, minimum_units, settings.min);
    SET(to, maximum_units, settings.max);
    to->auto_scaling_role_arn = settings.role;
    to->scaling_policies.at[to->scaling_policies.count++] = *policy_shown(there, &settings);
    return OK;
}

static RESULT show_indexes(struct call *there, const struct dynamodb_table *table,
                           struct dynamodb_replica_auto_scaling_description *to)
{
    struct dynamodb_replica_global_secondary_index_auto_scaling_description_list *list =
        &to->global_secondary_indexes;
    list->at = ARENA_ARRAY(there->arena,
                           struct dynamodb_replica_global_secondary_index_auto_scaling_description,
                           table->indexes.count + 1);
    for (size_t i = 0; i < table->indexes.count; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        if (!is_shown(index))
            continue;
        struct dynamodb_replica_global_secondary_index_auto_scaling_description *shown =
            &list->at[list->count++];
        shown->index_name = index->name;
        shown->index_status = index_state_name(index->state);
        TRY(show_settings(there, table,
                          &(struct dynamodb_units){table->name, index->name, KV_METER_READ},
                          &shown->provisioned_read_capacity_auto_scaling_settings));
        TRY(show_settings(there, table,
                          &(struct dynamodb_units){table->name, index->name, KV_METER_WRITE},
                          &shown->provisioned_write_capacity_auto_scaling_settings));
    }
    return OK;
}

static RESULT show(struct call *c, const struct members *members,
                   struct dynamodb_table_auto_scaling_description **ret)
{
    struct dynamodb_table_auto_scaling_description *to =
        ARENA_NEW(c->arena, struct dynamodb_table_auto_scaling_description);
    to->table_name = members->here->name;
    to->table_status = table_state_name(members->here->state);
    to->replicas.at =
        ARENA_ARRAY(c->arena, struct dynamodb_replica_auto_scaling_description, members->count);
    for (size_t i = 0; i < members->count; i++) {
        const struct dynamodb_table *table = &members->at[i];
        struct call there = replica_call(c, table->region);
        struct dynamodb_replica_auto_scaling_description *shown =
            &to->replicas.at[to->replicas.count++];
        shown->region_name = table->region;
        shown->replica_status = replica_status(members->here, table);
        TRY(show_settings(&there, table,
                          &(struct dynamodb_units){.table = table->name, .which = KV_METER_READ},
                          &shown->replica_provisioned_read_capacity_auto_scaling_settings));
        TRY(show_settings(&there, table,
                          &(struct dynamodb_units){.table = table->name, .which = KV_METER_WRITE},
                          &shown->replica_provisioned_write_capacity_auto_scaling_settings));
        TRY(show_indexes(&there, table, shown));
    }
    *ret = to;
    return OK;
}

/* ---- what becomes of it --------------------------------------------------------------------- */

/* That of Application Auto Scaling, as DynamoDB passes it on. */
static RESULT pass_on(struct call *c, const struct refusal *refusal)
{
    const struct error_kind *kind =
        refusal->kind == &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION
            ? &DYNAMODB_VALIDATION_EXCEPTION
        : refusal->kind == &APPLICATION_AUTOSCALING_LIMIT_EXCEEDED_EXCEPTION
            ? &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION
            : NULL;
    if (!kind)
        return refusal;
    return refuse(c, kind,
                  "%.*s (Service: AWSApplicationAutoScaling; Status Code: 400; Error Code: %s; "
                  "Request ID: %.*s; Proxy: null)",
                  SPAN_ARG(refusal->message), refusal->kind->code, SPAN_ARG(c->request_id));
}

/* The text is a plain limit's, of Application Auto Scaling's integers; it was not seen. */
static RESULT check_size(struct call *c, const char *name, int64_t units)
{
    if (units <= INT32_MAX)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "1 validation error detected: Value '%lld' at '%s' failed to satisfy constraint: "
                  "Member must have value less than or equal to %d",
                  (long long)units, name, INT32_MAX);
}

static RESULT set(struct call *c, struct call *there, const struct wish *wish)
{
    const struct dynamodb_auto_scaling_settings_update *to = wish->to;
    const struct dynamodb_auto_scaling_target_tracking_scaling_policy_configuration_update *from =
        to->scaling_policy_update->target_tracking_scaling_policy_configuration;
    struct application_autoscaling_target_tracking_scaling_policy_configuration tracking = {
        .target_value = from->target_value};
    TRY(check_size(c, "minCapacity", to->minimum_units));
    TRY(check_size(c, "maxCapacity", to->maximum_units));
    if (from->has.disable_scale_in)
        SET(&tracking, disable_scale_in, from->disable_scale_in);
    if (from->has.scale_in_cooldown)
        SET(&tracking, scale_in_cooldown, from->scale_in_cooldown);
    if (from->has.scale_out_cooldown)
        SET(&tracking, scale_out_cooldown, from->scale_out_cooldown);
    const struct application_autoscaling_settings settings = {
        .min = (int32_t)to->minimum_units,
        .max = (int32_t)to->maximum_units,
        .role = to->auto_scaling_role_arn,
        .policy = to->scaling_policy_update->policy_name,
        .tracking = &tracking};
    return application_autoscaling_set(there, &wish->of, &settings);
}

static RESULT apply(struct call *c, const struct members *members, const struct wish *wish)
{
    for (size_t i = 0; i < members->count; i++) {
        struct call there = replica_call(c, members->at[i].region);
        if (wish->region.at && !span_eq(wish->region, there.region))
            continue;
        const struct refusal *refusal = wish->to->auto_scaling_disabled
                                            ? application_autoscaling_end(&there, &wish->of)
                                            : set(c, &there, wish);
        if (refusal)
            return pass_on(c, refusal);
    }
    return OK;
}

/* The answer tells of what was before: the real service's does. */
RESULT dynamodb_update_table_replica_auto_scaling(
    struct call *c, const struct dynamodb_update_table_replica_auto_scaling_in *in,
    struct dynamodb_update_table_replica_auto_scaling_out *out)
{
    struct members members;
    struct span name;
    TRY(reference_read(c, in->table_name, &name));
    const struct request request = gather(c, in, name);
    TRY(check_request(c, in, &request));
    TRY(find(c, name, &members));
    for (size_t i = 0; i < request.count; i++)
        TRY(check_place(c, &members, &request.wishes[i]));
    for (size_t i = 0; i < request.count; i++)
        TRY(check_billing(c, &members, &request.wishes[i]));
    for (size_t i = 0; i < members.count; i++)
        TRY(replica_check_members(c, &members.at[i]));
    TRY(show(c, &members, &out->table_auto_scaling_description));
    for (size_t i = 0; i < request.count; i++)
        TRY(apply(c, &members, &request.wishes[i]));
    return OK;
}

RESULT dynamodb_describe_table_replica_auto_scaling(
    struct call *c, const struct dynamodb_describe_table_replica_auto_scaling_in *in,
    struct dynamodb_describe_table_replica_auto_scaling_out *out)
{
    struct members members;
    struct span name;
    TRY(reference_read(c, in->table_name, &name));
    TRY(find(c, name, &members));
    return show(c, &members, &out->table_auto_scaling_description);
}
