// SPDX-License-Identifier: Apache-2.0
/* CreateFlowLogs, DescribeFlowLogs, DeleteFlowLogs. The only destinations are buckets. Control
 * thread. */
#include "services/ec2/flow_log.h"

#include "base/id.h"
#include "services/ec2/client_token.h"
#include "services/ec2/describe.h"
#include "services/ec2/flow_format.h"
#include "services/ec2/interface.h"
#include "services/ec2/subnet.h"
#include "services/ec2/tag.h"
#include "services/ec2/vpc.h"

#include <errno.h>

#define INTERVAL_SHORT 60
#define INTERVAL_LONG 600

/* ---- the kind ----------------------------------------------------------------------------------
 */

static RESULT show(struct call *c, const void *record, void *shown)
{
    const struct stored_flow_log *log = record;
    struct ec2_flow_log *to = shown;
    struct stored_flow_delivery last = {
        .account = log->account, .region = log->region, .log = log->id};
    int error = stored_flow_delivery_get(c->txn, c->arena, &last);
    if (error < 0 && error != -ENOENT)
        return refuse_errno(c, error, "reading the delivery of a flow log");
    to->flow_log_id = log->id;
    to->flow_log_status = S("ACTIVE");
    to->resource_id = log->resource;
    to->traffic_type = log->traffic;
    to->log_destination_type = S("s3");
    to->log_destination = log->destination;
    to->log_format = log->format;
    to->deliver_logs_status = last.refused ? S("FAILED") : S("SUCCESS");
    if (last.refused)
        to->deliver_logs_error_message = S("Access error");
    SET(to, max_aggregation_interval, (int32_t)log->interval);
    SET(to, creation_time, log->created);
    to->destination_options = ARENA_NEW(c->arena, struct ec2_destination_options_response);
    to->destination_options->file_format = S("plain-text");
    SET(to->destination_options, hive_compatible_partitions, log->hive);
    SET(to->destination_options, per_hour_partition, log->per_hour);
    return tag_list(c, log->id, &to->tags);
}

static const struct filter_name filters[] = {
    {"deliver-log-status", "DeliverLogsStatus"},
    {"flow-log-id", "FlowLogId"},
    {"log-destination-type", "LogDestinationType"},
    {"log-group-name", "LogGroupName"},
    {"resource-id", "ResourceId"},
    {"traffic-type", "TrafficType"},
};

const struct resource_kind flow_log_kind = {
    .prefix = S_INIT("fl-"),
    .type = "vpc-flow-log",
    .record = &stored_flow_log_table,
    .vpc = offsetof(struct stored_flow_log, vpc),
    .malformed = &EC2_INVALID_FLOW_LOG_ID_MALFORMED,
    .missing = &EC2_INVALID_FLOW_LOG_ID_NOT_FOUND,
    .missing_before = "These flow log ids in the input list are not found: [TotalCount: 1] ",
    .missing_after = "",
    .shown_size = sizeof(struct ec2_flow_log),
    .show = show,
    .filters = {EC2_SHAPE_FLOW_LOG, filters, ARRAY_LEN(filters)},
};

RESULT ec2_describe_flow_logs(struct call *c, const struct ec2_describe_flow_logs_in *in,
                              struct ec2_describe_flow_logs_out *out)
{
    struct describe_found found;
    struct describe_asked asked = {
        .ids = in->flow_log_ids.at,
        .id_count = in->flow_log_ids.count,
        .filters = in->filter,
        .max_results = in->max_results,
        .next_token = in->next_token,
    };
    TRY(describe(c, &flow_log_kind, &asked, &found));
    out->flow_logs.at = found.at;
    out->flow_logs.count = found.count;
    out->next_token = found.next_token;
    return OK;
}

RESULT flow_logs_of_vpc(struct call *c, struct span vpc, struct resource_list *ret)
{
    return resource_list(c, &flow_log_kind, WHERE(stored_flow_log, vpc, vpc), ret);
}

bool flow_log_covers(const struct stored_flow_log *log, const struct stored_interface *interface)
{
    return !interface->requester.at &&
           (span_eq(log->resource, interface->id) || span_eq(log->resource, interface->subnet) ||
            span_eq(log->resource, interface->vpc));
}

/* ---- CreateFlowLogs ----------------------------------------------------------------------------
 */

static RESULT check_destination_kind(struct call *c, const struct ec2_create_flow_logs_in *in)
{
    bool bucket = span_eq(in->log_destination_type, S("s3"));
    if (in->log_group_name.at && in->log_destination.at)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "Please only provide LogGroupName or only provide LogDestination.");
    if (in->log_group_name.at && bucket)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "LogDestination type must be cloud-watch-logs if LogGroupName is provided.");
    if (!in->log_group_name.at && !in->log_destination.at)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "LogDestination can't be empty if LogGroupName is not provided.");
    if (!bucket)
        return resource_not_built(c, "A flow log to anything but Amazon S3");
    if (in->deliver_logs_permission_arn.at || in->deliver_cross_account_role.at)
        return refuse(c, &EC2_INVALID_PARAMETER,
                      "DeliverLogsPermissionArn is not applicable for s3 delivery.");
    return OK;
}

static RESULT read_options(struct call *c, const struct ec2_create_flow_logs_in *in,
                           struct stored_flow_log *to)
{
    const struct ec2_destination_options_request *said = in->destination_options;
    if (!said)
        return OK;
    if (span_eq(said->file_format, S("parquet")))
        return resource_not_built(c, "A flow log in Parquet's format");
    to->hive = said->has.hive_compatible_partitions && said->hive_compatible_partitions;
    to->per_hour = said->has.per_hour_partition && said->per_hour_partition;
    return OK;
}

static RESULT read_wish(struct call *c, const struct ec2_create_flow_logs_in *in,
                        struct stored_flow_log *to)
{
    struct flow_format format;
    struct span bad, bucket;
    *to = (struct stored_flow_log){
        .traffic = in->traffic_type,
        .destination = in->log_destination,
        .format = in->log_format.at ? in->log_format : S(FLOW_FORMAT_DEFAULT),
        .interval = in->has.max_aggregation_interval ? (uint64_t)in->max_aggregation_interval
                                                     : INTERVAL_LONG,
        .created = c->now_ms};
    TRY(check_destination_kind(c, in));
    if (in->tag_field_specifications.count)
        return resource_not_built(c, "TagFieldSpecifications");
    if (!in->traffic_type.at)
        return refuse(c, &EC2_MISSING_PARAMETER,
                      "The request must contain the parameter TrafficType");
    if (to->interval != INTERVAL_SHORT && to->interval != INTERVAL_LONG)
        return refuse(c, &EC2_INVALID_PARAMETER, "Invalid Flow Log Max Aggregation Interval");
    TRY(read_options(c, in, to));
    if (!flow_format_read(to->format, &format, &bad))
        return refuse(c, &EC2_INVALID_PARAMETER, "Unknown fields provided: [%.*s]", SPAN_ARG(bad));
    return flow_destination_read(c, to->destination, &bucket);
}

static RESULT find_resource(struct call *c, struct span type, struct span id,
                            struct stored_flow_log *to)
{
    struct stored_vpc vpc;
    struct stored_subnet subnet;
    struct stored_interface interface;
    to->resource = id;
    if (span_eq(type, S("VPC"))) {
        TRY(resource_get(c, &vpc_kind, id, &vpc));
        to->vpc = vpc.id;
    } else if (span_eq(type, S("Subnet"))) {
        TRY(resource_get(c, &subnet_kind, id, &subnet));
        to->vpc = subnet.vpc;
    } else if (span_eq(type, S("NetworkInterface"))) {
        TRY(resource_get(c, &interface_kind, id, &interface));
        to->vpc = interface.vpc;
        if (interface.requester.at)
            return resource_not_built(c, "A flow log of a service's network interface");
    } else {
        return resource_not_built(c, "A flow log of this type of resource");
    }
    return OK;
}

static void add_failure(struct call *c, struct ec2_unsuccessful_item_set *to, struct span resource,
                        struct ec2_unsuccessful_item_error error)
{
    to->at = resource_grow(c, to->at, to->count, sizeof *to->at);
    struct ec2_unsuccessful_item *item = &to->at[to->count++];
    item->resource_id = resource;
    item->error = ARENA_NEW(c->arena, struct ec2_unsuccessful_item_error);
    *item->error = error;
}

static RESULT is_there(struct call *c, const struct stored_flow_log *wish, bool *ret)
{
    struct resource_list logs;
    *ret = false;
    TRY(resource_list(c, &flow_log_kind, WHERE(stored_flow_log, resource, wish->resource), &logs));
    for (size_t i = 0; i < logs.count; i++) {
        const struct stored_flow_log *log = logs.at[i];
        *ret = *ret || (span_eq(log->destination, wish->destination) &&
                        span_eq(log->traffic, wish->traffic) &&
                        span_eq(log->format, wish->format) && log->interval == wish->interval);
    }
    return OK;
}

/* Absent, or why the destination cannot be delivered to. */
static RESULT check_bucket(struct call *c, const struct stored_flow_log *log, struct span *ret_why)
{
    enum S3_ADMITS admits;
    struct span bucket;
    *ret_why = SPAN_NONE;
    TRY(flow_destination_read(c, log->destination, &bucket));
    TRY(flow_destination_open(c, log, &admits));
    if (admits == S3_NO_BUCKET)
        *ret_why = arena_printf(c->arena, "LogDestination: %.*s does not exist", SPAN_ARG(bucket));
    if (admits == S3_NOT_ADMITTED)
        *ret_why = arena_printf(c->arena,
                                "Access Denied for LogDestination: %.*s. Please check "
                                "LogDestination permissions",
                                SPAN_ARG(bucket));
    return OK;
}

static RESULT make(struct call *c, const struct ec2_create_flow_logs_in *in,
                   struct stored_flow_log *log, struct ec2_create_flow_logs_out *out)
{
    bool there;
    struct span why;
    TRY(is_there(c, log, &there));
    TRY(check_bucket(c, log, &why));
    if (there || why.at) {
        add_failure(c, &out->unsuccessful, log->resource,
                    why.at ? (struct ec2_unsuccessful_item_error){.code = S("400"), .message = why}
                           : (struct ec2_unsuccessful_item_error){
                                 .code = S("FlowLogAlreadyExists"),
                                 .message = S("Error. There is an existing Flow Log with the same "
                                              "configuration and log destination.")});
        return OK;
    }
    resource_name(c, &flow_log_kind, log);
    resource_put(c, &flow_log_kind, log);
    out->flow_log_ids.at[out->flow_log_ids.count++] = log->id;
    return tag_new(c, &flow_log_kind, log->id, &in->tag_specifications);
}

/* A token stands for all that were made, in one text. */
static void read_made(struct call *c, struct span made, struct ec2_value_string_list *to)
{
    to->at = ARENA_ARRAY(c->arena, struct span, made.len);
    while (made.len)
        to->at[to->count++] = span_cut(&made, ' ');
}

static struct span made_text(struct call *c, const struct ec2_value_string_list *made)
{
    struct span text = S("");
    for (size_t i = 0; i < made->count; i++)
        text = arena_printf(c->arena, "%.*s%s%.*s", SPAN_ARG(text), i ? " " : "",
                            SPAN_ARG(made->at[i]));
    return text;
}

RESULT ec2_create_flow_logs(struct call *c, const struct ec2_create_flow_logs_in *in,
                            struct ec2_create_flow_logs_out *out)
{
    struct span made;
    struct stored_flow_log log;
    out->client_token = in->client_token.at ? in->client_token : id_uuid(c->arena);
    out->unsuccessful.at = arena_alloc(c->arena, 0);
    TRY(client_token_find(c, in, in->client_token, &made));
    if (made.at) {
        read_made(c, made, &out->flow_log_ids);
        return OK;
    }
    TRY(read_wish(c, in, &log));
    out->flow_log_ids.at = ARENA_ARRAY(c->arena, struct span, in->resource_ids.count);
    for (size_t i = 0; i < in->resource_ids.count; i++) {
        TRY(find_resource(c, in->resource_type, in->resource_ids.at[i], &log));
        TRY(make(c, in, &log, out));
    }
    client_token_keep(c, in, in->client_token, made_text(c, &out->flow_log_ids));
    return OK;
}

/* ---- DeleteFlowLogs ----------------------------------------------------------------------------
 */

static int drop_capture(void *user, struct stored_flow_capture *capture)
{
    stored_flow_capture_delete(user, capture);
    return 0;
}

/* What was not delivered yet goes with it. */
static RESULT drop(struct call *c, const struct stored_flow_log *log)
{
    struct stored_flow_capture from = {
        .account = log->account, .region = log->region, .log = log->id};
    int error = stored_flow_capture_each(c->txn, &from, 3, c->arena, drop_capture, c->txn);
    if (error < 0)
        return refuse_errno(c, error, "reading what a flow log has captured");
    stored_flow_delivery_delete(c->txn, &(struct stored_flow_delivery){.account = log->account,
                                                                       .region = log->region,
                                                                       .log = log->id});
    resource_drop(c, &flow_log_kind, log);
    return OK;
}

RESULT flow_log_drop_all(struct call *c, struct span vpc)
{
    struct resource_list logs;
    TRY(flow_logs_of_vpc(c, vpc, &logs));
    for (size_t i = 0; i < logs.count; i++)
        TRY(drop(c, logs.at[i]));
    return OK;
}

RESULT ec2_delete_flow_logs(struct call *c, const struct ec2_delete_flow_logs_in *in,
                            struct ec2_delete_flow_logs_out *out)
{
    struct stored_flow_log log;
    for (size_t i = 0; i < in->flow_log_ids.count; i++) {
        TRY(resource_get(c, &flow_log_kind, in->flow_log_ids.at[i], &log));
        TRY(drop(c, &log));
    }
    out->unsuccessful.at = arena_alloc(c->arena, 0);
    return OK;
}
