// SPDX-License-Identifier: Apache-2.0
/*
 * Which VPC endpoint a connection came by: its own end tells the endpoint's number, the fabric who
 * is at the other one. Reads only; any thread.
 */
#include "services/ec2/ec2.h"

#include "auth/policy.h"
#include "base/scope.h"
#include "engines/fabric/fabric.h"
#include "services/ec2/cidr.h"
#include "services/ec2/endpoint.h"
#include "services/ec2/network.h"
#include "services/ec2/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>

static int read_ends(int fd, struct fabric_connection *ret)
{
    struct sockaddr_in own, other;
    socklen_t own_len = sizeof own, other_len = sizeof other;
    if (getsockname(fd, (struct sockaddr *)&own, &own_len) < 0 ||
        getpeername(fd, (struct sockaddr *)&other, &other_len) < 0)
        return -errno;
    if (own.sin_family != AF_INET)
        return -ENOENT;
    *ret = (struct fabric_connection){.protocol = FAB_TCP,
                                      .caller = other.sin_addr.s_addr,
                                      .caller_port = other.sin_port,
                                      .service = own.sin_addr.s_addr,
                                      .service_port = own.sin_port};
    return 0;
}

static int read_endpoint(struct txn *txn, uint32_t service, struct arena *arena,
                         struct stored_endpoint *ret)
{
    struct stored_number_taken taken = {.kind = NUMBER_SERVICE,
                                        .number = service - NETWORK_ENDPOINTS};
    int error = service < NETWORK_ENDPOINTS ? -ENOENT : stored_number_taken_get(txn, arena, &taken);
    if (error)
        return error;
    *ret =
        (struct stored_endpoint){.account = taken.account, .region = taken.region, .id = taken.id};
    error = stored_endpoint_get(txn, arena, ret);
    if (error)
        return error;
    return ret->state == ENDPOINT_AVAILABLE ? 0 : -ENOENT;
}

int ec2_find_way(struct txn *txn, struct cloud *cloud, int fd, struct arena *arena,
                 struct ec2_way *ret)
{
    struct span why;
    struct fabric_call call;
    struct fabric_connection connection;
    struct stored_endpoint endpoint;
    int error = read_ends(fd, &connection);
    if (!error)
        error = fabric_service_call(network_fabric(ec2_network(cloud->ec2)), &connection, &call);
    if (!error)
        error = read_endpoint(txn, fabric_service_number(connection.service), arena, &endpoint);
    if (error)
        return error;
    const struct endpoint_service *service =
        endpoint_service_named(endpoint.region, endpoint.service);
    *ret = (struct ec2_way){
        .endpoint = {.id = endpoint.id,
                     .vpc = endpoint.vpc,
                     .policy = policy_parse(arena, endpoint.policy, POLICY_RESOURCE, &why)},
        .address = cidr_address_text(arena, ntohl(call.source)),
        .region = endpoint.region,
        .services = {service ? service->serves : SPAN_NONE, service ? service->also : SPAN_NONE},
    };
    return ret->endpoint.policy && service ? 0 : -EBADMSG;
}
