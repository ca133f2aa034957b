# SPDX-License-Identifier: Apache-2.0
"""Channels: what is put into an on-demand stream comes to S3, once, in order, in the form that was asked for."""
import gzip
import json
import re
import shutil
import subprocess
import time

import pytest

from identities import allow, document, refused, trust
from streams import ACCOUNT, arn, open_shards, wait_active

ROLE = f"arn:aws:iam::{ACCOUNT}:role/delivery"
FRESH_S = 300
UNIQUE = r"-\d{6}-[0-9a-f]{11}"


class Delivering:
    """A cloud with an on-demand stream, a bucket and a role that may write to it."""

    def __init__(self, cloud, *statements):
        self.cloud = cloud
        # A leap of the clock ends idle connections, and a request may meet that.
        self.kinesis, self.s3, self.iam = (cloud.client(service, retries={"total_max_attempts": 3})
                                           for service in ("kinesis", "s3", "iam"))
        self.kinesis.create_stream(StreamName="s", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        self.kinesis.get_waiter("stream_exists").wait(StreamName="s")
        self.s3.create_bucket(Bucket="lake")
        self.iam.create_role(RoleName="delivery", AssumeRolePolicyDocument=trust(
            {"Service": "kinesis.amazonaws.com"}, Condition={
                "StringEquals": {"aws:SourceAccount": ACCOUNT},
                "ArnLike": {"aws:SourceArn": f"arn:aws:kinesis:us-east-1:{ACCOUNT}:channel/*"}}))
        self.permit(*(statements or [allow("s3:PutObject", "arn:aws:s3:::lake/*")]))

    def permit(self, *statements):
        self.iam.put_role_policy(RoleName="delivery", PolicyName="own", PolicyDocument=document(*statements))

    def create(self, name="c", form="BYTE_ARRAY", freshness=None, errors=None, stream="s", **storage):
        destination = {"StorageConfiguration": {
            "BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT, "CompressionType": "NONE", **storage}}
        if freshness:
            destination["DataFreshnessInSeconds"] = freshness
        if errors:
            destination["DeadLetterQueueS3Configuration"] = errors
        made = self.kinesis.create_channel(
            ChannelName=name, ServiceExecutionRoleARN=ROLE, S3DestinationConfiguration=destination,
            StreamConfigurationList=[{"StreamARN": arn(stream), "RecordConfiguration": {"RecordFormatType": form}}])
        return made["ChannelDescription"]

    def describe(self, channel):
        return self.kinesis.describe_channel(ChannelARN=channel)["ChannelDescription"]

    def settled(self, channel):
        return until(lambda: (it := self.describe(channel))["ChannelStatus"] not in ("CREATING", "UPDATING") and it)

    def active(self, **more):
        it = self.settled(self.create(**more)["ChannelARN"])
        assert it["ChannelStatus"] == "ACTIVE", it
        return it

    def put(self, *datas, stream="s"):
        self.kinesis.put_records(StreamName=stream, Records=[
            {"Data": data, "PartitionKey": "same"} for data in datas])

    def keys(self, prefix=""):
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="lake", Prefix=prefix).get("Contents", [])]

    def delivered(self, count=1, prefix=""):
        """The keys, once there are that many."""
        return until(lambda: len(keys := self.keys(prefix)) >= count and keys)

    def body(self, key):
        return self.s3.get_object(Bucket="lake", Key=key)["Body"].read()


def until(ready, seconds=60):
    deadline = time.monotonic() + seconds
    while not (it := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return it


@pytest.fixture
def delivering(own_cloud):
    return lambda *statements: Delivering(own_cloud("--unlimited"), *statements)


def test_bytes_come_as_they_were(delivering):
    it = delivering()
    it.put(b"before: not backfilled")
    made = it.create()
    assert made["ChannelStatus"] == "CREATING"
    channel = it.settled(made["ChannelARN"])
    assert channel["ChannelStatus"] == "ACTIVE"
    assert re.fullmatch(f"arn:aws:kinesis:us-east-1:{ACCOUNT}:channel/{channel['ChannelId']}", channel["ChannelARN"])
    assert channel["S3DestinationConfiguration"] == {
        "DataFreshnessInSeconds": 300,
        "DeadLetterQueueS3Configuration": {
            "BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT,
            "ErrorOutputPrefix": f"kinesis-channel/errors/c/{channel['ChannelId']}/"},
        "StorageConfiguration": {
            "BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT, "CompressionType": "NONE",
            "StorageClass": "STANDARD",
            "OutputKeyTemplate": "kinesis-channel/!{channel-name}/!{channel-id}/!{yyyy}/!{MM}/!{dd}/!{HH}/"
                                 "!{channel-name}-!{channel-id}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension}"}}
    assert channel["LoggingConfiguration"] == {"CloudWatchLogs": {"Enabled": False}}
    it.put(b"\x00one", b"\xfftwo")
    it.cloud.advance(FRESH_S - 30)
    time.sleep(0.3)
    assert it.keys() == []
    it.cloud.advance(30)
    key, = it.delivered()
    day = r"\d{4}/\d\d/\d\d/\d\d"
    assert re.fullmatch(f"kinesis-channel/c/{channel['ChannelId']}/{day}/c-{channel['ChannelId']}"
                        rf"-\d{{4}}-\d\d-\d\d-\d\d-\d\d{UNIQUE}", key)
    assert it.body(key) == b"\x00one\xfftwo"
    it.put(b"three")
    it.cloud.advance(FRESH_S)
    assert b"".join(map(it.body, sorted(it.delivered(2)))) == b"\x00one\xfftwothree"


@pytest.mark.parametrize("form, extension, unpack", (
    ("GZIP", ".gz", gzip.decompress),
    pytest.param("ZSTD", ".zst", lambda data: subprocess.run(
        ["zstd", "-dc"], input=data, stdout=subprocess.PIPE, check=True).stdout,
        marks=pytest.mark.skipif(not shutil.which("zstd"), reason="zstd is not installed"))))
def test_packed_by_template(delivering, form, extension, unpack):
    it = delivering()
    it.active(CompressionType=form, StorageClass="GLACIER_IR",
              OutputKeyTemplate="raw/!{stream-name}/!{yy}!{MM}/!{channel-name}!{extension}")
    lines = b"".join(b"line %d\n" % n for n in range(5000))
    it.put(*(lines[at:at + 1000] for at in range(0, len(lines), 1000)))
    it.cloud.advance(FRESH_S)
    key, = it.delivered()
    assert re.fullmatch(rf"raw/s/\d{{4}}/c{UNIQUE}{re.escape(extension)}", key)
    assert unpack(it.body(key)) == lines
    assert it.s3.head_object(Bucket="lake", Key=key)["StorageClass"] == "GLACIER_IR"


def test_a_named_extension(delivering):
    it = delivering()
    it.active(OutputKeyTemplate="all!{extension:.txt}")
    it.put(b"x")
    it.cloud.advance(FRESH_S)
    assert re.fullmatch(f"all{UNIQUE}.txt", it.delivered()[0])


@pytest.mark.parametrize("form, good, bad, message", (
    ("JSON", b'{"a": [1]}', b'{"a": ', "The record is not a valid JSON payload."),
    ("STRING", "grüß".encode(), b"\xff\xfe", "The record is not a valid UTF-8 string.")))
def test_what_is_not_of_the_format(delivering, form, good, bad, message):
    it = delivering(allow("s3:PutObject", ["arn:aws:s3:::lake/*", "arn:aws:s3:::dead/*"]))
    it.s3.create_bucket(Bucket="dead")
    it.active(form=form, OutputKeyTemplate="good/!{channel-name}", errors={
        "BucketARN": "arn:aws:s3:::dead", "ExpectedBucketOwner": ACCOUNT, "ErrorOutputPrefix": "err/"})
    it.put(good, bad, good)
    it.cloud.advance(FRESH_S)
    key, = it.delivered(prefix="good/")
    assert it.body(key) == good + good
    failed, = until(lambda: it.s3.list_objects_v2(Bucket="dead").get("Contents"))
    assert failed["Key"].startswith("err/c-")
    told = json.loads(it.s3.get_object(Bucket="dead", Key=failed["Key"])["Body"].read())
    record, = (r for shard in range(4) for r in it.kinesis.get_records(ShardIterator=it.kinesis.get_shard_iterator(
        StreamName="s", ShardId=f"shardId-{shard:012}", ShardIteratorType="TRIM_HORIZON")["ShardIterator"])["Records"]
        if r["Data"] == bad)
    assert (told["streamARN"], told["sequenceNumber"], told["errorMessage"]) == (arn("s"), record["SequenceNumber"], message)
    assert told["shardId"].startswith("shardId-") and told["partitionKey"] == "same"


def test_killed_between_deliveries(delivering):
    """Each record is in one object, however often the server is killed."""
    it = delivering()
    it.active(OutputKeyTemplate="x/!{channel-name}")
    wanted = []
    for turn in range(4):
        batch = [b"%d-%d;" % (turn, n) for n in range(200)]
        it.put(*batch)
        wanted += batch
        it.cloud.advance(FRESH_S)
        time.sleep(0.05 * turn)
        it.cloud.restart()
    it.cloud.advance(FRESH_S)
    until(lambda: sum(item["Size"] for item in it.s3.list_objects_v2(Bucket="lake").get("Contents", [])) >= sum(map(len, wanted)))
    assert b"".join(map(it.body, sorted(it.keys()))) == b"".join(wanted)


def test_large_records_and_several_shards(delivering):
    it = delivering()
    it.kinesis.update_max_record_size(StreamARN=arn("s"), MaxRecordSizeInKiB=10240)
    it.active(OutputKeyTemplate="x/!{channel-name}")
    big = [bytes([65 + n]) * (9 << 20) for n in range(3)]
    for n, data in enumerate(big):
        it.kinesis.put_record(StreamName="s", Data=data, PartitionKey=f"key{n}")
    it.cloud.advance(FRESH_S)
    keys = it.delivered(2)
    until(lambda: sum(len(it.body(key)) for key in it.keys()) == 27 << 20)
    assert sorted(b"".join(map(it.body, it.keys()))) == sorted(b"".join(big)) and len(keys) >= 2


def test_the_role_decides(delivering):
    it = delivering()
    channel = it.active(OutputKeyTemplate="x/!{channel-name}")
    it.put(b"kept")
    it.permit(allow("s3:GetObject"))
    it.cloud.advance(FRESH_S)
    until(lambda: "AccessDenied" in it.cloud.log.read_text())
    assert it.keys() == []
    it.permit(allow("s3:PutObject", "arn:aws:s3:::lake/x/*"))
    it.cloud.advance(10)
    assert it.body(it.delivered()[0]) == b"kept"
    assert it.describe(channel["ChannelARN"])["ChannelStatus"] == "ACTIVE"


@pytest.mark.parametrize("spoil, reason", (
    (lambda it: it.iam.update_assume_role_policy(RoleName="delivery", PolicyDocument=trust({"Service": "ec2.amazonaws.com"})),
     f"Kinesis Data Streams is not authorized to assume the role {ROLE}"),
    (lambda it: it.iam.update_assume_role_policy(RoleName="delivery", PolicyDocument=trust(
        {"Service": "kinesis.amazonaws.com"}, Condition={"StringEquals": {"aws:SourceAccount": "111111111111"}})),
     f"Kinesis Data Streams is not authorized to assume the role {ROLE}"),
    (lambda it: (it.iam.delete_role_policy(RoleName="delivery", PolicyName="own"), it.iam.delete_role(RoleName="delivery")),
     f"Kinesis Data Streams is not authorized to assume the role {ROLE}"),
    (lambda it: it.s3.delete_bucket(Bucket="lake"), "Bucket lake: The specified bucket does not exist"),
    (lambda it: it.permit(allow("s3:GetObject")), None)))
def test_failed_at_creation(delivering, spoil, reason):
    it = delivering()
    spoil(it)
    failed = it.settled(it.create()["ChannelARN"])
    assert failed["ChannelStatus"] == "FAILED"
    assert failed["ChannelStatusReason"] == reason if reason else "s3:PutObject" in failed["ChannelStatusReason"]
    with refused("ResourceInUseException"):
        it.kinesis.update_channel(ChannelARN=failed["ChannelARN"], S3DestinationConfiguration={"DataFreshnessInSeconds": 400})
    it.kinesis.delete_channel(ChannelARN=failed["ChannelARN"])


def test_a_bucket_elsewhere_or_of_another(delivering):
    it = delivering(allow("s3:PutObject"))
    west = it.cloud.client("s3", region="us-west-2")
    west.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    failed = it.settled(it.create(BucketARN="arn:aws:s3:::west")["ChannelARN"])
    assert failed["ChannelStatusReason"] == "Bucket west is not in the region of the stream."
    it.kinesis.delete_channel(ChannelARN=failed["ChannelARN"])
    until(lambda: not it.kinesis.list_channels()["ChannelSummaries"])
    failed = it.settled(it.create(ExpectedBucketOwner="123456789012")["ChannelARN"])
    assert failed["ChannelStatus"] == "FAILED"


def test_freshness_is_updated(delivering):
    it = delivering()
    channel = it.active(freshness=900, OutputKeyTemplate="x/!{channel-name}")["ChannelARN"]
    it.put(b"x")
    changed = it.kinesis.update_channel(ChannelARN=channel, S3DestinationConfiguration={"DataFreshnessInSeconds": 300})
    assert changed["ChannelDescription"]["ChannelStatus"] == "UPDATING"
    assert it.settled(channel)["S3DestinationConfiguration"]["DataFreshnessInSeconds"] == 300
    it.cloud.advance(FRESH_S)
    assert it.delivered()
    with refused("InvalidArgumentException"):
        it.kinesis.update_channel(ChannelARN=channel, S3DestinationConfiguration={"DataFreshnessInSeconds": 299})
    with refused("InvalidArgumentException"):
        it.kinesis.update_channel(ChannelARN=channel)
    with refused("InvalidArgumentException"):
        it.kinesis.update_channel(ChannelARN=channel, LoggingConfiguration={"CloudWatchLogs": {"Enabled": True}})
    with refused("InvalidArgumentException"):
        it.kinesis.update_channel(ChannelARN=channel, S3TablesDestinationConfiguration={"DataFreshnessInSeconds": 300})


def test_across_a_reshaping(delivering):
    """So much is put that the stream doubles its shards."""
    it = delivering()
    it.active(OutputKeyTemplate="x/!{channel-name}")
    wanted = [b"%05d;" % n for n in range(40000)]
    it.cloud.stand()  # the stream's input is what comes in so much time
    it.cloud.advance(10)  # it is looked at every ten seconds
    for at in range(0, 39500, 500):
        it.put(*wanted[at:at + 500])
    it.cloud.advance(10)
    until(lambda: len(open_shards(it.kinesis, "s")) == 8)
    it.cloud.set_clock(stand=False)
    wait_active(it.kinesis, "s")
    it.put(*wanted[39500:])
    it.cloud.advance(FRESH_S)
    assert it.body(it.delivered()[0]) == b"".join(wanted)


def test_listed_tagged_and_deleted(delivering):
    it = delivering()
    for n in range(3):
        it.kinesis.create_stream(StreamName=f"s{n}", StreamModeDetails={"StreamMode": "ON_DEMAND"})
        it.kinesis.get_waiter("stream_exists").wait(StreamName=f"s{n}")
    made = [it.active(name=f"c{n}", stream=f"s{n}") for n in range(3)]
    listed = it.kinesis.list_channels(MaxResults=2)
    rest = it.kinesis.list_channels(NextToken=listed["NextToken"])
    assert "NextToken" not in rest
    found = listed["ChannelSummaries"] + rest["ChannelSummaries"]
    assert sorted(each["ChannelName"] for each in found) == ["c0", "c1", "c2"]
    assert {each["ChannelDestinationType"] for each in found} == {"S3"}
    of_one, = it.kinesis.list_channels(StreamFilter=[{"StreamARN": arn("s1")}])["ChannelSummaries"]
    assert (of_one["ChannelARN"], of_one["ChannelStatus"]) == (made[1]["ChannelARN"], "ACTIVE")
    assert of_one["Streams"][0]["StreamARN"] == arn("s1")
    with refused("InvalidArgumentException", "Invalid NextToken."):
        it.kinesis.list_channels(NextToken="x")
    it.kinesis.tag_resource(ResourceARN=made[0]["ChannelARN"], Tags={"a": "b", "c": "d"})
    it.kinesis.untag_resource(ResourceARN=made[0]["ChannelARN"], TagKeys=["c"])
    assert it.kinesis.list_tags_for_resource(ResourceARN=made[0]["ChannelARN"])["Tags"] == [{"Key": "a", "Value": "b"}]
    assert it.kinesis.describe_limits()["ChannelCount"] == 3
    summary = it.kinesis.describe_stream_summary(StreamName="s1")["StreamDescriptionSummary"]
    assert summary["ChannelCount"] == 1
    with refused("ResourceInUseException"):
        it.kinesis.delete_stream(StreamName="s1", EnforceConsumerDeletion=True)
    with refused("ResourceInUseException"):
        it.kinesis.update_stream_mode(StreamARN=arn("s1"), StreamModeDetails={"StreamMode": "PROVISIONED"})
    it.cloud.restart()
    it.kinesis.delete_channel(ChannelARN=made[1]["ChannelARN"])
    until(lambda: len(it.kinesis.list_channels()["ChannelSummaries"]) == 2)
    with refused("ResourceNotFoundException", f"Channel {made[1]['ChannelARN']} not found."):
        it.describe(made[1]["ChannelARN"])
    it.kinesis.delete_stream(StreamName="s1")


def test_refused_at_creation(delivering):
    it = delivering()
    it.kinesis.create_stream(StreamName="p", ShardCount=1)
    it.kinesis.create_stream(StreamName="k", StreamModeDetails={"StreamMode": "ON_DEMAND"})
    for stream in ("p", "k"):
        it.kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    it.kinesis.start_stream_encryption(StreamName="k", EncryptionType="KMS", KeyId="alias/aws/kinesis")
    it.kinesis.get_waiter("stream_exists").wait(StreamName="k")
    for more in ({"stream": "p"}, {"stream": "k"}, {"form": "GSR_JSON"}, {"freshness": 299}, {"freshness": 901},
                 {"OutputKeyTemplate": "!{nothing}"}, {"OutputKeyTemplate": "!{yyyy"}, {"OutputKeyTemplate": "/x"},
                 {"OutputKeyTemplate": "!{extension}x", "CompressionType": "GZIP"}):
        with refused("InvalidArgumentException"):
            it.create(**more)
    with refused("ResourceNotFoundException"):
        it.create(stream="none")
    it.active()
    with refused("ResourceInUseException"):
        it.create()
    with refused("LimitExceededException"):
        it.create(name="other")


def test_what_would_have_no_effect(delivering):
    it = delivering()
    source = [{"StreamARN": arn("s"), "RecordConfiguration": {"RecordFormatType": "JSON"}}]
    s3 = {"StorageConfiguration": {"BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT, "CompressionType": "NONE"}}
    tables = {"DeadLetterQueueS3Configuration": {"BucketARN": "arn:aws:s3:::lake", "ExpectedBucketOwner": ACCOUNT},
              "S3TablesConfigurationList": [{"TableBucketARN": f"arn:aws:s3tables:us-east-1:{ACCOUNT}:bucket/tab",
                                             "Namespace": "n", "TableName": "t", "CompressionType": "NONE"}]}
    for code, more in (
            ("InvalidArgumentException", {}),
            ("InvalidArgumentException", {"S3TablesDestinationConfiguration": tables}),
            ("InvalidArgumentException", {"S3DestinationConfiguration": s3, "S3TablesDestinationConfiguration": tables}),
            ("InvalidArgumentException", {"S3DestinationConfiguration": s3,
                                          "LoggingConfiguration": {"CloudWatchLogs": {"Enabled": True}}}),
            ("InvalidArgumentException", {"S3DestinationConfiguration": s3, "EncryptionConfiguration": {
                "EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}}),
            ("KMSNotFoundException", {"S3DestinationConfiguration": s3, "EncryptionConfiguration": {
                "EncryptionType": "KMS", "KeyId": "alias/mine"}})):
        with refused(code):
            it.kinesis.create_channel(ChannelName="c", ServiceExecutionRoleARN=ROLE, StreamConfigurationList=source, **more)


def test_who_may_create(delivering):
    it = delivering()
    needed = [allow("kinesis:CreateChannel", arn("s")), allow("kinesis:AssociateStreamsWithChannel", arn("s")),
              allow("iam:PassRole", ROLE, Condition={"StringEquals": {"iam:PassedToService": "kinesis.amazonaws.com"}})]
    it.iam.create_user(UserName="u")
    key = it.iam.create_access_key(UserName="u")["AccessKey"]
    theirs = Delivering.__new__(Delivering)
    theirs.kinesis = it.cloud.client("kinesis", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    for left_out in range(3):
        it.iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(
            *(each for n, each in enumerate(needed) if n != left_out)))
        with refused("AccessDeniedException"):
            theirs.create()
    it.iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=document(*needed))
    assert theirs.create()["ChannelStatus"] == "CREATING"
