# SPDX-License-Identifier: Apache-2.0
"""SplitShard, MergeShards, UpdateShardCount: the hash space stays covered, records are drained in order."""
import random

from streams import ACCOUNT, HASH_END, open_shards, read_all, refused, shards_of, wait_active


def covers(shards):
    ranges = sorted((int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in shards)
    assert ranges[0][0] == 0 and ranges[-1][1] == HASH_END
    assert all(left[1] + 1 == right[0] for left, right in zip(ranges, ranges[1:]))
    return ranges


def test_split_and_merge(kinesis, make_stream):
    stream = make_stream(1)
    parent = "shardId-000000000000"
    for n in range(3):
        kinesis.put_record(StreamName=stream, Data=f"parent{n}".encode(), PartitionKey="p")
    kinesis.split_shard(StreamName=stream, ShardToSplit=parent, NewStartingHashKey=str(2 ** 127))
    wait_active(kinesis, stream)
    old, left, right = shards_of(kinesis, stream)
    assert old["SequenceNumberRange"]["EndingSequenceNumber"] > old["SequenceNumberRange"]["StartingSequenceNumber"]
    assert left["ParentShardId"] == right["ParentShardId"] == parent and "AdjacentParentShardId" not in left
    assert covers([left, right]) == [(0, 2 ** 127 - 1), (2 ** 127, HASH_END)]
    for key in (0, HASH_END):
        kinesis.put_record(StreamName=stream, Data=b"child", PartitionKey="p", ExplicitHashKey=str(key))
    records, last = read_all(kinesis, stream, parent)
    assert [r["Data"] for r in records] == [b"parent0", b"parent1", b"parent2"]
    assert "NextShardIterator" not in last
    assert [c["ShardId"] for c in last["ChildShards"]] == [left["ShardId"], right["ShardId"]]
    assert last["ChildShards"][0]["ParentShards"] == [parent] and last["ChildShards"][0]["HashKeyRange"] == left["HashKeyRange"]
    kinesis.merge_shards(StreamName=stream, ShardToMerge=left["ShardId"], AdjacentShardToMerge=right["ShardId"])
    wait_active(kinesis, stream)
    (merged,) = open_shards(kinesis, stream)
    assert merged["ParentShardId"] == left["ShardId"] and merged["AdjacentParentShardId"] == right["ShardId"]
    covers([merged])
    _, last = read_all(kinesis, stream, right["ShardId"])
    assert [c["ShardId"] for c in last["ChildShards"]] == [merged["ShardId"]]
    assert last["ChildShards"][0]["ParentShards"] == [left["ShardId"], right["ShardId"]]
    kinds = {"AT_TRIM_HORIZON": ["0"], "AT_LATEST": ["3"], "FROM_TRIM_HORIZON": ["0", "1", "2", "3"]}
    for kind, expected in kinds.items():
        assert [s["ShardId"][-1] for s in shards_of(kinesis, stream, ShardFilter={"Type": kind})] == expected


def test_refusals(kinesis, make_stream):
    stream = make_stream(3)
    where = f"in stream {stream} under account {ACCOUNT}"
    first, second, third = (f"shardId-{n:012d}" for n in range(3))
    with refused("ResourceNotFoundException", f"Could not find shard shardId-000000000009 {where}."):
        kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000009", NewStartingHashKey="5")
    with refused("ResourceNotFoundException", f"Could not find shard xyz {where}."):
        kinesis.merge_shards(StreamName=stream, ShardToMerge="xyz", AdjacentShardToMerge=first)
    end = 2 ** 128 // 3 - 1
    for bad in (0, 1, end, 2 ** 127):
        with refused("InvalidArgumentException", f"NewStartingHashKey {bad} used in SplitShard() on shard {first} {where} is "
                     "not both greater than one plus the shard's StartingHashKey 0 and less than the shard's EndingHashKey "
                     f"{end}."):
            kinesis.split_shard(StreamName=stream, ShardToSplit=first, NewStartingHashKey=str(bad))
    with refused("InvalidArgumentException", f"Shards {first} and {third} {where} are not an adjacent pair of shards eligible "
                 "for merging"):
        kinesis.merge_shards(StreamName=stream, ShardToMerge=first, AdjacentShardToMerge=third)
    kinesis.merge_shards(StreamName=stream, ShardToMerge=second, AdjacentShardToMerge=first)
    wait_active(kinesis, stream)
    with refused("ResourceInUseException", f"Shard {first} {where} has already been merged or split, and thus is not eligible "
                 "for merging or splitting."):
        kinesis.split_shard(StreamName=stream, ShardToSplit=first, NewStartingHashKey="5")


def test_update_shard_count(kinesis, make_stream):
    stream = make_stream(2)
    for target in (4, 3, 5, 8, 4, 2, 1, 2):
        current = len(open_shards(kinesis, stream))
        reply = kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        assert (reply["CurrentShardCount"], reply["TargetShardCount"]) == (current, target)
        wait_active(kinesis, stream)
        ranges = covers(open_shards(kinesis, stream))
        assert [low for low, _ in ranges] == [2 ** 128 // target * n for n in range(target)]
    text = "UpdateShardCount cannot scale {} your current open shard count. Current open shard count: 2, Target shard count: {}"
    with refused("LimitExceededException", text.format("up over double", 5)):
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=5, ScalingType="UNIFORM_SCALING")
    for target in (3, 6):
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        wait_active(kinesis, stream)
    with refused("LimitExceededException", "UpdateShardCount cannot scale down below half your current open shard count. "
                 "Current open shard count: 6, Target shard count: 2"):
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING")
    with refused("LimitExceededException", "You can call UpdateShardCount at most 10 times per rolling 24-hour period per stream."):
        kinesis.update_shard_count(StreamName=stream, TargetShardCount=7, ScalingType="UNIFORM_SCALING")


def test_random_histories(own_cloud):
    """Whatever is split and merged, each hash has exactly one open shard, and each record exactly one place."""
    cloud = own_cloud("--unlimited")
    kinesis = cloud.client("kinesis")
    dice = random.Random(5)
    kinesis.create_stream(StreamName="s", ShardCount=2)
    wait_active(kinesis, "s")
    sent = {}
    for step in range(30):
        shards = sorted(open_shards(kinesis, "s"), key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))
        covers(shards)
        at = dice.randrange(len(shards))
        low, high = (int(shards[at]["HashKeyRange"][k]) for k in ("StartingHashKey", "EndingHashKey"))
        if len(shards) > 1 and dice.random() < 0.45:
            other = at + 1 if at + 1 < len(shards) else at - 1
            kinesis.merge_shards(StreamName="s", ShardToMerge=shards[at]["ShardId"], AdjacentShardToMerge=shards[other]["ShardId"])
        else:
            kinesis.split_shard(StreamName="s", ShardToSplit=shards[at]["ShardId"], NewStartingHashKey=str(dice.randrange(low + 2, high)))
        for n in range(10):
            data = f"{step}-{n}".encode()
            put = kinesis.put_record(StreamName="s", Data=data, PartitionKey="p", ExplicitHashKey=str(dice.randrange(2 ** 128)))
            sent.setdefault(put["ShardId"], []).append(data)
        if step == 15:
            cloud.restart()
        wait_active(kinesis, "s")
    covers(open_shards(kinesis, "s"))
    for shard in shards_of(kinesis, "s"):
        records, last = read_all(kinesis, "s", shard["ShardId"])
        assert [r["Data"] for r in records] == sent.pop(shard["ShardId"], [])
        closed = "EndingSequenceNumber" in shard["SequenceNumberRange"]
        assert closed == ("NextShardIterator" not in last) == ("ChildShards" in last)
    assert not sent
