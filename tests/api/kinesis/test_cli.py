# SPDX-License-Identifier: Apache-2.0
"""The AWS command line: a stream from its making to a record read."""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest


def test_command_line(cloud, name):
    program = pathlib.Path(sys.executable).parent / "aws"
    program = str(program) if program.exists() else shutil.which("aws")
    if not program:
        pytest.skip("the AWS command line is not installed")
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    stream = name("cli")

    def aws(*words):
        done = subprocess.run([program, "--endpoint-url", cloud.endpoint, "--output", "json", "kinesis", *words], text=True,
                              capture_output=True, timeout=120, env=environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    aws("create-stream", "--stream-name", stream, "--shard-count", "1")
    aws("wait", "stream-exists", "--stream-name", stream)
    record = pathlib.Path(cloud.folder) / "record"
    record.write_bytes(b"\0from the shell")
    put = aws("put-record", "--stream-name", stream, "--partition-key", "p", "--data", f"fileb://{record}")
    at = aws("get-shard-iterator", "--stream-name", stream, "--shard-id", put["ShardId"], "--shard-iterator-type", "TRIM_HORIZON")
    (got,) = aws("get-records", "--shard-iterator", at["ShardIterator"])["Records"]
    assert base64.b64decode(got["Data"]) == b"\0from the shell" and got["SequenceNumber"] == put["SequenceNumber"]
    assert aws("list-shards", "--stream-name", stream)["Shards"][0]["ShardId"] == put["ShardId"]
    aws("delete-stream", "--stream-name", stream)
