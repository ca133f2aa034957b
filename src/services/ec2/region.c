// SPDX-License-Identifier: Apache-2.0
/*
 * Regions and Availability Zones. Facts of the partition, from wire/region.h; what an account has
 * opted into will come with the account service, so opt-in regions say "opted-in" only for what
 * this program serves: all of them. Control thread.
 */
#include "wire/region.h"
#include "services/ec2/ec2.api.h"
#include "wire/call.h"

static bool listed(const struct span *names, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(names[i], name))
            return true;
    return false;
}

/* '*' and '?' as EC2's filters have them. On a mismatch only the latest star takes one more byte,
 * so the work is at most pattern times text, whatever the client sends. */
static bool filter_glob(struct span pattern, struct span text)
{
    size_t p = 0, t = 0, after_star = SIZE_MAX, star_text = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            after_star = ++p;
            star_text = t;
        } else if (p < pattern.len && (pattern.at[p] == '?' || pattern.at[p] == text.at[t])) {
            p++;
            t++;
        } else if (after_star != SIZE_MAX) {
            p = after_star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

/* What a filter may ask for: its name and this resource's value. */
struct filter_value {
    struct span name, value;
};

static bool filter_passes(const struct ec2_filter *filter, struct span value)
{
    for (size_t i = 0; i < filter->values.count; i++)
        if (filter_glob(filter->values.at[i], value))
            return true;
    return false;
}

static const struct filter_value *filter_value_named(const struct filter_value *values,
                                                     size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(values[i].name, name))
            return &values[i];
    return NULL;
}

/* All filters must pass; an unknown name is an error. */
static RESULT filters_pass(struct call *c, const struct ec2_filter_list *filters,
                           const struct filter_value *values, size_t count, bool *ret_pass)
{
    *ret_pass = true;
    for (size_t i = 0; i < filters->count; i++) {
        const struct ec2_filter *filter = &filters->at[i];
        const struct filter_value *value = filter_value_named(values, count, filter->name);
        if (!value)
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "The filter '%.*s' is invalid",
                          SPAN_ARG(filter->name));
        *ret_pass &= filter_passes(filter, value->value);
    }
    return OK;
}

static RESULT check_dry_run(struct call *c, bool dry_run)
{
    return dry_run ? refuse(c, &EC2_DRY_RUN_OPERATION,
                            "Request would have succeeded, but DryRun flag is set.")
                   : OK;
}

static struct span endpoint_of(struct call *c, const struct region *region)
{
    return arena_printf(c->arena, "ec2.%.*s.amazonaws.com", SPAN_ARG(region->name));
}

static struct span opt_in_status(const struct region *region)
{
    return region->opt_in ? S("opted-in") : S("opt-in-not-required");
}

static RESULT check_region_names(struct call *c, const struct ec2_region_name_string_list *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (!region_known(names->at[i]))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid region name: %.*s",
                          SPAN_ARG(names->at[i]));
    return OK;
}

RESULT ec2_describe_regions(struct call *c, const struct ec2_describe_regions_in *in,
                            struct ec2_describe_regions_out *out)
{
    size_t count;
    const struct region *table = region_table(&count);
    TRY(check_dry_run(c, in->dry_run));
    TRY(check_region_names(c, &in->region_names));
    out->regions.at = ARENA_ARRAY(c->arena, struct ec2_region, count);
    for (size_t i = 0; i < count; i++) {
        struct ec2_region region = {
            .region_name = table[i].name,
            .endpoint = endpoint_of(c, &table[i]),
            .opt_in_status = opt_in_status(&table[i]),
        };
        const struct filter_value values[] = {{S("region-name"), region.region_name},
                                              {S("endpoint"), region.endpoint},
                                              {S("opt-in-status"), region.opt_in_status}};
        bool pass;
        TRY(filters_pass(c, &in->filters, values, ARRAY_LEN(values), &pass));
        if (in->region_names.count &&
            !listed(in->region_names.at, in->region_names.count, region.region_name))
            pass = false;
        if (pass)
            out->regions.at[out->regions.count++] = region;
    }
    return OK;
}

static struct ec2_availability_zone zone_of(struct call *c, const struct region *region, int number)
{
    struct span name = arena_printf(c->arena, "%.*s%c", SPAN_ARG(region->name), 'a' + number);
    return (struct ec2_availability_zone){
        .opt_in_status = S("opt-in-not-required"),
        .region_name = region->name,
        .zone_name = name,
        .zone_id = arena_printf(c->arena, "%.*s-az%d", SPAN_ARG(region->zone_prefix), number + 1),
        .group_name = arena_printf(c->arena, "%.*s-zg-1", SPAN_ARG(region->name)),
        .network_border_group = region->name,
        .zone_type = S("availability-zone"),
        .state = S("available"),
    };
}

static RESULT zone_passes(struct call *c, const struct ec2_describe_availability_zones_in *in,
                          const struct ec2_availability_zone *zone, bool *ret_pass)
{
    const struct filter_value values[] = {
        {S("region-name"), zone->region_name},
        {S("zone-name"), zone->zone_name},
        {S("zone-id"), zone->zone_id},
        {S("state"), zone->state},
        {S("zone-type"), zone->zone_type},
        {S("group-name"), zone->group_name},
        {S("opt-in-status"), zone->opt_in_status},
        {S("message"), S("")},
    };
    TRY(filters_pass(c, &in->filters, values, ARRAY_LEN(values), ret_pass));
    if (in->zone_names.count && !listed(in->zone_names.at, in->zone_names.count, zone->zone_name))
        *ret_pass = false;
    if (in->zone_ids.count && !listed(in->zone_ids.at, in->zone_ids.count, zone->zone_id))
        *ret_pass = false;
    return OK;
}

static bool zone_exists(struct call *c, const struct region *region, struct span name)
{
    for (int i = 0; i < region->zones; i++)
        if (span_eq(zone_of(c, region, i).zone_name, name) ||
            span_eq(zone_of(c, region, i).zone_id, name))
            return true;
    return false;
}

static RESULT check_zones(struct call *c, const struct region *region, const struct span *names,
                          size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!zone_exists(c, region, names[i]))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid availability zone: [%.*s]",
                          SPAN_ARG(names[i]));
    return OK;
}

RESULT ec2_describe_availability_zones(struct call *c,
                                       const struct ec2_describe_availability_zones_in *in,
                                       struct ec2_describe_availability_zones_out *out)
{
    const struct region *region = region_named(c->region);
    TRY(check_dry_run(c, in->dry_run));
    if (!region)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid region name: %.*s",
                      SPAN_ARG(c->region));
    TRY(check_zones(c, region, in->zone_names.at, in->zone_names.count));
    TRY(check_zones(c, region, in->zone_ids.at, in->zone_ids.count));
    out->availability_zones.at = ARENA_ARRAY(c->arena, struct ec2_availability_zone, region->zones);
    for (int i = 0; i < region->zones; i++) {
        struct ec2_availability_zone zone = zone_of(c, region, i);
        bool pass;
        TRY(zone_passes(c, in, &zone, &pass));
        if (pass)
            out->availability_zones.at[out->availability_zones.count++] = zone;
    }
    return OK;
}
