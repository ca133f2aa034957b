# SPDX-License-Identifier: Apache-2.0
"""The server under test as an object: start, kill, restart, clients for it. conftest.py has the fixtures."""
import datetime
import functools
import hashlib
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time
import urllib.request

import boto3
import botocore.config

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("KINTOUN_PROGRAM", str(ROOT / "build/src/kintoun/kintoun"))
# Deadlines are for what hangs: nothing here is about how quick a machine is.
READY_S, STOP_S, PATIENCE_S = 120, 60, 60

# Nothing of the user's own AWS configuration may leak into the scenarios.
KEPT = ("KINTOUN_PROGRAM", "KINTOUN_TF_PLUGINS", "KINTOUN_MC")
for variable in [name for name in os.environ if name.startswith(("AWS_", "KINTOUN_")) and name not in KEPT]:
    del os.environ[variable]
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
                  AWS_EC2_METADATA_DISABLED="true")

# Virtual-host names under localhost need no resolver (RFC 6761 makes all of *.localhost loopback).
resolve = socket.getaddrinfo


def resolve_localhost(host, *args, **kwargs):
    if isinstance(host, str) and host.endswith(".localhost"):
        host = "127.0.0.1"
    return resolve(host, *args, **kwargs)


socket.getaddrinfo = resolve_localhost


def own_ports():
    """Of this process alone, and below those that the kernel gives away: a server that is started again finds its port free."""
    low, high = 10000, 32000
    share = (high - low) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    low += share * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = random.randrange(share)
    for number in itertools.count(first):
        port = low + number % share
        with socket.socket() as it:
            try:
                it.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


PORTS = own_ports()


class Cloud:
    """A kintoun process and its data folder."""

    def __init__(self, folder, *options, environment=None, clock=("--test-clock",)):
        self.folder = pathlib.Path(folder)
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.options = (*options, *clock)
        self.environment = environment or {}
        self.port = next(PORTS)
        self.process = None
        self.clients = {}

    def start(self):
        """Returns once the banner says Ready; the banner is then in `banner`."""
        offset = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "up", "--port", str(self.port), "--data", str(self.data),
                 *self.options], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, **self.environment})
        deadline = time.monotonic() + READY_S
        while True:
            self.banner = self.log.read_bytes()[offset:].decode(errors="replace")
            if re.search(r"^\s*Ready\.", self.banner, re.MULTILINE):
                break
            if self.process.poll() is not None:
                raise RuntimeError(f"ended with {self.process.returncode}:\n{self.banner}")
            if time.monotonic() > deadline:
                self.stop(signal.SIGKILL)
                raise RuntimeError(f"not ready after {READY_S} s:\n{self.banner}")
            time.sleep(0.002)
        found = re.search(r"(https?)://(?:127\.0\.0\.1|localhost):(\d+)", self.banner)
        self.scheme, self.port = found[1], int(found[2])
        self.endpoint = f"{self.scheme}://127.0.0.1:{self.port}"
        return self

    @property
    def certificate(self):
        """Of the authority that --tls made."""
        return self.data / "ca-cert.pem"

    @property
    def pid(self):
        return self.process.pid

    def stop(self, with_signal=signal.SIGTERM):
        """The exit status, as subprocess gives it."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"did not stop within {STOP_S} s of signal {with_signal}") from None
        return self.process.returncode

    def end_fabric(self):
        """VPCs' data plane goes on after the process, so tests end it."""
        digest = hashlib.sha256(os.path.realpath(self.data).encode()).hexdigest()
        if os.path.exists(f"/run/netns/kintoun-{digest[:12]}"):
            subprocess.run([PROGRAM, "fabric", "remove", "--data", str(self.data)], check=True)

    def restart(self, with_signal=signal.SIGKILL):
        """Ends the process and starts it again on the same data and port: endpoints stay good."""
        self.stop(with_signal)
        return self.start()

    def client(self, service, key="test", secret="test", token=None, region="us-east-1", **config):
        """A boto3 client that does not retry; S3 by path. `config` goes to botocore's Config."""
        wanted = (service, key, secret, token, region, self.endpoint, repr(sorted(config.items())))
        if wanted not in self.clients:
            config.setdefault("retries", {"total_max_attempts": 1})
            config.setdefault("s3", {"addressing_style": "path"})
            config.setdefault("read_timeout", 60)
            self.clients[wanted] = session().client(
                service, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                region_name=region, endpoint_url=self.endpoint,
                verify=str(self.certificate) if self.scheme == "https" else None,
                config=botocore.config.Config(**config))
        return self.clients[wanted]

    def virtual_host_client(self, region="us-east-1", **config):
        """S3 by Host name: BUCKET.localhost."""
        return session().client(
            "s3", aws_access_key_id="test", aws_secret_access_key="test", region_name=region,
            endpoint_url=f"{self.scheme}://localhost:{self.port}",
            config=botocore.config.Config(s3={"addressing_style": "virtual"},
                                          retries={"total_max_attempts": 1}, **config))

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=PATIENCE_S) as reply:
            return reply.read().decode()

    def set_clock(self, **change):
        """What it shows then."""
        request = urllib.request.Request(self.endpoint + "/_kintoun/clock", method="POST", data=json.dumps(change).encode(),
                                         headers={"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return datetime.datetime.fromisoformat(json.load(reply)["now"].replace("Z", "+00:00"))

    def advance(self, seconds):
        """Moves the cloud's clock forward."""
        return self.set_clock(advance_seconds=seconds)

    def begin_day(self):
        """Moves it to the next midnight, UTC: what follows lies in one day."""
        now = self.advance(0)
        return self.advance(86400 - now.hour * 3600 - now.minute * 60 - now.second)

    def stand(self):
        """Stops the cloud's clock until the next start: it is only moved from now on, however long the test takes."""
        return self.set_clock(stand=True)

    def metrics(self):
        """{'name{label="value"}': number} of /metrics."""
        lines = [line for line in self.get("/metrics").splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@functools.cache
def session():
    return boto3.Session()
