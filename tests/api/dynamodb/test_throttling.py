# SPDX-License-Identifier: Apache-2.0
"""Provisioned throughput: five minutes of units are kept, then a table takes what it is meant for."""
import botocore.exceptions
import pytest

import harness
from tables import keys, refused, units

CODE = "ProvisionedThroughputExceededException"
TABLE = ("The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level "
         "with the UpdateTable API.")
INDEX = ("The level of configured provisioned throughput for one or more global secondary indexes of the table was exceeded. "
         "Consider increasing your provisioning level for the under-provisioned global secondary indexes with the UpdateTable "
         "API")
BURST_S, SLACK = 300, 30  # the second is what may flow in while a test runs


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    it = harness.Cloud(tmp_path_factory.mktemp("throttled"), "--auth", "open").start()
    yield it
    it.stop()


def item(**attributes):
    return {name: {"S": value} for name, value in attributes.items()}


@pytest.fixture
def make(dynamodb, name):
    def make_it(read=1, write=1, **more):
        it = name("throttled")
        dynamodb.create_table(TableName=it, ProvisionedThroughput=units(read, write), **{**keys(), **more})
        dynamodb.get_waiter("table_exists").wait(TableName=it)
        return it
    return make_it


def until_refused(call, code=CODE, text=TABLE, most=1000):
    for count in range(most):
        try:
            call()
        except botocore.exceptions.ClientError as error:
            assert (error.response["Error"]["Code"], error.response["Error"]["Message"]) == (code, text)
            return count
    raise AssertionError("was never refused")


def test_writes(cloud, dynamodb, make):
    it = make(write=2)
    put = lambda: dynamodb.put_item(TableName=it, Item=item(pk="a", v="x" * 5000))  # 5 units
    assert 0 <= until_refused(put) - 2 * BURST_S / 5 <= SLACK
    before = dynamodb.get_item(TableName=it, Key=item(pk="a"))["Item"]
    with refused(CODE, TABLE):
        dynamodb.update_item(TableName=it, Key=item(pk="a"), UpdateExpression="SET v = :v", ExpressionAttributeValues={
            ":v": {"S": "y"}})
    with refused(CODE, TABLE):
        dynamodb.delete_item(TableName=it, Key=item(pk="a"))
    assert dynamodb.get_item(TableName=it, Key=item(pk="a"))["Item"] == before
    cloud.advance(20)
    assert 0 <= until_refused(put) - 20 * 2 / 5 <= SLACK
    dynamodb.update_table(TableName=it, ProvisionedThroughput=units(1, 1000))
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    cloud.advance(20)
    for _ in range(100):
        put()
    dynamodb.update_table(TableName=it, BillingMode="PAY_PER_REQUEST")
    for _ in range(100):
        put()


def test_reads(cloud, dynamodb, make):
    it = make(read=1, write=100)
    dynamodb.put_item(TableName=it, Item=item(pk="a", v="x" * 20_000))  # 5 units
    get = lambda: dynamodb.get_item(TableName=it, Key=item(pk="a"), ConsistentRead=True)
    assert 0 <= until_refused(get) - BURST_S / 5 <= SLACK
    for call in (lambda: dynamodb.scan(TableName=it),
                 lambda: dynamodb.query(TableName=it, KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}),
                 lambda: dynamodb.batch_get_item(RequestItems={it: {"Keys": [item(pk="a")]}})):
        with refused(CODE, TABLE):
            call()
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": it, "Key": item(pk="a")}}])
    assert caught.value.response["CancellationReasons"] == [{"Code": "ProvisionedThroughputExceeded", "Message": TABLE}]
    cloud.advance(12)  # more than the last one took too much
    answer = dynamodb.batch_get_item(RequestItems={it: {"Keys": [item(pk="a"), *[item(pk=str(i)) for i in range(90)]],
                                                        "ConsistentRead": True}})
    assert 0 < len(answer["UnprocessedKeys"][it]["Keys"]) < 91


def test_batches_and_transactions(cloud, dynamodb, make):
    it = make()
    put = lambda: dynamodb.put_item(TableName=it, Item=item(pk="a"))
    until_refused(put)
    batch = lambda: dynamodb.batch_write_item(RequestItems={it: [{"PutRequest": {"Item": item(pk=str(i))}} for i in range(25)]})
    with refused(CODE, TABLE):
        batch()
    cloud.advance(5)
    left = batch()["UnprocessedItems"][it]
    assert 0 < len(left) < 25
    assert dynamodb.describe_table(TableName=it)["Table"]["ItemCount"] == 1 + 25 - len(left)
    until_refused(put)
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": it, "Item": item(pk="never")}}])
    assert caught.value.response["CancellationReasons"] == [{"Code": "ProvisionedThroughputExceeded", "Message": TABLE}]


def test_a_global_index_has_its_own(cloud, dynamodb, make):
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    it = make(read=100, write=100, **schema, GlobalSecondaryIndexes=[
        {"IndexName": "slow", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
         "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units(1, 1)}])
    number = iter(range(10_000))
    indexed = lambda: dynamodb.put_item(TableName=it, Item=item(pk="a", g=str(next(number)), v="x" * 2000))  # 3 + 3 units
    assert 0 <= until_refused(indexed, text=INDEX) - BURST_S / 6 <= SLACK
    dynamodb.put_item(TableName=it, Item=item(pk="b"))
    scan = lambda: dynamodb.scan(TableName=it, IndexName="slow")
    until_refused(scan, text=INDEX)
    dynamodb.scan(TableName=it)


def test_a_switch_lifts_the_limits(tmp_path, name):
    cloud = harness.Cloud(tmp_path, "--unlimited").start()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="free", ProvisionedThroughput=units(1, 1), **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="free")
    for i in range(400):
        dynamodb.put_item(TableName="free", Item=item(pk=str(i)))
    cloud.stop()
