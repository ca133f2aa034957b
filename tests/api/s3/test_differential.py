# SPDX-License-Identifier: Apache-2.0
"""Random histories against a small model of S3: versions × multipart × conditions × object lock × copies.

Every call is foretold by the model, with the code of its refusal, and every few steps all listings and
versions are compared. HISTORY_SEED repeats a history, HISTORY_STEPS makes it longer."""
import datetime
import hashlib
import itertools
import os
import random

import botocore.exceptions
import pytest

KEYS = ["a", "a/1", "a/2", "b", "b\u00fc/x"]
STEPS = int(os.environ.get("HISTORY_STEPS", "350"))
UNTIL = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=2)
BIG = b"." * (5 * 1024 * 1024)


class Refused(Exception):
    """What the model answers instead of a reply."""


def etag_of(body):
    return f'"{hashlib.md5(body).hexdigest()}"'


class Version:
    def __init__(self, body, etag=None):
        self.id = self.mode = self.until = self.hold = None
        self.body, self.etag = body, etag or (etag_of(body) if body is not None else None)

    @property
    def marker(self):
        return self.body is None


class Model:
    """One bucket: for every key its versions, newest first."""

    def __init__(self, locks):
        self.locks, self.status = locks, "Enabled" if locks else None
        self.keys = {key: [] for key in KEYS}
        self.uploads = []

    def current(self, key):
        versions = self.keys[key]
        return versions[0] if versions and not versions[0].marker else None

    def find(self, key, version_id):
        if version_id is None:
            if not self.current(key):
                raise Refused("NoSuchKey")
            return self.current(key)
        for version in self.keys[key]:
            if version.id == version_id:
                if version.marker:
                    raise Refused("MethodNotAllowed")
                return version
        raise Refused("NoSuchVersion")

    def check(self, key, conditions):
        there = self.current(key)
        if "IfNoneMatch" in conditions and there:
            raise Refused("PreconditionFailed")
        if "IfMatch" in conditions:
            if not there:
                raise Refused("NoSuchKey")
            if conditions["IfMatch"] != there.etag:
                raise Refused("PreconditionFailed")

    def add(self, key, version):
        """Its id is the server's to choose, where it has one."""
        versions = self.keys[key]
        if self.status != "Enabled":
            versions[:] = [v for v in versions if v.id != "null"]
            version.id = "null"
        versions.insert(0, version)
        return version

    def delete(self, key):
        """The marker that is made, if one is."""
        if self.current(key):
            for upload in self.uploads:
                upload["deleted"] |= upload["key"] == key
        if self.status is None:
            self.keys[key] = []
            return None
        return self.add(key, Version(None))

    def delete_version(self, key, version_id, bypass):
        for version in self.keys[key]:
            if version.id == version_id:
                if version.hold == "ON" or version.mode == "COMPLIANCE" or (version.mode and not bypass):
                    raise Refused("AccessDenied")
                self.keys[key].remove(version)
                return version
        return None

    def complete(self, upload, conditions):
        self.check(upload["key"], conditions)
        newer = self.current(upload["key"]) not in upload["before"]
        if ("IfMatch" in conditions and newer) or ("IfNoneMatch" in conditions and upload["deleted"]):
            raise Refused("ConditionalRequestConflict")
        self.uploads.remove(upload)
        parts = b"".join(hashlib.md5(part).digest() for part in upload["parts"])
        etag = f'"{hashlib.md5(parts).hexdigest()}-{len(upload["parts"])}"'
        return self.add(upload["key"], Version(b"".join(upload["parts"]), etag))

    def retain(self, version, mode, bypass):
        if version.mode and (version.mode, mode) != (mode, version.mode):
            if version.mode == "COMPLIANCE" or not bypass:
                raise Refused("AccessDenied")
        version.mode = mode


class History:
    """The steps: each asks the model and the server, and compares."""

    def __init__(self, s3, bucket, locks, dice):
        self.s3, self.bucket, self.dice, self.model = s3, bucket, dice, Model(locks)
        self.numbers = itertools.count()
        self.seen = ["null"]

    def both(self, foretell, call):
        """(what the model says, the reply); both are refused alike or not at all."""
        try:
            told = foretell()
        except Refused as refusal:
            with pytest.raises(botocore.exceptions.ClientError) as it:
                call()
            code = it.value.response["Error"]["Code"]
            assert code == str(refusal) or (str(refusal), code) in (("NoSuchKey", "404"), ("NoSuchVersion", "404"),
                                                                    ("MethodNotAllowed", "405")), code
            return None, None
        return told, call()

    def body(self):
        size = self.dice.choice([0, 5, 2100, 140_000])
        return f"{next(self.numbers)}-".encode() + b"x" * size

    def key(self):
        return self.dice.choice(KEYS)

    def version_id(self, key):
        ids = [v.id for v in self.model.keys[key]]
        return self.dice.choice([*ids, *ids, self.dice.choice(self.seen)] or ["null"])

    def conditions(self, key):
        there = self.model.current(key)
        return self.dice.choice([{}, {}, {"IfNoneMatch": "*"}, {"IfMatch": there.etag if there else etag_of(b"")},
                                 {"IfMatch": etag_of(b"other")}])

    def named(self, version, reply):
        """The new version has the id that the reply gives."""
        if self.model.status == "Enabled":
            version.id = reply["VersionId"]
            assert version.id not in self.seen
            self.seen.append(version.id)

    def lock(self, version):
        if not self.model.locks or self.dice.random() < 0.6:
            return {}
        version.mode, version.until = self.dice.choice(["GOVERNANCE", "GOVERNANCE", "COMPLIANCE"]), UNTIL
        return {"ObjectLockMode": version.mode, "ObjectLockRetainUntilDate": UNTIL}

    def put(self):
        key, version = self.key(), Version(self.body())
        conditions = self.conditions(key)
        lock = self.lock(version)

        def foretell():
            self.model.check(key, conditions)
            return self.model.add(key, version)

        told, reply = self.both(foretell, lambda: self.s3.put_object(Bucket=self.bucket, Key=key, Body=version.body,
                                                                     **conditions, **lock))
        if told:
            assert reply["ETag"] == version.etag
            self.named(told, reply)

    def copy(self):
        source, key = self.key(), self.key()
        named = self.dice.random() < 0.6
        version_id = self.version_id(source) if named else None
        if source == key and not named:
            return
        conditions = self.conditions(key)

        def foretell():
            try:
                found = self.model.find(source, version_id)
            except Refused as refusal:
                raise Refused("InvalidRequest" if str(refusal) == "MethodNotAllowed" else str(refusal)) from None
            self.model.check(key, conditions)
            return self.model.add(key, Version(found.body))

        where = {"Bucket": self.bucket, "Key": source, **({"VersionId": version_id} if named else {})}
        told, reply = self.both(foretell, lambda: self.s3.copy_object(Bucket=self.bucket, Key=key, CopySource=where,
                                                                      **conditions))
        if told:
            assert reply["CopyObjectResult"]["ETag"] == told.etag
            self.named(told, reply)

    def delete(self):
        key = self.key()
        told, reply = self.both(lambda: self.model.delete(key) or "gone",
                                lambda: self.s3.delete_object(Bucket=self.bucket, Key=key))
        if told != "gone":
            assert reply["DeleteMarker"]
            self.named(told, reply)
            assert reply["VersionId"] == told.id

    def delete_version(self):
        key = self.key()
        version_id, bypass = self.version_id(key), self.model.locks and self.dice.random() < 0.5
        more = {"BypassGovernanceRetention": True} if bypass else {}
        told, reply = self.both(lambda: (self.model.delete_version(key, version_id, bypass),),
                                lambda: self.s3.delete_object(Bucket=self.bucket, Key=key, VersionId=version_id, **more))
        if told:
            assert bool(told[0] and told[0].marker) == reply.get("DeleteMarker", False)

    def delete_many(self):
        entries, wanted = [], {}
        for key in self.dice.sample(KEYS, 3):
            version_id = self.version_id(key) if self.dice.random() < 0.5 else None
            entries.append({"Key": key, **({"VersionId": version_id} if version_id else {})})
            try:
                wanted[key] = self.model.delete_version(key, version_id, False) if version_id else self.model.delete(key)
            except Refused as refusal:
                wanted[key] = str(refusal)
        reply = self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": entries})
        for done in reply.get("Deleted", []):
            told = wanted.pop(done["Key"])
            assert not isinstance(told, str)
            assert done.get("DeleteMarker", False) == bool(told and told.marker)
            if "VersionId" not in done and told:
                self.named(told, {"VersionId": done["DeleteMarkerVersionId"]})
        assert {e["Key"]: e["Code"] for e in reply.get("Errors", [])} == wanted

    def begin_upload(self):
        key = self.key()
        upload = {"key": key, "parts": [self.body()], "before": list(self.model.keys[key]), "deleted": False}
        if self.dice.random() < 0.15:
            upload["parts"].insert(0, BIG)
        it = upload["id"] = self.s3.create_multipart_upload(Bucket=self.bucket, Key=key)["UploadId"]
        upload["list"] = [
            {"PartNumber": n, "ETag": self.s3.upload_part(Bucket=self.bucket, Key=key, UploadId=it, PartNumber=n,
                                                          Body=part)["ETag"]}
            for n, part in enumerate(upload["parts"], 1)]
        self.model.uploads.append(upload)

    def end_upload(self):
        if not self.model.uploads:
            return
        upload = self.dice.choice(self.model.uploads)
        where = {"Bucket": self.bucket, "Key": upload["key"], "UploadId": upload["id"]}
        if self.dice.random() < 0.2:
            self.s3.abort_multipart_upload(**where)
            self.model.uploads.remove(upload)
            return
        conditions = self.conditions(upload["key"])
        told, reply = self.both(lambda: self.model.complete(upload, conditions),
                                lambda: self.s3.complete_multipart_upload(
                                    **where, MultipartUpload={"Parts": upload["list"]}, **conditions))
        if told:
            assert reply["ETag"] == told.etag
            self.named(told, reply)

    def read(self):
        key = self.key()
        version_id = self.version_id(key) if self.dice.random() < 0.6 else None
        named = {"VersionId": version_id} if version_id else {}
        told, reply = self.both(lambda: self.model.find(key, version_id),
                                lambda: self.s3.get_object(Bucket=self.bucket, Key=key, **named))
        if told:
            assert reply["Body"].read() == told.body and reply["ETag"] == told.etag
            assert reply.get("VersionId") == (told.id if self.model.status else None)
            assert (reply.get("ObjectLockMode"), reply.get("ObjectLockLegalHoldStatus")) == (told.mode, told.hold)

    def switch(self):
        if self.model.locks:
            return
        self.model.status = self.dice.choice(["Enabled", "Enabled", "Suspended"])
        self.s3.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": self.model.status})

    def change_lock(self):
        if not self.model.locks:
            return
        key = self.key()
        version_id = self.version_id(key)
        this = {"Bucket": self.bucket, "Key": key, "VersionId": version_id}
        if self.dice.random() < 0.5:
            status = self.dice.choice(["ON", "OFF", "OFF"])
            told, _ = self.both(lambda: self.model.find(key, version_id),
                                lambda: self.s3.put_object_legal_hold(**this, LegalHold={"Status": status}))
            if told:
                told.hold = status
            return
        mode, bypass = self.dice.choice([None, "GOVERNANCE", "COMPLIANCE"]), self.dice.random() < 0.5
        retention = {"Mode": mode, "RetainUntilDate": UNTIL} if mode else {}
        self.both(lambda: self.model.retain(self.model.find(key, version_id), mode, bypass),
                  lambda: self.s3.put_object_retention(**this, Retention=retention, BypassGovernanceRetention=bypass))

    def compare(self):
        """All pages of both listings."""
        size = self.dice.choice([1, 2, 3, 1000])
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.bucket, PaginationConfig={
            "PageSize": size})
        have, markers = {key: [] for key in KEYS}, set()
        for page in pages:
            for item in page.get("DeleteMarkers", []):
                markers.add((item["Key"], item["VersionId"], item["IsLatest"]))
            for item in page.get("Versions", []):
                have[item["Key"]].append((item["VersionId"], item["IsLatest"], item["ETag"], item["Size"]))
        for key, versions in self.model.keys.items():
            assert have[key] == [(v.id, v is versions[0], v.etag, len(v.body)) for v in versions if not v.marker], key
        assert markers == {(key, v.id, v is versions[0]) for key, versions in self.model.keys.items()
                           for v in versions if v.marker}
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, PaginationConfig={"PageSize": size})
        assert [item["Key"] for page in pages for item in page.get("Contents", [])] == sorted(
            (key for key in KEYS if self.model.current(key)), key=lambda key: key.encode())

    def step(self):
        self.dice.choices([self.put, self.copy, self.delete, self.delete_version, self.delete_many, self.begin_upload,
                           self.end_upload, self.read, self.switch, self.change_lock],
                          [30, 12, 8, 14, 4, 7, 8, 15, 2, 8])[0]()


@pytest.mark.parametrize("locks", [False, True])
def test_random_histories(cloud, name, locks):
    seed = int(os.environ.get("HISTORY_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"HISTORY_SEED={seed}")
    s3, bucket = cloud.client("s3"), name("history")
    s3.create_bucket(Bucket=bucket, **({"ObjectLockEnabledForBucket": True} if locks else {}))
    history = History(s3, bucket, locks, random.Random(seed + locks))
    for number in range(STEPS):
        history.step()
        if number % 20 == 0:
            history.compare()
    history.compare()
