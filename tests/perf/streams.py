# SPDX-License-Identifier: Apache-2.0
"""Kinesis where a row of the generator does not tell it: how long a record is on its way to a subscriber, what subscribers
cost the producer, many shards, idle shards. bench.py asks for the rows."""
import contextlib
import multiprocessing
import pathlib
import statistics
import subprocess
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

import servers

PUTS, PAUSE_S = 1000, 0.005
CONSUMERS, SHARDS, IDLE_STREAMS = 5, 1000, 10
ROUNDS, QUIET_S = 3, 6  # a consumer's next subscription comes five seconds later


def shards_of(kinesis, stream):
    return [shard["ShardId"] for page in kinesis.get_paginator("list_shards").paginate(StreamName=stream) for shard in page["Shards"]]


def create(kinesis, stream, shards):
    kinesis.create_stream(StreamName=stream, ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName=stream, WaiterConfig={"Delay": 1})


def register(kinesis, stream, name):
    arn = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]["StreamARN"]
    made = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]["ConsumerARN"]
    while kinesis.describe_stream_consumer(ConsumerARN=made)["ConsumerDescription"]["ConsumerStatus"] != "ACTIVE":
        time.sleep(0.05)
    return made


def produce(connect, server, stream):
    """In a process of its own: each record says when it was put."""
    kinesis = connect(server)["kinesis"]
    for _ in range(PUTS):
        kinesis.put_record(StreamName=stream, PartitionKey="p", Data=b"%020d" % time.monotonic_ns() + bytes(1000))
        time.sleep(PAUSE_S)


def cbor(value):
    """RFC 8949; maps and texts shorter than 256 bytes."""
    if isinstance(value, dict):
        return bytes([0xA0 + len(value)]) + b"".join(cbor(it) for pair in value.items() for it in pair)
    return bytes([0x78, len(value)]) + value.encode()


def subscription(server, consumer, shard):
    """The bytes of a signed request, in the encoding of the Java SDK and so of the Kinesis Client Library."""
    body = cbor({"ConsumerARN": consumer, "ShardId": shard, "StartingPosition": {"Type": "LATEST"}})
    request = botocore.awsrequest.AWSRequest(
        "POST", f"http://{server.address}/", data=body, headers={
            "Host": server.address, "Content-Type": "application/x-amz-cbor-1.1", "Content-Length": str(len(body)),
            "X-Amz-Target": "Kinesis_20131202.SubscribeToShard"})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials(server.key, server.key), "kinesis", "us-east-1").add_auth(request)
    head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    return (head + "\r\n").encode() + body


class Pipes:
    """Subscriptions whose bytes are counted and thrown away, by pipes.c."""

    def __init__(self, program, server, requests):
        self.process = subprocess.Popen([program, *server.address.split(":")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.process.stdin.write(b"".join(request + b"\0" for request in requests) + b"\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != b"ready\n":
            self.close()
            raise RuntimeError("a subscription was refused")

    def count(self):
        self.process.stdin.write(b"?\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Streams:
    def __init__(self, bench, connect):
        self.bench, self.connect, self.notes = bench, connect, []

    def latency(self):
        with self.bench.kintoun("streams-latency") as server:
            kinesis, times = self.connect(server)["kinesis"], []
            create(kinesis, "bench", 1)
            events = kinesis.subscribe_to_shard(ConsumerARN=register(kinesis, "bench", "it"), ShardId=shards_of(kinesis, "bench")[0],
                                                StartingPosition={"Type": "LATEST"})["EventStream"]
            producer = multiprocessing.get_context("fork").Process(target=produce, args=(self.connect, server, "bench"))
            producer.start()
            for event in events:
                now = time.monotonic_ns()
                times += [(now - int(record["Data"][:20])) / 1e6 for record in event["SubscribeToShardEvent"]["Records"]]
                if len(times) >= PUTS:
                    break
            producer.join()
            events.close()
        times.sort()
        return [("Kinesis: from PutRecord to a subscriber, p50 and p99 (boto3 at both ends)",
                 f"{times[len(times) // 2]:.1f} and {times[len(times) * 99 // 100]:.1f} ms", "≤ 5 and 20 ms")]

    def put(self, server):
        result = self.bench.run_load(server, "kinesis-put-records", keys=16, connections=16)
        if "reason" in result:
            raise RuntimeError(result["reason"])
        return result["requests_per_s"] * 500

    def fan_out(self):
        """Alone and with subscribers in turn, on the same server: medians."""
        alone, busy, sent = [], [], []
        with self.bench.kintoun("streams-fan-out") as server:
            kinesis = self.connect(server)["kinesis"]
            create(kinesis, "bench", 4)
            shards, consumers = shards_of(kinesis, "bench"), [register(kinesis, "bench", f"c{i}") for i in range(CONSUMERS)]
            for _ in range(ROUNDS):
                alone.append(self.put(server))
                made = [subscription(server, consumer, shard) for consumer in consumers for shard in shards]
                with contextlib.closing(Pipes(self.bench.load.parent / "pipes", server, made)) as pipes:
                    busy.append(self.put(server))
                    sent.append(pipes.count() / self.bench.options.seconds / 2 ** 20)
                time.sleep(QUIET_S)
        alone, busy, sent = (statistics.median(values) for values in (alone, busy, sent))
        return [(f"Kinesis: PutRecords of 500, {CONSUMERS} consumers of each of 4 shards, as a share of without",
                 f"{busy / alone:.2f} ({busy:,.0f} of {alone:,.0f} records/s, {sent:,.0f} MiB/s to consumers)", "≥ 0.8")]

    def kafka(self):
        """The yardstick of a log: four partitions, acks=all, 1 KB; as it comes, and with every batch synced like ours."""
        rows, jars = [], pathlib.Path(self.bench.options.build).resolve() / "bench-kafka"
        for how, count, settings in (("written, not synced", 1000000, ()), ("each batch synced", 200000, ("log.flush.interval.messages=1",))):
            with servers.Kafka(self.bench.folder / f"kafka-{count}", jars, settings) as broker:
                rows.append((f"Kafka, its own producer, 1 KB, acks=all, {how}", f"{broker.produce(count, 1000):,.0f} records/s", ""))
        return rows

    def many_shards(self):
        with self.bench.kintoun("streams-shards") as server:
            create(self.connect(server)["kinesis"], "bench", SHARDS)
            return [(f"Kinesis: PutRecords of 500, durable, a stream of {SHARDS:,} shards", f"{self.put(server):,.0f} records/s", "")]

    def idle_shards(self):
        with self.bench.kintoun("streams-idle") as server:
            kinesis = self.connect(server)["kinesis"]
            create(kinesis, "first", 1)
            time.sleep(1)
            before = server.resident_mib()
            for number in range(IDLE_STREAMS):
                create(kinesis, f"idle-{number}", SHARDS)
            time.sleep(2)
            return [(f"Kinesis: memory of {IDLE_STREAMS * SHARDS:,} idle shards", f"{server.resident_mib() - before:.1f} MiB", "≤ 64 MiB")]

    def figures(self):
        rows = []
        measures = [self.latency, self.fan_out, self.many_shards, self.idle_shards]
        for measure in measures + ([] if self.bench.options.no_peers else [self.kafka]):
            try:
                rows += measure()
            except Exception as error:
                self.notes.append(f"streams, {measure.__name__}: {' '.join(str(error).split())[:300]}")
        return rows
