# SPDX-License-Identifier: Apache-2.0
"""What all Describe operations have in common: ids, filters, pages; and tags."""
import pytest

from refusals import refused


def in_vpc(vpc, *more):
    return [{"Name": "vpc-id", "Values": [vpc]}, *more]


@pytest.fixture
def subnets(ec2, vpc):
    """Twelve, tagged with their number."""
    return [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", TagSpecifications=[{
        "ResourceType": "subnet", "Tags": [{"Key": "number", "Value": str(n)}, {"Key": "odd", "Value": str(n % 2)}]}])
        ["Subnet"]["SubnetId"] for n in range(12)]


def test_ids(ec2, subnets):
    found = ec2.describe_subnets(SubnetIds=[subnets[3], subnets[1], subnets[3]])["Subnets"]
    assert sorted(it["SubnetId"] for it in found) == sorted([subnets[1], subnets[3]])
    gone = "subnet-0123456789abcdef0"
    assert refused(ec2.describe_subnets, SubnetIds=[subnets[0], gone]) == (
        "InvalidSubnetID.NotFound", f"The subnet ID '{gone}' does not exist")
    for malformed in ("nonsense", "subnet-xyz", "vpc-0123456789abcdef0", "subnet-0123456789ABCDEF0", "subnet-"):
        assert refused(ec2.describe_subnets, SubnetIds=[gone, malformed]) == (
            "InvalidSubnetID.Malformed", f'Invalid id: "{malformed}" (expecting "subnet-...")')


@pytest.mark.parametrize("describe, ids, malformed, missing, text", [
    ("vpcs", "VpcIds", "InvalidVpcID.Malformed", "InvalidVpcID.NotFound", "The vpc ID '{}' does not exist"),
    ("route_tables", "RouteTableIds", "InvalidRouteTableId.Malformed", "InvalidRouteTableID.NotFound",
     "The routeTable ID '{}' does not exist"),
    ("internet_gateways", "InternetGatewayIds", "InvalidInternetGatewayId.Malformed", "InvalidInternetGatewayID.NotFound",
     "The internetGateway ID '{}' does not exist"),
    ("security_groups", "GroupIds", "InvalidGroupId.Malformed", "InvalidGroup.NotFound",
     "The security group '{}' does not exist"),
    ("network_acls", "NetworkAclIds", "InvalidNetworkAclId.Malformed", "InvalidNetworkAclID.NotFound",
     "The networkAcl ID '{}' does not exist"),
    ("dhcp_options", "DhcpOptionsIds", "InvalidDhcpOptionsId.Malformed", "InvalidDhcpOptionsID.NotFound",
     "The dhcpOption ID '{}' does not exist")])
def test_ids_of_every_kind(ec2, describe, ids, malformed, missing, text):
    call = getattr(ec2, "describe_" + describe)
    code, message = refused(call, **{ids: ["nonsense"]})
    assert code == malformed
    gone = message.split('expecting "')[1].split("...")[0] + "0123456789abcdef0"
    assert refused(call, **{ids: [gone]}) == (missing, text.format(gone))


def test_filters(ec2, vpc, subnets):
    def numbers(*filters):
        found = ec2.describe_subnets(Filters=in_vpc(vpc, *filters))["Subnets"]
        return sorted(int(it["CidrBlock"].split(".")[2]) for it in found)
    assert numbers() == list(range(12))
    assert numbers({"Name": "cidr-block", "Values": ["10.0.1*.0/24"]}) == [1, 10, 11]
    assert numbers({"Name": "cidr", "Values": ["10.0.1?.0/24", "10.0.2.0/24"]}) == [2, 10, 11]
    assert numbers({"Name": "tag:odd", "Values": ["1"]}, {"Name": "tag:number", "Values": ["1*"]}) == [1, 11]
    assert numbers({"Name": "tag-key", "Values": ["number"]}) == list(range(12))
    assert numbers({"Name": "tag-key", "Values": ["even"]}) == []
    assert numbers({"Name": "tag:number", "Values": [r"\*", r"1\?"]}) == []
    assert numbers({"Name": "available-ip-address-count", "Values": ["251"]}) == list(range(12))
    assert numbers({"Name": "default-for-az", "Values": ["true"]}) == []
    assert numbers({"Name": "state", "Values": ["Available"]}) == []
    assert numbers({"Name": "subnet-id", "Values": subnets[:2]}) == [0, 1]
    assert refused(ec2.describe_subnets, Filters=[{"Name": "colour", "Values": ["red"]}]) == (
        "InvalidParameterValue", "The filter 'colour' is invalid")
    many = [{"Name": "subnet-id", "Values": ["x"] * 201}]
    assert refused(ec2.describe_subnets, Filters=many)[0] == "FilterLimitExceeded"
    assert refused(ec2.describe_subnets, Filters=[{"Name": "state", "Values": ["x"]}] * 51)[0] == "FilterLimitExceeded"


def test_a_filter_through_lists(ec2, vpc):
    def found(describe, member, *filters):
        return len(describe(Filters=in_vpc(vpc, *filters))[member])
    assert found(ec2.describe_security_groups, "SecurityGroups",
                 {"Name": "egress.ip-permission.cidr", "Values": ["0.0.0.0/0"]}) == 1
    assert found(ec2.describe_security_groups, "SecurityGroups",
                 {"Name": "ip-permission.cidr", "Values": ["0.0.0.0/0"]}) == 0
    assert found(ec2.describe_network_acls, "NetworkAcls", {"Name": "entry.rule-number", "Values": ["100"]}) == 1
    assert found(ec2.describe_network_acls, "NetworkAcls", {"Name": "entry.rule-number", "Values": ["101"]}) == 0
    assert found(ec2.describe_vpcs, "Vpcs", {"Name": "cidr-block-association.state", "Values": ["associated"]}) == 1
    assert found(ec2.describe_route_tables, "RouteTables", {"Name": "association.main", "Values": ["true"]}) == 1


def test_pages(ec2, vpc, subnets):
    pages = [[it["SubnetId"] for it in page["Subnets"]] for page in ec2.get_paginator("describe_subnets").paginate(
        Filters=in_vpc(vpc), PaginationConfig={"PageSize": 5})]
    assert [len(page) for page in pages] == [5, 5, 2]
    assert sorted(sum(pages, [])) == sorted(subnets)
    token = ec2.describe_subnets(MaxResults=5, Filters=in_vpc(vpc))["NextToken"]
    for wrong in ("nonsense", "bm9uc2Vuc2U=", ""):
        assert refused(ec2.describe_subnets, NextToken=wrong, MaxResults=5) == (
            "InvalidNextToken", f"The token '{wrong}' is invalid")
    assert refused(ec2.describe_vpcs, NextToken=token, MaxResults=5)[0] == "InvalidNextToken"
    for size in (4, 1001):
        assert refused(ec2.describe_subnets, MaxResults=size)[0] == "InvalidParameterValue"


def test_tags_of_anything(ec2, vpc):
    group = ec2.describe_security_groups(Filters=in_vpc(vpc))["SecurityGroups"][0]["GroupId"]
    ec2.create_tags(Resources=[vpc, group], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": ""}])
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "2"}])
    of_vpc = [{"Name": "resource-id", "Values": [vpc]}]
    assert ec2.describe_tags(Filters=of_vpc)["Tags"] == [
        {"Key": "a", "ResourceId": vpc, "ResourceType": "vpc", "Value": "2"},
        {"Key": "b", "ResourceId": vpc, "ResourceType": "vpc", "Value": ""}]
    assert [it["ResourceId"] for it in ec2.describe_tags(Filters=[
        {"Name": "resource-type", "Values": ["security-group"]}, {"Name": "tag:a", "Values": ["1"]}])["Tags"]] == [group]
    ec2.delete_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "other"}, {"Key": "b"}])
    assert [it["Key"] for it in ec2.describe_tags(Filters=of_vpc)["Tags"]] == ["a"]
    ec2.delete_tags(Resources=[vpc])
    assert ec2.describe_tags(Filters=of_vpc)["Tags"] == []
    assert "Tags" not in ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]


def test_tags_go_with_their_resource(ec2, vpc, subnets):
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": subnets}])["Tags"] == []


def test_pages_of_tags(ec2, vpc, subnets):
    pages = list(ec2.get_paginator("describe_tags").paginate(
        Filters=[{"Name": "resource-id", "Values": subnets}], PaginationConfig={"PageSize": 7}))
    assert [len(page["Tags"]) for page in pages] == [7, 7, 7, 3]
    assert len({(it["ResourceId"], it["Key"]) for page in pages for it in page["Tags"]}) == 24
    assert refused(ec2.describe_tags, MaxResults=4)[0] == "InvalidParameterValue"
    assert refused(ec2.describe_tags, NextToken="x")[0] == "InvalidNextToken"
    assert refused(ec2.describe_tags, Filters=[{"Name": "colour", "Values": ["x"]}])[0] == "InvalidParameterValue"


def test_refused_tags(ec2, vpc):
    def tagged(*tags, resources=(vpc,)):
        return refused(ec2.create_tags, Resources=list(resources), Tags=[{"Key": k, "Value": v} for k, v in tags])
    assert tagged(("aws:x", "1")) == ("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use")
    assert tagged(("", "1"))[0] == tagged(("k" * 129, "1"))[0] == tagged(("k", "v" * 257))[0] == "InvalidParameterValue"
    assert tagged(("k", "1"), ("k", "2")) == ("InvalidParameterValue", "Duplicate tag key 'k' specified.")
    assert tagged(("k", "v"), resources=["nonsense"]) == ("InvalidID", "The ID 'nonsense' is not valid")
    assert tagged(("k", "v"), resources=["vpc-0123456789abcdef0"])[0] == "InvalidVpcID.NotFound"
    assert tagged(*((str(n), "") for n in range(51))) == (
        "TagLimitExceeded", "The maximum number of Tags for a resource has been reached.")
    assert ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [vpc]}])["Tags"] == []
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": str(n), "Value": ""} for n in range(50)])


def test_refused_tag_specifications(ec2):
    def made(*specifications):
        return refused(ec2.create_vpc, CidrBlock="10.0.0.0/16", TagSpecifications=list(specifications))
    tags = [{"Key": "k", "Value": "v"}]
    assert made({"ResourceType": "subnet", "Tags": tags}) == (
        "InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation.")
    assert made({"ResourceType": "vpc", "Tags": []})[1] == "Tag specification must have at least one tag"
    assert made({"Tags": tags})[0] == "InvalidParameterValue"
    assert made(*[{"ResourceType": "vpc", "Tags": tags}] * 2)[0] == "InvalidParameterValue"
    assert made({"ResourceType": "vpc", "Tags": [{"Key": "aws:k", "Value": "v"}]})[0] == "InvalidParameterValue"
