// SPDX-License-Identifier: Apache-2.0
/*
 * CreateLaunchTemplateVersion, DescribeLaunchTemplateVersions, DeleteLaunchTemplateVersions.
 * Numbers are never used again. Control thread.
 */
#include "services/ec2/launch_template.h"

#include "auth/identity.h"
#include "base/text.h"
#include "services/ec2/describe.h"

#include <errno.h>

#define LATEST S("$Latest")
#define DEFAULT S("$Default")

/* ---- finding -----------------------------------------------------------------------------------
 */

static struct stored_launch_version version_of(const struct stored_launch_template *template,
                                               uint64_t number)
{
    return (struct stored_launch_version){.account = template->account,
                                          .region = template->region,
                                          .template = template->id,
                                          .number = number};
}

static RESULT no_version(struct call *c, const struct stored_launch_template *template,
                         struct span version)
{
    return refuse(c, &EC2_INVALID_LAUNCH_TEMPLATE_ID_VERSION_NOT_FOUND,
                  "Could not find the specified version %.*s for the launch template with ID %.*s.",
                  SPAN_ARG(version), SPAN_ARG(template->id));
}

static struct span number_text(struct call *c, uint64_t number)
{
    return arena_printf(c->arena, "%llu", (unsigned long long)number);
}

static int newest(void *user, struct stored_launch_version *version)
{
    *(uint64_t *)user = version->number;
    return 0;
}

uint64_t launch_version_latest(struct call *c, const struct stored_launch_template *template)
{
    uint64_t latest = 0;
    struct stored_launch_version from = version_of(template, 0);
    (void)!stored_launch_version_each(c->txn, &from, 3, c->arena, newest, &latest);
    return latest;
}

RESULT launch_version_find(struct call *c, const struct stored_launch_template *template,
                           struct span version, struct stored_launch_version *ret)
{
    uint64_t number = template->default_version;
    if (span_eq(version, LATEST))
        number = launch_version_latest(c, template);
    else if (version.at && !span_eq(version, DEFAULT) && !span_to_u64(version, &number))
        return no_version(c, template, version);
    *ret = version_of(template, number);
    int error = stored_launch_version_get(c->txn, c->arena, ret);
    if (error == -ENOENT)
        return no_version(c, template, version.at ? version : number_text(c, number));
    return error < 0 ? refuse_errno(c, error, "reading a launch template version") : OK;
}

/* ---- making ------------------------------------------------------------------------------------
 */

RESULT launch_version_new(struct call *c, struct stored_launch_template *template,
                          struct span description,
                          const struct ec2_request_launch_template_data *data,
                          struct stored_launch_version *ret)
{
    struct ec2_request_launch_template_data none = {0};
    *ret = version_of(template, ++template->latest_version);
    ret->description = description;
    ret->created = c->now_ms;
    ret->created_by = c->caller->arn;
    ret->data = launch_data_write(c, data ? data : &none);
    return OK;
}

static RESULT show(struct call *c, const struct stored_launch_template *template,
                   const struct stored_launch_version *version,
                   struct ec2_launch_template_version *to)
{
    struct ec2_request_launch_template_data data;
    TRY(launch_data_read(c, version, &data));
    to->launch_template_id = template->id;
    to->launch_template_name = template->name;
    to->version_description = version->description;
    to->created_by = version->created_by;
    SET(to, version_number, (int64_t)version->number);
    SET(to, create_time, version->created);
    SET(to, default_version, version->number == template->default_version);
    to->launch_template_data = ARENA_NEW(c->arena, struct ec2_response_launch_template_data);
    launch_data_show(c, &data, to->launch_template_data);
    return OK;
}

RESULT
ec2_create_launch_template_version(struct call *c,
                                   const struct ec2_create_launch_template_version_in *in,
                                   struct ec2_create_launch_template_version_out *out)
{
    struct stored_launch_template template;
    struct stored_launch_version source, version;
    struct ec2_request_launch_template_data of_source, data = {0};
    if (in->launch_template_data)
        data = *in->launch_template_data;
    TRY(launch_template_find(c, in->launch_template_id, in->launch_template_name, &template));
    if (in->source_version.at) {
        TRY(launch_version_find(c, &template, in->source_version, &source));
        TRY(launch_data_read(c, &source, &of_source));
        launch_data_fill(c, &of_source, &data);
    }
    TRY(launch_version_new(c, &template, in->version_description, &data, &version));
    stored_launch_version_put(c->txn, &version);
    resource_put(c, &launch_template_kind, &template);
    out->launch_template_version = ARENA_NEW(c->arena, struct ec2_launch_template_version);
    return show(c, &template, &version, out->launch_template_version);
}

/* ---- describing --------------------------------------------------------------------------------
 */

static const struct filter_name filters[] = {
    {"create-time", "CreateTime"},
    {"ebs-optimized", "LaunchTemplateData.EbsOptimized"},
    {"http-endpoint", "LaunchTemplateData.MetadataOptions.HttpEndpoint"},
    {"http-protocol-ipv4", "LaunchTemplateData.MetadataOptions.HttpProtocolIpv4"},
    {"http-tokens", "LaunchTemplateData.MetadataOptions.HttpTokens"},
    {"iam-instance-profile", "LaunchTemplateData.IamInstanceProfile.Arn"},
    {"image-id", "LaunchTemplateData.ImageId"},
    {"instance-type", "LaunchTemplateData.InstanceType"},
    {"is-default-version", "DefaultVersion"},
    {"kernel-id", "LaunchTemplateData.KernelId"},
    {"network-card-index", "LaunchTemplateData.NetworkInterfaces.NetworkCardIndex"},
    {"ram-disk-id", "LaunchTemplateData.RamDiskId"},
};
static const struct filter_table filter_table = {EC2_SHAPE_LAUNCH_TEMPLATE_VERSION, filters,
                                                 ARRAY_LEN(filters)};

struct describing {
    struct call *c;
    const struct ec2_describe_launch_template_versions_in *in;
    struct ec2_launch_template_version_set *to;
    uint64_t min, max, from; /* from: of the page, the newest number that it may have */
    struct stored_launch_version *all;
    size_t count;
};

static int keep_next(void *user, struct stored_launch_version *version)
{
    struct describing *d = user;
    d->all = resource_grow(d->c, d->all, d->count, sizeof *d->all);
    d->all[d->count++] = *version;
    return 0;
}

static RESULT add(struct describing *d, const struct stored_launch_template *template,
                  const struct stored_launch_version *version)
{
    d->to->at = resource_grow(d->c, d->to->at, d->to->count, sizeof *d->to->at);
    struct ec2_launch_template_version *to = &d->to->at[d->to->count];
    *to = (struct ec2_launch_template_version){0};
    TRY(show(d->c, template, version, to));
    d->to->count += filter_passes(d->c, &filter_table, &d->in->filters, to);
    return OK;
}

/* The newest first. */
static RESULT add_all(struct describing *d, const struct stored_launch_template *template,
                      struct span *ret_next)
{
    struct stored_launch_version from = version_of(template, 0);
    int error = stored_launch_version_each(d->c->txn, &from, 3, d->c->arena, keep_next, d);
    if (error < 0)
        return refuse_errno(d->c, error, "reading launch template versions");
    for (size_t i = d->count; i-- > 0;) {
        const struct stored_launch_version *version = &d->all[i];
        if (version->number < d->min || version->number > d->max || version->number > d->from)
            continue;
        if (d->in->max_results && d->to->count == (size_t)d->in->max_results) {
            *ret_next = number_text(d->c, version->number);
            return OK;
        }
        TRY(add(d, template, version));
    }
    return OK;
}

/* Without a template: $Latest or $Default of every one. */
static RESULT add_of_all_templates(struct describing *d)
{
    struct resource_list all;
    struct stored_launch_version version;
    TRY(resource_list(d->c, &launch_template_kind, NULL, &all));
    for (size_t i = 0; i < all.count; i++)
        for (size_t j = 0; j < d->in->versions.count; j++) {
            struct span wanted = d->in->versions.at[j];
            if (!span_eq(wanted, LATEST) && !span_eq(wanted, DEFAULT))
                return refuse(d->c, &EC2_MISSING_PARAMETER,
                              "You must specify either the launch template ID or the launch "
                              "template name.");
            TRY(launch_version_find(d->c, all.at[i], wanted, &version));
            TRY(add(d, all.at[i], &version));
        }
    return OK;
}

static RESULT read_bound(struct call *c, const char *name, struct span text, uint64_t *ret)
{
    if (!text.at || span_to_u64(text, ret))
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Value (%.*s) for parameter %s is invalid.",
                  SPAN_ARG(text), name);
}

RESULT
ec2_describe_launch_template_versions(struct call *c,
                                      const struct ec2_describe_launch_template_versions_in *in,
                                      struct ec2_describe_launch_template_versions_out *out)
{
    struct stored_launch_template template;
    struct stored_launch_version version;
    struct describing d = {.c = c,
                           .in = in,
                           .to = &out->launch_template_versions,
                           .max = UINT64_MAX,
                           .from = UINT64_MAX};
    TRY(filter_check(c, &filter_table, &in->filters));
    d.to->at = arena_alloc(c->arena, 0);
    if (in->versions.count && !in->launch_template_id.at && !in->launch_template_name.at)
        return add_of_all_templates(&d);
    TRY(launch_template_find(c, in->launch_template_id, in->launch_template_name, &template));
    for (size_t i = 0; i < in->versions.count; i++) {
        TRY(launch_version_find(c, &template, in->versions.at[i], &version));
        TRY(add(&d, &template, &version));
    }
    if (in->versions.count)
        return OK;
    TRY(read_bound(c, "minVersion", in->min_version, &d.min));
    TRY(read_bound(c, "maxVersion", in->max_version, &d.max));
    if (in->next_token.at && !span_to_u64(in->next_token, &d.from))
        return refuse(c, &EC2_INVALID_NEXT_TOKEN, "The token '%.*s' is invalid",
                      SPAN_ARG(in->next_token));
    return add_all(&d, &template, &out->next_token);
}

/* ---- deleting ----------------------------------------------------------------------------------
 */

static int drop_next(void *user, struct stored_launch_version *version)
{
    stored_launch_version_delete(((struct call *)user)->txn, version);
    return 0;
}

void launch_version_drop_all(struct call *c, const struct stored_launch_template *template)
{
    struct stored_launch_version from = version_of(template, 0);
    (void)!stored_launch_version_each(c->txn, &from, 3, c->arena, drop_next, c);
}

static void fail(struct call *c, const struct stored_launch_template *template,
                 struct ec2_delete_launch_template_versions_response_error_item *to,
                 const struct ec2_response_error *error)
{
    to->launch_template_id = template->id;
    to->launch_template_name = template->name;
    to->response_error = ARENA_NEW(c->arena, struct ec2_response_error);
    *to->response_error = *error;
}

/* Why it cannot be deleted; without a code: it can. */
static struct ec2_response_error why_not(struct call *c,
                                         const struct stored_launch_template *template,
                                         struct span version, uint64_t *ret_number)
{
    struct stored_launch_version found;
    *ret_number = 0;
    if (!span_to_u64(version, ret_number) || launch_version_find(c, template, version, &found))
        return (struct ec2_response_error){S("launchTemplateVersionDoesNotExist"),
                                           S("The launch template version does not exist.")};
    if (*ret_number == template->default_version)
        return (struct ec2_response_error){
            S("unexpectedError"), S("The default version of a launch template cannot be deleted.")};
    return (struct ec2_response_error){0};
}

RESULT
ec2_delete_launch_template_versions(struct call *c,
                                    const struct ec2_delete_launch_template_versions_in *in,
                                    struct ec2_delete_launch_template_versions_out *out)
{
    struct stored_launch_template template;
    struct ec2_delete_launch_template_versions_response_success_set *gone =
        &out->successfully_deleted_launch_template_versions;
    struct ec2_delete_launch_template_versions_response_error_set *kept =
        &out->unsuccessfully_deleted_launch_template_versions;
    TRY(launch_template_find(c, in->launch_template_id, in->launch_template_name, &template));
    gone->at = arena_zalloc(c->arena, in->versions.count + 1, sizeof *gone->at);
    kept->at = arena_zalloc(c->arena, in->versions.count + 1, sizeof *kept->at);
    for (size_t i = 0; i < in->versions.count; i++) {
        uint64_t number;
        struct ec2_response_error error = why_not(c, &template, in->versions.at[i], &number);
        if (error.code.at) {
            SET(&kept->at[kept->count], version_number, (int64_t)number);
            fail(c, &template, &kept->at[kept->count++], &error);
            continue;
        }
        struct stored_launch_version version = version_of(&template, number);
        stored_launch_version_delete(c->txn, &version);
        gone->at[gone->count].launch_template_id = template.id;
        gone->at[gone->count].launch_template_name = template.name;
        SET(&gone->at[gone->count], version_number, (int64_t)number);
        gone->count++;
    }
    return OK;
}
