// SPDX-License-Identifier: Apache-2.0
/* Views of items for readers of several. Any thread. */
#include "services/dynamodb/view.h"

#include "services/dynamodb/legacy.h"
#include "services/dynamodb/parameter.h"

RESULT view_open(struct call *c, const struct view_wish *wish, struct view *ret)
{
    struct expression_scope scope;
    const struct parameter expressions[] = {PARAMETER(wish, projection, "ProjectionExpression"),
                                            {NULL}};
    const struct parameter others[] = {PARAMETER(wish, attributes, "AttributesToGet"), {NULL}};
    *ret = (struct view){0};
    TRY(parameter_check(c, &(struct parameter_set){.expressions = expressions,
                                                   .others = others,
                                                   .names = wish->names->at != NULL}));
    if (wish->attributes.at)
        return legacy_attributes(c, &wish->attributes, &ret->projection);
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, wish->names, NULL, &scope));
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
