# SPDX-License-Identifier: Apache-2.0
"""Items that end: set and unset, deleted in the background by the clock of the process, indexes included."""
import time

import pytest

import harness
from tables import invalid, keys, not_found

HALF_HOUR_S, FIVE_YEARS_S = 1800, 5 * 365 * 86400


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """One whose clock may leave that of the signatures."""
    it = harness.Cloud(tmp_path_factory.mktemp("moving"), "--auth", "open").start()
    yield it
    it.stop()


def status(dynamodb, table):
    return dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]


def switch(dynamodb, table, on, attribute="ends"):
    wanted = {"Enabled": on, "AttributeName": attribute}
    assert dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)["TimeToLiveSpecification"] == wanted


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def count(dynamodb, table):
    return dynamodb.describe_table(TableName=table)["Table"]["ItemCount"]


def process_now(cloud, dynamodb, table):
    """What the process takes for the present."""
    return int(dynamodb.describe_table(TableName=table)["Table"]["CreationDateTime"].timestamp())


def test_items_end(cloud, dynamodb, make_table):
    table = make_table()
    now = process_now(cloud, dynamodb, table)
    put = lambda pk, **more: dynamodb.put_item(TableName=table, Item={"pk": {"S": pk}, **more})
    put("before", ends={"N": str(now + 100)})
    switch(dynamodb, table, True)
    wait_for(lambda: status(dynamodb, table) == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ends"})
    put("soon", ends={"N": f"{now + 200}.5"})
    put("moved", ends={"N": str(now + 100)})
    put("moved", ends={"N": str(now + 100_000)})
    put("removed", ends={"N": str(now + 100)})
    put("removed")
    put("text", ends={"S": str(now)})
    put("negative", ends={"N": "-5"})
    put("ancient", ends={"N": str(now - FIVE_YEARS_S - 1000)})
    assert count(dynamodb, table) == 7
    cloud.restart()
    cloud.advance(150)
    wait_for(lambda: count(dynamodb, table) == 6)
    assert "Item" not in dynamodb.get_item(TableName=table, Key={"pk": {"S": "before"}})
    cloud.advance(100)
    wait_for(lambda: count(dynamodb, table) == 5)
    for pk in "moved", "removed", "text", "negative", "ancient":
        assert "Item" in dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}})


def test_what_ends_leaves_its_indexes(cloud, dynamodb, name):
    it = name("ending")
    schema = keys()
    schema["AttributeDefinitions"].append({"AttributeName": "g", "AttributeType": "S"})
    dynamodb.create_table(TableName=it, BillingMode="PAY_PER_REQUEST", **schema, GlobalSecondaryIndexes=[
        {"IndexName": "ttl", "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}], "Projection": {"ProjectionType": "ALL"}}])
    dynamodb.get_waiter("table_exists").wait(TableName=it)
    switch(dynamodb, it, True)
    ends = {"N": str(process_now(cloud, dynamodb, it) + 60)}
    for i in range(200):
        dynamodb.put_item(TableName=it, Item={"pk": {"S": str(i)}, "g": {"S": "x"}, "ends": ends if i % 2 else {"N": "5e12"}})
    cloud.advance(120)
    wait_for(lambda: count(dynamodb, it) == 100)
    told = dynamodb.describe_table(TableName=it)["Table"]["GlobalSecondaryIndexes"]
    assert [(each["IndexName"], each["ItemCount"]) for each in told] == [("ttl", 100)]
    dynamodb.delete_table(TableName=it)


def test_states(cloud, dynamodb, make_table):
    table = make_table()
    with invalid("TimeToLive is already disabled"):
        switch(dynamodb, table, False)
    switch(dynamodb, table, True)
    with invalid("TimeToLive is already enabled"):
        switch(dynamodb, table, True)
    with invalid("TimeToLive is active on a different AttributeName: current AttributeName is ends"):
        switch(dynamodb, table, True, "other")
    with invalid("Time to live has been modified multiple times within a fixed interval"):
        switch(dynamodb, table, False)
    cloud.advance(HALF_HOUR_S + 1)
    switch(dynamodb, table, False)
    wait_for(lambda: status(dynamodb, table) == {"TimeToLiveStatus": "DISABLED"})
    dynamodb.put_item(TableName=table, Item={"pk": {"S": "a"}, "ends": {"N": "1"}})
    cloud.advance(HALF_HOUR_S + 1)
    switch(dynamodb, table, True, "other")
    assert count(dynamodb, table) == 1


def test_refused(dynamodb, table, name):
    missing = name("never")
    with not_found(missing):
        switch(dynamodb, missing, True)
    with invalid("1 validation error detected: Value '' at 'timeToLiveSpecification.attributeName' failed to satisfy constraint: "
                 "Member must have length greater than or equal to 1"):
        switch(dynamodb, table, True, "")
