# SPDX-License-Identifier: Apache-2.0
"""Packets between instances: their groups decide, at once; a stop and a start find the network again. VPCs with the same
addresses do not meet; types limit."""
import json
import os
import shutil
import signal
import subprocess

import pytest

from harness import PROGRAM
from machines import root, soon

SERVER = "cd /tmp; echo over-the-wire > it; exec /usr/bin/python3 -m http.server 8080"
FETCH = "/usr/bin/python3 -c \"import urllib.request as u; print(u.urlopen('http://{}:8080/it', timeout={}).read())\""


def fetched(machines, instance, address, seconds=2):
    return "over-the-wire" in machines.exec(instance, "sh", "-c", FETCH.format(address, seconds)).stdout


@root
@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="needs python3 inside")
def test_groups_decide(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    server, client = machines.start(SERVER), machines.start()
    it = machines.look(server)
    address, vpc = it["PrivateIpAddress"], it["VpcId"]
    soon(lambda: fetched(machines, client, address), "the first answer")
    closed = ec2.create_security_group(GroupName="closed", Description="nothing comes in", VpcId=vpc)["GroupId"]
    ec2.modify_instance_attribute(InstanceId=server, Groups=[closed])
    assert not fetched(machines, client, address)
    ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080,
         "IpRanges": [{"CidrIp": machines.look(client)["PrivateIpAddress"] + "/32"}]}])
    soon(lambda: fetched(machines, client, address), "an answer through the new rule")
    machines.cloud.restart(signal.SIGKILL)
    assert fetched(machines, client, address, 20)
    ec2.stop_instances(InstanceIds=[client])
    machines.wait(client, "stopped")
    ec2.start_instances(InstanceIds=[client])
    machines.wait(client, "running")
    soon(lambda: fetched(machines, client, address), "an answer after a stop and a start")


@root
@pytest.mark.skipif(not os.path.exists("/usr/bin/python3"), reason="needs python3 inside")
def test_vpcs_with_the_same_addresses_do_not_meet(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    subnets, groups = [], []
    for _ in range(2):
        vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
        subnets.append(ec2.create_subnet(VpcId=vpc, CidrBlock="10.7.1.0/24")["Subnet"]["SubnetId"])
        group, = ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"]
        groups.append(group["GroupId"])
    for group in groups:
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[
            {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    # The same client in both, one server in each, with the same address, and one more in the first only.
    clients = [machines.start(SubnetId=subnet, PrivateIpAddress="10.7.1.10") for subnet in subnets]
    servers = [machines.start(SERVER.replace("over-the-wire", f"over-the-wire-{i}"), SubnetId=subnet,
                              PrivateIpAddress="10.7.1.20") for i, subnet in enumerate(subnets)]
    machines.start(SERVER, SubnetId=subnets[0], PrivateIpAddress="10.7.1.30")

    def seen(client, address):
        return machines.exec(client, "sh", "-c", FETCH.format(address, 2)).stdout
    for i, client in enumerate(clients):
        soon(lambda: f"over-the-wire-{i}" in seen(client, "10.7.1.20"), "the server of one's own VPC")
    soon(lambda: fetched(machines, clients[0], "10.7.1.30"), "the third server")
    assert not fetched(machines, clients[1], "10.7.1.30")
    ec2.terminate_instances(InstanceIds=[servers[1]])
    machines.wait(servers[1], "terminated")
    assert not fetched(machines, clients[1], "10.7.1.20") and fetched(machines, clients[0], "10.7.1.20", 20)


@root
@pytest.mark.skipif(not shutil.which("bpftool"), reason="needs bpftool")
def test_the_type_limits_what_is_sent(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    cards = {it["InstanceType"]: it["NetworkInfo"]["NetworkCards"][0] for it in ec2.describe_instance_types(
        InstanceTypes=["t3.nano", "t3.micro", "m5.xlarge", "c6i.large"])["InstanceTypes"]}
    assert {name: (it["BaselineBandwidthInGbps"], it["PeakBandwidthInGbps"]) for name, it in cards.items()} == {
        "t3.nano": (0.032, 5), "t3.micro": (0.064, 5), "m5.xlarge": (1.25, 10), "c6i.large": (0.781, 12.5)}
    for name in ("t3.nano", "m5.xlarge"):
        machines.start(InstanceType=name)
    told = subprocess.run([PROGRAM, "fabric", "--data", machines.cloud.data], capture_output=True, text=True, check=True)
    meters = json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "pinned",
                                        f"/sys/fs/bpf/{told.stdout.split()[0]}/fab_meters"],
                                       capture_output=True, text=True, check=True).stdout)
    limits = {(it["formatted"]["value"]["base_per_s"][side], it["formatted"]["value"]["bytes_per_s"][side])
              for it in meters for side in range(2)} - {(0, 0)}
    assert limits == {(int(cards[it]["BaselineBandwidthInGbps"] * 125e6), int(cards[it]["PeakBandwidthInGbps"] * 125e6))
                      for it in ("t3.nano", "m5.xlarge")}
    assert {it["formatted"]["value"]["flows_max"] for it in meters} == {0, 131072}
