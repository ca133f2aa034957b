# SPDX-License-Identifier: Apache-2.0
"""Packets between peered VPCs: routes both ways, groups of peers, nothing beyond a peer, private NAT gateways."""
import os
import shutil
import signal
import struct
import types

import pytest

from machines import Machines, root, soon
from outside import EDGE, PYTHON, Outside, fetched, nat_table, serving
from refusals import refused

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON) or not shutil.which("ip"),
                                       reason="needs Debian's python3 and iproute2")]
GONE = "pcx-0123456789abcdef0"


@pytest.fixture
def outside():
    it = Outside()
    yield it
    it.end()


@pytest.fixture
def machines(own_cloud, outside):
    it = Machines(own_cloud("--edge", outside.name))
    yield it
    it.end()


def make(ec2, number):
    """VPC 10.NUMBER/16 with one subnet, its main table and its default group."""
    vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16")["Vpc"]["VpcId"]
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    return types.SimpleNamespace(
        vpc=vpc, cidr=f"10.{number}.0.0/16",
        subnet=ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24")["Subnet"]["SubnetId"],
        table=ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["RouteTableId"],
        group=ec2.describe_security_groups(Filters=inside)["SecurityGroups"][0]["GroupId"])


def wait(ec2, peering, code):
    def there():
        found = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"]
        return found[0]["Status"]["Code"] == code
    soon(there, f"{peering} {code}")


def peer(ec2, a, b):
    it = ec2.create_vpc_peering_connection(VpcId=a.vpc, PeerVpcId=b.vpc)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    wait(ec2, it, "pending-acceptance")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=it)
    wait(ec2, it, "active")
    return it


def route(ec2, table, cidr, **to):
    ec2.create_route(RouteTableId=table, DestinationCidrBlock=cidr, **to)


def state(ec2, table, cidr):
    routes = ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]["Routes"]
    return next((it["State"], it.get("VpcPeeringConnectionId")) for it in routes if it["DestinationCidrBlock"] == cidr)


def admit(ec2, group, **by):
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, **by}])


def own(machines, instance):
    return machines.look(instance)["PrivateIpAddress"]


def test_peers(machines, outside):
    ec2 = machines.ec2
    a, b, c = (make(ec2, number) for number in (1, 2, 3))
    pcx = ec2.create_vpc_peering_connection(VpcId=a.vpc, PeerVpcId=b.vpc)["VpcPeeringConnection"]["VpcPeeringConnectionId"]
    wait(ec2, pcx, "pending-acceptance")
    route(ec2, a.table, b.cidr, VpcPeeringConnectionId=pcx)
    assert state(ec2, a.table, b.cidr) == ("blackhole", pcx)
    by_group = {"UserIdGroupPairs": [{"GroupId": a.group}]}
    assert refused(admit, ec2=ec2, group=b.group, **by_group)[0] == "InvalidGroup.NotFound"  # not yet a peer
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    wait(ec2, pcx, "active")
    assert state(ec2, a.table, b.cidr) == ("active", pcx)
    assert refused(ec2.create_route, RouteTableId=c.table, DestinationCidrBlock=b.cidr, VpcPeeringConnectionId=pcx)[0] == \
        "InvalidParameterValue"
    assert refused(ec2.create_route, RouteTableId=c.table, DestinationCidrBlock=b.cidr, VpcPeeringConnectionId=GONE)[0] == \
        "InvalidVpcPeeringConnectionID.NotFound"
    in_a = machines.start(serving(), SubnetId=a.subnet)
    in_b = machines.start(serving(), SubnetId=b.subnet)
    in_c = machines.start(serving(), SubnetId=c.subnet)
    to_b = own(machines, in_b)
    admit(ec2, b.group, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    assert not fetched(machines, in_a, to_b)  # answers have no route back
    route(ec2, b.table, a.cidr, VpcPeeringConnectionId=pcx)
    soon(lambda: fetched(machines, in_a, to_b) == own(machines, in_a), "the way to the peer")
    # A group of the peer instead of addresses.
    ec2.revoke_security_group_ingress(GroupId=b.group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    soon(lambda: not fetched(machines, in_a, to_b), "the end of the rule")
    admit(ec2, b.group, **by_group)
    soon(lambda: fetched(machines, in_a, to_b), "the way by the peer's group")
    pair, = [it for rule in ec2.describe_security_groups(GroupIds=[b.group])["SecurityGroups"][0]["IpPermissions"]
             for it in rule["UserIdGroupPairs"] if it["GroupId"] == a.group]
    assert pair == {"GroupId": a.group, "UserId": "0" * 12, "VpcId": a.vpc, "VpcPeeringConnectionId": pcx,
                    "PeeringStatus": "active"}
    assert ec2.describe_security_group_references(GroupId=[a.group])["SecurityGroupReferenceSet"] == [
        {"GroupId": a.group, "ReferencingVpcId": b.vpc, "VpcPeeringConnectionId": pcx}]
    assert ec2.describe_security_group_references(GroupId=[b.group])["SecurityGroupReferenceSet"] == []
    assert ec2.describe_stale_security_groups(VpcId=b.vpc)["StaleSecurityGroupSet"] == []
    # Nothing goes through a peer: not to its other peer, nor by its internet gateway.
    further = peer(ec2, b, c)
    for here, cidr, through in ((b, c.cidr, further), (c, b.cidr, further), (a, c.cidr, pcx), (c, a.cidr, further)):
        route(ec2, here.table, cidr, VpcPeeringConnectionId=through)
    admit(ec2, c.group, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    soon(lambda: fetched(machines, in_b, own(machines, in_c)), "the way between the other peers")
    assert not fetched(machines, in_a, own(machines, in_c))
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=b.vpc, InternetGatewayId=gateway)
    address = ec2.allocate_address(Domain="vpc")
    nat = ec2.create_nat_gateway(SubnetId=b.subnet, AllocationId=address["AllocationId"])["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    route(ec2, b.table, "0.0.0.0/0", GatewayId=gateway)
    route(ec2, a.table, "0.0.0.0/0", VpcPeeringConnectionId=pcx)
    assert not fetched(machines, in_a, EDGE)
    machines.cloud.restart(signal.SIGKILL)
    assert fetched(machines, in_a, to_b, 20)
    # The end, and what is left of it.
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    wait(ec2, pcx, "deleted")
    soon(lambda: not fetched(machines, in_a, to_b), "the end of the way")
    assert state(ec2, a.table, b.cidr) == ("blackhole", pcx)
    stale, = ec2.describe_stale_security_groups(VpcId=b.vpc)["StaleSecurityGroupSet"]
    assert stale["GroupId"] == b.group and stale["StaleIpPermissions"] == [
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "UserIdGroupPairs": [{**pair, "PeeringStatus": "deleted"}]}]
    assert refused(ec2.describe_stale_security_groups, VpcId="vpc-0123456789abcdef0")[0] == "InvalidVpcID.NotFound"
    assert refused(ec2.describe_security_group_references, GroupId=["sg-0123456789abcdef0"])[0] == "InvalidGroup.NotFound"


def first_tried(inside, count):
    """Which of a gateway's addresses a sender begins with: by its own address (decide/session.h)."""
    number, = struct.unpack("<I", bytes(int(it) for it in inside.split(".")))
    return (number * 0x9e3779b97f4a7c15 % 2 ** 64 >> 40) % count


def test_a_private_gateway(machines):
    """Both VPCs have the same addresses but for the gateway's subnet, which alone the peer knows."""
    ec2 = machines.ec2
    a, b = make(ec2, 1), make(ec2, 2)
    second = ec2.create_subnet(VpcId=a.vpc, CidrBlock="10.1.9.0/24")["Subnet"]["SubnetId"]
    table = ec2.create_route_table(VpcId=a.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(SubnetId=second, RouteTableId=table)
    nat = ec2.create_nat_gateway(SubnetId=second, ConnectivityType="private", PrivateIpAddress="10.1.9.50",
                                 SecondaryPrivateIpAddresses=["10.1.9.51"])["NatGateway"]["NatGatewayId"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[nat])
    pcx = peer(ec2, a, b)
    route(ec2, a.table, b.cidr, NatGatewayId=nat)
    route(ec2, table, b.cidr, VpcPeeringConnectionId=pcx)
    route(ec2, b.table, "10.1.9.0/24", VpcPeeringConnectionId=pcx)
    admit(ec2, b.group, IpRanges=[{"CidrIp": "10.1.9.0/24"}])
    admit(ec2, a.group, IpRanges=[{"CidrIp": "0.0.0.0/0"}])
    senders = [next(it for it in (f"10.1.1.{n}" for n in range(20, 99)) if first_tried(it, 2) == which) for which in (0, 1)]
    inside = [machines.start(serving(), SubnetId=a.subnet, PrivateIpAddress=it) for it in senders]
    server = machines.start(serving(), SubnetId=b.subnet)
    to = own(machines, server)
    for instance, seen in zip(inside, ("10.1.9.50", "10.1.9.51")):
        soon(lambda: fetched(machines, instance, to) == seen, f"{seen} as the peer sees it")
    assert not fetched(machines, server, senders[0])  # nobody there can begin
    assert not fetched(machines, server, "10.1.9.50")
    assert {row.split()[2].split(":")[0] for row in nat_table(machines.cloud, nat).stdout.splitlines()[2:]} == \
        {"10.1.9.50", "10.1.9.51"}
    ec2.unassign_private_nat_gateway_address(NatGatewayId=nat, PrivateIpAddresses=["10.1.9.51"])
    soon(lambda: fetched(machines, inside[1], to) == "10.1.9.50", "the other address for new connections")
    # The internet is not reached by it.
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=a.vpc, InternetGatewayId=gateway)
    route(ec2, table, "0.0.0.0/0", GatewayId=gateway)
    route(ec2, a.table, "0.0.0.0/0", NatGatewayId=nat)
    assert not fetched(machines, inside[0], EDGE)
    machines.cloud.restart(signal.SIGKILL)
    assert fetched(machines, inside[0], to, 20) == "10.1.9.50"
