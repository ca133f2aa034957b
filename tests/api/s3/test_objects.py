# SPDX-License-Identifier: Apache-2.0
"""Objects: bodies of all sizes, keys of all bytes, metadata, ranges, conditions, deletions."""
import datetime
import hashlib
import os

import pytest

KIB = 1024


@pytest.mark.parametrize("size", [0, 1, 2048, 2049, 128 * KIB, 128 * KIB + 1, 5 * KIB * KIB + 7])
def test_what_is_put_is_got(s3, bucket, size):
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size and got["ETag"] == put["ETag"]
    assert got["AcceptRanges"] == "bytes" and got["ContentType"] == "binary/octet-stream"
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentLength"] == size and head["LastModified"] == got["LastModified"]
    # Over it, with another size.
    s3.put_object(Bucket=bucket, Key="k", Body=b"short")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"short"


KEYS = ["a", "/", "//", "../up", "a/../b", "blank and+plus", "ünïcode-日本-😀", "q?x=y&z#f", "tab\tnewline\n", "%2F%20",
        "x" * 1024, "trailing/", ".", "..", "a//b", "'\"<>&"]


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_opaque(s3, bucket, key):
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_key_too_long(s3, bucket, refused):
    with refused("KeyTooLongError", 400, "Your key is too long") as it:
        s3.put_object(Bucket=bucket, Key="x" * 1025, Body=b"")
    assert it.error["MaxSizeAllowed"] == "1024" and it.error["Size"] == "1025"


def test_no_such_key_and_bucket(s3, bucket, name, refused):
    with refused("NoSuchKey", 404, "The specified key does not exist.") as it:
        s3.get_object(Bucket=bucket, Key="absent")
    assert it.error["Key"] == "absent"
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="absent")
    for size in 1, 300 * KIB:
        with refused("NoSuchBucket", 404):
            s3.put_object(Bucket=name("absent"), Key="k", Body=bytes(size))


def test_headers_and_metadata_come_back(s3, bucket):
    expires = datetime.datetime(2030, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    kept = dict(ContentType="text/css", CacheControl="max-age=5", ContentDisposition="inline", ContentEncoding="gzip",
                ContentLanguage="de", Metadata={"one": "1", "two": "zwei"}, StorageClass="STANDARD_IA")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires=expires, Tagging="a=b&c=d", **kept)
    for reply in s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k"):
        assert {member: reply[member] for member in kept} == kept
        assert reply["Expires"] == expires
    assert s3.get_object(Bucket=bucket, Key="k")["TagCount"] == 2
    shown = s3.get_object(Bucket=bucket, Key="k", ResponseContentType="text/plain", ResponseCacheControl="no-store",
                          ResponseContentDisposition="attachment", ResponseContentEncoding="br",
                          ResponseContentLanguage="fr")
    assert (shown["ContentType"], shown["CacheControl"], shown["ContentDisposition"], shown["ContentEncoding"],
            shown["ContentLanguage"]) == ("text/plain", "no-store", "attachment", "br", "fr")
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.head_object(Bucket=bucket, Key="k")["Metadata"] == {}
    assert "StorageClass" not in s3.head_object(Bucket=bucket, Key="k")


def test_limits_of_the_head(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"k": "v" * 2047})
    with refused("MetadataTooLarge", 400) as it:
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Metadata={"k": "v" * 2048})
    assert it.error["MaxSizeAllowed"] == "2048"
    with refused("InvalidStorageClass", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", StorageClass="OUTPOSTS")
    with refused("InvalidTag", 400):
        s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="aws:a=b")


RANGES = {"bytes=0-8": (0, 9), "bytes=1-1": (1, 2), "bytes=1-": (1, 10), "bytes=-2": (8, 10), "bytes=-15": (0, 10),
          "bytes=0-100": (0, 10), "bytes=0-0": (0, 1), "bytes=1-0": None, "bytes=-1-": None, "bytes=0--1": None,
          "bytes=0-1,3-4": None, "0-8": None, "bytes=-": None}


@pytest.mark.parametrize("wanted", RANGES)
def test_ranges(s3, bucket, wanted):
    body = b"0123456789"
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for operation in s3.get_object, s3.head_object:
        got = operation(Bucket=bucket, Key="k", Range=wanted)
        if RANGES[wanted] is None:
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 200 and "ContentRange" not in got
            start, end = 0, 10
        else:
            start, end = RANGES[wanted]
            assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
            assert got["ContentRange"] == f"bytes {start}-{end - 1}/10"
        assert got["ContentLength"] == end - start
        if "Body" in got:
            assert got["Body"].read() == body[start:end]


def test_ranges_of_a_large_body(s3, bucket):
    body = os.urandom(3 * KIB * KIB + 99)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    for start, end in (0, 1), (KIB * KIB - 1, KIB * KIB + 1), (5, len(body)), (len(body) - 1, len(body)), (77, 2 * KIB * KIB):
        got = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={start}-{end - 1}")
        assert got["Body"].read() == body[start:end]


@pytest.mark.parametrize("wanted", ["bytes=-0", "bytes=100-200", "bytes=10-"])
def test_ranges_that_cannot_be(s3, bucket, wanted, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    with refused("InvalidRange", 416, "The requested range is not satisfiable") as it:
        s3.get_object(Bucket=bucket, Key="k", Range=wanted)
    assert it.error["ActualObjectSize"] == "10" and it.error["RangeRequested"] == wanted


def test_conditions_of_reads(s3, bucket, refused):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"data")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    hour = datetime.timedelta(hours=1)
    get = {"Bucket": bucket, "Key": "k"}
    for met in ({"IfMatch": etag}, {"IfMatch": etag.strip('"')}, {"IfNoneMatch": '"other"'}, {"IfUnmodifiedSince": modified},
                {"IfModifiedSince": modified - hour}, {"IfMatch": etag, "IfUnmodifiedSince": modified - hour},
                {"IfModifiedSince": modified + 24 * hour}, {"IfNoneMatch": '"other"', "IfModifiedSince": modified}):
        assert s3.get_object(**get, **met)["Body"].read() == b"data", met
    for failed, which in (({"IfMatch": '"other"'}, "If-Match"), ({"IfUnmodifiedSince": modified - hour}, "If-Unmodified-Since")):
        with refused("PreconditionFailed", 412) as it:
            s3.get_object(**get, **failed)
        assert it.error["Condition"] == which
        with refused("412", 412):
            s3.head_object(**get, **failed)
    for unchanged in ({"IfNoneMatch": etag}, {"IfModifiedSince": modified}, {"IfNoneMatch": etag, "IfModifiedSince": modified - hour}):
        for operation in s3.get_object, s3.head_object:
            with refused("304", 304):
                operation(**get, **unchanged)


def test_conditions_of_writes(s3, bucket, refused):
    put = {"Bucket": bucket, "Key": "k"}
    with refused("NoSuchKey", 404):
        s3.put_object(**put, Body=b"1", IfMatch='"x"')
    etag = s3.put_object(**put, Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", 412) as it:
        s3.put_object(**put, Body=b"2", IfNoneMatch="*")
    assert it.error["Condition"] == "If-None-Match"
    with refused("PreconditionFailed", 412) as it:
        s3.put_object(**put, Body=b"2", IfMatch='"x"')
    assert it.error["Condition"] == "If-Match"
    assert s3.get_object(**put)["Body"].read() == b"1"
    s3.put_object(**put, Body=b"2", IfMatch=etag)
    for bad in ({"IfNoneMatch": '"etag"'}, {"IfMatch": "*"}, {"IfMatch": etag, "IfNoneMatch": "*"}):
        with refused("NotImplemented", 501, "A header you provided implies functionality that is not implemented") as it:
            s3.put_object(**put, Body=b"3", **bad)
        assert it.error["additionalMessage"]
    assert s3.get_object(**put)["Body"].read() == b"2"
    with refused("PreconditionFailed", 412):
        s3.delete_object(**put, IfMatch='"x"')
    s3.delete_object(**put, IfMatch='"c81e728d9d4c2f636f067f89cc14862c"')
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_deleting(s3, bucket):
    for _ in range(2):  # also when there is nothing
        assert s3.delete_object(Bucket=bucket, Key="k")["ResponseMetadata"]["HTTPStatusCode"] == 204
    keys = [f"{number:04}" for number in range(1000)]
    for key in keys[:20]:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert [item["Key"] for item in reply["Deleted"]] == keys and "Errors" not in reply
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.put_object(Bucket=bucket, Key="a&<b>", Body=b"x")
    reply = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a&<b>"}], "Quiet": True})
    assert "Deleted" not in reply and s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_deleting_with_errors_of_their_own(s3, bucket, refused):
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"x")["ETag"]
    reply = s3.delete_objects(Bucket=bucket, Delete={"Quiet": True, "Objects": [
        {"Key": "k", "ETag": '"other"'}, {"Key": "j", "VersionId": "3HL4kqtJlcpXroDTDmjVBH40Nrjfkd"}]})
    assert {item["Key"]: item["Code"] for item in reply["Errors"]} == {"k": "PreconditionFailed", "j": "NoSuchVersion"}
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "ETag": etag, "VersionId": "null"}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with refused("MalformedXML", 400):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": str(i)} for i in range(1001)]})


def test_null_is_the_only_version(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"x"
    with refused("InvalidArgument", 400, "Invalid version id specified") as it:
        s3.get_object(Bucket=bucket, Key="k", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert it.error["ArgumentName"] == "versionId"
    page = s3.list_object_versions(Bucket=bucket)
    assert [(v["Key"], v["VersionId"], v["IsLatest"]) for v in page["Versions"]] == [("k", "null", True)]


def test_object_tags(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="first=1")
    get = {"Bucket": bucket, "Key": "k"}
    assert s3.get_object_tagging(**get)["TagSet"] == [{"Key": "first", "Value": "1"}]
    tags = [{"Key": "a", "Value": "b"}, {"Key": "ü ", "Value": ""}]
    s3.put_object_tagging(**get, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**get)["TagSet"] == tags
    assert s3.get_object(**get)["Body"].read() == b"x"
    with refused("BadRequest", 400, "Object tags cannot be greater than 10"):
        s3.put_object_tagging(**get, Tagging={"TagSet": [{"Key": str(i), "Value": ""} for i in range(11)]})
    with refused("InvalidTag", 400, "The TagValue you have provided is invalid"):
        s3.put_object_tagging(**get, Tagging={"TagSet": [{"Key": "k", "Value": "a,b"}]})
    s3.delete_object_tagging(**get)
    assert s3.get_object_tagging(**get)["TagSet"] == []
    with refused("NoSuchKey", 404):
        s3.get_object_tagging(Bucket=bucket, Key="absent")
    with refused("InvalidArgument", 400) as it:
        s3.put_object(**get, Body=b"", Tagging="key1=val1&key1=val2")
    assert it.error["ArgumentName"] == "x-amz-tagging"


@pytest.mark.parametrize("options, header", [
    ({"ServerSideEncryption": "aws:kms"}, "x-amz-server-side-encryption"),
    ({"SSEKMSKeyId": "k"}, "x-amz-server-side-encryption-aws-kms-key-id"),
])
def test_headers_of_what_is_not_built(s3, bucket, options, header, refused):
    with refused("NotImplemented", 501) as it:
        s3.put_object(Bucket=bucket, Key="k", Body=b"x", **options)
    assert it.error["Header"] == header
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="private")


def test_archived_objects_cannot_be_read(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    with refused("InvalidObjectState", 403) as it:
        s3.get_object(Bucket=bucket, Key="k")
    assert it.error["StorageClass"] == "GLACIER"
    assert s3.head_object(Bucket=bucket, Key="k")["StorageClass"] == "GLACIER"
    assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["StorageClass"] == "GLACIER"


def test_presigned_urls(cloud, bucket):
    import urllib.error
    import urllib.request
    s3 = cloud.client("s3", signature_version="s3v4")
    where = {"Bucket": bucket, "Key": "signed/ü +"}
    url = s3.generate_presigned_url("put_object", Params=where)
    with urllib.request.urlopen(urllib.request.Request(url, data=b"by url", method="PUT"), timeout=60) as reply:
        assert reply.status == 200
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=where), timeout=60) as reply:
        assert reply.read() == b"by url"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=where).replace("Signature=", "Signature=0"),
                               timeout=60)
    assert caught.value.code == 403


def test_virtual_host(cloud, bucket):
    s3 = cloud.virtual_host_client()
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"by host")
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"by host"
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a/b"]
    s3.head_bucket(Bucket=bucket)
