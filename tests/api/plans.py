# SPDX-License-Identifier: Apache-2.0
"""Terraform against the cloud: apply, change, kill and restart, then no plan finds a difference; destroy."""
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


class Terraform:
    """A copy of a folder of configuration, and the calls it goes through."""

    def __init__(self, cloud, folder, work):
        if not shutil.which("terraform") or not plugins():
            pytest.skip("no terraform, or no folder with its aws provider (KINTOUN_TF_PLUGINS)")
        self.work = work / "terraform"
        shutil.copytree(folder, self.work)
        (self.work / "terraformrc").touch()
        self.environment = {**os.environ, "TF_VAR_endpoint": cloud.endpoint, "TF_IN_AUTOMATION": "1",
                            "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": str(self.work / "terraformrc")}
        self.call("init", f"-plugin-dir={plugins()}")

    def call(self, *words):
        done = subprocess.run(["terraform", *words, "-no-color"], cwd=self.work, env=self.environment, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        assert done.returncode == 0, done.stdout[-6000:]

    def apply(self, *variables):
        self.call("apply", "-auto-approve", "-input=false", *variables)

    def expect_no_change(self, *variables):
        self.call("plan", "-detailed-exitcode", "-input=false", *variables)

    def destroy(self, *variables):
        self.call("destroy", "-auto-approve", "-refresh=false", "-input=false", *variables)
