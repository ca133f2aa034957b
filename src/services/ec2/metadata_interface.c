// SPDX-License-Identifier: Apache-2.0
/* The part of an instance's metadata that tells of its network interfaces: the primary one's at the
 * top, all under network/interfaces/macs. Control thread. */
#include "services/ec2/metadata.h"

#include "services/ec2/dns_name.h"
#include "services/ec2/interface.h"
#include "services/ec2/security_group.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"

#define TEXT_MAX 65536

/* One line per item. */
static void add_line(struct buf *out, struct span text)
{
    if (out->len)
        buf_append_byte(out, '\n');
    buf_append(out, text);
}

static RESULT group_names(struct call *c, const struct stored_interface *interface,
                          struct span *ret_names, struct span *ret_ids)
{
    struct buf *names = arena_buf(c->arena, TEXT_MAX), *ids = arena_buf(c->arena, TEXT_MAX);
    for (size_t i = 0; i < interface->groups.count; i++) {
        struct stored_security_group group;
        TRY(resource_get(c, &security_group_kind, interface->groups.at[i], &group));
        add_line(names, group.name);
        add_line(ids, group.id);
    }
    *ret_names = buf_span(names);
    *ret_ids = buf_span(ids);
    return OK;
}

struct growing {
    struct metadata_tree *tree;
    const struct stored_interface *interface;
    struct stored_vpc vpc;
};

static void add(struct growing *g, const char *name, struct span value)
{
    metadata_add(g->tree,
                 arena_printf(g->tree->c->arena, "meta-data/network/interfaces/macs/%.*s/%s",
                              SPAN_ARG(g->interface->mac), name)
                     .at,
                 value);
}

static void add_addresses(struct growing *g)
{
    struct call *c = g->tree->c;
    struct buf *locals = arena_buf(c->arena, TEXT_MAX), *publics = arena_buf(c->arena, TEXT_MAX);
    for (size_t i = 0; i < g->interface->addresses.count; i++) {
        const struct stored_private_address *address = &g->interface->addresses.at[i];
        add_line(locals, address->address);
        if (!address->public_address.at)
            continue;
        add_line(publics, address->public_address);
        add(g,
            arena_printf(c->arena, "ipv4-associations/%.*s", SPAN_ARG(address->public_address)).at,
            address->address);
    }
    add(g, "local-ipv4s", buf_span(locals));
    if (!publics->len)
        return;
    if (g->vpc.dns_hostnames && g->interface->addresses.at[0].public_address.at)
        add(g, "public-hostname", dns_name_public(c, g->interface->addresses.at[0].public_address));
    add(g, "public-ipv4s", buf_span(publics));
}

static void add_blocks(struct growing *g)
{
    struct buf *out = arena_buf(g->tree->c->arena, TEXT_MAX);
    for (size_t i = 0; i < g->vpc.cidrs.count; i++)
        add_line(out, g->vpc.cidrs.at[i].cidr);
    add(g, "vpc-ipv4-cidr-block", g->vpc.cidrs.at[0].cidr);
    add(g, "vpc-ipv4-cidr-blocks", buf_span(out));
}

static void add_ipv6(struct growing *g, const struct stored_subnet *subnet)
{
    struct buf *addresses = arena_buf(g->tree->c->arena, TEXT_MAX);
    struct buf *blocks = arena_buf(g->tree->c->arena, TEXT_MAX);
    for (size_t i = 0; i < g->interface->addresses6.count; i++)
        add_line(addresses, g->interface->addresses6.at[i]);
    for (size_t i = 0; i < g->vpc.cidrs6.count; i++)
        add_line(blocks, g->vpc.cidrs6.at[i].cidr);
    if (addresses->len)
        add(g, "ipv6s", buf_span(addresses));
    if (subnet->cidr6)
        add(g, "subnet-ipv6-cidr-blocks", subnet->cidr6->cidr);
    if (blocks->len)
        add(g, "vpc-ipv6-cidr-blocks", buf_span(blocks));
}

static RESULT grow_interface(struct metadata_tree *tree, const struct stored_interface *interface)
{
    struct call *c = tree->c;
    struct growing g = {.tree = tree, .interface = interface};
    struct stored_subnet subnet;
    struct span names, ids;
    TRY(resource_get(c, &subnet_kind, interface->subnet, &subnet));
    TRY(resource_get(c, &vpc_kind, interface->vpc, &g.vpc));
    TRY(group_names(c, interface, &names, &ids));
    add(&g, "device-number",
        arena_printf(c->arena, "%llu", (unsigned long long)interface->attachment->device_index));
    add(&g, "interface-id", interface->id);
    add_addresses(&g);
    add(&g, "local-hostname",
        instance_private_name(c, tree->instance, interface->addresses.at[0].address));
    add(&g, "mac", interface->mac);
    add(&g, "owner-id", interface->account);
    add(&g, "security-group-ids", ids);
    add(&g, "security-groups", names);
    add(&g, "subnet-id", interface->subnet);
    add(&g, "subnet-ipv4-cidr-block", subnet.cidr);
    add(&g, "vpc-id", interface->vpc);
    add_blocks(&g);
    add_ipv6(&g, &subnet);
    return OK;
}

/* "local-hostname", "public-ipv4": of the primary interface. */
static RESULT grow_primary(struct metadata_tree *tree, const struct stored_interface *interface)
{
    struct call *c = tree->c;
    const struct stored_private_address *address = &interface->addresses.at[0];
    struct span name = instance_private_name(c, tree->instance, address->address), names, ids;
    struct stored_vpc vpc;
    TRY(resource_get(c, &vpc_kind, interface->vpc, &vpc));
    TRY(group_names(c, interface, &names, &ids));
    metadata_add(tree, "meta-data/hostname", name);
    metadata_add(tree, "meta-data/local-hostname", name);
    metadata_add(tree, "meta-data/local-ipv4", address->address);
    metadata_add(tree, "meta-data/mac", interface->mac);
    if (interface->addresses6.count)
        metadata_add(tree, "meta-data/ipv6", interface->addresses6.at[0]);
    if (address->public_address.at) {
        if (vpc.dns_hostnames)
            metadata_add(tree, "meta-data/public-hostname",
                         dns_name_public(c, address->public_address));
        metadata_add(tree, "meta-data/public-ipv4", address->public_address);
    }
    if (interface->addresses6.count)
        metadata_add(tree, "meta-data/ipv6", interface->addresses6.at[0]);
    metadata_add(tree, "meta-data/security-groups", names);
    return OK;
}

RESULT metadata_grow_interfaces(struct metadata_tree *tree)
{
    struct resource_list all;
    TRY(resource_list(tree->c, &interface_kind, WHERE(stored_interface, vpc, tree->interface->vpc),
                      &all));
    for (size_t i = 0; i < all.count; i++) {
        const struct stored_interface *interface = all.at[i];
        if (!interface->attachment || !interface->addresses.count ||
            !span_eq(interface->attachment->instance, tree->instance->id))
            continue;
        if (interface->attachment->device_index == 0)
            TRY(grow_primary(tree, interface));
        TRY(grow_interface(tree, interface));
    }
    return OK;
}
