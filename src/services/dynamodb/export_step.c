// SPDX-License-Identifier: Apache-2.0
/*
 * How an export goes on. A full one waits for the engine's copy and writes its items; an
 * incremental one first gathers from the table's history which items changed in the window, with
 * what they were before it, into a table of its own: what they became is in the copy. A step is a
 * transaction with the record in it. Workers, but for export_finish.
 */
#include "services/dynamodb/export.h"

#include "services/dynamodb/reference.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define CHANGES_AT_ONCE 256
#define CHANGES_BYTES (1 << 20)
#define ITEM_CEILING (16 << 20)

/* The last microsecond of a moment in milliseconds: numbers of changes are microseconds. */
static uint64_t number_at(int64_t ms)
{
    return (uint64_t)ms * 1000 + 999;
}

/* ---- gathering ------------------------------------------------------------------------------ */

struct gathering {
    struct kv_access access;
    struct kv_table *changes;
};

static struct kv_value time_value(struct arena *arena, uint64_t us)
{
    char text[24], *bytes = arena_alloc(arena, KV_NUMBER_MAX);
    size_t len = 0;
    int text_len = snprintf(text, sizeof text, "%" PRIu64, us);
    if (kv_number_read(span_of(text, (size_t)text_len), bytes, &len) != KV_NUMBER_GOOD)
        len = 0;
    return (struct kv_value){.type = KV_NUMBER, .bytes = span_of(bytes, len)};
}

/* Keys, the time of the newest change, and what was before the first one. */
static struct span entry_of(const struct gathering *gathering, const struct kv_record *record,
                            const struct kv_value *old)
{
    struct arena *arena = gathering->access.arena;
    struct kv_pair *pairs = ARENA_ARRAY(arena, struct kv_pair, record->keys.count + 2);
    struct kv_map entry = {pairs, record->keys.count};
    for (size_t i = 0; i < entry.count; i++)
        pairs[i] = record->keys.at[i];
    pairs[entry.count++] = (struct kv_pair){EXPORT_TIME, time_value(arena, record->sequence)};
    if (old)
        pairs[entry.count++] = (struct kv_pair){EXPORT_OLD, *old};
    kv_sort_pairs(pairs, entry.count);
    struct buf *out = arena_buf(arena, ITEM_CEILING);
    kv_item_encode(&entry, out);
    return buf_span(out);
}

static int gather(const struct gathering *gathering, const struct kv_record *record)
{
    const struct kv_access *access = &gathering->access;
    const struct kv_schema *schema = kv_table_schema(gathering->changes);
    const struct kv_value *hash = kv_map_get(&record->keys, schema->hash.name);
    const struct kv_value *range =
        schema->range.name.at ? kv_map_get(&record->keys, schema->range.name) : NULL;
    struct kv_value first = {.type = KV_MAP, .map = record->old};
    const struct kv_value *old = record->has_old ? &first : NULL;
    struct span known = SPAN_NONE;
    struct kv_map entry;
    struct kv_key key;
    if (!hash || (schema->range.name.at && !range))
        return -EBADMSG;
    kv_key_make(gathering->changes, hash->bytes, range ? range->bytes : SPAN_NONE, &key);
    int error = kv_get(access, &key, &known);
    if (error < 0 && error != -ENOENT)
        return error;
    if (!error) {
        if (!kv_item_decode(known, access->arena, &entry))
            return -EBADMSG;
        old = kv_map_get(&entry, EXPORT_OLD);
    }
    return kv_put(access, gathering->changes, &key, entry_of(gathering, record, old), known);
}

/* Its point-in-time recovery was switched off, or it was dropped: nobody knows its changes any
 * more. Code and text have no source: the documentation tells no codes of that. */
static void lose(struct dynamodb_export *export)
{
    export->state = TRANSFER_ENDING;
    export->failure_code = S("PointInTimeRecoveryUnavailable");
    export->failure = S("Point in time recovery was disabled for the table during the export");
}

static int step_gather(struct call *c, struct dynamodb_export *export)
{
    struct gathering gathering = {.access = reference_access(c)};
    struct kv_stream_range range = {.from = export->next,
                                    .to = number_at(export->moment),
                                    .records = CHANGES_AT_ONCE,
                                    .bytes = CHANGES_BYTES};
    struct dynamodb_table table = reference_key(c, export->table);
    struct kv_records records;
    int error =
        kv_find_shut(&gathering.access, export_changes(c->arena, export), &gathering.changes);
    if (error < 0)
        return error;
    error = dynamodb_table_get(c->txn, c->arena, &table);
    bool lost = !error && (!table.recovery_days || table.recovery_since > export->started);
    if (!error)
        error =
            kv_history_read(&gathering.access, reference_of(c->arena, &table), &range, &records);
    if (lost || error == -ENOENT) {
        lose(export);
        return 0;
    }
    for (size_t i = 0; !error && i < records.count; i++)
        error = gather(&gathering, &records.at[i]);
    if (error < 0)
        return error;
    export->next = records.next;
    if (!records.count)
        export->step = EXPORT_WRITING;
    return 0;
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* In another transaction: S3 may have begun to write in this one. */
static void fail(struct call *c, struct dynamodb_export *export, const struct refusal *refusal)
{
    txn_rollback(c->txn);
    c->txn = txn_begin(c->cloud->store);
    export->state = TRANSFER_ENDING;
    export->failure_code = transfer_failure(c, refusal);
    export->failure = refusal->message;
}

static int step_begin(struct call *c, struct dynamodb_export *export)
{
    const struct refusal *refusal = export_write_start(c, export);
    if (refusal) {
        fail(c, export, refusal);
        return 0;
    }
    export->step = export->from ? EXPORT_GATHERING : EXPORT_WRITING;
    export->next = number_at(export->from) + 1;
    return 0;
}

static int step_write(struct call *c, struct dynamodb_export *export)
{
    struct export_written written = {.more = false};
    const struct refusal *refusal = export_write_file(c, export, &written);
    if (refusal)
        fail(c, export, refusal);
    else if (!written.more)
        export->step = EXPORT_TELLING;
    export->next = 0;
    return written.error;
}

static int step_tell(struct call *c, struct dynamodb_export *export)
{
    if (!export->next)
        export->ended = c->now_ms;
    const struct refusal *refusal = export_write_manifest(c, export, export->next++);
    if (refusal)
        fail(c, export, refusal);
    else if (export->next == EXPORT_MANIFESTS)
        export->state = TRANSFER_ENDING;
    return 0;
}

static int (*const steps[])(struct call *c, struct dynamodb_export *export) = {
    [EXPORT_COPYING] = step_begin,
    [EXPORT_GATHERING] = step_gather,
    [EXPORT_WRITING] = step_write,
    [EXPORT_TELLING] = step_tell,
};

struct search {
    struct call *c;
    struct dynamodb_export *found;
};

/* The first one that runs and does not wait for its copy. */
static int take_ready(void *user, struct dynamodb_export *export)
{
    const struct search *search = user;
    struct kv_access access = reference_access(search->c);
    if (export->state != TRANSFER_RUNNING)
        return 0;
    int copying = kv_copying(&access, export_copy(search->c->arena, export));
    if (copying != KV_COPYING_NONE)
        return copying < 0 ? copying : 0;
    *search->found = *export;
    return 1;
}

int export_step(struct call *c)
{
    struct dynamodb_export export = {.state = 0};
    struct search search = {c, &export};
    int error = dynamodb_export_each(c->txn, &(struct dynamodb_export){0}, 0, c->arena, take_ready,
                                     &search);
    if (error < 0 || !export.state)
        return error;
    const struct transfer_actor actor = {export.account, export.region, export.access_key};
    error = transfer_act_for(c, &actor);
    if (error == -ENOENT) {
        export.state = TRANSFER_ENDING;
        export.failure_code = S("S3AccessDenied");
        export.failure = S("The credentials of the request are not there any more");
        error = 0;
    } else if (!error) {
        error = steps[export.step](c, &export);
    }
    if (error < 0)
        return error;
    dynamodb_export_put(c->txn, &export);
    return 1;
}

/* ---- the end -------------------------------------------------------------------------------- */

struct ending {
    struct call *c;
    int count;
};

static int end_one(void *user, struct dynamodb_export *export)
{
    struct ending *ending = user;
    struct arena *arena = ending->c->arena;
    struct kv_access access = reference_access(ending->c);
    if (export->state != TRANSFER_ENDING)
        return 0;
    ending->count++;
    export->state = span_is_absent(export->failure_code) ? TRANSFER_COMPLETED : TRANSFER_FAILED;
    if (!export->ended)
        export->ended = ending->c->now_ms;
    int error = kv_table_drop(&access, export_copy(arena, export));
    if (!error && export->from)
        error = kv_table_drop(&access, export_changes(arena, export));
    if (!error)
        dynamodb_export_put(ending->c->txn, export);
    return error;
}

int export_finish(struct call *c)
{
    struct ending ending = {.c = c};
    int error =
        dynamodb_export_each(c->txn, &(struct dynamodb_export){0}, 0, c->arena, end_one, &ending);
    return error < 0 ? error : ending.count > 0;
}
