// SPDX-License-Identifier: Apache-2.0
/*
 * AWS's prefix lists and DescribePrefixLists. On AWS 52.219.0.0/16 is S3's and 52.94.0.0/19 is
 * DynamoDB's, over all regions; here each region has an equal part of that, by its place in the
 * table of regions. Ids are AWS's where they are published ("DescribePrefixLists", examples), for
 * other regions made of the name. Control thread.
 */
#include "services/ec2/managed_prefix.h"

#include "base/hash.h"
#include "services/ec2/describe.h"
#include "services/ec2/prefix_list.h"
#include "wire/region.h"

static const struct owner {
    struct span name;
    uint32_t blocks; /* of the first region */
    uint8_t bits;
} owners[MANAGED_PREFIXES] = {
    {S_INIT("s3"), 52u << 24 | 219u << 16, 22},
    {S_INIT("dynamodb"), 52u << 24 | 94u << 16, 24},
};

static const struct {
    struct span region, ids[MANAGED_PREFIXES];
} published[] = {
    {S_INIT("us-east-1"), {S_INIT("pl-63a5400a"), S_INIT("pl-02cd2c6b")}},
    {S_INIT("us-east-2"), {S_INIT("pl-7ba54012"), S_INIT("pl-4ca54025")}},
    {S_INIT("us-west-2"), {S_INIT("pl-68a54001"), S_INIT("pl-00a54069")}},
    {S_INIT("eu-west-1"), {S_INIT("pl-6da54004"), S_INIT("pl-6fa54006")}},
};

static struct span name_of(struct arena *arena, struct span region, const struct owner *owner)
{
    return arena_printf(arena, "com.amazonaws.%.*s.%.*s", SPAN_ARG(region), SPAN_ARG(owner->name));
}

static struct span id_of(struct arena *arena, struct span region, const struct owner *owner)
{
    for (size_t i = 0; i < ARRAY_LEN(published); i++)
        if (span_eq(published[i].region, region))
            return published[i].ids[owner - owners];
    return arena_printf(arena, "pl-%08x", crc32_feed(0, name_of(arena, region, owner)));
}

static struct cidr block_of(struct span region, const struct owner *owner)
{
    size_t place = 0, count;
    const struct region *table = region_table(&count);
    while (place < count && !span_eq(table[place].name, region))
        place++;
    return (struct cidr){owner->blocks + ((uint32_t)place << (32 - owner->bits)), owner->bits};
}

static const struct owner *owner_named(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(owners); i++)
        if (span_eq(owners[i].name, name))
            return &owners[i];
    return NULL;
}

struct span managed_prefix_id(struct arena *arena, struct span region, struct span service)
{
    const struct owner *found = owner_named(service);
    return found ? id_of(arena, region, found) : SPAN_NONE;
}

bool managed_prefix_block(struct span region, struct span service, struct cidr *ret)
{
    const struct owner *found = owner_named(service);
    *ret = found ? block_of(region, found) : (struct cidr){0};
    return found != NULL;
}

/* Each counts as one rule ("AWS-managed prefix list weight"). */
void managed_prefix_new_all(struct call *c)
{
    for (size_t i = 0; i < ARRAY_LEN(owners); i++) {
        struct stored_prefix_entry entry = {
            .cidr = cidr_text(c->arena, block_of(c->region, &owners[i]))};
        struct stored_prefix_list list = {.name = name_of(c->arena, c->region, &owners[i]),
                                          .family = S("IPv4"),
                                          .max_entries = 1,
                                          .next_max_entries = 1,
                                          .version = 1,
                                          .next_version = 1,
                                          .first_version = 1,
                                          .state = PREFIX_LIST_CREATED,
                                          .managed = true};
        resource_key(c, id_of(c->arena, c->region, &owners[i]), &list);
        resource_put(c, &prefix_list_kind, &list);
        prefix_list_put_entries(c, &list, 1, &(struct stored_prefix_entry_list){&entry, 1});
    }
}

/* ---- DescribePrefixLists -----------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_prefix_list *list = record;
    struct stored_prefix_entry_list entries;
    struct ec2_prefix_list *to = shown;
    TRY(prefix_list_entries(c, list, list->version, &entries));
    to->prefix_list_id = list->id;
    to->prefix_list_name = list->name;
    to->cidrs.at = ARENA_ARRAY(c->arena, struct span, entries.count);
    for (size_t i = 0; i < entries.count; i++)
        to->cidrs.at[to->cidrs.count++] = entries.at[i].cidr;
    return OK;
}

static const struct filter_name filters[] = {
    {"prefix-list-id", "PrefixListId"},
    {"prefix-list-name", "PrefixListName"},
};

static const struct resource_kind kind = {
    .prefix = S_INIT("pl-"),
    .type = "aws-prefix-list",
    .record = &stored_prefix_list_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_PREFIX_LIST_ID_MALFORMED,
    .missing = &EC2_INVALID_PREFIX_LIST_ID_NOT_FOUND,
    .missing_before = "The prefix list ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_prefix_list),
    .show = show,
    .filters = {EC2_SHAPE_PREFIX_LIST, filters, ARRAY_LEN(filters)},
};

/* Of all lists those whose name no customer's list may have. */
RESULT ec2_describe_prefix_lists(struct call *c, const struct ec2_describe_prefix_lists_in *in,
                                 struct ec2_describe_prefix_lists_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, prefix_list_ids);
    struct ec2_filter *all = resource_widen(c, in->filters.at, in->filters.count, sizeof *all);
    all[asked.filters.count++] =
        (struct ec2_filter){.name = S("prefix-list-name"), .values = {&S("com.amazonaws.*"), 1}};
    asked.filters.at = all;
    TRY(describe(c, &kind, &asked, &found));
    out->prefix_lists.at = found.at;
    out->prefix_lists.count = found.count;
    out->next_token = found.next_token;
    return OK;
}
