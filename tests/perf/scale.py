# SPDX-License-Identifier: Apache-2.0
"""A table of many items: does writing become slower as it grows, what do memory and disk come to, how are items of it
read that no cache has? Asked for with --items; it takes minutes and as much disk as there are items."""
import os
import pathlib
import time

TENTHS = 10
BATCH = 25
CONNECTIONS = 16
SETTLED_S = 60


class Scale:
    def __init__(self, bench, clients, items):
        self.bench, self.clients, self.items = bench, clients, items // (TENTHS * BATCH) * TENTHS * BATCH
        self.notes = []

    @staticmethod
    def processor_s(server):
        fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def disk_mib(server):
        return sum(it.stat().st_blocks * 512 for it in server.folder.rglob("*") if it.is_file()) / 2 ** 20

    def load_tenth(self, server, at):
        """(items/s, µs of the server's processor time per item)"""
        some, used = self.items // TENTHS, self.processor_s(server)
        first = {"first": at * some} if at else {}
        result = self.bench.run_load(server, "dynamodb-load", keys=some, requests=some // BATCH, connections=CONNECTIONS,
                                     seconds=3600, **first)
        if "reason" in result:
            raise RuntimeError(result["reason"])
        return result["requests_per_s"] * BATCH, (self.processor_s(server) - used) * 1e6 / some

    def read(self, server, seconds):
        used = self.processor_s(server)
        result = self.bench.run_load(server, "dynamodb-get-any", keys=self.items, seconds=seconds)
        return result, (self.processor_s(server) - used) * 1e6 / max(result.get("requests", 1), 1)

    def settle(self, server):
        """Compactions go on for a while."""
        used, until = self.processor_s(server), time.monotonic() + SETTLED_S
        while time.monotonic() < until:
            time.sleep(2)
            now = self.processor_s(server)
            if now - used < 0.05:
                return
            used = now

    def figures(self):
        with self.bench.kintoun("scale") as server:
            client = self.clients(server)["dynamodb"]
            client.create_table(TableName="bench", BillingMode="PAY_PER_REQUEST",
                                KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
                                AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}])
            client.get_waiter("table_exists").wait(TableName="bench", WaiterConfig={"Delay": 1})
            tenths = [self.load_tenth(server, at) for at in range(TENTHS)]
            loaded = server.resident_mib()
            self.settle(server)
            read, read_us = self.read(server, max(self.bench.options.seconds, 10))
            rates = [rate for rate, _ in tenths]
            self.notes.append("items written a second, by tenths: " + ", ".join(f"{it:,.0f}" for it in rates) +
                              "; µs of the server's processor time per item: " + ", ".join(f"{us:.1f}" for _, us in tenths))
            return [
                (f"{self.items / 1e6:g} M items of 1 KB written, the last tenth as a share of the first",
                 f"{rates[-1] / rates[0]:.0%} ({rates[0]:,.0f} to {rates[-1]:,.0f} items/s)", "≥ 80%"),
                ("… resident memory then", f"{loaded:,.0f} MiB", ""),
                ("… on disk, of 1 KB each", f"{self.disk_mib(server):,.0f} MiB", ""),
                ("… GetItem of any of them", f"{read.get('requests_per_s', 0):,.0f} /s, p50 {read.get('p50_us', 0):,} µs, "
                 f"p99 {read.get('p99_us', 0):,} µs, {read_us:.0f} µs of processor time", ""),
                ("… resident memory after that", f"{server.resident_mib():,.0f} MiB", "")]
