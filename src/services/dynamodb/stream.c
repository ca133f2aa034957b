// SPDX-License-Identifier: Apache-2.0
/*
 * StreamSpecification, and which streams there are. A stream outlives its table and its being
 * switched off by a day, as its records do. Rules and texts as the real service was measured to
 * have them. The table's members on the control thread, finding on any.
 */
#include "services/dynamodb/dynamodb.h"

#include "base/time.h"
#include "services/dynamodb/attribute.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define KEPT_MS (KV_STREAM_HOURS * HOUR_MS)

#define BAD "One or more parameter values were invalid: "

/* ---- of a table ----------------------------------------------------------------------------- */

RESULT table_check_new_stream(struct call *c, const struct dynamodb_stream_specification *wanted)
{
    bool viewed = !span_is_absent(wanted->stream_view_type);
    if (wanted->stream_enabled && !viewed)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD
                      "Table is being created with a stream enabled, UpdateViewType is required");
    if (!wanted->stream_enabled && viewed)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD
                      "Table is being created with a stream disabled, UpdateViewType should not "
                      "be specified");
    return OK;
}

RESULT table_check_stream(struct call *c, const struct dynamodb_update_table_in *in)
{
    const struct dynamodb_stream_specification *wanted = in->stream_specification;
    if (!wanted)
        return OK;
    bool viewed = !span_is_absent(wanted->stream_view_type);
    if (wanted->stream_enabled && !viewed)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "If stream is being enabled then UpdateViewType is required");
    if (!wanted->stream_enabled && viewed)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "If stream is being disabled, then UpdateViewType must not be specified");
    if (in->provisioned_throughput)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "You cannot modify stream status while updating table IOPS");
    return OK;
}

static enum KV_VIEW view_of(struct span name)
{
    return span_eq(name, S("KEYS_ONLY"))   ? KV_VIEW_KEYS
           : span_eq(name, S("NEW_IMAGE")) ? KV_VIEW_NEW
           : span_eq(name, S("OLD_IMAGE")) ? KV_VIEW_OLD
                                           : KV_VIEW_BOTH;
}

static struct dynamodb_stream_record stream_of(const struct dynamodb_table *table)
{
    return (struct dynamodb_stream_record){.account = table->account,
                                           .region = table->region,
                                           .table = table->name,
                                           .label = table->stream_label};
}

static RESULT open_stream(struct call *c, struct dynamodb_table *table, struct span view)
{
    char text[TIME_TEXT_SIZE];
    struct kv_access access = reference_access(c);
    struct span label = arena_copy(c->arena, time_iso8601_millis(c->now_ms, text));
    table->stream_label = span_first(label, label.len - 1); /* without the Z */
    table->stream_view = view;
    table->streaming = true;
    struct dynamodb_stream_record stream = stream_of(table);
    stream.view = view;
    stream.created = c->now_ms;
    stream.hash_name = table->hash_name;
    stream.range_name = table->range_name;
    int error = kv_stream_open(&access, reference_of(c->arena, table), KV_LOG_STREAM, view_of(view),
                               &stream.id);
    if (error < 0)
        return refuse_errno(c, error, "opening a stream");
    dynamodb_stream_record_put(c->txn, &stream);
    return OK;
}

RESULT table_close_stream(struct call *c, struct dynamodb_table *table)
{
    struct kv_access access = reference_access(c);
    struct dynamodb_stream_record stream = stream_of(table);
    if (!table->streaming)
        return OK;
    int error = kv_stream_close(&access, reference_of(c->arena, table), KV_LOG_STREAM);
    if (!error)
        error = dynamodb_stream_record_get(c->txn, c->arena, &stream);
    if (error < 0)
        return refuse_errno(c, error, "closing a stream");
    stream.closed = c->now_ms;
    dynamodb_stream_record_put(c->txn, &stream);
    table->streaming = false;
    return OK;
}

static bool is_over(const struct dynamodb_stream_record *stream, int64_t now_ms)
{
    return stream->closed && stream->closed + KEPT_MS <= now_ms;
}

struct pruning {
    struct call *c;
    int error;
};

static int prune(void *user, struct dynamodb_stream_record *stream)
{
    struct pruning *pruning = user;
    struct kv_access access = reference_access(pruning->c);
    if (!is_over(stream, pruning->c->now_ms))
        return 0;
    dynamodb_stream_record_delete(pruning->c->txn, stream);
    return kv_stream_drop(&access, stream->id);
}

/* Whoever opens one takes those of the same account away that are over. */
static RESULT prune_streams(struct call *c, const struct dynamodb_table *table)
{
    struct pruning pruning = {.c = c};
    struct dynamodb_stream_record from = {.account = table->account, .region = table->region};
    int error = dynamodb_stream_record_each(c->txn, &from, 2, c->arena, prune, &pruning);
    return error < 0 ? refuse_errno(c, error, "forgetting old streams") : OK;
}

RESULT table_set_stream(struct call *c, struct dynamodb_table *table,
                        const struct dynamodb_stream_specification *wanted)
{
    if (wanted->stream_enabled && table->streaming)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Table already has an enabled stream: TableName: %.*s",
                      SPAN_ARG(table->name));
    if (!wanted->stream_enabled && !table->streaming)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Table has no stream to disable: TableName: %.*s", SPAN_ARG(table->name));
    if (!wanted->stream_enabled)
        return table_close_stream(c, table);
    TRY(open_stream(c, table, wanted->stream_view_type));
    return prune_streams(c, table);
}

static struct span stream_arn(struct call *c, struct span table, struct span label)
{
    return arena_printf(c->arena, "%.*s/stream/%.*s", SPAN_ARG(reference_arn(c, table)),
                        SPAN_ARG(label));
}

void table_describe_stream(struct call *c, const struct dynamodb_table *table,
                           struct dynamodb_table_description *to)
{
    if (span_is_absent(table->stream_label))
        return;
    to->latest_stream_label = table->stream_label;
    to->latest_stream_arn = stream_arn(c, table->name, table->stream_label);
    if (!table->streaming)
        return;
    to->stream_specification = ARENA_NEW(c->arena, struct dynamodb_stream_specification);
    to->stream_specification->stream_enabled = true;
    to->stream_specification->stream_view_type = table->stream_view;
}

/* ---- finding -------------------------------------------------------------------------------- */

static struct dynamodb_stream_view view_stream(struct call *c,
                                               const struct dynamodb_stream_record *stream)
{
    return (struct dynamodb_stream_view){
        .id = stream->id,
        .arn = stream_arn(c, stream->table, stream->label),
        .table = stream->table,
        .label = stream->label,
        .view = stream->view,
        .hash_name = stream->hash_name,
        .range_name = stream->range_name,
        .created_ms = stream->created,
        .open = !stream->closed,
    };
}

/* …:table/NAME/stream/LABEL of the caller's account and region. */
static int read_arn(struct call *c, struct span arn, struct dynamodb_stream_record *ret)
{
    struct span prefix = reference_arn(c, S(""));
    struct span rest = span_from(arn, prefix.len);
    *ret = (struct dynamodb_stream_record){.account = c->account, .region = c->region};
    ret->table = span_cut(&rest, '/');
    if (!span_starts(arn, S("arn:")) || !ret->table.len ||
        !span_eq(span_cut(&rest, '/'), S("stream")))
        return -EINVAL;
    ret->label = rest;
    return span_starts(arn, prefix) && rest.len ? 0 : -ENOENT;
}

int dynamodb_stream_find(struct call *c, struct span arn, struct dynamodb_stream_view *ret)
{
    struct dynamodb_stream_record stream;
    int error = read_arn(c, arn, &stream);
    if (!error)
        error = dynamodb_stream_record_get(c->txn, c->arena, &stream);
    if (error < 0)
        return error;
    if (is_over(&stream, c->now_ms))
        return -ENOENT;
    *ret = view_stream(c, &stream);
    return 0;
}

struct walking {
    struct call *c;
    const struct dynamodb_stream_walk *walk;
};

static int visit_stream(void *user, struct dynamodb_stream_record *stream)
{
    const struct walking *walking = user;
    struct dynamodb_stream_view view = view_stream(walking->c, stream);
    if (is_over(stream, walking->c->now_ms) || span_eq(view.arn, walking->walk->after))
        return 0;
    return walking->walk->visit(walking->walk->user, &view);
}

int dynamodb_stream_each(struct call *c, const struct dynamodb_stream_walk *walk)
{
    struct walking walking = {c, walk};
    struct dynamodb_stream_record from = {
        .account = c->account, .region = c->region, .table = walk->table};
    if (!span_is_absent(walk->after)) {
        int error = read_arn(c, walk->after, &from);
        if (error < 0)
            return error;
        if (!span_is_absent(walk->table))
            from.table = walk->table;
    }
    return dynamodb_stream_record_each(c->txn, &from, span_is_absent(walk->table) ? 2 : 3, c->arena,
                                       visit_stream, &walking);
}

struct kv_access dynamodb_access(struct call *c)
{
    return reference_access(c);
}

struct dynamodb_shown dynamodb_show_item(struct call *c, const struct kv_map *item)
{
    struct dynamodb_attribute_map shown = attribute_show_map(c, item);
    return (struct dynamodb_shown){shown.at, shown.count};
}
