# SPDX-License-Identifier: Apache-2.0
"""The resolver of a VPC, asked from inside: private and public names, addresses, what is sent on, and what is switched off."""
import ast
import os

import pytest

from machines import Machines, root, soon
from name_server import A, AAAA, ASK, FAR, PTR, PYTHON, NameServer, resolved

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON), reason="needs python3 inside")]


@pytest.fixture
def outside(tmp_path):
    return NameServer(tmp_path)


@pytest.fixture
def here(own_cloud, outside):
    machines = Machines(own_cloud("--resolv-conf", str(outside.file)))
    yield machines
    machines.end()


def negative(machines, instance, name, kind=A):
    """Zone, server, contact and times of the SOA that says how long there is nothing."""
    done = machines.exec(instance, PYTHON, "-c", ASK, "172.31.0.2", "udp", str(kind), name, "20")
    return ast.literal_eval(done.stdout.strip())[3]


def test_names_of_the_vpc(here):
    ec2 = here.ec2
    one, two = here.start(), here.start()
    first, second = here.look(one), here.look(two)
    address, name = second["PrivateIpAddress"], second["PrivateDnsName"]
    assert name == f"ip-{address.replace('.', '-')}.ec2.internal"
    soon(lambda: resolved(here, one, name), "the first answer")
    for server in ("172.31.0.2", "169.254.169.253"):
        for way in ("udp", "tcp"):
            assert resolved(here, one, name, way=way, server=server) == (0, False, [address]), (server, way)
    assert resolved(here, one, name.upper()) == (0, False, [address])
    assert resolved(here, one, name, AAAA) == (0, False, [])
    assert resolved(here, one, "ip-172-31-250-250.ec2.internal") == (3, False, [])
    assert resolved(here, one, "nobody.ec2.internal") == (3, False, [])
    assert resolved(here, one, "ip-010-0-0-1.ec2.internal") == (3, False, [])
    assert resolved(here, one, "instance-data.ec2.internal") == (0, False, ["169.254.169.254"])
    nothing = ("ec2.internal", "ns0.ec2.internal", "hostmaster.amazon.com", 60, 60)
    assert negative(here, one, "nobody.ec2.internal") == negative(here, one, name, AAAA) == nothing
    assert negative(here, one, name) is None
    back = ".".join(reversed(address.split("."))) + ".in-addr.arpa"
    assert resolved(here, one, back, PTR) == (0, False, [name])
    assert resolved(here, one, "250.250.31.172.in-addr.arpa", PTR) == (3, False, [])
    assert resolved(here, one, second["PublicDnsName"]) == (0, False, [address])
    ec2.modify_vpc_attribute(VpcId=first["VpcId"], EnableDnsHostnames={"Value": False})
    assert resolved(here, one, second["PublicDnsName"]) == (0, False, [second["PublicIpAddress"]])
    found = here.exec(one, PYTHON, "-c", f"import socket; print(socket.gethostbyname('{name.split('.')[0]}'))")
    assert found.stdout.strip() == address, found.stderr  # by the instance's resolv.conf
    ec2.modify_vpc_attribute(VpcId=first["VpcId"], EnableDnsSupport={"Value": False})
    soon(lambda: resolved(here, one, name) is None, "the end of answers")
    assert resolved(here, one, name, server="169.254.169.253") is None


def test_names_by_id_where_the_subnet_says_so(here):
    ec2 = here.ec2
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"]
    one = here.start(SubnetId=subnet)
    address, name = here.look(one)["PrivateIpAddress"], one + ".ec2.internal"
    soon(lambda: resolved(here, one, name, server="10.7.0.2") == (3, False, []), "the first answer")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    assert resolved(here, one, name, server="10.7.0.2") == (0, False, [address])
    other = here.start()  # of another VPC
    soon(lambda: resolved(here, other, f"ip-{address.replace('.', '-')}.ec2.internal") == (3, False, []), "another VPC's answer")
    assert resolved(here, other, name) == (3, False, [])


def test_ipv6_addresses_by_id(here):
    ec2 = here.ec2
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
    block = soon(lambda: [it["Ipv6CidrBlock"] for it in ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"]
                          if it["Ipv6CidrBlockState"]["State"] == "associated"], "the block")[0]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.1.0/24", Ipv6CidrBlock=block.replace("/56", "/64"))["Subnet"]["SubnetId"]
    one = here.start(SubnetId=subnet, Ipv6AddressCount=1)
    address = here.look(one)["NetworkInterfaces"][0]["Ipv6Addresses"][0]["Ipv6Address"]
    name, server = one + ".ec2.internal", "10.8.0.2"
    soon(lambda: resolved(here, one, name, AAAA, server=server) == (3, False, []), "the first answer")
    ec2.modify_subnet_attribute(SubnetId=subnet, EnableResourceNameDnsAAAARecordOnLaunch={"Value": True})
    assert ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["PrivateDnsNameOptionsOnLaunch"]["EnableResourceNameDnsAAAARecord"]
    assert resolved(here, one, name, AAAA, server=server) == (0, False, [address])
    assert resolved(here, one, name, server=server) == (0, False, [])  # no record of the other kind


def test_public_names_of_peers(here):
    """They stand for private addresses where both sides have names and the peer says so."""
    ec2 = here.ec2
    mine = here.start()
    vpc = here.look(mine)["VpcId"]
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.modify_vpc_attribute(VpcId=other, EnableDnsHostnames={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=other)
    subnet = ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": True})
    theirs = here.look(here.start(SubnetId=subnet))
    peering = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=other)["VpcPeeringConnection"]["VpcPeeringConnectionId"]

    def state():
        return ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"][0]["Status"]["Code"]
    soon(lambda: state() == "pending-acceptance", "the request")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    soon(lambda: state() == "active", "the connection")
    public, private = ((0, False, [theirs[it]]) for it in ("PublicIpAddress", "PrivateIpAddress"))
    ask = (here, mine, theirs["PublicDnsName"])
    soon(lambda: resolved(*ask) == public, "the first answer")
    options = {"VpcPeeringConnectionId": peering}
    ec2.modify_vpc_peering_connection_options(**options, RequesterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True})
    assert resolved(*ask) == public  # that is about names of the requester's VPC
    ec2.modify_vpc_peering_connection_options(**options, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": True})
    assert resolved(*ask) == private
    here.cloud.restart()
    assert resolved(*ask) == private
    ec2.modify_vpc_attribute(VpcId=other, EnableDnsHostnames={"Value": False})
    assert resolved(*ask) == public
    ec2.modify_vpc_attribute(VpcId=other, EnableDnsHostnames={"Value": True})
    ec2.modify_vpc_peering_connection_options(**options, AccepterPeeringConnectionOptions={"AllowDnsResolutionFromRemoteVpc": False})
    assert resolved(*ask) == public


def test_the_rest_is_sent_on(here, outside):
    one = here.start()
    soon(lambda: resolved(here, one, "far.example") == (0, False, [FAR]), "the outside's answer")
    assert resolved(here, one, "far.example", way="tcp") == (0, False, [FAR])
    assert resolved(here, one, "nobody.example") == (3, False, [])
    assert resolved(here, one, "big.example") == (0, True, [])
    assert resolved(here, one, "big.example", way="tcp") == (0, False, [FAR])
    assert ("udp", "far.example") in outside.asked and ("tcp", "far.example") in outside.asked
    assert not [it for it in outside.asked if it[1].endswith("ec2.internal")]
    assert resolved(here, one, "1.2.0.192.in-addr.arpa", PTR) == (3, False, [])
    assert ("udp", "1.2.0.192.in-addr.arpa") in outside.asked
    assert resolved(here, one, "silent.example", seconds=50) == (2, False, [])
    outside.file.write_text("")
    assert resolved(here, one, "far.example") == (2, False, [])
    here.cloud.restart()
    outside.file.write_text(f"nameserver {outside.address}\n")
    soon(lambda: resolved(here, one, "far.example") == (0, False, [FAR]), "an answer of the next process")


# Sends what one second lets through, and more; prints how many were answered.
FLOOD = """
import socket, struct
query = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\\6nobody\\3ec2\\10internal\\0\\0\\1\\0\\1"
s = socket.socket(type=socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
s.connect(("172.31.0.2", 53))
for i in range(4000):
    s.send(query)
s.settimeout(1)
got = 0
try:
    while s.recv(512):
        got += 1
except OSError:
    pass
print(got)
"""


def test_no_more_than_its_share_per_second(here):
    one = here.start()
    soon(lambda: resolved(here, one, "nobody.ec2.internal"), "the first answer")
    here.cloud.stand()
    got = int(here.exec(one, PYTHON, "-c", FLOOD).stdout)
    here.cloud.set_clock(stand=False)
    assert 0 < got <= 1024
