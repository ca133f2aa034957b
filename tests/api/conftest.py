# SPDX-License-Identifier: Apache-2.0
"""The cloud under test: one server for the whole session of each process (tests run side by side), further ones of
their own where a test kills, moves the clock or starts with other options. Every process started here is ended by its
own id."""
import signal
import uuid

import botocore.waiter
import pytest

from harness import Cloud

pytest_plugins = ["identities", "plans"]


@pytest.fixture(scope="session", autouse=True)
def brisk_waiters():
    """Stock waiters ask every 20 seconds, and here states change in milliseconds: they ask each half second, as long."""
    stock = botocore.waiter.SingleWaiterConfig.__init__

    def brisk(self, config):
        stock(self, config)
        self.max_attempts = int(self.max_attempts * self.delay / 0.5)
        self.delay = 0.5

    botocore.waiter.SingleWaiterConfig.__init__ = brisk
    yield
    botocore.waiter.SingleWaiterConfig.__init__ = stock


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    """The shared server; tests name what they make with `name`. Its clock is not to be moved: others compare it with theirs."""
    it = Cloud(tmp_path_factory.mktemp("cloud"), clock=()).start()
    yield it
    status = it.stop()
    it.end_fabric()
    assert status == 0, it.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def own_cloud(tmp_path):
    """own_cloud("--tls", environment={...}): a server of this test alone, with its own data."""
    made = []

    def make(*options, environment=None):
        folder = tmp_path / f"cloud{len(made)}"
        folder.mkdir()
        made.append(Cloud(folder, *options, environment=environment))
        return made[-1].start()

    yield make
    for it in made:
        it.stop(signal.SIGKILL)
        it.end_fabric()


@pytest.fixture
def name():
    """name() is a new name, good for a bucket, a table or a user: name("x") begins with x."""
    return lambda prefix="t": f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def bucket(cloud, name):
    """A new bucket of the shared cloud, emptied and removed at the end."""
    s3, it = cloud.client("s3"), name("bucket")
    s3.create_bucket(Bucket=it)
    yield it
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=it):
        for item in page.get("Contents", []):
            s3.delete_object(Bucket=it, Key=item["Key"])
    s3.delete_bucket(Bucket=it)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failed test shows the end of its server's log."""
    report = (yield).get_result()
    if report.failed:
        it = getattr(item, "funcargs", {}).get("cloud")
        if it and it.log.exists():
            report.sections.append(("server's log", it.log.read_text(errors="replace")[-3000:]))
