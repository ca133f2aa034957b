# SPDX-License-Identifier: Apache-2.0
"""S3's index where a row of the generator does not tell it: a page of a bucket with very many keys beside one of a bucket
with few, the memory and the disk that it takes, and what is left of it when all were deleted. bench.py asks for the rows."""
import subprocess
import time

FEW, PAGE = 10_000, 1000
FILL_S = 3600
EMPTY_S = 20  # for what was deleted to leave the disk


class Listing:
    def __init__(self, bench, connect):
        self.bench, self.connect, self.notes = bench, connect, []
        self.keys = bench.options.listing_keys // PAGE * PAGE

    def load(self, server, scenario, **settings):
        """The generator's result and the server's processor time for each request, in µs."""
        before = server.processor_s()
        result = self.bench.run_load(server, scenario, **settings)
        if "reason" in result:
            raise RuntimeError(f"{scenario}: {result['reason']}")
        return result, (server.processor_s() - before) * 1e6 / result["requests"]

    def fill(self, server, keys):
        return self.load(server, "s3-put-empty", keys=keys, requests=keys, seconds=FILL_S)

    def disk_mib(self, server):
        """Without the log, whose files are used again."""
        told = subprocess.run(["du", "-s", "--block-size=1K", server.folder / "data/db"], capture_output=True, text=True, check=True)
        return int(told.stdout.split()[0]) / 1024

    def page(self, server, keys, resident):
        """Pages of 1,000 from anywhere in the bucket."""
        result, own_us = self.load(server, "s3-list", keys=keys)
        return (f"S3 ListObjectsV2, pages from anywhere in {keys:,} keys",
                f"{result['requests_per_s'] * PAGE:,.0f} keys/s, {own_us:,.0f} µs of the server's processor time a page, "
                f"{resident:.0f} to {server.resident_mib():.0f} MiB resident", "≥ 150,000 keys/s")

    def empty_ms(self, client):
        begun = time.perf_counter()
        assert client.list_objects_v2(Bucket="bench")["KeyCount"] == 0
        return (time.perf_counter() - begun) * 1e3

    def delete(self, server, client):
        full = self.disk_mib(server)
        result, own_us = self.load(server, "s3-delete-objects", keys=self.keys // PAGE, requests=self.keys // PAGE, seconds=FILL_S,
                                   connections=8)
        first_ms = self.empty_ms(client)
        time.sleep(EMPTY_S)
        return [(f"S3 DeleteObjects, {self.keys:,} keys, 1,000 at once, durable", f"{result['requests_per_s'] * PAGE:,.0f} keys/s, "
                 f"{own_us / PAGE:.1f} µs of the server's processor time a key", ""),
                (f"… the first listing behind it, and {EMPTY_S} s later; the index before and after",
                 f"{first_ms:.1f} and {self.empty_ms(client):.1f} ms; {full:,.1f} and {self.disk_mib(server):,.1f} MiB", "")]

    def figures(self):
        rows = []
        try:
            with self.bench.kintoun("listing") as server:
                client = self.connect(server)["s3"]
                client.create_bucket(Bucket="bench")
                self.fill(server, FEW)
                rows.append(self.page(server, FEW, server.resident_mib()))
                result, own_us = self.fill(server, self.keys)
                rows.append((f"S3 PUT of {self.keys:,} empty objects, durable", f"{result['requests_per_s']:,.0f}/s, {own_us:.1f} µs of "
                             "the server's processor time each", ""))
                rows.append(self.page(server, self.keys, server.resident_mib()))
                rows += self.delete(server, client)
        except Exception as error:
            self.notes.append(f"listing: {' '.join(str(error).split())[:300]}")
        return rows
