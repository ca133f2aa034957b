# SPDX-License-Identifier: Apache-2.0
"""Bulk operations: items from S3 into a table in use, with conditions; the report; what becomes of a restart, of a
cancellation and of what cannot be read."""
import gzip
import json
import time

import botocore.exceptions
import pytest

from tables import arn, fill, invalid, keys, not_found, refused


@pytest.fixture
def s3(cloud):
    return cloud.client("s3")


@pytest.fixture
def start(dynamodb, bucket):
    """start(table, prefix, …): what StartBulkPutItems says; reports go to report/ of the same bucket."""
    def run(table, prefix="in/", packing=None, kinds=("ERROR", "CONDITION_CHECK_FAILURE"), **how):
        source = {"S3Bucket": bucket, "S3KeyPrefix": prefix, "InputFormat": "DYNAMODB_JSON"}
        if packing:
            source["InputCompressionType"] = packing
        target = {"S3Bucket": bucket, "S3KeyPrefix": "report", "OutputType": list(kinds)}
        asked = {"TableName": table, "InputS3Configuration": source, "OutputS3Configuration": target, **how}
        return dynamodb.start_bulk_put_items(**asked)["BulkOperationDescription"]

    return run


def finished(dynamodb, shown):
    deadline = time.monotonic() + 60
    while shown["BulkOperationStatus"] in ("IN_PROGRESS", "CANCELLING"):
        assert time.monotonic() < deadline, shown
        time.sleep(0.05)
        shown = dynamodb.describe_bulk_operation(
            BulkOperationArn=shown["BulkOperationArn"])["BulkOperationDescription"]
    return shown


def line(**item):
    return json.dumps({"Item": item}) + "\n"


def counts(shown):
    return shown["BulkOperationStatus"], shown["ProcessedItemCount"], shown["FailedItemCount"]


def report(s3, bucket, shown, kind):
    """The lines of that part of the report."""
    folder = f"report/AWSDynamoDB/{shown['BulkOperationArn'].rpartition('/')[2]}/"
    found = s3.list_objects_v2(Bucket=bucket, Prefix=f"{folder}{kind}/").get("Contents", [])
    texts = (s3.get_object(Bucket=bucket, Key=it["Key"])["Body"].read().decode() for it in found)
    return [json.loads(it) for text in texts for it in text.splitlines()]


def manifest(s3, bucket, shown):
    key = f"report/AWSDynamoDB/{shown['BulkOperationArn'].rpartition('/')[2]}/manifest-summary.json"
    return json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def items(dynamodb, table, **how):
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, **how)
    return sorted((item for page in pages for item in page["Items"]), key=lambda item: item["pk"]["S"])


def test_a_load(dynamodb, s3, bucket, make_table, start):
    index = {"IndexName": "byN", "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
             "Projection": {"ProjectionType": "KEYS_ONLY"}}
    table = make_table(GlobalSecondaryIndexes=[index], **{"AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}]})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "k00000"}, "v": {"S": "before"}})
    for part in range(2):
        text = "".join(line(pk={"S": f"k{i:05}"}, n={"N": str(i)}) for i in range(part * 700, part * 700 + 700))
        s3.put_object(Bucket=bucket, Key=f"in/{part}.json.gz", Body=gzip.compress(text.encode()))
    shown = start(table, packing="GZIP", MaxWriteRequestUnits=100000, PerformanceTier="ACCELERATED")
    assert shown["BulkOperationStatus"] == "IN_PROGRESS" and "EndTime" not in shown
    assert shown["BulkOperationArn"].startswith(arn(table) + "/bulk-operation/")
    shown = finished(dynamodb, shown)
    assert counts(shown) == ("COMPLETED", 1400, 0), shown
    sizes = [it["Size"] for it in s3.list_objects_v2(Bucket=bucket, Prefix="in/")["Contents"]]
    assert shown["TotalInputBytes"] == shown["ProcessedInputBytes"] == sum(sizes)
    assert (shown["MaxWriteRequestUnits"], shown["PerformanceTier"]) == (100000, "ACCELERATED")
    described = dynamodb.describe_table(TableName=table)["Table"]
    assert shown["TableDetails"] == [{"TableName": arn(table), "TableId": described["TableId"]}]
    found = items(dynamodb, table)
    assert [int(item["n"]["N"]) for item in found] == list(range(1400)) and "v" not in found[0]
    assert len(items(dynamodb, table, IndexName="byN")) == 1400
    usage, = shown["BulkOperationUsage"]
    assert usage["Table"]["BulkPutBytes"] == described["TableSizeBytes"]
    of_index = usage["GlobalSecondaryIndexes"]["byN"]["BulkPutBytes"]
    assert of_index == described["GlobalSecondaryIndexes"][0]["IndexSizeBytes"]
    assert usage["BulkPutBytes"] == usage["Table"]["BulkPutBytes"] + of_index
    assert manifest(s3, bucket, shown)["processedItemCount"] == 1400
    assert report(s3, bucket, shown, "ERROR") == report(s3, bucket, shown, "CONDITION_CHECK_FAILURE") == []


def test_conditions(dynamodb, s3, bucket, table, start):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "old"}, "v": {"N": "5"}})
    records = [
        {"Item": {"pk": {"S": "new"}}, "ConditionExpression": "attribute_not_exists(pk)"},
        {"Item": {"pk": {"S": "old"}, "v": {"N": "6"}}, "ConditionExpression": "attribute_not_exists(pk)"},
        {"Item": {"pk": {"S": "old"}, "v": {"N": "7"}}, "ConditionExpression": "#v < :v",
         "ExpressionAttributeNames": {"#v": "v"}, "ExpressionAttributeValues": {":v": {"N": "6"}}},
        {"Item": {"pk": {"S": "none"}}, "ConditionExpression": "attribute_exists(pk)"},
        {"Item": {"pk": {"S": "bad"}}, "ConditionExpression": "pk ="},
    ]
    s3.put_object(Bucket=bucket, Key="in/1", Body="\n".join(map(json.dumps, records)))
    shown = finished(dynamodb, start(table))
    assert counts(shown) == ("COMPLETED_WITH_ERRORS", 5, 1)
    assert items(dynamodb, table) == [{"pk": {"S": "new"}}, {"pk": {"S": "old"}, "v": {"N": "7"}}]
    assert report(s3, bucket, shown, "CONDITION_CHECK_FAILURE") == [
        {"InputObject": "in/1", "LineNumber": 2, "Item": {"pk": {"S": "old"}, "v": {"N": "6"}},
         "ExistingItem": {"pk": {"S": "old"}, "v": {"N": "5"}}},
        {"InputObject": "in/1", "LineNumber": 4, "Item": {"pk": {"S": "none"}}}]
    error, = report(s3, bucket, shown, "ERROR")
    assert (error["LineNumber"], error["ErrorCode"]) == (5, "ValidationException")
    assert error["ErrorMessage"].startswith("Invalid ConditionExpression: Syntax error")
    assert manifest(s3, bucket, shown)["conditionCheckFailureCount"] == 2


def test_ion(dynamodb, s3, bucket, table, start):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "old"}})
    s3.put_object(Bucket=bucket, Key="in/1", Body=b"""$ion_1_0
        {Item:{pk:"new",n:6d2}}
        {Item:{pk:"old",n:1.}, ConditionExpression:"attribute_not_exists(#p)", ExpressionAttributeNames:{'#p':"pk"}}
        {Item:{pk:"newer"}, ConditionExpression:"attribute_not_exists(n) OR n < :n", ExpressionAttributeValues:{':n':1.}}
        {Item:{pk:1.}}
        """)
    source = {"S3Bucket": bucket, "S3KeyPrefix": "in/", "InputFormat": "ION"}
    shown = finished(dynamodb, start(table, InputS3Configuration=source))
    assert (counts(shown), shown["InputS3Configuration"]["InputFormat"]) == (("COMPLETED_WITH_ERRORS", 4, 1), "ION")
    assert items(dynamodb, table) == [{"pk": {"S": "new"}, "n": {"N": "600"}}, {"pk": {"S": "newer"}},
                                      {"pk": {"S": "old"}}]
    assert len(report(s3, bucket, shown, "CONDITION_CHECK_FAILURE")) == len(report(s3, bucket, shown, "ERROR")) == 1


def test_conditions_that_fail_are_no_errors(dynamodb, s3, bucket, table, start):
    record = {"Item": {"pk": {"S": "x"}}, "ConditionExpression": "attribute_exists(pk)"}
    s3.put_object(Bucket=bucket, Key="in/1", Body=json.dumps(record))
    shown = finished(dynamodb, start(table, kinds=["ERROR"]))
    assert counts(shown) == ("COMPLETED", 1, 0)
    assert report(s3, bucket, shown, "CONDITION_CHECK_FAILURE") == []


def test_what_is_no_item(dynamodb, s3, bucket, table, start):
    bad = ["{", "[]", '{"Other": {}}', '{"Item": {"pk": {"N": "1"}}}', '{"Item": {"v": {"S": "no key"}}}',
           '{"Item": {"pk": {"S": "x"}, "v": {"N": "no number"}}}', '{"Item": {"pk": {"S": ""}}}',
           '{"Item": {"pk": {"S": "big"}, "v": {"S": "%s"}}}' % ("x" * 409600)]
    s3.put_object(Bucket=bucket, Key="in/1", Body="\n".join(bad) + "\n\n" + line(pk={"S": "good"}))
    s3.put_object(Bucket=bucket, Key="in/0", Body=b"\x1f\x8bno gzip")
    s3.put_object(Bucket=bucket, Key="in/0.gz", Body=gzip.compress(line(pk={"S": "packed"}).encode()))
    shown = finished(dynamodb, start(table))
    assert counts(shown) == ("COMPLETED_WITH_ERRORS", len(bad) + 1 + 2, len(bad) + 2)
    assert items(dynamodb, table) == [{"pk": {"S": "good"}}]
    lines = {it["LineNumber"]: it for it in report(s3, bucket, shown, "ERROR") if it["InputObject"] == "in/1"}
    assert sorted(lines) == list(range(1, len(bad) + 1))
    assert lines[7]["ErrorMessage"] == (
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty "
        "string value. Key: pk")
    assert lines[8]["ErrorMessage"] == "Item size has exceeded the maximum allowed size"
    # An object that cannot be unpacked is left behind; the others are read.
    shown = finished(dynamodb, start(table, prefix="in/0", packing="GZIP"))
    assert counts(shown) == ("COMPLETED_WITH_ERRORS", 2, 1)
    assert [it["ErrorCode"] for it in report(s3, bucket, shown, "ERROR")] == ["ObjectMalformed"]
    assert items(dynamodb, table)[1:] == [{"pk": {"S": "packed"}}]


def test_the_rate_is_kept(dynamodb, s3, bucket, table, start):
    text = "".join(line(pk={"S": f"k{i:05}"}, pad={"S": "x" * 1500}) for i in range(1800))
    s3.put_object(Bucket=bucket, Key="in/1", Body=text)
    begun = time.monotonic()
    shown = finished(dynamodb, start(table, MaxWriteRequestUnits=1024))
    assert counts(shown) == ("COMPLETED", 1800, 0)
    assert time.monotonic() - begun > 2, "3,600 units take three seconds at least, the first of which has begun"


def test_cancelling(dynamodb, s3, bucket, table, start):
    text = "".join(line(pk={"S": f"k{i:05}"}, pad={"S": "x" * 3000}) for i in range(5000))
    s3.put_object(Bucket=bucket, Key="in/1", Body=text)
    shown = start(table, MaxWriteRequestUnits=1024)
    operation = shown["BulkOperationArn"]
    deadline = time.monotonic() + 60
    while not dynamodb.describe_bulk_operation(
            BulkOperationArn=operation)["BulkOperationDescription"]["ProcessedItemCount"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    cancelled = dynamodb.cancel_bulk_operation(BulkOperationArn=operation)
    assert (cancelled["BulkOperationArn"], cancelled["BulkOperationStatus"]) == (operation, "CANCELLING")
    shown = finished(dynamodb, shown)
    assert shown["BulkOperationStatus"] == "CANCELLED" and shown["FailureCode"] and shown["FailureMessage"]
    written = len(items(dynamodb, table))
    assert 0 < written == shown["ProcessedItemCount"] < 5000
    with invalid(f"The bulk operation is not in progress: {operation}"):
        dynamodb.cancel_bulk_operation(BulkOperationArn=operation)


def test_over_a_crash(own_cloud):
    cloud = own_cloud()
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket="source")
    dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="table")
    for part in range(3):
        text = "".join(line(pk={"S": f"{part}-{i}"}, pad={"S": "x" * 2000}) + (
            "no item\n" if i % 100 == 0 else "") for i in range(1000))
        s3.put_object(Bucket="source", Key=f"in/{part}", Body=gzip.compress(text.encode(), 1))
    shown = dynamodb.start_bulk_put_items(
        TableName="table", InputS3Configuration={"S3Bucket": "source", "S3KeyPrefix": "in/",
                                                 "InputFormat": "DYNAMODB_JSON", "InputCompressionType": "GZIP"},
        OutputS3Configuration={"S3Bucket": "source", "S3KeyPrefix": "report", "OutputType": ["ERROR"]},
        MaxWriteRequestUnits=4000)["BulkOperationDescription"]
    for _ in range(3):
        time.sleep(0.1)
        cloud.restart()
    shown = finished(dynamodb, shown)
    assert counts(shown) == ("COMPLETED_WITH_ERRORS", 3030, 30)
    assert dynamodb.describe_table(TableName="table")["Table"]["ItemCount"] == 3000
    assert len(report(s3, "source", shown, "ERROR")) == 30


def test_operations_that_fail(dynamodb, s3, bucket, make_table, start):
    table = make_table()
    assert finished(dynamodb, start(table, prefix="nothing/"))["FailureCode"] == "S3NoSuchKey"
    s3.put_object(Bucket=bucket, Key="in/1", Body=line(pk={"S": "a"}))
    output = {"S3Bucket": "no-such-bucket-anywhere", "OutputType": ["ERROR"]}
    shown = finished(dynamodb, start(table, OutputS3Configuration=output))
    assert (shown["BulkOperationStatus"], shown["FailureCode"]) == ("FAILED", "S3NoSuchBucket")
    text = "".join(line(pk={"S": f"k{i:05}"}, pad={"S": "x" * 3000}) for i in range(3000))
    s3.put_object(Bucket=bucket, Key="in/1", Body=text)
    shown = start(table, MaxWriteRequestUnits=1024)
    dynamodb.delete_table(TableName=table)
    shown = finished(dynamodb, shown)
    assert (shown["BulkOperationStatus"], shown["FailureCode"]) == ("FAILED", "ResourceNotFoundException")


def test_refused(dynamodb, s3, bucket, table, start, name):
    s3.put_object(Bucket=bucket, Key="in/1", Body=line(pk={"S": "a"}))
    missing = name("missing")
    with not_found(missing):
        start(missing)
    for configuration, text in (
            ({"OutputS3Configuration": {"S3Bucket": bucket, "S3SseAlgorithm": "KMS", "OutputType": ["ERROR"]}},
             "S3SseAlgorithm KMS is not supported by kintoun yet"),
            ({"OutputS3Configuration": {"OutputType": ["ERROR"]}}, "OutputS3Configuration must have an S3Bucket"),
            ({"OutputS3Configuration": {"S3Bucket": bucket, "OutputType": []}},
             "OutputS3Configuration must have at least one OutputType")):
        with invalid(text):
            start(table, **configuration)
    with pytest.raises(botocore.exceptions.ClientError, match="greater than or equal to 1024"):
        start(table, MaxWriteRequestUnits=1023)
    for operation in (arn(table) + "/bulk-operation/01234567890123-00000000", arn(table) + "/else"):
        with refused("ResourceNotFoundException", f"Bulk operation not found: {operation}"):
            dynamodb.describe_bulk_operation(BulkOperationArn=operation)
        with refused("ResourceNotFoundException", f"Bulk operation not found: {operation}"):
            dynamodb.cancel_bulk_operation(BulkOperationArn=operation)
    shown = start(table, ClientToken="bulk-one")
    assert start(table, ClientToken="bulk-one")["BulkOperationArn"] == shown["BulkOperationArn"]
    with refused("IdempotentParameterMismatchException",
                 "A bulk operation with the same client token but other parameters was requested before"):
        start(table, prefix="else/", ClientToken="bulk-one")
    finished(dynamodb, shown)


def test_operations_are_listed(own_cloud):
    cloud = own_cloud()
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb", parameter_validation=False)
    s3.create_bucket(Bucket="source")
    s3.put_object(Bucket="source", Key="in/1", Body=line(pk={"S": "a"}))
    dynamodb.create_table(TableName="table", BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="table")
    fill(dynamodb, "table", 1)
    made = []
    for _ in range(3):
        shown = dynamodb.start_bulk_put_items(
            TableName=arn("table"),
            InputS3Configuration={"S3Bucket": "source", "S3KeyPrefix": "in/", "InputFormat": "DYNAMODB_JSON"},
            OutputS3Configuration={"S3Bucket": "source", "OutputType": ["ERROR"]})["BulkOperationDescription"]
        made.append(finished(dynamodb, shown)["BulkOperationArn"])
    first = dynamodb.list_bulk_operations(MaxResults=2)
    assert [it["BulkOperationArn"] for it in first["BulkOperationsSummaryList"]] == made[:0:-1]
    assert {it["BulkOperationStatus"] for it in first["BulkOperationsSummaryList"]} == {"COMPLETED"}
    rest = dynamodb.list_bulk_operations(MaxResults=2, NextToken=first["NextToken"])
    assert [it["BulkOperationArn"] for it in rest["BulkOperationsSummaryList"]] == made[:1] and "NextToken" not in rest
    cloud.restart()
    assert len(dynamodb.list_bulk_operations()["BulkOperationsSummaryList"]) == 3
    with invalid("Invalid NextToken"):
        dynamodb.list_bulk_operations(NextToken="0" * 16)
