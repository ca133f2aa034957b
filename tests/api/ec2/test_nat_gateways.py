# SPDX-License-Identifier: Apache-2.0
"""NAT gateways: states, addresses, reasons of failure."""
import pytest

from refusals import refused, wait_for


@pytest.fixture
def cloud(own_cloud):
    """Its clock may be moved: signatures are not looked at."""
    return own_cloud("--auth", "open")


@pytest.fixture
def subnet(ec2, vpc):
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]


def gateway_of(ec2, gateway):
    return ec2.describe_nat_gateways(NatGatewayIds=[gateway])["NatGateways"][0]


def settled(ec2, gateway):
    wait_for(lambda: gateway_of(ec2, gateway)["State"] not in ("pending", "deleting"))
    return gateway_of(ec2, gateway)


def made(ec2, **more):
    return settled(ec2, ec2.create_nat_gateway(**more)["NatGateway"]["NatGatewayId"])


def test_a_public_gateway(ec2, vpc, subnet):
    eip = ec2.allocate_address()
    asked = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=eip["AllocationId"], ClientToken="t", TagSpecifications=[
        {"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "out"}]}])
    first = asked["NatGateway"]
    assert asked["ClientToken"] == "t" and first["State"] == "pending" and first["ConnectivityType"] == "public"
    assert (first["VpcId"], first["SubnetId"]) == (vpc, subnet) and first["Tags"] == [{"Key": "Name", "Value": "out"}]
    assert [it["AllocationId"] for it in first["NatGatewayAddresses"]] == [eip["AllocationId"]]
    gateway = first["NatGatewayId"]
    again = ec2.create_nat_gateway(SubnetId=subnet, AllocationId=eip["AllocationId"], ClientToken="t", TagSpecifications=[
        {"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "out"}]}])
    assert again["NatGateway"]["NatGatewayId"] == gateway
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[gateway])
    address, = gateway_of(ec2, gateway)["NatGatewayAddresses"]
    assert (address["PublicIp"], address["PrivateIp"], address["IsPrimary"], address["Status"]) == (
        eip["PublicIp"], "10.0.1.4", True, "succeeded")
    eni, = ec2.describe_network_interfaces(NetworkInterfaceIds=[address["NetworkInterfaceId"]])["NetworkInterfaces"]
    assert eni["InterfaceType"] == "nat_gateway" and eni["RequesterManaged"] and eni["Status"] == "in-use"
    assert eni["Description"] == f"Interface for NAT Gateway {gateway}" and eni["Groups"] == []
    assert eni["Association"]["PublicIp"] == eip["PublicIp"] and eni["Attachment"]["Status"] == "attached"
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=eni["NetworkInterfaceId"]) == (
        "InvalidParameterValue", f"Network interface '{eni['NetworkInterfaceId']}' is currently in use.")
    assert refused(ec2.disassociate_address, AssociationId=address["AssociationId"])[0] == "AuthFailure"

    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)

    def route():
        return next(it for it in ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
                    if it["DestinationCidrBlock"] == "0.0.0.0/0")
    assert route() == {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": gateway, "Origin": "CreateRoute",
                       "State": "active"}
    assert ec2.delete_nat_gateway(NatGatewayId=gateway)["NatGatewayId"] == gateway
    ec2.get_waiter("nat_gateway_deleted").wait(NatGatewayIds=[gateway])
    assert "DeleteTime" in gateway_of(ec2, gateway) and route()["State"] == "blackhole"
    assert ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"] == []
    assert refused(ec2.delete_nat_gateway, NatGatewayId=gateway)[0] == "NatGatewayNotFound"
    ec2.release_address(AllocationId=eip["AllocationId"])


def test_a_deleted_gateway_is_told_of_for_an_hour(cloud, ec2, subnet):
    gateway = made(ec2, SubnetId=subnet, ConnectivityType="private")["NatGatewayId"]
    ec2.delete_nat_gateway(NatGatewayId=gateway)
    assert settled(ec2, gateway)["State"] == "deleted"
    cloud.advance(3500)
    assert gateway_of(ec2, gateway)["State"] == "deleted"
    cloud.advance(200)
    wait_for(lambda: ec2.describe_nat_gateways(Filter=[{"Name": "state", "Values": ["deleted"]}])["NatGateways"] == [])
    assert refused(ec2.describe_nat_gateways, NatGatewayIds=[gateway]) == (
        "NatGatewayNotFound", f"NatGateway {gateway} was not found")


def test_a_private_gateway(ec2, subnet):
    gateway = made(ec2, SubnetId=subnet, ConnectivityType="private", PrivateIpAddress="10.0.1.50",
                   SecondaryPrivateIpAddressCount=2)
    assert gateway["State"] == "available" and gateway["ConnectivityType"] == "private"
    assert [(it["PrivateIp"], it["IsPrimary"]) for it in gateway["NatGatewayAddresses"]] == [
        ("10.0.1.50", True), ("10.0.1.4", False), ("10.0.1.5", False)]
    assert all("PublicIp" not in it for it in gateway["NatGatewayAddresses"])
    it = gateway["NatGatewayId"]
    more = ec2.assign_private_nat_gateway_address(NatGatewayId=it, PrivateIpAddresses=["10.0.1.60"])
    assert more["NatGatewayAddresses"][-1]["Status"] == "assigning"
    wait_for(lambda: gateway_of(ec2, it)["NatGatewayAddresses"][-1]["Status"] == "succeeded")
    less = ec2.unassign_private_nat_gateway_address(NatGatewayId=it, PrivateIpAddresses=["10.0.1.4"])
    assert [one["Status"] for one in less["NatGatewayAddresses"]] == ["succeeded", "unassigning", "succeeded", "succeeded"]
    wait_for(lambda: [one["PrivateIp"] for one in gateway_of(ec2, it)["NatGatewayAddresses"]] == [
        "10.0.1.50", "10.0.1.5", "10.0.1.60"])
    assert refused(ec2.unassign_private_nat_gateway_address, NatGatewayId=it, PrivateIpAddresses=["10.0.1.50"])[0] == \
        "InvalidParameter"
    assert refused(ec2.unassign_private_nat_gateway_address, NatGatewayId=it, PrivateIpAddresses=["10.0.1.4"])[0] == \
        "InvalidParameter"
    assert refused(ec2.assign_private_nat_gateway_address, NatGatewayId=it)[0] == "InvalidParameterCombination"
    assert refused(ec2.assign_private_nat_gateway_address, NatGatewayId=it, PrivateIpAddressCount=6)[0] == \
        "PrivateIpAddressLimitExceeded"
    assert refused(ec2.associate_nat_gateway_address, NatGatewayId=it, AllocationIds=["eipalloc-0123456789abcdef0"])[0] == \
        "InvalidParameter"


def test_secondary_addresses(ec2, subnet):
    eips = [ec2.allocate_address() for _ in range(3)]
    ids = [it["AllocationId"] for it in eips]
    gateway = made(ec2, SubnetId=subnet, AllocationId=ids[0], SecondaryAllocationIds=[ids[1]],
                   SecondaryPrivateIpAddresses=["10.0.1.70"])
    it = gateway["NatGatewayId"]
    assert [(one["AllocationId"], one["PublicIp"], one["PrivateIp"]) for one in gateway["NatGatewayAddresses"]] == [
        (ids[0], eips[0]["PublicIp"], "10.0.1.4"), (ids[1], eips[1]["PublicIp"], "10.0.1.70")]
    more = ec2.associate_nat_gateway_address(NatGatewayId=it, AllocationIds=[ids[2]])
    assert more["NatGatewayAddresses"][-1]["Status"] == "associating"
    wait_for(lambda: gateway_of(ec2, it)["NatGatewayAddresses"][-1].get("PublicIp") == eips[2]["PublicIp"])
    assert refused(ec2.associate_nat_gateway_address, NatGatewayId=it, AllocationIds=[ids[2]])[0] == \
        "Resource.AlreadyAssociated"
    association = gateway_of(ec2, it)["NatGatewayAddresses"][1]["AssociationId"]
    assert refused(ec2.disassociate_nat_gateway_address, NatGatewayId=it, AssociationIds=[association],
                   MaxDrainDurationSeconds=10)[0] == "UnsupportedOperation"
    ec2.disassociate_nat_gateway_address(NatGatewayId=it, AssociationIds=[association])
    wait_for(lambda: [one["AllocationId"] for one in gateway_of(ec2, it)["NatGatewayAddresses"]] == [ids[0], ids[2]])
    ec2.release_address(AllocationId=ids[1])
    primary = gateway_of(ec2, it)["NatGatewayAddresses"][0]["AssociationId"]
    assert refused(ec2.disassociate_nat_gateway_address, NatGatewayId=it, AssociationIds=[primary])[0] == "InvalidParameter"


def test_reasons_of_failure(ec2, vpc, subnet):
    eip = ec2.allocate_address()["AllocationId"]
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    inner = ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/28")["Subnet"]["SubnetId"]
    failed = made(ec2, SubnetId=inner, AllocationId=eip)
    assert (failed["State"], failed["FailureCode"], failed["FailureMessage"]) == (
        "failed", "Gateway.NotAttached", f"Network {other} has no Internet gateway attached")
    assert failed["NatGatewayAddresses"][0]["Status"] == "failed"
    used = made(ec2, SubnetId=subnet, AllocationId=eip)
    assert used["State"] == "available"
    taken = made(ec2, SubnetId=subnet, AllocationId=eip)
    assert (taken["FailureCode"], taken["FailureMessage"]) == (
        "Resource.AlreadyAssociated", f"Elastic IP address [{eip}] is already associated")
    ec2.create_network_interface(SubnetId=inner, SecondaryPrivateIpAddressCount=10)
    full = made(ec2, SubnetId=inner, ConnectivityType="private")
    assert (full["FailureCode"], full["FailureMessage"]) == (
        "InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway")


def test_refused_gateways(ec2, subnet):
    def asked(**more):
        return refused(ec2.create_nat_gateway, **more)
    eip = ec2.allocate_address()["AllocationId"]
    assert asked(AllocationId=eip)[0] == asked(SubnetId=subnet)[0] == "MissingParameter"
    assert asked(SubnetId=subnet, AllocationId="eipalloc-0123456789abcdef0")[0] == "InvalidAllocationID.NotFound"
    assert asked(SubnetId="subnet-0123456789abcdef0", AllocationId=eip)[0] == "InvalidSubnetID.NotFound"
    assert asked(SubnetId=subnet, AllocationId=eip, ConnectivityType="private")[0] == "InvalidParameterCombination"
    assert asked(SubnetId=subnet, AllocationId=eip, SecondaryPrivateIpAddressCount=1)[0] == "InvalidParameterCombination"
    assert asked(SubnetId=subnet, AllocationId=eip, SecondaryAllocationIds=[eip],
                 SecondaryPrivateIpAddresses=["10.0.1.8", "10.0.1.9"])[0] == "InvalidParameterCombination"
    assert asked(SubnetId=subnet, ConnectivityType="private", SecondaryPrivateIpAddressCount=8)[0] == \
        "PrivateIpAddressLimitExceeded"
    assert asked(SubnetId=subnet, AllocationId=eip, AvailabilityMode="regional")[0] == "UnsupportedOperation"
    assert refused(ec2.delete_nat_gateway, NatGatewayId="nonsense")[0] == "NatGatewayMalformed"
    assert refused(ec2.delete_nat_gateway, NatGatewayId="nat-0123456789abcdef0") == (
        "NatGatewayNotFound", "NatGateway nat-0123456789abcdef0 was not found")


def test_gateways_survive_a_kill(cloud, ec2, subnet):
    gateway = made(ec2, SubnetId=subnet, AllocationId=ec2.allocate_address()["AllocationId"])
    pending = ec2.create_nat_gateway(SubnetId=subnet, ConnectivityType="private")["NatGateway"]["NatGatewayId"]
    cloud.restart()
    assert gateway_of(ec2, gateway["NatGatewayId"]) == gateway
    assert settled(ec2, pending)["State"] == "available"
