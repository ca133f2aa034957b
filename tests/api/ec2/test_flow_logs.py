# SPDX-License-Identifier: Apache-2.0
"""Flow logs: what they are made of, the bucket's consent, and files that tell of real packets."""
import datetime
import gzip
import json
import os
import re
import shutil
import signal
import time

import botocore.auth
import pytest

from identities import Account
from machines import Machines, root, soon
from outside import EDGE, PYTHON, Outside, fetched, serving
from refusals import refused

ACCOUNT = "0" * 12
DEFAULT = ("${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} "
           "${bytes} ${start} ${end} ${action} ${log-status}")
RICH = ("${version} ${interface-id} ${vpc-id} ${subnet-id} ${instance-id} ${az-id} ${region} ${type} ${srcaddr} ${dstaddr} "
        "${pkt-srcaddr} ${pkt-dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${tcp-flags} "
        "${flow-direction} ${traffic-path} ${pkt-dst-aws-service} ${action} ${log-status}")


@pytest.fixture
def wish(cloud, bucket, make_vpc):
    return {"ResourceIds": [make_vpc()], "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "s3",
            "LogDestination": f"arn:aws:s3:::{bucket}"}


def failure(ec2, **wish):
    made = ec2.create_flow_logs(**wish)
    assert not made["FlowLogIds"]
    item, = made["Unsuccessful"]
    assert item["ResourceId"] == wish["ResourceIds"][0]
    return item["Error"]["Code"], item["Error"]["Message"]


def test_create_describe_delete(cloud, ec2, wish, bucket):
    began = time.time()
    made = ec2.create_flow_logs(**wish, TagSpecifications=[
        {"ResourceType": "vpc-flow-log", "Tags": [{"Key": "k", "Value": bucket}]}])
    assert made["Unsuccessful"] == [] and made["ClientToken"]
    it, = made["FlowLogIds"]
    assert re.fullmatch("fl-[0-9a-f]{17}", it)
    told, = ec2.describe_flow_logs(FlowLogIds=[it])["FlowLogs"]
    assert told.pop("CreationTime").timestamp() >= began - 1  # the clock is moved forward by others
    assert told == {
        "DeliverLogsStatus": "SUCCESS", "FlowLogId": it, "FlowLogStatus": "ACTIVE", "LogDestination": wish["LogDestination"],
        "DestinationOptions": {"FileFormat": "plain-text", "HiveCompatiblePartitions": False, "PerHourPartition": False},
        "LogDestinationType": "s3", "LogFormat": DEFAULT, "MaxAggregationInterval": 600, "ResourceId": wish["ResourceIds"][0],
        "Tags": [{"Key": "k", "Value": bucket}], "TrafficType": "ALL"}
    for name, value in (("resource-id", wish["ResourceIds"][0]), ("tag:k", bucket), ("flow-log-id", it)):
        found = ec2.describe_flow_logs(Filter=[{"Name": name, "Values": [value]}])["FlowLogs"]
        assert [log["FlowLogId"] for log in found] == [it]
    assert failure(ec2, **wish) == (
        "FlowLogAlreadyExists", "Error. There is an existing Flow Log with the same configuration and log destination.")
    # The bucket's policy was made by it, as it was the caller's to make.
    policy = json.loads(cloud.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "delivery.logs.amazonaws.com"}
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::{bucket}/AWSLogs/{ACCOUNT}/*"
    cloud.restart()
    again = {**wish, "ClientToken": f"token-{bucket}", "TrafficType": "REJECT"}
    first = ec2.create_flow_logs(**again)["FlowLogIds"]
    assert ec2.create_flow_logs(**again)["FlowLogIds"] == first
    assert refused(ec2.create_flow_logs, **{**again, "TrafficType": "ACCEPT"})[0] == "IdempotentParameterMismatch"
    assert ec2.delete_flow_logs(FlowLogIds=[it, *first])["Unsuccessful"] == []
    assert refused(ec2.delete_flow_logs, FlowLogIds=[it]) == (
        "InvalidFlowLogId.NotFound", f"These flow log ids in the input list are not found: [TotalCount: 1] {it}")


def test_a_deleted_vpc_takes_them_along(ec2, wish, make_vpc):
    vpc = make_vpc()
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["CidrBlock"][:-2] + "24")
    of_vpc, = ec2.create_flow_logs(**{**wish, "ResourceIds": [vpc]})["FlowLogIds"]
    of_subnet, = ec2.create_flow_logs(**{**wish, "ResourceType": "Subnet",
                                         "ResourceIds": [subnet["Subnet"]["SubnetId"]]})["FlowLogIds"]
    other, = ec2.create_flow_logs(**wish)["FlowLogIds"]
    ec2.delete_subnet(SubnetId=subnet["Subnet"]["SubnetId"])
    ec2.delete_vpc(VpcId=vpc)
    assert [it["FlowLogId"] for it in ec2.describe_flow_logs(Filter=[
        {"Name": "flow-log-id", "Values": [of_vpc, of_subnet, other]}])["FlowLogs"]] == [other]


def test_refusals(cloud, ec2, wish, bucket, name):
    def why(**change):
        return refused(ec2.create_flow_logs, **{k: v for k, v in {**wish, **change}.items() if v is not None})
    assert why(LogGroupName="g") == ("InvalidParameter", "Please only provide LogGroupName or only provide LogDestination.")
    assert why(LogDestination=None) == ("InvalidParameter", "LogDestination can't be empty if LogGroupName is not provided.")
    assert why(LogDestination=None, LogGroupName="g") == (
        "InvalidParameter", "LogDestination type must be cloud-watch-logs if LogGroupName is provided.")
    for other in ("cloud-watch-logs", "kinesis-data-firehose", None):
        assert why(LogDestinationType=other)[0] == "UnsupportedOperation"
    assert why(DestinationOptions={"FileFormat": "parquet"})[0] == "UnsupportedOperation"
    assert why(ResourceType="TransitGateway", ResourceIds=["tgw-0123456789abcdef0"])[0] == "UnsupportedOperation"
    assert why(TrafficType=None)[0] == "MissingParameter"
    assert why(MaxAggregationInterval=61)[0] == "InvalidParameter"
    for format in ("${nothing}", "version", "${version} ${srcaddr", " ", "${version}," * 3):
        assert why(LogFormat=format)[0] == "InvalidParameter"
    for destination in ("arn:aws:s3:::", bucket, f"arn:aws:s3:::{bucket}/AWSLogs/", f"arn:aws:s3:::{bucket}/x/AWSLogs"):
        assert why(LogDestination=destination)[0] == "InvalidParameter"
    assert why(ResourceIds=["vpc-0123456789abcdef0"])[0] == "InvalidVpcID.NotFound"
    gone = name("nobody")
    assert failure(ec2, **{**wish, "LogDestination": f"arn:aws:s3:::{gone}"}) == ("400", f"LogDestination: {gone} does not exist")


def test_a_bucket_of_another_account(cloud, ec2, wish, name):
    """Its owner has to admit the delivery."""
    other = Account(cloud)
    s3, bucket = other.client("s3"), name("theirs")
    s3.create_bucket(Bucket=bucket)
    theirs = {**wish, "LogDestination": f"arn:aws:s3:::{bucket}/logs"}
    assert failure(ec2, **theirs) == (
        "400", f"Access Denied for LogDestination: {bucket}. Please check LogDestination permissions")
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"}, "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/logs/AWSLogs/{ACCOUNT}/*",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT, "s3:x-amz-acl": "bucket-owner-full-control"},
                      "ArnLike": {"aws:SourceArn": f"arn:aws:logs:us-east-1:{ACCOUNT}:*"}}}]}))
    made = ec2.create_flow_logs(**theirs)
    assert len(made["FlowLogIds"]) == 1
    ec2.delete_flow_logs(FlowLogIds=made["FlowLogIds"])


@pytest.fixture
def skew(monkeypatch):
    """skew(cloud, seconds): moves a cloud's clock, and the one that requests are signed by."""
    real, moved = botocore.auth.get_current_datetime, [0]
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: real() + datetime.timedelta(seconds=moved[0]))

    def skew(cloud, seconds):
        moved[0] += seconds
        cloud.advance(seconds)
        for client in cloud.clients.values():
            client._endpoint.http_session.close()
    return skew


def later(cloud, skew):
    """Until at least one more minute has been captured and, five minutes being over, delivered."""
    skew(cloud, 60)
    time.sleep(3)
    skew(cloud, 660)


@pytest.fixture
def place(own_cloud):
    outside = Outside()
    machines = Machines(own_cloud("--edge", outside.name))
    yield machines
    machines.end()
    outside.end()


def files(machines, bucket):
    """{key: rows as dictionaries} of all that was delivered."""
    s3, found = machines.cloud.client("s3"), {}
    for it in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        head, *lines = gzip.decompress(s3.get_object(Bucket=bucket, Key=it["Key"])["Body"].read()).decode().splitlines()
        found[it["Key"]] = [dict(zip(head.split(), line.split(), strict=True)) for line in lines]
    return found


def rows(machines, bucket):
    return [row for part in files(machines, bucket).values() for row in part]


@root
@pytest.mark.skipif(not os.path.exists(PYTHON) or not shutil.which("ip"), reason="needs Debian's python3 and iproute2")
def test_what_packets_did(skew, place):
    machines, ec2, cloud = place, place.ec2, place.cloud
    s3 = cloud.client("s3")
    for bucket in ("rich", "plain", "rejected"):
        s3.create_bucket(Bucket=bucket)
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    wish = {"ResourceType": "VPC", "ResourceIds": [vpc], "LogDestinationType": "s3", "MaxAggregationInterval": 60}
    rich, = ec2.create_flow_logs(**wish, TrafficType="ALL", LogDestination="arn:aws:s3:::rich/some", LogFormat=RICH)["FlowLogIds"]
    server = machines.start(serving(), SubnetId=subnet)
    client = machines.start(SubnetId=subnet)
    eni = {it: machines.look(it)["NetworkInterfaces"][0]["NetworkInterfaceId"] for it in (server, client)}
    own = {it: machines.look(it)["PrivateIpAddress"] for it in (server, client)}
    assert ec2.create_flow_logs(**{**wish, "ResourceType": "NetworkInterface", "ResourceIds": [eni[client]]}, TrafficType="ACCEPT",
                                LogDestination="arn:aws:s3:::plain", DestinationOptions={
                                    "HiveCompatiblePartitions": True, "PerHourPartition": True, "FileFormat": "plain-text"})["FlowLogIds"]
    assert ec2.create_flow_logs(**{**wish, "ResourceType": "Subnet", "ResourceIds": [subnet], "MaxAggregationInterval": 600},
                                TrafficType="REJECT", LogDestination="arn:aws:s3:::rejected")["FlowLogIds"]
    if time.time() % 60 > 30:
        time.sleep(60 - time.time() % 60)  # so that a flow is in one window
    begin = int(time.time())
    soon(lambda: fetched(machines, client, own[server], 20), "an answer")
    machines.exec(client, PYTHON, "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x' * 72, "
                  f"('{EDGE}', 9)); s.sendto(b'x' * 72, ('{EDGE}', 9))")
    closed = ec2.create_security_group(GroupName="closed", Description="nothing comes in", VpcId=vpc)["GroupId"]
    ec2.modify_instance_attribute(InstanceId=server, Groups=[closed])
    assert not fetched(machines, client, own[server])
    skew(cloud, 60)
    time.sleep(1.5)  # the fabric's clock follows within a second
    # What was captured survives, and so does what was only recorded.
    cloud.restart(signal.SIGKILL)
    ec2.describe_flow_logs()  # from here on it waits for the next minute
    skew(cloud, 1260)
    seen = soon(lambda: [it for it in rows(machines, "rich") if it["log-status"] == "OK"] and rows(machines, "rich"), "a file")
    key, = list(files(machines, "rich"))[:1]
    assert re.fullmatch(rf"some/AWSLogs/{ACCOUNT}/vpcflowlogs/us-east-1/\d{{4}}/\d\d/\d\d/{ACCOUNT}_vpcflowlogs_us-east-1_{rich}_"
                        r"\d{8}T\d\d[0-5][05]Z_[0-9a-f]{8}\.log\.gz", key)
    asked, = [it for it in seen if it["interface-id"] == eni[client] and it["dstport"] == "8080"
              and it["flow-direction"] == "egress" and it["action"] == "ACCEPT" and int(it["tcp-flags"]) & 1]
    assert (asked["version"], asked["srcaddr"], asked["dstaddr"], asked["pkt-dstaddr"], asked["protocol"], asked["type"]) == \
        ("5", own[client], own[server], own[server], "6", "IPv4")
    assert (asked["vpc-id"], asked["subnet-id"], asked["instance-id"], asked["region"], asked["traffic-path"]) == \
        (vpc, subnet, client, "us-east-1", "1")
    assert asked["az-id"].startswith("use1-az") and asked["pkt-dst-aws-service"] == "-" and asked["tcp-flags"] == "3"
    assert begin - 1 <= int(asked["start"]) <= int(asked["end"]) and int(asked["packets"]) >= 4
    # The other end saw the same packets, and each direction has its own line.
    came, = [it for it in seen if it["interface-id"] == eni[server] and it["flow-direction"] == "ingress"
             and it["srcport"] == asked["srcport"] and it["action"] == "ACCEPT"]
    assert (came["packets"], came["bytes"], came["srcaddr"], came["traffic-path"]) == (asked["packets"], asked["bytes"], own[client], "-")
    back, = [it for it in seen if it["interface-id"] == eni[client] and it["srcport"] == "8080"
             and it["dstport"] == asked["srcport"]]
    assert back["flow-direction"] == "ingress" and back["tcp-flags"] in ("19", "18")
    datagrams, = [it for it in seen if it["protocol"] == "17" and it["dstport"] == "9"]
    assert (datagrams["packets"], datagrams["bytes"], datagrams["action"], datagrams["traffic-path"]) == ("2", "200", "ACCEPT", "8")
    # Only what was asked for, by the format and partitions that were asked for.
    plain = soon(lambda: files(machines, "plain"), "the other log's file")
    assert all(re.fullmatch(rf"AWSLogs/aws-account-id={ACCOUNT}/aws-service=vpcflowlogs/aws-region=us-east-1/year=\d{{4}}/"
                            rf"month=\d\d/day=\d\d/hour=\d\d/{ACCOUNT}_vpcflowlogs_us-east-1_fl-.*\.log\.gz", it) for it in plain)
    assert [list(it) for it in rows(machines, "plain")][0] == [it[2:-1] for it in DEFAULT.split()]
    assert {it["interface-id"] for it in rows(machines, "plain")} == {eni[client]}
    assert {it["action"] for it in rows(machines, "plain")} <= {"ACCEPT", "-"}
    refusals = soon(lambda: [it for it in rows(machines, "rejected") if it["log-status"] == "OK"], "what was rejected")
    assert {it["action"] for it in refusals} == {"REJECT"} and {it["interface-id"] for it in refusals} == {eni[server]}
    assert {(it["srcaddr"], it["dstport"]) for it in refusals} == {(own[client], "8080")}
    # No line comes twice.
    later(cloud, skew)
    soon(lambda: len(files(machines, "rich")) > 1, "the next file")
    nothing = [it for it in rows(machines, "rich") if it["log-status"] == "NODATA"]
    assert nothing and all(it["srcaddr"] == it["packets"] == it["action"] == "-" for it in nothing)
    assert all(int(it["end"]) - int(it["start"]) == 60 and int(it["end"]) % 60 == 0 for it in nothing)
    flows = [tuple(it.values()) for it in rows(machines, "rich") if it["log-status"] == "OK"]
    assert len(flows) == len(set(flows))
    # A bucket that does not admit it any more.
    s3.delete_bucket_policy(Bucket="rich")
    later(cloud, skew)
    told = soon(lambda: next((it for it in ec2.describe_flow_logs(FlowLogIds=[rich])["FlowLogs"]
                              if it["DeliverLogsStatus"] == "FAILED"), None), "a failed delivery")
    assert told["DeliverLogsErrorMessage"] == "Access error"
