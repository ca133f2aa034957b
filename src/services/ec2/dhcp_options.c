// SPDX-License-Identifier: Apache-2.0
/* DHCP option sets. Control thread. */
#include "services/ec2/dhcp_options.h"

#include "services/ec2/describe.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/tag.h"

static void show_option(struct call *c, const struct stored_dhcp_option *option,
                        struct ec2_dhcp_configuration *to)
{
    to->key = option->name;
    to->values.count = option->values.count;
    to->values.at = ARENA_ARRAY(c->arena, struct ec2_attribute_value, option->values.count);
    for (size_t i = 0; i < option->values.count; i++)
        to->values.at[i].value = option->values.at[i];
}

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_dhcp_options *set = record;
    struct ec2_dhcp_options *to = shown;
    to->owner_id = set->account;
    to->dhcp_options_id = set->id;
    to->dhcp_configurations.count = set->options.count;
    to->dhcp_configurations.at =
        ARENA_ARRAY(c->arena, struct ec2_dhcp_configuration, set->options.count);
    for (size_t i = 0; i < set->options.count; i++)
        show_option(c, &set->options.at[i], &to->dhcp_configurations.at[i]);
    return tag_list(c, set->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"dhcp-options-id", "DhcpOptionsId"},
    {"key", "DhcpConfigurations.Key"},
    {"owner-id", "OwnerId"},
    {"value", "DhcpConfigurations.Values.Value"},
};

const struct resource_kind dhcp_options_kind = {
    .prefix = S_INIT("dopt-"),
    .type = "dhcp-options",
    .record = &stored_dhcp_options_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_DHCP_OPTIONS_ID_MALFORMED,
    .missing = &EC2_INVALID_DHCP_OPTIONS_ID_NOT_FOUND,
    .missing_before = "The dhcpOption ID '",
    .missing_after = "' does not exist",
    .shown_size = sizeof(struct ec2_dhcp_options),
    .show = show,
    .filters = {EC2_SHAPE_DHCP_OPTIONS, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_dhcp_options(struct call *c, const struct ec2_describe_dhcp_options_in *in,
                                 struct ec2_describe_dhcp_options_out *out)
{
    struct describe_found found;
    struct describe_asked asked = DESCRIBE_ASKED(in, dhcp_options_ids);
    TRY(describe(c, &dhcp_options_kind, &asked, &found));
    out->dhcp_options.at = found.at;
    out->dhcp_options.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

struct span dhcp_options_new_default(struct call *c)
{
    struct span domain = dns_name_domain(c);
    struct span resolver = S("AmazonProvidedDNS");
    struct stored_dhcp_option options[] = {
        {.name = S("domain-name"), .values = {&domain, 1}},
        {.name = S("domain-name-servers"), .values = {&resolver, 1}},
    };
    struct stored_dhcp_options set = {.options = {options, ARRAY_LEN(options)}};
    resource_name(c, &dhcp_options_kind, &set);
    resource_put(c, &dhcp_options_kind, &set);
    return set.id;
}
