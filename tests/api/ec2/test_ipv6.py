# SPDX-License-Identifier: Apache-2.0
"""IPv6 of VPCs: blocks, addresses, egress-only gateways, routes, and the rules that come with them."""
import ipaddress

import botocore.exceptions
import pytest


@pytest.fixture
def vpc6(ec2, make_vpc):
    """A VPC with an IPv6 block, and the block."""
    vpc = make_vpc(AmazonProvidedIpv6CidrBlock=True)
    return vpc, ipaddress.ip_network(blocks(ec2, vpc)[0]["Ipv6CidrBlock"])


def blocks(ec2, vpc):
    return ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]


def slice_of(block, number):
    return str(list(block.subnets(new_prefix=64))[number])


def subnet6(ec2, vpc, block, number=0):
    made = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", Ipv6CidrBlock=slice_of(block, number))
    return made["Subnet"]["SubnetId"]


def refused(call, **asked):
    with pytest.raises(botocore.exceptions.ClientError) as error:
        call(**asked)
    return error.value.response["Error"]["Code"]


def test_a_vpc_gets_a_block_of_its_own(ec2, make_vpc):
    vpc = make_vpc(AmazonProvidedIpv6CidrBlock=True)
    one, = blocks(ec2, vpc)
    network = ipaddress.ip_network(one["Ipv6CidrBlock"])
    assert network.prefixlen == 56 and network.subnet_of(ipaddress.ip_network("2001:db8::/40"))
    assert one["AssociationId"].startswith("vpc-cidr-assoc-")
    assert (one["Ipv6CidrBlockState"], one["Ipv6Pool"], one["NetworkBorderGroup"]) == (
        {"State": "associated"}, "Amazon", "us-east-1")
    other = make_vpc("10.1.0.0/16")
    assert blocks(ec2, other) == []
    made = ec2.associate_vpc_cidr_block(VpcId=other, AmazonProvidedIpv6CidrBlock=True)["Ipv6CidrBlockAssociation"]
    assert made["Ipv6CidrBlockState"] == {"State": "associating"} and made["Ipv6CidrBlock"] != one["Ipv6CidrBlock"]
    found = ec2.describe_vpcs(Filters=[{"Name": "ipv6-cidr-block-association.ipv6-cidr-block",
                                        "Values": [made["Ipv6CidrBlock"]]}])["Vpcs"]
    assert [it["VpcId"] for it in found] == [other]
    for _ in range(4):
        ec2.associate_vpc_cidr_block(VpcId=other, AmazonProvidedIpv6CidrBlock=True)
    assert refused(ec2.associate_vpc_cidr_block, VpcId=other, AmazonProvidedIpv6CidrBlock=True) == "CidrLimitExceeded"
    gone = ec2.disassociate_vpc_cidr_block(AssociationId=made["AssociationId"])["Ipv6CidrBlockAssociation"]
    assert gone["Ipv6CidrBlockState"] == {"State": "disassociating"}
    assert len(blocks(ec2, other)) == 4


@pytest.mark.parametrize("asked,code", [
    ({"Ipv6CidrBlock": "2001:db8::/56", "Ipv6Pool": "ipv6pool-ec2-1"}, "UnsupportedOperation"),
    ({"Ipv6IpamPoolId": "ipam-pool-1", "Ipv6NetmaskLength": 56}, "UnsupportedOperation"),
    ({"AmazonProvidedIpv6CidrBlock": True, "Ipv6CidrBlockNetworkBorderGroup": "us-east-1-wl1"}, "UnsupportedOperation"),
    ({"AmazonProvidedIpv6CidrBlock": True, "CidrBlock": "10.9.0.0/16"}, "InvalidParameterCombination")])
def test_blocks_that_a_vpc_may_not_have(ec2, vpc, asked, code):
    assert refused(ec2.associate_vpc_cidr_block, VpcId=vpc, **asked) == code


def test_rules_that_come_with_the_first_block(ec2, make_vpc):
    vpc = make_vpc("10.2.0.0/16")
    plain = ec2.create_security_group(GroupName="plain", Description="x", VpcId=vpc)["GroupId"]
    closed = ec2.create_security_group(GroupName="closed", Description="x", VpcId=vpc)["GroupId"]
    ec2.revoke_security_group_egress(GroupId=closed, IpPermissions=[
        {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    ec2.associate_vpc_cidr_block(VpcId=vpc, AmazonProvidedIpv6CidrBlock=True)
    later = ec2.create_security_group(GroupName="later", Description="x", VpcId=vpc)["GroupId"]
    groups = {it["GroupId"]: it["IpPermissionsEgress"]
              for it in ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]}
    assert groups.pop(closed) == [] and {plain, later} < set(groups)
    for out in groups.values():
        assert [(it["IpProtocol"], it["IpRanges"], it["Ipv6Ranges"]) for it in out] == [
            ("-1", [{"CidrIp": "0.0.0.0/0"}], [{"CidrIpv6": "::/0"}])]
    acl, = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    six = [(it["RuleNumber"], it["Egress"], it["RuleAction"]) for it in acl["Entries"] if it.get("Ipv6CidrBlock") == "::/0"]
    assert sorted(six) == [(101, False, "allow"), (101, True, "allow"), (32768, False, "deny"), (32768, True, "deny")]
    table, = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    assert {"DestinationIpv6CidrBlock": blocks(ec2, vpc)[0]["Ipv6CidrBlock"], "GatewayId": "local",
            "Origin": "CreateRouteTable", "State": "active"} in table["Routes"]


def test_blocks_of_subnets(ec2, vpc6):
    vpc, block = vpc6
    first = subnet6(ec2, vpc, block)
    one, = ec2.describe_subnets(SubnetIds=[first])["Subnets"][0]["Ipv6CidrBlockAssociationSet"]
    assert (one["Ipv6CidrBlock"], one["Ipv6CidrBlockState"]) == (slice_of(block, 0), {"State": "associated"})
    assert one["AssociationId"].startswith("subnet-cidr-assoc-")
    second = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    associate = ec2.associate_subnet_cidr_block
    assert refused(associate, SubnetId=second, Ipv6CidrBlock=slice_of(block, 0)) == "InvalidSubnet.Conflict"
    assert refused(associate, SubnetId=second, Ipv6CidrBlock="2001:db9::/64") == "InvalidSubnet.Range"
    assert refused(associate, SubnetId=second, Ipv6CidrBlock="x/64") == "InvalidParameterValue"
    assert refused(associate, SubnetId=second, Ipv6CidrBlock=str(block)) == "UnsupportedOperation"
    assert refused(associate, SubnetId=second) == "MissingParameter"
    assert refused(associate, SubnetId=first, Ipv6CidrBlock=slice_of(block, 2)) == "CidrLimitExceeded"
    assert refused(ec2.modify_subnet_attribute, SubnetId=second,
                   AssignIpv6AddressOnCreation={"Value": True}) == "InvalidParameterValue"
    made = associate(SubnetId=second, Ipv6CidrBlock=slice_of(block, 1))["Ipv6CidrBlockAssociation"]
    assert made["Ipv6CidrBlockState"] == {"State": "associating"}
    vpc_association = blocks(ec2, vpc)[0]["AssociationId"]
    assert refused(ec2.disassociate_vpc_cidr_block, AssociationId=vpc_association) == "InvalidCidrBlock.InUse"
    card = ec2.create_network_interface(SubnetId=second, Ipv6AddressCount=1)["NetworkInterface"]["NetworkInterfaceId"]
    leave = ec2.disassociate_subnet_cidr_block
    assert refused(leave, AssociationId=made["AssociationId"]) == "InvalidCidrBlock.InUse"
    ec2.delete_network_interface(NetworkInterfaceId=card)
    assert leave(AssociationId=made["AssociationId"])["Ipv6CidrBlockAssociation"]["Ipv6CidrBlockState"] == {
        "State": "disassociating"}
    assert ec2.describe_subnets(SubnetIds=[second])["Subnets"][0]["Ipv6CidrBlockAssociationSet"] == []
    assert refused(leave, AssociationId=made["AssociationId"]) == "InvalidSubnetCidrBlockAssociationID.NotFound"


def test_addresses_of_interfaces(ec2, vpc6):
    vpc, block = vpc6
    subnet = subnet6(ec2, vpc, block)
    network = ipaddress.ip_network(slice_of(block, 0))
    wanted = str(network[0x99])
    card = ec2.create_network_interface(SubnetId=subnet, Ipv6Addresses=[{"Ipv6Address": wanted}])["NetworkInterface"]
    assert [it["Ipv6Address"] for it in card["Ipv6Addresses"]] == [wanted]
    card = card["NetworkInterfaceId"]
    assign = ec2.assign_ipv6_addresses
    more = assign(NetworkInterfaceId=card, Ipv6AddressCount=2)["AssignedIpv6Addresses"]
    assert len(set(more)) == 2 and all(ipaddress.ip_address(it) in network for it in more)
    for taken in (wanted, more[0].upper()):
        assert refused(assign, NetworkInterfaceId=card, Ipv6Addresses=[taken]) == "InvalidIPAddress.InUse"
    for bad in (str(network[0]), str(network[3]), str(network[-1]), "2001:db9::1", "10.0.0.1"):
        assert refused(assign, NetworkInterfaceId=card, Ipv6Addresses=[bad]) == "InvalidParameterValue", bad
    assert refused(assign, NetworkInterfaceId=card) == "InvalidParameterCombination"
    assert refused(assign, NetworkInterfaceId=card, Ipv6AddressCount=-1) == "InvalidParameterValue"
    assert refused(assign, NetworkInterfaceId=card, Ipv6PrefixCount=1) == "UnsupportedOperation"
    gone = ec2.unassign_ipv6_addresses(NetworkInterfaceId=card, Ipv6Addresses=[wanted])
    assert gone["UnassignedIpv6Addresses"] == [wanted]
    assert refused(ec2.unassign_ipv6_addresses, NetworkInterfaceId=card, Ipv6Addresses=[wanted]) == "InvalidParameterValue"
    shown, = ec2.describe_network_interfaces(Filters=[{"Name": "ipv6-addresses.ipv6-address", "Values": more[:1]}])[
        "NetworkInterfaces"]
    assert shown["NetworkInterfaceId"] == card and len(shown["Ipv6Addresses"]) == 2
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AssignIpv6AddressOnCreation"]
    assert len(ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["Ipv6Addresses"]) == 1
    plain = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.7.0/24")["Subnet"]["SubnetId"]
    assert refused(ec2.create_network_interface, SubnetId=plain, Ipv6AddressCount=1) == "InvalidParameterValue"


def test_egress_only_gateways_and_routes(ec2, vpc6):
    vpc, block = vpc6
    made = ec2.create_egress_only_internet_gateway(VpcId=vpc, TagSpecifications=[
        {"ResourceType": "egress-only-internet-gateway", "Tags": [{"Key": "a", "Value": "b"}]}])
    gateway = made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    describe = ec2.describe_egress_only_internet_gateways
    assert describe(EgressOnlyInternetGatewayIds=[gateway])["EgressOnlyInternetGateways"] == [
        {"EgressOnlyInternetGatewayId": gateway, "Attachments": [{"State": "attached", "VpcId": vpc}],
         "Tags": [{"Key": "a", "Value": "b"}]}]
    assert refused(ec2.create_egress_only_internet_gateway, VpcId=vpc) == "InvalidParameterValue"
    assert refused(ec2.delete_vpc, VpcId=vpc) == "DependencyViolation"
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    route = ec2.create_route
    assert refused(route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0",
                   EgressOnlyInternetGatewayId=gateway) == "InvalidParameterValue"
    assert refused(route, RouteTableId=table, DestinationIpv6CidrBlock="::/129",
                   EgressOnlyInternetGatewayId=gateway) == "InvalidParameterValue"
    assert refused(route, RouteTableId=table, DestinationIpv6CidrBlock="64:ff9b::/96",
                   NatGatewayId="nat-0123456789abcdef0") == "UnsupportedOperation"
    assert refused(route, RouteTableId=table, DestinationIpv6CidrBlock=str(block),
                   EgressOnlyInternetGatewayId=gateway) == "RouteAlreadyExists"
    route(RouteTableId=table, DestinationIpv6CidrBlock="0::0/0", EgressOnlyInternetGatewayId=gateway)
    assert refused(route, RouteTableId=table, DestinationIpv6CidrBlock="::/0",
                   EgressOnlyInternetGatewayId=gateway) == "RouteAlreadyExists"

    def shown():
        routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
        return [it for it in routes if it.get("DestinationIpv6CidrBlock") == "::/0"]
    assert shown() == [{"DestinationIpv6CidrBlock": "::/0", "EgressOnlyInternetGatewayId": gateway,
                        "Origin": "CreateRoute", "State": "active"}]
    assert ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=gateway)["ReturnCode"]
    assert shown()[0]["State"] == "blackhole"
    assert refused(ec2.delete_egress_only_internet_gateway, EgressOnlyInternetGatewayId=gateway) == "InvalidGatewayID.NotFound"
    assert refused(describe, EgressOnlyInternetGatewayIds=["eigw-x"]) == "InvalidEgressOnlyInternetGatewayId.Malformed"
    ec2.delete_route(RouteTableId=table, DestinationIpv6CidrBlock="::/0")
    assert refused(ec2.delete_route, RouteTableId=table, DestinationIpv6CidrBlock="::/0") == "InvalidRoute.NotFound"
    assert refused(ec2.delete_route, RouteTableId=table, DestinationIpv6CidrBlock=str(block)) == "InvalidParameterValue"


def test_ipv6_outlives_a_restart(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2", parameter_validation=False)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = ipaddress.ip_network(blocks(ec2, vpc)[0]["Ipv6CidrBlock"])
    subnet = subnet6(ec2, vpc, block)
    card = ec2.create_network_interface(SubnetId=subnet, Ipv6AddressCount=1)["NetworkInterface"]
    gateway = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]
    cloud.restart()
    ec2 = cloud.client("ec2", parameter_validation=False)
    assert blocks(ec2, vpc)[0]["Ipv6CidrBlock"] == str(block)
    again, = ec2.describe_network_interfaces(NetworkInterfaceIds=[card["NetworkInterfaceId"]])["NetworkInterfaces"]
    assert again["Ipv6Addresses"] == card["Ipv6Addresses"]
    assert ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"] == [gateway]
