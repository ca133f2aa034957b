// SPDX-License-Identifier: Apache-2.0
/*
 * GetInstanceTypesFromInstanceRequirements: which types of the table have what is asked for, with
 * the defaults of InstanceRequirementsRequest. None has local storage, an accelerator or bare
 * metal. Control thread.
 */
#include "auth/policy.h"
#include "services/ec2/describe.h"
#include "services/ec2/instance_type.h"

#define TOKEN "instance-requirement"

struct range {
    double min, max;
    bool has_min, has_max;
};
#define RANGE(r)                                                                                   \
    ((r) ? (struct range){(r)->min, (r)->max, (r)->has.min, (r)->has.max} : (struct range){0})

static bool is_within(struct range range, double value)
{
    return (!range.has_min || value >= range.min) && (!range.has_max || value <= range.max);
}

/* ---- what is asked for -------------------------------------------------------------------------
 */

static RESULT check_not_built(struct call *c, const struct ec2_instance_requirements_request *wish)
{
    const struct {
        bool asked;
        const char *what;
    } parameters[] = {
        {wish->has.spot_max_price_percentage_over_lowest_price ||
             wish->has.on_demand_max_price_percentage_over_lowest_price ||
             wish->has.max_spot_price_as_percentage_of_optimal_on_demand_price,
         "A price"},
        {wish->baseline_ebs_bandwidth_mbps != NULL, "BaselineEbsBandwidthMbps"},
        {wish->baseline_performance_factors != NULL, "BaselinePerformanceFactors"},
        {wish->require_encryption_in_transit, "RequireEncryptionInTransit"},
    };
    for (size_t i = 0; i < ARRAY_LEN(parameters); i++)
        if (parameters[i].asked)
            return resource_not_built(c, parameters[i].what);
    return OK;
}

static RESULT check(struct call *c, const struct ec2_instance_requirements_request *wish)
{
    const struct range ranges[] = {
        RANGE(wish->v_cpu_count),
        RANGE(wish->memory_mi_b),
        RANGE(wish->memory_gi_b_per_v_cpu),
        RANGE(wish->network_interface_count),
        RANGE(wish->total_local_storage_gb),
        RANGE(wish->accelerator_count),
        RANGE(wish->accelerator_total_memory_mi_b),
        RANGE(wish->network_bandwidth_gbps),
    };
    TRY(check_not_built(c, wish));
    if (wish->allowed_instance_types.count && wish->excluded_instance_types.count)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You can't specify both AllowedInstanceTypes and ExcludedInstanceTypes.");
    for (size_t i = 0; i < ARRAY_LEN(ranges); i++)
        if (ranges[i].min < 0 || ranges[i].max < 0 ||
            (ranges[i].has_min && ranges[i].has_max && ranges[i].min > ranges[i].max))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                          "A maximum in InstanceRequirements is below its minimum, or negative.");
    return OK;
}

/* ---- what has it -------------------------------------------------------------------------------
 */

static bool has_amounts(const struct instance_type *type,
                        const struct ec2_instance_requirements_request *wish)
{
    const struct {
        struct range range;
        double value;
    } amounts[] = {
        {RANGE(wish->v_cpu_count), type->vcpus},
        {RANGE(wish->memory_mi_b), type->memory_mib},
        {RANGE(wish->memory_gi_b_per_v_cpu), type->memory_mib / 1024.0 / type->vcpus},
        {RANGE(wish->network_interface_count), type->interfaces},
        {RANGE(wish->total_local_storage_gb), 0},
        {RANGE(wish->accelerator_count), 0},
        {RANGE(wish->accelerator_total_memory_mi_b), 0},
        {RANGE(wish->network_bandwidth_gbps), type->base_mbit / 1000.0},
    };
    for (size_t i = 0; i < ARRAY_LEN(amounts); i++)
        if (!is_within(amounts[i].range, amounts[i].value))
            return false;
    return true;
}

static bool has_features(const struct instance_type *type,
                         const struct ec2_instance_requirements_request *wish)
{
    const struct {
        struct span said, unsaid;
        bool has;
    } features[] = {
        {wish->bare_metal, S("excluded"), false},
        {wish->burstable_performance, S("excluded"), type->bursts},
        {wish->local_storage, S("included"), false},
    };
    for (size_t i = 0; i < ARRAY_LEN(features); i++) {
        struct span mode = features[i].said.at ? features[i].said : features[i].unsaid;
        if (span_eq(mode, features[i].has ? S("excluded") : S("required")))
            return false;
    }
    return !wish->require_hibernate_support && !wish->accelerator_types.count &&
           !wish->accelerator_manufacturers.count && !wish->accelerator_names.count;
}

static bool is_among(const struct span *names, size_t count, struct span wanted)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(names[i], wanted))
            return true;
    return false;
}

static bool is_any_of(const struct span *patterns, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (policy_glob(patterns[i], name))
            return true;
    return false;
}

static bool is_of(const struct instance_type *type,
                  const struct ec2_instance_requirements_request *wish)
{
    const struct ec2_cpu_manufacturer_set *makers = &wish->cpu_manufacturers;
    const struct ec2_instance_generation_set *generations = &wish->instance_generations;
    const struct ec2_allowed_instance_type_set *allowed = &wish->allowed_instance_types;
    const struct ec2_excluded_instance_type_set *excluded = &wish->excluded_instance_types;
    return (!makers->count ||
            is_among(makers->at, makers->count, instance_type_manufacturer(type)->code)) &&
           (!generations->count || is_among(generations->at, generations->count, S("current"))) &&
           (!allowed->count || is_any_of(allowed->at, allowed->count, type->name)) &&
           !is_any_of(excluded->at, excluded->count, type->name);
}

RESULT ec2_get_instance_types_from_instance_requirements(
    struct call *c, const struct ec2_get_instance_types_from_instance_requirements_in *in,
    struct ec2_get_instance_types_from_instance_requirements_out *out)
{
    struct span from;
    const struct ec2_instance_requirements_request *wish = in->instance_requirements;
    bool runs = is_among(in->architecture_types.at, in->architecture_types.count,
                         instance_type_architecture()) &&
                is_among(in->virtualization_types.at, in->virtualization_types.count, S("hvm"));
    if (in->context.at)
        return resource_not_built(c, "Context");
    TRY(check(c, wish));
    TRY(describe_read_token(c, TOKEN, in->next_token, &from));
    out->instance_types.at = arena_alloc(c->arena, 0);
    for (const struct instance_type *type = instance_type_next(NULL); runs && type;
         type = instance_type_next(type)) {
        struct ec2_instance_type_info_from_instance_requirements_set *list = &out->instance_types;
        if (span_eq(from, type->name))
            from = SPAN_NONE;
        if (from.at || !has_amounts(type, wish) || !has_features(type, wish) || !is_of(type, wish))
            continue;
        if (in->max_results > 0 && list->count == (size_t)in->max_results) {
            out->next_token = describe_token(c, TOKEN, type->name);
            break;
        }
        list->at = resource_grow(c, list->at, list->count, sizeof *list->at);
        list->at[list->count++].instance_type = type->name;
    }
    return OK;
}
