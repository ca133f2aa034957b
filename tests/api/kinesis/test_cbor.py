# SPDX-License-Identifier: Apache-2.0
"""application/x-amz-cbor-1.1, as the SDKs for Java speak it."""
import datetime

import cbor
from streams import ACCOUNT, arn, read_all
from wire import Signed

TYPE = "application/x-amz-cbor-1.1"


def call(cloud, operation, value, body=None):
    reply = Signed(cloud, "POST", "/", cbor.dumps(value) if body is None else body, "kinesis",
                   headers={"x-amz-target": f"Kinesis_20131202.{operation}", "content-type": TYPE}).reply()
    assert reply.headers.get("content-type", TYPE) == TYPE and "smithy-protocol" not in reply.headers
    return reply.status, cbor.loads(reply.body) if reply.body else None


def test_records(cloud, kinesis, stream):
    status, put = call(cloud, "PutRecords", {"StreamName": stream, "Records": [
        {"Data": b"\0one", "PartitionKey": "p"}, {"Data": b"", "PartitionKey": "q", "ExplicitHashKey": "5"}]})
    assert status == 200 and put["FailedRecordCount"] == 0
    status, reply = call(cloud, "GetShardIterator", {"StreamARN": arn(stream), "ShardId": "shardId-000000000000",
                         "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": datetime.datetime.fromtimestamp(1700000000)})
    status, reply = call(cloud, "GetRecords", {"ShardIterator": reply["ShardIterator"], "Limit": 10})
    assert status == 200 and reply["MillisBehindLatest"] == 0
    expected, _ = read_all(kinesis, stream)
    assert [r["Data"] for r in reply["Records"]] == [b"\0one", b""]
    for have, want in zip(reply["Records"], expected):
        assert have["SequenceNumber"] == want["SequenceNumber"] and have["PartitionKey"] == want["PartitionKey"]
        assert abs((have["ApproximateArrivalTimestamp"] - want["ApproximateArrivalTimestamp"]).total_seconds()) < 0.002


def test_errors(cloud, stream):
    """The recorded answer, and what is broken below it."""
    assert call(cloud, "DescribeStream", {"StreamName": "wrong-stream-name"}) == (400, {
        "__type": "ResourceNotFoundException", "message": f"Stream wrong-stream-name under account {ACCOUNT} not found."})
    status, told = call(cloud, "PutRecord", None, b"\xbf\x64")
    assert (status, told["__type"]) == (400, "SerializationException")
    status, told = call(cloud, "PutRecord", {"StreamName": stream, "PartitionKey": "x" * 257, "Data": b""})
    assert (status, told["__type"]) == (400, "ValidationException") and "'partitionKey'" in told["message"]
    status, told = call(cloud, "GetShardIterator", {"StreamName": stream, "ShardId": "shardId-000000000000",
                                                    "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 5})
    assert (status, told["__type"]) == (400, "SerializationException")
    status, told = call(cloud, "NoSuchThing", {})
    assert (status, told["__type"]) == (400, "UnknownOperationException")
