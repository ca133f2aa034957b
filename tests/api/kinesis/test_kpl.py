# SPDX-License-Identifier: Apache-2.0
"""The Kinesis Producer Library, whose native part speaks HTTPS only: what it aggregates passes the server untouched and is
taken apart here as its format says. Skipped where Java or Maven is missing, or its packages cannot be had."""
import hashlib
import pathlib
import re
import shutil
import subprocess

import pytest

from streams import read_all, shards_of, wait_active

FOLDER = pathlib.Path(__file__).parent / "kpl"
MAGIC = bytes.fromhex("f3899ac2")
COUNT = 2000


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if not shutil.which("mvn") or not shutil.which("javac"):
        pytest.skip("Java or Maven is not installed")
    target = tmp_path_factory.mktemp("kpl")
    shutil.copytree(FOLDER, target, dirs_exist_ok=True)
    done = subprocess.run(["mvn", "-q", "-B", "compile", "exec:help"], cwd=target, capture_output=True, text=True, timeout=600)
    if done.returncode and "resolve" in done.stdout + done.stderr:
        pytest.skip("the packages of the Kinesis Producer Library cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """(number, value) of a message of Protocol Buffers: numbers and bytes are all that the format has."""
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        value, at = varint(data, at)
        if tag & 7 == 2:
            value, at = data[at:at + value], at + value
        yield tag >> 3, value


def user_records(record):
    """("KPL Aggregated Record Format": magic, a message, its MD5.)"""
    data = record["Data"]
    if not data.startswith(MAGIC):
        return [(record["PartitionKey"], data)]
    message, digest = data[len(MAGIC):-16], data[-16:]
    assert hashlib.md5(message).digest() == digest
    keys = [value.decode() for number, value in fields(message) if number == 1]
    inner = [dict(fields(value)) for number, value in fields(message) if number == 3]
    return [(keys[each.get(1, 0)], each[3]) for each in inner]


def test_aggregated_records(own_cloud, library, tmp_path):
    cloud = own_cloud("--tls")
    kinesis = cloud.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=2)
    wait_active(kinesis, "s")
    done = subprocess.run(["mvn", "-q", "-B", "exec:java", f"-Dexec.args=s {cloud.port} {COUNT}", f"-Djava.io.tmpdir={tmp_path}"],
                          cwd=library, capture_output=True, text=True, timeout=180)
    said = [found.split() for found in re.findall(r"put \d+ .*", done.stdout)]  # Maven colours the first line
    assert "ended" in done.stdout and len(said) == COUNT, done.stdout[-2000:] + done.stderr[-2000:]
    assert {line[2] for line in said} == {"true"}
    seen, records = {}, []
    for shard in shards_of(kinesis, "s"):
        for record in read_all(kinesis, "s", shard["ShardId"])[0]:
            records.append(record)
            for key, data in user_records(record):
                seen.setdefault(data.decode(), []).append((key, shard["ShardId"], record["SequenceNumber"]))
    assert len(records) < COUNT and any(record["Data"].startswith(MAGIC) for record in records)
    assert seen == {f"record {n}": [(f"key{n % 7}", shard, number)] for _, n, _, shard, number in
                    ((each[0], int(each[1]), *each[2:]) for each in said)}
