# SPDX-License-Identifier: Apache-2.0
"""Object lock: configuration, retention in both modes, legal holds, and what they keep from being deleted."""
import base64
import datetime
import hashlib

import pytest

MALFORMED = "The XML you provided was not well-formed or did not validate against our published schema"
PROTECTED = "Access Denied because object protected by object lock."
NO_LOCK = "Bucket is missing Object Lock Configuration"
DAY = datetime.timedelta(days=1)


def soon(days=1, seconds=0):
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + days * DAY + datetime.timedelta(
        seconds=seconds)


def rule(mode="GOVERNANCE", **period):
    return {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": mode, **period}}}


def empty(s3, bucket):
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for item in page.get("Versions", []):
            s3.put_object_legal_hold(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"],
                                     LegalHold={"Status": "OFF"})
        for item in page.get("Versions", []) + page.get("DeleteMarkers", []):
            s3.delete_object(Bucket=bucket, Key=item["Key"], VersionId=item["VersionId"],
                             BypassGovernanceRetention=True)


@pytest.fixture
def locked(cloud, name):
    """A bucket with object lock; what governance keeps in it goes at the end."""
    s3, it = cloud.client("s3"), name("locked")
    s3.create_bucket(Bucket=it, ObjectLockEnabledForBucket=True)
    yield it
    empty(s3, it)
    s3.delete_bucket(Bucket=it)


@pytest.fixture
def s3(cloud):
    """With checksums, which locked uploads need."""
    return cloud.client("s3")


def test_configuration(s3, bucket, locked, refused):
    assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"

    def put(configuration, to=locked):
        s3.put_object_lock_configuration(Bucket=to, ObjectLockConfiguration=configuration)

    for configuration in (rule(Days=1), rule("COMPLIANCE", Years=2), {"ObjectLockEnabled": "Enabled"}):
        put(configuration)
        assert s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"] == configuration
    for bad in ({}, {"Rule": rule(Days=1)["Rule"]}, {"ObjectLockEnabled": "Enabled", "Rule": {}},
                {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {}}}, rule(), rule("BAD", Days=1),
                rule(Days=1, Years=1)):
        with refused("MalformedXML", 400, MALFORMED):
            put(bad)
    for bad in (rule(Days=0), rule(Years=-1), rule(Days=36501), rule(Years=101)):
        with refused("InvalidArgument", 400):
            put(bad)
    with refused("InvalidBucketState", 409, "An Object Lock configuration is present on this bucket, so the versioning "
                 "state cannot be changed."):
        s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    s3.put_bucket_versioning(Bucket=locked, VersioningConfiguration={"Status": "Enabled"})
    with refused("ObjectLockConfigurationNotFoundError", 404):
        s3.get_object_lock_configuration(Bucket=bucket)
    for status in (None, "Suspended"):
        if status:
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        with refused("InvalidBucketState", 409, "Versioning must be 'Enabled' on the bucket to apply a Object Lock "
                     "configuration"):
            put(rule(Days=1), bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    put({"ObjectLockEnabled": "Enabled"}, bucket)
    assert s3.get_object_lock_configuration(Bucket=bucket)["ObjectLockConfiguration"] == {"ObjectLockEnabled": "Enabled"}


def test_a_bucket_without_lock(s3, bucket, refused):
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon()}
    for options in (until, {"ObjectLockLegalHoldStatus": "ON"}):
        with refused("InvalidRequest", 400, NO_LOCK):
            s3.put_object(Bucket=bucket, Key="k", Body=b"x", **options)
        with refused("InvalidRequest", 400, NO_LOCK):
            s3.create_multipart_upload(Bucket=bucket, Key="k", **options)
        with refused("InvalidRequest", 400, NO_LOCK):
            s3.copy_object(Bucket=bucket, Key="c", CopySource=f"{bucket}/k", **options)
    for call, body in ((s3.put_object_retention, {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": soon()}}),
                       (s3.get_object_retention, {}), (s3.get_object_legal_hold, {}),
                       (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}})):
        with refused("InvalidRequest", 400, NO_LOCK):
            call(Bucket=bucket, Key="k", **body)
    for value in (True, False):
        with refused("InvalidArgument", 400, "x-amz-bypass-governance-retention is only applicable to Object Lock "
                     "enabled buckets.") as it:
            s3.delete_object(Bucket=bucket, Key="k", BypassGovernanceRetention=value)
        assert it.error["ArgumentName"] == "x-amz-bypass-governance-retention"
    with refused("InvalidArgument", 400):
        s3.delete_objects(Bucket=bucket, BypassGovernanceRetention=True, Delete={"Objects": [{"Key": "k"}]})


def test_headers(s3, locked, refused):
    both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
    cases = [({"ObjectLockMode": "GOVERNANCE"}, "x-amz-object-lock-retain-until-date", both),
             ({"ObjectLockRetainUntilDate": soon()}, "x-amz-object-lock-mode", both),
             ({"ObjectLockMode": "BAD", "ObjectLockRetainUntilDate": soon()}, "x-amz-object-lock-mode",
              "Unknown wormMode directive."),
             ({"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": soon(-1)},
              "x-amz-object-lock-retain-until-date", "The retain until date must be in the future!"),
             ({"ObjectLockLegalHoldStatus": "MAYBE"}, "x-amz-object-lock-legal-hold", None)]
    for options, argument, text in cases:
        for call in (s3.put_object, s3.create_multipart_upload):
            with refused("InvalidArgument", 400, text) as it:
                call(Bucket=locked, Key="k", **options)
            assert it.error["ArgumentName"] == argument
    until = soon()
    s3.put_object(Bucket=locked, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until,
                  ObjectLockLegalHoldStatus="ON")
    for call in (s3.head_object, s3.get_object):
        got = call(Bucket=locked, Key="k")
        assert (got["ObjectLockMode"], got["ObjectLockRetainUntilDate"], got["ObjectLockLegalHoldStatus"]) == (
            "GOVERNANCE", until, "ON")
    # A copy is not locked by its source, but by its own headers.
    s3.copy_object(Bucket=locked, Key="c", CopySource=f"{locked}/k")
    assert "ObjectLockMode" not in s3.head_object(Bucket=locked, Key="c")
    s3.copy_object(Bucket=locked, Key="c", CopySource=f"{locked}/k", ObjectLockLegalHoldStatus="ON")
    assert s3.head_object(Bucket=locked, Key="c")["ObjectLockLegalHoldStatus"] == "ON"
    upload = s3.create_multipart_upload(Bucket=locked, Key="m", ObjectLockMode="GOVERNANCE",
                                        ObjectLockRetainUntilDate=until)["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=locked, Key="m", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    assert s3.get_object_retention(Bucket=locked, Key="m")["Retention"] == {"Mode": "GOVERNANCE",
                                                                            "RetainUntilDate": until}


def test_locked_uploads_need_a_digest(cloud, s3, locked, refused):
    plain = cloud.client("s3", request_checksum_calculation="when_required")
    until = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon()}
    text = "Content-MD5 OR x-amz-checksum- HTTP header is required for Put %s requests with Object Lock parameters"
    with refused("InvalidRequest", 400, text % "Object"):
        plain.put_object(Bucket=locked, Key="k", Body=b"x", **until)
    plain.put_object(Bucket=locked, Key="k", Body=b"x", **until,
                     ContentMD5=base64.b64encode(hashlib.md5(b"x").digest()).decode())
    upload = plain.create_multipart_upload(Bucket=locked, Key="m", **until)["UploadId"]
    with refused("InvalidRequest", 400, text % "Part"):
        plain.upload_part(Bucket=locked, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.abort_multipart_upload(Bucket=locked, Key="m", UploadId=upload)


def test_default_retention(s3, locked):
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=rule(Days=3))
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    s3.copy_object(Bucket=locked, Key="c", CopySource=f"{locked}/k")
    upload = s3.create_multipart_upload(Bucket=locked, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=locked, Key="m", UploadId=upload, PartNumber=1, Body=b"x")
    s3.complete_multipart_upload(Bucket=locked, Key="m", UploadId=upload,
                                 MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    for key in "kcm":
        head = s3.head_object(Bucket=locked, Key=key)
        assert head["ObjectLockMode"] == "GOVERNANCE"
        assert abs(head["ObjectLockRetainUntilDate"] - soon(3)) < datetime.timedelta(minutes=5)
    until = soon(30)
    s3.put_object(Bucket=locked, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert s3.head_object(Bucket=locked, Key="k")["ObjectLockRetainUntilDate"] == until
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=rule(Years=1))
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    year = s3.head_object(Bucket=locked, Key="k")["ObjectLockRetainUntilDate"]
    assert abs(year - soon(365)) < datetime.timedelta(minutes=5)


def test_governance(s3, locked, user, refused):
    one = s3.put_object(Bucket=locked, Key="k", Body=b"x")["VersionId"]
    this = {"Bucket": locked, "Key": "k", "VersionId": one}

    def retain(mode, until, **more):
        s3.put_object_retention(**this, Retention={"Mode": mode, "RetainUntilDate": until}, **more)

    with refused("NoSuchObjectLockConfiguration", 404, "The specified object does not have a ObjectLock configuration"):
        s3.get_object_retention(**this)
    retain("GOVERNANCE", soon(2))
    retain("GOVERNANCE", soon(3))  # longer
    for mode, until in (("GOVERNANCE", soon(1)), ("COMPLIANCE", soon(9))):
        with refused("AccessDenied", 403, PROTECTED):
            retain(mode, until)
    with refused("AccessDenied", 403, PROTECTED):
        s3.put_object_retention(**this, Retention={})
    retain("GOVERNANCE", soon(1), BypassGovernanceRetention=True)
    with refused("AccessDenied", 403, PROTECTED):
        s3.delete_object(**this)
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": one}]})
    assert done["Errors"] == [{"Key": "k", "VersionId": one, "Code": "AccessDenied", "Message": PROTECTED}]
    # Marking it as deleted is no deletion, and the marker is not protected.
    marker = s3.delete_object(Bucket=locked, Key="k")["VersionId"]
    for call, body in ((s3.get_object_retention, {}), (s3.get_object_legal_hold, {}),
                       (s3.put_object_retention, {"Retention": {"Mode": "GOVERNANCE", "RetainUntilDate": soon()}}),
                       (s3.put_object_legal_hold, {"LegalHold": {"Status": "ON"}})):
        with refused("MethodNotAllowed", 405):
            call(Bucket=locked, Key="k", VersionId=marker, **body)
    s3.delete_object(Bucket=locked, Key="k", VersionId=marker)
    # Passing over it takes the header and a permission.
    everything = f"arn:aws:s3:::{locked}/*"
    its = user({"Effect": "Allow", "Action": ["s3:DeleteObjectVersion", "s3:PutObjectRetention"],
                "Resource": everything})
    with refused("AccessDenied", 403):
        its.delete_object(**this, BypassGovernanceRetention=True)
    with refused("AccessDenied", 403):
        its.put_object_retention(**this, Retention={}, BypassGovernanceRetention=True)
    its = user({"Effect": "Allow", "Action": ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"],
                "Resource": everything})
    assert its.delete_object(**this, BypassGovernanceRetention=True)["VersionId"] == one
    with refused("NoSuchVersion", 404):
        s3.get_object_retention(**this)


def test_retention_documents(s3, locked, refused):
    until = soon()
    with refused("NoSuchKey", 404):
        s3.put_object_retention(Bucket=locked, Key="none", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until})
    s3.put_object(Bucket=locked, Key="k", Body=b"x")
    for bad in ({"Mode": "GOVERNANCE"}, {"RetainUntilDate": until}, {"Mode": "BAD", "RetainUntilDate": until}):
        with refused("MalformedXML", 400, MALFORMED):
            s3.put_object_retention(Bucket=locked, Key="k", Retention=bad)
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
    with refused("InvalidArgument", 400, "The retain until date must be in the future!") as it:
        s3.put_object_retention(Bucket=locked, Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": past})
    assert (it.error["ArgumentName"], it.error["ArgumentValue"]) == ("RetainUntilDate", "Tue Dec 31 16:00:00 PST 2019")
    s3.put_object_retention(Bucket=locked, Key="k", Retention={})


def test_legal_hold(s3, locked, refused):
    this = {"Bucket": locked, "Key": "k"}
    this["VersionId"] = s3.put_object(**this, Body=b"x")["VersionId"]
    with refused("NoSuchObjectLockConfiguration", 404):
        s3.get_object_legal_hold(**this)
    for bad in ({}, {"Status": "MAYBE"}):
        with refused("MalformedXML", 400, MALFORMED):
            s3.put_object_legal_hold(**this, LegalHold=bad)
    s3.put_object_legal_hold(**this, LegalHold={"Status": "ON"})
    assert s3.get_object_legal_hold(**this)["LegalHold"] == {"Status": "ON"}
    for more in ({}, {"BypassGovernanceRetention": True}):
        with refused("AccessDenied", 403, PROTECTED):
            s3.delete_object(**this, **more)
    s3.put_object_legal_hold(**this, LegalHold={"Status": "OFF"})
    assert s3.head_object(**this)["ObjectLockLegalHoldStatus"] == "OFF"
    s3.delete_object(**this)


def test_a_thousand_at_once(s3, locked):
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=rule(Days=1))
    kept = [(f"kept/{n}", s3.put_object(Bucket=locked, Key=f"kept/{n}", Body=b"x")["VersionId"]) for n in range(500)]
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
    free = [(f"free/{n}", s3.put_object(Bucket=locked, Key=f"free/{n}", Body=b"x")["VersionId"]) for n in range(500)]
    entries = [{"Key": key, "VersionId": it} for pair in zip(kept, free) for key, it in pair]
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": entries})
    assert [(e["Key"], e["Code"]) for e in done["Errors"]] == [(key, "AccessDenied") for key, _ in kept]
    assert [(d["Key"], d["VersionId"]) for d in done["Deleted"]] == free
    assert s3.list_object_versions(Bucket=locked, Prefix="free/").get("Versions", []) == []
    done = s3.delete_objects(Bucket=locked, Delete={"Objects": entries, "Quiet": True}, BypassGovernanceRetention=True)
    assert "Errors" not in done and not s3.list_object_versions(Bucket=locked).get("Versions", [])


def test_locks_are_shown_to_who_may_know(s3, locked, user):
    s3.put_object(Bucket=locked, Key="k", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=soon(),
                  ObjectLockLegalHoldStatus="ON")
    its = user({"Effect": "Allow", "Action": ["s3:GetObject", "s3:GetObjectLegalHold"],
                "Resource": f"arn:aws:s3:::{locked}/*"})
    head = its.head_object(Bucket=locked, Key="k")
    assert "ObjectLockMode" not in head and head["ObjectLockLegalHoldStatus"] == "ON"


def test_locking_takes_permissions(s3, locked, user, refused):
    its = user({"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{locked}/*"},
               {"Effect": "Allow", "Action": "s3:CreateBucket", "Resource": "*"})
    its.put_object(Bucket=locked, Key="k", Body=b"x")
    for options in ({"ObjectLockLegalHoldStatus": "ON"},
                    {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": soon()}):
        with refused("AccessDenied", 403):
            its.put_object(Bucket=locked, Key="k", Body=b"x", **options)
    with refused("AccessDenied", 403):
        its.create_bucket(Bucket=locked + "-more", ObjectLockEnabledForBucket=True)


def test_compliance_ends_with_its_date(own_cloud, refused):
    cloud = own_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    this = {"Bucket": "locked", "Key": "k"}
    this["VersionId"] = s3.put_object(**this, Body=b"x", ObjectLockMode="COMPLIANCE",
                                      ObjectLockRetainUntilDate=soon(seconds=-86400 + 600))["VersionId"]
    cloud.restart()
    for more in ({}, {"BypassGovernanceRetention": True}):
        with refused("AccessDenied", 403, PROTECTED):
            s3.delete_object(**this, **more)
    for change in ({"Mode": "COMPLIANCE", "RetainUntilDate": soon(seconds=-86400 + 60)},
                   {"Mode": "GOVERNANCE", "RetainUntilDate": soon(9)}, {}):
        with refused("AccessDenied", 403, PROTECTED):
            s3.put_object_retention(**this, Retention=change, BypassGovernanceRetention=True)
    s3.put_object_retention(**this, Retention={"Mode": "COMPLIANCE", "RetainUntilDate": soon(seconds=-86400 + 700)})
    cloud.advance(701)
    assert s3.get_object_retention(**this)["Retention"]["Mode"] == "COMPLIANCE"
    s3.delete_object(**this)
