# SPDX-License-Identifier: Apache-2.0
"""Streams: making, describing, listing, deleting; tags; settings; what is refused."""
import datetime
import json
import re
import threading
import time

from streams import ACCOUNT, HASH_END, arn, iterator, not_found, open_shards, refused, shards_of, wait_active
from wire import Signed


def test_create_describe_delete(kinesis, name):
    stream = name("stream")
    kinesis.create_stream(StreamName=stream, ShardCount=3, Tags={"team": "blue"})
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    described = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert described["StreamARN"] == arn(stream) and described["StreamStatus"] == "ACTIVE"
    assert described["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    assert described["RetentionPeriodHours"] == 24 and described["EncryptionType"] == "NONE"
    assert described["EnhancedMonitoring"] == [{"ShardLevelMetrics": []}] and described["HasMoreShards"] is False
    ranges = [(int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in described["Shards"]]
    third = 2 ** 128 // 3
    assert ranges == [(0, third - 1), (third, 2 * third - 1), (2 * third, HASH_END)]
    assert [s["ShardId"] for s in described["Shards"]] == [f"shardId-{n:012d}" for n in range(3)]
    assert re.fullmatch(r"\d{56}", described["Shards"][0]["SequenceNumberRange"]["StartingSequenceNumber"])
    summary = kinesis.describe_stream_summary(StreamARN=arn(stream))["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 3 and summary["ConsumerCount"] == 0 and summary["MaxRecordSizeInKiB"] == 1024
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [{"Key": "team", "Value": "blue"}]
    with refused("ResourceInUseException", f"Stream {stream} under account {ACCOUNT} already exists."):
        kinesis.create_stream(StreamName=stream, ShardCount=1)
    kinesis.delete_stream(StreamName=stream)
    kinesis.get_waiter("stream_not_exists").wait(StreamName=stream)
    with not_found(stream):
        kinesis.describe_stream(StreamName=stream)


def test_on_demand(kinesis, make_stream, name):
    stream = name("stream")
    kinesis.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    kinesis.get_waiter("stream_exists").wait(StreamName=stream)
    assert len(shards_of(kinesis, stream)) == 4
    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    assert summary["StreamModeDetails"]["StreamMode"] == "ON_DEMAND"
    limits = kinesis.describe_limits()
    assert limits["ShardLimit"] == 20000 and limits["OpenShardCount"] >= 4 and limits["OnDemandStreamCount"] >= 1
    with refused("ValidationException",
                 "SplitShard is only supported for the data streams with the provisioned capacity mode."):
        kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey="10")
    kinesis.update_stream_mode(StreamARN=arn(stream), StreamModeDetails={"StreamMode": "PROVISIONED"})
    wait_active(kinesis, stream)
    kinesis.update_stream_mode(StreamARN=arn(stream), StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, stream)
    with refused("LimitExceededException", re.compile("You can switch .* 2 times within 24 hours.")):
        kinesis.update_stream_mode(StreamARN=arn(stream), StreamModeDetails={"StreamMode": "PROVISIONED"})
    kinesis.delete_stream(StreamName=stream)


def test_create_refusals(kinesis, name):
    with refused("ValidationException", re.compile("ShardCount is required.*")):
        kinesis.create_stream(StreamName=name())
    with refused("ValidationException", re.compile("ShardCount must not be provided.*")):
        kinesis.create_stream(StreamName=name(), ShardCount=1, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    with refused("LimitExceededException", re.compile(
            f"This request would exceed the shard limit for the account {ACCOUNT} in us-east-1. Current shard count for "
            r"the account: \d+. Limit: 20000. Number of additional shards that would have resulted from this request: "
            r"20001. Refer to the AWS Service Limits page .*")):
        kinesis.create_stream(StreamName=name(), ShardCount=20001)
    with refused("ValidationException", "Warm throughput is only supported for the data streams with the on-demand capacity mode."):
        kinesis.create_stream(StreamName=name(), ShardCount=1, WarmThroughputMiBps=1)
    with refused("InvalidArgumentException",
                 "RecordDistributionStrategy AUTO is only supported for the data streams with the on-demand capacity mode."):
        kinesis.create_stream(StreamName=name(), ShardCount=1, RecordDistributionStrategy="AUTO")
    with refused("ValidationException", "1 validation error detected: Value 'a b' at 'streamName' failed to satisfy "
                 "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"):
        kinesis.create_stream(StreamName="a b", ShardCount=1)


def test_naming(cloud, kinesis, stream, name):
    missing = name()
    with not_found(missing):
        kinesis.describe_stream_summary(StreamName=missing)
    with not_found(missing):
        kinesis.delete_stream(StreamARN=arn(missing))
    with not_found(stream):
        kinesis.describe_stream(StreamARN=arn(stream, region="us-west-2"))
    with refused("InvalidArgumentException", "Either StreamName or StreamARN should be provided."):
        kinesis.describe_stream()
    with refused("InvalidArgumentException", f"StreamARN {arn(stream)} and StreamName x do not match."):
        kinesis.describe_stream(StreamARN=arn(stream), StreamName="x")
    reply = Signed(cloud, "POST", "/", json.dumps({"StreamName": stream, "StreamId": "a" * 20 + "-abc"}).encode(), "kinesis",
                   headers={"x-amz-target": "Kinesis_20131202.DescribeStream", "content-type": "application/x-amz-json-1.1"}).reply()
    assert (reply.status, json.loads(reply.text)) == (400, {
        "__type": "InvalidArgumentException", "message": "StreamId is not supported by kintoun yet"})


def test_list_streams(own_cloud):
    kinesis = own_cloud("--unlimited").client("kinesis")
    names = [f"s{n:02d}" for n in range(7)]
    for each in names:
        kinesis.create_stream(StreamName=each, ShardCount=1)
    pages = list(kinesis.get_paginator("list_streams").paginate(PaginationConfig={"PageSize": 3}))
    assert [each for page in pages for each in page["StreamNames"]] == names
    assert [page["HasMoreStreams"] for page in pages] == [True, True, False]
    page = kinesis.list_streams(Limit=2, ExclusiveStartStreamName="s01")
    assert page["StreamNames"] == ["s02", "s03"]
    assert page["StreamSummaries"][0]["StreamARN"] == arn("s02")
    token = page["NextToken"]
    assert kinesis.list_streams(NextToken=token)["StreamNames"][0] == "s04"
    with refused("InvalidArgumentException", "Invalid NextToken."):
        kinesis.list_streams(NextToken=token[:-4] + "AAA=")


def test_tags(kinesis, stream):
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"b": "2", "a": "1", "c": ""})
    kinesis.add_tags_to_stream(StreamARN=arn(stream), Tags={"b": "3"})
    assert kinesis.list_tags_for_stream(StreamName=stream)["Tags"] == [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}]
    page = kinesis.list_tags_for_stream(StreamName=stream, Limit=1, ExclusiveStartTagKey="a")
    assert page["Tags"] == [{"Key": "b", "Value": "3"}] and page["HasMoreTags"] is True
    kinesis.remove_tags_from_stream(StreamName=stream, TagKeys=["a", "none"])
    kinesis.tag_resource(ResourceARN=arn(stream), Tags={"d": "4"})
    kinesis.untag_resource(ResourceARN=arn(stream), TagKeys=["c"])
    assert kinesis.list_tags_for_resource(ResourceARN=arn(stream))["Tags"] == [
        {"Key": "b", "Value": "3"}, {"Key": "d", "Value": "4"}]
    with refused("InvalidArgumentException", "Some tags contain invalid characters. Valid characters: Unicode letters, "
                 "digits, white space, _ . / = + - % @ :."):
        kinesis.add_tags_to_stream(StreamName=stream, Tags={"a;": "1"})
    with refused("InvalidArgumentException", f"Failed to add tags to stream {stream} under account {ACCOUNT} because some "
                 "tags contained illegal characters. The allowed characters are Unicode letters, white-spaces, "
                 "'_',',','/','=','+','-','@',':'."):
        kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "%"})
    with refused("InvalidArgumentException", re.compile("Failed to add tags .* more than 50 tags associated with it.")):
        kinesis.add_tags_to_stream(StreamName=stream, Tags={f"k{n}": "" for n in range(49)})


def test_retention(kinesis, stream):
    def hours():
        return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["RetentionPeriodHours"]
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8760)
    assert hours() == 8760
    kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=48)
    assert hours() == 48
    with refused("InvalidArgumentException", "Minimum allowed retention period is 24 hours. Requested retention period "
                 "(23 hours) is too short."):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=23)
    with refused("InvalidArgumentException", "Maximum allowed retention period is 8760 hours. Requested retention period "
                 "(8761 hours) is too long."):
        kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=8761)
    with refused("InvalidArgumentException", f"Requested retention period (24 hours) for stream {stream} can not be shorter "
                 "than existing retention period (48 hours). Use DecreaseRetentionPeriod API."):
        kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=24)
    with refused("InvalidArgumentException", f"Requested retention period (72 hours) for stream {stream} can not be longer "
                 "than existing retention period (48 hours). Use IncreaseRetentionPeriod API."):
        kinesis.decrease_stream_retention_period(StreamName=stream, RetentionPeriodHours=72)


def test_monitoring(kinesis, stream):
    reply = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes", "OutgoingRecords"])
    assert reply["CurrentShardLevelMetrics"] == [] and reply["StreamARN"] == arn(stream)
    assert reply["DesiredShardLevelMetrics"] == ["IncomingBytes", "OutgoingRecords"]
    reply = kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert len(reply["DesiredShardLevelMetrics"]) == 7
    reply = kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingBytes"])
    assert len(reply["CurrentShardLevelMetrics"]) == 7 and len(reply["DesiredShardLevelMetrics"]) == 6
    described = kinesis.describe_stream(StreamName=stream)["StreamDescription"]
    assert described["EnhancedMonitoring"] == [{"ShardLevelMetrics": reply["DesiredShardLevelMetrics"]}]


def test_monitoring_shows_shards_in_the_metrics(cloud, kinesis, make_stream):
    stream = make_stream(2)

    def told():
        return {key.split("{")[0].removeprefix("kintoun_log_"): value for key, value in cloud.metrics().items() if f"/{stream}" in key}
    for _ in range(3):
        kinesis.put_record(StreamName=stream, Data=b"data", PartitionKey="p", ExplicitHashKey="0")
    assert told()["records_in_total"] == 3 and not [name for name in told() if name.startswith("lane_")]
    kinesis.enable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["IncomingRecords", "IteratorAgeMilliseconds"])
    assert told()["lane_records_in_total"] == 3
    assert {name for name in told() if name.startswith("lane_")} == {"lane_records_in_total", "lane_age_milliseconds"}
    kinesis.disable_enhanced_monitoring(StreamName=stream, ShardLevelMetrics=["ALL"])
    assert not [name for name in told() if name.startswith("lane_")] and told()["bytes_in_total"] > 0


def test_restart(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="kept", ShardCount=2, Tags={"a": "b"})
    kinesis.create_stream(StreamName="gone", ShardCount=2)
    wait_active(kinesis, "kept")
    wait_active(kinesis, "gone")
    kinesis.delete_stream(StreamName="gone")
    kinesis.split_shard(StreamName="kept", ShardToSplit="shardId-000000000000", NewStartingHashKey="1000")
    at = iterator(kinesis, "kept")
    before = kinesis.describe_stream(StreamName="kept")["StreamDescription"]["StreamARN"]
    cloud.restart()
    wait_active(kinesis, "kept")
    assert kinesis.describe_stream(StreamName="kept")["StreamDescription"]["StreamARN"] == before
    assert len(open_shards(kinesis, "kept")) == 3
    kinesis.get_records(ShardIterator=at)
    assert kinesis.list_streams()["StreamNames"] == ["kept"]


def test_list_shards(kinesis, make_stream):
    stream = make_stream(5)
    first = kinesis.list_shards(StreamName=stream, MaxResults=2)
    assert [s["ShardId"][-1] for s in first["Shards"]] == ["0", "1"]
    second = kinesis.list_shards(NextToken=first["NextToken"])
    assert [s["ShardId"][-1] for s in second["Shards"]] == ["2", "3"]
    third = kinesis.list_shards(NextToken=second["NextToken"])
    assert [s["ShardId"][-1] for s in third["Shards"]] == ["4"] and "NextToken" not in third
    assert len(shards_of(kinesis, stream, ExclusiveStartShardId="shardId-000000000003")) == 1
    filtered = shards_of(kinesis, stream, ShardFilter={"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000001"})
    assert len(filtered) == 3
    now = datetime.datetime.now(datetime.timezone.utc)
    for kind in ("AT_LATEST", "AT_TRIM_HORIZON", "FROM_TRIM_HORIZON"):
        assert len(shards_of(kinesis, stream, ShardFilter={"Type": kind})) == 5
    for kind in ("AT_TIMESTAMP", "FROM_TIMESTAMP"):
        assert len(shards_of(kinesis, stream, ShardFilter={"Type": kind, "Timestamp": now})) == 5
    with refused("InvalidArgumentException", "Either NextToken or StreamName should be provided."):
        kinesis.list_shards()
    with refused("InvalidArgumentException", "NextToken and StreamName cannot be provided together."):
        kinesis.list_shards(StreamName=stream, NextToken=first["NextToken"])
    with refused("InvalidArgumentException", "Invalid NextToken."):
        kinesis.list_shards(NextToken="AAAA")


def test_five_at_a_time(own_cloud):
    """Streams and consumers that are being made, where the disk takes a second for each sync."""
    cloud = own_cloud("--extra-sync-us", "1000000")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")

    def at_once(make, text):
        cloud.advance(1)
        threads = [threading.Thread(target=make, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        cloud.advance(1)  # else it is one call too many in a second
        with refused("LimitExceededException", text):
            make(5)
        for thread in threads:
            thread.join()

    at_once(lambda number: kinesis.create_stream(StreamName=f"s{number}", ShardCount=1),
            "This request would exceed the limit on the number of streams that can simultaneously be in CREATING or DELETING. Limit: 5")
    at_once(lambda number: kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName=f"c{number}"),
            f"Account {ACCOUNT} has 5 consumers in the CREATING state already.")
