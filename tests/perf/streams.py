# SPDX-License-Identifier: Apache-2.0
"""Kinesis where a row of the generator does not tell it: how long a record is on its way to a subscriber, what subscribers
cost the producer, many shards, idle shards. bench.py asks for the rows."""
import contextlib
import multiprocessing
import socket
import threading
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials

PUTS, PAUSE_S = 1000, 0.005
CONSUMERS, SHARDS, IDLE_STREAMS = 5, 1000, 10


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


class Pipe:
    """A subscription whose bytes are thrown away."""

    def __init__(self, server, consumer, shard):
        body = f'{{"ConsumerARN":"{consumer}","ShardId":"{shard}","StartingPosition":{{"Type":"LATEST"}}}}'
        request = botocore.awsrequest.AWSRequest(
            "POST", f"http://{server.address}/", data=body, headers={
                "Host": server.address, "Content-Type": "application/x-amz-json-1.1", "Content-Length": str(len(body)),
                "X-Amz-Target": "Kinesis_20131202.SubscribeToShard"})
        botocore.auth.SigV4Auth(botocore.credentials.Credentials(server.key, server.key), "kinesis", "us-east-1").add_auth(request)
        host, port = server.address.split(":")
        self.socket, self.count = socket.create_connection((host, int(port))), 0
        head = "POST / HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
        self.socket.sendall((head + "\r\n" + body).encode())
        if b" 200 " not in self.socket.recv(65536):
            raise RuntimeError("a subscription was refused")
        self.thread = threading.Thread(target=self.drain)
        self.thread.start()

    def drain(self):
        room = bytearray(1 << 20)
        with contextlib.suppress(OSError):
            while got := self.socket.recv_into(room):
                self.count += got

    def close(self):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.socket.close()


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
        with self.bench.kintoun("streams-fan-out") as server, contextlib.ExitStack() as pipes:
            kinesis = self.connect(server)["kinesis"]
            create(kinesis, "bench", 4)
            alone, made = self.put(server), []
            for number in range(CONSUMERS):
                consumer = register(kinesis, "bench", f"c{number}")
                for shard in shards_of(kinesis, "bench"):
                    made.append(Pipe(server, consumer, shard))
                    pipes.callback(made[-1].close)
            busy = self.put(server)
            sent = sum(pipe.count for pipe in made) / self.bench.options.seconds / 2 ** 20
        return [(f"Kinesis: PutRecords of 500, {CONSUMERS} consumers of each of 4 shards, as a share of without",
                 f"{busy / alone:.2f} ({busy:,.0f} of {alone:,.0f} records/s, {sent:,.0f} MiB/s to consumers)", "≥ 0.8")]

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
        for measure in (self.latency, self.fan_out, self.many_shards, self.idle_shards):
            try:
                rows += measure()
            except Exception as error:
                self.notes.append(f"streams, {measure.__name__}: {' '.join(str(error).split())[:300]}")
        return rows
