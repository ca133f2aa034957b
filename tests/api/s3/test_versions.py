# SPDX-License-Identifier: Apache-2.0
"""Versioning: versions, the null version, delete markers, their listing and what every operation says of them."""
import re

import botocore.exceptions
import pytest

BAD_ID = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


@pytest.fixture
def version(s3, bucket):
    """version(key, body) of the bucket, which keeps versions: puts it, returns its id. All go at the end."""
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    yield lambda key, body, **more: s3.put_object(Bucket=bucket, Key=key, Body=body, **more)["VersionId"]
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def status(s3, bucket, value):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": value})


def listed(s3, bucket, **how):
    """[(key, id, is latest, is a marker)], newest first within a key."""
    page = s3.list_object_versions(Bucket=bucket, **how)
    both = [(v["Key"], v["LastModified"], v["VersionId"], v["IsLatest"], False) for v in page.get("Versions", [])]
    both += [(v["Key"], v["LastModified"], v["VersionId"], v["IsLatest"], True) for v in page.get("DeleteMarkers", [])]
    return {(key, it, latest, marker) for key, _, it, latest, marker in both}


def test_configuration(cloud, s3, bucket, refused):
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    status(s3, bucket, "Suspended")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Suspended"
    for value in ("enabled", "Disabled"):
        with refused("MalformedXML", 400, MALFORMED):
            status(s3, bucket, value)
    status(s3, bucket, "Enabled")
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    with refused("IllegalVersioningConfigurationException", 400, "The Versioning element must be specified"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={})
    with refused("AccessDenied", 403):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    with refused("NoSuchBucket", 404):
        status(s3, bucket + "-not", "Enabled")


def test_versions_of_a_key(s3, bucket, version, refused):
    one, two = version("k", b"one"), version("k", b"two!")
    assert re.fullmatch(r"[A-Za-z0-9._]{32}", one) and one != two
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["VersionId"]) == (b"two!", two)
    got = s3.get_object(Bucket=bucket, Key="k", VersionId=one)
    assert (got["Body"].read(), got["VersionId"]) == (b"one", one)
    assert s3.head_object(Bucket=bucket, Key="k", VersionId=one)["ContentLength"] == 3
    about = s3.get_object_attributes(Bucket=bucket, Key="k", VersionId=one, ObjectAttributes=["ObjectSize"])
    assert (about["ObjectSize"], about["VersionId"]) == (3, one)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    assert listed(s3, bucket) == {("k", two, True, False), ("k", one, False, False)}
    with refused("InvalidArgument", 400, "Invalid version id specified") as it:
        s3.get_object(Bucket=bucket, Key="k", VersionId=BAD_ID)
    assert (it.error["ArgumentName"], it.error["ArgumentValue"]) == ("versionId", BAD_ID)
    with refused("NoSuchVersion", 404, "The specified version does not exist.") as it:
        s3.get_object(Bucket=bucket, Key="other", VersionId=one)
    assert (it.error["Key"], it.error["VersionId"]) == ("other", one)
    with refused("NoSuchVersion", 404):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    with refused("404", 404):
        s3.head_object(Bucket=bucket, Key="other", VersionId=one)


def test_delete_markers(s3, bucket, version, refused):
    one = version("k", b"one")
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] and marker["VersionId"] != one
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with pytest.raises(botocore.exceptions.ClientError) as it:
        s3.get_object(Bucket=bucket, Key="k")
    headers = it.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert it.value.response["Error"]["Code"] == "NoSuchKey"
    assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker["VersionId"])
    with pytest.raises(botocore.exceptions.ClientError) as it:
        s3.get_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    headers = it.value.response["ResponseMetadata"]["HTTPHeaders"]
    error = it.value.response["Error"]
    assert (error["Code"], error["Method"], error["ResourceType"]) == ("MethodNotAllowed", "GET", "DeleteMarker")
    assert it.value.response["ResponseMetadata"]["HTTPStatusCode"] == 405
    assert headers["x-amz-delete-marker"] == "true" and headers["allow"] == "DELETE" and headers["last-modified"]
    with refused("405", 405):
        s3.head_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    second = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert listed(s3, bucket) == {("k", one, False, False), ("k", marker["VersionId"], False, True),
                                  ("k", second, True, True)}
    # Without its markers the key is back.
    gone = s3.delete_object(Bucket=bucket, Key="k", VersionId=second)
    assert gone["DeleteMarker"] and gone["VersionId"] == second
    with refused("NoSuchKey", 404):
        s3.get_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    # A marker for what never was; a version that is gone already.
    assert s3.delete_object(Bucket=bucket, Key="never")["DeleteMarker"]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=one)
    assert s3.delete_object(Bucket=bucket, Key="k", VersionId=one)["VersionId"] == one
    with refused("InvalidArgument", 400):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=BAD_ID)


def test_deleting_the_current_version_brings_up_the_next(s3, bucket, version):
    ids = [version("k", b"x" * size) for size in (10, 3000, 200_000)]
    for size, it in zip((200_000, 3000, 10), reversed(ids)):
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x" * size
        assert s3.list_objects_v2(Bucket=bucket)["Contents"][0]["Size"] == size
        assert "DeleteMarker" not in s3.delete_object(Bucket=bucket, Key="k", VersionId=it)
    assert not listed(s3, bucket)


def test_null_version(s3, bucket, refused):
    before = s3.put_object(Bucket=bucket, Key="k", Body=b"before")
    assert "VersionId" not in before
    assert "VersionId" not in s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    status(s3, bucket, "Enabled")
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    numbered = s3.put_object(Bucket=bucket, Key="k", Body=b"numbered")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"before"
    assert listed(s3, bucket) == {("k", numbered, True, False), ("k", "null", False, False)}
    status(s3, bucket, "Suspended")
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"after")
    assert listed(s3, bucket) == {("k", "null", True, False), ("k", numbered, False, False)}
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    # A deletion leaves a marker in the place of the null version; the next put replaces that.
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] and marker["VersionId"] == "null"
    assert listed(s3, bucket) == {("k", "null", True, True), ("k", numbered, False, False)}
    with refused("MethodNotAllowed", 405):
        s3.get_object(Bucket=bucket, Key="k", VersionId="null")
    s3.put_object(Bucket=bucket, Key="k", Body=b"again")
    assert listed(s3, bucket) == {("k", "null", True, False), ("k", numbered, False, False)}
    status(s3, bucket, "Enabled")
    top = s3.put_object(Bucket=bucket, Key="k", Body=b"top")["VersionId"]
    status(s3, bucket, "Suspended")
    s3.put_object(Bucket=bucket, Key="k", Body=b"over the null below")
    assert listed(s3, bucket) == {("k", "null", True, False), ("k", top, False, False), ("k", numbered, False, False)}
    for it in ("null", top, numbered):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=it)
    assert not listed(s3, bucket)


def test_delete_objects(s3, bucket, version):
    one = version("k", b"one")

    def delete(*entries, **more):
        done = s3.delete_objects(Bucket=bucket, Delete={"Objects": list(entries), **more})
        return done.get("Deleted", []), done.get("Errors", [])

    deleted, errors = delete({"Key": "k"}, {"Key": "never"})
    assert not errors and [d["Key"] for d in deleted] == ["k", "never"]
    assert all(d["DeleteMarker"] and d["DeleteMarkerVersionId"] and "VersionId" not in d for d in deleted)
    marker = deleted[0]["DeleteMarkerVersionId"]
    deleted, _ = delete({"Key": "k", "VersionId": marker})
    assert deleted == [{"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}]
    deleted, errors = delete({"Key": "k", "VersionId": BAD_ID}, {"Key": "k", "VersionId": one})
    assert deleted == [{"Key": "k", "VersionId": one}]
    assert errors == [{"Key": "k", "VersionId": BAD_ID, "Code": "NoSuchVersion",
                       "Message": "The specified version does not exist."}]
    assert delete({"Key": "k"}, Quiet=True) == ([], [])


def test_tags_and_acl_of_versions(s3, bucket, version, refused):
    one = version("k", b"one", Tagging="of=one")
    two = version("k", b"two")
    tags = {"TagSet": [{"Key": "of", "Value": "two"}]}
    assert s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)["VersionId"] == two
    got = s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=one)
    assert got["VersionId"] == one and got["TagSet"] == [{"Key": "of", "Value": "one"}]
    assert s3.delete_object_tagging(Bucket=bucket, Key="k", VersionId=one)["VersionId"] == one
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=one)["TagSet"] == []
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]
    assert s3.get_object_acl(Bucket=bucket, Key="k", VersionId=one)["Grants"]
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    for named in ({}, {"VersionId": marker}):
        with refused("MethodNotAllowed", 405):
            s3.get_object_tagging(Bucket=bucket, Key="k", **named)
        with refused("MethodNotAllowed", 405):
            s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags, **named)
        with refused("MethodNotAllowed", 405):
            s3.delete_object_tagging(Bucket=bucket, Key="k", **named)


def test_copies_of_versions(s3, bucket, version, refused):
    one, two = version("k", b"one"), version("k", b"two")
    copy = s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": one})
    assert copy["CopySourceVersionId"] == one and copy["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"one"
    assert s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")["CopySourceVersionId"] == two
    # An older version is brought back by copying it over the key.
    back = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": one})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    assert {it for key, it, _, _ in listed(s3, bucket) if key == "k"} == {one, two, back["VersionId"]}
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    with refused("NoSuchKey", 404):
        s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    with refused("InvalidRequest", 400, "The source of a copy request may not specifically refer to a delete marker "
                 "by version id."):
        s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": marker})
    with refused("InvalidArgument", 400):
        s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": BAD_ID})
    with refused("NoSuchVersion", 404):
        s3.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "other", "VersionId": one})
    status(s3, bucket, "Suspended")
    assert s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": two})[
        "VersionId"] == "null"
    status(s3, bucket, "Enabled")
    assert "CopySourceVersionId" not in s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")


def test_multipart_makes_versions(s3, bucket, version, parts):
    big = b"p" * (5 * 1024 * 1024)
    one = version("k", b"one")
    upload, done = parts("k", [big, b"tail"])
    two = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    again = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": done})
    assert again["VersionId"] == two["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == big + b"tail"
    three = version("k", b"three")
    part = s3.head_object(Bucket=bucket, Key="k", VersionId=two["VersionId"], PartNumber=2)
    assert (part["ContentLength"], part["PartsCount"]) == (4, 2)
    copied = s3.create_multipart_upload(Bucket=bucket, Key="c")["UploadId"]
    source = {"Bucket": bucket, "Key": "k", "VersionId": two["VersionId"]}
    it = s3.upload_part_copy(Bucket=bucket, Key="c", UploadId=copied, PartNumber=1, CopySource=source,
                             CopySourceRange=f"bytes={len(big)}-{len(big) + 3}")
    assert it["CopySourceVersionId"] == two["VersionId"]
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=copied, MultipartUpload={
        "Parts": [{"PartNumber": 1, "ETag": it["CopyPartResult"]["ETag"]}]})
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"tail"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=three)
    assert s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(big)}-")["Body"].read() == b"tail"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == one


def test_conditions_see_the_current_version(s3, bucket, version, refused):
    version("k", b"one")
    etag = s3.head_object(Bucket=bucket, Key="k")["ETag"]
    with refused("PreconditionFailed", 412):
        s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")
    s3.delete_object(Bucket=bucket, Key="k")
    with refused("NoSuchKey", 404):
        s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfMatch=etag)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"two", IfNoneMatch="*")["VersionId"]


def test_pages_of_versions(s3, bucket, version, refused):
    for key in ("dir/a", "dir/b", "k 1", "k 2"):
        for body in (b"1", b"2", b"3"):
            version(key, body)
    s3.delete_object(Bucket=bucket, Key="k 2")
    whole = listed(s3, bucket)
    assert len(whole) == 13
    for size in (1, 2, 5, 13):
        seen, how = [], {}
        while True:
            page = s3.list_object_versions(Bucket=bucket, MaxKeys=size, **how)
            here = page.get("Versions", []) + page.get("DeleteMarkers", [])
            seen += [(v["Key"], v["VersionId"]) for v in here]
            assert len(here) <= size and page["MaxKeys"] == size
            if not page["IsTruncated"]:
                break
            assert len(here) == size
            how = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
        assert len(seen) == 13 and set(seen) == {(key, it) for key, it, _, _ in whole}
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", MaxKeys=1)
    assert page["CommonPrefixes"] == [{"Prefix": "dir/"}] and page["NextKeyMarker"] == "dir/"
    assert "NextVersionIdMarker" not in page
    page = s3.list_object_versions(Bucket=bucket, Delimiter="/", KeyMarker="dir/", MaxKeys=1)
    assert page["Versions"][0]["Key"] == "k 1" and page["Versions"][0]["IsLatest"]
    # Behind a key, and behind a version of it.
    assert {v["Key"] for v in s3.list_object_versions(Bucket=bucket, KeyMarker="dir/a")["Versions"]} == {
        "dir/b", "k 1", "k 2"}
    newest = s3.list_object_versions(Bucket=bucket, Prefix="dir/b", MaxKeys=1)
    marker = {"KeyMarker": "dir/b", "VersionIdMarker": newest["NextVersionIdMarker"]}
    rest = s3.list_object_versions(Bucket=bucket, Prefix="dir/b", **marker)["Versions"]
    assert [v["IsLatest"] for v in rest] == [False, False]
    s3.delete_object(Bucket=bucket, Key="dir/b", VersionId=newest["NextVersionIdMarker"])
    rest = s3.list_object_versions(Bucket=bucket, Prefix="dir/b", **marker)["Versions"]
    assert [v["IsLatest"] for v in rest] == [True, False]
    raw = s3.list_object_versions(Bucket=bucket, Prefix="k 1", EncodingType="url")
    assert raw["Versions"][0]["Key"] == "k%201" and raw["Prefix"] == "k%201"
    with refused("InvalidArgument", 400, "A version-id marker cannot be specified without a key marker."):
        s3.list_object_versions(Bucket=bucket, VersionIdMarker=marker["VersionIdMarker"])
    with refused("InvalidArgument", 400, "Invalid version id specified"):
        s3.list_object_versions(Bucket=bucket, KeyMarker="k 1", VersionIdMarker=BAD_ID)


def test_bucket_with_versions_stays(s3, name, refused):
    it = name("bucket")
    s3.create_bucket(Bucket=it)
    status(s3, it, "Enabled")
    one = s3.put_object(Bucket=it, Key="k")["VersionId"]
    marker = s3.delete_object(Bucket=it, Key="k")["VersionId"]
    why = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
    for left in (one, marker):
        with refused("BucketNotEmpty", 409, why):
            s3.delete_bucket(Bucket=it)
        s3.delete_object(Bucket=it, Key="k", VersionId=left)
    s3.delete_bucket(Bucket=it)


def test_versions_have_permissions_of_their_own(s3, bucket, version, user, refused):
    one = version("k", b"one")
    arn = f"arn:aws:s3:::{bucket}/*"
    its = user({"Effect": "Allow", "Resource": arn, "Action": [
        "s3:GetObject", "s3:DeleteObjectVersion", "s3:GetObjectVersionTagging", "s3:PutObject"]})
    assert its.get_object(Bucket=bucket, Key="k")["VersionId"] == one
    with refused("AccessDenied", 403):
        its.get_object(Bucket=bucket, Key="k", VersionId=one)
    its.get_object_tagging(Bucket=bucket, Key="k", VersionId=one)
    with refused("AccessDenied", 403):
        its.get_object_tagging(Bucket=bucket, Key="k")
    with refused("AccessDenied", 403):
        its.copy_object(Bucket=bucket, Key="c", CopySource={"Bucket": bucket, "Key": "k", "VersionId": one})
    with refused("AccessDenied", 403):
        its.delete_object(Bucket=bucket, Key="k")
    done = its.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "k", "VersionId": one}]})
    assert [d["VersionId"] for d in done["Deleted"]] == [one] and done["Errors"][0]["Code"] == "AccessDenied"


def test_versions_survive(own_cloud, name):
    cloud = own_cloud()
    s3, it = cloud.client("s3"), name("bucket")
    s3.create_bucket(Bucket=it)
    status(s3, it, "Enabled")
    ids = [s3.put_object(Bucket=it, Key="k", Body=body)["VersionId"] for body in (b"1", b"2" * 5000)]
    s3.delete_object(Bucket=it, Key="k")
    before = listed(s3, it)
    cloud.restart()
    assert s3.get_bucket_versioning(Bucket=it)["Status"] == "Enabled"
    assert listed(s3, it) == before
    assert s3.get_object(Bucket=it, Key="k", VersionId=ids[1])["Body"].read() == b"2" * 5000
