# SPDX-License-Identifier: Apache-2.0
"""Packets between instances: their groups decide, at once; a stop and a start find the network again."""
import os
import signal

import pytest

from machines import root, soon

SERVER = "cd /tmp; echo over-the-wire > it; exec /usr/bin/python3 -m http.server 8080"
FETCH = "/usr/bin/python3 -c \"import urllib.request as u; print(u.urlopen('http://{}:8080/it', timeout=2).read())\""


def fetched(machines, instance, address):
    return "over-the-wire" in machines.exec(instance, "sh", "-c", FETCH.format(address)).stdout


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
    assert fetched(machines, client, address)
    ec2.stop_instances(InstanceIds=[client])
    machines.wait(client, "stopped")
    ec2.start_instances(InstanceIds=[client])
    machines.wait(client, "running")
    soon(lambda: fetched(machines, client, address), "an answer after a stop and a start")
