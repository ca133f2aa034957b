// SPDX-License-Identifier: Apache-2.0
/*
 * DescribeLimits and DescribeEndpoints: what holds for a whole account and region. The limits are
 * those that a new AWS account has ("Quotas in Amazon DynamoDB"). Any thread.
 */
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

#define ACCOUNT_UNITS 80000
#define TABLE_UNITS 40000
#define CACHE_MINUTES 1440

RESULT dynamodb_describe_limits(struct call *c, const struct dynamodb_describe_limits_in *in,
                                struct dynamodb_describe_limits_out *out)
{
    SET(out, account_max_read_capacity_units, ACCOUNT_UNITS);
    SET(out, account_max_write_capacity_units, ACCOUNT_UNITS);
    SET(out, table_max_read_capacity_units, TABLE_UNITS);
    SET(out, table_max_write_capacity_units, TABLE_UNITS);
    return OK;
}

/* The address that this request came to: there is no other. */
RESULT dynamodb_describe_endpoints(struct call *c, const struct dynamodb_describe_endpoints_in *in,
                                   struct dynamodb_describe_endpoints_out *out)
{
    out->endpoints.at = ARENA_ARRAY(c->arena, struct dynamodb_endpoint, 1);
    out->endpoints.count = 1;
    out->endpoints.at[0].address = c->host;
    out->endpoints.at[0].cache_period_in_minutes = CACHE_MINUTES;
    return OK;
}
