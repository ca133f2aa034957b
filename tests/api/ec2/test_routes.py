# SPDX-License-Identifier: Apache-2.0
"""Route tables, routes, their associations; internet gateways."""
import pytest

from refusals import refused


def table_of(ec2, table):
    return ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]


def main_table(ec2, vpc):
    return ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]},
                                              {"Name": "association.main", "Values": ["true"]}])["RouteTables"][0]


def routes_of(ec2, table):
    return {it["DestinationCidrBlock"]: it for it in table_of(ec2, table)["Routes"]}


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


@pytest.fixture
def gateway(ec2, vpc):
    """Attached to the VPC."""
    it = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=it, VpcId=vpc)
    return it


@pytest.fixture
def table(ec2, vpc):
    return ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]


def test_a_new_table(ec2, vpc):
    made = ec2.create_route_table(VpcId=vpc, TagSpecifications=[
        {"ResourceType": "route-table", "Tags": [{"Key": "Name", "Value": "t"}]}])["RouteTable"]
    assert made["Associations"] == made["PropagatingVgws"] == [] and made["VpcId"] == vpc
    assert made["Routes"] == [{"DestinationCidrBlock": "10.0.0.0/16", "GatewayId": "local",
                               "Origin": "CreateRouteTable", "State": "active"}]
    assert made["Tags"] == [{"Key": "Name", "Value": "t"}] and made["OwnerId"] == "0" * 12
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    ec2.delete_route_table(RouteTableId=made["RouteTableId"])
    assert refused(ec2.delete_route_table, RouteTableId=made["RouteTableId"])[0] == "InvalidRouteTableID.NotFound"


def test_a_client_token_makes_one_table(ec2, vpc):
    first = ec2.create_route_table(VpcId=vpc, ClientToken="one")
    assert first["ClientToken"] == "one"
    again = ec2.create_route_table(VpcId=vpc, ClientToken="one")["RouteTable"]
    assert again["RouteTableId"] == first["RouteTable"]["RouteTableId"]
    tagged = [{"ResourceType": "route-table", "Tags": [{"Key": "k", "Value": "v"}]}]
    assert refused(ec2.create_route_table, VpcId=vpc, ClientToken="one", TagSpecifications=tagged)[0] == \
        "IdempotentParameterMismatch"
    other = ec2.create_route_table(VpcId=vpc, ClientToken="two")["RouteTable"]["RouteTableId"]
    assert other != again["RouteTableId"]
    assert refused(ec2.create_route_table, VpcId=vpc, ClientToken="x" * 65)[0] == "InvalidParameterValue"


def test_associations(ec2, vpc, subnet, table):
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    assert made["AssociationState"] == {"State": "associated"}
    association, = table_of(ec2, table)["Associations"]
    assert association == {"Main": False, "RouteTableAssociationId": made["AssociationId"], "RouteTableId": table,
                           "SubnetId": subnet, "AssociationState": {"State": "associated"}}
    assert refused(ec2.associate_route_table, RouteTableId=table, SubnetId=subnet) == (
        "Resource.AlreadyAssociated",
        f"the specified association for route table {table} conflicts with an existing association")
    assert refused(ec2.delete_route_table, RouteTableId=table) == (
        "DependencyViolation", f"The routeTable '{table}' has dependencies and cannot be deleted.")
    other = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    moved = ec2.replace_route_table_association(AssociationId=made["AssociationId"], RouteTableId=other)
    assert moved["NewAssociationId"] != made["AssociationId"] and moved["AssociationState"] == {"State": "associated"}
    assert table_of(ec2, table)["Associations"] == []
    ec2.disassociate_route_table(AssociationId=moved["NewAssociationId"])
    assert refused(ec2.disassociate_route_table, AssociationId=moved["NewAssociationId"]) == (
        "InvalidAssociationID.NotFound", f"The association ID '{moved['NewAssociationId']}' does not exist")
    ec2.associate_route_table(RouteTableId=other, SubnetId=subnet)
    ec2.delete_subnet(SubnetId=subnet)
    assert table_of(ec2, other)["Associations"] == []


def test_another_main_table(ec2, vpc, table):
    main = main_table(ec2, vpc)
    association = main["Associations"][0]["RouteTableAssociationId"]
    assert refused(ec2.disassociate_route_table, AssociationId=association)[0] == "InvalidParameterValue"
    assert refused(ec2.delete_route_table, RouteTableId=main["RouteTableId"])[0] == "DependencyViolation"
    new = ec2.replace_route_table_association(AssociationId=association, RouteTableId=table)["NewAssociationId"]
    assert main_table(ec2, vpc)["RouteTableId"] == table
    same = ec2.replace_route_table_association(AssociationId=new, RouteTableId=table)["NewAssociationId"]
    assert [it["RouteTableAssociationId"] for it in table_of(ec2, table)["Associations"]] == [same]
    ec2.delete_route_table(RouteTableId=main["RouteTableId"])


def test_networks_are_not_mixed(ec2, make_vpc, subnet, table):
    other = ec2.create_route_table(VpcId=make_vpc())["RouteTable"]["RouteTableId"]
    assert refused(ec2.associate_route_table, RouteTableId=other, SubnetId=subnet)[0] == "InvalidParameterValue"
    made = ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    assert refused(ec2.replace_route_table_association, AssociationId=made, RouteTableId=other)[0] == "InvalidParameterValue"
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert refused(ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway) == (
        "InvalidParameterValue", f"route table {table} and network gateway {gateway} belong to different networks")


def test_routes(ec2, table, gateway):
    assert ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)["Return"] is True
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="192.0.2.77/24", GatewayId=gateway)
    assert routes_of(ec2, table)["192.0.2.0/24"] == {
        "DestinationCidrBlock": "192.0.2.0/24", "GatewayId": gateway, "Origin": "CreateRoute", "State": "active"}
    assert refused(ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway) == (
        "RouteAlreadyExists", "The route identified by 0.0.0.0/0 already exists.")
    ec2.delete_route(RouteTableId=table, DestinationCidrBlock="192.0.2.0/24")
    assert set(routes_of(ec2, table)) == {"10.0.0.0/16", "0.0.0.0/0"}
    assert refused(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="192.0.2.0/24") == (
        "InvalidRoute.NotFound", f"no route with destination-cidr-block 192.0.2.0/24 in route table {table}")
    assert refused(ec2.delete_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16") == (
        "InvalidParameterValue", f"cannot remove local route 10.0.0.0/16 in route table {table}")
    assert refused(ec2.replace_route, RouteTableId=table, DestinationCidrBlock="192.0.2.0/24", GatewayId=gateway) == (
        "InvalidParameterValue",
        "There is no route defined for '192.0.2.0/24' in the route table. Use CreateRoute instead.")


def test_a_route_through_an_interface(ec2, table, subnet, gateway):
    eni = ec2.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.replace_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni)
    assert routes_of(ec2, table)["0.0.0.0/0"] == {
        "DestinationCidrBlock": "0.0.0.0/0", "NetworkInterfaceId": eni, "Origin": "CreateRoute", "State": "blackhole"}
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="10.0.128.0/20", NetworkInterfaceId=eni)
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    assert routes_of(ec2, table)["10.0.128.0/20"]["State"] == "blackhole"


def test_refused_routes(ec2, vpc, table, gateway):
    def created(**more):
        return refused(ec2.create_route, RouteTableId=table, **more)
    assert created(DestinationCidrBlock="10.0.0.0/16", GatewayId=gateway)[0] == "RouteAlreadyExists"
    assert created(DestinationCidrBlock="10.0.1.0/24", GatewayId=gateway) == (
        "InvalidParameterValue", "The destination CIDR block 10.0.1.0/24 is equal to or more specific than one of this "
        "VPC's CIDR blocks. This route can target only an interface or an instance.")
    assert created(DestinationCidrBlock="nonsense", GatewayId=gateway)[0] == "InvalidParameterValue"
    assert created(GatewayId=gateway)[0] == created(DestinationCidrBlock="0.0.0.0/0")[0] == "MissingParameter"
    eni = "eni-0123456789abcdef0"
    assert created(DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway, NetworkInterfaceId=eni)[0] == \
        "InvalidParameterCombination"
    assert created(DestinationCidrBlock="0.0.0.0/0", NetworkInterfaceId=eni)[0] == "InvalidNetworkInterfaceID.NotFound"
    assert created(DestinationCidrBlock="0.0.0.0/0", NatGatewayId="nat-0123456789abcdef0")[0] == "NatGatewayNotFound"
    assert created(DestinationCidrBlock="0.0.0.0/0", InstanceId="i-0123456789abcdef0")[0] == "InvalidInstanceID.NotFound"
    assert created(DestinationCidrBlock="0.0.0.0/0", GatewayId="igw-0123456789abcdef0")[0] == \
        "InvalidInternetGatewayID.NotFound"
    for unbuilt in ({"DestinationPrefixListId": "pl-0123456789abcdef0", "GatewayId": gateway},
                    {"DestinationCidrBlock": "0.0.0.0/0", "TransitGatewayId": "tgw-1"},
                    {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "vgw-1"}):
        assert created(**unbuilt)[0] == "UnsupportedOperation"
    assert refused(ec2.replace_route, RouteTableId=table, DestinationCidrBlock="10.0.0.0/16", LocalTarget=True)[0] == \
        "UnsupportedOperation"


def test_five_hundred_routes_are_the_most(ec2, table, gateway):
    for n in range(500):
        ec2.create_route(RouteTableId=table, DestinationCidrBlock=f"198.18.{n >> 1}.{n % 2 * 128}/25", GatewayId=gateway)
    assert refused(ec2.create_route, RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)[0] == \
        "RouteLimitExceeded"


def test_internet_gateways(ec2, make_vpc):
    vpc, other = make_vpc(), make_vpc()
    made = ec2.create_internet_gateway(TagSpecifications=[
        {"ResourceType": "internet-gateway", "Tags": [{"Key": "a", "Value": "b"}]}])["InternetGateway"]
    gateway = made["InternetGatewayId"]
    assert made["Attachments"] == [] and made["OwnerId"] == "0" * 12 and made["Tags"] == [{"Key": "a", "Value": "b"}]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=other)[0] == "Resource.AlreadyAssociated"
    second = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=second, VpcId=vpc)[0] == "InvalidParameterValue"
    found = ec2.describe_internet_gateways(Filters=[{"Name": "attachment.vpc-id", "Values": [vpc]}])["InternetGateways"]
    assert [it["InternetGatewayId"] for it in found] == [gateway]
    assert found[0]["Attachments"] == [{"State": "available", "VpcId": vpc}]
    assert refused(ec2.delete_internet_gateway, InternetGatewayId=gateway) == (
        "DependencyViolation", f"The internetGateway '{gateway}' has dependencies and cannot be deleted.")
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=other) == (
        "Gateway.NotAttached", f"resource {gateway} is not attached to network {other}")
    main = main_table(ec2, vpc)["RouteTableId"]
    ec2.create_route(RouteTableId=main, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    assert routes_of(ec2, main)["0.0.0.0/0"]["State"] == "blackhole"
    ec2.delete_internet_gateway(InternetGatewayId=gateway)
    ec2.delete_internet_gateway(InternetGatewayId=second)
    assert refused(ec2.attach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc) == (
        "InvalidInternetGatewayID.NotFound", f"The internetGateway ID '{gateway}' does not exist")
