# SPDX-License-Identifier: Apache-2.0
"""HTTPS at VPC endpoints: stock clients in an instance know nothing but their region, and check every certificate."""
import ipaddress
import json
import os
import signal
import subprocess
import types

import botocore.exceptions
import pytest

from machines import root, soon

AWS, CURL, PYTHON, NODE, OPENSSL = "/usr/bin/aws", "/usr/bin/curl", "/usr/bin/python3", "/usr/bin/node", "/usr/bin/openssl"
REGION = "AWS_DEFAULT_REGION=us-east-1"
S3_HOST = "s3.us-east-1.amazonaws.com"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}

pytestmark = [root, pytest.mark.skipif(not os.path.exists(AWS), reason="needs the AWS CLI inside")]


def allow(**more):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", **more}]})


def deny(condition, action="s3:GetObject", resource="arn:aws:s3:::inside/*"):
    return json.dumps({"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource, "Condition": condition}]})


class Inside:
    """One instance of a VPC without any way to the internet, with a role that may do anything."""

    def __init__(self, machines):
        self.machines, self.ec2, self.cloud = machines, machines.ec2, machines.cloud
        iam = self.cloud.client("iam")
        iam.create_role(RoleName="Worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        iam.put_role_policy(RoleName="Worker", PolicyName="all", PolicyDocument=allow())
        iam.create_instance_profile(InstanceProfileName="Worker")
        iam.add_role_to_instance_profile(InstanceProfileName="Worker", RoleName="Worker")
        self.vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.ec2.modify_vpc_attribute(VpcId=self.vpc, EnableDnsHostnames={"Value": True})
        self.subnet = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        inside = [{"Name": "vpc-id", "Values": [self.vpc]}]
        self.table = self.ec2.describe_route_tables(Filters=inside)["RouteTables"][0]["RouteTableId"]
        self.group = self.ec2.describe_security_groups(Filters=inside)["SecurityGroups"][0]["GroupId"]
        self.instance = machines.start(SubnetId=self.subnet, IamInstanceProfile={"Name": "Worker"},
                                       UserData="#!/bin/sh\necho bundle=$AWS_CA_BUNDLE")

    def gateway(self, service):
        return self.ec2.create_vpc_endpoint(VpcId=self.vpc, ServiceName=f"com.amazonaws.us-east-1.{service}",
                                            RouteTableIds=[self.table])["VpcEndpoint"]["VpcEndpointId"]

    def interface(self, service, private=True):
        made = self.ec2.create_vpc_endpoint(VpcEndpointType="Interface", VpcId=self.vpc, SubnetIds=[self.subnet],
                                            ServiceName=f"com.amazonaws.{service}", PrivateDnsEnabled=private)["VpcEndpoint"]
        soon(lambda: self.ec2.describe_vpc_endpoints(VpcEndpointIds=[made["VpcEndpointId"]])["VpcEndpoints"][0]["State"] ==
             "available", "the endpoint")
        return types.SimpleNamespace(id=made["VpcEndpointId"], names=[it["DnsName"] for it in made["DnsEntries"]])

    def run(self, *words):
        return self.machines.exec(self.instance, *words)

    def aws(self, *words):
        """What the CLI says that is told nothing but the region; "" when it fails."""
        done = self.run("env", REGION, "AWS_MAX_ATTEMPTS=1", AWS, "--cli-connect-timeout", "2", *words)
        return done.stdout if done.returncode == 0 else ""

    def fails(self, *words):
        done = self.run("env", REGION, "AWS_MAX_ATTEMPTS=1", AWS, "--cli-connect-timeout", "2", *words)
        assert done.returncode, done.stdout
        return done.stderr

    def python(self, text):
        done = self.run("env", REGION, PYTHON, "-c", text)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def get(self):
        return self.aws("s3", "cp", "s3://inside/k", "-")


@pytest.fixture
def inside(own_machines):
    return Inside(own_machines)


@pytest.fixture
def bucket(inside):
    s3 = inside.cloud.client("s3")
    s3.create_bucket(Bucket="inside")
    s3.put_object(Bucket="inside", Key="k", Body=b"hello")
    return s3


def test_the_cli_needs_nothing_but_a_region(inside, bucket):
    inside.cloud.client("kinesis").create_stream(StreamName="stream", ShardCount=1)
    for service in ("s3", "dynamodb"):
        inside.gateway(service)
    for service in ("us-east-1.sts", "us-east-1.kinesis-streams", "us-east-1.ec2", "iam"):
        inside.interface(service)
    soon(inside.get, "the object by the endpoint")
    assert "inside" in inside.aws("s3", "ls")
    assert inside.aws("s3", "cp", "/etc/hostname", "s3://inside/from-inside")
    assert bucket.get_object(Bucket="inside", Key="from-inside")["Body"].read()
    assert "TableNames" in inside.aws("dynamodb", "list-tables")
    assert f"assumed-role/Worker/{inside.instance}" in inside.aws("sts", "get-caller-identity")
    assert "stream" in inside.aws("kinesis", "list-streams")
    assert inside.vpc in inside.aws("ec2", "describe-vpcs")
    assert "Worker" in inside.aws("iam", "list-roles")
    # An older SDK, which calls S3 by its global name, and a stream by the account's.
    assert inside.python("import boto3; print(*[it['Name'] for it in boto3.client('s3').list_buckets()['Buckets']])") == "inside"
    name = "000000000000.control-kinesis.us-east-1.amazonaws.com"
    assert inside.run(CURL, "-s", "-o", "/dev/null", "-w", "%{http_code}", f"https://{name}/").stdout != "000"
    # What a process of the next day finds is the same authority.
    inside.cloud.restart(signal.SIGKILL)
    assert inside.get() == "hello"


def test_names_of_endpoints_themselves(inside, bucket):
    s3, sts = inside.interface("us-east-1.s3", private=False), inside.interface("us-east-1.sts", private=False)
    for name in sts.names:
        soon(lambda name=name: "Worker" in inside.aws("--endpoint-url", f"https://{name}", "sts", "get-caller-identity"), name)
    for name in s3.names:
        url = "https://" + name.replace("*", "bucket")
        assert inside.aws("--endpoint-url", url, "s3", "cp", "s3://inside/k", "-") == "hello", name
        by_path = inside.python("import boto3, botocore.config as c; print(boto3.client('s3', endpoint_url='" + url + "', config="
                                "c.Config(s3={'addressing_style': 'path'})).get_object(Bucket='inside', Key='k')['Body'].read())")
        assert by_path == "b'hello'"
    # Nobody answers for names that the endpoint does not have, whatever the address.
    address = inside.run("/usr/bin/getent", "ahostsv4", sts.names[0]).stdout.split()[0]
    for name, reason in (("example.org", 35), ("sts.amazonaws.com", 35), ("sts.us-east-1.amazonaws.com", 0)):
        done = inside.run(CURL, "-s", "-m", "5", "--resolve", f"{name}:443:{address}", f"https://{name}/")
        assert done.returncode == reason, (name, done.stderr)
    assert inside.run(CURL, "-s", "-m", "5", f"https://{address}/").returncode == 60
    assert inside.run(CURL, "-s", "-m", "5", "-k", f"https://{address}/").returncode == 0


def test_conditions_policies_and_groups_hold(inside, bucket):
    endpoint = inside.gateway("s3")
    soon(inside.get, "the object by the endpoint")
    prefixes, = inside.ec2.describe_prefix_lists(Filters=[{"Name": "prefix-list-name", "Values": ["*.s3"]}])["PrefixLists"]
    clear = ("--endpoint-url", f"http://{ipaddress.ip_network(prefixes['Cidrs'][0])[7]}")
    bucket.put_bucket_policy(Bucket="inside", Policy=deny({"Bool": {"aws:SecureTransport": "false"}}))
    assert inside.get() == "hello"
    assert not inside.aws(*clear, "s3", "cp", "s3://inside/k", "-")
    bucket.put_bucket_policy(Bucket="inside", Policy=deny({"Bool": {"aws:SecureTransport": "true"}}))
    assert inside.get() == ""
    for key, value in (("aws:SourceVpce", endpoint), ("aws:SourceVpc", inside.vpc)):
        bucket.put_bucket_policy(Bucket="inside", Policy=deny({"StringNotEquals": {key: value}}))
        assert inside.get() == "hello"
        bucket.put_bucket_policy(Bucket="inside", Policy=deny({"StringEquals": {key: value}}))
        assert inside.get() == ""
    bucket.delete_bucket_policy(Bucket="inside")
    inside.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, PolicyDocument=allow(Principal="*", Action="s3:ListBucket"))
    assert "because no VPC endpoint policy allows the s3:GetObject action" in \
        inside.fails("s3api", "get-object", "--bucket", "inside", "--key", "k", "/dev/null")
    inside.ec2.modify_vpc_endpoint(VpcEndpointId=endpoint, ResetPolicy=True)
    # Another service than the endpoint's is not behind it.
    assert "AccessDenied" in inside.fails("--endpoint-url", f"https://{S3_HOST}", "dynamodb", "list-tables")
    # Port 80 stays open where 443 is closed, and the other way round.
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    inside.ec2.revoke_security_group_egress(GroupId=inside.group, IpPermissions=everything)
    for port, ways in ((80, ["", "hello"]), (443, ["hello", ""])):
        out = [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "PrefixListIds": [{"PrefixListId": "pl-63a5400a"}]}]
        inside.ec2.authorize_security_group_egress(GroupId=inside.group, IpPermissions=out)
        soon(lambda ways=ways: [inside.get(), inside.aws(*clear, "s3", "cp", "s3://inside/k", "-")] == ways, f"port {port} alone")
        inside.ec2.revoke_security_group_egress(GroupId=inside.group, IpPermissions=out)
    soon(lambda: not inside.get(), "no port at all")


def code(call):
    """What it is refused with; None when it is not."""
    try:
        call()
    except botocore.exceptions.ClientError as refused:
        return refused.response["Error"]["Code"]


def test_credentials_stay_where_they_were_delivered(inside, bucket):
    """The usual policy against credentials that have left their instance, and what the other keys say."""
    inside.gateway("s3")
    soon(inside.get, "the object by the endpoint")
    iam, me = inside.cloud.client("iam"), inside.machines.look(inside.instance)
    account = me["NetworkInterfaces"][0]["OwnerId"]

    def when(**condition):
        iam.put_role_policy(RoleName="Worker", PolicyName="all", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}]}))
    for value, works in (("${aws:SourceVpc}", "hello"), (inside.vpc, "hello"), ("vpc-0123456789abcdef0", "")):
        when(StringEquals={"aws:Ec2InstanceSourceVpc": value})
        assert inside.get() == works, value
    when(StringEquals={"aws:Ec2InstanceSourcePrivateIPv4": "${aws:VpcSourceIp}"})
    assert inside.get() == "hello"
    arn = f"arn:aws:ec2:us-east-1:{account}:instance/{inside.instance}"
    for value, works in ((arn, "hello"), (arn + "0", "")):
        when(ArnEquals={"ec2:SourceInstanceARN": value})
        assert inside.get() == works
    # Taken out of the instance they are of no use where the policy says so.
    token = ("T=$(curl -s -X PUT http://169.254.169.254/latest/api/token -H X-aws-ec2-metadata-token-ttl-seconds:60); "
             "curl -s -H X-aws-ec2-metadata-token:$T ")
    inside.ec2.modify_instance_metadata_options(InstanceId=inside.instance, HttpTokens="optional")
    for way, delivery in ((token, "2.0"), ("curl -s ", "1.0")):
        got = json.loads(inside.run("sh", "-c", way + "http://169.254.169.254/latest/meta-data/iam/security-credentials/Worker").stdout)
        s3 = inside.cloud.client("s3", key=got["AccessKeyId"], secret=got["SecretAccessKey"], token=got["Token"])
        when(NumericLessThan={"ec2:RoleDelivery": "2.0"})
        assert (code(s3.list_buckets) is None) == (delivery == "1.0")
        when(StringEquals={"ec2:RoleDelivery": delivery})
        assert s3.list_buckets()["Buckets"]
        when(StringEquals={"aws:Ec2InstanceSourceVpc": "${aws:SourceVpc}"})
        assert code(s3.list_buckets) == "AccessDenied"


SESSION = "import ssl, socket; s = ssl.create_default_context().wrap_socket(socket.create_connection(('{0}', 443)), " \
    "server_hostname='{0}'); print(s.version())"
FETCH = "require('https').get('https://{0}/', (reply) => {{ console.log(reply.statusCode); process.exit() }})"


def test_whom_an_instance_trusts(inside, bucket):
    inside.gateway("s3")
    soon(inside.get, "the object by the endpoint")
    inside.machines.says(inside.instance, "bundle=/etc/ssl/certs/ca-certificates.crt")  # in user data
    assert "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt" in inside.run("cat", "/etc/environment").stdout
    assert inside.python("import os; print(os.environ['AWS_CA_BUNDLE'])") == "/etc/ssl/certs/ca-certificates.crt"
    assert inside.python(SESSION.format(S3_HOST)) == "TLSv1.3"
    assert inside.run(CURL, "-s", "-o", "/dev/null", "-w", "%{http_version}", f"https://{S3_HOST}/").stdout == "2"
    assert inside.run(CURL, "-s", "-o", "/dev/null", f"https://a.b.{S3_HOST}/").returncode == 60  # as on AWS: one label
    if os.path.exists(NODE):
        assert inside.run("env", "-u", "NODE_EXTRA_CA_CERTS", NODE, "-e", FETCH.format(S3_HOST)).returncode in (0, 1)
        assert inside.run(NODE, "-e", FETCH.format(S3_HOST)).stdout.strip() == "403"
    authority = (inside.cloud.data / "ca-cert.pem").read_text()
    assert inside.run("cat", "/usr/local/share/ca-certificates/kintoun.crt").stdout == authority
    assert inside.run("cat", "/etc/ssl/certs/ca-certificates.crt").stdout.count(authority) == 1
    assert not inside.run("ls", str(inside.cloud.data / "ca-key.pem")).stdout
    # Once, however often it boots, and also where the tools of the system write the bundle anew.
    inside.ec2.reboot_instances(InstanceIds=[inside.instance])
    soon(lambda: inside.machines.console(inside.instance).count("has booted") == 2, "the second boot")
    assert inside.run("cat", "/etc/ssl/certs/ca-certificates.crt").stdout.count(authority) == 1
    assert inside.run("/usr/sbin/update-ca-certificates").returncode == 0
    assert inside.get() == "hello"
    found = subprocess.run([OPENSSL, "x509", "-noout", "-text", "-in", inside.cloud.data / "ca-cert.pem"],
                           capture_output=True, text=True, check=True).stdout
    assert "DNS:amazonaws.com" in found and "CA:TRUE" in found  # it may speak for AWS's names only
