# SPDX-License-Identifier: Apache-2.0
"""Inventories: what their configurations may say, and the reports that are written by them."""
import csv
import gzip
import hashlib
import io
import json
import signal

import pytest

from deliveries import MALFORMED, MISSING, admit, keys, read
from moved_clock import eventually


def inventory(destination, identity="daily", versions="Current", fields=None, **more):
    target = {"Bucket": f"arn:aws:s3:::{destination}", "Format": "CSV", **more.pop("target", {})}
    return {"Id": identity, "IsEnabled": True, "IncludedObjectVersions": versions,
            "Schedule": {"Frequency": more.pop("frequency", "Daily")}, "Destination": {"S3BucketDestination": target},
            **({"OptionalFields": fields} if fields else {}), **more}


def put(s3, bucket, wish, identity=None):
    return s3.put_bucket_inventory_configuration(Bucket=bucket, Id=identity or wish["Id"], InventoryConfiguration=wish)


@pytest.fixture
def both(mine, name):
    """(client, source, destination), the latter open to inventories."""
    s3, source = mine
    destination = name("reports")
    s3.create_bucket(Bucket=destination)
    admit(s3, destination, StringEquals={"aws:SourceAccount": "000000000000", "s3:x-amz-acl": "bucket-owner-full-control"},
          ArnLike={"aws:SourceArn": f"arn:aws:s3:::{source}"})
    return s3, source, destination


def report(s3, bucket, folder):
    """The manifest and the rows of the newest report under `folder`, once it is complete."""
    eventually(lambda: len(keys(s3, bucket, "manifest.checksum")) == len(keys(s3, bucket, "symlink.txt")) > 0)
    key = max(it for it in keys(s3, bucket, "manifest.json") if it.startswith(folder))
    text = read(s3, bucket, key)
    assert read(s3, bucket, key.replace(".json", ".checksum")).decode() == hashlib.md5(text).hexdigest()
    manifest = json.loads(text)
    rows = []
    for file in manifest["files"]:
        packed = read(s3, bucket, file["key"])
        assert file["key"].startswith(folder + "data/") and file["key"].endswith(".csv.gz")
        assert (len(packed), hashlib.md5(packed).hexdigest()) == (file["size"], file["MD5checksum"])
        rows += csv.reader(io.StringIO(gzip.decompress(packed).decode()))
    link = max(it for it in keys(s3, bucket, "symlink.txt") if it.startswith(folder))
    assert read(s3, bucket, link).decode().split() == [f"s3://{bucket}/{file['key']}" for file in manifest["files"]]
    return manifest, rows


def test_configurations(s3, bucket, name, refused):
    wish = inventory(bucket, "test-inventory", "All", ["Size", "ETag"])
    assert put(s3, bucket, wish)["ResponseMetadata"]["HTTPStatusCode"] == 204
    get = s3.get_bucket_inventory_configuration
    assert get(Bucket=bucket, Id="test-inventory")["InventoryConfiguration"] == wish
    more = {**inventory(bucket, "a-test"), "Filter": {"Prefix": "x/"}}
    put(s3, bucket, more)
    listed = s3.list_bucket_inventory_configurations(Bucket=bucket)
    assert listed["InventoryConfigurationList"] == [more, wish] and listed["IsTruncated"] is False
    s3.delete_bucket_inventory_configuration(Bucket=bucket, Id="test-inventory")
    for call in (get, s3.delete_bucket_inventory_configuration):
        with refused("NoSuchConfiguration", 404, MISSING):
            call(Bucket=bucket, Id="test-inventory")
    for number in range(101):
        put(s3, bucket, inventory(bucket, f"n{number:03}"))
    pages = list(s3.list_bucket_inventory_configurations(Bucket=bucket, **more)
                 for more in ({}, {"ContinuationToken": s3.list_bucket_inventory_configurations(
                     Bucket=bucket)["NextContinuationToken"]}))
    assert [len(page["InventoryConfigurationList"]) for page in pages] == [100, 2]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    with refused("InvalidArgument", 400):
        s3.list_bucket_inventory_configurations(Bucket=bucket, ContinuationToken="?")


def test_refused_configurations(s3, bucket, name, refused, cloud):
    fine = inventory(bucket)
    with refused("IdMismatch", 400, "Document ID does not match the specified configuration ID."):
        put(s3, bucket, fine, "other")
    with refused("InvalidConfigurationId", 400, "The specified configuration id is invalid."):
        put(s3, bucket, inventory(bucket, "a b"))
    for destination in (bucket, f"arn:aws:s3::{bucket}"):
        with refused("InvalidS3DestinationBucket", 400, "Invalid bucket ARN."):
            put(s3, bucket, inventory(bucket, target={"Bucket": destination}))
    with refused("InvalidS3DestinationBucket", 400):
        put(s3, bucket, inventory(name("absent")))
    elsewhere = name("elsewhere")
    cloud.client("s3", region="eu-west-3").create_bucket(
        Bucket=elsewhere, CreateBucketConfiguration={"LocationConstraint": "eu-west-3"})
    with refused("InvalidS3DestinationBucket", 400):
        put(s3, bucket, inventory(elsewhere))
    for bad in (inventory(bucket, target={"Format": "WRONG"}), inventory(bucket, frequency="Hourly"),
                inventory(bucket, versions="Wrong"), inventory(bucket, fields=["Wrong"])):
        with refused("MalformedXML", 400, MALFORMED):
            put(s3, bucket, bad)
    for bad in (inventory(bucket, target={"Format": "ORC"}), inventory(bucket, fields=["ObjectAccessControlList"]),
                inventory(bucket, target={"Encryption": {"SSEKMS": {"KeyId": "k"}}})):
        with refused("NotImplemented", 501):
            put(s3, bucket, bad)
    assert "InventoryConfigurationList" not in s3.list_bucket_inventory_configurations(Bucket=bucket)


def test_a_report(both, skew):
    s3, source, destination = both
    put(s3, source, inventory(destination, fields=["Size", "ETag", "LastModifiedDate", "StorageClass", "EncryptionStatus",
                                                   "IsMultipartUploaded", "ChecksumAlgorithm", "ReplicationStatus",
                                                   "ObjectOwner", "BucketKeyStatus"], target={"Prefix": "p/q"}))
    etag = s3.put_object(Bucket=source, Key='a "b",c/ä', Body=b"hello")["ETag"].strip('"')
    s3.put_object(Bucket=source, Key="z", Body=b"", StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA256")
    assert keys(s3, destination, "") == []
    skew(1)
    manifest, rows = report(s3, destination, f"p/q/{source}/daily/")
    assert manifest["sourceBucket"] == source and manifest["destinationBucket"] == f"arn:aws:s3:::{destination}"
    assert (manifest["version"], manifest["fileFormat"]) == ("2016-11-30", "CSV")
    names = manifest["fileSchema"].split(", ")
    assert names == ["Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded",
                     "ReplicationStatus", "EncryptionStatus", "BucketKeyStatus", "ChecksumAlgorithm", "ObjectOwner"]
    first, second = (dict(zip(names, row)) for row in rows)
    owner = s3.list_buckets()["Owner"]["ID"]
    modified = s3.head_object(Bucket=source, Key="z")["LastModified"].strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert first.pop("LastModifiedDate")[-5:] == ".000Z" and first.pop("ChecksumAlgorithm").startswith("CRC")
    assert first == {"Bucket": source, "Key": "a%20%22b%22%2Cc/%C3%A4", "Size": "5", "ETag": etag,
                     "StorageClass": "STANDARD", "IsMultipartUploaded": "false", "ReplicationStatus": "",
                     "EncryptionStatus": "SSE-S3", "BucketKeyStatus": "DISABLED", "ObjectOwner": owner}
    assert (second["LastModifiedDate"], second["StorageClass"]) == (modified, "STANDARD_IA")
    assert second["ChecksumAlgorithm"] == "SHA256"
    s3.delete_object(Bucket=source, Key="z")
    skew(1)
    eventually(lambda: len(keys(s3, destination, "manifest.checksum")) == 2)
    assert len(report(s3, destination, f"p/q/{source}/daily/")[1]) == 1


def test_versions_in_several_files(both, skew):
    s3, source, destination = both
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    put(s3, source, {**inventory(destination, "all", "All", ["Size"]), "Filter": {"Prefix": "k"}})
    ids = [s3.put_object(Bucket=source, Key="k", Body=b"x" * size)["VersionId"] for size in (1, 2)]
    mark = s3.delete_object(Bucket=source, Key="k")["VersionId"]
    s3.put_object(Bucket=source, Key="other", Body=b"")
    skew(1)
    manifest, rows = report(s3, destination, f"{source}/all/")
    assert manifest["fileSchema"] == "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size"
    assert rows == [[source, "k", mark, "true", "true", ""], [source, "k", ids[1], "false", "false", "2"],
                    [source, "k", ids[0], "false", "false", "1"]]


def test_large_buckets_take_several_files(both, skew):
    s3, source, destination = both
    put(s3, source, inventory(destination))
    prefix = "ä" * 480  # 2880 bytes in a row
    for number in range(800):
        s3.put_object(Bucket=source, Key=f"{prefix}{number:04}", Body=b"")
    skew(1)
    manifest, rows = report(s3, destination, f"{source}/daily/")
    assert len(manifest["files"]) > 1
    assert [row[1][-4:] for row in rows] == [f"{number:04}" for number in range(800)]


def test_when_none_is_written(both, skew, name):
    s3, source, destination = both
    s3.put_object(Bucket=source, Key="k", Body=b"x")
    put(s3, source, {**inventory(destination, "off"), "IsEnabled": False})
    put(s3, source, inventory(destination, "weekly", frequency="Weekly"))
    closed = name("closed")
    s3.create_bucket(Bucket=closed)
    put(s3, source, inventory(closed, "refused"))
    put(s3, source, inventory(destination, "gone"))
    s3.delete_bucket_inventory_configuration(Bucket=source, Id="gone")
    put(s3, source, inventory(destination, "daily"))
    for _ in range(7):
        skew(1)
    eventually(lambda: any("/weekly/" in key for key in keys(s3, destination, "manifest.checksum")))
    eventually(lambda: any("/daily/" in key for key in keys(s3, destination, "manifest.checksum")))
    assert not [key for key in keys(s3, destination, "") if "/off/" in key or "/gone/" in key]
    assert keys(s3, closed, "") == []


def test_reports_after_a_restart(own_cloud):
    cloud = own_cloud("--auth", "open")  # signatures do not outlive such a leap of the clock
    s3 = cloud.client("s3")
    for bucket in ("source", "reports"):
        s3.create_bucket(Bucket=bucket)
    admit(s3, "reports")
    s3.put_object(Bucket="source", Key="k", Body=b"x")
    put(s3, "source", inventory("reports"))
    cloud.restart(signal.SIGKILL)
    assert s3.get_bucket_inventory_configuration(Bucket="source", Id="daily")["InventoryConfiguration"]["IsEnabled"]
    cloud.advance(2 * 86400)
    assert len(report(s3, "reports", "source/daily/")[1]) == 1
