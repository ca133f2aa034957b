# SPDX-License-Identifier: Apache-2.0
"""Terraform against the cloud: apply, change, kill and restart, then no plan finds a difference; destroy."""
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from refusals import wait_for

FOLDERS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins",
           "~/.local/share/terraform/plugins", "~/.terraform.d/plugins")
# With its defaults, Go's collector takes a third of a command's processor time; it may take memory instead.
SPARING = {"GOGC": "800", "GOMAXPROCS": "1"}
BARE = 'terraform {\n  required_providers {\n    aws = { source = "hashicorp/aws" }\n  }\n}\n'


def plugins():
    """The folder that has the provider; a test that asks for it where there is none is skipped."""
    named = os.environ.get("KINTOUN_TF_PLUGINS")
    for folder in [named] if named else FOLDERS:
        folder = pathlib.Path(folder).expanduser()
        if shutil.which("terraform") and any(folder.glob("*/hashicorp/aws/*")):
            return folder
    return pytest.skip("no terraform, or no folder with its aws provider (KINTOUN_TF_PLUGINS)")


class Terraform:
    """A copy of a folder of configuration, and the calls it goes through."""

    def __init__(self, folder, work, **environment):
        self.work = work / "terraform"
        shutil.copytree(folder, self.work)
        (self.work / "terraformrc").touch()
        self.environment = {**os.environ, **SPARING, **environment, "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1",
                            "TF_CLI_CONFIG_FILE": str(self.work / "terraformrc")}
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


class Provider:
    """The stock provider as one process for all commands of a worker, in its mode for debuggers (-debug): each command
    starts one several times else. Terraform configures it anew in every step of every command."""

    def __init__(self, folder):
        self.folder, self.log, self.process = folder, folder / "log", None

    def start(self):
        """The very program that Terraform would start."""
        bare = self.folder / "bare"
        bare.mkdir(exist_ok=True)
        (bare / "main.tf").write_text(BARE)
        work = Terraform(bare, self.folder).work
        program, = work.glob(".terraform/providers/*/hashicorp/aws/*/*/terraform-provider-aws*")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([program, "-debug"], env={**os.environ, **SPARING, "TF_LOG": "ERROR"},
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def address(self):
        """What TF_REATTACH_PROVIDERS is to be."""
        if not self.process:
            self.start()
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-6000:]
        return wait_for(lambda: re.search(r"TF_REATTACH_PROVIDERS='(.*)'", self.log.read_text(errors="replace")))[1]

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()


@pytest.fixture(scope="session")
def provider(tmp_path_factory):
    it = Provider(tmp_path_factory.mktemp("provider"))
    yield it
    it.stop()


@pytest.fixture
def configuration(request, tmp_path, provider):
    """configuration(cloud, "terraform"): the folder of that name beside the test, with the provider of the worker."""
    def make(cloud, folder):
        folder = request.path.parent / folder
        # A second block is a second process to Terraform; here it would configure the one a second time, for both.
        assert sum(file.read_text().count('provider "aws" {') for file in folder.glob("*.tf")) == 1
        return Terraform(folder, tmp_path, TF_VAR_endpoint=cloud.endpoint, TF_REATTACH_PROVIDERS=provider.address())
    return make


@pytest.fixture
def own_configuration(request, tmp_path):
    """The same, where Terraform starts and ends the provider by itself as it does for everybody."""
    return lambda cloud, folder: Terraform(request.path.parent / folder, tmp_path, TF_VAR_endpoint=cloud.endpoint)
