// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Which parameters a request may have together: expressions, and the older parameters that they
 * replaced. Any thread.
 */
#include "services/dynamodb/expression/expression.h"

struct parameter {
    const char *name;
    bool given;
};

#define PARAMETER(in, field, name)                                                                 \
    {                                                                                              \
        name, (in)->field.at != NULL                                                               \
    }

/* Of one request; the lists end with a NULL name. */
struct parameter_set {
    enum ATTRIBUTE_WORDS words;
    const struct parameter *expressions, *others;
    bool names, values;             /* ExpressionAttributeNames, …Values are given */
    const struct parameter *valued; /* reads: the expressions that may have values */
};

RESULT parameter_check(struct call *c, const struct parameter_set *set);

/* "Value at 'Limit' failed …" for a number that is given and below the least. */
struct parameter_number {
    const char *name;
    bool given;
    int32_t value, least;
};
RESULT parameter_check_number(struct call *c, const struct parameter_number *number);
