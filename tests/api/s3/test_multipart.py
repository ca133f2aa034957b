# SPDX-License-Identifier: Apache-2.0
"""Multipart uploads: parts, their order and sizes, checksums, copies of parts, listings, aborts."""
import base64
import hashlib
import os
import zlib

import pytest
from s3_digests import DIGESTS

MIB = 1024 * 1024
LEAST = 5 * MIB


@pytest.fixture(scope="module")
def bodies():
    return [os.urandom(LEAST), os.urandom(LEAST + 3), os.urandom(1000)]


def etag_of(bodies):
    return f'"{hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()}-{len(bodies)}"'


def test_three_parts(cloud, s3, bucket, parts, bodies):
    upload, done = parts("k", bodies, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=v")
    assert [part["ETag"] for part in done] == [f'"{hashlib.md5(body).hexdigest()}"' for body in bodies]
    reply = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    assert reply["ETag"] == etag_of(bodies) and reply["Location"] == f"{cloud.endpoint}/{bucket}/k"
    assert reply["ChecksumType"] == "FULL_OBJECT" and reply["ChecksumCRC64NVME"]
    # Again, as a client does whose reply was lost.
    assert s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload,
                                        MultipartUpload={"Parts": done})["ETag"] == reply["ETag"]
    whole = b"".join(bodies)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == whole and got["ContentType"] == "text/x" and got["Metadata"] == {"m": "1"}
    assert "PartsCount" not in got and got["TagCount"] == 1
    for start, end in (0, 1), (LEAST - 1, LEAST + 1), (len(whole) - 1001, len(whole) - 999), (LEAST + 5, len(whole)):
        assert s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end - 1}")["Body"].read() == whole[start:end]


def test_one_part_alone(s3, bucket, parts, bodies, refused):
    upload, done = parts("k", bodies)
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    got = s3.get_object(Bucket=bucket, Key="k", PartNumber=3)
    start = 2 * LEAST + 3
    assert got["Body"].read() == bodies[2] and got["PartsCount"] == 3
    assert got["ContentRange"] == f"bytes {start}-{start + 999}/{start + 1000}"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert s3.head_object(Bucket=bucket, Key="k", PartNumber=2)["ContentLength"] == LEAST + 3
    with refused("InvalidPartNumber", 416, "The requested partnumber is not satisfiable") as it:
        s3.get_object(Bucket=bucket, Key="k", PartNumber=10)
    assert it.error["ActualPartCount"] == "3" and it.error["PartNumberRequested"] == "10"
    with refused("InvalidRequest", 400, "Cannot specify both Range header and partNumber query parameter"):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=1, Range="bytes=0-1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"test-123")
    whole = s3.get_object(Bucket=bucket, Key="k", PartNumber=1)
    assert whole["ContentRange"] == "bytes 0-7/8" and whole["Body"].read() == b"test-123" and "PartsCount" not in whole
    with refused("InvalidPartNumber", 416):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=2)


def test_what_completing_refuses(s3, bucket, parts, refused):
    upload, done = parts("k", [b"small", b"parts"])

    def complete(listed, **more):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": listed}, **more)

    with refused("EntityTooSmall", 400, "Your proposed upload is smaller than the minimum allowed size") as it:
        complete(done)
    assert (it.error["MinSizeAllowed"], it.error["PartNumber"], it.error["ProposedSize"]) == ("5242880", "1", "5")
    with refused("InvalidPartOrder", 400) as it:
        complete(done[::-1])
    assert it.error["UploadId"] == upload
    with refused("InvalidPart", 400) as it:
        complete([{"PartNumber": 1, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}])
    assert it.error["PartNumber"] == "1" and it.error["ETag"] == "d41d8cd98f00b204e9800998ecf8427e"
    with refused("InvalidPart", 400) as it:
        complete([{"PartNumber": 7, "ETag": done[0]["ETag"]}])
    with refused("InvalidRequest", 400, "You must specify at least one part"):
        complete([])
    with refused("InvalidRequest", 400, "The provided 'x-amz-mp-object-size' header value 4 does not match what was "
                                        "computed: 5"):
        complete(done[1:], MpuObjectSize=4)
    complete(done[1:], MpuObjectSize=5)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"parts"
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)


def test_no_such_upload(s3, bucket, refused):
    message = ("The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted "
               "or completed.")
    for call in (lambda: s3.upload_part(Bucket=bucket, Key="k", UploadId="fakeid", PartNumber=1, Body=b""),
                 lambda: s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId="fakeid", MultipartUpload={
                     "Parts": [{"PartNumber": 1, "ETag": "x"}]}),
                 lambda: s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId="fakeid")):
        with refused("NoSuchUpload", 404, message) as it:
            call()
        assert it.error["UploadId"] == "fakeid"
    with refused("InvalidArgument", 400, "Part number must be an integer between 1 and 10000, inclusive") as it:
        s3.upload_part(Bucket=bucket, Key="k", UploadId="fakeid", PartNumber=10001, Body=b"")
    assert it.error["ArgumentName"] == "partNumber"


def test_a_part_may_be_replaced(s3, bucket, parts):
    upload, done = parts("k", [b"first"])
    again = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"second")
    s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": again["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"


def test_aborting(s3, bucket, parts, refused):
    upload, _ = parts("k", [os.urandom(LEAST)])
    assert s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)["ResponseMetadata"]["HTTPStatusCode"] == 204
    with refused("NoSuchUpload", 404):
        s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_list_parts_in_pages(s3, bucket, parts):
    upload, done = parts("k", [b"1", b"22", b"333"])
    first = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, MaxParts=2)
    assert [(p["PartNumber"], p["Size"], p["ETag"]) for p in first["Parts"]] == [
        (1, 1, done[0]["ETag"]), (2, 2, done[1]["ETag"])]
    assert first["IsTruncated"] and first["NextPartNumberMarker"] == 2 and first["MaxParts"] == 2
    rest = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, PartNumberMarker=2)
    assert [p["PartNumber"] for p in rest["Parts"]] == [3] and not rest["IsTruncated"]
    assert rest["StorageClass"] == "STANDARD" and rest["Initiator"]["ID"] == rest["Owner"]["ID"]
    none = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload, PartNumberMarker=10)
    assert "Parts" not in none and none["NextPartNumberMarker"] == 0
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


def test_list_uploads_in_pages(s3, bucket):
    made = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"])
            for key in ("a", "a", "dir/x", "dir/y", "é")]
    found, marker = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **marker)
        found += [(u["Key"], u["UploadId"]) for u in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert [key for key, _ in found] == ["a", "a", "dir/x", "dir/y", "é"] and sorted(found) == sorted(made)
    grouped = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert grouped["CommonPrefixes"] == [{"Prefix": "dir/"}] and len(grouped["Uploads"]) == 3
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket, Prefix="dir/")["Uploads"]] == ["dir/x", "dir/y"]
    assert [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket, KeyMarker="a")["Uploads"]] == ["dir/x", "dir/y", "é"]
    for key, upload in made:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)


def b64(data):
    return base64.b64encode(data).decode()


def crc32(data):
    return zlib.crc32(data).to_bytes(4, "big")


@pytest.mark.parametrize("algorithm, digest", [("CRC32", crc32), ("SHA256", lambda d: hashlib.sha256(d).digest())])
def test_composite_checksums(s3, bucket, parts, bodies, algorithm, digest, refused):
    member = "Checksum" + algorithm
    upload, done = parts("k", bodies, ChecksumAlgorithm=algorithm)
    assert [part[member] for part in done] == [b64(digest(body)) for body in bodies]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert listed["ChecksumAlgorithm"] == algorithm and listed["ChecksumType"] == "COMPOSITE"
    assert [part[member] for part in listed["Parts"]] == [part[member] for part in done]
    bare = [{key: part[key] for key in ("PartNumber", "ETag")} for part in done]
    with refused("InvalidRequest", 400) as it:
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": bare})
    assert it.error["Message"] == (f"The upload was created using a {algorithm.lower()} checksum. The complete request must "
                                   "include the checksum for each part. It was missing for part 1 in the request.")
    wrong = [dict(done[0], **{member: done[1][member]})] + done[1:]
    with refused("InvalidPart", 400):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": wrong})
    with refused("InvalidRequest", 400):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, ChecksumType="FULL_OBJECT",
                                     MultipartUpload={"Parts": done})
    reply = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    whole = b64(digest(b"".join(digest(body) for body in bodies)))
    assert reply[member] == whole + "-3" and reply["ChecksumType"] == "COMPOSITE"
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[member] == whole + "-3"
    part = s3.get_object(Bucket=bucket, Key="k", PartNumber=3, ChecksumMode="ENABLED")
    assert part[member] == done[2][member] and part["ChecksumType"] == "COMPOSITE"
    shown = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"], MaxParts=2)
    assert shown["Checksum"] == {member: whole, "ChecksumType": "COMPOSITE"}
    assert shown["ObjectParts"]["TotalPartsCount"] == 3 and shown["ObjectParts"]["IsTruncated"]
    assert [p[member] for p in shown["ObjectParts"]["Parts"]] == [part[member] for part in done[:2]]
    # The copy comes in one piece, with a checksum of all of it.
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert copied[member] == b64(digest(b"".join(bodies))) and copied["ChecksumType"] == "FULL_OBJECT"
    assert copied["ETag"] == f'"{hashlib.md5(b"".join(bodies)).hexdigest()}"'
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"".join(bodies)


@pytest.mark.parametrize("algorithm", ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"])
def test_composites_of_values_that_the_client_computed(s3, bucket, algorithm, bodies, refused):
    member, digest = "Checksum" + algorithm, DIGESTS[algorithm]
    with refused("InvalidRequest", 400,
                 f"The FULL_OBJECT checksum type cannot be used with the {algorithm.lower()} checksum algorithm."):
        s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT")
    begun = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)
    assert begun["ChecksumAlgorithm"] == algorithm and begun["ChecksumType"] == "COMPOSITE"
    upload, done = begun["UploadId"], []
    for number, body in enumerate(bodies, 1):
        value = {member: b64(digest(body))}
        part = s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, **value)
        assert part[member] == value[member]
        done.append({"PartNumber": number, "ETag": part["ETag"], **value})
    with refused("BadDigest", 400):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x", **{member: done[0][member]})
    reply = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    assert reply[member] == b64(digest(b"".join(digest(body) for body in bodies))) + "-3"
    copied = s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")["CopyObjectResult"]
    assert copied[member] == b64(digest(b"".join(bodies))) and copied["ChecksumType"] == "FULL_OBJECT"


def test_full_object_checksums(s3, bucket, parts, bodies, refused):
    upload, done = parts("k", bodies, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    bare = [{key: part[key] for key in ("PartNumber", "ETag")} for part in done]
    whole = b64(crc32(b"".join(bodies)))
    with refused("BadDigest", 400, "The crc32 you specified did not match the calculated checksum."):
        s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, ChecksumCRC32=b64(b"1234"),
                                     MultipartUpload={"Parts": bare})
    reply = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, ChecksumCRC32=whole,
                                         MultipartUpload={"Parts": bare})
    assert reply["ChecksumCRC32"] == whole and reply["ChecksumType"] == "FULL_OBJECT"
    shown = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts"])
    assert shown["ObjectParts"] == {"TotalPartsCount": 3}


def test_which_checksums_go_together(s3, bucket, refused):
    for options, message in (
            ({"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "COMPOSITE"},
             "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."),
            ({"ChecksumAlgorithm": "SHA1", "ChecksumType": "FULL_OBJECT"},
             "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm."),
            ({"ChecksumType": "COMPOSITE"},
             "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.")):
        with refused("InvalidRequest", 400, message):
            s3.create_multipart_upload(Bucket=bucket, Key="k", **options)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    with refused("InvalidRequest", 400, "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum "
                                        "Type: crc32"):
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x", ChecksumCRC32=b64(crc32(b"x")))
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)


def test_conditional_completion(s3, bucket, parts, refused):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["ETag"]
    upload, done = parts("k", [b"new"])
    complete = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": done}}
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**complete, IfNoneMatch="*")
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**complete, IfMatch='"other"')
    during = s3.put_object(Bucket=bucket, Key="k", Body=b"during")["ETag"]
    with refused("ConditionalRequestConflict", 409):
        s3.complete_multipart_upload(**complete, IfMatch=during)
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**complete, IfMatch=etag)
    s3.complete_multipart_upload(**complete)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"new"


@pytest.mark.parametrize("versioning", [None, "Enabled"])
def test_deletion_during_an_upload_is_a_conflict(s3, bucket, parts, versioning, refused):
    if versioning:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": versioning})
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    upload, done = parts("k", [b"part"])
    complete = {"Bucket": bucket, "Key": "k", "UploadId": upload, "MultipartUpload": {"Parts": done}}
    other, _ = parts("other", [b"part"])
    with refused("PreconditionFailed", 412):
        s3.complete_multipart_upload(**complete, IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("ConditionalRequestConflict", 409) as it:
        s3.complete_multipart_upload(**complete, IfNoneMatch="*")
    assert (it.error["Condition"], it.error["Key"]) == ("If-None-Match", "k")
    upload, done = parts("k", [b"part"])
    complete.update(UploadId=upload, MultipartUpload={"Parts": done})
    s3.complete_multipart_upload(**complete, IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"part"
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def test_conditional_deletions(s3, bucket, refused):
    etags = {key: s3.put_object(Bucket=bucket, Key=key, Body=key.encode())["ETag"] for key in "abc"}
    entries = [{"Key": "a", "ETag": etags["a"]}, {"Key": "b", "ETag": etags["a"]}, {"Key": "c", "ETag": "*"},
               {"Key": "d", "ETag": etags["a"]}]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": entries})
    assert [d["Key"] for d in done["Deleted"]] == ["a", "c"]
    assert [(e["Key"], e["Code"]) for e in done["Errors"]] == [("b", "PreconditionFailed"), ("d", "NoSuchKey")]
    with refused("PreconditionFailed", 412) as it:
        s3.delete_object(Bucket=bucket, Key="b", IfMatch=etags["a"])
    assert it.error["Condition"] == "If-Match"
    for header, more in (("x-amz-if-match-size", {"IfMatchSize": 1}),
                         ("x-amz-if-match-last-modified-time", {"IfMatchLastModifiedTime": 1})):
        with refused("NotImplemented", 501) as it:  # as S3 says for general-purpose buckets
            s3.delete_object(Bucket=bucket, Key="b", **more)
        assert it.error["Header"] == header
    with refused("NotImplemented", 501):
        s3.rename_object(Bucket=bucket, Key="z", RenameSource=f"{bucket}/b")


def test_the_transfer_manager(cloud, bucket, tmp_path):
    """boto3's own: many parts at once, out of order."""
    import boto3.s3.transfer
    s3 = cloud.client("s3")
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(37 * MIB + 11))
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=6 * MIB, max_concurrency=6)
    s3.upload_file(str(source), bucket, "k", Config=config)
    s3.download_file(bucket, "k", str(back), Config=config)
    assert source.read_bytes() == back.read_bytes()
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"].endswith('-7"')


def test_the_checksum_that_is_added_to_parts(s3, bucket, refused):
    """Clients that chose none send back what they were told."""
    upload = {"Bucket": bucket, "Key": "k", "UploadId": s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]}
    part = s3.upload_part(PartNumber=1, Body=b"abc", **upload)
    for wrong in {"ChecksumCRC64NVME": "AAAAAAAAAAA="}, {"ChecksumCRC32C": "Nks/tw=="}:
        with refused("InvalidPart", 400):
            s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"], **wrong}]}, **upload)
    s3.complete_multipart_upload(MultipartUpload={"Parts": [
        {"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC64NVME": part["ChecksumCRC64NVME"]}]}, **upload)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"abc"
