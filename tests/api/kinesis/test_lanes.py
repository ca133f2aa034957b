# SPDX-License-Identifier: Apache-2.0
"""`kintoun shards STREAM`: a live view of the shards."""
import subprocess

from harness import PROGRAM
from streams import wait_active


def shards(cloud, *words):
    return subprocess.run([PROGRAM, "shards", *words, "--port", str(cloud.port)], text=True, capture_output=True, timeout=60)


def test_lanes(cloud, kinesis, make_stream):
    stream = make_stream(2)
    kinesis.split_shard(StreamName=stream, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(2 ** 127 + 2 ** 126))
    wait_active(kinesis, stream)
    told = shards(cloud, stream, "--once")
    assert told.returncode == 0, told.stderr
    first, _, *lanes = told.stdout.splitlines()
    assert first == f"{stream}: 4 shards, 3 open"
    assert [lane.split()[:2] for lane in lanes] == [
        ["000000000000", "00000000..7fffffff"], ["000000000001", "80000000..ffffffff"],
        ["000000000002", "80000000..bfffffff"], ["000000000003", "c0000000..ffffffff"]]
    assert "closed" in lanes[1] and "closed" not in lanes[2]
    watching = subprocess.Popen([PROGRAM, "shards", stream, "--port", str(cloud.port)], stdout=subprocess.PIPE, text=True)
    lanes = (line for line in watching.stdout if line.startswith("000000000000"))
    try:
        next(lanes)  # what comes from now on is seen in a later picture
        kinesis.put_records(StreamName=stream, Records=[{"Data": b"x" * 1000, "PartitionKey": "p", "ExplicitHashKey": "0"}] * 400)
        busy = next(line for line, _ in zip(lanes, range(60)) if line.split("|")[2].split()[0] != "0")
    finally:
        watching.kill()
        watching.communicate()
    assert busy.split("|")[1].startswith("=====") and busy.split("|")[2].split()[0] == "400"


def test_refusals(cloud):
    for words, text in ((["nothing-of-that-name", "--once"], "there is no such stream"), ([], "which stream?")):
        told = shards(cloud, *words) if words else subprocess.run([PROGRAM, "shards"], text=True, capture_output=True)
        assert told.returncode in (1, 2) and text in told.stderr
