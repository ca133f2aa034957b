# SPDX-License-Identifier: Apache-2.0
"""Subnet CIDR reservations: no interface gets an address of theirs unless it is named."""
import ipaddress
import re

import pytest

from identities import Account, allow
from refusals import refused

GONE = "scr-0123456789abcdef0"


@pytest.fixture
def subnet(ec2, make_vpc):
    """A /28 with an IPv6 block, and that block."""
    vpc = make_vpc(AmazonProvidedIpv6CidrBlock=True)
    block = ipaddress.ip_network(ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"])
    six = next(block.subnets(new_prefix=64))
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/28", Ipv6CidrBlock=str(six))["Subnet"]
    ec2.get_waiter("subnet_available").wait(SubnetIds=[made["SubnetId"]])
    return made["SubnetId"], six


def reserve(ec2, subnet, cidr, kind="explicit", **more):
    return ec2.create_subnet_cidr_reservation(SubnetId=subnet, Cidr=cidr, ReservationType=kind, **more)["SubnetCidrReservation"]


def interface(ec2, subnet, **more):
    return ec2.create_network_interface(SubnetId=subnet, **more)["NetworkInterface"]


def ids(found, family):
    return {it["SubnetCidrReservationId"] for it in found[f"SubnetIpv{family}CidrReservations"]}


def free(ec2, subnet):
    return ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["AvailableIpAddressCount"]


def test_what_is_told(cloud, ec2, subnet):
    subnet, six = subnet
    tags = [{"ResourceType": "subnet-cidr-reservation", "Tags": [{"Key": "k", "Value": "v"}]}]
    one = reserve(ec2, subnet, "10.0.1.8/30", Description="machines", TagSpecifications=tags)
    it = one["SubnetCidrReservationId"]
    assert re.fullmatch("scr-[0-9a-f]{17}", it) and one == {
        "SubnetCidrReservationId": it, "SubnetId": subnet, "Cidr": "10.0.1.8/30", "ReservationType": "explicit",
        "OwnerId": "0" * 12, "Description": "machines", "Tags": [{"Key": "k", "Value": "v"}]}
    two = reserve(ec2, subnet, "10.0.1.12/30", "prefix")
    assert "Description" not in two and two["ReservationType"] == "prefix"
    block = str(list(six.subnets(new_prefix=80))[1])
    three = reserve(ec2, subnet, block, "prefix")
    assert three["Cidr"] == block
    other = ec2.create_subnet(VpcId=ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["VpcId"], CidrBlock="10.0.2.0/24")
    reserve(ec2, other["Subnet"]["SubnetId"], "10.0.2.0/24")
    found = ec2.get_subnet_cidr_reservations(SubnetId=subnet)
    assert ids(found, 4) == {it, two["SubnetCidrReservationId"]} and ids(found, 6) == {three["SubnetCidrReservationId"]}
    ec2.create_tags(Resources=[three["SubnetCidrReservationId"]], Tags=[{"Key": "six", "Value": ""}])
    for name, value, four, six in (("reservationType", "prefix", {two["SubnetCidrReservationId"]}, True),
                                   ("tag:k", "v", {it}, False), ("tag-key", "six", set(), True)):
        found = ec2.get_subnet_cidr_reservations(SubnetId=subnet, Filters=[{"Name": name, "Values": [value]}])
        assert (ids(found, 4), bool(ids(found, 6))) == (four, six)
    assert [tag["ResourceType"] for tag in ec2.describe_tags(
        Filters=[{"Name": "resource-id", "Values": [it]}])["Tags"]] == ["subnet-cidr-reservation"]
    gone = ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=it)["DeletedSubnetCidrReservation"]
    assert gone == one
    assert refused(ec2.delete_subnet_cidr_reservation, SubnetCidrReservationId=it)[0] == "InvalidSubnetCidrReservationID.NotFound"


def test_pages(ec2, vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    made = {reserve(ec2, subnet, f"10.0.1.{16 * i}/28")["SubnetCidrReservationId"] for i in range(12)}
    seen, token = [], {}
    while token is not None:
        page = ec2.get_subnet_cidr_reservations(SubnetId=subnet, MaxResults=5, **token)
        seen += ids(page, 4)
        token = {"NextToken": page["NextToken"]} if "NextToken" in page else None
    assert len(seen) == 12 and set(seen) == made


def test_addresses_are_not_chosen_from_them(ec2, subnet):
    subnet, _ = subnet
    reserve(ec2, subnet, "10.0.1.4/30")
    last = reserve(ec2, subnet, "10.0.1.12/30", "prefix")
    assert free(ec2, subnet) == 11
    made = [interface(ec2, subnet, SecondaryPrivateIpAddressCount=1)]
    assert [it["PrivateIpAddress"] for it in made[0]["PrivateIpAddresses"]] == ["10.0.1.8", "10.0.1.9"]
    made += [interface(ec2, subnet, PrivateIpAddress=f"10.0.1.{last}") for last in (4, 6)]
    more = ec2.assign_private_ip_addresses(NetworkInterfaceId=made[0]["NetworkInterfaceId"], SecondaryPrivateIpAddressCount=2)
    assert [it["PrivateIpAddress"] for it in more["AssignedPrivateIpAddresses"]] == ["10.0.1.10", "10.0.1.11"]
    assert refused(ec2.create_network_interface, SubnetId=subnet) == (
        "InsufficientFreeAddressesInSubnet",
        "The specified subnet does not have enough free addresses to satisfy the request.")
    ec2.assign_private_ip_addresses(NetworkInterfaceId=made[0]["NetworkInterfaceId"], PrivateIpAddresses=["10.0.1.12"])
    assert free(ec2, subnet) == 4
    ec2.delete_subnet_cidr_reservation(SubnetCidrReservationId=last["SubnetCidrReservationId"])
    assert interface(ec2, subnet)["PrivateIpAddress"] == "10.0.1.13"
    assert refused(ec2.create_network_interface, SubnetId=subnet, PrivateIpAddress="10.0.1.4") == (
        "InvalidIPAddress.InUse", "Address 10.0.1.4 is in use.")


def test_what_is_in_use_stays(ec2, subnet):
    subnet, _ = subnet
    first = interface(ec2, subnet)
    assert first["PrivateIpAddress"] == "10.0.1.4"
    reserve(ec2, subnet, "10.0.1.0/29")
    now = ec2.describe_network_interfaces(NetworkInterfaceIds=[first["NetworkInterfaceId"]])["NetworkInterfaces"][0]
    assert now["PrivateIpAddress"] == "10.0.1.4" and interface(ec2, subnet)["PrivateIpAddress"] == "10.0.1.8"


def test_ipv6(ec2, subnet):
    """All but the highest eight addresses of the block is reserved; of those, the last one is the subnet's own."""
    subnet, six = subnet
    for cidr in six.address_exclude(ipaddress.ip_network(f"{six[-8]}/125")):
        reserve(ec2, subnet, str(cidr))
    left = {str(six[-number]) for number in range(2, 9)}
    card = interface(ec2, subnet, Ipv6AddressCount=3)
    got = {it["Ipv6Address"] for it in card["Ipv6Addresses"]}
    assert len(got) == 3 and got <= left
    more = ec2.assign_ipv6_addresses(NetworkInterfaceId=card["NetworkInterfaceId"], Ipv6AddressCount=4)
    assert got | set(more["AssignedIpv6Addresses"]) == left
    assert refused(ec2.assign_ipv6_addresses, NetworkInterfaceId=card["NetworkInterfaceId"], Ipv6AddressCount=1)[0] == \
        "InsufficientFreeAddressesInSubnet"
    ec2.assign_ipv6_addresses(NetworkInterfaceId=card["NetworkInterfaceId"], Ipv6Addresses=[str(six[77])])


def test_refusals(cloud, ec2, subnet):
    subnet, six = subnet
    reserve(ec2, subnet, "10.0.1.8/30")
    reserve(ec2, subnet, f"{six.network_address}/80")
    for cidr in ("10.0.1.8/29", "10.0.1.9/32", "10.0.1.0/28", f"{six}"):
        assert refused(reserve, ec2=ec2, subnet=subnet, cidr=cidr) == (
            "InvalidParameterValue", f"Reservation CIDR {cidr} has overlap with existing reserved CIDR block")
    for cidr in ("10.0.2.0/28", "10.0.1.0/27", "2001:db9::/64", "::/0"):
        assert refused(reserve, ec2=ec2, subnet=subnet, cidr=cidr)[0] == "InvalidParameterValue"
    for cidr in ("10.0.1.0", "10.0.1.0/33", "x", ""):
        assert refused(reserve, ec2=ec2, subnet=subnet, cidr=cidr) == (
            "InvalidParameterValue", f"Value ({cidr}) for parameter cidr is invalid. This is not a valid CIDR block.")
    assert refused(reserve, ec2=ec2, subnet=subnet, cidr="10.0.1.4/30", kind="other")[0] == "InvalidParameterValue"
    assert refused(reserve, ec2=ec2, subnet="subnet-0123456789abcdef0", cidr="10.0.1.4/30")[0] == "InvalidSubnetID.NotFound"
    assert refused(ec2.get_subnet_cidr_reservations, SubnetId="subnet-0123456789abcdef0")[0] == "InvalidSubnetID.NotFound"
    assert refused(ec2.get_subnet_cidr_reservations, SubnetId=subnet, Filters=[{"Name": "x", "Values": ["y"]}])[0] == \
        "InvalidParameterValue"
    for it in (GONE, "scr-x"):
        assert refused(ec2.delete_subnet_cidr_reservation, SubnetCidrReservationId=it)[0] == "InvalidSubnetCidrReservationID.NotFound"
    assert refused(reserve, ec2=ec2, subnet=subnet, cidr="10.0.1.4/30", DryRun=True)[0] == "DryRunOperation"
    assert len(ec2.get_subnet_cidr_reservations(SubnetId=subnet)["SubnetIpv4CidrReservations"]) == 1


def test_they_end_with_their_block(ec2, subnet):
    subnet, six = subnet
    four = reserve(ec2, subnet, "10.0.1.8/30")["SubnetCidrReservationId"]
    reserve(ec2, subnet, f"{six.network_address}/80")
    block, = ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["Ipv6CidrBlockAssociationSet"]
    ec2.disassociate_subnet_cidr_block(AssociationId=block["AssociationId"])
    found = ec2.get_subnet_cidr_reservations(SubnetId=subnet)
    assert ids(found, 4) == {four} and not ids(found, 6)
    ec2.delete_subnet(SubnetId=subnet)
    assert refused(ec2.delete_subnet_cidr_reservation, SubnetCidrReservationId=four)[0] == "InvalidSubnetCidrReservationID.NotFound"


def test_they_are_kept(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    subnet = ec2.describe_subnets()["Subnets"][0]
    block = next(ipaddress.ip_network(subnet["CidrBlock"]).subnets(new_prefix=24))
    made = reserve(ec2, subnet["SubnetId"], str(block))
    cloud.restart()
    assert ec2.get_subnet_cidr_reservations(SubnetId=subnet["SubnetId"])["SubnetIpv4CidrReservations"] == [made]
    assert ipaddress.ip_address(interface(ec2, subnet["SubnetId"])["PrivateIpAddress"]) == block.broadcast_address + 1


def test_permissions(cloud):
    """The subnet is what is asked for; the reservation itself when it goes."""
    account = Account(cloud)
    own = account.client("ec2")
    first, second = own.describe_subnets()["Subnets"][:2]
    user = account.user("net", allow("ec2:CreateSubnetCidrReservation", first["SubnetArn"])).client("ec2")
    block = str(next(ipaddress.ip_network(first["CidrBlock"]).subnets(new_prefix=28)))
    made = reserve(user, first["SubnetId"], block)
    assert refused(reserve, ec2=user, subnet=second["SubnetId"], cidr="172.31.0.0/28")[0] == "UnauthorizedOperation"
    assert refused(user.delete_subnet_cidr_reservation,
                   SubnetCidrReservationId=made["SubnetCidrReservationId"])[0] == "UnauthorizedOperation"
