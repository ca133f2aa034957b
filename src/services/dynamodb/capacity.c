// SPDX-License-Identifier: Apache-2.0
/*
 * Capacity units ("DynamoDB read and write operations"): a read unit is 4 KB read consistently,
 * half of it is enough for an eventually consistent read; a write unit is 1 KB. Even nothing is
 * charged as one.
 */
#include "services/dynamodb/capacity.h"

#define READ_UNIT 4096 /* bytes */
#define WRITE_UNIT 1024

static double units_of(size_t bytes, size_t unit)
{
    return bytes ? (double)((bytes + unit - 1) / unit) : 1;
}

double capacity_of_read(size_t bytes, bool consistent)
{
    return units_of(bytes, READ_UNIT) * (consistent ? 1 : 0.5);
}

double capacity_of_write(size_t bytes)
{
    return units_of(bytes, WRITE_UNIT);
}

struct dynamodb_consumed_capacity *capacity_shown(struct call *c, struct span wanted,
                                                  struct span table_name, double units)
{
    bool indexes = span_eq(wanted, S("INDEXES"));
    if (!indexes && !span_eq(wanted, S("TOTAL")))
        return NULL;
    struct dynamodb_consumed_capacity *shown =
        ARENA_NEW(c->arena, struct dynamodb_consumed_capacity);
    shown->table_name = table_name;
    SET(shown, capacity_units, units);
    if (indexes) {
        shown->table = ARENA_NEW(c->arena, struct dynamodb_capacity);
        SET(shown->table, capacity_units, units);
    }
    return shown;
}
