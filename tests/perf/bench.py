#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measure kintoun beside its peers, in one run on one machine: a table on the screen and in BUILD/bench.md.

    tests/perf/bench.py [--build build] [--program FILE] [--seconds 5] [--only WORD] [--no-peers]
                        [--extra-sync-us N] [--items N] [--listing-keys N]

A figure alone says little about another machine: read the ratios. Nothing here fails a build. Peers that
cannot be had are left out, and the reason is printed.
"""
import argparse
import contextlib
import json
import os
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

import fabric
import instances
import listing
import scale
import servers
import streams

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEYS = 1000
CONNECTIONS = 64
LARGE, MEDIUM, PART = 1 << 30, 1 << 20, 8 << 20

BY_COUNT, BY_BYTES = ("requests_per_s", "/s"), ("mib_per_s", "MiB/s")
PLAIN = "in the clear"  # kintoun itself, with objects that are not encrypted at rest
SLOW = "256 connections and 1 ms more per sync"  # kintoun itself
MIXED = ("dynalite", "DynamoDB Local")
RAW = "a file with fdatasync"
DYNAMODB, KINESIS, S3 = ("moto", "dynalite", "DynamoDB Local"), ("moto", "kinesalite"), ("moto", "s3rver", "MinIO")


class Row:
    """A line of the table: its scenario of the generator with the settings that differ, what is wanted (requests/s, or a
    text), and the peers that are asked the same; nginx is asked without a signature."""

    def __init__(self, name, title, wanted="", peers=(), unit=BY_COUNT, scenario=None, **settings):
        self.name, self.title, self.wanted, self.peers, self.unit = name, title, wanted, peers, unit
        self.scenario, self.settings = scenario or name, settings

    def scenario_for(self, server):
        return self.scenario.replace("s3-", "http-") if server == "nginx" else self.scenario


ROWS = [
    Row("sts-get-caller-identity", "STS GetCallerIdentity", peers=("moto",)),
    Row("dynamodb-get-item", "DynamoDB GetItem, 1 KB", 60000, DYNAMODB),
    Row("dynamodb-put-item", "DynamoDB PutItem, 1 KB, durable", 40000, (SLOW, *DYNAMODB)),
    Row("dynamodb-update-item", "DynamoDB UpdateItem with a condition, durable", peers=(SLOW, *DYNAMODB)),
    Row("dynamodb-query", "DynamoDB Query, 100 items", peers=DYNAMODB),
    Row("dynamodb-transact-write", "DynamoDB TransactWriteItems, 4 items, durable", peers=(SLOW, "moto", "DynamoDB Local")),
    Row("dynamodb-ycsb-a", "YCSB A: half reads, half updates", peers=MIXED),
    Row("dynamodb-ycsb-b", "YCSB B: 95 % reads, 5 % updates", peers=MIXED),
    Row("dynamodb-ycsb-c", "YCSB C: reads", peers=MIXED),
    Row("dynamodb-ycsb-d", "YCSB D: 95 % reads of the newest, 5 % inserts", peers=MIXED),
    Row("dynamodb-ycsb-e", "YCSB E: 95 % short scans, 5 % inserts", peers=MIXED),
    Row("dynamodb-ycsb-f", "YCSB F: reads, half of them for an update", peers=MIXED),
    Row("kinesis-put-record", "Kinesis PutRecord, 1 KB, durable", 50000, KINESIS),
    Row("kinesis-put-records", "Kinesis PutRecords, 500 of 1 KB, durable", 600, KINESIS, keys=16, connections=16),
    Row("kinesis-get-records", "Kinesis GetRecords, 1,000 of 1 KB", 500, KINESIS, connections=16),
    Row("s3-get", "S3 GET, 1 KiB", 100000, (PLAIN, *S3, "nginx")),
    Row("s3-put", "S3 PUT, 1 KiB, durable", "50,000, with 1 ms more 0.8 of it", (PLAIN, SLOW, *S3)),
    Row("s3-list", "S3 ListObjectsV2, pages of up to 1,000 keys", 150, S3),
    Row("s3-get-medium", "S3 GET, 1 MiB", "500 µs (2 GB/s per core), in the clear 0.8 of nginx", (PLAIN, "nginx"), BY_BYTES,
        "s3-get-large", large=MEDIUM),
    Row("s3-get-large", "S3 GET, 1 GiB", "in the clear 0.8 of nginx", (PLAIN, "nginx"), BY_BYTES, large=LARGE,
        connections=4),
    Row("s3-put-large", "S3 PUT, 64 MiB, durable", "0.9 of a file", (PLAIN, RAW, *S3), BY_BYTES, large=64 << 20, connections=4,
        keys=4),
    Row("s3-upload-part", "S3 UploadPart, 8 MiB, durable", "1,430 (1.5 GB/s), 0.9 of a file", (PLAIN, RAW, *S3), BY_BYTES, large=PART,
        connections=8, keys=8),
]
HALVED = ("dynamodb-get-item", "dynamodb-put-item", "dynamodb-update-item", "dynamodb-query", "dynamodb-transact-write")
PEERS = (SLOW, "moto", "dynalite", "DynamoDB Local", "kinesalite", "s3rver", "MinIO")
IN_TURN, ROUNDS = (PLAIN, "nginx", RAW), 3
READY_MS, RESIDENT_MIB, BINARY_MB, INSTRUCTIONS = 20, 20, 8, 40000
STARTS, PROFILED_REQUESTS = 10, 1000
PROFILED = [("sts-get-caller-identity", "signed GetCallerIdentity", f"≤ {INSTRUCTIONS:,}"), ("s3-get", "S3 GET of 1 KiB", ""),
            ("s3-put", "durable S3 PUT of 1 KiB", "")]


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_objects(folder):
    """What the generator expects objects to be; see tests/perf/scenario.c."""
    folder.mkdir(parents=True)
    for i in range(KEYS):
        (folder / f"k{i:08d}").write_bytes(b"%08d" % i * 128)
    block = b"".join(b"%08d" % i for i in range(131072))
    for size in (MEDIUM, LARGE):
        with open(folder / f"large-{size}", "wb") as file:
            for _ in range(size // len(block)):
                file.write(block)


def clients(server):
    config = botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1},
                                    read_timeout=600)
    session = boto3.Session(server.key, server.key, region_name="us-east-1")
    return {name: session.client(name, endpoint_url=f"http://{server.address}", config=config)
            for name in ("s3", "dynamodb", "kinesis", "ec2")}


class Bench:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.load = pathlib.Path(options.build) / "tests/perf/load"
        self.results = {}   # (server, row's name) -> of each run the generator's JSON or {"reason": text}
        self.notes = []
        self.peaks = []     # of resident memory, in words

    def run_load(self, server, scenario, **overrides):
        settings = {"seconds": self.options.seconds, "connections": CONNECTIONS, "keys": KEYS, **overrides}
        command = [str(self.load), "--json", "--endpoint", server.address]
        for name, value in settings.items():
            command += [f"--{name}", str(value)]
        keys = {"AWS_ACCESS_KEY_ID": server.key, "AWS_SECRET_ACCESS_KEY": server.key}
        done = subprocess.run([*command, scenario], capture_output=True, text=True, timeout=settings["seconds"] + 900,
                              env={**os.environ, **keys})
        if done.returncode:
            return {"reason": " ".join(done.stderr.split())[:300] or f"exit {done.returncode}"}
        return json.loads(done.stdout)

    def fill_tables(self, server, client):
        for name, keys in (("bench", {"pk": "S"}), ("bench-sorted", {"pk": "S", "sk": "N"})):
            client.create_table(
                TableName=name, BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))],
                AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in keys.items()])
            client.get_waiter("table_exists").wait(TableName=name)
        self.run_load(server, "dynamodb-put-item", requests=KEYS, connections=8, seconds=300)
        items = [{"PutRequest": {"Item": {"pk": {"S": f"p{part}"}, "sk": {"N": str(i)}, "text": {"S": "x" * 100}}}}
                 for part in range(10) for i in range(100)]
        for at in range(0, len(items), 25):
            client.batch_write_item(RequestItems={"bench-sorted": items[at:at + 25]})

    def fill_stream(self, client):
        """Four shards; what is read lies in a stream of its own."""
        for name, shards in (("bench", 4), ("bench-read", 1)):
            client.create_stream(StreamName=name, ShardCount=shards)
            client.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        for at in range(0, 2000, 100):
            client.put_records(StreamName="bench-read", Records=[
                {"Data": b"%08d" % (at + i) * 125, "PartitionKey": "p"} for i in range(100)])

    def iterator(self, server):
        return clients(server)["kinesis"].get_shard_iterator(
            StreamName="bench-read", ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON")["ShardIterator"]

    def upload(self, server):
        return clients(server)["s3"].create_multipart_upload(Bucket="bench", Key="parts")["UploadId"]

    def made_for(self, server, row):
        """What a row needs that the server makes."""
        makers = {"kinesis-get-records": ("iterator", self.iterator), "s3-upload-part": ("upload", self.upload)}
        if row.scenario not in makers:
            return {}
        name, make = makers[row.scenario]
        return {name: make(server)}

    def fill_bucket(self, server, client, rows):
        client.create_bucket(Bucket="bench")
        self.run_load(server, "s3-put", requests=KEYS, connections=8, seconds=300)
        for large in (row.settings["large"] for row in rows if row.scenario == "s3-get-large"):
            client.upload_file(str(self.folder / f"nginx/www/bench/large-{large}"), "bench", f"large-{large}")

    def fill(self, server, rows):
        """The bucket, the tables, and through the generator itself what the reading scenarios read."""
        made = clients(server)
        if any(row.scenario.startswith("dynamodb") for row in rows):
            self.fill_tables(server, made["dynamodb"])
        if any(row.scenario.startswith("kinesis") for row in rows):
            self.fill_stream(made["kinesis"])
        if any(row.scenario.startswith("s3") for row in rows):
            self.fill_bucket(server, made["s3"], rows)

    def start(self, stack, server, rows):
        """False when it does not come up, which must not end the others' measurement."""
        try:
            stack.enter_context(server)
            if server.name not in ("nginx", RAW):
                self.fill(server, rows)
            return True
        except Exception as error:
            self.leave_out(server, error)
            return False

    def leave_out(self, server, error):
        reason = " ".join(str(error).split())[:300]
        say(f"{server.name}: {reason}")
        self.notes.append(f"{server.name} was left out or broke off: {reason}")

    def measure_once(self, server, row):
        made = {} if server.name == RAW else self.made_for(server, row)
        before = server.processor_s()
        result = server.measure(self, row.scenario_for(server.name), {**server.settings, **row.settings, **made})
        result["server_us"] = (server.processor_s() - before) * 1e6 / (result.get(row.unit[0]) or 1) / self.options.seconds
        say(f"{server.name:12} {row.name:24} " + (result.get("reason") or
            f"{result['requests_per_s']:.0f}/s, {result['mib_per_s']:.0f} MiB/s, {result['verified']} replies compared"))
        self.results.setdefault((server.name, row.name), []).append(result)

    def measure(self, group, rows, rounds=1):
        """Servers of one group are asked in turn, so that what else the machine does meets all of them."""
        asked = {server: [row for row in rows if server.name in ("kintoun", *row.peers)] for server in group}
        with contextlib.ExitStack() as stack:
            up = [server for server in group if asked[server] and self.start(stack, server, asked[server])]
            for row in rows:
                for server in [server for server in up if row in asked[server]] * rounds:
                    try:
                        self.measure_once(server, row)
                    except Exception as error:
                        self.leave_out(server, error)
            self.peaks += [f"{server.name} {server.peak_mib():,.0f} MiB" for server in up if isinstance(server, servers.Kintoun)]

    def result(self, name, row):
        """The run in the middle of those that were made; {"reason": text} where none worked."""
        made = self.results.get((name, row.name), [])
        good = sorted((it for it in made if "reason" not in it), key=lambda it: it[row.unit[0]])
        return good[len(good) // 2] if good else (made or [{"reason": "not measured"}])[0]

    def kintoun(self, name, wrapper=(), options=()):
        extra = ["--extra-sync-us", str(self.options.extra_sync_us)] if self.options.extra_sync_us else []
        return servers.Kintoun(self.options.program, self.folder / name, ["--unlimited", *extra, *options], wrapper)

    def peer(self, name):
        if name == PLAIN:
            server = self.kintoun("plain", options=["--encrypt-at-rest", "off"])
        elif name == SLOW:
            server = self.kintoun("slow", options=["--extra-sync-us", "1000"])
            server.settings = {"connections": 256}
        elif name == RAW:
            server = servers.Disk(self.folder / "raw")
        else:
            return servers.peer(name, self.folder / name, pathlib.Path(self.options.build))
        server.name = name
        return server

    def measure_start(self):
        """Median of several starts on an empty folder; what the last one holds a second later, and a second after its
        first write."""
        times, resident = [], []
        for i in range(STARTS):
            with self.kintoun(f"start-{i}") as server:
                times.append(server.ready_ms)
                if i == STARTS - 1:
                    time.sleep(1)
                    resident.append(server.resident_mib())
                    clients(server)["s3"].create_bucket(Bucket="first")
                    time.sleep(1)
                    resident.append(server.resident_mib())
        return statistics.median(times), *resident

    def measure_size(self):
        stripped = self.folder / "stripped"
        subprocess.run(["strip", "-o", stripped, self.options.program], check=True)
        return stripped.stat().st_size / 1e6

    def instructions_of(self, scenario, requests):
        out = self.folder / f"callgrind-{scenario}-{requests}"
        with self.kintoun(f"profiled-{scenario}-{requests}", ["valgrind", "--tool=callgrind",
                                                              f"--callgrind-out-file={out}"]) as server:
            if scenario.startswith("s3"):
                self.fill_bucket(server, clients(server)["s3"], ())
            result = self.run_load(server, scenario, requests=requests, connections=64, seconds=600)
        if "reason" in result:
            raise servers.Unavailable(result["reason"])
        listing = subprocess.run(["callgrind_annotate", "--threshold=100", out], capture_output=True, text=True).stdout
        digests = sum(int(line.split()[0].replace(",", "")) for line in listing.splitlines() if "libcrypto" in line)
        return int(re.search(r"^(?:totals|summary): (\d+)", out.read_text(), re.MULTILINE)[1]), digests

    def measure_instructions(self):
        """What one request adds, in all threads, and what of it is libcrypto: the difference between n and 2n requests, so that
        start and stop cancel. valgrind hides the processor's SHA instructions, so the digests weigh ten times what they do."""
        if not shutil.which("valgrind"):
            raise servers.Unavailable("valgrind is not installed")
        rows = []
        for scenario, what, wanted in PROFILED:
            more, fewer = (self.instructions_of(scenario, n * PROFILED_REQUESTS) for n in (2, 1))
            whole, digests = ((a - b) / PROFILED_REQUESTS for a, b in zip(more, fewer))
            rows += [(f"instructions per {what} (callgrind)", f"{whole:,.0f}", wanted),
                     ("… of these digests in libcrypto, without the SHA instructions", f"{digests:,.0f}", "")]
        return rows

    def fabric_figures(self):
        load = self.load.with_name("fabric-load")
        if not load.exists():
            self.notes.append("fabric: nothing measured: this build has no programs")
            return []
        measured = fabric.Fabric(load, min(self.options.seconds, 1), say)
        rows = measured.figures()
        self.notes += measured.notes
        return rows

    def scale_figures(self):
        if not self.options.items:
            return []
        measured = scale.Scale(self, clients, self.options.items)
        rows = measured.figures()
        self.notes += measured.notes
        return rows

    def half_load_figures(self, rows):
        """The tail of replies at half of what was possible, requests coming as they please."""
        figures = []
        halved = [row for row in rows if row.name in HALVED]
        if not halved:
            return figures
        with self.kintoun("half") as server:
            self.fill(server, halved)
            for row in halved:
                full = self.result("kintoun", row).get("requests_per_s")
                if not full:
                    continue
                half = self.run_load(server, row.scenario, **row.settings, rate=full // 2)
                figures.append((f"{row.title}: p99 at half load", f"{half['p99_us'] / 1000:.2f} ms at "
                                f"{half['requests_per_s']:,.0f} /s", "≤ 2 ms"))
        return figures

    def stream_figures(self):
        measured = streams.Streams(self, clients)
        rows = measured.figures()
        self.notes += measured.notes
        return rows

    def listing_figures(self):
        measured = listing.Listing(self, clients)
        rows = measured.figures()
        self.notes += measured.notes
        return rows

    def instance_figures(self):
        measured = instances.Instances(self, clients)
        rows = measured.figures()
        self.notes += measured.notes
        return rows

    def single_figures(self):
        """Rows (what, figure, wanted) of the second table."""
        rows = []
        for measure, describe in (
                (self.measure_start, lambda three: [
                    ("exec to `Ready.`, empty data folder", f"{three[0]:.1f} ms", f"≤ {READY_MS} ms"),
                    ("resident memory, idle", f"{three[1]:.1f} MiB", f"≤ {RESIDENT_MIB} MiB"),
                    ("… after a first write, with RocksDB open", f"{three[2]:.1f} MiB", "")]),
                (self.measure_size, lambda size: [("stripped binary", f"{size:.1f} MB", f"≤ {BINARY_MB} MB")]),
                (self.measure_instructions, list)):
            try:
                rows += describe(measure())
            except Exception as error:
                self.notes.append(f"{measure.__name__}: {' '.join(str(error).split())[:300]}")
        return rows


def beside(bench, row, ours):
    """The peers' figures, each with ours as a multiple of it."""
    key, texts = row.unit[0], []
    for peer in row.peers:
        theirs = bench.result(peer, row)
        if not theirs.get(key):
            if (peer, row.name) in bench.results:
                bench.notes.append(f"{peer} {row.name}: {theirs.get('reason', 'no figure')}")
            continue
        ratio = ours[key] / theirs[key]
        texts.append(f"{peer} {theirs[key]:,.0f} (× {ratio:.{0 if ratio >= 10 else 2}f})")
    return ", ".join(texts)


def throughput_table(bench, rows):
    lines = ["| | kintoun | p50 µs | p99 µs | its processor time, µs each | wanted | beside it, and kintoun as a multiple |",
             "|---|---:|---:|---:|---:|---:|---|"]
    for row in rows:
        key, unit = row.unit
        ours = bench.result("kintoun", row)
        if "reason" in ours:
            bench.notes.append(f"kintoun {row.name}: {ours['reason']}")
            continue
        wanted = f"{row.wanted:,}" if isinstance(row.wanted, int) else row.wanted
        lines.append(f"| {row.title}, {unit} | {ours[key]:,.0f} | {ours['p50_us']:,} | {ours['p99_us']:,} | {ours['server_us']:,.1f} | {wanted} | "
                     f"{beside(bench, row, ours)} |")
    return lines


def report(bench, rows, single):
    small = {row.name for row in rows if row.unit == BY_COUNT}
    own = [result["own_us"] for (name, row), made in bench.results.items() for result in made
           if name == "kintoun" and "own_us" in result and row in small]
    lines = [f"# Measured {time.strftime('%Y-%m-%d %H:%M')}", "",
             f"{CONNECTIONS} keep-alive connections (4 for 1 GiB), "
             f"{bench.options.seconds:g} s each, one machine for server and generator."]
    if own:
        lines.append(f"The generator itself took {min(own):.1f} to {max(own):.1f} µs of processor time per request.")
    if bench.peaks:
        lines.append(f"Resident memory was at most: {', '.join(bench.peaks)}.")
    if bench.options.extra_sync_us:
        lines.append(f"Every log sync was made {bench.options.extra_sync_us} µs slower.")
    if rows:
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
    parser.add_argument("--only", default="", help="scenarios whose name contains this word; `fabric`, `instances`, `listing` and `streams` are four")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--extra-sync-us", type=int, default=0)
    parser.add_argument("--items", type=int, default=0, help="also a table of so many: minutes, and 2 KB of disk for each")
    parser.add_argument("--listing-keys", type=int, default=1_000_000, help="of the large bucket")
    options = parser.parse_args()
    options.program = options.program or f"{options.build}/src/kintoun/kintoun"
    return options


def main():
    options = read_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that servers and files go with it
    rows = [row for row in ROWS if options.only in row.name]
    build = pathlib.Path(options.build)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as name:
        folder = pathlib.Path(name)
        bench = Bench(options, folder)
        if rows:
            write_objects(folder / "nginx/www/bench")
        bench.measure([bench.kintoun("kintoun")], rows)
        if not options.no_peers:
            bench.measure([bench.peer(name) for name in IN_TURN], rows, ROUNDS)
            for name in PEERS:
                bench.measure([bench.peer(name)], rows)
        single = [] if options.only else bench.single_figures()
        single += bench.half_load_figures(rows)
        single += bench.scale_figures()
        single += bench.stream_figures() if options.only in "streams" else []
        single += bench.listing_figures() if options.only in "listing" else []
        single += bench.instance_figures() if options.only in "instances" else []
        single += bench.fabric_figures() if options.only in "fabric" else []
        text = report(bench, rows, single)
    (build / "bench.md").write_text(text)
    print(text)


main()
