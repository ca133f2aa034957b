# SPDX-License-Identifier: Apache-2.0
"""Network interfaces: addresses, groups, attributes; elastic addresses on them."""
import re

import pytest

from refusals import refused


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a")["Subnet"]["SubnetId"]


@pytest.fixture
def make_eni(ec2, subnet):
    def make(**more):
        return ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]
    return make


@pytest.fixture
def gateway(ec2, vpc):
    it = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=it, VpcId=vpc)
    return it


@pytest.fixture
def make_eip(ec2):
    made = []

    def make(**more):
        made.append(ec2.allocate_address(Domain="vpc", **more))
        return made[-1]
    yield make
    for it in ec2.describe_addresses()["Addresses"]:
        if "AssociationId" in it and it["AllocationId"] in [one["AllocationId"] for one in made]:
            ec2.disassociate_address(AssociationId=it["AssociationId"])
    for it in made:
        if ec2.describe_addresses(Filters=[{"Name": "allocation-id", "Values": [it["AllocationId"]]}])["Addresses"]:
            ec2.release_address(AllocationId=it["AllocationId"])


def eni_of(ec2, eni):
    return ec2.describe_network_interfaces(NetworkInterfaceIds=[eni["NetworkInterfaceId"]])["NetworkInterfaces"][0]


def default_group(ec2, vpc):
    return ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["SecurityGroups"][0]["GroupId"]


def free(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


def test_a_new_interface(ec2, vpc, subnet, make_eni):
    eni = make_eni(Description="mine", TagSpecifications=[
        {"ResourceType": "network-interface", "Tags": [{"Key": "k", "Value": "v"}]}])
    assert eni["Status"] == "pending" and eni["Description"] == "mine" and eni["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert (eni["VpcId"], eni["SubnetId"], eni["AvailabilityZone"]) == (vpc, subnet, "us-east-1a")
    assert re.fullmatch(r"02(:[0-9a-f]{2}){5}", eni["MacAddress"]) and eni["InterfaceType"] == "interface"
    assert eni["Groups"] == [{"GroupId": default_group(ec2, vpc), "GroupName": "default"}]
    assert eni["PrivateIpAddress"] == "10.0.1.4" and eni["SourceDestCheck"] is True and eni["RequesterManaged"] is False
    assert eni["PrivateIpAddresses"] == [{"Primary": True, "PrivateIpAddress": "10.0.1.4"}]
    assert free(ec2, subnet) == 250
    ec2.get_waiter("network_interface_available").wait(
        NetworkInterfaceIds=[eni["NetworkInterfaceId"]])
    assert refused(ec2.delete_subnet, SubnetId=subnet) == (
        "DependencyViolation", f"The subnet '{subnet}' has dependencies and cannot be deleted.")
    ec2.delete_network_interface(NetworkInterfaceId=eni["NetworkInterfaceId"])
    assert free(ec2, subnet) == 251
    gone = eni["NetworkInterfaceId"]
    assert refused(ec2.describe_network_interfaces, NetworkInterfaceIds=[gone]) == (
        "InvalidNetworkInterfaceID.NotFound", f"The networkInterface ID '{gone}' does not exist")


def test_names_follow_the_vpc(ec2, vpc, make_eni):
    eni = make_eni()
    assert "PrivateDnsName" not in eni
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    assert eni_of(ec2, eni)["PrivateDnsName"] == "ip-10-0-1-4.ec2.internal"


def test_wanted_addresses(ec2, make_eni):
    eni = make_eni(PrivateIpAddress="10.0.1.77", SecondaryPrivateIpAddressCount=2)
    assert [(it["PrivateIpAddress"], it["Primary"]) for it in eni["PrivateIpAddresses"]] == [
        ("10.0.1.77", True), ("10.0.1.4", False), ("10.0.1.5", False)]
    listed = make_eni(PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.9"},
                                          {"PrivateIpAddress": "10.0.1.8", "Primary": True}])
    assert [it["PrivateIpAddress"] for it in listed["PrivateIpAddresses"]] == ["10.0.1.8", "10.0.1.9"]


@pytest.mark.parametrize("address, code", [
    ("10.0.1.3", "InvalidParameterValue"), ("10.0.1.0", "InvalidParameterValue"), ("10.0.1.255", "InvalidParameterValue"),
    ("10.0.2.9", "InvalidParameterValue"), ("nonsense", "InvalidParameterValue"), ("10.0.1.4", "InvalidIPAddress.InUse")])
def test_addresses_that_cannot_be_had(ec2, subnet, make_eni, address, code):
    make_eni()
    assert refused(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress=address)[0] == code


def test_refused_interfaces(ec2, vpc, make_vpc, subnet):
    def made(**more):
        return refused(ec2.create_network_interface, SubnetId=subnet, **more)
    other = default_group(ec2, make_vpc())
    assert made(Groups=[other]) == (
        "InvalidParameter", f"Security group {other} and subnet {subnet} belong to different networks.")
    assert made(Groups=["sg-0123456789abcdef0"])[0] == "InvalidGroup.NotFound"
    assert made(Groups=[default_group(ec2, vpc)] * 6)[0] == "SecurityGroupsPerInterfaceLimitExceeded"
    assert made(SecondaryPrivateIpAddressCount=50)[0] == "PrivateIpAddressLimitExceeded"
    assert made(SecondaryPrivateIpAddressCount=1, PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.9"}])[0] == \
        "InvalidParameterCombination"
    assert made(PrivateIpAddress="10.0.1.8", PrivateIpAddresses=[{"PrivateIpAddress": "10.0.1.9", "Primary": True}])[0] == \
        "InvalidParameterCombination"
    for unbuilt in ({"Ipv6PrefixCount": 1}, {"EnablePrimaryIpv6": True}, {"Ipv4PrefixCount": 1}, {"InterfaceType": "efa"}):
        assert made(**unbuilt)[0] == "UnsupportedOperation"
    assert made(ConnectionTrackingSpecification={"TcpEstablishedTimeout": 59})[0] == "InvalidParameterValue"
    assert made(ConnectionTrackingSpecification={"UdpTimeout": 61})[0] == "InvalidParameterValue"
    assert made(ConnectionTrackingSpecification={"UdpStreamTimeout": 59})[0] == "InvalidParameterValue"
    assert free(ec2, subnet) == 251


def test_a_full_subnet(ec2, vpc):
    tiny = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.9.0/28")["Subnet"]["SubnetId"]
    made = ec2.create_network_interface(SubnetId=tiny, SecondaryPrivateIpAddressCount=10)["NetworkInterface"]
    assert [it["PrivateIpAddress"] for it in made["PrivateIpAddresses"]] == [f"10.0.9.{n}" for n in range(4, 15)]
    assert free(ec2, tiny) == 0
    assert refused(ec2.create_network_interface, SubnetId=tiny)[0] == "InsufficientFreeAddressesInSubnet"


def test_a_client_token_makes_one_interface(ec2, subnet):
    first = ec2.create_network_interface(SubnetId=subnet, ClientToken="t")
    again = ec2.create_network_interface(SubnetId=subnet, ClientToken="t")
    assert again["NetworkInterface"]["NetworkInterfaceId"] == first["NetworkInterface"]["NetworkInterfaceId"]
    assert first["ClientToken"] == again["ClientToken"] == "t"
    assert refused(ec2.create_network_interface, SubnetId=subnet, ClientToken="t", Description="x")[0] == \
        "IdempotentParameterMismatch"


def test_further_addresses(ec2, subnet, make_eni):
    eni = make_eni()["NetworkInterfaceId"]
    made = ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, SecondaryPrivateIpAddressCount=2)
    assert [it["PrivateIpAddress"] for it in made["AssignedPrivateIpAddresses"]] == ["10.0.1.5", "10.0.1.6"]
    ec2.assign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=["10.0.1.99"])
    assert free(ec2, subnet) == 247
    ec2.unassign_private_ip_addresses(NetworkInterfaceId=eni, PrivateIpAddresses=["10.0.1.5"])
    now = eni_of(ec2, {"NetworkInterfaceId": eni})["PrivateIpAddresses"]
    assert [it["PrivateIpAddress"] for it in now] == ["10.0.1.4", "10.0.1.6", "10.0.1.99"] and free(ec2, subnet) == 248
    for address in ("10.0.1.4", "10.0.1.5"):
        assert refused(ec2.unassign_private_ip_addresses, NetworkInterfaceId=eni, PrivateIpAddresses=[address])[0] == \
            "InvalidParameterValue"
    assert refused(ec2.assign_private_ip_addresses, NetworkInterfaceId=eni)[0] == "InvalidParameterCombination"
    assert refused(ec2.assign_private_ip_addresses, NetworkInterfaceId=eni, PrivateIpAddresses=["10.0.1.99"])[0] == \
        "InvalidIPAddress.InUse"
    assert refused(ec2.assign_private_ip_addresses, NetworkInterfaceId=eni, PrivateIpAddresses=["x"])[0] == \
        "InvalidParameterValue"


def test_an_address_moves(ec2, vpc, subnet, gateway, make_eni, make_eip):
    """With the elastic one that it has, where that is allowed; primary ones stay."""
    one, two = make_eni(SecondaryPrivateIpAddressCount=1)["NetworkInterfaceId"], make_eni()["NetworkInterfaceId"]
    eip = make_eip()
    association = ec2.associate_address(AllocationId=eip["AllocationId"], NetworkInterfaceId=one, PrivateIpAddress="10.0.1.5")
    move = {"NetworkInterfaceId": two, "PrivateIpAddresses": ["10.0.1.5"]}
    in_use = ("InvalidIPAddress.InUse", "Address 10.0.1.5 is in use.")
    assert refused(ec2.assign_private_ip_addresses, **move) == in_use
    left = free(ec2, subnet)
    moved = ec2.assign_private_ip_addresses(**move, AllowReassignment=True)
    assert moved["AssignedPrivateIpAddresses"] == [{"PrivateIpAddress": "10.0.1.5"}] and free(ec2, subnet) == left
    assert [it["PrivateIpAddress"] for it in eni_of(ec2, {"NetworkInterfaceId": one})["PrivateIpAddresses"]] == ["10.0.1.4"]
    has = eni_of(ec2, {"NetworkInterfaceId": two})["PrivateIpAddresses"][1]
    assert has["PrivateIpAddress"] == "10.0.1.5" and has["Association"]["PublicIp"] == eip["PublicIp"]
    told, = ec2.describe_addresses(AllocationIds=[eip["AllocationId"]])["Addresses"]
    assert (told["NetworkInterfaceId"], told["PrivateIpAddress"]) == (two, "10.0.1.5")
    assert told["AssociationId"] == association["AssociationId"] == has["Association"]["AssociationId"]
    assert refused(ec2.assign_private_ip_addresses, **move, AllowReassignment=True) == in_use  # it is there
    assert refused(ec2.assign_private_ip_addresses, NetworkInterfaceId=two, PrivateIpAddresses=["10.0.1.4"],
                   AllowReassignment=True)[0] == "InvalidIPAddress.InUse"
    ec2.assign_private_ip_addresses(NetworkInterfaceId=two, PrivateIpAddresses=["10.0.1.77"], AllowReassignment=True)
    ec2.disassociate_address(AssociationId=told["AssociationId"])
    ec2.delete_network_interface(NetworkInterfaceId=two)
    assert ec2.assign_private_ip_addresses(NetworkInterfaceId=one, PrivateIpAddresses=["10.0.1.5"])["AssignedPrivateIpAddresses"]


def test_attributes(ec2, vpc, make_eni):
    eni = make_eni()["NetworkInterfaceId"]

    def attribute(name):
        return ec2.describe_network_interface_attribute(NetworkInterfaceId=eni, Attribute=name)
    assert attribute("description")["Description"] == {"Value": ""}
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    assert attribute("groupSet")["Groups"] == [{"GroupId": default_group(ec2, vpc), "GroupName": "default"}]
    assert "Attachment" not in attribute("attachment")
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, Description={"Value": "new"})
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck={"Value": False})
    ec2.modify_network_interface_attribute(NetworkInterfaceId=eni,
                                           ConnectionTrackingSpecification={"TcpEstablishedTimeout": 600})
    now = eni_of(ec2, {"NetworkInterfaceId": eni})
    assert (now["Description"], now["SourceDestCheck"]) == ("new", False)
    assert now["ConnectionTrackingConfiguration"] == {"TcpEstablishedTimeout": 600}
    ec2.reset_network_interface_attribute(NetworkInterfaceId=eni, SourceDestCheck="true")
    assert attribute("sourceDestCheck")["SourceDestCheck"] == {"Value": True}
    changes = {"AttachmentId": "eni-attach-0123456789abcdef0", "DeleteOnTermination": True}
    assert refused(ec2.modify_network_interface_attribute, NetworkInterfaceId=eni, Attachment=changes)[0] == \
        "InvalidAttachmentID.NotFound"
    assert refused(ec2.modify_network_interface_attribute, NetworkInterfaceId=eni, Groups=["sg-0123456789abcdef0"])[0] == \
        "InvalidGroup.NotFound"
    assert refused(ec2.modify_network_interface_attribute, NetworkInterfaceId=eni, AssociatePublicIpAddress=True)[0] == \
        "UnsupportedOperation"
    assert refused(ec2.describe_network_interface_attribute, NetworkInterfaceId=eni)[0] == "MissingParameter"


# ---- elastic addresses ------------------------------------------------------------------------------------------

def address_of(ec2, eip):
    return ec2.describe_addresses(AllocationIds=[eip["AllocationId"]])["Addresses"][0]


def test_an_elastic_address(ec2, make_eip):
    eip = make_eip(TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": [{"Key": "a", "Value": "b"}]}])
    assert eip["PublicIp"].startswith("203.0.113.") and eip["Domain"] == "vpc" and eip["PublicIpv4Pool"] == "amazon"
    assert eip["NetworkBorderGroup"] == "us-east-1" and eip["AllocationId"].startswith("eipalloc-")
    assert address_of(ec2, eip) == {"AllocationId": eip["AllocationId"], "PublicIp": eip["PublicIp"], "Domain": "vpc",
                                    "PublicIpv4Pool": "amazon", "NetworkBorderGroup": "us-east-1",
                                    "Tags": [{"Key": "a", "Value": "b"}]}
    assert ec2.describe_addresses(PublicIps=[eip["PublicIp"]])["Addresses"][0]["AllocationId"] == eip["AllocationId"]
    assert ec2.describe_addresses_attribute(AllocationIds=[eip["AllocationId"]], Attribute="domain-name")["Addresses"] == []
    ec2.release_address(AllocationId=eip["AllocationId"])
    assert refused(ec2.describe_addresses, AllocationIds=[eip["AllocationId"]]) == (
        "InvalidAllocationID.NotFound", f"The allocation ID '{eip['AllocationId']}' does not exist")
    assert refused(ec2.describe_addresses, PublicIps=[eip["PublicIp"]]) == (
        "InvalidAddress.NotFound", f"Address '{eip['PublicIp']}' not found.")
    assert refused(ec2.release_address, AllocationId=eip["AllocationId"])[0] == "InvalidAllocationID.NotFound"
    assert make_eip(Address=eip["PublicIp"])["PublicIp"] == eip["PublicIp"]
    assert refused(ec2.allocate_address, Address=eip["PublicIp"])[0] == "InvalidAddress.NotFound"


def test_refused_allocations(ec2):
    assert refused(ec2.allocate_address, Domain="standard")[0] == "InvalidParameterValue"
    assert refused(ec2.allocate_address, Address="nonsense")[0] == "InvalidParameterValue"
    assert refused(ec2.allocate_address, Address="198.51.100.7")[0] == "InvalidAddress.NotFound"
    for unbuilt in ({"PublicIpv4Pool": "ipv4pool-ec2-1"}, {"NetworkBorderGroup": "us-east-1-lax-1"}, {"IpamPoolId": "x"}):
        assert refused(ec2.allocate_address, **unbuilt)[0] == "UnsupportedOperation"
    assert refused(ec2.release_address)[0] == "MissingParameter"


def test_an_association(ec2, vpc, make_eni, make_eip, gateway):
    eni, eip = make_eni(), make_eip()
    association = ec2.associate_address(AllocationId=eip["AllocationId"],
                                        NetworkInterfaceId=eni["NetworkInterfaceId"])["AssociationId"]
    shown = address_of(ec2, eip)
    assert (shown["AssociationId"], shown["NetworkInterfaceId"], shown["PrivateIpAddress"]) == (
        association, eni["NetworkInterfaceId"], "10.0.1.4")
    assert eni_of(ec2, eni)["Association"] == {
        "AllocationId": eip["AllocationId"], "AssociationId": association, "IpOwnerId": "0" * 12, "PublicDnsName": "",
        "PublicIp": eip["PublicIp"]}
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    name = f"ec2-{eip['PublicIp'].replace('.', '-')}.compute-1.amazonaws.com"
    assert eni_of(ec2, eni)["Association"]["PublicDnsName"] == name
    found = ec2.describe_network_interfaces(Filters=[{"Name": "association.public-ip", "Values": [eip["PublicIp"]]}])
    assert [it["NetworkInterfaceId"] for it in found["NetworkInterfaces"]] == [eni["NetworkInterfaceId"]]
    assert refused(ec2.release_address, AllocationId=eip["AllocationId"]) == (
        "InvalidIPAddress.InUse", f"Address {eip['PublicIp']} is in use.")
    assert refused(ec2.detach_internet_gateway, InternetGatewayId=gateway, VpcId=vpc)[0] == "DependencyViolation"
    ec2.disassociate_address(AssociationId=association)
    assert "Association" not in eni_of(ec2, eni) and "AssociationId" not in address_of(ec2, eip)
    assert refused(ec2.disassociate_address, AssociationId=association) == (
        "InvalidAssociationID.NotFound", f"The association ID '{association}' does not exist")
    ec2.detach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)


def test_an_address_moves(ec2, make_eni, make_eip, gateway):
    first, second, eip = make_eni(SecondaryPrivateIpAddressCount=1), make_eni(), make_eip()
    one = ec2.associate_address(AllocationId=eip["AllocationId"], NetworkInterfaceId=first["NetworkInterfaceId"],
                                PrivateIpAddress="10.0.1.5")["AssociationId"]
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"],
                   NetworkInterfaceId=second["NetworkInterfaceId"]) == (
        "Resource.AlreadyAssociated", f"resource {eip['AllocationId']} is already associated with associate-id {one}")
    again = ec2.associate_address(AllocationId=eip["AllocationId"], NetworkInterfaceId=first["NetworkInterfaceId"],
                                  PrivateIpAddress="10.0.1.5")["AssociationId"]
    assert again == one
    two = ec2.associate_address(AllocationId=eip["AllocationId"], NetworkInterfaceId=second["NetworkInterfaceId"],
                                AllowReassociation=True)["AssociationId"]
    assert two != one and "Association" not in eni_of(ec2, first)["PrivateIpAddresses"][1]
    other = make_eip()
    ec2.associate_address(AllocationId=other["AllocationId"], NetworkInterfaceId=second["NetworkInterfaceId"])
    assert "AssociationId" not in address_of(ec2, eip)
    ec2.delete_network_interface(NetworkInterfaceId=second["NetworkInterfaceId"])
    assert "AssociationId" not in address_of(ec2, other)


def test_refused_associations(ec2, make_eni, make_eip):
    eni, eip = make_eni()["NetworkInterfaceId"], make_eip()
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"], NetworkInterfaceId=eni)[0] == "Gateway.NotAttached"
    assert refused(ec2.associate_address, NetworkInterfaceId=eni)[0] == "MissingParameter"
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"])[0] == "InvalidParameterCombination"
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"], PublicIp=eip["PublicIp"],
                   NetworkInterfaceId=eni)[0] == "InvalidParameterCombination"
    assert refused(ec2.associate_address, PublicIp="203.0.113.0", NetworkInterfaceId=eni)[0] == "InvalidAddress.NotFound"
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"], InstanceId="i-0123456789abcdef0")[0] == \
        "InvalidInstanceID.NotFound"
    assert refused(ec2.associate_address, AllocationId=eip["AllocationId"], NetworkInterfaceId=eni,
                   PrivateIpAddress="10.0.1.99")[0] == "InvalidParameterValue"


def test_addresses_survive_a_kill(own_cloud):
    cloud = own_cloud("--public-pool", "198.51.100.0/28")
    ec2 = cloud.client("ec2")
    made = [ec2.allocate_address() for _ in range(13)]
    assert {it["PublicIp"] for it in made} == {f"198.51.100.{n}" for n in range(2, 15)}
    assert refused(ec2.allocate_address)[0] == "InsufficientAddressCapacity"
    cloud.restart()
    assert {it["AllocationId"]: it["PublicIp"] for it in ec2.describe_addresses()["Addresses"]} == {
        it["AllocationId"]: it["PublicIp"] for it in made}
    assert refused(cloud.client("ec2", region="eu-west-1").allocate_address)[0] == "InsufficientAddressCapacity"
