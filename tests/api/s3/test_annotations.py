# SPDX-License-Identifier: Apache-2.0
"""Annotations: named texts of versions of objects."""
import hashlib

import pytest


def names(s3, bucket, key, **how):
    return [a["AnnotationName"] for a in s3.list_object_annotations(Bucket=bucket, Key=key, **how).get("Annotations", [])]


def put(s3, bucket, key, name, text, **more):
    return s3.put_object_annotation(Bucket=bucket, Key=key, AnnotationName=name, AnnotationPayload=text, **more)


@pytest.mark.parametrize("size", [1, 3000, 200_000, 1024 * 1024])
def test_what_is_put_is_got(s3, bucket, size):
    s3.put_object(Bucket=bucket, Key="k", Body=b"object")
    text = b"x" * size
    done = put(s3, bucket, "k", "a name/ü", text, ChecksumAlgorithm="SHA256")
    assert done["ETag"] == f'"{hashlib.md5(text).hexdigest()}"' and done["ChecksumSHA256"]
    got = s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a name/ü", ChecksumMode="ENABLED")
    assert got["AnnotationPayload"].read() == text and got["ETag"] == done["ETag"]
    assert (got["ContentLength"], got["ChecksumSHA256"]) == (size, done["ChecksumSHA256"])
    # The object is as it was.
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"object"
    put(s3, bucket, "k", "a name/ü", b"other")
    assert s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a name/ü")[
        "AnnotationPayload"].read() == b"other"
    s3.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="a name/ü")
    s3.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="a name/ü")
    assert names(s3, bucket, "k") == []


def test_lists(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for number in range(5):
        put(s3, bucket, "k", f"a{number}", b"text")
    put(s3, bucket, "k", "b", "ünï".encode())
    page = s3.list_object_annotations(Bucket=bucket, Key="k")
    assert page["AnnotationCount"] == 6 and page["Annotations"][5]["Size"] == 5
    assert page["Annotations"][0]["ETag"] and page["Annotations"][0]["ChecksumAlgorithm"]
    assert names(s3, bucket, "k", AnnotationPrefix="a") == [f"a{n}" for n in range(5)]
    seen, token = [], {}
    while True:
        page = s3.list_object_annotations(Bucket=bucket, Key="k", MaxAnnotationResults=2, **token)
        seen += [a["AnnotationName"] for a in page["Annotations"]]
        if "NextContinuationToken" not in page:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert seen == ["a0", "a1", "a2", "a3", "a4", "b"]
    with refused("InvalidArgument", 400):
        s3.list_object_annotations(Bucket=bucket, Key="k", ContinuationToken="!")
    with refused("InvalidPrefix", 400):
        s3.list_object_annotations(Bucket=bucket, Key="k", AnnotationPrefix="x" * 513)


def test_refusals(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with refused("NoSuchKey", 404):
        put(s3, bucket, "none", "a", b"x")
    with refused("NoSuchAnnotation", 404):
        s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a")
    with refused("AnnotationNameTooLong", 400):
        put(s3, bucket, "k", "x" * 513, b"x")
    with refused("InvalidAnnotationName", 400):
        put(s3, bucket, "k", "", b"x")
    with refused("UnsupportedMediaType", 415):
        put(s3, bucket, "k", "a", b"\xff\xfe")
    with refused("InvalidRequest", 400):
        put(s3, bucket, "k", "a", b"")
    with refused("EntityTooLarge", 400):
        put(s3, bucket, "k", "a", b"x" * (1024 * 1024 + 1))
    with refused("PreconditionFailed", 412):
        put(s3, bucket, "k", "a", b"x", ObjectIfMatch='"other"')
    put(s3, bucket, "k", "a", b"x", ObjectIfMatch=s3.head_object(Bucket=bucket, Key="k")["ETag"])
    with refused("PreconditionFailed", 412):
        s3.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="a", ObjectIfMatch='"other"')
    assert names(s3, bucket, "k") == ["a"]


def test_a_thousand(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for number in range(1000):
        put(s3, bucket, "k", f"{number:03}", b"x")
    with refused("AnnotationLimitExceeded", 400):
        put(s3, bucket, "k", "more", b"x")
    put(s3, bucket, "k", "007", b"again")


def test_they_go_with_their_version(cloud, s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    put(s3, bucket, "k", "a", b"x" * 300_000)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    assert names(s3, bucket, "k") == [] and names(s3, bucket, "k", VersionId="null") == ["a"]
    assert put(s3, bucket, "k", "b", b"y")["ObjectVersionId"] == two
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    assert names(s3, bucket, "k") == ["a"]
    got = s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a", VersionId="null")
    assert got["ObjectVersionId"] == "null" and len(got["AnnotationPayload"].read()) == 300_000
    # Copies have them, too, unless told otherwise.
    s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k")
    s3.copy_object(Bucket=bucket, Key="d", CopySource=f"{bucket}/k", AnnotationDirective="EXCLUDE")
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE")
    s3.delete_object(Bucket=bucket, Key="k", VersionId="null")
    for key, wanted in (("c", ["a"]), ("d", []), ("k", ["a"])):
        assert names(s3, bucket, key) == wanted
    got = s3.get_object_annotation(Bucket=bucket, Key="c", AnnotationName="a")
    assert got["AnnotationPayload"].read() == b"x" * 300_000
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def test_a_copy_in_place_keeps_them(s3, bucket):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    put(s3, bucket, "k", "a", b"x" * 300_000)
    s3.copy_object(Bucket=bucket, Key="k", CopySource=f"{bucket}/k", MetadataDirective="REPLACE")
    got = s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a")
    assert got["AnnotationPayload"].read() == b"x" * 300_000


def test_permissions(s3, bucket, user, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    its = user({"Effect": "Allow", "Action": "s3:PutObjectAnnotation", "Resource": f"arn:aws:s3:::{bucket}/*"})
    put(its, bucket, "k", "a", b"x")
    with refused("AccessDenied", 403):
        its.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="a")
    with refused("AccessDenied", 403):
        its.list_object_annotations(Bucket=bucket, Key="k")
    with refused("AccessDenied", 403):
        its.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="a")
