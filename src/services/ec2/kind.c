// SPDX-License-Identifier: Apache-2.0
/* All kinds of resources, for what is given an id of any of them. Read-only, any thread. */
#include "services/ec2/address_transfer.h"
#include "services/ec2/cidr_reservation.h"
#include "services/ec2/dhcp_options.h"
#include "services/ec2/egress_gateway.h"
#include "services/ec2/elastic_address.h"
#include "services/ec2/endpoint.h"
#include "services/ec2/flow_log.h"
#include "services/ec2/group_association.h"
#include "services/ec2/group_rule.h"
#include "services/ec2/image.h"
#include "services/ec2/import_task.h"
#include "services/ec2/instance.h"
#include "services/ec2/interface.h"
#include "services/ec2/internet_gateway.h"
#include "services/ec2/key_pair.h"
#include "services/ec2/launch_template.h"
#include "services/ec2/nat_gateway.h"
#include "services/ec2/network_acl.h"
#include "services/ec2/peering.h"
#include "services/ec2/prefix_list.h"
#include "services/ec2/public_access.h"
#include "services/ec2/route_table.h"
#include "services/ec2/security_group.h"
#include "services/ec2/subnet.h"
#include "services/ec2/vpc.h"

static const struct resource_kind *const kinds[] = {
    &access_exclusion_kind,
    &address_transfer_kind,
    &cidr_reservation_kind,
    &dhcp_options_kind,
    &egress_gateway_kind,
    &elastic_address_kind,
    &endpoint_kind,
    &flow_log_kind,
    &group_association_kind,
    &group_rule_kind,
    &image_kind,
    &import_task_kind,
    &instance_kind,
    &interface_kind,
    &internet_gateway_kind,
    &key_pair_kind,
    &launch_template_kind,
    &nat_gateway_kind,
    &network_acl_kind,
    &peering_kind,
    &prefix_list_kind,
    &public_access_kind,
    &route_table_kind,
    &security_group_kind,
    &subnet_kind,
    &vpc_kind,
};

const struct resource_kind *resource_kind_of(struct span id)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (span_starts(id, kinds[i]->prefix))
            return kinds[i];
    return NULL;
}
