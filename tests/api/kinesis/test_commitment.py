# SPDX-License-Identifier: Apache-2.0
"""What an account commits itself to, and what on-demand streams then may: warm throughput, more consumers. How records are
distributed over the shards of an on-demand stream."""
import collections

import pytest

from streams import ACCOUNT, arn, open_shards, read_all, refused, shards_of, wait_active

ON_DEMAND = {"StreamMode": "ON_DEMAND"}
NOT_COMMITTED = "Warm throughput is only supported for accounts with MinimumThroughputBillingCommitment enabled."
PROVISIONED = "Warm throughput is only supported for the data streams with the on-demand capacity mode."


@pytest.fixture
def cloud(own_cloud):
    return own_cloud("--unlimited", "--auth", "open")  # signatures do not outlive leaps of the clock


@pytest.fixture
def kinesis(cloud):
    return cloud.client("kinesis", parameter_validation=False)


def commit(kinesis, status):
    return kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": status})["MinimumThroughputBillingCommitment"]


def committed(kinesis):
    return kinesis.describe_account_settings()["MinimumThroughputBillingCommitment"]


def summary(kinesis, stream):
    return kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]


def test_a_commitment_lasts_a_day(cloud, kinesis):
    assert committed(kinesis) == {"Status": "DISABLED"} == commit(kinesis, "DISABLED")
    begun = commit(kinesis, "ENABLED")
    assert begun["Status"] == "ENABLED" and (begun["EarliestAllowedEndAt"] - begun["StartedAt"]).total_seconds() == 86400
    assert committed(kinesis) == begun == commit(kinesis, "ENABLED")
    ending = commit(kinesis, "DISABLED")
    assert ending == {**begun, "Status": "ENABLED_UNTIL_EARLIEST_ALLOWED_END"}
    cloud.restart()
    assert committed(kinesis) == ending
    assert commit(kinesis, "ENABLED") == begun  # the end is not wanted any more
    commit(kinesis, "DISABLED")
    cloud.advance(86401)
    assert committed(kinesis) == {"Status": "DISABLED", "StartedAt": begun["StartedAt"], "EndedAt": begun["EarliestAllowedEndAt"]}
    commit(kinesis, "ENABLED")
    cloud.advance(86401)
    assert commit(kinesis, "DISABLED")["Status"] == "DISABLED"
    assert committed(cloud.client("kinesis", region="eu-west-1")) == {"Status": "DISABLED"}
    with refused("ValidationException", "1 validation error detected: Value 'MAYBE' at 'minimumThroughputBillingCommitment.status' failed "
                 "to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]"):
        commit(kinesis, "MAYBE")


def test_warm_throughput(cloud, kinesis):
    kinesis.create_stream(StreamName="plain", ShardCount=3)
    kinesis.create_stream(StreamName="s", StreamModeDetails=ON_DEMAND)
    wait_active(kinesis, "s")
    assert "WarmThroughput" not in summary(kinesis, "s")
    for call in (lambda: kinesis.update_stream_warm_throughput(StreamName="s", WarmThroughputMiBps=10),
                 lambda: kinesis.create_stream(StreamName="t", StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=10)):
        with refused("ValidationException", NOT_COMMITTED):
            call()
    commit(kinesis, "ENABLED")
    with refused("ValidationException", PROVISIONED):
        kinesis.update_stream_warm_throughput(StreamName="plain", WarmThroughputMiBps=10)
    with refused("LimitExceededException", "Warm throughput of an on-demand stream cannot be above 10240 MiBps."):
        kinesis.update_stream_warm_throughput(StreamName="s", WarmThroughputMiBps=10241)
    assert summary(kinesis, "s")["WarmThroughput"] == {"TargetMiBps": 4, "CurrentMiBps": 4}
    told = kinesis.update_stream_warm_throughput(StreamARN=arn("s"), WarmThroughputMiBps=10)
    assert (told["StreamName"], told["StreamARN"], told["WarmThroughput"]) == ("s", arn("s"), {"TargetMiBps": 10, "CurrentMiBps": 4})
    wait_active(kinesis, "s")
    assert summary(kinesis, "s")["WarmThroughput"] == {"TargetMiBps": 10, "CurrentMiBps": 16} and len(open_shards(kinesis, "s")) == 16
    cloud.advance(60)
    cloud.restart()
    assert len(open_shards(kinesis, "s")) == 16
    kinesis.update_stream_warm_throughput(StreamName="s", WarmThroughputMiBps=0)
    wait_active(kinesis, "s")
    assert len(open_shards(kinesis, "s")) == 4
    kinesis.create_stream(StreamName="warm", StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=7)
    wait_active(kinesis, "warm")
    assert len(open_shards(kinesis, "warm")) == 8
    with refused("ValidationException", PROVISIONED):
        kinesis.update_stream_mode(StreamARN=arn("warm"), StreamModeDetails={"StreamMode": "PROVISIONED"}, WarmThroughputMiBps=7)
    kinesis.update_stream_mode(StreamARN=arn("plain"), StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=20)
    wait_active(kinesis, "plain")
    assert len(open_shards(kinesis, "plain")) == 32


def test_more_consumers(kinesis):
    kinesis.create_stream(StreamName="s", StreamModeDetails=ON_DEMAND)
    wait_active(kinesis, "s")
    for number in range(20):
        kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName=f"c{number}")
    with refused("LimitExceededException", f"Stream s under account {ACCOUNT} has reached the limit of 20 registered consumers."):
        kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName="more")
    commit(kinesis, "ENABLED")
    for number in range(20, 50):
        kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName=f"c{number}")
    with refused("LimitExceededException", f"Stream s under account {ACCOUNT} has reached the limit of 50 registered consumers."):
        kinesis.register_stream_consumer(StreamARN=arn("s"), ConsumerName="more")
    assert len(kinesis.list_stream_consumers(StreamARN=arn("s"))["Consumers"]) == 50


def test_on_demand_streams_are_counted(kinesis):
    for number in range(50):
        kinesis.create_stream(StreamName=f"s{number}", StreamModeDetails=ON_DEMAND)
    with refused("LimitExceededException", f"This request would exceed the limit on the number of On-Demand streams for the account "
                 f"{ACCOUNT} in us-east-1. Current On-Demand streams count: 50. Limit: 50."):
        kinesis.create_stream(StreamName="more", StreamModeDetails=ON_DEMAND)


def test_record_distribution(cloud, kinesis):
    kinesis.create_stream(StreamName="s", StreamModeDetails=ON_DEMAND)
    kinesis.create_stream(StreamName="auto", StreamModeDetails=ON_DEMAND, RecordDistributionStrategy="AUTO")
    kinesis.create_stream(StreamName="plain", ShardCount=1)
    wait_active(kinesis, "auto")
    assert summary(kinesis, "s")["RecordDistributionStrategy"] == "USER_PARTITION_KEY"
    assert summary(kinesis, "auto")["RecordDistributionStrategy"] == "AUTO"
    assert "RecordDistributionStrategy" not in summary(kinesis, "plain")
    with refused("InvalidArgumentException",
                 "RecordDistributionStrategy AUTO is only supported for the data streams with the on-demand capacity mode."):
        kinesis.update_stream_record_distribution_strategy(StreamARN=arn("plain"), RecordDistributionStrategy="AUTO")
    keyed = [{"Data": b"k", "PartitionKey": "p", "ExplicitHashKey": "0"}] * 200
    shards = collections.Counter(r["ShardId"] for r in kinesis.put_records(StreamName="auto", Records=keyed)["Records"])
    assert len(shards) == 4 and min(shards.values()) > 20
    assert len({r["ShardId"] for r in kinesis.put_records(StreamName="s", Records=keyed)["Records"]}) == 1
    with refused("ValidationException", "1 validation error detected: Value null at 'partitionKey' failed to satisfy constraint: "
                 "Member must not be null"):
        kinesis.put_record(StreamName="s", Data=b"x")
    shard = kinesis.put_record(StreamName="auto", Data=b"without a key")["ShardId"]
    record = read_all(kinesis, "auto", shard)[0][-1]
    assert record["Data"] == b"without a key" and "PartitionKey" not in record
    cloud.restart()
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn("auto"), RecordDistributionStrategy="USER_PARTITION_KEY")
    assert {r["ShardId"] for r in kinesis.put_records(StreamName="auto", Records=keyed)["Records"]} == {"shardId-000000000000"}
    kinesis.update_stream_record_distribution_strategy(StreamARN=arn("auto"), RecordDistributionStrategy="AUTO")
    kinesis.update_stream_mode(StreamARN=arn("auto"), StreamModeDetails={"StreamMode": "PROVISIONED"})
    wait_active(kinesis, "auto")
    assert {r["ShardId"] for r in kinesis.put_records(StreamName="auto", Records=keyed)["Records"]} == {"shardId-000000000000"}
    assert len(shards_of(kinesis, "auto")) == 4
