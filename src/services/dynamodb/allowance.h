// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * OnDemandThroughput of tables and global indexes: the most that is read and written of them while
 * they are on demand; and WarmThroughput: what they take at once. Control thread.
 */
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* What may be asked for, by whom. */
struct allowance_wish {
    const struct dynamodb_on_demand_throughput *wanted; /* NULL: nothing */
    struct span index;                                  /* absent: the table's */
    bool on_demand;                                     /* as it will be */
    bool made;                                          /* it is there: -1 lifts a maximum */
};
RESULT allowance_check(struct call *c, const struct allowance_wish *wish);
/* Into max_read and max_write of a record; what is not named stays. */
void allowance_set(const struct dynamodb_on_demand_throughput *wanted, uint64_t *read,
                   uint64_t *write);
/* NULL: there is no maximum. */
struct dynamodb_on_demand_throughput *allowance_shown(struct call *c, uint64_t read,
                                                      uint64_t write);

/* What a table on demand takes from its first second ("Understanding warm throughput"). */
#define WARM_READ_UNITS 12000
#define WARM_WRITE_UNITS 4000

/* Warming up, of what has so much now. */
struct warm_wish {
    const struct dynamodb_warm_throughput *wanted; /* NULL: nothing */
    struct span index;                             /* absent: the table's */
    uint64_t read, write;                          /* now */
    bool made;                                     /* it is there */
};
RESULT allowance_check_warm(struct call *c, const struct warm_wish *wish);
/* Into warm_read and warm_write of a record; what is not named stays. */
void allowance_set_warm(const struct dynamodb_warm_throughput *wanted, uint64_t *read,
                        uint64_t *write);
