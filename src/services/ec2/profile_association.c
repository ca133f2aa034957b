// SPDX-License-Identifier: Apache-2.0
/*
 * Instance profiles of instances that are there already: AssociateIamInstanceProfile and its like.
 * What the instance's metadata tells follows at once, so an association that is described is never
 * on its way; the answers say what AWS's say. Control thread.
 */
#include "services/ec2/describe.h"
#include "services/ec2/instance.h"
#include "services/ec2/profile.h"

#define ASSOCIATION "iip-assoc-"
#define ASSOCIATION_DIGITS 17

static void show_as(const struct stored_instance *instance, struct span state, struct call *c,
                    struct ec2_iam_instance_profile_association *to)
{
    to->association_id = instance->profile_association;
    to->instance_id = instance->id;
    to->state = state;
    to->iam_instance_profile = ARENA_NEW(c->arena, struct ec2_iam_instance_profile);
    to->iam_instance_profile->arn = instance->profile;
    to->iam_instance_profile->id = instance->profile_id;
}

static struct ec2_iam_instance_profile_association *
shown_as(struct call *c, const struct stored_instance *instance, struct span state)
{
    struct ec2_iam_instance_profile_association *to =
        ARENA_NEW(c->arena, struct ec2_iam_instance_profile_association);
    show_as(instance, state, c, to);
    return to;
}

static bool is_association(struct span text)
{
    struct span digits = span_from(text, sizeof ASSOCIATION - 1);
    if (!span_starts(text, S(ASSOCIATION)) || digits.len != ASSOCIATION_DIGITS)
        return false;
    for (size_t i = 0; i < digits.len; i++)
        if (!memchr("0123456789abcdef", digits.at[i], 16))
            return false;
    return true;
}

/* The instance that an association is of. */
static RESULT find_associated(struct call *c, struct span id, struct stored_instance *ret)
{
    struct resource_list found;
    if (!is_association(id))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid value for associationId.");
    TRY(resource_list(c, &instance_kind, WHERE(stored_instance, profile_association, id), &found));
    if (!found.count)
        return refuse(c, &EC2_INVALID_ASSOCIATION_ID_NOT_FOUND,
                      "An invalid association-id of '%.*s' was given", SPAN_ARG(id));
    *ret = *(const struct stored_instance *)found.at[0];
    return OK;
}

static RESULT change(struct call *c, struct stored_instance *instance,
                     const struct ec2_iam_instance_profile_specification *wanted)
{
    if (!wanted->name.len && !wanted->arn.len)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter IamInstanceProfile.Name");
    TRY(profile_read(c, wanted, instance));
    resource_put(c, &instance_kind, instance);
    return OK;
}

RESULT ec2_associate_iam_instance_profile(struct call *c,
                                          const struct ec2_associate_iam_instance_profile_in *in,
                                          struct ec2_associate_iam_instance_profile_out *out)
{
    struct stored_instance instance;
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    if (instance.state == INSTANCE_TERMINATED || instance.state == INSTANCE_SHUTTING_DOWN)
        return refuse(c, &EC2_INCORRECT_INSTANCE_STATE,
                      "The instance '%.*s' is not in a state from which it can be modified.",
                      SPAN_ARG(instance.id));
    if (instance.profile_association.at)
        return refuse(c, &EC2_INCORRECT_STATE, "There is an existing association for instance %.*s",
                      SPAN_ARG(instance.id));
    TRY(change(c, &instance, in->iam_instance_profile));
    out->iam_instance_profile_association = shown_as(c, &instance, S("associating"));
    return OK;
}

RESULT ec2_replace_iam_instance_profile_association(
    struct call *c, const struct ec2_replace_iam_instance_profile_association_in *in,
    struct ec2_replace_iam_instance_profile_association_out *out)
{
    struct stored_instance instance;
    TRY(find_associated(c, in->association_id, &instance));
    TRY(change(c, &instance, in->iam_instance_profile));
    out->iam_instance_profile_association = shown_as(c, &instance, S("associating"));
    return OK;
}

RESULT
ec2_disassociate_iam_instance_profile(struct call *c,
                                      const struct ec2_disassociate_iam_instance_profile_in *in,
                                      struct ec2_disassociate_iam_instance_profile_out *out)
{
    struct stored_instance instance;
    TRY(find_associated(c, in->association_id, &instance));
    out->iam_instance_profile_association = shown_as(c, &instance, S("disassociating"));
    instance.profile = instance.profile_id = instance.profile_association = SPAN_NONE;
    resource_put(c, &instance_kind, &instance);
    return OK;
}

/* ---- describing --------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_instance *instance = record;
    if (instance->profile_association.at && instance->state != INSTANCE_TERMINATED)
        show_as(instance, S("associated"), c, shown);
    return OK;
}

static const struct filter_name filters[] = {{"instance-id", "InstanceId"}, {"state", "State"}};

/* Instances, told of by their associations: those without one are left out of a page. */
RESULT ec2_describe_iam_instance_profile_associations(
    struct call *c, const struct ec2_describe_iam_instance_profile_associations_in *in,
    struct ec2_describe_iam_instance_profile_associations_out *out)
{
    struct describe_found found;
    size_t count = in->association_ids.count;
    struct span *ids = ARENA_ARRAY(c->arena, struct span, count);
    struct describe_asked asked = {.ids = ids,
                                   .id_count = count,
                                   .filters = in->filters,
                                   .max_results = in->max_results,
                                   .next_token = in->next_token};
    struct resource_kind kind = instance_kind;
    kind.shown_size = sizeof(struct ec2_iam_instance_profile_association);
    kind.show = show;
    kind.filters = (struct filter_table){EC2_SHAPE_IAM_INSTANCE_PROFILE_ASSOCIATION, filters,
                                         ARRAY_LEN(filters)};
    for (size_t i = 0; i < count; i++) {
        struct stored_instance instance;
        TRY(find_associated(c, in->association_ids.at[i], &instance));
        ids[i] = instance.id;
    }
    TRY(describe(c, &kind, &asked, &found));
    struct ec2_iam_instance_profile_association *all = found.at;
    out->iam_instance_profile_associations.at = all;
    for (size_t i = 0; i < found.count; i++)
        if (all[i].association_id.at)
            all[out->iam_instance_profile_associations.count++] = all[i];
    out->next_token = found.next_token;
    return OK;
}
