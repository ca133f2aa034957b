// SPDX-License-Identifier: Apache-2.0
#pragma once
/* Which part of an item a reader wants: all of it, a projection, or whole attributes by name. Any
 * thread. */
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/expression/expression.h"

struct view_wish {
    struct dynamodb_attribute_name_list attributes; /* AttributesToGet */
    struct span projection;
    const struct dynamodb_expression_attribute_name_map *names;
};

struct view {
    struct expression projection; /* program NULL: the whole item */
};

/* Compiles and checks; both kinds of parameters together are refused. */
RESULT view_open(struct call *c, const struct view_wish *wish, struct view *ret);
struct dynamodb_attribute_map view_show(struct call *c, const struct view *view,
                                        const struct kv_map *item);
