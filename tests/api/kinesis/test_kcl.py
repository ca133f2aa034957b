# SPDX-License-Identifier: Apache-2.0
"""The Kinesis Client Library 3 with its leases in our DynamoDB: records that are put all the while are consumed across a
split and a merge, each once and in the order of their keys. Skipped where Java or Maven is missing, or its packages cannot be had."""
import collections
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest

from streams import shards_of, wait_active

FOLDER = pathlib.Path(__file__).parent / "kcl"
KEYS = 7


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if not shutil.which("mvn") or not shutil.which("javac"):
        pytest.skip("Java or Maven is not installed")
    target = tmp_path_factory.mktemp("kcl")
    shutil.copytree(FOLDER, target, dirs_exist_ok=True)
    done = subprocess.run(["mvn", "-q", "-B", "compile", "exec:help"], cwd=target, capture_output=True, text=True, timeout=600)
    if done.returncode and "resolve" in done.stdout + done.stderr:
        pytest.skip("the packages of the Kinesis Client Library cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
    return target


class Consumer:
    """A worker of the library; `lines` are what it said so far."""

    def __init__(self, cloud, library, stream, mode):
        self.lines = []
        self.process = subprocess.Popen(["mvn", "-q", "-B", "exec:java", f"-Dexec.args={stream} kcl-{stream} worker {mode}"], cwd=library,
                                        env={**os.environ, "AWS_ENDPOINT_URL": cloud.endpoint}, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def wait(self, done, seconds=120):
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline and self.process.poll() is None, self.lines[-20:]
            time.sleep(0.1)

    def records(self):
        return [line.split()[-3:] for line in list(self.lines) if "record shardId-" in line]

    def said(self, what):
        return any(what in line for line in list(self.lines))

    def stop(self):
        self.process.stdin.close()
        try:
            assert self.process.wait(60) == 0 and self.said("stopped"), self.lines[-20:]
        finally:
            self.process.kill()
            self.thread.join()


class Producer(threading.Thread):
    """Puts until it is told to end."""

    def __init__(self, kinesis, stream):
        super().__init__()
        self.kinesis, self.stream, self.puts, self.ended = kinesis, stream, collections.defaultdict(list), threading.Event()
        self.start()

    def run(self):
        count = 0
        while not self.ended.wait(0.01):
            key = f"key{count % KEYS}"
            number = self.kinesis.put_record(StreamName=self.stream, Data=f"{key}/{count}".encode(), PartitionKey=key)["SequenceNumber"]
            self.puts[key].append([number, f"{key}/{count}"])
            count += 1

    def end(self):
        self.ended.set()
        self.join()
        return dict(self.puts)


@pytest.mark.parametrize("mode", ["polling", "pushed"])
def test_a_split_and_a_merge_lose_and_reorder_nothing(cloud, kinesis, library, make_stream, mode):
    stream = make_stream(2)
    producer, consumer = Producer(kinesis, stream), Consumer(cloud, library, stream, mode)
    try:
        consumer.wait(lambda: len(consumer.records()) > 50)
        first, second = shards_of(kinesis, stream)
        middle = int(first["HashKeyRange"]["EndingHashKey"]) // 2
        kinesis.split_shard(StreamName=stream, ShardToSplit=first["ShardId"], NewStartingHashKey=str(middle))
        wait_active(kinesis, stream)
        consumer.wait(lambda: consumer.said(f"end {first['ShardId']}"))
        upper = next(shard for shard in shards_of(kinesis, stream) if shard["HashKeyRange"]["StartingHashKey"] == str(middle))
        kinesis.merge_shards(StreamName=stream, ShardToMerge=upper["ShardId"], AdjacentShardToMerge=second["ShardId"])
        wait_active(kinesis, stream)
        consumer.wait(lambda: consumer.said(f"end {upper['ShardId']}") and consumer.said(f"end {second['ShardId']}"))
        seen = len(consumer.records())
        consumer.wait(lambda: len(consumer.records()) > seen + 100)
    finally:
        puts = producer.end()
        total = sum(len(of) for of in puts.values())
        consumer.wait(lambda: len(consumer.records()) >= total)
        consumer.stop()
    came = collections.defaultdict(list)
    for _, number, text in consumer.records():
        came[text.split("/")[0]].append([number, text])
    assert dict(came) == puts
    leases = cloud.client("dynamodb").scan(TableName=f"kcl-{stream}")["Items"]
    assert any(item["checkpoint"]["S"] == "SHARD_END" for item in leases if "checkpoint" in item)
