# SPDX-License-Identifier: Apache-2.0
"""Subnets: their blocks, zones, attributes and end."""
import pytest

from refusals import refused


@pytest.fixture
def subnet(ec2, vpc):
    return ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1b")["Subnet"]


def test_a_new_subnet(ec2, vpc, subnet):
    assert subnet["State"] == "pending" and subnet["VpcId"] == vpc and subnet["CidrBlock"] == "10.0.1.0/24"
    assert (subnet["AvailabilityZone"], subnet["AvailabilityZoneId"]) == ("us-east-1b", "use1-az2")
    assert subnet["AvailableIpAddressCount"] == 251
    assert subnet["SubnetArn"] == f"arn:aws:ec2:us-east-1:{'0' * 12}:subnet/{subnet['SubnetId']}"
    assert not (subnet["DefaultForAz"] or subnet["MapPublicIpOnLaunch"] or subnet["AssignIpv6AddressOnCreation"])
    assert subnet["PrivateDnsNameOptionsOnLaunch"] == {
        "HostnameType": "ip-name", "EnableResourceNameDnsARecord": False, "EnableResourceNameDnsAAAARecord": False}
    ec2.get_waiter("subnet_available").wait(SubnetIds=[subnet["SubnetId"]])
    acl, = ec2.describe_network_acls(Filters=[{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}])["NetworkAcls"]
    assert acl["IsDefault"] and acl["Associations"][0]["NetworkAclAssociationId"].startswith("aclassoc-")
    ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    assert refused(ec2.describe_subnets, SubnetIds=[subnet["SubnetId"]]) == (
        "InvalidSubnetID.NotFound", f"The subnet ID '{subnet['SubnetId']}' does not exist")
    assert ec2.describe_network_acls(NetworkAclIds=[acl["NetworkAclId"]])["NetworkAcls"][0]["Associations"] == []


@pytest.mark.parametrize("cidr, free", [("10.0.0.0/16", 65531), ("10.0.255.240/28", 11), ("10.0.7.9/24", 251)])
def test_sizes(ec2, vpc, cidr, free):
    assert ec2.create_subnet(VpcId=vpc, CidrBlock=cidr)["Subnet"]["AvailableIpAddressCount"] == free


@pytest.mark.parametrize("cidr, code, text", [
    ("10.0.1.0/24", "InvalidSubnet.Conflict", "The CIDR '10.0.1.0/24' conflicts with another subnet"),
    ("10.0.1.128/25", "InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"),
    ("10.0.0.0/20", "InvalidSubnet.Conflict", "The CIDR '10.0.0.0/20' conflicts with another subnet"),
    ("10.1.0.0/24", "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."),
    ("10.0.0.0/15", "InvalidSubnet.Range", "The CIDR '10.0.0.0/15' is invalid."),
    ("10.0.2.0/29", "InvalidSubnet.Range", "The CIDR '10.0.2.0/29' is invalid."),
    ("10.0.2.0/x", "InvalidParameterValue",
     "Value (10.0.2.0/x) for parameter cidrBlock is invalid. This is not a valid CIDR block.")])
def test_refused_blocks(ec2, vpc, subnet, cidr, code, text):
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock=cidr) == (code, text)


def test_refused_creations(ec2, vpc):
    assert refused(ec2.create_subnet, VpcId=vpc)[0] == "MissingParameter"
    assert refused(ec2.create_subnet, CidrBlock="10.0.1.0/24") == (
        "MissingParameter", "The request must contain the parameter VpcId")
    assert refused(ec2.create_subnet, VpcId="vpc-0123456789abcdef0", CidrBlock="10.0.1.0/24")[0] == "InvalidVpcID.NotFound"
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1z") == (
        "InvalidParameterValue", "Value (us-east-1z) for parameter availabilityZone is invalid. Subnets can currently only "
        "be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, "
        "us-east-1f.")
    assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZone="us-east-1a",
                   AvailabilityZoneId="use1-az1")[0] == "InvalidParameterCombination"
    for unbuilt in ({"Ipv6Native": True}, {"OutpostArn": "arn:x"}, {"Ipv4IpamPoolId": "x"}):
        assert refused(ec2.create_subnet, VpcId=vpc, CidrBlock="10.0.1.0/24", **unbuilt)[0] == "UnsupportedOperation"
    made = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24", AvailabilityZoneId="use1-az3")["Subnet"]
    assert made["AvailabilityZone"] == "us-east-1c"


def test_attributes(ec2, subnet):
    it = subnet["SubnetId"]
    ec2.modify_subnet_attribute(SubnetId=it, MapPublicIpOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=it, PrivateDnsHostnameTypeOnLaunch="resource-name")
    ec2.modify_subnet_attribute(SubnetId=it, EnableResourceNameDnsARecordOnLaunch={"Value": True})
    ec2.modify_subnet_attribute(SubnetId=it, EnableDns64={"Value": False})
    now = ec2.describe_subnets(SubnetIds=[it])["Subnets"][0]
    assert now["MapPublicIpOnLaunch"] and now["PrivateDnsNameOptionsOnLaunch"] == {
        "HostnameType": "resource-name", "EnableResourceNameDnsARecord": True, "EnableResourceNameDnsAAAARecord": False}
    for unbuilt in ({"EnableDns64": {"Value": True}},
                    {"EnableLniAtDeviceIndex": 1}, {"MapCustomerOwnedIpOnLaunch": {"Value": True}}):
        assert refused(ec2.modify_subnet_attribute, SubnetId=it, **unbuilt)[0] == "UnsupportedOperation"


def test_two_vpcs_may_have_the_same_addresses(ec2, vpc, make_vpc, subnet):
    other = make_vpc()
    assert ec2.create_subnet(VpcId=other, CidrBlock=subnet["CidrBlock"])["Subnet"]["VpcId"] == other


def test_regions_and_accounts_are_apart(cloud, ec2, vpc):
    assert refused(cloud.client("ec2", region="eu-west-1").describe_vpcs, VpcIds=[vpc])[0] == "InvalidVpcID.NotFound"
