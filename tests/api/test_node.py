# SPDX-License-Identifier: Apache-2.0
"""Spot checks with the SDK for JavaScript v3: each test of node/spot.test.mjs is one here."""
import os
import re
import shutil
import subprocess

import pytest

from harness import ROOT

FILE = ROOT / "tests/api/node/spot.test.mjs"
TESTS = re.findall(r'^test\("([^"]+)"', FILE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture(scope="module")
def outcome(cloud):
    if not shutil.which("node"):
        pytest.skip("no node")
    if not (FILE.parent / "node_modules/@aws-sdk/client-s3").is_dir():
        pytest.skip("the SDK for JavaScript is not installed")
    return subprocess.run(["node", "--test", "--test-reporter=tap", FILE], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=300,
                          env={**os.environ, "KINTOUN_ENDPOINT": cloud.endpoint}).stdout


@pytest.mark.parametrize("name", TESTS)
def test_spot(outcome, name):
    found = re.search(rf"^\s*(not ok|ok) \d+ - {re.escape(name)}$.*?(?=^\s*(?:# Subtest|1\.\.))", outcome,
                      re.MULTILINE | re.DOTALL)
    assert found, outcome[-3000:]
    assert found[1] == "ok", found[0][:3000]
