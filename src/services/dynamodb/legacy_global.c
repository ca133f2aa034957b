// SPDX-License-Identifier: Apache-2.0
/*
 * Global tables of version 2017.11.29: the real service makes none any more, in any region, so none
 * can be found, listed or changed. Those of version 2019.11.21 (replica.c) are not told of here.
 * Texts as the real service was measured to have them in 2026. Any thread.
 */
#include "services/dynamodb/dynamodb.api.h"
#include "wire/call.h"

#define BAD "One or more parameter values were invalid"

static RESULT refuse_version(struct call *c)
{
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD ": DynamoDB global tables version 2017.11.29 is not supported. We recommend "
                      "using DynamoDB global tables version 2019.11.21, instead of version "
                      "2017.11.29 (Legacy).");
}

static RESULT refuse_unknown(struct call *c, const char *before, struct span name)
{
    return refuse(c, &DYNAMODB_GLOBAL_TABLE_NOT_FOUND_EXCEPTION,
                  "%sGlobal table with name: '%.*s' does not exist.", before, SPAN_ARG(name));
}

RESULT dynamodb_create_global_table(struct call *c,
                                    const struct dynamodb_create_global_table_in *in,
                                    struct dynamodb_create_global_table_out *out)
{
    return refuse_version(c);
}

RESULT dynamodb_update_global_table(struct call *c,
                                    const struct dynamodb_update_global_table_in *in,
                                    struct dynamodb_update_global_table_out *out)
{
    if (!in->replica_updates.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, BAD);
    for (size_t i = 0; i < in->replica_updates.count; i++)
        if (in->replica_updates.at[i].create)
            return refuse_version(c);
    return refuse_unknown(c, "Global table not found: ", in->global_table_name);
}

RESULT dynamodb_describe_global_table(struct call *c,
                                      const struct dynamodb_describe_global_table_in *in,
                                      struct dynamodb_describe_global_table_out *out)
{
    return refuse_unknown(c, "Global table not found: ", in->global_table_name);
}

RESULT dynamodb_list_global_tables(struct call *c, const struct dynamodb_list_global_tables_in *in,
                                   struct dynamodb_list_global_tables_out *out)
{
    out->global_tables.at = ARENA_ARRAY(c->arena, struct dynamodb_global_table, 1);
    return OK;
}

RESULT
dynamodb_describe_global_table_settings(struct call *c,
                                        const struct dynamodb_describe_global_table_settings_in *in,
                                        struct dynamodb_describe_global_table_settings_out *out)
{
    return refuse_unknown(c, "", in->global_table_name);
}

RESULT
dynamodb_update_global_table_settings(struct call *c,
                                      const struct dynamodb_update_global_table_settings_in *in,
                                      struct dynamodb_update_global_table_settings_out *out)
{
    return refuse_unknown(c, "", in->global_table_name);
}
