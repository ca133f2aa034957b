# SPDX-License-Identifier: Apache-2.0
"""Checksums: sent in headers and trailers, verified, kept, shown."""
import base64
import hashlib

import pytest
from s3_digests import DIGESTS

BODY = b"checksummed " * 3000


def text(algorithm, data=BODY):
    return base64.b64encode(DIGESTS[algorithm](data)).decode()


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_a_checksum_is_verified_kept_and_shown(s3, bucket, algorithm, refused):
    member = "Checksum" + algorithm
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY, **{member: text(algorithm)})
    assert put[member] == text(algorithm) and put["ChecksumType"] == "FULL_OBJECT"
    assert member not in s3.head_object(Bucket=bucket, Key="k")
    for operation in s3.head_object, s3.get_object:
        shown = operation(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert shown[member] == text(algorithm) and shown["ChecksumType"] == "FULL_OBJECT"
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm] and listed["ChecksumType"] == "FULL_OBJECT"
    with refused("BadDigest", 400, f"The {algorithm} you specified did not match the calculated checksum."):
        s3.put_object(Bucket=bucket, Key="k", Body=b"another", **{member: text(algorithm)})
    with refused("InvalidRequest", 400, f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, **{member: "bm90IG9uZQ=="[:-4]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == BODY


def test_the_server_adds_one(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert put["ChecksumCRC64NVME"] == text("CRC64NVME")
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC64NVME"] == text("CRC64NVME")


def test_a_part_of_it_has_none(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    part = s3.get_object(Bucket=bucket, Key="k", Range="bytes=1-5", ChecksumMode="ENABLED")
    assert "ChecksumCRC64NVME" not in part


@pytest.mark.parametrize("size", [5, 300 * 1024])
def test_trailers_of_streamed_bodies(cloud, bucket, size):
    """The SDK's default: aws-chunked with a trailing CRC32, read back with validation."""
    s3 = cloud.client("s3")
    body = bytes(range(256)) * (size // 256 + 1)

    class Stream:  # not seekable, so that it cannot be digested in advance
        def __init__(self):
            self.left = body

        def read(self, count=-1):
            count = len(self.left) if count is None or count < 0 else count
            piece, self.left = self.left[:count], self.left[count:]
            return piece

        def seek(self, offset, whence=0):
            self.left = body[offset:] if whence == 0 else b""

        def tell(self):
            return len(body) - len(self.left)

    for algorithm in "CRC32", "SHA256":
        put = s3.put_object(Bucket=bucket, Key="k", Body=Stream(), ContentLength=len(body), ChecksumAlgorithm=algorithm)
        assert put["Checksum" + algorithm] == text(algorithm, body)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
        assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="k")


def test_content_md5(s3, bucket, refused):
    def md5(data):
        return base64.b64encode(hashlib.md5(data).digest()).decode()

    s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=md5(BODY))
    with refused("BadDigest", 400, "The Content-MD5 you specified did not match what we received.") as it:
        s3.put_object(Bucket=bucket, Key="k", Body=b"other", ContentMD5=md5(BODY))
    assert it.error["CalculatedDigest"] == md5(b"other") and it.error["ExpectedDigest"] == md5(BODY)
    for bad in "__invalid__", "000", "MTIz":
        with refused("InvalidDigest", 400, "The Content-MD5 you specified was invalid.") as it:
            s3.put_object(Bucket=bucket, Key="k", Body=BODY, ContentMD5=bad)
        assert it.error["Content-MD5"] == bad


def test_one_at_a_time(s3, bucket, refused):
    with refused("InvalidRequest", 400,
                 "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."):
        s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumCRC32=text("CRC32"), ChecksumSHA1=text("SHA1"))


def test_attributes(s3, bucket):
    put = s3.put_object(Bucket=bucket, Key="k", Body=BODY, ChecksumSHA256=text("SHA256"))
    asked = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    shown = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=asked)
    assert shown["ETag"] == put["ETag"].strip('"') and shown["ObjectSize"] == len(BODY)
    assert shown["Checksum"] == {"ChecksumSHA256": text("SHA256"), "ChecksumType": "FULL_OBJECT"}
    assert shown["StorageClass"] == "STANDARD" and "ObjectParts" not in shown
    assert set(s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])) == {
        "ResponseMetadata", "LastModified", "ObjectSize"}
