// SPDX-License-Identifier: Apache-2.0
/* Names of addresses. Pure. */
#include "services/ec2/dns_name.h"

static bool is_first_region(const struct call *c)
{
    return span_eq(c->region, S("us-east-1"));
}

static struct span dashed(struct call *c, struct span address)
{
    char *at = arena_cstr(c->arena, address);
    for (size_t i = 0; i < address.len; i++)
        if (at[i] == '.')
            at[i] = '-';
    return span_of(at, address.len);
}

struct span dns_name_domain(struct call *c)
{
    if (is_first_region(c))
        return S("ec2.internal");
    return arena_printf(c->arena, "%.*s.compute.internal", SPAN_ARG(c->region));
}

struct span dns_name_private(struct call *c, struct span address)
{
    return arena_printf(c->arena, "ip-%.*s.%.*s", SPAN_ARG(dashed(c, address)),
                        SPAN_ARG(dns_name_domain(c)));
}

struct span dns_name_public(struct call *c, struct span address)
{
    struct span middle = is_first_region(c)
                             ? S("compute-1")
                             : arena_printf(c->arena, "%.*s.compute", SPAN_ARG(c->region));
    return arena_printf(c->arena, "ec2-%.*s.%.*s.amazonaws.com", SPAN_ARG(dashed(c, address)),
                        SPAN_ARG(middle));
}
