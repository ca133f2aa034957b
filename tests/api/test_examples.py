# SPDX-License-Identifier: Apache-2.0
"""The examples: sync.py with every stock client, documents.py."""
import os
import subprocess
import sys

import pytest

from harness import PROGRAM, ROOT


@pytest.mark.parametrize("client", ["cli1", "cli2", "boto3", "js", "terraform"])
def test_sync(client):
    done = subprocess.run([sys.executable, ROOT / "examples/sync.py", client, "--program", PROGRAM, "--files", "1500"], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    print(done.stdout)
    if done.returncode == 77:
        pytest.skip(done.stdout.strip().splitlines()[-1].removeprefix("skipped: "))
    assert done.returncode == 0, done.stdout[-4000:]
    if client != "terraform":
        assert done.stdout.count("are the same, byte for byte") == 2


def test_documents(cloud, name):
    """Large bodies in S3, what is said about them in DynamoDB."""
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    done = subprocess.run([sys.executable, ROOT / "examples/documents.py", cloud.endpoint, name("documents")], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, env=environment)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "one byte more: ValidationException: Item size has exceeded the maximum allowed size" in done.stdout
    assert "are as they should be" in done.stdout and "none left over" in done.stdout
