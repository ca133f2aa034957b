# SPDX-License-Identifier: Apache-2.0
"""Instance metadata, asked from inside: sessions and their refusals, what is told, and credentials of the role that work."""
import base64
import datetime
import json
import os
import signal
import subprocess

import botocore.exceptions
import pytest

from machines import root, soon

AWS = "/usr/bin/aws"  # of the host, which instances see
CURL = "/usr/bin/curl"
BASE = "http://169.254.169.254/"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
NOT_FOUND = """<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
\t"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>404 - Not Found</title>
 </head>
 <body>
  <h1>404 - Not Found</h1>
 </body>
</html>
"""

pytestmark = [root, pytest.mark.skipif(not os.path.exists(CURL), reason="needs curl inside")]


class Metadata:
    """What one instance is told."""

    def __init__(self, machines, instance):
        self.machines, self.instance = machines, instance

    def ask(self, path, *options):
        """Status and body."""
        done = self.machines.exec(self.instance, CURL, "-s", "-m", "20", "-w", "\n%{http_code}", *options, BASE + path)
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body

    def token(self, ttl=60):
        status, token = self.ask("latest/api/token", "-X", "PUT", "-H", f"X-aws-ec2-metadata-token-ttl-seconds: {ttl}")
        assert status == 200, token
        return token

    def get(self, path, token=None):
        status, body = self.ask(path, "-H", f"X-aws-ec2-metadata-token: {token or self.token()}")
        assert status == 200, f"{path}: {status}"
        return body

    def lines(self, path):
        return self.get(path).split("\n")


def launched(machines, **more):
    instance = machines.run(**more)["InstanceId"]
    machines.wait(instance, "running")
    metadata = Metadata(machines, instance)
    soon(lambda: metadata.ask("latest/api/token", "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60")[0] == 200,
         "the first token")
    return metadata


def test_sessions_and_refusals(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    it = launched(machines, MetadataOptions={"HttpTokens": "required"})
    put = ["latest/api/token", "-X", "PUT"]
    ttl = "X-aws-ec2-metadata-token-ttl-seconds: "
    token = it.token(21600)
    changed = token[:30] + ("A" if token[30] != "A" else "B") + token[31:]
    assert len(token) == 56
    assert it.ask(*put)[0] == 400
    for wrong in ("0", "21601", "six", "-1"):
        assert it.ask(*put, "-H", ttl + wrong)[0] == 400, wrong
    assert it.ask(*put, "-H", ttl + "60", "-H", "X-Forwarded-For: 10.0.0.1")[0] == 403
    assert it.ask("2021-03-23/api/token", "-X", "PUT", "-H", ttl + "60")[0] == 403
    assert it.ask("latest/meta-data/", "-X", "POST")[0] == 405
    assert it.ask("latest/meta-data/")[0] == 401
    assert it.ask("latest/meta-data/", "-H", "X-aws-ec2-metadata-token: " + changed)[0] == 401
    assert it.get("latest/meta-data/instance-id", token) == it.instance
    status, headers = it.ask("latest/meta-data/ami-id", "-D", "-", "-o", "/dev/null", "-H", "X-aws-ec2-metadata-token: " + token)
    assert status == 200 and "Server: EC2ws" in headers
    left = [line for line in headers.splitlines() if line.lower().startswith("x-aws-ec2-metadata-token-ttl-seconds: ")]
    assert 21500 < int(left[0].split(": ")[1]) <= 21600
    other = launched(machines)
    assert other.ask("latest/meta-data/", "-H", "X-aws-ec2-metadata-token: " + token)[0] == 401  # good for one instance
    short = it.token(60)
    machines.cloud.advance(61)
    assert it.ask("latest/meta-data/", "-H", "X-aws-ec2-metadata-token: " + short)[0] == 401
    ec2.modify_instance_metadata_options(InstanceId=it.instance, HttpTokens="optional")
    assert it.ask("latest/meta-data/instance-id") == (200, it.instance)
    assert it.ask("latest/meta-data/nothing") == (404, NOT_FOUND)
    ec2.modify_instance_metadata_options(InstanceId=it.instance, HttpEndpoint="disabled")
    assert it.ask("latest/meta-data/")[0] == 403 and it.ask(*put, "-H", ttl + "60")[0] == 403
    ec2.modify_instance_metadata_options(InstanceId=it.instance, HttpEndpoint="enabled")
    machines.cloud.restart(signal.SIGKILL)
    soon(lambda: it.ask("latest/meta-data/instance-id") == (200, it.instance), "an answer of the next process")


# Sees only answers that may pass more than one router.
FAR = """
import socket, sys
s = socket.socket()
s.settimeout(1)
s.setsockopt(socket.IPPROTO_IP, 21, int(sys.argv[1]))  # IP_MINTTL
s.connect(("169.254.169.254", 80))
s.sendall(b"PUT /latest/api/token HTTP/1.1\\r\\nHost: x\\r\\nX-aws-ec2-metadata-token-ttl-seconds: 60\\r\\n\\r\\n")
try:
    print(s.recv(12).decode())
except OSError:
    print("nothing")
"""


def test_ready_means_that_instances_are_answered(own_machines):
    """After a crash, too: no question meets a closed door once the process says that it is ready."""
    it = launched(own_machines, MetadataOptions={"HttpTokens": "optional"})
    for _ in range(5):
        own_machines.cloud.restart(signal.SIGKILL)
        assert it.ask("latest/meta-data/instance-id") == (200, it.instance)
        own_machines.cloud.restart(signal.SIGKILL)
        found = own_machines.exec(it.instance, "/usr/bin/getent", "hosts", "nobody.ec2.internal", "s3.us-east-1.amazonaws.com")
        assert "s3.us-east-1.amazonaws.com" in found.stdout


def test_tokens_travel_as_far_as_they_may(own_machines):
    machines = own_machines
    it = launched(machines, MetadataOptions={"HttpPutResponseHopLimit": 1})

    def answer(least):
        return machines.exec(it.instance, "/usr/bin/python3", "-c", FAR, str(least)).stdout.strip()

    assert answer(1) == "HTTP/1.1 200"
    assert answer(2) == "nothing"
    machines.ec2.modify_instance_metadata_options(InstanceId=it.instance, HttpPutResponseHopLimit=2)
    assert answer(2) == "HTTP/1.1 200"
    assert answer(3) == "nothing"


def test_what_is_told(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    ec2.create_key_pair(KeyName="mine")
    it = launched(machines, KeyName="mine", UserData="#cloud-config\nhello: world\n",
                  TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web 1"}]}],
                  MetadataOptions={"InstanceMetadataTags": "enabled"})
    shown = machines.look(it.instance)
    eni, = shown["NetworkInterfaces"]
    vpc, = ec2.describe_vpcs(VpcIds=[shown["VpcId"]])["Vpcs"]
    subnet, = ec2.describe_subnets(SubnetIds=[shown["SubnetId"]])["Subnets"]
    assert it.lines("")[0] == "1.0" and it.lines("")[-1] == "latest"
    assert it.lines("latest/") == ["dynamic", "meta-data", "user-data"]
    top = it.lines("latest/meta-data/")
    assert {"ami-id", "block-device-mapping/", "network/", "placement/", "public-keys/", "services/", "tags/"} <= set(top)
    assert "iam/" not in top
    assert it.lines("2021-03-23/meta-data") == top
    mac = f"latest/meta-data/network/interfaces/macs/{eni['MacAddress']}/"
    told = {
        "ami-id": shown["ImageId"], "ami-launch-index": "0", "instance-id": it.instance,
        "instance-type": "t3.micro", "local-ipv4": shown["PrivateIpAddress"], "hostname": shown["PrivateDnsName"],
        "local-hostname": shown["PrivateDnsName"], "mac": eni["MacAddress"],
        "public-ipv4": shown["PublicIpAddress"], "public-hostname": shown["PublicDnsName"],
        "security-groups": "default", "placement/availability-zone": shown["Placement"]["AvailabilityZone"],
        "placement/availability-zone-id": subnet["AvailabilityZoneId"], "placement/region": "us-east-1",
        "services/domain": "amazonaws.com", "services/partition": "aws", "tags/instance/": "Name",
        "tags/instance/Name": "web 1", "public-keys/": "0=mine", "public-keys/0/": "openssh-key",
        "block-device-mapping/root": shown["RootDeviceName"], "network/interfaces/macs/": eni["MacAddress"] + "/",
    }
    for path, value in told.items():
        assert it.get("latest/meta-data/" + path) == value, path
    assert it.get("latest/meta-data/public-keys/0/openssh-key").startswith("ssh-rsa ")
    of_mac = {
        "device-number": "0", "interface-id": eni["NetworkInterfaceId"], "local-ipv4s": shown["PrivateIpAddress"],
        "owner-id": eni["OwnerId"], "security-group-ids": eni["Groups"][0]["GroupId"], "subnet-id": shown["SubnetId"],
        "subnet-ipv4-cidr-block": subnet["CidrBlock"], "vpc-id": shown["VpcId"],
        "vpc-ipv4-cidr-block": vpc["CidrBlock"], "vpc-ipv4-cidr-blocks": vpc["CidrBlock"],
        "ipv4-associations/" + shown["PublicIpAddress"]: shown["PrivateIpAddress"],
    }
    for path, value in of_mac.items():
        assert it.get(mac + path) == value, path
    assert it.get("latest/user-data") == "#cloud-config\nhello: world\n"
    document = json.loads(it.get("latest/dynamic/instance-identity/document"))
    assert document["instanceId"] == it.instance and document["accountId"] == eni["OwnerId"]
    assert document["privateIp"] == shown["PrivateIpAddress"] and document["region"] == "us-east-1"
    assert document["pendingTime"] == shown["LaunchTime"].strftime("%Y-%m-%dT%H:%M:%SZ")
    ec2.modify_instance_metadata_options(InstanceId=it.instance, InstanceMetadataTags="disabled")
    assert it.ask("latest/meta-data/tags/instance/", "-H", "X-aws-ec2-metadata-token: " + it.token())[0] == 404


def test_signatures_of_the_identity_document(own_machines, tmp_path):
    """As AWS's page "Verify the instance identity document" has it, with this cloud's certificate."""
    it = launched(own_machines)
    place = "latest/dynamic/instance-identity/"
    assert it.lines(place) == ["document", "pkcs7", "rsa2048", "signature"]
    document = it.get(place + "document")
    certificate = own_machines.cloud.data / "identity-cert.pem"

    def openssl(*words, given=None):
        return subprocess.run(["openssl", *words], input=given, capture_output=True)
    for name in ("pkcs7", "rsa2048"):
        message = tmp_path / name
        message.write_text(f"-----BEGIN PKCS7-----\n{it.get(place + name)}\n-----END PKCS7-----\n")
        for trust in (("-certfile", certificate, "-noverify"),
                      ("-certfile", certificate, "-CAfile", own_machines.cloud.certificate, "-purpose", "any")):
            done = openssl("smime", "-verify", "-in", message, "-inform", "PEM", *trust)
            assert done.returncode == 0 and done.stdout.decode() == document, done.stderr
    key, signature = tmp_path / "key", tmp_path / "signature"
    key.write_bytes(openssl("x509", "-pubkey", "-noout", "-in", certificate).stdout)
    signature.write_bytes(base64.b64decode(it.get(place + "signature")))
    check = ("dgst", "-sha256", "-verify", key, "-signature", signature)
    assert openssl(*check, given=document.encode()).stdout == b"Verified OK\n"
    assert openssl(*check, given=document.replace(it.instance, "i-0").encode()).returncode == 1
    before = it.get(place + "signature")
    own_machines.cloud.restart(signal.SIGKILL)
    assert it.get(place + "signature") == before
    assert (own_machines.cloud.data / "identity-key.pem").stat().st_mode & 0o777 == 0o600


def test_nothing_keeps_an_instance_from_its_metadata(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    it = launched(machines)
    shown = machines.look(it.instance)
    closed = ec2.create_security_group(GroupName="closed", Description="nothing at all", VpcId=shown["VpcId"])["GroupId"]
    ec2.revoke_security_group_egress(GroupId=closed, IpPermissions=[{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}])
    ec2.modify_instance_attribute(InstanceId=it.instance, Groups=[closed])
    acl, = ec2.describe_network_acls(Filters=[{"Name": "vpc-id", "Values": [shown["VpcId"]]}])["NetworkAcls"]
    for egress in (True, False):
        ec2.create_network_acl_entry(NetworkAclId=acl["NetworkAclId"], RuleNumber=1, Protocol="-1", RuleAction="deny",
                                     Egress=egress, CidrBlock="0.0.0.0/0")
    assert it.get("latest/meta-data/security-groups") == "closed"


def test_vpcs_with_the_same_addresses(own_machines):
    """Two instances with one address, in two VPCs: each is told of itself."""
    machines, ec2, there = own_machines, own_machines.ec2, []
    for _ in range(2):
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        there.append(launched(machines, SubnetId=subnet, PrivateIpAddress="10.0.1.10"))
    for it in there:
        assert it.get("latest/meta-data/local-ipv4") == "10.0.1.10"
        assert it.get("latest/meta-data/instance-id") == it.instance


@pytest.fixture
def profile(own_machines):
    """An instance profile whose role may list buckets."""
    iam = own_machines.cloud.client("iam")
    iam.create_role(RoleName="Lister", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="Lister", PolicyName="list", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}]}))
    iam.create_instance_profile(InstanceProfileName="Lister")
    iam.add_role_to_instance_profile(InstanceProfileName="Lister", RoleName="Lister")
    return iam


def credentials(it):
    return json.loads(it.get("latest/meta-data/iam/security-credentials/Lister"))


def refused(call, **wish):
    """Code and text."""
    with pytest.raises(botocore.exceptions.ClientError) as refusal:
        call(**wish)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def denied(call):
    with pytest.raises(botocore.exceptions.ClientError) as refused:
        call()
    return refused.value.response["Error"]["Code"]


def test_credentials_of_the_role(own_machines, profile):
    machines, cloud = own_machines, own_machines.cloud
    it = launched(machines, IamInstanceProfile={"Name": "Lister"})
    assert it.get("latest/meta-data/iam/security-credentials/") == "Lister"
    info = json.loads(it.get("latest/meta-data/iam/info"))
    assert info["Code"] == "Success" and info["InstanceProfileArn"].endswith(":instance-profile/Lister")
    first = credentials(it)
    assert first["Code"] == "Success" and first["Type"] == "AWS-HMAC" and first["AccessKeyId"].startswith("ASIA")
    ends = datetime.datetime.fromisoformat(first["Expiration"].replace("Z", "+00:00"))
    begun = datetime.datetime.fromisoformat(first["LastUpdated"].replace("Z", "+00:00"))
    assert 5.9 < (ends - begun).total_seconds() / 3600 <= 6.1
    keys = {"key": first["AccessKeyId"], "secret": first["SecretAccessKey"], "token": first["Token"]}
    me = cloud.client("sts", **keys).get_caller_identity()
    assert me["Arn"].endswith(f":assumed-role/Lister/{it.instance}")
    s3 = cloud.client("s3", **keys)
    s3.list_buckets()
    assert denied(lambda: s3.create_bucket(Bucket="not-mine")) == "AccessDenied"
    machines.cloud.restart(signal.SIGKILL)
    soon(lambda: it.ask("latest/meta-data/", "-H", "X-aws-ec2-metadata-token: x")[0] == 401, "the next process")
    assert credentials(it) == first  # kept, and durable before they were told
    profile.delete_role_policy(RoleName="Lister", PolicyName="list")
    assert denied(cloud.client("s3", **keys).list_buckets) == "AccessDenied"
    cloud.advance(5 * 3600 + 60)
    second = credentials(it)
    assert second["AccessKeyId"] != first["AccessKeyId"]
    machines.cloud.restart()  # and the clock is right again
    soon(lambda: it.ask("latest/meta-data/", "-H", "X-aws-ec2-metadata-token: x")[0] == 401, "the next process")
    profile.update_assume_role_policy(RoleName="Lister", PolicyDocument=json.dumps(
        {**TRUST, "Statement": [{**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}]}))
    assert credentials(it)["Code"] == "AssumeRoleUnauthorizedAccess"
    profile.remove_role_from_instance_profile(InstanceProfileName="Lister", RoleName="Lister")
    profile.delete_instance_profile(InstanceProfileName="Lister")
    assert json.loads(it.get("latest/meta-data/iam/info"))["Code"] == "InstanceProfileNotFound"


def test_profiles_of_what_runs(own_machines, profile):
    machines, ec2 = own_machines, own_machines.ec2
    it = launched(machines)
    role = "latest/meta-data/iam/security-credentials/"
    assert it.ask(role, "-H", "X-aws-ec2-metadata-token: " + it.token())[0] == 404
    assert not ec2.describe_iam_instance_profile_associations()["IamInstanceProfileAssociations"]
    made = ec2.associate_iam_instance_profile(InstanceId=it.instance, IamInstanceProfile={"Name": "Lister"})["IamInstanceProfileAssociation"]
    assert made["State"] == "associating" and made["InstanceId"] == it.instance
    assert made["AssociationId"].startswith("iip-assoc-")
    assert it.get(role) == "Lister" and credentials(it)["Code"] == "Success"
    assert machines.look(it.instance)["IamInstanceProfile"] == made["IamInstanceProfile"]
    again = refused(ec2.associate_iam_instance_profile, InstanceId=it.instance, IamInstanceProfile={"Name": "Lister"})
    assert again == ("IncorrectState", f"There is an existing association for instance {it.instance}")
    profile.create_role(RoleName="Other", AssumeRolePolicyDocument=json.dumps(TRUST))
    profile.create_instance_profile(InstanceProfileName="Other")
    profile.add_role_to_instance_profile(InstanceProfileName="Other", RoleName="Other")
    found, = ec2.describe_iam_instance_profile_associations(AssociationIds=[made["AssociationId"]])["IamInstanceProfileAssociations"]
    assert found == {**made, "State": "associated"}
    second = ec2.replace_iam_instance_profile_association(
        AssociationId=made["AssociationId"], IamInstanceProfile={"Name": "Other"})["IamInstanceProfileAssociation"]
    assert second["AssociationId"] != made["AssociationId"] and it.get(role) == "Other"
    machines.cloud.restart(signal.SIGKILL)
    for filters in ([], [{"Name": "instance-id", "Values": [it.instance]}], [{"Name": "state", "Values": ["associated"]}]):
        found, = ec2.describe_iam_instance_profile_associations(Filters=filters)["IamInstanceProfileAssociations"]
        assert found["AssociationId"] == second["AssociationId"]
    none = [{"Name": "state", "Values": ["disassociating"]}]
    assert not ec2.describe_iam_instance_profile_associations(Filters=none)["IamInstanceProfileAssociations"]
    soon(lambda: it.ask(role)[0] == 401, "an answer of the next process")
    gone = ec2.disassociate_iam_instance_profile(AssociationId=second["AssociationId"])["IamInstanceProfileAssociation"]
    assert gone["State"] == "disassociating"
    assert it.ask(role, "-H", "X-aws-ec2-metadata-token: " + it.token())[0] == 404
    assert "IamInstanceProfile" not in machines.look(it.instance)
    for call in (ec2.disassociate_iam_instance_profile, ec2.replace_iam_instance_profile_association):
        more = {} if call == ec2.disassociate_iam_instance_profile else {"IamInstanceProfile": {"Name": "Other"}}
        assert refused(call, AssociationId=second["AssociationId"], **more)[0] == "InvalidAssociationID.NotFound"
        assert refused(call, AssociationId="i-1", **more) == ("InvalidParameterValue", "Invalid value for associationId.")
    assert refused(ec2.describe_iam_instance_profile_associations, AssociationIds=[second["AssociationId"]])[0] == "InvalidAssociationID.NotFound"
    assert refused(ec2.associate_iam_instance_profile, InstanceId=it.instance, IamInstanceProfile={})[0] == "MissingParameter"
    assert refused(ec2.associate_iam_instance_profile, InstanceId=it.instance, IamInstanceProfile={"Name": "Nobody"})[0] == "InvalidParameterValue"
    assert refused(ec2.associate_iam_instance_profile, InstanceId="i-0123456789abcdef0",
                   IamInstanceProfile={"Name": "Other"})[0] == "InvalidInstanceID.NotFound"
    ec2.terminate_instances(InstanceIds=[it.instance])
    machines.wait(it.instance, "terminated")
    assert refused(ec2.associate_iam_instance_profile, InstanceId=it.instance,
                   IamInstanceProfile={"Name": "Other"})[0] == "IncorrectInstanceState"


def test_defaults_of_the_account(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {"ManagedBy": "account"}
    assert ec2.modify_instance_metadata_defaults(HttpTokens="optional", HttpPutResponseHopLimit=5, InstanceMetadataTags="enabled")["Return"]
    machines.cloud.restart(signal.SIGKILL)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {
        "ManagedBy": "account", "HttpTokens": "optional", "HttpPutResponseHopLimit": 5, "InstanceMetadataTags": "enabled"}
    it = machines.run()
    options = machines.look(it["InstanceId"])["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["InstanceMetadataTags"]) == ("optional", 5, "enabled")
    other = machines.run(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1})
    options = machines.look(other["InstanceId"])["MetadataOptions"]
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"], options["InstanceMetadataTags"]) == ("required", 1, "enabled")
    ec2.modify_instance_metadata_defaults(HttpTokens="no-preference", HttpPutResponseHopLimit=-1)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"] == {"ManagedBy": "account", "InstanceMetadataTags": "enabled"}
    assert refused(ec2.modify_instance_metadata_defaults, HttpPutResponseHopLimit=65)[0] == "InvalidParameterValue"


def test_tokens_enforced_for_the_account(own_machines):
    machines, ec2 = own_machines, own_machines.ec2
    before = machines.run(MetadataOptions={"HttpTokens": "optional"})["InstanceId"]
    ec2.modify_instance_metadata_defaults(HttpTokensEnforced="enabled")
    machines.cloud.restart(signal.SIGKILL)
    assert ec2.get_instance_metadata_defaults()["AccountLevel"]["HttpTokensEnforced"] == "enabled"
    assert refused(machines.run, MetadataOptions={"HttpTokens": "optional"}) == (
        "UnsupportedOperation", "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. "
        "Either launch the instance with httpTokens=required or contact your account owner to disable httpTokensEnforced using the "
        "ModifyInstanceMetadataDefaults API or the account settings in the EC2 console.")
    after = machines.run()["InstanceId"]
    assert machines.look(after)["MetadataOptions"]["HttpTokens"] == "required"
    change = {"InstanceId": after, "HttpTokens": "optional"}
    assert refused(ec2.modify_instance_metadata_options, **change) == (
        "UnsupportedOperation", "You can't set httpTokens to 'optional' because httpTokensEnforced is enabled for this account.")
    # What ran before goes on, and may be changed in other ways.
    assert ec2.modify_instance_metadata_options(InstanceId=before, HttpPutResponseHopLimit=3)["InstanceMetadataOptions"]["HttpTokens"] == "optional"
    ec2.modify_instance_metadata_defaults(HttpTokens="optional")
    assert refused(machines.run)[0] == "UnsupportedOperation"  # by the account's own default
    ec2.modify_instance_metadata_defaults(HttpTokensEnforced="disabled")
    assert ec2.modify_instance_metadata_options(**change)["InstanceMetadataOptions"]["HttpTokens"] == "optional"


# The SDK inside finds its region and credentials by itself.
SDK = "import boto3; print(boto3.Session().get_credentials().access_key)"


@pytest.mark.skipif(not os.path.exists("/usr/lib/python3/dist-packages/boto3"), reason="needs Debian's boto3 inside")
def test_an_sdk_inside_finds_its_credentials(own_machines, profile):
    it = launched(own_machines, IamInstanceProfile={"Name": "Lister"})
    found = own_machines.exec(it.instance, "/usr/bin/python3", "-c", SDK)
    assert found.stdout.strip() == credentials(it)["AccessKeyId"], found.stderr


def test_the_cli_inside_has_the_role(own_machines, profile):
    """The stock CLI, told its region only, by an endpoint of a VPC that has no way to the internet."""
    machines, ec2 = own_machines, own_machines.ec2
    machines.cloud.client("s3").create_bucket(Bucket="seen-from-inside")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    table, = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [vpc]}])["RouteTables"]
    ec2.create_vpc_endpoint(VpcId=vpc, ServiceName="com.amazonaws.us-east-1.s3", RouteTableIds=[table["RouteTableId"]])
    it = launched(machines, SubnetId=subnet, IamInstanceProfile={"Name": "Lister"})

    def listed():
        return machines.exec(it.instance, "env", "AWS_DEFAULT_REGION=us-east-1", AWS, "s3", "ls")

    soon(lambda: "seen-from-inside" in listed().stdout, "the list of buckets")
    profile.delete_role_policy(RoleName="Lister", PolicyName="list")
    assert "AccessDenied" in listed().stderr
