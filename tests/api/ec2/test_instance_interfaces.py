# SPDX-License-Identifier: Apache-2.0
"""Several interfaces: attached to what runs and taken away again, at launch, their limits, and what becomes of them."""
import os
import signal

import pytest

from machines import root, soon
from outside import PYTHON, fetched, serving
from refusals import refused, wait_for


def subnet_of(ec2, zone="us-east-1a"):
    return ec2.describe_subnets(Filters=[{"Name": "availability-zone", "Values": [zone]}])["Subnets"][0]["SubnetId"]


def interface(ec2, **more):
    return ec2.create_network_interface(**{"SubnetId": subnet_of(ec2), **more})["NetworkInterface"]


def look(ec2, eni):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[eni])["NetworkInterfaces"][0]


def attached(ec2, eni):
    return look(ec2, eni).get("Attachment", {}).get("Status") == "attached"


def devices(machines, instance):
    return machines.exec(instance, "sh", "-c", "cat /proc/net/dev; cat /proc/net/fib_trie").stdout


@root
def test_attach_and_detach_while_it_runs(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    instance = machines.start(SubnetId=subnet_of(own_machines.ec2))
    made = interface(ec2, Description="second")
    eni, address = made["NetworkInterfaceId"], made["PrivateIpAddress"]
    attachment = ec2.attach_network_interface(InstanceId=instance, NetworkInterfaceId=eni, DeviceIndex=1)["AttachmentId"]
    wait_for(lambda: attached(ec2, eni))
    assert "eth1:" in devices(machines, instance) and address in devices(machines, instance)
    ec2.detach_network_interface(AttachmentId=attachment)
    wait_for(lambda: look(ec2, eni)["Status"] == "available")
    soon(lambda: "eth1:" not in devices(machines, instance), "the device's end")
    attachment = ec2.attach_network_interface(InstanceId=instance, NetworkInterfaceId=eni, DeviceIndex=1)["AttachmentId"]
    wait_for(lambda: attached(ec2, eni))
    assert "eth1:" in devices(machines, instance) and address in devices(machines, instance)
    told = look(ec2, eni)
    assert told["Status"] == "in-use" and told["Attachment"]["DeviceIndex"] == 1 and told["Attachment"]["DeleteOnTermination"] is False
    first, second = machines.look(instance)["NetworkInterfaces"]
    assert first["Attachment"]["DeviceIndex"] == 0 and second["NetworkInterfaceId"] == eni
    assert machines.look(instance)["PrivateIpAddress"] == first["PrivateIpAddress"]
    assert refused(ec2.modify_instance_attribute, InstanceId=instance, SourceDestCheck={"Value": False}) == (
        "InvalidInstanceID", f"There are multiple interfaces attached to instance '{instance}'. Please specify an interface ID "
        "for the operation instead.")
    peer = machines.start("exec /usr/bin/python3 -m http.server 8080", SubnetId=subnet_of(ec2))
    fetch = ("import socket,sys; s = socket.create_connection((sys.argv[1], 8080), 2, (sys.argv[2], 0)); "
             "s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n'); print(s.recv(20))")
    there = machines.look(peer)["PrivateIpAddress"]
    soon(lambda: "200" in machines.exec(instance, "python3", "-c", fetch, there, first["PrivateIpAddress"]).stdout, "the first device's answer")
    third = interface(ec2)["NetworkInterfaceId"]
    assert refused(ec2.attach_network_interface, InstanceId=instance, NetworkInterfaceId=third, DeviceIndex=1) == (
        "InvalidParameterValue", f"Instance '{instance}' already has an interface attached at device index '1'.")
    assert refused(ec2.attach_network_interface, InstanceId=instance, NetworkInterfaceId=third, DeviceIndex=2) == (
        "AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro")
    assert refused(ec2.attach_network_interface, InstanceId=instance, NetworkInterfaceId=eni, DeviceIndex=2) == (
        "InvalidNetworkInterface.InUse", f"Interface: [{eni}] in use.")
    machines.cloud.restart(signal.SIGKILL)
    machines.wait(instance, "running")
    ec2.stop_instances(InstanceIds=[instance])
    machines.wait(instance, "stopped")
    ec2.start_instances(InstanceIds=[instance])
    machines.wait(instance, "running")
    assert "eth1:" in devices(machines, instance) and address in devices(machines, instance)
    ec2.detach_network_interface(AttachmentId=attachment, Force=True)
    wait_for(lambda: look(ec2, eni)["Status"] == "available")
    soon(lambda: "eth1:" not in devices(machines, instance), "the device's end")
    assert len(machines.look(instance)["NetworkInterfaces"]) == 1 and "Attachment" not in look(ec2, eni)
    for it in (eni, third):
        ec2.delete_network_interface(NetworkInterfaceId=it)


@root
def test_several_at_launch_and_what_becomes_of_them(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    subnet, kept = subnet_of(ec2), interface(own_machines.ec2)["NetworkInterfaceId"]
    made = machines.run(NetworkInterfaces=[
        {"DeviceIndex": 1, "SubnetId": subnet, "Description": "two", "SecondaryPrivateIpAddressCount": 1},
        {"DeviceIndex": 0, "NetworkInterfaceId": kept}], TagSpecifications=[
            {"ResourceType": "network-interface", "Tags": [{"Key": "of", "Value": "launch"}]}])
    instance = made["InstanceId"]
    assert [it["Attachment"]["DeviceIndex"] for it in made["NetworkInterfaces"]] == [0, 1]
    assert [len(it["PrivateIpAddresses"]) for it in made["NetworkInterfaces"]] == [1, 2]
    second = made["NetworkInterfaces"][1]["NetworkInterfaceId"]
    assert look(ec2, second)["TagSet"] == [{"Key": "of", "Value": "launch"}] and look(ec2, kept)["TagSet"] == []
    machines.wait(instance, "running")
    assert "eth0:" in devices(machines, instance) and "eth1:" in devices(machines, instance)
    assert refused(ec2.detach_network_interface, AttachmentId=look(ec2, kept)["Attachment"]["AttachmentId"]) == (
        "OperationNotPermitted", "The network interface at device index 0 and networkCard index 0 cannot be detached.")
    ec2.terminate_instances(InstanceIds=[instance])
    machines.wait(instance, "terminated")
    assert look(ec2, kept)["Status"] == "available"
    assert refused(ec2.describe_network_interfaces, NetworkInterfaceIds=[second])[0] == "InvalidNetworkInterfaceID.NotFound"
    ec2.delete_network_interface(NetworkInterfaceId=kept)


@root
def test_what_is_refused_at_launch(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    subnet = subnet_of(ec2)
    used = machines.look(machines.start())["NetworkInterfaces"][0]["NetworkInterfaceId"]
    cases = [
        ([{"DeviceIndex": 1, "SubnetId": subnet}], "InvalidParameterValue",
         "When specifying network interfaces, you must include a device at index 0."),
        ([{"DeviceIndex": 0}, {"DeviceIndex": 0}], "InvalidParameterValue", None),
        ([{"DeviceIndex": 0}, {"Description": "x"}], "InvalidParameterValue", "Each network interface requires a device index."),
        ([{"DeviceIndex": at} for at in range(3)], "AttachmentLimitExceeded", "Interface count 3 exceeds the limit for t3.micro"),
        ([{"DeviceIndex": 0, "AssociatePublicIpAddress": True}, {"DeviceIndex": 1}], "InvalidParameterCombination",
         "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces."),
        ([{"DeviceIndex": 0, "NetworkInterfaceId": used}], "InvalidNetworkInterface.InUse", f"Interface: [{used}] in use."),
        ([{"DeviceIndex": 0, "NetworkInterfaceId": used, "SubnetId": subnet}], "InvalidParameterCombination", None),
        ([{"DeviceIndex": 0, "SubnetId": subnet}, {"DeviceIndex": 1, "SubnetId": subnet_of(ec2, "us-east-1b")}],
         "InvalidParameterCombination", None),
        ([{"DeviceIndex": 0, "NetworkCardIndex": 1}], "UnsupportedOperation", None),
    ]
    for cards, code, message in cases:
        told = refused(ec2.run_instances, ImageId=machines.image, InstanceType="t3.micro", MinCount=1, MaxCount=1, NetworkInterfaces=cards)
        assert told[0] == code and message in (None, told[1]), (cards, told)


def test_what_is_not_there(ec2):
    eni = interface(ec2)["NetworkInterfaceId"]
    assert refused(ec2.attach_network_interface, InstanceId="i-0123456789abcdef0", NetworkInterfaceId=eni, DeviceIndex=1)[0] == \
        "InvalidInstanceID.NotFound"
    assert refused(ec2.attach_network_interface, InstanceId="i-0123456789abcdef0", NetworkInterfaceId="eni-00000000", DeviceIndex=1)[0] == \
        "InvalidNetworkInterfaceID.NotFound"
    assert refused(ec2.attach_network_interface, InstanceId="i-0123456789abcdef0", NetworkInterfaceId=eni, DeviceIndex=1, NetworkCardIndex=1)[0] == \
        "InvalidParameterValue"
    assert refused(ec2.detach_network_interface, AttachmentId="eni-attach-0") == (
        "InvalidAttachmentID.NotFound", "The networkInterface attachment ID 'eni-attach-0' does not exist")
    ec2.delete_network_interface(NetworkInterfaceId=eni)
    assert refused(ec2.get_password_data, InstanceId="i-0123456789abcdef0")[0] == "InvalidInstanceID.NotFound"


def test_account_attributes(ec2):
    told = {it["AttributeName"]: it["AttributeValues"][0]["AttributeValue"] for it in ec2.describe_account_attributes()["AccountAttributes"]}
    vpc, = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert told["default-vpc"] == vpc["VpcId"] and told["supported-platforms"] == "VPC"
    only, = ec2.describe_account_attributes(AttributeNames=["max-elastic-ips"])["AccountAttributes"]
    assert refused(ec2.describe_account_attributes, AttributeNames=["colour"])[0] == "InvalidParameterValue"
    assert only == {"AttributeName": "max-elastic-ips", "AttributeValues": [{"AttributeValue": "5"}]}


@root
@pytest.mark.skipif(not os.path.exists(PYTHON), reason="needs Debian's python3")
def test_an_address_moves_between_instances(own_machines):
    """Only the second has it inside; packets for it come to whoever has the interface that it is assigned to."""
    machines = own_machines
    ec2, subnet = machines.ec2, subnet_of(machines.ec2)
    one, two, client = (machines.start(serving(), SubnetId=subnet) for _ in range(3))
    cards = [machines.look(it)["NetworkInterfaces"][0]["NetworkInterfaceId"] for it in (one, two)]
    address = ec2.assign_private_ip_addresses(NetworkInterfaceId=cards[0], SecondaryPrivateIpAddressCount=1)[
        "AssignedPrivateIpAddresses"][0]["PrivateIpAddress"]
    assert machines.exec(two, "ip", "address", "add", f"{address}/32", "dev", "eth0").returncode == 0
    soon(lambda: fetched(machines, client, machines.look(two)["PrivateIpAddress"]), "the server")
    assert not fetched(machines, client, address)
    ec2.assign_private_ip_addresses(NetworkInterfaceId=cards[1], PrivateIpAddresses=[address], AllowReassignment=True)
    soon(lambda: fetched(machines, client, address) == machines.look(client)["PrivateIpAddress"], "the way to its new place")
    ec2.assign_private_ip_addresses(NetworkInterfaceId=cards[0], PrivateIpAddresses=[address], AllowReassignment=True)
    soon(lambda: not fetched(machines, client, address), "its way back")
