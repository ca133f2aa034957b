# SPDX-License-Identifier: Apache-2.0
"""Reverse names of elastic addresses: kept once they resolve to the address, and told by the resolvers of VPCs."""
import os

import pytest

from identities import Account
from machines import Machines, root, soon
from name_server import PTR, PYTHON, NameServer, resolved
from refusals import refused, wait_for

pytestmark = [root, pytest.mark.skipif(not os.path.exists(PYTHON), reason="needs python3 inside")]
GONE = "eipalloc-0123456789abcdef0"


@pytest.fixture
def names(tmp_path):
    return NameServer(tmp_path)


@pytest.fixture
def here(own_cloud, names):
    machines = Machines(own_cloud("--resolv-conf", str(names.file)))
    yield machines
    machines.end()


def told(ec2, *ids):
    return ec2.describe_addresses_attribute(AllocationIds=list(ids), Attribute="domain-name")["Addresses"]


def settled(ec2, allocation):
    """What is told of it once nothing is on its way; None where that is nothing."""
    def look():
        found = told(ec2, allocation)
        return (found or [None]) if not found or found[0].get("PtrRecordUpdate", {}).get("Status") != "PENDING" else None
    return wait_for(look)[0]


def wish(ec2, allocation, name):
    return ec2.modify_address_attribute(AllocationId=allocation, DomainName=name)["Address"]


def reverse(address):
    return ".".join(reversed(address.split("."))) + ".in-addr.arpa"


def test_a_name(here, names):
    ec2 = here.ec2
    eip = ec2.allocate_address(Domain="vpc")
    it, address = eip["AllocationId"], eip["PublicIp"]
    names.known["mail.example"] = address
    assert told(ec2, it) == [] and told(ec2) == []
    asked = wish(ec2, it, "Mail.Example.")
    assert asked == {"PublicIp": address, "AllocationId": it,
                     "PtrRecordUpdate": {"Value": "mail.example.", "Status": "PENDING"}}
    has = {"PublicIp": address, "AllocationId": it, "PtrRecord": "mail.example."}
    assert settled(ec2, it) == has and ("udp", "mail.example") in names.asked
    assert refused(ec2.release_address, AllocationId=it)[0] == "InvalidAddress.PtrSet"
    # Instances are told so, of whatever account; others have their public name.
    other = ec2.allocate_address(Domain="vpc")["PublicIp"]
    one = here.start()
    soon(lambda: resolved(here, one, reverse(address), PTR) == (0, False, ["mail.example"]), "the name")
    foreign = Account(here.cloud).client("ec2", region="eu-west-1").allocate_address(Domain="vpc")["PublicIp"]
    for public, zone in ((other, "compute-1"), (foreign, "eu-west-1.compute")):
        name = f"ec2-{public.replace('.', '-')}.{zone}.amazonaws.com"
        assert resolved(here, one, reverse(public), PTR) == (0, False, [name])
    # A change is told while it is on its way, and by an alias.
    names.aliases["mx.example"] = "mail.example"
    names.aliases["www.example"] = "mx.example"
    asked = wish(ec2, it, "www.example")
    assert asked["PtrRecord"] == "mail.example." and asked["PtrRecordUpdate"]["Value"] == "www.example."
    assert settled(ec2, it) == {**has, "PtrRecord": "www.example."}
    here.cloud.restart()
    assert told(ec2, it) == told(ec2) == [{**has, "PtrRecord": "www.example."}]
    soon(lambda: resolved(here, one, reverse(address), PTR) == (0, False, ["www.example"]), "the name after a restart")
    gone = ec2.reset_address_attribute(AllocationId=it, Attribute="domain-name")["Address"]
    assert gone["PtrRecord"] == "www.example." and gone["PtrRecordUpdate"]["Status"] == "PENDING"
    assert settled(ec2, it) is None
    assert resolved(here, one, reverse(address), PTR) == (0, False, [f"ec2-{address.replace('.', '-')}.compute-1.amazonaws.com"])
    ec2.release_address(AllocationId=it)


def test_names_that_do_not_lead_back(own_cloud, names):
    cloud = own_cloud("--resolv-conf", str(names.file))
    ec2 = cloud.client("ec2", parameter_validation=False)
    it = ec2.allocate_address(Domain="vpc")
    names.known["mail.example"] = it["PublicIp"]
    it = it["AllocationId"]
    wish(ec2, it, "mail.example")
    good = settled(ec2, it)
    for name in ("far.example", "nobody.example"):
        wish(ec2, it, name)
        failed = settled(ec2, it)
        assert failed["PtrRecord"] == "mail.example." and failed["PtrRecordUpdate"]["Status"] == "FAILED"
        assert failed["PtrRecordUpdate"]["Value"] == f"{name}." and name in failed["PtrRecordUpdate"]["Reason"]
    wish(ec2, it, "mail.example")
    assert settled(ec2, it) == good
    # A wish that outlives the process is asked for again.
    wish(ec2, it, "silent.example")
    names.known["later.example"] = good["PublicIp"]
    wish(ec2, it, "later.example")
    cloud.restart()
    assert settled(ec2, it) == {**good, "PtrRecord": "later.example."}


def test_refusals_and_pages(own_cloud, names):
    ec2 = own_cloud("--resolv-conf", str(names.file)).client("ec2", parameter_validation=False)
    made = [ec2.allocate_address(Domain="vpc") for _ in range(4)]
    for number, eip in enumerate(made[:3]):
        names.known[f"n{number}.example"] = eip["PublicIp"]
        wish(ec2, eip["AllocationId"], f"n{number}.example")
        settled(ec2, eip["AllocationId"])
    pages = ec2.get_paginator("describe_addresses_attribute").paginate(PaginationConfig={"PageSize": 2})
    sizes = [[it["AllocationId"] for it in page["Addresses"]] for page in pages]
    assert [len(it) for it in sizes] == [2, 1] and {i for p in sizes for i in p} == {it["AllocationId"] for it in made[:3]}
    it = made[3]["AllocationId"]
    for name in ("", ".", "a..b", "-" * 64, "a b", "x/y", "é.example", "a." * 130):
        assert refused(wish, ec2=ec2, allocation=it, name=name)[0] in ("InvalidParameterValue", "MissingParameter"), name
    assert refused(ec2.modify_address_attribute, AllocationId=it)[0] == "MissingParameter"
    assert refused(wish, ec2=ec2, allocation=GONE, name="n0.example")[0] == "InvalidAllocationID.NotFound"
    assert refused(ec2.reset_address_attribute, AllocationId=GONE, Attribute="domain-name")[0] == "InvalidAllocationID.NotFound"
    assert refused(ec2.reset_address_attribute, AllocationId=it, Attribute="x")[0] == "InvalidParameterValue"
    assert refused(ec2.describe_addresses_attribute, AllocationIds=[GONE])[0] == "InvalidAllocationID.NotFound"
    assert refused(ec2.modify_address_attribute, AllocationId=it, DomainName="n0.example", DryRun=True)[0] == "DryRunOperation"
    assert told(ec2, it) == []
