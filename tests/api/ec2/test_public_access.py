# SPDX-License-Identifier: Apache-2.0
"""VPC Block Public Access: what is told of it and refused. What packets do: test_internet.py, test_ipv6_packets.py."""
import time

import pytest

import refusals
from machines import soon

NOBODY = "vpcbpa-exclude-0123456789abcdef0"


@pytest.fixture
def cloud(own_cloud):
    """Its clock may be moved: signatures are not looked at."""
    return own_cloud("--auth", "open")


def refused(call, **asked):
    return refusals.refused(call, **asked)[0]


def options(ec2):
    return ec2.describe_vpc_block_public_access_options()["VpcBlockPublicAccessOptions"]


def block(ec2, mode):
    made = ec2.modify_vpc_block_public_access_options(InternetGatewayBlockMode=mode)["VpcBlockPublicAccessOptions"]
    assert (made["State"], made["InternetGatewayBlockMode"]) == ("update-in-progress", mode)
    soon(lambda: options(ec2)["State"] == "update-complete", "the end of the update")


def exclude(ec2, mode="allow-bidirectional", **what):
    made = ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode=mode, **what)
    made = made["VpcBlockPublicAccessExclusion"]
    assert made["State"] == "create-in-progress"
    soon(lambda: told(ec2, made["ExclusionId"])["State"] == "create-complete", "the exclusion")
    return made["ExclusionId"]


def told(ec2, exclusion):
    found, = ec2.describe_vpc_block_public_access_exclusions(ExclusionIds=[exclusion])["VpcBlockPublicAccessExclusions"]
    return found


def ids(ec2, **asked):
    found = ec2.describe_vpc_block_public_access_exclusions(**asked)["VpcBlockPublicAccessExclusions"]
    return {it["ExclusionId"] for it in found}


def modes(ec2, vpc):
    """Of the VPC and of its subnets, by their blocks."""
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    own, = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    subnets = sorted(ec2.describe_subnets(Filters=inside)["Subnets"], key=lambda it: it["CidrBlock"])
    return [it["BlockPublicAccessStates"]["InternetGatewayBlockMode"] for it in (own, *subnets)]


def network(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    return vpc, [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24")["Subnet"]["SubnetId"] for n in range(2)]


def test_the_mode_of_an_account_and_region(cloud, ec2):
    first = options(ec2)
    assert first == {"AwsAccountId": first["AwsAccountId"], "AwsRegion": "us-east-1", "State": "default-state",
                     "InternetGatewayBlockMode": "off", "Reason": "Default State", "ManagedBy": "account",
                     "ExclusionsAllowed": "allowed"}
    vpc, _ = network(ec2)
    assert modes(ec2, vpc) == ["off"] * 3
    began = time.time()
    for mode in ("block-ingress", "block-bidirectional"):
        block(ec2, mode)
        assert modes(ec2, vpc) == [mode] * 3
    assert began - 1 < options(ec2)["LastUpdateTimestamp"].timestamp() < time.time() + 1
    assert options(cloud.client("ec2", region="eu-west-1"))["State"] == "default-state"
    cloud.restart()
    assert modes(ec2, vpc) == ["block-bidirectional"] * 3
    assert refused(ec2.modify_vpc_block_public_access_options, InternetGatewayBlockMode="off",
                   DryRun=True) == "DryRunOperation"
    block(ec2, "off")
    assert modes(ec2, vpc) == ["off"] * 3 and "Reason" not in options(ec2)
    assert refused(ec2.modify_vpc_block_public_access_options) == "MissingParameter"
    assert refused(ec2.modify_vpc_block_public_access_options, InternetGatewayBlockMode="on") == "InvalidParameterValue"


def test_exclusions_and_what_is_left(cloud, ec2):
    vpc, subnets = network(ec2)
    own = exclude(ec2, SubnetId=subnets[1], TagSpecifications=[{
        "ResourceType": "vpc-block-public-access-exclusion", "Tags": [{"Key": "team", "Value": "red"}]}])
    it = told(ec2, own)
    assert it["ResourceArn"].endswith(f":subnet/{subnets[1]}") and it["Tags"] == [{"Key": "team", "Value": "red"}]
    assert it["CreationTimestamp"] == it["LastUpdateTimestamp"] and "DeletionTimestamp" not in it
    block(ec2, "block-bidirectional")
    assert modes(ec2, vpc) == ["block-bidirectional", "block-bidirectional", "off"]
    whole = exclude(ec2, "allow-egress", VpcId=vpc)
    assert told(ec2, whole)["ResourceArn"].endswith(f":vpc/{vpc}")
    assert modes(ec2, vpc) == ["block-ingress", "block-ingress", "off"]
    made = ec2.modify_vpc_block_public_access_exclusion(ExclusionId=own, InternetGatewayExclusionMode="allow-egress")
    assert made["VpcBlockPublicAccessExclusion"]["State"] == "update-in-progress"
    soon(lambda: told(ec2, own)["State"] == "update-complete", "the end of the update")
    assert modes(ec2, vpc) == ["block-ingress"] * 3
    block(ec2, "block-ingress")
    assert modes(ec2, vpc) == ["block-ingress"] * 3
    ec2.modify_vpc_block_public_access_exclusion(ExclusionId=whole, InternetGatewayExclusionMode="allow-bidirectional")
    cloud.restart()
    assert modes(ec2, vpc) == ["off", "off", "block-ingress"]
    gone = ec2.delete_vpc_block_public_access_exclusion(ExclusionId=own)["VpcBlockPublicAccessExclusion"]
    assert gone["State"] == "delete-in-progress"
    assert modes(ec2, vpc) == ["off"] * 3
    soon(lambda: told(ec2, own)["State"] == "delete-complete", "the end of the exclusion")
    assert "DeletionTimestamp" in told(ec2, own)
    assert refused(ec2.delete_vpc_block_public_access_exclusion, ExclusionId=own) == "InvalidParameterValue"
    assert refused(ec2.modify_vpc_block_public_access_exclusion, ExclusionId=own,
                   InternetGatewayExclusionMode="allow-egress") == "InvalidParameterValue"
    again = exclude(ec2, SubnetId=subnets[1])
    assert ids(ec2) == {own, whole, again}
    ec2.delete_subnet(SubnetId=subnets[1])
    assert ids(ec2) == {whole}
    ec2.delete_subnet(SubnetId=subnets[0])
    ec2.delete_vpc(VpcId=vpc)
    assert ids(ec2) == set()


def test_a_deleted_exclusion_is_told_of_for_an_hour(cloud, ec2):
    vpc, _ = network(ec2)
    exclusion = exclude(ec2, VpcId=vpc)
    ec2.delete_vpc_block_public_access_exclusion(ExclusionId=exclusion)
    soon(lambda: told(ec2, exclusion)["State"] == "delete-complete", "the end of the exclusion")
    cloud.advance(3500)
    assert ids(ec2) == {exclusion}
    cloud.advance(200)
    soon(lambda: ids(ec2) == set(), "the end of what is told")


def test_filters_pages_and_the_limit(ec2):
    vpc, subnets = network(ec2)
    made = [exclude(ec2, "allow-egress", VpcId=vpc), *(exclude(ec2, SubnetId=it) for it in subnets)]
    ec2.create_tags(Resources=made[:1], Tags=[{"Key": "team", "Value": "blue"}])
    for name, value, found in (("internet-gateway-exclusion-mode", "allow-egress", made[:1]),
                               ("resource-arn", f"*{subnets[0]}", made[1:2]), ("state", "create-complete", made),
                               ("tag:team", "blue", made[:1]), ("tag-key", "team", made[:1]), ("state", "create-failed", [])):
        assert ids(ec2, Filters=[{"Name": name, "Values": [value]}]) == set(found)
    assert refused(ec2.describe_vpc_block_public_access_exclusions,
                   Filters=[{"Name": "colour", "Values": ["red"]}]) == "InvalidParameterValue"
    for number in range(47):
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{10 + number}.0/24")["Subnet"]["SubnetId"]
        ec2.create_vpc_block_public_access_exclusion(InternetGatewayExclusionMode="allow-egress", SubnetId=subnet)
    one, other = network(ec2)
    assert refused(ec2.create_vpc_block_public_access_exclusion, InternetGatewayExclusionMode="allow-egress",
                   VpcId=one) == "VpcBlockPublicAccessExclusionLimitExceeded"
    pages, token = [], {}
    while True:
        page = ec2.describe_vpc_block_public_access_exclusions(MaxResults=20, **token)
        pages.append([it["ExclusionId"] for it in page["VpcBlockPublicAccessExclusions"]])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert [len(it) for it in pages] == [20, 20, 10] and len({it for page in pages for it in page}) == 50


@pytest.mark.parametrize("asked,code", [
    ({}, "MissingParameter"),
    ({"VpcId": "vpc-0123456789abcdef0", "SubnetId": "subnet-0123456789abcdef0"}, "InvalidParameterCombination"),
    ({"VpcId": "vpc-0123456789abcdef0"}, "InvalidVpcID.NotFound"),
    ({"SubnetId": "subnet-0123456789abcdef0"}, "InvalidSubnetID.NotFound"),
    ({"VpcId": "here", "InternetGatewayExclusionMode": "allow-ingress"}, "InvalidParameterValue"),
])
def test_refused_exclusions(cloud, asked, code):
    ec2 = cloud.client("ec2", parameter_validation=False)
    asked = {"InternetGatewayExclusionMode": "allow-egress", **asked}
    assert refused(ec2.create_vpc_block_public_access_exclusion, **asked) == code


def test_exclusions_that_are_none(ec2):
    vpc, _ = network(ec2)
    exclude(ec2, VpcId=vpc)
    assert refused(ec2.create_vpc_block_public_access_exclusion, VpcId=vpc,
                   InternetGatewayExclusionMode="allow-egress") == "InvalidParameterValue"
    missing = "InvalidVpcBlockPublicAccessExclusionId.NotFound"
    assert refused(ec2.delete_vpc_block_public_access_exclusion, ExclusionId=NOBODY) == missing
    assert refused(ec2.modify_vpc_block_public_access_exclusion, ExclusionId=NOBODY,
                   InternetGatewayExclusionMode="allow-egress") == missing
    assert refused(ec2.describe_vpc_block_public_access_exclusions, ExclusionIds=[NOBODY]) == missing
    assert refused(ec2.delete_vpc_block_public_access_exclusion,
                   ExclusionId="vpcbpa-1") == "InvalidVpcBlockPublicAccessExclusionId.Malformed"
