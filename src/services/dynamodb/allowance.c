// SPDX-License-Identifier: Apache-2.0
/*
 * OnDemandThroughput ("DynamoDB maximum throughput for on-demand tables"): what may be asked for.
 * Rules and texts as the real service was measured to have them. Control thread.
 */
#include "services/dynamodb/allowance.h"

#define UNITS_MAX 40000 /* of a table or index ("Quotas") */
#define LIFTED (-1)

#define BAD "One or more parameter values were invalid: "

struct unit {
    int64_t value;
    bool given;
    const char *name, *limit;
};

/* "table", or "index : NAME" */
static struct span whose(struct call *c, const struct allowance_wish *wish)
{
    return wish->index.at ? arena_printf(c->arena, "index : %.*s", SPAN_ARG(wish->index))
                          : S("table");
}

static RESULT check_unit(struct call *c, const struct allowance_wish *wish, const struct unit *unit)
{
    struct span of = whose(c, wish);
    bool lifted = wish->made && unit->value == LIFTED;
    if (!unit->given)
        return OK;
    if (!wish->on_demand)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "%s for OnDemandThroughput%s%.*s cannot be specified when %stable "
                          "BillingMode is PROVISIONED%s",
                      unit->name, wish->index.at ? " for " : "",
                      SPAN_ARG(wish->index.at ? of : S("")), wish->made ? "the " : "",
                      wish->made ? "" : ".");
    if (unit->value < 1 && !lifted)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Requested %s for OnDemandThroughput for %.*s is outside of valid range",
                      unit->name, SPAN_ARG(of));
    if (unit->value <= UNITS_MAX)
        return OK;
    return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                  "Subscriber limit exceeded: Requested %s for OnDemandThroughput for %.*s exceeds "
                  "%s of the account in region %.*s",
                  unit->name, SPAN_ARG(of), unit->limit, SPAN_ARG(c->region));
}

RESULT allowance_check(struct call *c, const struct allowance_wish *wish)
{
    const struct dynamodb_on_demand_throughput *wanted = wish->wanted;
    if (!wanted)
        return OK;
    const struct unit units[] = {
        {wanted->max_read_request_units, wanted->has.max_read_request_units, "MaxReadRequestUnits",
         "TableMaxReadCapacityUnits"},
        {wanted->max_write_request_units, wanted->has.max_write_request_units,
         "MaxWriteRequestUnits", "TableMaxWriteCapacityUnits"}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++)
        TRY(check_unit(c, wish, &units[i]));
    if (units[0].given || units[1].given)
        return OK;
    return refuse(c, &ERROR_INTERNAL_FAILURE, "%s", ""); /* so the real service answers, too */
}

static uint64_t kept(int64_t units)
{
    return units == LIFTED ? 0 : (uint64_t)units;
}

void allowance_set(const struct dynamodb_on_demand_throughput *wanted, uint64_t *read,
                   uint64_t *write)
{
    if (wanted && wanted->has.max_read_request_units)
        *read = kept(wanted->max_read_request_units);
    if (wanted && wanted->has.max_write_request_units)
        *write = kept(wanted->max_write_request_units);
}

struct dynamodb_on_demand_throughput *allowance_shown(struct call *c, uint64_t read, uint64_t write)
{
    if (!read && !write)
        return NULL;
    struct dynamodb_on_demand_throughput *shown =
        ARENA_NEW(c->arena, struct dynamodb_on_demand_throughput);
    SET(shown, max_read_request_units, read ? (int64_t)read : LIFTED);
    SET(shown, max_write_request_units, write ? (int64_t)write : LIFTED);
    return shown;
}

/* ---- warm throughput ------------------------------------------------------------------------ */

static RESULT check_warm(struct call *c, const struct warm_wish *wish, const struct unit *unit,
                         uint64_t now)
{
    struct span of =
        wish->index.at ? arena_printf(c->arena, "index %.*s", SPAN_ARG(wish->index)) : S("table");
    if (!unit->given)
        return OK;
    if (unit->value < (int64_t)now)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Requested %s for WarmThroughput for %.*s is lower than %s", unit->name,
                      SPAN_ARG(of),
                      wish->made
                          ? "current WarmThroughput, decreasing WarmThroughput is not supported"
                          : "initial throughput for OnDemand");
    if (unit->value <= UNITS_MAX)
        return OK;
    return refuse(c, &DYNAMODB_LIMIT_EXCEEDED_EXCEPTION,
                  "Subscriber limit exceeded: Requested %s for WarmThroughput for %.*s exceeds %s "
                  "of the account in region %.*s",
                  unit->name, SPAN_ARG(of), unit->limit, SPAN_ARG(c->region));
}

RESULT allowance_check_warm(struct call *c, const struct warm_wish *wish)
{
    const struct dynamodb_warm_throughput *wanted = wish->wanted;
    if (!wanted)
        return OK;
    const struct unit read = {wanted->read_units_per_second, wanted->has.read_units_per_second,
                              "ReadUnitsPerSecond", "TableMaxReadCapacityUnits"};
    const struct unit write = {wanted->write_units_per_second, wanted->has.write_units_per_second,
                               "WriteUnitsPerSecond", "TableMaxWriteCapacityUnits"};
    if (!read.given && !write.given)
        return refuse(c, &ERROR_INTERNAL_FAILURE, "%s", "");
    TRY(check_warm(c, wish, &read, wish->read));
    return check_warm(c, wish, &write, wish->write);
}

void allowance_set_warm(const struct dynamodb_warm_throughput *wanted, uint64_t *read,
                        uint64_t *write)
{
    if (wanted && wanted->has.read_units_per_second)
        *read = (uint64_t)wanted->read_units_per_second;
    if (wanted && wanted->has.write_units_per_second)
        *write = (uint64_t)wanted->write_units_per_second;
}
