# SPDX-License-Identifier: Apache-2.0
"""A disk that fills up: writes are refused and say why, reads go on, and writes come back with the room."""
import contextlib
import os
import subprocess
import time

import botocore.exceptions
import pytest

from harness import Cloud

MIB = 1 << 20


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted: {done.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(s3, bodies, size):
    """Puts bodies of that size until one is refused; the refusal."""
    for i in range(400 * MIB // size):
        body = os.urandom(size)
        try:
            s3.put_object(Bucket="full", Key=f"{size}-{i}", Body=body)
        except botocore.exceptions.ClientError as error:
            return error.response
        bodies[f"{size}-{i}"] = body
    raise AssertionError("the disk never filled")


def eventually(call, **arguments):
    """The log and the tables that it goes into share the little room for a moment: a retry, as every SDK makes it."""
    for attempt in range(100):
        try:
            return call(**arguments)
        except botocore.exceptions.ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            time.sleep(0.1)
    raise AssertionError("still refused")


def check_all(s3, bodies):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="full")
    assert {it["Key"] for page in pages for it in page["Contents"]} == set(bodies)
    for key, body in bodies.items():
        assert s3.get_object(Bucket="full", Key=key)["Body"].read() == body


def test_full_disk_refuses_writes_serves_reads_and_recovers(tmp_path):
    with small_disk(tmp_path / "disk", 400 * MIB) as disk:
        cloud = Cloud(disk).start()
        try:
            s3, bodies = cloud.client("s3"), {}
            s3.create_bucket(Bucket="full")
            for size in (MIB, 100_000):  # in extents, and in the log
                response = fill(s3, bodies, size)
                assert response["ResponseMetadata"]["HTTPStatusCode"] == 503
                assert "full" in response["Error"]["Message"]
            with pytest.raises(botocore.exceptions.ClientError, match="full"):
                cloud.client("iam").create_user(UserName="late")
            check_all(s3, bodies)
            assert cloud.client("sts").get_caller_identity()["Account"] == "000000000000"
            for key in list(bodies)[: len(bodies) // 2]:
                eventually(s3.delete_object, Bucket="full", Key=key)
                del bodies[key]
            eventually(s3.put_object, Bucket="full", Key="again", Body=b"room")
            bodies["again"] = b"room"
            cloud.restart()
            check_all(cloud.client("s3"), bodies)
        finally:
            cloud.stop()
