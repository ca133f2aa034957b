# SPDX-License-Identifier: Apache-2.0
"""A spot check by the AWS SDK for Java v2. Skipped where Java or Maven is missing, or its packages cannot be had."""
import os
import pathlib
import shutil
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).parent / "java"
WANTED = ["an object comes back", "user metadata comes back", "listing", "a key that is not there is refused",
          "an item comes back, its checksum verified", "a table that is gone is refused",
          "a record comes back", "a stream that is not there is refused",
          "a subscription brings records as they are put", "a subscription to a shard that is not there is refused", "the caller is root",
          "a user comes back"]


@pytest.fixture(scope="module")
def maven(tmp_path_factory):
    if not shutil.which("mvn") or not shutil.which("javac"):
        pytest.skip("Java or Maven is not installed")
    target = tmp_path_factory.mktemp("java")
    shutil.copytree(FOLDER, target, dirs_exist_ok=True)
    done = subprocess.run(["mvn", "-q", "-B", "compile", "exec:help"], cwd=target, capture_output=True, text=True, timeout=300)
    if done.returncode and "resolve" in done.stdout + done.stderr:
        pytest.skip("the packages of the SDK for Java cannot be had")
    assert done.returncode == 0, done.stdout + done.stderr
    return target


def test_sdk_for_java(cloud, maven, name):
    done = subprocess.run(["mvn", "-q", "-B", "exec:java", f"-Dexec.args={name('java')}"], cwd=maven, capture_output=True,
                          text=True, timeout=200, env={**os.environ, "AWS_ENDPOINT_URL": cloud.endpoint})
    assert done.returncode == 0, done.stdout + done.stderr
    # Maven may put colour codes before the first line.
    held = [line.split("held ", 1)[1] for line in done.stdout.splitlines() if "held " in line]
    assert held == WANTED
