# SPDX-License-Identifier: Apache-2.0
"""Storage classes: which rules move objects into them, and what archived objects refuse until they are restored."""
import datetime

import pytest

from moved_clock import eventually

UTC = datetime.timezone.utc
HOUR = 1 / 24
UNREADABLE = "The operation is not valid for the object's storage class"
MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"


def rule(**more):
    return {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": ""}, **more}


def put(s3, bucket, *rules, **more):
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more)


def days(count, name, **more):
    return {"Days": count, "StorageClass": name, **more}


def older(count, name, **more):
    return {"NoncurrentDays": count, "StorageClass": name, **more}


def restore(s3, bucket, key, count=1, tier=None, **more):
    request = {"Days": count, **({"GlacierJobParameters": {"Tier": tier}} if tier else {})}
    reply = s3.restore_object(Bucket=bucket, Key=key, RestoreRequest=request, **more)
    return reply["ResponseMetadata"]["HTTPStatusCode"]


def class_of(s3, bucket, key, **more):
    return s3.head_object(Bucket=bucket, Key=key, **more).get("StorageClass", "STANDARD")


# ---- restoring ----

@pytest.mark.parametrize("stored, tier, hours", [
    ("GLACIER", "Expedited", 1 / 60), ("GLACIER", None, 3), ("GLACIER", "Bulk", 5),
    ("DEEP_ARCHIVE", "Standard", 12), ("DEEP_ARCHIVE", "Bulk", 48)])
def test_a_restoration(mine, skew, refused, stored, tier, hours):
    s3, bucket = mine
    s3.put_object(Bucket=bucket, Key="k", Body=b"frozen", StorageClass=stored)
    with refused("InvalidObjectState", 403, UNREADABLE) as it:
        s3.get_object(Bucket=bucket, Key="k")
    assert it.error["StorageClass"] == stored and "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    assert restore(s3, bucket, "k", 2, tier) == 202
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"] == 'ongoing-request="true"'
    with refused("InvalidObjectState", 403, UNREADABLE):
        s3.get_object(Bucket=bucket, Key="k")
    skew(hours * HOUR * 0.9)
    with refused("InvalidObjectState", 403, UNREADABLE):
        s3.get_object(Bucket=bucket, Key="k")
    skew(hours * HOUR * 0.3)
    reply = s3.get_object(Bucket=bucket, Key="k")
    assert reply["Body"].read() == b"frozen" and reply["StorageClass"] == stored
    until = datetime.datetime.strptime(reply["Restore"],
                                       'ongoing-request="false", expiry-date="%a, %d %b %Y %H:%M:%S GMT"')
    now = reply["ResponseMetadata"]["HTTPHeaders"]["date"]
    now = datetime.datetime.strptime(now, "%a, %d %b %Y %H:%M:%S GMT")
    assert (until.hour, until.minute, until.second) == (0, 0, 0)
    assert datetime.timedelta(days=2) - datetime.timedelta(hours=hours * 0.25) <= until - now <= datetime.timedelta(days=3)
    skew(3.1)
    assert "Restore" not in s3.head_object(Bucket=bucket, Key="k")
    with refused("InvalidObjectState", 403, UNREADABLE):
        s3.get_object(Bucket=bucket, Key="k")


def test_restoring_again(mine, skew, refused):
    s3, bucket = mine
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER")
    assert restore(s3, bucket, "k", 1, "Bulk") == 202
    with refused("RestoreAlreadyInProgress", 409, "Object restore is already in progress"):
        restore(s3, bucket, "k", 1, "Bulk")
    assert restore(s3, bucket, "k", 1, "Expedited") == 202  # a faster one may follow
    with refused("RestoreAlreadyInProgress", 409):
        restore(s3, bucket, "k", 1, "Standard")
    skew(0.1 * HOUR)
    first = s3.head_object(Bucket=bucket, Key="k")["Restore"]
    assert restore(s3, bucket, "k", 9) == 200
    assert s3.head_object(Bucket=bucket, Key="k")["Restore"] != first
    skew(5)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_what_restoring_refuses(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="warm", Body=b"x")
    for name in ("GLACIER", "DEEP_ARCHIVE"):
        s3.put_object(Bucket=bucket, Key=name, Body=b"x", StorageClass=name)
    with refused("NoSuchKey", 404):
        restore(s3, bucket, "absent")
    for key in ("warm",):
        with refused("InvalidObjectState", 403, "Restore is not allowed for the object's current storage class") as it:
            restore(s3, bucket, key)
        assert it.error["StorageClass"] == "STANDARD"
    with refused("InvalidArgument", 400, "Retrieval option is not supported by this storage class"):
        restore(s3, bucket, "DEEP_ARCHIVE", 1, "Expedited")
    for request in ({}, {"Days": 0}, {"Days": 1, "GlacierJobParameters": {"Tier": "Fast"}}):
        with refused("MalformedXML", 400, MALFORMED):
            s3.restore_object(Bucket=bucket, Key="GLACIER", RestoreRequest=request)
    with refused("NotImplemented", 501):
        s3.restore_object(Bucket=bucket, Key="GLACIER", RestoreRequest={"Type": "SELECT"})


def test_versions_and_permissions(s3, bucket, user, refused):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1", StorageClass="GLACIER")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    mark = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert restore(s3, bucket, "k", VersionId=one) == 202
    assert "Restore" in s3.head_object(Bucket=bucket, Key="k", VersionId=one)
    listed = s3.list_object_versions(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])["Versions"]
    assert [v.get("RestoreStatus") for v in listed] == [None, {"IsRestoreInProgress": True}]
    assert all("RestoreStatus" not in v for v in s3.list_object_versions(Bucket=bucket)["Versions"])
    with refused("MethodNotAllowed", 405):
        restore(s3, bucket, "k", VersionId=mark)
    mine = user({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    with refused("AccessDenied", 403):
        restore(mine, bucket, "k", VersionId=one)
    for version in (one, two, mark):
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version)


def test_copies_of_archived_objects(mine, skew, refused):
    s3, bucket = mine
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", StorageClass="GLACIER", Tagging="a=b")
    source = f"{bucket}/k"
    upload = s3.create_multipart_upload(Bucket=bucket, Key="m")["UploadId"]
    for copy in (lambda: s3.copy_object(Bucket=bucket, Key="c", CopySource=source),
                 lambda: s3.upload_part_copy(Bucket=bucket, Key="m", UploadId=upload, PartNumber=1, CopySource=source)):
        with refused("InvalidObjectState", 403, "Operation is not valid for the source object's storage class"):
            copy()
    restore(s3, bucket, "k", 1, "Expedited")
    skew(0.1 * HOUR)
    assert s3.list_objects_v2(Bucket=bucket, OptionalObjectAttributes=["RestoreStatus"])["Contents"][0][
        "RestoreStatus"]["IsRestoreInProgress"] is False
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="d", CopySource=source, StorageClass="GLACIER")
    assert s3.get_object(Bucket=bucket, Key="c")["Body"].read() == b"x"
    with refused("InvalidObjectState", 403, UNREADABLE):  # the restoration was the source's
        s3.get_object(Bucket=bucket, Key="d")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_restorations_outlive_the_process(own_cloud, refused):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="k", Body=b"x", StorageClass="GLACIER")
    restore(s3, "kept", "k")
    cloud.restart()
    assert s3.head_object(Bucket="kept", Key="k")["Restore"] == 'ongoing-request="true"'


# ---- transitions ----

def test_objects_move(mine, skew):
    s3, bucket = mine
    large = b"x" * 131072
    put(s3, bucket,
        rule(Filter={"Prefix": "a/"}, Transitions=[days(30, "STANDARD_IA"), days(60, "GLACIER")], Expiration={"Days": 90}),
        {**rule(Filter={"Prefix": "b/"}, Transitions=[days(0, "DEEP_ARCHIVE")]), "ID": "b"},
        {**rule(Filter={"And": {"Prefix": "c/", "ObjectSizeGreaterThan": 0}}, Transitions=[days(1, "GLACIER_IR")]),
         "ID": "c"},
        {**rule(Filter={"Prefix": "b/"}, Transitions=[days(0, "GLACIER_IR")]), "ID": "both"})
    for key in ("a/k", "a/frozen", "b/k", "c/k"):
        s3.put_object(Bucket=bucket, Key=key, Body=large,
                      StorageClass="DEEP_ARCHIVE" if key == "a/frozen" else "STANDARD")
    for key in ("a/small", "b/small", "c/small"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    def classes():
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return {item["Key"]: item["StorageClass"] for page in pages for item in page.get("Contents", [])}

    begun = s3.head_object(Bucket=bucket, Key="b/k")
    skew(1.1)
    eventually(lambda: classes()["b/k"] == "DEEP_ARCHIVE")  # the deeper of two
    skew(1)
    eventually(lambda: classes()["c/small"] == "GLACIER_IR")
    assert classes() == {"a/k": "STANDARD", "a/frozen": "DEEP_ARCHIVE", "a/small": "STANDARD", "b/k": "DEEP_ARCHIVE",
                         "b/small": "STANDARD", "c/k": "GLACIER_IR", "c/small": "GLACIER_IR"}
    assert s3.get_object(Bucket=bucket, Key="c/k")["Body"].read() == large
    then = s3.head_object(Bucket=bucket, Key="b/k")
    assert (then["LastModified"], then["ETag"]) == (begun["LastModified"], begun["ETag"])
    skew(30)
    eventually(lambda: classes()["a/k"] == "STANDARD_IA")
    skew(30)
    eventually(lambda: classes()["a/k"] == "GLACIER")
    assert classes()["a/frozen"] == "DEEP_ARCHIVE"  # never back
    skew(30)
    eventually(lambda: not any(key.startswith("a/") for key in classes()))


def test_small_objects_where_the_minimum_varies(mine, skew):
    s3, bucket = mine
    put(s3, bucket, rule(Filter={"Prefix": "ir/"}, Transitions=[days(0, "GLACIER_IR")]),
        {**rule(Filter={"Prefix": "deep/"}, Transitions=[days(0, "GLACIER")]), "ID": "deep"},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    for key in ("ir/k", "deep/k"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    skew(1.1)
    eventually(lambda: class_of(s3, bucket, "deep/k") == "GLACIER")
    skew(1)
    assert class_of(s3, bucket, "ir/k") == "STANDARD"


def test_older_versions_move(mine, skew):
    s3, bucket = mine
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket, rule(Filter={"ObjectSizeGreaterThan": 0},
                         NoncurrentVersionTransitions=[older(1, "GLACIER_IR", NewerNoncurrentVersions=1)]))
    ids = [s3.put_object(Bucket=bucket, Key="k", Body=b"x" * size)["VersionId"] for size in (1, 2, 3)]
    skew(2.1)
    eventually(lambda: class_of(s3, bucket, "k", VersionId=ids[0]) == "GLACIER_IR")
    assert [class_of(s3, bucket, "k", VersionId=it) for it in ids[1:]] == ["STANDARD", "STANDARD"]


BASED = "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule for filter '(prefix=)'"
DATE = datetime.datetime(2040, 1, 1, tzinfo=UTC)
REFUSED = [
    ("MalformedXML", MALFORMED, {"Transitions": [days(1, "STANDARD")]}),
    ("MalformedXML", MALFORMED, {"Transitions": [days(1, "EXPRESS_ONEZONE")]}),
    ("MalformedXML", MALFORMED, {"Transitions": [{"StorageClass": "GLACIER"}]}),
    ("MalformedXML", MALFORMED, {"Transitions": [{"Days": 1}]}),
    ("MalformedXML", MALFORMED, {"Transitions": [days(1, "GLACIER", Date=DATE)]}),
    ("MalformedXML", MALFORMED, {"NoncurrentVersionTransitions": [{"StorageClass": "GLACIER"}]}),
    ("InvalidArgument", "'Date' must be at midnight GMT",
     {"Transitions": [{"Date": DATE + datetime.timedelta(hours=1), "StorageClass": "GLACIER"}]}),
    ("InvalidArgument", "'Days' in Transition action must be nonnegative", {"Transitions": [days(-1, "GLACIER")]}),
    ("InvalidArgument", "'Days' in Transition action must be greater than or equal to 30 for storageClass 'STANDARD_IA'",
     {"Transitions": [days(29, "STANDARD_IA")]}),
    ("InvalidArgument", "'Days' in Transition action must be greater than or equal to 30 for storageClass 'ONEZONE_IA'",
     {"Transitions": [days(0, "ONEZONE_IA")]}),
    ("InvalidArgument", "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal to 30 for "
     "storageClass 'STANDARD_IA'", {"NoncurrentVersionTransitions": [older(3, "STANDARD_IA")]}),
    ("InvalidRequest", "'StorageClass' must be different for 'Transition' actions in same 'Rule' with filter '(prefix=)'",
     {"Transitions": [days(1, "GLACIER"), days(2, "GLACIER")]}),
    ("InvalidRequest", BASED, {"Transitions": [days(1, "GLACIER")], "Expiration": {"Date": DATE}}),
    ("InvalidRequest", BASED, {"Transitions": [days(1, "GLACIER"), {"Date": DATE, "StorageClass": "DEEP_ARCHIVE"}]}),
    ("InvalidArgument", "'Days' in the Expiration action for filter '(prefix=)' must be greater than 'Days' in the "
     "Transition action", {"Transitions": [days(9, "GLACIER")], "Expiration": {"Days": 9}}),
    ("InvalidArgument", "'Days' in the Transition action for StorageClass 'DEEP_ARCHIVE' for filter '(prefix=)' must be "
     "greater than 'Days' in the Transition action for StorageClass 'GLACIER' for filter '(prefix=)'",
     {"Transitions": [days(1, "DEEP_ARCHIVE"), days(1, "GLACIER")]}),
    ("InvalidArgument", None, {"Transitions": [days(30, "STANDARD_IA"), days(59, "GLACIER")]}),
    ("InvalidArgument", None, {"NoncurrentVersionTransitions": [older(5, "GLACIER")],
                               "NoncurrentVersionExpiration": {"NoncurrentDays": 5}}),
    ("InvalidArgument", None, {"NoncurrentVersionTransitions": [older(5, "GLACIER", NewerNoncurrentVersions=0)]}),
]


@pytest.mark.parametrize("code, text, bad", REFUSED)
def test_refused_transitions(s3, bucket, refused, code, text, bad):
    with refused(code, 400, text):
        put(s3, bucket, rule(**bad))
