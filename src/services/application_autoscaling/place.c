// SPDX-License-Identifier: Apache-2.0
/* What is scaled: resource ids and dimensions of DynamoDB (RegisterScalableTarget). Pure. */
#include "services/application_autoscaling/scaling.h"

static const struct scaling_dimension dimensions[] = {
    {S_INIT("dynamodb:table:ReadCapacityUnits"), S_INIT("DynamoDBReadCapacityUtilization"), false,
     KV_METER_READ, "read capacity units"},
    {S_INIT("dynamodb:table:WriteCapacityUnits"), S_INIT("DynamoDBWriteCapacityUtilization"), false,
     KV_METER_WRITE, "write capacity units"},
    {S_INIT("dynamodb:index:ReadCapacityUnits"), S_INIT("DynamoDBReadCapacityUtilization"), true,
     KV_METER_READ, "read capacity units"},
    {S_INIT("dynamodb:index:WriteCapacityUnits"), S_INIT("DynamoDBWriteCapacityUtilization"), true,
     KV_METER_WRITE, "write capacity units"},
};

static const struct scaling_dimension *dimension_named(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(dimensions); i++)
        if (span_eq(dimensions[i].name, name))
            return &dimensions[i];
    return NULL;
}

/* table/NAME, table/NAME/index/NAME */
static bool read_resource(struct span resource, struct dynamodb_units *ret)
{
    struct span rest = resource;
    bool good = span_eq(span_cut(&rest, '/'), S("table"));
    ret->table = span_cut(&rest, '/');
    ret->index = SPAN_NONE;
    if (span_is_absent(rest))
        return good && ret->table.len;
    good &= span_eq(span_cut(&rest, '/'), S("index"));
    ret->index = rest;
    return good && ret->table.len && rest.len && span_find_byte(rest, '/') == SPAN_NOT_FOUND;
}

struct scaling_place scaling_place_of(struct span resource, struct span dimension)
{
    struct scaling_place place = {.resource = resource, .dimension = dimension_named(dimension)};
    if (!place.dimension || !read_resource(resource, &place.capacity) ||
        place.dimension->of_index != !span_is_absent(place.capacity.index))
        return (struct scaling_place){.resource = resource};
    place.capacity.which = place.dimension->which;
    return place;
}

RESULT scaling_check_filter(struct call *c, const struct scaling_name *filter)
{
    if (!span_eq(filter->service_namespace, S("dynamodb")))
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Scaling in the service namespace %.*s is not supported by kintoun yet",
                      SPAN_ARG(filter->service_namespace));
    if (filter->dimension.at && !filter->resource.at)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "If you specify a scalable dimension, you must also specify a resource ID");
    return OK;
}

bool scaling_is_within(const struct scaling_name *filter, struct span resource,
                       struct span dimension)
{
    return (!filter->resource.at || span_eq(filter->resource, resource)) &&
           (!filter->dimension.at || span_eq(filter->dimension, dimension));
}

RESULT scaling_place_read(struct call *c, const struct scaling_name *name,
                          struct scaling_place *ret)
{
    TRY(scaling_check_filter(c, name));
    *ret = scaling_place_of(name->resource, name->dimension);
    if (!ret->dimension)
        return refuse(c, &APPLICATION_AUTOSCALING_VALIDATION_EXCEPTION,
                      "Unsupported service namespace, resource type or scalable dimension");
    return OK;
}
