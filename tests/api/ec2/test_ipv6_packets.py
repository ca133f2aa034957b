# SPDX-License-Identifier: Apache-2.0
"""IPv6 with real packets: between instances, by an internet gateway both ways, by an egress-only one outwards."""
import ipaddress
import os
import shutil
import signal
import subprocess
import types
import uuid

import pytest

from machines import Machines, root, soon

PYTHON = "/usr/bin/python3"
EDGE = "2001:db8::1"  # of the namespace that plays the internet: the first address of the pool
# A server that answers each caller with the caller's address.
SERVER = """
import http.server, socket
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())
    def log_message(self, *words):
        pass
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6
Server(("::", 8080), Handler).serve_forever()
"""
FETCH = "import urllib.request as u; print(u.urlopen('http://[{}]:8080/', timeout={}).read().decode())"
# What fits through, once a packet that does not was sent: 23 and 24 are IPV6_MTU_DISCOVER and IPV6_MTU.
MTU = """
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.connect(('{}', 9))
s.setsockopt(socket.IPPROTO_IPV6, 23, 2)
s.send(b'x' * 3000)
time.sleep(0.3)
print(s.getsockopt(socket.IPPROTO_IPV6, 24))
"""
ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.settimeout(1)
s.connect(('{}', 0))
s.send(bytes([128, 0, 0, 0, 0, 7, 0, 1]))
print(s.recv(100)[0])
"""

TOLD = """
import urllib.request as u
def ask(path, **more):
    return u.urlopen(u.Request('http://169.254.169.254/latest/' + path, **more), timeout=20).read().decode()
token = ask('api/token', method='PUT', headers={'X-aws-ec2-metadata-token-ttl-seconds': '60'})
look = lambda path: ask('meta-data/' + path, headers={'X-aws-ec2-metadata-token': token})
card = 'network/interfaces/macs/' + look('mac') + '/'
print(look('ipv6'), look(card + 'ipv6s'), look(card + 'subnet-ipv6-cidr-blocks'), look(card + 'vpc-ipv6-cidr-blocks'))
"""

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON) or not shutil.which("ip"),
                                       reason="needs Debian's python3 and iproute2")]


class Outside:
    """The namespace that plays the internet, with a server in it."""

    def __init__(self):
        self.name = f"internet-{uuid.uuid4().hex[:8]}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        self.server = subprocess.Popen(["ip", "netns", "exec", self.name, PYTHON, "-c", SERVER])

    def fetch(self, address):
        return subprocess.run(["ip", "netns", "exec", self.name, PYTHON, "-c", FETCH.format(address, 1)],
                              capture_output=True, text=True).stdout.strip()

    def end(self):
        self.server.kill()
        self.server.wait()
        subprocess.run(["ip", "netns", "del", self.name], check=True)


@pytest.fixture
def place(own_cloud):
    """A VPC with two subnets: one has a route to the internet gateway, the other to the egress-only one."""
    outside = Outside()
    machines = Machines(own_cloud("--edge", outside.name))
    ec2 = machines.ec2
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    parts = [str(it) for it in ipaddress.ip_network(block).subnets(new_prefix=64)]
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", Ipv6CidrBlock=parts[n])["Subnet"]["SubnetId"]
               for n in range(2)]
    tables = [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in subnets]
    for subnet, table in zip(subnets, tables):
        ec2.associate_route_table(SubnetId=subnet, RouteTableId=table)
        ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    egress = ec2.create_egress_only_internet_gateway(VpcId=vpc)["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    ec2.create_route(RouteTableId=tables[0], DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=tables[1], DestinationIpv6CidrBlock="::/0", EgressOnlyInternetGatewayId=egress)
    group, = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
    acl, = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkAcls"]
    yield types.SimpleNamespace(machines=machines, ec2=ec2, outside=outside, public=subnets[0], private=subnets[1],
                                tables=tables, group=group["GroupId"], acl=acl["NetworkAclId"], egress=egress)
    machines.end()
    outside.end()


def server(place, subnet):
    """An instance with a server; its id and IPv6 address."""
    instance = place.machines.start(f"cd /tmp; cat > serve.py <<'END'\n{SERVER}END\nexec {PYTHON} serve.py\n", SubnetId=subnet)
    return instance, place.machines.look(instance)["Ipv6Address"]


def ran(place, instance, script):
    return place.machines.exec(instance, PYTHON, "-c", script).stdout.strip()


def fetched(place, instance, address, seconds=1):
    return ran(place, instance, FETCH.format(address, seconds))


def test_between_instances(place):
    ec2 = place.ec2
    web, web6 = server(place, place.public)
    app, app6 = server(place, place.private)
    soon(lambda: fetched(place, web, app6) == web6, "an answer within the group, with the address as it is")
    told = ran(place, web, TOLD).split()
    assert told[:2] == [web6, web6] and all(ipaddress.ip_address(web6) in ipaddress.ip_network(it) for it in told[2:])
    own = ec2.create_security_group(GroupName="own", Description="x", VpcId=place.machines.look(app)["VpcId"])["GroupId"]
    ec2.modify_instance_attribute(InstanceId=app, Groups=[own])
    assert not fetched(place, web, app6)
    rule = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "Ipv6Ranges": [{"CidrIpv6": f"{web6}/128"}]}
    ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[rule])
    soon(lambda: fetched(place, web, app6) == web6, "an answer by a rule of the address")
    assert not ran(place, web, ECHO.format(app6))
    ec2.authorize_security_group_ingress(GroupId=own, IpPermissions=[
        {"IpProtocol": "icmpv6", "FromPort": 128, "ToPort": -1, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
    soon(lambda: ran(place, web, ECHO.format(app6)) == "129", "an echo")
    entry = {"NetworkAclId": place.acl, "RuleNumber": 50, "Protocol": "6", "Egress": False, "Ipv6CidrBlock": f"{web6}/128"}
    ec2.create_network_acl_entry(**entry, RuleAction="deny", PortRange={"From": 8080, "To": 8080})
    soon(lambda: not fetched(place, web, app6), "the end by a network ACL")
    ec2.delete_network_acl_entry(NetworkAclId=place.acl, RuleNumber=50, Egress=False)
    soon(lambda: fetched(place, web, app6) == web6, "an answer again")
    place.machines.cloud.restart(signal.SIGKILL)
    assert fetched(place, web, app6, 20) == web6


def test_the_internet_both_ways_and_one_way(place):
    ec2, outside = place.ec2, place.outside
    web, web6 = server(place, place.public)
    app, app6 = server(place, place.private)
    soon(lambda: fetched(place, web, EDGE) == web6, "the instance's own address out there")
    soon(lambda: fetched(place, app, EDGE) == app6, "the same through the egress-only gateway")
    assert not outside.fetch(web6)
    ec2.authorize_security_group_ingress(GroupId=place.group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
    soon(lambda: outside.fetch(web6) == EDGE, "somebody from out there")
    assert not outside.fetch(app6)  # by the egress-only gateway nobody out there can begin
    assert ran(place, web, MTU.format(app6)) == "9001" and ran(place, web, MTU.format(EDGE)) == "1500"
    ec2.delete_egress_only_internet_gateway(EgressOnlyInternetGatewayId=place.egress)
    soon(lambda: not fetched(place, app, EDGE), "the end of the way through a deleted gateway")
    ec2.delete_route(RouteTableId=place.tables[0], DestinationIpv6CidrBlock="::/0")
    soon(lambda: not fetched(place, web, EDGE), "the end of the way without a route")
    assert not outside.fetch(web6)


def test_blocked_public_access(place):
    ec2, outside = place.ec2, place.outside
    web, web6 = server(place, place.public)
    app, app6 = server(place, place.private)
    ec2.authorize_security_group_ingress(GroupId=place.group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])

    def ways():
        """In and out by the internet gateway, and out by the egress-only one."""
        return outside.fetch(web6) == EDGE, fetched(place, web, EDGE) == web6, fetched(place, app, EDGE) == app6

    soon(lambda: ways() == (True, True, True), "every way")
    for mode, left in (("block-ingress", (False, False, True)), ("block-bidirectional", (False, False, False))):
        ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)
        soon(lambda left=left: ways() == left, f"what {mode} leaves")
    assert fetched(place, web, app6) == web6
    made = ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode="allow-egress", SubnetId=place.private)
    soon(lambda: ways() == (False, False, True), "the way out of an excluded subnet")
    ec2.modify_vpc_block_public_access_exclusion(InternetGatewayExclusionMode="allow-bidirectional",
                                                 ExclusionId=made["VpcBlockPublicAccessExclusion"]["ExclusionId"])
    ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode="allow-bidirectional", SubnetId=place.public)
    soon(lambda: ways() == (True, True, True), "every way of excluded subnets")


def vpc6(ec2, number):
    """VPC 10.NUMBER/16 with a block of IPv6: (its id, the block, its subnet, its main table)."""
    vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"]
    part = str(next(ipaddress.ip_network(block).subnets(new_prefix=64)))
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.1.0/24", Ipv6CidrBlock=part)["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, AssignIpv6AddressOnCreation={"Value": True})
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    group = ec2.describe_security_groups(Filters=inside)["SecurityGroups"][0]["GroupId"]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}])
    return types.SimpleNamespace(vpc=vpc, block=block, subnet=subnet,
                                 table=ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["RouteTableId"])


def peered(ec2, one, other):
    made = ec2.create_vpc_peering_connection(VpcId=one.vpc, PeerVpcId=other.vpc)["VpcPeeringConnection"]
    pcx = made["VpcPeeringConnectionId"]
    ec2.get_waiter("vpc_peering_connection_exists").wait(VpcPeeringConnectionIds=[pcx])
    soon(lambda: ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[pcx])["VpcPeeringConnections"][0]["Status"][
        "Code"] == "pending-acceptance", pcx)
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=pcx)
    return pcx


def test_peers(place):
    ec2 = place.ec2
    a, b, c = (vpc6(ec2, number) for number in (1, 2, 3))
    first, second = peered(ec2, a, b), peered(ec2, b, c)
    in_a, a6 = server(place, a.subnet)
    in_b, b6 = server(place, b.subnet)
    in_c, c6 = server(place, c.subnet)
    for here, there, pcx in ((a, b, first), (b, a, first), (b, c, second), (c, b, second), (a, c, first), (c, a, second)):
        ec2.create_route(RouteTableId=here.table, DestinationIpv6CidrBlock=there.block, VpcPeeringConnectionId=pcx)
    soon(lambda: fetched(place, in_a, b6) == a6, "the way to the peer, with the address as it is")
    soon(lambda: fetched(place, in_b, c6) == b6, "the way to the other peer")
    assert not fetched(place, in_a, c6)  # not through a peer
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=b.vpc, InternetGatewayId=gateway)
    ec2.create_route(RouteTableId=b.table, DestinationIpv6CidrBlock="::/0", GatewayId=gateway)
    ec2.create_route(RouteTableId=a.table, DestinationIpv6CidrBlock="::/0", VpcPeeringConnectionId=first)
    soon(lambda: fetched(place, in_b, EDGE) == b6, "the peer's way out")
    assert not fetched(place, in_a, EDGE)  # nor by its gateway
    ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=first)
    soon(lambda: not fetched(place, in_a, b6), "the end of the way")
    assert fetched(place, in_b, c6, 20) == b6
