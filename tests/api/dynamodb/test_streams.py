# SPDX-License-Identifier: Apache-2.0
"""Streams: records of every write in their order, the four views, shards and iterators, what is kept how long."""
import contextlib
import datetime
import threading
import time

import botocore.exceptions
import pytest

import harness
import identities
from tables import arn, invalid, keys, refused, units

BAD = "One or more parameter values were invalid: "
HOUR_S = 3600
DIGITS = 21


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may leave that of the signatures."""
    it = harness.Cloud(tmp_path_factory.mktemp("streams"), "--auth", "open").start()
    yield it
    it.stop()


@pytest.fixture
def streams(cloud):
    return cloud.client("dynamodbstreams", parameter_validation=False)


def item(**attributes):
    return {name: {"S": value} for name, value in attributes.items()}


def view(kind):
    return {"StreamEnabled": True, "StreamViewType": kind}


@pytest.fixture
def make(dynamodb, name):
    def make_it(kind="NEW_AND_OLD_IMAGES", **more):
        it = name("streamed")
        made = dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", StreamSpecification=view(kind),
                                     **{**keys(), **more})["TableDescription"]
        dynamodb.get_waiter("table_exists").wait(TableName=it)
        return it, made["LatestStreamArn"]
    return make_it


def wait_for(condition):
    """A jump of the clock ends connections that stand idle, and a shard may go after it was listed."""
    deadline = time.monotonic() + 60
    while True:
        with contextlib.suppress(botocore.exceptions.ConnectionClosedError, botocore.exceptions.ClientError):
            if condition():
                return
        assert time.monotonic() < deadline
        time.sleep(0.02)


def describe(streams, stream, **more):
    return streams.describe_stream(StreamArn=stream, **more)["StreamDescription"]


def iterator(streams, stream, kind="TRIM_HORIZON", shard=0, **more):
    shards = describe(streams, stream)["Shards"]
    return streams.get_shard_iterator(StreamArn=stream, ShardId=shards[shard]["ShardId"], ShardIteratorType=kind,
                                      **more)["ShardIterator"]


def records(streams, stream, **more):
    return streams.get_records(ShardIterator=iterator(streams, stream, **more))["Records"]


def test_every_change(cloud, dynamodb, streams, make):
    table, stream = make()
    put = lambda **attributes: dynamodb.put_item(TableName=table, Item=item(**attributes))
    put(pk="a")
    put(pk="a")  # changes nothing
    dynamodb.update_item(TableName=table, Key=item(pk="a"), UpdateExpression="SET v = :v", ExpressionAttributeValues={
        ":v": {"S": "1"}})
    dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item(pk="b")}}]})
    dynamodb.transact_write_items(TransactItems=[{"Delete": {"TableName": table, "Key": item(pk="a")}},
                                                 {"Put": {"TableName": table, "Item": item(pk="c")}}])
    dynamodb.delete_item(TableName=table, Key=item(pk="never"))
    with pytest.raises(dynamodb.exceptions.ClientError):
        dynamodb.put_item(TableName=table, Item=item(pk="b"), ConditionExpression="attribute_not_exists(pk)")
    cloud.restart()
    got = records(streams, stream)
    told = [(each["eventName"], each["dynamodb"]["Keys"], each["dynamodb"].get("OldImage"), each["dynamodb"].get("NewImage"),
             each["dynamodb"]["SizeBytes"]) for each in got]
    one = item(pk="a", v="1")
    assert told == [("INSERT", item(pk="a"), None, item(pk="a"), 6), ("MODIFY", item(pk="a"), item(pk="a"), one, 11),
                    ("INSERT", item(pk="b"), None, item(pk="b"), 6), ("REMOVE", item(pk="a"), one, None, 8),
                    ("INSERT", item(pk="c"), None, item(pk="c"), 6)]
    numbers = [each["dynamodb"]["SequenceNumber"] for each in got]
    assert numbers == sorted(numbers, key=int) and len(set(numbers)) == 5 and {len(each) for each in numbers} == {DIGITS}
    assert len({each["eventID"] for each in got}) == 5 and all(len(each["eventID"]) == 32 for each in got)
    for each in got:
        assert (each["eventVersion"], each["eventSource"], each["awsRegion"]) == ("1.1", "aws:dynamodb", "us-east-1")
        assert each["dynamodb"]["StreamViewType"] == "NEW_AND_OLD_IMAGES" and "userIdentity" not in each
        assert abs(each["dynamodb"]["ApproximateCreationDateTime"].timestamp() - time.time()) < 60


@pytest.mark.parametrize("kind, old, new, size", [("KEYS_ONLY", False, False, 3), ("NEW_IMAGE", False, True, 8),
                                                  ("OLD_IMAGE", True, False, 8), ("NEW_AND_OLD_IMAGES", True, True, 13)])
def test_views(dynamodb, streams, make, kind, old, new, size):
    table, stream = make(kind)
    for value in "1", "2":
        dynamodb.put_item(TableName=table, Item=item(pk="a", v=value))
    change = records(streams, stream)[1]["dynamodb"]
    assert change["Keys"] == item(pk="a")
    assert change.get("OldImage") == (item(pk="a", v="1") if old else None)
    assert change.get("NewImage") == (item(pk="a", v="2") if new else None)
    assert change["SizeBytes"] == size


def test_all_types(dynamodb, streams, make):
    table, stream = make()
    every = {"pk": {"S": "a"}, "n": {"N": "1.5"}, "b": {"B": b"\x90"}, "t": {"BOOL": True}, "z": {"NULL": True},
             "ss": {"SS": ["x", "y"]}, "ns": {"NS": ["1", "2"]}, "l": {"L": [{"S": "x"}, {"M": {"k": {"N": "3"}}}]}}
    dynamodb.put_item(TableName=table, Item=every)
    assert records(streams, stream)[0]["dynamodb"]["NewImage"] == every


def test_told_of(dynamodb, streams, make):
    table, stream = make(**keys("S", "N"))
    label = stream.rsplit("/", 1)[1]
    assert stream == f"{arn(table)}/stream/{label}"
    assert abs(datetime.datetime.fromisoformat(label + "+00:00").timestamp() - time.time()) < 60
    told = dynamodb.describe_table(TableName=table)["Table"]
    assert (told["LatestStreamArn"], told["LatestStreamLabel"], told["StreamSpecification"]) == (
        stream, label, view("NEW_AND_OLD_IMAGES"))
    full = describe(streams, stream)
    shards = full.pop("Shards")
    assert abs(full.pop("CreationRequestDateTime").timestamp() - time.time()) < 60
    assert full == {"StreamArn": stream, "StreamLabel": label, "StreamStatus": "ENABLED", "TableName": table,
                    "StreamViewType": "NEW_AND_OLD_IMAGES", "KeySchema": keys("S", "N")["KeySchema"]}
    assert len(shards) == 1 and "ParentShardId" not in shards[0]
    assert shards[0]["SequenceNumberRange"].keys() == {"StartingSequenceNumber"}


def test_switched_off_and_on(cloud, dynamodb, streams, make):
    table, first = make()
    dynamodb.put_item(TableName=table, Item=item(pk="a"))
    with invalid(f"Table already has an enabled stream: TableName: {table}"):
        dynamodb.update_table(TableName=table, StreamSpecification=view("KEYS_ONLY"))
    gone = dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})["TableDescription"]
    assert "StreamSpecification" not in gone and gone["LatestStreamArn"] == first
    dynamodb.get_waiter("table_exists").wait(TableName=table)
    with invalid(f"Table has no stream to disable: TableName: {table}"):
        dynamodb.update_table(TableName=table, StreamSpecification={"StreamEnabled": False})
    dynamodb.put_item(TableName=table, Item=item(pk="b"))
    second = dynamodb.update_table(TableName=table, StreamSpecification=view("KEYS_ONLY"))["TableDescription"]["LatestStreamArn"]
    assert second != first
    dynamodb.put_item(TableName=table, Item=item(pk="c"))
    cloud.restart()
    listed = streams.list_streams(TableName=table)["Streams"]
    assert listed == [{"StreamArn": each, "TableName": table, "StreamLabel": each.rsplit("/", 1)[1]} for each in (first, second)]
    assert describe(streams, first)["StreamStatus"] == "DISABLED"
    shard = describe(streams, first)["Shards"][0]["SequenceNumberRange"]
    answer = streams.get_records(ShardIterator=iterator(streams, first))
    assert [each["dynamodb"]["Keys"] for each in answer["Records"]] == [item(pk="a")]
    assert answer["Records"][0]["dynamodb"]["SequenceNumber"] == shard["EndingSequenceNumber"]
    assert "NextShardIterator" not in answer
    assert [each["dynamodb"]["Keys"] for each in records(streams, second)] == [item(pk="c")]
    dynamodb.delete_table(TableName=table)
    dynamodb.get_waiter("table_not_exists").wait(TableName=table)
    assert [each["dynamodb"]["Keys"] for each in records(streams, second)] == [item(pk="c")]


def test_iterators(dynamodb, streams, make):
    table, stream = make("KEYS_ONLY")
    for i in range(6):
        dynamodb.put_item(TableName=table, Item=item(pk=str(i)))
    every = records(streams, stream)
    number = every[2]["dynamodb"]["SequenceNumber"]
    told = lambda **more: [each["dynamodb"]["Keys"]["pk"]["S"] for each in records(streams, stream, **more)]
    assert told(kind="AT_SEQUENCE_NUMBER", SequenceNumber=number) == ["2", "3", "4", "5"]
    assert told(kind="AFTER_SEQUENCE_NUMBER", SequenceNumber=number) == ["3", "4", "5"]
    assert told(kind="AT_TIMESTAMP", Timestamp=time.time() - 1000) == ["0", "1", "2", "3", "4", "5"]
    assert told(kind="LATEST") == []
    latest = iterator(streams, stream, kind="LATEST")
    dynamodb.put_item(TableName=table, Item=item(pk="new"))
    answer = streams.get_records(ShardIterator=latest)
    assert [each["dynamodb"]["Keys"] for each in answer["Records"]] == [item(pk="new")]
    at, pages = iterator(streams, stream), []
    for _ in range(4):
        answer = streams.get_records(ShardIterator=at, Limit=2)
        pages.append(len(answer["Records"]))
        at = answer["NextShardIterator"]
    assert pages == [2, 2, 2, 1]
    assert streams.get_records(ShardIterator=at)["Records"] == []


def test_what_ends_is_the_services_doing(cloud, dynamodb, streams, make):
    table, stream = make()
    dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "ends"})
    dynamodb.put_item(TableName=table, Item={**item(pk="a"), "ends": {"N": "5000000000"}})
    now = records(streams, stream)[0]["dynamodb"]["ApproximateCreationDateTime"].timestamp()
    dynamodb.put_item(TableName=table, Item={**item(pk="b"), "ends": {"N": str(int(now))}})
    cloud.advance(5)
    wait_for(lambda: len(records(streams, stream)) == 3)
    got = records(streams, stream)
    assert got[2]["eventName"] == "REMOVE" and got[2]["dynamodb"]["Keys"] == item(pk="b")
    assert got[2]["userIdentity"] == {"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"}


def test_shards_follow_one_another_and_records_are_kept_a_day(cloud, dynamodb, streams, make):
    table, stream = make("KEYS_ONLY")
    put = lambda pk: dynamodb.put_item(TableName=table, Item=item(pk=pk))
    put("first")
    standing = iterator(streams, stream)
    old = records(streams, stream)[0]["dynamodb"]["SequenceNumber"]
    cloud.advance(4 * HOUR_S + 1)
    wait_for(lambda: len(describe(streams, stream)["Shards"]) == 2)
    shards = describe(streams, stream)["Shards"]
    put("second")
    assert shards[1]["ParentShardId"] == shards[0]["ShardId"]
    closed, opened = shards[0]["SequenceNumberRange"], shards[1]["SequenceNumberRange"]
    assert int(closed["EndingSequenceNumber"]) < int(opened["StartingSequenceNumber"])
    assert "EndingSequenceNumber" not in opened
    page = describe(streams, stream, Limit=1)
    assert page["LastEvaluatedShardId"] == shards[0]["ShardId"]
    assert describe(streams, stream, ExclusiveStartShardId=shards[0]["ShardId"])["Shards"] == shards[1:]
    children = describe(streams, stream, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": shards[0]["ShardId"]})
    assert children["Shards"] == shards[1:]
    answer = streams.get_records(ShardIterator=iterator(streams, stream))
    assert [each["dynamodb"]["Keys"] for each in answer["Records"]] == [item(pk="first")]
    assert [each["dynamodb"]["Keys"] for each in records(streams, stream, shard=1)] == [item(pk="second")]
    expired = "The shard iterator has expired and can no longer be used to retrieve stream records."
    with refused("ExpiredIteratorException", expired):
        streams.get_records(ShardIterator=standing)

    cloud.advance(21 * HOUR_S)
    wait_for(lambda: describe(streams, stream)["Shards"][0]["ShardId"] != shards[0]["ShardId"])
    assert [each["dynamodb"]["Keys"] for each in records(streams, stream)] == [item(pk="second")]
    with not_found_shard(stream, shards[0]["ShardId"]):
        streams.get_shard_iterator(StreamArn=stream, ShardId=shards[0]["ShardId"], ShardIteratorType="AT_SEQUENCE_NUMBER",
                                   SequenceNumber=old)
    number = describe(streams, stream)["Shards"][-1]["SequenceNumberRange"]["StartingSequenceNumber"]
    cloud.advance(5 * HOUR_S)
    wait_for(lambda: not any(each["dynamodb"]["Keys"] == item(pk="second") for each in records(streams, stream)))
    cloud.restart()
    put("fourth")
    last = records(streams, stream, shard=-1)
    assert int(last[-1]["dynamodb"]["SequenceNumber"]) >= int(number) > int(old)


def not_found_shard(stream, shard):
    return refused("ResourceNotFoundException", f"Requested resource not found: Shard: {shard} in Stream: {stream} not found")


def test_order_under_many_writers(cloud, dynamodb, streams, make):
    """A reader that goes on behind what it has misses nothing, and sees each item's writes in order."""
    table, stream = make("NEW_IMAGE")
    seen, ended = [], threading.Event()

    def read():
        at, client = iterator(streams, stream), cloud.client("dynamodbstreams")
        while True:
            last = ended.is_set()
            answer = client.get_records(ShardIterator=at)
            seen.extend(answer["Records"])
            at = answer["NextShardIterator"]
            if last and not answer["Records"]:
                return

    def write(pk):
        client = cloud.client("dynamodb")
        for i in range(100):
            client.put_item(TableName=table, Item={**item(pk=pk), "n": {"N": str(i)}})

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(str(i),)) for i in range(4)]
    for thread in [reader, *writers]:
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reader.join()
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in seen]
    assert len(seen) == 400 and numbers == sorted(set(numbers))
    for pk in "0123":
        assert [int(each["dynamodb"]["NewImage"]["n"]["N"]) for each in seen
                if each["dynamodb"]["Keys"]["pk"]["S"] == pk] == list(range(100))


@pytest.mark.parametrize("wanted, text", [
    ({"StreamEnabled": True}, "Table is being created with a stream enabled, UpdateViewType is required"),
    ({"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"},
     "Table is being created with a stream disabled, UpdateViewType should not be specified"),
])
def test_refused_with_the_table(dynamodb, name, wanted, text):
    with invalid(BAD + text):
        dynamodb.create_table(TableName=name("refused"), BillingMode="PAY_PER_REQUEST", StreamSpecification=wanted, **keys())


@pytest.mark.parametrize("change, text", [
    ({"StreamSpecification": {"StreamEnabled": True}}, "If stream is being enabled then UpdateViewType is required"),
    ({"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
     "If stream is being disabled, then UpdateViewType must not be specified"),
    ({"StreamSpecification": view("KEYS_ONLY"), "ProvisionedThroughput": units(1, 1)},
     "You cannot modify stream status while updating table IOPS"),
    ({"StreamSpecification": view("KEYS_ONLY"), "GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "any"}}]},
     "You cannot create or delete index while changing stream status"),
])
def test_refused_changes(dynamodb, table, change, text):
    with invalid(BAD + text):
        dynamodb.update_table(TableName=table, **change)


def test_refused(dynamodb, streams, make):
    table, stream = make()
    missing = stream[:-3] + "999" if not stream.endswith("999") else stream[:-3] + "000"
    text = f"Requested resource not found: Stream: {missing} not found"
    with refused("ResourceNotFoundException", text):
        describe(streams, missing)
    with refused("ResourceNotFoundException", text):
        streams.get_shard_iterator(StreamArn=missing, ShardId="shardId-00000000000000000000-00000001",
                                   ShardIteratorType="LATEST")
    with invalid(f"Invalid StreamArn: {arn(table)}/nothing"):
        describe(streams, arn(table) + "/nothing")
    unknown = "shardId-00000000000000000000-00000001"
    with not_found_shard(stream, unknown):
        streams.get_shard_iterator(StreamArn=stream, ShardId=unknown, ShardIteratorType="LATEST")
    with not_found_shard(stream, unknown):
        describe(streams, stream, ExclusiveStartShardId=unknown)
    with invalid("ShardFilter needs both Type and ShardId"):
        describe(streams, stream, ShardFilter={"Type": "CHILD_SHARDS"})
    with invalid("Invalid ShardIterator"):
        streams.get_records(ShardIterator="nonsense")
    whole = iterator(streams, stream)
    for i in range(0, len(whole), 5):
        with invalid("Invalid ShardIterator"):
            streams.get_records(ShardIterator=whole[:i] + ("0" if whole[i] != "0" else "1") + whole[i + 1:])
    for kind in "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
        with invalid(f"SequenceNumber is required when ShardIteratorType is {kind}"):
            iterator(streams, stream, kind)
    with invalid("Timestamp is required when ShardIteratorType is AT_TIMESTAMP"):
        iterator(streams, stream, "AT_TIMESTAMP")
    shard = describe(streams, stream)["Shards"][0]["ShardId"]
    with invalid(f"Invalid SequenceNumber: {'1' * 21} is not of shard {shard}"):
        iterator(streams, stream, "AT_SEQUENCE_NUMBER", SequenceNumber="1" * 21)
    with invalid("Invalid StreamArn: arn:nonsense-of-at-least-thirty-seven-characters"):
        streams.list_streams(ExclusiveStartStreamArn="arn:nonsense-of-at-least-thirty-seven-characters")


def test_listed_by_pages(cloud):
    dynamodb, streams = (cloud.client(each, region="eu-west-1") for each in ("dynamodb", "dynamodbstreams"))
    for i in range(3):
        dynamodb.create_table(TableName=f"page{i}", BillingMode="PAY_PER_REQUEST", StreamSpecification=view("KEYS_ONLY"), **keys())
    first = streams.list_streams(Limit=2)
    assert [each["TableName"] for each in first["Streams"]] == ["page0", "page1"]
    assert first["LastEvaluatedStreamArn"] == first["Streams"][1]["StreamArn"]
    rest = streams.list_streams(ExclusiveStartStreamArn=first["LastEvaluatedStreamArn"])
    assert [each["TableName"] for each in rest["Streams"]] == ["page2"] and "LastEvaluatedStreamArn" not in rest


def test_reading_needs_permission(tmp_path):
    with_signatures = harness.Cloud(tmp_path).start()
    account = identities.Account(with_signatures)
    root = account.client("dynamodb")
    stream = root.create_table(TableName="streamed", BillingMode="PAY_PER_REQUEST", StreamSpecification=view("KEYS_ONLY"),
                               **keys())["TableDescription"]["LatestStreamArn"]
    root.get_waiter("table_exists").wait(TableName="streamed")
    reader = account.user("reader", identities.allow(["dynamodb:DescribeStream", "dynamodb:GetShardIterator"], stream))
    at = iterator(reader.client("dynamodbstreams"), stream)
    with identities.refused("AccessDeniedException"):
        reader.client("dynamodbstreams").get_records(ShardIterator=at)
    assert account.client("dynamodbstreams").get_records(ShardIterator=at)["Records"] == []
    with_signatures.stop()
