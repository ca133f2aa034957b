// SPDX-License-Identifier: Apache-2.0
/* Names as patterns of the table of services, filled in for a region. Pure, any thread. */
#include "services/ec2/endpoint_host.h"

#include "http/tls.h"
#include "services/ec2/ec2.h"
#include "wire/region.h"

struct span endpoint_pattern_in(struct arena *arena, struct span pattern, struct span region)
{
    struct span rest = pattern;
    struct span before = span_cut(&rest, '%');
    if (span_is_absent(rest))
        return span_eq(region, ENDPOINT_GLOBAL_REGION)
                   ? arena_printf(arena, "%.*s.amazonaws.com", SPAN_ARG(pattern))
                   : SPAN_NONE;
    return arena_printf(arena, "%.*s%.*s.amazonaws.com", SPAN_ARG(before), SPAN_ARG(region));
}

static bool is_like(struct span name, struct span pattern)
{
    if (!span_starts(pattern, S("*.")))
        return span_eq(name, pattern);
    struct span end = span_from(pattern, 1);
    return name.len > end.len && span_ends(name, end);
}

bool endpoint_host_is(struct arena *arena, struct span name, const struct endpoint_service *service,
                      struct span region, enum ENDPOINT_NAMES which)
{
    for (size_t i = 0; i < ENDPOINT_PATTERNS && service->names[i].pattern.len; i++) {
        const struct endpoint_pattern *one = &service->names[i];
        struct span pattern = endpoint_pattern_in(arena, one->pattern, region);
        if (pattern.at && (which == ENDPOINT_NAMES_ALL || one->private) && is_like(name, pattern))
            return true;
    }
    return false;
}

/* ---- certificates ------------------------------------------------------------------------------
 */

/* The label of the name that is a region, as in all names that have one. */
static struct span region_in(struct span name)
{
    struct span rest = name;
    while (!span_is_absent(rest)) {
        struct span label = span_cut(&rest, '.');
        if (region_known(label))
            return label;
    }
    return ENDPOINT_GLOBAL_REGION;
}

/* Of an endpoint itself: vpce-….HOST.REGION.vpce.amazonaws.com, and before it what S3 has there. */
static bool is_own(struct arena *arena, struct span name, const struct endpoint_service *service,
                   struct span region, struct span *ret_parent)
{
    struct span base = arena_printf(arena, ".%.*s.%.*s.vpce.amazonaws.com", SPAN_ARG(service->host),
                                    SPAN_ARG(region));
    *ret_parent = name;
    span_cut(ret_parent, '.');
    return span_ends(name, base) && name.len > base.len;
}

static void add(struct tls_names *to, struct span name)
{
    if (name.at && to->count < TLS_NAMES_MAX)
        to->at[to->count++] = name;
}

/* Every service shows one certificate with all of its names in a region, and for names of
 * endpoints one that is as deep as they are. */
void ec2_names_inside(struct arena *arena, struct span asked, struct tls_names *ret)
{
    size_t count;
    struct span parent, region = region_in(asked);
    const struct endpoint_service *services = endpoint_service_all(&count);
    *ret = (struct tls_names){0};
    if (!asked.len)
        add(ret, S("amazonaws.com")); /* of who does not say whom he wants, and so checks nothing */
    for (size_t i = 0; i < count && !ret->count; i++) {
        const struct endpoint_service *service = &services[i];
        if (is_own(arena, asked, service, region, &parent))
            add(ret, arena_printf(arena, "*.%.*s", SPAN_ARG(parent)));
        else if (endpoint_host_is(arena, asked, service, region, ENDPOINT_NAMES_ALL))
            for (size_t j = 0; j < ENDPOINT_PATTERNS && service->names[j].pattern.len; j++)
                add(ret, endpoint_pattern_in(arena, service->names[j].pattern, region));
    }
}
