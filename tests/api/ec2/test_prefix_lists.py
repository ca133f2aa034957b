# SPDX-License-Identifier: Apache-2.0
"""Managed prefix lists: versions, size, and the rules that refer to them."""
import concurrent.futures
import time

import botocore.exceptions
import pytest

from refusals import refused

GONE = "pl-0123456789abcdef0"


@pytest.fixture
def make_list(ec2):
    made = []

    def make(*blocks, size=5, family="IPv4", **more):
        made.append(ec2.create_managed_prefix_list(
            PrefixListName="offices", MaxEntries=size, AddressFamily=family, Entries=[{"Cidr": it} for it in blocks],
            **more)["PrefixList"]["PrefixListId"])
        settled(ec2, made[-1])
        return made[-1]
    yield make
    for it in made:
        settled(ec2, it)
        ec2.delete_managed_prefix_list(PrefixListId=it)


def described(ec2, prefix_list):
    return ec2.describe_managed_prefix_lists(PrefixListIds=[prefix_list])["PrefixLists"][0]


def settled(ec2, prefix_list):
    deadline = time.monotonic() + 60
    while described(ec2, prefix_list)["State"].endswith("-in-progress"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return described(ec2, prefix_list)


def blocks(ec2, prefix_list, **more):
    return [it["Cidr"] for it in ec2.get_managed_prefix_list_entries(PrefixListId=prefix_list, **more)["Entries"]]


def test_a_list_and_its_versions(ec2, make_list):
    made = make_list("10.0.0.1/8", "192.168.0.0/16",
                     TagSpecifications=[{"ResourceType": "prefix-list", "Tags": [{"Key": "k", "Value": "v"}]}])
    assert described(ec2, made) == {
        "PrefixListId": made, "PrefixListName": "offices", "AddressFamily": "IPv4", "State": "create-complete", "MaxEntries": 5,
        "Version": 1, "OwnerId": "0" * 12, "Tags": [{"Key": "k", "Value": "v"}],
        "PrefixListArn": f"arn:aws:ec2:us-east-1:{'0' * 12}:prefix-list/{made}"}
    assert blocks(ec2, made) == ["10.0.0.0/8", "192.168.0.0/16"]
    changed = ec2.modify_managed_prefix_list(
        PrefixListId=made, CurrentVersion=1, AddEntries=[{"Cidr": "172.16.0.0/12", "Description": "new"}],
        RemoveEntries=[{"Cidr": "10.0.0.0/8"}])["PrefixList"]
    assert (changed["State"], changed["Version"]) == ("modify-in-progress", 1)
    assert (settled(ec2, made)["State"], described(ec2, made)["Version"]) == ("modify-complete", 2)
    assert ec2.get_managed_prefix_list_entries(PrefixListId=made)["Entries"] == [
        {"Cidr": "192.168.0.0/16"}, {"Cidr": "172.16.0.0/12", "Description": "new"}]
    assert blocks(ec2, made, TargetVersion=1) == ["10.0.0.0/8", "192.168.0.0/16"]
    restored = ec2.restore_managed_prefix_list_version(PrefixListId=made, PreviousVersion=1, CurrentVersion=2)["PrefixList"]
    assert (restored["State"], restored["Version"]) == ("restore-in-progress", 2)
    assert (settled(ec2, made)["State"], described(ec2, made)["Version"]) == ("restore-complete", 3)
    assert blocks(ec2, made) == ["10.0.0.0/8", "192.168.0.0/16"]
    ec2.modify_managed_prefix_list(PrefixListId=made, PrefixListName="houses", MaxEntries=2)
    assert settled(ec2, made)["PrefixListName"] == "houses"
    assert (described(ec2, made)["MaxEntries"], described(ec2, made)["Version"]) == (2, 3)
    pages = list(ec2.get_paginator("get_managed_prefix_list_entries").paginate(
        PrefixListId=made, PaginationConfig={"PageSize": 1}))
    assert [it["Entries"][0]["Cidr"] for it in pages] == ["10.0.0.0/8", "192.168.0.0/16"]


def test_deletion(ec2):
    made = ec2.create_managed_prefix_list(PrefixListName="x", MaxEntries=1, AddressFamily="IPv6", Entries=[
        {"Cidr": "2001:DB8::/32"}], ClientToken="t")["PrefixList"]["PrefixListId"]
    settled(ec2, made)
    assert blocks(ec2, made) == ["2001:db8::/32"]
    assert ec2.delete_managed_prefix_list(PrefixListId=made)["PrefixList"]["State"] == "delete-in-progress"
    deadline = time.monotonic() + 60
    while ec2.describe_managed_prefix_lists(Filters=[{"Name": "prefix-list-id", "Values": [made]}])["PrefixLists"]:
        assert time.monotonic() < deadline
    assert refused(ec2.delete_managed_prefix_list, PrefixListId=made) == (
        "InvalidPrefixListID.NotFound", f"The prefix list ID '{made}' does not exist")


def test_refused_lists(ec2):
    def made(**more):
        return refused(ec2.create_managed_prefix_list, **{
            "PrefixListName": "x", "MaxEntries": 1, "AddressFamily": "IPv4", **more})
    for wrong in ({"PrefixListName": "com.amazonaws.mine"}, {"PrefixListName": ""}, {"PrefixListName": "x" * 256},
                  {"MaxEntries": 0}, {"MaxEntries": 1001}, {"AddressFamily": "ipv4"}, {"Entries": [{"Cidr": "::/0"}]},
                  {"AddressFamily": "IPv6", "Entries": [{"Cidr": "10.0.0.0/8"}]},
                  {"Entries": [{"Cidr": "10.0.0.0/8", "Description": "x" * 256}]},
                  {"MaxEntries": 2, "Entries": [{"Cidr": "10.0.0.0/8"}, {"Cidr": "10.0.0.1/8"}]}):
        assert made(**wrong)[0] == "InvalidParameterValue", wrong
    assert made(Entries=[{"Cidr": "10.0.0.0/8"}, {"Cidr": "11.0.0.0/8"}]) == (
        "PrefixListMaxEntriesExceeded", "You've reached the maximum number of entries for the prefix list.")
    assert refused(ec2.describe_managed_prefix_lists, PrefixListIds=["x"])[0] == "InvalidPrefixListId.Malformed"
    assert refused(ec2.get_managed_prefix_list_associations, PrefixListId=GONE)[0] == "InvalidPrefixListID.NotFound"
    assert refused(ec2.get_managed_prefix_list_entries, PrefixListId=GONE)[0] == "InvalidPrefixListID.NotFound"


def test_refused_changes(ec2, make_list):
    made = make_list("10.0.0.0/8", "11.0.0.0/8", size=2)

    def change(**more):
        return refused(ec2.modify_managed_prefix_list, **{"PrefixListId": made, "CurrentVersion": 1, **more})
    new, old = [{"Cidr": "12.0.0.0/8"}], [{"Cidr": "10.0.0.0/8"}]
    assert change(CurrentVersion=2, AddEntries=new) == (
        "PrefixListVersionMismatch", "The prefix list has the incorrect version number.")
    assert change(AddEntries=new, MaxEntries=3)[0] == "InvalidParameterCombination"
    assert change(AddEntries=new)[0] == change(MaxEntries=1)[0] == "PrefixListMaxEntriesExceeded"
    assert change(AddEntries=old)[0] == change(RemoveEntries=new)[0] == "InvalidParameterValue"
    assert change(AddEntries=old, RemoveEntries=old)[0] == change(MaxEntries=0)[0] == "InvalidParameterValue"
    assert change(PrefixListName="com.amazonaws.x")[0] == "InvalidParameterValue"
    assert change(IpamPrefixListResolverSyncEnabled=True)[0] == "UnsupportedOperation"
    assert change(PrefixListId=GONE)[0] == "InvalidPrefixListID.NotFound"
    assert refused(ec2.modify_managed_prefix_list, PrefixListId=made, RemoveEntries=old)[0] == "MissingParameter"
    restore = ec2.restore_managed_prefix_list_version
    assert refused(restore, PrefixListId=made, PreviousVersion=1, CurrentVersion=2)[0] == "PrefixListVersionMismatch"
    assert refused(restore, PrefixListId=made, PreviousVersion=7, CurrentVersion=1)[0] == "InvalidParameterValue"
    assert refused(ec2.get_managed_prefix_list_entries, PrefixListId=made, TargetVersion=2)[0] == "InvalidParameterValue"
    assert described(ec2, made)["Version"] == 1


def test_one_change_at_a_time(ec2, make_list):
    made = make_list("10.0.0.0/8")

    def rename(n):
        try:
            ec2.modify_managed_prefix_list(PrefixListId=made, PrefixListName=f"n{n}")
        except botocore.exceptions.ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        refusals = set(pool.map(rename, range(200))) - {None}
    assert refusals == {("IncorrectState", f"The request cannot be completed while the prefix list ({made}) is in the "
                         "current state (modify-in-progress).")}


def test_rules_of_a_list(ec2, vpc, make_list):
    made = make_list("10.0.0.0/8", size=30)
    group = ec2.create_security_group(GroupName="web", Description="x", VpcId=vpc)["GroupId"]
    one = [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": made, "Description": "d"}]}]
    rule = ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=one)["SecurityGroupRules"][0]
    assert (rule["PrefixListId"], rule["Description"]) == (made, "d")
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"][0]["PrefixListIds"] == \
        one[0]["PrefixListIds"]
    assert ec2.get_managed_prefix_list_associations(PrefixListId=made)["PrefixListAssociations"] == [
        {"ResourceId": group, "ResourceOwner": "0" * 12}]
    assert refused(ec2.delete_managed_prefix_list, PrefixListId=made)[0] == "DependencyViolation"
    thirty = [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, "IpRanges": [{"CidrIp": f"10.{n}.0.0/16"} for n in range(30)]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=thirty)
    more = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    assert refused(ec2.authorize_security_group_ingress, GroupId=group, IpPermissions=more)[0] == \
        "RulesPerSecurityGroupLimitExceeded"
    ec2.modify_managed_prefix_list(PrefixListId=made, MaxEntries=31)
    failed = settled(ec2, made)
    assert (failed["State"], failed["MaxEntries"]) == ("modify-failed", 30) and group in failed["StateMessage"]
    update = {"SecurityGroupRuleId": rule["SecurityGroupRuleId"], "SecurityGroupRule": {
        "IpProtocol": "tcp", "FromPort": 23, "ToPort": 23, "PrefixListId": GONE}}
    assert refused(ec2.modify_security_group_rules, GroupId=group, SecurityGroupRules=[update])[0] == \
        "InvalidPrefixListID.NotFound"
    one[0]["PrefixListIds"][0]["PrefixListId"] = GONE
    assert refused(ec2.authorize_security_group_egress, GroupId=group, IpPermissions=one)[0] == "InvalidPrefixListID.NotFound"
    ec2.delete_security_group(GroupId=group)


def test_a_hundred_lists_and_a_token(own_cloud):
    ec2 = own_cloud().client("ec2", region="eu-west-1")

    def make(n=0, **more):
        return ec2.create_managed_prefix_list(PrefixListName=f"l{n}", MaxEntries=1, AddressFamily="IPv4", **more)
    assert make(ClientToken="t")["PrefixList"]["PrefixListId"] == make(ClientToken="t")["PrefixList"]["PrefixListId"]
    assert refused(make, n=1, ClientToken="t")[0] == "IdempotentParameterMismatch"
    for n in range(99):
        make(n)
    assert refused(make)[0] == "PrefixListLimitExceeded"


def test_survives_a_kill(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    made = ec2.create_managed_prefix_list(PrefixListName="x", MaxEntries=3, AddressFamily="IPv4",
                                          Entries=[{"Cidr": "10.0.0.0/8"}])["PrefixList"]["PrefixListId"]
    cloud.restart()
    assert settled(ec2, made)["State"] == "create-complete" and blocks(ec2, made) == ["10.0.0.0/8"]


def test_those_of_aws(cloud, ec2, vpc):
    """They are there in every region, are referred to like any other, count as one rule, and nobody changes them."""
    lists = {it["PrefixListName"]: it for it in ec2.describe_managed_prefix_lists(
        Filters=[{"Name": "owner-id", "Values": ["AWS"]}])["PrefixLists"]}
    assert lists["com.amazonaws.us-east-1.s3"] == {
        "PrefixListId": "pl-63a5400a", "PrefixListName": "com.amazonaws.us-east-1.s3", "AddressFamily": "IPv4",
        "State": "create-complete", "OwnerId": "AWS", "Tags": [],
        "PrefixListArn": "arn:aws:ec2:us-east-1:aws:prefix-list/pl-63a5400a"}
    assert lists["com.amazonaws.us-east-1.dynamodb"]["PrefixListId"] == "pl-02cd2c6b"
    told = {it["PrefixListId"]: it for it in ec2.describe_prefix_lists()["PrefixLists"]}
    assert set(told) == {it["PrefixListId"] for it in lists.values()}
    assert told["pl-63a5400a"]["Cidrs"] == blocks(ec2, "pl-63a5400a")
    elsewhere = cloud.client("ec2", region="sa-east-1").describe_prefix_lists(
        Filters=[{"Name": "prefix-list-name", "Values": ["*.s3"]}])["PrefixLists"]
    assert [it["PrefixListName"] for it in elsewhere] == ["com.amazonaws.sa-east-1.s3"]
    assert elsewhere[0]["Cidrs"] != told["pl-63a5400a"]["Cidrs"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "PrefixListIds": [{"PrefixListId": it} for it in told]}])
    ec2.delete_security_group(GroupId=group)
    for change, more in ((ec2.modify_managed_prefix_list, {"PrefixListName": "mine"}), (ec2.delete_managed_prefix_list, {}),
                         (ec2.restore_managed_prefix_list_version, {"PreviousVersion": 1, "CurrentVersion": 1})):
        assert refused(change, PrefixListId="pl-63a5400a", **more)[0] == "OperationNotPermitted"
    assert refused(ec2.describe_prefix_lists, PrefixListIds=[GONE])[0] == "InvalidPrefixListID.NotFound"
