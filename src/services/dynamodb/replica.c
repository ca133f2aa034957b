// SPDX-License-Identifier: Apache-2.0
/*
 * ReplicaUpdates and what a table with replicas may and may not do. A replica is made by the
 * engine's copy of the table it is asked of; from the same moment on it gets that table's changes,
 * and of every other member those that had not come to that table yet. Rules and texts as the real
 * service was measured to have them in 2026; settings per region and strong consistency are not
 * built. Control thread.
 */
#include "services/dynamodb/replica.h"

#include "base/time.h"
#include "services/dynamodb/backup.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "wire/region.h"

#include <errno.h>

#define SOURCE_MS DAY_MS /* for so long a table that was copied stays */
#define REGIONS_CEILING 4096

#define BAD "One or more parameter values were invalid: "

struct call replica_call(const struct call *c, struct span region)
{
    struct call there = *c;
    there.region = region;
    return there;
}

RESULT replica_find(struct call *there, const struct dynamodb_table *table,
                    struct dynamodb_table *ret)
{
    *ret = reference_key(there, table->name);
    int error = dynamodb_table_get(there->txn, there->arena, ret);
    return error < 0 ? refuse_errno(there, error, "reading a replica's record") : OK;
}

struct dynamodb_replica_link *replica_link(const struct dynamodb_table *table, struct span region)
{
    for (size_t i = 0; i < table->replicas.count; i++)
        if (span_eq(table->replicas.at[i].region, region))
            return &table->replicas.at[i];
    return NULL;
}

static void link(struct call *c, struct dynamodb_table *table, struct span region,
                 enum REPLICA_STATE state)
{
    struct dynamodb_replica_link_list links = {
        ARENA_ARRAY(c->arena, struct dynamodb_replica_link, table->replicas.count + 1),
        table->replicas.count + 1};
    for (size_t i = 0; i < table->replicas.count; i++)
        links.at[i] = table->replicas.at[i];
    links.at[links.count - 1] = (struct dynamodb_replica_link){region, state};
    table->replicas = links;
}

void replica_unlink(struct dynamodb_table *table, struct span region)
{
    size_t kept = 0;
    for (size_t i = 0; i < table->replicas.count; i++)
        if (!span_eq(table->replicas.at[i].region, region))
            table->replicas.at[kept++] = table->replicas.at[i];
    table->replicas.count = kept;
}

/* ---- what is asked for ---------------------------------------------------------------------- */

static struct span region_of(const struct dynamodb_replication_group_update *update)
{
    return update->create         ? update->create->region_name
           : update->update       ? update->update->region_name
           : update->delete       ? update->delete->region_name
           : update->disassociate ? update->disassociate->region_name
                                  : SPAN_NONE;
}

static RESULT check_region(struct call *c, struct span region)
{
    size_t count;
    const struct region *all = region_table(&count);
    struct buf *names = arena_buf(c->arena, REGIONS_CEILING);
    if (span_eq(region, c->region))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Cannot add or delete the local region through ReplicaUpdates. Use "
                      "CreateTable, DeleteTable, or UpdateTable as required.");
    if (region_known(region))
        return OK;
    for (size_t i = 0; i < count; i++)
        buf_printf(names, "%s%.*s", i ? ", " : "", SPAN_ARG(all[i].name));
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Region %.*s is not supported. The latest version of global tables are only "
                  "supported in the following regions: [%.*s]",
                  SPAN_ARG(region), (int)names->len, names->at);
}

/* The same creation twice is one. */
static RESULT check_count(struct call *c, const struct dynamodb_replication_group_update_list *in)
{
    for (size_t i = 1; i < in->count; i++)
        if (!in->at[i].create || !in->at[0].create ||
            !span_eq(region_of(&in->at[i]), region_of(&in->at[0])))
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Update table operation with more than one create or delete replica "
                          "actions not allowed");
    return OK;
}

static RESULT refuse_no_action(struct call *c)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "There are no actions specified in the Replica Update Action of the request.");
}

RESULT replica_check_updates(struct call *c,
                             const struct dynamodb_replication_group_update_list *in)
{
    for (size_t i = 0; i < in->count; i++) {
        const struct dynamodb_replication_group_update *at = &in->at[i];
        int actions = (at->create != NULL) + (at->update != NULL) + (at->delete != NULL) +
                      (at->disassociate != NULL);
        if (!actions)
            return refuse_no_action(c);
        if (actions > 1)
            return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                          "Update table operation with more than one type of replica actions not "
                          "allowed");
        if (at->disassociate)
            return table_not_built(c, "Disassociate");
        TRY(check_region(c, region_of(at)));
    }
    return check_count(c, in);
}

static RESULT refuse_in_use(struct call *c)
{
    return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                  "The resource which you are attempting to change is in use.");
}

RESULT replica_check_members(struct call *c, const struct dynamodb_table *table)
{
    bool moving = table->joining;
    for (size_t i = 0; i < table->replicas.count; i++)
        moving |= table->replicas.at[i].state != REPLICA_ACTIVE;
    return moving ? refuse_in_use(c) : OK;
}

static RESULT check_still(struct call *c, const struct dynamodb_table *table)
{
    if (table->state != TABLE_ACTIVE)
        return refuse_in_use(c);
    return replica_check_members(c, table);
}

static RESULT check_source(struct call *c, const struct dynamodb_table *table)
{
    if (!table->replicas.count || !table->sourced || c->now_ms - table->sourced >= SOURCE_MS)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Replica cannot be deleted because it has acted as a source region for new "
                  "replica(s) being added to the table in the last 24 hours.");
}

static RESULT check_member(struct call *c, const struct dynamodb_table *table, struct span region)
{
    if (replica_link(table, region))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Update global table operation failed because one or more replicas were not part "
                  "of the global table. Please retry the request without these replicas: [%.*s].",
                  SPAN_ARG(region));
}

/* ---- Create --------------------------------------------------------------------------------- */

static RESULT check_key(struct call *c, struct span key)
{
    if (!key.at)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "KMSMasterKeyId must be specified for each replica.");
}

static RESULT check_create(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_create_replication_group_member_action *wanted)
{
    struct call there = replica_call(c, wanted->region_name);
    struct dynamodb_table other = reference_key(&there, table->name);
    int error = dynamodb_table_get(c->txn, c->arena, &other);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a table's record");
    if (!error)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Failed to create a the new replica of table with name: ‘%.*s’ because one "
                      "or more replicas already existed as tables.",
                      SPAN_ARG(table->name));
    TRY(check_still(c, table));
    TRY(check_key(c, wanted->kms_master_key_id));
    if (wanted->provisioned_throughput_override || wanted->on_demand_throughput_override ||
        wanted->global_secondary_indexes.count || wanted->table_class_override.at)
        return table_not_built(c, "A replica with settings of its own");
    return table->on_demand ? OK : replica_check_scaled(c, table);
}

/* Tags, policies, recovery and protection are each region's own. */
static struct dynamodb_table made_of(struct call *there, const struct dynamodb_table *table)
{
    struct dynamodb_table made =
        table_made_like(there, table->name, backup_blueprint(there->arena, table));
    made.on_demand_since = made.on_demand ? there->now_ms : 0;
    made.max_read = table->max_read;
    made.max_write = table->max_write;
    made.elder = table->region;
    made.joining = true;
    made.indexes = table_copy_indexes(there->arena, table);
    for (size_t i = 0; i < made.indexes.count; i++)
        made.indexes.at[i].state = INDEX_CREATING;
    return made;
}

/* The log of a table's changes: it has one from its first replica on. */
static RESULT open_log(struct call *c, const struct dynamodb_table *table, uint64_t *ret)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_replication replication = {
        .account = table->account, .region = table->region, .table = table->name};
    int error;
    if (table->replicas.count) {
        replication.peer = table->replicas.at[0].region;
        error = dynamodb_replication_get(c->txn, c->arena, &replication);
        *ret = replication.log;
    } else {
        error = kv_stream_open(&access, reference_of(c->arena, table), KV_LOG_REPLICAS, KV_VIEW_NEW,
                               ret);
    }
    return error < 0 ? refuse_errno(c, error, "opening a log for replicas") : OK;
}

/* From `table` to the new one, which has all changes before number `next`. */
static void feed(struct call *c, const struct dynamodb_table *table, struct span peer,
                 const struct dynamodb_replication *like, uint64_t next)
{
    dynamodb_replication_put(c->txn, &(struct dynamodb_replication){.account = table->account,
                                                                    .region = table->region,
                                                                    .table = table->name,
                                                                    .peer = peer,
                                                                    .state = REPLICATION_ACTIVE,
                                                                    .log = like->log});
    dynamodb_replicated_put(c->txn, &(struct dynamodb_replicated){.account = table->account,
                                                                  .region = table->region,
                                                                  .table = table->name,
                                                                  .peer = peer,
                                                                  .next = next});
}

/* What the source has got of another member is in the copy: the source's items are locked. */
static RESULT feed_from_member(struct call *c, const struct dynamodb_table *source,
                               struct span member, struct dynamodb_table *made)
{
    struct dynamodb_table table;
    struct call there = replica_call(c, member);
    struct dynamodb_replication replication = {.account = source->account,
                                               .region = member,
                                               .table = source->name,
                                               .peer = source->region};
    struct dynamodb_replicated replicated = {.account = source->account,
                                             .region = member,
                                             .table = source->name,
                                             .peer = source->region};
    TRY(replica_find(&there, source, &table));
    TRY(check_still(c, &table));
    int error = dynamodb_replication_get(c->txn, c->arena, &replication);
    if (!error)
        error = dynamodb_replicated_get(c->txn, c->arena, &replicated);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading a replication");
    feed(c, &table, made->region, &replication, replicated.next);
    link(c, &table, made->region, REPLICA_CREATING);
    link(c, made, member, REPLICA_ACTIVE);
    dynamodb_table_put(c->txn, &table);
    return OK;
}

static RESULT feed_from_source(struct call *c, struct dynamodb_table *source, uint64_t log,
                               struct dynamodb_table *made)
{
    struct kv_access access = reference_access(c);
    struct kv_stream_state state;
    int error = kv_stream_look(&access, log, &state);
    if (error < 0)
        return refuse_errno(c, error, "reading a log for replicas");
    feed(c, source, made->region, &(struct dynamodb_replication){.log = log}, state.next);
    for (size_t i = 0; i < source->replicas.count; i++)
        TRY(feed_from_member(c, source, source->replicas.at[i].region, made));
    link(c, source, made->region, REPLICA_CREATING);
    link(c, made, source->region, REPLICA_ACTIVE);
    source->sourced = c->now_ms;
    return OK;
}

static RESULT create(struct call *c, struct dynamodb_table *table,
                     const struct dynamodb_create_replication_group_member_action *wanted)
{
    const struct dynamodb_stream_specification both_images = {
        .stream_enabled = true, .stream_view_type = S("NEW_AND_OLD_IMAGES")};
    struct kv_access access = reference_access(c);
    struct call there = replica_call(c, wanted->region_name);
    uint64_t log;
    TRY(check_create(c, table, wanted));
    TRY(reference_require(c, S("dynamodb:CreateTableReplica"), reference_arn(c, table->name)));
    TRY(open_log(c, table, &log));
    if (!table->streaming)
        TRY(table_set_stream(c, table, &both_images));
    struct dynamodb_table made = made_of(&there, table);
    TRY(table_make(&there, &made));
    int error = kv_copy_start(&access, &(struct kv_copy){.table = reference_of(c->arena, table),
                                                         .copy = reference_of(c->arena, &made)});
    if (error < 0)
        return refuse_errno(c, error, "copying items");
    TRY(feed_from_source(c, table, log, &made));
    table_put_moving(&there, &made);
    return table->on_demand ? OK : replica_share_scaling(c, table, made.region);
}

/* ---- Update, Delete ------------------------------------------------------------------------- */

static RESULT update(struct call *c, const struct dynamodb_table *table,
                     const struct dynamodb_update_replication_group_member_action *wanted)
{
    TRY(check_member(c, table, wanted->region_name));
    TRY(check_key(c, wanted->kms_master_key_id));
    bool any = wanted->provisioned_throughput_override || wanted->on_demand_throughput_override ||
               wanted->global_secondary_indexes.count || wanted->table_class_override.at;
    return any ? table_not_built(c, "A replica with settings of its own") : refuse_no_action(c);
}

static RESULT end(struct call *c, const struct dynamodb_table *from, struct span to)
{
    struct dynamodb_replication replication = {
        .account = from->account, .region = from->region, .table = from->name, .peer = to};
    int error = dynamodb_replication_get(c->txn, c->arena, &replication);
    if (error < 0)
        return refuse_errno(c, error, "reading a replication");
    replication.state = REPLICATION_ENDING;
    dynamodb_replication_put(c->txn, &replication);
    return OK;
}

/* What the leaving one was written is still brought to the others. `first`, or NULL, is one of them
 * that the caller has at hand and keeps. */
static RESULT leave(struct call *c, struct dynamodb_table *leaving, struct dynamodb_table *first)
{
    struct call there = replica_call(c, leaving->region);
    TRY(table_check_deletable(&there, leaving));
    for (size_t i = 0; i < leaving->replicas.count; i++) {
        struct call at = replica_call(c, leaving->replicas.at[i].region);
        struct dynamodb_table other, *staying = &other;
        if (first && span_eq(first->region, at.region))
            staying = first;
        else
            TRY(replica_find(&at, leaving, staying));
        TRY(check_still(c, staying));
        TRY(end(c, staying, leaving->region));
        replica_link(staying, leaving->region)->state = REPLICA_DELETING;
        dynamodb_table_put(c->txn, staying);
    }
    return table_begin_deleting(&there, leaving);
}

static RESULT delete (struct call *c, struct dynamodb_table *table,
                      const struct dynamodb_delete_replication_group_member_action *wanted)
{
    struct call there = replica_call(c, wanted->region_name);
    struct dynamodb_table peer;
    TRY(check_member(c, table, wanted->region_name));
    TRY(check_still(c, table));
    TRY(reference_require(&there, S("dynamodb:DeleteTableReplica"),
                          reference_arn(&there, table->name)));
    TRY(replica_find(&there, table, &peer));
    TRY(check_source(c, &peer));
    TRY(check_still(c, &peer));
    return leave(c, &peer, table);
}

RESULT replica_update(struct call *c, const struct dynamodb_replication_group_update_list *in,
                      struct dynamodb_table *table, struct dynamodb_table_description **ret)
{
    const struct dynamodb_replication_group_update *wanted = &in->at[0];
    if (wanted->update)
        return update(c, table, wanted->update);
    TRY(wanted->create ? create(c, table, wanted->create) : delete (c, table, wanted->delete));
    table->state = TABLE_UPDATING;
    table_put_moving(c, table);
    TRY(table_describe(c, table, ret));
    if (wanted->create) /* it is told of from the next answer on */
        (*ret)->replicas.count--;
    return OK;
}

/* ---- what a table with a replica does ------------------------------------------------------- */

RESULT replica_check_change(struct call *c, const struct dynamodb_table *table,
                            const struct dynamodb_update_table_in *in)
{
    if (!table->replicas.count)
        return OK;
    if (in->stream_specification && !in->stream_specification->stream_enabled)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Disabling Stream is not allowed for a Global Table replica.");
    TRY(check_still(c, table));
    if (table->on_demand && span_eq(in->billing_mode, S("PROVISIONED")))
        return replica_check_scaled(c, table);
    if (!table->on_demand && in->global_secondary_index_updates.count)
        return replica_check_indexes_scaled(c, table);
    return OK;
}

RESULT replica_check_settled(struct call *c, const struct dynamodb_table *table)
{
    bool coming = table->joining;
    for (size_t i = 0; i < table->replicas.count; i++)
        coming |= table->replicas.at[i].state == REPLICA_CREATING;
    if (coming)
        return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                      "Attempt to change a resource which is still in use: Table: %.*s is being "
                      "used.",
                      SPAN_ARG(table->name));
    return check_source(c, table);
}

RESULT replica_leave(struct call *c, struct dynamodb_table *leaving)
{
    TRY(check_still(c, leaving));
    return leave(c, leaving, NULL);
}

RESULT replica_lock(struct call *c, const struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    struct span *names = ARENA_ARRAY(c->arena, struct span, table->replicas.count + 1);
    if (!table->replicas.count)
        return OK;
    for (size_t i = 0; i < table->replicas.count; i++) {
        struct call there = replica_call(c, table->replicas.at[i].region);
        struct dynamodb_table peer = reference_key(&there, table->name);
        names[i] = reference_of(c->arena, &peer);
    }
    names[table->replicas.count] = reference_of(c->arena, table);
    int error = kv_lock_tables(&access, names, table->replicas.count + 1);
    return error < 0 ? refuse_errno(c, error, "locking replicas") : OK;
}

RESULT replica_set_ttl(struct call *c, const struct dynamodb_table *table,
                       const struct dynamodb_time_to_live_specification *wanted)
{
    for (size_t i = 0; i < table->replicas.count; i++) {
        struct dynamodb_table peer;
        struct call there = replica_call(c, table->replicas.at[i].region);
        TRY(replica_find(&there, table, &peer));
        if (!peer.joining && peer.state != TABLE_DELETING) /* what joins takes it over then */
            TRY(table_set_ttl(&there, &peer, wanted));
    }
    return OK;
}

static const struct span states[] = {[REPLICA_CREATING] = S_INIT("CREATING"),
                                     [REPLICA_ACTIVE] = S_INIT("ACTIVE"),
                                     [REPLICA_DELETING] = S_INIT("DELETING")};

struct span replica_status(const struct dynamodb_table *of, const struct dynamodb_table *member)
{
    const struct dynamodb_replica_link *link = replica_link(of, member->region);
    if (link)
        return states[link->state];
    return states[member->joining                   ? REPLICA_CREATING
                  : member->state == TABLE_DELETING ? REPLICA_DELETING
                                                    : REPLICA_ACTIVE];
}

RESULT replica_describe(struct call *c, const struct dynamodb_table *table,
                        struct dynamodb_table_description *to)
{
    if (!table->replicas.count)
        return OK;
    to->global_table_version = S("2019.11.21");
    to->replicas.at =
        ARENA_ARRAY(c->arena, struct dynamodb_replica_description, table->replicas.count);
    to->replicas.count = table->replicas.count;
    for (size_t i = 0; i < table->replicas.count; i++) {
        struct dynamodb_replica_description *shown = &to->replicas.at[i];
        shown->region_name = table->replicas.at[i].region;
        shown->replica_status = states[table->replicas.at[i].state];
        shown->warm_throughput = to->warm_throughput;
        if (!table->on_demand)
            TRY(replica_describe_units(c, table, shown));
    }
    return OK;
}
