# SPDX-License-Identifier: Apache-2.0
"""What the Kinesis scenarios share: refusals, iterators, reading a shard to its end, waiting for a state."""
import contextlib
import re
import time

import botocore.exceptions

from refusals import wait_for

ACCOUNT = "000000000000"
HASH_END = 2 ** 128 - 1


def arn(stream, account=ACCOUNT, region="us-east-1"):
    return f"arn:aws:kinesis:{region}:{account}:stream/{stream}"


@contextlib.contextmanager
def refused(code, text, status=400):
    """`text`: all of the message; a compiled pattern: what it matches."""
    try:
        yield
    except botocore.exceptions.ClientError as error:
        told = error.response["Error"]
        assert told["Code"] == code, told
        assert text.fullmatch(told["Message"]) if isinstance(text, re.Pattern) else told["Message"] == text, told
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == status
        return
    raise AssertionError(f"not refused with {code}")


def not_found(stream):
    return refused("ResourceNotFoundException", f"Stream {stream} under account {ACCOUNT} not found.")


def shards_of(kinesis, stream, **more):
    return kinesis.list_shards(StreamName=stream, **more)["Shards"]


def open_shards(kinesis, stream):
    return [shard for shard in shards_of(kinesis, stream) if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]


def iterator(kinesis, stream, shard="shardId-000000000000", kind="TRIM_HORIZON", **more):
    return kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]


def read_all(kinesis, stream, shard="shardId-000000000000", kind="TRIM_HORIZON", limit=10000, **more):
    """Records up to the tip, and the last reply."""
    records, at = [], iterator(kinesis, stream, shard, kind, **more)
    while True:
        reply = kinesis.get_records(ShardIterator=at, Limit=limit)
        records += reply["Records"]
        at = reply.get("NextShardIterator")
        if not at or reply["MillisBehindLatest"] == 0:
            return records, reply


def wait_active(kinesis, stream):
    def active():
        try:
            return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"
        except kinesis.exceptions.LimitExceededException:
            time.sleep(0.2)
            return False
    wait_for(active)
