# SPDX-License-Identifier: Apache-2.0
"""VPC peering connections, between regions and accounts too."""
import time

import pytest

from identities import Account
from moved_clock import skewed
from refusals import refused

GONE = "pcx-0123456789abcdef0"
OPTIONS = {"AllowDnsResolutionFromRemoteVpc": False, "AllowEgressFromLocalClassicLinkToRemoteVpc": False,
           "AllowEgressFromLocalVpcToRemoteClassicLink": False}


@pytest.fixture
def cloud(own_cloud):
    return own_cloud()


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2", parameter_validation=False)


@pytest.fixture
def two(ec2):
    return [ec2.create_vpc(CidrBlock=it)["Vpc"]["VpcId"] for it in ("10.1.0.0/16", "10.2.0.0/16")]


@pytest.fixture
def skew(cloud, monkeypatch):
    """skew(seconds): moves the cloud's clock, and the one that requests are signed by."""
    return skewed(cloud, monkeypatch)


def request(ec2, vpc, peer, **more):
    made = ec2.create_vpc_peering_connection(VpcId=vpc, PeerVpcId=peer, **more)["VpcPeeringConnection"]
    assert made["Status"]["Code"] == "initiating-request"
    return made["VpcPeeringConnectionId"]


def described(ec2, peering):
    return ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"][0]


def wait(ec2, peering, code):
    deadline = time.monotonic() + 60
    while described(ec2, peering)["Status"]["Code"] != code:
        assert time.monotonic() < deadline, described(ec2, peering)
        time.sleep(0.01)
    return described(ec2, peering)


def side(vpc, *blocks, region="us-east-1", account="0" * 12):
    told = {"OwnerId": account, "VpcId": vpc, "Region": region}
    if blocks:
        told.update({"CidrBlock": blocks[0], "CidrBlockSet": [{"CidrBlock": it} for it in blocks], "PeeringOptions": OPTIONS})
    return told


def test_from_request_to_deletion(cloud, ec2, two, skew):
    peering = request(ec2, *two, TagSpecifications=[
        {"ResourceType": "vpc-peering-connection", "Tags": [{"Key": "k", "Value": "v"}]}])
    pending = wait(ec2, peering, "pending-acceptance")
    assert pending.pop("ExpirationTime").timestamp() - time.time() == pytest.approx(7 * 86400, abs=60)
    assert pending == {
        "VpcPeeringConnectionId": peering, "Tags": [{"Key": "k", "Value": "v"}],
        "RequesterVpcInfo": side(two[0], "10.1.0.0/16"), "AccepterVpcInfo": side(two[1]),
        "Status": {"Code": "pending-acceptance", "Message": f"Pending Acceptance by {'0' * 12}"}}
    accepted = ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)["VpcPeeringConnection"]
    assert accepted["Status"] == {"Code": "provisioning", "Message": "Provisioning"}
    active = wait(ec2, peering, "active")
    assert active["AccepterVpcInfo"] == side(two[1], "10.2.0.0/16") and "ExpirationTime" not in active
    assert refused(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering) == (
        "InvalidStateTransition", f"VpcPeeringConnectionID {peering} is not in the correct state for the request.")
    assert refused(ec2.reject_vpc_peering_connection, VpcPeeringConnectionId=peering)[0] == "InvalidStateTransition"
    assert refused(ec2.delete_vpc, VpcId=two[1])[0] == "DependencyViolation"
    cloud.restart()
    assert described(ec2, peering) == active
    assert ec2.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)["Return"] is True
    assert wait(ec2, peering, "deleted")["Status"]["Message"] == f"Deleted by {'0' * 12}"
    assert refused(ec2.delete_vpc_peering_connection, VpcPeeringConnectionId=peering)[0] == "InvalidStateTransition"
    for vpc in two:
        ec2.delete_vpc(VpcId=vpc)
    assert "CidrBlock" not in described(ec2, peering)["RequesterVpcInfo"]
    skew(2 * 3600 + 1)
    wait_until_gone(ec2, peering)


def wait_until_gone(ec2, peering):
    deadline = time.monotonic() + 60
    while ec2.describe_vpc_peering_connections(Filters=[
            {"Name": "vpc-peering-connection-id", "Values": [peering]}])["VpcPeeringConnections"]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_rejected_and_expired(ec2, two, skew):
    peering = request(ec2, *two)
    wait(ec2, peering, "pending-acceptance")
    ec2.reject_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert described(ec2, peering)["Status"] == {"Code": "rejected", "Message": f"Rejected by {'0' * 12}"}
    again = request(ec2, *two)
    wait(ec2, again, "pending-acceptance")
    skew(7 * 86400 - 60)
    wait_until_gone(ec2, peering)
    assert described(ec2, again)["Status"]["Code"] == "pending-acceptance"
    skew(61)
    assert wait(ec2, again, "expired")["Status"]["Message"] == "Expired"
    assert refused(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=again)[0] == "InvalidStateTransition"
    skew(48 * 3600 + 1)
    wait_until_gone(ec2, again)


def test_overlapping_blocks_fail(ec2, two):
    overlapping = ec2.create_vpc(CidrBlock="10.1.128.0/20")["Vpc"]["VpcId"]
    for one in (request(ec2, two[0], overlapping), request(ec2, two[0], two[0]),
                request(ec2, *two, PeerOwnerId="111122223333")):
        assert wait(ec2, one, "failed")["Status"]["Message"] == \
            "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range"


def test_between_regions(cloud, ec2, two):
    west = cloud.client("ec2", region="us-west-2")
    peer = west.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    peering = request(ec2, two[0], peer, PeerRegion="us-west-2")
    wait(west, peering, "pending-acceptance")
    assert refused(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering) == (
        "OperationNotPermitted", "Incorrect region (us-east-1) specified for this request. VPC peering connection "
        f"{peering} must be accepted or rejected in region us-west-2")
    west.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert wait(ec2, peering, "active")["AccepterVpcInfo"] == side(peer, "10.9.0.0/16", region="us-west-2")
    assert described(west, peering) == described(ec2, peering)
    west.create_tags(Resources=[peering], Tags=[{"Key": "west", "Value": ""}])
    assert described(ec2, peering)["Tags"] == []
    west.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    wait(ec2, peering, "deleted")


def test_between_accounts(cloud, ec2, two):
    other = Account(cloud)
    theirs = other.client("ec2")
    peer = theirs.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    peering = request(ec2, two[0], peer, PeerOwnerId=other.id)
    wait(theirs, peering, "pending-acceptance")
    assert refused(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering) == (
        "OperationNotPermitted", f"User {'0' * 12} cannot accept peering {peering}")
    assert refused(ec2.reject_vpc_peering_connection, VpcPeeringConnectionId=peering)[0] == "OperationNotPermitted"
    assert refused(theirs.delete_vpc_peering_connection, VpcPeeringConnectionId=peering)[0] == "OperationNotPermitted"
    theirs.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    wait(ec2, peering, "active")
    on = {"AllowDnsResolutionFromRemoteVpc": True}
    assert refused(ec2.modify_vpc_peering_connection_options, VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=on) == (
        "OperationNotPermitted", f"User {'0' * 12} does not have permission to modify the accepter side peering options")
    theirs.modify_vpc_peering_connection_options(VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=on)
    assert described(ec2, peering)["AccepterVpcInfo"]["PeeringOptions"]["AllowDnsResolutionFromRemoteVpc"]
    theirs.delete_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert wait(ec2, peering, "deleted")["Status"]["Message"] == f"Deleted by {other.id}"


def test_options(ec2, two):
    peering = request(ec2, *two)
    wait(ec2, peering, "pending-acceptance")
    modify = ec2.modify_vpc_peering_connection_options
    off, on = {"AllowDnsResolutionFromRemoteVpc": False}, {"AllowDnsResolutionFromRemoteVpc": True}
    assert refused(modify, VpcPeeringConnectionId=peering, RequesterPeeringConnectionOptions=off) == (
        "OperationNotPermitted",
        f"Peering {peering} is not active. Peering options can be added only to active peerings.")
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    wait(ec2, peering, "active")
    done = modify(VpcPeeringConnectionId=peering, RequesterPeeringConnectionOptions=off)
    assert done["RequesterPeeringConnectionOptions"] == OPTIONS and "AccepterPeeringConnectionOptions" not in done
    classic = {"AllowEgressFromLocalVpcToRemoteClassicLink": True}
    assert refused(modify, VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=classic)[0] == "UnsupportedOperation"
    done = modify(VpcPeeringConnectionId=peering, AccepterPeeringConnectionOptions=on)
    assert done["AccepterPeeringConnectionOptions"] == {**OPTIONS, **on} and "RequesterPeeringConnectionOptions" not in done
    told, = ec2.describe_vpc_peering_connections(VpcPeeringConnectionIds=[peering])["VpcPeeringConnections"]
    assert [told[it]["PeeringOptions"] for it in ("RequesterVpcInfo", "AccepterVpcInfo")] == [OPTIONS, {**OPTIONS, **on}]


def test_refused_requests(ec2, two):
    create = ec2.create_vpc_peering_connection
    missing = "vpc-0123456789abcdef0"
    assert refused(create, VpcId=missing, PeerVpcId=two[1])[0] == refused(create, VpcId=two[0], PeerVpcId=missing)[0] == \
        "InvalidVpcID.NotFound"
    assert refused(create, VpcId=two[0], PeerVpcId="x")[0] == "InvalidVpcID.Malformed"
    assert refused(create, VpcId=two[0])[0] == "MissingParameter"
    assert refused(create, VpcId=two[0], PeerVpcId=two[1], PeerRegion="moon-1")[0] == "InvalidParameterValue"
    request(ec2, *two)
    assert refused(create, VpcId=two[1], PeerVpcId=two[0])[0] == "VpcPeeringConnectionAlreadyExists"
    for call in (ec2.accept_vpc_peering_connection, ec2.reject_vpc_peering_connection, ec2.delete_vpc_peering_connection,
                 ec2.modify_vpc_peering_connection_options):
        assert refused(call, VpcPeeringConnectionId=GONE) == (
            "InvalidVpcPeeringConnectionID.NotFound", f"The vpcPeeringConnection ID '{GONE}' does not exist")
        assert refused(call, VpcPeeringConnectionId="x")[0] == "InvalidVpcPeeringConnectionId.Malformed"


def test_how_many(ec2, two):
    peers = [ec2.create_vpc(CidrBlock=f"10.{n}.0.0/16")["Vpc"]["VpcId"] for n in range(100, 151)]
    for peer in peers[:25]:
        request(ec2, two[0], peer)
    assert refused(ec2.create_vpc_peering_connection, VpcId=two[0], PeerVpcId=peers[25])[0] == \
        "OutstandingVpcPeeringConnectionLimitExceeded"
    for it in ec2.describe_vpc_peering_connections()["VpcPeeringConnections"]:
        wait(ec2, it["VpcPeeringConnectionId"], "pending-acceptance")
        ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=it["VpcPeeringConnectionId"])
    for peer in peers[25:]:
        peering = request(ec2, two[0], peer)
        wait(ec2, peering, "pending-acceptance")
        if peer != peers[-1]:
            ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=peering)
    assert refused(ec2.accept_vpc_peering_connection, VpcPeeringConnectionId=peering)[0] == \
        "ActiveVpcPeeringConnectionPerVpcLimitExceeded"
