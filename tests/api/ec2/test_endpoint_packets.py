# SPDX-License-Identifier: Apache-2.0
"""VPC endpoints with packets: the stock CLI in instances that have no way to the internet reaches services."""
import ipaddress
import json
import signal
import subprocess
import types

import pytest

from harness import PROGRAM
from machines import Machines, root, soon
from points import localhost

AWS = "/usr/bin/aws"  # of the host, which instances see
KEYS = ("AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1",
        "AWS_EC2_METADATA_DISABLED=true")
EVERYBODY = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}

pytestmark = root


def address_of(ec2, service):
    """One of those that the region's endpoint of the service has."""
    found, = ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": [f"*.{service}"]}])["PrefixLists"]
    return str(ipaddress.ip_network(found["Cidrs"][0])[7])


def private_vpc(ec2):
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    inside = [{"Name": "vpc-id", "Values": [vpc]}]
    return types.SimpleNamespace(
        vpc=vpc, subnet=ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"],
        table=ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["RouteTableId"],
        group=ec2.describe_security_groups(Filters=inside)["SecurityGroups"][0]["GroupId"],
        acl=ec2.describe_network_acls(Filters=inside)["NetworkAcls"][0]["NetworkAclId"])


def gateway(ec2, place, service):
    made = ec2.create_vpc_endpoint(VpcId=place.vpc, ServiceName=f"com.amazonaws.us-east-1.{service}",
                                   RouteTableIds=[place.table])["VpcEndpoint"]
    return made["VpcEndpointId"]


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Caller:
    """The stock CLI in an instance."""

    def __init__(self, machines, subnet, address):
        self.machines, self.address = machines, address
        self.instance = machines.start(SubnetId=subnet)

    def call(self, *words):
        return self.machines.exec(self.instance, "env", *KEYS, AWS, "--endpoint-url", f"http://{self.address}",
                                  "--cli-connect-timeout", "1", *words)

    def says(self, *words):
        """What it prints; "" when it fails."""
        done = self.call(*words)
        return done.stdout if done.returncode == 0 else ""

    def get(self, bucket="bucket-one"):
        return self.says("s3", "cp", f"s3://{bucket}/k", "-")

    def denied(self, *words):
        done = self.call(*words)
        assert done.returncode, done.stdout
        return done.stderr


@pytest.fixture
def bucket(own_machines):
    s3 = own_machines.cloud.client("s3")
    s3.create_bucket(Bucket="bucket-one")
    s3.put_object(Bucket="bucket-one", Key="k", Body=b"hello")
    return s3


def test_s3_by_a_gateway_endpoint(own_machines, bucket):
    ec2 = own_machines.ec2
    place = private_vpc(ec2)
    caller = Caller(own_machines, place.subnet, address_of(ec2, "s3"))
    assert not caller.get()
    endpoint = gateway(ec2, place, "s3")
    soon(caller.get, "the object by the endpoint")
    assert caller.says("s3", "cp", "/etc/hostname", "s3://bucket-one/from-inside")
    assert bucket.get_object(Bucket="bucket-one", Key="from-inside")["Body"].read()
    # The endpoint's policy holds for the root user too, at once.
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy({**EVERYBODY, "Action": "s3:ListBucket"}))
    assert "from-inside" in caller.says("s3", "ls", "s3://bucket-one")
    assert "because no VPC endpoint policy allows the s3:GetObject action" in \
        caller.denied("s3api", "get-object", "--bucket", "bucket-one", "--key", "k", "/dev/null")
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy(
        EVERYBODY, {**EVERYBODY, "Effect": "Deny", "Action": "s3:GetObject"}))
    assert "with an explicit deny in a VPC endpoint policy" in \
        caller.denied("s3api", "get-object", "--bucket", "bucket-one", "--key", "k", "/dev/null")
    assert bucket.get_object(Bucket="bucket-one", Key="k")  # nobody else is concerned
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    assert caller.get() == "hello"
    # Only its own service is behind it, and nothing of the program's own pages.
    assert "AccessDenied" in caller.denied("dynamodb", "list-tables")
    assert own_machines.exec(caller.instance, "curl", "-s", f"http://{caller.address}/metrics").stdout.count("kintoun_") == 0
    own_machines.cloud.restart(signal.SIGKILL)
    soon(caller.get, "the object after a restart")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    soon(lambda: not caller.get(), "the end of the way")


def test_groups_and_lists_hold_on_the_way(own_machines, bucket):
    ec2 = own_machines.ec2
    place = private_vpc(ec2)
    gateway(ec2, place, "s3")
    caller = Caller(own_machines, place.subnet, address_of(ec2, "s3"))
    soon(caller.get, "the object by the endpoint")
    all_out = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=place.group, IpPermissions=all_out)
    soon(lambda: not caller.get(), "what the group does not let out")
    ec2.authorize_security_group_egress(GroupId=place.group, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "PrefixListIds": [{"PrefixListId": "pl-63a5400a"}]}])
    soon(caller.get, "what the prefix list lets out")
    entry = {"NetworkAclId": place.acl, "RuleNumber": 1, "Protocol": "6", "RuleAction": "deny",
             "PortRange": {"From": 1024, "To": 65535}, "CidrBlock": f"{caller.address}/32", "Egress": False}
    ec2.create_network_acl_entry(**entry)
    soon(lambda: not caller.get(), "answers that the list keeps out")


def test_dynamodb_by_a_gateway_endpoint(own_machines):
    ec2, dynamodb = own_machines.ec2, own_machines.cloud.client("dynamodb")
    dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
    dynamodb.get_waiter("table_exists").wait(TableName="table")
    place = private_vpc(ec2)
    endpoint = gateway(ec2, place, "dynamodb")
    caller = Caller(own_machines, place.subnet, address_of(ec2, "dynamodb"))
    soon(lambda: caller.says("dynamodb", "list-tables"), "DynamoDB by the endpoint")
    caller.says("dynamodb", "put-item", "--table-name", "table", "--item", '{"k": {"S": "inside"}}')
    assert dynamodb.get_item(TableName="table", Key={"k": {"S": "inside"}})["Item"]
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy({**EVERYBODY, "Action": "dynamodb:List*"}))
    assert "because no VPC endpoint policy allows the dynamodb:GetItem action" in \
        caller.denied("dynamodb", "get-item", "--table-name", "table", "--key", '{"k": {"S": "inside"}}')


def test_bucket_policies_tell_endpoints_and_vpcs_apart(own_machines, bucket):
    """Two VPCs with the same addresses."""
    ec2 = own_machines.ec2
    places = [private_vpc(ec2) for _ in range(2)]
    endpoints = [gateway(ec2, it, "s3") for it in places]
    callers = [Caller(own_machines, it.subnet, address_of(ec2, "s3")) for it in places]
    inside = [own_machines.look(it.instance)["PrivateIpAddress"] for it in callers]
    assert inside[0] == inside[1]
    for it in callers:
        soon(it.get, "the object by the endpoint")
    only = {"aws:SourceVpce": endpoints[0], "aws:SourceVpc": places[0].vpc}
    for key, value in only.items():
        bucket.put_bucket_policy(Bucket="bucket-one", Policy=policy(
            {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket-one/*",
             "Condition": {"StringNotEquals": {key: value}}}))
        assert [it.get() for it in callers] == ["hello", ""]
        with pytest.raises(bucket.exceptions.ClientError):
            bucket.get_object(Bucket="bucket-one", Key="k")  # by no endpoint
    bucket.put_bucket_policy(Bucket="bucket-one", Policy=policy(
        {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket-one/*",
         "Condition": {"IpAddress": {"aws:VpcSourceIp": f"{inside[0]}/32"}, "Null": {"aws:SourceIp": "true"}}}))
    assert [it.get() for it in callers] == ["", ""]
    assert bucket.get_object(Bucket="bucket-one", Key="k")


def test_an_interface_endpoint(own_machines):
    ec2 = own_machines.ec2
    place = private_vpc(ec2)
    made = ec2.create_vpc_endpoint(VpcEndpointType="Interface", VpcId=place.vpc, SubnetIds=[place.subnet],
                                   ServiceName="com.amazonaws.us-east-1.sts")["VpcEndpoint"]
    interface, = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"]
    caller = Caller(own_machines, place.subnet, interface["PrivateIpAddress"])
    own_address = own_machines.look(caller.instance)["PrivateIpAddress"]
    ask = ("sts", "get-caller-identity")
    soon(lambda: caller.says(*ask), "STS at an address of the VPC")
    assert "AccessDenied" in caller.denied("s3", "ls")
    # The endpoint's own group decides who comes in.
    closed = ec2.create_security_group(GroupName="closed", Description="d", VpcId=place.vpc)["GroupId"]
    change = {"VpcEndpointId": made["VpcEndpointId"]}
    ec2.modify_vpc_endpoint(**change, AddSecurityGroupIds=[closed], RemoveSecurityGroupIds=[place.group])
    soon(lambda: not caller.says(*ask), "what the endpoint's group keeps out")
    ec2.authorize_security_group_ingress(GroupId=closed, IpPermissions=[
        {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": place.group}]}])
    soon(lambda: caller.says(*ask), "what the endpoint's group lets in")
    own_machines.cloud.stop()
    audit = subprocess.run([PROGRAM, "audit", "--data", own_machines.cloud.data], capture_output=True, text=True, check=True)
    seen = [json.loads(it) for it in audit.stdout.splitlines()]
    assert [it["sourceIPAddress"] for it in seen if it.get("vpcEndpointId") == made["VpcEndpointId"]][-1] == \
        own_address
    own_machines.cloud.start()
    soon(lambda: caller.says(*ask), "STS after a restart")
    ec2.delete_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])
    soon(lambda: not caller.says(*ask), "the end of the endpoint")


def test_names(own_machines, bucket):
    """What clients use who are told nothing but the name of the service."""
    ec2 = own_machines.ec2
    place = private_vpc(ec2)
    ec2.modify_vpc_attribute(VpcId=place.vpc, EnableDnsHostnames={"Value": True})
    gateway(ec2, place, "s3")
    made = ec2.create_vpc_endpoint(VpcEndpointType="Interface", VpcId=place.vpc, SubnetIds=[place.subnet],
                                   ServiceName="com.amazonaws.us-east-1.sts")["VpcEndpoint"]
    interface, = ec2.describe_network_interfaces(NetworkInterfaceIds=made["NetworkInterfaceIds"])["NetworkInterfaces"]
    caller = Caller(own_machines, place.subnet, "s3.us-east-1.amazonaws.com")

    def addresses(name):
        lines = own_machines.exec(caller.instance, "getent", "ahostsv4", name).stdout.splitlines()
        return {it.split()[0] for it in lines}
    assert caller.get() == "hello"  # by the bucket's own name: bucket-one.s3.us-east-1.amazonaws.com
    assert addresses("bucket-one.s3.us-east-1.amazonaws.com") == addresses("s3.us-east-1.amazonaws.com") != set()
    for entry in made["DnsEntries"]:
        assert addresses(entry["DnsName"]) == {interface["PrivateIpAddress"]}
    caller.address = made["DnsEntries"][0]["DnsName"]
    assert caller.says("sts", "get-caller-identity")
    # Private DNS: the service's own name is the endpoint's from now on, and no more when that is taken back.
    for private in (True, False):
        ec2.modify_vpc_endpoint(VpcEndpointId=made["VpcEndpointId"], PrivateDnsEnabled=private)
        found = addresses("sts.us-east-1.amazonaws.com")
        assert (found == {interface["PrivateIpAddress"]}) == private
        caller.address = "sts.us-east-1.amazonaws.com"
        assert not private or caller.says("sts", "get-caller-identity")


def test_an_access_point_of_a_vpc(own_machines, bucket):
    """Its own VPC comes in, and nobody else."""
    account = "000000000000"
    arn = f"arn:aws:s3:us-east-1:{account}:accesspoint/inner"
    ec2, cloud = own_machines.ec2, own_machines.cloud
    mine, other = private_vpc(ec2), private_vpc(ec2)
    endpoint = gateway(ec2, mine, "s3")
    gateway(ec2, other, "s3")
    control = localhost(cloud, "s3control", "test")
    alias = control.create_access_point(AccountId=account, Name="inner", Bucket="bucket-one",
                                        VpcConfiguration={"VpcId": mine.vpc})["Alias"]
    inside, elsewhere = (Caller(own_machines, it.subnet, address_of(ec2, "s3")) for it in (mine, other))
    assert soon(lambda: inside.get(alias), "the object by the access point") == "hello"
    assert inside.says("s3", "cp", "/etc/hostname", f"s3://{alias}/from-inside")
    assert bucket.get_object(Bucket="bucket-one", Key="from-inside")["Body"].read()
    assert "from-inside" in inside.says("s3", "ls", f"s3://{alias}")
    # The other VPC's endpoint leads to the bucket, but not through this access point; nor do requests by no endpoint.
    soon(elsewhere.get, "the object by the bucket's own name")
    reason = "with an explicit deny in a resource-based policy"
    assert f's3:GetObject on resource: "{arn}/object/k" {reason}' in \
        elsewhere.denied("s3api", "get-object", "--bucket", alias, "--key", "k", "/dev/null")
    with pytest.raises(bucket.exceptions.ClientError, match=reason):
        bucket.list_objects_v2(Bucket=alias)
    # The endpoint's policy has to admit the access point and the bucket.
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy({**EVERYBODY, "Resource": f"{arn}/object/*"}))
    assert "because no VPC endpoint policy allows" in \
        inside.denied("s3api", "get-object", "--bucket", alias, "--key", "k", "/dev/null")
    ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=policy(
        {**EVERYBODY, "Resource": [f"{arn}/object/*", "arn:aws:s3:::bucket-one/*"]}))
    assert inside.get(alias) == "hello"
    # Buckets that give everything to their access points: what may be done is said there.
    bucket.put_bucket_policy(Bucket="bucket-one", Policy=policy(
        {**EVERYBODY, "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket-one/*",
         "Condition": {"StringNotEquals": {"s3:AccessPointNetworkOrigin": "VPC"}}}))
    assert (inside.get(alias), inside.get(), elsewhere.get()) == ("hello", "", "")
