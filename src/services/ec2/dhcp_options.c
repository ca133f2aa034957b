// SPDX-License-Identifier: Apache-2.0
/* DHCP option sets. Control thread. */
#include "services/ec2/dhcp_options.h"

#include "services/ec2/cidr.h"
#include "services/ec2/cidr6.h"
#include "services/ec2/describe.h"
#include "services/ec2/dns_name.h"
#include "services/ec2/home.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#define SERVERS_MAX 4
#define PROVIDED_DNS S("AmazonProvidedDNS")
#define NO_OPTIONS S("default") /* in place of an id, to ask for and to be told */

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

/* ---- creation ----------------------------------------------------------------------------------
 */

static RESULT invalid_value(struct call *c, const char *name, struct span value)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter %s is invalid. Invalid server address.",
                  SPAN_ARG(value), name);
}

static bool is_address(struct call *c, struct span text)
{
    uint32_t address;
    struct span block;
    const struct span parts[] = {text, S("/128")};
    return cidr_read_address(text, &address) ||
           cidr6_read(c->arena, arena_join(c->arena, parts, ARRAY_LEN(parts)), &block);
}

static RESULT check_servers(struct call *c, const struct stored_dhcp_option *option)
{
    if (option->values.count > SERVERS_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Maximum of %d servers exceeded for domain-name-servers", SERVERS_MAX);
    for (size_t i = 0; i < option->values.count; i++)
        if (!span_eq(option->values.at[i], PROVIDED_DNS) && !is_address(c, option->values.at[i]))
            return invalid_value(c, "domain-name-servers", option->values.at[i]);
    return OK;
}

static RESULT check_domain(struct call *c, const struct stored_dhcp_option *option)
{
    if (option->values.count != 1)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                      "Only one value is allowed for option domain-name");
    return OK;
}

/* The others are told to DHCP clients alone, and instances here ask no DHCP server. */
static RESULT check_not_built(struct call *c, const struct stored_dhcp_option *option)
{
    return resource_not_built(c, arena_cstr(c->arena, option->name));
}

static const struct {
    struct span name;
    RESULT (*check)(struct call *c, const struct stored_dhcp_option *option);
} known_options[] = {
    {S_INIT("domain-name"), check_domain},
    {S_INIT("domain-name-servers"), check_servers},
    {S_INIT("ntp-servers"), check_not_built},
    {S_INIT("netbios-name-servers"), check_not_built},
    {S_INIT("netbios-node-type"), check_not_built},
    {S_INIT("ipv6-address-preferred-lease-time"), check_not_built},
};

/* Several servers may also come as one text with commas. */
static void read_values(struct call *c, const struct ec2_new_dhcp_configuration *said,
                        struct stored_dhcp_option *to)
{
    size_t count = 0;
    struct span *values = NULL;
    for (size_t i = 0; i < said->values.count; i++)
        for (struct span rest = said->values.at[i]; rest.at;) {
            values = resource_grow(c, values, count, sizeof *values);
            values[count++] = span_trim(span_cut(&rest, ','));
        }
    to->values.at = values;
    to->values.count = count;
}

static RESULT read_option(struct call *c, const struct ec2_new_dhcp_configuration *said,
                          struct stored_dhcp_option *to)
{
    to->name = said->key;
    read_values(c, said, to);
    if (!to->values.count)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter dhcpConfiguration.value");
    for (size_t i = 0; i < ARRAY_LEN(known_options); i++)
        if (span_eq(to->name, known_options[i].name))
            return known_options[i].check(c, to);
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%.*s) for parameter option is invalid. Unknown DHCP option",
                  SPAN_ARG(to->name));
}

static RESULT check_twice(struct call *c, const struct stored_dhcp_option_list *options)
{
    for (size_t i = 0; i < options->count; i++)
        for (size_t j = 0; j < i; j++)
            if (span_eq(options->at[i].name, options->at[j].name))
                return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                              "Duplicate DHCP option %.*s specified",
                              SPAN_ARG(options->at[i].name));
    return OK;
}

RESULT ec2_create_dhcp_options(struct call *c, const struct ec2_create_dhcp_options_in *in,
                               struct ec2_create_dhcp_options_out *out)
{
    struct stored_dhcp_options set = {0};
    size_t count = in->dhcp_configurations.count;
    if (!count)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter dhcpConfiguration");
    set.options.at = ARENA_ARRAY(c->arena, struct stored_dhcp_option, count);
    set.options.count = count;
    for (size_t i = 0; i < count; i++)
        TRY(read_option(c, &in->dhcp_configurations.at[i], &set.options.at[i]));
    TRY(check_twice(c, &set.options));
    TRY(home_settle(c));
    resource_name(c, &dhcp_options_kind, &set);
    resource_put(c, &dhcp_options_kind, &set);
    TRY(tag_new(c, &dhcp_options_kind, set.id, &in->tag_specifications));
    out->dhcp_options = ARENA_NEW(c->arena, struct ec2_dhcp_options);
    return show(c, &set, out->dhcp_options);
}

/* ---- association and deletion ------------------------------------------------------------------
 */

/* `default` names the set of the Amazon DNS server that the region came with. */
RESULT ec2_associate_dhcp_options(struct call *c, const struct ec2_associate_dhcp_options_in *in,
                                  struct ec2_associate_dhcp_options_out *out)
{
    struct stored_vpc vpc;
    struct stored_dhcp_options set;
    TRY(resource_get(c, &vpc_kind, in->vpc_id, &vpc));
    if (!span_eq(in->dhcp_options_id, NO_OPTIONS))
        TRY(resource_get(c, &dhcp_options_kind, in->dhcp_options_id, &set));
    vpc.dhcp_options = in->dhcp_options_id;
    resource_put(c, &vpc_kind, &vpc);
    return OK;
}

RESULT ec2_delete_dhcp_options(struct call *c, const struct ec2_delete_dhcp_options_in *in,
                               struct ec2_delete_dhcp_options_out *out)
{
    struct stored_dhcp_options set;
    struct span settled;
    bool used;
    TRY(resource_get(c, &dhcp_options_kind, in->dhcp_options_id, &set));
    TRY(home_dhcp_options(c, &settled));
    TRY(resource_any(c, &vpc_kind, WHERE(stored_vpc, dhcp_options, set.id), &used));
    if (used || span_eq(settled, set.id))
        return resource_in_use(c, "dhcpOptions", set.id);
    resource_drop(c, &dhcp_options_kind, &set);
    return OK;
}

struct span dhcp_options_new_default(struct call *c)
{
    struct span domain = dns_name_domain(c);
    struct span resolver = PROVIDED_DNS;
    struct stored_dhcp_option options[] = {
        {.name = S("domain-name"), .values = {&domain, 1}},
        {.name = S("domain-name-servers"), .values = {&resolver, 1}},
    };
    struct stored_dhcp_options set = {.options = {options, ARRAY_LEN(options)}};
    resource_name(c, &dhcp_options_kind, &set);
    resource_put(c, &dhcp_options_kind, &set);
    return set.id;
}

/* The Amazon DNS server is at the VPC's address plus two. */
static struct span server_of(struct call *c, const struct stored_vpc *vpc, struct span server)
{
    if (!span_eq(server, PROVIDED_DNS))
        return server;
    return cidr_address_text(c->arena, cidr_of(vpc->cidrs.at[0].cidr).address + 2);
}

static struct span option_line(struct call *c, const struct stored_vpc *vpc,
                               const struct stored_dhcp_option *option)
{
    struct span lines = S("");
    bool servers = span_eq(option->name, S("domain-name-servers"));
    if (span_eq(option->name, S("domain-name")))
        return arena_printf(c->arena, "search %.*s\n", SPAN_ARG(option->values.at[0]));
    for (size_t i = 0; servers && i < option->values.count; i++)
        lines = arena_printf(c->arena, "%.*snameserver %.*s\n", SPAN_ARG(lines),
                             SPAN_ARG(server_of(c, vpc, option->values.at[i])));
    return lines;
}

RESULT dhcp_options_resolv_conf(struct call *c, struct span vpc, struct span *ret)
{
    struct stored_vpc of;
    struct stored_dhcp_options set;
    *ret = S("");
    TRY(resource_get(c, &vpc_kind, vpc, &of));
    if (span_eq(of.dhcp_options, NO_OPTIONS))
        return OK;
    TRY(resource_get(c, &dhcp_options_kind, of.dhcp_options, &set));
    for (size_t i = 0; i < set.options.count; i++)
        *ret = arena_printf(c->arena, "%.*s%.*s", SPAN_ARG(*ret),
                            SPAN_ARG(option_line(c, &of, &set.options.at[i])));
    return OK;
}
