// SPDX-License-Identifier: Apache-2.0
/*
 * CreateLaunchTemplate, DescribeLaunchTemplates, ModifyLaunchTemplate, DeleteLaunchTemplate. A name
 * is one template's; there are few, so it is found by looking at all. Control thread.
 */
#include "services/ec2/launch_template.h"

#include "auth/identity.h"
#include "base/text.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/tag.h"

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_launch_template *template = record;
    struct ec2_launch_template *to = shown;
    to->launch_template_id = template->id;
    to->launch_template_name = template->name;
    to->created_by = template->created_by;
    SET(to, create_time, template->created);
    SET(to, default_version_number, (int64_t) template->default_version);
    SET(to, latest_version_number, (int64_t)launch_version_latest(c, template));
    return tag_list_if_any(c, template->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"create-time", "CreateTime"},
    {"launch-template-name", "LaunchTemplateName"},
};

const struct resource_kind launch_template_kind = {
    .prefix = S_INIT("lt-"),
    .type = "launch-template",
    .record = &stored_launch_template_table,
    .vpc = RESOURCE_NO_VPC,
    .malformed = &EC2_INVALID_LAUNCH_TEMPLATE_ID_MALFORMED,
    .missing = &EC2_INVALID_LAUNCH_TEMPLATE_ID_NOT_FOUND,
    .missing_before = "The specified launch template, with template ID ",
    .missing_after = ", does not exist.",
    .shown_size = sizeof(struct ec2_launch_template),
    .show = show,
    .filters = {EC2_SHAPE_LAUNCH_TEMPLATE, filters, ARRAY_LEN(filters)},
};

/* ---- finding -----------------------------------------------------------------------------------
 */

/* NULL: nobody has that name. */
static RESULT find_name(struct call *c, struct span name, struct stored_launch_template **ret)
{
    struct resource_list all;
    *ret = NULL;
    TRY(resource_list(c, &launch_template_kind, WHERE(stored_launch_template, name, name), &all));
    if (all.count)
        *ret = all.at[0];
    return OK;
}

static RESULT find_named(struct call *c, struct span name, struct stored_launch_template *ret)
{
    struct stored_launch_template *found;
    TRY(find_name(c, name, &found));
    if (!found)
        return refuse(c, &EC2_INVALID_LAUNCH_TEMPLATE_NAME_NOT_FOUND_EXCEPTION,
                      "The specified launch template, with template name %.*s, does not exist.",
                      SPAN_ARG(name));
    *ret = *found;
    return OK;
}

RESULT launch_template_find(struct call *c, struct span id, struct span name,
                            struct stored_launch_template *ret)
{
    if (!id.at && !name.at)
        return refuse(
            c, &EC2_MISSING_PARAMETER,
            "You must specify either the launch template ID or the launch template name.");
    if (id.at && name.at)
        return refuse(c, &EC2_INVALID_PARAMETER_COMBINATION,
                      "You must specify either the launch template ID or the launch template name, "
                      "but not both.");
    return id.at ? resource_get(c, &launch_template_kind, id, ret) : find_named(c, name, ret);
}

/* ---- the operations ----------------------------------------------------------------------------
 */

static struct ec2_launch_template *shown_new(struct call *c)
{
    return ARENA_NEW(c->arena, struct ec2_launch_template);
}

static RESULT make(struct call *c, const struct ec2_create_launch_template_in *in,
                   struct stored_launch_template *ret)
{
    struct stored_launch_template *other;
    struct stored_launch_version version;
    TRY(find_name(c, in->launch_template_name, &other));
    if (other)
        return refuse(c, &EC2_INVALID_LAUNCH_TEMPLATE_NAME_ALREADY_EXISTS_EXCEPTION,
                      "Launch template name already in use.");
    *ret = (struct stored_launch_template){.name = in->launch_template_name,
                                           .created = c->now_ms,
                                           .created_by = c->caller->arn,
                                           .default_version = 1};
    resource_name(c, &launch_template_kind, ret);
    TRY(launch_version_new(c, ret, in->version_description, in->launch_template_data, &version));
    stored_launch_version_put(c->txn, &version);
    resource_put(c, &launch_template_kind, ret);
    return tag_new(c, &launch_template_kind, ret->id, &in->tag_specifications);
}

RESULT ec2_create_launch_template(struct call *c, const struct ec2_create_launch_template_in *in,
                                  struct ec2_create_launch_template_out *out)
{
    struct span made;
    struct stored_launch_template template;
    if (in->operator)
        return resource_not_built(c, "Operator");
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        TRY(resource_get(c, &launch_template_kind, made, &template));
    } else {
        TRY(make(c, in, &template));
        client_token_keep(c, in, in->client_token, template.id);
    }
    out->launch_template = shown_new(c);
    return show(c, &template, out->launch_template);
}

static RESULT named_ids(struct call *c, const struct ec2_describe_launch_templates_in *in,
                        struct describe_asked *asked)
{
    struct stored_launch_template template;
    struct span *ids = ARENA_ARRAY(
        c->arena, struct span, in->launch_template_ids.count + in->launch_template_names.count + 1);
    for (size_t i = 0; i < in->launch_template_ids.count; i++)
        ids[asked->id_count++] = in->launch_template_ids.at[i];
    for (size_t i = 0; i < in->launch_template_names.count; i++) {
        TRY(find_named(c, in->launch_template_names.at[i], &template));
        ids[asked->id_count++] = template.id;
    }
    asked->ids = ids;
    return OK;
}

RESULT ec2_describe_launch_templates(struct call *c,
                                     const struct ec2_describe_launch_templates_in *in,
                                     struct ec2_describe_launch_templates_out *out)
{
    struct describe_found found;
    struct describe_asked asked = {
        .filters = in->filters, .max_results = in->max_results, .next_token = in->next_token};
    TRY(named_ids(c, in, &asked));
    TRY(describe(c, &launch_template_kind, &asked, &found));
    out->launch_templates.at = found.at;
    out->launch_templates.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

RESULT ec2_modify_launch_template(struct call *c, const struct ec2_modify_launch_template_in *in,
                                  struct ec2_modify_launch_template_out *out)
{
    struct stored_launch_template template;
    struct stored_launch_version version;
    TRY(launch_template_find(c, in->launch_template_id, in->launch_template_name, &template));
    if (in->default_version.at) {
        TRY(launch_version_find(c, &template, in->default_version, &version));
        template.default_version = version.number;
        resource_put(c, &launch_template_kind, &template);
    }
    out->launch_template = shown_new(c);
    return show(c, &template, out->launch_template);
}

RESULT ec2_delete_launch_template(struct call *c, const struct ec2_delete_launch_template_in *in,
                                  struct ec2_delete_launch_template_out *out)
{
    struct stored_launch_template template;
    TRY(launch_template_find(c, in->launch_template_id, in->launch_template_name, &template));
    out->launch_template = shown_new(c);
    TRY(show(c, &template, out->launch_template));
    launch_version_drop_all(c, &template);
    resource_drop(c, &launch_template_kind, &template);
    return OK;
}
