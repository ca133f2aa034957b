# SPDX-License-Identifier: Apache-2.0
"""Registered consumers and resource policies."""
import json
import re

from refusals import wait_for
from streams import ACCOUNT, arn, refused, wait_active


def register(kinesis, stream, name):
    consumer = kinesis.register_stream_consumer(StreamARN=arn(stream), ConsumerName=name)["Consumer"]
    told = lambda: kinesis.describe_stream_consumer(ConsumerARN=consumer["ConsumerARN"])["ConsumerDescription"]
    return wait_for(lambda: (it := told())["ConsumerStatus"] == "ACTIVE" and it)


def test_life_of_a_consumer(kinesis, stream):
    one = register(kinesis, stream, "one")
    assert re.fullmatch(re.escape(arn(stream)) + r"/consumer/one:\d+", one["ConsumerARN"]) and one["StreamARN"] == arn(stream)
    assert kinesis.describe_stream_consumer(StreamARN=arn(stream), ConsumerName="one")["ConsumerDescription"] == one
    with refused("ResourceInUseException", f"Consumer one under stream {stream} already exists for account {ACCOUNT}."):
        kinesis.register_stream_consumer(StreamARN=arn(stream), ConsumerName="one")
    for number in range(19):
        register(kinesis, stream, f"c{number:02d}")
    with refused("LimitExceededException", f"Stream {stream} under account {ACCOUNT} has reached the limit of 20 registered "
                 "consumers."):
        kinesis.register_stream_consumer(StreamARN=arn(stream), ConsumerName="more")
    pages = list(kinesis.get_paginator("list_stream_consumers").paginate(StreamARN=arn(stream), PaginationConfig={"PageSize": 6}))
    names = [c["ConsumerName"] for page in pages for c in page["Consumers"]]
    assert names == [f"c{n:02d}" for n in range(19)] + ["one"] and len(pages) == 4
    assert kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["ConsumerCount"] == 20
    kinesis.tag_resource(ResourceARN=one["ConsumerARN"], Tags={"a": "b"})
    assert kinesis.list_tags_for_resource(ResourceARN=one["ConsumerARN"])["Tags"] == [{"Key": "a", "Value": "b"}]
    with refused("ResourceInUseException", re.compile("Stream .* has registered consumers.*")):
        kinesis.delete_stream(StreamName=stream)
    kinesis.deregister_stream_consumer(ConsumerARN=one["ConsumerARN"])
    wait_for(lambda: len(kinesis.list_stream_consumers(StreamARN=arn(stream))["Consumers"]) == 19)
    with refused("ResourceNotFoundException", f"Consumer {one['ConsumerARN']} not found."):
        kinesis.describe_stream_consumer(ConsumerARN=one["ConsumerARN"])
    with refused("InvalidArgumentException", "Either ConsumerARN or both StreamARN and ConsumerName should be provided."):
        kinesis.describe_stream_consumer(ConsumerName="one")
    kinesis.delete_stream(StreamName=stream, EnforceConsumerDeletion=True)


def test_resource_policy(account):
    kinesis, stream = account.client("kinesis"), "s"
    kinesis.create_stream(StreamName=stream, ShardCount=1)
    wait_active(kinesis, stream)
    resource = arn(stream, account.id)
    mine = account.user("reader").client("kinesis")
    with refused("AccessDeniedException", re.compile(".*not authorized to perform: kinesis:PutRecord on resource: .*")):
        mine.put_record(StreamName=stream, Data=b"", PartitionKey="p")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": account.arn("user/reader")}, "Resource": resource,
        "Action": ["kinesis:PutRecord", "kinesis:GetRecords", "kinesis:GetShardIterator"]}]})
    assert kinesis.get_resource_policy(ResourceARN=resource)["Policy"] == "{}"
    kinesis.put_resource_policy(ResourceARN=resource, Policy=document)
    assert kinesis.get_resource_policy(ResourceARN=resource)["Policy"] == document
    mine.put_record(StreamARN=resource, Data=b"x", PartitionKey="p")
    at = mine.get_shard_iterator(StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    assert len(mine.get_records(ShardIterator=at)["Records"]) == 1
    kinesis.delete_resource_policy(ResourceARN=resource)
    with refused("AccessDeniedException", re.compile(".*not authorized to perform: kinesis:GetRecords on resource: .*")):
        mine.get_records(ShardIterator=at)
    assert kinesis.get_resource_policy(ResourceARN=resource)["Policy"] == "{}"
    with refused("InvalidArgumentException", re.compile("Invalid policy: .*")):
        kinesis.put_resource_policy(ResourceARN=resource, Policy="{")
    with refused("ResourceNotFoundException", f"No resource policy found for resource ARN {resource}"):
        kinesis.delete_resource_policy(ResourceARN=resource)


def test_another_accounts_stream(account, other):
    """Nobody else gets at a stream until its policy says so."""
    kinesis = account.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    wait_active(kinesis, "s")
    resource = arn("s", account.id)
    theirs = other.client("kinesis")
    with refused("AccessDeniedException", re.compile(".*not authorized to perform: kinesis:PutRecord on resource: .*")):
        theirs.put_record(StreamARN=resource, Data=b"", PartitionKey="p")
    kinesis.put_resource_policy(ResourceARN=resource, Policy=json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{other.id}:root"}, "Action": "kinesis:PutRecord",
        "Resource": resource}]}))
    theirs.put_record(StreamARN=resource, Data=b"x", PartitionKey="p")
    with refused("ResourceNotFoundException", f"Stream s under account {other.id} not found."):
        theirs.put_record(StreamName="s", Data=b"x", PartitionKey="p")
