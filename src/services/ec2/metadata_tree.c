// SPDX-License-Identifier: Apache-2.0
/*
 * What an instance can read of itself ("Instance metadata categories"). What AWS has and is not
 * here is not true here: there is no kernel or ramdisk id, no spot, no Elastic GPU. Control thread.
 */
#include "services/ec2/metadata.h"

#include "services/ec2/dns_name.h"
#include "services/ec2/image.h"
#include "services/ec2/interface.h"
#include "services/ec2/key_pair.h"
#include "services/ec2/tag.h"
#include "services/ec2/zone.h"

#include <errno.h>

#define LISTING_MAX ((size_t)1 << 20)

void metadata_add(struct metadata_tree *tree, const char *path, struct span value)
{
    if (tree->count == tree->room) {
        size_t room = tree->room ? tree->room * 2 : 64;
        struct metadata_leaf *leaves = ARENA_ARRAY(tree->c->arena, struct metadata_leaf, room);
        if (tree->count)
            memcpy(leaves, tree->leaves, tree->count * sizeof *leaves);
        tree->leaves = leaves;
        tree->room = room;
    }
    tree->leaves[tree->count++] = (struct metadata_leaf){span_of_cstr(path), value};
}

/* ---- finding -----------------------------------------------------------------------------------
 */

static bool is_listed(struct span list, struct span name)
{
    struct span rest = list;
    while (rest.len)
        if (span_eq(span_cut(&rest, '\n'), name))
            return true;
    return false;
}

/* What is directly in it; a directory's name ends with a slash, but for those at the top. */
static struct span list_directory(const struct metadata_tree *tree, struct span path)
{
    struct buf *out = arena_buf(tree->c->arena, LISTING_MAX);
    for (size_t i = 0; i < tree->count; i++) {
        struct span name = tree->leaves[i].path;
        if (!span_starts(name, path))
            continue;
        name = span_from(name, path.len);
        size_t slash = span_find_byte(name, '/');
        if (slash != SPAN_NOT_FOUND)
            name = span_first(name, slash + (path.len ? 1 : 0));
        if (is_listed(buf_span(out), name))
            continue;
        if (out->len)
            buf_append_byte(out, '\n');
        buf_append(out, name);
    }
    return buf_span(out);
}

bool metadata_find(struct metadata_tree *tree, struct span *ret)
{
    struct span path = tree->wanted;
    for (size_t i = 0; i < tree->count; i++)
        if (span_eq(tree->leaves[i].path, path)) {
            *ret = tree->leaves[i].value;
            return true;
        }
    if (path.len && !span_ends(path, S("/")))
        path = arena_printf(tree->c->arena, "%.*s/", SPAN_ARG(path));
    for (size_t i = 0; i < tree->count; i++) /* a listing that does not follow from its names */
        if (span_eq(tree->leaves[i].path, path)) {
            *ret = tree->leaves[i].value;
            return true;
        }
    *ret = list_directory(tree, path);
    return ret->len > 0;
}

/* ---- the parts ---------------------------------------------------------------------------------
 */

static RESULT grow_key(struct metadata_tree *tree)
{
    struct call *c = tree->c;
    struct stored_key_pair pair;
    struct span name = tree->instance->key_name;
    if (!name.at)
        return OK;
    TRY(key_pair_named(c, name, &pair));
    metadata_add(tree, "meta-data/public-keys/", arena_printf(c->arena, "0=%.*s", SPAN_ARG(name)));
    metadata_add(tree, "meta-data/public-keys/0/openssh-key",
                 arena_printf(c->arena, "%.*s\n", SPAN_ARG(pair.public_line)));
    return OK;
}

/* "View tags for your EC2 instances using instance metadata" */
static RESULT grow_tags(struct metadata_tree *tree)
{
    struct ec2_tag_list tags;
    if (!tree->instance->metadata_tags)
        return OK;
    TRY(tag_list(tree->c, tree->instance->id, &tags));
    for (size_t i = 0; i < tags.count; i++)
        metadata_add(
            tree,
            arena_printf(tree->c->arena, "meta-data/tags/instance/%.*s", SPAN_ARG(tags.at[i].key))
                .at,
            tags.at[i].value);
    return OK;
}

static void grow_placement(struct metadata_tree *tree)
{
    const struct stored_instance *i = tree->instance;
    metadata_add(tree, "meta-data/placement/availability-zone", i->zone);
    metadata_add(tree, "meta-data/placement/availability-zone-id", zone_id_of(tree->c, i->zone));
    metadata_add(tree, "meta-data/placement/region", i->region);
}

RESULT metadata_grow(struct metadata_tree *tree)
{
    struct call *c = tree->c;
    const struct stored_instance *i = tree->instance;
    TRY(metadata_grow_identity(tree));
    metadata_add(tree, "dynamic/fws/instance-monitoring", S("disabled"));
    metadata_add(tree, "meta-data/ami-id", i->image);
    metadata_add(tree, "meta-data/ami-launch-index",
                 arena_printf(c->arena, "%llu", (unsigned long long)i->launch_index));
    metadata_add(tree, "meta-data/ami-manifest-path", S("(unknown)"));
    metadata_add(tree, "meta-data/block-device-mapping/ami", IMAGE_ROOT_DEVICE);
    metadata_add(tree, "meta-data/block-device-mapping/root", IMAGE_ROOT_DEVICE);
    metadata_add(tree, "meta-data/events/maintenance/history", S("[]"));
    metadata_add(tree, "meta-data/events/maintenance/scheduled", S("[]"));
    metadata_add(tree, "meta-data/hibernation/configured", S("false"));
    TRY(metadata_grow_role(tree));
    metadata_add(tree, "meta-data/instance-action", S("none"));
    metadata_add(tree, "meta-data/instance-id", i->id);
    metadata_add(tree, "meta-data/instance-life-cycle", S("on-demand"));
    metadata_add(tree, "meta-data/instance-type", i->type);
    TRY(metadata_grow_interfaces(tree));
    grow_placement(tree);
    metadata_add(tree, "meta-data/profile", S("default-hvm"));
    TRY(grow_key(tree));
    metadata_add(tree, "meta-data/reservation-id", i->reservation);
    metadata_add(tree, "meta-data/services/domain", S("amazonaws.com"));
    metadata_add(tree, "meta-data/services/partition", S("aws"));
    TRY(grow_tags(tree));
    if (i->user_data.len)
        metadata_add(tree, "user-data", i->user_data);
    return OK;
}
