#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real directory trees into a bucket and back, byte for byte, and once more after kill -9.

    examples/sync.py CLIENT [--program FILE] [--files N] [TREE ...]

CLIENT is cli1, cli2 (AWS command line, version 1 and 2), boto3, js (SDK for JavaScript v3), or terraform, which
makes a bucket with objects, a table, and a user, role and policy from examples/terraform instead. Without trees: this
repository, the documentation of the installed packages (its first N files), and a few awkward names and sizes.

The script starts a cloud of its own in a temporary folder, and ends it. Exit status 77: the client is not here.
"""
import argparse
import hashlib
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
SKIPPED = 77
NOT_COPIED = re.compile(r"^(build.*|\.venv|node_modules|data|__pycache__)$")
PLUGIN_FOLDERS = ("/opt/tf-plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins",
                  "~/.local/share/terraform/plugins", "~/.terraform.d/plugins")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def run(*command, cwd=None, expect=0, **environment):
    """The output; the script ends when the command does not end with `expect`."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={**os.environ, **environment})
    if done.returncode != expect:
        print(done.stdout[-8000:])
        sys.exit(f"sync: ended with {done.returncode}: {' '.join(str(word) for word in command)}")
    return done.stdout


class Cloud:
    """The server; killing it and starting it again keeps its data and its port."""

    def __init__(self, program, folder):
        self.program, self.folder, self.port = program, folder, 0

    def start(self):
        log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen([self.program, "up", "--port", str(self.port), "--data", self.folder / "data"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        log.close()
        for _ in range(3000):
            text = (self.folder / "log").read_text(errors="replace")
            if re.search(r"^\s*Ready\.", text, re.MULTILINE):
                self.endpoint = re.search(r"http://127\.0\.0\.1:\d+", text)[0]
                self.port = int(self.endpoint.rsplit(":", 1)[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        sys.exit(f"sync: the cloud did not start:\n{text}")

    def stop(self, with_signal):
        self.process.send_signal(with_signal)
        self.process.wait()


# -- trees ------------------------------------------------------------------------------------------------------


def copy_tree(source, target, most):
    """Copies the first `most` regular files, so that nothing changes under the comparison."""
    count = 0
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(it for it in folders if not NOT_COPIED.match(it))
        for name in sorted(names):
            path = pathlib.Path(folder, name)
            if count >= most or path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK):
                continue
            to = target / path.relative_to(source)
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, to)
            count += 1
    return count


def make_awkward(target):
    """Names that need encoding, and sizes around a multipart upload's borders."""
    chance = random.Random(20)
    for name in ("a b", "a+b", "100%", "%2F", "ä ö ü", "筋斗雲", "q?x=1&y", "semi;colon", "quote'\"", "tilde~", "(1)", "$HOME", "#hash", "=", "@at", "a,b"):
        path = target / "names" / name / f"{name}.txt"
        path.parent.mkdir(parents=True)
        path.write_text(name)
    for size in (0, 1, 65535, 65536, 65537, 8 << 20, (8 << 20) + 1, 21 << 20):
        path = target / "sizes" / f"{size}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(chance.randbytes(size))


def make_trees(folder, given, most):
    trees = [pathlib.Path(tree) for tree in given] or [ROOT, pathlib.Path("/usr/share/doc")]
    total = 0
    for tree in trees:
        total += copy_tree(tree, folder / (tree.name or "root"), most)
    if not given and total < 1000:  # a slim system has no documentation; the Python packages have text enough
        total += copy_tree(ROOT / ".venv/lib", folder / "packages", most)
    make_awkward(folder / "awkward")
    return sorted(it.name for it in folder.iterdir())


def digests(folder):
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


def compare(wanted, folder, when):
    have = digests(folder)
    if have != wanted:
        odd = sorted(name for name in wanted.keys() | have.keys() if wanted.get(name) != have.get(name))
        sys.exit(f"sync: {len(odd)} files differ {when}: {odd[:10]}")
    print(f"{len(have)} files are the same, byte for byte, {when}")


# -- clients ----------------------------------------------------------------------------------------------------


KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1", "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "NO_PROXY": "127.0.0.1,localhost"}


def command_line(version):
    """The AWS command line of that major version: both are called aws."""
    places = [ROOT / ".venv/bin/aws", "/usr/bin/aws", "/usr/local/bin/aws", shutil.which("aws")]
    for aws in [place for place in places if place and os.path.exists(place)]:
        said = subprocess.run([aws, "--version"], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL).stdout
        if said.startswith(f"aws-cli/{version}."):
            print(said.strip())
            return aws
    return skip(f"no AWS command line version {version}")


class CommandLine:
    def __init__(self, version):
        self.aws = command_line(version)

    def call(self, cloud, *words):
        return run(self.aws, "--endpoint-url", cloud.endpoint, *words)

    def make(self, cloud, bucket):
        self.call(cloud, "s3", "mb", f"s3://{bucket}")

    def up(self, cloud, tree, bucket, prefix):
        self.call(cloud, "s3", "sync", "--only-show-errors", tree, f"s3://{bucket}/{prefix}")

    def down(self, cloud, tree, bucket, prefix):
        self.call(cloud, "s3", "sync", "--only-show-errors", f"s3://{bucket}/{prefix}", tree)


class Helper:
    """A small program for an SDK: HELPER make|up|down ENDPOINT BUCKET [PREFIX FOLDER]."""

    def __init__(self, *command):
        self.command = command

    def make(self, cloud, bucket):
        run(*self.command, "make", cloud.endpoint, bucket)

    def up(self, cloud, tree, bucket, prefix):
        run(*self.command, "up", cloud.endpoint, bucket, prefix, tree)

    def down(self, cloud, tree, bucket, prefix):
        run(*self.command, "down", cloud.endpoint, bucket, prefix, tree)


def boto3_client():
    for python in (ROOT / ".venv/bin/python", "python3"):
        if shutil.which(python) and not subprocess.run([python, "-c", "import boto3"], stderr=subprocess.DEVNULL).returncode:
            return Helper(python, ROOT / "examples/sync_boto3.py")
    return skip("no boto3")


def js_client():
    if not shutil.which("node"):
        skip("no node")
    if not (ROOT / "tests/api/node/node_modules/@aws-sdk/client-s3").is_dir():
        skip("the SDK for JavaScript is not installed; tools/setup test does it where npm is there")
    return Helper("node", ROOT / "tests/api/node/sync.mjs")


CLIENTS = {"cli1": lambda: CommandLine(1), "cli2": lambda: CommandLine(2), "boto3": boto3_client, "js": js_client}


def sync(cloud, client, folder, given, most):
    source = folder / "source"
    source.mkdir()
    trees = make_trees(source, given, most)
    wanted = digests(source)
    print(f"{len(wanted)} files, {sum(it.stat().st_size for it in source.rglob('*') if it.is_file()) >> 20} MiB, in {', '.join(trees)}")
    client.make(cloud, "trees")
    started = time.monotonic()
    for tree in trees:
        client.up(cloud, source / tree, "trees", tree)
    print(f"up in {time.monotonic() - started:.1f} s")
    for turn in ("after coming back", "after kill -9 and restart"):
        back = folder / "back"
        started = time.monotonic()
        for tree in trees:
            (back / tree).mkdir(parents=True)
            client.down(cloud, back / tree, "trees", tree)
        print(f"down in {time.monotonic() - started:.1f} s")
        compare(wanted, back, turn)
        shutil.rmtree(back)
        cloud.stop(signal.SIGKILL)
        cloud.start()


# -- terraform --------------------------------------------------------------------------------------------------


def terraform_plugins():
    named = os.environ.get("KINTOUN_TF_PLUGINS")
    for folder in [named] if named else PLUGIN_FOLDERS:
        folder = pathlib.Path(folder).expanduser()
        if any(folder.glob("*/hashicorp/aws/*")):
            return folder
    return skip("no folder with Terraform's aws provider; name it in KINTOUN_TF_PLUGINS")


def terraform(cloud, folder):
    if not shutil.which("terraform"):
        skip("no terraform")
    plugins = terraform_plugins()
    work = folder / "terraform"
    shutil.copytree(ROOT / "examples/terraform", work)
    KEYS.update(TF_VAR_endpoint=cloud.endpoint, TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1", TF_CLI_CONFIG_FILE=str(work / "terraformrc"))
    os.environ.update(KEYS)
    (work / "terraformrc").touch()

    def call(*words, expect=0):
        started = time.monotonic()
        text = run("terraform", *words, "-no-color", cwd=work, expect=expect)
        print(f"terraform {' '.join(words)}: as expected, {time.monotonic() - started:.1f} s")
        return text

    call("init", f"-plugin-dir={plugins}")
    call("apply", "-auto-approve", "-input=false")
    call("plan", "-detailed-exitcode", "-input=false")  # 0: nothing is to be changed
    cloud.stop(signal.SIGKILL)
    cloud.start()
    call("plan", "-detailed-exitcode", "-input=false")
    call("destroy", "-auto-approve", "-input=false")
    if call("state", "list").strip():
        sys.exit("sync: terraform left something behind")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("client", choices=[*CLIENTS, "terraform"])
    parser.add_argument("--program", default=ROOT / "build/src/kintoun/kintoun")
    parser.add_argument("--files", type=int, default=2500, help="most files taken from one tree")
    parser.add_argument("tree", nargs="*")
    args = parser.parse_args()
    os.environ.update(KEYS)
    client = None if args.client == "terraform" else CLIENTS[args.client]()
    with tempfile.TemporaryDirectory(prefix="kintoun-sync-") as name:
        folder = pathlib.Path(name)
        cloud = Cloud(args.program, folder)
        cloud.start()
        try:
            if client:
                sync(cloud, client, folder, args.tree, args.files)
            else:
                terraform(cloud, folder)
        finally:
            cloud.stop(signal.SIGKILL)


if __name__ == "__main__":
    main()
