// SPDX-License-Identifier: Apache-2.0
/*
 * Regions and Availability Zones. Facts of the partition, from wire/region.h; what an account has
 * opted into will come with the account service, so opt-in regions say "opted-in" only for what
 * this program serves: all of them. Control thread.
 */
#include "wire/region.h"
#include "services/ec2/filter.h"
#include "services/ec2/zone.h"

static bool listed(const struct span *names, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq(names[i], name))
            return true;
    return false;
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

static const struct filter_name region_filters[] = {
    {"endpoint", "Endpoint"}, {"opt-in-status", "OptInStatus"}, {"region-name", "RegionName"}};
static const struct filter_table region_filter_table = {EC2_SHAPE_REGION, region_filters,
                                                        ARRAY_LEN(region_filters)};

RESULT ec2_describe_regions(struct call *c, const struct ec2_describe_regions_in *in,
                            struct ec2_describe_regions_out *out)
{
    size_t count;
    const struct region *table = region_table(&count);
    TRY(filter_check(c, &region_filter_table, &in->filters));
    TRY(check_region_names(c, &in->region_names));
    out->regions.at = ARENA_ARRAY(c->arena, struct ec2_region, count);
    for (size_t i = 0; i < count; i++) {
        struct ec2_region region = {
            .region_name = table[i].name,
            .endpoint = endpoint_of(c, &table[i]),
            .opt_in_status = opt_in_status(&table[i]),
        };
        bool pass = filter_passes(c, &region_filter_table, &in->filters, &region);
        if (in->region_names.count &&
            !listed(in->region_names.at, in->region_names.count, region.region_name))
            pass = false;
        if (pass)
            out->regions.at[out->regions.count++] = region;
    }
    return OK;
}

/* ---- Availability Zones ------------------------------------------------------------------------
 */

size_t zone_count(struct call *c)
{
    const struct region *region = region_named(c->region);
    return region ? region->zones : 0;
}

struct span zone_name(struct call *c, size_t number)
{
    return arena_printf(c->arena, "%.*s%c", SPAN_ARG(c->region), (char)('a' + number));
}

struct span zone_id(struct call *c, size_t number)
{
    const struct region *region = region_named(c->region);
    return arena_printf(c->arena, "%.*s-az%zu", SPAN_ARG(region->zone_prefix), number + 1);
}

bool zone_find(struct call *c, struct span zone, size_t *ret_number)
{
    for (size_t i = 0; i < zone_count(c); i++)
        if (span_eq(zone_name(c, i), zone) || span_eq(zone_id(c, i), zone)) {
            *ret_number = i;
            return true;
        }
    return false;
}

struct span zone_id_of(struct call *c, struct span name)
{
    size_t number;
    return zone_find(c, name, &number) ? zone_id(c, number) : SPAN_NONE;
}

static const struct filter_name zone_filters[] = {
    {"group-name", "GroupName"},
    {"message", "Messages.Message"},
    {"opt-in-status", "OptInStatus"},
    {"region-name", "RegionName"},
    {"state", "State"},
    {"zone-id", "ZoneId"},
    {"zone-name", "ZoneName"},
    {"zone-type", "ZoneType"},
};
static const struct filter_table zone_filter_table = {EC2_SHAPE_AVAILABILITY_ZONE, zone_filters,
                                                      ARRAY_LEN(zone_filters)};

static struct ec2_availability_zone zone_shown(struct call *c, size_t number)
{
    return (struct ec2_availability_zone){
        .opt_in_status = S("opt-in-not-required"),
        .messages.at = arena_alloc(c->arena, 0),
        .region_name = c->region,
        .zone_name = zone_name(c, number),
        .zone_id = zone_id(c, number),
        .group_name = arena_printf(c->arena, "%.*s-zg-1", SPAN_ARG(c->region)),
        .network_border_group = c->region,
        .zone_type = S("availability-zone"),
        .state = S("available"),
    };
}

static bool zone_passes(struct call *c, const struct ec2_describe_availability_zones_in *in,
                        const struct ec2_availability_zone *zone)
{
    if (in->zone_names.count && !listed(in->zone_names.at, in->zone_names.count, zone->zone_name))
        return false;
    if (in->zone_ids.count && !listed(in->zone_ids.at, in->zone_ids.count, zone->zone_id))
        return false;
    return filter_passes(c, &zone_filter_table, &in->filters, zone);
}

static RESULT check_zones(struct call *c, const struct span *names, size_t count)
{
    size_t number;
    for (size_t i = 0; i < count; i++)
        if (!zone_find(c, names[i], &number))
            return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid availability zone: [%.*s]",
                          SPAN_ARG(names[i]));
    return OK;
}

RESULT ec2_describe_availability_zones(struct call *c,
                                       const struct ec2_describe_availability_zones_in *in,
                                       struct ec2_describe_availability_zones_out *out)
{
    size_t count = zone_count(c);
    if (!count)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid region name: %.*s",
                      SPAN_ARG(c->region));
    TRY(filter_check(c, &zone_filter_table, &in->filters));
    TRY(check_zones(c, in->zone_names.at, in->zone_names.count));
    TRY(check_zones(c, in->zone_ids.at, in->zone_ids.count));
    out->availability_zones.at = ARENA_ARRAY(c->arena, struct ec2_availability_zone, count);
    for (size_t i = 0; i < count; i++) {
        struct ec2_availability_zone zone = zone_shown(c, i);
        if (zone_passes(c, in, &zone))
            out->availability_zones.at[out->availability_zones.count++] = zone;
    }
    return OK;
}
