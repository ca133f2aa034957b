// SPDX-License-Identifier: Apache-2.0
/*
 * StartBulkPutItems, DescribeBulkOperation, ListBulkOperations, CancelBulkOperation. Which tables
 * take one: "Bulk put items considerations". Control thread; the rest is bulk_step.c.
 */
#include "services/dynamodb/bulk.h"

#include "base/id.h"
#include "base/time.h"
#include "services/dynamodb/dynamodb.api.h"
#include "services/dynamodb/index.h"
#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"

#include <errno.h>

#define TOKEN_MS (8 * HOUR_MS)
#define LISTED_MS (90 * DAY_MS)
#define LIST_DEFAULT 10
#define ID_DIGITS 8
#define STAMP_DIGITS 14
#define NEXT_UNIT 8 /* bytes of a NextToken: 16 digits at a time */

struct span bulk_arn(struct call *c, const struct dynamodb_bulk *bulk)
{
    return arena_printf(c->arena, "%.*s/bulk-operation/%.*s",
                        SPAN_ARG(reference_arn(c, bulk->table)), SPAN_ARG(bulk->id));
}

struct span bulk_report_name(enum BULK_REPORT report)
{
    return report == BULK_ERRORS ? S("ERROR") : S("CONDITION_CHECK_FAILURE");
}

/* ---- StartBulkPutItems ---------------------------------------------------------------------- */

static RESULT check_places(struct call *c, const struct dynamodb_start_bulk_put_items_in *in)
{
    const struct dynamodb_output_s3_configuration *output = in->output_s3_configuration;
    if (span_eq(output->s3_sse_algorithm, S("KMS")))
        return table_not_built(c, "S3SseAlgorithm KMS");
    if (output->s3_sse_kms_key_id.at)
        return table_not_built(c, "S3SseKmsKeyId");
    if (!output->s3_bucket.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "OutputS3Configuration must have an S3Bucket");
    if (!output->output_type.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "OutputS3Configuration must have at least one OutputType");
    return OK;
}

/* An index that is being made would miss what is written meanwhile nowhere, but the real service
 * wants it done first. */
static RESULT check_table(struct call *c, const struct dynamodb_table *table)
{
    if (table->replicas.count)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Bulk operations are not supported on a table that is part of a global "
                      "table: %.*s",
                      SPAN_ARG(table->name));
    for (size_t i = 0; i < table->indexes.count; i++)
        if (table->indexes.at[i].state == INDEX_CREATING)
            return refuse(c, &DYNAMODB_RESOURCE_IN_USE_EXCEPTION,
                          "Attempt to change a resource which is still in use: Index is being "
                          "created: %.*s",
                          SPAN_ARG(table->indexes.at[i].name));
    return table->state == TABLE_UPDATING ? OK : table_check_active(c, table);
}

/* What must be the same when a token is used again. */
static struct span asked_of(struct call *c, const struct dynamodb_start_bulk_put_items_in *in)
{
    const struct dynamodb_input_s3_configuration *from = in->input_s3_configuration;
    const struct dynamodb_output_s3_configuration *to = in->output_s3_configuration;
    struct span kinds = S("");
    for (size_t i = 0; i < to->output_type.count; i++)
        kinds =
            arena_printf(c->arena, "%.*s,%.*s", SPAN_ARG(kinds), SPAN_ARG(to->output_type.at[i]));
    return arena_printf(c->arena, "%.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %.*s %lld %.*s",
                        SPAN_ARG(in->table_name), SPAN_ARG(from->s3_bucket),
                        SPAN_ARG(from->s3_bucket_owner), SPAN_ARG(from->s3_key_prefix),
                        SPAN_ARG(from->input_format), SPAN_ARG(from->input_compression_type),
                        SPAN_ARG(to->s3_bucket), SPAN_ARG(to->s3_bucket_owner),
                        SPAN_ARG(to->s3_key_prefix), SPAN_ARG(to->s3_sse_algorithm),
                        (long long)in->max_write_request_units, SPAN_ARG(kinds));
}

/* "table/NAME/bulk-operation/STAMP-DIGITS": the stamp tells where it lies. */
static bool read_arn(struct call *c, struct span arn, struct dynamodb_bulk *ret)
{
    struct span prefix = reference_arn(c, S("")), rest = span_from(arn, prefix.len);
    uint64_t stamp;
    struct span table = span_cut(&rest, '/');
    bool good = span_starts(arn, prefix) && table.len;
    good &= span_eq(span_cut(&rest, '/'), S("bulk-operation"));
    good &= rest.len > STAMP_DIGITS && span_to_u64(span_first(rest, STAMP_DIGITS), &stamp);
    if (!good)
        return false;
    *ret = (struct dynamodb_bulk){.account = c->account,
                                  .region = c->region,
                                  .age = UINT64_MAX - stamp,
                                  .table = table,
                                  .id = rest};
    return true;
}

static RESULT find(struct call *c, struct span arn, struct dynamodb_bulk *ret)
{
    int error = -ENOENT;
    struct span table = SPAN_NONE;
    if (read_arn(c, arn, ret)) {
        table = ret->table;
        error = dynamodb_bulk_get(c->txn, c->arena, ret);
    }
    if (!error && !span_eq(table, ret->table))
        error = -ENOENT;
    if (error == -ENOENT)
        return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION, "Bulk operation not found: %.*s",
                      SPAN_ARG(arn));
    return error < 0 ? refuse_errno(c, error, "reading a bulk operation's record") : OK;
}

/* *ret_found: the operation that this token has begun already. */
static RESULT look_for_token(struct call *c, const struct dynamodb_start_bulk_put_items_in *in,
                             struct dynamodb_bulk *ret, bool *ret_found)
{
    struct dynamodb_bulk_token token = {
        .account = c->account, .region = c->region, .token = in->client_token};
    *ret_found = false;
    if (!token.token.at)
        return OK;
    int error = dynamodb_bulk_token_get(c->txn, c->arena, &token);
    if (error == -ENOENT || (!error && token.until <= c->now_ms))
        return OK;
    if (error < 0)
        return refuse_errno(c, error, "looking for a token");
    if (!span_eq(token.asked, asked_of(c, in)))
        return refuse(c, &DYNAMODB_IDEMPOTENT_PARAMETER_MISMATCH_EXCEPTION,
                      "A bulk operation with the same client token but other parameters was "
                      "requested before");
    *ret_found = true;
    return find(c, token.arn, ret);
}

static void keep_token(struct call *c, const struct dynamodb_start_bulk_put_items_in *in,
                       const struct dynamodb_bulk *bulk)
{
    const struct dynamodb_bulk_token token = {.account = c->account,
                                              .region = c->region,
                                              .token = in->client_token,
                                              .arn = bulk_arn(c, bulk),
                                              .asked = asked_of(c, in),
                                              .until = c->now_ms + TOKEN_MS};
    if (token.token.at)
        dynamodb_bulk_token_put(c->txn, &token);
}

static struct dynamodb_bulk bulk_of(struct call *c,
                                    const struct dynamodb_start_bulk_put_items_in *in,
                                    const struct dynamodb_table *table)
{
    const struct dynamodb_input_s3_configuration *from = in->input_s3_configuration;
    const struct dynamodb_output_s3_configuration *to = in->output_s3_configuration;
    struct span stamp = arena_printf(c->arena, "%0*lld-", STAMP_DIGITS, (long long)c->now_ms);
    return (struct dynamodb_bulk){
        .account = table->account,
        .region = table->region,
        .age = UINT64_MAX - (uint64_t)c->now_ms,
        .id = id_hex(c->arena, stamp, ID_DIGITS),
        .state = TRANSFER_RUNNING,
        .table = table->name,
        .table_id = table->id,
        .started = c->now_ms,
        .bucket = from->s3_bucket,
        .owner = from->s3_bucket_owner,
        .prefix = from->s3_key_prefix,
        .format = from->input_format,
        .packing = from->input_compression_type.at ? from->input_compression_type : S("NONE"),
        .out_bucket = to->s3_bucket,
        .out_owner = to->s3_bucket_owner,
        .out_prefix = to->s3_key_prefix,
        .encryption = to->s3_sse_algorithm,
        .kinds = {to->output_type.at, to->output_type.count},
        .max_units = (uint64_t)in->max_write_request_units,
        .tier = in->performance_tier.at ? in->performance_tier : S("STANDARD"),
        .token = in->client_token,
        .access_key = transfer_key_of_caller(c),
        .object_done = true,
        .reports = {ARENA_ARRAY(c->arena, struct dynamodb_bulk_report, BULK_REPORTS), BULK_REPORTS},
    };
}

static RESULT show(struct call *c, const struct dynamodb_bulk *bulk,
                   struct dynamodb_bulk_operation_description **ret);

RESULT dynamodb_start_bulk_put_items(struct call *c,
                                     const struct dynamodb_start_bulk_put_items_in *in,
                                     struct dynamodb_start_bulk_put_items_out *out)
{
    struct dynamodb_table table;
    struct dynamodb_bulk bulk;
    bool found;
    TRY(check_places(c, in));
    TRY(look_for_token(c, in, &bulk, &found));
    if (!found) {
        TRY(reference_table(c, in->table_name, &table));
        TRY(check_table(c, &table));
        bulk = bulk_of(c, in, &table);
        dynamodb_bulk_put(c->txn, &bulk);
        keep_token(c, in, &bulk);
        table_wake_after(c);
    }
    return show(c, &bulk, &out->bulk_operation_description);
}

/* ---- telling -------------------------------------------------------------------------------- */

static RESULT is_cancelled(struct call *c, const struct dynamodb_bulk *bulk, bool *ret)
{
    struct dynamodb_bulk_cancel cancel = {.id = bulk->id};
    int error = dynamodb_bulk_cancel_get(c->txn, c->arena, &cancel);
    *ret = !error;
    return error < 0 && error != -ENOENT ? refuse_errno(c, error, "reading a bulk operation") : OK;
}

static RESULT status_of(struct call *c, const struct dynamodb_bulk *bulk, struct span *ret)
{
    bool cancelled = false, runs = !bulk->ended;
    TRY(is_cancelled(c, bulk, &cancelled));
    *ret = runs                             ? cancelled ? S("CANCELLING") : S("IN_PROGRESS")
                                       : cancelled ? S("CANCELLED")
           : bulk->state == TRANSFER_FAILED ? S("FAILED")
           : bulk->failed                   ? S("COMPLETED_WITH_ERRORS")
                                            : S("COMPLETED");
    return OK;
}

static struct dynamodb_input_s3_configuration *show_input(struct call *c,
                                                          const struct dynamodb_bulk *bulk)
{
    struct dynamodb_input_s3_configuration *to =
        ARENA_NEW(c->arena, struct dynamodb_input_s3_configuration);
    to->s3_bucket = bulk->bucket;
    to->s3_bucket_owner = bulk->owner;
    to->s3_key_prefix = bulk->prefix;
    to->input_format = bulk->format;
    to->input_compression_type = bulk->packing;
    return to;
}

static struct dynamodb_output_s3_configuration *show_output(struct call *c,
                                                            const struct dynamodb_bulk *bulk)
{
    struct dynamodb_output_s3_configuration *to =
        ARENA_NEW(c->arena, struct dynamodb_output_s3_configuration);
    to->s3_bucket = bulk->out_bucket;
    to->s3_bucket_owner = bulk->out_owner;
    to->s3_key_prefix = bulk->out_prefix;
    to->s3_sse_algorithm = bulk->encryption;
    to->output_type.at = bulk->kinds.at;
    to->output_type.count = bulk->kinds.count;
    return to;
}

static struct dynamodb_bulk_operation_bytes *bytes_of(struct call *c, uint64_t bytes)
{
    struct dynamodb_bulk_operation_bytes *to =
        ARENA_NEW(c->arena, struct dynamodb_bulk_operation_bytes);
    SET(to, bulk_put_bytes, (int64_t)bytes);
    return to;
}

static void add_index(struct call *c, const struct dynamodb_bulk *bulk,
                      const struct dynamodb_bulk_usage *usage,
                      struct dynamodb_secondary_indexes_bulk_bytes_map *map)
{
    if (!map->at)
        map->at = ARENA_ARRAY(c->arena, struct dynamodb_secondary_indexes_bulk_bytes_map_pair,
                              bulk->usage.count);
    map->at[map->count].key = usage->index;
    map->at[map->count++].value = *bytes_of(c, usage->bytes);
}

static void add_vector(struct call *c, const struct dynamodb_bulk *bulk,
                       const struct dynamodb_bulk_usage *usage,
                       struct dynamodb_vector_indexes_bulk_vector_bytes_map *map)
{
    if (!map->at)
        map->at = ARENA_ARRAY(c->arena, struct dynamodb_vector_indexes_bulk_vector_bytes_map_pair,
                              bulk->usage.count);
    map->at[map->count].key = usage->index;
    SET(&map->at[map->count++].value, bulk_put_vector_bytes, (int64_t)usage->bytes);
}

static void show_usage(struct call *c, const struct dynamodb_bulk *bulk,
                       struct dynamodb_bulk_operation_usage *to)
{
    uint64_t all = bulk->table_bytes;
    for (size_t i = 0; i < bulk->usage.count; i++) {
        const struct dynamodb_bulk_usage *usage = &bulk->usage.at[i];
        if (usage->vector)
            add_vector(c, bulk, usage, &to->vector_indexes);
        else
            add_index(c, bulk, usage,
                      usage->local ? &to->local_secondary_indexes : &to->global_secondary_indexes);
        all += usage->vector ? 0 : usage->bytes;
    }
    to->table_name = reference_arn(c, bulk->table);
    to->table = bytes_of(c, bulk->table_bytes);
    SET(to, bulk_put_bytes, (int64_t)all);
}

static RESULT show(struct call *c, const struct dynamodb_bulk *bulk,
                   struct dynamodb_bulk_operation_description **ret)
{
    struct dynamodb_bulk_operation_description *to =
        ARENA_NEW(c->arena, struct dynamodb_bulk_operation_description);
    *ret = to;
    TRY(status_of(c, bulk, &to->bulk_operation_status));
    to->bulk_operation_arn = bulk_arn(c, bulk);
    to->table_details.count = 1;
    to->table_details.at = ARENA_NEW(c->arena, struct dynamodb_bulk_operation_table_detail);
    to->table_details.at->table_name = reference_arn(c, bulk->table);
    to->table_details.at->table_id = bulk->table_id;
    to->client_token = bulk->token;
    to->input_s3_configuration = show_input(c, bulk);
    to->output_s3_configuration = show_output(c, bulk);
    SET(to, start_time, bulk->started);
    SET(to, processed_item_count, (int64_t)bulk->processed);
    SET(to, processed_input_bytes, (int64_t)(bulk->bytes + bulk->bytes_now));
    SET(to, failed_item_count, (int64_t)bulk->failed);
    if (bulk->ended)
        SET(to, end_time, bulk->ended);
    if (bulk->sized)
        SET(to, total_input_bytes, (int64_t)bulk->total);
    if (bulk->max_units)
        SET(to, max_write_request_units, (int64_t)bulk->max_units);
    to->bulk_operation_usage.count = 1;
    to->bulk_operation_usage.at = ARENA_NEW(c->arena, struct dynamodb_bulk_operation_usage);
    show_usage(c, bulk, to->bulk_operation_usage.at);
    to->failure_code = bulk->failure_code;
    to->failure_message = bulk->failure;
    to->performance_tier = bulk->tier;
    return OK;
}

RESULT dynamodb_describe_bulk_operation(struct call *c,
                                        const struct dynamodb_describe_bulk_operation_in *in,
                                        struct dynamodb_describe_bulk_operation_out *out)
{
    struct dynamodb_bulk bulk;
    TRY(find(c, in->bulk_operation_arn, &bulk));
    return show(c, &bulk, &out->bulk_operation_description);
}

/* ---- ListBulkOperations --------------------------------------------------------------------- */

struct listing {
    struct call *c;
    struct dynamodb_bulk after; /* not itself */
    struct dynamodb_bulk_operations_summary_list found;
    size_t limit;
    const struct refusal *refusal;
    bool more;
};

static int take_bulk(void *user, struct dynamodb_bulk *bulk)
{
    struct listing *listing = user;
    if (bulk->age == listing->after.age && span_eq(bulk->id, listing->after.id))
        return 0;
    if (listing->found.count == listing->limit) {
        listing->more = true;
        return 1;
    }
    if (bulk->started + LISTED_MS < listing->c->now_ms)
        return 1;
    struct dynamodb_bulk_operation_summary *to = &listing->found.at[listing->found.count++];
    to->bulk_operation_arn = bulk_arn(listing->c, bulk);
    SET(to, start_time, bulk->started);
    if (bulk->ended)
        SET(to, end_time, bulk->ended);
    listing->refusal = status_of(listing->c, bulk, &to->bulk_operation_status);
    return listing->refusal != NULL;
}

RESULT dynamodb_list_bulk_operations(struct call *c,
                                     const struct dynamodb_list_bulk_operations_in *in,
                                     struct dynamodb_list_bulk_operations_out *out)
{
    size_t limit = in->has.max_results ? (size_t)in->max_results : LIST_DEFAULT;
    struct span after;
    struct listing listing = {
        .c = c,
        .after = {.account = c->account, .region = c->region},
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_bulk_operation_summary, limit),
        .limit = limit,
    };
    if (in->next_token.at &&
        (!transfer_read_token(c, in->next_token, &after) || !read_arn(c, after, &listing.after)))
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION, "Invalid NextToken");
    int error = dynamodb_bulk_each(c->txn, &listing.after, 2, c->arena, take_bulk, &listing);
    if (listing.refusal)
        return listing.refusal;
    if (error < 0)
        return refuse_errno(c, error, "listing bulk operations");
    out->bulk_operations_summary_list = listing.found;
    if (listing.more)
        out->next_token = transfer_token_of(
            c, listing.found.at[listing.found.count - 1].bulk_operation_arn, NEXT_UNIT);
    return OK;
}

/* ---- CancelBulkOperation -------------------------------------------------------------------- */

RESULT dynamodb_cancel_bulk_operation(struct call *c,
                                      const struct dynamodb_cancel_bulk_operation_in *in,
                                      struct dynamodb_cancel_bulk_operation_out *out)
{
    struct dynamodb_bulk bulk;
    TRY(find(c, in->bulk_operation_arn, &bulk));
    if (bulk.ended)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "The bulk operation is not in progress: %.*s",
                      SPAN_ARG(in->bulk_operation_arn));
    dynamodb_bulk_cancel_put(c->txn, &(struct dynamodb_bulk_cancel){.id = bulk.id, .here = true});
    out->bulk_operation_arn = in->bulk_operation_arn;
    out->bulk_operation_status = S("CANCELLING");
    table_wake_after(c);
    return OK;
}
