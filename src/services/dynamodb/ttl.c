// SPDX-License-Identifier: Apache-2.0
/*
 * UpdateTimeToLive and DescribeTimeToLive. The engine deletes what has ended; the state goes from
 * ENABLING to ENABLED when it knows all items. Texts and the interval between changes as the real
 * service was measured to have them. Control thread.
 */
#include "services/dynamodb/reference.h"
#include "services/dynamodb/replica.h"
#include "services/dynamodb/table.h"

#define CHANGE_MS (30 * 60 * 1000) /* between two changes */

static RESULT check_state(struct call *c, const struct dynamodb_table *table)
{
    const char *state = table->state == TABLE_CREATING   ? "CREATING"
                        : table->state == TABLE_DELETING ? "DELETING"
                                                         : NULL;
    if (!state)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Cannot describe time to live while table is in %s state: Current table state "
                  "is %s",
                  state, state);
}

struct span ttl_state_name(uint64_t state)
{
    static const struct span names[] = {
        [TTL_DISABLED] = S_INIT("DISABLED"),
        [TTL_ENABLING] = S_INIT("ENABLING"),
        [TTL_ENABLED] = S_INIT("ENABLED"),
        [TTL_DISABLING] = S_INIT("DISABLING"),
    };
    return names[state];
}

RESULT dynamodb_describe_time_to_live(struct call *c,
                                      const struct dynamodb_describe_time_to_live_in *in,
                                      struct dynamodb_describe_time_to_live_out *out)
{
    struct dynamodb_table table;
    TRY(reference_table(c, in->table_name, &table));
    TRY(check_state(c, &table));
    out->time_to_live_description = ARENA_NEW(c->arena, struct dynamodb_time_to_live_description);
    out->time_to_live_description->time_to_live_status = ttl_state_name(table.ttl_state);
    if (table.ttl_state != TTL_DISABLED)
        out->time_to_live_description->attribute_name = table.ttl_attribute;
    return OK;
}

static RESULT check_change(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_time_to_live_specification *wanted)
{
    bool on = table->ttl_state == TTL_ENABLING || table->ttl_state == TTL_ENABLED;
    if (on && !span_eq(table->ttl_attribute, wanted->attribute_name))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "TimeToLive is active on a different AttributeName: current AttributeName "
                      "is %.*s",
                      SPAN_ARG(table->ttl_attribute));
    if (on == wanted->enabled)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "TimeToLive is already %s",
                      on ? "enabled" : "disabled");
    if (table->ttl_changed && c->now_ms - table->ttl_changed < CHANGE_MS)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Time to live has been modified multiple times within a fixed interval");
    return OK;
}

RESULT table_set_ttl(struct call *c, struct dynamodb_table *table,
                     const struct dynamodb_time_to_live_specification *wanted)
{
    struct kv_access access = reference_access(c);
    struct span name = reference_of(c->arena, table);
    int error = wanted->enabled ? kv_expiry_set(&access, name, wanted->attribute_name)
                                : kv_expiry_clear(&access, name);
    if (error < 0)
        return refuse_errno(c, error, "setting how items end");
    table->ttl_attribute = wanted->attribute_name;
    table->ttl_state = wanted->enabled ? TTL_ENABLING : TTL_DISABLING;
    table->ttl_changed = c->now_ms;
    table_put_moving(c, table);
    return OK;
}

RESULT dynamodb_update_time_to_live(struct call *c,
                                    const struct dynamodb_update_time_to_live_in *in,
                                    struct dynamodb_update_time_to_live_out *out)
{
    const struct dynamodb_time_to_live_specification *wanted = in->time_to_live_specification;
    struct dynamodb_table table;
    TRY(reference_table(c, in->table_name, &table));
    TRY(table_check_active(c, &table));
    TRY(check_change(c, &table, wanted));

    TRY(replica_lock(c, &table));
    TRY(table_set_ttl(c, &table, wanted));
    TRY(replica_set_ttl(c, &table, wanted));
    out->time_to_live_specification =
        ARENA_NEW(c->arena, struct dynamodb_time_to_live_specification);
    *out->time_to_live_specification = *wanted;
    return OK;
}
