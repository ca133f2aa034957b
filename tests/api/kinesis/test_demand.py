# SPDX-License-Identifier: Apache-2.0
"""On-demand streams follow what they are given: capacity for twice the highest input of the last 30 days."""
import pytest

from refusals import wait_for
from streams import open_shards, read_all, refused, shards_of, wait_active

HASHES = [str(n * 2 ** 124 + 5) for n in range(16)]


@pytest.fixture
def cloud(own_cloud):
    """Its seconds are as long as it takes to give what they are to be given."""
    it = own_cloud("--auth", "open")  # signatures do not outlive leaps of the clock
    it.stand()
    return it


@pytest.fixture
def kinesis(cloud):
    return cloud.client("kinesis")


def create(kinesis, stream):
    kinesis.create_stream(StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, stream)


def give(cloud, kinesis, stream, seconds, records=250, size=10):
    """So many records for each sixteenth of the hash keys in each second; how many were taken."""
    taken = 0
    for _ in range(seconds):
        for key in HASHES:
            batch = [{"Data": b"x" * size, "PartitionKey": "p", "ExplicitHashKey": key}] * records
            taken += len(batch) - kinesis.put_records(StreamName=stream, Records=batch)["FailedRecordCount"]
        cloud.advance(1)
    return taken


def settle(cloud, kinesis, stream, shards):
    cloud.advance(10)
    wait_for(lambda: len(open_shards(kinesis, stream)) == shards)
    wait_active(kinesis, stream)
    lanes = sorted(open_shards(kinesis, stream), key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    assert [int(shard["HashKeyRange"]["StartingHashKey"]) for shard in lanes] == [n * 2 ** 128 // shards for n in range(shards)]


def test_shards_double_with_the_input_and_go_back_after_30_days(cloud, kinesis):
    create(kinesis, "s")
    settle(cloud, kinesis, "s", 4)
    taken = give(cloud, kinesis, "s", 20)
    settle(cloud, kinesis, "s", 8)  # some 4,000 records a second were taken
    taken += give(cloud, kinesis, "s", 20, records=500)
    settle(cloud, kinesis, "s", 16)
    cloud.restart()
    assert len(open_shards(kinesis, "s")) == 16 and len(shards_of(kinesis, "s")) == 4 + 8 + 16
    came = sum(len(read_all(kinesis, "s", shard["ShardId"])[0]) for shard in shards_of(kinesis, "s"))
    assert came == taken
    for _ in range(29):
        cloud.advance(86400)
    assert len(open_shards(kinesis, "s")) == 16
    for _ in range(3):
        cloud.advance(86400)
    settle(cloud, kinesis, "s", 4)


def test_a_stream_with_little_input_stays(cloud, kinesis):
    create(kinesis, "s")
    settle(cloud, kinesis, "s", 4)
    give(cloud, kinesis, "s", 20, records=50)
    settle(cloud, kinesis, "s", 4)
    with refused("ValidationException", "UpdateShardCount is only supported for the data streams with the provisioned capacity mode."):
        kinesis.update_shard_count(StreamName="s", TargetShardCount=8, ScalingType="UNIFORM_SCALING")


def test_bytes_count_as_records_do(cloud, kinesis):
    create(kinesis, "s")
    settle(cloud, kinesis, "s", 4)
    give(cloud, kinesis, "s", 20, records=2, size=100_000)
    settle(cloud, kinesis, "s", 8)


def test_a_stream_that_becomes_on_demand_keeps_its_shards(cloud, kinesis):
    kinesis.create_stream(StreamName="s", ShardCount=10)
    wait_active(kinesis, "s")
    kinesis.update_stream_mode(StreamARN=kinesis.describe_stream_summary(StreamName="s")["StreamDescriptionSummary"]["StreamARN"],
                               StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, "s")
    cloud.advance(60)
    wait_active(kinesis, "s")
    assert len(open_shards(kinesis, "s")) == 10
