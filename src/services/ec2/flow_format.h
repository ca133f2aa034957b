// SPDX-License-Identifier: Apache-2.0
#pragma once
/*
 * Which fields the records of a flow log have, and in which order: "${version} ${account-id} …"
 * ("Flow log records", Available fields; those of transit gateways are left out). Pure.
 */
#include "base/span.h"

enum FLOW_FIELD {
    FLOW_VERSION,
    FLOW_ACCOUNT_ID,
    FLOW_INTERFACE_ID,
    FLOW_SRCADDR,
    FLOW_DSTADDR,
    FLOW_SRCPORT,
    FLOW_DSTPORT,
    FLOW_PROTOCOL,
    FLOW_PACKETS,
    FLOW_BYTES,
    FLOW_START,
    FLOW_END,
    FLOW_ACTION,
    FLOW_LOG_STATUS,
    FLOW_VPC_ID,
    FLOW_SUBNET_ID,
    FLOW_INSTANCE_ID,
    FLOW_TCP_FLAGS,
    FLOW_TYPE,
    FLOW_PKT_SRCADDR,
    FLOW_PKT_DSTADDR,
    FLOW_REGION,
    FLOW_AZ_ID,
    FLOW_SUBLOCATION_TYPE,
    FLOW_SUBLOCATION_ID,
    FLOW_PKT_SRC_AWS_SERVICE,
    FLOW_PKT_DST_AWS_SERVICE,
    FLOW_FLOW_DIRECTION,
    FLOW_TRAFFIC_PATH,
    FLOW_ECS_CLUSTER_ARN,
    FLOW_ECS_CLUSTER_NAME,
    FLOW_ECS_CONTAINER_INSTANCE_ARN,
    FLOW_ECS_CONTAINER_INSTANCE_ID,
    FLOW_ECS_CONTAINER_ID,
    FLOW_ECS_SECOND_CONTAINER_ID,
    FLOW_ECS_SERVICE_NAME,
    FLOW_ECS_TASK_DEFINITION_ARN,
    FLOW_ECS_TASK_ARN,
    FLOW_ECS_TASK_ID,
    FLOW_REJECT_REASON,
    FLOW_FIELDS
};

#define FLOW_FORMAT_MAX 128 /* fields may come more than once */
#define FLOW_FORMAT_DEFAULT                                                                        \
    "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} "        \
    "${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}"

struct flow_format {
    uint8_t fields[FLOW_FORMAT_MAX];
    size_t count;
    unsigned version; /* the highest of its fields */
};

struct span flow_field_name(enum FLOW_FIELD field);
/* False when it is none; *ret_bad is what of it is not a field. */
MUST_CHECK bool flow_format_read(struct span text, struct flow_format *ret, struct span *ret_bad);
