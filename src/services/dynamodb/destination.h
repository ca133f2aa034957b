// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Streams of Kinesis that a table's changes are put into. One of a table's is alive at a time;
 * those that are not stay to be told of. Changes lie in a log of the engine from the commit that
 * makes them until they are delivered.
 */
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* In records: for ever. */
enum DESTINATION_STATE {
    DESTINATION_ENABLING = 1,
    DESTINATION_ACTIVE,
    DESTINATION_UPDATING,
    DESTINATION_DISABLING,
    DESTINATION_DISABLED,
    DESTINATION_FAILED, /* ENABLE_FAILED */
};

/* Of a table that is being deleted: what has changed until now is still delivered. Control thread.
 */
RESULT destination_close(struct call *c, const struct dynamodb_table *table);

/* destination_step.c: brings a batch of each to its stream, each in a transaction of its own. 1:
 * there is more now, 0: nothing, or not now; *ret_alive: some table has a destination. Workers. */
MUST_CHECK int destination_deliver(struct cloud *cloud, bool *ret_alive);
/* From the moving states to the lasting ones, in c->txn. 1: something moved. Control thread. */
MUST_CHECK int destination_settle(struct call *c);
