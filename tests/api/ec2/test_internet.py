# SPDX-License-Identifier: Apache-2.0
"""Instances and the internet, which is a network namespace behind the edge: NAT gateways, public addresses, routes."""
import os
import shutil
import signal
import subprocess
import types

import pytest

from harness import PROGRAM
from machines import Machines, root, soon
from outside import EDGE, PYTHON, Outside, fetched, nat_table, serving

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON) or not shutil.which("ip"),
                                       reason="needs Debian's python3 and iproute2")]


@pytest.fixture
def place(own_cloud):
    """A VPC with a public and a private subnet, its internet gateway, and the outside."""
    outside = Outside()
    machines = Machines(own_cloud("--edge", outside.name))
    ec2 = machines.ec2
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(2)]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in subnets]
    for subnet, table in zip(subnets, tables):
        ec2.associate_route_table(SubnetId=subnet, RouteTableId=table)
    ec2.create_route(RouteTableId=tables[0], DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    group, = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    yield types.SimpleNamespace(machines=machines, ec2=ec2, outside=outside, public=subnets[0], private=subnets[1],
                                private_table=tables[1], group=group["GroupId"])
    machines.end()
    outside.end()


def nat_gateway(place):
    """Its id and public address, once it is available."""
    ec2 = place.ec2
    address = ec2.allocate_address(Domain="vpc")
    made = ec2.create_nat_gateway(SubnetId=place.public, AllocationId=address["AllocationId"])["NatGateway"]
    ec2.get_waiter("nat_gateway_available").wait(NatGatewayIds=[made["NatGatewayId"]])
    return made["NatGatewayId"], address["PublicIp"]


def admit_all(place):
    place.ec2.authorize_security_group_ingress(GroupId=place.group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])


def test_a_private_subnet_behind_a_nat_gateway(place):
    machines, ec2, outside = place.machines, place.ec2, place.outside
    inside = machines.start(serving(), SubnetId=place.private)
    assert not fetched(machines, inside)
    nat, address = nat_gateway(place)
    route = {"RouteTableId": place.private_table, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.create_route(**route, NatGatewayId=nat)
    soon(lambda: fetched(machines, inside) == address, "the gateway's address as the server sees it")
    admit_all(place)
    assert not outside.fetch(address)  # nobody out there can begin
    ec2.delete_route(**route)
    assert not fetched(machines, inside)
    ec2.create_route(**route, NatGatewayId=nat)
    soon(lambda: fetched(machines, inside) == address, "the way through the new route")
    machines.cloud.restart(signal.SIGKILL)
    assert fetched(machines, inside, seconds=20) == address
    ec2.delete_nat_gateway(NatGatewayId=nat)
    soon(lambda: not fetched(machines, inside), "the end of the way through a deleted gateway")


def counted(cloud, nat, name):
    found = [value for row, value in cloud.metrics().items()
             if row.startswith(f"kintoun_nat_gateway_{name}{{") and f'"{nat}"' in row]
    return found[0]


def test_translations_and_counters(place):
    machines, ec2, cloud = place.machines, place.ec2, place.machines.cloud
    nat, address = nat_gateway(place)
    inside = machines.run(SubnetId=place.private)["InstanceId"]
    private = machines.wait(inside, "running")["PrivateIpAddress"]
    ec2.create_route(RouteTableId=place.private_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    soon(lambda: fetched(machines, inside) == address, "the way through the gateway")
    told = nat_table(cloud, nat)
    assert told.returncode == 0, told.stderr
    first, _, *rows = told.stdout.splitlines()
    assert first == f"{nat}: {len(rows)} translations" and rows
    protocol, within, outside, target, state, age, idle, *counts = rows[-1].split()
    assert (protocol, target, state) == ("tcp", f"{EDGE}:8080", "closed") and float(idle) <= float(age) < 60
    assert within.startswith(private + ":") and outside.startswith(address + ":")
    assert 1024 <= int(outside.split(":")[1]) <= 65535 and within.split(":")[1] != outside.split(":")[1]
    assert all(int(it) > 0 for it in counts)
    assert counted(cloud, nat, "connection_established_count") == counted(cloud, nat, "active_connection_count") == len(rows)
    out, back = (counted(cloud, nat, f"bytes_{it}") for it in ("out_to_destination", "out_to_source"))
    assert out == sum(int(row.split()[8]) for row in rows) and back == sum(int(row.split()[10]) for row in rows)
    assert counted(cloud, nat, "error_port_allocation") == 0
    for _ in range(5):  # some ten packets each
        fetched(machines, inside)
    cloud.advance(10)
    soon(lambda: counted(cloud, nat, "peak_packets_per_second") > 0, "a peak within the minute")
    cloud.advance(90)  # a closed connection's port is free again after a minute
    soon(lambda: not nat_table(cloud, nat).stdout.splitlines()[2:], "the end of the translations")
    assert counted(cloud, nat, "active_connection_count") == 0
    watching = subprocess.Popen([PROGRAM, "nat", nat, "--watch", "--port", str(cloud.port)], stdout=subprocess.PIPE, text=True)
    assert watching.stdout.readline().startswith(f"\033[H\033[2J{nat}: 0")
    watching.kill()
    watching.communicate()
    gone = nat_table(cloud, "nat-0123456789abcdef0")
    assert gone.returncode == 1 and "no such gateway" in gone.stderr
    assert nat_table(cloud, "eni-1").returncode == 2


def test_a_public_address_works_both_ways(place):
    machines, ec2, outside = place.machines, place.ec2, place.outside
    inside = machines.start(serving(), SubnetId=place.public)
    assert not fetched(machines, inside)  # a route alone is not enough
    address = ec2.allocate_address(Domain="vpc")
    association = ec2.associate_address(InstanceId=inside, AllocationId=address["AllocationId"])["AssociationId"]
    soon(lambda: fetched(machines, inside) == address["PublicIp"], "the Elastic IP as the server sees it")
    assert not outside.fetch(address["PublicIp"])
    admit_all(place)
    soon(lambda: outside.fetch(address["PublicIp"]) == EDGE, "the instance's answer to the outside")
    ec2.disassociate_address(AssociationId=association)
    soon(lambda: not outside.fetch(address["PublicIp"]), "the end of an address that was taken away")
    assert not fetched(machines, inside)


def exclude(ec2, mode, **what):
    made = ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode=mode, **what)
    return made["VpcBlockPublicAccessExclusion"]["ExclusionId"]


def test_blocked_public_access(place):
    machines, ec2, outside = place.machines, place.ec2, place.outside
    web = machines.start(serving(), SubnetId=place.public)
    app = machines.run(SubnetId=place.private)["InstanceId"]
    machines.wait(app, "running")
    admit_all(place)
    address = ec2.allocate_address(Domain="vpc")
    ec2.associate_address(InstanceId=web, AllocationId=address["AllocationId"])
    nat, through = nat_gateway(place)
    ec2.create_route(RouteTableId=place.private_table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)

    def ways():
        """Into the public address, out of it, and out through the gateway."""
        return (outside.fetch(address["PublicIp"]) == EDGE, fetched(machines, web) == address["PublicIp"],
                fetched(machines, app) == through)

    def block(mode):
        ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)

    soon(lambda: ways() == (True, True, True), "every way")
    block("block-ingress")
    soon(lambda: ways() == (False, False, True), "only the gateway's")
    block("block-bidirectional")
    soon(lambda: ways() == (False, False, False), "no way")
    exclusion = exclude(ec2, "allow-egress", SubnetId=place.public)
    soon(lambda: ways() == (False, False, True), "the way out of the gateway's subnet")
    ec2.modify_vpc_block_public_access_exclusion(ExclusionId=exclusion, InternetGatewayExclusionMode="allow-bidirectional")
    soon(lambda: ways() == (True, True, True), "every way of an excluded subnet")
    ec2.delete_vpc_block_public_access_exclusion(ExclusionId=exclusion)
    soon(lambda: ways() == (False, False, False), "no way again")
    machines.cloud.restart(signal.SIGKILL)
    assert ways() == (False, False, False)
    exclude(ec2, "allow-bidirectional", VpcId=machines.look(web)["VpcId"])
    soon(lambda: ways() == (True, True, True), "every way of an excluded VPC")
    ec2.delete_nat_gateway(NatGatewayId=nat)
