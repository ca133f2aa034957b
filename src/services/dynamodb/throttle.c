// SPDX-License-Identifier: Apache-2.0
/*
 * Throttling ("Throttling diagnosis", "Burst and adaptive capacity"): five minutes of unused units
 * are kept; a local index is written and read on the table's units, a global one on its own, and a
 * write is refused when a global index that it changes cannot take it. Keys that share a part of
 * the table share what a part takes.
 */
#include "services/dynamodb/throttle.h"

#include "services/dynamodb/allowance.h"
#include "services/dynamodb/capacity.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/reference.h"

#include <errno.h>

#define TABLE_EXCEEDED                                                                             \
    "The level of configured provisioned throughput for the table was exceeded. Consider "         \
    "increasing your provisioning level with the UpdateTable API."
#define INDEX_EXCEEDED                                                                             \
    "The level of configured provisioned throughput for one or more global secondary indexes of "  \
    "the table was exceeded. Consider increasing your provisioning level for the "                 \
    "under-provisioned global secondary indexes with the UpdateTable API"
#define CURRENT_EXCEEDED                                                                           \
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically "   \
    "scaling your table or index so please try again shortly. If exceptions persist, check if "    \
    "you "                                                                                         \
    "have a hot key: "                                                                             \
    "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"                            \
    "bp-partition-key-design.html"
#define MAXIMUM_EXCEEDED                                                                           \
    "Throughput exceeds the maximum OnDemandThroughput configured on table or index"

/* ---- who is refused ------------------------------------------------------------------------- */

enum LIMIT { LIMIT_RATE, LIMIT_KEY_RANGE };

struct excess {
    const struct kv_index *index; /* NULL: the table's */
    enum KV_METER which;
    enum LIMIT limit;
    struct span key; /* that was asked for, absent: no single one */
};

static struct span key_of(const struct throttle_target *target)
{
    return target->key ? span_of(target->key->bytes, target->key->len) : SPAN_NONE;
}

/* The engine's name of a table has account, region and name. */
static struct span resource_of(struct call *c, const struct kv_table *table,
                               const struct kv_index *index)
{
    struct span rest = kv_table_name(table);
    struct span account = span_cut(&rest, '/'), region = span_cut(&rest, '/');
    struct span name = index ? kv_index_schema(index)->name : S("");
    return arena_printf(c->arena, "arn:aws:dynamodb:%.*s:%.*s:table/%.*s%s%.*s", SPAN_ARG(region),
                        SPAN_ARG(account), SPAN_ARG(rest), index ? "/index/" : "", SPAN_ARG(name));
}

/* Code and text are of the table's mode, the reason tells what was exceeded ("Throttling
 * diagnosis"): a table on demand that has not grown yet is one whose parts are too few. Both errors
 * have the list, under names that differ in their first letter. */
static RESULT refuse_excess(struct call *c, const struct kv_table *table,
                            const struct excess *excess)
{
    if (excess->key.at)
        kv_ranking_count(table, excess->index,
                         &(struct kv_use){KV_RANKING_REFUSED, excess->key, 1});
    bool on_demand = kv_rates_kind(table) == THROTTLE_ON_DEMAND;
    bool key_range =
        excess->limit == LIMIT_KEY_RANGE || kv_meter_grows(table, excess->index, excess->which);
    const char *text = !on_demand  ? excess->index ? INDEX_EXCEEDED : TABLE_EXCEEDED
                       : key_range ? CURRENT_EXCEEDED
                                   : MAXIMUM_EXCEEDED;
    const char *limit = key_range ? "KeyRange" : on_demand ? "MaxOnDemand" : "Provisioned";
    struct span reasons = arena_printf(
        c->arena, "[{\"reason\":\"%s%s%sThroughputExceeded\",\"resource\":\"%.*s\"}]",
        excess->index ? "Index" : "Table", excess->which == KV_METER_READ ? "Read" : "Write", limit,
        SPAN_ARG(resource_of(c, table, excess->index)));
    const struct refusal *refusal =
        refuse(c,
               on_demand ? &DYNAMODB_THROTTLING_EXCEPTION
                         : &DYNAMODB_PROVISIONED_THROUGHPUT_EXCEEDED_EXCEPTION,
               "%s", text);
    return refusal_add_json(c, refusal, on_demand ? S("throttlingReasons") : S("ThrottlingReasons"),
                            reasons);
}

/* Of the table's keys or (index not NULL) an index's. */
static bool part_has(const struct throttle_target *target, const struct kv_index *index,
                     struct span key, enum KV_METER which)
{
    return !key.at ||
           kv_part_has(target->access, &(struct kv_part){target->table, index, key}, which);
}

RESULT throttle_refuse(struct call *c, const struct throttle_target *target, enum KV_METER which)
{
    struct span key = key_of(target);
    const struct excess excess = {.which = which,
                                  .limit = part_has(target, NULL, key, which) ? LIMIT_RATE
                                                                              : LIMIT_KEY_RANGE,
                                  .key = key};
    return refuse_excess(c, target->table, &excess);
}

/* ---- who is let in -------------------------------------------------------------------------- */

static bool table_has(const struct throttle_target *target, enum KV_METER which)
{
    return kv_meter_has(target->access, target->table, NULL, which) &&
           part_has(target, NULL, key_of(target), which);
}

/* `index` NULL: of the table; `key` absent: of no single key. */
static void take(const struct throttle_target *target, const struct kv_index *index,
                 enum KV_METER which, const struct kv_use *use)
{
    kv_meter_take(target->access, target->table, index, which, use->units);
    if (!use->key.at)
        return;
    kv_part_take(target->access, &(struct kv_part){target->table, index, use->key}, which,
                 use->units);
    kv_ranking_count(target->table, index, use);
}

static void take_of_table(const struct throttle_target *target, enum KV_METER which, double units)
{
    take(target, NULL, which, &(struct kv_use){KV_RANKING_USED, key_of(target), units});
}

/* A global index has meters of its own. */
static RESULT check_index(struct call *c, const struct throttle_target *target,
                          const struct kv_index *index, struct span key, enum KV_METER which)
{
    bool part = part_has(target, index, key, which);
    if (part && kv_meter_has(target->access, target->table, index, which))
        return OK;
    return refuse_excess(c, target->table,
                         &(struct excess){index, which, part ? LIMIT_RATE : LIMIT_KEY_RANGE, key});
}

RESULT throttle_read(struct call *c, const struct throttle_target *target,
                     const struct kv_index *index, double units)
{
    const struct kv_index *own = index && !kv_index_schema(index)->local ? index : NULL;
    if (own) {
        TRY(check_index(c, target, own, target->entries, KV_METER_READ));
        take(target, own, KV_METER_READ, &(struct kv_use){KV_RANKING_USED, target->entries, units});
        return OK;
    }
    if (!table_has(target, KV_METER_READ))
        return throttle_refuse(c, target, KV_METER_READ);
    take_of_table(target, KV_METER_READ, units);
    return OK;
}

RESULT throttle_failed_write(struct call *c, const struct throttle_target *target, double units)
{
    if (!table_has(target, KV_METER_WRITE))
        return throttle_refuse(c, target, KV_METER_WRITE);
    take_of_table(target, KV_METER_WRITE, units);
    return OK;
}

/* Vectors are charged in bytes, of which there is no limit. */
static bool is_metered(const struct kv_change *change, const struct kv_table *table)
{
    return change->table == table && !kv_index_schema(change->index)->vector.at;
}

static void take_change(const struct throttle_target *target, const struct kv_change *change,
                        double units)
{
    if (kv_index_schema(change->index)->local)
        kv_meter_take(target->access, target->table, NULL, KV_METER_WRITE, units);
    else
        take(target, change->index, KV_METER_WRITE,
             &(struct kv_use){KV_RANKING_USED, change->key, units});
}

void throttle_take_write(const struct throttle_target *target, const struct throttle_write *write)
{
    const struct kv_change *change;
    take_of_table(target, KV_METER_WRITE, write->units);
    for (change = write->changes->first; change; change = change->next)
        if (is_metered(change, target->table))
            take_change(target, change, write->factor * capacity_of_change(change));
}

RESULT throttle_write(struct call *c, const struct throttle_target *target,
                      const struct throttle_write *write)
{
    const struct kv_change *change;
    if (!table_has(target, KV_METER_WRITE))
        return throttle_refuse(c, target, KV_METER_WRITE);
    for (change = write->changes->first; change; change = change->next)
        if (is_metered(change, target->table) && !kv_index_schema(change->index)->local)
            TRY(check_index(c, target, change->index, change->key, KV_METER_WRITE));
    throttle_take_write(target, write);
    return OK;
}

bool throttle_is_open(const struct throttle_target *target, enum KV_METER which)
{
    const struct kv_index *index;
    if (!table_has(target, which))
        return false;
    for (size_t at = 0; which == KV_METER_WRITE && (index = kv_index_next(target->table, &at));)
        if (!kv_meter_has(target->access, target->table, index, which))
            return false;
    return true;
}

/* ---- rates ---------------------------------------------------------------------------------- */

/* Of a table or an index. */
struct throughput {
    bool on_demand;
    uint64_t read, write, max_read, max_write, warm_read, warm_write;
};

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* A maximum on demand is a rate like any other; without one it begins with what a new table takes,
 * or what it was warmed up to, and grows ("DynamoDB on-demand capacity mode"). */
static struct kv_rates rates_of(const struct throughput *of)
{
    if (!of->on_demand)
        return (struct kv_rates){
            .read = of->read, .write = of->write, .kind = THROTTLE_PROVISIONED};
    return (struct kv_rates){
        .read = of->max_read ? of->max_read : larger(of->warm_read, WARM_READ_UNITS),
        .write = of->max_write ? of->max_write : larger(of->warm_write, WARM_WRITE_UNITS),
        .read_grows = !of->max_read,
        .write_grows = !of->max_write,
        .kind = THROTTLE_ON_DEMAND};
}

RESULT throttle_set(struct call *c, const struct dynamodb_table *table)
{
    const struct kv_access access = reference_access(c);
    struct span name = reference_of(c->arena, table);
    struct kv_rates rates = rates_of(&(struct throughput){
        table->on_demand, table->read_units, table->write_units, table->max_read, table->max_write,
        table->warm_read, table->warm_write});
    int error = kv_rates_set(&access, name, SPAN_NONE, &rates);
    for (size_t i = 0; i < table->indexes.count && !error; i++) {
        const struct dynamodb_table_index *index = &table->indexes.at[i];
        rates = rates_of(&(struct throughput){table->on_demand && !index->local, index->read_units,
                                              index->write_units, index->max_read, index->max_write,
                                              index->warm_read, index->warm_write});
        error = kv_rates_set(&access, name, index->name, &rates);
        if (error == -ENOENT) /* it is on its way out */
            error = 0;
    }
    return error < 0 ? refuse_errno(c, error, "setting a table's units") : OK;
}
