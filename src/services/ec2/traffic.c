// SPDX-License-Identifier: Apache-2.0
/*
 * Checks of ports and ICMP types. The texts are those that users of EC2 were refused with: aws-cli
 * #1066 (ports), terraform-aws-security-group #7 (ICMP), terraform-provider-aws #1793 (protocols).
 * Pure.
 */
#include "services/ec2/traffic.h"

#include "services/ec2/ec2.api.h"

#define PORT_MAX 65535
#define ICMP_MAX 255

RESULT traffic_check_ports(struct call *c, int32_t from, int32_t to)
{
    if (from < 0 || from > PORT_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "TCP/UDP (from) port (%d) out of range",
                      from);
    if (to < 0 || to > PORT_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "TCP/UDP (to) port (%d) out of range", to);
    if (from > to)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "Invalid TCP/UDP port range (%d:%d)", from,
                      to);
    return OK;
}

RESULT traffic_no_ports(struct call *c)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.");
}

RESULT traffic_check_icmp(struct call *c, int32_t type, int32_t code)
{
    if (type < ICMP_ANY || type > ICMP_MAX)
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "ICMP type (%d) out of range", type);
    if (code < ICMP_ANY || code > ICMP_MAX || (type == ICMP_ANY && code != ICMP_ANY))
        return refuse(c, &EC2_INVALID_PARAMETER_VALUE, "ICMP code (%d) out of range", code);
    return OK;
}

RESULT traffic_no_icmp(struct call *c)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Invalid value for portRange. Must specify both type and code with ICMP.");
}

RESULT traffic_unknown_protocol(struct call *c, struct span protocol)
{
    return refuse(c, &EC2_INVALID_PARAMETER_VALUE,
                  "Invalid value '%.*s' for IP protocol. Unknown protocol.", SPAN_ARG(protocol));
}
