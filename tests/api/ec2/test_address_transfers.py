# SPDX-License-Identifier: Apache-2.0
"""Elastic addresses that one account gives to another."""
import datetime

import pytest

from identities import Account, allow
from machines import root
from moved_clock import skewed
from name_server import NameServer
from refusals import refused, wait_for

GONE = "eipalloc-0123456789abcdef0"
WEEK = datetime.timedelta(days=7)


@pytest.fixture
def giver(cloud):
    return Account(cloud)


@pytest.fixture
def taker(cloud):
    return Account(cloud)


def offered(ec2, *ids):
    return ec2.describe_address_transfers(AllocationIds=list(ids))["AddressTransfers"]


def addresses(ec2):
    return [it["PublicIp"] for it in ec2.describe_addresses()["Addresses"]]


def test_a_transfer(cloud, giver, taker):
    ours, theirs = giver.client("ec2"), taker.client("ec2")
    eip = ours.allocate_address(Domain="vpc", TagSpecifications=[
        {"ResourceType": "elastic-ip", "Tags": [{"Key": "k", "Value": "v"}]}])
    it, address = eip["AllocationId"], eip["PublicIp"]
    assert refused(theirs.accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"
    now = datetime.datetime.now(datetime.timezone.utc)
    offer = ours.enable_address_transfer(AllocationId=it, TransferAccountId=taker.id)["AddressTransfer"]
    expires = offer.pop("TransferOfferExpirationTimestamp")
    assert offer == {"PublicIp": address, "AllocationId": it, "TransferAccountId": taker.id, "AddressTransferStatus": "pending"}
    assert now + WEEK - datetime.timedelta(minutes=1) < expires < now + WEEK + datetime.timedelta(hours=1)
    assert offered(ours) == offered(ours, it) == [{**offer, "TransferOfferExpirationTimestamp": expires}]
    assert offered(theirs) == [] and addresses(theirs) == []
    # Only whom it was offered to, only in its region.
    assert refused(Account(cloud).client("ec2").accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"
    assert refused(taker.client("ec2", region="eu-west-1").accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"
    assert refused(theirs.accept_address_transfer, Address=address, DryRun=True)[0] == "DryRunOperation"
    took = theirs.accept_address_transfer(Address=address, TagSpecifications=[
        {"ResourceType": "elastic-ip", "Tags": [{"Key": "mine", "Value": ""}]}])["AddressTransfer"]
    assert took["AddressTransferStatus"] == "accepted" and took["TransferOfferAcceptedTimestamp"] >= now.replace(microsecond=0)
    assert offered(ours, it) == [took] and offered(theirs) == []
    assert addresses(ours) == [] and addresses(theirs) == [address]
    mine, = theirs.describe_addresses()["Addresses"]
    assert mine["Tags"] == [{"Key": "mine", "Value": ""}]
    assert refused(ours.release_address, AllocationId=it)[0] == "InvalidAllocationID.NotFound"
    # It is theirs: on an interface, and back to the pool.
    vpc = theirs.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = theirs.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
    gateway = theirs.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    theirs.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    card = theirs.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    theirs.associate_address(AllocationId=mine["AllocationId"], NetworkInterfaceId=card)
    found, = theirs.describe_network_interfaces(NetworkInterfaceIds=[card])["NetworkInterfaces"]
    assert (found["Association"]["PublicIp"], found["Association"]["IpOwnerId"]) == (address, taker.id)
    theirs.disassociate_address(PublicIp=address)
    theirs.release_address(AllocationId=mine["AllocationId"])
    assert addresses(theirs) == []


def test_while_it_is_offered(giver, taker):
    ours, theirs = giver.client("ec2"), taker.client("ec2")
    eip = ours.allocate_address(Domain="vpc")
    it, address = eip["AllocationId"], eip["PublicIp"]
    subnet = ours.describe_subnets()["Subnets"][0]["SubnetId"]
    card = ours.create_network_interface(SubnetId=subnet)["NetworkInterface"]["NetworkInterfaceId"]
    ours.associate_address(AllocationId=it, NetworkInterfaceId=card)
    ours.enable_address_transfer(AllocationId=it, TransferAccountId=taker.id)  # whether it is free is asked later
    assert refused(theirs.accept_address_transfer, Address=address)[0] == "InvalidTransfer.AddressAssociated"
    ours.disassociate_address(PublicIp=address)
    other = Account(giver.cloud)
    ours.enable_address_transfer(AllocationId=it, TransferAccountId=other.id)
    assert [one["TransferAccountId"] for one in offered(ours, it)] == [other.id]
    assert refused(theirs.accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"
    ended = ours.disable_address_transfer(AllocationId=it)["AddressTransfer"]
    assert ended["AddressTransferStatus"] == "disabled" and offered(ours, it) == []
    assert refused(other.client("ec2").accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"
    assert refused(ours.disable_address_transfer, AllocationId=it)[0] == "InvalidParameterValue"
    ours.enable_address_transfer(AllocationId=it, TransferAccountId=taker.id)
    ours.release_address(AllocationId=it)
    assert offered(ours) == []
    assert refused(theirs.accept_address_transfer, Address=address)[0] == "InvalidAddress.NotFound"


def test_refusals_and_pages(giver, taker):
    ours = giver.client("ec2", parameter_validation=False)
    made = [ours.allocate_address(Domain="vpc")["AllocationId"] for _ in range(7)]
    ask = ours.enable_address_transfer
    assert refused(ask, AllocationId=GONE, TransferAccountId=taker.id)[0] == "InvalidAllocationID.NotFound"
    assert refused(ask, AllocationId=made[0], TransferAccountId="12")[0] == "InvalidUserID.Malformed"
    assert refused(ask, AllocationId=made[0], TransferAccountId=giver.id)[0] == "InvalidParameterValue"
    assert refused(ask, AllocationId=made[0])[0] == "MissingParameter"
    assert refused(ours.disable_address_transfer, AllocationId=GONE)[0] == "InvalidAllocationID.NotFound"
    assert refused(ours.accept_address_transfer, Address="x")[0] == "InvalidAddress.NotFound"
    assert refused(ours.describe_address_transfers, AllocationIds=["x"])[0] == "InvalidAllocationID.NotFound"
    assert offered(ours) == offered(ours, made[0]) == []
    for it in made:
        ask(AllocationId=it, TransferAccountId=taker.id)
    pages = ours.get_paginator("describe_address_transfers").paginate(PaginationConfig={"PageSize": 5})
    sizes = [[it["AllocationId"] for it in page["AddressTransfers"]] for page in pages]
    assert [len(it) for it in sizes] == [5, 2] and {it for page in sizes for it in page} == set(made)
    assert {it["AllocationId"] for it in offered(ours, *made[2:4])} == set(made[2:4])
    user = giver.user("net", allow("ec2:EnableAddressTransfer", f"arn:aws:ec2:us-east-1:{giver.id}:elastic-ip/{made[0]}"))
    own = user.client("ec2")
    own.enable_address_transfer(AllocationId=made[0], TransferAccountId=taker.id)
    assert refused(own.enable_address_transfer, AllocationId=made[1], TransferAccountId=taker.id)[0] == "UnauthorizedOperation"
    for it in made:
        ours.release_address(AllocationId=it)


def test_times(own_cloud, monkeypatch):
    """An offer ends after seven days; what was accepted is told for fourteen."""
    cloud = own_cloud()
    skew = skewed(cloud, monkeypatch)
    ours, taker = cloud.client("ec2"), Account(cloud, "333333333333")
    theirs = taker.client("ec2")
    late, good = (ours.allocate_address(Domain="vpc") for _ in range(2))
    for it in (late, good):
        ours.enable_address_transfer(AllocationId=it["AllocationId"], TransferAccountId=taker.id)
    theirs.accept_address_transfer(Address=good["PublicIp"])
    cloud.restart()
    assert {it["AddressTransferStatus"] for it in offered(ours)} == {"pending", "accepted"}
    skew(7 * 86400 + 60)
    assert refused(theirs.accept_address_transfer, Address=late["PublicIp"])[0] == "InvalidAddress.NotFound"
    wait_for(lambda: [it["AddressTransferStatus"] for it in offered(ours)] == ["accepted"])
    assert addresses(ours) == [late["PublicIp"]] and addresses(theirs) == [good["PublicIp"]]
    skew(7 * 86400)
    wait_for(lambda: offered(ours) == [])


@root
def test_an_address_with_a_name_is_not_handed_over(own_cloud, tmp_path):
    names = NameServer(tmp_path)
    cloud = own_cloud("--resolv-conf", str(names.file))
    ours, taker = cloud.client("ec2"), Account(cloud)
    theirs = taker.client("ec2")
    eip = ours.allocate_address(Domain="vpc")
    names.known["mail.example"] = eip["PublicIp"]
    ours.modify_address_attribute(AllocationId=eip["AllocationId"], DomainName="mail.example")
    ours.enable_address_transfer(AllocationId=eip["AllocationId"], TransferAccountId=taker.id)
    assert refused(theirs.accept_address_transfer, Address=eip["PublicIp"])[0] == "InvalidTransfer.AddressCustomPtrSet"
    ours.reset_address_attribute(AllocationId=eip["AllocationId"], Attribute="domain-name")
    wait_for(lambda: not ours.describe_addresses_attribute()["Addresses"])
    theirs.accept_address_transfer(Address=eip["PublicIp"])
    assert addresses(theirs) == [eip["PublicIp"]]
