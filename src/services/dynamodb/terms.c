// SPDX-License-Identifier: Apache-2.0
/* The parameters that Query and Scan share, checked in the real service's order. Any thread. */
#include "services/dynamodb/terms.h"

#include "services/dynamodb/legacy.h"

static RESULT read_start(struct call *c, const struct terms_wish *wish, struct terms *ret)
{
    ret->has_start = wish->start->at != NULL;
    const struct refusal *refusal =
        attribute_read_map(c, ATTRIBUTE_PLAIN, ATTRIBUTE_PAIRS(*wish->start), &ret->start);
    if (!refusal)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "The provided starting key is invalid: %.*s",
                  SPAN_ARG(refusal->message));
}

static RESULT read_expressions(struct call *c, const struct terms_wish *wish, struct terms *ret)
{
    struct expression_scope scope;
    struct expression bound;
    TRY(expression_scope_open(c, ATTRIBUTE_PLAIN, wish->names, wish->values, &scope));
    TRY(expression_bind(&scope, EXPRESSION_FILTER, wish->filter, &bound));
    if (bound.program)
        ret->filter = bound;
    TRY(expression_bind(&scope, EXPRESSION_PROJECTION, wish->projection, &bound));
    if (bound.program)
        ret->projection = bound;
    TRY(expression_bind(&scope, EXPRESSION_KEY, wish->key, &ret->key));
    return expression_scope_close(&scope);
}

RESULT terms_read(struct call *c, const struct terms_wish *wish, struct terms *ret)
{
    *ret = (struct terms){.has_start = false};
    TRY(parameter_check(c, wish->parameters));
    TRY(legacy_filter(c, wish->conditions, wish->conditional_operator, &ret->filter));
    TRY(legacy_attributes(c, wish->attributes, &ret->projection));
    TRY(read_start(c, wish, ret));
    if (wish->needs_key && !wish->key.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Either the KeyConditions or KeyConditionExpression parameter must be "
                      "specified in the request.");
    TRY(read_expressions(c, wish, ret));
    ret->select = (struct source_select){.select = wish->select,
                                         .projection = &ret->projection,
                                         .filter = &ret->filter,
                                         .named = wish->attributes->at != NULL,
                                         .consistent = wish->consistent};
    return source_check_select(c, &ret->select, wish->index);
}
