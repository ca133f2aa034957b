# SPDX-License-Identifier: Apache-2.0
"""Words for the DynamoDB scenarios: key schemas, and refusals with their exact code and text."""
import contextlib

import botocore.exceptions
import pytest

ACCOUNT = "000000000000"


def keys(hash_type="S", range_type=None):
    """KeySchema and AttributeDefinitions of a table whose key is pk and, with a range type, sk."""
    parts = [("pk", "HASH", hash_type)] + ([("sk", "RANGE", range_type)] if range_type else [])
    return {"KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind, _ in parts],
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": type_} for name, _, type_ in parts]}


def units(read, write):
    return {"ReadCapacityUnits": read, "WriteCapacityUnits": write}


def arn(table, region="us-east-1", account=ACCOUNT):
    return f"arn:aws:dynamodb:{region}:{account}:table/{table}"


@contextlib.contextmanager
def refused(code, text):
    """The block must be refused with exactly this code and text."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        yield
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, text)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def invalid(text):
    return refused("ValidationException", text)


def not_found(table=None):
    return refused("ResourceNotFoundException", "Requested resource not found" +
                   (f": Table: {table} not found" if table else ""))


# ---- items and their past ----

def put(dynamodb, table, key, value, **more):
    dynamodb.put_item(TableName=table, Item={"pk": {"S": key}, "v": {"N": str(value)}, **more})


def fill(dynamodb, table, count, size=10):
    items = [{"pk": {"S": f"k{i}"}, "v": {"N": str(i)}, "pad": {"S": "x" * size}} for i in range(count)]
    for i in range(0, count, 25):
        dynamodb.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items[i:i + 25]]})


def switch(dynamodb, table, on=True, **more):
    return dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on, **more}
    )["ContinuousBackupsDescription"]


def latest(dynamodb, table):
    shown = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
    return shown["PointInTimeRecoveryDescription"]["LatestRestorableDateTime"]
