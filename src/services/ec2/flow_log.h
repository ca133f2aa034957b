// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Flow logs: what the packets of a VPC's, a subnet's or one interface did, into a bucket. Control
 * thread, but where another is said.
 */
#include "services/ec2/resource.h"
#include "services/s3/s3.h"

extern const struct resource_kind flow_log_kind;

/* Those of the VPC. */
RESULT flow_logs_of_vpc(struct call *c, struct span vpc, struct resource_list *ret);
/* "DeleteVpc": those of a VPC that is deleted are removed by and by; here they go with it, and what
 * was captured for them. */
RESULT flow_log_drop_all(struct call *c, struct span vpc);
/* Whether the log is of this interface; those of services, a NAT gateway's for one, have none. */
bool flow_log_covers(const struct stored_flow_log *log, const struct stored_interface *interface);

/* flow_destination.c: "arn:aws:s3:::bucket/folder/"; refused when it is none. */
RESULT flow_destination_read(struct call *c, struct span arn, struct span *ret_bucket);
/* Whether the bucket takes deliveries of the log; its policy is made so where the caller may. */
RESULT flow_destination_open(struct call *c, const struct stored_flow_log *log,
                             enum S3_ADMITS *ret);
/* What S3 is asked and given; the key is that of a file made at `ms`. Any thread. */
struct s3_delivery flow_destination_delivery(struct call *c, const struct stored_flow_log *log,
                                             int64_t ms);

/* flow_capture.c: what runs each minute. */
struct flow_logger;
struct flow_logger *flow_logger_new(struct cloud *cloud);
/* Accepts NULL. */
void flow_logger_free(struct flow_logger *logger);
/* flow_delivery.c: writes out the windows of all logs that have ended by `until_ms`. Blocks: a
 * worker. */
void flow_delivery_run(struct cloud *cloud, int64_t until_ms);
