// SPDX-License-Identifier: Apache-2.0
/* Idle timeouts of tracked connections ("Security group connection tracking"). Control thread. */
#include "services/ec2/tracking.h"

#include "services/ec2/interface.h"

static RESULT check(struct call *c, const char *name, int32_t value, int32_t lowest,
                    int32_t highest)
{
    if (value >= lowest && value <= highest)
        return OK;
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Value (%d) for parameter %s is invalid. It must be between %d and %d.", value,
                  name, lowest, highest);
}

RESULT tracking_set(struct call *c,
                    const struct ec2_connection_tracking_specification_request *specification,
                    struct stored_interface *interface)
{
    if (!specification)
        return OK;
    if (specification->has.tcp_established_timeout) {
        TRY(check(c, "tcpEstablishedTimeout", specification->tcp_established_timeout, 60, 432000));
        interface->tcp_idle_s = (uint64_t)specification->tcp_established_timeout;
    }
    if (specification->has.udp_stream_timeout) {
        TRY(check(c, "udpStreamTimeout", specification->udp_stream_timeout, 60, 180));
        interface->udp_stream_idle_s = (uint64_t)specification->udp_stream_timeout;
    }
    if (specification->has.udp_timeout) {
        TRY(check(c, "udpTimeout", specification->udp_timeout, 30, 60));
        interface->udp_idle_s = (uint64_t)specification->udp_timeout;
    }
    resource_put(c, &interface_kind, interface);
    return OK;
}

struct ec2_connection_tracking_configuration *tracking_show(struct call *c,
                                                            const struct stored_interface *from)
{
    if (!from->tcp_idle_s && !from->udp_stream_idle_s && !from->udp_idle_s)
        return NULL;
    struct ec2_connection_tracking_configuration *to =
        ARENA_NEW(c->arena, struct ec2_connection_tracking_configuration);
    if (from->tcp_idle_s)
        SET(to, tcp_established_timeout, (int32_t)from->tcp_idle_s);
    if (from->udp_stream_idle_s)
        SET(to, udp_stream_timeout, (int32_t)from->udp_stream_idle_s);
    if (from->udp_idle_s)
        SET(to, udp_timeout, (int32_t)from->udp_idle_s);
    return to;
}
