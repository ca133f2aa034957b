// SPDX-License-Identifier: Apache-2.0
/*
 * Settings of tables that cannot be switched on yet, told as the real service tells of a table
 * where they are off. Control thread.
 */
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

/* Backups are always possible (ENABLED) on the real service; recovery to a point in time is what
 * can be switched. A missing table has an error of its own here. */
RESULT
dynamodb_describe_continuous_backups(struct call *c,
                                     const struct dynamodb_describe_continuous_backups_in *in,
                                     struct dynamodb_describe_continuous_backups_out *out)
{
    struct span name;
    TRY(reference_read(c, in->table_name, &name));
    struct dynamodb_table table = reference_key(c, name);
    int error = dynamodb_table_get(c->txn, c->arena, &table);
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_TABLE_NOT_FOUND_EXCEPTION, "Table not found: %.*s",
                      SPAN_ARG(name));
    if (error < 0)
        return refuse_errno(c, error, "reading a table's record");
    struct dynamodb_continuous_backups_description *to =
        ARENA_NEW(c->arena, struct dynamodb_continuous_backups_description);
    to->continuous_backups_status = S("ENABLED");
    to->point_in_time_recovery_description =
        ARENA_NEW(c->arena, struct dynamodb_point_in_time_recovery_description);
    to->point_in_time_recovery_description->point_in_time_recovery_status = S("DISABLED");
    out->continuous_backups_description = to;
    return OK;
}
