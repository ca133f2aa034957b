# SPDX-License-Identifier: Apache-2.0
"""The resolver of a VPC, asked from inside: private and public names, addresses, what is sent on, and what is switched off."""
import ast
import os
import random
import socket
import struct
import threading

import pytest

from machines import Machines, root, soon

PYTHON = "/usr/bin/python3"
A, PTR, AAAA = 1, 12, 28
FAR = "192.0.2.7"  # what the outside's server says of far.example

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON), reason="needs python3 inside")]

# Prints the code, whether it was cut, the answers to a question, and the zone and negative time of an SOA; None where nothing comes.
ASK = """
import socket, struct, sys
server, way, kind, name = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
query = struct.pack(">6H", 77, 0x100, 1, 0, 0, 0)
query += b"".join(bytes([len(it)]) + it.encode() for it in name.split(".")) + b"\\0" + struct.pack(">2H", kind, 1)
s = socket.socket(type=socket.SOCK_STREAM if way == "tcp" else socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[5]))
try:
    s.connect((server, 53))
    s.sendall((struct.pack(">H", len(query)) if way == "tcp" else b"") + query)
    data = s.recv(4096)
except OSError:
    print(None)
    sys.exit()
if way == "tcp":
    while len(data) < 2 or len(data) < 2 + struct.unpack(">H", data[:2])[0]:
        data += s.recv(4096)
    data = data[2:]
ident, flags, _, count, authorities = struct.unpack(">5H", data[:10])
assert ident == 77 and flags & 0x8080 == 0x8080
at, found, soa = 12 + len(query) - 12, [], None

def labels(i):
    text = []
    while data[i]:
        text.append(data[i + 1:i + 1 + data[i]].decode())
        i += 1 + data[i]
    return ".".join(text), i + 1

for _ in range(count):
    kind, _, ttl, size = struct.unpack(">2HIH", data[at + 2:at + 12])
    body, at = data[at + 12:at + 12 + size], at + 12 + size
    if kind in (1, 28):
        found.append(socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, body))
    else:
        found.append(labels(at - size)[0])
if authorities == 1:
    zone, at = labels(at)
    kind, _, ttl, size = struct.unpack(">2HIH", data[at:at + 10])
    primary, i = labels(at + 10)
    contact, i = labels(i)
    assert kind == 6 and i + 20 == at + 10 + size == len(data)
    soa = zone, primary, contact, ttl, struct.unpack(">5I", data[i:i + 20])[-1]
print((flags & 15, bool(flags & 0x200), found, soa))
"""


class Outside:
    """The host's name server, at an address of its own; it knows one name, and one that only fits into TCP."""

    def __init__(self, folder):
        self.asked = []
        self.sockets = []
        while not self.sockets:
            self.address = "127." + ".".join(str(random.randint(1, 250)) for _ in range(3))
            udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
            try:
                udp.bind((self.address, 53))
                tcp.bind((self.address, 53))
            except OSError:
                continue
            tcp.listen()
            self.sockets = [udp, tcp]
        self.file = folder / "resolv.conf"
        self.file.write_text(f"# of a test\nnameserver {self.address}\n")
        for work in (self.datagrams, self.connections):
            threading.Thread(target=work, daemon=True).start()

    def answer(self, query, way):
        end = query.index(b"\0", 12)
        name = b".".join(self.labels(query[12:end])).decode()
        self.asked.append((way, name))
        if name == "silent.example":
            return None
        if name == "big.example" and way == "udp":
            return query[:2] + struct.pack(">5H", 0x8380, 1, 0, 0, 0) + query[12:end + 5]
        known = name in ("far.example", "big.example")
        head = query[:2] + struct.pack(">5H", 0x8180 if known else 0x8183, 1, int(known), 0, 0)
        record = b"\xc0\x0c" + struct.pack(">2HIH", A, 1, 30, 4) + socket.inet_aton(FAR)
        return head + query[12:end + 5] + (record if known else b"")

    @staticmethod
    def labels(text):
        while text:
            yield text[1:1 + text[0]]
            text = text[1 + text[0]:]

    def datagrams(self):
        while True:
            query, peer = self.sockets[0].recvfrom(4096)
            reply = self.answer(query, "udp")
            if reply:
                self.sockets[0].sendto(reply, peer)

    def connections(self):
        while True:
            peer, _ = self.sockets[1].accept()
            query = peer.recv(4096)
            reply = self.answer(query[2:], "tcp")
            peer.sendall(struct.pack(">H", len(reply)) + reply)
            peer.close()


@pytest.fixture
def outside(tmp_path):
    return Outside(tmp_path)


@pytest.fixture
def here(own_cloud, outside):
    machines = Machines(own_cloud("--resolv-conf", str(outside.file)))
    yield machines
    machines.end()


def resolved(machines, instance, name, kind=A, way="udp", server="172.31.0.2", seconds=6):
    done = machines.exec(instance, PYTHON, "-c", ASK, server, way, str(kind), name, str(seconds))
    assert done.returncode == 0, done.stderr
    told = ast.literal_eval(done.stdout.strip())
    return told and told[:3]


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
