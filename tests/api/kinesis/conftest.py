# SPDX-License-Identifier: Apache-2.0
"""Streams for the Kinesis scenarios."""
import contextlib

import botocore.exceptions
import pytest

from harness import Cloud
from streams import wait_active

ACCOUNT = "000000000000"


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """Shared by the scenarios of this folder: they ask more often than an account may (test_pace.py)."""
    it = Cloud(tmp_path_factory.mktemp("kinesis"), "--unlimited").start()
    yield it
    status = it.stop()
    assert status == 0, it.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def kinesis(cloud):
    """Sends what the service should refuse, too."""
    return cloud.client("kinesis", parameter_validation=False)


@pytest.fixture
def make_stream(kinesis, name):
    """make_stream(2): an ACTIVE stream of two shards; removed at the end."""
    made = []

    def make(shards=1, **more):
        it = name("stream")
        made.append(it)
        kinesis.create_stream(StreamName=it, ShardCount=shards, **more)
        wait_active(kinesis, it)
        return it

    yield make
    for it in made:
        with contextlib.suppress(botocore.exceptions.ClientError):
            kinesis.delete_stream(StreamName=it, EnforceConsumerDeletion=True)


@pytest.fixture
def stream(make_stream):
    return make_stream()
