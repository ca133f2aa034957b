// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * PartiQL statements: SELECT, INSERT, UPDATE, DELETE and EXISTS, made into expressions, items and
 * keys ("PartiQL reference for DynamoDB"). Parameters take the places of their question marks while
 * a statement is read. Any thread.
 */
#include "services/dynamodb/item.h"
#include "services/dynamodb/page.h"

enum PARTIQL_KIND {
    PARTIQL_SELECT,
    PARTIQL_INSERT,
    PARTIQL_UPDATE,
    PARTIQL_DELETE,
    PARTIQL_EXISTS, /* of a transaction: a SELECT that must find */
};

enum PARTIQL_RETURNING {
    PARTIQL_NOTHING,
    PARTIQL_ALL_OLD,
    PARTIQL_ALL_NEW,
    PARTIQL_MODIFIED_OLD,
    PARTIQL_MODIFIED_NEW,
};

struct partiql {
    enum PARTIQL_KIND kind;
    struct span table, index;     /* index absent: the table itself */
    struct expression projection; /* absent: all attributes */
    const struct span *labels;    /* what its paths are called */
    struct expression where, update;
    struct kv_map item; /* of INSERT */
    enum PARTIQL_RETURNING returning;
    struct span order; /* attribute of ORDER BY, or absent */
    enum KV_ORDER direction;
};

RESULT partiql_read(struct call *c, struct span text,
                    const struct dynamodb_prepared_statement_parameters *parameters,
                    struct partiql *ret);
/* May the caller do this? */
RESULT partiql_require(struct call *c, const struct partiql *statement);

/* The conditions that must hold whatever else is in WHERE: comparisons with values, joined by AND.
 * False in *ret_only when WHERE says more than these. */
void partiql_conjuncts(const struct partiql *statement, struct expression_keys *ret,
                       bool *ret_only);

/* ---- one item ------------------------------------------------------------------------------- */

/* Table and key of a statement that writes, or that reads by the whole key. */
RESULT partiql_aim(struct call *c, const struct partiql *statement, struct item_target *ret);
/* Does what a statement says to a target that is locked and read; what it returns is in *ret_item,
 * which is empty when it is nothing. `on_failure`: ReturnValuesOnConditionCheckFailure. */
struct partiql_result {
    struct kv_map item;
    size_t bytes; /* of the larger of what was and what is */
};
RESULT partiql_apply(struct call *c, const struct partiql *statement, struct item_target *target,
                     struct span on_failure, struct partiql_result *ret);
/* The same for a statement that reads one item by its key. */
RESULT partiql_look(struct call *c, const struct partiql *statement, struct item_target *target,
                    struct partiql_result *ret);

/* ---- many items ----------------------------------------------------------------------------- */

struct partiql_query {
    const struct partiql *statement;
    bool consistent;
    size_t limit;               /* 0: none */
    const struct kv_map *after; /* or NULL */
};
/* `wish` and `range` are for page_capacity and live as long as the call. */
RESULT partiql_select(struct call *c, const struct partiql_query *query, struct source *source,
                      struct page_wish *wish, struct page *ret);
