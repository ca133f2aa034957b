// SPDX-License-Identifier: Apache-2.0
/* Formats of flow logs. The versions are those in which AWS brought the fields. Pure. */
#include "services/ec2/flow_format.h"

static const struct {
    struct span name;
    unsigned version;
} fields[] = {
    [FLOW_VERSION] = {S_INIT("version"), 2},
    [FLOW_ACCOUNT_ID] = {S_INIT("account-id"), 2},
    [FLOW_INTERFACE_ID] = {S_INIT("interface-id"), 2},
    [FLOW_SRCADDR] = {S_INIT("srcaddr"), 2},
    [FLOW_DSTADDR] = {S_INIT("dstaddr"), 2},
    [FLOW_SRCPORT] = {S_INIT("srcport"), 2},
    [FLOW_DSTPORT] = {S_INIT("dstport"), 2},
    [FLOW_PROTOCOL] = {S_INIT("protocol"), 2},
    [FLOW_PACKETS] = {S_INIT("packets"), 2},
    [FLOW_BYTES] = {S_INIT("bytes"), 2},
    [FLOW_START] = {S_INIT("start"), 2},
    [FLOW_END] = {S_INIT("end"), 2},
    [FLOW_ACTION] = {S_INIT("action"), 2},
    [FLOW_LOG_STATUS] = {S_INIT("log-status"), 2},
    [FLOW_VPC_ID] = {S_INIT("vpc-id"), 3},
    [FLOW_SUBNET_ID] = {S_INIT("subnet-id"), 3},
    [FLOW_INSTANCE_ID] = {S_INIT("instance-id"), 3},
    [FLOW_TCP_FLAGS] = {S_INIT("tcp-flags"), 3},
    [FLOW_TYPE] = {S_INIT("type"), 3},
    [FLOW_PKT_SRCADDR] = {S_INIT("pkt-srcaddr"), 3},
    [FLOW_PKT_DSTADDR] = {S_INIT("pkt-dstaddr"), 3},
    [FLOW_REGION] = {S_INIT("region"), 4},
    [FLOW_AZ_ID] = {S_INIT("az-id"), 4},
    [FLOW_SUBLOCATION_TYPE] = {S_INIT("sublocation-type"), 4},
    [FLOW_SUBLOCATION_ID] = {S_INIT("sublocation-id"), 4},
    [FLOW_PKT_SRC_AWS_SERVICE] = {S_INIT("pkt-src-aws-service"), 5},
    [FLOW_PKT_DST_AWS_SERVICE] = {S_INIT("pkt-dst-aws-service"), 5},
    [FLOW_FLOW_DIRECTION] = {S_INIT("flow-direction"), 5},
    [FLOW_TRAFFIC_PATH] = {S_INIT("traffic-path"), 5},
    [FLOW_ECS_CLUSTER_ARN] = {S_INIT("ecs-cluster-arn"), 7},
    [FLOW_ECS_CLUSTER_NAME] = {S_INIT("ecs-cluster-name"), 7},
    [FLOW_ECS_CONTAINER_INSTANCE_ARN] = {S_INIT("ecs-container-instance-arn"), 7},
    [FLOW_ECS_CONTAINER_INSTANCE_ID] = {S_INIT("ecs-container-instance-id"), 7},
    [FLOW_ECS_CONTAINER_ID] = {S_INIT("ecs-container-id"), 7},
    [FLOW_ECS_SECOND_CONTAINER_ID] = {S_INIT("ecs-second-container-id"), 7},
    [FLOW_ECS_SERVICE_NAME] = {S_INIT("ecs-service-name"), 7},
    [FLOW_ECS_TASK_DEFINITION_ARN] = {S_INIT("ecs-task-definition-arn"), 7},
    [FLOW_ECS_TASK_ARN] = {S_INIT("ecs-task-arn"), 7},
    [FLOW_ECS_TASK_ID] = {S_INIT("ecs-task-id"), 7},
    [FLOW_REJECT_REASON] = {S_INIT("reject-reason"), 8},
};

struct span flow_field_name(enum FLOW_FIELD field)
{
    return fields[field].name;
}

static enum FLOW_FIELD find(struct span name)
{
    size_t i = 0;
    while (i < FLOW_FIELDS && !span_eq(fields[i].name, name))
        i++;
    return (enum FLOW_FIELD)i;
}

/* "${name}" */
static struct span name_of(struct span word)
{
    if (word.len < 4 || !span_starts(word, S("${")) || word.at[word.len - 1] != '}')
        return SPAN_NONE;
    return span_of(word.at + 2, word.len - 3);
}

bool flow_format_read(struct span text, struct flow_format *ret, struct span *ret_bad)
{
    *ret = (struct flow_format){0};
    while (text.len) {
        *ret_bad = span_cut(&text, ' ');
        if (!ret_bad->len)
            continue;
        enum FLOW_FIELD field = find(name_of(*ret_bad));
        if (field == FLOW_FIELDS || ret->count == FLOW_FORMAT_MAX)
            return false;
        ret->fields[ret->count++] = (uint8_t)field;
        if (fields[field].version > ret->version)
            ret->version = fields[field].version;
    }
    *ret_bad = S("");
    return ret->count > 0;
}
