# SPDX-License-Identifier: Apache-2.0
"""VPC endpoints: what is told of them, what they are made of, and refusals."""
import json

import pytest

from harness import Cloud
from refusals import refused, wait_for

S3, STS = "com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.sts"
GONE = "vpce-0123456789abcdef0"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may be moved."""
    it = Cloud(tmp_path_factory.mktemp("moved")).start()
    yield it
    it.stop()
    it.end_fabric()


def described(ec2, endpoint):
    return ec2.describe_vpc_endpoints(VpcEndpointIds=[endpoint])["VpcEndpoints"][0]


def state(ec2, endpoint):
    return described(ec2, endpoint)["State"]


@pytest.fixture
def make(ec2, vpc):
    made = []

    def make(service=STS, kind="Interface", **more):
        it = ec2.create_vpc_endpoint(**{"VpcId": vpc, "ServiceName": service, "VpcEndpointType": kind, **more})["VpcEndpoint"]
        made.append(it["VpcEndpointId"])
        wait_for(lambda: state(ec2, it["VpcEndpointId"]) == "available")
        return it
    yield make
    ec2.delete_vpc_endpoints(VpcEndpointIds=made or [GONE])
    there = [{"Name": "vpc-endpoint-id", "Values": made}, {"Name": "vpc-endpoint-state", "Values": ["available", "deleting"]}]
    wait_for(lambda: not made or not ec2.describe_vpc_endpoints(Filters=there)["VpcEndpoints"])


def tables(ec2, vpc, count):
    return [ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"] for _ in range(count)]


def subnet(ec2, vpc, number, zone="us-east-1a"):
    return ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]


def routes(ec2, table):
    return [(it.get("DestinationPrefixListId"), it["GatewayId"], it["State"]) for it in ec2.describe_route_tables(
        RouteTableIds=[table])["RouteTables"][0]["Routes"] if "DestinationPrefixListId" in it]


def test_a_gateway_endpoint_is_routes(ec2, vpc, make):
    first, second = tables(ec2, vpc, 2)
    made = make(S3, "Gateway", RouteTableIds=[first],
                TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [{"Key": "k", "Value": "v"}]}])
    endpoint = made["VpcEndpointId"]
    assert (made["State"], made["RouteTableIds"], made["Tags"]) == ("available", [first], [{"Key": "k", "Value": "v"}])
    assert json.loads(made["PolicyDocument"])["Statement"] == [
        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]
    assert routes(ec2, first) == [("pl-63a5400a", endpoint, "active")]
    change = {"VpcEndpointId": endpoint}
    assert ec2.modify_vpc_endpoint(**change, AddRouteTableIds=[second], RemoveRouteTableIds=[first])["Return"]
    assert (routes(ec2, first), routes(ec2, second)) == ([], [("pl-63a5400a", endpoint, "active")])
    assert described(ec2, endpoint)["RouteTableIds"] == [second]
    assert refused(ec2.modify_vpc_endpoint, **change, AddRouteTableIds=[second]) == (
        "RouteAlreadyExists", f"route table {second} already has a route with destination-prefix-list-id pl-63a5400a")
    assert refused(ec2.modify_vpc_endpoint, **change, RemoveRouteTableIds=[first])[0] == "InvalidRoute.NotFound"
    assert refused(ec2.delete_route, RouteTableId=second, DestinationPrefixListId="pl-63a5400a")[0] == "InvalidParameterValue"
    assert refused(ec2.delete_vpc, VpcId=vpc)[0] == "DependencyViolation"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert routes(ec2, second) == []


def test_an_interface_endpoint_is_interfaces(ec2, vpc, make):
    one, two = subnet(ec2, vpc, 1), subnet(ec2, vpc, 2, "us-east-1b")
    made = make(SubnetIds=[one], SubnetConfigurations=[{"SubnetId": one, "Ipv4": "10.0.1.77"}])
    endpoint = made["VpcEndpointId"]
    assert (made["State"], made["IpAddressType"], made["SubnetIds"]) == ("pending", "ipv4", [one])
    assert [it["GroupName"] for it in made["Groups"]] == ["default"]
    names = [it["DnsName"] for it in made["DnsEntries"]]
    assert len(names) == 2 and all(it.startswith(endpoint) and it.endswith(".sts.us-east-1.vpce.amazonaws.com") for it in names)
    interface, = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"]
    assert (interface["InterfaceType"], interface["RequesterManaged"], interface["Status"], interface["PrivateIpAddress"],
            interface["Description"]) == ("vpc_endpoint", True, "in-use", "10.0.1.77", f"VPC Endpoint Interface {endpoint}")
    assert refused(ec2.delete_network_interface, NetworkInterfaceId=interface["NetworkInterfaceId"])[0] == "InvalidParameterValue"
    assert refused(ec2.delete_subnet, SubnetId=one)[0] == "DependencyViolation"
    change = {"VpcEndpointId": endpoint}
    ec2.modify_vpc_endpoint(**change, AddSubnetIds=[two])
    assert described(ec2, endpoint)["SubnetIds"] == [one, two]
    ec2.modify_vpc_endpoint(**change, RemoveSubnetIds=[one])
    ec2.delete_subnet(SubnetId=one)
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=vpc)["GroupId"]
    ec2.modify_vpc_endpoint(**change, AddSecurityGroupIds=[group], RemoveSecurityGroupIds=[made["Groups"][0]["GroupId"]])
    interface, = ec2.describe_network_interfaces(Filters=[{"Name": "subnet-id", "Values": [two]}])["NetworkInterfaces"]
    assert [it["GroupId"] for it in interface["Groups"]] == [group]
    assert refused(ec2.delete_security_group, GroupId=group)[0] == "DependencyViolation"
    assert refused(ec2.modify_vpc_endpoint, **change, RemoveSecurityGroupIds=[group])[0] == "InvalidParameter"
    assert refused(ec2.modify_vpc_endpoint, **change, AddSubnetIds=[subnet(ec2, vpc, 3, "us-east-1b")])[0] == \
        "DuplicateSubnetsInSameZone"
    assert refused(ec2.modify_vpc_endpoint, **change, RemoveSubnetIds=[one])[0] == "InvalidSubnetID.NotFound"
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    wait_for(lambda: state(ec2, endpoint) == "deleted")
    assert ec2.describe_network_interfaces(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["NetworkInterfaces"] == []
    ec2.delete_security_group(GroupId=group)


def test_what_is_told(cloud, ec2, vpc, make):
    made = [make(STS)["VpcEndpointId"], make(S3, "Gateway")["VpcEndpointId"]]
    inside = {"Name": "vpc-id", "Values": [vpc]}

    def found(name, value):
        asked = ec2.describe_vpc_endpoints(Filters=[inside, {"Name": name, "Values": [value]}])["VpcEndpoints"]
        return [it["VpcEndpointId"] for it in asked]
    assert found("service-name", STS) == found("vpc-endpoint-type", "Interface") == [made[0]]
    assert sorted(found("vpc-endpoint-state", "available")) == sorted(made)
    pages = [it["VpcEndpoints"] for it in ec2.get_paginator("describe_vpc_endpoints").paginate(
        Filters=[inside], PaginationConfig={"PageSize": 1})]
    assert sorted(it["VpcEndpointId"] for page in pages for it in page) == sorted(made)
    gone = ec2.delete_vpc_endpoints(VpcEndpointIds=[GONE])["Unsuccessful"]
    assert gone == [{"ResourceId": GONE, "Error": {"Code": "InvalidVpcEndpoint.NotFound",
                                                  "Message": f"The Vpc Endpoint Id '{GONE}' does not exist"}}]
    ec2.delete_vpc_endpoints(VpcEndpointIds=made)
    for it in made:
        wait_for(lambda it=it: state(ec2, it) == "deleted")
    assert refused(ec2.modify_vpc_endpoint, VpcEndpointId=made[0], ResetPolicy=True)[0] == "IncorrectState"
    cloud.advance(120)
    wait_for(lambda: not ec2.describe_vpc_endpoints(Filters=[inside])["VpcEndpoints"])


def test_it_survives(own_cloud):
    cloud = own_cloud()
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    made = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, RouteTableIds=tables(ec2, vpc, 1))["VpcEndpoint"]
    cloud.restart()
    assert described(ec2, made["VpcEndpointId"]) == made


def test_services(cloud, ec2):
    told = ec2.describe_vpc_endpoint_services()
    assert [it.removeprefix("com.amazonaws.us-east-1.") for it in told["ServiceNames"]] == [
        "com.amazonaws.iam", "dynamodb", "dynamodb-streams", "ec2", "kinesis-streams", "s3", "sts"]
    private = {it["ServiceName"]: [name["PrivateDnsName"] for name in it.get("PrivateDnsNames", [])] for it in told["ServiceDetails"]}
    assert private["com.amazonaws.iam"] == ["iam.amazonaws.com"]
    assert private["com.amazonaws.us-east-1.kinesis-streams"] == [
        f"{it}kinesis.us-east-1.amazonaws.com" for it in ("", "*.control-", "*.data-")]
    elsewhere = cloud.client("ec2", region="eu-west-1").describe_vpc_endpoint_services()["ServiceNames"]
    assert "com.amazonaws.iam" not in elsewhere and "com.amazonaws.eu-west-1.sts" in elsewhere
    both = ec2.describe_vpc_endpoint_services(ServiceNames=[S3])["ServiceDetails"]
    assert [it["ServiceType"][0]["ServiceType"] for it in both] == ["Gateway", "Interface"]
    assert len({it["ServiceId"] for it in told["ServiceDetails"]}) == len(told["ServiceDetails"]) == 9
    chosen = ec2.describe_vpc_endpoint_services(Filters=[{"Name": "service-type", "Values": ["Gateway"]}])
    assert [it["ServiceName"].rsplit(".", 1)[1] for it in chosen["ServiceDetails"]] == ["dynamodb", "s3"]
    page = ec2.describe_vpc_endpoint_services(MaxResults=5)
    rest = ec2.describe_vpc_endpoint_services(NextToken=page["NextToken"])
    assert page["ServiceDetails"] + rest["ServiceDetails"] == told["ServiceDetails"]
    assert refused(ec2.describe_vpc_endpoint_services, ServiceNames=["x"]) == (
        "InvalidServiceName", "The Vpc Endpoint Service 'x' does not exist")
    assert refused(ec2.describe_vpc_endpoint_services, NextToken="x")[0] == "InvalidNextToken"


def test_refusals(ec2, make_vpc, vpc):
    other = make_vpc("10.1.0.0/16")
    own, foreign = tables(ec2, vpc, 1)[0], tables(ec2, other, 1)[0]

    def code(service=S3, kind="Gateway", **more):
        return refused(ec2.create_vpc_endpoint, **{"VpcId": vpc, "ServiceName": service, "VpcEndpointType": kind, **more})[0]
    assert code("com.amazonaws.us-east-1.nothing") == code("com.amazonaws.eu-west-1.s3") == "InvalidServiceName"
    assert code(STS) == "InvalidParameter"  # no gateway leads there
    assert refused(ec2.create_vpc_endpoint, VpcId=vpc)[0] == "MissingParameter"
    assert code(VpcId="vpc-0123456789abcdef0") == "InvalidVpcID.NotFound"
    assert code(RouteTableIds=[foreign]) == "InvalidParameter"
    assert code(RouteTableIds=[own, own]) == "RouteAlreadyExists"
    for text in ("x", "{}", json.dumps({"Statement": []}), '{"a":"' + "x" * 20480 + '"}'):
        assert code(PolicyDocument=text) == "InvalidPolicyDocument"
    for more in ({"SubnetIds": ["subnet-1"]}, {"SecurityGroupIds": ["sg-1"]}, {"PrivateDnsEnabled": True}):
        assert code(**more) == "InvalidParameter"
    assert code(STS, "Interface", RouteTableIds=[own]) == "InvalidParameter"
    near, far = subnet(ec2, vpc, 9), ec2.create_subnet(VpcId=other, CidrBlock="10.1.1.0/24")["Subnet"]["SubnetId"]
    assert code(STS, "Interface", SubnetIds=[far]) == "InvalidParameter"
    assert code(STS, "Interface", SubnetIds=[near], SubnetConfigurations=[{"SubnetId": far, "Ipv4": "10.0.9.9"}]) == \
        "InvalidParameter"
    assert code(STS, "Interface", SubnetIds=[near], SubnetConfigurations=[{"SubnetId": near, "Ipv4": "x"}]) == \
        "InvalidParameterValue"
    private = {"service": STS, "kind": "Interface", "PrivateDnsEnabled": True}
    assert code(**private) == "InvalidParameter"  # without host names
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    ec2.delete_vpc_endpoints(VpcEndpointIds=[ec2.create_vpc_endpoint(
        VpcId=vpc, ServiceName=STS, VpcEndpointType="Interface", PrivateDnsEnabled=True)["VpcEndpoint"]["VpcEndpointId"]])
    assert code(**{**private, "service": "com.amazonaws.us-east-1.dynamodb"}) == "InvalidParameter"  # has no such name
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=other)["GroupId"]
    assert code(STS, "Interface", SubnetIds=[near], SecurityGroupIds=[group]) == "InvalidParameter"
    assert code(STS, "Interface", SecurityGroupIds=[group] * 11) == "SecurityGroupsPerInterfaceLimitExceeded"
    for more in ({"IpAddressType": "dualstack"}, {"ServiceRegion": "eu-west-1"}, {"DnsOptions": {"DnsRecordIpType": "ipv6"}},
                 {"DnsOptions": {"PrivateDnsOnlyForInboundResolverEndpoint": True}}, {"VpcEndpointType": "Resource"},
                 {"ResourceConfigurationArn": "arn:aws:vpc-lattice:us-east-1:000000000000:resourceconfiguration/rcfg-1"}):
        assert code(**more) == "UnsupportedOperation"
    assert refused(ec2.describe_vpc_endpoints, VpcEndpointIds=["x"])[0] == "InvalidVpcEndpointId.Malformed"
    assert refused(ec2.describe_vpc_endpoints, VpcEndpointIds=[GONE]) == (
        "InvalidVpcEndpointId.NotFound", f"The Vpc Endpoint Id '{GONE}' does not exist")
    assert refused(ec2.modify_vpc_endpoint, VpcEndpointId=GONE)[0] == "InvalidVpcEndpointId.NotFound"
    assert code(DryRun=True) == "DryRunOperation"
    assert refused(ec2.create_vpc_endpoint_service_configuration)[0] == "UnsupportedOperation"


def test_changes_that_are_refused(ec2, vpc, make):
    own = tables(ec2, vpc, 1)[0]
    through, beside = make(S3, "Gateway")["VpcEndpointId"], make(STS)["VpcEndpointId"]

    def code(endpoint, **more):
        return refused(ec2.modify_vpc_endpoint, VpcEndpointId=endpoint, **more)[0]
    assert code(through, ResetPolicy=True, PolicyDocument="{}") == "InvalidParameterCombination"
    assert code(through, PolicyDocument="{}") == "InvalidPolicyDocument"
    assert code(through, AddSubnetIds=["subnet-0123456789abcdef0"]) == code(through, PrivateDnsEnabled=True) == "InvalidParameter"
    assert code(beside, AddRouteTableIds=[own]) == "InvalidParameter"
    assert code(beside, IpAddressType="ipv6") == "UnsupportedOperation"


def test_private_dns(ec2, vpc, make):
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    one, two = (make(STS, SubnetIds=[subnet(ec2, vpc, it, f"us-east-1{'abc'[it]}")], PrivateDnsEnabled=it == 1)
                for it in (1, 2))
    assert [it["DnsName"] for it in one["DnsEntries"]][-1] == "sts.us-east-1.amazonaws.com"
    change = {"VpcEndpointId": two["VpcEndpointId"], "PrivateDnsEnabled": True}
    assert refused(ec2.modify_vpc_endpoint, **change) == (
        "InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain for "
        f"sts.us-east-1.amazonaws.com in the VPC {vpc}")
    ec2.modify_vpc_endpoint(VpcEndpointId=one["VpcEndpointId"], PrivateDnsEnabled=False)
    assert ec2.modify_vpc_endpoint(**change)["Return"] and described(ec2, two["VpcEndpointId"])["PrivateDnsEnabled"]


def test_tokens_and_limits(own_cloud):
    ec2 = own_cloud().client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def made(**more):
        it = ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3, ClientToken="t", **more)
        return it["ClientToken"], it["VpcEndpoint"]["VpcEndpointId"]
    assert made() == made()
    assert refused(made, PolicyDocument="{}")[0] == "IdempotentParameterMismatch"
    for _ in range(19):
        ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=S3)
    assert refused(ec2.create_vpc_endpoint, VpcId=vpc, ServiceName=S3)[0] == "VpcEndpointLimitExceeded"


def test_terraform(own_cloud, configuration):
    cloud = own_cloud()
    terraform = configuration(cloud, "terraform_endpoints")
    terraform.apply()
    terraform.expect_no_change()
    terraform.apply("-var=tables=2")
    cloud.restart()
    terraform.expect_no_change("-var=tables=2")
    ec2 = cloud.client("ec2")
    assert sorted(it["VpcEndpointType"] for it in ec2.describe_vpc_endpoints()["VpcEndpoints"]) == \
        ["Gateway", "Gateway", "Interface"]
    terraform.destroy("-var=tables=2")
    assert ec2.describe_network_interfaces()["NetworkInterfaces"] == []
    assert {it["State"] for it in ec2.describe_vpc_endpoints()["VpcEndpoints"]} <= {"deleted"}
