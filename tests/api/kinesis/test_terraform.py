# SPDX-License-Identifier: Apache-2.0
"""Terraform's resources of Kinesis: apply, change, kill and restart, then no plan finds a difference; destroy."""
import os
import pathlib
import shutil
import subprocess

import pytest

FOLDERS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins",
           "~/.local/share/terraform/plugins", "~/.terraform.d/plugins")


def plugins():
    named = os.environ.get("KINTOUN_TF_PLUGINS")
    for folder in [named] if named else FOLDERS:
        folder = pathlib.Path(folder).expanduser()
        if any(folder.glob("*/hashicorp/aws/*")):
            return folder
    return None


def test_terraform(own_cloud, tmp_path):
    if not shutil.which("terraform") or not plugins():
        pytest.skip("no terraform, or no folder with its aws provider (KINTOUN_TF_PLUGINS)")
    cloud, work = own_cloud(), tmp_path / "terraform"
    shutil.copytree(pathlib.Path(__file__).parent / "terraform", work)
    (work / "terraformrc").touch()
    environment = {**os.environ, "TF_VAR_endpoint": cloud.endpoint, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
                   "TF_CLI_CONFIG_FILE": str(work / "terraformrc")}

    def call(*words):
        done = subprocess.run(["terraform", *words, "-no-color"], cwd=work, env=environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        assert done.returncode == 0, done.stdout[-6000:]

    call("init", f"-plugin-dir={plugins()}")
    call("apply", "-auto-approve", "-input=false")
    call("plan", "-detailed-exitcode", "-input=false")
    changed = ["-input=false", "-var=shards=3", "-var=hours=24", "-var=team=blue"]
    call("apply", "-auto-approve", *changed)
    kinesis = cloud.client("kinesis")
    assert kinesis.describe_stream_summary(StreamName="provisioned")["StreamDescriptionSummary"]["OpenShardCount"] == 3
    cloud.restart()
    call("plan", "-detailed-exitcode", *changed)
    call("destroy", "-auto-approve", *changed)
    assert kinesis.list_streams()["StreamNames"] == []
