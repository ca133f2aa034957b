# SPDX-License-Identifier: Apache-2.0
"""CopyObject and UploadPartCopy."""
import datetime
import hashlib
import os

import pytest

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [10, 5000, 300 * 1024, 3 * MIB])
def test_a_copy_outlives_its_source(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="dir/söurce +", Body=body, ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "dir/söurce +"})
    assert copied["CopyObjectResult"]["ETag"] == put["ETag"]
    assert copied["CopyObjectResult"]["ChecksumCRC64NVME"] == put["ChecksumCRC64NVME"]
    s3.put_object(Bucket=bucket, Key="dir/söurce +", Body=b"changed")
    s3.delete_object(Bucket=bucket, Key="dir/söurce +")
    got = s3.get_object(Bucket=bucket, Key="copy")
    assert got["Body"].read() == body and got["ContentType"] == "a/b" and got["Metadata"] == {"m": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="copy")["TagSet"] == [{"Key": "t", "Value": "1"}]


def test_directives(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="a/b", Metadata={"m": "1"}, Tagging="t=1",
                  ContentLanguage="de", StorageClass="STANDARD_IA")
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", Metadata={"n": "2"}, MetadataDirective="REPLACE",
                   Tagging="u=2", TaggingDirective="REPLACE")
    head = s3.head_object(Bucket=bucket, Key="c")
    assert head["Metadata"] == {"n": "2"} and head["ContentType"] == "binary/octet-stream"
    assert "ContentLanguage" not in head and "StorageClass" not in head
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "u", "Value": "2"}]
    # Without REPLACE what is sent along is not looked at.
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"/{bucket}/k", Metadata={"n": "2"}, MetadataDirective="COPY",
                   Tagging="u=2")
    assert s3.head_object(Bucket=bucket, Key="c")["Metadata"] == {"m": "1"}
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == [{"Key": "t", "Value": "1"}]
    with refused("NotImplemented", 501):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ServerSideEncryption="aws:kms")


@pytest.mark.parametrize("size", [10, 2 * MIB])
def test_onto_itself(s3, bucket, size, refused):
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body, Metadata={"m": "1"})
    with refused("InvalidRequest", 400) as it:
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k")
    assert it.error["Message"].startswith("This copy request is illegal because it is trying to copy an object to itself")
    for number in range(3):
        s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE",
                       Metadata={"m": str(number)})
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body and got["Metadata"] == {"m": "2"}
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", StorageClass="ONEZONE_IA")
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "ONEZONE_IA"
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_another_checksum(s3, bucket):
    body = os.urandom(200 * 1024)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    import base64
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", ChecksumAlgorithm="SHA256")
    want = base64.b64encode(hashlib.sha256(body).digest()).decode()
    assert copied["CopyObjectResult"]["ChecksumSHA256"] == want
    assert s3.head_object(Bucket=bucket, Key="c", ChecksumMode="ENABLED")["ChecksumSHA256"] == want


def test_what_is_refused(s3, bucket, name, refused):
    with refused("NoSuchKey", 404) as it:
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/absent")
    assert it.error["Key"] == "absent"
    with refused("NoSuchBucket", 404):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{name('absent')}/k")
    with refused("InvalidArgument", 400, "Invalid copy source object key"):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=bucket + "/")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    with refused("InvalidObjectState", 403):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")


def test_conditions_of_the_source(s3, bucket, refused):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    hour = datetime.timedelta(hours=1)
    copy = {"Bucket": bucket, "Key": "c", "CopySource": f"{bucket}/k"}
    for failed, which in (({"CopySourceIfMatch": '"y"'}, "If-Match"), ({"CopySourceIfNoneMatch": etag}, "If-None-Match"),
                          ({"CopySourceIfModifiedSince": modified}, "If-Modified-Since"),
                          ({"CopySourceIfUnmodifiedSince": modified - hour}, "If-Unmodified-Since")):
        with refused("PreconditionFailed", 412) as it:
            s3.copy_object(**copy, **failed)
        assert it.error["Condition"] == "x-amz-copy-source-" + which
    s3.copy_object(**copy, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=modified - hour)
    with refused("PreconditionFailed", 412) as it:
        s3.copy_object(**copy, IfNoneMatch="*")
    assert it.error["Condition"] == "If-None-Match"
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="none", CopySource=f"{bucket}/k", IfMatch=etag)


def test_parts_of_copies(s3, bucket):
    """Objects that end in memory are put one behind the other, as tools do that join files on the server."""
    first, second = os.urandom(5 * MIB + 100), os.urandom(6 * MIB)
    for key, body in ("one", first), ("two", second):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        done = [{"PartNumber": number, "ETag": s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number,
                                                              Body=piece)["ETag"]}
                for number, piece in ((1, body[:5 * MIB]), (2, body[5 * MIB:]))]
        s3.complete_multipart_upload(Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": done})
    upload = s3.create_multipart_upload(Bucket=bucket, Key="joined")["UploadId"]
    done = []
    for number, (key, wanted) in enumerate([("one", {}), ("two", {"CopySourceRange": f"bytes=7-{6 * MIB - 1}"}),
                                            ("one", {"CopySourceRange": "bytes=0-0"})], 1):
        reply = s3.upload_part_copy(Bucket=bucket, Key="joined", UploadId=upload, PartNumber=number,
                                    CopySource=f"{bucket}/{key}", **wanted)["CopyPartResult"]
        done.append({"PartNumber": number, "ETag": reply["ETag"]})
    want = [first, second[7:], first[:1]]
    assert [part["ETag"].strip('"') for part in done] == [hashlib.md5(body).hexdigest() for body in want]
    s3.complete_multipart_upload(Bucket=bucket, Key="joined", UploadId=upload, MultipartUpload={"Parts": done})
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "one"}, {"Key": "two"}]})
    assert s3.get_object(Bucket=bucket, Key="joined")["Body"].read() == b"".join(want)
    at = 5 * MIB + 90
    assert s3.get_object(Bucket=bucket, Key="joined", Range=f"bytes={at}-{at + 19}")["Body"].read() == b"".join(want)[at:at + 20]


@pytest.mark.parametrize("wanted", ["0-8", "bytes=1-0", "bytes=-1-", "bytes=0--1", "bytes=0-1,3-4", "bytes=-", "bytes=1-",
                                    "bytes=-2"])
def test_ranges_that_are_none(s3, bucket, wanted, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    copy = {"Bucket": bucket, "Key": "c", "UploadId": upload, "PartNumber": 1, "CopySource": f"{bucket}/k"}
    with refused("InvalidArgument", 400) as it:
        s3.upload_part_copy(**copy, CopySourceRange=wanted)
    assert it.error["ArgumentName"] == "x-amz-copy-source-range" and it.error["ArgumentValue"] == wanted
    with refused("InvalidArgument", 400, "Range specified is not valid for source object of size: 10"):
        s3.upload_part_copy(**copy, CopySourceRange="bytes=0-100")
    with refused("InvalidRequest", 400, "The specified copy range is invalid for the source object size"):
        s3.upload_part_copy(**copy, CopySourceRange="bytes=100-200")
    s3.abort_multipart_upload(Bucket=bucket, Key="c", UploadId=upload)
