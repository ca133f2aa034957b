# SPDX-License-Identifier: Apache-2.0
"""Exports to S3: what is written where, as of which moment, and what becomes of those that cannot be."""
import base64
import concurrent.futures
import datetime
import gzip
import hashlib
import json
import time

import botocore.exceptions
import pytest

from harness import Cloud
from tables import arn, fill, invalid, keys, latest, put, refused, switch


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may leave that of the signatures."""
    it = Cloud(tmp_path_factory.mktemp("exports"), "--auth", "open").start()
    yield it
    assert it.stop() == 0, it.log.read_text(errors="replace")[-4000:]


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


def export(dynamodb, table, bucket, **how):
    return dynamodb.export_table_to_point_in_time(TableArn=arn(table), S3Bucket=bucket, **how)["ExportDescription"]


def finished(dynamodb, shown):
    deadline = time.monotonic() + 60
    while shown["ExportStatus"] == "IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.05)
        shown = dynamodb.describe_export(ExportArn=shown["ExportArn"])["ExportDescription"]
    return shown


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def lines_of(s3, bucket, summary_key):
    """The data that a summary manifest leads to, each file checked against what the manifests say."""
    raw = read(s3, bucket, summary_key)
    assert read(s3, bucket, summary_key.replace(".json", ".checksum")) == base64.b64encode(hashlib.md5(raw).digest())
    summary = json.loads(raw)
    raw = read(s3, bucket, summary["manifestFilesS3Key"])
    assert read(s3, bucket, summary["manifestFilesS3Key"].replace(".json", ".checksum")) == \
        base64.b64encode(hashlib.md5(raw).digest())
    lines = []
    for file in map(json.loads, raw.splitlines()):
        packed = read(s3, bucket, file["dataFileS3Key"])
        assert file["md5Checksum"] == base64.b64encode(hashlib.md5(packed).digest()).decode()
        assert s3.head_object(Bucket=bucket, Key=file["dataFileS3Key"])["ETag"] == f'"{file["etag"]}"'
        of_file = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
        assert len(of_file) == file["itemCount"]
        lines += of_file
    assert len(lines) == summary["itemCount"]
    return summary, lines


ITEM = {"pk": {"S": "all"}, "v": {"N": "-1.5"}, "b": {"B": b"\x00\xff"}, "t": {"BOOL": True}, "z": {"NULL": True},
        "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2"]}, "bs": {"BS": [b"x"]}, "é\"": {"S": "\u2028\n\"\\"},
        "l": {"L": [{"S": ""}, {"M": {"deep": {"L": []}}}]}, "m": {"M": {}}}


def plain(item):
    return json.loads(json.dumps(item, default=lambda raw: base64.b64encode(raw).decode()))


def test_a_full_export(cloud, dynamodb, s3, table, bucket):
    switch(dynamodb, table)
    fill(dynamodb, table, 50)
    dynamodb.put_item(TableName=table, Item=ITEM)
    cloud.advance(5)
    moment = latest(dynamodb, table)
    cloud.advance(5)
    put(dynamodb, table, "late", 1)
    put(dynamodb, table, "k3", -1)
    asked = export(dynamodb, table, bucket, ExportTime=moment, S3Prefix="here/there", ClientToken="one")
    assert asked["ExportStatus"] == "IN_PROGRESS" and asked["ExportArn"].startswith(arn(table) + "/export/0")
    shown = finished(dynamodb, asked)
    folder = "here/there/AWSDynamoDB/" + asked["ExportArn"].rpartition("/")[2]
    assert shown["ExportStatus"] == "COMPLETED", shown
    assert shown["ExportManifest"] == folder + "/manifest-summary.json"
    assert (shown["ItemCount"], shown["ExportType"], shown["ExportFormat"]) == (51, "FULL_EXPORT", "DYNAMODB_JSON")
    assert (shown["S3SseAlgorithm"], shown["S3Prefix"]) == ("AES256", "here/there")
    summary, lines = lines_of(s3, bucket, shown["ExportManifest"])
    assert {line["Item"]["pk"]["S"] for line in lines} == {f"k{i}" for i in range(50)} | {"all"}
    assert [line["Item"] for line in lines if line["Item"]["pk"]["S"] == "all"] == [plain(ITEM)]
    assert [line["Item"]["v"]["N"] for line in lines if line["Item"]["pk"]["S"] == "k3"] == ["3"]
    assert (summary["version"], summary["tableArn"], summary["s3SseKmsKeyId"]) == ("2020-06-30", arn(table), None)
    assert (summary["outputFormat"], summary["billedSizeBytes"]) == ("DYNAMODB_JSON", shown["BilledSizeBytes"])
    written = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert {f"{folder}/{name}" for name in ("_started", "manifest-files.json", "manifest-files.checksum",
                                            "manifest-summary.json", "manifest-summary.checksum")} < written
    assert read(s3, bucket, folder + "/_started") == b""
    # The same token is the same export.
    again = export(dynamodb, table, bucket, ExportTime=moment, S3Prefix="here/there", ClientToken="one")
    assert again["ExportArn"] == asked["ExportArn"]
    with refused("ExportConflictException",
                 "Export conflict: Duplicate request detected with conflicting parameters"):
        export(dynamodb, table, bucket, S3Prefix="elsewhere", ClientToken="one")


def test_many_files_over_a_crash(cloud, dynamodb, s3, table, bucket):
    switch(dynamodb, table)
    noise = "".join(hashlib.sha512(str(i).encode()).hexdigest() for i in range(1500))  # hardly packs
    for i in range(150):
        put(dynamodb, table, f"k{i}", i, noise={"S": noise[i:]})
    asked = export(dynamodb, table, bucket)
    cloud.restart()
    shown = finished(dynamodb, asked)
    assert shown["ExportStatus"] == "COMPLETED", shown
    summary, lines = lines_of(s3, bucket, shown["ExportManifest"])
    assert sorted(int(line["Item"]["v"]["N"]) for line in lines) == list(range(150))
    assert all(line["Item"]["noise"]["S"] == noise[int(line["Item"]["v"]["N"]):] for line in lines)
    files = read(s3, bucket, summary["manifestFilesS3Key"]).splitlines()
    assert len(files) > 1


def test_an_incremental_export(cloud, dynamodb, s3, table, bucket):
    cloud.advance(3600)  # restarts take the clock back
    switch(dynamodb, table)
    for key in ("same", "changed", "gone"):
        put(dynamodb, table, key, 1)
    cloud.advance(60)
    begin = latest(dynamodb, table)
    cloud.advance(60)
    put(dynamodb, table, "changed", 2)
    put(dynamodb, table, "changed", 3)
    put(dynamodb, table, "new", 4)
    put(dynamodb, table, "short", 5)
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "gone"}})
    dynamodb.delete_item(TableName=table, Key={"pk": {"S": "short"}})
    cloud.advance(1000)
    end = latest(dynamodb, table)
    cloud.advance(60)
    put(dynamodb, table, "changed", 6)
    put(dynamodb, table, "later", 7)
    window = {"ExportFromTime": begin, "ExportToTime": end}
    shown = finished(dynamodb, export(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT",
                                      IncrementalExportSpecification=window))
    assert shown["ExportStatus"] == "COMPLETED", shown
    assert shown["IncrementalExportSpecification"]["ExportViewType"] == "NEW_AND_OLD_IMAGES"
    summary, lines = lines_of(s3, bucket, shown["ExportManifest"])
    assert (summary["version"], summary["exportType"], summary["outputView"]) == (
        "2023-08-01", "INCREMENTAL_EXPORT", "NEW_AND_OLD_IMAGES")
    for line in lines:
        micros = int(line.pop("Metadata")["WriteTimestampMicros"]["N"])
        assert begin.timestamp() <= micros / 1e6 <= end.timestamp() + 1
    image = lambda key, value: {"pk": {"S": key}, "v": {"N": value}}
    assert sorted(lines, key=lambda line: line["Keys"]["pk"]["S"]) == [
        {"Keys": {"pk": {"S": "changed"}}, "OldImage": image("changed", "1"), "NewImage": image("changed", "3")},
        {"Keys": {"pk": {"S": "gone"}}, "OldImage": image("gone", "1")},
        {"Keys": {"pk": {"S": "new"}}, "NewImage": image("new", "4")}]
    file, = map(json.loads, read(s3, bucket, summary["manifestFilesS3Key"]).splitlines())
    assert file["dataFileS3Key"].startswith("AWSDynamoDB/data/")
    only = finished(dynamodb, export(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT",
                                     IncrementalExportSpecification={**window, "ExportViewType": "NEW_IMAGE"}))
    _, lines = lines_of(s3, bucket, only["ExportManifest"])
    assert len(lines) == 3 and not any("OldImage" in line for line in lines)


def test_exports_that_fail(dynamodb, s3, table, bucket):
    switch(dynamodb, table)
    shown = finished(dynamodb, export(dynamodb, table, "no-such-bucket-anywhere"))
    assert (shown["ExportStatus"], shown["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    assert shown["FailureMessage"] == "The specified bucket does not exist"
    shown = finished(dynamodb, export(dynamodb, table, bucket, S3BucketOwner="111111111111"))
    assert (shown["ExportStatus"], shown["FailureCode"]) == ("FAILED", "S3AccessDenied")
    assert "ItemCount" not in shown and "ExportManifest" not in shown


def test_recovery_that_ends_during_an_incremental_export(cloud, dynamodb, s3, table, bucket):
    """Whether it is switched on again or not: what changed is not known any more."""
    switch(dynamodb, table)
    large = "x" * 200_000  # so that the copy takes a while
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: dynamodb.put_item(TableName=table, Item={"pk": {"S": str(i)}, "v": {"S": large}}), range(300)))
    begin = latest(dynamodb, table)
    cloud.advance(1000)
    shown = export(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT",
                   IncrementalExportSpecification={"ExportFromTime": begin, "ExportToTime": latest(dynamodb, table)})
    switch(dynamodb, table, on=False)
    shown = finished(dynamodb, shown)
    assert (shown["ExportStatus"], shown["FailureCode"]) == ("FAILED", "PointInTimeRecoveryUnavailable")
    switch(dynamodb, table)
    again = finished(dynamodb, export(dynamodb, table, bucket))
    assert again["ExportStatus"] == "COMPLETED", "a failed one holds up nobody"


def test_the_caller_must_be_allowed_to_write(tmp_path, name):
    cloud = Cloud(tmp_path).start()
    try:
        iam, s3, dynamodb = (cloud.client(service) for service in ("iam", "s3", "dynamodb"))
        s3.create_bucket(Bucket="target")
        dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", **keys())
        dynamodb.get_waiter("table_exists").wait(TableName="table")
        switch(dynamodb, "table")
        iam.create_user(UserName="u")
        key = iam.create_access_key(UserName="u")["AccessKey"]
        user = cloud.client("dynamodb", key["AccessKeyId"], key["SecretAccessKey"])
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}]}
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(policy))
        shown = finished(user, export(user, "table", "target"))
        assert (shown["ExportStatus"], shown["FailureCode"]) == ("FAILED", "S3AccessDenied"), shown
        policy["Statement"].append({"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::target/*"})
        iam.put_user_policy(UserName="u", PolicyName="p", PolicyDocument=json.dumps(policy))
        assert finished(user, export(user, "table", "target"))["ExportStatus"] == "COMPLETED"
    finally:
        cloud.stop()


def test_refused_exports(cloud, dynamodb, table, bucket):
    with refused("PointInTimeRecoveryUnavailableException",
                 f"Point in time recovery is not enabled for table '{table}'"):
        export(dynamodb, table, bucket)
    with refused("TableNotFoundException", "Table not found: missing"):
        export(dynamodb, "missing", bucket)
    switch(dynamodb, table)
    now = latest(dynamodb, table)
    for moment in (now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)):
        with refused("InvalidExportTimeException", "Export Time is invalid"):
            export(dynamodb, table, bucket, ExportTime=moment)
    with refused("InvalidExportTimeException", "The export window must be between 15 minutes and 24 hours"):
        export(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT",
               IncrementalExportSpecification={"ExportFromTime": now - datetime.timedelta(minutes=14),
                                               "ExportToTime": now})
    with invalid("Invalid Request: Incremental Export Specification expected when export type is set as Incremental "
                 "Export"):
        export(dynamodb, table, bucket, ExportType="INCREMENTAL_EXPORT")
    for parameter in ({"S3SseAlgorithm": "KMS"}, {"S3SseKmsKeyId": "key"}):
        with pytest.raises(botocore.exceptions.ClientError, match="not supported by kintoun yet"):
            export(dynamodb, table, bucket, **parameter)
    missing = arn(table) + "/export/01234567890123-00000000"
    with refused("ExportNotFoundException", f"Export not found: {missing}"):
        dynamodb.describe_export(ExportArn=missing)


def test_exports_are_listed(dynamodb, table, bucket):
    switch(dynamodb, table)
    made = [finished(dynamodb, export(dynamodb, table, bucket))["ExportArn"] for _ in range(3)]
    assert [it["ExportArn"] for it in dynamodb.list_exports(TableArn=arn(table))["ExportSummaries"]] == sorted(made)
    first = dynamodb.list_exports(TableArn=arn(table), MaxResults=2)
    assert first["ExportSummaries"][0] == {"ExportArn": sorted(made)[0], "ExportStatus": "COMPLETED",
                                           "ExportType": "FULL_EXPORT"}
    rest = dynamodb.list_exports(TableArn=arn(table), MaxResults=2, NextToken=first["NextToken"])
    assert [it["ExportArn"] for it in rest["ExportSummaries"]] == sorted(made)[2:] and "NextToken" not in rest
    with invalid("Invalid NextToken"):
        dynamodb.list_exports(NextToken="nonsense")
