# SPDX-License-Identifier: Apache-2.0
"""kill -9 under load: every acknowledged record is read back exactly once, in order."""
import threading

import botocore.exceptions
import pytest

from refusals import wait_for
from streams import open_shards, read_all, shards_of, wait_active

ROUNDS, WRITERS = 3, 4


class Writer(threading.Thread):
    """Puts numbered records, alone and in batches, until the server is gone."""

    def __init__(self, cloud, who, number):
        super().__init__()
        self.kinesis, self.who, self.number = cloud.client("kinesis", user_agent_extra=f"writer{who}"), who, number
        self.acknowledged = {}

    def note(self, shard, sequence, data):
        self.acknowledged.setdefault(shard, []).append((int(sequence), data))

    def run(self):
        try:
            while True:
                data = [f"{self.who}-{self.number + n}".encode() + b"." * 100 for n in range(21)]
                self.number += 21
                put = self.kinesis.put_record(StreamName="s", Data=data[0], PartitionKey=f"key{self.number}")
                self.note(put["ShardId"], put["SequenceNumber"], data[0])
                reply = self.kinesis.put_records(StreamName="s", Records=[
                    {"Data": each, "PartitionKey": f"k{self.number + n}"} for n, each in enumerate(data[1:])])
                for each, result in zip(data[1:], reply["Records"]):
                    self.note(result["ShardId"], result["SequenceNumber"], each)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError):
            return


@pytest.mark.parametrize("sealed", (False, True))
def test_killed_while_writing(own_cloud, sealed):
    cloud = own_cloud("--unlimited")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=3)
    wait_active(kinesis, "s")
    if sealed:
        kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId="alias/aws/kinesis")
        wait_active(kinesis, "s")
    acknowledged, started = {}, [0] * WRITERS
    for turn in range(ROUNDS):
        writers = [Writer(cloud, who, started[who]) for who in range(WRITERS)]
        for writer in writers:
            writer.start()
        writers[0].join(0.4)
        shard = open_shards(kinesis, "s")[turn]
        low, high = (int(shard["HashKeyRange"][key]) for key in ("StartingHashKey", "EndingHashKey"))
        kinesis.split_shard(StreamName="s", ShardToSplit=shard["ShardId"], NewStartingHashKey=str((low + high) // 2))
        writers[0].join(0.2)
        wait_for(lambda: sum(len(puts) for writer in writers for puts in list(writer.acknowledged.values())) > 100)
        cloud.stop(9)
        for writer in writers:
            writer.join()
            started[writer.who] = writer.number
            for where, puts in writer.acknowledged.items():
                acknowledged.setdefault(where, []).extend(puts)
        cloud.start()
        wait_active(kinesis, "s")
    assert sum(map(len, acknowledged.values())) > 200
    seen = set()
    for shard in shards_of(kinesis, "s"):
        records, _ = read_all(kinesis, "s", shard["ShardId"])
        have = [(int(r["SequenceNumber"]), r["Data"]) for r in records]
        assert have == sorted(have) and len({number for number, _ in have}) == len(have)
        wanted = sorted(acknowledged.get(shard["ShardId"], []))
        kept = set(wanted)
        assert [each for each in have if each in kept] == wanted
        assert seen.isdisjoint(data for _, data in have)
        seen.update(data for _, data in have)
        assert len({data for _, data in have}) == len(have)
