# SPDX-License-Identifier: Apache-2.0
"""aws-chunked bodies: every chunk is verified before the object is there. Source: "Signature Calculations
for the Authorization Header: Transferring Payload in Multiple Chunks" (and "... with trailers")."""
import base64
import hashlib
import hmac
import zlib

import pytest

from wire import Signed, digest, exchange, stamp

EMPTY = digest(b"")


def key_of(when, secret="test"):
    key = ("AWS4" + secret).encode()
    for part in (when[:8], "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


class Chunked:
    """A PUT whose body is aws-chunked; `chunks` are the pieces, the last one empty."""

    def __init__(self, cloud, target, pieces, payload, trailer=None, length=None):
        self.cloud, self.when = cloud, stamp()
        self.signed = "HMAC" in payload
        headers = {"content-encoding": "aws-chunked",
                   "x-amz-decoded-content-length": str(sum(map(len, pieces)) if length is None else length)}
        if trailer:
            headers["x-amz-trailer"] = trailer[0]
        self.call = Signed(cloud, "PUT", target, payload=payload, headers=headers, when=self.when)
        self.signature = self.call.signature
        self.body = b"".join(self.chunk(piece) for piece in [*pieces, b""])
        if trailer:
            self.add_trailer(*trailer)
        self.body += b"\r\n"

    def sign(self, *lines):
        scope = f"{self.when[:8]}/us-east-1/s3/aws4_request"
        text = "\n".join([lines[0], self.when, scope, self.signature, *lines[1:]])
        self.signature = hmac.new(key_of(self.when), text.encode(), hashlib.sha256).hexdigest()
        return self.signature

    def chunk(self, piece):
        head = f"{len(piece):x}"
        if self.signed:
            head += ";chunk-signature=" + self.sign("AWS4-HMAC-SHA256-PAYLOAD", EMPTY, digest(piece))
        return head.encode() + b"\r\n" + piece + (b"\r\n" if piece else b"")

    def add_trailer(self, name, value):
        self.body += f"{name}:{value}\r\n".encode()
        if self.signed:
            signature = self.sign("AWS4-HMAC-SHA256-TRAILER", digest(f"{name}:{value}\n".encode()))
            self.body += f"x-amz-trailer-signature:{signature}\r\n".encode()

    def reply(self, change=lambda body: body):
        body = change(self.body)
        return exchange(self.cloud, self.call.head(content_length=str(len(body))) + body)


def crc32(data):
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


PIECES = [b"a" * 65536, b"b" * 8192, b"c" * 7]
WHOLE = b"".join(PIECES)
TRAILER = ("x-amz-checksum-crc32", crc32(WHOLE))
FORMS = {
    "signed": ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", None),
    "signed, trailer": ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", TRAILER),
    "unsigned, trailer": ("STREAMING-UNSIGNED-PAYLOAD-TRAILER", TRAILER),
}


def put(cloud, bucket, form, **more):
    payload, trailer = FORMS[form]
    return Chunked(cloud, f"/{bucket}/k", PIECES, payload, **{"trailer": trailer, **more})


def is_there(cloud, bucket):
    return "Contents" in cloud.client("s3").list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("form", FORMS)
def test_body_arrives_without_its_framing(cloud, bucket, form):
    reply = put(cloud, bucket, form).reply()
    assert reply.status == 200, reply.text
    found = cloud.client("s3").get_object(Bucket=bucket, Key="k")
    assert found["Body"].read() == WHOLE
    assert "aws-chunked" not in found.get("ContentEncoding", "")
    if FORMS[form][1]:
        head = cloud.client("s3").head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert head["ChecksumCRC32"] == TRAILER[1]


@pytest.mark.parametrize("form", ["signed", "signed, trailer"])
def test_changed_chunk_is_refused(cloud, bucket, form):
    reply = put(cloud, bucket, form).reply(lambda body: body.replace(b"ccccccc", b"cccdccc"))
    assert (reply.status, reply.element("Code")) == (403, "SignatureDoesNotMatch")
    assert not is_there(cloud, bucket)


def test_swapped_chunks_are_refused(cloud, bucket):
    call = Chunked(cloud, f"/{bucket}/k", [b"x" * 8192, b"y" * 8192], "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    size = call.body.index(b"2000;", 1)
    first, second, rest = call.body[:size], call.body[size:2 * size], call.body[2 * size:]
    reply = call.reply(lambda body: second + first + rest)
    assert (reply.status, reply.element("Code")) == (403, "SignatureDoesNotMatch")
    assert not is_there(cloud, bucket)


def test_changed_trailer_signature_is_refused(cloud, bucket):
    call = put(cloud, bucket, "signed, trailer")
    wrong = b"x-amz-trailer-signature:" + b"0" * 64
    at = call.body.index(b"x-amz-trailer-signature:")
    reply = call.reply(lambda body: body[:at] + wrong + body[at + len(wrong):])
    assert (reply.status, reply.element("Code")) == (403, "SignatureDoesNotMatch")
    assert not is_there(cloud, bucket)


@pytest.mark.parametrize("form", ["signed, trailer", "unsigned, trailer"])
def test_wrong_checksum_in_the_trailer_is_refused(cloud, bucket, form):
    reply = put(cloud, bucket, form, trailer=("x-amz-checksum-crc32", crc32(b"other"))).reply()
    assert (reply.status, reply.element("Code")) == (400, "BadDigest")
    assert not is_there(cloud, bucket)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("length", [0, len(WHOLE) - 1, len(WHOLE) + 1])
def test_decoded_length_must_be_true(cloud, bucket, form, length):
    reply = put(cloud, bucket, form, length=length).reply()
    assert reply.status == 400 and reply.element("Code") in ("IncompleteBody", "InvalidRequest", "InvalidArgument")
    assert not is_there(cloud, bucket)


@pytest.mark.parametrize("change", [
    lambda body: b"zz" + body, lambda body: body[:1000], lambda body: body.replace(b"10000;", b"10001;", 1),
    lambda body: body.replace(b";chunk-signature=", b";chunk-signature=0", 1), lambda body: body.replace(b"\r\n", b"\n"),
    lambda body: b"f" * 20 + body])
def test_broken_framing_is_refused(cloud, bucket, change):
    reply = put(cloud, bucket, "signed").reply(change)
    assert reply.status in (400, 403)
    assert not is_there(cloud, bucket)
