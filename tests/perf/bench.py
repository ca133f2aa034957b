#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure kintoun beside its peers, in one run on one machine: a table on the screen and in BUILD/bench.md.

    tests/perf/bench.py [--build build] [--program FILE] [--seconds 5] [--only WORD] [--no-peers]
                        [--extra-sync-us N]

A figure alone says little about another machine: read the ratios. Nothing here fails a build. Peers that
cannot be had are left out, and the reason is printed.
"""
import argparse
import json
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.config

import servers

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYS = 1000
CONNECTIONS = 64
LARGE = 1 << 30
LARGE_CONNECTIONS = 4

# Scenario of the generator, what it is called in the table, wanted requests/s, peers with their scenario.
ROWS = [
    ("sts-get-caller-identity", "STS GetCallerIdentity", None, {"moto": "sts-get-caller-identity"}),
    ("dynamodb-get-item", "DynamoDB GetItem, 1 KB", 60000, {"moto": "dynamodb-get-item"}),
    ("dynamodb-put-item", "DynamoDB PutItem, 1 KB, durable", 40000, {"moto": "dynamodb-put-item"}),
    ("s3-get", "S3 GET, 1 KiB", 50000, {"moto": "s3-get", "nginx": "http-get"}),
    ("s3-put", "S3 PUT, 1 KiB, durable", 20000, {"moto": "s3-put"}),
    ("s3-get-large", "S3 GET, 1 GiB", None, {"nginx": "http-get-large"}),
]
LARGE_RATIO = 0.8  # of nginx's bytes per second
READY_MS, RESIDENT_MIB, BINARY_MB, INSTRUCTIONS = 20, 20, 8, 40000
STARTS, PROFILED_REQUESTS = 10, 1000


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_objects(folder):
    """What the generator expects objects to be; see tests/perf/scenario.c."""
    folder.mkdir(parents=True)
    for i in range(KEYS):
        (folder / f"k{i:08d}").write_bytes(b"%08d" % i * 128)
    block = b"".join(b"%08d" % i for i in range(131072))
    with open(folder / "large", "wb") as file:
        for _ in range(LARGE // len(block)):
            file.write(block)


def clients(address):
    config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1},
                                    read_timeout=600)
    session = boto3.Session("test", "test", region_name="us-east-1")
    return {name: session.client(name, endpoint_url=f"http://{address}", config=config)
            for name in ("s3", "dynamodb")}


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.load = pathlib.Path(options.build) / "tests/perf/load"
        self.results = {}   # (server, scenario) -> the generator's JSON or {"reason": text}
        self.notes = []

    def run_load(self, server, scenario, **overrides):
        settings = {"seconds": self.options.seconds, "connections": CONNECTIONS, "keys": KEYS, "large": LARGE}
        if scenario.endswith("-large"):
            settings["connections"] = LARGE_CONNECTIONS
        settings.update(overrides)
        command = [str(self.load), "--json", "--endpoint", server.address]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        done = subprocess.run([*command, scenario], capture_output=True, text=True, timeout=900)
        if done.returncode:
            return {"reason": " ".join(done.stderr.split())[:300] or f"exit {done.returncode}"}
        return json.loads(done.stdout)

    def fill(self, server, scenarios):
        """The bucket, the table, and through the generator itself what the reading scenarios read."""
        made = clients(server.address)
        if any(name.startswith("dynamodb") for name in scenarios):
            made["dynamodb"].create_table(
                TableName="bench", BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
            made["dynamodb"].get_waiter("table_exists").wait(TableName="bench")
            self.run_load(server, "dynamodb-put-item", requests=KEYS, connections=8, seconds=300)
        if any(name.startswith("s3") for name in scenarios):
            made["s3"].create_bucket(Bucket="bench")
            self.run_load(server, "s3-put", requests=KEYS, connections=8, seconds=300)
        if "s3-get-large" in scenarios:
            made["s3"].upload_file(str(self.folder / "nginx/www/bench/large"), "bench", "large")

    def measure(self, server, scenarios):
        try:
            with server:
                if server.name != "nginx":
                    self.fill(server, scenarios)
                for scenario in scenarios:
                    result = self.run_load(server, scenario)
                    self.results[server.name, scenario] = result
                    say(f"{server.name:8} {scenario:24} " + (result.get("reason") or
                        f"{result['requests_per_s']:.0f}/s, {result['mib_per_s']:.0f} MiB/s, "
                        f"{result['verified']} replies compared"))
        except Exception as error:  # a peer that does not come up must not end the others' measurement
            reason = " ".join(str(error).split())[:300]
            say(f"{server.name}: {reason}")
            self.notes.append(f"{server.name} was left out or broke off: {reason}")

    def kintoun(self, name, wrapper=()):
        extra = ["--extra-sync-us", str(self.options.extra_sync_us)] if self.options.extra_sync_us else []
        return servers.Kintoun(self.options.program, self.folder / name, extra, wrapper)

    def measure_start(self):
        """Median of several starts on an empty folder, and what the last one holds a second later."""
        times = []
        for i in range(STARTS):
            with self.kintoun(f"start-{i}") as server:
                times.append(server.ready_ms)
                if i == STARTS - 1:
                    time.sleep(1)
                    resident = server.resident_mib()
        return statistics.median(times), resident

    def measure_size(self):
        stripped = self.folder / "stripped"
        subprocess.run(["strip", "-o", stripped, self.options.program], check=True)
        return stripped.stat().st_size / 1e6

    def instructions_of(self, requests):
        out = self.folder / f"callgrind-{requests}"
        with self.kintoun(f"profiled-{requests}", ["valgrind", "--tool=callgrind",
                                                   f"--callgrind-out-file={out}"]) as server:
            result = self.run_load(server, "sts-get-caller-identity", requests=requests, connections=64,
                                   seconds=600)
        if "reason" in result:
            raise servers.Unavailable(result["reason"])
        listing = subprocess.run(["callgrind_annotate", "--threshold=100", out], capture_output=True, text=True).stdout
        digests = sum(int(line.split()[0].replace(",", "")) for line in listing.splitlines() if "libcrypto" in line)
        return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)[1]), digests

    def measure_instructions(self):
        """What one request adds, and what of it is libcrypto: the difference between n and 2n requests, so that start
        and stop cancel. valgrind hides the processor's SHA instructions, so the digests weigh ten times what they do."""
        if not shutil.which("valgrind"):
            raise servers.Unavailable("valgrind is not installed")
        more, fewer = (self.instructions_of(n * PROFILED_REQUESTS) for n in (2, 1))
        return [(a - b) / PROFILED_REQUESTS for a, b in zip(more, fewer)]

    def single_figures(self):
        """Rows (what, figure, wanted) of the second table."""
        rows = []
        for measure, describe in (
                (self.measure_start, lambda both: [
                    ("exec to `Ready.`, empty data folder", f"{both[0]:.1f} ms", f"≤ {READY_MS} ms"),
                    ("resident memory, idle", f"{both[1]:.1f} MiB", f"≤ {RESIDENT_MIB} MiB")]),
                (self.measure_size, lambda size: [("stripped binary", f"{size:.1f} MB", f"≤ {BINARY_MB} MB")]),
                (self.measure_instructions, lambda both: [
                    ("instructions per signed GetCallerIdentity (callgrind)", f"{both[0]:,.0f}",
                     f"≤ {INSTRUCTIONS:,}"),
                    ("… of these digests in libcrypto, without the SHA instructions", f"{both[1]:,.0f}", "")])):
            try:
                rows += describe(measure())
            except Exception as error:
                self.notes.append(f"{measure.__name__}: {' '.join(str(error).split())[:300]}")
        return rows


def figure(result, key):
    if result is None or "reason" in result:
        return "–"
    return f"{result[key]:,.0f}"


def ratio(ours, theirs, key):
    if not ours or not theirs or "reason" in ours or "reason" in theirs or not theirs[key]:
        return "–"
    return f"{ours[key] / theirs[key]:.2f}"


def throughput_table(bench, rows):
    lines = ["| | kintoun | p50 µs | p99 µs | wanted | moto | ratio | nginx | ratio |",
             "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
    for scenario, title, wanted, peers in rows:
        key, unit = ("mib_per_s", " MiB/s") if scenario.endswith("-large") else ("requests_per_s", "/s")
        ours = bench.results.get(("kintoun", scenario))
        if ours and "reason" in ours:
            bench.notes.append(f"kintoun {scenario}: {ours['reason']}")
        target = f"{wanted:,}" if wanted else (f"{LARGE_RATIO} of nginx" if "large" in scenario else "")
        cells = [f"{title}, {unit.strip()}", figure(ours, key), figure(ours, "p50_us"), figure(ours, "p99_us"), target]
        for peer in ("moto", "nginx"):
            theirs = bench.results.get((peer, peers.get(peer)))
            if theirs and "reason" in theirs:
                bench.notes.append(f"{peer} {scenario}: {theirs['reason']}")
            cells += [figure(theirs, key), ratio(ours, theirs, key)]
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def report(bench, rows, single):
    own = [result["own_us"] for (name, scenario), result in bench.results.items()
           if name == "kintoun" and "own_us" in result and not scenario.endswith("-large")]
    lines = [f"# Measured {time.strftime('%Y-%m-%d %H:%M')}", "",
             f"{CONNECTIONS} keep-alive connections ({LARGE_CONNECTIONS} for 1 GiB), "
             f"{bench.options.seconds:g} s each, one machine for server and generator."]
    if own:
        lines.append(f"The generator itself took {min(own):.1f} to {max(own):.1f} µs of processor time per request.")
    if bench.options.extra_sync_us:
        lines.append(f"Every log sync was made {bench.options.extra_sync_us} µs slower.")
    lines += ["", *throughput_table(bench, rows)]
    if single:
        lines += ["", "| | kintoun | wanted |", "|---|---:|---:|", *(f"| {a} | {b} | {c} |" for a, b, c in single)]
    lines += ["", *(f"- {note}" for note in dict.fromkeys(bench.notes))] if bench.notes else []
    return "\n".join(lines) + "\n"


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=str(ROOT / "build"))
    parser.add_argument("--program", help="default: BUILD/src/kintoun/kintoun")
    parser.add_argument("--seconds", type=float, default=5, help="for each figure")
    parser.add_argument("--only", default="", help="scenarios whose name contains this word")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--extra-sync-us", type=int, default=0)
    options = parser.parse_args()
    options.program = options.program or f"{options.build}/src/kintoun/kintoun"
    return options


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and files go with it
    rows = [row for row in ROWS if options.only in row[0]]
    build = pathlib.Path(options.build)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as name:
        folder = pathlib.Path(name)
        bench = Bench(options, folder)
        write_objects(folder / "nginx/www/bench")
        all_servers = [bench.kintoun("kintoun")]
        if not options.no_peers:
            all_servers += [servers.Moto(folder / "moto", build / "bench-venv"), servers.Nginx(folder / "nginx")]
        for server in all_servers:
            scenarios = [row[0] if server.name == "kintoun" else row[3][server.name] for row in rows
                         if server.name == "kintoun" or server.name in row[3]]
            if scenarios:
                bench.measure(server, scenarios)
        single = [] if options.only else bench.single_figures()
        text = report(bench, rows, single)
    (build / "bench.md").write_text(text)
    print(text)


main()
