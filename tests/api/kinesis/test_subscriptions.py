# SPDX-License-Identifier: Apache-2.0
"""SubscribeToShard as botocore drives it: an event stream over HTTP/1.1 chunks."""
import datetime
import threading
import time

import pytest

from refusals import wait_for
from streams import ACCOUNT, arn, refused, shards_of, wait_active

SHARD = "shardId-000000000000"
DRAIN_S = 10  # so long a server that ends waits for requests that do not
ALIVE_S = 5  # an event comes after so long, also without records


def registered(kinesis, stream):
    made = kinesis.register_stream_consumer(StreamARN=arn(stream), ConsumerName="fan")["Consumer"]["ConsumerARN"]
    wait_for(lambda: kinesis.describe_stream_consumer(ConsumerARN=made)["ConsumerDescription"]["ConsumerStatus"] == "ACTIVE")
    return made


@pytest.fixture
def consumer(kinesis, stream):
    return registered(kinesis, stream)


def subscribe(kinesis, consumer, shard=SHARD, **position):
    position = position or {"Type": "TRIM_HORIZON"}
    return kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=shard, StartingPosition=position)["EventStream"]


def take(events, count):
    """The first `count` records, and the last event."""
    records = []
    for event in events:
        event = event["SubscribeToShardEvent"]
        records += event["Records"]
        if len(records) >= count:
            return records, event
    return records, event


def test_records_come_as_they_are_put(kinesis, stream, consumer):
    puts = [kinesis.put_record(StreamName=stream, Data=f"old{n}".encode(), PartitionKey="p") for n in range(3)]
    events = subscribe(kinesis, consumer)
    records, event = take(events, 3)
    assert [r["Data"] for r in records] == [b"old0", b"old1", b"old2"]
    assert [r["SequenceNumber"] for r in records] == [p["SequenceNumber"] for p in puts]
    assert event["MillisBehindLatest"] == 0 and event["ContinuationSequenceNumber"] == puts[-1]["SequenceNumber"]
    late, done = [], []

    def put():
        for n in range(20):
            late.append(kinesis.put_record(StreamName=stream, Data=b"x" * n, PartitionKey="p")["SequenceNumber"])
            time.sleep(0.02)
        done.append(time.monotonic())
    thread = threading.Thread(target=put)
    thread.start()
    records, event = take(events, 20)
    arrived = time.monotonic()
    thread.join()
    assert [r["SequenceNumber"] for r in records] == late
    assert arrived - done[0] < ALIVE_S
    events.close()


def test_continuation(own_cloud):
    cloud, stream = own_cloud("--unlimited"), "s"
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    wait_active(kinesis, stream)
    consumer = registered(kinesis, stream)
    for n in range(10):
        kinesis.put_record(StreamName=stream, Data=str(n).encode(), PartitionKey="p")
    events = subscribe(kinesis, consumer)
    records, event = take(events, 10)
    events.close()
    number = records[4]["SequenceNumber"]
    cloud.advance(5)  # a consumer may subscribe again after so long
    events = subscribe(kinesis, consumer, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=number)
    records, event = take(events, 5)
    assert [r["Data"] for r in records] == [b"5", b"6", b"7", b"8", b"9"]
    with refused("ResourceInUseException", f"Another active subscription exists for this consumer: {ACCOUNT}:{stream}:{SHARD}:fan"):
        subscribe(kinesis, consumer)
    cloud.advance(5)
    second = subscribe(kinesis, consumer, Type="LATEST")
    with pytest.raises(kinesis.exceptions.ClientError) as told:
        for event in events:
            assert event["SubscribeToShardEvent"]["Records"] == []
    assert told.value.response["Error"]["Code"] == "ResourceInUseException"
    kinesis.put_record(StreamName=stream, Data=b"newest", PartitionKey="p")
    records, _ = take(second, 1)
    assert records[0]["Data"] == b"newest"
    second.close()


def test_a_closed_shard_ends_with_its_children(kinesis, stream, consumer):
    kinesis.put_record(StreamName=stream, Data=b"last", PartitionKey="p")
    events = subscribe(kinesis, consumer, Type="AT_TIMESTAMP", Timestamp=datetime.datetime(2020, 1, 1))
    assert take(events, 1)[0][0]["Data"] == b"last"
    kinesis.split_shard(StreamName=stream, ShardToSplit=SHARD, NewStartingHashKey="1000")
    rest = list(events)
    assert "ContinuationSequenceNumber" not in rest[-1]["SubscribeToShardEvent"]
    children = rest[-1]["SubscribeToShardEvent"]["ChildShards"]
    wait_active(kinesis, stream)
    assert [c["ShardId"] for c in children] == [s["ShardId"] for s in shards_of(kinesis, stream)[1:]]


def test_refusals(kinesis, stream, consumer):
    with refused("ResourceNotFoundException", f"Consumer {consumer}1 not found."):
        subscribe(kinesis, consumer + "1")
    with refused("ResourceNotFoundException", f"Shard shardId-000000000005 in stream {stream} under account {ACCOUNT} does not exist"):
        subscribe(kinesis, consumer, "shardId-000000000005")
    with refused("InvalidArgumentException", "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
                 "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified "
                 "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."):
        subscribe(kinesis, consumer, Type="AT_SEQUENCE_NUMBER")
    with refused("DryRunOperationException", "Request would have succeeded, but DryRun flag is set."):
        kinesis.subscribe_to_shard(ConsumerARN=consumer, ShardId=SHARD, StartingPosition={"Type": "LATEST"}, DryRun=True)


def test_five_minutes_and_large_records(own_cloud):
    cloud = own_cloud("--unlimited")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1, MaxRecordSizeInKiB=10240)
    wait_active(kinesis, "s")
    consumer = kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName="fan")["Consumer"]["ConsumerARN"]
    big = [bytes([n]) * (9 << 20) for n in range(3)]
    for data in big:
        kinesis.put_record(StreamName="s", Data=data, PartitionKey="p")
    events = subscribe(kinesis, consumer)
    records, event = take(events, 3)
    assert [r["Data"] for r in records] == big
    cloud.advance(301)
    assert all(not e["SubscribeToShardEvent"]["Records"] for e in events)
    events = subscribe(kinesis, consumer, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=event["ContinuationSequenceNumber"])
    started = time.monotonic()
    assert cloud.stop() == 0 and time.monotonic() - started < DRAIN_S
    list(events)


def test_the_pipe_has_its_rate(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    consumer = kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName="fan")["Consumer"]["ConsumerARN"]
    for _ in range(6):
        kinesis.put_record(StreamName="s", Data=b"x" * 1000000, PartitionKey="p")
        cloud.advance(1)
    events, started = subscribe(kinesis, consumer), time.monotonic()
    records, _ = take(events, 6)
    assert time.monotonic() - started > 1
    events.close()
    metrics = cloud.metrics()
    assert metrics[f'kintoun_log_records_out_total{{stream="{ACCOUNT}/us-east-1/s"}}'] == 6
