# SPDX-License-Identifier: Apache-2.0
"""Provisioned throughput: five minutes of units are kept, then a table takes what it is meant for."""
import concurrent.futures
import itertools
import re

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
BURST_S = 300


@pytest.fixture(scope="module")
def throttled(tmp_path_factory):
    it = harness.Cloud(tmp_path_factory.mktemp("throttled"), "--auth", "open").start()
    yield it
    it.stop()


@pytest.fixture
def cloud(throttled):
    """Nothing flows in while a test runs, but where it moves the clock."""
    throttled.stand()
    return throttled


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
    assert until_refused(put) == 2 * BURST_S / 5
    before = dynamodb.get_item(TableName=it, Key=item(pk="a"))["Item"]
    with refused(CODE, TABLE):
        dynamodb.update_item(TableName=it, Key=item(pk="a"), UpdateExpression="SET v = :v", ExpressionAttributeValues={
            ":v": {"S": "y"}})
    with refused(CODE, TABLE):
        dynamodb.delete_item(TableName=it, Key=item(pk="a"))
    assert dynamodb.get_item(TableName=it, Key=item(pk="a"))["Item"] == before
    cloud.advance(20)
    assert until_refused(put) == 20 * 2 / 5
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
    assert until_refused(get) == BURST_S / 5
    for call in (lambda: dynamodb.scan(TableName=it),
                 lambda: dynamodb.query(TableName=it, KeyConditionExpression="pk = :a", ExpressionAttributeValues={":a": {"S": "a"}}),
                 lambda: dynamodb.batch_get_item(RequestItems={it: {"Keys": [item(pk="a")]}})):
        with refused(CODE, TABLE):
            call()
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as caught:
        dynamodb.transact_get_items(TransactItems=[{"Get": {"TableName": it, "Key": item(pk="a")}}])
    assert caught.value.response["CancellationReasons"] == [{"Code": "ProvisionedThroughputExceeded", "Message": TABLE}]
    cloud.advance(12)
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
    indexed = lambda: dynamodb.put_item(TableName=it, Item=item(pk="a", g=str(next(number)), v="x" * 2000))  # 2 units, and 2 for what was there
    assert until_refused(indexed, text=INDEX) == BURST_S / 4 + 1
    dynamodb.put_item(TableName=it, Item=item(pk="b"))
    scan = lambda: dynamodb.scan(TableName=it, IndexName="slow")
    until_refused(scan, text=INDEX)
    dynamodb.scan(TableName=it)


def reasons(call, most=1000):
    """Of the first refusal: its code and what the list of reasons says."""
    for _ in range(most):
        try:
            call()
        except botocore.exceptions.ClientError as error:
            told = error.response
            (reason,) = told.get("ThrottlingReasons") or told["throttlingReasons"]
            return told["Error"]["Code"], told["Error"]["Message"], reason["reason"], reason["resource"].split(":", 5)[5]
    raise AssertionError("was never refused")


def test_what_was_exceeded_is_told(cloud, dynamodb, make):
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    it = make(**schema, GlobalSecondaryIndexes=[
        {"IndexName": "slow", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
         "Projection": {"ProjectionType": "ALL"}, "ProvisionedThroughput": units(1, 1)}])
    assert reasons(lambda: dynamodb.get_item(TableName=it, Key=item(pk="a"), ConsistentRead=True)) == (
        CODE, TABLE, "TableReadProvisionedThroughputExceeded", f"table/{it}")
    assert reasons(lambda: dynamodb.scan(TableName=it, IndexName="slow", ConsistentRead=False)) == (
        CODE, INDEX, "IndexReadProvisionedThroughputExceeded", f"table/{it}/index/slow")
    assert reasons(lambda: dynamodb.put_item(TableName=it, Item=item(pk="a"))) == (
        CODE, TABLE, "TableWriteProvisionedThroughputExceeded", f"table/{it}")


def test_transactions_take_twice_as_much(cloud, dynamodb, make):
    it = make(write=1)
    put = {"Put": {"TableName": it, "Item": item(pk="a")}}
    check = {"ConditionCheck": {"TableName": it, "Key": item(pk="b"), "ConditionExpression": "attribute_not_exists(pk)"}}
    for count in range(1000):
        try:
            dynamodb.transact_write_items(TransactItems=[put, check])
        except dynamodb.exceptions.TransactionCanceledException:
            break
    assert count == BURST_S / 4


def test_a_failed_condition_is_charged(cloud, dynamodb, make):
    it = make(write=1)
    dynamodb.put_item(TableName=it, Item=item(pk="a", v="x" * 4500))  # 5 units

    def fail():
        with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
            dynamodb.delete_item(TableName=it, Key=item(pk="a"), ConditionExpression="attribute_not_exists(pk)")
    for _ in range(int(BURST_S / 5) - 1):
        fail()
    assert until_refused(lambda: dynamodb.put_item(TableName=it, Item=item(pk="b"))) == 0


MAXIMUM = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


def test_a_maximum_on_demand(cloud, dynamodb, name):
    it = name("maximum")
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", OnDemandThroughput={"MaxWriteRequestUnits": 2}, **schema,
        GlobalSecondaryIndexes=[{"IndexName": "slow", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "ALL"}, "OnDemandThroughput": {"MaxReadRequestUnits": 1}}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    told = dynamodb.describe_table(TableName=it)["Table"]
    assert told["OnDemandThroughput"] == {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 2}
    assert told["GlobalSecondaryIndexes"][0]["OnDemandThroughput"] == {"MaxReadRequestUnits": 1, "MaxWriteRequestUnits": -1}
    put = lambda: dynamodb.put_item(TableName=it, Item=item(pk="a", v="x" * 5000))  # 5 units
    assert until_refused(put, "ThrottlingException", MAXIMUM) == 2 * BURST_S / 5
    assert reasons(put)[2:] == ("TableWriteMaxOnDemandThroughputExceeded", f"table/{it}")
    assert reasons(lambda: dynamodb.scan(TableName=it, IndexName="slow"))[2:] == (
        "IndexReadMaxOnDemandThroughputExceeded", f"table/{it}/index/slow")
    cloud.restart()
    assert dynamodb.describe_table(TableName=it)["Table"]["OnDemandThroughput"]["MaxWriteRequestUnits"] == 2
    dynamodb.update_table(TableName=it, OnDemandThroughput={"MaxWriteRequestUnits": -1})
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    assert "OnDemandThroughput" not in dynamodb.describe_table(TableName=it)["Table"]
    for _ in range(200):
        put()
    dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[
        {"Update": {"IndexName": "slow", "OnDemandThroughput": {"MaxReadRequestUnits": 7}}}])
    told = dynamodb.describe_table(TableName=it)["Table"]["GlobalSecondaryIndexes"][0]
    assert told["OnDemandThroughput"]["MaxReadRequestUnits"] == 7


def test_maxima_that_are_none(cloud, dynamodb, name, make):
    bad = "One or more parameter values were invalid: "
    it, given = name("none"), {"OnDemandThroughput": {"MaxReadRequestUnits": 0}}
    free = dict(BillingMode="PAY_PER_REQUEST", **keys())
    with refused("ValidationException", bad + "Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid "
                                              "range"):
        dynamodb.create_table(TableName=it, **free, **given)
    with refused("LimitExceededException", "Subscriber limit exceeded: Requested MaxWriteRequestUnits for OnDemandThroughput for "
                                           "table exceeds TableMaxWriteCapacityUnits of the account in region us-east-1"):
        dynamodb.create_table(TableName=it, **free, OnDemandThroughput={"MaxWriteRequestUnits": 40_001})
    with refused("ValidationException", bad + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when table "
                                              "BillingMode is PROVISIONED."):
        dynamodb.create_table(TableName=it, ProvisionedThroughput=units(1, 1), **keys(), **given)
    with refused("ValidationException", bad + "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table "
                                              "BillingMode is PROVISIONED"):
        dynamodb.update_table(TableName=make(), **given)


def test_a_table_on_demand_begins_small_and_grows(cloud, dynamodb, name):
    """4,000 units written a second, five minutes of which are kept; twice as much half an hour after it was used."""
    it, large = name("small"), "x" * 395_000  # 386 units
    dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName=it)

    def put_all(count):
        """25 items of many parts of the table at a time; how many requests were refused."""
        def put(i):
            try:
                dynamodb.put_item(TableName=it, Item=item(pk=str(i % 500), v=large))
            except dynamodb.exceptions.ThrottlingException as error:
                (reason,) = error.response["throttlingReasons"]
                assert reason["reason"] == "TableWriteKeyRangeThroughputExceeded"
                return 1
            return 0
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            return sum(pool.map(put, range(count)))
    assert not put_all(2500)  # 965,000 of 1,200,000 units
    assert put_all(1500)
    cloud.advance(1801)
    assert not put_all(2500)


def test_warm_throughput(cloud, dynamodb, name):
    it = name("warm")
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    made = dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", WarmThroughput={"WriteUnitsPerSecond": 5000}, **schema,
        GlobalSecondaryIndexes=[{"IndexName": "warm", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "ALL"}, "WarmThroughput": {"ReadUnitsPerSecond": 13_000}}])
    assert made["TableDescription"]["WarmThroughput"] == {
        "ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 5000, "Status": "UPDATING"}
    assert made["TableDescription"]["GlobalSecondaryIndexes"][0]["WarmThroughput"]["Status"] == "UPDATING"
    dynamodb.get_waiter("table_exists").wait(TableName=it)

    def told():
        table = dynamodb.describe_table(TableName=it)["Table"]
        assert table["WarmThroughput"]["Status"] == table["GlobalSecondaryIndexes"][0]["WarmThroughput"]["Status"] == "ACTIVE"
        return [(warm["ReadUnitsPerSecond"], warm["WriteUnitsPerSecond"])
                for warm in (table["WarmThroughput"], table["GlobalSecondaryIndexes"][0]["WarmThroughput"])]
    assert told() == [(12_000, 5000), (13_000, 4000)]
    with refused("ValidationException", "One or more parameter values were invalid: Requested WriteUnitsPerSecond for WarmThroughput "
                                        "for table is lower than current WarmThroughput, decreasing WarmThroughput is not "
                                        "supported"):
        dynamodb.update_table(TableName=it, WarmThroughput={"WriteUnitsPerSecond": 4999})
    with refused("LimitExceededException", "Subscriber limit exceeded: Requested ReadUnitsPerSecond for WarmThroughput for table "
                                           "exceeds TableMaxReadCapacityUnits of the account in region us-east-1"):
        dynamodb.update_table(TableName=it, WarmThroughput={"ReadUnitsPerSecond": 40_001})
    changed = dynamodb.update_table(TableName=it, WarmThroughput={"ReadUnitsPerSecond": 20_000})["TableDescription"]
    assert changed["WarmThroughput"]["Status"] == "UPDATING"
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    dynamodb.update_table(TableName=it, GlobalSecondaryIndexUpdates=[
        {"Update": {"IndexName": "warm", "WarmThroughput": {"WriteUnitsPerSecond": 6000}}}])
    cloud.restart()
    assert told() == [(20_000, 5000), (13_000, 6000)]


def test_one_key_takes_no_more_than_a_part_of_a_table(cloud, dynamodb, name):
    """1,000 units written a second, after five minutes of them."""
    it = name("hot")
    dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **keys())
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    large = "x" * 400_000  # 391 units
    code, text, reason, resource = reasons(lambda: dynamodb.put_item(TableName=it, Item=item(pk="a", v=large)), most=2000)
    assert (code, reason, resource) == ("ThrottlingException", "TableWriteKeyRangeThroughputExceeded", f"table/{it}")
    assert text.startswith("Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling")
    dynamodb.put_item(TableName=it, Item=item(pk="b", v=large))


def test_one_key_takes_no_more_than_a_part_of_an_index(dynamodb, name):
    it = name("hot")
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    dynamodb.create_table(
        TableName=it, BillingMode="PAY_PER_REQUEST", **schema,
        GlobalSecondaryIndexes=[{"IndexName": "byG", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                                 "Projection": {"ProjectionType": "ALL"}}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    large, number = "x" * 400_000, itertools.count()
    code, _, reason, resource = reasons(
        lambda: dynamodb.put_item(TableName=it, Item=item(pk=str(next(number)), g="a", v=large)), most=2000)
    assert (code, reason, resource) == ("ThrottlingException", "IndexWriteKeyRangeThroughputExceeded",
                                        f"table/{it}/index/byG")
    dynamodb.put_item(TableName=it, Item=item(pk="other", g="b", v=large))


def test_a_switch_lifts_the_limits(tmp_path, name):
    cloud = harness.Cloud(tmp_path, "--unlimited").start()
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="free", ProvisionedThroughput=units(1, 1), **keys())
    dynamodb.get_waiter("table_exists").wait(TableName="free")
    for i in range(400):
        dynamodb.put_item(TableName="free", Item=item(pk=str(i)))
    cloud.stop()


def test_decreases_of_a_day(own_cloud, name):
    cloud = own_cloud("--auth", "open")
    dynamodb, it = cloud.client("dynamodb"), name()
    cloud.begin_day()
    dynamodb.create_table(TableName=it, ProvisionedThroughput=units(10, 10), **keys())
    waiter = dynamodb.get_waiter("table_exists")

    def lower(reads):
        waiter.wait(TableName=it)
        dynamodb.update_table(TableName=it, ProvisionedThroughput=units(reads, 10))
        return dynamodb.describe_table(TableName=it)["Table"]["ProvisionedThroughput"]["NumberOfDecreasesToday"]

    assert [lower(reads) for reads in (9, 8, 7, 6)] == [1, 2, 3, 4]
    text = ("Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the first 4 "
            "decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 seconds. Number "
            "of decreases today: {}. Last decrease at ")
    with pytest.raises(botocore.exceptions.ClientError, match=re.escape(text.format(4))) as caught:
        lower(5)
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"
    assert re.search(r"Next decrease can be made at \w+, \w+ \d+, \d{4} at \d+:\d\d:\d\d [AP]M Coordinated Universal Time$",
                     caught.value.response["Error"]["Message"])
    assert lower(20) == 4  # an increase is always taken
    cloud.advance(3601)
    assert lower(5) == 5
