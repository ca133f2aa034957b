// SPDX-License-Identifier: Apache-2.0
/* Views of items for readers of several. Any thread. */
#include "services/dynamodb/view.h"

RESULT view_open(struct call *c, const struct view_wish *wish, struct view *ret)
{
    struct expression_scope scope;
    *ret = (struct view){0};
    if (wish->attributes.at && wish->projection.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Can not use both expression and non-expression parameters in the same "
                      "request: Non-expression parameters: {AttributesToGet} Expression "
                      "parameters: {ProjectionExpression}");
    if (wish->attributes.at) {
        ret->projection =
            expression_of_attributes(c->arena, wish->attributes.at, wish->attributes.count);
        return OK;
    }
    if (wish->names->at && !wish->projection.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "ExpressionAttributeNames can only be specified when using expressions");
    if (!wish->projection.at)
        return OK;
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, wish->names,
                              &(struct dynamodb_expression_attribute_value_map){0}, &scope));
    TRY(expression_bind(&scope, EXPRESSION_PROJECTION, wish->projection, &ret->projection));
    return expression_scope_close(&scope);
}

struct dynamodb_attribute_map view_show(struct call *c, const struct view *view,
                                        const struct kv_map *item)
{
    struct kv_map part;
    if (!view->projection.program)
        return attribute_show_map(c, item);
    expression_project(&view->projection, item, c->arena, &part);
    return attribute_show_map(c, &part);
}
