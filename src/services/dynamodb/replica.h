// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Global tables, version 2019.11.21: each region's table has those of all others as its replicas,
 * is written to by itself and gets the others' changes a moment later; of two writes of an item the
 * later one stays. Control thread but for replica_deliver.
 */
#include "services/cloud.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/dynamodb.records.h"
#include "wire/call.h"

/* In records: for ever. */
enum REPLICA_STATE { REPLICA_CREATING = 1, REPLICA_ACTIVE, REPLICA_DELETING };
enum REPLICATION_STATE { REPLICATION_ACTIVE = 1, REPLICATION_ENDING };

/* The same call in another region. */
struct call replica_call(const struct call *c, struct span region);
/* The table of that name in the region of `there`. */
RESULT replica_find(struct call *there, const struct dynamodb_table *table,
                    struct dynamodb_table *ret);

/* ReplicaUpdates: alone, and then done to a table. */
RESULT replica_check_updates(struct call *c,
                             const struct dynamodb_replication_group_update_list *in);
RESULT replica_update(struct call *c, const struct dynamodb_replication_group_update_list *in,
                      struct dynamodb_table *table, struct dynamodb_table_description **ret);
/* What a table with a replica may not change. */
RESULT replica_check_change(struct call *c, const struct dynamodb_table *table,
                            const struct dynamodb_update_table_in *in);
/* No replica comes or goes, and none was made of this table a short time ago. */
RESULT replica_check_settled(struct call *c, const struct dynamodb_table *table);
/* Begins the deletion of a table that has replicas; the others stay. */
RESULT replica_leave(struct call *c, struct dynamodb_table *leaving);
/* The place of a region among a table's replicas, or NULL. */
struct dynamodb_replica_link *replica_link(const struct dynamodb_table *table, struct span region);
/* Without the one of that region. */
void replica_unlink(struct dynamodb_table *table, struct span region);
/* All locks of a table and its replicas, before they are changed. */
RESULT replica_lock(struct call *c, const struct dynamodb_table *table);
RESULT replica_set_ttl(struct call *c, const struct dynamodb_table *table,
                       const struct dynamodb_time_to_live_specification *wanted);
RESULT replica_describe(struct call *c, const struct dynamodb_table *table,
                        struct dynamodb_table_description *to);
/* No replica comes or goes. */
RESULT replica_check_members(struct call *c, const struct dynamodb_table *table);
/* ReplicaStatus of a member of a global table, which may be the table itself. */
struct span replica_status(const struct dynamodb_table *of, const struct dynamodb_table *member);

/*
 * replica_units.c: units of a global table that is provisioned. Those of writes are the same in all
 * regions and follow what is written anywhere, so each region has to scale them; those of reads are
 * a region's own once they differ.
 */
/* "… write capacity should either be Pay-Per-Request or AutoScaled." */
RESULT replica_check_scaled(struct call *c, const struct dynamodb_table *table);
RESULT replica_check_indexes_scaled(struct call *c, const struct dynamodb_table *table);
/* Writes are scaled in that region as they are here. */
RESULT replica_share_scaling(struct call *c, const struct dynamodb_table *table,
                             struct span region);
/* Gives a new index's writes the settings that DynamoDB chooses, here. */
RESULT replica_scale_index(struct call *c, const struct dynamodb_table *table, struct span index);
/* What a replica's table gets of a change of `before`, or NULL members where that is nothing. */
struct dynamodb_update_table_in replica_units_of(struct call *c,
                                                 const struct dynamodb_update_table_in *in,
                                                 const struct dynamodb_table *before,
                                                 const struct dynamodb_table *peer);
/* All replicas would take a change of units now. 0 or 1, or a negative errno. */
MUST_CHECK int replica_units_settled(struct call *c, const struct dynamodb_table *table);
RESULT replica_describe_units(struct call *c, const struct dynamodb_table *table,
                              struct dynamodb_replica_description *to);

/* replica_step.c: brings a batch of changes of each table to its replica, each in a transaction of
 * its own. 1: there is more now, 0: nothing, or not now; *ret_alive: some table has a replica.
 * Workers. */
MUST_CHECK int replica_deliver(struct cloud *cloud, bool *ret_alive);
/* Opens replicas that have all items, ends those that are gone, in c->txn. 1: something moved. */
MUST_CHECK int replica_settle(struct call *c);
