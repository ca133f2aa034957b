# SPDX-License-Identifier: Apache-2.0
"""Lifecycle rules: what is accepted, what replies say of it, and that it is done when its time has come."""
import datetime
import time
import urllib.parse

import pytest

from moved_clock import DAY, eventually

MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
UTC = datetime.timezone.utc


def rule(identity="r", **more):
    return {"ID": identity, "Status": "Enabled", "Filter": {"Prefix": ""}, **more}


def put(s3, bucket, *rules, **more):
    return s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more)


def test_configuration(s3, bucket, refused):
    with refused("NoSuchLifecycleConfiguration", 404, "The lifecycle configuration does not exist") as it:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert it.error["BucketName"] == bucket
    rules = [rule("days", Expiration={"Days": 7}),
             rule("date", Filter={}, Expiration={"Date": datetime.datetime(2030, 1, 1, tzinfo=UTC)}),
             rule("marker", Filter={"Prefix": "m/"}, Expiration={"ExpiredObjectDeleteMarker": True}),
             rule("older", Filter={"Tag": {"Key": "a", "Value": "b"}}, Status="Disabled",
                  NoncurrentVersionExpiration={"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}),
             rule("and", Filter={"And": {"Prefix": "x", "Tags": [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}],
                                         "ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 50}}, Expiration={"Days": 1}),
             rule("small", Filter={"ObjectSizeLessThan": 50}, Expiration={"Days": 1}),
             rule("uploads", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2})]
    assert put(s3, bucket, *rules)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["Rules"] == rules and got["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    put(s3, bucket, {"Status": "Enabled", "Prefix": "old/", "Expiration": {"Days": 1}},
        TransitionDefaultMinimumObjectSize="varies_by_storage_class")
    got = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert got["TransitionDefaultMinimumObjectSize"] == "varies_by_storage_class"
    assert got["Rules"][0]["Prefix"] == "old/" and len(got["Rules"][0]["ID"]) == 48
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


DAYS = {"Expiration": {"Days": 1}}
TAG = {"Key": "a", "Value": "b"}
REFUSED = [
    ("MalformedXML", MALFORMED, {"ID": "x", "Status": "Enabled", **DAYS}),
    ("MalformedXML", MALFORMED, {**rule(**DAYS), "Prefix": ""}),
    ("MalformedXML", MALFORMED, rule(Filter={"Prefix": "", "Tag": TAG}, **DAYS)),
    ("MalformedXML", MALFORMED, rule(Filter={"And": {"Prefix": "a"}}, **DAYS)),
    ("MalformedXML", MALFORMED, rule(Filter={"And": {"Prefix": "a", "Tags": [TAG]}, "ObjectSizeLessThan": 5}, **DAYS)),
    ("MalformedXML", MALFORMED, rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})),
    ("MalformedXML", MALFORMED, rule(Expiration={})),
    ("MalformedXML", MALFORMED, rule(NoncurrentVersionExpiration={})),
    ("MalformedXML", MALFORMED, rule(Status="On", **DAYS)),
    ("InvalidRequest", "At least one action needs to be specified in a rule.", rule()),
    ("InvalidRequest", "Duplicate Tag Keys are not allowed.", rule(Filter={"And": {"Tags": [TAG, TAG]}}, **DAYS)),
    ("InvalidRequest", None, rule(Filter={"Tag": TAG}, Expiration={"ExpiredObjectDeleteMarker": True})),
    ("InvalidRequest", None, rule(Filter={"ObjectSizeLessThan": 5}, Expiration={"ExpiredObjectDeleteMarker": True})),
    ("InvalidRequest", "AbortIncompleteMultipartUpload cannot be specified with Tags.",
     rule(Filter={"Tag": TAG}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})),
    ("InvalidRequest", None, rule(Filter={"ObjectSizeLessThan": 5},
                                  AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})),
    ("InvalidRequest", None, rule(Filter={"And": {"ObjectSizeGreaterThan": 5, "ObjectSizeLessThan": 5}}, **DAYS)),
    ("InvalidRequest", "The maximum size of a prefix is 1024.", rule(Filter={"Prefix": "x" * 1025}, **DAYS)),
    ("InvalidArgument", "ID length should not exceed allowed limit of 255", rule("x" * 256, **DAYS)),
    ("InvalidArgument", "'Days' for Expiration action must be a positive integer", rule(Expiration={"Days": 0})),
    ("InvalidArgument", "'Date' must be at midnight GMT",
     rule(Expiration={"Date": datetime.datetime(2030, 1, 1, 1, tzinfo=UTC)})),
    ("InvalidArgument", "'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer",
     rule(NoncurrentVersionExpiration={"NoncurrentDays": 0})),
    ("InvalidArgument", None, rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 0})),
    ("InvalidArgument", None, rule(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 0})),
]


@pytest.mark.parametrize("code, text, bad", REFUSED)
def test_refused_rules(s3, bucket, code, text, bad, refused):
    with refused(code, 400, text):
        put(s3, bucket, bad)


def test_refused_configurations(s3, bucket, refused):
    with refused("MalformedXML", 400, MALFORMED):
        put(s3, bucket)
    with refused("InvalidArgument", 400, "Rule ID must be unique. Found same ID for more than one rule"):
        put(s3, bucket, rule("same", **DAYS), rule("same", **DAYS))
    with refused("InvalidRequest", 400, "Invalid TransitionDefaultMinimumObjectSize found: value"):
        put(s3, bucket, rule(**DAYS), TransitionDefaultMinimumObjectSize="value")
    with refused("NoSuchLifecycleConfiguration", 404):
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)


def expiry(reply):
    date, identity = reply["Expiration"].split(", rule-id=")
    when = datetime.datetime.strptime(date, 'expiry-date="%a, %d %b %Y %H:%M:%S GMT"').replace(tzinfo=UTC)
    return when, urllib.parse.unquote(identity.strip('"'))


def test_what_replies_say(s3, bucket, parts):
    put(s3, bucket, rule("a/ä", Filter={"Prefix": "in/"}, Expiration={"Days": 3}),
        rule("sooner", Filter={"And": {"Prefix": "in/", "Tags": [TAG]}}, Expiration={"Days": 1}),
        rule("off", Status="Disabled", Expiration={"Days": 1}),
        rule("sizes", Filter={"And": {"ObjectSizeGreaterThan": 20, "ObjectSizeLessThan": 30}}, Expiration={"Days": 1}))
    midnight = datetime.datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {n: midnight + datetime.timedelta(days=n + 1) for n in (1, 3)}
    key = {"Bucket": bucket, "Key": "in/k"}
    assert expiry(s3.put_object(**key, Body=b"x")) == (days[3], "a/ä")
    for call in (s3.get_object, s3.head_object):
        assert expiry(call(**key)) == (days[3], "a/ä")
    s3.put_object_tagging(**key, Tagging={"TagSet": [TAG]})
    assert expiry(s3.head_object(**key)) == (days[1], "sooner")
    assert expiry(s3.copy_object(Bucket=bucket, Key="in/c", CopySource=f"{bucket}/in/k")) == (days[1], "sooner")
    upload, done = parts("in/m", [b"x"])
    assert expiry(s3.complete_multipart_upload(Bucket=bucket, Key="in/m", UploadId=upload,
                                               MultipartUpload={"Parts": done})) == (days[3], "a/ä")
    for size, there in ((20, False), (21, True), (29, True), (30, False)):
        assert ("Expiration" in s3.put_object(Bucket=bucket, Key="out", Body=b"x" * size)) == there
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    it = s3.put_object(**key, Body=b"y")["VersionId"]
    assert "Expiration" in s3.head_object(**key) and "Expiration" not in s3.head_object(**key, VersionId=it)
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"])


def keys(s3, bucket):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [item["Key"] for page in pages for item in page.get("Contents", [])]


def test_current_objects_expire(mine, skew):
    s3, bucket = mine
    put(s3, bucket, rule(Filter={"Prefix": "old/"}, Expiration={"Days": 1}),
        rule("tagged", Filter={"Tag": TAG}, Expiration={"Days": 1}))
    for number in range(450):  # more than a batch
        s3.put_object(Bucket=bucket, Key=f"old/{number:03}", Body=b"x" * (number % 3 * 3000))
    s3.put_object(Bucket=bucket, Key="new/tagged", Body=b"", Tagging="a=b")
    s3.put_object(Bucket=bucket, Key="new/kept", Body=b"", Tagging="a=c")
    skew(0.5)
    time.sleep(0.2)
    assert len(keys(s3, bucket)) == 452
    skew(2)
    eventually(lambda: keys(s3, bucket) == ["new/kept"])
    # And what comes later, later.
    s3.put_object(Bucket=bucket, Key="old/again", Body=b"x")
    skew(1)
    skew(1)
    eventually(lambda: keys(s3, bucket) == ["new/kept"])


def test_a_midnight_within_a_pass(mine, skew):
    """What a pass looked at before midnight is looked at again, though the pass ended after it."""
    s3, bucket = mine
    for _ in range(3):  # of which one is in time
        for number in range(300):  # more than a batch
            s3.put_object(Bucket=bucket, Key=f"{number:03}", Body=b"")
        put(s3, bucket, rule(Expiration={"Days": 1}))
        skew(2)
        eventually(lambda: keys(s3, bucket) == [])


def test_versions_expire(mine, skew):
    s3, bucket = mine
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put(s3, bucket, rule("current", Filter={"Prefix": "a"}, Expiration={"Days": 5}),
        rule("older", NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 1}))
    ids = [s3.put_object(Bucket=bucket, Key="a", Body=b"x" * size)["VersionId"] for size in (1, 5000, 200_000, 4)]
    kept = [s3.put_object(Bucket=bucket, Key="b", Body=b"x")["VersionId"] for _ in range(2)]

    def versions():
        page = s3.list_object_versions(Bucket=bucket)
        return {v["VersionId"] for v in page.get("Versions", [])}, len(page.get("DeleteMarkers", []))

    skew(2.1)
    eventually(lambda: versions() == ({ids[3], ids[2], *kept}, 0))
    skew(4)  # the current version gets a marker, and is noncurrent from then on
    eventually(lambda: versions() == ({ids[3], *kept}, 1) or versions() == ({ids[3], ids[2], *kept}, 1))
    assert keys(s3, bucket) == ["b"]
    skew(2.1)
    eventually(lambda: versions() == ({ids[3], *kept}, 1))
    # A rule for markers takes them when there is nothing behind; one for older versions takes the last.
    put(s3, bucket, rule("older", NoncurrentVersionExpiration={"NoncurrentDays": 1}),
        rule("markers", Expiration={"ExpiredObjectDeleteMarker": True}))
    eventually(lambda: versions()[0] == {kept[1]})
    skew(1)
    eventually(lambda: versions() == ({kept[1]}, 0))


def test_a_date(mine, skew):
    s3, bucket = mine
    for key in ("a", "b"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    put(s3, bucket, rule(Filter={"ObjectSizeGreaterThan": 0}, Expiration={"Date": datetime.datetime(2020, 1, 1,
                                                                                                    tzinfo=UTC)}))
    eventually(lambda: keys(s3, bucket) == [])


def test_uploads_are_aborted(mine, skew):
    s3, bucket = mine
    put(s3, bucket, rule(Filter={"Prefix": "a/"}, AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1}))
    for key in ("a/1", "a/2", "b/1"):
        upload = s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        s3.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=1, Body=b"x" * 200_000)
    skew(2.1)
    eventually(lambda: [u["Key"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["b/1"])


def test_locked_versions_stay(mine, skew, name):
    s3, bucket = mine[0], name("locked")
    s3.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1", ObjectLockLegalHoldStatus="ON")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"3")
    put(s3, bucket, rule(NoncurrentVersionExpiration={"NoncurrentDays": 1}))
    skew(2.1)
    eventually(lambda: two not in [v["VersionId"] for v in s3.list_object_versions(Bucket=bucket)["Versions"]])
    assert one in [v["VersionId"] for v in s3.list_object_versions(Bucket=bucket)["Versions"]]


def test_rules_outlive_the_process(own_cloud):
    cloud = own_cloud("--auth", "open")  # signatures do not outlive such a leap of the clock
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    for number in range(3):
        s3.put_object(Bucket="kept", Key=str(number), Body=b"x")
    put(s3, "kept", rule(Expiration={"Days": 1}))
    cloud.restart()
    assert len(keys(s3, "kept")) == 3
    cloud.advance(3 * DAY)
    eventually(lambda: not keys(s3, "kept"))
