// SPDX-License-Identifier: Apache-2.0
/*
 * CreateBackup, DescribeBackup, ListBackups, DeleteBackup, and the backup that a table with
 * recovery to a point in time leaves when it is deleted ("Deleting a table with point-in-time
 * recovery enabled"). Its items are a table of the engine that nobody can name. Control thread.
 */
#include "services/dynamodb/backup.h"

#include "base/id.h"
#include "base/time.h"
#include "services/dynamodb/recovery.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define LIST_MAX 100
#define ID_DIGITS 8

/* ---- finding -------------------------------------------------------------------------------- */

struct span backup_arn(struct call *c, const struct dynamodb_backup *backup)
{
    return arena_printf(c->arena, "%.*s/backup/%.*s", SPAN_ARG(reference_arn(c, backup->table)),
                        SPAN_ARG(backup->id));
}

/* No table has a name with a slash. */
struct span backup_of(struct arena *arena, const struct dynamodb_backup *backup)
{
    const struct span parts[] = {backup->account, S("/"), backup->region, S("/"),
                                 backup->table,   S("/"), S("backup/"),   backup->id};
    return arena_join(arena, parts, ARRAY_LEN(parts));
}

bool backup_is_over(const struct dynamodb_backup *backup, int64_t now_ms)
{
    return backup->expires && backup->expires <= now_ms;
}

static bool read_arn(struct call *c, struct span arn, struct dynamodb_backup *ret)
{
    struct span prefix = reference_arn(c, S("")), rest = span_from(arn, prefix.len);
    *ret = (struct dynamodb_backup){.account = c->account, .region = c->region};
    ret->table = span_cut(&rest, '/');
    bool good = span_starts(arn, prefix) && ret->table.len;
    good &= span_eq(span_cut(&rest, '/'), S("backup"));
    ret->id = rest;
    return good && rest.len;
}

static RESULT refuse_missing(struct call *c, struct span arn)
{
    return refuse(c, &DYNAMODB_BACKUP_NOT_FOUND_EXCEPTION, "Backup not found: %.*s", SPAN_ARG(arn));
}

RESULT backup_find(struct call *c, struct span arn, struct dynamodb_backup *ret)
{
    if (span_find(arn, S("/backup/")) == SPAN_NOT_FOUND)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid Backup ARN");
    if (!read_arn(c, arn, ret))
        return refuse_missing(c, arn);
    int error = dynamodb_backup_get(c->txn, c->arena, ret);
    if (error == -ENOENT || (!error && backup_is_over(ret, c->now_ms)))
        return refuse_missing(c, arn);
    return error < 0 ? refuse_errno(c, error, "reading a backup's record") : OK;
}

RESULT backup_copying(struct call *c, const struct dynamodb_backup *backup, int *ret)
{
    struct kv_access access = reference_access(c);
    *ret = kv_copying(&access, backup_of(c->arena, backup));
    return *ret < 0 ? refuse_errno(c, *ret, "looking at a copy") : OK;
}

/* ---- making --------------------------------------------------------------------------------- */

struct dynamodb_blueprint *backup_blueprint(struct arena *arena, const struct dynamodb_table *table)
{
    struct dynamodb_blueprint *of = ARENA_NEW(arena, struct dynamodb_blueprint);
    *of = (struct dynamodb_blueprint){
        .id = table->id,
        .created = table->created,
        .attributes = table->attributes,
        .hash_name = table->hash_name,
        .range_name = table->range_name,
        .on_demand = table->on_demand,
        .read_units = table->read_units,
        .write_units = table->write_units,
        .table_class = table->table_class,
        .indexes = table->indexes,
        .vectors = table->vectors,
        .ttl_attribute = table->ttl_attribute,
        .ttl_state = table->ttl_state,
        .stream_view = table->streaming ? table->stream_view : SPAN_NONE,
    };
    return of;
}

/* As the real service's: milliseconds in 14 digits, and 8 hexadecimal ones. */
static struct dynamodb_backup new_backup(struct arena *arena, const struct dynamodb_table *table,
                                         int64_t now_ms)
{
    struct span prefix = arena_printf(arena, "%014lld-", (long long)now_ms);
    return (struct dynamodb_backup){
        .account = table->account,
        .region = table->region,
        .table = table->name,
        .id = id_hex(arena, prefix, ID_DIGITS),
        .created = now_ms,
        .of = backup_blueprint(arena, table),
    };
}

static void set_totals(struct dynamodb_backup *backup, const struct kv_totals *totals)
{
    backup->items = totals->items;
    backup->bytes = totals->bytes;
}

int backup_keep_deleted(const struct kv_access *access, const struct dynamodb_table *table,
                        int64_t now_ms)
{
    struct kv_totals totals;
    struct dynamodb_backup backup = new_backup(access->arena, table, now_ms);
    backup.name = arena_printf(access->arena, "%.*s$DeletedTableBackup", SPAN_ARG(table->name));
    backup.expires = now_ms + BACKUP_PENDING_DAYS * DAY_MS;
    struct span name = reference_of(access->arena, table);
    int error = kv_table_totals(access, name, &totals);
    if (!error)
        error = kv_table_keep(access, name, backup_of(access->arena, &backup));
    if (error < 0)
        return error;
    set_totals(&backup, &totals);
    dynamodb_backup_put(access->txn, &backup);
    return 0;
}

struct pruning {
    struct call *c;
    struct kv_access access;
};

static int prune(void *user, struct dynamodb_backup *backup)
{
    const struct pruning *pruning = user;
    if (!backup_is_over(backup, pruning->c->now_ms))
        return 0;
    struct span name = backup_of(pruning->c->arena, backup);
    if (kv_copying(&pruning->access, name) != KV_COPYING_NONE)
        return 0;
    dynamodb_backup_delete(pruning->c->txn, backup);
    return kv_table_drop(&pruning->access, name);
}

/* Whoever makes one takes those of the same account away that are over. */
static RESULT prune_backups(struct call *c)
{
    struct pruning pruning = {.c = c, .access = reference_access(c)};
    struct dynamodb_backup from = {.account = c->account, .region = c->region};
    int error = dynamodb_backup_each(c->txn, &from, 2, c->arena, prune, &pruning);
    return error < 0 ? refuse_errno(c, error, "forgetting old backups") : OK;
}

static RESULT copy_table(struct call *c, const struct dynamodb_table *table,
                         struct dynamodb_backup *backup)
{
    struct kv_access access = reference_access(c);
    struct kv_schema schema = {.hash = table_key_part(table, table->hash_name)};
    struct kv_copy copy = {.table = reference_of(c->arena, table),
                           .copy = backup_of(c->arena, backup)};
    struct kv_totals totals;
    if (table->range_name.at)
        schema.range = table_key_part(table, table->range_name);
    int error = kv_table_create(&access, copy.copy, &schema);
    if (!error)
        error = kv_copy_start(&access, &copy);
    if (!error)
        error = kv_table_totals(&access, copy.table, &totals);
    if (error < 0)
        return refuse_errno(c, error, "copying a table");
    set_totals(backup, &totals);
    return OK;
}

RESULT dynamodb_create_backup(struct call *c, const struct dynamodb_create_backup_in *in,
                              struct dynamodb_create_backup_out *out)
{
    struct dynamodb_table table;
    TRY(recovery_table(c, in->table_name, &table));
    TRY(recovery_check_made(c, &table));
    struct dynamodb_backup backup = new_backup(c->arena, &table, c->now_ms);
    backup.name = in->backup_name;
    TRY(copy_table(c, &table, &backup));
    TRY(prune_backups(c));
    dynamodb_backup_put(c->txn, &backup);
    return backup_show_details(c, &backup, &out->backup_details);
}

/* ---- the rest ------------------------------------------------------------------------------- */

RESULT dynamodb_describe_backup(struct call *c, const struct dynamodb_describe_backup_in *in,
                                struct dynamodb_describe_backup_out *out)
{
    struct dynamodb_backup backup;
    TRY(backup_find(c, in->backup_arn, &backup));
    return backup_show(c, &backup, &out->backup_description);
}

RESULT dynamodb_delete_backup(struct call *c, const struct dynamodb_delete_backup_in *in,
                              struct dynamodb_delete_backup_out *out)
{
    struct dynamodb_backup backup;
    struct kv_access access = reference_access(c);
    int copying;
    TRY(backup_find(c, in->backup_arn, &backup));
    TRY(backup_copying(c, &backup, &copying));
    if (copying != KV_COPYING_NONE)
        return refuse(c, &DYNAMODB_BACKUP_IN_USE_EXCEPTION, "Backup is being %s: %.*s",
                      copying == KV_COPYING_TO ? "created" : "used to restore table",
                      SPAN_ARG(in->backup_arn));
    TRY(backup_show(c, &backup, &out->backup_description));
    out->backup_description->backup_details->backup_status = S("DELETED");
    int error = kv_table_drop(&access, backup_of(c->arena, &backup));
    if (error < 0)
        return refuse_errno(c, error, "dropping a backup");
    dynamodb_backup_delete(c->txn, &backup);
    return OK;
}

struct listing {
    struct call *c;
    const struct dynamodb_list_backups_in *in;
    struct dynamodb_backup after; /* not itself; absent table: from the first */
    struct dynamodb_backup_summaries found;
    size_t limit;
    const struct refusal *refusal;
    bool more;
};

/* "USER" is the default; AWS Backup makes none here. */
static bool is_wanted(const struct listing *listing, const struct dynamodb_backup *backup)
{
    const struct dynamodb_list_backups_in *in = listing->in;
    struct span type = backup->expires ? S("SYSTEM") : S("USER");
    struct span wanted = span_is_absent(in->backup_type) ? S("USER") : in->backup_type;
    return !backup_is_over(backup, listing->c->now_ms) &&
           (span_eq(wanted, S("ALL")) || span_eq(wanted, type)) &&
           (!in->has.time_range_lower_bound || backup->created >= in->time_range_lower_bound) &&
           (!in->has.time_range_upper_bound || backup->created < in->time_range_upper_bound);
}

static RESULT summarise(struct listing *listing, const struct dynamodb_backup *backup,
                        struct dynamodb_backup_summary *to)
{
    struct dynamodb_backup_details *details;
    TRY(backup_show_details(listing->c, backup, &details));
    to->table_name = backup->table;
    to->table_id = backup->of->id;
    to->table_arn = reference_arn(listing->c, backup->table);
    to->backup_arn = details->backup_arn;
    to->backup_name = details->backup_name;
    to->backup_status = details->backup_status;
    to->backup_type = details->backup_type;
    SET(to, backup_creation_date_time, details->backup_creation_date_time);
    SET(to, backup_size_bytes, details->backup_size_bytes);
    if (details->has.backup_expiry_date_time)
        SET(to, backup_expiry_date_time, details->backup_expiry_date_time);
    return OK;
}

static int take_backup(void *user, struct dynamodb_backup *backup)
{
    struct listing *listing = user;
    if (!is_wanted(listing, backup) ||
        (span_eq(backup->table, listing->after.table) && span_eq(backup->id, listing->after.id)))
        return 0;
    if (listing->found.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    listing->refusal = summarise(listing, backup, &listing->found.at[listing->found.count++]);
    return listing->refusal != OK;
}

RESULT dynamodb_list_backups(struct call *c, const struct dynamodb_list_backups_in *in,
                             struct dynamodb_list_backups_out *out)
{
    struct listing listing = {
        .c = c,
        .in = in,
        .after = {.account = c->account, .region = c->region},
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_backup_summary, LIST_MAX),
        .limit = in->has.limit ? (size_t)in->limit : LIST_MAX,
    };
    if (in->exclusive_start_backup_arn.at &&
        !read_arn(c, in->exclusive_start_backup_arn, &listing.after))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid BackupArn: %.*s",
                      SPAN_ARG(in->exclusive_start_backup_arn));
    if (in->table_name.at)
        TRY(reference_read(c, in->table_name, &listing.after.table));
    int error = dynamodb_backup_each(c->txn, &listing.after, in->table_name.at ? 3 : 2, c->arena,
                                     take_backup, &listing);
    TRY(listing.refusal);
    if (error < 0)
        return refuse_errno(c, error, "listing backups");
    out->backup_summaries = listing.found;
    if (listing.more)
        out->last_evaluated_backup_arn = listing.found.at[listing.found.count - 1].backup_arn;
    return OK;
}
