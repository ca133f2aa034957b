# SPDX-License-Identifier: Apache-2.0
"""Objects of every kind under kill -9 and on a disk that fails: what was acknowledged is there to the byte, what was not is
there whole or not at all, nothing rots, and no space is lost. CRASH_ROUNDS=2000 is the long run."""
import contextlib
import itertools
import os
import pathlib
import random
import signal
import subprocess
import time
import urllib.request

import pytest
from harness import Cloud
from objects import BASE, BUCKET, Client, Writer, begin, check
from refusals import wait_for

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "5"))
WRITERS, SCRUBBED = 32, 50  # a pass of the scrubber every so many rounds, and at the end
KINDS = [(), ("--encrypt-at-rest=off",)]


def scrub(cloud):
    """What the scrubber finds damaged in a pass without pauses."""
    before = cloud.metrics()["kintoun_scrub_passes_total"]
    urllib.request.urlopen(urllib.request.Request(cloud.endpoint + "/_kintoun/scrub", method="POST", data=b""), timeout=60)
    while (now := cloud.metrics())["kintoun_scrub_passes_total"] == before:
        time.sleep(0.02)
    return now["kintoun_scrub_damaged_extents"]


def empties(cloud, writers):
    """When all is deleted, all space comes back: uploads that a crash left are aborted before."""
    s3 = cloud.client("s3")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=BUCKET):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    with contextlib.closing(Client(cloud)) as client:
        for name in [BASE, *(name for writer in writers for name in writer.present())]:
            client.ask("DELETE", name)
    deadline = time.monotonic() + 60
    while (left := cloud.metrics()["kintoun_extent_bytes_live"]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert left == 0, f"{left} bytes are nobody's and do not come back"


@pytest.mark.parametrize("options", KINDS, ids=["sealed", "plain"])
def test_killed_in_the_middle_of_writers(own_cloud, options):
    cloud, chance, done = own_cloud(*options), random.Random(), 0
    begin(cloud)
    writers = [Writer(cloud, number) for number in range(WRITERS)]
    for round_ in range(ROUNDS):
        writers = [Writer(cloud, writer.number, writer.have) for writer in writers]
        for writer in writers:
            writer.start()
        wait_for(lambda: any(writer.done for writer in writers))
        time.sleep(chance.uniform(0.05, 0.6))
        cloud.stop(signal.SIGKILL)
        for writer in writers:
            writer.join()
        assert not [writer.failure for writer in writers if writer.failure]
        done += sum(writer.done for writer in writers)
        cloud.start()
        check(cloud, writers)
        if round_ % SCRUBBED == SCRUBBED - 1:
            assert scrub(cloud) == 0
    assert done >= ROUNDS
    assert scrub(cloud) == 0
    empties(cloud, writers)


# ---- a disk that fails ----------------------------------------------------------------------------------------------

FAULTS = ["EIO once", "EIO from then on", "ENOSPC once", "ENOSPC from then on", "a short write"]  # enum FAULT of tests/crash/fault.h
STEPS = 24  # of the writer, each deed three times
CALLS_MAX = 400


@pytest.fixture(scope="module")
def fault(tmp_path_factory):
    """The library that makes a call fail, of any program."""
    source = pathlib.Path(__file__).resolve().parents[2] / "crash/fault.c"
    library = tmp_path_factory.mktemp("fault") / "fault.so"
    subprocess.run(["cc", "-std=gnu17", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", library, source], check=True)
    return library


def run_with_fault(folder, options, environment, writer):
    """False when the process did not even start."""
    cloud = Cloud(folder, *options, environment=environment)
    try:
        cloud.start()
    except RuntimeError:
        return False
    try:
        writer.client.cloud, writer.may_refuse = cloud, True
        writer.run()
        return True
    finally:
        cloud.stop(signal.SIGKILL)


@pytest.mark.parametrize("options", KINDS, ids=["sealed", "plain"])
@pytest.mark.parametrize("kind", range(len(FAULTS)), ids=[name.replace(" ", "-") for name in FAULTS])
def test_a_call_fails(tmp_path, fault, kind, options):
    chance, hit, calls = random.Random(), 0, CALLS_MAX  # that a run makes at most
    for round_ in itertools.count():
        if round_ >= ROUNDS and (hit or FAULTS[kind] == "a short write"):  # whose rest may just follow
            break
        folder = tmp_path / str(round_)
        folder.mkdir()
        cloud = Cloud(folder, *options).start()
        begin(cloud)
        cloud.stop()
        nth = 1 + chance.randrange(calls)
        environment = {"LD_PRELOAD": str(fault), "FAULT_DIR": str(cloud.data), "FAULT_NTH": str(nth), "FAULT_KIND": str(kind)}
        writer = Writer(cloud, 0, steps=STEPS)
        started = run_with_fault(folder, options, environment, writer)
        assert not writer.failure, f"call {nth}: {writer.failure!r}"
        if started and not writer.doubt:
            calls = max(nth // 2, 20)
        else:
            hit += 1
        cloud.start()
        try:
            check(cloud, [writer])
            assert scrub(cloud) == 0
            empties(cloud, [writer])
        finally:
            cloud.stop()
