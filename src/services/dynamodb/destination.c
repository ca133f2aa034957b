// SPDX-License-Identifier: Apache-2.0
/*
 * Enable-, Disable-, Describe- and UpdateKinesisStreamingDestination. That a stream cannot be used
 * is told later, as ENABLE_FAILED with a description, and not by a refusal: so the real service was
 * measured to do, and so are the texts. Control thread.
 */
#include "services/dynamodb/destination.h"

#include "services/dynamodb/reference.h"
#include "services/dynamodb/table.h"
#include "services/kinesis/kinesis.h"

#include <errno.h>

#define BAD "Table is not in a valid state to enable Kinesis Streaming Destination: "

static bool is_alive(const struct dynamodb_destination *destination)
{
    return destination->state < DESTINATION_DISABLED;
}

struct search {
    struct span stream; /* absent: whichever is alive */
    struct dynamodb_destination *found;
};

static int take_wanted(void *user, struct dynamodb_destination *destination)
{
    const struct search *search = user;
    if (search->stream.at ? !span_eq(destination->stream, search->stream) : !is_alive(destination))
        return 0;
    *search->found = *destination;
    return 1;
}

static struct dynamodb_destination key_of(const struct dynamodb_table *table, struct span stream)
{
    return (struct dynamodb_destination){
        .account = table->account, .region = table->region, .table = table->name, .stream = stream};
}

/* state 0: there is none. */
static RESULT look(struct call *c, const struct dynamodb_table *table, struct span stream,
                   struct dynamodb_destination *ret)
{
    struct search search = {stream, ret};
    struct dynamodb_destination from = key_of(table, SPAN_NONE);
    *ret = (struct dynamodb_destination){.state = 0};
    int error = dynamodb_destination_each(c->txn, &from, 3, c->arena, take_wanted, &search);
    return error < 0 ? refuse_errno(c, error, "looking for a destination") : OK;
}

/* A table that is not there yet has no destinations. */
static RESULT find_table(struct call *c, struct span table_name, struct dynamodb_table *ret)
{
    TRY(reference_table(c, table_name, ret));
    if (ret->state != TABLE_CREATING)
        return OK;
    return refuse(c, &DYNAMODB_RESOURCE_NOT_FOUND_EXCEPTION,
                  "Requested resource not found: Table: %.*s not found", SPAN_ARG(ret->name));
}

/* ---- Enable --------------------------------------------------------------------------------- */

RESULT dynamodb_enable_kinesis_streaming_destination(
    struct call *c, const struct dynamodb_enable_kinesis_streaming_destination_in *call_in,
    struct dynamodb_enable_kinesis_streaming_destination_out *call_out)
{
    const struct dynamodb_kinesis_streaming_destination_input *in =
        &call_in->kinesis_streaming_destination_input;
    struct dynamodb_kinesis_streaming_destination_output *out =
        &call_out->kinesis_streaming_destination_output;
    const struct dynamodb_enable_kinesis_streaming_configuration *wanted =
        in->enable_kinesis_streaming_configuration;
    struct kv_access access = reference_access(c);
    struct dynamodb_table table;
    struct dynamodb_destination alive;
    TRY(find_table(c, in->table_name, &table));
    TRY(table_check_active(c, &table));
    TRY(look(c, &table, SPAN_NONE, &alive));
    if (alive.state)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to "
                          "perform ENABLE operation.");
    struct dynamodb_destination fresh = key_of(&table, in->stream_arn);
    fresh.state = DESTINATION_ENABLING;
    fresh.denied = kinesis_may_put(c, in->stream_arn) != OK;
    fresh.precision = wanted ? wanted->approximate_creation_date_time_precision : SPAN_NONE;
    int error = kv_stream_open(&access, reference_of(c->arena, &table), KV_LOG_DELIVERY,
                               KV_VIEW_BOTH, &fresh.log);
    if (error < 0)
        return refuse_errno(c, error, "opening a log of changes");
    dynamodb_destination_put(c->txn, &fresh);
    table_wake_after(c);
    out->table_name = table.name;
    out->stream_arn = in->stream_arn;
    out->destination_status = S("ENABLING");
    out->enable_kinesis_streaming_configuration =
        ARENA_NEW(c->arena, struct dynamodb_enable_kinesis_streaming_configuration);
    out->enable_kinesis_streaming_configuration->approximate_creation_date_time_precision =
        fresh.precision;
    return OK;
}

/* ---- Disable -------------------------------------------------------------------------------- */

static RESULT find(struct call *c, const struct dynamodb_table *table, struct span stream,
                   struct dynamodb_destination *ret)
{
    TRY(look(c, table, stream, ret));
    if (ret->state)
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  BAD "No streaming destination with streamArn: %.*s found for table with "
                      "tableName: %.*s",
                  SPAN_ARG(stream), SPAN_ARG(table->name));
}

/* What has changed until now is still delivered. */
static RESULT begin_disabling(struct call *c, const struct dynamodb_table *table,
                              struct dynamodb_destination *destination)
{
    struct kv_access access = reference_access(c);
    int error = kv_stream_close(&access, reference_of(c->arena, table), KV_LOG_DELIVERY);
    if (error < 0)
        return refuse_errno(c, error, "closing a log of changes");
    destination->state = DESTINATION_DISABLING;
    dynamodb_destination_put(c->txn, destination);
    table_wake_after(c);
    return OK;
}

RESULT destination_close(struct call *c, const struct dynamodb_table *table)
{
    struct dynamodb_destination alive;
    TRY(look(c, table, SPAN_NONE, &alive));
    bool open = alive.state && alive.state != DESTINATION_DISABLING;
    return open ? begin_disabling(c, table, &alive) : OK;
}

RESULT dynamodb_disable_kinesis_streaming_destination(
    struct call *c, const struct dynamodb_disable_kinesis_streaming_destination_in *call_in,
    struct dynamodb_disable_kinesis_streaming_destination_out *call_out)
{
    const struct dynamodb_kinesis_streaming_destination_input *in =
        &call_in->kinesis_streaming_destination_input;
    struct dynamodb_kinesis_streaming_destination_output *out =
        &call_out->kinesis_streaming_destination_output;
    struct dynamodb_table table;
    struct dynamodb_destination destination;
    TRY(find_table(c, in->table_name, &table));
    TRY(find(c, &table, in->stream_arn, &destination));
    if (destination.state != DESTINATION_ACTIVE)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "KinesisStreamingDestination must be ACTIVE to perform DISABLE "
                          "operation.");
    TRY(begin_disabling(c, &table, &destination));
    out->table_name = table.name;
    out->stream_arn = in->stream_arn;
    out->destination_status = S("DISABLING");
    return OK;
}

/* ---- Update --------------------------------------------------------------------------------- */

static RESULT check_update(struct call *c, const struct dynamodb_table *table,
                           const struct dynamodb_destination *destination, struct span wanted)
{
    if (destination->state != DESTINATION_ACTIVE)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      BAD "Kinesis streaming is not in ACTIVE state. Updates are only allowed in "
                          "ACTIVE state. TableName: %.*s",
                      SPAN_ARG(table->name));
    struct span now = destination->precision.at ? destination->precision : S("MILLISECOND");
    if (!span_eq(now, wanted))
        return OK;
    return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                  "Invalid Request: Precision is already set to the desired value of %.*s for "
                  "tableId: %.*s, kdsArn: %.*s",
                  SPAN_ARG(wanted), SPAN_ARG(table->id), SPAN_ARG(destination->stream));
}

RESULT dynamodb_update_kinesis_streaming_destination(
    struct call *c, const struct dynamodb_update_kinesis_streaming_destination_in *in,
    struct dynamodb_update_kinesis_streaming_destination_out *out)
{
    const struct dynamodb_update_kinesis_streaming_configuration *wanted =
        in->update_kinesis_streaming_configuration;
    struct dynamodb_table table;
    struct dynamodb_destination destination;
    if (!wanted || !wanted->approximate_creation_date_time_precision.at)
        return refuse(c, &DYNAMODB_VALIDATION_EXCEPTION,
                      "Streaming destination cannot be updated with given parameters: "
                      "UpdateKinesisStreamingConfiguration cannot be null or contain only null "
                      "values");
    TRY(find_table(c, in->table_name, &table));
    TRY(find(c, &table, in->stream_arn, &destination));
    TRY(check_update(c, &table, &destination, wanted->approximate_creation_date_time_precision));
    destination.precision = wanted->approximate_creation_date_time_precision;
    destination.state = DESTINATION_UPDATING;
    dynamodb_destination_put(c->txn, &destination);
    table_wake_after(c);
    out->table_name = table.name;
    out->stream_arn = in->stream_arn;
    out->destination_status = S("UPDATING");
    out->update_kinesis_streaming_configuration =
        ARENA_NEW(c->arena, struct dynamodb_update_kinesis_streaming_configuration);
    *out->update_kinesis_streaming_configuration = *wanted;
    return OK;
}

/* ---- Describe ------------------------------------------------------------------------------- */

struct listing {
    struct dynamodb_kinesis_data_stream_destinations found;
};

#define DESTINATIONS_MAX 100 /* told */

static int show(void *user, struct dynamodb_destination *destination)
{
    static const struct span names[] = {
        [DESTINATION_ENABLING] = S_INIT("ENABLING"), [DESTINATION_ACTIVE] = S_INIT("ACTIVE"),
        [DESTINATION_UPDATING] = S_INIT("UPDATING"), [DESTINATION_DISABLING] = S_INIT("DISABLING"),
        [DESTINATION_DISABLED] = S_INIT("DISABLED"), [DESTINATION_FAILED] = S_INIT("ENABLE_FAILED"),
    };
    struct listing *listing = user;
    if (listing->found.count == DESTINATIONS_MAX)
        return 1;
    struct dynamodb_kinesis_data_stream_destination *to =
        &listing->found.at[listing->found.count++];
    to->stream_arn = destination->stream;
    to->destination_status = names[destination->state];
    to->destination_status_description = destination->failure;
    to->approximate_creation_date_time_precision = destination->precision;
    return 0;
}

RESULT dynamodb_describe_kinesis_streaming_destination(
    struct call *c, const struct dynamodb_describe_kinesis_streaming_destination_in *in,
    struct dynamodb_describe_kinesis_streaming_destination_out *out)
{
    struct dynamodb_table table;
    struct listing listing = {
        .found.at = ARENA_ARRAY(c->arena, struct dynamodb_kinesis_data_stream_destination,
                                DESTINATIONS_MAX)};
    TRY(find_table(c, in->table_name, &table));
    struct dynamodb_destination from = key_of(&table, SPAN_NONE);
    int error = dynamodb_destination_each(c->txn, &from, 3, c->arena, show, &listing);
    if (error < 0)
        return refuse_errno(c, error, "listing destinations");
    out->table_name = table.name;
    out->kinesis_data_stream_destinations = listing.found;
    return OK;
}
