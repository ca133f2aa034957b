// SPDX-License-Identifier: Apache-2.0
/*
 * Instance types: a table. Memory and vCPUs become the limits of a machine; T types run in
 * unlimited mode, in which a burst never ends. Sources: "Amazon EC2 instance types" (specifications
 * and network specifications of each family), "Maximum IP addresses per network interface". Pure.
 */
#include "services/ec2/instance_type.h"

#include "services/ec2/filter.h"
#include "services/ec2/resource.h"
#include "services/ec2/zone.h"

#include <sys/utsname.h>

#define TYPE(name, vcpus, gib, interfaces, addresses, ...)                                         \
    {                                                                                              \
        S_INIT(name), vcpus, (uint32_t)((gib)*1024), interfaces, addresses, __VA_ARGS__            \
    }
/* The sizes that all families of a kind share; `first` and `last` are the lasting megabits a second
 * of the smallest and the largest. */
#define FAMILY(family, gib_per_vcpu, first, last, ...)                                             \
    TYPE(family ".large", 2, 2 * (gib_per_vcpu), 3, 10, first, __VA_ARGS__),                       \
        TYPE(family ".xlarge", 4, 4 * (gib_per_vcpu), 4, 15, (last) / 4, __VA_ARGS__),             \
        TYPE(family ".2xlarge", 8, 8 * (gib_per_vcpu), 4, 15, (last) / 2, __VA_ARGS__),            \
        TYPE(family ".4xlarge", 16, 16 * (gib_per_vcpu), 8, 30, last, __VA_ARGS__)
#define BURSTING(family, ghz, arm)                                                                 \
    BURST(family ".nano", 2, 0.5, 2, 2, 32, ghz, arm, false),                                      \
        BURST(family ".micro", 2, 1, 2, 2, 64, ghz, arm, true),                                    \
        BURST(family ".small", 2, 2, 3, 4, 128, ghz, arm, true),                                   \
        BURST(family ".medium", 2, 4, 3, 6, 256, ghz, arm, false),                                 \
        BURST(family ".large", 2, 8, 3, 12, 512, ghz, arm, false),                                 \
        BURST(family ".xlarge", 4, 16, 4, 15, 1024, ghz, arm, false),                              \
        BURST(family ".2xlarge", 8, 32, 4, 15, 2048, ghz, arm, false)
#define BURST(name, vcpus, gib, interfaces, addresses, base, ghz, arm, free_tier)                  \
    TYPE(name, vcpus, gib, interfaces, addresses, base, 5000, "Up to 5 Gigabit", ghz, arm, true,   \
         free_tier)
#define TEN 750, 5000, 10000, "Up to 10 Gigabit"
#define TWELVE 781, 6250, 12500, "Up to 12.5 Gigabit"
#define FAMILY_OF(family, gib_per_vcpu, network, ...)                                              \
    FAMILY(family, gib_per_vcpu, network, __VA_ARGS__)

static const struct instance_type types[] = {
    FAMILY_OF("c5", 2, TEN, 3.4, false),
    FAMILY_OF("c6g", 2, TEN, 2.5, true),
    FAMILY_OF("c6i", 2, TWELVE, 3.5, false),
    FAMILY_OF("m5", 4, TEN, 3.1, false),
    FAMILY_OF("m6g", 4, TEN, 2.5, true),
    FAMILY_OF("m6i", 4, TWELVE, 3.5, false),
    FAMILY_OF("r5", 8, TEN, 3.1, false),
    FAMILY_OF("r6g", 8, TEN, 2.5, true),
    FAMILY_OF("r6i", 8, TWELVE, 3.5, false),
    BURSTING("t3", 2.5, false),
    BURSTING("t3a", 2.2, false),
    BURSTING("t4g", 2.5, true),
};

static bool is_arm(void)
{
    struct utsname host;
    return uname(&host) == 0 && strcmp(host.machine, "aarch64") == 0;
}

struct span instance_type_architecture(void)
{
    return is_arm() ? S("arm64") : S("x86_64");
}

const struct instance_type *instance_type_named(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].arm == is_arm() && span_eq(types[i].name, name))
            return &types[i];
    return NULL;
}

const struct instance_type *instance_type_next(const struct instance_type *after)
{
    const struct instance_type *type = after ? after + 1 : types;
    while (type < types + ARRAY_LEN(types) && type->arm != is_arm())
        type++;
    return type < types + ARRAY_LEN(types) ? type : NULL;
}

const struct manufacturer *instance_type_manufacturer(const struct instance_type *type)
{
    static const struct manufacturer aws = {S_INIT("AWS"), S_INIT("amazon-web-services")},
                                     amd = {S_INIT("AMD"), S_INIT("amd")},
                                     intel = {S_INIT("Intel"), S_INIT("intel")};
    return type->arm ? &aws : span_eq(span_first(type->name, 3), S("t3a")) ? &amd : &intel;
}

/* ---- what is told ------------------------------------------------------------------------------
 */

static struct span *texts(struct call *c, struct span only)
{
    struct span *at = ARENA_NEW(c->arena, struct span);
    *at = only;
    return at;
}

static struct ec2_processor_info *show_processor(struct call *c, const struct instance_type *type)
{
    struct ec2_processor_info *to = ARENA_NEW(c->arena, struct ec2_processor_info);
    to->supported_architectures.at = texts(c, instance_type_architecture());
    to->supported_architectures.count = 1;
    to->manufacturer = instance_type_manufacturer(type)->name;
    SET(to, sustained_clock_speed_in_ghz, type->ghz);
    return to;
}

static struct ec2_v_cpu_info *show_vcpus(struct call *c, const struct instance_type *type)
{
    struct ec2_v_cpu_info *to = ARENA_NEW(c->arena, struct ec2_v_cpu_info);
    int per_core = type->arm ? 1 : 2;
    SET(to, default_v_cpus, type->vcpus);
    SET(to, default_cores, type->vcpus / per_core);
    SET(to, default_threads_per_core, per_core);
    return to;
}

static struct ec2_network_info *show_network(struct call *c, const struct instance_type *type)
{
    struct ec2_network_info *to = ARENA_NEW(c->arena, struct ec2_network_info);
    struct ec2_network_card_info *card = ARENA_NEW(c->arena, struct ec2_network_card_info);
    to->network_performance = span_of_cstr(type->network);
    SET(to, maximum_network_interfaces, type->interfaces);
    SET(to, maximum_network_cards, 1);
    SET(to, default_network_card_index, 0);
    SET(to, ipv4_addresses_per_interface, type->addresses);
    SET(to, ipv6_addresses_per_interface, type->addresses);
    SET(to, ipv6_supported, true);
    to->ena_support = S("required");
    SET(to, efa_supported, false);
    SET(card, network_card_index, 0);
    card->network_performance = span_of_cstr(type->network);
    SET(card, baseline_bandwidth_in_gbps, type->base_mbit / 1000.0);
    SET(card, peak_bandwidth_in_gbps, type->peak_mbit / 1000.0);
    SET(card, maximum_network_interfaces, type->interfaces);
    to->network_cards.at = card;
    to->network_cards.count = 1;
    return to;
}

static void show(struct call *c, const struct instance_type *type,
                 struct ec2_instance_type_info *to)
{
    to->instance_type = type->name;
    SET(to, current_generation, true);
    SET(to, free_tier_eligible, type->free_tier);
    to->supported_usage_classes.at = texts(c, S("on-demand"));
    to->supported_usage_classes.count = 1;
    to->supported_root_device_types.at = texts(c, S("ebs"));
    to->supported_root_device_types.count = 1;
    to->supported_virtualization_types.at = texts(c, S("hvm"));
    to->supported_virtualization_types.count = 1;
    SET(to, bare_metal, false);
    to->hypervisor = S("nitro");
    to->processor_info = show_processor(c, type);
    to->v_cpu_info = show_vcpus(c, type);
    to->memory_info = ARENA_NEW(c->arena, struct ec2_memory_info);
    SET(to->memory_info, size_in_mi_b, type->memory_mib);
    SET(to, instance_storage_supported, false);
    to->network_info = show_network(c, type);
    SET(to, hibernation_supported, false);
    SET(to, burstable_performance_supported, type->bursts);
    SET(to, dedicated_hosts_supported, false);
    SET(to, auto_recovery_supported, true);
    to->nitro_enclaves_support = S("unsupported");
}

static const struct filter_name filters[] = {
    {"auto-recovery-supported", "AutoRecoverySupported"},
    {"bare-metal", "BareMetal"},
    {"burstable-performance-supported", "BurstablePerformanceSupported"},
    {"current-generation", "CurrentGeneration"},
    {"dedicated-hosts-supported", "DedicatedHostsSupported"},
    {"free-tier-eligible", "FreeTierEligible"},
    {"hibernation-supported", "HibernationSupported"},
    {"hypervisor", "Hypervisor"},
    {"instance-storage-supported", "InstanceStorageSupported"},
    {"instance-type", "InstanceType"},
    {"memory-info.size-in-mib", "MemoryInfo.SizeInMiB"},
    {"network-info.ena-support", "NetworkInfo.EnaSupport"},
    {"network-info.ipv4-addresses-per-interface", "NetworkInfo.Ipv4AddressesPerInterface"},
    {"network-info.maximum-network-interfaces", "NetworkInfo.MaximumNetworkInterfaces"},
    {"network-info.network-performance", "NetworkInfo.NetworkPerformance"},
    {"processor-info.supported-architecture", "ProcessorInfo.SupportedArchitectures"},
    {"processor-info.sustained-clock-speed-in-ghz", "ProcessorInfo.SustainedClockSpeedInGhz"},
    {"supported-root-device-type", "SupportedRootDeviceTypes"},
    {"supported-usage-class", "SupportedUsageClasses"},
    {"supported-virtualization-type", "SupportedVirtualizationTypes"},
    {"vcpu-info.default-cores", "VCpuInfo.DefaultCores"},
    {"vcpu-info.default-threads-per-core", "VCpuInfo.DefaultThreadsPerCore"},
    {"vcpu-info.default-vcpus", "VCpuInfo.DefaultVCpus"},
};
static const struct filter_table filter_table = {EC2_SHAPE_INSTANCE_TYPE_INFO, filters,
                                                 ARRAY_LEN(filters)};

static RESULT check_named(struct call *c, const struct span *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!instance_type_named(names[i]))
            return refuse(c, &EC2_INVALID_INSTANCE_TYPE,
                          "The following supplied instance types do not exist: [%.*s]",
                          SPAN_ARG(names[i]));
    return OK;
}

static bool is_wanted(const struct span *names, size_t count, struct span name)
{
    bool found = count == 0;
    for (size_t i = 0; i < count && !found; i++)
        found = span_eq(names[i], name);
    return found;
}

RESULT ec2_describe_instance_types(struct call *c, const struct ec2_describe_instance_types_in *in,
                                   struct ec2_describe_instance_types_out *out)
{
    uint64_t from = 0;
    TRY(check_named(c, in->instance_types.at, in->instance_types.count));
    TRY(filter_check(c, &filter_table, &in->filters));
    if (in->next_token.at && !span_to_u64(in->next_token, &from))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid",
                      SPAN_ARG(in->next_token));
    out->instance_types.at = ARENA_ARRAY(c->arena, struct ec2_instance_type_info, ARRAY_LEN(types));
    for (size_t i = from; i < ARRAY_LEN(types); i++) {
        struct ec2_instance_type_info *to = &out->instance_types.at[out->instance_types.count];
        if (types[i].arm != is_arm() ||
            !is_wanted(in->instance_types.at, in->instance_types.count, types[i].name))
            continue;
        if (in->max_results && out->instance_types.count == (size_t)in->max_results) {
            out->next_token = arena_printf(c->arena, "%zu", i);
            break;
        }
        *to = (struct ec2_instance_type_info){0};
        show(c, &types[i], to);
        out->instance_types.count += filter_passes(c, &filter_table, &in->filters, to);
    }
    return OK;
}

/* ---- where they are ----------------------------------------------------------------------------
 */

static const struct filter_name offering_filters[] = {
    {"instance-type", "InstanceType"},
    {"location", "Location"},
};
static const struct filter_table offering_table = {EC2_SHAPE_INSTANCE_TYPE_OFFERING,
                                                   offering_filters, ARRAY_LEN(offering_filters)};

/* The places of that kind: *ret_count of them, from `place_of`. */
static RESULT places(struct call *c, struct span kind, struct span **ret, size_t *ret_count)
{
    bool by_id = span_eq(kind, S("availability-zone-id"));
    *ret_count = zone_count(c);
    *ret = ARENA_ARRAY(c->arena, struct span, *ret_count + 1);
    for (size_t i = 0; i < *ret_count; i++)
        (*ret)[i] = by_id ? zone_id(c, i) : zone_name(c, i);
    if (by_id || span_eq(kind, S("availability-zone")))
        return OK;
    if (!span_eq(kind, S("region")))
        return resource_not_built(c, "An outpost");
    *ret_count = 1;
    (*ret)[0] = c->region;
    return OK;
}

RESULT
ec2_describe_instance_type_offerings(struct call *c,
                                     const struct ec2_describe_instance_type_offerings_in *in,
                                     struct ec2_describe_instance_type_offerings_out *out)
{
    size_t count;
    struct span *place, kind = in->location_type.at ? in->location_type : S("region");
    TRY(places(c, kind, &place, &count));
    TRY(filter_check(c, &offering_table, &in->filters));
    out->instance_type_offerings.at =
        ARENA_ARRAY(c->arena, struct ec2_instance_type_offering, count * ARRAY_LEN(types));
    for (size_t i = 0; i < count * ARRAY_LEN(types); i++) {
        const struct instance_type *type = &types[i / count];
        struct ec2_instance_type_offering offering = {
            .instance_type = type->name, .location_type = kind, .location = place[i % count]};
        if (type->arm == is_arm() && filter_passes(c, &offering_table, &in->filters, &offering))
            out->instance_type_offerings.at[out->instance_type_offerings.count++] = offering;
    }
    return OK;
}
