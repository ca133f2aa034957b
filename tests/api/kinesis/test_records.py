# SPDX-License-Identifier: Apache-2.0
"""Records: placement, order, sequence numbers, iterators, GetRecords, limits, what is refused."""
import datetime
import hashlib
import re
import time

from refusals import wait_for
from streams import ACCOUNT, HASH_END, arn, iterator, not_found, read_all, refused, shards_of, wait_active

SHARD = "shardId-000000000000"

# A published table of keys: MD5 as a number, and which of four even shards that is.
PLACEMENT = {
    "": None,  # not a partition key
    "a": (16955237001963240173058271559858726497, 0),
    "b": (195289424170611159128911017612795795343, 2),
    "test": (12707736894140473154801792860916528374, 0),
    "user-1": (int(hashlib.md5(b"user-1").hexdigest(), 16), int(hashlib.md5(b"user-1").hexdigest()[0], 16) // 4),
    "key0": (int(hashlib.md5(b"key0").hexdigest(), 16), int(hashlib.md5(b"key0").hexdigest()[0], 16) // 4),
}


def test_put_and_get(kinesis, stream):
    before = time.time()
    put = kinesis.put_record(StreamName=stream, Data=b"\x00\xffbytes", PartitionKey="p")
    assert put["ShardId"] == SHARD and re.fullmatch(r"\d{56}", put["SequenceNumber"])
    reply = kinesis.get_records(ShardIterator=iterator(kinesis, stream))
    (record,) = reply["Records"]
    assert record["Data"] == b"\x00\xffbytes" and record["PartitionKey"] == "p"
    assert record["SequenceNumber"] == put["SequenceNumber"] and "EncryptionType" not in record
    assert before - 1 <= record["ApproximateArrivalTimestamp"].timestamp() <= time.time() + 1
    assert reply["MillisBehindLatest"] == 0 and "ChildShards" not in reply
    assert kinesis.get_records(ShardIterator=reply["NextShardIterator"])["Records"] == []


def test_placement(kinesis, make_stream):
    stream = make_stream(4)
    for key, place in PLACEMENT.items():
        if place:
            number, shard = place
            assert number == int(hashlib.md5(key.encode()).hexdigest(), 16)
            assert kinesis.put_record(StreamName=stream, Data=b"", PartitionKey=key)["ShardId"] == f"shardId-{shard:012d}"
    for number in range(300):
        key = f"k{number}"
        shard = int(hashlib.md5(key.encode()).hexdigest(), 16) // 2 ** 126
        assert kinesis.put_record(StreamName=stream, Data=b"", PartitionKey=key)["ShardId"] == f"shardId-{shard:012d}"
    for explicit, shard in ((0, 0), (2 ** 126 - 1, 0), (2 ** 126, 1), (2 ** 127, 2), (HASH_END, 3)):
        put = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="a", ExplicitHashKey=str(explicit))
        assert put["ShardId"] == f"shardId-{shard:012d}"
    with refused("InvalidArgumentException", "Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. "
                 f"Specified value was {2 ** 128}"):
        kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="a", ExplicitHashKey=str(2 ** 128))


def test_batches_and_order(kinesis, make_stream):
    stream = make_stream(2)
    sent = {}
    for batch in range(5):
        records = [{"Data": f"{batch}-{n}".encode(), "PartitionKey": f"key{n}"} for n in range(200)]
        reply = kinesis.put_records(StreamARN=arn(stream), Records=records)
        assert reply["FailedRecordCount"] == 0
        for record, result in zip(records, reply["Records"]):
            sent.setdefault(result["ShardId"], []).append((result["SequenceNumber"], record["Data"]))
    for shard, expected in sent.items():
        records, _ = read_all(kinesis, stream, shard, limit=333)
        assert [(r["SequenceNumber"], r["Data"]) for r in records] == expected
        numbers = [int(r["SequenceNumber"]) for r in records]
        assert numbers == sorted(set(numbers))
    ordered = kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="key0",
                                 SequenceNumberForOrdering=sent[shard][-1][0])
    assert int(ordered["SequenceNumber"])
    with refused("InvalidArgumentException", f"ExclusiveMinimumSequenceNumber 5 used in PutRecord on stream {stream} under "
                 f"account {ACCOUNT} is invalid."):
        kinesis.put_record(StreamName=stream, Data=b"x", PartitionKey="k", SequenceNumberForOrdering="5")


def test_iterators(kinesis, stream):
    puts = [kinesis.put_record(StreamName=stream, Data=str(n).encode(), PartitionKey="p")["SequenceNumber"] for n in range(5)]

    def first(kind, **more):
        records = kinesis.get_records(ShardIterator=iterator(kinesis, stream, kind=kind, **more), Limit=1)["Records"]
        time.sleep(0.21)  # five reads a second
        return records[0]["Data"] if records else None
    assert first("TRIM_HORIZON") == b"0"
    assert first("AT_SEQUENCE_NUMBER", StartingSequenceNumber=puts[2]) == b"2"
    assert first("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=puts[2]) == b"3"
    assert first("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=puts[4]) is None
    begin = shards_of(kinesis, stream)[0]["SequenceNumberRange"]["StartingSequenceNumber"]
    assert int(begin) < int(puts[0])
    assert first("AT_SEQUENCE_NUMBER", StartingSequenceNumber=begin) == b"0"
    assert first("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=begin) == b"0"
    assert first("AT_TIMESTAMP", Timestamp=datetime.datetime(2020, 1, 1)) == b"0"
    latest = iterator(kinesis, stream, kind="LATEST")
    kinesis.put_record(StreamName=stream, Data=b"new", PartitionKey="p")
    assert [r["Data"] for r in kinesis.get_records(ShardIterator=latest)["Records"]] == [b"new"]


def test_iterator_refusals(kinesis, make_stream, name):
    stream, other = make_stream(2), make_stream(1)
    number = kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="a")["SequenceNumber"]
    missing = name()
    with not_found(missing):
        iterator(kinesis, missing)
    with refused("ResourceNotFoundException", f"Shard shardId-000000000007 in stream {stream} under account {ACCOUNT} does not "
                 "exist"):
        iterator(kinesis, stream, "shardId-000000000007")
    with refused("ResourceNotFoundException", f"Could not find shard nonsense in stream {stream} under account {ACCOUNT}."):
        iterator(kinesis, stream, "nonsense")
    either = ("Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and StartingSequenceNumber or (2) "
              "TRIM_HORIZON or LATEST and no StartingSequenceNumber. Request specified ")
    with refused("InvalidArgumentException", either + "AT_SEQUENCE_NUMBER and no StartingSequenceNumber."):
        iterator(kinesis, stream, kind="AT_SEQUENCE_NUMBER")
    with refused("InvalidArgumentException", either + "LATEST and also a StartingSequenceNumber."):
        iterator(kinesis, stream, kind="LATEST", StartingSequenceNumber=number)
    with refused("InvalidArgumentException", f"StartingSequenceNumber 12 used in GetShardIterator on shard {SHARD} in stream "
                 f"{stream} under account {ACCOUNT} is invalid."):
        iterator(kinesis, stream, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber="12")
    with refused("InvalidArgumentException", "Invalid StartingSequenceNumber. It encodes shardId-000000000000, while it was "
                 "used in a call to a shard with shardId-000000000001"):
        iterator(kinesis, stream, "shardId-000000000001", kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    time.sleep(1.1)
    late = make_stream(1)
    with refused("InvalidArgumentException", f"StartingSequenceNumber {number} used in GetShardIterator on shard {SHARD} in "
                 f"stream {late} under account {ACCOUNT} is invalid because it did not come from this stream."):
        iterator(kinesis, late, kind="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    with refused("InvalidArgumentException", "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                 "Current request has no timestamp parameter."):
        iterator(kinesis, other, kind="AT_TIMESTAMP")
    with refused("InvalidArgumentException", re.compile("The timestampInMillis parameter cannot be greater than the "
                 r"currentTimestampInMillis. timestampInMillis: \d+, currentTimestampInMillis: \d+")):
        iterator(kinesis, other, kind="AT_TIMESTAMP", Timestamp=datetime.datetime(2100, 1, 1))


def test_tampered_and_expired_iterators(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    kinesis.put_record(StreamName="s", Data=b"x", PartitionKey="p")
    good = iterator(kinesis, "s")
    for at in range(0, len(good) - 2, 7):
        bad = good[:at] + ("A" if good[at] != "A" else "B") + good[at + 1:]
        with refused("InvalidArgumentException", "Invalid ShardIterator."):
            kinesis.get_records(ShardIterator=bad)
    for bad in ("x", good[:-8], good + "AAAA", good * 2 if len(good) < 250 else good[:40]):
        with refused("InvalidArgumentException", "Invalid ShardIterator."):
            kinesis.get_records(ShardIterator=bad)
    cloud.restart()
    assert len(kinesis.get_records(ShardIterator=good)["Records"]) == 1
    cloud.advance(301)
    fresh = iterator(kinesis, "s")
    with refused("ExpiredIteratorException", re.compile(
            r"Iterator expired. The iterator was created at time \w{3} \w{3} \d\d [\d:]{8} UTC \d{4} while right now it is "
            r"\w{3} \w{3} \d\d [\d:]{8} UTC \d{4} which is further in the future than the tolerated delay of 300000 "
            "milliseconds.")):
        kinesis.get_records(ShardIterator=good)
    assert len(kinesis.get_records(ShardIterator=fresh)["Records"]) == 1
    kinesis.delete_stream(StreamName="s")
    with not_found("s"):
        kinesis.get_records(ShardIterator=fresh)


def test_sizes(kinesis, make_stream):
    stream = make_stream(10)
    kinesis.put_record(StreamName=stream, Data=b"x" * (2 ** 20 - 1), PartitionKey="p")
    text = "1 validation error detected: Value at '{}data' failed to satisfy constraint: Member must have length less than or equal to 1048576"
    with refused("ValidationException", text.format("")):
        kinesis.put_record(StreamName=stream, Data=b"x" * 2 ** 20, PartitionKey="p")
    with refused("ValidationException", text.format("records.2.member.")):
        kinesis.put_records(StreamName=stream, Records=[{"Data": b"", "PartitionKey": "a"},
                                                        {"Data": b"x" * 2 ** 20, "PartitionKey": "p"}])
    with refused("InvalidArgumentException", "Records size exceeds 10 MB limit"):
        kinesis.put_records(StreamName=stream, Records=[{"Data": b"x" * 1000000, "PartitionKey": str(n)} for n in range(11)])
    with refused("ValidationException", re.compile("1 validation error detected: Value .* at 'records' failed to satisfy "
                                                   "constraint: Member must have length less than or equal to 500", re.DOTALL)):
        kinesis.put_records(StreamName=stream, Records=[{"Data": b"", "PartitionKey": "a"}] * 501)
    with refused("ValidationException", "1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: "
                 "Member must not be null"):
        kinesis.put_record(StreamName=stream, Data=b"")
    kinesis.update_max_record_size(StreamARN=arn(stream), MaxRecordSizeInKiB=2048)
    put = kinesis.put_record(StreamName=stream, Data=b"y" * (2 ** 21 - 1), PartitionKey="q")
    (record,) = [r for r in read_all(kinesis, stream, put["ShardId"])[0] if len(r["Data"]) > 2 ** 20]
    assert record["Data"] == b"y" * (2 ** 21 - 1)


def test_limits_of_a_shard(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    cloud.stand()
    text = f"Rate exceeded for shard {SHARD} in stream s under account {ACCOUNT}."
    failed = []
    for _ in range(3):
        reply = kinesis.put_records(StreamName="s", Records=[{"Data": b"x", "PartitionKey": "p"}] * 500)
        failed += [r for r in reply["Records"] if "ErrorCode" in r]
        assert reply["FailedRecordCount"] == sum("ErrorCode" in r for r in reply["Records"])
    assert len(failed) == 500
    assert all(r == {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": text} for r in failed)
    cloud.advance(2)
    kinesis.put_record(StreamName="s", Data=b"x" * 1000000, PartitionKey="p")
    with refused("ProvisionedThroughputExceededException", text):
        kinesis.put_record(StreamName="s", Data=b"x" * 1000000, PartitionKey="p")
    at = iterator(kinesis, "s")
    for _ in range(5):
        kinesis.get_records(ShardIterator=at, Limit=1)
    with refused("ProvisionedThroughputExceededException", f"Rate exceeded for Shard - {ACCOUNT}/s/{SHARD}"):
        kinesis.get_records(ShardIterator=at, Limit=1)
    metrics = cloud.metrics()

    def metric(name):
        return metrics[f'kintoun_log_{name}{{stream="{ACCOUNT}/us-east-1/s"}}']
    assert metric("records_in_total") == 1500 - len(failed) + 1
    assert metric("throttled_in_total") == len(failed) + 1
    assert metric("throttled_out_total") == 1 and metric("records_out_total") == 5


def test_five_iterators_a_second(own_cloud):
    cloud = own_cloud()
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=2)
    wait_active(kinesis, "s")
    cloud.stand()
    for _ in range(5):
        iterator(kinesis, "s")
    with refused("ProvisionedThroughputExceededException", f"Rate exceeded for Shard - {ACCOUNT}/s/{SHARD}"):
        iterator(kinesis, "s")
    iterator(kinesis, "s", "shardId-000000000001")
    cloud.advance(1)
    iterator(kinesis, "s")


def test_aggregated_records_pass_untouched(kinesis, stream):
    """The producer library's format: a magic number, a protocol buffer of several records, an MD5 of it."""
    body = b"\x0a\x01a\x0a\x01b" + b"".join(b"\x1a\x07\x08" + bytes([n]) + b"\x1a\x03rec" for n in range(2))
    aggregated = b"\xf3\x89\x9a\xc2" + body + hashlib.md5(body).digest()
    kinesis.put_records(StreamName=stream, Records=[{"Data": aggregated, "PartitionKey": "a"}])
    (record,) = read_all(kinesis, stream)[0]
    assert record["Data"] == aggregated and record["PartitionKey"] == "a"


def test_unlimited(own_cloud):
    cloud = own_cloud("--unlimited")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    for _ in range(6):
        assert kinesis.put_records(StreamName="s", Records=[{"Data": b"x" * 4000, "PartitionKey": "p"}] * 500)["FailedRecordCount"] == 0
    reply = kinesis.get_records(ShardIterator=iterator(kinesis, "s"))
    assert sum(len(r["Data"]) + 1 for r in reply["Records"]) <= 10 * 2 ** 20
    assert 2600 < len(reply["Records"]) < 2650 and reply["MillisBehindLatest"] > 0
    reply = kinesis.get_records(ShardIterator=reply["NextShardIterator"])
    assert reply["MillisBehindLatest"] == 0


def test_retention_trims(own_cloud):
    cloud = own_cloud("--auth", "open")  # signatures do not outlive such leaps of the clock
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    kinesis.increase_stream_retention_period(StreamName="s", RetentionPeriodHours=48)
    for hour in range(4):
        kinesis.put_record(StreamName="s", Data=str(hour).encode(), PartitionKey="p")
        cloud.advance(12 * 3600)

    def data():
        return [r["Data"] for r in read_all(kinesis, "s")[0]]
    assert data() == [b"0", b"1", b"2", b"3"][-len(data()):]
    kinesis.decrease_stream_retention_period(StreamName="s", RetentionPeriodHours=24)
    assert data() in ([b"3"], [b"2", b"3"])
    logs = cloud.data / "logs"
    wait_for(lambda: len(list(logs.iterdir())) <= 2)
    cloud.restart()
    assert data() in ([b"3"], [b"2", b"3"])


def test_dry_run(kinesis, stream):
    text = "Request would have succeeded, but DryRun flag is set."
    at = iterator(kinesis, stream)
    for call in (lambda: kinesis.put_record(StreamName=stream, Data=b"", PartitionKey="p", DryRun=True),
                 lambda: kinesis.put_records(StreamName=stream, Records=[{"Data": b"", "PartitionKey": "p"}], DryRun=True),
                 lambda: iterator(kinesis, stream, DryRun=True),
                 lambda: kinesis.get_records(ShardIterator=at, DryRun=True)):
        with refused("DryRunOperationException", text):
            call()
    assert kinesis.get_records(ShardIterator=at)["Records"] == []
