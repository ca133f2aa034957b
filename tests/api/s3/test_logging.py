# SPDX-License-Identifier: Apache-2.0
"""Server access logs: their configuration, and lines that are really delivered."""
import re
import signal
import time

import pytest

from anonymous import get
from identities import Account, document
from wire import Signed

LINE = re.compile(r'(\S+) (\S+) \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000)\] (\S+) (\S+) (\S+) (\S+) (\S+) "([^"]*)" (\d+) '
                  r'(\S+) (\S+) (\S+) (\d+) (\d+) "([^"]*)" "([^"]*)" (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+) (\S+)$')


@pytest.fixture
def logged(own_cloud):
    """A cloud with a bucket, and one that takes its logs."""
    cloud = own_cloud()
    s3 = cloud.client("s3")
    for bucket in "site", "logs":
        s3.create_bucket(Bucket=bucket)
    cloud.s3 = s3
    return cloud


def admit(s3, **condition):
    s3.put_bucket_policy(Bucket="logs", Policy=document(
        {"Effect": "Allow", "Principal": {"Service": "logging.s3.amazonaws.com"}, "Action": "s3:PutObject",
         "Resource": "arn:aws:s3:::logs/*", **condition}))


def enable(s3, prefix="in/", **more):
    s3.put_bucket_logging(Bucket="site", BucketLoggingStatus={
        "LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": prefix, **more}})


def delivered(cloud, count, seconds=60):
    """The fields of the lines in the target bucket, once there are so many."""
    cloud.advance(61)
    deadline = time.monotonic() + seconds
    while True:
        keys = [o["Key"] for o in cloud.s3.list_objects_v2(Bucket="logs").get("Contents", [])]
        lines = "".join(cloud.s3.get_object(Bucket="logs", Key=key)["Body"].read().decode() for key in keys)
        if len(lines.splitlines()) >= count or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert len(lines.splitlines()) == count, lines
    return keys, [LINE.match(line).groups() for line in lines.splitlines()]


def test_configuration(logged, name, refused):
    s3 = logged.s3
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="site")
    enable(s3, TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "EventTime"}})
    logged.restart()
    assert s3.get_bucket_logging(Bucket="site")["LoggingEnabled"] == {
        "TargetBucket": "logs", "TargetPrefix": "in/",
        "TargetObjectKeyFormat": {"PartitionedPrefix": {"PartitionDateSource": "EventTime"}}}
    s3.put_bucket_logging(Bucket="site", BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket="site")
    logged.client("s3", region="eu-west-1").create_bucket(
        Bucket="elsewhere", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    Account(logged).client("s3").create_bucket(Bucket="foreign")
    for target, code, status, message in [
            ("absent", "InvalidTargetBucketForLogging", 400, "The target bucket for logging does not exist"),
            ("foreign", "InvalidTargetBucketForLogging", 400,
             "The owner for the bucket to be logged and the target bucket must be the same."),
            ("elsewhere", "CrossLocationLoggingProhibitted", 403, "Cross S3 location logging not allowed. ")]:
        with refused(code, status, message):
            enable(s3, TargetBucket=target)
    with refused("NotImplemented", 501):
        enable(s3, TargetGrants=[{"Grantee": {"Type": "CanonicalUser", "ID": "a" * 64}, "Permission": "READ"}])


def test_lines(logged):
    s3 = logged.s3
    admit(s3)
    enable(s3)
    owner = s3.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket="site", Key="a b", Body=b"hello")
    headers = {"referer": 'http://x/"y', "user-agent": "test/1"}
    assert Signed(logged, "GET", "/site/a%20b?x-id=GetObject", headers=headers).reply().body == b"hello"
    assert get(logged, "/site/a%20b")[0] == 403
    s3.list_objects_v2(Bucket="site")
    logged.restart(signal.SIGTERM)  # lines outlive the process
    keys, lines = delivered(logged, 4)
    assert re.match(r"in/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-Z]{16}$", keys[0])
    # Each connection's lines are in order, those of several come as they end.
    found = {(line[6], line[9]): line for line in lines}
    put, read, denied, listed = (found[it] for it in (("REST.PUT.OBJECT", "200"), ("REST.GET.OBJECT", "200"),
                                                      ("REST.GET.OBJECT", "403"), ("REST.GET.BUCKET", "200")))
    assert put[:2] == (owner, "site") and put[3:5] == ("127.0.0.1", owner)
    assert (put[6], put[7], put[9], put[10], put[12]) == ("REST.PUT.OBJECT", "a%20b", "200", "-", "5")
    assert (read[6], read[8], read[9]) == ("REST.GET.OBJECT", "GET /site/a%20b?x-id=GetObject HTTP/1.1", "200")
    assert (read[11], read[12], read[15], read[16]) == ("5", "5", "http://x/_y", "test/1")
    assert (read[19], read[21], read[22]) == ("SigV4", "AuthHeader", f"127.0.0.1:{logged.port}")
    assert (denied[4], denied[6], denied[9], denied[10], denied[19]) == (
        "-", "REST.GET.OBJECT", "403", "AccessDenied", "-")
    assert (listed[6], listed[7]) == ("REST.GET.BUCKET", "-")
    assert s3.get_object(Bucket="logs", Key=keys[0])["ContentType"] == "text/plain"


def test_who_is_logged_by_name(logged):
    s3 = logged.s3
    admit(s3, Condition={"StringEquals": {"aws:SourceAccount": "000000000000"},
                         "ArnLike": {"aws:SourceArn": "arn:aws:s3:::site"}})
    enable(s3, "p/", TargetObjectKeyFormat={"PartitionedPrefix": {"PartitionDateSource": "DeliveryTime"}})
    iam = logged.client("iam")
    iam.create_user(UserName="hal")
    iam.put_user_policy(UserName="hal", PolicyName="p", PolicyDocument=document(
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))
    key = iam.create_access_key(UserName="hal")["AccessKey"]
    user = logged.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    user.delete_objects(Bucket="site", Delete={"Objects": [{"Key": "k"}]})
    user.get_bucket_acl(Bucket="site")
    keys, lines = delivered(logged, 2)
    assert lines.pop(0)[6] == "REST.POST.MULTI_OBJECT_DELETE"
    assert re.match(r"p/000000000000/us-east-1/site/\d{4}/\d\d/\d\d/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-Z]{16}$", keys[0])
    assert (lines[0][4], lines[0][6]) == ("arn:aws:iam::000000000000:user/hal", "REST.GET.ACL")


def test_where_nobody_may_write_them(logged):
    s3 = logged.s3
    enable(s3)
    s3.put_object(Bucket="site", Key="k", Body=b"")
    delivered(logged, 0, 5)
    # A grant to the group is as good as a policy.
    s3.put_bucket_ownership_controls(Bucket="logs", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
    s3.put_bucket_acl(Bucket="logs", GrantWrite='uri="http://acs.amazonaws.com/groups/s3/LogDelivery"')
    s3.put_object(Bucket="site", Key="l", Body=b"")
    _, lines = delivered(logged, 1)
    assert lines[0][7] == "l"
