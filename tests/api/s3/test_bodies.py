# SPDX-License-Identifier: Apache-2.0
"""Digests that requests claim for their XML bodies."""
import base64
import hashlib
import zlib

import pytest

from wire import Signed

DELETE = b"<Delete><Object><Key>k</Key></Object></Delete>"
MD5 = base64.b64encode(hashlib.md5(DELETE).digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(DELETE).to_bytes(4, "big")).decode()


def delete(cloud, bucket, **headers):
    return Signed(cloud, "POST", f"/{bucket}?delete=", DELETE,
                  headers={name.replace("_", "-"): value for name, value in headers.items()}).reply()


@pytest.mark.parametrize("headers", [{"content_md5": MD5}, {"x_amz_checksum_crc32": CRC32},
                                     {"content_md5": MD5, "x_amz_checksum_crc32": CRC32}])
def test_a_true_digest(cloud, bucket, headers):
    assert delete(cloud, bucket, **headers).status == 200


@pytest.mark.parametrize("headers,code,message", [
    ({}, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"),
    ({"content_md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest",
     "The Content-MD5 you specified did not match what we received."),
    ({"content_md5": "x"}, "InvalidDigest", "The Content-MD5 you specified was invalid."),
    ({"x_amz_checksum_crc32": "AAAAAA=="}, "BadDigest",
     "The CRC32 you specified did not match the calculated checksum."),
    ({"x_amz_checksum_crc32": "AA=="}, "InvalidRequest", "Value for x-amz-checksum-crc32 header is invalid."),
    ({"x_amz_checksum_crc32": CRC32, "x_amz_checksum_sha1": "x"}, "InvalidRequest",
     "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."),
])
def test_a_wrong_one_deletes_nothing(cloud, s3, bucket, headers, code, message):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    reply = delete(cloud, bucket, **headers)
    assert (reply.status, reply.element("Code"), reply.element("Message")) == (400, code, message)
    s3.head_object(Bucket=bucket, Key="k")


def test_md5_of_a_body_that_needs_none(cloud, bucket):
    body = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    wrong = Signed(cloud, "PUT", f"/{bucket}/k?tagging=", body, headers={"content-md5": MD5}).reply()
    assert (wrong.status, wrong.element("Code")) == (400, "BadDigest")
