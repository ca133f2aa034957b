# SPDX-License-Identifier: Apache-2.0
"""The main job on real input: examples/sync.py with every stock client."""
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
