# SPDX-License-Identifier: Apache-2.0
"""Changes of tables in streams of Kinesis: format, order, what happens over crashes and without room, states."""
import json
import signal
import threading
import time

import pytest

from tables import ACCOUNT, invalid, not_found, put

INVALID_STATE = "Table is not in a valid state to enable Kinesis Streaming Destination: "


@pytest.fixture
def kinesis(cloud):
    return cloud.client("kinesis")


@pytest.fixture
def make_stream(kinesis, name):
    made = []

    def make(shards=1):
        made.append(name("stream"))
        kinesis.create_stream(StreamName=made[-1], ShardCount=shards)
        kinesis.get_waiter("stream_exists").wait(StreamName=made[-1])
        return stream_arn(made[-1])

    yield make
    for it in made:
        kinesis.delete_stream(StreamName=it)


def stream_arn(name, region="us-east-1"):
    return f"arn:aws:kinesis:{region}:{ACCOUNT}:stream/{name}"


def destinations(dynamodb, table):
    return dynamodb.describe_kinesis_streaming_destination(TableName=table)["KinesisDataStreamDestinations"]


def wait_for(dynamodb, table, stream, status):
    deadline = time.monotonic() + 60
    while True:
        found = next(it for it in destinations(dynamodb, table) if it["StreamArn"] == stream)
        if found["DestinationStatus"] == status:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


def enable(dynamodb, table, stream, **more):
    shown = dynamodb.enable_kinesis_streaming_destination(TableName=table, StreamArn=stream, **more)
    assert shown["DestinationStatus"] == "ENABLING"
    wait_for(dynamodb, table, stream, "ACTIVE")
    return shown


def read(kinesis, stream, count, timeout=60):
    """At least so many records of all shards, each shard's in order."""
    records, deadline = [], time.monotonic() + timeout
    shards = kinesis.list_shards(StreamARN=stream)["Shards"]
    iterators = [kinesis.get_shard_iterator(StreamARN=stream, ShardId=shard["ShardId"],
                                            ShardIteratorType="TRIM_HORIZON")["ShardIterator"] for shard in shards]
    while len(records) < count:
        assert time.monotonic() < deadline, f"{len(records)} of {count}"
        for i, iterator in enumerate(iterators):
            got = kinesis.get_records(ShardIterator=iterator)
            iterators[i] = got["NextShardIterator"]
            records += [(it["PartitionKey"], json.loads(it["Data"])) for it in got["Records"]]
        time.sleep(0.25)
    return records


def test_changes_arrive(dynamodb, kinesis, table, make_stream):
    stream = make_stream()
    put(dynamodb, table, "before", 0)
    shown = enable(dynamodb, table, stream)
    assert (shown["TableName"], shown["StreamArn"], shown["EnableKinesisStreamingConfiguration"]) == (table, stream, {})
    before = time.time()
    put(dynamodb, table, "k", 1)
    put(dynamodb, table, "k", 2, more={"B": b"\0"})
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "k"}})
    records = read(kinesis, stream, 3)
    assert len(records) == 3 and len({key for key, _ in records}) == 1
    events = [event for _, event in records]
    first, second = {"pk": {"S": "k"}, "v": {"N": "1"}}, {"pk": {"S": "k"}, "v": {"N": "2"}, "more": {"B": "AA=="}}
    assert [event["eventName"] for event in events] == ["INSERT", "MODIFY", "REMOVE"]
    assert [event["dynamodb"].get("OldImage") for event in events] == [None, first, second]
    assert [event["dynamodb"].get("NewImage") for event in events] == [first, second, None]
    assert len({event["eventID"] for event in events}) == 3
    for event in events:
        assert (event["awsRegion"], event["tableName"], event["eventSource"]) == ("us-east-1", table, "aws:dynamodb")
        assert (event["userIdentity"], event["recordFormat"]) == (None, "application/json")
        assert event["dynamodb"]["Keys"] == {"pk": {"S": "k"}} and event["dynamodb"]["SizeBytes"] > 0
        assert before - 1 < event["dynamodb"]["ApproximateCreationDateTime"] / 1000 < before + 60
        assert "ApproximateCreationDateTimePrecision" not in event["dynamodb"]


def test_precision(dynamodb, kinesis, table, make_stream):
    stream = make_stream()
    enable(dynamodb, table, stream)
    with invalid("Streaming destination cannot be updated with given parameters: UpdateKinesisStreamingConfiguration "
                 "cannot be null or contain only null values"):
        dynamodb.update_kinesis_streaming_destination(TableName=table, StreamArn=stream)
    wanted = {"ApproximateCreationDateTimePrecision": "MICROSECOND"}
    update = lambda arn=stream, to=wanted: dynamodb.update_kinesis_streaming_destination(
        TableName=table, StreamArn=arn, UpdateKinesisStreamingConfiguration=to)
    with invalid("1 validation error detected: Value 'SECOND' at "
                 "'updateKinesisStreamingConfiguration.approximateCreationDateTimePrecision' failed to satisfy "
                 "constraint: Member must satisfy enum value set: [MILLISECOND, MICROSECOND]"):
        update(to={"ApproximateCreationDateTimePrecision": "SECOND"})
    other = stream_arn("bad-stream")
    with invalid(f"{INVALID_STATE}No streaming destination with streamArn: {other} found for table with tableName: "
                 f"{table}"):
        update(other)
    shown = update()
    assert (shown["DestinationStatus"], shown["UpdateKinesisStreamingConfiguration"]) == ("UPDATING", wanted)
    assert wait_for(dynamodb, table, stream, "ACTIVE")["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
    table_id = dynamodb.describe_table(TableName=table)["Table"]["TableId"]
    with invalid(f"Invalid Request: Precision is already set to the desired value of MICROSECOND for tableId: "
                 f"{table_id}, kdsArn: {stream}"):
        update()
    put(dynamodb, table, "k", 1)
    (_, event), = read(kinesis, stream, 1)
    assert event["dynamodb"]["ApproximateCreationDateTimePrecision"] == "MICROSECOND"
    assert abs(event["dynamodb"]["ApproximateCreationDateTime"] / 1e6 - time.time()) < 60


def test_disabled_and_enabled(dynamodb, kinesis, table, make_stream):
    first, second = make_stream(), make_stream()
    enable(dynamodb, table, first)
    for stream in (first, second):
        with invalid(f"{INVALID_STATE}EnableKinesisStreamingDestination must be DISABLED or ENABLE_FAILED to perform "
                     "ENABLE operation."):
            dynamodb.enable_kinesis_streaming_destination(TableName=table, StreamArn=stream)
    put(dynamodb, table, "one", 1)
    assert dynamodb.disable_kinesis_streaming_destination(
        TableName=table, StreamArn=first)["DestinationStatus"] == "DISABLING"
    put(dynamodb, table, "two", 2)
    wait_for(dynamodb, table, first, "DISABLED")
    with invalid(f"{INVALID_STATE}KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."):
        dynamodb.disable_kinesis_streaming_destination(TableName=table, StreamArn=first)
    enable(dynamodb, table, second)
    put(dynamodb, table, "three", 3)
    keys_of = lambda stream, count: [event["dynamodb"]["Keys"]["pk"]["S"] for _, event in read(kinesis, stream, count)]
    assert keys_of(second, 1) == ["three"]
    assert keys_of(first, 1) == ["one"]
    assert {it["StreamArn"]: it["DestinationStatus"] for it in destinations(dynamodb, table)} == {
        first: "DISABLED", second: "ACTIVE"}


def test_streams_that_cannot_be_used(cloud, dynamodb, table, name):
    missing = stream_arn("missing-" + name())
    assert dynamodb.enable_kinesis_streaming_destination(
        TableName=table, StreamArn=missing)["DestinationStatus"] == "ENABLING"
    failed = wait_for(dynamodb, table, missing, "ENABLE_FAILED")
    assert failed["DestinationStatusDescription"] == "User does not have a permission to use kinesis stream"
    far, elsewhere = name("far"), cloud.client("kinesis", region="eu-west-1")
    elsewhere.create_stream(StreamName=far, ShardCount=1)
    elsewhere.get_waiter("stream_exists").wait(StreamName=far)
    dynamodb.enable_kinesis_streaming_destination(TableName=table, StreamArn=stream_arn(far, "eu-west-1"))
    failed = wait_for(dynamodb, table, stream_arn(far, "eu-west-1"), "ENABLE_FAILED")
    assert failed["DestinationStatusDescription"] == (
        "The kinesis Arn used to enable kinesis replication belongs to a stream which is not in the current region")
    elsewhere.delete_stream(StreamName=far)
    with invalid(f"{INVALID_STATE}Kinesis streaming is not in ACTIVE state. Updates are only allowed in ACTIVE state. "
                 f"TableName: {table}"):
        dynamodb.update_kinesis_streaming_destination(
            TableName=table, StreamArn=missing,
            UpdateKinesisStreamingConfiguration={"ApproximateCreationDateTimePrecision": "MICROSECOND"})
    for call in (dynamodb.enable_kinesis_streaming_destination, dynamodb.disable_kinesis_streaming_destination):
        with not_found("missing"):
            call(TableName="missing", StreamArn=missing)


def test_nothing_is_lost_over_crashes(own_cloud):
    """Writers and kill -9: every change that was acknowledged arrives, those of one item in order."""
    cloud = own_cloud("--unlimited")
    dynamodb, kinesis = cloud.client("dynamodb"), cloud.client("kinesis")
    kinesis.create_stream(StreamName="stream", ShardCount=4)
    kinesis.get_waiter("stream_exists").wait(StreamName="stream")
    dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST",
                          KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                          AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
    dynamodb.get_waiter("table_exists").wait(TableName="table")
    enable(dynamodb, "table", stream_arn("stream"))
    counts, over = {}, threading.Event()

    def write(key):
        counts[key] = 0
        while not over.is_set():
            try:
                put(dynamodb, "table", key, counts[key] + 1)
                counts[key] += 1
            except Exception:  # the server is down: the write may have happened or not
                while not over.is_set():
                    try:
                        found = dynamodb.get_item(TableName="table", Key={"pk": {"S": key}}).get("Item")
                        counts[key] = int(found["v"]["N"]) if found else 0
                        break
                    except Exception:
                        time.sleep(0.02)

    writers = [threading.Thread(target=write, args=(f"k{i}",)) for i in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(3):
        time.sleep(0.5)
        cloud.restart(signal.SIGKILL)
    time.sleep(0.5)
    over.set()
    for writer in writers:
        writer.join()
    events = [event["dynamodb"] for _, event in read(kinesis, stream_arn("stream"), sum(counts.values()))]
    for key, count in counts.items():
        seen = [int(event["NewImage"]["v"]["N"]) for event in events if event["Keys"]["pk"]["S"] == key]
        assert count and seen == list(range(1, count + 1))


def test_order_without_room(dynamodb, kinesis, table, make_stream):
    """A shard takes 1 MiB a second: larger bursts arrive later, in order."""
    stream = make_stream()
    enable(dynamodb, table, stream)
    for i in range(12):
        put(dynamodb, table, "k", i, pad={"S": "x" * 150_000})
    numbers = [int(event["dynamodb"]["NewImage"]["v"]["N"]) for _, event in read(kinesis, stream, 12)]
    assert numbers == list(range(12))


def test_a_deleted_table_ends_its_destination(dynamodb, kinesis, make_table, make_stream):
    table, stream = make_table(), make_stream()
    enable(dynamodb, table, stream)
    put(dynamodb, table, "last", 1)
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    (_, event), = read(kinesis, stream, 1)
    assert event["dynamodb"]["Keys"] == {"pk": {"S": "last"}}
