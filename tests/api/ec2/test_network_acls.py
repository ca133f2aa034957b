# SPDX-License-Identifier: Apache-2.0
"""Network ACLs, their entries, and which subnets they are of."""
import pytest

from refusals import refused

GONE = "acl-0123456789abcdef0"
LAST = {"CidrBlock": "0.0.0.0/0", "Protocol": "-1", "RuleAction": "deny", "RuleNumber": 32767}


@pytest.fixture
def acl(ec2, vpc):
    made = ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"]
    yield made
    default = default_of(ec2, vpc)["NetworkAclId"]
    for it in described(ec2, made)["Associations"]:
        ec2.replace_network_acl_association(AssociationId=it["NetworkAclAssociationId"], NetworkAclId=default)
    ec2.delete_network_acl(NetworkAclId=made)


def described(ec2, acl):
    return ec2.describe_network_acls(NetworkAclIds=[acl])["NetworkAcls"][0]


def default_of(ec2, vpc):
    return ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [vpc]},
                                              {"Name": "default", "Values": ["true"]}])["NetworkAcls"][0]


def entry(number=100, **more):
    return {"RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "10.0.0.0/8", **more}


def entries(ec2, acl):
    return [it for it in described(ec2, acl)["Entries"] if it["RuleNumber"] != 32767]


def test_a_new_acl_denies_everything(ec2, vpc):
    made = ec2.create_network_acl(VpcId=vpc, TagSpecifications=[
        {"ResourceType": "network-acl", "Tags": [{"Key": "k", "Value": "v"}]}])["NetworkAcl"]
    assert made == described(ec2, made["NetworkAclId"]) == {
        "NetworkAclId": made["NetworkAclId"], "VpcId": vpc, "OwnerId": "0" * 12, "IsDefault": False, "Associations": [],
        "Entries": [{**LAST, "Egress": True}, {**LAST, "Egress": False}], "Tags": [{"Key": "k", "Value": "v"}]}
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    ec2.delete_network_acl(NetworkAclId=made["NetworkAclId"])
    assert refused(ec2.delete_network_acl, NetworkAclId=made["NetworkAclId"]) == (
        "InvalidNetworkAclID.NotFound", f"The networkAcl ID '{made['NetworkAclId']}' does not exist")
    assert refused(ec2.create_network_acl, VpcId="vpc-0123456789abcdef0")[0] == "InvalidVpcID.NotFound"


def test_a_token_makes_one(ec2, vpc):
    first = ec2.create_network_acl(VpcId=vpc, ClientToken="t")
    again = ec2.create_network_acl(VpcId=vpc, ClientToken="t")
    assert first["ClientToken"] == "t" and again["NetworkAcl"] == first["NetworkAcl"]
    assert refused(ec2.create_network_acl, VpcId="vpc-0123456789abcdef0", ClientToken="t")[0] == \
        "IdempotentParameterMismatch"
    ec2.delete_network_acl(NetworkAclId=first["NetworkAcl"]["NetworkAclId"])


def test_the_default_one_stays(ec2, vpc):
    default = default_of(ec2, vpc)["NetworkAclId"]
    assert refused(ec2.delete_network_acl, NetworkAclId=default) == (
        "InvalidParameterValue", f"cannot delete default network ACL {default}")


def test_entries_are_in_order(ec2, acl):
    https = {"Protocol": "6", "PortRange": {"From": 443, "To": 444}}
    ping = {"Protocol": "1", "IcmpTypeCode": {"Type": 8, "Code": -1}}
    ping6 = {"Protocol": "58", "IcmpTypeCode": {"Type": -1, "Code": -1}}
    for one in (entry(300, **https), entry(100, CidrBlock="10.1.2.3/8"), entry(200, RuleAction="deny", **ping),
                entry(100, Egress=True, Protocol="17", PortRange={"From": 0, "To": 65535}),
                entry(32766, CidrBlock=None, Ipv6CidrBlock="2001:DB8::1/32", **ping6),
                entry(400, **{**ping6, "IcmpTypeCode": {"Type": 1, "Code": 1}})):
        ec2.create_network_acl_entry(NetworkAclId=acl, **{k: v for k, v in one.items() if v is not None})
    found = entries(ec2, acl)
    assert [(it["RuleNumber"], it["Egress"]) for it in found] == [
        (100, True), (100, False), (200, False), (300, False), (400, False), (32766, False)]
    assert found[0] == entry(100, Egress=True, Protocol="17", PortRange={"From": 0, "To": 65535})
    assert found[1:4] == [entry(100), entry(200, RuleAction="deny", **ping), entry(300, **https)]
    assert found[4] == entry(400, Protocol="58")
    assert (found[5]["Ipv6CidrBlock"], found[5]["IcmpTypeCode"]) == ("2001:db8::/32", {"Type": -1, "Code": -1})
    ec2.replace_network_acl_entry(NetworkAclId=acl, **entry(300, RuleAction="deny"))
    assert entries(ec2, acl)[3] == entry(300, RuleAction="deny")
    ec2.delete_network_acl_entry(NetworkAclId=acl, RuleNumber=100, Egress=False)
    assert [it["RuleNumber"] for it in entries(ec2, acl)] == [100, 200, 300, 400, 32766]


def test_entries_that_are_there_or_not(ec2, acl):
    ec2.create_network_acl_entry(NetworkAclId=acl, **entry())
    assert refused(ec2.create_network_acl_entry, NetworkAclId=acl, **entry()) == (
        "NetworkAclEntryAlreadyExists", f"EC2 Network ACL ({acl}) Rule (egress: false)(100) already exists")
    missing = ("InvalidNetworkAclEntry.NotFound", f"EC2 Network ACL ({acl}) Rule (egress: true)(100) does not exist")
    assert refused(ec2.replace_network_acl_entry, NetworkAclId=acl, **entry(Egress=True)) == missing
    assert refused(ec2.delete_network_acl_entry, NetworkAclId=acl, RuleNumber=100, Egress=True) == missing
    for call, more in ((ec2.create_network_acl_entry, entry()), (ec2.replace_network_acl_entry, entry()),
                       (ec2.delete_network_acl_entry, {"RuleNumber": 1, "Egress": True})):
        assert refused(call, NetworkAclId=GONE, **more)[0] == "InvalidNetworkAclID.NotFound"
    assert refused(ec2.delete_network_acl_entry, NetworkAclId=acl, RuleNumber=32767, Egress=True)[0] == \
        "InvalidParameterValue"


@pytest.mark.parametrize("more, code, text", [
    ({"RuleNumber": 0}, "InvalidParameterValue", "Value (0) for parameter ruleNumber is invalid. "
     "Rule number must be between 1 and 32766."),
    ({"RuleNumber": 32767}, "InvalidParameterValue", "Value (32767) for parameter ruleNumber is invalid. "
     "Rule number must be between 1 and 32766."),
    ({"Protocol": "tcp"}, "InvalidParameterValue", "Invalid value 'tcp' for IP protocol. Unknown protocol."),
    ({"Protocol": "256"}, "InvalidParameterValue", "Invalid value '256' for IP protocol. Unknown protocol."),
    ({"Protocol": "6"}, "InvalidParameterValue",
     "Invalid value for portRange. Must specify both from and to ports with TCP/UDP."),
    ({"Protocol": "17", "PortRange": {"From": -1, "To": 1}}, "InvalidParameterValue", "TCP/UDP (from) port (-1) out of range"),
    ({"Protocol": "6", "PortRange": {"From": 2, "To": 1}}, "InvalidParameterValue", "Invalid TCP/UDP port range (2:1)"),
    ({"Protocol": "1"}, "InvalidParameterValue", "Invalid value for portRange. Must specify both type and code with ICMP."),
    ({"Protocol": "1", "IcmpTypeCode": {"Type": 256, "Code": 0}}, "InvalidParameterValue", "ICMP type (256) out of range"),
    ({"Protocol": "1", "IcmpTypeCode": {"Type": 0, "Code": 256}}, "InvalidParameterValue", "ICMP code (256) out of range"),
    ({"CidrBlock": "10.0.0.0"}, "InvalidParameterValue", "CIDR block 10.0.0.0 is malformed"),
    ({"Ipv6CidrBlock": "::/0"}, "InvalidParameterCombination", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided."),
    ({"CidrBlock": None}, "MissingParameter", "Either 'cidrBlock' or 'ipv6CidrBlock' should be provided."),
    ({"CidrBlock": None, "Ipv6CidrBlock": "x/0"}, "InvalidParameterValue", "CIDR block x/0 is malformed")])
def test_refused_entries(ec2, acl, more, code, text):
    one = {k: v for k, v in entry(**({"number": more["RuleNumber"]} if "RuleNumber" in more else {}),
                                  **{k: v for k, v in more.items() if k != "RuleNumber"}).items() if v is not None}
    assert refused(ec2.create_network_acl_entry, NetworkAclId=acl, **one) == (code, text)
    assert refused(ec2.replace_network_acl_entry, NetworkAclId=acl, **one) == (code, text)
    assert entries(ec2, acl) == []


def test_twenty_entries_with_the_last(ec2, acl):
    for number in range(1, 20):
        ec2.create_network_acl_entry(NetworkAclId=acl, **entry(number))
    full = ("NetworkAclEntryLimitExceeded", "The maximum number of network ACL entries has been reached.")
    assert refused(ec2.create_network_acl_entry, NetworkAclId=acl, **entry(20)) == full
    ec2.create_network_acl_entry(NetworkAclId=acl, **entry(20, Egress=True))
    one = entry(20, Ipv6CidrBlock="::/0")
    del one["CidrBlock"]
    ec2.create_network_acl_entry(NetworkAclId=acl, **one)
    assert refused(ec2.replace_network_acl_entry, NetworkAclId=acl, **entry(20)) == full
    assert len(entries(ec2, acl)) == 21


def test_two_hundred_acls(ec2, vpc):
    made = [ec2.create_network_acl(VpcId=vpc)["NetworkAcl"]["NetworkAclId"] for _ in range(199)]
    assert refused(ec2.create_network_acl, VpcId=vpc) == (
        "NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.")
    for acl in made:
        ec2.delete_network_acl(NetworkAclId=acl)


def test_a_subnet_changes_its_acl(ec2, vpc, acl, make_vpc):
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    default = default_of(ec2, vpc)
    association = default["Associations"][0]["NetworkAclAssociationId"]
    replace = ec2.replace_network_acl_association
    new = replace(AssociationId=association, NetworkAclId=acl)["NewAssociationId"]
    assert new != association and default_of(ec2, vpc)["Associations"] == []
    assert described(ec2, acl)["Associations"] == [
        {"NetworkAclAssociationId": new, "NetworkAclId": acl, "SubnetId": subnet}]
    assert refused(ec2.delete_network_acl, NetworkAclId=acl) == (
        "DependencyViolation", f"The networkAcl '{acl}' has dependencies and cannot be deleted.")
    newer = replace(AssociationId=new, NetworkAclId=acl)["NewAssociationId"]
    assert [it["NetworkAclAssociationId"] for it in described(ec2, acl)["Associations"]] == [newer]
    assert refused(replace, AssociationId=new, NetworkAclId=acl) == (
        "InvalidAssociationID.NotFound", f"The association ID '{new}' does not exist")
    assert refused(replace, AssociationId=newer, NetworkAclId=GONE)[0] == "InvalidNetworkAclID.NotFound"
    far = default_of(ec2, make_vpc("10.9.0.0/16"))["NetworkAclId"]
    assert refused(replace, AssociationId=newer, NetworkAclId=far) == (
        "InvalidParameterValue", f"network acl {far} and subnet {subnet} belong to different networks")
    ec2.delete_subnet(SubnetId=subnet)
    assert described(ec2, acl)["Associations"] == []


def test_survives_a_kill(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    acl = ec2.create_network_acl(VpcId=ec2.describe_vpcs()["Vpcs"][0]["VpcId"])["NetworkAcl"]["NetworkAclId"]
    ec2.create_network_acl_entry(NetworkAclId=acl, **entry(Protocol="6", PortRange={"From": 1, "To": 2}))
    before = described(ec2, acl)
    cloud.restart()
    assert described(ec2, acl) == before
