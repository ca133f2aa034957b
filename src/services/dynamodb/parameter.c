// SPDX-License-Identifier: Apache-2.0
/* The exclusion of expressions and older parameters, in the real service's words. Any thread. */
#include "services/dynamodb/parameter.h"

static size_t given(const struct parameter *parameters)
{
    size_t count = 0;
    for (; parameters && parameters->name; parameters++)
        count += parameters->given;
    return count;
}

enum LISTED { LISTED_GIVEN, LISTED_ALL };

static struct span list(struct call *c, const struct parameter *parameters, struct span between,
                        enum LISTED listed)
{
    struct buf *text = arena_buf(c->arena, 4096);
    for (; parameters->name; parameters++) {
        if (listed == LISTED_GIVEN && !parameters->given)
            continue;
        if (text->len)
            buf_append(text, between);
        buf_append(text, span_of_cstr(parameters->name));
    }
    return buf_span(text);
}

static RESULT refuse_plain(struct call *c, const struct parameter_set *set, struct span message)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "%s%.*s",
                  set->words == ATTRIBUTE_WRAPPED ? "1 validation error detected: " : "",
                  SPAN_ARG(message));
}

static RESULT check_values(struct call *c, const struct parameter_set *set)
{
    if (!set->values || given(set->valued ? set->valued : set->expressions))
        return OK;
    struct span message =
        S("ExpressionAttributeValues can only be specified when using expressions");
    if (set->valued)
        message = arena_printf(c->arena, "%.*s: %.*s %s null", SPAN_ARG(message),
                               SPAN_ARG(list(c, set->valued, S(" and "), LISTED_ALL)),
                               set->valued[1].name ? "are" : "is");
    return refuse_plain(c, set, message);
}

static RESULT check_names(struct call *c, const struct parameter_set *set)
{
    if (!set->names || given(set->expressions))
        return OK;
    return refuse_plain(c, set,
                        S("ExpressionAttributeNames can only be specified when using expressions"));
}

RESULT parameter_check(struct call *c, const struct parameter_set *set)
{
    if (given(set->expressions) && given(set->others))
        return refuse_plain(
            c, set,
            arena_printf(c->arena,
                         "Can not use both expression and non-expression parameters in the same "
                         "request: Non-expression parameters: {%.*s} Expression parameters: "
                         "{%.*s}",
                         SPAN_ARG(list(c, set->others, S(", "), LISTED_GIVEN)),
                         SPAN_ARG(list(c, set->expressions, S(", "), LISTED_GIVEN))));
    if (set->words == ATTRIBUTE_PLAIN)
        TRY(check_names(c, set));
    TRY(check_values(c, set));
    return check_names(c, set);
}

RESULT parameter_check_number(struct call *c, const struct parameter_number *number)
{
    if (!number->given || number->value >= number->least)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "1 validation error detected: Value at '%s' failed to satisfy constraint: Member "
                  "must have value greater than or equal to %d",
                  number->name, number->least);
}
