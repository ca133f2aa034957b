// SPDX-License-Identifier: Apache-2.0
/*
 * The data of launch templates. EC2's model has the same members three times, as they are sent,
 * told and given to RunInstances, so one function walks the tables of wire/shape.h and copies what
 * has the same name. Control thread.
 */
#include "services/ec2/launch_template.h"

#include "base/text.h"
#include "services/ec2/instance.h"
#include "wire/codec.h"
#include "wire/slot.h"

#define DATA_BYTES (1 << 20) /* more than a request's */

/* ---- copying by names --------------------------------------------------------------------------
 */

struct copying {
    const struct service *service;
    struct arena *arena;
};

static void fill_structure(const struct copying *it, const struct shape *from_shape,
                           const void *from, const struct shape *to_shape, void *to);

static size_t scalar_size(uint8_t kind)
{
    switch ((enum KIND)kind) {
    case KIND_BOOLEAN:
        return sizeof(bool);
    case KIND_INTEGER:
        return sizeof(int32_t);
    case KIND_FLOAT:
    case KIND_DOUBLE:
        return sizeof(double);
    case KIND_LONG:
    case KIND_TIMESTAMP:
        return sizeof(int64_t);
    case KIND_STRING:
    case KIND_BLOB:
    case KIND_DOCUMENT:
        return sizeof(struct span);
    case KIND_STREAM:
    case KIND_LIST:
    case KIND_MAP:
    case KIND_STRUCTURE:
        break;
    }
    return 0;
}

static struct any_list copy_list(const struct copying *it, const struct shape *from_shape,
                                 const struct any_list *from, const struct shape *to_shape)
{
    struct any_list to = {.count = from->count};
    const struct shape *from_one = shape_at(it->service, from_shape->member);
    const struct shape *to_one = shape_at(it->service, to_shape->member);
    to.at = arena_zalloc(it->arena, from->count + 1, to_shape->size);
    for (size_t i = 0; i < from->count; i++) {
        const void *one = const_struct_at(from->at, i * from_shape->size, void);
        void *copy = struct_at(to.at, i * to_shape->size, void);
        if (from_one->kind == KIND_STRUCTURE)
            fill_structure(it, from_one, one, to_one, copy);
        else
            memcpy(copy, one, scalar_size(from_one->kind));
    }
    return to;
}

static void copy_member(const struct copying *it, const struct field *from_field, const void *from,
                        const struct field *to_field, void *to)
{
    const struct shape *from_shape = shape_at(it->service, from_field->shape);
    const struct shape *to_shape = shape_at(it->service, to_field->shape);
    const void *value = slot_value(from_field, from_shape->kind, from);
    void *place = struct_at(to, to_field->offset, void);
    if (from_shape->kind == KIND_STRUCTURE) {
        void *made = arena_zalloc(it->arena, 1, to_shape->size);
        fill_structure(it, from_shape, value, to_shape, made);
        *(void **)place = made;
    } else if (from_shape->kind == KIND_LIST) {
        *(struct any_list *)place = copy_list(it, from_shape, value, to_shape);
    } else {
        memcpy(place, value, scalar_size(from_shape->kind));
    }
    slot_mark(to_field, to);
}

static void fill_structure(const struct copying *it, const struct shape *from_shape,
                           const void *from, const struct shape *to_shape, void *to)
{
    const struct field *fields = first_field(it->service, to_shape);
    unsigned hint = 0;
    for (size_t i = 0; i < to_shape->field_count; i++) {
        const struct field *field =
            field_find(it->service, from_shape, service_text(it->service, fields[i].name),
                       FIELD_BY_NAME, &hint);
        const struct shape *shape = shape_at(it->service, fields[i].shape);
        if (!field || shape_at(it->service, field->shape)->kind != shape->kind ||
            !slot_given(field, shape->kind, from) || slot_given(&fields[i], shape->kind, to))
            continue;
        copy_member(it, field, from, &fields[i], to);
    }
}

static void fill(struct call *c, const void *from, uint16_t to_shape, void *to)
{
    const struct copying it = {&ec2_service, c->arena};
    fill_structure(&it, shape_at(it.service, EC2_SHAPE_REQUEST_LAUNCH_TEMPLATE_DATA), from,
                   shape_at(it.service, to_shape), to);
}

void launch_data_show(struct call *c, const struct ec2_request_launch_template_data *from,
                      struct ec2_response_launch_template_data *to)
{
    fill(c, from, EC2_SHAPE_RESPONSE_LAUNCH_TEMPLATE_DATA, to);
}

void launch_data_fill(struct call *c, const struct ec2_request_launch_template_data *from,
                      struct ec2_request_launch_template_data *to)
{
    fill(c, from, EC2_SHAPE_REQUEST_LAUNCH_TEMPLATE_DATA, to);
}

/* ---- keeping -----------------------------------------------------------------------------------
 */

struct span launch_data_write(struct call *c, const struct ec2_request_launch_template_data *data)
{
    struct buf *text = arena_buf(c->arena, DATA_BYTES);
    wire_json_write(&ec2_service, EC2_SHAPE_REQUEST_LAUNCH_TEMPLATE_DATA, data, text);
    return buf_span(text);
}

RESULT launch_data_read(struct call *c, const struct stored_launch_version *version,
                        struct ec2_request_launch_template_data *ret)
{
    *ret = (struct ec2_request_launch_template_data){0};
    return wire_json_read(c, &ec2_service, EC2_SHAPE_REQUEST_LAUNCH_TEMPLATE_DATA, version->data,
                          ret);
}

/* ---- RunInstances ------------------------------------------------------------------------------
 */

/* Tags of the template are those of resource types that the request does not tag. */
static void add_tags(struct call *c, const struct ec2_tag_specification_list *asked,
                     struct ec2_tag_specification_list *to)
{
    struct ec2_tag_specification_list of_template = *to;
    to->at =
        ARENA_ARRAY(c->arena, struct ec2_tag_specification, asked->count + of_template.count + 1);
    to->count = 0;
    for (size_t i = 0; i < asked->count; i++)
        to->at[to->count++] = asked->at[i];
    for (size_t i = 0; i < of_template.count; i++) {
        bool again = false;
        for (size_t j = 0; j < asked->count; j++)
            again |= span_eq(asked->at[j].resource_type, of_template.at[i].resource_type);
        if (!again)
            to->at[to->count++] = of_template.at[i];
    }
}

/* "Launch an instance from a launch template": what the request says counts before it. Placeless
 * members of RunInstances itself have no place in a template. */
RESULT launch_data_apply(struct call *c, struct ec2_run_instances_in *in, struct launch_source *ret)
{
    struct stored_launch_template template;
    struct stored_launch_version version;
    struct ec2_request_launch_template_data data;
    const struct ec2_launch_template_specification *named = in->launch_template;
    *ret = (struct launch_source){0};
    if (!named)
        return OK;
    TRY(launch_template_find(c, named->launch_template_id, named->launch_template_name, &template));
    TRY(launch_version_find(c, &template, named->version, &version));
    TRY(launch_data_read(c, &version, &data));
    if (data.instance_requirements)
        return resource_not_built(c, "A launch template with InstanceRequirements");
    if (data.ram_disk_id.at || data.elastic_gpu_specifications.count)
        return resource_not_built(c,
                                  "A launch template with RamDiskId or ElasticGpuSpecifications");
    struct ec2_tag_specification_list asked = in->tag_specifications;
    in->tag_specifications = (struct ec2_tag_specification_list){0};
    fill(c, &data, EC2_SHAPE_RUN_INSTANCES_REQUEST, in);
    add_tags(c, &asked, &in->tag_specifications);
    *ret = (struct launch_source){template.id, version.number};
    return OK;
}

/* ---- GetLaunchTemplateData ---------------------------------------------------------------------
 */

static void show_interface(struct call *c, const struct ec2_instance_network_interface *from,
                           struct ec2_launch_template_instance_network_interface_specification *to)
{
    to->description = from->description;
    to->subnet_id = from->subnet_id;
    to->private_ip_address = from->private_ip_address;
    to->groups.at = ARENA_ARRAY(c->arena, struct span, from->groups.count + 1);
    for (size_t i = 0; i < from->groups.count; i++)
        to->groups.at[to->groups.count++] = from->groups.at[i].group_id;
    if (!from->attachment)
        return;
    SET(to, device_index, from->attachment->device_index);
    SET(to, delete_on_termination, from->attachment->delete_on_termination);
}

static struct ec2_launch_template_instance_metadata_options *
show_metadata(struct call *c, const struct ec2_instance_metadata_options_response *from)
{
    struct ec2_launch_template_instance_metadata_options *to =
        ARENA_NEW(c->arena, struct ec2_launch_template_instance_metadata_options);
    to->http_tokens = from->http_tokens;
    SET(to, http_put_response_hop_limit, from->http_put_response_hop_limit);
    to->http_endpoint = from->http_endpoint;
    to->instance_metadata_tags = from->instance_metadata_tags;
    return to;
}

RESULT ec2_get_launch_template_data(struct call *c,
                                    const struct ec2_get_launch_template_data_in *in,
                                    struct ec2_get_launch_template_data_out *out)
{
    struct stored_instance instance;
    struct ec2_instance shown = {0};
    struct ec2_response_launch_template_data *to =
        ARENA_NEW(c->arena, struct ec2_response_launch_template_data);
    TRY(resource_get(c, &instance_kind, in->instance_id, &instance));
    TRY(instance_show(c, &instance, &shown));
    out->launch_template_data = to;
    to->image_id = instance.image;
    to->instance_type = instance.type;
    to->key_name = instance.key_name;
    if (instance.user_data.at)
        to->user_data = base64_of(c->arena, instance.user_data);
    SET(to, ebs_optimized, false);
    SET(to, disable_api_termination, instance.no_termination);
    SET(to, disable_api_stop, instance.no_stop);
    to->instance_initiated_shutdown_behavior =
        instance.terminates_itself ? S("terminate") : S("stop");
    to->placement = ARENA_NEW(c->arena, struct ec2_launch_template_placement);
    to->placement->availability_zone = instance.zone;
    to->placement->tenancy = S("default");
    to->metadata_options = show_metadata(c, shown.metadata_options);
    to->network_interfaces.at = arena_zalloc(c->arena, shown.network_interfaces.count + 1,
                                             sizeof *to->network_interfaces.at);
    for (size_t i = 0; i < shown.network_interfaces.count; i++)
        show_interface(c, &shown.network_interfaces.at[i],
                       &to->network_interfaces.at[to->network_interfaces.count++]);
    return OK;
}
