# SPDX-License-Identifier: Apache-2.0
"""Many at once: overwriting under readers, deleting buckets under writers, memory under large bodies."""
import concurrent.futures
import hashlib
import io
import pathlib
import random
import threading

import botocore.exceptions

MIB = 1024 * 1024


def clients(cloud, count):
    """One per thread: connections of their own."""
    import boto3
    import botocore.config
    return [boto3.Session().client("s3", endpoint_url=cloud.endpoint, aws_access_key_id="test", aws_secret_access_key="test",
                                   region_name="us-east-1",
                                   config=botocore.config.Config(s3={"addressing_style": "path"},
                                                                 retries={"total_max_attempts": 1},
                                                                 request_checksum_calculation="when_required",
                                                                 response_checksum_validation="when_required"))
            for _ in range(count)]


def test_readers_see_one_version_or_the_other(cloud, bucket):
    """Bodies of all places (in the index, beside it, in extents) overwrite each other under readers."""
    sizes = [10, 5000, 200 * 1024, 3 * MIB]
    bodies = [bytes([65 + number]) * size for number, size in enumerate(sizes)]
    known = {hashlib.md5(body).hexdigest() for body in bodies}
    those = clients(cloud, 6)
    those[0].put_object(Bucket=bucket, Key="k", Body=bodies[0])
    stop = threading.Event()

    def write(s3, seed):
        rng = random.Random(seed)
        for _ in range(60):
            s3.put_object(Bucket=bucket, Key="k", Body=rng.choice(bodies))
            if rng.random() < 0.3:
                s3.copy_object(Bucket=bucket, Key=f"c{seed}", CopySource=f"{bucket}/k")

    def read(s3):
        count = 0
        while not stop.is_set():
            got = s3.get_object(Bucket=bucket, Key="k")
            body = got["Body"].read()
            assert hashlib.md5(body).hexdigest() == got["ETag"].strip('"') and hashlib.md5(body).hexdigest() in known
            count += 1
        return count

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        readers = [pool.submit(read, s3) for s3 in those[3:]]
        writers = [pool.submit(write, s3, number) for number, s3 in enumerate(those[:3])]
        try:
            for writer in writers:
                writer.result()
        finally:
            stop.set()
        assert all(reader.result() > 0 for reader in readers)


def test_nothing_is_written_into_a_deleted_bucket(cloud, name):
    """A write that was acknowledged keeps the bucket; one that came too late is refused."""
    writer, deleter = clients(cloud, 2)
    kept = 0
    for _ in range(40):
        bucket = name("race")
        deleter.create_bucket(Bucket=bucket)
        start = threading.Barrier(2)

        def put():
            start.wait()
            try:
                writer.put_object(Bucket=bucket, Key="k", Body=b"x")
                return True
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "NoSuchBucket"
                return False

        def delete():
            start.wait()
            try:
                deleter.delete_bucket(Bucket=bucket)
                return True
            except botocore.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "BucketNotEmpty"
                return False

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            written, deleted = pool.submit(put), pool.submit(delete)
            assert written.result() != deleted.result()
        if written.result():
            kept += 1
            assert writer.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
            writer.delete_object(Bucket=bucket, Key="k")
            deleter.delete_bucket(Bucket=bucket)


def test_only_one_creates(cloud, bucket):
    those = clients(cloud, 8)

    def create(number):
        try:
            those[number].put_object(Bucket=bucket, Key="once", Body=str(number).encode(), IfNoneMatch="*")
            return number
        except botocore.exceptions.ClientError as error:
            assert error.response["Error"]["Code"] == "PreconditionFailed"
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(8)) if number is not None]
    assert len(winners) == 1
    assert those[0].get_object(Bucket=bucket, Key="once")["Body"].read() == str(winners[0]).encode()


def resident(cloud):
    for line in pathlib.Path(f"/proc/{cloud.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")


class Pattern(io.RawIOBase):
    """A long body that exists nowhere."""

    def __init__(self, size):
        self.size, self.at, self.block = size, 0, random.Random(1).randbytes(MIB)

    def readable(self):
        return True

    def seekable(self):
        return True

    def tell(self):
        return self.at

    def seek(self, offset, whence=0):
        self.at = offset + (0 if whence == 0 else self.at if whence == 1 else self.size)
        return self.at

    def readinto(self, buffer):
        count = min(len(buffer), self.size - self.at, MIB - self.at % MIB)
        buffer[:count] = self.block[self.at % MIB:self.at % MIB + count]
        self.at += count
        return count


def test_memory_does_not_grow_with_the_body(cloud, bucket):
    s3, size = clients(cloud, 1)[0], 512 * MIB
    s3.put_object(Bucket=bucket, Key="warm", Body=bytes(2 * MIB))
    before = resident(cloud)
    s3.put_object(Bucket=bucket, Key="long", Body=Pattern(size), ContentLength=size)
    highest, digest, read = resident(cloud), hashlib.md5(), 0
    got = s3.get_object(Bucket=bucket, Key="long")
    for piece in got["Body"].iter_chunks(MIB):
        digest.update(piece)
        read += len(piece)
        highest = max(highest, resident(cloud)) if read % (64 * MIB) < MIB else highest
    assert read == size and digest.hexdigest() == got["ETag"].strip('"')
    assert highest - before < 64 * MIB, f"{before} -> {highest}"
